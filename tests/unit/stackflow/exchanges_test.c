/*
 * What StackFlow's pages show, played: tests/data/stackflow/exchanges holds
 * their examples, a request and its answer each. The library's call is made
 * against a server that gives the recorded answer; the request that came must
 * be the recorded one, and what was read must hold each field of the answer.
 * The table at the end names the fields of the pages and fails where one isn't
 * covered, or where an example has one that it doesn't name.
 */
#include "rig.h"

#include "base/encode.h"
#include "doc/jsonw.h"
#include "stackflow/ai.h"
#include "stackflow/answer.h"
#include "stackflow/bulk.h"
#include "stackflow/changes.h"
#include "stackflow/knowledge.h"

#define DATA "tests/data/stackflow/exchanges/"

/* Lines "path=value", sorted by nothing, looked up whole. */
struct lines {
	struct buf text;
};

static void put(struct lines *l, const char *path, struct str value)
{
	buf_printf(&l->text, "%s=%.*s\x1f", path, STR_ARG(value));
}

static void put_number(struct lines *l, const char *path, double value)
{
	buf_printf(&l->text, "%s=%.10g\x1f", path, value);
}

static void put_flag(struct lines *l, const char *path, bool value)
{
	put(l, path, str_from(value ? "true" : "false"));
}

/* Each leaf of a value: a.b, a[0].b */
static void flatten(struct lines *l, const char *path, const struct json *v)
{
	struct str key;
	const struct json *member;
	void *at = NULL;
	char below[200];

	if (!v)
		return;
	switch (json_type(v)) {
	case JSON_OBJECT:
		while (json_next(v, &at, &key, &member)) {
			snprintf(below, sizeof(below), "%s%s%.*s", path,
				 path[0] ? "." : "", STR_ARG(key));
			flatten(l, below, member);
		}
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_count(v); i++) {
			snprintf(below, sizeof(below), "%s[%zu]", path, i);
			flatten(l, below, json_item(v, i));
		}
		break;
	case JSON_NUMBER:
		put_number(l, path, json_double(v, 0));
		break;
	case JSON_BOOL:
		put_flag(l, path, json_bool(v, false));
		break;
	default:
		put(l, path, json_str(v));
	}
}

/* Is each line of a one of b? */
static void check_within(const char *what, const struct lines *a,
			 const struct lines *b)
{
	struct str rest = buf_str(&a->text), line;

	assert_int_equal(buf_error(&a->text), 0);
	assert_int_equal(buf_error(&b->text), 0);
	while (str_cut(&rest, '\x1f', &line)) {
		ssize_t at = line.n ? str_find(buf_str(&b->text), line) : 0;

		while (at > 0 && b->text.p[at - 1] != '\x1f')
			at = -1;
		if (at < 0)
			fail_msg("%s: not there: %.*s\nthere is:\n%s", what,
				 STR_ARG(line), b->text.p ? b->text.p : "");
	}
}

/* The same lines, whatever their order. */
static void check_same(const char *what, const struct lines *want,
		       const struct lines *got)
{
	check_within(what, want, got);
	check_within(what, got, want);
	assert_int_equal(want->text.n, got->text.n);
}

typedef int call(struct sf_client *c, struct sf_answer *a);
typedef void reading(struct lines *out, const struct json *body,
		     struct arena *arena);

/* --- the calls ----------------------------------------------------------- */

static int health(struct sf_client *c, struct sf_answer *a)
{
	return sf_health(c, sf_answer_done, a);
}

static int list_five(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_list(c, "limit=5", STR_NONE, sf_answer_done, a);
}

static int list_open(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_list(c, "priority=P1&state=new&limit=1", STR_NONE,
				sf_answer_done, a);
}

/* After the page before it, as its answer says. */
static int list_after(struct sf_client *c, struct sf_answer *a,
		      const char *query, const char *page)
{
	struct arena *arena = arena_new(4096);
	struct json *v;
	struct str next;
	int rc;

	assert_int_equal(json_parse(&v, str_from(page), 0, NULL), 0);
	assert_int_equal(sf_page_next(&next, v, arena), 1);
	rc = sf_incident_list(c, query, next, sf_answer_done, a);
	json_free(v);
	arena_free(arena);
	return rc;
}

