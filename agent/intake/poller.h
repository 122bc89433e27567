#ifndef AGENT_INTAKE_POLLER_H
#define AGENT_INTAKE_POLLER_H

#include "agent/intake/sqs.h"
#include "agent/pulse.h"

/* Inside one poller: everything here is its thread's, but what says so. */

#define CALLS_MAX 4		/* of one kind of batch at a time */

/* A handle that is owed a delete or another visibility. */
struct entry {
	struct entry *next;
	unsigned seconds, tries;
	size_t n;
	char handle[];
};

struct entries {
	struct entry *first, **last;
	size_t count;
};

/* When an action may be tried again. */
struct pace {
	unsigned fails;
	int64_t after_ms;
};

/* One batch call; none where count is 0. */
struct call {
	struct poller *poller;
	enum queue_action action;
	size_t count;
	struct entry *entries[SQS_BATCH];
};

struct poller {
	struct queue *queue;
	struct rest *rest;
	struct aws_client *client;
	int64_t (*mono_ms)(void);
	pthread_t thread;
	bool started;
	char name[16];
	struct pulse pulse;

	pthread_mutex_t lock;		/* of the two below */
	bool open;			/* rest may be woken */
	struct haul *idle, **idle_last;

	_Atomic int64_t poll_until_ms, all_until_ms;	/* 0: no end in sight */

	/* The thread's own. */
	bool wide, closing;
	struct haul *held, **held_last;	/* begun, not yet let go */
	unsigned held_count;
	int64_t held_until_ms;
	unsigned in_hand, stuck, calls[QUEUE_ACTIONS];
	struct pace pace[QUEUE_ACTIONS];
	struct entries owed[QUEUE_ACTIONS];	/* not of QUEUE_RECEIVE */
	struct call batches[QUEUE_ACTIONS][CALLS_MAX];
	char attempt[33];		/* of a FIFO receive; empty: a new one */
	int64_t attempt_ms;
};

/* ---- poller.c: its thread's loop ---- */

/* Settle what is journaled, begin what may begin; how long, in ms, there is
 * nothing else to do. */
int poller_turn(struct poller *p, int64_t now_ms);
/* Is all done, or no more time? */
bool poller_over(const struct poller *p, int64_t now_ms);

/* ---- pace.c: pauses and failures ---- */

/* A pause with jitter after so many failures in a row: 1 to 30 s. */
int64_t poller_pause_ms(unsigned fails);
/* refused: people must mend it. asked_ms: what the answer asks for, or -1. */
void pace_slow_down(struct pace *pace, bool refused, int64_t asked_ms,
		    int64_t now_ms);
void poller_failed(struct poller *p, enum queue_action action,
		   const struct aws_answer *a);
void poller_failed_otherwise(struct poller *p, enum queue_action action,
			     int class, struct str code, const char *text);
/* A call that couldn't begin. */
void poller_not_begun(struct poller *p, enum queue_action action,
		      const struct err *err);
void poller_succeeded(struct poller *p, enum queue_action action);

/* ---- depth.c: for people ---- */

/* A receive brought these, or nothing. */
void depth_came(struct queue *q, const struct sqs_message *list, size_t count,
		int64_t now_ms);
/* Ask for the queue's length where that is due: once a minute. */
void depth_ask(struct poller *p, int64_t now_ms);

/* ---- owed.c: deletes and visibilities ---- */

/* Of the message of that handle; seconds: until it is visible again, not of a
 * delete. */
void owed_put(struct poller *p, enum queue_action action,
	      struct str handle, unsigned seconds);
/*
 * Send up to SQS_BATCH of what is owed. To be called while fewer than
 * CALLS_MAX of the kind are under way.
 */
void owed_start(struct poller *p, enum queue_action action);
void owed_free(struct poller *p);

#endif
