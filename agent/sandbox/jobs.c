#include "agent/sandbox/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/sandbox/box.h"
#include "agent/sandbox/db.h"
#include "agent/sandbox/form.h"
#include "base/clock.h"
#include "base/random.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define BULK_MAX 100

struct box_jobs {
	pthread_mutex_t lock;	/* each record is carried out once */
	struct box_records *records;
	_Atomic int open;
};

struct job {
	char id[32];
	bool cis;
	int64_t created_ms, span_ms, fail, total, next, done;
	struct json *request;
	struct buf failed, made;	/* the inside of two arrays */
};

int box_jobs_new(struct box_jobs **out, struct box_records *r, struct err *err)
{
	struct box_jobs *j = calloc(1, sizeof(*j));
	sqlite3_stmt *st;
	int ret;

	if (!j)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&j->lock, NULL);
	j->records = r;
	*out = j;
	ret = box_db_begin(&st, r, "SELECT count(*) FROM job WHERE NOT ended",
			   err);
	if (ret)
		return ret;
	if (sqlite3_step(st) == SQLITE_ROW)
		atomic_store(&j->open, sqlite3_column_int(st, 0));
	box_db_done(st, r);
	return 0;
}

void box_jobs_free(struct box_jobs *j)
{
	if (!j)
		return;
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* A quarter of its time a job waits; its records share the rest. */
static int64_t due_ms(const struct job *j, int64_t i)
{
	return j->created_ms + j->span_ms / 4 +
	       j->span_ms * 3 / 4 * (i + 1) / j->total;
}

static void comma(struct buf *list)
{
	if (list->n)
		buf_putc(list, ',');
}

static void fail_one(struct job *j, struct str id, const char *text)
{
	struct jsonw w = JSONW(&j->failed);

	comma(&j->failed);
	jsonw_object(&w);
	jsonw_kint(&w, "index", j->next);
	jsonw_kstr(&w, "id", id);
	jsonw_kcstr(&w, "message", text);
	jsonw_end_object(&w);
}

static void done_one(struct job *j, struct str made)
{
	struct jsonw w = JSONW(&j->made);

	j->done++;
	if (!made.n)
		return;
	comma(&j->made);
	jsonw_str(&w, made);
}

static void update_one(struct box_records *r, struct job *j, struct str id,
		       int64_t now_ms)
{
	struct buf fields = BUF_INIT(8 << 20), stored = BUF_INIT(8 << 20);
	const struct json *given = json_get(j->request, "fields");
	struct err err;
	int ret;

	if (j->cis) {
		json_put(&fields, given);
		ret = box_thing_patch(&stored, r, "ci", id, buf_str(&fields),
				      &err);
	} else {
		ret = box_incident_fields(&fields, given, false, &err);
		if (!ret)
			ret = box_incident_patch(r, box_id_read(id, "INC"),
						 buf_str(&fields), now_ms,
						 &err);
	}
	if (ret)
		fail_one(j, id, ret < 0   ? err.text
				: j->cis ? "No such CI"
					 : "No such incident");
	else
		done_one(j, STR_NONE);
	buf_fini(&stored);
	buf_fini(&fields);
}

static int create_incident(struct buf *id, struct box_records *r,
			   const struct json *v, int64_t now_ms,
			   struct err *err)
{
	struct buf fields = BUF_INIT(8 << 20);
	struct box_new new = { .now_ms = now_ms, .visible_ms = now_ms };
	int ret = box_incident_fields(&fields, v, true, err);
	int64_t n = 0;

	new.fields = buf_str(&fields);
	new.marker = box_incident_marker(json_get_str(v, "description"));
	if (!ret)
		ret = box_incident_create(&n, r, &new, err);
	if (!ret)
		buf_printf(id, "INC%07lld", (long long)n);
	buf_fini(&fields);
	return ret;
}

static void create_one(struct box_records *r, struct job *j,
		       const struct json *v, int64_t now_ms)
{
	struct buf id = BUF_INIT(4096);
	struct err err;
	int ret = j->cis ? box_ci_put(&id, r, v, &err)
			 : create_incident(&id, r, v, now_ms, &err);

	if (ret)
		fail_one(j, json_get_str(v, "id"), err.text);
	else
		done_one(j, buf_str(&id));
	buf_fini(&id);
}

static const struct json *records_of(const struct json *request)
{
	return json_get(request, "records");
}

static void carry_out(struct box_records *r, struct job *j, int64_t now_ms)
{
	const struct json *ids = json_get(j->request, "ids");

	for (; j->next < j->total && due_ms(j, j->next) <= now_ms; j->next++) {
		size_t i = (size_t)j->next;
		const struct json *v = json_item(
			ids ? ids : records_of(j->request), i);

		if (j->fail && (j->next + 1) % j->fail == 0)
			fail_one(j, ids ? json_str(v) : json_get_str(v, "id"),
				 "on demand");
		else if (ids)
			update_one(r, j, json_str(v), due_ms(j, j->next));
		else
			create_one(r, j, v, due_ms(j, j->next));
	}
}

static void job_init(struct job *j)
{
	*j = (struct job){ .failed = BUF_INIT(1 << 20),
			   .made = BUF_INIT(1 << 20) };
}

static void job_fini(struct job *j)
{
	json_free(j->request);
	buf_fini(&j->failed);
	buf_fini(&j->made);
}

/* The first open job behind *id, into *j and *id; false: none. */
static bool next_open(struct job *j, char id[32], struct box_records *r)
{
	sqlite3_stmt *st;
	struct err err;
	bool found;

	if (box_db_begin(&st, r,
			 "SELECT id,kind='ci',created_ms,span_ms,fail,total,"
			 "next,done,failed,made,request FROM job"
			 " WHERE NOT ended AND id>?1 ORDER BY id LIMIT 1",
			 &err))
		return false;
	box_db_bind(st, 1, str_from(id));
	found = sqlite3_step(st) == SQLITE_ROW;
	if (found) {
		j->cis = sqlite3_column_int(st, 1);
		j->created_ms = sqlite3_column_int64(st, 2);
		j->span_ms = sqlite3_column_int64(st, 3);
		j->fail = sqlite3_column_int64(st, 4);
		j->total = sqlite3_column_int64(st, 5);
		j->next = sqlite3_column_int64(st, 6);
		j->done = sqlite3_column_int64(st, 7);
		buf_put_str(&j->failed, box_db_column(st, 8));
		buf_put_str(&j->made, box_db_column(st, 9));
		found = !json_parse(&j->request, box_db_column(st, 10), 0,
				    NULL);
		snprintf(j->id, sizeof(j->id), "%.*s",
			 STR_ARG(box_db_column(st, 0)));
		memcpy(id, j->id, sizeof(j->id));
	}
	box_db_done(st, r);
	return found;
}

static void save(struct box_records *r, const struct job *j, bool ended)
{
	sqlite3_stmt *st;
	struct err err;

	if (box_db_begin(&st, r,
			 "UPDATE job SET next=?2,done=?3,failed=?4,made=?5,"
			 "ended=?6 WHERE id=?1",
			 &err))
		return;
	box_db_bind(st, 1, str_from(j->id));
	sqlite3_bind_int64(st, 2, j->next);
	sqlite3_bind_int64(st, 3, j->done);
	box_db_bind(st, 4, buf_str(&j->failed));
	box_db_bind(st, 5, buf_str(&j->made));
	sqlite3_bind_int(st, 6, ended);
	sqlite3_step(st);
	box_db_done(st, r);
}

void box_jobs_run(struct box_jobs *jobs, int64_t now_ms)
{
	char id[32] = "";
	struct job j;

	if (!atomic_load(&jobs->open))
		return;
	pthread_mutex_lock(&jobs->lock);
	job_init(&j);
	while (next_open(&j, id, jobs->records)) {
		int64_t from = j.next;
		bool ended;

		carry_out(jobs->records, &j, now_ms);
		ended = j.next == j.total && now_ms >= j.created_ms + j.span_ms;
		if (j.next != from || ended)
			save(jobs->records, &j, ended);
		if (ended)
			atomic_fetch_sub(&jobs->open, 1);
		job_fini(&j);
		job_init(&j);
	}
	job_fini(&j);
	pthread_mutex_unlock(&jobs->lock);
}

/* The records of a request; NULL where it isn't right, which is answered. */
static const struct json *read_request(struct call *c, const struct json *v,
				       bool cis)
{
	struct str operation = json_get_str(v, "operation");
	bool update = str_is(operation, "update");
	const struct json *list = json_get(v, update ? "ids" : "records");
	struct buf fields = BUF_INIT(8 << 20);
	struct err err = { .text = "" };

	if (operation.p && !update && !str_is(operation, "create"))
		err_set(&err, -EINVAL, "operation: expected update or create");
	else if (!json_is(list, JSON_ARRAY) || !json_count(list))
		err_set(&err, -EINVAL, "%s: expected a list",
			update ? "ids" : "records");
	else if (json_count(list) > BULK_MAX)
		err_set(&err, -EINVAL, "at most %d records", BULK_MAX);
	else if (update && !json_is(json_get(v, "fields"), JSON_OBJECT))
		err_set(&err, -EINVAL, "fields: expected an object");
	else if (update && !cis &&
		 box_incident_fields(&fields, json_get(v, "fields"), false,
				     &err))
		list = NULL;
	for (size_t i = 0; update && !*err.text && i < json_count(list); i++)
		if (!json_is(json_item(list, i), JSON_STRING))
			err_set(&err, -EINVAL, "ids: expected texts");
	buf_fini(&fields);
	if (!*err.text)
		return list;
	box_reply_error(c->reply, 400, "validation", "%s", err.text);
	return NULL;
}

/* What a job needs of its request, without members of another's making. */
static void put_request(struct buf *out, const struct json *v,
			const struct json *list)
{
	bool update = str_is(json_get_str(v, "operation"), "update");
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_key(&w, update ? "ids" : "records");
	json_put(out, list);
	w.comma = 1;
	if (update) {
		jsonw_key(&w, "fields");
		json_put(out, json_get(v, "fields"));
	}
	jsonw_end_object(&w);
}

static int insert(struct call *c, const char *id, const char *kind,
		  struct str request, size_t total, struct err *err)
{
	const struct box_settings *set = &c->s->settings;
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, c->s->records,
			       "INSERT INTO job(id,kind,owner,created_ms,"
			       "span_ms,fail,total,request)"
			       " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
			       err);

	if (ret)
		return ret;
	box_db_bind(st, 1, str_from(id));
	box_db_bind(st, 2, str_from(kind));
	sqlite3_bind_int(st, 3, c->user);
	sqlite3_bind_int64(st, 4, c->now_ms);
	sqlite3_bind_int64(st, 5, box_setting(set, BOX_JOB_TIME));
	sqlite3_bind_int64(st, 6, box_setting(set, BOX_JOB_FAIL));
	sqlite3_bind_int64(st, 7, (int64_t)total);
	box_db_bind(st, 8, request);
	return box_db_finish(st, c->s->records, err);
}

