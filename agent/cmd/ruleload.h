#ifndef AGENT_CMD_RULELOAD_H
#define AGENT_CMD_RULELOAD_H

#include "rule/rule.h"

/*
 * Rules for a command, with all faults told on stderr. 0 and *out, or an exit
 * status.
 */

/* The configuration's; the built-in ones where nothing is configured. */
int ruleload_conf(struct ruleset **out, const char *conf);
/* Those of files and folders alone. */
int ruleload_paths(struct ruleset **out, const char *command,
		   const char *const *paths, int count);

#endif
