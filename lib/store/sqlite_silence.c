#include <errno.h>

#include "store/sqlite.h"

#define ENDED_MAX 500

int sqlite_put_silence(struct sqlite *d, const struct store_job *j)
{
	const struct store_silence *x = j->silence;
	struct query u = query_begin(&d->q, SQL_PUT_SILENCE);
	int r;

	put_str(&u, x->id);
	put_str(&u, x->match);
	put_str(&u, x->owner);
	put_str(&u, x->reason);
	put_int(&u, x->begins_ms);
	put_int(&u, x->ends_ms);
	put_int(&u, x->created_ms);
	r = query_run(&u);
	if (r)
		return r;
	u = query_begin(&d->q, SQL_TRIM_SILENCES);
	put_int(&u, STORE_SILENCES);
	return query_run(&u);
}

static int release_by(struct sqlite *d, enum sql_statement n, struct str hold,
		      int64_t now_ms)
{
	struct query u = query_begin(&d->q, n);
	int r;

	put_str(&u, hold);
	put_int(&u, now_ms);
	r = query_run(&u);
	return r ? r : sqlite3_changes(d->q.db);
}

static int release(struct sqlite *d, struct str hold, int64_t now_ms)
{
	int alarms = release_by(d, SQL_RELEASE, hold, now_ms), notes;

	if (alarms < 0)
		return alarms;
	notes = release_by(d, SQL_RELEASE_OPEN, hold, now_ms);
	d->tally.what |= 4;
	return notes < 0 ? notes : alarms + notes;
}

int sqlite_release(struct sqlite *d, struct store_job *j)
{
	int r = release(d, j->file, j->ms);

	if (r < 0)
		return r;
	j->count = r;
	return 0;
}

int sqlite_silences_recover(struct sqlite *d, int64_t now_ms)
{
	struct arena *arena = arena_new(1 << 20);
	struct query u = query_begin(&d->q, SQL_ENDED_EARLY);
	struct str ids[ENDED_MAX];
	size_t n = 0;
	int r = 1;

	if (!arena)
		return -ENOMEM;
	u.arena = arena;
	put_int(&u, now_ms);
	put_int(&u, ENDED_MAX);
	while (n < ENDED_MAX && (r = query_row(&u)) > 0)
		ids[n++] = get_str(&u);
	if (r > 0)
		query_end(&u);
	if (r >= 0)
		r = arena_error(arena);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = release(d, ids[i], now_ms);
	arena_free(arena);
	return r < 0 ? r : 0;
}

int sqlite_expire_silences(struct sqlite *d, int64_t before_ms)
{
	struct query u = query_begin(&d->q, SQL_DROP_SILENCES);

	put_int(&u, before_ms);
	return query_run(&u);
}

int sqlite_silences_back(struct sqlite *d, int64_t now_ms, int64_t by_ms)
{
	struct query u = query_begin(&d->q, SQL_SILENCES_BACK);

	put_int(&u, now_ms);
	put_int(&u, by_ms);
	return query_run(&u);
}

static struct sql *sql_of(struct store_reader *r)
{
	return &((struct sqlite_reader *)r)->q;
}

int sqlite_silences(struct store_silence *out, size_t max,
		    struct store_reader *r, int64_t after_ms,
		    struct arena *arena)
{
	struct query u = query_begin(sql_of(r), SQL_SILENCES);
	size_t n = 0;
	int rc;

	u.arena = arena;
	put_int(&u, after_ms);
	put_int(&u, (int64_t)max);
	while ((rc = query_row(&u)) > 0 && n < max) {
		struct store_silence *x = &out[n++];

		x->id = get_str(&u);
		x->match = get_str(&u);
		x->owner = get_str(&u);
		x->reason = get_str(&u);
		x->begins_ms = get_int(&u);
		x->ends_ms = get_int(&u);
		x->created_ms = get_int(&u);
	}
	if (rc >= 0)
		rc = arena_error(arena);
	return rc ? rc : (int)n;
}
