/* The newest moments of a key: open_when counts ALARMs, flap changes. */
#include "incident/step.h"

static int64_t moment(const struct step *st)
{
	int64_t at = st->alarm ? alarm_order(st->alarm) : st->now_ms;

	/* A sender's clock that is ahead mustn't make moments of tomorrow. */
	return at < st->now_ms && st->e->on == ON_EVENT ? at : st->now_ms;
}

/* Sorted in; what lies more than within_ms before the newest goes. */
static void put(int64_t *list, unsigned *count, int64_t at, int64_t within_ms)
{
	unsigned n = *count, pos = n, gone = 0;

	while (pos && list[pos - 1] > at)
		pos--;
	if (n == COUNT_WITHIN_MAX) {
		if (!pos)
			return;
		memmove(list, list + 1, --pos * sizeof(*list));
	} else {
		memmove(list + pos + 1, list + pos, (n - pos) * sizeof(*list));
		n++;
	}
	list[pos] = at;
	while (list[n - 1] - list[gone] > within_ms)
		gone++;
	memmove(list, list + gone, (n - gone) * sizeof(*list));
	*count = n - gone;
}

static struct tally *ours(struct step *st)
{
	struct change *c = st->out;

	if (!c->tally_changed && st->s->tally)
		c->tally = *st->s->tally;
	else if (!c->tally_changed)
		c->tally = (struct tally){ .key = st->verdict->dedup_key };
	c->tally_changed = true;
	return &c->tally;
}

void tally_add(struct step *st, unsigned kinds)
{
	const struct verdict *v = st->verdict;
	struct tally *t;

	if (kinds & TALLY_ALARM && v->open_when.count) {
		t = ours(st);
		put(t->alarms, &t->alarm_count, moment(st),
		    v->open_when.within_ms);
	}
	if (kinds & TALLY_FLIP && v->flap.count) {
		t = ours(st);
		put(t->flips, &t->flip_count, moment(st), v->flap.within_ms);
	}
}

static const struct tally *known(const struct step *st)
{
	return st->out->tally_changed ? &st->out->tally : st->s->tally;
}

/* How many lie within the time before at. */
static unsigned within(const int64_t *list, unsigned n, int64_t at,
		       int64_t within_ms)
{
	unsigned old = 0;

	while (old < n && at - list[old] > within_ms)
		old++;
	return n - old;
}

bool tally_enough(struct step *st, unsigned *count)
{
	const struct count_within *want = &st->verdict->open_when;
	const struct tally *t = known(st);

	*count = 0;
	if (!want->count)
		return true;
	if (t)
		*count = within(t->alarms, t->alarm_count, moment(st),
				want->within_ms);
	return *count >= want->count;
}

bool tally_flaps(struct step *st)
{
	const struct count_within *want = &st->verdict->flap;
	const struct tally *t = known(st);

	return want->count && t &&
	       within(t->flips, t->flip_count, moment(st), want->within_ms) >=
		       want->count;
}