static int list_cursor(struct sf_client *c, struct sf_answer *a)
{
	return list_after(c, a, "limit=50",
			  "{\"data\":[],\"next_cursor\":\"CURSOR_TOKEN\"}");
}

static int list_page(struct sf_client *c, struct sf_answer *a)
{
	return list_after(c, a, "state=in_progress&limit=100",
			  "{\"data\":[],\"page\":1,\"has_more\":true}");
}

static int list_resolved(struct sf_client *c, struct sf_answer *a)
{
	struct buf query = BUF_INIT(256);
	int rc;

	sf_query_put(&query, "state", STR("resolved"));
	sf_query_put(&query, "created_before",
		     STR("2026-04-19T14:30:00.000000Z"));
	sf_query_put(&query, "limit", STR("100"));
	rc = sf_incident_list(c, query.p, STR_NONE, sf_answer_done, a);
	buf_fini(&query);
	return rc;
}

static int create(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_create(
		c,
		STR("{\"short_description\":\"API gateway 502 errors spike\","
		    "\"priority\":\"P1\",\"category\":\"network\","
		    "\"subcategory\":\"api_gateway\",\"assignment_group\":"
		    "\"Platform Engineering\",\"description\":\"Seeing 20% 502 "
		    "error rate on /prod/api/* since 14:45 UTC\"}"),
		NULL, sf_answer_done, a);
}

static int create_alarm(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_create(
		c,
		STR("{\"short_description\":\"CloudWatch Alarm: pay-db-cpu\","
		    "\"description\":\"CPU above 90 %\",\"priority\":\"P2\","
		    "\"category\":\"monitoring\",\"subcategory\":"
		    "\"cloudwatch\",\"assignment_group\":\"Platform "
		    "Engineering\",\"ci_id\":\"CI0001234\"}"),
		NULL, sf_answer_done, a);
}

static int get(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_get(c, STR("INC0001234"), sf_answer_done, a);
}

static int update(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_update(c, STR("INC0001234"),
				  STR("{\"state\":\"closed\"}"),
				  sf_answer_done, a);
}

static int note(struct sf_client *c, struct sf_answer *a)
{
	return sf_note_add(c, STR("INC0001234"), STR("Looking into it"), NULL,
			   NULL, sf_answer_done, a);
}

static int bulk(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_bulk(c,
				STR("{\"operation\":\"update\",\"ids\":["
				    "\"INC0001234\",\"INC0001235\"],\"fields\":"
				    "{\"state\":\"closed\"}}"),
				NULL, sf_answer_done, a);
}

static int list_all(struct sf_client *c, struct sf_answer *a)
{
	return sf_incident_list(c, NULL, STR_NONE, sf_answer_done, a);
}

static int changes(struct sf_client *c, struct sf_answer *a)
{
	return sf_change_list(c, NULL, STR_NONE, sf_answer_done, a);
}

static int change_create(struct sf_client *c, struct sf_answer *a)
{
	return sf_change_create(
		c, STR("{\"short_description\":\"Patch the database\"}"), NULL,
		sf_answer_done, a);
}

static int cis(struct sf_client *c, struct sf_answer *a)
{
	return sf_ci_list(c, NULL, STR_NONE, sf_answer_done, a);
}

static int cis_bulk(struct sf_client *c, struct sf_answer *a)
{
	return sf_ci_bulk(c,
			  STR("{\"operation\":\"create\",\"records\":["
			      "{\"name\":\"pay-db-1\"}]}"),
			  NULL, sf_answer_done, a);
}

static int articles(struct sf_client *c, struct sf_answer *a)
{
	return sf_article_list(c, NULL, STR_NONE, sf_answer_done, a);
}

#define QUESTION STR("What is the procedure for a P1 major incident?")

static int ai_query(struct sf_client *c, struct sf_answer *a)
{
	const struct sf_ai_question q = { .text = QUESTION };

	return sf_ai_query(c, &q, sf_answer_done, a);
}

static int ai_ask(struct sf_client *c, struct sf_answer *a)
{
	const struct sf_ai_question q = { .text = QUESTION,
					  .model = "claude-3-sonnet",
					  .context_type = "incident",
					  .context_id = STR("INC0001234"),
					  .max_kb_results = 5 };

	return sf_ai_ask(c, &q, sf_answer_done, a);
}

