#include <errno.h>

#include "store/sqlite.h"

/* Steps back of less are waited out. */
#define BACK_MS 5000

/* ---- tallies: moments as 8 bytes each, big-endian, oldest first ---- */

#define MOMENTS_MAX (8 * COUNT_WITHIN_MAX)

static struct str pack(unsigned char *out, const int64_t *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (int k = 0; k < 8; k++)
			out[8 * i + (unsigned)k] = (unsigned char)
				((uint64_t)list[i] >> (56 - 8 * k));
	return (struct str){ (const char *)out, 8 * (size_t)n };
}

static unsigned unpack(int64_t *out, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned n = s.n / 8 < COUNT_WITHIN_MAX ? (unsigned)(s.n / 8) :
						  COUNT_WITHIN_MAX;

	for (unsigned i = 0; i < n; i++) {
		uint64_t v = 0;

		for (int k = 0; k < 8; k++)
			v = v << 8 | p[8 * i + (unsigned)k];
		out[i] = (int64_t)v;
	}
	return n;
}

static int64_t newest(const struct tally *t)
{
	int64_t a = t->alarm_count ? t->alarms[t->alarm_count - 1] : 0;
	int64_t b = t->flip_count ? t->flips[t->flip_count - 1] : 0;

	return a > b ? a : b;
}

int sqlite_write_tally(struct sqlite *d, struct tally *t)
{
	unsigned char alarms[MOMENTS_MAX], flips[MOMENTS_MAX];
	struct query u = query_begin(&d->q, t->id ? SQL_SET_TALLY :
						    SQL_PUT_TALLY);
	bool fresh = !t->id;

	if (fresh) {
		t->id = d->tally.next_tally++;
		put_int(&u, t->id);
		put_int(&u, (int64_t)sqlite_hash(d, t->key));
		put_str(&u, t->key);
	}
	put_int(&u, newest(t));
	put_blob(&u, pack(alarms, t->alarms, t->alarm_count));
	put_blob(&u, pack(flips, t->flips, t->flip_count));
	if (!fresh)
		put_int(&u, t->id);
	return query_run(&u);
}

static void get_tally(struct tally *out, struct query *u)
{
	memset(out, 0, sizeof(*out));
	out->id = get_int(u);
	out->key = get_str(u);
	(void)get_int(u);
	out->alarm_count = unpack(out->alarms, get_view(u));
	out->flip_count = unpack(out->flips, get_view(u));
}

int sqlite_tally_of(struct tally *out, struct store_reader *r, struct str key,
		    struct arena *arena)
{
	struct query u = reader_query(r, SQL_TALLY, arena);
	int got;

	put_int(&u, (int64_t)reader_hash(r, key));
	put_str(&u, key);
	got = query_row(&u);
	if (got > 0)
		get_tally(out, &u);
	return reader_found(&u, got);
}

/* ---- what else a decision asks ---- */

int sqlite_opened(unsigned *out, struct store_reader *r, struct str team,
		  int64_t from_ms, int64_t to_ms)
{
	struct query u = reader_query(r, SQL_OPENED, NULL);
	int64_t n;
	int got;

	put_int(&u, (int64_t)reader_hash(r, team));
	put_int(&u, from_ms);
	put_int(&u, to_ms);
	got = query_int(&u, 0, &n);
	if (!got)
		*out = (unsigned)n;
	return got;
}

int sqlite_open_behind(struct incident *out, size_t max,
		       struct store_reader *r, struct str policy,
		       const struct field *same, size_t same_count,
		       struct arena *arena)
{
	struct query u = reader_query(r, SQL_OPEN_BEHIND, arena);
	int got = 1, n = 0;

	put_int(&u, (int64_t)reader_hash(r, policy));
	while ((size_t)n < max && (got = query_row(&u)) > 0) {
		/* Many may be open: only what is asked for is copied. */
		if (incident_context_has(get_view(&u), same, same_count))
			get_incident(&out[n++], &u);
	}
	got = reader_found(&u, got);
	if (got < 0)
		return got;
	return arena_error(arena) ? -ENOMEM : n;
}

/* ---- what is due ---- */

int sqlite_due_waits(struct member *out, size_t max, struct store_reader *r,
		     int64_t now_ms, struct arena *arena)
{
	struct query u = reader_query(r, SQL_DUE_WAITS, arena);
	int got, n = 0;

	put_int(&u, now_ms);
	put_int(&u, (int64_t)max);
	while ((got = query_row(&u)) > 0)
		get_member(&out[n++], &u);
	if (got < 0)
		return got;
	return arena_error(arena) ? -ENOMEM : n;
}

