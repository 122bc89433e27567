#ifndef AGENT_DOCTOR_AWS_H
#define AGENT_DOCTOR_AWS_H

#include "agent/cloud.h"
#include "agent/doctor/doctor.h"

/* What the checks of AWS share: one client, one question at a time. */
struct doctor_aws {
	struct doctor_group *g;
	struct cloud *cloud;
	struct rest *rest;
	struct aws_client *client;
	int64_t end_ms;		/* mono: nothing is asked after it */
	int64_t date_ms, wall_ms;	/* the last Date that came */
};

/* An answer, kept. */
struct doctor_answer {
	enum aws_outcome outcome;
	char code[128], message[512];
	struct buf body;
	struct json *json;	/* of a JSON call that went well; or NULL */
};

/* Ask and wait. Free the answer after each. */
void doctor_ask(struct doctor_answer *out, struct doctor_aws *a,
		const struct aws_call *call);
void doctor_answer_free(struct doctor_answer *answer);

/* A form of SNS's query protocol. */
void doctor_ask_sns(struct doctor_answer *out, struct doctor_aws *a,
		    const char *action, const char *key, struct str value,
		    struct str next, struct str region);

/* What went wrong with a question, in words for `what`. */
void doctor_trouble(struct doctor_aws *a, const char *what, const char *action,
		    const struct doctor_answer *answer);

void doctor_queue(struct doctor_aws *a, const struct conf_queue *q);
void doctor_topics(struct doctor_aws *a);
void doctor_alarms(struct doctor_aws *a);

#endif
