/*
 * What the AI endpoints, bulk jobs and knowledge articles answer. The input's
 * first line is a letter for what was asked (b a bulk's start, j a job, a an
 * AI call) and a status, then header lines, a blank line and the body; every
 * reader is tried on it, whatever was asked.
 */
#include "must.h"

#include <errno.h>

#include "rest/rest.h"
#include "stackflow/ai.h"
#include "stackflow/bulk.h"
#include "stackflow/client.h"
#include "stackflow/jobs.h"
#include "stackflow/knowledge.h"

#define RECORDS 7

static void bounded(struct str s, size_t max)
{
	MUST(s.n <= max);
	/* Readable throughout. */
	for (size_t i = 0; i < s.n; i++)
		MUST(((volatile const char *)s.p)[i] || 1);
}

static void share(double d)
{
	MUST(d == -1 || (d >= 0 && d <= 1));
}

static void cost(const struct sf_ai_cost *c)
{
	bounded(c->model_used, 256);
	MUST(c->tokens_used >= -1 && c->latency_ms >= -1);
}

static void try_said(const struct json *body, struct arena *arena)
{
	struct sf_ai_said said;
	int rc = sf_ai_said_read(&said, body, arena);

	MUST(rc == 0 || rc == -EINVAL || rc == -ENOMEM);
	if (rc)
		return;
	MUST(said.answer.p);
	bounded(said.answer, 65536);
	MUST(said.citation_count <= 200);
	for (size_t i = 0; i < said.citation_count; i++) {
		bounded(said.citations[i].article_id, 256);
		bounded(said.citations[i].title, 8192);
		share(said.citations[i].relevance);
	}
	cost(&said.cost);
}

static void strings(const struct str *list, size_t n)
{
	MUST(n <= 200);
	for (size_t i = 0; i < n; i++) {
		MUST(list[i].n);
		bounded(list[i], 8192);
	}
}

static void try_findings(const struct json *body, struct arena *arena)
{
	struct sf_ai_findings f;

	if (sf_ai_findings_read(&f, body, arena))
		return;
	bounded(f.record_id, 256);
	bounded(f.analysis_type, 256);
	bounded(f.probable_root_cause, 8192);
	bounded(f.risk, 8192);
	bounded(f.related_problem, 256);
	share(f.confidence);
	MUST(f.estimated_minutes >= -1);
	strings(f.resolution_steps, f.step_count);
	strings(f.similar_incidents, f.similar_count);
	cost(&f.cost);
}

static void try_exemplars(const struct json *body, struct arena *arena)
{
	const struct sf_ai_exemplar *e;
	size_t n;

	if (sf_ai_exemplars_read(&e, &n, body, arena))
		return;
	MUST(n <= 200);
	for (size_t i = 0; i < n; i++) {
		bounded(e[i].incident_id, 256);
		bounded(e[i].description, 8192);
		bounded(e[i].resolution, 8192);
		MUST(e[i].resolution_minutes >= -1);
		share(e[i].similarity);
	}
}

static void try_suggestions(const struct json *body)
{
	static const char *const fields[] = { "category", "subcategory",
					      "priority", "assignment_group" };

	for (size_t i = 0; i < 4; i++) {
		struct sf_ai_suggestion s;

		if (!sf_ai_suggestion_read(&s, body, fields[i]))
			continue;
		MUST(s.value.n);
		bounded(s.value, 8192);
		bounded(s.reasoning, 8192);
		share(s.confidence);
	}
}

static void try_article(const struct json *row)
{
	struct sf_article a;

	if (!sf_article_read(&a, row))
		return;
	MUST(sf_id_usable(a.id));
	MUST(!a.url.p || str_starts(a.url, "http"));
	bounded(a.url, 2048);
	for (size_t i = 0; i < a.url.n; i++)
		MUST(a.url.p[i] > ' ' && a.url.p[i] < 0x7f);
}

static void named(size_t at, bool failed, struct str message, void *arg)
{
	unsigned *times = arg;

	MUST(at < RECORDS && (failed || !failed));
	bounded(message, SIZE_MAX);
	MUST(++*times <= 3000);
}