static int ai_ask_sdk(struct sf_client *c, struct sf_answer *a)
{
	const struct sf_ai_question q = { .text = QUESTION,
					  .model = "claude-3-haiku" };

	return sf_ai_ask(c, &q, sf_answer_done, a);
}

static int ai_analyze(struct sf_client *c, struct sf_answer *a)
{
	return sf_ai_analyze(c, "incident", STR("INC0001234"), "root_cause",
			     NULL, 0, sf_answer_done, a);
}

static int ai_exemplars(struct sf_client *c, struct sf_answer *a)
{
	return sf_ai_exemplars(
		c, "incident",
		STR("Aurora database connection timeouts under load"),
		STR("database"), 5, sf_answer_done, a);
}

static int ai_suggest(struct sf_client *c, struct sf_answer *a)
{
	static const char *const suggest_for[] = { "category", "priority",
						   "assignment_group", NULL };

	return sf_ai_suggest(c,
			     STR("Redis cache hit rate dropped to 5% - all app "
				 "requests slow"),
			     suggest_for, NULL, 0, sf_answer_done, a);
}

/* --- what was read ------------------------------------------------------- */

/* Records are read as the JSON that they are. */
static void read_body(struct lines *out, const struct json *body,
		      struct arena *arena)
{
	(void)arena;
	flatten(out, "", body);
}

static void read_page(struct lines *out, const struct json *body,
		      struct arena *arena)
{
	const struct json *rows = sf_page_rows(body);
	struct str next = STR_NONE;
	char path[40];

	for (size_t i = 0; i < json_count(rows); i++) {
		snprintf(path, sizeof(path), "data[%zu]", i);
		flatten(out, path, json_item(rows, i));
	}
	put_number(out, "total", json_double(json_get(body, "total"), -1));
	if (json_get(body, "page")) {
		put_number(out, "page",
			   json_double(json_get(body, "page"), -1));
		put_number(out, "limit",
			   json_double(json_get(body, "limit"), -1));
		put_flag(out, "has_more",
			 sf_page_next(&next, body, arena) == 1);
	} else {
		assert_int_equal(sf_page_next(&next, body, arena), 1);
		assert_true(str_starts(next, "cursor="));
		put(out, "next_cursor", str_sub(next, 7, next.n - 7));
	}
}

static void read_change(struct lines *out, const struct json *body,
			struct arena *arena)
{
	read_page(out, body, arena);
	assert_true(sf_change_open(json_get_str(
		json_item(sf_page_rows(body), 0), "state")));
}

static void read_article(struct lines *out, const struct json *body,
			 struct arena *arena)
{
	struct sf_article a;

	assert_true(sf_article_read(&a, json_item(sf_page_rows(body), 0)));
	assert_true(str_is(a.id, "KB0000456"));
	assert_true(str_is(a.title, "Major Incident Procedure"));
	read_page(out, body, arena);
}

static void put_cost(struct lines *out, const struct sf_ai_cost *cost)
{
	put(out, "model_used", cost->model_used);
	put_number(out, "tokens_used", (double)cost->tokens_used);
	put_number(out, "latency_ms", (double)cost->latency_ms);
}

static void read_said(struct lines *out, const struct json *body,
		      struct arena *arena)
{
	struct sf_ai_said said;
	char path[60];

	assert_int_equal(sf_ai_said_read(&said, body, arena), 0);
	put(out, "answer", said.answer);
	for (size_t i = 0; i < said.citation_count; i++) {
		const struct sf_ai_citation *c = &said.citations[i];

		snprintf(path, sizeof(path), "citations[%zu].article_id", i);
		put(out, path, c->article_id);
		snprintf(path, sizeof(path), "citations[%zu].title", i);
		put(out, path, c->title);
		snprintf(path, sizeof(path), "citations[%zu].relevance", i);
		put_number(out, path, c->relevance);
	}
	put_cost(out, &said.cost);
	if (json_get(body, "cache_hit"))
		put_flag(out, "cache_hit", said.cost.cache_hit);
}

