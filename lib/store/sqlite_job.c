#include <errno.h>

#include "store/sqlite.h"

#define DAY_MS 86400000LL
/* The longest that a sender may try again what it has sent. */
#define IDENTITY_MS (8 * DAY_MS)

static int recover(struct sqlite *d, struct store_job *j)
{
	struct query u = query_begin(&d->q, SQL_RECOVER_FLIGHT);
	int r;

	put_int(&u, j->ms);
	r = query_run(&u);
	if (r)
		return r;
	j->count = sqlite3_changes(d->q.db);
	d->tally.counts.in_doubt += j->count;
	d->tally.what |= 2;
	u = query_begin(&d->q, SQL_RECOVER_CLAMP);
	put_int(&u, j->ms);
	put_int(&u, OP_NEVER_MS);
	r = query_run(&u);
	if (!r)
		r = sqlite_timers_recover(d, j->ms);
	return r ? r : sqlite_silences_recover(d, j->ms);
}

/*
 * A table is walked in windows of so many rows, and a window's rows that may
 * go are dropped. At the end, or where rows are too young, it starts anew.
 */
struct walk {
	enum sql_statement window, drop;
	int64_t keep_from;	/* rows from here on stay */
	int64_t before_ms;
};

static int step(struct sqlite *d, const struct walk *w, int64_t *at,
		size_t max, int64_t *to)
{
	struct query u = query_begin(&d->q, w->window);
	int64_t rows, newest;
	int r;

	put_int(&u, *at);
	put_int(&u, (int64_t)max);
	r = query_row(&u);
	if (r < 0)
		return r;
	rows = get_int(&u);
	*to = get_int(&u);
	newest = get_int(&u);
	query_end(&u);
	if (*to >= w->keep_from)
		*to = w->keep_from - 1;
	u = query_begin(&d->q, w->drop);
	put_int(&u, *at);
	put_int(&u, *to);
	put_int(&u, w->before_ms);
	r = rows ? query_run(&u) : 0;
	if (r)
		return r;
	r = rows ? sqlite3_changes(d->q.db) : 0;
	*at = rows < (int64_t)max || newest >= w->before_ms ? 0 : *to;
	return r;
}

static int drop_in(struct sqlite *d, enum sql_statement n, int64_t from,
		   int64_t to)
{
	struct query u = query_begin(&d->q, n);

	put_int(&u, from);
	put_int(&u, to);
	return query_run(&u);
}

static int expire_events(struct sqlite *d, struct store_job *j)
{
	/* The last row of a table stays: it holds the number to go on from. */
	struct walk w = { SQL_EVENT_WINDOW, SQL_DROP_EVENTS,
			  d->tally.next_event - 1, j->ms };
	int64_t from = d->at[0], to = 0;
	struct query u;
	int r = step(d, &w, &d->at[0], j->max, &to);

	if (r <= 0)
		return r;
	j->count = r;
	r = drop_in(d, SQL_DROP_OUTCOMES, from, to);
	if (!r)
		r = drop_in(d, SQL_DROP_PAYLOADS, from, to);
	if (r)
		return r;
	d->dropped += j->count;
	d->tally.counts.events -= j->count;
	u = query_begin(&d->q, SQL_PUT_META);
	put_str(&u, STR("store.dropped"));
	put_int(&u, d->dropped);
	return query_run(&u);
}

static int expire(struct sqlite *d, struct store_job *j)
{
	int64_t identities = j->ms;
	const struct store_tally *t = &d->tally;
	struct query u = query_begin(&d->q, SQL_LAST_AUDIT);
	int64_t audits = 0;
	int r = query_int(&u, 0, &audits);

	if (!r)
		r = expire_events(d, j);
	if (d->retain_ms < IDENTITY_MS)
		identities -= IDENTITY_MS - d->retain_ms;

	const struct walk walks[] = {
		{ SQL_OP_WINDOW, SQL_DROP_OPS, t->next_op - 1, j->ms },
		{ SQL_INCIDENT_WINDOW, SQL_DROP_INCIDENTS,
		  t->next_incident - 1, j->ms },
		{ SQL_MEMBER_WINDOW, SQL_DROP_MEMBERS, t->next_member - 1,
		  j->ms },
		{ SQL_TALLY_WINDOW, SQL_DROP_TALLIES, t->next_tally - 1,
		  j->ms },
		{ SQL_IDENTITY_WINDOW, SQL_DROP_IDENTITIES, INT64_MAX,
		  identities },
		{ SQL_AUDIT_WINDOW, SQL_DROP_AUDIT, audits, j->ms },
	};

	for (size_t i = 0; i < sizeof(walks) / sizeof(*walks) && r >= 0; i++) {
		int64_t to;

		r = step(d, &walks[i], &d->at[i + 1], j->max, &to);
	}
	if (r >= 0 && !d->at[0])
		r = sqlite_drop_rulesets(d, j->ms);
	return r < 0 ? r : sqlite_expire_silences(d, j->ms);
}

static int keep_rules(struct sqlite *d, const struct store_job *j)
{
	struct query u = query_begin(&d->q, SQL_PUT_RULES);

	put_str(&u, j->file);
	put_blob(&u, j->text);
	return query_run(&u);
}

static int clock_back(struct sqlite *d, const struct store_job *j)
{
	struct query u = query_begin(&d->q, SQL_CLOCK_BACK);
	int r;

	put_int(&u, j->ms);
	put_int(&u, j->by_ms);
	put_int(&u, OP_NEVER_MS);
	d->tally.what |= 2;
	r = query_run(&u);
	if (!r)
		r = sqlite_timers_back(d, j->ms, j->by_ms);
	return r ? r : sqlite_silences_back(d, j->ms, j->by_ms);
}

int sqlite_job(void *db, struct store_job *j)
{
	j->count = 0;
	switch (j->kind) {
	case JOB_RECOVER:
		return recover(db, j);
	case JOB_EXPIRE:
		return expire(db, j);
	case JOB_RULES:
		return keep_rules(db, j);
	case JOB_RULESET:
		return sqlite_keep_ruleset(db, j);
	case JOB_CLOCK_BACK:
		return clock_back(db, j);
	case JOB_SILENCE:
		return sqlite_put_silence(db, j);
	case JOB_RELEASE:
		return sqlite_release(db, j);
	case JOB_ERASE:
		return sqlite_erase(db, j);
	case JOB_SCRUB:
		break;
	}
	return -EINVAL;
}
