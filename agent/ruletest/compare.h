#ifndef AGENT_RULETEST_COMPARE_H
#define AGENT_RULETEST_COMPARE_H

#include "agent/ruletest/run.h"
#include "incident/memory.h"

/* A test under way. */
struct test_run {
	const struct test *test;
	const struct ruleset *rules;
	const struct ruletest_options *options;
	struct arena *arena;
	struct memory *memory;
	struct ci_source cis;
	struct handling last;	/* of the last alarm that was handled */
	struct str subject;	/* its; STR_NONE: none yet */
	struct trace trace;	/* of that decision */
	bool explain;		/* trace decisions */
	unsigned steps;		/* timers that fell due */
	unsigned ids;
	struct ruletest_result *out;
};

/* Add what doesn't hold at this moment to run->out. */
void test_compare(struct test_run *run, const struct test_moment *m);

#endif