static void read_findings(struct lines *out, const struct json *body,
			  struct arena *arena)
{
	struct sf_ai_findings f;
	char path[60];

	assert_int_equal(sf_ai_findings_read(&f, body, arena), 0);
	put(out, "record_id", f.record_id);
	put(out, "analysis_type", f.analysis_type);
	put(out, "findings.probable_root_cause", f.probable_root_cause);
	put_number(out, "findings.confidence", f.confidence);
	put(out, "findings.related_problem", f.related_problem);
	put_number(out, "findings.estimated_resolution_minutes",
		   (double)f.estimated_minutes);
	for (size_t i = 0; i < f.step_count; i++) {
		snprintf(path, sizeof(path), "findings.resolution_steps[%zu]",
			 i);
		put(out, path, f.resolution_steps[i]);
	}
	for (size_t i = 0; i < f.similar_count; i++) {
		snprintf(path, sizeof(path),
			 "findings.similar_past_incidents[%zu]", i);
		put(out, path, f.similar_incidents[i]);
	}
	put_cost(out, &f.cost);
}

static void read_exemplars(struct lines *out, const struct json *body,
			   struct arena *arena)
{
	const struct sf_ai_exemplar *e;
	size_t n;

	assert_int_equal(sf_ai_exemplars_read(&e, &n, body, arena), 0);
	assert_int_equal(n, 1);
	put(out, "exemplars[0].incident_id", e->incident_id);
	put(out, "exemplars[0].description", e->description);
	put(out, "exemplars[0].resolution", e->resolution);
	put_number(out, "exemplars[0].resolution_time_min",
		   (double)e->resolution_minutes);
	put_number(out, "exemplars[0].similarity_score", e->similarity);
	/* The page's own example counts three where it shows one. */
	put_number(out, "count", json_double(json_get(body, "count"), -1));
}

static void read_suggestions(struct lines *out, const struct json *body,
			     struct arena *arena)
{
	static const char *const fields[] = { "category", "subcategory",
					      "priority", "assignment_group" };
	char path[60];

	(void)arena;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct sf_ai_suggestion s;

		assert_true(sf_ai_suggestion_read(&s, body, fields[i]));
		snprintf(path, sizeof(path), "suggestions.%s.value",
			 fields[i]);
		put(out, path, s.value);
		snprintf(path, sizeof(path), "suggestions.%s.confidence",
			 fields[i]);
		put_number(out, path, s.confidence);
		snprintf(path, sizeof(path), "suggestions.%s.reasoning",
			 fields[i]);
		if (s.reasoning.n)
			put(out, path, s.reasoning);
	}
}

static const struct play {
	const char *file, *endpoint;
	call *call;
	reading *read;		/* NULL: no body is read of it */
} plays[] = {
	{ "health", "GET /health", health, read_body },
	{ "incidents-list", "GET /incidents", list_five, read_page },
	{ "incidents-open-p1", "GET /incidents", list_open, read_page },
	{ "incidents-cursor", "GET /incidents", list_cursor, read_page },
	{ "incidents-page", "GET /incidents", list_page, read_page },
	{ "incidents-resolved", "GET /incidents", list_resolved, read_page },
	{ "incidents-limit", "429", list_all, NULL },
	{ "incidents-create", "POST /incidents", create, read_body },
	{ "incidents-alarm", "POST /incidents", create_alarm, read_body },
	{ "incidents-get", "GET /incidents/{id}", get, read_body },
	{ "incidents-update", "PATCH /incidents/{id}", update, read_body },
	{ "incidents-note", "POST /incidents/{id}/notes", note, read_body },
	{ "incidents-bulk", "POST /incidents/bulk", bulk, read_body },
	{ "changes-list", "GET /changes", changes, read_change },
	{ "changes-create", "POST /changes", change_create, read_body },
	{ "cis-list", "GET /cmdb/cis", cis, read_page },
	{ "cis-bulk", "POST /cmdb/cis/bulk", cis_bulk, read_body },
	{ "articles-list", "GET /knowledge/articles", articles, read_article },
	{ "ai-query", "POST /ai/query", ai_query, read_said },
	{ "ai-ask", "POST /ai/ask", ai_ask, read_said },
	{ "ai-ask-sdk", "POST /ai/ask", ai_ask_sdk, read_said },
	{ "ai-analyze", "POST /ai/analyze", ai_analyze, read_findings },
	{ "ai-exemplars", "POST /ai/exemplars", ai_exemplars, read_exemplars },
	{ "ai-suggest", "POST /ai/suggest", ai_suggest, read_suggestions },
};

