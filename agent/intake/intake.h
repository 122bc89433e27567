#ifndef AGENT_INTAKE_INTAKE_H
#define AGENT_INTAKE_INTAKE_H

#include "agent/agent.h"
#include "alarm/alarm.h"
#include "aws/sns.h"
#include "web/web.h"

/*
 * One message on its way from bytes to the journal. It is answered exactly
 * once: by intake_refuse() and friends, or, after the fsync, by the store's
 * callback.
 */
struct intake {
	struct agent *agent;
	struct conf *conf;
	struct web_exchange *x;
	const char *source;		/* sns, webhook */
	int64_t started_us;
	struct alarm_input input;
	struct sns_message sns;		/* sns.json == NULL: none */
	struct alarms alarms;
	struct event *events;
	struct buf *identities;		/* one an event */
	size_t count;
	struct op confirm;
	struct store_accept accept;
};

/* NULL when out of memory: then x was answered with 503. */
struct intake *intake_new(struct agent *a, struct web_exchange *x,
			  const struct web_request *req, const char *source);

/* Can never become valid: 4xx. reason is a static word for the metric. */
void intake_refuse(struct intake *in, int status, const char *reason,
		   const char *text);
/* Not now: 503 with Retry-After. */
void intake_postpone(struct intake *in, const char *reason, const char *text);

/* Decode in->input and journal what it holds; answers after the commit. */
void intake_alarms(struct intake *in);
/* Journal an SNS subscription's message, with the confirmation owed. */
void intake_subscription(struct intake *in, bool confirm);

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
