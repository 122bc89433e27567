#include "agent/sandbox/box.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/sandbox/form.h"
#include "agent/sandbox/records.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define LIMIT 25
#define LIMIT_MAX 200
#define BULK_MAX 100

static void list_things(struct call *c, const char *kind)
{
	int64_t page = box_param_int(c, "page", 1, 1, 1000000);
	int64_t limit = box_param_int(c, "limit", LIMIT, 1, LIMIT_MAX);
	struct str cursor = box_param(c, "cursor");
	struct box_thing t = {
		.id = box_param(c, "id"),
		.name = box_param(c, "name"),
		.arn = box_param(c, "arn"),
		.resource_id = box_param(c, "resource_id"),
		.state = box_param(c, "state"),
		.ci_id = box_param(c, "ci_id"),
	};
	struct buf rows = BUF_INIT(64 << 20);
	int64_t offset = (page - 1) * limit;
	struct box_page found;
	struct err err;

	if (cursor.n == 17)
		offset = strtoll(cursor.p + 1, NULL, 16);
	if (box_thing_list(&rows, &found, c->s->records, kind, &t, offset,
			   limit, &err))
		box_broken(c, &err);
	else
		box_list_frame(c, buf_str(&rows), found.total, page, limit,
			       found.more, found.last);
	buf_fini(&rows);
}

static void cis(struct call *c)
{
	list_things(c, "ci");
}

static void changes(struct call *c)
{
	list_things(c, "change");
}

static void change_create(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);
	struct json *v = box_body(c);
	const struct json *value;
	struct box_thing t;
	void *at = NULL;
	int64_t n = 0;
	struct err err;
	struct str key;
	char id[32];

	if (!v)
		return;
	if (box_thing_count(&n, c->s->records, "change", &err))
		goto broken;
	snprintf(id, sizeof(id), "CHG%07lld", (long long)n + 1);
	jsonw_object(&w);
	jsonw_kcstr(&w, "id", id);
	jsonw_kcstr(&w, "number", id);
	if (!json_get(v, "state"))
		jsonw_kcstr(&w, "state", "new");
	while (json_next(v, &at, &key, &value)) {
		if (str_is(key, "id") || str_is(key, "number"))
			continue;
		jsonw_key_str(&w, key);
		json_put(w.out, value);
		w.comma = 1;
	}
	jsonw_end_object(&w);
	t = (struct box_thing){ .id = str_from(id),
				.state = json_get_str(v, "state"),
				.ci_id = json_get_str(v, "ci_id") };
	if (!t.state.p)
		t.state = STR("new");
	c->reply->status = 201;
	if (!box_thing_put(c->s->records, "change", &t,
			   buf_str(&c->reply->body), &err))
		goto out;
broken:
	box_broken(c, &err);
out:
	json_free(v);
}

static void change_patch(struct call *c)
{
	struct buf fields = BUF_INIT(1 << 20);
	struct json *v = box_body(c);
	struct err err;
	int ret;

	if (!v)
		return;
	json_put(&fields, v);
	ret = box_thing_patch(&c->reply->body, c->s->records, "change", c->id,
			      buf_str(&fields), &err);
	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		box_reply_error(c->reply, 404, "not_found", "No such change");
	buf_fini(&fields);
	json_free(v);
}

static void articles(struct call *c)
{
	box_list_frame(c, STR("[]"), 0, 1, LIMIT, false, 0);
}

/* One job's outcome: {"job_id",...,"failed":[{"id","message"}]}. */
struct job {
	struct jsonw w;
	int64_t done, failed;
};

static void fail_one(struct job *j, struct str id, const char *text)
{
	j->failed++;
	jsonw_object(&j->w);
	jsonw_kstr(&j->w, "id", id);
	jsonw_kcstr(&j->w, "message", text);
	jsonw_end_object(&j->w);
}

static void update_all(struct call *c, struct job *j, const struct json *v,
		       struct str fields)
{
	const struct json *ids = json_get(v, "ids");
	struct err err;

	for (size_t i = 0; i < json_count(ids); i++) {
		struct str id = json_str(json_item(ids, i));

		if (box_incident_patch(c->s->records, box_id_read(id, "INC"),
				       fields, c->now_ms, &err))
			fail_one(j, id, "No such incident");
		else
			j->done++;
	}
}

