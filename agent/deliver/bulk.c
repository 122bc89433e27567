/* Many incidents that end at once are resolved by one request. */
#include "agent/deliver/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/log.h"
#include "base/clock.h"
#include "stackflow/bulk.h"

#define GATHER_MS 3000		/* for the first of them, at most */
#define GATHERED_MAX 400
#define JOB_MS 120000
#define REFUSED_MS 600000	/* no more of them after a refusal */
#define TURN_MS 20		/* where there is no room for its request */
#define RESOLVED "{\"state\":\"resolved\"}"

/* One job; its tasks stay as they are until it ends. */
struct bulk {
	struct bulk *next;
	struct deliver *d;
	struct sf_bulk *job;
	struct task *tasks[SF_BULK_MAX];
	size_t count;
	int64_t due_ms;			/* mono: to be stepped */
	bool ended;
	enum sf_outcome outcome;
	char problem[300];
};

bool bulk_gather(struct task *t)
{
	struct deliver *d = t->d;
	int64_t mono = clock_mono_ms();

	if (!d->conf->stackflow.bulk_resolve || t->op.kind != OP_RESOLVE ||
	    t->alone || t->op.searches || d->breaker ||
	    d->gathered >= GATHERED_MAX || mono < d->bulk_after_ms ||
	    !str_is(t->op.body, RESOLVED) || !sf_id_usable(t->incident.remote))
		return false;
	t->phase = PHASE_GATHER;
	t->gathered_ms = mono;
	d->gathered++;
	return true;
}

static void leave(struct task *t)
{
	t->bulk = NULL;
	t->gathered_ms = 0;
	t->d->gathered--;
}

static void go_alone(struct task *t)
{
	leave(t);
	t->alone = true;
	t->phase = PHASE_SEND;
}

static void end(struct task *t, enum result result, const char *problem)
{
	leave(t);
	t->phase = PHASE_RECORD;
	t->result = result;
	t->problem = problem ? arena_str(t->arena, str_from(problem)) :
			       STR_NONE;
}

/* ---- a job's end ---- */

/* What it didn't do is asked for once more, each by itself: that answer says
 * for certain what is wrong with it. */
static void settle_each(struct bulk *b)
{
	struct sf_bulk_failure failures[SF_BULK_MAX];
	size_t n = sf_bulk_failures(failures, SF_BULK_MAX, b->job);

	for (size_t i = 0; i < n && i < SF_BULK_MAX; i++) {
		struct task *t = b->tasks[failures[i].at];

		if (failures[i].unknown)
			end(t, RESULT_DOUBT, b->problem);
		else
			go_alone(t);
		b->tasks[failures[i].at] = NULL;
	}
	for (size_t i = 0; i < b->count; i++) {
		if (!b->tasks[i])
			continue;
		metrics_add(b->d->agent->metrics, METRIC_BULK_RESOLVES, 1);
		end(b->tasks[i], RESULT_DONE, NULL);
	}
}

static void settle(struct bulk *b)
{
	struct deliver *d = b->d;
	bool never = b->outcome == SF_REFUSED ||
		     b->outcome == SF_NOT_EXECUTED;

	if (b->outcome == SF_REFUSED) {
		d->bulk_after_ms = clock_mono_ms() + REFUSED_MS;
		LOG(WARNING, "StackFlow refuses resolves in bulk: they go one "
			     "by one for ten minutes",
		    LFC("problem", b->problem));
	}
	if (!never)
		settle_each(b);
	for (size_t i = 0; never && i < b->count; i++)
		go_alone(b->tasks[i]);
}

static void seen(struct sf_bulk *job, const struct sf_bulk_result *now,
		 bool ended, void *arg)
{
	struct bulk *b = arg;

	(void)job;
	if (!ended)
		return;
	b->ended = true;
	b->outcome = now->outcome;
	snprintf(b->problem, sizeof(b->problem), "%s",
		 now->problem ? now->problem : "");
}

static void drop(struct deliver *d, struct bulk *gone)
{
	struct bulk **at = &d->bulks;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	sf_bulk_free(gone->job);
	free(gone);
}

/* ---- its start ---- */

static int start(struct bulk *b)
{
	struct str ids[SF_BULK_MAX];

	for (size_t i = 0; i < b->count; i++)
		ids[i] = b->tasks[i]->incident.remote;
	return sf_bulk_update(&b->job, b->d->sf, ids, b->count, STR(RESOLVED),
			      JOB_MS, seen, b);
}

static void begin(struct deliver *d)
{
	struct bulk *b = calloc(1, sizeof(*b));

	for (struct task *t = d->tasks; b && t; t = t->next)
		if (t->phase == PHASE_GATHER && !t->bulk &&
		    b->count < SF_BULK_MAX) {
			b->tasks[b->count++] = t;
			t->bulk = b;
		}
	if (!b)
		return;
	b->d = d;
	if (start(b)) {
		for (size_t i = 0; i < b->count; i++)
			go_alone(b->tasks[i]);
		free(b);
		return;
	}
	LOG(DEBUG, "resolves go in bulk", LFN("count", b->count));
	b->next = d->bulks;
	d->bulks = b;
}

/* Those that wait for others, and since when the first does. */
static size_t waiting(const struct deliver *d, int64_t *since_ms)
{
	size_t n = 0;

	*since_ms = INT64_MAX;
	for (const struct task *t = d->tasks; t; t = t->next) {
		if (t->phase != PHASE_GATHER || t->bulk)
			continue;
		n++;
		if (t->gathered_ms < *since_ms)
			*since_ms = t->gathered_ms;
	}
	return n;
}

static void let_go(struct deliver *d)
{
	for (struct task *t = d->tasks; t; t = t->next)
		if (t->phase == PHASE_GATHER && !t->bulk)
			go_alone(t);
}

void bulk_step(struct deliver *d, bool stop)
{
	int64_t mono = clock_mono_ms(), since_ms;
	size_t n = waiting(d, &since_ms);
	struct bulk *b, *next;

	if (n && (stop || d->breaker))
		let_go(d);
	else if (n >= SF_BULK_MAX || (n && mono - since_ms >= GATHER_MS)) {
		if (n >= d->conf->stackflow.bulk_resolve)
			begin(d);
		else
			let_go(d);
	}
	for (b = d->bulks; b; b = next) {
		int64_t ms = TURN_MS;

		next = b->next;
		if (!b->ended && deliver_room(d, mono) == 0)
			ms = sf_bulk_step(b->job, mono);
		if (b->ended) {
			settle(b);
			drop(d, b);
		} else {
			b->due_ms = mono + (ms > 0 ? ms : 0);
		}
	}
}

int64_t bulk_wait_ms(const struct deliver *d, int64_t mono_ms)
{
	int64_t due = INT64_MAX, since_ms;

	if (waiting(d, &since_ms))
		due = since_ms + GATHER_MS;
	for (const struct bulk *b = d->bulks; b; b = b->next)
		if (b->due_ms < due)
			due = b->due_ms;
	if (due == INT64_MAX)
		return due;
	return due > mono_ms ? due - mono_ms : 0;
}

void bulk_drop(struct deliver *d)
{
	while (d->bulks) {
		struct bulk *b = d->bulks;

		for (size_t i = 0; i < b->count; i++)
			end(b->tasks[i], RESULT_DOUBT,
			    "its bulk job could not be followed");
		drop(d, b);
	}
}
