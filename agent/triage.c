#include "agent/triage_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/intake/intake.h"
#include "agent/log.h"
#include "agent/past.h"
#include "agent/recall.h"
#include "agent/silences.h"
#include "agent/thread.h"
#include "base/clock.h"
#include "base/wake.h"

/*
 * From so many events at once on, more are let gather for one transaction; and
 * where so many come in that time, longer: most are of alarms that others of
 * the same batch are of, and one write serves them all.
 */
#define CROWD 32
#define GATHER_MS 50
#define THRONG 128
#define GATHER_LONG_MS 100
/* How soon a clock that was set forward makes due what is due by it. */
#define NOTICE_MS 1000
#define CI_BUDGET_MS 2000
#define WAITING_MAX 4096
/* How often an event is tried with care after it has ended the process: the
 * third end sets it aside. */
#define TRIES_MAX 2

static struct str keep(struct arena *a, struct str s)
{
	return arena_str(a, s);
}

static int wait_for_answer(struct triage *t, const struct work *w)
{
	const struct event *e = w->event;
	struct waiting *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->arena = arena_new(16 << 20);
	if (!x->arena) {
		free(x);
		return -ENOMEM;
	}
	x->event = *e;
	x->event.identity = keep(x->arena, e->identity);
	x->event.id = keep(x->arena, e->id);
	x->event.kind = keep(x->arena, e->kind);
	x->event.name = keep(x->arena, e->name);
	x->event.state = keep(x->arena, e->state);
	x->event.account = keep(x->arena, e->account);
	x->event.region = keep(x->arena, e->region);
	x->event.topic = keep(x->arena, e->topic);
	x->event.message_id = keep(x->arena, e->message_id);
	x->event.subject = keep(x->arena, e->subject);
	x->event.intake = arena_cstr(x->arena, str_from(e->intake));
	x->subject = keep(x->arena, w->subject);
	x->key = keep(x->arena, w->key);
	x->until_ms = clock_mono_ms() + CI_BUDGET_MS;
	if (arena_error(x->arena)) {
		arena_free(x->arena);
		free(x);
		return -ENOMEM;
	}
	*t->waiting_last = x;
	t->waiting_last = &x->next;
	t->waiting_count++;
	return 0;
}

/* Decided and free to go: into the batch. */
static int apply(struct work *w, struct round *r)
{
	work_outcome(w, action_name(w->action), w->because, r->rules);
	return batch_apply(r->batch, &r->t->handling, w->event);
}

/* Decide one event: applied to the batch, 1 where it waits, or an error. */
static int take(struct work *w, struct round *r)
{
	struct triage *t = r->t;
	bool late = w->from ? clock_mono_ms() >= w->from->until_ms :
			      t->waiting_count >= WAITING_MAX;
	struct handled_event e = { .on = ON_EVENT };
	int rc;

	if (!past_is_alarm(w->event)) {
		bool dead = str_is(w->event->kind, KIND_REJECTED);

		work_outcome(w, "ignore",
			     dead ? "a dead letter" :
				    "a subscription's message", r->rules);
		return batch_outcome(r->batch, w->event);
	}
	rc = work_read(w, r);
	if (rc)
		return rc;
	e.alarm = w->alarm;
	e.id = w->event->id;
	e.seq = w->event->seq;
	rc = work_handle(w, r, &e, late);
	if (rc < 0)
		return rc;
	if (!w->from && !late && t->waiting &&
	    triage_behind_waiting(t, w->subject, w->key, NULL))
		rc = 1;
	if (rc == 0)
		return apply(w, r);
	if (!w->from && wait_for_answer(t, w))
		return -ENOMEM;
	return 1;
}

/* Events whose wait is over, in their order; a key's first unready stops the
 * ones behind it. */
static size_t from_waiting(struct triage *t, struct work *works, size_t max)
{
	size_t n = 0;

	for (struct waiting *x = t->waiting; x && n < max; x = x->next)
		works[n++] = (struct work){ .event = &x->event, .from = x };
	return n;
}

static void drop_at(struct triage *t, struct waiting **at)
{
	struct waiting *gone = *at;

	*at = gone->next;
	if (!*at)
		t->waiting_last = at;
	t->waiting_count--;
	arena_free(gone->arena);
	free(gone);
}

