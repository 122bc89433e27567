#include "agent/sandbox/records.h"

#include <errno.h>
#include <stdio.h>

#include "agent/sandbox/db.h"
#include "agent/sandbox/settings.h"
#include "base/clock.h"
#include "doc/jsonw.h"

int box_incident_create(int64_t *out, struct box_records *r,
			const struct box_new *new, struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(
		&st, r,
		"INSERT INTO incident(fields,marker,key,created_ms,"
		"updated_ms,visible_ms) VALUES(?1,?2,?3,?4,?4,?5)",
		err);

	if (ret)
		return ret;
	box_db_bind(st, 1, new->fields);
	box_db_bind(st, 2, new->marker);
	box_db_bind(st, 3, new->key);
	sqlite3_bind_int64(st, 4, new->now_ms);
	sqlite3_bind_int64(st, 5, new->visible_ms);
	if (sqlite3_step(st) == SQLITE_DONE)
		*out = sqlite3_last_insert_rowid(r->db);
	else
		ret = box_db_failed(r, err);
	box_db_done(st, r);
	return ret;
}

int box_incident_patch(struct box_records *r, int64_t n, struct str fields,
		       int64_t now_ms, struct err *err)
{
	sqlite3_stmt *st;
	int ret =
		box_db_begin(&st, r,
			     "UPDATE incident SET fields=json_patch(fields,?2),"
			     "updated_ms=?3,resolved_ms="
			     "CASE WHEN json_extract(?2,'$.state') IS NULL"
			     " THEN resolved_ms"
			     " WHEN json_extract(?2,'$.state') IN"
			     " ('resolved','closed')"
			     " THEN coalesce(resolved_ms,?3) END"
			     " WHERE n=?1",
			     err);

	if (ret)
		return ret;
	sqlite3_bind_int64(st, 1, n);
	box_db_bind(st, 2, fields);
	sqlite3_bind_int64(st, 3, now_ms);
	return box_db_finish(st, r, err);
}

int box_note_add(int64_t *out, struct box_records *r, int64_t n,
		 struct str body, struct str visibility, int64_t now_ms,
		 struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       "INSERT INTO note(n,body,visibility,created_ms)"
			       " SELECT n,?2,?3,?4 FROM incident WHERE n=?1",
			       err);

	if (ret)
		return ret;
	sqlite3_bind_int64(st, 1, n);
	box_db_bind(st, 2, body);
	box_db_bind(st, 3, visibility);
	sqlite3_bind_int64(st, 4, now_ms);
	if (sqlite3_step(st) != SQLITE_DONE)
		ret = box_db_failed(r, err);
	else if (!sqlite3_changes(r->db))
		ret = BOX_NOT_FOUND;
	else
		*out = sqlite3_last_insert_rowid(r->db);
	box_db_done(st, r);
	return ret;
}

static void put_seconds(struct jsonw *w, const char *key, int64_t ms)
{
	struct buf text = BUF_INIT(64);

	clock_put_seconds(&text, ms);
	jsonw_kstr(w, key, buf_str(&text));
	buf_fini(&text);
}

/* Under the lock: the notes of incident n. */
static int put_notes(struct jsonw *w, struct box_records *r, int64_t n,
		     struct err *err)
{
	sqlite3_stmt *st;
	int ret = 0;

