/* GET /api/v1/events/{id}/timeline: one event, from bytes to note. */
#include <errno.h>
#include <stdlib.h>

#include "agent/admin/listing.h"
#include "agent/admin/rows.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

#define OPS_MAX 200
#define STEPS_MAX (8 + 4 * OPS_MAX)
#define WAITS_MAX 1000
#define WORDS_MAX 2000

struct step {
	int64_t at_ms;
	size_t order;		/* of those of one moment */
	const char *name;
	struct str text;
};

struct timeline {
	struct step *steps;
	size_t count;
	struct store_reader *reader;
	struct arena *arena;
};

static void add(struct timeline *t, int64_t at_ms, const char *name,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void add(struct timeline *t, int64_t at_ms, const char *name,
		const char *fmt, ...)
{
	struct buf b = BUF_INIT(WORDS_MAX * 4);
	struct step *s = &t->steps[t->count];
	va_list ap;

	if (at_ms <= 0 || t->count == STEPS_MAX)
		return;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	*s = (struct step){ at_ms, t->count++, name,
			    arena_str(t->arena, buf_str(&b)) };
	buf_fini(&b);
}

/* "key value, key value" of what is kept of why it was believed. */
static struct str words_of(struct str object, struct arena *arena)
{
	struct buf b = BUF_INIT(WORDS_MAX);
	struct json *doc = NULL;
	const struct json *v;
	struct str key, out;
	void *at = NULL;

	if (!json_parse(&doc, object, 0, NULL))
		while (json_next(doc, &at, &key, &v)) {
			struct str text = json_text(v, arena);

			buf_printf(&b, "%s%.*s %.*s", b.n ? ", " : "",
				   STR_ARG(key), STR_ARG(utf8_cut(text, 200)));
		}
	json_free(doc);
	out = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

static void add_intake(struct timeline *t, const struct event *e)
{
	struct str trust = words_of(e->trust, t->arena);

	if (e->change_ms)
		add(t, e->change_ms, "changed", "the alarm went to %.*s",
		    STR_ARG(e->state));
	if (e->sent_ms)
		add(t, e->sent_ms, "sent", "its message was sent");
	add(t, e->received_ms, "received", "by %s, as %.*s", e->intake,
	    STR_ARG(e->kind));
	if (trust.n)
		add(t, e->received_ms, "trusted", "%.*s", STR_ARG(trust));
	add(t, e->received_ms, "journaled", "on disk before the sender was "
	    "told so; event %.*s", STR_ARG(e->id));
}

static void add_decision(struct timeline *t, const struct event *e)
{
	if (e->status == EVENT_QUARANTINED) {
		add(t, e->decided_ms, "quarantined",
		    "set aside: deciding it ended the agent");
		return;
	}
	if (e->status != EVENT_DONE || !e->decided_ms)
		return;
	add(t, e->decided_ms, "decided", "%.*s%s%.*s%s%.*s%s%.*s%s%.*s",
	    STR_ARG(e->action), e->because.n ? ": " : "", STR_ARG(e->because),
	    e->team.n ? "; team " : "", STR_ARG(e->team),
	    e->policy.n ? ", policy " : "", STR_ARG(e->policy),
	    e->where.n ? ", " : "", STR_ARG(e->where));
}

/* Does its alarm wait with it, and until when? */
static int add_wait(struct timeline *t, const struct event *e)
{
	struct member *list = arena_array(t->arena, WAITS_MAX, sizeof(*list));
	int n = list ? store_due_waits(list, WAITS_MAX, t->reader, INT64_MAX,
				       t->arena) : -ENOMEM;

	for (int i = 0; i < n; i++) {
		struct buf until = BUF_INIT(64);
		const struct member *m = &list[i];

		if (m->event != e->seq || m->wait == WAIT_NONE)
			continue;
		clock_put_seconds(&until, m->due_ms);
		if (m->wait == WAIT_HOLD)
			add(t, e->decided_ms, "held",
			    "by %.*s, looked at again at %s",
			    STR_ARG(m->held_by), until.p ? until.p : "");
		else
			add(t, e->decided_ms, "waiting",
			    "opens if it lasts until %s",
			    until.p ? until.p : "");
		buf_fini(&until);
		return 0;
	}
	if (n >= 0 && str_is(e->action, "hold"))
		add(t, e->decided_ms, "released",
		    "nothing holds it any more: %.*s", STR_ARG(e->because));
	return n < 0 ? n : 0;
}

/* What its end means. */
static void add_done(struct timeline *t, const struct op *op,
		     struct str remote)
{
	static const struct {
		const char *before, *behind;
	} said[] = {
		[OP_CREATE] = { "incident", "opened" },
		[OP_NOTE] = { "note appended to", "" },
		[OP_RESOLVE] = { "incident", "resolved" },
		[OP_REOPEN] = { "incident", "reopened" },
		[OP_RAISE] = { "priority raised of", "" },
		[OP_MERGE] = { "duplicate", "closed" },
	};
	bool known = op->kind < sizeof(said) / sizeof(said[0]) &&
		     said[op->kind].before;
	struct buf b = BUF_INIT(WORDS_MAX);

	if (op->state == OP_DEAD)
		buf_printf(&b, "refused for good");
	else if (known && remote.n && !op->problem.n)
		buf_printf(&b, "%s %.*s%s%s", said[op->kind].before,
			   STR_ARG(remote), said[op->kind].behind[0] ? " " : "",
			   said[op->kind].behind);
	else
		buf_printf(&b, "%s ended", op_kind_name(op->kind));
	if (op->problem.n)
		buf_printf(&b, ": %.*s", STR_ARG(utf8_cut(op->problem, 300)));
	if (op->status)
		buf_printf(&b, " (status %d)", op->status);
	add(t, op->done_ms, op->state == OP_DEAD ? "dead" : "done",
	    "operation %lld: %.*s", (long long)op->id,
	    STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

static void add_op(struct timeline *t, const struct op *op)
{
	struct str remote = op->target;
	long long id = (long long)op->id;

	add(t, op->created_ms, "owed", "operation %lld: %s%s, P%d", id,
	    op_kind_name(op->kind), op->held ? ", held" : "", op->priority);
	if (op->sent_ms)
		add(t, op->sent_ms, "sent to StackFlow",
		    "operation %lld: attempt %u", id, op->attempts);
	if (op->doubt_ms)
		add(t, op->doubt_ms, "in doubt",
		    "operation %lld: its outcome is unknown, looked up before "
		    "anything is sent again", id);
	if (op->state == OP_DONE || op->state == OP_DEAD)
		add_done(t, op, remote);
}

static int read_ops(struct timeline *t, const struct event *e)
{
	struct op *list = arena_array(t->arena, OPS_MAX, sizeof(*list));
	int n = list ? store_event_ops(list, OPS_MAX, t->reader, e,
				       t->arena) : -ENOMEM;

	for (int i = 0; i < n; i++)
		add_op(t, &list[i]);
	return n < 0 ? n : 0;
}

static int by_time(const void *x, const void *y)
{
	const struct step *a = x, *b = y;

	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void put_steps(struct jsonw *w, const struct timeline *t)
{
	jsonw_key(w, "steps");
	jsonw_array(w);
	for (size_t i = 0; i < t->count; i++) {
		const struct step *s = &t->steps[i];

		jsonw_object(w);
		jsonw_ktime(w, "at", s->at_ms);
		jsonw_kcstr(w, "step", s->name);
		jsonw_kstr(w, "text", s->text);
		jsonw_kint(w, "ms_since_previous",
			   i ? s->at_ms - t->steps[i - 1].at_ms : 0);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static int put_incident(struct jsonw *w, struct timeline *t, struct agent *a,
			const struct event *e)
{
	struct conf *c = agent_conf(a);
	struct incident i;
	int rc = e->incident ? store_incident_by_id(&i, t->reader, e->incident,
						    t->arena) : 0;

	jsonw_key(w, "incident");
	if (rc > 0) {
		jsonw_object(w);
		rows_put_incident(w, &i, c);
		jsonw_end_object(w);
	} else {
		jsonw_null(w);
	}
	conf_free(c);
	return rc < 0 ? rc : 0;
}

static int put_timeline(struct buf *out, struct agent *a, struct listing *l,
			struct event *e)
{
	struct timeline t = { .reader = l->reader, .arena = l->arena };
	struct jsonw w = JSONW(out);
	int rc;

	t.steps = arena_array(l->arena, STEPS_MAX, sizeof(*t.steps));
	if (!t.steps)
		return -ENOMEM;
	add_intake(&t, e);
	add_decision(&t, e);
	rc = add_wait(&t, e);
	if (!rc)
		rc = read_ops(&t, e);
	qsort(t.steps, t.count, sizeof(*t.steps), by_time);
	e->payload = STR_NONE;
	jsonw_object(&w);
	jsonw_key(&w, "event");
	jsonw_object(&w);
	rows_put_event(&w, e);
	jsonw_end_object(&w);
	if (!rc)
		rc = put_incident(&w, &t, a, e);
	put_steps(&w, &t);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
	return rc ? rc : arena_error(l->arena);
}

void api_event_timeline(struct agent *a, const struct web_request *req,
			struct str arg, struct api_answer *r)
{
	struct listing l;
	struct event e;
	int rc;

	if (listing_init(&l, a, req, NULL, 1, r)) {
		rc = store_event(&e, l.reader, arg, l.arena);
		if (rc == 0)
			api_error(r, 404, "no such event");
		else if (rc < 0 || put_timeline(&r->out, a, &l, &e))
			listing_unreadable(r);
	}
	listing_fini(&l);
}
