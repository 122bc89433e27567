#include "agent/triage.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/batch.h"
#include "agent/ci.h"
#include "agent/deliver.h"
#include "agent/handoff.h"
#include "agent/intake/intake.h"
#include "agent/log.h"
#include "agent/tags.h"
#include "agent/thread.h"
#include "base/clock.h"

#define BATCH 512
/* From so many events at once on, more are let gather for one transaction. */
#define CROWD 32
#define GATHER_MS 50
#define CI_BUDGET_MS 2000
#define WAITING_MAX 4096
/* How often an event is tried with care after it has ended the process: the
 * third end sets it aside. */
#define TRIES_MAX 2

/* An event that waits for a CI look-up, or for one that does. */
struct waiting {
	struct waiting *next;
	struct arena *arena;		/* holds event and what it borrows */
	struct event event;
	struct str key, subject;
	int64_t until_ms;		/* monotonic */
};

struct triage {
	struct agent *agent;
	struct store_reader *reader;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool woken, stop;
	int64_t after;			/* newest sequence number taken */
	struct waiting *waiting, **waiting_last;
	size_t waiting_count;
	/* What was decoded for this batch; the last may serve several events. */
	struct handed decoded[BATCH];
	size_t decoded_count;
	int64_t decoded_first;
};

/* One event of the batch at work, with what is decided of it. */
struct work {
	struct event *event;
	const struct alarm *alarm;
	struct verdict verdict;
	struct str subject, marker;
	enum action action;
	const char *because;
	struct waiting *from;		/* NULL: fresh from the store */
	bool tags_pending;		/* of a new incident: worth to wait */
};

static struct str subject_of(const struct alarm *a, struct arena *arena)
{
	struct buf b = BUF_INIT(8192);
	struct str s;

	alarm_subject(&b, a);
	s = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return s;
}

static struct str marker_of(struct triage *t, struct str key,
			    struct arena *arena)
{
	struct buf b = BUF_INIT(128);
	struct str s;

	keys_marker(&b, &t->agent->keys, key);
	s = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return s;
}

static int decode_again(struct alarms *out, struct triage *t,
			const struct event *e, int64_t first,
			struct arena *arena)
{
	struct alarm_input in = {
		.subject = e->subject,
		.topic = e->topic,
		.message_id = e->message_id,
		.sent_ms = e->sent_ms,
		.received_ms = e->received_ms,
		.intake = e->intake,
	};
	int rc = store_payload(&in.body, t->reader, first, arena);

	return rc < 0 ? rc : alarm_decode(out, &in);
}

/* The alarm that an event is: from intake, or decoded from its bytes again. */
static int decode(struct triage *t, const struct event *e,
		  struct arena *arena, const struct alarm **out)
{
	int64_t first = e->first ? e->first : e->seq;
	struct handed *d = t->decoded + t->decoded_count;
	const struct alarms *alarms;

	if (t->decoded_count && t->decoded_first == first) {
		d--;
	} else {
		if (!handoff_take(d, t->agent->handoff, first)) {
			int rc = decode_again(&d->alarms, t, e, first, arena);

			if (rc)
				return rc;
		}
		t->decoded_count++;
		t->decoded_first = first;
	}
	alarms = &d->alarms;
	*out = &alarms->list[e->position < alarms->count ? e->position : 0];
	return 0;
}

static void forget_alarms(struct triage *t)
{
	while (t->decoded_count)
		handed_free(&t->decoded[--t->decoded_count]);
	t->decoded_first = 0;
}

/*
 * CloudWatch's messages as a rule carry no tags: those that are known stand
 * in, and are asked for where it fires.
 */
static int add_tags(struct triage *t, struct work *w,
		    const struct ruleset *rules, struct arena *arena)
{
	const struct alarm *a = w->alarm;
	const struct alarm_pair *list;
	struct alarm *with;
	size_t count;

	if (!a->arn.n || a->tag_count)
		return 0;
	if (a->event != ALARM_CHANGED) {
		tags_forget(t->agent->tags, a->arn);
		return 0;
	}
	if (!ruleset_reads_tags(rules))
		return 0;
	switch (tags_find(&list, &count, arena, t->agent->tags, a->arn,
			  a->state != ALARM_OK)) {
	case TAGS_NONE:
		return 0;
	case TAGS_PENDING:
		w->tags_pending = true;
		return 0;
	case TAGS_FOUND:
		break;
	}
	with = arena_alloc(arena, sizeof(*with));
	if (!with)
		return -ENOMEM;
	*with = *a;
	alarm_set_tags(with, list, count);
	w->alarm = with;
	return 0;
}

static bool is_alarm(const struct event *e)
{
	return !str_is(e->kind, "subscription") &&
	       !str_is(e->kind, "unsubscribe") &&
	       !str_is(e->kind, KIND_REJECTED);
}