#define PLAYS (sizeof(plays) / sizeof(*plays))

/*
 * The pages' endpoints and fields: ? of a query, > of a request, < of an
 * answer, : a header of one. Indices are left out.
 */
static const struct page_field {
	const char *endpoint, *field;
} pages[] = {
	{ "GET /health", "<status" },
	{ "GET /health", "<version" },
	{ "GET /health", "<region" },
	{ "GET /incidents", "?limit" },
	{ "GET /incidents", "?cursor" },
	{ "GET /incidents", "?page" },
	{ "GET /incidents", "?state" },
	{ "GET /incidents", "?priority" },
	{ "GET /incidents", "?created_before" },
	{ "GET /incidents", "<data[].id" },
	{ "GET /incidents", "<data[].short_description" },
	{ "GET /incidents", "<data[].priority" },
	{ "GET /incidents", "<data[].state" },
	{ "GET /incidents", "<data[].assigned_to" },
	{ "GET /incidents", "<data[].created_at" },
	{ "GET /incidents", "<total" },
	{ "GET /incidents", "<page" },
	{ "GET /incidents", "<limit" },
	{ "GET /incidents", "<has_more" },
	{ "GET /incidents", "<next_cursor" },
	{ "GET /incidents", ":X-RateLimit-Limit" },
	{ "GET /incidents", ":X-RateLimit-Remaining" },
	{ "GET /incidents", ":X-RateLimit-Reset" },
	{ "429", "<message" },
	{ "429", ":Retry-After" },
	{ "429", ":X-RateLimit-Limit" },
	{ "429", ":X-RateLimit-Remaining" },
	{ "429", ":X-RateLimit-Reset" },
	{ "POST /incidents", ">short_description" },
	{ "POST /incidents", ">description" },
	{ "POST /incidents", ">priority" },
	{ "POST /incidents", ">category" },
	{ "POST /incidents", ">subcategory" },
	{ "POST /incidents", ">assignment_group" },
	{ "POST /incidents", ">ci_id" },
	{ "POST /incidents", "<id" },
	{ "POST /incidents", "<number" },
	{ "POST /incidents", "<short_description" },
	{ "POST /incidents", "<priority" },
	{ "POST /incidents", "<state" },
	{ "POST /incidents", "<category" },
	{ "POST /incidents", "<assignment_group" },
	{ "POST /incidents", "<created_at" },
	{ "POST /incidents", "<sla_breach_at" },
	{ "GET /incidents/{id}", "<id" },
	{ "GET /incidents/{id}", "<short_description" },
	{ "GET /incidents/{id}", "<priority" },
	{ "GET /incidents/{id}", "<state" },
	{ "GET /incidents/{id}", "<assigned_to" },
	{ "GET /incidents/{id}", "<created_at" },
	{ "PATCH /incidents/{id}", ">state" },
	{ "PATCH /incidents/{id}", "<id" },
	{ "PATCH /incidents/{id}", "<short_description" },
	{ "PATCH /incidents/{id}", "<priority" },
	{ "PATCH /incidents/{id}", "<state" },
	{ "PATCH /incidents/{id}", "<assigned_to" },
	{ "PATCH /incidents/{id}", "<created_at" },
	{ "POST /incidents/{id}/notes", ">body" },
	{ "POST /incidents/{id}/notes", ">visibility" },
	{ "POST /incidents/{id}/notes", "<id" },
	{ "POST /incidents/bulk", ">operation" },
	{ "POST /incidents/bulk", ">ids[]" },
	{ "POST /incidents/bulk", ">fields.state" },
	{ "POST /incidents/bulk", "<job_id" },
	{ "GET /changes", "<data[].id" },
	{ "GET /changes", "<data[].short_description" },
	{ "GET /changes", "<data[].state" },
	{ "GET /changes", "<total" },
	{ "GET /changes", "<page" },
	{ "GET /changes", "<limit" },
	{ "GET /changes", "<has_more" },
	{ "POST /changes", ">short_description" },
	{ "POST /changes", "<id" },
	{ "GET /cmdb/cis", "<data[].id" },
	{ "GET /cmdb/cis", "<total" },
	{ "GET /cmdb/cis", "<page" },
	{ "GET /cmdb/cis", "<limit" },
	{ "GET /cmdb/cis", "<has_more" },
	{ "POST /cmdb/cis/bulk", ">operation" },
	{ "POST /cmdb/cis/bulk", ">records[].name" },
	{ "POST /cmdb/cis/bulk", "<job_id" },
	{ "GET /knowledge/articles", "<data[].id" },
	{ "GET /knowledge/articles", "<data[].title" },
	{ "GET /knowledge/articles", "<total" },
	{ "GET /knowledge/articles", "<page" },
	{ "GET /knowledge/articles", "<limit" },
	{ "GET /knowledge/articles", "<has_more" },
	{ "POST /ai/query", ">query" },
	{ "POST /ai/query", "<answer" },
	{ "POST /ai/query", "<model_used" },
	{ "POST /ai/query", "<tokens_used" },
	{ "POST /ai/query", "<latency_ms" },
	{ "POST /ai/ask", ">question" },
	{ "POST /ai/ask", ">context_record.type" },
	{ "POST /ai/ask", ">context_record.id" },
	{ "POST /ai/ask", ">max_kb_results" },
	{ "POST /ai/ask", ">model" },
	{ "POST /ai/ask", "<answer" },
	{ "POST /ai/ask", "<citations[].article_id" },
	{ "POST /ai/ask", "<citations[].title" },
	{ "POST /ai/ask", "<citations[].relevance" },
	{ "POST /ai/ask", "<model_used" },
	{ "POST /ai/ask", "<cache_hit" },
	{ "POST /ai/ask", "<tokens_used" },
	{ "POST /ai/ask", "<latency_ms" },
	{ "POST /ai/analyze", ">record_type" },
	{ "POST /ai/analyze", ">record_id" },
	{ "POST /ai/analyze", ">analysis_type" },
	{ "POST /ai/analyze", "<record_id" },
	{ "POST /ai/analyze", "<analysis_type" },
	{ "POST /ai/analyze", "<findings.probable_root_cause" },
	{ "POST /ai/analyze", "<findings.confidence" },
	{ "POST /ai/analyze", "<findings.resolution_steps[]" },
	{ "POST /ai/analyze", "<findings.related_problem" },
	{ "POST /ai/analyze", "<findings.similar_past_incidents[]" },
	{ "POST /ai/analyze", "<findings.estimated_resolution_minutes" },
	{ "POST /ai/analyze", "<model_used" },
	{ "POST /ai/analyze", "<tokens_used" },
	{ "POST /ai/analyze", "<latency_ms" },
	{ "POST /ai/exemplars", ">record_type" },
	{ "POST /ai/exemplars", ">description" },
	{ "POST /ai/exemplars", ">category" },
	{ "POST /ai/exemplars", ">top_k" },
	{ "POST /ai/exemplars", "<exemplars[].incident_id" },
	{ "POST /ai/exemplars", "<exemplars[].description" },
	{ "POST /ai/exemplars", "<exemplars[].resolution" },
	{ "POST /ai/exemplars", "<exemplars[].resolution_time_min" },
	{ "POST /ai/exemplars", "<exemplars[].similarity_score" },
	{ "POST /ai/exemplars", "<count" },
	{ "POST /ai/suggest", ">text" },
	{ "POST /ai/suggest", ">suggest_for[]" },
	{ "POST /ai/suggest", "<suggestions.category.value" },
	{ "POST /ai/suggest", "<suggestions.category.confidence" },
	{ "POST /ai/suggest", "<suggestions.subcategory.value" },
	{ "POST /ai/suggest", "<suggestions.subcategory.confidence" },
	{ "POST /ai/suggest", "<suggestions.priority.value" },
	{ "POST /ai/suggest", "<suggestions.priority.confidence" },
	{ "POST /ai/suggest", "<suggestions.priority.reasoning" },
	{ "POST /ai/suggest", "<suggestions.assignment_group.value" },
	{ "POST /ai/suggest", "<suggestions.assignment_group.confidence" },
};

