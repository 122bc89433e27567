#ifndef AGENT_RULETEST_SCHEMA_H
#define AGENT_RULETEST_SCHEMA_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The JSON Schema (draft 2020-12) of rules, platform or tests files: the keys
 * are those of the loader's tables. -EINVAL: no such kind, or a key that has
 * no shape here.
 */
int schema_put(struct buf *out, const char *kind, struct err *err);

#endif
