#include "agent/triage_private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/log.h"
#include "base/clock.h"

/* How long a timer waits for a look-up that its decision hangs on. */
#define BUDGET_MS 2000
/* So long all of them wait at the start, where they are tried one by one. */
#define CAREFUL_MS 5000
#define LOOK_MS 50
/* When a timer that came to nothing is looked at again. */
#define AGAIN_MS 60000

/* What has become due, and what came of it. */
struct due {
	const struct member *member;	/* one of the two */
	const struct incident *incident;
	struct event event;
	struct work work;
	bool done;
	bool quiet;			/* held on, if until another moment */
};

static int64_t who(const struct due *d)
{
	return d->member ? d->member->id : -d->incident->id;
}

static struct patience *patience_of(struct triage *t, int64_t id)
{
	struct patience *unused = NULL;

	for (size_t i = 0; i < 2 * TIMERS; i++) {
		if (t->patience[i].who == id)
			return &t->patience[i];
		if (!t->patience[i].who)
			unused = &t->patience[i];
	}
	if (unused)
		*unused = (struct patience){ id, clock_mono_ms() + BUDGET_MS };
	return unused;
}

static bool out_of_patience(const struct triage *t, int64_t id)
{
	for (size_t i = 0; i < 2 * TIMERS; i++)
		if (t->patience[i].who == id)
			return clock_mono_ms() >= t->patience[i].until_ms;
	return false;
}

static void forget_patience(struct triage *t, int64_t id)
{
	for (size_t i = 0; i < 2 * TIMERS; i++)
		if (t->patience[i].who == id)
			t->patience[i].who = 0;
}

/* The event that the decision is of, and its alarm; 0: it is gone. */
static int read_event(struct due *d, int64_t seq, struct round *r)
{
	int rc = seq ? store_event_at(&d->event, r->t->reader, seq,
				      r->arena) : 0;

	if (rc <= 0)
		return rc;
	d->work.event = &d->event;
	rc = work_read(&d->work, r);
	return rc ? rc : 1;
}

/* Nothing is left to decide a wait by: it ends. */
static int give_up(struct due *d, struct round *r)
{
	const struct world *world = batch_world(r->batch);
	struct handling *h = &r->t->handling;
	int rc;

	*h = (struct handling){ .change = { .merged = -1 } };
	rc = world->situation(&h->situation, d->member->subject, STR_NONE,
			      false, false, world->arg);
	if (rc < 0)
		return rc;
	h->change.member_changed = true;
	h->change.member = *d->member;
	h->change.member.wait = WAIT_NONE;
	LOG(ERROR, "the event of an alarm that waits is gone from the journal",
	    LF("subject", d->member->subject));
	return batch_apply(r->batch, h, NULL);
}

/* 1: a look-up isn't answered, and there is patience left. */
static int handle(struct due *d, struct round *r,
		  const struct handled_event *e)
{
	struct triage *t = r->t;
	bool final = out_of_patience(t, who(d));
	int rc = work_handle(&d->work, r, e, final);

	/* With too many of them nobody has any. */
	if (rc == 1 && !patience_of(t, who(d)))
		rc = work_handle(&d->work, r, e, true);
	if (rc != 1)
		forget_patience(t, who(d));
	return rc;
}

static int run_wait(struct due *d, struct round *r)
{
	struct work *w = &d->work;
	struct event *e = &d->event;
	int rc = read_event(d, d->member->event, r);

	if (rc <= 0)
		return rc < 0 ? rc : give_up(d, r);
	w->subject = d->member->subject;
	rc = handle(d, r, &(struct handled_event){
				  ON_WAIT, w->alarm, e->id, e->seq, 0 });
	if (rc)
		return rc;
	d->quiet = w->action == ACTION_HOLD && str_is(e->action, "hold");
	/* Held as before: no news for anybody. */
	if (d->quiet && str_is(e->because, w->because))
		return batch_apply(r->batch, &r->t->handling, NULL);
	work_outcome(w, action_name(w->action), w->because, r->rules);
	return batch_apply(r->batch, &r->t->handling, e);
}

static int run_timer(struct due *d, struct round *r)
{
	const struct change *c = &r->t->handling.change;
	struct work *w = &d->work;
	int64_t id = d->incident->id;
	int rc = read_event(d, d->incident->event, r);

	if (rc < 0)
		return rc;
	rc = handle(d, r, &(struct handled_event){
				  ON_TIMER, w->alarm, d->event.id,
				  d->event.seq, id });
	if (rc)
		return rc;
	rc = batch_apply(r->batch, &r->t->handling, NULL);
	/* One that neither did nor moved anything must not keep us busy. */
	if (!rc && !c->op_count &&
	    (!c->incident_changed ||
	     c->incident.due_ms == d->incident->due_ms))
		rc = batch_later(r->batch, clock_wall_ms() + AGAIN_MS);
	return rc;
}

