#include "agent/sandbox/db.h"

#include <errno.h>
#include <stdlib.h>

static const char schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
	"PRAGMA busy_timeout=5000;"
	"CREATE TABLE IF NOT EXISTS incident("
	" n INTEGER PRIMARY KEY AUTOINCREMENT, fields TEXT NOT NULL,"
	" marker TEXT, key TEXT, created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS incident_marker ON incident(marker)"
	" WHERE marker IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS incident_state"
	" ON incident(json_extract(fields,'$.state'), n);"
	"CREATE TABLE IF NOT EXISTS note("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL,"
	" body TEXT NOT NULL, visibility TEXT, created_ms INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS note_n ON note(n);"
	"CREATE TABLE IF NOT EXISTS thing("
	" kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT, arn TEXT,"
	" resource_id TEXT, state TEXT, ci_id TEXT, json TEXT NOT NULL,"
	" PRIMARY KEY(kind, id));"
	"CREATE INDEX IF NOT EXISTS thing_name ON thing(kind, name);"
	"CREATE INDEX IF NOT EXISTS thing_arn ON thing(kind, arn);"
	"CREATE INDEX IF NOT EXISTS thing_resource ON thing(kind, resource_id);"
	"CREATE TABLE IF NOT EXISTS text("
	" name TEXT PRIMARY KEY, value TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS job("
	" id TEXT PRIMARY KEY, kind TEXT NOT NULL, owner INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL, span_ms INTEGER NOT NULL,"
	" fail INTEGER NOT NULL, total INTEGER NOT NULL,"
	" next INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,"
	" ended INTEGER NOT NULL DEFAULT 0, request TEXT NOT NULL,"
	" failed TEXT NOT NULL DEFAULT '', made TEXT NOT NULL DEFAULT '');"
	"CREATE INDEX IF NOT EXISTS job_open ON job(id) WHERE NOT ended;";

/* What a folder of an earlier version lacks. */
static const char *const columns[][3] = {
	{ "incident", "resolved_ms", "INTEGER" },
};

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	return !sqlite3_table_column_metadata(db, NULL, table, column, NULL,
					      NULL, NULL, NULL, NULL);
}

static int add_columns(sqlite3 *db)
{
	int ret = SQLITE_OK;

	for (size_t i = 0; !ret && i < sizeof(columns) / sizeof(*columns);
	     i++) {
		struct buf sql = BUF_INIT(256);

		buf_printf(&sql, "ALTER TABLE %s ADD COLUMN %s %s",
			   columns[i][0], columns[i][1], columns[i][2]);
		if (!has_column(db, columns[i][0], columns[i][1]))
			ret = sqlite3_exec(db, sql.p, NULL, NULL, NULL);
		buf_fini(&sql);
	}
	return ret;
}

int box_db_failed(struct box_records *r, struct err *err)
{
	return err_set(err, -EIO, "the sandbox's database: %s",
		       sqlite3_errmsg(r->db));
}

int box_records_open(struct box_records **out, const char *path,
		     struct err *err)
{
	struct box_records *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	if (sqlite3_open_v2(path, &r->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_NOMUTEX,
			    NULL) ||
	    sqlite3_exec(r->db, schema, NULL, NULL, NULL) ||
	    add_columns(r->db)) {
		ret = box_db_failed(r, err);
		box_records_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

void box_records_close(struct box_records *r)
{
	if (!r)
		return;
	sqlite3_close(r->db);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Under the lock until box_db_done(). */
int box_db_begin(sqlite3_stmt **out, struct box_records *r, const char *sql,
		 struct err *err)
{
	pthread_mutex_lock(&r->lock);
	if (!sqlite3_prepare_v2(r->db, sql, -1, out, NULL))
		return 0;
	box_db_failed(r, err);
	pthread_mutex_unlock(&r->lock);
	return -EIO;
}

void box_db_done(sqlite3_stmt *st, struct box_records *r)
{
	sqlite3_finalize(st);
	pthread_mutex_unlock(&r->lock);
}

void box_db_bind(sqlite3_stmt *st, int at, struct str s)
{
	if (s.p)
		sqlite3_bind_text(st, at, s.p, (int)s.n, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, at);
}

struct str box_db_column(sqlite3_stmt *st, int at)
{
	const unsigned char *p = sqlite3_column_text(st, at);

	return p ? (struct str){ (const char *)p,
				 (size_t)sqlite3_column_bytes(st, at) }
		 : STR_NONE;
}

int box_db_finish(sqlite3_stmt *st, struct box_records *r, struct err *err)
{
	int ret = sqlite3_step(st) == SQLITE_DONE ? 0 : box_db_failed(r, err);

	if (!ret && !sqlite3_changes(r->db))
		ret = BOX_NOT_FOUND;
	box_db_done(st, r);
	return ret;
}
