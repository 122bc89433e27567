#ifndef AGENT_INTAKE_INTAKE_H
#define AGENT_INTAKE_INTAKE_H

#include "agent/agent.h"
#include "alarm/alarm.h"
#include "aws/sns.h"
#include "web/web.h"

struct intake;

/* What brought a message, and wants to know what became of it. */
struct intake_way {
	/*
	 * Exactly once, from any thread; in goes when it returns. status is
	 * HTTP's: 200 journaled, 4xx can never become valid (reason: a static
	 * word), 503 not now.
	 */
	void (*answer)(struct intake *in, int status, const char *reason,
		       const char *text);
	/* in is ready for store_accept(); NULL: it goes there at once. */
	void (*journal)(struct intake *in);
	/*
	 * It may have waited for days where nobody else writes: any age will
	 * do, certificates count as of its Timestamp, and there is no
	 * subscription of ours to confirm.
	 */
	bool kept;
};

/*
 * One message on its way from bytes to the journal. It is answered exactly
 * once: by intake_refuse() and friends, or, after the fsync, by the store's
 * callback.
 */
struct intake {
	struct agent *agent;
	struct conf *conf;
	const struct intake_way *way;
	void *owner;			/* the way's: a web_exchange */
	const char *source;		/* sns, webhook, sqs */
	struct str peer;		/* until it is answered; empty: a queue */
	int64_t started_us;
	struct alarm_input input;
	struct sns_message sns;		/* no topic_arn: none */
	struct alarms alarms;
	struct event *events;
	struct buf *identities;		/* one an event */
	size_t count;
	struct op owed;			/* with the event, by accept.confirm */
	struct buf words;		/* of a dead letter: why */
	struct buf event_id;		/* of a dead letter */
	struct buf trust;		/* why it is believed: intake/trust.h */
	struct store_accept accept;
};

/* NULL when out of memory. */
struct intake *intake_begin(struct agent *a, const struct intake_way *way,
			    void *owner, const char *source,
			    int64_t started_us);
/* The same for a web request; where out of memory, x was answered with 503. */
struct intake *intake_new(struct agent *a, struct web_exchange *x,
			  const struct web_request *req, const char *source);

/* Can never become valid: 4xx. reason is a static word for the metric. */
void intake_refuse(struct intake *in, int status, const char *reason,
		   const char *text);
/* Not now: 503 with Retry-After. */
void intake_postpone(struct intake *in, const char *reason, const char *text);

/* Decode in->input and journal what it holds, with in->trust; answers after
 * the commit. */
void intake_alarms(struct intake *in);
/* Journal an SNS subscription's message, with the confirmation owed. */
void intake_subscription(struct intake *in, bool confirm);
/* Nothing of it is to be journaled; the same as if it were. */
void intake_skip(struct intake *in);
/*
 * Journal in->input.body as a dead letter, without an incident: an event that
 * keeps the bytes, and an op that is dead at birth and says why. queue and
 * input.message_id make it known when it comes again.
 */
void intake_dead_letter(struct intake *in, struct str queue,
			const char *reason, const char *text);
#define KIND_REJECTED "rejected"	/* of its event */

/*
 * in->sns was read. From the topic to the signature and on to the journal;
 * without verify the topic is the last that is looked at.
 */
void sns_judge(struct intake *in, bool verify);

/* The rows of the intake table. */
void sns_receive(struct agent *a, struct web_exchange *x,
		 const struct web_request *req);
void webhook_receive(struct agent *a, struct web_exchange *x,
		     const struct web_request *req);

/* Open the listeners of the configuration (not started yet). */
int intake_listen(struct agent *a, struct err *err) MUST_CHECK;

/* Are the Basic credentials of sns.basic_auth there and right? */
bool intake_basic_ok(const struct conf *c, const struct web_request *req);

#endif
