#ifndef STACKFLOW_TIMERS_H
#define STACKFLOW_TIMERS_H

#include <pthread.h>

#include "base/str.h"

/*
 * What is to be called at a time, in the thread of a client that has one: its
 * loop asks sf_timers_run() each turn and sleeps no longer than that says.
 * Set and cleared from any thread; a client on its caller's loop has none due.
 */
struct sf_timer {
	struct sf_timer *next;		/* while set */
	int64_t at_ms;			/* monotonic */
	void (*fire)(void *arg);	/* may set it again, or free it */
	void *arg;
};

struct sf_timers {
	pthread_mutex_t lock;
	struct sf_timer *first;		/* the soonest */
	bool made;
};

/* 0, -ENOMEM. */
int sf_timers_init(struct sf_timers *t);
void sf_timers_fini(struct sf_timers *t);	/* fine on a zeroed one */

/* Once at at_ms, instead of when it was set for. True: it is now the soonest,
 * and a loop that sleeps is to be woken. */
bool sf_timers_set(struct sf_timers *t, struct sf_timer *timer, int64_t at_ms);
/* False: it wasn't set; it may be about to fire. */
bool sf_timers_clear(struct sf_timers *t, struct sf_timer *timer);
/* Fire what is due; milliseconds until the next, -1: none. */
int64_t sf_timers_run(struct sf_timers *t, int64_t mono_ms);

#endif
