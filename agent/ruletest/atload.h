#ifndef AGENT_RULETEST_ATLOAD_H
#define AGENT_RULETEST_ATLOAD_H

#include "agent/conf.h"

/*
 * Run the tests that the files of a rule set name, on the texts of the list,
 * before the set is used. rules: made of that list. failed[i], for the list's
 * i-th file: its tests fail, can't be run, or didn't end in time; faults say
 * what. Files with skip[i] are left alone. total_ms: RULES_TESTS_MS. 0 or
 * -ENOMEM.
 */
int rules_run_tests(bool *failed, const bool *skip,
		    const struct rule_file_list *files,
		    struct ruleset *rules, int64_t total_ms,
		    struct faults *faults);

/*
 * Each file's tests first have an equal share of half this time, so that none
 * suffers from others' slowness; those that need more run after that, and are
 * left once the time is over: such a file is used untested, and a fault says
 * so. Those of one file end in RULES_TESTS_FILE_MS, or count as failed.
 * Together below the service manager's watchdog.
 */
#define RULES_TESTS_MS 20000
#define RULES_TESTS_FILE_MS 3000

#endif
