#ifndef RULE_PATTERN_H
#define RULE_PATTERN_H

#include "base/buf.h"
#include "rule/field.h"
#include "rule/regex.h"

/* What one field's value is held against. */
enum pattern_kind {
	PATTERN_LITERAL, PATTERN_PREFIX /* "pay-*" */, PATTERN_GLOB,
	PATTERN_REGEX, PATTERN_RANGE, PATTERN_PRESENT, PATTERN_ABSENT,
	PATTERN_LIST,
};

struct range {
	double low, high;	/* infinite where open */
	bool low_open, high_open;	/* gt, lt: the bound itself is out */
};

struct pattern {
	enum pattern_kind kind;
	struct str text;	/* prefix: without the star */
	union {
		const struct regex *regex;
		const struct range *range;
		const struct pattern_list *list;
	};
};

/* Any of these. The first `literals` are sorted literals. */
struct pattern_list {
	const struct pattern *items;
	size_t count, literals;
};

#define PATTERN_TEXT 512	/* bytes of a glob or literal */

/* From a match value that is text: literal, prefix or glob. */
struct pattern pattern_of(struct str text);
/* Sort items and make a list of them. */
void pattern_list_init(struct pattern_list *list, struct pattern *items,
		       size_t count);

/* Where a match with regexes runs: a matcher is taken at the first. */
struct run {
	struct facts *facts;
	struct regex_pool *pool;
	struct matcher *matcher;
	unsigned limits;	/* regex matches that ran out of budget */
	int error;		/* -ENOMEM, sticky */
};

bool pattern_match(const struct pattern *p, struct run *run,
		   const struct ref *ref);
void run_fini(struct run *run);

/* For people: "\"pay-*\"", "any of \"a\", \"b\"", ">= 95", "/^x/". */
void pattern_put(struct buf *out, const struct pattern *p);

/* Do two patterns accept a common value? Exact but for regexes. */
enum overlap { OVERLAP_NO, OVERLAP_YES, OVERLAP_UNKNOWN };
enum overlap pattern_overlap(const struct pattern *a, const struct pattern *b);
/* Is every value that b accepts provably accepted by a? */
bool pattern_covers(const struct pattern *a, const struct pattern *b);
/* Characters that every accepted value begins with. */
size_t pattern_prefix(const struct pattern *p);

#endif
