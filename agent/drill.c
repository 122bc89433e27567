#include "agent/drill_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cloud.h"
#include "agent/log.h"
#include "agent/thread.h"
#include "agent/warnings.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "base/wake.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define META STR("drill")
#define LOOK_MS 50		/* while one is under way */
#define IDLE_MS 1000		/* how soon a clock that was set is noticed */
#define RETRY_MS 2000
#define FIRST_MS 60000		/* after the first start ever */
#define TAG 8			/* characters, of 16 */

/* ---- what is kept ---- */

static void put_kept(struct jsonw *w, const char *key,
		     const struct drill_record *r)
{
	jsonw_key(w, key);
	if (r->state == DRILL_NONE)
		jsonw_null(w);
	else
		drill_put_record(w, r);
}

/* Shown and on disk. */
static int keep(struct drill *d)
{
	struct buf b = BUF_INIT(32768);
	struct jsonw w = JSONW(&b);
	int rc;

	pthread_mutex_lock(&d->lock);
	if (!d->wanted)
		d->shown = d->now;
	jsonw_object(&w);
	put_kept(&w, "now", &d->now);
	put_kept(&w, "last", &d->last);
	jsonw_ktime(&w, "success_at", d->success_ms);
	jsonw_end_object(&w);
	pthread_mutex_unlock(&d->lock);
	rc = buf_error(&b) ? buf_error(&b) :
			     store_set_meta(d->agent->store, META, buf_str(&b));
	if (rc)
		LOG(WARNING, "a drill can't be kept",
		    LFC("error", strerror(-rc)));
	buf_fini(&b);
	return rc;
}

static void say_late(struct drill *d, const struct drill_record *r)
{
	struct buf why = BUF_INIT(1024), text = BUF_INIT(2048);

	drill_put_why(&why, r);
	buf_printf(&text, "the drill of ");
	clock_put_seconds(&text, r->started_ms);
	buf_printf(&text, " is late: %s", buf_str(&why).p);
	warning_raise(d->agent, WARNING_DRILL_LATE, buf_str(&text).p, NULL);
	buf_fini(&why);
	buf_fini(&text);
}

/* What a start before this one has left. */
static int load(struct drill *d)
{
	struct arena *arena = arena_new(1 << 20);
	struct json *doc = NULL;
	struct str text;
	int rc = arena ? store_meta(&text, d->reader, META, arena) : -ENOMEM;

	if (rc > 0 && !json_parse(&doc, text, 0, NULL)) {
		drill_read_record(&d->now, json_get(doc, "now"));
		drill_read_record(&d->last, json_get(doc, "last"));
		d->success_ms = json_get_time(doc, "success_at");
	}
	json_free(doc);
	arena_free(arena);
	d->shown = d->now;
	if (d->last.state == DRILL_LATE)
		say_late(d, &d->last);
	return rc < 0 ? rc : 0;
}

/* ---- a drill ---- */

static void tell_end(struct drill *d, const struct drill_record *r)
{
	struct buf why = BUF_INIT(1024);

	metrics_add(d->agent->metrics, METRIC_DRILLS, 1);
	if (r->state == DRILL_CAME) {
		LOG(INFO, "drill came through", LFC("drill", r->id),
		    LFN("took_ms", drill_took_ms(r)),
		    LFC("incident", r->incident));
		warning_clear(d->agent, WARNING_DRILL_LATE);
	} else {
		drill_put_why(&why, r);
		metrics_add(d->agent->metrics, METRIC_DRILLS_LATE, 1);
		LOG(WARNING, "drill is late", LFC("drill", r->id),
		    LF("because", buf_str(&why)));
		say_late(d, r);
	}
	buf_fini(&why);
}

/* Who sees that it is over is to see what that means, too. */
static void finish(struct drill *d)
{
	tell_end(d, &d->now);
	pthread_mutex_lock(&d->lock);
	d->last = d->now;
	d->now.state = DRILL_NONE;
	if (d->last.state == DRILL_CAME)
		d->success_ms = d->last.at[HOP_RESOLVED];
	pthread_mutex_unlock(&d->lock);
	(void)!keep(d);
}

/* Publish what is to be published now. Its words are what is told of it. */
static int publish(struct drill *d, struct drill_record *r,
		   enum alarm_state state)
{
	struct err err = { "" };
	int rc;

	if (clock_mono_ms() < d->retry_ms)
		return -EAGAIN;
	rc = drill_send(d, r, state, &err);
	d->retry_ms = rc ? clock_mono_ms() + RETRY_MS : 0;
	if (rc != -ECANCELED)
		utf8_keep(r->problem, sizeof(r->problem), str_from(err.text));
	return rc;
}

static int publish_alarm(struct drill *d)
{
	struct drill_record *r = &d->now;
	int rc = publish(d, r, ALARM_FIRING);

	if (!rc) {
		r->at[HOP_PUBLISHED] = clock_wall_ms();
		return keep(d);
	}
	return rc;
}