static void drop_waiting(struct triage *t, const struct waiting *gone)
{
	struct waiting **at = &t->waiting;

	while (*at && *at != gone)
		at = &(*at)->next;
	if (*at)
		drop_at(t, at);
}

static bool blocked(const struct work *works, const bool *done, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!done[k] &&
		    (str_eq(works[k].from->subject, works[i].from->subject) ||
		     str_eq(works[k].from->key, works[i].from->key)))
			return true;
	return false;
}

/* Commit what was applied; on a lost race nothing is done and all come again. */
static int finish(struct triage *t, struct work *works, const bool *done,
		  size_t n, struct batch *batch)
{
	int rc = batch_count(batch) ? batch_commit(batch, t->agent->store) : 0;

	if (rc)
		return rc;
	if (batch_holds_ended(batch))
		metrics_add(t->agent->metrics, METRIC_HOLDS_ENDED,
			    batch_holds_ended(batch));
	for (size_t i = 0; i < n; i++)
		if (done[i])
			work_log(&works[i]);
	return 0;
}

static int run_waiting(struct triage *t, struct ruleset *rules)
{
	struct work works[BATCH];
	bool done[BATCH] = { false };
	struct round r = { .t = t, .rules = rules,
			   .arena = arena_new(64 << 20) };
	size_t n = from_waiting(t, works, BATCH);
	int rc = -ENOMEM;

	if (!r.arena || batch_new(&r.batch, t->reader, t->recall, &t->agent->keys,
				  r.arena, BATCH))
		goto out;
	rc = 0;
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		if (blocked(works, done, i))
			continue;
		rc = take(&works[i], &r);
		done[i] = rc == 0;
	}
	if (rc >= 0)
		rc = finish(t, works, done, n, r.batch);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (done[i])
			drop_waiting(t, works[i].from);
out:
	triage_forget_alarms(t);
	batch_free(r.batch);
	arena_free(r.arena);
	return rc;
}

/* Those that came before a timer was due; the rest is for after it. */
static int cut(struct triage *t, const struct event *events, int n,
	       int64_t until_ms)
{
	t->cut_ms = 0;
	for (int i = 0; i < n; i++)
		if (events[i].received_ms > until_ms) {
			t->cut_ms = events[i].received_ms;
			return i;
		}
	return n;
}

/* How many events came, or negative; none of those received later than
 * until_ms, or behind one that was. */
static int run_fresh(struct triage *t, struct ruleset *rules, size_t max,
		     int64_t until_ms)
{
	UNZEROED struct event events[BATCH];
	UNZEROED struct work works[BATCH];
	bool done[BATCH] = { false };
	struct waiting **mark = t->waiting_last;
	struct round r = { .t = t, .rules = rules,
			   .arena = arena_new(256 << 20) };
	int n = -ENOMEM, rc = 0;

	n = r.arena ? store_reader_begin(t->reader) : -ENOMEM;
	if (n)
		goto out;
	n = store_new_heads(events, max, t->reader, t->after, r.arena);
	n = cut(t, events, n, until_ms);
	if (n > 0 && batch_new(&r.batch, t->reader, t->recall, &t->agent->keys, r.arena,
			       (size_t)n))
		rc = -ENOMEM;
	for (int i = 0; rc >= 0 && i < n; i++) {
		works[i] = (struct work){ .event = &events[i] };
		rc = take(&works[i], &r);
		done[i] = rc == 0;
	}
	store_reader_end(t->reader);
	if (n > 0 && rc >= 0)
		rc = finish(t, works, done, (size_t)n, r.batch);
	if (n > 0 && rc == 0)
		t->after = events[n - 1].seq;
	/* All come again: those set to wait by this try must not stay twice. */
	while (rc < 0 && *mark)
		drop_at(t, mark);
	if (rc < 0)
		n = rc;
out:
	triage_forget_alarms(t);
	batch_free(r.batch);
	arena_free(r.arena);
	return n;
}

static void pause_for(struct triage *t, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;

	pulse_rest(&t->pulse, ms);
	pthread_mutex_lock(&t->lock);
	if (!t->woken && !t->stop)
		wake_wait(&t->wake, &t->lock, until_ms);
	t->woken = false;
	pthread_mutex_unlock(&t->lock);
}

static bool stopping(struct triage *t)
{
	bool stop;

	pthread_mutex_lock(&t->lock);
	stop = t->stop;
	pthread_mutex_unlock(&t->lock);
	return stop;
}

/* ---- a turn ---- */

