#ifndef AGENT_TRIAGE_H
#define AGENT_TRIAGE_H

#include "agent/agent.h"

/*
 * Committed events to decided changes, in batches, each one transaction.
 * An event whose CI or tags are being looked up waits up to 2 s, and with it what
 * follows of the same key; the rest goes on.
 */
struct triage;

int triage_start(struct triage **out, struct agent *a, struct err *err);
void triage_wake(struct triage *t);	/* from any thread */
void triage_stop(struct triage *t);	/* ends the thread */
/* Once nobody is left who wakes it. */
void triage_free(struct triage *t);

#endif