/* Both lists are in order; what is due first goes first. */
static int merge(struct due *out, struct round *r, int64_t until_ms)
{
	struct member *m = arena_array(r->arena, TIMERS, sizeof(*m));
	struct incident *i = arena_array(r->arena, TIMERS, sizeof(*i));
	int waits, timers, a = 0, b = 0, n = 0;

	if (!m || !i)
		return -ENOMEM;
	waits = store_due_waits(m, TIMERS, r->t->reader, until_ms, r->arena);
	if (waits < 0)
		return waits;
	timers = store_due_timers(i, TIMERS, r->t->reader, until_ms,
				  r->arena);
	if (timers < 0)
		return timers;
	while (a < waits || b < timers) {
		bool wait = b == timers ||
			    (a < waits && m[a].due_ms <= i[b].due_ms);

		out[n++] = (struct due){
			.member = wait ? &m[a++] : NULL,
			.incident = wait ? NULL : &i[b++],
		};
	}
	return n;
}

static bool blocked(const struct triage *t, const struct due *d)
{
	if (!t->waiting)
		return false;
	return triage_behind_waiting(t, d->member ? d->member->subject :
						    STR_NONE,
				     d->incident ? d->incident->key : STR_NONE,
				     NULL);
}

static void tell(const struct due *d)
{
	const struct work *w = &d->work;

	if (d->member && w->event && !d->quiet)
		work_log(w);
	if (d->member || w->action == ACTION_IGNORE || !w->because)
		return;
	LOG(INFO, "timer", LF("incident", d->incident->remote),
	    LF("key", d->incident->key),
	    LFC("action", action_name(w->action)), LFC("because", w->because));
}

static int run_due(struct due *list, int n, struct round *r)
{
	int done = 0;

	for (int i = 0; i < n; i++) {
		struct due *d = &list[i];
		int rc;

		if (blocked(r->t, d))
			continue;
		rc = d->member ? run_wait(d, r) : run_timer(d, r);
		if (rc < 0)
			return rc;
		d->done = rc == 0;
		done += d->done;
	}
	return done;
}

/* ---- what ends the process each time ---- */

#define ASIDE "deciding it ended the process again and again"

static int set_aside_wait(struct due *d, struct round *r)
{
	const struct world *world = batch_world(r->batch);
	struct handling *h = &r->t->handling;
	struct event *e = &d->event;
	int rc = store_event_at(e, r->t->reader, d->member->event, r->arena);

	if (rc <= 0)
		return rc < 0 ? rc : give_up(d, r);
	*h = (struct handling){ .change = { .merged = -1 } };
	rc = world->situation(&h->situation, d->member->subject, STR_NONE,
			      false, false, world->arg);
	if (rc < 0)
		return rc;
	h->change.action = ACTION_HOLD;
	h->change.member_changed = true;
	h->change.member = *d->member;
	h->change.member.wait = WAIT_NONE;
	h->change.member.due_ms = 0;
	e->status = EVENT_QUARANTINED;
	e->action = STR("quarantine");
	e->because = STR(ASIDE);
	e->decided_ms = clock_wall_ms();
	LOG(ERROR, "event set aside: deciding it at the end of its wait ended "
		   "the process again and again; please report its payload",
	    LF("event", e->id), LF("kind", e->kind), LF("alarm", e->name));
	return batch_apply(r->batch, h, e);
}

/* Its incident stays open, and goes on by what comes in. */
static int set_aside_timer(struct due *d, struct round *r)
{
	const struct world *world = batch_world(r->batch);
	struct handling *h = &r->t->handling;
	int rc;

	*h = (struct handling){ .change = { .merged = -1 } };
	rc = world->timer(&h->situation, d->incident->id, world->arg);
	if (rc < 0)
		return rc;
	h->change.incident_changed = true;
	h->change.incident = *h->situation.incident;
	h->change.incident.due_ms = h->change.incident.resolve_ms = 0;
	h->change.incident.escalate_ms = h->change.incident.held_ms = 0;
	LOG(ERROR, "an incident's timers set aside: they ended the process "
		   "again and again; please report it",
	    LF("incident", d->incident->remote), LF("key", d->incident->key));
	return batch_apply(r->batch, h, NULL);
}

/* As run_due(), of one that isn't decided any more. */
static int set_aside(struct due *d, struct round *r)
{
	int rc = d->member ? set_aside_wait(d, r) : set_aside_timer(d, r);

	if (rc < 0)
		return rc;
	metrics_add(r->t->agent->metrics, METRIC_QUARANTINED, 1);
	return 1;
}

/* Of one who is known by its id: it alone; 0: all of them. */
static int pick(struct due *list, int n, int64_t only)
{
	if (!only)
		return n;
	for (int i = 0; i < n; i++)
		if (who(&list[i]) == only) {
			list[0] = list[i];
			return 1;
		}
	return n < 0 ? n : 0;
}

