#ifndef AGENT_TRIAGE_H
#define AGENT_TRIAGE_H

#include "agent/agent.h"

/*
 * Committed events, and alarms and incidents whose time has come, to decided
 * changes, in batches, each one transaction. An event whose CI, change or tags
 * are being looked up waits up to 2 s, and with it what follows of the same
 * key; the rest goes on.
 */
struct triage;

int triage_start(struct triage **out, struct agent *a, struct err *err);
void triage_wake(struct triage *t);	/* from any thread */
/* A timer was set, moved or ended in the store; wakes nobody. Any thread. */
void triage_timers(struct triage *t);
void triage_stop(struct triage *t);	/* ends the thread */
/* Once nobody is left who wakes it. */
void triage_free(struct triage *t);

#endif
