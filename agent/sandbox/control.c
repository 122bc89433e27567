#include "agent/sandbox/box.h"

#include <errno.h>

#include "agent/sandbox/articles.h"
#include "agent/sandbox/counts.h"
#include "agent/sandbox/form.h"
#include "agent/sandbox/mischief.h"
#include "agent/sandbox/recorder.h"
#include "agent/sandbox/records.h"
#include "agent/sandbox/sns.h"
#include "agent/sandbox/tokens.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

void box_bad(struct call *c, const struct err *err)
{
	box_reply_error(c->reply, 400, "bad_request", "%s", err->text);
}

void box_done(struct call *c)
{
	buf_puts(&c->reply->body, "{\"done\":true}");
}

/* Every test's truth: what there is and what was asked for. */
static void truth(struct call *c)
{
	struct box_query q = { .limit = INT32_MAX,
			       .order = BOX_ORDER_OLDEST,
			       .flags = BOX_WITH_NOTES | BOX_WITH_TRUTH };
	bool all = !str_is(box_param(c, "incidents"), "0");
	struct jsonw w = JSONW(&c->reply->body);
	struct box_page page;
	int64_t duplicates = 0;
	struct err err;
	int ret;

	if (!all)
		q.limit = 0;
	jsonw_object(&w);
	box_counts_put(&w, c->s->counts);
	jsonw_key(&w, "incidents");
	ret = box_incident_list(w.out, &page, c->s->records, &q, &err);
	w.comma = 1;
	jsonw_key(&w, "duplicates");
	if (!ret)
		ret = box_duplicates_put(w.out, &duplicates, c->s->records,
					 &err);
	if (ret)
		return box_broken(c, &err);
	w.comma = 1;
	jsonw_kint(&w, "duplicate_count", duplicates);
	jsonw_kint(&w, "incidents_created", page.total);
	jsonw_end_object(&w);
}

static void truth_reset(struct call *c)
{
	box_counts_reset(c->s->counts);
	box_done(c);
}

static void faults_get(struct call *c)
{
	box_mischief_put(&c->reply->body, c->s->mischief);
}

/* One fault or a list of them; {"seed": N} sets the chances' seed. */
static void faults_add(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);
	struct json *v = NULL;
	struct err err;
	size_t n;
	int id = json_parse(&v, c->req->body, 0, &err);

	jsonw_object(&w);
	jsonw_key(&w, "ids");
	jsonw_array(&w);
	if (json_get(v, "seed")) {
		box_mischief_seed(c->s->mischief,
				  (uint64_t)json_int(json_get(v, "seed"), 1));
	} else {
		n = json_is(v, JSON_ARRAY) ? json_count(v) : 1;
		for (size_t i = 0; id >= 0 && i < n; i++) {
			id = box_mischief_add(
				c->s->mischief,
				json_is(v, JSON_ARRAY) ? json_item(v, i) : v,
				&err);
			if (id > 0)
				jsonw_int(&w, id);
		}
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	json_free(v);
	if (id < 0)
		box_bad(c, &err);
}

static void faults_clear(struct call *c)
{
	uint64_t id = 0;

	if (c->id.p && str_to_u64(&id, c->id))
		return box_reply_error(c->reply, 404, "not_found", "no fault");
	if (!box_mischief_remove(c->s->mischief, (int)id) && id)
		return box_reply_error(c->reply, 404, "not_found", "no fault");
	box_done(c);
}

static void settings_get(struct call *c)
{
	box_settings_put(&c->reply->body, &c->s->settings);
}

static void settings_set(struct call *c)
{
	struct json *v = box_body(c);
	struct err err;

	if (!v)
		return;
	if (box_settings_set_json(&c->s->settings, v, &err))
		box_bad(c, &err);
	else
		settings_get(c);
	json_free(v);
}

static void tokens_expire(struct call *c)
{
	box_tokens_expire(c->s->tokens, str_is(box_param(c, "refresh"), "1"));
	box_done(c);
}