static void answer_start(struct call *c, const char *id, const char *path)
{
	int64_t how = box_setting(&c->s->settings, BOX_JOB_ANSWER);
	struct jsonw w = JSONW(&c->reply->body);
	struct buf url = BUF_INIT(256);

	c->reply->status = 202;
	buf_printf(&url, "/prod/api%s/%s", path, id);
	if (how == BOX_JOB_LOCATION)
		buf_printf(&c->reply->headers, "Location: %s\r\n", url.p);
	jsonw_object(&w);
	if (how != BOX_JOB_LOCATION)
		jsonw_kcstr(&w, "job_id", id);
	jsonw_kcstr(&w, "status", "queued");
	if (how == BOX_JOB_URL)
		jsonw_kstr(&w, "status_url", buf_str(&url));
	jsonw_end_object(&w);
	buf_fini(&url);
}

static void start(struct call *c, const char *kind, const char *path)
{
	struct buf request = BUF_INIT(64 << 20);
	struct json *v = box_body(c);
	const struct json *list =
		v ? read_request(c, v, str_is(str_from(kind), "ci")) : NULL;
	struct err err;
	char id[32];

	if (list) {
		put_request(&request, v, list);
		snprintf(id, sizeof(id), "JOB%016llx",
			 (unsigned long long)random_u64());
		if (buf_error(&request))
			box_reply_error(c->reply, 413, "too_large",
					"too large");
		else if (insert(c, id, kind, buf_str(&request),
				json_count(list), &err))
			box_broken(c, &err);
		else
			answer_start(c, id, path);
	}
	if (c->reply->status == 202) {
		atomic_fetch_add(&c->s->jobs->open, 1);
		box_jobs_run(c->s->jobs, c->now_ms);
	}
	buf_fini(&request);
	json_free(v);
}

