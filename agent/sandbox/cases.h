#ifndef AGENT_SANDBOX_CASES_H
#define AGENT_SANDBOX_CASES_H

#include "agent/sandbox/words.h"
#include "base/arena.h"
#include "base/err.h"

/* The incidents of the box that are like something, by plain word overlap. */
struct box_records;

#define BOX_CASES_MAX 20
#define BOX_CASE_ALIKE 0.3	/* below it, two have little in common */

struct box_case {
	int64_t n;
	double alike;			/* 0 to 1 */
	int64_t minutes;	/* until it was resolved; -1: it isn't */
	struct str short_description, description, state, category;
	struct str subcategory, priority, assignment_group;
};

struct box_case_query {
	const struct box_words *asked;
	struct str category;		/* STR_NONE: any */
	int64_t without;		/* an incident's number; 0: none */
	int64_t now_ms;
	bool resolved;			/* only those */
	double least;
	size_t max;			/* at most BOX_CASES_MAX */
};

/* The likest first, into out, their texts in arena. Of the newest thousand. */
int box_cases_find(struct box_case *out, size_t *count, struct box_records *r,
		   const struct box_case_query *q, struct arena *arena,
		   struct err *err) MUST_CHECK;
/* How it was resolved: what its last note says, in one line; STR_NONE. */
int box_case_resolution(struct str *out, struct box_records *r, int64_t n,
			struct arena *arena, struct err *err) MUST_CHECK;
/* One incident, hidden ones not. 0, BOX_NOT_FOUND or negative. */
int box_case_get(struct box_case *out, struct box_records *r, int64_t n,
		 int64_t now_ms, struct arena *arena,
		 struct err *err) MUST_CHECK;

#endif
