#ifndef AGENT_ADMIN_ADMIN_H
#define AGENT_ADMIN_ADMIN_H

#include "agent/agent.h"

/*
 * The admin address: health, metrics, the API and its few actions. On a
 * socket of its own, never on an intake listener.
 */
int admin_listen(struct agent *a, struct err *err) MUST_CHECK;

/* After web_stop(): what it does besides ends, and who waits is told. */
void admin_end(struct agent *a);

/* May alarms be taken now? false: *why says what is missing. */
bool admin_ready(struct agent *a, struct buf *why);

#endif
