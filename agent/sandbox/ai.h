#ifndef AGENT_SANDBOX_AI_H
#define AGENT_SANDBOX_AI_H

#include "agent/sandbox/box.h"
#include "agent/sandbox/cases.h"
#include "agent/sandbox/words.h"
#include "doc/json.h"
#include "doc/jsonw.h"

/*
 * The AI endpoints. No model stands behind them: answers are made from the
 * box's own articles and incidents by plain word overlap, so that they are
 * about what was asked, and the same each time.
 */
enum box_ai { BOX_AI_ASK, BOX_AI_ANALYZE, BOX_AI_EXEMPLARS, BOX_AI_SUGGEST };

#define AI_TEXT_MAX 16384	/* bytes of a question */

/* One question on its way to an answer. */
struct ai {
	struct call *c;
	enum box_ai kind;
	struct json *body;
	const char *model;	/* its Bedrock id */
	struct buf key;		/* what makes two questions the same */
	struct buf said;	/* the members of the answer */
	struct jsonw w;		/* over said */
	size_t read;		/* bytes that a model would have read */
};

/* Body and model; false: answered, nothing to end. */
bool ai_begin(struct ai *a, struct call *c, enum box_ai kind);
/* A text that has to be there; STR_NONE: answered with 400. */
struct str ai_want(struct ai *a, const char *name);
/* A whole number or def; -1: answered with 400. */
int64_t ai_number(struct ai *a, const char *name, int64_t def, int64_t max);
/* The words of a text are part of the key. */
void ai_key_words(struct ai *a, const struct box_words *words);
/* The incident of that id; false: answered. */
bool ai_incident(struct box_case *out, struct ai *a, struct str id);
/* Served again? Else begin said. */
bool ai_known(struct ai *a);
/* Answer with what was said and what it cost, and end. */
void ai_answer(struct ai *a);
void ai_end(struct ai *a);
/* 400 with words. */
void ai_bad(struct ai *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "confidence": 0.87 */
void ai_put_share(struct jsonw *w, const char *key, double v);

void ai_ask(struct call *c);
void ai_analyze(struct call *c);
void ai_exemplars(struct call *c);
void ai_suggest(struct call *c);

#endif
