#ifndef ALARM_DRILL_H
#define ALARM_DRILL_H

#include "alarm/alarm.h"
#include "base/buf.h"

/*
 * An alarm that tocsin publishes itself, to see it come through: a CloudWatch
 * alarm of one contributor, the agent that drills, which no metric is behind.
 */
#define DRILL_NAME "tocsin-drill"
#define DRILL_NAMESPACE "tocsin"

struct drill_alarm {
	enum alarm_state state;	/* ALARM_FIRING or ALARM_OK */
	int64_t at_ms;		/* since when */
	struct str topic;	/* ARN by which it goes, whose parts follow */
	struct str partition, region, account;
	struct str agent;	/* who drills; no other has its name */
	struct str id;		/* of this drill */
};

/* The message as CloudWatch would have it. */
void drill_alarm_put(struct buf *out, const struct drill_alarm *d);

/* Is it one, of whatever agent? */
bool drill_alarm_is(const struct alarm *a);

#endif
