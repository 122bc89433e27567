/* What is read for tools: events with all that was decided, oldest first, and
 * a store that may be another process's. */
#include <errno.h>

#include "store/sqlite.h"

static struct query begin(struct store_reader *r, enum sql_statement n,
			  struct arena *arena)
{
	struct query u = query_begin(&((struct sqlite_reader *)r)->q, n);

	u.arena = arena;
	return u;
}

int sqlite_past_events(struct past_event *out, size_t max,
		       struct store_reader *r, int64_t after, int64_t since_ms,
		       struct arena *arena)
{
	struct query u = begin(r, SQL_PAST_EVENTS, arena);
	int got, n = 0;

	put_int(&u, after);
	put_int(&u, since_ms);
	put_int(&u, (int64_t)max);
	while ((got = query_row(&u)) > 0) {
		sqlite_get_event(&out[n].event, &u,
				 &((struct sqlite_reader *)r)->id);
		sqlite_get_outcome(&out[n].event, &u);
		out[n++].ci_id = get_str(&u);
	}
	if (got < 0)
		return got;
	return arena_error(arena) ? -ENOMEM : n;
}

int sqlite_past_count(int64_t *out, struct store_reader *r, int64_t since_ms)
{
	struct query u = begin(r, SQL_PAST_COUNT, NULL);

	put_int(&u, since_ms);
	return query_int(&u, 0, out);
}

static int ask_version(struct sqlite_reader *s, const char *text, int *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->q.db, text, -1, &st, NULL);

	if (!rc)
		rc = sqlite3_step(st);
	*out = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : sql_errno(rc);
}

static int check(struct sqlite_reader *s, const char *path, struct err *err)
{
	int id = 0, version = 0;
	int rc = ask_version(s, "PRAGMA application_id", &id);

	if (!rc)
		rc = ask_version(s, "PRAGMA user_version", &version);
	if (rc)
		return err_set(err, rc, "%s can't be read: %s", path,
			       sqlite3_errmsg(s->q.db));
	if (id != SQL_APPLICATION_ID)
		return err_set(err, -EUCLEAN, "%s is no store of tocsin's",
			       path);
	if (version != SQL_SCHEMA_VERSION)
		return err_set(err, -ENOTSUP, "%s has schema version %d, this "
			       "tocsin reads %d: %s", path, version,
			       SQL_SCHEMA_VERSION,
			       version > SQL_SCHEMA_VERSION ?
			       "use the newer tocsin that made it" :
			       "start the agent (tocsin run) once with this "
			       "version, which upgrades it, or read it with "
			       "the one that made it");
	return 0;
}

int sqlite_look(struct store_reader **out, const char *where, struct err *err)
{
	struct store_reader *r;
	int rc = sqlite_open_reader(&r, where, err);

	if (rc)
		return rc;
	rc = check((struct sqlite_reader *)r, where, err);
	if (rc)
		sqlite_reader_close(r);
	else
		*out = r;
	return rc;
}