static void create_all(struct call *c, struct job *j, const struct json *v)
{
	const struct json *records = json_get(v, "records");

	for (size_t i = 0; i < json_count(records); i++) {
		struct buf text = BUF_INIT(8 << 20);
		struct box_new new = { .now_ms = c->now_ms,
				       .visible_ms = c->now_ms };
		struct err err;
		int64_t n;

		if (box_incident_fields(&text, json_item(records, i), true,
					&err)) {
			fail_one(j, STR_NONE, err.text);
		} else {
			new.fields = buf_str(&text);
			if (box_incident_create(&n, c->s->records, &new, &err))
				fail_one(j, STR_NONE, err.text);
			else
				j->done++;
		}
		buf_fini(&text);
	}
}

static void bulk(struct call *c)
{
	struct buf failed = BUF_INIT(1 << 20), text = BUF_INIT(8 << 20);
	struct job j = { .w = JSONW(&failed) };
	struct json *v = box_body(c);
	bool update = str_is(json_get_str(v, "operation"), "update");
	struct err err;
	char name[48];

	if (!v)
		return;
	if (json_count(json_get(v, update ? "ids" : "records")) > BULK_MAX) {
		box_reply_error(c->reply, 400, "validation",
				"at most %d records", BULK_MAX);
		goto out;
	}
	if (update &&
	    box_incident_fields(&text, json_get(v, "fields"), false, &err)) {
		box_reply_error(c->reply, 400, "validation", "%s", err.text);
		goto out;
	}
	jsonw_array(&j.w);
	if (update)
		update_all(c, &j, v, buf_str(&text));
	else
		create_all(c, &j, v);
	jsonw_end_array(&j.w);
	snprintf(name, sizeof(name), "JOB%016llx",
		 (unsigned long long)clock_mono_us());
	buf_reset(&text);
	buf_printf(&text,
		   "{\"job_id\":\"%s\",\"status\":\"completed\","
		   "\"total\":%lld,\"succeeded\":%lld,\"failed\":%s}",
		   name, (long long)(j.done + j.failed), (long long)j.done,
		   failed.p);
	if (box_text_set(c->s->records, name, buf_str(&text), &err)) {
		box_broken(c, &err);
		goto out;
	}
	c->reply->status = 202;
	buf_printf(&c->reply->body,
		   "{\"job_id\":\"%s\",\"status\":\"queued\","
		   "\"status_url\":\"/prod/api/incidents/bulk/%s\"}",
		   name, name);
out:
	buf_fini(&failed);
	buf_fini(&text);
	json_free(v);
}

static void job(struct call *c)
{
	struct buf name = BUF_INIT(256);
	struct err err;
	int ret = BOX_NOT_FOUND;

	if (str_starts(c->id, "JOB")) {
		buf_put_str(&name, c->id);
		if (!buf_error(&name))
			ret = box_text_get(&c->reply->body, c->s->records,
					   name.p, &err);
	}
	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		box_reply_error(c->reply, 404, "not_found", "No such job");
	buf_fini(&name);
}

/* No engine here: answers of the documented shape that say so. */
#define AI_COST                                                                \
	"\"model_used\":\"sandbox\",\"cache_hit\":false,"                      \
	"\"tokens_used\":0,\"latency_ms\":0"

static void ai_ask(struct call *c)
{
	buf_puts(&c->reply->body, "{\"answer\":\"The sandbox knows no answers."
				  "\",\"citations\":[]," AI_COST "}");
}

static void ai_analyze(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);
	struct json *v = box_body(c);

	if (!v)
		return;
	jsonw_object(&w);
	jsonw_kstr(&w, "record_id", json_get_str(v, "record_id"));
	jsonw_kstr(&w, "analysis_type", json_get_str(v, "analysis_type"));
	jsonw_key(&w, "findings");
	jsonw_raw(&w, STR("{\"probable_root_cause\":null,\"confidence\":0,"
			  "\"resolution_steps\":[]}"));
	buf_puts(w.out, "," AI_COST "}");
	json_free(v);
}

static void ai_exemplars(struct call *c)
{
	buf_puts(&c->reply->body, "{\"exemplars\":[],\"count\":0}");
}

static void ai_suggest(struct call *c)
{
	buf_puts(&c->reply->body, "{\"suggestions\":{}}");
}

const struct route box_other_routes[] = {
	{ "GET", "/cmdb/cis", cis },
	{ "GET", "/changes", changes },
	{ "POST", "/changes", change_create },
	{ "PATCH", "/changes/{id}", change_patch },
	{ "GET", "/knowledge/articles", articles },
	{ "POST", "/incidents/bulk", bulk },
	{ "GET", "/incidents/bulk/{id}", job },
	{ "POST", "/ai/ask", ai_ask },
	{ "POST", "/ai/query", ai_ask },
	{ "POST", "/ai/analyze", ai_analyze },
	{ "POST", "/ai/exemplars", ai_exemplars },
	{ "POST", "/ai/suggest", ai_suggest },
	{ 0 },
};
