#ifndef AGENT_RULETEST_ATLOAD_H
#define AGENT_RULETEST_ATLOAD_H

#include "agent/conf.h"

/*
 * Run the tests that the files of a rule set name, on the texts of the list,
 * before the set is used. rules: made of that list. failed[i], for the list's
 * i-th file: its tests fail, can't be run, or didn't end in time; faults say
 * what. Files with skip[i] are left alone. 0 or -ENOMEM.
 */
int rules_run_tests(bool *failed, const bool *skip,
		    const struct rule_file_list *files,
		    struct ruleset *rules, struct faults *faults);

/*
 * After so long no further file's tests begin: it is used untested, as it must
 * not suffer from others' slowness, and a fault says so. Those of one file end
 * in so long, or count as failed. Together below the service manager's
 * watchdog.
 */
#define RULES_TESTS_MS 20000
#define RULES_TESTS_FILE_MS 3000

#endif
