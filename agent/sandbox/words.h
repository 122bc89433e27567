#ifndef AGENT_SANDBOX_WORDS_H
#define AGENT_SANDBOX_WORDS_H

#include "base/str.h"

/*
 * The words of a text, for telling how much two texts have in common: plain
 * overlap, no meaning. Words are lowered and cut to their first seven bytes,
 * so that "connections" and "connected" are one; those that every text has
 * are left out, those that every alarm has weigh little.
 */
#define BOX_WORDS 256

struct box_words {
	uint64_t list[BOX_WORDS];	/* sorted, each once */
	size_t n;
};

/* Add to w, which is {0} at first; beyond BOX_WORDS the rest is left out. */
void box_words_add(struct box_words *w, struct str text);
bool box_words_has(const struct box_words *w, const char *word);
/* How much both share, 0 to 1: 1 where they are the same. */
double box_words_alike(const struct box_words *a, const struct box_words *b);
/* How much of what is asked for there is, 0 to 1. */
double box_words_found(const struct box_words *asked,
		       const struct box_words *in);

#endif
