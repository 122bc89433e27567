/* When requests begin and what has become of them is committed. */
#include "agent/deliver/internal.h"
#include "base/clock.h"

#define RECORD_MS 20 /* a result waits so long for others at most */
#define RATED_MS 100 /* the same where the rate holds others up anyway */

bool pace_is_rated(const struct op *op)
{
	return op->kind != OP_CONFIRM && op->kind != OP_FALLBACK;
}

static bool urgent(const struct deliver *d)
{
	for (const struct task *t = d->tasks; t; t = t->next)
		if ((t->phase == PHASE_SEND || t->phase == PHASE_VIEW) &&
		    t->op.priority == 1)
			return true;
	return false;
}

int64_t pace_room(struct deliver *d, int64_t mono_ms)
{
	int64_t wait = deliver_room(d, mono_ms);

	if (wait < 0 || d->breaker || urgent(d))
		return wait;
	if (wait && !d->burst_ms)
		d->burst_ms = mono_ms + wait + sf_client_gather_ms(d->sf);
	if (mono_ms < d->burst_ms)
		return d->burst_ms - mono_ms;
	d->burst_ms = 0;
	return wait;
}

bool pace_held_up(const struct deliver *d)
{
	for (const struct task *t = d->tasks; t; t = t->next)
		if ((t->phase == PHASE_SEND || t->phase == PHASE_VIEW) &&
		    pace_is_rated(&t->op))
			return true;
	return false;
}

/* How many tasks are where they want a commit or are kept from one. */
struct stand {
	size_t ended, ready;	/* to be recorded, to be begun */
	size_t begun, unasked;	/* to be sent: writes, and GETs before them */
	size_t viewing;
	bool create;		/* one to be begun opens an incident */
	bool at_once;		/* one is P1, or not StackFlow's */
};

static struct stand look_around(const struct deliver *d)
{
	struct stand s = { 0 };

	for (const struct task *t = d->tasks; t; t = t->next) {
		s.ended += t->phase == PHASE_RECORD;
		s.ready += t->phase == PHASE_BEGIN;
		s.begun += t->phase == PHASE_SEND;
		s.unasked += t->phase == PHASE_VIEW;
		s.viewing += t->phase == PHASE_UNDERWAY &&
			     t->op.state == OP_READY;
		s.create |= t->phase == PHASE_BEGIN && t->op.kind == OP_CREATE;
		s.at_once |= t->phase == PHASE_BEGIN &&
			     (t->op.priority == 1 || !pace_is_rated(&t->op));
	}
	return s;
}

static int64_t commit_ms(struct deliver *d, const struct stand *s,
			 int64_t mono_ms)
{
	bool held_up = s->begun || s->unasked;
	int64_t until;

	if (!s->ended && !s->ready) {
		d->owed_ms = 0;
		return -1;
	}
	if (!d->owed_ms)
		d->owed_ms = mono_ms;
	if (s->at_once ||
	    (s->ready && (s->create || !(s->viewing || s->unasked)) &&
	     s->begun <= d->conf->stackflow.concurrency / 4))
		return 0;
	if (!held_up && !deliver_busy(d))
		return 0;
	until = d->owed_ms + (held_up ? RATED_MS : RECORD_MS);
	return until > mono_ms ? until - mono_ms : 0;
}

int64_t pace_commit_ms(struct deliver *d, int64_t mono_ms)
{
	const struct stand s = look_around(d);

	return commit_ms(d, &s, mono_ms);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int pace_wait_ms(struct deliver *d, int64_t now_ms)
{
	int64_t mono_ms = clock_mono_ms(), wait = 1000, room = -1, owed;
	const struct stand s = look_around(d);

	owed = commit_ms(d, &s, mono_ms);
	if (owed >= 0)
		wait = least(wait, owed);
	if (s.begun || s.unasked)
		room = pace_room(d, mono_ms);
	if (room >= 0)
		wait = least(wait, room ? room : 1);
	if (d->gathered || d->bulks)
		wait = least(wait, bulk_wait_ms(d, mono_ms));
	if (d->task_count - d->gathered < d->conf->stackflow.concurrency)
		wait = least(wait, d->due_ms - now_ms > 10 ?
					   d->due_ms - now_ms : 10);
	wait = least(wait, doubts_next_ms(d) - now_ms);
	return wait < 0 ? 0 : (int)wait;
}