/* Its time is kept first: one that is sent twice is one event. */
static int publish_ok(struct drill *d, struct drill_record *r)
{
	int64_t now_ms = clock_wall_ms();
	int rc = 0;

	if (!r->ok_ms) {
		r->ok_ms = now_ms > r->started_ms ? now_ms : r->started_ms + 1;
		rc = keep(d);
	}
	if (!rc)
		rc = publish(d, r, ALARM_OK);
	if (rc)
		return rc;
	r->ok_sent = true;
	return keep(d);
}

/* Nobody but people can mend it: there is nothing to wait for. */
static void give_up(struct drill *d)
{
	d->now.state = DRILL_LATE;
	finish(d);
}

static void step(struct drill *d)
{
	struct drill_record *r = &d->now;
	bool changed = false;
	int rc = 0;

	if (!r->at[HOP_PUBLISHED])
		rc = publish_alarm(d);
	if (rc == -EACCES && !r->at[HOP_PUBLISHED]) {
		give_up(d);
		return;
	}
	/* What can't be read now is read the next time, or it is late. */
	if (!drill_look(r, &changed, d) && changed)
		(void)!keep(d);
	if (r->at[HOP_INCIDENT] && !r->ok_sent)
		(void)!publish_ok(d, r);
	if (drill_judge(r, clock_wall_ms()))
		finish(d);
}

/* Whatever comes of a late one is to end by itself. */
static void settle(struct drill *d)
{
	struct drill_record r = d->last;

	if (r.state != DRILL_LATE || r.ok_sent || !r.at[HOP_PUBLISHED])
		return;
	if (!r.ok_ms) {
		pthread_mutex_lock(&d->lock);
		d->last.ok_ms = clock_wall_ms();
		pthread_mutex_unlock(&d->lock);
		r = d->last;
		(void)!keep(d);
	}
	if (publish(d, &r, ALARM_OK))
		return;
	pthread_mutex_lock(&d->lock);
	d->last.ok_sent = true;
	pthread_mutex_unlock(&d->lock);
	(void)!keep(d);
}

/* ---- when ---- */

static void plan(struct drill *d, const struct conf *c)
{
	int64_t now_ms = clock_wall_ms(), next = 0, first = FIRST_MS;

	if (first > c->drill.every_ms)
		first = c->drill.every_ms;
	if (c->drill.topic && c->drill.every_ms) {
		next = d->last.state == DRILL_NONE ?
			       d->agent->started_ms + first :
			       d->last.started_ms + c->drill.every_ms;
		/* Clocks are set back. */
		if (next > now_ms + c->drill.every_ms)
			next = now_ms + c->drill.every_ms;
	}
	pthread_mutex_lock(&d->lock);
	d->next_ms = next;
	pthread_mutex_unlock(&d->lock);
}

static void new_id(struct buf *out)
{
	unsigned char bytes[8];

	random_bytes(bytes, sizeof(bytes));
	encode_base32(out, bytes, sizeof(bytes));
}

/* Is it time for one, or is one asked for? */
static void begin(struct drill *d, const struct conf *c)
{
	int64_t now_ms = clock_wall_ms();
	struct buf id = BUF_INIT(DRILL_ID - 1);

	pthread_mutex_lock(&d->lock);
	if (d->wanted && c->drill.topic) {
		d->now = d->shown;
	} else if (d->next_ms && now_ms >= d->next_ms) {
		new_id(&id);
		drill_begin(&d->now, buf_str(&id), str_from(c->drill.topic),
			    now_ms, c->drill.within_ms);
	}
	d->wanted = false;
	d->shown = d->now;
	pthread_mutex_unlock(&d->lock);
	buf_fini(&id);
	if (d->now.state == DRILL_NONE)
		return;
	d->retry_ms = 0;
	LOG(INFO, "drill begins", LFC("drill", d->now.id),
	    LFC("topic", d->now.topic));
	(void)!keep(d);
}

/* False: the end. */
static bool pause_for(struct drill *d, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;
	bool stop;

	pthread_mutex_lock(&d->lock);
	if (!d->stop && !d->wanted)
		wake_wait(&d->wake, &d->lock, until_ms);
	stop = d->stop;
	pthread_mutex_unlock(&d->lock);
	return !stop;
}

static void *run(void *arg)
{
	struct drill *d = arg;
	bool busy = true;

	while (pause_for(d, busy ? LOOK_MS : IDLE_MS)) {
		struct conf *c = agent_conf(d->agent);

		if (d->now.state == DRILL_NONE) {
			settle(d);
			plan(d, c);
			begin(d, c);
		}
		/* What its end leaves to do is done at once, too. */
		busy = d->now.state != DRILL_NONE;
		if (busy)
			step(d);
		conf_free(c);
	}
	return NULL;
}

/* ---- the part ---- */

