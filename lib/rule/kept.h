#ifndef RULE_KEPT_H
#define RULE_KEPT_H

#include "rule/rule.h"

/* What a rule set was made of; lives in its arena. */
struct kept;

/* NULL: out of memory. */
struct kept *kept_new(struct arena *arena, const struct rule_source *sources,
		      size_t count);
/* A file that the source-th one names, as it was read. */
void kept_add(struct kept *k, size_t source, struct str path, struct str text);

/* A source's text of that path; false: it came without. */
bool kept_find(struct str *out, const struct rule_source *source,
	       struct str path);

#endif
