#ifndef STACKFLOW_AI_H
#define STACKFLOW_AI_H

#include "stackflow/stackflow.h"

/*
 * The AI endpoints (the page "AI Endpoints"). Each has a limit of its own a
 * minute, which the client keeps and learns: ask 60 (query is counted as ask),
 * analyze 30, exemplars and suggest 120; what is over it waits for its turn,
 * or is -EAGAIN where nothing waits. Requests that only read: they may be sent
 * again. What comes is foreign text: bounded when read (an answer to 64 KiB,
 * other texts to 8 KiB, lists to 200), to be quoted as such.
 */
struct arena;

/* claude-3-haiku, claude-3-sonnet, claude-3-opus: its Bedrock id; NULL: no
 * such alias. */
const char *sf_ai_model_id(const char *alias);

struct sf_ai_question {
	struct str text;
	const char *model;		/* alias; NULL: StackFlow's default */
	const char *context_type;	/* "incident"; NULL: none */
	struct str context_id;
	unsigned max_kb_results;	/* 1-20; 0: StackFlow's default, 5 */
};
/* -EINVAL: an unknown model, a context without an id, more than 20. */
int sf_ai_ask(struct sf_client *c, const struct sf_ai_question *q,
	      sf_done *done, void *arg);
/* The copilot, POST /ai/query: the page gives no fields; "query", and model
 * and context_record as for ask. max_kb_results is ask's alone. */
int sf_ai_query(struct sf_client *c, const struct sf_ai_question *q,
		sf_done *done, void *arg);
/* analysis_type: "root_cause"; NULL: StackFlow's own. */
int sf_ai_analyze(struct sf_client *c, const char *record_type,
		  struct str record_id, const char *analysis_type,
		  const char *model, unsigned timeout_ms, sf_done *done,
		  void *arg);
/* category STR_NONE: any; top_k 0: StackFlow's default. */
int sf_ai_exemplars(struct sf_client *c, const char *record_type,
		    struct str description, struct str category,
		    unsigned top_k, sf_done *done, void *arg);
/* for: "category", "subcategory", "priority", "assignment_group",
 * NULL-ended. */
int sf_ai_suggest(struct sf_client *c, struct str text,
		  const char *const *suggest_for, const char *model,
		  unsigned timeout_ms, sf_done *done, void *arg);

/*
 * What came, out of a result's body: strings are its own, arrays in arena.
 * What is missing or of another type is STR_NONE, -1 or empty; confidences and
 * scores are 0 to 1, -1 where none or beyond. 0, -EINVAL (no such answer at
 * all), -ENOMEM.
 */
struct sf_ai_cost {
	struct str model_used;
	int64_t tokens_used, latency_ms;	/* -1: not said */
	bool cache_hit;
};
/* Of any AI answer; exemplars' and suggestions' stands beside their lists. */
void sf_ai_cost_read(struct sf_ai_cost *out, const struct json *body);

struct sf_ai_citation {
	struct str article_id, title;
	double relevance;
};
struct sf_ai_said {
	struct str answer;
	const struct sf_ai_citation *citations;
	size_t citation_count;
	struct sf_ai_cost cost;
};
int sf_ai_said_read(struct sf_ai_said *out, const struct json *body,
		    struct arena *arena) MUST_CHECK;

struct sf_ai_findings {
	struct str record_id, analysis_type;
	struct str probable_root_cause, risk, related_problem;
	double confidence;
	const struct str *resolution_steps, *similar_incidents;
	size_t step_count, similar_count;
	int64_t estimated_minutes;
	struct sf_ai_cost cost;
};
int sf_ai_findings_read(struct sf_ai_findings *out, const struct json *body,
			struct arena *arena) MUST_CHECK;

struct sf_ai_exemplar {
	struct str incident_id, description, resolution;
	int64_t resolution_minutes;
	double similarity;
};
/* The count that StackFlow names is not believed. */
int sf_ai_exemplars_read(const struct sf_ai_exemplar **out, size_t *count,
			 const struct json *body,
			 struct arena *arena) MUST_CHECK;

struct sf_ai_suggestion {
	struct str value;
	double confidence;
	struct str reasoning;
};
/* Of one field; false: there is none. */
bool sf_ai_suggestion_read(struct sf_ai_suggestion *out,
			   const struct json *body, const char *field);

#endif