static void set_outcome(struct work *w, const char *action,
			const char *because, const struct ruleset *rules)
{
	struct event *e = w->event;

	e->action = str_from(action);
	e->because = str_from(because);
	e->team = w->verdict.team;
	e->policy = w->verdict.policy;
	e->where = w->verdict.where;
	e->ruleset = str_from(ruleset_hash(rules));
	e->decided_ms = clock_wall_ms();
	e->status = EVENT_DONE;
}

/*
 * 1: must wait for a CI. Texts are for new incidents, and most events are of
 * known ones: they are written by a second round, with whole.
 */
static int decide(struct triage *t, struct work *w, bool whole,
		  const struct ruleset *rules, struct arena *arena)
{
	struct ci_source cis = { cis_find, t->agent->cis };
	const struct decision_input in = {
		.alarm = w->alarm,
		.cis = &cis,
		.brief = !whole,
		.again = whole,
	};
	int rc = ruleset_decide(&w->verdict, rules, &in, arena);

	if (rc)
		return rc;
	if (w->verdict.ci_pending) {
		deliver_wake(t->agent->deliver);
		return 1;
	}
	return 0;
}

static bool behind_waiting(const struct triage *t, const struct work *w)
{
	for (const struct waiting *x = t->waiting; x; x = x->next)
		if (x != w->from && (str_eq(x->subject, w->subject) ||
				     str_eq(x->key, w->verdict.dedup_key)))
			return true;
	return false;
}

static struct str keep(struct arena *a, struct str s)
{
	return arena_str(a, s);
}

static int wait_for_ci(struct triage *t, const struct work *w)
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
	x->key = keep(x->arena, w->verdict.dedup_key);
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

static bool creates(const struct change *c)
{
	for (size_t i = 0; i < c->op_count; i++)
		if (c->ops[i].kind == OP_CREATE)
			return true;
	return false;
}

/* 1: it needs a new incident, and a CI or tags that aren't known yet. */
static int apply(struct triage *t, struct work *w, bool late,
		 struct batch *batch, const struct ruleset *rules,
		 struct arena *arena)
{
	int64_t now_ms = clock_wall_ms();
	struct change c;
	struct situation s;
	bool others = w->alarm->event != ALARM_CHANGED ||
		      w->alarm->state != ALARM_FIRING;
	int rc = batch_situation(&s, batch, w->subject, w->verdict.dedup_key,
				 others);

	if (rc)
		return rc;
	/* A key that a reload changed: an open incident keeps its own. */
	if (s.incident && s.incident->state == INCIDENT_OPEN)
		w->verdict.dedup_key = s.incident->key;
	rc = incident_apply(&c, arena, &s, w->alarm, &w->verdict,
			    w->event->id, STR_NONE, now_ms);
	if (!rc && creates(&c)) {
		if (w->tags_pending && !late)
			return 1;
		if (w->tags_pending)
			metrics_add(t->agent->metrics, METRIC_TAGS_FAILED, 1);
		rc = decide(t, w, true, rules, arena);
		if (rc < 0 || (rc && !late))
			return rc;
		w->marker = marker_of(t, w->verdict.dedup_key, arena);
		rc = incident_apply(&c, arena, &s, w->alarm, &w->verdict,
				    w->event->id, w->marker, now_ms);
	}
	if (rc)
		return rc;
	w->action = c.action;
	w->because = c.because;
	set_outcome(w, action_name(c.action), c.because, rules);
	return batch_apply(batch, &c, w->event);
}

static void log_change(const struct work *w)
{
	const struct event *e = w->event;

	if (!w->alarm) {
		LOG(INFO, "recorded", LF("event", e->id), LF("kind", e->kind),
		    LF("topic", e->topic));
		return;
	}
	/* Repeats are many and say little: one line a change of state. */
	if (w->action == ACTION_NOTE || w->action == ACTION_IGNORE) {
		if (!log_wants(CONF_LOG_DEBUG))
			return;
		LOG(DEBUG, "decided", LF("event", e->id),
		    LF("action", e->action), LF("key", w->verdict.dedup_key),
		    LFC("because", w->because));
		return;
	}
	LOG(INFO, "decided", LF("event", e->id), LF("action", e->action),
	    LF("alarm", e->name), LFN("priority", w->verdict.priority),
	    LF("team", w->verdict.team), LF("policy", w->verdict.policy),
	    LF("where", w->verdict.where), LF("key", w->verdict.dedup_key),
	    LFC("because", w->because));
}