/* Columns: created_ms, span_ms, total, next, done, ended, failed, made. */
static void put_state(struct call *c, sqlite3_stmt *st)
{
	int64_t created = sqlite3_column_int64(st, 0);
	int64_t span = sqlite3_column_int64(st, 1);
	int64_t next = sqlite3_column_int64(st, 3);
	int64_t done = sqlite3_column_int64(st, 4);
	struct str made = box_db_column(st, 7);
	struct jsonw w = JSONW(&c->reply->body);
	bool ended = sqlite3_column_int(st, 5);
	struct buf when = BUF_INIT(64);

	jsonw_object(&w);
	jsonw_kstr(&w, "job_id", c->id);
	jsonw_kcstr(&w, "status",
		    ended ? "completed"
		    : next || c->now_ms >= created + span / 4 ? "running"
							      : "queued");
	jsonw_kint(&w, "total", sqlite3_column_int64(st, 2));
	jsonw_kint(&w, "processed", next);
	jsonw_kint(&w, "succeeded", done);
	jsonw_kint(&w, "failed_count", next - done);
	jsonw_key(&w, "failed");
	buf_printf(w.out, "[%.*s]", STR_ARG(box_db_column(st, 6)));
	w.comma = 1;
	if (made.n) {
		jsonw_key(&w, "created");
		buf_printf(w.out, "[%.*s]", STR_ARG(made));
		w.comma = 1;
	}
	clock_put_seconds(&when, created);
	jsonw_kstr(&w, "created_at", buf_str(&when));
	jsonw_end_object(&w);
	buf_fini(&when);
}

