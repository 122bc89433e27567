#ifndef AGENT_JANITOR_H
#define AGENT_JANITOR_H

#include "agent/agent.h"

/* A thread for what is done now and then: retention of old events. */
struct janitor;

int janitor_start(struct janitor **out, struct agent *a, struct err *err);
void janitor_stop(struct janitor *j);

#endif