static void try_job(const struct json *body)
{
	static const struct str ids[RECORDS] = { STR("A"),  STR("B"),
						 STR("C"),  STR("D"),
						 STR("E1"), STR("F1"),
						 STR("INC0000001") };
	struct str id = sf_job_id(body);
	struct sf_job_counts c;
	unsigned times = 0;

	MUST(!id.n || sf_id_usable(id));
	MUST(sf_job_state(body) <= SF_JOB_BROKEN);
	sf_job_count(&c, body, RECORDS);
	MUST(c.done >= -1 && c.failed >= -1);
	MUST(c.done <= RECORDS && c.failed <= RECORDS);
	MUST(c.done <= 0 || c.failed <= 0 || c.done + c.failed <= RECORDS);
	sf_job_each(body, ids, RECORDS, named, &times);
	times = 0;
	sf_job_each(body, NULL, RECORDS, named, &times);
}

static void try_readers(const struct json *body)
{
	/* Large enough for all, and one that never is. */
	struct arena *large = arena_new(1 << 20), *small = arena_new(100);
	const struct json *rows = sf_page_rows(body);

	if (!large || !small)
		abort();
	try_said(body, large);
	try_findings(body, large);
	try_exemplars(body, large);
	try_said(body, small);
	try_findings(body, small);
	try_exemplars(body, small);
	try_suggestions(body);
	try_article(body);
	for (size_t i = 0; i < json_count(rows) && i < 20; i++)
		try_article(json_item(rows, i));
	try_job(body);
	arena_free(small);
	arena_free(large);
}

static void try_answer(enum sf_kind kind, const struct rest_response *r,
		       const struct sf_authn *auth)
{
	struct arena *arena = arena_new(1 << 16);
	struct buf words = BUF_INIT(4096);
	struct json *root = NULL;
	struct sf_result res;

	if (!arena)
		abort();
	sf_judge(&res, &root, &words, kind, STR_NONE, r, auth, arena);
	MUST((res.outcome == SF_OK) == (res.problem == NULL));
	if (res.outcome == SF_OK)
		MUST(!res.body || json_is(res.body, JSON_OBJECT));
	else
		MUST(strlen(res.problem) <= 500);
	if (kind != SF_BULK)
		MUST(!res.id.n);
	bounded(res.id, 1 << 16);
	if (root)
		try_readers(root);
	json_free(root);
	buf_fini(&words);
	arena_free(arena);
}

/* Of a class that counts by the minute. */
static void try_limits(const struct rest_response *r)
{
	struct sf_rates rates;

	sf_rates_init(&rates, 80);
	sf_rates_now(&rates, 1000);
	for (int i = 0; i < 40; i++)
		sf_rates_take(&rates, SF_CLASS_ANALYZE);
	for (enum sf_class c = 0; c < SF_CLASSES; c++)
		sf_limits_learn(&rates.of[c], r);
	sf_rates_now(&rates, 2000);
	for (enum sf_class c = 0; c < SF_CLASSES; c++) {
		MUST(rates.of[c].rate <= 120);
		MUST(sf_rates_wait_ms(&rates, c) >= 0);
		MUST(sf_rates_wait_ms(&rates, c) <= 600000);
	}
	for (enum sf_class c = 0; c < SF_CLASSES; c++) {
		sf_rates_now(&rates, 700000 + 1001 * (int64_t)c);
		MUST(sf_rates_take(&rates, c));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sf_auth conf = { .method = SF_AUTH_TOKEN,
				      .token = "canary-0123456789-secret" };
	struct str in = { (const char *)data, size }, first;
	struct rest_response r = { .outcome = REST_ANSWERED,
				   .http_version = 11 };
	struct sf_authn auth;
	uint64_t status;
	ssize_t blank;

	if (!str_cut(&in, '\n', &first) || first.n < 2 ||
	    str_to_u64(&status, str_sub(first, 1, first.n - 1)) || status > 999)
		return 0;
	r.status = (int)status;
	blank = str_find(in, STR("\n\n"));
	if (blank >= 0) {
		r.headers = str_sub(in, 0, (size_t)blank + 1);
		in = str_sub(in, (size_t)blank + 2, in.n - (size_t)blank - 2);
	}
	r.body = in;
	if (sf_auth_init(&auth, &conf, NULL, NULL))
		abort();
	try_answer(first.p[0] == 'b' ? SF_BULK :
		   first.p[0] == 'j' ? SF_JOB :
				       SF_AI,
		   &r, &auth);
	try_limits(&r);
	sf_auth_fini(&auth);
	return 0;
}
