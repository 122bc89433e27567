#include "agent/sandbox/records.h"

#include <errno.h>

#include "agent/sandbox/db.h"
#include "doc/jsonw.h"

static void bind_thing(sqlite3_stmt *st, int at, const struct box_thing *t)
{
	box_db_bind(st, at, t->id);
	box_db_bind(st, at + 1, t->name);
	box_db_bind(st, at + 2, t->arn);
	box_db_bind(st, at + 3, t->resource_id);
	box_db_bind(st, at + 4, t->state);
	box_db_bind(st, at + 5, t->ci_id);
}

int box_thing_put(struct box_records *r, const char *kind,
		  const struct box_thing *t, struct str json, struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       "INSERT OR REPLACE INTO thing(kind,id,name,arn,"
			       "resource_id,state,ci_id,json)"
			       " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
			       err);

	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(kind));
	bind_thing(st, 2, t);
	box_db_bind(st, 8, json);
	return box_db_finish(st, r, err);
}

/* The text that st finds, which ends; BOX_NOT_FOUND. */
static int put_found(struct buf *out, sqlite3_stmt *st, struct box_records *r,
		     struct err *err)
{
	int ret = 0;

	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		buf_put_str(out, box_db_column(st, 0));
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

int box_thing_get(struct buf *out, struct box_records *r, const char *kind,
		  struct str id, struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       "SELECT json FROM thing WHERE kind=?1 AND"
			       " id=?2", err);

	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(kind));
	box_db_bind(st, 2, id);
	return put_found(out, st, r, err);
}

/* One statement, so that two at once don't get the same number. The ids of a
 * prefix sort as their numbers: they have seven digits. */
int box_thing_add(struct buf *out, struct box_records *r, const char *kind,
		  const char *prefix, const struct box_thing *t,
		  struct str fields, struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(
		&st, r,
		"INSERT INTO thing(kind,id,name,arn,resource_id,state,ci_id,"
		"json) SELECT ?1,new,?3,?4,?5,?6,?7,"
		"json_patch(json_object('id',new,'number',new),"
		"json_remove(?8,'$.id','$.number')) FROM"
		" (SELECT printf('%s%07d',?9,1+coalesce(max(CAST("
		"substr(id,length(?9)+1) AS INTEGER)),0)) AS new FROM thing"
		" WHERE kind=?1 AND id>=?9||'0' AND id<?9||':')"
		" RETURNING json",
		err);

	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(kind));
	bind_thing(st, 2, t);
	box_db_bind(st, 8, fields);
	box_db_bind(st, 9, str_from(prefix));
	ret = put_found(out, st, r, err);
	return ret > 0 ? err_set(err, -EIO, "nothing was added") : ret;
}

int box_thing_patch(struct buf *out, struct box_records *r, const char *kind,
		    struct str id, struct str fields, struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       "UPDATE thing SET json=json_patch(json,"
			       "json_remove(?3,'$.id','$.number')),"
			       "state=coalesce(json_extract(?3,'$.state'),"
			       "state),"
			       "ci_id=coalesce(json_extract(?3,'$.ci_id'),"
			       "ci_id) WHERE kind=?1 AND id=?2", err);

	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(kind));
	box_db_bind(st, 2, id);
	box_db_bind(st, 3, fields);
	ret = box_db_finish(st, r, err);
	return ret ? ret : box_thing_get(out, r, kind, id, err);
}

static void put_thing_sql(struct buf *sql, const struct box_thing *t)
{
	const struct {
		struct str given;
		const char *sql;
	} filters[] = {
		{ t->id, " AND id=?2" },
		{ t->name, " AND name=?3" },
		{ t->arn, " AND arn=?4" },
		{ t->resource_id, " AND resource_id=?5" },
		{ t->state, " AND state=?6" },
		{ t->ci_id, " AND ci_id=?7" },
	};

	buf_puts(sql, "SELECT json FROM thing WHERE kind=?1");
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		if (filters[i].given.p)
			buf_puts(sql, filters[i].sql);
	buf_puts(sql, " ORDER BY id");
}

int box_thing_list(struct buf *out, struct box_page *page,
		   struct box_records *r, const char *kind,
		   const struct box_thing *t, int64_t offset, int64_t limit,
		   struct err *err)
{
	struct buf sql = BUF_INIT(1024);
	struct jsonw w = JSONW(out);
	int64_t at = 0, shown = 0;
	sqlite3_stmt *st;
	int ret, step;

	put_thing_sql(&sql, t);
	ret = box_db_begin(&st, r, sql.p, err);
	buf_fini(&sql);
	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(kind));
	bind_thing(st, 2, t);
	jsonw_array(&w);
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		if (at++ >= offset && shown < limit) {
			jsonw_raw(&w, box_db_column(st, 0));
			shown++;
		}
	jsonw_end_array(&w);
	if (step != SQLITE_DONE)
		ret = box_db_failed(r, err);
	else
		*page = (struct box_page){ .total = at,
					   .last = offset + shown,
					   .more = at > offset + shown };
	box_db_done(st, r);
	return ret;
}

int box_text_get(struct buf *out, struct box_records *r, const char *name,
		 struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r, "SELECT value FROM text WHERE name=?1",
			       err);

	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(name));
	return put_found(out, st, r, err);
}

int box_text_set(struct box_records *r, const char *name, struct str value,
		 struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(
		&st, r, "INSERT OR REPLACE INTO text(name,value) VALUES(?1,?2)",
		err);

	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(name));
	box_db_bind(st, 2, value);
	return box_db_finish(st, r, err);
}