/* Decide one event: applied to the batch, set to wait, or an error. */
static int take(struct triage *t, struct work *w, struct batch *batch,
		const struct ruleset *rules, struct arena *arena)
{
	bool late = w->from && clock_mono_ms() >= w->from->until_ms;
	int rc;

	if (!is_alarm(w->event)) {
		bool dead = str_is(w->event->kind, KIND_REJECTED);

		set_outcome(w, "ignore",
			    dead ? "a dead letter" : "a subscription's message",
			    rules);
		return batch_outcome(batch, w->event);
	}
	rc = decode(t, w->event, arena, &w->alarm);
	if (!rc)
		rc = add_tags(t, w, rules, arena);
	if (rc)
		return rc;
	w->subject = subject_of(w->alarm, arena);
	rc = decide(t, w, false, rules, arena);
	if (rc < 0)
		return rc;
	if (rc == 1 && late) {
		metrics_add(t->agent->metrics, METRIC_CI_FAILED, 1);
		rc = 0;
	}
	if (w->from)
		return rc ? 1 : apply(t, w, late, batch, rules, arena);
	late = t->waiting_count >= WAITING_MAX;
	if (late || (rc == 0 && !behind_waiting(t, w)))
		rc = apply(t, w, late, batch, rules, arena);
	else
		rc = 1;
	return rc == 1 && wait_for_ci(t, w) ? -ENOMEM : rc;
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
	for (size_t i = 0; i < n; i++)
		if (done[i])
			log_change(&works[i]);
	return 0;
}

static int run_waiting(struct triage *t, struct ruleset *rules)
{
	struct work works[BATCH];
	bool done[BATCH] = { false };
	struct batch *batch = NULL;
	struct arena *arena = arena_new(64 << 20);
	size_t n = from_waiting(t, works, BATCH);
	int rc = -ENOMEM;

	if (!arena || batch_new(&batch, t->reader, arena, BATCH))
		goto out;
	rc = 0;
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		if (blocked(works, done, i))
			continue;
		rc = take(t, &works[i], batch, rules, arena);
		done[i] = rc == 0;
	}
	if (rc >= 0)
		rc = finish(t, works, done, n, batch);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (done[i])
			drop_waiting(t, works[i].from);
out:
	forget_alarms(t);
	batch_free(batch);
	arena_free(arena);
	return rc;
}

/* How many events came, or negative. */
static int run_fresh(struct triage *t, struct ruleset *rules, size_t max)
{
	struct event events[BATCH];
	struct work works[BATCH];
	bool done[BATCH] = { false };
	struct waiting **mark = t->waiting_last;
	struct batch *batch = NULL;
	struct arena *arena = arena_new(256 << 20);
	int n = -ENOMEM, rc = 0;

	n = arena ? store_reader_begin(t->reader) : -ENOMEM;
	if (n)
		goto out;
	n = store_new_heads(events, max, t->reader, t->after, arena);
	if (n > 0 && batch_new(&batch, t->reader, arena, (size_t)n))
		rc = -ENOMEM;
	for (int i = 0; rc >= 0 && i < n; i++) {
		works[i] = (struct work){ .event = &events[i] };
		rc = take(t, &works[i], batch, rules, arena);
		done[i] = rc == 0;
	}
	store_reader_end(t->reader);
	if (n > 0 && rc >= 0)
		rc = finish(t, works, done, (size_t)n, batch);
	if (n > 0 && rc == 0)
		t->after = events[n - 1].seq;
	/* All come again: those set to wait by this try must not stay twice. */
	while (rc < 0 && *mark)
		drop_at(t, mark);
	if (rc < 0)
		n = rc;
out:
	forget_alarms(t);
	batch_free(batch);
	arena_free(arena);
	return n;
}

static void pause_for(struct triage *t, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&t->lock);
	if (!t->woken && !t->stop)
		pthread_cond_timedwait(&t->wake, &t->lock, &until);
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
			n = run_fresh(t, rules, 1);
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
	struct ruleset *rules = agent_rules(t->agent);
	int n = 1;

	for (int i = 0; i < BATCH && n > 0 && !stopping(t); i++) {
		n = try_one(t, rules);
		report(t, n);
		if (n == -ESTALE)
			n = 1;
	}
	ruleset_free(rules);
}

static void *run(void *arg)
{
	struct triage *t = arg;

	begin_carefully(t);
	while (!stopping(t)) {
		struct ruleset *rules = agent_rules(t->agent);
		int rc = t->waiting ? run_waiting(t, rules) : 0, n;

		n = run_fresh(t, rules, BATCH);
		ruleset_free(rules);
		report(t, rc);
		report(t, n);
		if (n == -ESTALE || rc == -ESTALE)
			continue;
		if (n <= 0)
			pause_for(t, n < 0 ? 1000 : t->waiting ? 50 : 5000);
		else if (n >= CROWD && n < BATCH)
			usleep(GATHER_MS * 1000);
	}
	return NULL;
}

int triage_start(struct triage **out, struct agent *a, struct err *err)
{
	struct triage *t = calloc(1, sizeof(*t));
	pthread_condattr_t attr;
	int rc;

	if (!t)
		return err_set(err, -ENOMEM, "out of memory");
	t->agent = a;
	t->waiting_last = &t->waiting;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = store_reader_open(&t->reader, a->store, err);
	*out = t;
	if (!rc)
		rc = thread_start(&t->thread, "triage", run, t, err);
	if (rc) {
		store_reader_close(t->reader);
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
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
