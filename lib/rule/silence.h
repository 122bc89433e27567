#ifndef RULE_SILENCE_H
#define RULE_SILENCE_H

#include "rule/rule.h"

/*
 * Silences made at run time: matchers, who made it and why, and its end. A
 * compiled, immutable list, as deciding reads it; guards bind them as they
 * bind suppress entries.
 */
struct silence {
	struct str id;		/* "s" and 13 of base32, as event ids are */
	struct str match;	/* a `match` of the rule language, YAML or JSON:
				   {alarm: "pay-*", region: eu-west-1} */
	struct str owner, reason;
	int64_t begins_ms, ends_ms;
	int64_t created_ms;
};

#define SILENCES_MAX 1000
#define SILENCE_MATCH_MAX 8192	/* bytes */

/*
 * Is match one that can be kept? 0, or -EINVAL: faults say at which column
 * and why. An empty match, which would silence everything, is refused.
 */
int silence_check(struct str match, struct faults *faults);

/* Compile; those that can't be read are left out. NULL: out of memory. */
struct silences *silences_new(const struct silence *list, size_t count);
struct silences *silences_ref(struct silences *s);
void silences_free(struct silences *s);		/* drops one reference */
/* As ruleset_reads_tags(), of a list that may be NULL. */
bool silences_read_tags(const struct silences *s);

#endif
