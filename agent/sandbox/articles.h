#ifndef AGENT_SANDBOX_ARTICLES_H
#define AGENT_SANDBOX_ARTICLES_H

#include "agent/sandbox/words.h"
#include "base/arena.h"
#include "base/err.h"

/* The knowledge base: things of the kind "article". */
struct box_records;

struct box_article {
	struct str id, title, text, category, json;
	double relevance;		/* 0 to 1 */
};

/* Those that the sandbox comes with, once a folder. */
int box_articles_open(struct box_records *r, struct err *err) MUST_CHECK;
/* Add or replace those of a JSON array, or of an object's "articles". */
int box_articles_seed(struct box_records *r, struct str text,
		      struct err *err) MUST_CHECK;
/*
 * Published ones, in arena: with asked those that share a word with it, the
 * most relevant first; NULL: all by id. category STR_NONE: any.
 */
int box_articles_find(struct box_article **out, size_t *count,
		      struct box_records *r, const struct box_words *asked,
		      struct str category, struct arena *arena,
		      struct err *err) MUST_CHECK;

struct box_article_text {
	const char *id, *title, *category, *keywords, *text;
};
/* What a folder begins with; id NULL ends it. */
extern const struct box_article_text box_articles_first[];

#endif