static int run_round(struct triage *t, const struct ruleset *rules,
		     int64_t until_ms, int64_t only, bool aside)
{
	struct round r = { .t = t, .rules = rules,
			   .arena = arena_new(256 << 20) };
	struct due *list = arena_array(r.arena, 2 * TIMERS, sizeof(*list));
	int n = -ENOMEM, done = 0, rc = 0;

	if (!list || batch_new(&r.batch, t->reader, t->recall, &t->agent->keys, r.arena,
			       2 * TIMERS))
		goto out;
	n = store_reader_begin(t->reader);
	if (n)
		goto out;
	n = pick(list, merge(list, &r, until_ms), only);
	if (n > 0)
		done = aside ? set_aside(&list[0], &r) :
			       run_due(list, n, &r);
	store_reader_end(t->reader);
	if (done < 0)
		n = done;
	if (n > 0 && batch_count(r.batch))
		rc = batch_commit(r.batch, t->agent->store);
	if (rc)
		n = rc;
	t->stuck = n > 0 && done == 0;
	if (n > 0)
		metrics_add(t->agent->metrics, METRIC_HOLDS_ENDED,
			    batch_holds_ended(r.batch));
	for (int i = 0; i < n; i++)
		if (list[i].done)
			tell(&list[i]);
out:
	triage_forget_alarms(t);
	batch_free(r.batch);
	arena_free(r.arena);
	return n < 0 ? n : done;
}

int triage_timers_run(struct triage *t, const struct ruleset *rules,
		      int64_t until_ms)
{
	return run_round(t, rules, until_ms, 0, false);
}

/* ---- at the start ---- */

/* What is due: their ids. How many, or negative. */
static int due_ids(int64_t *out, struct triage *t, int64_t until_ms)
{
	struct round r = { .t = t, .arena = arena_new(64 << 20) };
	struct due *list = arena_array(r.arena, 2 * TIMERS, sizeof(*list));
	int n = list ? merge(list, &r, until_ms) : -ENOMEM;

	for (int i = 0; i < n; i++)
		out[i] = who(&list[i]);
	arena_free(r.arena);
	return n;
}

static int note(struct triage *t, const char *text)
{
	return store_set_meta(t->agent->store, STR("trying_timers"),
			      str_from(text));
}

/* How the last start ended: 0, it got through what was due; INT64_MAX, in a
 * round of many; else in that of this one. */
static int64_t read_note(struct triage *t)
{
	struct arena *arena = arena_new(1 << 16);
	struct str text;
	int64_t id = 0;

	if (arena &&
	    store_meta(&text, t->reader, STR("trying_timers"), arena) > 0 &&
	    text.n)
		id = str_to_i64(&id, str_sub(text, 1, text.n - 1)) ?
			     INT64_MAX : id;
	arena_free(arena);
	return id;
}

/* One alone, with a note, committed first, that it is being tried. */
static int try_one(struct triage *t, const struct ruleset *rules,
		   int64_t until_ms, int64_t id, int64_t patience_ms)
{
	char text[32];
	int rc;

	snprintf(text, sizeof(text), "t%lld", (long long)id);
	rc = note(t, text);
	while (!rc) {
		rc = run_round(t, rules, until_ms, id, false);
		if (rc || !t->stuck || clock_mono_ms() >= patience_ms)
			break;
		usleep(LOOK_MS * 1000);
	}
	return rc == -ESTALE ? 0 : rc;
}

/* Those that hang on a look-up wait for it a little: they are tried too. */
static int run_many(struct triage *t, const struct ruleset *rules,
		    int64_t until_ms)
{
	int64_t patience_ms = clock_mono_ms() + CAREFUL_MS / 5;
	int done = triage_timers_run(t, rules, until_ms);

	while (!done && t->stuck && clock_mono_ms() < patience_ms) {
		usleep(LOOK_MS * 1000);
		done = triage_timers_run(t, rules, until_ms);
	}
	return done == -ESTALE ? 0 : done;
}

int triage_timers_begin(struct triage *t, const struct ruleset *rules,
			bool (*stopping)(struct triage *t))
{
	int64_t until_ms = clock_wall_ms(), suspect = read_note(t);
	int64_t patience_ms = clock_mono_ms() + CAREFUL_MS;
	int64_t ids[2 * TIMERS];
	bool each = suspect != 0, noted = each;
	int n = 0, done = 1;

	while (done > 0 && !stopping(t)) {
		n = due_ids(ids, t, until_ms);
		if (n <= 0)
			break;
		done = 0;
		noted = true;
		if (!each && !note(t, "round"))
			done = run_many(t, rules, until_ms);
		for (int i = 0; each && done >= 0 && i < n && !stopping(t);
		     i++) {
			bool aside = ids[i] == suspect;
			int rc = aside ? run_round(t, rules, until_ms, ids[i],
						   true) :
					 try_one(t, rules, until_ms, ids[i],
						 patience_ms);

			done = rc < 0 ? rc : done + rc;
		}
	}
	if (noted && done >= 0 && n >= 0)
		n = note(t, "");
	return done < 0 ? done : n < 0 ? n : 0;
}