/* What other rules hold is decided anew by these. */
static int renew_holds(struct triage *t, const struct ruleset *rules)
{
	const char *hash = ruleset_hash(rules);
	struct store_counts n;
	int rc = 0;

	if (strcmp(hash, t->rules_seen) == 0)
		return 0;
	store_count(t->agent->store, &n);
	if (n.held || n.timers)
		rc = store_look_again(t->agent->store, clock_wall_ms());
	if (!rc)
		snprintf(t->rules_seen, sizeof(t->rules_seen), "%s", hash);
	return rc;
}

/* The rules and silences of a turn, and when the next timer is due. */
static int begin_turn(struct triage *t, struct ruleset **rules)
{
	bool changed;
	/* First: what is released then is decided by a list without it. */
	int released = silencing_release(t->agent->silences), rc = released;

	*rules = agent_rules(t->agent);
	if (rc >= 0)
		rc = renew_holds(t, *rules);
	t->silences = silencing_current(t->agent->silences);
	pthread_mutex_lock(&t->lock);
	changed = t->timers_changed || released > 0 || rc > 0;
	t->timers_changed = false;
	pthread_mutex_unlock(&t->lock);
	if (rc >= 0 && changed)
		rc = store_next_timer(&t->due_ms, t->reader);
	if (rc < 0)
		triage_timers(t);
	return rc < 0 ? rc : 0;
}

static void end_turn(struct triage *t, struct ruleset *rules)
{
	silences_free(t->silences);
	t->silences = NULL;
	ruleset_free(rules);
}

/*
 * Events that came before a timer was due go before it, what came later after
 * it; those whose look-ups aren't answered hold up nothing. How many timers
 * were done; *n: how many events.
 */
static int run_turn(struct triage *t, struct ruleset *rules, int *n)
{
	int64_t now_ms = clock_wall_ms();
	bool due = t->due_ms <= now_ms;
	int done = 0;

	t->stuck = t->stuck && due;
	*n = run_fresh(t, rules, BATCH,
		       due && !t->stuck ? t->due_ms : INT64_MAX);
	if (!due || *n < 0 || (*n == BATCH && !t->cut_ms))
		return 0;
	if (t->cut_ms && t->cut_ms < now_ms)
		now_ms = t->cut_ms;
	done = triage_timers_run(t, rules, now_ms);
	triage_timers(t);
	return done;
}

static void report(struct triage *t, int rc)
{
	(void)t;
	if (rc == -ENOMEM) {
		/* Nothing acknowledged is lost: the journal replays. */
		LOG(ERROR, "out of memory", LFC("thread", "triage"));
		abort();
	}
	if (rc < 0 && rc != -ESTALE)
		LOG(ERROR, "triage can't go on; trying again",
		    LFC("error", strerror(-rc)));
}

/* How often this event was begun already, by the note of the last start. */
static unsigned tries_of(struct triage *t, int64_t seq, struct arena *arena)
{
	struct str note, word;
	int64_t noted = 0;
	uint64_t tries = 0;

	if (store_meta(&note, t->reader, STR("trying"), arena) <= 0 ||
	    !str_cut(&note, ' ', &word) || str_to_i64(&noted, word) ||
	    noted != seq || str_to_u64(&tries, note))
		return 0;
	return tries < TRIES_MAX ? (unsigned)tries : TRIES_MAX;
}

static int quarantine(struct triage *t, struct event *e)
{
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = e };
	int rc;

	e->status = EVENT_QUARANTINED;
	e->action = STR("quarantine");
	e->because = STR("deciding it ended the process again and again");
	e->decided_ms = clock_wall_ms();
	rc = store_commit(t->agent->store, &w, 1);
	if (rc)
		return rc;
	metrics_add(t->agent->metrics, METRIC_QUARANTINED, 1);
	LOG(ERROR, "event set aside: deciding it ended the process again "
		   "and again; please report its payload",
	    LF("event", e->id), LF("kind", e->kind), LF("alarm", e->name));
	t->after = e->seq;
	return 1;
}

