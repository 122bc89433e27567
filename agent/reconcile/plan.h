#ifndef AGENT_RECONCILE_PLAN_H
#define AGENT_RECONCILE_PLAN_H

#include "aws/cloudwatch.h"
#include "incident/incident.h"

/*
 * What CloudWatch says of an alarm against what the journal made of it. Pure.
 */

/* A message may be on its way: younger differences are left alone. */
#define PLAN_GRACE_MS (2 * 60 * 1000)
/* An alarm is gone once so many whole rounds in a row didn't find it. */
#define PLAN_ABSENT_ROUNDS 2

enum plan {
	PLAN_NOTHING,
	PLAN_OPEN,		/* a lost ALARM */
	PLAN_OPEN_IF_SEEN,	/* the same, where this alarm was known before:
				   none of its actions names our topics */
	PLAN_RESOLVE,		/* a lost OK */
	PLAN_NOTE,		/* a lost INSUFFICIENT_DATA, incident open */
};

struct plan_known {
	const struct member *member;	/* of the alarm; NULL: never seen */
	const struct incident *incident; /* of the member; NULL: none */
};

struct plan_result {
	enum plan plan;
	const char *because;	/* static; for people */
	struct str topic;	/* by which a message would have come */
};

/*
 * topics: patterns of sns.topics, NULL-ended. INSUFFICIENT_DATA without an
 * open incident is told as PLAN_OPEN too: whether it opens one is the policy's
 * matter.
 */
void plan_alarm(struct plan_result *out, const struct cw_alarm *a,
		const struct plan_known *known, const char *const *topics,
		int64_t now_ms);

/*
 * The same of a contributor that is in ALARM. a: its alarm, with the
 * contributor's time.
 */
void plan_contributor(struct plan_result *out, const struct cw_alarm *a,
		      const struct plan_known *known,
		      const char *const *topics, int64_t now_ms);

/* Is a contributor that rounds (in a row) found no more in ALARM to be taken
 * for OK? since_ms: a moment at which it was so. */
bool plan_ended(const struct plan_known *known, unsigned rounds,
		int64_t since_ms);

/* Is an alarm that rounds (in a row) didn't find to be taken for deleted? */
bool plan_deleted(const struct plan_known *known, unsigned rounds,
		  int64_t now_ms);

/* It tells of changes to one of the topics, but not of its OK. */
bool plan_lacks_ok(const struct cw_alarm *a, const char *const *topics);

/* Created and deleted by Auto Scaling for its own use. */
bool plan_is_target_tracking(const struct cw_alarm *a);

/* It fires by contributor (a query with GROUP BY), not as a whole. */
bool plan_has_contributors(const struct cw_alarm *a);

/* The first of a list of actions that topics allow; STR_NONE. */
struct str plan_topic(const struct json *actions, const char *const *topics);

#endif
