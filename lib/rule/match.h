#ifndef RULE_MATCH_H
#define RULE_MATCH_H

#include "rule/pattern.h"

/*
 * A `match`, `when` or claim. Written as a tree (fields ANDed, any, not),
 * compiled to tests with two jumps each, so that deciding neither recurses
 * nor allocates, and the cheap tests come first.
 */
enum cond_kind { COND_TEST, COND_ALL, COND_ANY, COND_NOT };

struct cond {
	enum cond_kind kind;
	const struct ref *ref;		/* COND_TEST */
	struct pattern pattern;
	const struct cond **child;	/* the others */
	size_t count;
};

enum { MATCH_YES = -1, MATCH_NO = -2 };

struct op {
	struct pattern pattern;
	const struct ref *ref;
	int yes, no;		/* the next op, or MATCH_* */
	bool negated;		/* inside an odd number of nots */
};

struct match {
	const struct cond *root;	/* COND_ALL */
	const struct op *ops;
	int entry;
};

/* From root, in arena. Sorts the tests. false: out of memory. */
bool match_compile(struct match *out, struct arena *arena, struct cond *root);

/*
 * Several matches as one program, held one after the other: so that a miss
 * leads straight to the next one's first test, all of them side by side in
 * memory.
 */
struct chain {
	const struct op *ops;
	int entry;
};

bool chain_compile(struct chain *out, struct arena *arena,
		   const struct match *const *matches, size_t count);
/* Index of the first that matches; count where none does. */
size_t chain_run(const struct chain *c, size_t count, struct run *run);

static inline bool match_always(const struct match *m)
{
	return m->entry == MATCH_YES;
}

bool match_run(const struct match *m, struct run *run);
/* The same, and in one line why; why has room for 32 KiB. */
bool match_explain(const struct match *m, struct run *run, struct buf *why);

/*
 * Proofs about two matches. Overlap is proven only where both constrain the
 * same fields and nothing else; it is disproven by one field they can't share.
 */
enum overlap match_overlap(const struct match *a, const struct match *b);
bool match_covers(const struct match *a, const struct match *b);
/* How much a match asks: fields, and fixed characters at their front. */
void match_weight(const struct match *m, size_t *fields, size_t *prefix);

#endif
