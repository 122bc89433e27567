#ifndef AGENT_RULETEST_RUN_H
#define AGENT_RULETEST_RUN_H

#include "agent/ruletest/testfile.h"

/* An expectation that wasn't met. */
struct ruletest_miss {
	const struct yaml *at;		/* where it is written */
	struct str when;		/* "2h51m"; STR_NONE: in the end */
	struct str field;		/* "incident.priority" */
	struct str expected, got;
	struct str rule, where;		/* what decided it; or STR_NONE */
};

struct ruletest_result {
	const struct test *test;
	struct ruletest_miss *misses;
	size_t count;
	const char *problem;	/* it didn't run to its end: why; or NULL */
	int64_t us;
};

struct ruletest_options {
	bool (*stop)(void *arg);	/* NULL: never; asked again and again */
	/* Each decision's trace, for coverage; or NULL. */
	void (*traced)(const struct trace *t, void *arg);
	void *arg;
};

/*
 * Run one test under rules. 0 and *out, whose strings live in arena and in the
 * test's file; -ENOMEM.
 */
int ruletest_run(struct ruletest_result *out, const struct test *test,
		 const struct ruleset *rules, const struct ruletest_options *o,
		 struct arena *arena) MUST_CHECK;

#endif
