#ifndef AGENT_PULSE_H
#define AGENT_PULSE_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * A sign of life of a thread that alarms pass through and that turns by itself
 * now and then, work or none. It is told of at the start of the daemon
 * and stays until its end.
 */
struct pulse {
	const char *name;
	struct pulse *next;
	_Atomic int64_t at_ms;		/* the last turn began, or a rest ends;
					   monotonic */
};

/* From the thread that starts the daemon, before service_run(). */
void pulse_join(struct pulse *p, struct pulse **all, const char *name);
void pulse_beat(struct pulse *p);
void pulse_rest(struct pulse *p, int64_t ms);	/* for so long, if not woken */
/* The one that has been silent the longest, and for how long; NULL: none is
 * there. */
const struct pulse *pulse_slowest(const struct pulse *all, int64_t now_ms,
				  int64_t *silent_ms);

#endif