#define FIELDS (sizeof(pages) / sizeof(*pages))

static bool covered[FIELDS];

/* --- a play -------------------------------------------------------------- */

static struct json *load(const char *name)
{
	static char text[16384];
	char path[200];
	struct json *v;
	struct err err;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), DATA "%s.json", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (json_parse(&v, (struct str){ text, n }, 0, &err))
		fail_msg("%s: %s", path, err.text);
	return v;
}

static void give(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	const struct json *answer = json_get(s->arg, "answer"), *value;
	struct buf body = BUF_INIT(4096), headers = BUF_INIT(1024);
	struct str name;
	void *at = NULL;

	(void)nth, (void)request;
	json_put(&body, json_get(answer, "body"));
	while (json_next(json_get(answer, "headers"), &at, &name, &value))
		buf_printf(&headers, "%.*s: %.*s\r\n", STR_ARG(name),
			   STR_ARG(json_str(value)));
	reply_json(out, (int)json_int(json_get(answer, "status"), 0),
		   headers.p ? headers.p : "", body.p);
	buf_fini(&body);
	buf_fini(&headers);
}

/* name=value pairs, decoded, as lines. */
static void read_query(struct lines *out, struct str query)
{
	struct str pair, name;

	while (query.n && str_cut(&query, '&', &pair)) {
		struct buf value = BUF_INIT(1024);
		char path[100];

		assert_true(str_cut(&pair, '=', &name));
		assert_int_equal(decode_url(&value, pair), 0);
		snprintf(path, sizeof(path), "%.*s", STR_ARG(name));
		put(out, path, buf_str(&value));
		buf_fini(&value);
	}
}

