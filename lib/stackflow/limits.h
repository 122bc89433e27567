#ifndef STACKFLOW_LIMITS_H
#define STACKFLOW_LIMITS_H

#include "base/str.h"

/*
 * When may another request begin? The rate holds in every window, one that
 * follows a pause included: at most a twentieth of a second's worth (at least
 * one request) goes at once, the rest evenly. Pure: the time is told.
 */
struct sf_limits {
	unsigned configured, rate;	/* requests a second */
	int64_t now_ms;			/* as last told */
	int64_t due_us;			/* when all that was taken is paid */
	int64_t pause_ms;		/* begins when the time is next told */
	int64_t until_ms;		/* end of the pause */
	int64_t limit, remaining;	/* last seen; -1: never */
};

struct rest_response;

void sf_limits_init(struct sf_limits *l, unsigned rate);
void sf_limits_now(struct sf_limits *l, int64_t mono_ms);
int64_t sf_limits_wait_ms(const struct sf_limits *l);
/* Who waits so much longer may begin several at once, at the same rate. */
int64_t sf_limits_gather_ms(const struct sf_limits *l);
/* Take one, if it may begin now. */
bool sf_limits_take(struct sf_limits *l);

/* Learn from an answer's headers, a 429 included. */
void sf_limits_learn(struct sf_limits *l, const struct rest_response *r);

/* The end of the pause; 0: none. */
int64_t sf_limits_paused_until(const struct sf_limits *l);

#endif
