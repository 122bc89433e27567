#ifndef AGENT_TRIAGE_PRIVATE_H
#define AGENT_TRIAGE_PRIVATE_H

#include "agent/batch.h"
#include "agent/handoff.h"
#include "agent/pulse.h"
#include "agent/triage.h"

/*
 * One thread owns all of this: triage.c has the thread and takes events,
 * triage_timer.c what has become due, triage_work.c decides either.
 */
#define BATCH 1024
/* Of each kind, in one round. */
#define TIMERS 128

/* An event that waits for a look-up, or for one that does. */
struct waiting {
	struct waiting *next;
	struct arena *arena;		/* holds event and what it borrows */
	struct event event;
	struct str key, subject;
	int64_t until_ms;		/* monotonic */
};

/* A timer whose decision hangs on a look-up. */
struct patience {
	int64_t who;			/* a member's id, or less an incident's;
					   0: free */
	int64_t until_ms;		/* monotonic */
};

struct triage {
	struct agent *agent;
	struct store_reader *reader;
	struct recall *recall;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool woken, stop;
	struct pulse pulse;
	bool timers_changed;		/* under lock */

	int64_t after;			/* newest sequence number taken */
	struct waiting *waiting, **waiting_last;
	size_t waiting_count;
	struct silences *silences;	/* of this turn */
	char rules_seen[72];		/* the hash of the last turn's */
	int64_t due_ms;			/* the earliest timer; INT64_MAX: none */
	bool stuck;			/* those due hang on look-ups */
	int64_t cut_ms;			/* events from here on were left for
					   after the timers; 0: none was */
	struct patience patience[2 * TIMERS];
	/* What was decoded for this batch; the last may serve several events. */
	struct handed decoded[BATCH];
	size_t decoded_count;
	int64_t decoded_first;
	struct handling handling;	/* of the alarm at work */
};

/* One alarm of the batch at work, with what is decided of it. */
struct work {
	struct event *event;
	const struct alarm *alarm;
	struct str subject;
	enum action action;
	const char *because;
	struct str team, policy, where, key;
	int priority;
	struct waiting *from;		/* NULL: fresh from the store */
	bool tags_pending;		/* of a new incident: worth to wait */
	const struct alarm_pair *tags;	/* those that were looked up */
	size_t tag_count;
	struct str world;		/* what look-ups told: event's */
};

/* The round that decides. */
struct round {
	struct triage *t;
	struct batch *batch;
	const struct ruleset *rules;
	struct arena *arena;
};

/* Its alarm, with the tags that are known, and its subject. */
int work_read(struct work *w, struct round *r);
/*
 * t->handling and *w are filled. 1: a look-up isn't answered; final: what
 * isn't answered is taken as not found.
 */
int work_handle(struct work *w, struct round *r,
		const struct handled_event *e, bool final);
void work_outcome(struct work *w, const char *action, const char *because,
		  const struct ruleset *rules);
void work_log(const struct work *w);
/* After the commit or its failure. */
void triage_forget_alarms(struct triage *t);
bool triage_behind_waiting(const struct triage *t, struct str subject,
			   struct str key, const struct waiting *but);

/* Timers due before or at until_ms. How many were done, or negative; t->stuck
 * says whether some couldn't be. */
int triage_timers_run(struct triage *t, const struct ruleset *rules,
		      int64_t until_ms);
/*
 * All that are due at the start. A timer that ends the process is due again
 * at each start: a note says that they are being run, a start that finds it
 * runs them one by one with a note of each, and the one that is noted then is
 * set aside. 0 or negative.
 */
int triage_timers_begin(struct triage *t, const struct ruleset *rules,
			bool (*stopping)(struct triage *t));

#endif
