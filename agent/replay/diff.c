#include "agent/replay/diff.h"

#include <errno.h>
#include <stdlib.h>

static const struct opening *open_at(const struct side_alarm *a, size_t i)
{
	return &a->openings[i];
}

static bool overlap(const struct opening *a, const struct opening *b)
{
	return (!a->ended_ms || b->opened_ms < a->ended_ms) &&
	       (!b->ended_ms || a->opened_ms < b->ended_ms);
}

/* The same incident under both. */
static void same(struct change_counts *c, const struct opening *a,
		 const struct opening *b)
{
	c->later += b->opened_ms > a->opened_ms;
	c->earlier += b->opened_ms < a->opened_ms;
	c->ended += b->ended_ms != a->ended_ms;
	if (a->priority != b->priority)
		c->priority[a->priority][b->priority]++;
	if (a->group != b->group)
		c->group++;
	else if (a->ci != b->ci)
		c->ci++;
	else if (a->text != b->text)
		c->text++;
}

/*
 * Both are in the order of time. An opening that the other side has at the
 * same moment is never taken for another one.
 */
static void compare_openings(struct change_counts *c,
			     const struct side_alarm *a,
			     const struct side_alarm *b)
{
	size_t i = 0, k = 0;

	while (i < a->opening_count && k < b->opening_count) {
		const struct opening *x = open_at(a, i), *y = open_at(b, k);
		bool x_first = x->opened_ms < y->opened_ms;
		const struct side_alarm *later = x_first ? a : b;
		size_t next = (x_first ? i : k) + 1;
		int64_t other = x_first ? y->opened_ms : x->opened_ms;
		bool exact = next < later->opening_count &&
			     open_at(later, next)->opened_ms == other;

		if (x->opened_ms == y->opened_ms ||
		    (!exact && overlap(x, y))) {
			same(c, x, y);
			i++;
			k++;
		} else if (x_first) {
			c->fewer++;
			i++;
		} else {
			c->more++;
			k++;
		}
	}
	c->fewer += a->opening_count - i;
	c->more += b->opening_count - k;
}

static bool counts_differ(const struct counts *a, const struct counts *b)
{
	return memcmp(a, b, sizeof(*a)) != 0;
}

static bool changed(const struct change_counts *c)
{
	static const struct change_counts none;

	return memcmp(c, &none, sizeof(none)) != 0;
}

/* ---- rows ---- */

struct table {
	struct diff_row *rows;		/* of every alarm of either side */
	size_t count;
};

static const struct side_alarm no_alarm;

static struct diff_row row_of(const struct side_alarm *a,
			      const struct side_alarm *b)
{
	const struct side_alarm *name = a ? a : b;
	struct diff_row r = { .account = name->account,
			      .region = name->region,
			      .alarm = name->alarm };

	a = a ? a : &no_alarm;
	b = b ? b : &no_alarm;
	r.team_before = a->team;
	r.team_after = b->team;
	r.before = a->counts;
	r.after = b->counts;
	compare_openings(&r.change, a, b);
	return r;
}

/* Events are of the same alarms on both sides; parent incidents may not be. */
static int make_rows(struct table *t, const struct side *before,
		     const struct side *after)
{
	size_t n = side_alarms(before), m = side_alarms(after);

	t->rows = calloc(n + m + 1, sizeof(*t->rows));
	if (!t->rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct side_alarm *a = side_alarm_at(before, i);

		t->rows[t->count++] = row_of(a, side_alarm_of(after, a));
	}
	for (size_t i = 0; i < m; i++) {
		const struct side_alarm *b = side_alarm_at(after, i);

		if (!side_alarm_of(before, b))
			t->rows[t->count++] = row_of(NULL, b);
	}
	return 0;
}

/* `before` names an event's alarm by its place, which is the row's. */
static void compare_events(struct table *t, const struct side *before,
			   const struct side *after)
{
	size_t n = side_events(before);

	for (size_t i = 0; i < n && i < side_events(after); i++) {
		const struct decided *a = side_decided(before, i);
		const struct decided *b = side_decided(after, i);
		struct diff_row *r = &t->rows[a->alarm];

		r->change.newly_held += !a->hold && b->hold;
		r->change.no_longer_held += a->hold && !b->hold;
		if (a->action == b->action && a->priority == b->priority &&
		    a->team == b->team && a->hold == b->hold)
			continue;
		r->change.decisions++;
		if (!r->first)
			r->first = i + 1;
	}
}

/* ---- what matters first ---- */

uint64_t diff_priorities(const struct change_counts *c)
{
	uint64_t n = 0;

	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 5; k++)
			n += c->priority[i][k];
	return n;
}

static uint64_t weight(const struct diff_row *r)
{
	const struct change_counts *c = &r->change;

	return 100 * (c->more + c->fewer) + 50 * diff_priorities(c) +
	       20 * (c->newly_held + c->no_longer_held) +
	       10 * (c->later + c->earlier + c->group + c->ci) + c->ended +
	       c->text + c->decisions;
}

static int by_weight(const void *a, const void *b)
{
	const struct diff_row *x = a, *y = b;
	uint64_t p = weight(x), q = weight(y);
	int c = (p < q) - (p > q);

	if (!c)
		c = str_cmp(x->team_after, y->team_after);
	if (!c)
		c = str_cmp(x->alarm, y->alarm);
	if (!c)
		c = str_cmp(x->account, y->account);
	return c ? c : str_cmp(x->region, y->region);
}

static void add_counts(struct counts *to, const struct counts *c)
{
	to->incidents += c->incidents;
	for (int i = 0; i < 5; i++)
		to->by_priority[i] += c->by_priority[i];
	to->resolved += c->resolved;
	to->reopened += c->reopened;
	to->raised += c->raised;
	to->notes += c->notes;
	to->held += c->held;
}

static void add_change(struct change_counts *to, const struct change_counts *c)
{
	to->more += c->more;
	to->fewer += c->fewer;
	to->later += c->later;
	to->earlier += c->earlier;
	to->ended += c->ended;
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 5; k++)
			to->priority[i][k] += c->priority[i][k];
	to->group += c->group;
	to->ci += c->ci;
	to->text += c->text;
	to->newly_held += c->newly_held;
	to->no_longer_held += c->no_longer_held;
	to->decisions += c->decisions;
}

int diff_make(struct diff *out, const struct side *before,
	      const struct side *after)
{
	struct table t = { 0 };
	struct diff d = { 0 };
	int rc = make_rows(&t, before, after);

	if (rc)
		return rc;
	compare_events(&t, before, after);
	d.alarms = t.count;
	for (size_t i = 0; i < t.count; i++) {
		struct diff_row r = t.rows[i];

		add_counts(&d.before, &r.before);
		add_counts(&d.after, &r.after);
		add_change(&d.change, &r.change);
		if (changed(&r.change) || counts_differ(&r.before, &r.after))
			t.rows[d.row_count++] = r;
	}
	qsort(t.rows, d.row_count, sizeof(*t.rows), by_weight);
	*out = d;
	out->rows = t.rows;
	return 0;
}

void diff_fini(struct diff *d)
{
	free(d->rows);
	*d = (struct diff){ 0 };
}
