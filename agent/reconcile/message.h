#ifndef AGENT_RECONCILE_MESSAGE_H
#define AGENT_RECONCILE_MESSAGE_H

#include "alarm/alarm.h"
#include "aws/cloudwatch.h"

/*
 * Messages as CloudWatch would have sent them, made of its API's answers: the
 * rules see them as any other, and the real one, should it still come, is the
 * same event.
 */

/* SNS's form. c: NULL, or the contributor whose state a tells. */
void message_put_state(struct buf *out, const struct cw_alarm *a,
		       struct str account, struct str region,
		       const struct cw_contributor *c,
		       enum alarm_state previous);

/* EventBridge's "CloudWatch Alarm Configuration Change", operation delete. */
void message_put_deleted(struct buf *out, struct str arn, struct str name,
			 struct str account, struct str region,
			 int64_t now_ms);

#endif
