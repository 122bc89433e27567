#ifndef AGENT_RULETEST_TABLES_H
#define AGENT_RULETEST_TABLES_H

#include "rule/set.h"

/* As load_tables(), of test files: for the schema and the manual. */
const struct key_table *ruletest_tables(void);

#endif
