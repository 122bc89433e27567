#ifndef STACKFLOW_LIMITS_H
#define STACKFLOW_LIMITS_H

#include "base/str.h"

/*
 * When may another request begin? The rate holds in every window, one that
 * follows a pause included. Requests a second: at most a twentieth of a
 * second's worth (at least one request) goes at once, the rest evenly.
 * Requests a minute, which are few: as many at once as the minute has left.
 * Pure: the time is told.
 */
#define SF_MINUTE_MOST 120

struct sf_limits {
	unsigned configured, rate;	/* requests a window; 0: no limit */
	bool minute;			/* else a second */
	int64_t now_ms;			/* as last told */
	int64_t due_us;			/* when all that was taken is paid */
	int64_t pause_ms;		/* begins when the time is next told */
	int64_t until_ms;		/* end of the pause */
	int64_t limit, remaining;	/* last seen; -1: never */
	unsigned taken;			/* in the end, of a minute's */
	int64_t taken_ms[SF_MINUTE_MOST];	/* a ring */
};

struct rest_response;

void sf_limits_init(struct sf_limits *l, unsigned rate);
/* rate: at most SF_MINUTE_MOST. */
void sf_limits_init_minute(struct sf_limits *l, unsigned rate);
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

/*
 * The endpoints that have a limit of their own (API Reference, "Rate
 * Limiting"; AI Endpoints, "Rate Limits & Costs"). A 429, and what
 * X-RateLimit-* says, counts for its class alone, but a pause of SF_CLASS_API
 * is one of them all. What goes by an AI class is a request of the user's as
 * well and waits for the turn of both; bulk requests have no rate.
 */
enum sf_class {
	SF_CLASS_API,
	SF_CLASS_ASK,		/* and query: 60 a minute */
	SF_CLASS_ANALYZE,	/* 30 */
	SF_CLASS_EXEMPLARS,	/* 120 */
	SF_CLASS_SUGGEST,	/* 120 */
	SF_CLASS_BULK,
};
#define SF_CLASSES (SF_CLASS_BULK + 1)

struct sf_rates {
	struct sf_limits of[SF_CLASSES];
};

/* per_second: SF_CLASS_API's. */
void sf_rates_init(struct sf_rates *r, unsigned per_second);
void sf_rates_now(struct sf_rates *r, int64_t mono_ms);
int64_t sf_rates_wait_ms(const struct sf_rates *r, enum sf_class class);
bool sf_rates_take(struct sf_rates *r, enum sf_class class);

#endif
