#ifndef AGENT_RULES_H
#define AGENT_RULES_H

#include "agent/agent.h"

/*
 * Rule files of a configuration into one rule set. A file with errors runs
 * from its last good copy, which the store keeps; without one, what it claims
 * goes to catch_all.
 */
struct rule_states;

/*
 * 0 and *out (a reference of yours), also where files were left at their last
 * good version: faults and *states say which. -ENOMEM else.
 */
int rules_load(struct ruleset **out, struct rule_states **states,
	       struct store *store, const struct conf *conf,
	       struct faults *faults);
void rule_states_free(struct rule_states *s);

struct rule_state {
	const char *file, *path;
	bool stale;		/* runs from its last good copy */
	bool missing;		/* no good copy: doesn't run at all */
};
size_t rule_states_count(const struct rule_states *s);
void rule_states_get(const struct rule_states *s, size_t i,
		     struct rule_state *out);
bool rule_states_any_stale(const struct rule_states *s);

#endif
