/*
 * Each call of libstackflow by name, for test_library_calls.py: one JSON
 * object says what came of it as the library reads it. The client is made from
 * the environment and has a thread of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stackflow/ai.h>
#include <stackflow/answer.h>
#include <stackflow/base/arena.h>
#include <stackflow/bulk.h>
#include <stackflow/changes.h>
#include <stackflow/doc/json.h>
#include <stackflow/doc/jsonw.h>
#include <stackflow/knowledge.h>
#include <stackflow/pages.h>
#include <stackflow/stackflow.h>

static struct buf text;
static struct jsonw w;
static struct arena *arena;

static void put_cost(const struct sf_ai_cost *c)
{
	jsonw_kstr(&w, "model_used", c->model_used);
	jsonw_kint(&w, "tokens_used", c->tokens_used);
	jsonw_kint(&w, "latency_ms", c->latency_ms);
	jsonw_kbool(&w, "cache_hit", c->cache_hit);
}

static void put_double(const char *key, double v)
{
	jsonw_key(&w, key);
	jsonw_double(&w, v);
}

static void put_said(const struct json *body)
{
	struct sf_ai_said said;

	if (sf_ai_said_read(&said, body, arena))
		return;
	jsonw_kstr(&w, "answer", said.answer);
	jsonw_key(&w, "citations");
	jsonw_array(&w);
	for (size_t i = 0; i < said.citation_count; i++) {
		jsonw_object(&w);
		jsonw_kstr(&w, "article_id", said.citations[i].article_id);
		jsonw_kstr(&w, "title", said.citations[i].title);
		put_double("relevance", said.citations[i].relevance);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	put_cost(&said.cost);
}

static void put_strings(const char *key, const struct str *list, size_t n)
{
	jsonw_key(&w, key);
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++)
		jsonw_str(&w, list[i]);
	jsonw_end_array(&w);
}

static void put_findings(const struct json *body)
{
	struct sf_ai_findings f;

	if (sf_ai_findings_read(&f, body, arena))
		return;
	jsonw_kstr(&w, "record_id", f.record_id);
	jsonw_kstr(&w, "analysis_type", f.analysis_type);
	jsonw_kstr(&w, "probable_root_cause", f.probable_root_cause);
	jsonw_kstr(&w, "related_problem", f.related_problem);
	jsonw_kstr(&w, "risk", f.risk);
	put_double("confidence", f.confidence);
	jsonw_kint(&w, "estimated_minutes", f.estimated_minutes);
	put_strings("steps", f.resolution_steps, f.step_count);
	put_strings("similar", f.similar_incidents, f.similar_count);
	put_cost(&f.cost);
}

static void put_exemplars(const struct json *body)
{
	const struct sf_ai_exemplar *e;
	size_t n;

	if (sf_ai_exemplars_read(&e, &n, body, arena))
		return;
	jsonw_key(&w, "exemplars");
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&w);
		jsonw_kstr(&w, "incident_id", e[i].incident_id);
		jsonw_kstr(&w, "description", e[i].description);
		jsonw_kstr(&w, "resolution", e[i].resolution);
		jsonw_kint(&w, "minutes", e[i].resolution_minutes);
		put_double("similarity", e[i].similarity);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
}

static const char *const fields[] = { "category", "subcategory", "priority",
				      "assignment_group", NULL };

static void put_suggestions(const struct json *body)
{
	struct sf_ai_suggestion s;

	for (int i = 0; fields[i]; i++) {
		if (!sf_ai_suggestion_read(&s, body, fields[i]))
			continue;
		jsonw_key(&w, fields[i]);
		jsonw_object(&w);
		jsonw_kstr(&w, "value", s.value);
		put_double("confidence", s.confidence);
		jsonw_kstr(&w, "reasoning", s.reasoning);
		jsonw_end_object(&w);
	}
}

static void put_body(const struct json *body)
{
	jsonw_key(&w, "body");
	if (body)
		json_put(w.out, body);
	else
		jsonw_null(&w);
	w.comma = 1;
}

/* One call; what it reads of the answer, in *put. */
static int begin(struct sf_client *c, const char *name, char **v,
		 struct sf_answer *a, void (**put)(const struct json *))
{
	struct str one = str_from(v[0]), two = one.p ? str_from(v[1]) :
						       STR_NONE;
	struct sf_ai_question q = { .text = one,
				    .context_type = two.n ? "incident" : NULL,
				    .context_id = two,
				    .max_kb_results = 3 };

