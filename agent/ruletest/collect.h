#ifndef AGENT_RULETEST_COLLECT_H
#define AGENT_RULETEST_COLLECT_H

#include "agent/conf.h"
#include "agent/ruletest/coverage.h"
#include "agent/ruletest/testfile.h"

/* Test files to be run, each once, in the order in which they were named. */
struct test_paths {
	char **list;
	size_t count;
};

/*
 * What path leads to: a test file; a rule file's tests, which its `tests`
 * names or which stand beside it as *_test.yaml and name it; all of a folder.
 * 0; -EINVAL: faults say what is wrong with it; -ENOMEM.
 */
int test_paths_add(struct test_paths *p, const char *path,
		   struct faults *faults);
void test_paths_free(struct test_paths *p);

/* Rule sets as test files name them, each loaded once. */
struct test_sets;

/* conf: for files that name no rules; NULL: the built-in ones for those.
 * coverage may be NULL. */
struct test_sets *test_sets_new(const struct conf *conf,
				struct coverage *coverage);
void test_sets_free(struct test_sets *s);
/*
 * The rules of a test file; they stay the sets'. 0; -EINVAL: faults say what
 * is wrong; -ENOMEM.
 */
int test_sets_get(struct ruleset **out, struct test_sets *s,
		  const struct ruletest *t, struct faults *faults);

#endif
