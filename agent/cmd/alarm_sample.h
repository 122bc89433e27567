#ifndef AGENT_CMD_ALARM_SAMPLE_H
#define AGENT_CMD_ALARM_SAMPLE_H

#include "base/buf.h"

/* A CloudWatch alarm as SNS carries it: Message and Subject. */
struct alarm_sample {
	const char *name, *state, *region, *account, *description;
	const char *severity, *ci;	/* lines of the description; or NULL */
	const char *namespace, *metric, *topic;
	const char *const *dimensions;	/* "NAME=VALUE", NULL-ended */
	int64_t now_ms;
};

void alarm_sample_put(struct buf *out, const struct alarm_sample *a);
void alarm_sample_put_subject(struct buf *out, const struct alarm_sample *a);

#endif