/* The host for people, and what tells two agents of one host apart. */
static void put_name(struct buf *out, const struct agent *a)
{
	struct buf marker = BUF_INIT(64);
	char host[65] = "";

	if (gethostname(host, sizeof(host) - 1))
		host[0] = '\0';
	for (const char *p = host; *p; p++)
		buf_putc(out, isalnum((unsigned char)*p) || *p == '.' ? *p
								      : '-');
	keys_marker(&marker, &a->keys, STR(DRILL_NAME));
	buf_putc(out, '-');
	buf_put(out, marker.p + strlen(MARKER_PREFIX), TAG);
	buf_fini(&marker);
}

static int set_up(struct drill *d, const struct conf *c, struct err *err)
{
	struct buf name = BUF_INIT(sizeof(d->name) - 1);
	int rc;

	pthread_mutex_init(&d->lock, NULL);
	wake_init(&d->wake);
	put_name(&name, d->agent);
	utf8_keep(d->name, sizeof(d->name), buf_str(&name));
	buf_fini(&name);
	rc = store_reader_open(&d->reader, d->agent->store, err);
	if (!rc)
		rc = cloud_client(&d->rest, &d->aws, d->agent->cloud, c, err);
	if (!rc && load(d))
		rc = err_set(err, -EIO, "what is kept of drills can't be "
					"read");
	return rc;
}

int drill_start(struct drill **out, struct agent *a, const struct conf *c,
		struct err *err)
{
	struct drill *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return err_set(err, -ENOMEM, "out of memory");
	d->agent = a;
	rc = set_up(d, c, err);
	if (!rc)
		rc = thread_start(&d->thread, "drill", run, d, err);
	if (rc) {
		drill_stop(d);
		drill_free(d);
		return rc;
	}
	d->running = true;
	*out = d;
	return 0;
}

void drill_stop(struct drill *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	if (d->running) {
		rest_wake(d->rest);
		pthread_join(d->thread, NULL);
	}
	d->running = false;
	if (d->aws)
		aws_client_free(d->aws);
	if (d->rest)
		rest_free(d->rest);
	store_reader_close(d->reader);
	d->aws = NULL;
	d->rest = NULL;
	d->reader = NULL;
}

void drill_free(struct drill *d)
{
	if (!d)
		return;
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- what people ask ---- */

int drill_now(struct buf *id, struct drill *d)
{
	struct conf *c = d ? agent_conf(d->agent) : NULL;
	int rc = c && c->drill.topic ? 0 : -ENOENT;

	if (rc) {
		conf_free(c);
		return rc;
	}
	pthread_mutex_lock(&d->lock);
	if (d->shown.state != DRILL_NONE) {
		buf_puts(id, d->shown.id);
		rc = -EALREADY;
	} else {
		new_id(id);
		/* Who has its id sees it, though its thread has yet to wake. */
		drill_begin(&d->shown, buf_str(id), str_from(c->drill.topic),
			    clock_wall_ms(), c->drill.within_ms);
		d->wanted = true;
		pthread_cond_signal(&d->wake);
	}
	pthread_mutex_unlock(&d->lock);
	conf_free(c);
	return rc;
}

void drill_put(struct jsonw *w, struct drill *d)
{
	struct conf *c = d ? agent_conf(d->agent) : NULL;
	bool on = c && c->drill.topic;

	jsonw_object(w);
	jsonw_kbool(w, "configured", on);
	if (on) {
		jsonw_kcstr(w, "topic", c->drill.topic);
		jsonw_kint(w, "every_seconds", c->drill.every_ms / 1000);
		jsonw_kint(w, "within_ms", c->drill.within_ms);
	}
	conf_free(c);
	if (d) {
		pthread_mutex_lock(&d->lock);
		jsonw_kcstr(w, "agent", d->name);
		jsonw_ktime(w, "next_at", d->next_ms);
		jsonw_ktime(w, "last_success_at", d->success_ms);
		put_kept(w, "under_way", &d->shown);
		put_kept(w, "last", &d->last);
		pthread_mutex_unlock(&d->lock);
	}
	jsonw_end_object(w);
}

void drill_metrics(struct buf *out, struct drill *d)
{
	struct drill_record last;
	int64_t success_ms;

	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	last = d->last;
	success_ms = d->success_ms;
	pthread_mutex_unlock(&d->lock);
	buf_puts(out, "# HELP tocsin_drill_seconds How long each hop of the "
		      "last drill took, of those that it reached\n"
		      "# TYPE tocsin_drill_seconds gauge\n");
	for (int i = 0; i < HOPS; i++)
		if (last.at[i])
			buf_printf(out, "tocsin_drill_seconds{hop=\"%s\"} "
				   "%.3f\n", drill_hop_name((enum drill_hop)i),
				   (double)drill_hop_ms(&last, (enum drill_hop)
							i) / 1000);
	if (success_ms)
		metrics_put_one(out,
				"tocsin_drill_last_success_timestamp_seconds",
				"gauge", "Unix time when the last drill that "
				"was in time had come through",
				success_ms / 1000);
}