/* Another's job is as good as none. */
static void status(struct call *c, const char *kind)
{
	struct err err;
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, c->s->records,
			       "SELECT created_ms,span_ms,total,next,done,"
			       "ended,failed,made FROM job"
			       " WHERE id=?1 AND kind=?2 AND owner=?3",
			       &err);

	if (ret)
		return box_broken(c, &err);
	box_db_bind(st, 1, c->id);
	box_db_bind(st, 2, str_from(kind));
	sqlite3_bind_int(st, 3, c->user);
	if (sqlite3_step(st) == SQLITE_ROW)
		put_state(c, st);
	else
		box_reply_error(c->reply, 404, "not_found", "No such job");
	box_db_done(st, c->s->records);
}

static void incidents_start(struct call *c)
{
	start(c, "incident", "/incidents/bulk");
}

static void incidents_status(struct call *c)
{
	status(c, "incident");
}

static void cis_start(struct call *c)
{
	start(c, "ci", "/cmdb/cis/bulk");
}

static void cis_status(struct call *c)
{
	status(c, "ci");
}

const struct route box_job_routes[] = {
	{ "POST", "/incidents/bulk", incidents_start },
	{ "GET", "/incidents/bulk/{id}", incidents_status },
	{ "POST", "/cmdb/cis/bulk", cis_start },
	{ "GET", "/cmdb/cis/bulk/{id}", cis_status },
	{ 0 },
};
