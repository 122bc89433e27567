#include "agent/top/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"

#define STATUS_MS 2000
#define LIST_MS 2000
#define SERIES_MS 60000
#define NEVER INT64_MAX
/* An agent that answers slowly is asked less. */
#define SHARE 10

struct top *top_new(const char *user)
{
	struct top *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	utf8_keep(t->user, sizeof(t->user), str_from(user ? user : ""));
	prompt_init(&t->prompt);
	buf_init(&t->act_path, 4096);
	buf_init(&t->act_body, 128 << 10);
	for (int v = 0; v < VIEWS; v++)
		buf_init(&t->lists[v].filter, FILTER_MAX);
	t->errands[TOP_DETAIL].due_ms = NEVER;
	t->errands[TOP_EXPLAIN].due_ms = NEVER;
	t->errands[TOP_ACT].due_ms = NEVER;
	t->page = 1;
	return t;
}

void top_free(struct top *t)
{
	if (!t)
		return;
	for (int v = 0; v < VIEWS; v++) {
		json_free(t->lists[v].answer);
		free(t->lists[v].rows);
		buf_fini(&t->lists[v].filter);
	}
	json_free(t->status);
	json_free(t->series);
	json_free(t->detail_answer);
	json_free(t->explain);
	prompt_fini(&t->prompt);
	buf_fini(&t->act_path);
	buf_fini(&t->act_body);
	free(t);
}

bool top_done(const struct top *t)
{
	return t->done;
}

bool top_wants_background(struct top *t)
{
	bool wants = t->background;

	t->background = false;
	return wants;
}

void state_say(struct top *t, const struct top_now *now, bool bad,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->said, sizeof(t->said), fmt, ap);
	va_end(ap);
	t->said_bad = bad;
	t->said_until_ms = now->mono_ms + (bad ? 12000 : 6000);
}

void state_renew(struct top *t, enum top_what what, int64_t due_ms)
{
	struct top_errand *e = &t->errands[what];

	e->turn++;
	e->under_way = false;
	e->due_ms = due_ms;
}

/* ---- what to ask ---- */

static void put_search(struct buf *path, const struct buf *filter)
{
	if (!filter->n)
		return;
	buf_puts(path, "&q=");
	encode_url(path, buf_str(filter));
}

/* False: it is in the status. */
static bool put_list(struct buf *path, const struct top *t)
{
	const struct buf *filter = &t->lists[t->view].filter;

	switch (t->view) {
	case VIEW_INCIDENTS:
		buf_puts(path, "/api/v1/incidents?state=open&limit=1000");
		put_search(path, filter);
		return true;
	case VIEW_DEAD:
		buf_puts(path, "/api/v1/dead");
		return true;
	case VIEW_EVENTS:
		buf_puts(path, "/api/v1/events?limit=200");
		put_search(path, filter);
		return true;
	case VIEW_SILENCES:
		buf_puts(path, "/api/v1/silences");
		return true;
	default:
		return false;
	}
}

static bool put_path(struct top_request *q, const struct top *t)
{
	q->method = "GET";
	switch (q->what) {
	case TOP_STATUS:
		buf_puts(&q->path, "/api/v1/status");
		return true;
	case TOP_SERIES:
		buf_puts(&q->path, "/api/v1/series");
		return true;
	case TOP_LIST:
		return put_list(&q->path, t);
	case TOP_DETAIL:
		buf_puts(&q->path, t->detail_of == VIEW_INCIDENTS ?
				   "/api/v1/incidents/" : "/api/v1/events/");
		encode_url(&q->path, str_from(t->detail_id));
		if (t->detail_of != VIEW_INCIDENTS)
			buf_puts(&q->path, "/timeline");
		return true;
	case TOP_EXPLAIN:
		buf_puts(&q->path, "/api/v1/events/");
		encode_url(&q->path, str_from(t->detail_id));
		buf_puts(&q->path, "/explain");
		return true;
	case TOP_ACT:
		q->method = "POST";
		buf_put_str(&q->path, buf_str(&t->act_path));
		buf_put_str(&q->body, buf_str(&t->act_body));
		return true;
	default:
		return false;
	}
}

bool top_ask(struct top_request *out, struct top *t, const struct top_now *now)
{
	for (int what = 0; what < TOP_WHATS; what++) {
		struct top_errand *e = &t->errands[what];

		if (e->under_way || e->due_ms > now->mono_ms)
			continue;
		*out = (struct top_request){ .what = (enum top_what)what,
					     .turn = e->turn };
		buf_init(&out->path, 4096);
		buf_init(&out->body, 128 << 10);
		e->begun_ms = now->mono_ms;
		e->due_ms = NEVER;
		e->under_way = put_path(out, t);
		if (e->under_way)
			return true;
		buf_fini(&out->path);
		buf_fini(&out->body);
	}
	return false;
}

