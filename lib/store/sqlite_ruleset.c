/* Rule sets of other days, by their hash. */
#include "store/sqlite.h"

/*
 * What decides from now on, and when the one before it ended. An ended one
 * that comes again is at work again.
 */
int sqlite_keep_ruleset(struct sqlite *d, const struct store_job *j)
{
	struct query u = query_begin(&d->q, SQL_END_RULESETS);
	int r;

	put_int(&u, j->ms);
	put_str(&u, j->file);
	r = query_run(&u);
	if (r)
		return r;
	u = query_begin(&d->q, SQL_AGAIN_RULESET);
	put_str(&u, j->file);
	r = query_run(&u);
	if (r || sqlite3_changes(d->q.db))
		return r;
	u = query_begin(&d->q, SQL_PUT_RULESET);
	put_str(&u, j->file);
	put_blob(&u, j->text);
	return query_run(&u);
}

/*
 * The events that an ended set has decided have numbers up to the newest one
 * when its end is first seen here, with room for a batch that was under way;
 * only these are looked through, and few of them are left by the time that all
 * were to go.
 */
int sqlite_drop_rulesets(struct sqlite *d, int64_t before_ms)
{
	struct query u = query_begin(&d->q, SQL_MARK_RULESETS);
	int r;

	put_int(&u, d->tally.next_event + 1000);
	r = query_run(&u);
	if (r || d->dropped == d->rulesets_seen)
		return r;
	u = query_begin(&d->q, SQL_DROP_RULESETS);
	put_int(&u, before_ms);
	r = query_run(&u);
	if (!r)
		d->rulesets_seen = d->dropped;
	return r;
}

int sqlite_ruleset(struct str *out, struct store_reader *r, struct str hash,
		   struct arena *arena)
{
	struct query u = query_begin(&((struct sqlite_reader *)r)->q,
				     SQL_RULESET);
	struct str text;
	int got;

	u.arena = arena;
	put_str(&u, hash);
	got = query_row(&u);
	if (got <= 0)
		return got;
	text = get_str(&u);
	query_end(&u);
	if (arena_error(arena))
		return arena_error(arena);
	*out = text;
	return 1;
}
