#ifndef AGENT_REPORT_READ_H
#define AGENT_REPORT_READ_H

#include "agent/report/facts.h"

/*
 * All that the facts of a period are made of, from the agent that runs or its
 * store. *agent: which. 0, or an exit status after the failure was told.
 */
int report_read(struct facts *f, bool *agent, const char *conf);

#endif
