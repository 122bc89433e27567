#include "agent/doctor/aws.h"

#include <errno.h>

#include "aws/cloudwatch.h"
#include "aws/sns.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

/* Alarms that call us when they go off, but not when they are over. */
#define SHOWN 5

struct alarm_tally {
	const struct conf *conf;
	unsigned all, ours, silent;
	struct buf names;
};

/* Does one of these actions reach a topic that may speak to us? Without any
 * named, alarms come by queues, from topics that we don't know. */
static bool reaches_us(const struct conf *c, const struct json *actions)
{
	for (size_t i = 0; i < json_count(actions); i++) {
		struct str arn = json_str(json_item(actions, i));

		if (!c->sns.topic_count &&
		    str_find(arn, STR(":sns:")) >= 0)
			return true;
		for (size_t k = 0; k < c->sns.topic_count; k++)
			if (sns_topic_allowed(str_from(c->sns.topics[k]), arn))
				return true;
	}
	return false;
}

static int look(const struct cw_alarm *alarm, void *arg)
{
	struct alarm_tally *t = arg;

	t->all++;
	if (!alarm->actions_enabled || !reaches_us(t->conf, alarm->on_alarm))
		return 0;
	t->ours++;
	if (reaches_us(t->conf, alarm->on_ok))
		return 0;
	if (t->silent++ < SHOWN)
		buf_printf(&t->names, "%s%.*s", t->names.n ? ", " : "",
			   STR_ARG(utf8_cut(alarm->name, 80)));
	return 0;
}

static bool is_over(void *arg)
{
	const struct doctor_aws *a = arg;

	return clock_mono_ms() >= a->end_ms;
}

static void tell(struct doctor_aws *a, struct alarm_tally *t)
{
	const char *region = cloud_region(a->cloud);

	if (t->silent > SHOWN)
		buf_puts(&t->names, ", ...");
	if (t->silent)
		doctor_say(a->g, DOCTOR_WARN, "alarms",
			   a->g->conf->aws.reconcile_ms ?
			   "give them the topic as OK action, too" :
			   "give them the topic as OK action, too, or turn "
			   "aws.reconcile on",
			   "%u of %u in %s have no OK action: %s: their "
			   "incidents are %s", t->silent, t->ours, region,
			   buf_str(&t->names).p,
			   a->g->conf->aws.reconcile_ms ?
			   "resolved by aws.reconcile alone" :
			   "not resolved by themselves");
	else
		doctor_say(a->g, DOCTOR_OK, "alarms", NULL,
			   "%u of %u in %s have actions that lead here, each "
			   "an OK action, too", t->ours, t->all, region);
}

void doctor_alarms(struct doctor_aws *a)
{
	struct alarm_tally t = { .conf = a->g->conf, .names = BUF_INIT(1024) };
	const struct cloudwatch_options o = {
		.rest = a->rest,
		.client = a->client,
		.turn = is_over,
		.arg = a,
		.tries = 2,
	};
	const struct cw_query q = { .count = 0 };
	struct cloudwatch *cw;
	struct err err = { "" };
	int rc = cloudwatch_new(&cw, &o, &err);

	if (!rc) {
		rc = cloudwatch_alarms(cw, str_from(cloud_region(a->cloud)),
				       &q, look, &t, &err);
		cloudwatch_free(cw);
	}
	if (!rc)
		tell(a, &t);
	else
		doctor_say(a->g, DOCTOR_WARN, "alarms",
			   rc == -EACCES ?
			   "allow it in the IAM policy; aws.reconcile needs "
			   "it, too" : "look again later",
			   rc == -EACCES ?
			   "not checked, for cloudwatch:DescribeAlarms is not "
			   "allowed: %s" : "not checked: %s",
			   err.text[0] ? err.text : "no answer in time");
	buf_fini(&t.names);
}