static void check_headers(const char *file, const struct json *want,
			  const char *request)
{
	const struct json *value;
	const char *end = strstr(request, "\r\n\r\n");
	char line[200];
	struct str name;
	void *at = NULL;

	while (json_next(want, &at, &name, &value)) {
		const char *found;

		snprintf(line, sizeof(line), "\r\n%.*s: %.*s\r\n",
			 STR_ARG(name), STR_ARG(json_str(value)));
		found = strstr(request, line);
		if (!found || found > end)
			fail_msg("%s: no header %s", file, line);
	}
	/* And none of these that isn't recorded. */
	if (!json_get(want, "Authorization"))
		assert_null(strstr(request, "Authorization:"));
	if (!json_get(want, "Content-Type"))
		assert_null(strstr(request, "Content-Type:"));
}

static void check_request(const struct play *p, const struct json *want,
			  const char *request)
{
	struct lines a = { BUF_INIT(8192) }, b = { BUF_INIT(8192) };
	struct str first = { request, strcspn(request, "\r") }, method, path;
	struct str query = STR("");
	const char *body = strstr(request, "\r\n\r\n") + 4;
	struct json *got = NULL;
	ssize_t mark;

	assert_true(str_cut(&first, ' ', &method));
	assert_true(str_eq(method, json_get_str(want, "method")));
	assert_true(str_cut(&first, ' ', &path));
	assert_true(str_is(first, "HTTP/1.1"));
	mark = str_find_char(path, '?');
	if (mark >= 0) {
		query = str_sub(path, (size_t)mark + 1,
				path.n - (size_t)mark - 1);
		path.n = (size_t)mark;
	}
	if (!str_eq(path, json_get_str(want, "path")))
		fail_msg("%s: %.*s", p->file, STR_ARG(path));
	flatten(&a, "", json_get(want, "query"));
	read_query(&b, query);
	check_same(p->file, &a, &b);
	check_headers(p->file, json_get(want, "headers"), request);
	buf_reset(&a.text);
	buf_reset(&b.text);
	if (body[0])
		assert_int_equal(json_parse(&got, str_from(body), 0, NULL), 0);
	flatten(&a, "", json_get(want, "body"));
	flatten(&b, "", got);
	check_same(p->file, &a, &b);
	json_free(got);
	buf_fini(&a.text);
	buf_fini(&b.text);
}