/* One event with a note, committed first, that it is being tried. 0: none. */
static int try_one(struct triage *t, struct ruleset *rules)
{
	struct arena *arena = arena_new(64 << 20);
	struct event e;
	struct str note;
	unsigned tries;
	int n = -ENOMEM;

	if (!arena)
		return n;
	n = store_new_heads(&e, 1, t->reader, t->after, arena);
	if (n > 0) {
		tries = tries_of(t, e.seq, arena);
		note = arena_printf(arena, "%lld %u", (long long)e.seq,
				    tries + 1);
		if (tries >= TRIES_MAX)
			n = quarantine(t, &e);
		else
			n = store_set_meta(t->agent->store, STR("trying"),
					   note);
		if (n == 0)
			n = run_fresh(t, rules, 1, INT64_MAX);
	}
	arena_free(arena);
	return n;
}

/*
 * A crash while deciding leaves its event among the first that are not
 * decided: at the start those are gone through one by one, so that one that
 * does it again and again can't hold up all others.
 */
static void begin_carefully(struct triage *t)
{
	struct ruleset *rules;
	int n = begin_turn(t, &rules) ? 0 : 1;

	for (int i = 0; i < BATCH && n > 0 && !stopping(t); i++) {
		pulse_beat(&t->pulse);
		n = try_one(t, rules);
		report(t, n);
		if (n == -ESTALE)
			n = 1;
	}
	if (n >= 0 && !stopping(t))
		report(t, triage_timers_begin(t, rules, stopping));
	triage_timers(t);
	end_turn(t, rules);
}

/* How long nothing is to be done, unless woken. */
static int64_t idle_ms(const struct triage *t)
{
	int64_t wait = t->due_ms - clock_wall_ms();

	if (t->waiting || t->stuck)
		return 50;
	if (t->due_ms == INT64_MAX)
		return 5 * NOTICE_MS;
	return wait < 1 ? 1 : wait < NOTICE_MS ? wait : NOTICE_MS;
}

/* After n events that came in last_ms, or at once; 0: there may be more. */
static int gather_ms(int n, int last_ms)
{
	if (n < CROWD || n == BATCH)
		return 0;
	if (last_ms < GATHER_MS)
		last_ms = GATHER_MS;
	return n * GATHER_MS < THRONG * last_ms ? GATHER_MS : GATHER_LONG_MS;
}

static void *run(void *arg)
{
	struct triage *t = arg;
	int gathered_ms = 0;

	begin_carefully(t);
	while (!stopping(t)) {
		struct ruleset *rules;
		int n, rc = 0, done = 0;

		pulse_beat(&t->pulse);
		n = begin_turn(t, &rules);
		if (!n && t->waiting)
			rc = run_waiting(t, rules);
		if (!n)
			done = run_turn(t, rules, &n);
		end_turn(t, rules);
		report(t, rc);
		report(t, n);
		report(t, done);
		if (n == -ESTALE || rc == -ESTALE || done == -ESTALE)
			continue;
		gathered_ms = gather_ms(n, gathered_ms);
		if (n < 0 || done < 0)
			pause_for(t, 1000);
		else if (n == 0 && done == 0)
			pause_for(t, idle_ms(t));
		else if (gathered_ms)
			usleep((unsigned)gathered_ms * 1000);
	}
	return NULL;
}

int triage_start(struct triage **out, struct agent *a, struct err *err)
{
	struct triage *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return err_set(err, -ENOMEM, "out of memory");
	t->agent = a;
	t->waiting_last = &t->waiting;
	t->due_ms = INT64_MAX;
	t->timers_changed = true;
	pthread_mutex_init(&t->lock, NULL);
	wake_init(&t->wake);
	t->recall = recall_new();
	rc = t->recall ? store_reader_open(&t->reader, a->store, err) :
			 err_set(err, -ENOMEM, "out of memory");
	*out = t;
	if (!rc)
		rc = thread_start(&t->thread, "triage", run, t, err);
	if (!rc)
		pulse_join(&t->pulse, &a->pulses, "triage");
	if (rc) {
		store_reader_close(t->reader);
		recall_free(t->recall);
		free(t);
		*out = NULL;
		return rc;
	}
	return 0;
}

void triage_wake(struct triage *t)
{
	pthread_mutex_lock(&t->lock);
	t->woken = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

void triage_timers(struct triage *t)
{
	pthread_mutex_lock(&t->lock);
	t->timers_changed = true;
	pthread_mutex_unlock(&t->lock);
}

void triage_stop(struct triage *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
}

void triage_free(struct triage *t)
{
	if (!t)
		return;
	while (t->waiting)
		drop_waiting(t, t->waiting);
	store_reader_close(t->reader);
	recall_free(t->recall);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
