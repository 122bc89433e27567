/*
 * CloudWatch's own message over SNS. AWS documents no schema; the fields are
 * those of recorded messages since 2016. It grew over the years: AlarmArn
 * came in 2020, the lists of actions in 2022, and what a contributor of a
 * multi-time-series alarm adds is read by the API's names for it.
 */
#include "alarm/recognise.h"

static bool is_cloudwatch(const struct json *root)
{
	return json_get(root, "NewStateValue") &&
	       json_get_str(root, "AlarmName").n &&
	       field_find(root,
			  KEYS("Trigger", "AlarmRule", "StateChangeTime"));
}

bool cloudwatch_is_composite(const struct json *root)
{
	return json_get(root, "AlarmRule") && is_cloudwatch(root);
}

/* A log alarm evaluates a scheduled query of CloudWatch Logs. */
bool cloudwatch_is_log(const struct json *root)
{
	const struct json *trigger = json_get(root, "Trigger");

	return (str_is(json_get_str(root, "AlarmType"), "LogAlarm") ||
		str_is(json_get_str(trigger, "AlarmType"), "LogAlarm") ||
		json_get(root, "ScheduledQueryConfiguration") ||
		json_get(trigger, "ScheduledQueryConfiguration")) &&
	       is_cloudwatch(root);
}

static const struct json *contributor_of(const struct json *root)
{
	return field_find(root, KEYS("AlarmContributor", "alarmContributor"));
}

bool cloudwatch_is_contributor(const struct json *root)
{
	return (contributor_of(root) ||
		field_find(root, KEYS("AlarmContributorId", "ContributorId",
				      "AlarmContributorAttributes"))) &&
	       is_cloudwatch(root);
}

bool cloudwatch_is_metric(const struct json *root)
{
	return is_cloudwatch(root);
}

static void take_contributor(struct decoder *d, struct alarm *a)
{
	const struct json *c = contributor_of(d->root), *id, *attributes;

	id = field_find(c, KEYS("Id", "id", "ContributorId", "contributorId"));
	if (!id)
		id = field_find(d->root,
				KEYS("AlarmContributorId", "ContributorId"));
	attributes = field_find(
		c, KEYS("Attributes", "attributes", "ContributorAttributes"));
	if (!attributes)
		attributes =
			field_find(d->root, KEYS("AlarmContributorAttributes",
						 "ContributorAttributes"));
	field_set_contributor(d, a, id, attributes, c);
}

/* Returns the metric's account. */
static struct str take_trigger(struct decoder *d, struct alarm *a)
{
	const struct json *trigger = json_get(d->root, "Trigger");
	const struct json *queries = json_get(trigger, "Metrics");
	const struct json *threshold = json_get(trigger, "Threshold");
	struct str account = STR_NONE;

	a->has_threshold = json_is(threshold, JSON_NUMBER);
	a->threshold = json_double(threshold, 0);
	if (json_is(queries, JSON_ARRAY)) {
		account = metric_take(d, a, queries, &metric_keys_sns);
	} else {
		a->namespace = field_get(d, trigger, "Namespace", FIELD_NAME);
		a->metric = field_get(d, trigger, "MetricName", FIELD_NAME);
		field_pairs(d, &a->dims, &a->dim_count,
			    json_get(trigger, "Dimensions"));
	}
	return account;
}

int cloudwatch_decode(struct decoder *d)
{
	const struct json *r = d->root;
	struct alarm *a = alarm_append(d);
	struct str account, previous;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, r, "AlarmName", FIELD_NAME);
	a->arn = field_get(d, r, "AlarmArn", 2 * FIELD_NAME);
	a->account = field_get(d, r, "AWSAccountId", FIELD_WORD);
	a->description = field_get(d, r, "AlarmDescription", FIELD_TEXT);
	a->reason = field_get(d, r, "NewStateReason", FIELD_TEXT);
	field_set_state(d, a, json_get(r, "NewStateValue"));
	previous = field_get(d, r, "OldStateValue", FIELD_WORD);
	if (previous.p)
		a->previous_state = field_state(previous);
	field_set_time(a, json_get(r, "StateChangeTime"));
	alarm_complete(d, a, field_get(d, r, "Region", FIELD_WORD));
	alarm_derive_arn(d, a);
	if (str_is(str_from(a->kind), "contributor-alarm"))
		take_contributor(d, a);
	account = take_trigger(d, a);
	metric_resource(d, a, account);
	return alarm_classify(d, a, r);
}
