#ifndef RULE_REGEX_H
#define RULE_REGEX_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * Regular expressions whose cost is bounded whatever the pattern and subject:
 * PCRE2 without JIT, at most REGEX_SUBJECT bytes of a subject, and a budget
 * that every step of a match draws on.
 */
struct regex;

#define REGEX_PATTERN 1000	/* characters of a pattern */
#define REGEX_SUBJECT 4096

/* In arena, but for PCRE2's code: regex_free() that. NULL: err says why. */
struct regex *regex_new(struct arena *arena, struct str pattern,
			struct err *err);
void regex_free(struct regex *re);

/* Matchers not in use; many threads take and give back without locks. */
#define REGEX_POOL 16

struct matcher;
struct regex_pool {
	_Atomic(struct matcher *) idle[REGEX_POOL];
	_Atomic uint64_t limits;	/* matches that ran out of budget */
};

struct matcher *matcher_take(struct regex_pool *pool);	/* NULL: no memory */
void matcher_give(struct regex_pool *pool, struct matcher *m);	/* NULL: ok */
void regex_pool_fini(struct regex_pool *pool);

enum { REGEX_NO = 0, REGEX_YES = 1, REGEX_LIMIT = 2 };

/* One of those, or -ENOMEM. */
int regex_match(const struct regex *re, struct matcher *m, struct str subject);

/* What the matcher's last match drew on its budget, and the most that it may:
 * 5 ms at the most. A single step more may be on top. */
unsigned regex_spent(const struct matcher *m);
#define REGEX_BUDGET 960000u

/* Can the pattern match at only those subjects that hold some fixed letter or
 * digit? A guess for lint: what is inside classes and escapes isn't counted. */
bool regex_has_literal(struct str pattern);

#endif
