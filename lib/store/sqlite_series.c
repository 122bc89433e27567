/* What a timeline and a chart ask: an event's operations, counts by time. */
#include <errno.h>

#include "store/sqlite.h"

int sqlite_event_ops(struct op *out, size_t max, struct store_reader *r,
		     const struct event *e, struct arena *arena)
{
	struct query u = reader_query(r, SQL_EVENT_OPS, arena);

	put_int(&u, e->incident);
	put_str(&u, e->id);
	put_int(&u, (int64_t)max);
	return get_ops(out, 0, max, &u);
}

int sqlite_incident_ops(struct op *out, size_t max, struct store_reader *r,
			int64_t incident, int64_t before, struct arena *arena)
{
	struct query u = reader_query(r, SQL_INCIDENT_OPS, arena);

	put_int(&u, incident);
	put_int(&u, before > 0 ? before : INT64_MAX);
	put_int(&u, (int64_t)max);
	return get_ops(out, 0, max, &u);
}

struct numbered {
	enum sql_statement last, row;
	size_t field;			/* of a bucket */
};

/* The first row from a number on: its number and its time; 0: none. */
static int row_from(int64_t *at, int64_t *ms, struct store_reader *r,
		    enum sql_statement n, int64_t from)
{
	struct query u = reader_query(r, n, NULL);
	int got;

	put_int(&u, from);
	got = query_row(&u);
	if (got <= 0)
		return got;
	*at = get_int(&u);
	*ms = get_int(&u);
	query_end(&u);
	return 1;
}

/*
 * The least number from lo to hi whose row, or the next one where it has none,
 * is of ms or later; rows were numbered as time went by.
 */
static int bisect(int64_t *lo, struct store_reader *r, enum sql_statement n,
		  int64_t hi, int64_t ms)
{
	while (*lo < hi) {
		int64_t mid = *lo + (hi - *lo) / 2, at, time;
		int got = row_from(&at, &time, r, n, mid);

		if (got < 0)
			return got;
		if (!got || time >= ms)
			hi = mid;
		else
			*lo = at + 1;
	}
	return 0;
}

static int count_numbered(struct store_bucket *out, size_t n,
			  struct store_reader *r, int64_t from_ms,
			  int64_t step_ms, const struct numbered *what)
{
	struct query u = reader_query(r, what->last, NULL);
	int64_t lo = 0, last = 0, ms;
	int got = query_int(&u, 0, &last);

	if (!got)
		got = bisect(&lo, r, what->row, last + 1, from_ms);
	/* Numbers whose rows are gone were given at a time unknown. */
	if (!got)
		got = row_from(&lo, &ms, r, what->row, lo);
	if (got <= 0)
		return got;
	got = 0;
	for (size_t i = 0; i < n && !got; i++) {
		int64_t before = lo;

		got = bisect(&lo, r, what->row, last + 1,
			     from_ms + (int64_t)(i + 1) * step_ms);
		*(int64_t *)((char *)&out[i] + what->field) = lo - before;
	}
	return got;
}

static int count_ended(struct store_bucket *out, size_t n,
		       struct store_reader *r, int64_t from_ms,
		       int64_t step_ms)
{
	struct query u = reader_query(r, SQL_SERIES_OPS, NULL);
	int got;

	put_int(&u, from_ms);
	put_int(&u, step_ms);
	put_int(&u, from_ms + (int64_t)n * step_ms);
	while ((got = query_row(&u)) > 0) {
		size_t i = (size_t)get_int(&u);
		enum op_kind kind = (enum op_kind)get_int(&u);

		if (i < n && kind == OP_RESOLVE)
			out[i].resolved = get_int(&u);
		else if (i < n && kind == OP_NOTE)
			out[i].notes = get_int(&u);
	}
	return got;
}

int sqlite_series(struct store_bucket *out, size_t n, struct store_reader *r,
		  int64_t from_ms, int64_t step_ms)
{
	static const struct numbered events = {
		SQL_LAST_EVENT, SQL_EVENT_FROM,
		offsetof(struct store_bucket, events),
	};
	static const struct numbered incidents = {
		SQL_LAST_INCIDENT, SQL_INCIDENT_FROM,
		offsetof(struct store_bucket, incidents),
	};
	int rc;

	if (step_ms <= 0 || n > INT32_MAX)
		return -EINVAL;
	memset(out, 0, n * sizeof(*out));
	rc = count_numbered(out, n, r, from_ms, step_ms, &events);
	if (!rc)
		rc = count_numbered(out, n, r, from_ms, step_ms, &incidents);
	return rc ? rc : count_ended(out, n, r, from_ms, step_ms);
}