/* ---- what was answered ---- */

static void keep(struct json **to, struct json **fresh)
{
	json_free(*to);
	*to = *fresh;
	*fresh = NULL;
}

static void add_sample(struct top *t, const struct top_now *now)
{
	const struct json *n = json_get(t->status, "since_start");
	struct str started = json_get_str(t->status, "started_at");
	struct sample *s = t->samples;

	if (!str_is(started, t->started)) {	/* its counters begin anew */
		t->sample_count = 0;
		utf8_keep(t->started, sizeof(t->started), started);
	}
	if (t->sample_count == SAMPLES)
		memmove(s, s + 1, --t->sample_count * sizeof(*s));
	s[t->sample_count++] = (struct sample){
		.mono_ms = now->mono_ms,
		.alarms = json_int(json_get(n, "events_accepted"), 0),
		.incidents = json_int(json_get(n, "incidents_created"), 0),
		.notes = json_int(json_get(n, "notes_appended"), 0),
	};
}

static void take_status(struct top *t, struct json **fresh,
			const struct top_now *now)
{
	keep(&t->status, fresh);
	add_sample(t, now);
	rows_choose(t, VIEW_HELD);
}

static void take(struct top *t, enum top_what what, struct json **fresh,
		 const struct top_now *now)
{
	switch (what) {
	case TOP_STATUS:
		take_status(t, fresh, now);
		break;
	case TOP_SERIES:
		keep(&t->series, fresh);
		break;
	case TOP_LIST:
		keep(&t->lists[t->view].answer, fresh);
		rows_choose(t, t->view);
		break;
	case TOP_DETAIL:
		keep(&t->detail_answer, fresh);
		t->detail_problem[0] = '\0';
		break;
	case TOP_EXPLAIN:
		keep(&t->explain, fresh);
		break;
	case TOP_ACT:
		state_say(t, now, false, "%s", t->act_done);
		break;
	default:
		break;
	}
}

static void fail(struct top *t, const struct top_answer *a,
		 const struct top_now *now)
{
	const char *why = a->problem ? a->problem : "the answer can't be read";

	switch (a->what) {
	case TOP_STATUS:
		utf8_keep(t->problem, sizeof(t->problem), str_from(why));
		break;
	case TOP_ACT:
		state_say(t, now, true, "Not done: %s", why);
		break;
	case TOP_DETAIL:
		utf8_keep(t->detail_problem, sizeof(t->detail_problem),
			  str_from(why));
		break;
	case TOP_LIST:
		if (a->status)
			state_say(t, now, true, "%s", why);
		break;
	default:
		break;
	}
}

/* When it is asked again. */
static int64_t next(const struct top *t, const struct top_errand *e,
		    enum top_what what, const struct top_now *now)
{
	static const int64_t every[] = {
		[TOP_STATUS] = STATUS_MS, [TOP_SERIES] = SERIES_MS,
		[TOP_LIST] = LIST_MS, [TOP_DETAIL] = LIST_MS,
	};
	int64_t wait = SHARE * (now->mono_ms - e->begun_ms);

	if (what == TOP_ACT || what == TOP_EXPLAIN ||
	    (what == TOP_DETAIL && !t->detail))
		return NEVER;
	if (wait < every[what])
		wait = every[what];
	return now->mono_ms + (wait < SERIES_MS ? wait : SERIES_MS);
}

void top_told(struct top *t, const struct top_answer *a,
	      const struct top_now *now)
{
	struct top_errand *e = &t->errands[a->what];
	struct json *fresh = NULL;
	struct err err;

	if (a->turn != e->turn)
		return;
	e->under_way = false;
	e->due_ms = next(t, e, a->what, now);
	if (a->status >= 200 && a->status < 300 &&
	    (a->what == TOP_ACT || !json_parse(&fresh, a->body, 0, &err))) {
		t->problem[0] = '\0';
		t->answered_ms = now->mono_ms;
		t->answered_wall_ms = now->wall_ms;
		take(t, a->what, &fresh, now);
		json_free(fresh);
	} else {
		fail(t, a, now);
	}
	if (a->what == TOP_ACT) {	/* what it changed shows at once */
		state_renew(t, TOP_STATUS, 0);
		state_renew(t, TOP_LIST, 0);
		if (t->detail)
			state_renew(t, TOP_DETAIL, 0);
	}
}
