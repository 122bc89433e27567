#ifndef AGENT_RULETEST_COVERAGE_H
#define AGENT_RULETEST_COVERAGE_H

#include "rule/rule.h"

/* Which entries of rule files some test's decision came from. */
struct coverage;

struct coverage_entry {
	const char *file;	/* as its rules call it: "20-payments.yaml" */
	int line, column;
	struct str what;	/* "policy pay-batch", "severity[2]" */
	bool decided;
};

struct coverage *coverage_new(void);	/* NULL: out of memory */
void coverage_free(struct coverage *c);

/* The entries of a rule file; one that can't be read has none. */
int coverage_add(struct coverage *c, const struct rule_source *source);
/* As struct ruletest_options wants it; arg: the coverage. */
void coverage_take(const struct trace *t, void *arg);

size_t coverage_count(const struct coverage *c);
const struct coverage_entry *coverage_entry(const struct coverage *c, size_t i);
size_t coverage_decided(const struct coverage *c);

#endif
