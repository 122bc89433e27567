#include "stackflow/ai.h"

#include <errno.h>

#include "base/arena.h"
#include "base/encode.h"
#include "doc/json.h"
#include "stackflow/client.h"

/* More than any answer of use holds: the rest is left. */
#define ANSWER_MAX 65536
#define TEXT_MAX 8192
#define NAME_MAX_BYTES 256
#define LIST_MAX 200

static struct str text_of(const struct json *v, size_t max)
{
	struct str s = json_str(v);

	return s.n > max ? utf8_cut(s, max) : s;
}

static struct str get_text(const struct json *v, const char *key, size_t max)
{
	return text_of(json_get(v, key), max);
}

/* 0 to 1; -1 where it isn't. */
static double get_share(const struct json *v, const char *key)
{
	double d = json_double(json_get(v, key), -1);

	return d >= 0 && d <= 1 ? d : -1;
}

static size_t list_count(const struct json *list)
{
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;

	return n < LIST_MAX ? n : LIST_MAX;
}

void sf_ai_cost_read(struct sf_ai_cost *out, const struct json *body)
{
	*out = (struct sf_ai_cost){
		.model_used = get_text(body, "model_used", NAME_MAX_BYTES),
		.tokens_used = sf_row_count(body, "tokens_used"),
		.latency_ms = sf_row_count(body, "latency_ms"),
		.cache_hit = json_bool(json_get(body, "cache_hit"), false),
	};
}

/* The strings of a list; what is none, or empty, is left out. */
static int read_strings(const struct str **out, size_t *count,
			const struct json *list, struct arena *arena)
{
	size_t n = list_count(list), kept = 0;
	struct str *all = n ? arena_array(arena, n, sizeof(*all)) : NULL;

	if (n && !all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct str s = text_of(json_item(list, i), TEXT_MAX);

		if (s.n)
			all[kept++] = s;
	}
	*out = all;
	*count = kept;
	return 0;
}

static int read_citations(struct sf_ai_said *said, const struct json *list,
			  struct arena *arena)
{
	size_t n = list_count(list);
	struct sf_ai_citation *all;

	all = n ? arena_array(arena, n, sizeof(*all)) : NULL;
	if (n && !all)
		return -ENOMEM;
	said->citations = all;
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_item(list, i);
		struct sf_ai_citation c = {
			.article_id =
				get_text(v, "article_id", NAME_MAX_BYTES),
			.title = get_text(v, "title", TEXT_MAX),
			.relevance = get_share(v, "relevance"),
		};

		if (c.article_id.n || c.title.n)
			all[said->citation_count++] = c;
	}
	return 0;
}

int sf_ai_said_read(struct sf_ai_said *out, const struct json *body,
		    struct arena *arena)
{
	struct sf_ai_said said = {
		.answer = get_text(body, "answer", ANSWER_MAX),
	};
	int rc;

	/* The copilot's, whose answer the pages don't show. */
	if (!said.answer.p)
		said.answer = get_text(body, "response", ANSWER_MAX);
	if (!said.answer.p)
		return -EINVAL;
	rc = read_citations(&said, json_get(body, "citations"), arena);
	if (rc)
		return rc;
	sf_ai_cost_read(&said.cost, body);
	*out = said;
	return 0;
}

/* The page promises a "risk assessment" and shows none: a text, or an object
 * with a level. */
static struct str get_risk(const struct json *findings)
{
	static const char *const keys[] = { "risk_assessment", "risk" };
	struct str s = STR_NONE;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && !s.n; i++) {
		s = get_text(findings, keys[i], TEXT_MAX);
		if (!s.n)
			s = get_text(json_get(findings, keys[i]), "level",
				     TEXT_MAX);
	}
	return s;
}

int sf_ai_findings_read(struct sf_ai_findings *out, const struct json *body,
			struct arena *arena)
{
	const struct json *v = json_get(body, "findings");
	struct sf_ai_findings f = {
		.record_id = get_text(body, "record_id", NAME_MAX_BYTES),
		.analysis_type =
			get_text(body, "analysis_type", NAME_MAX_BYTES),
		.probable_root_cause =
			get_text(v, "probable_root_cause", TEXT_MAX),
		.risk = get_risk(v),
		.related_problem =
			get_text(v, "related_problem", NAME_MAX_BYTES),
		.confidence = get_share(v, "confidence"),
		.estimated_minutes =
			sf_row_count(v, "estimated_resolution_minutes"),
	};
	int rc;

	if (!json_is(v, JSON_OBJECT))
		return -EINVAL;
	rc = read_strings(&f.resolution_steps, &f.step_count,
			  json_get(v, "resolution_steps"), arena);
	if (rc == 0)
		rc = read_strings(&f.similar_incidents, &f.similar_count,
				  json_get(v, "similar_past_incidents"),
				  arena);
	if (rc)
		return rc;
	sf_ai_cost_read(&f.cost, body);
	*out = f;
	return 0;
}

int sf_ai_exemplars_read(const struct sf_ai_exemplar **out, size_t *count,
			 const struct json *body, struct arena *arena)
{
	const struct json *list = json_get(body, "exemplars");
	size_t n = list_count(list), kept = 0;
	struct sf_ai_exemplar *all;

	if (!json_is(list, JSON_ARRAY))
		return -EINVAL;
	all = n ? arena_array(arena, n, sizeof(*all)) : NULL;
	if (n && !all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_item(list, i);

		if (!json_is(v, JSON_OBJECT))
			continue;
		all[kept++] = (struct sf_ai_exemplar){
			.incident_id =
				get_text(v, "incident_id", NAME_MAX_BYTES),
			.description = get_text(v, "description", TEXT_MAX),
			.resolution = get_text(v, "resolution", TEXT_MAX),
			.resolution_minutes =
				sf_row_count(v, "resolution_time_min"),
			.similarity = get_share(v, "similarity_score"),
		};
	}
	*out = all;
	*count = kept;
	return 0;
}

bool sf_ai_suggestion_read(struct sf_ai_suggestion *out,
			   const struct json *body, const char *field)
{
	const struct json *v = json_get(json_get(body, "suggestions"), field);
	struct sf_ai_suggestion s = {
		.value = get_text(v, "value", TEXT_MAX),
		.confidence = get_share(v, "confidence"),
		.reasoning = get_text(v, "reasoning", TEXT_MAX),
	};

	if (!s.value.n)
		return false;
	*out = s;
	return true;
}
