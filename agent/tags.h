#ifndef AGENT_TAGS_H
#define AGENT_TAGS_H

#include "alarm/alarm.h"

/*
 * Tags of CloudWatch alarms, by ARN, cached with a lifetime, none and failures
 * too. Triage asks and never waits here; the thread that asks CloudWatch
 * carries look-ups out. Off until that thread serves it, and then of no cost.
 */
struct tags;
struct cw_tag;

struct tags *tags_new(void);
void tags_free(struct tags *t);

/* ---- from triage ---- */

enum tags_answer {
	TAGS_FOUND,
	TAGS_NONE,	/* none, not to be had, or too many wait already */
	TAGS_PENDING,	/* worth to wait for, up to TAGS_BUDGET_MS */
};

#define TAGS_BUDGET_MS 2000

/*
 * Tags of an alarm of the caller's own account, in arena. ask: else only what
 * is known is told.
 */
enum tags_answer tags_find(const struct alarm_pair **list, size_t *count,
			   struct arena *arena, struct tags *t, struct str arn,
			   bool ask);
/* The alarm was changed or deleted: ask anew. */
void tags_forget(struct tags *t, struct str arn);

/* ---- from the thread that asks ---- */

/* From now on for alarms of this account. wake: a look-up waits. */
void tags_serve(struct tags *t, struct str account, void (*wake)(void *arg),
		void *arg);
void tags_off(struct tags *t);
/* The next look-up's ARN and region, in arena; false: none waits. */
bool tags_next(struct str *arn, struct str *region, struct tags *t,
	       struct arena *arena);
/* What came of it; count below 0: it failed. */
void tags_answered(struct tags *t, struct str arn, const struct cw_tag *list,
		   int count);

#endif
