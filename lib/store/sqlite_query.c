#include <errno.h>

#include "store/sqlite.h"

void sql_fini(struct sql *q)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(q->stmt[i]);
		q->stmt[i] = NULL;
	}
	sqlite3_close(q->db);
	q->db = NULL;
}

int sql_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -E2BIG;
	default:
		return -EIO;
	}
}

struct query query_begin(struct sql *q, enum sql_statement n)
{
	struct query u = { .q = q, .st = q->stmt[n] };

	if (!u.st) {
		u.rc = sqlite3_prepare_v3(q->db, sql_text[n], -1,
					  SQLITE_PREPARE_PERSISTENT,
					  &q->stmt[n], NULL);
		u.st = q->stmt[n];
	}
	return u;
}

static void note(struct query *u, int rc)
{
	if (!u->rc)
		u->rc = rc;
}

void put_int(struct query *u, int64_t v)
{
	if (!u->rc)
		note(u, sqlite3_bind_int64(u->st, ++u->at, v));
}

/* Bound without a copy: what is bound outlives the run. */
void put_str(struct query *u, struct str s)
{
	if (u->rc)
		return;
	if (!s.p)
		note(u, sqlite3_bind_null(u->st, ++u->at));
	else
		note(u, sqlite3_bind_text64(u->st, ++u->at, s.p, s.n,
					    SQLITE_STATIC, SQLITE_UTF8));
}

void put_blob(struct query *u, struct str s)
{
	if (u->rc)
		return;
	if (!s.p)
		note(u, sqlite3_bind_null(u->st, ++u->at));
	else
		note(u, sqlite3_bind_blob64(u->st, ++u->at, s.p, s.n,
					    SQLITE_STATIC));
}

int query_row(struct query *u)
{
	int rc = u->rc ? u->rc : sqlite3_step(u->st);

	u->at = 0;
	if (rc == SQLITE_ROW)
		return 1;
	query_end(u);
	return sql_errno(rc);
}

void query_end(struct query *u)
{
	sqlite3_reset(u->st);
}

int query_run(struct query *u)
{
	int r;

	do
		r = query_row(u);
	while (r > 0);
	return r;
}

int query_int(struct query *u, int64_t absent, int64_t *out)
{
	int r = query_row(u);

	if (r < 0)
		return r;
	*out = r ? get_int(u) : absent;
	if (r)
		query_end(u);
	return 0;
}

int64_t get_int(struct query *u)
{
	return sqlite3_column_int64(u->st, u->at++);
}

struct str get_view(struct query *u)
{
	int at = u->at++;
	/* Not column_text: it may allocate for a NUL that nobody needs. */
	const char *p = sqlite3_column_blob(u->st, at);

	if (p)
		return (struct str){ p, (size_t)sqlite3_column_bytes(u->st,
								     at) };
	return sqlite3_column_type(u->st, at) == SQLITE_NULL ? STR_NONE :
							       STR("");
}

struct str get_str(struct query *u)
{
	return arena_str(u->arena, get_view(u));
}