	*put = put_body;
	if (strcmp(name, "health") == 0)
		return sf_health(c, sf_answer_done, a);
	if (strcmp(name, "create") == 0)
		return sf_incident_create(c, one, NULL, sf_answer_done, a);
	if (strcmp(name, "get") == 0)
		return sf_incident_get(c, one, sf_answer_done, a);
	if (strcmp(name, "update") == 0)
		return sf_incident_update(c, one, two, sf_answer_done, a);
	if (strcmp(name, "note") == 0)
		return sf_note_add(c, one, two, "team", NULL, sf_answer_done,
				   a);
	if (strcmp(name, "change") == 0)
		return sf_change_create(c, one, NULL, sf_answer_done, a);
	*put = put_said;
	if (strcmp(name, "ask") == 0)
		return sf_ai_ask(c, &q, sf_answer_done, a);
	if (strcmp(name, "query") == 0)
		return sf_ai_query(c, &q, sf_answer_done, a);
	*put = put_findings;
	if (strcmp(name, "analyze") == 0)
		return sf_ai_analyze(c, "incident", one, "root_cause", NULL, 0,
				     sf_answer_done, a);
	*put = put_exemplars;
	if (strcmp(name, "exemplars") == 0)
		return sf_ai_exemplars(c, "incident", one, STR_NONE, 2,
				       sf_answer_done, a);
	*put = put_suggestions;
	return sf_ai_suggest(c, one, fields, "claude-3-haiku", 0,
			     sf_answer_done, a);
}

static void call(struct sf_client *c, const char *name, char **v)
{
	struct sf_answer *a = sf_answer_new(c);
	void (*put)(const struct json *);
	const struct sf_result *r;

	r = sf_answer_wait(a, begin(c, name, v, a, &put));
	jsonw_kint(&w, "outcome", r->outcome);
	jsonw_kint(&w, "status", r->status);
	jsonw_kstr(&w, "id", r->id);
	jsonw_kcstr(&w, "problem", r->problem);
	if (r->outcome == SF_OK)
		put(r->body);
	sf_answer_free(a);
}

static void walk(struct sf_client *c, const char *name, const char *query)
{
	sf_list *list = strcmp(name, "incidents") == 0 ? sf_incident_list :
			strcmp(name, "changes") == 0   ? sf_change_list :
			strcmp(name, "cis") == 0       ? sf_ci_list :
							 sf_article_list;
	const struct json *row;
	struct sf_article art;
	struct sf_pages *p;
	struct err err = { "" };
	int rc = sf_pages_new(&p, c, list, query, &err);

	jsonw_key(&w, "rows");
	jsonw_array(&w);
	while (rc >= 0 && (rc = sf_pages_next(&row, p, &err)) == 1) {
		struct str id = json_get_str(row, "id");

		if (list == sf_article_list && !sf_article_read(&art, row))
			id = STR("not an article");
		jsonw_str(&w, id);
	}
	jsonw_end_array(&w);
	jsonw_kint(&w, "rc", rc);
	jsonw_kcstr(&w, "problem", err.text);
	jsonw_kint(&w, "total", sf_pages_total(p));
	sf_pages_free(p);
}

static void put_bulk(struct sf_bulk *b)
{
	static struct sf_bulk_failure f[1000];
	const struct sf_bulk_result *r = sf_bulk_wait(b);
	size_t n = sf_bulk_failures(f, 1000, b);

	jsonw_kint(&w, "outcome", r->outcome);
	jsonw_kint(&w, "records", (int64_t)r->records);
	jsonw_kint(&w, "done", (int64_t)r->done);
	jsonw_kint(&w, "failed", (int64_t)r->failed);
	jsonw_kint(&w, "unknown", (int64_t)r->unknown);
	jsonw_kint(&w, "unsent", (int64_t)r->unsent);
	jsonw_kcstr(&w, "problem", r->problem);
	jsonw_key(&w, "failures");
	jsonw_array(&w);
	for (size_t i = 0; i < n && i < 1000; i++) {
		jsonw_object(&w);
		jsonw_kint(&w, "at", (int64_t)f[i].at);
		jsonw_kstr(&w, "id", f[i].id);
		jsonw_kstr(&w, "message", f[i].message);
		jsonw_kbool(&w, "unknown", f[i].unknown);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	sf_bulk_free(b);
}

/* v: fields and ids, or records. */
static void bulk(struct sf_client *c, const char *name, char **v, size_t n)
{
	struct str *list = calloc(n + 1, sizeof(*list));
	struct sf_bulk *b = NULL;
	int rc;

	for (size_t i = 0; i < n; i++)
		list[i] = str_from(v[i]);
	if (strcmp(name, "bulk-update") == 0)
		rc = sf_bulk_update(&b, c, list + 1, n - 1, list[0], 0, NULL,
				    NULL);
	else if (strcmp(name, "bulk-create") == 0)
		rc = sf_bulk_create(&b, c, list, n, 0, NULL, NULL);
	else
		rc = sf_bulk_cis(&b, c, list, n, 0, NULL, NULL);
	jsonw_kint(&w, "rc", rc);
	if (rc == 0)
		put_bulk(b);
	free(list);
}

int main(int argc, char **argv)
{
	struct sf_client *c;
	struct err err;

	if (argc < 2)
		return 2;
	if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	arena = arena_new(1 << 20);
	buf_init(&text, 64 << 20);
	w = JSONW(&text);
	jsonw_object(&w);
	if (strncmp(argv[1], "bulk-", 5) == 0)
		bulk(c, argv[1], argv + 2, (size_t)argc - 2);
	else if (strcmp(argv[1], "pages") == 0 && argc == 4)
		walk(c, argv[2], argv[3]);
	else
		call(c, argv[1], argv + 2);
	jsonw_end_object(&w);
	puts(text.p);
	buf_fini(&text);
	arena_free(arena);
	sf_client_free(c);
	return 0;
}
