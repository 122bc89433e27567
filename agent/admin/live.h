#ifndef AGENT_ADMIN_LIVE_H
#define AGENT_ADMIN_LIVE_H

#include "agent/agent.h"

/*
 * GET /api/v1/live: how it goes, told to those who listen when it changes. A
 * thread composes it once for all, begun with the first of them, and composes
 * nothing while nobody listens.
 */
struct live;

enum live_what {		/* bits: the lists that aren't what they were */
	LIVE_INCIDENTS = 1,
	LIVE_EVENTS = 2,
	LIVE_DEAD = 4,
	LIVE_SILENCES = 8,
	LIVE_HELD = 16,
	LIVE_RULES = 32,
	LIVE_STATUS = 64,	/* too long to be sent along */
};

struct live *live_new(struct agent *a);		/* NULL: no memory */
/* Ends the thread and the streams. NULL is fine. */
void live_free(struct live *l);

/* Somebody did something here: listeners needn't wait for the next look. From
 * any thread. */
void live_touch(struct live *l, unsigned what);

#endif