/* A person's edit: beside the API, its limits and its faults. */
static void person(struct call *c)
{
	struct buf text = BUF_INIT(8 << 20);
	int64_t n = box_id_read(c->id, "INC"), seq;
	struct json *v = box_body(c);
	struct str note;
	struct err err;
	int ret;

	if (!v)
		return;
	note = json_get_str(v, "note");
	ret = box_incident_fields(&text, v, false, &err);
	if (!ret && !note.p)
		ret = box_incident_patch(c->s->records, n, buf_str(&text),
					 c->now_ms, &err);
	else if (!ret)
		ret = box_note_add(&seq, c->s->records, n, note, STR("team"),
				   c->now_ms, &err);
	if (!ret)
		ret = box_incident_put(&c->reply->body, c->s->records, n, 0,
				       BOX_WITH_NOTES, &err);
	if (ret > 0)
		box_reply_error(c->reply, 404, "not_found", "No such incident");
	else if (ret)
		box_bad(c, &err);
	json_free(v);
	buf_fini(&text);
}

static void cis(struct call *c)
{
	struct err err;

	if (box_cis_seed(c->s->records, c->req->body, &err))
		box_bad(c, &err);
	else
		box_done(c);
}

static void articles(struct call *c)
{
	struct err err;

	if (box_articles_seed(c->s->records, c->req->body, &err))
		box_bad(c, &err);
	else
		box_done(c);
}

static void exchanges(struct call *c)
{
	int64_t limit = box_param_int(c, "limit", 20, 1, BOX_EXCHANGES);

	box_recorder_put(&c->reply->body, c->s->recorder, (size_t)limit);
}

static void exchanges_clear(struct call *c)
{
	box_recorder_clear(c->s->recorder);
	box_done(c);
}

static void change(struct call *c)
{
	struct json *v = box_body(c);
	struct box_thing t;
	struct err err;

	if (!v)
		return;
	t = (struct box_thing){ .id = json_get_str(v, "id"),
				.state = json_get_str(v, "state"),
				.ci_id = json_get_str(v, "ci_id") };
	if (!t.id.n)
		box_reply_error(c->reply, 400, "bad_request",
				"a change needs an id");
	else if (box_thing_put(c->s->records, "change", &t, c->req->body, &err))
		box_broken(c, &err);
	else
		box_done(c);
	json_free(v);
}

static void sns_query(struct call *c)
{
	c->reply->type = "text/xml";
	c->reply->status =
		box_sns_query(&c->reply->body, c->s->sns, c->req->body);
}

/* Cognito and the query API share this address, as one endpoint_url. */
static void root_post(struct call *c)
{
	if (wire_header(c->req, "X-Amz-Target").p) {
		c->now_ms += box_setting(&c->s->settings, BOX_CLOCK);
		box_faulted(c, STR("/cognito"), box_cognito);
	} else {
		sns_query(c);
	}
}

static const struct route routes[] = {
	{ "GET", "/", box_page_list },
	{ "POST", "/", root_post },
	{ "GET", "/incidents/{id}", box_page_incident },
	{ "GET", "/articles/{id}", box_page_article },
	{ "GET", "/sandbox/truth", truth },
	{ "DELETE", "/sandbox/truth", truth_reset },
	{ "GET", "/sandbox/faults", faults_get },
	{ "POST", "/sandbox/faults", faults_add },
	{ "DELETE", "/sandbox/faults", faults_clear },
	{ "DELETE", "/sandbox/faults/{id}", faults_clear },
	{ "GET", "/sandbox/settings", settings_get },
	{ "POST", "/sandbox/settings", settings_set },
	{ "POST", "/sandbox/tokens/expire", tokens_expire },
	{ "GET", "/sandbox/incidents", box_page_text },
	{ "POST", "/sandbox/incidents/{id}", person },
	{ "POST", "/sandbox/cis", cis },
	{ "POST", "/sandbox/articles", articles },
	{ "GET", "/sandbox/exchanges", exchanges },
	{ "DELETE", "/sandbox/exchanges", exchanges_clear },
	{ "POST", "/sandbox/changes", change },
	{ 0 },
};

void box_control(struct call *c)
{
	const struct route *route;
	bool known, sns = false;

	/* A page of another site in someone's browser has no business here. */
	if (wire_header(c->req, "Origin").p && !str_is(c->req->method, "GET"))
		return box_reply_error(c->reply, 403, "forbidden",
				       "not from a browser");
	route = box_route(&c->id, &known, routes, c->req->method, c->req->path);
	if (!route)
		route = box_route(&c->id, &sns, box_sns_routes, c->req->method,
				  c->req->path);
	if (route)
		route->fn(c);
	else
		box_reply_error(c->reply, known || sns ? 405 : 404, "not_found",
				"no such path");
}
