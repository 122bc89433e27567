#include "agent/triage_private.h"

#include <errno.h>

#include "agent/log.h"
#include "base/clock.h"

/* How long a timer waits for a look-up that its decision hangs on. */
#define BUDGET_MS 2000
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

int triage_timers_run(struct triage *t, const struct ruleset *rules,
		      int64_t until_ms)
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
	n = merge(list, &r, until_ms);
	done = n > 0 ? run_due(list, n, &r) : 0;
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