	if (sqlite3_prepare_v2(r->db,
			       "SELECT seq,body,visibility,created_ms FROM note"
			       " WHERE n=?1 ORDER BY seq",
			       -1, &st, NULL))
		return box_db_failed(r, err);
	sqlite3_bind_int64(st, 1, n);
	jsonw_key(w, "notes");
	jsonw_array(w);
	while ((ret = sqlite3_step(st)) == SQLITE_ROW) {
		jsonw_object(w);
		jsonw_kint(w, "id", sqlite3_column_int64(st, 0));
		jsonw_kstr(w, "body", box_db_column(st, 1));
		jsonw_kstr(w, "visibility", box_db_column(st, 2));
		put_seconds(w, "created_at", sqlite3_column_int64(st, 3));
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
	sqlite3_finalize(st);
	return ret == SQLITE_DONE ? 0 : box_db_failed(r, err);
}

static int64_t sla_ms(struct str priority)
{
	static const int hours[] = { 1, 4, 24, 72 };
	int level = priority.n == 2 ? priority.p[1] - '1' : 2;

	if (level < 0 || level > 3)
		level = 2;
	return (int64_t)hours[level] * 3600 * 1000;
}

/* n, fields, created_ms, updated_ms, priority, marker, key, notes */
#define INCIDENT_COLUMNS(fields)                                               \
	"n," fields ",created_ms,updated_ms,"                                  \
	"json_extract(fields,'$.priority'),marker,key,"                        \
	"(SELECT count(*) FROM note WHERE note.n=incident.n)"

static int put_row(struct jsonw *w, struct box_records *r, sqlite3_stmt *st,
		   unsigned flags, struct err *err)
{
	int64_t n = sqlite3_column_int64(st, 0);
	int64_t created = sqlite3_column_int64(st, 2);
	struct str fields = box_db_column(st, 1);
	char id[32];
	int ret = 0;

	snprintf(id, sizeof(id), "INC%07lld", (long long)n);
	jsonw_object(w);
	jsonw_kcstr(w, "id", id);
	jsonw_kcstr(w, "number", id);
	/* What is stored is one JSON object: its members go in here. */
	if (fields.n > 2) {
		buf_putc(w->out, ',');
		buf_put(w->out, fields.p + 1, fields.n - 2);
	}
	put_seconds(w, "created_at", created);
	put_seconds(w, "updated_at", sqlite3_column_int64(st, 3));
	put_seconds(w, "sla_breach_at", created + sla_ms(box_db_column(st, 4)));
	if (flags & BOX_WITH_TRUTH) {
		jsonw_kstr(w, "marker", box_db_column(st, 5));
		jsonw_kstr(w, "idempotency_key", box_db_column(st, 6));
	}
	if (flags & BOX_WITH_NOTE_COUNT)
		jsonw_kint(w, "note_count", sqlite3_column_int64(st, 7));
	if (flags & BOX_WITH_NOTES)
		ret = put_notes(w, r, n, err);
	jsonw_end_object(w);
	return ret;
}

int box_incident_put(struct buf *out, struct box_records *r, int64_t n,
		     int64_t now_ms, unsigned flags, struct err *err)
{
	struct jsonw w = JSONW(out);
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       "SELECT " INCIDENT_COLUMNS(
				       "fields") " FROM incident WHERE n=?1 AND"
						 " (?2=0 OR visible_ms<=?2)",
			       err);

	if (ret)
		return ret;
	sqlite3_bind_int64(st, 1, n);
	sqlite3_bind_int64(st, 2, now_ms);
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		ret = put_row(&w, r, st, flags, err);
		break;
	case SQLITE_DONE:
		ret = BOX_NOT_FOUND;
		break;
	default:
		ret = box_db_failed(r, err);
	}
	box_db_done(st, r);
	return ret;
}

/*
 * A list's order is one number a row, so that the cursor is that number. The
 * multiplier of "shuffled" is odd, hence no two rows share a number.
 */
static const struct {
	const char *key, *after, *by;
} orders[] = {
	[BOX_ORDER_NEWEST] = { "-n", " AND n<-?7", "n DESC" },
	[BOX_ORDER_OLDEST] = { "n", " AND n>?7", "n" },
	[BOX_ORDER_SHUFFLED] = { "n*2654435761%4294967296",
				 " AND n*2654435761%4294967296>?7",
				 "n*2654435761%4294967296" },
};

/* Only the conditions that are asked for, so that indexes serve them. */
static void put_where(struct buf *sql, const struct box_query *q)
{
	buf_puts(sql, " FROM incident WHERE 1");
	if (q->state.p)
		buf_puts(sql, " AND json_extract(fields,'$.state')=?1");
	if (q->priority.p)
		buf_puts(sql, " AND json_extract(fields,'$.priority')=?2");
	if (q->assignment_group.p)
		buf_puts(sql, " AND json_extract(fields,"
			      "'$.assignment_group')=?3");
	if (q->ci_id.p)
		buf_puts(sql, " AND json_extract(fields,'$.ci_id')=?4");
	if (q->created_before_ms)
		buf_puts(sql, " AND created_ms<?5");
	if (q->now_ms)
		buf_puts(sql, " AND visible_ms<=?6");
}