static void check_answer(const struct play *p, const struct json *want,
			 const struct sf_result *r)
{
	struct lines a = { BUF_INIT(8192) }, b = { BUF_INIT(8192) };
	struct arena *arena = arena_new(1 << 16);

	assert_int_equal(r->status, json_int(json_get(want, "status"), 0));
	if (p->read) {
		if (r->outcome != SF_OK)
			fail_msg("%s: %s", p->file, r->problem);
		flatten(&a, "", json_get(want, "body"));
		p->read(&b, r->body, arena);
		check_within(p->file, &a, &b);
	} else {
		assert_int_equal(r->outcome, SF_NOT_EXECUTED);
		assert_string_equal(r->problem, "429: Rate limit exceeded");
		assert_int_equal(r->retry_after_ms, 7000);
	}
	arena_free(arena);
	buf_fini(&a.text);
	buf_fini(&b.text);
}

/* What the headers of all answers say is known of the client. */
static void check_limits(const struct json *headers, const struct sf_client *c)
{
	struct sf_stats stats;
	int64_t n;

	sf_client_stats(c, &stats);
	if (str_to_i64(&n, json_get_str(headers, "X-RateLimit-Limit")) == 0)
		assert_int_equal(stats.rate_limit, n);
	if (str_to_i64(&n, json_get_str(headers, "X-RateLimit-Remaining")) == 0)
		assert_int_equal(stats.rate_remaining, n);
}

/* Mark a field as covered; false: the table doesn't name it. */
static bool cover(const char *endpoint, char kind, struct str path)
{
	struct buf field = BUF_INIT(256);
	bool found = false;

	buf_putc(&field, kind);
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] < '0' || path.p[i] > '9' || kind == ':' ||
		    path.p[i - 1] != '[')
			buf_putc(&field, path.p[i]);
	for (size_t i = 0; i < FIELDS; i++) {
		if (strcmp(pages[i].endpoint, endpoint) ||
		    strcmp(pages[i].field, field.p))
			continue;
		covered[i] = found = true;
	}
	buf_fini(&field);
	return found;
}

static void cover_all(const struct play *p, char kind, const struct json *v)
{
	struct lines l = { BUF_INIT(8192) };
	struct str rest, line, path;

	flatten(&l, "", v);
	rest = buf_str(&l.text);
	while (str_cut(&rest, '\x1f', &line))
		if (line.n && str_cut(&line, '=', &path) &&
		    !cover(p->endpoint, kind, path))
			fail_msg("%s: the table has no %s %c%.*s", p->file,
				 p->endpoint, kind, STR_ARG(path));
	buf_fini(&l.text);
}

static void play(const struct play *p)
{
	struct json *v = load(p->file);
	const struct json *request = json_get(v, "request");
	const struct json *answer = json_get(v, "answer");
	struct sf_answer *a;
	struct rig g;
	struct err err;

	rig_start(&g, give, v);
	g.options.auth.method = SF_AUTH_TOKEN;
	g.options.auth.token = "TOKEN";
	assert_int_equal(sf_client_new(&g.client, &g.options, NULL, &err), 0);
	a = sf_answer_new(g.client);
	check_answer(p, answer, sf_answer_wait(a, p->call(g.client, a)));
	assert_int_equal(server_requests(&g.server), 1);
	check_request(p, request, g.server.requests[0]);
	check_limits(json_get(answer, "headers"), g.client);
	cover_all(p, '?', json_get(request, "query"));
	cover_all(p, '>', json_get(request, "body"));
	cover_all(p, '<', json_get(answer, "body"));
	cover_all(p, ':', json_get(answer, "headers"));
	sf_answer_free(a);
	rig_stop(&g);
	json_free(v);
}

static void each_exchange_is_as_recorded(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLAYS; i++)
		play(&plays[i]);
}

static void each_field_of_the_pages_is_covered(void **state)
{
	unsigned missing = 0;

	(void)state;
	for (size_t i = 0; i < FIELDS; i++) {
		if (covered[i])
			continue;
		print_error("not covered: %s %s\n", pages[i].endpoint,
			    pages[i].field);
		missing++;
	}
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_exchange_is_as_recorded),
		cmocka_unit_test(each_field_of_the_pages_is_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