int sqlite_due_timers(struct incident *out, size_t max,
		      struct store_reader *r, int64_t now_ms,
		      struct arena *arena)
{
	struct query u = reader_query(r, SQL_DUE_TIMERS, arena);
	int got, n = 0;

	put_int(&u, now_ms);
	put_int(&u, (int64_t)max);
	while ((got = query_row(&u)) > 0)
		get_incident(&out[n++], &u);
	if (got < 0)
		return got;
	return arena_error(arena) ? -ENOMEM : n;
}

int sqlite_next_timer(int64_t *out_ms, struct store_reader *r)
{
	struct query u = reader_query(r, SQL_NEXT_WAIT, NULL);
	int64_t wait, timer;
	int got = query_int(&u, INT64_MAX, &wait);

	if (got)
		return got;
	u = reader_query(r, SQL_NEXT_TIMER, NULL);
	got = query_int(&u, INT64_MAX, &timer);
	if (!got)
		*out_ms = wait < timer ? wait : timer;
	return got;
}

int sqlite_count_timers(struct sqlite *d)
{
	struct query u = query_begin(&d->q, SQL_COUNT_WAITS);
	int r = query_row(&u);

	if (r > 0) {
		d->tally.counts.waiting = get_int(&u);
		d->tally.counts.held = get_int(&u);
		query_end(&u);
		u = query_begin(&d->q, SQL_COUNT_TIMERS);
		r = query_int(&u, 0, &d->tally.counts.timers);
	}
	return r;
}

int sqlite_look_again(struct sqlite *d, const struct store_write *w)
{
	static const enum sql_statement both[] = { SQL_AGAIN_MEMBERS,
						   SQL_AGAIN_INCIDENTS };
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		struct query u = query_begin(&d->q, both[i]);

		put_int(&u, w->from);
		put_int(&u, w->until_ms);
		r = query_run(&u);
	}
	d->tally.what |= 4;
	return r;
}

/* ---- a clock that was set back ---- */

static void shift(int64_t *list, unsigned n, int64_t now_ms, int64_t by_ms)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] > now_ms)
			list[i] -= by_ms;
	/* Moments from before and after the step: oldest first again. */
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k > 0 && list[k - 1] > list[k]; k--) {
			int64_t x = list[k];

			list[k] = list[k - 1];
			list[k - 1] = x;
		}
}

static int tallies_back(struct sqlite *d, int64_t now_ms, int64_t by_ms)
{
	struct arena *arena = arena_new(64 << 10);
	struct tally t = { .id = 0 };
	int r = arena ? 1 : -ENOMEM;

	while (r > 0) {
		struct query u = query_begin(&d->q, SQL_BACK_TALLIES);

		u.arena = arena;
		put_int(&u, now_ms);
		put_int(&u, t.id);
		r = query_row(&u);
		if (r <= 0)
			break;
		get_tally(&t, &u);
		query_end(&u);
		shift(t.alarms, t.alarm_count, now_ms, by_ms);
		shift(t.flips, t.flip_count, now_ms, by_ms);
		r = sqlite_write_tally(d, &t);
		if (!r)
			r = 1;
		arena_reset(arena);
	}
	arena_free(arena);
	return r;
}

static int note_back(struct sqlite *d)
{
	struct query u = query_begin(&d->q, SQL_PUT_META);

	put_str(&u, STR("clock.from"));
	put_int(&u, d->tally.next_event);
	return query_run(&u);
}

int sqlite_timers_back(struct sqlite *d, int64_t now_ms, int64_t by_ms)
{
	static const enum sql_statement both[] = { SQL_BACK_MEMBERS,
						   SQL_BACK_INCIDENTS };
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		struct query u = query_begin(&d->q, both[i]);

		put_int(&u, now_ms);
		put_int(&u, by_ms);
		r = query_run(&u);
	}
	if (!r)
		r = tallies_back(d, now_ms, by_ms);
	d->tally.what |= 4;
	return r ? r : note_back(d);
}

/*
 * The newest event tells what the clock was at least; one that was taken in
 * before an earlier step back tells nothing any more.
 */
int sqlite_timers_recover(struct sqlite *d, int64_t now_ms)
{
	struct query u = query_begin(&d->q, SQL_META);
	int64_t from, seen;
	int r;

	put_str(&u, STR("clock.from"));
	r = query_int(&u, 0, &from);
	if (r)
		return r;
	u = query_begin(&d->q, SQL_NEWEST_EVENT);
	put_int(&u, from);
	r = query_int(&u, 0, &seen);
	if (r || seen - now_ms < BACK_MS)
		return r;
	r = sqlite_timers_back(d, now_ms, seen - now_ms);
	return r ? r : sqlite_silences_back(d, now_ms, seen - now_ms);
}
