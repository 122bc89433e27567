#include "stackflow/ai.h"

#include <errno.h>

#include "doc/jsonw.h"
#include "stackflow/client.h"

#define KB_RESULTS_MAX 20

const char *sf_ai_model_id(const char *alias)
{
	static const struct {
		const char *alias, *id;
	} models[] = {
		{ "claude-3-haiku", "anthropic.claude-3-haiku-20240307-v1:0" },
		{ "claude-3-sonnet",
		  "anthropic.claude-3-sonnet-20240229-v1:0" },
		{ "claude-3-opus", "anthropic.claude-3-opus-20240229-v1:0" },
	};

	for (size_t i = 0; alias && i < sizeof(models) / sizeof(*models); i++)
		if (strcmp(alias, models[i].alias) == 0)
			return models[i].id;
	return NULL;
}

struct ask {
	struct buf text;
	struct jsonw w;
};

static void ask_begin(struct ask *a)
{
	a->text = BUF_INIT(SF_BODY_MAX);
	a->w = JSONW(&a->text);
	jsonw_object(&a->w);
}

/* A member that may be left out. */
static void ask_put(struct ask *a, const char *key, const char *value)
{
	if (value)
		jsonw_kcstr(&a->w, key, value);
}

static int ask_send(struct sf_client *c, struct ask *a, const char *path,
		    enum sf_class class, unsigned timeout_ms, sf_done *done,
		    void *arg)
{
	struct sf_call_spec spec = {
		.kind = SF_AI,
		.class = class,
		.method = "POST",
		.path = str_from(path),
		.timeout_ms = timeout_ms,
	};
	int rc;

	jsonw_end_object(&a->w);
	spec.body = buf_str(&a->text);
	rc = buf_error(&a->text);
	if (rc == 0)
		rc = sf_call_start(c, &spec, done, arg);
	buf_fini(&a->text);
	return rc;
}

/* What stands behind the question's own text in both calls. */
static void put_question(struct ask *a, const struct sf_ai_question *q)
{
	if (q->context_type) {
		jsonw_key(&a->w, "context_record");
		jsonw_object(&a->w);
		jsonw_kcstr(&a->w, "type", q->context_type);
		jsonw_kstr(&a->w, "id", q->context_id);
		jsonw_end_object(&a->w);
	}
	if (q->max_kb_results)
		jsonw_kint(&a->w, "max_kb_results", q->max_kb_results);
	ask_put(a, "model", q->model);
}

static bool model_known(const char *alias)
{
	return !alias || sf_ai_model_id(alias);
}

static bool question_whole(const struct sf_ai_question *q)
{
	return q->text.n && model_known(q->model) &&
	       (!q->context_type || (q->context_type[0] && q->context_id.n)) &&
	       q->max_kb_results <= KB_RESULTS_MAX;
}

int sf_ai_ask(struct sf_client *c, const struct sf_ai_question *q,
	      sf_done *done, void *arg)
{
	struct ask a;

	if (!question_whole(q))
		return -EINVAL;
	ask_begin(&a);
	jsonw_kstr(&a.w, "question", q->text);
	put_question(&a, q);
	return ask_send(c, &a, "/ai/ask", SF_CLASS_ASK, 0, done, arg);
}

int sf_ai_query(struct sf_client *c, const struct sf_ai_question *q,
		sf_done *done, void *arg)
{
	struct sf_ai_question of = *q;
	struct ask a;

	of.max_kb_results = 0;		/* "/ask only" */
	if (!question_whole(q))
		return -EINVAL;
	ask_begin(&a);
	jsonw_kstr(&a.w, "query", q->text);
	put_question(&a, &of);
	return ask_send(c, &a, "/ai/query", SF_CLASS_ASK, 0, done, arg);
}

int sf_ai_analyze(struct sf_client *c, const char *record_type,
		  struct str record_id, const char *analysis_type,
		  const char *model, unsigned timeout_ms, sf_done *done,
		  void *arg)
{
	struct ask a;

	if (!record_type || !record_id.n || !model_known(model))
		return -EINVAL;
	ask_begin(&a);
	jsonw_kcstr(&a.w, "record_type", record_type);
	jsonw_kstr(&a.w, "record_id", record_id);
	ask_put(&a, "analysis_type", analysis_type);
	ask_put(&a, "model", model);
	return ask_send(c, &a, "/ai/analyze", SF_CLASS_ANALYZE, timeout_ms,
			done, arg);
}

int sf_ai_exemplars(struct sf_client *c, const char *record_type,
		    struct str description, struct str category,
		    unsigned top_k, sf_done *done, void *arg)
{
	struct ask a;

	if (!record_type || !description.n)
		return -EINVAL;
	ask_begin(&a);
	jsonw_kcstr(&a.w, "record_type", record_type);
	jsonw_kstr(&a.w, "description", description);
	if (category.n)
		jsonw_kstr(&a.w, "category", category);
	if (top_k)
		jsonw_kint(&a.w, "top_k", top_k);
	return ask_send(c, &a, "/ai/exemplars", SF_CLASS_EXEMPLARS, 0, done,
			arg);
}

int sf_ai_suggest(struct sf_client *c, struct str text,
		  const char *const *suggest_for, const char *model,
		  unsigned timeout_ms, sf_done *done, void *arg)
{
	struct ask a;

	if (!text.n || !model_known(model))
		return -EINVAL;
	ask_begin(&a);
	jsonw_kstr(&a.w, "text", text);
	if (suggest_for && suggest_for[0]) {
		jsonw_key(&a.w, "suggest_for");
		jsonw_array(&a.w);
		for (; *suggest_for; suggest_for++)
			jsonw_cstr(&a.w, *suggest_for);
		jsonw_end_array(&a.w);
	}
	ask_put(&a, "model", model);
	return ask_send(c, &a, "/ai/suggest", SF_CLASS_SUGGEST, timeout_ms,
			done, arg);
}
