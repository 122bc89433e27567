#ifndef AGENT_DELIVER_H
#define AGENT_DELIVER_H

#include "agent/agent.h"

/*
 * Due operations to recorded outcomes: the one thread with a curl loop. It
 * also fetches signing certificates and looks up CIs, since those are requests
 * too.
 */
struct deliver;

int deliver_start(struct deliver **out, struct agent *a, struct err *err);
void deliver_wake(struct deliver *d);	/* from any thread */

/* Fetch a certificate; ends in sns_certs_fetched(). From any thread. */
void deliver_fetch_certificate(const char *url, void *deliver);

/*
 * Wait until what is in flight has ended, at most so long, then end the
 * thread and free. What is cut short is in doubt at the next start.
 */
void deliver_stop(struct deliver *d, int64_t within_ms);

/* For readyz, status and metrics; from any thread. */
struct deliver_state {
	bool reachable;		/* a call succeeded in the last 10 s, or none
				   was needed */
	bool breaker_open;
	bool authenticated;
	int64_t last_success_ms;	/* wall clock; 0: never */
	int64_t paused_ms;	/* StackFlow asked for a pause: what is left */
	int64_t rate_limit, rate_remaining;	/* -1: never seen */
	unsigned active;
	bool swept;		/* the first sweep of a new store is done */
	char problem[256];	/* the last failure; "" */
};
void deliver_state(const struct deliver *d, struct deliver_state *out);

#endif