static void bind_query(sqlite3_stmt *st, const struct box_query *q)
{
	box_db_bind(st, 1, q->state);
	box_db_bind(st, 2, q->priority);
	box_db_bind(st, 3, q->assignment_group);
	box_db_bind(st, 4, q->ci_id);
	sqlite3_bind_int64(st, 5, q->created_before_ms);
	sqlite3_bind_int64(st, 6, q->now_ms);
}

/* Rows until the limit, which the statement exceeds by one to tell more. */
static int put_rows(struct buf *out, struct box_page *page,
		    struct box_records *r, sqlite3_stmt *st,
		    const struct box_query *q, struct err *err)
{
	struct jsonw w = JSONW(out);
	int64_t count = 0;
	int ret = 0, step;

	jsonw_array(&w);
	while (!ret && (step = sqlite3_step(st)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			ret = box_db_failed(r, err);
		} else if (count++ == q->limit) {
			page->more = true;
			break;
		} else {
			page->last = sqlite3_column_int64(st, 8);
			ret = put_row(&w, r, st, q->flags, err);
		}
	}
	jsonw_end_array(&w);
	return ret;
}

static int count_rows(int64_t *out, struct box_records *r,
		      const struct box_query *q, struct err *err)
{
	struct buf sql = BUF_INIT(4096);
	sqlite3_stmt *st;
	int ret;

	buf_puts(&sql, "SELECT count(*)");
	put_where(&sql, q);
	ret = box_db_begin(&st, r, sql.p, err);
	buf_fini(&sql);
	if (ret)
		return ret;
	bind_query(st, q);
	if (sqlite3_step(st) == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	else
		ret = box_db_failed(r, err);
	box_db_done(st, r);
	return ret;
}

static void put_list_sql(struct buf *sql, const struct box_query *q)
{
	buf_printf(sql, "SELECT %s,%s",
		   q->flags & BOX_NO_DESCRIPTION
			   ? INCIDENT_COLUMNS("json_remove(fields,"
					      "'$.description')")
			   : INCIDENT_COLUMNS("fields"),
		   orders[q->order].key);
	put_where(sql, q);
	buf_printf(sql, "%s ORDER BY %s LIMIT ?8 OFFSET ?9",
		   q->after ? orders[q->order].after : "", orders[q->order].by);
}

int box_incident_list(struct buf *out, struct box_page *page,
		      struct box_records *r, const struct box_query *q,
		      struct err *err)
{
	struct buf sql = BUF_INIT(4096);
	struct box_page found = { 0 };
	sqlite3_stmt *st;
	int ret;

	put_list_sql(&sql, q);
	ret = count_rows(&found.total, r, q, err);
	if (!ret)
		ret = box_db_begin(&st, r, sql.p, err);
	buf_fini(&sql);
	if (ret)
		return ret;
	bind_query(st, q);
	if (q->after)
		sqlite3_bind_int64(st, 7, *q->after);
	sqlite3_bind_int64(st, 8, q->limit + 1);
	sqlite3_bind_int64(st, 9, q->offset);
	ret = put_rows(out, &found, r, st, q, err);
	box_db_done(st, r);
	if (!ret)
		*page = found;
	return ret;
}

int box_duplicates_put(struct buf *out, int64_t *count, struct box_records *r,
		       struct err *err)
{
	struct jsonw w = JSONW(out);
	int64_t found = 0;
	sqlite3_stmt *st;
	int ret, step;

	ret = box_db_begin(&st, r,
			   "SELECT marker,group_concat(printf('\"INC%07d\"',n))"
			   " FROM incident WHERE marker IS NOT NULL"
			   " GROUP BY marker HAVING count(*)>1",
			   err);
	if (ret)
		return ret;
	jsonw_array(&w);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct str ids = box_db_column(st, 1);

		found++;
		jsonw_object(&w);
		jsonw_kstr(&w, "marker", box_db_column(st, 0));
		jsonw_key(&w, "ids");
		buf_printf(out, "[%.*s]", STR_ARG(ids));
		w.comma = 1;
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	if (step != SQLITE_DONE)
		ret = box_db_failed(r, err);
	else
		*count = found;
	box_db_done(st, r);
	return ret;
}

int64_t box_id_read(struct str id, const char *prefix)
{
	size_t n = strlen(prefix);
	uint64_t v;

	if (id.n < n + 7 || !str_starts(id, prefix) ||
	    str_to_u64(&v, str_sub(id, n, id.n - n)) || v > INT64_MAX)
		return 0;
	return (int64_t)v;
}
