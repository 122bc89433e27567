#ifndef AGENT_ADMIN_EXPLAIN_H
#define AGENT_ADMIN_EXPLAIN_H

#include "agent/agent.h"

/*
 * Explains stored events. Rules of another day are compiled for it, which may
 * take long: a thread of its own does, begun with the first question, and
 * keeps the last rule set and the last answers.
 */
struct explainer;

struct explainer *explainer_new(struct agent *a);	/* NULL: no memory */
/* Ends the thread; who still waits is told that the agent stops. NULL is
 * fine. The store is open yet. */
void explainer_free(struct explainer *x);

#endif
