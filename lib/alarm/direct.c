/*
 * The alarm_data of StackFlow's SDK page: AlarmName, AlarmDescription,
 * severity, stackflow_ci_id. Whatever else CloudWatch's API or message would
 * tell of an alarm is read too, under the names it has there.
 */
#include "alarm/recognise.h"

static const struct json *data_of(const struct json *root)
{
	const struct json *inner = json_get(root, "alarm_data");

	return json_get_str(inner, "AlarmName").n ? inner : root;
}

bool direct_is(const struct json *root)
{
	return json_get_str(data_of(root), "AlarmName").n > 0;
}

static void take_state(struct decoder *d, struct alarm *a, const struct json *r)
{
	const struct json *v = field_find(
		r, KEYS("state", "State", "NewStateValue", "StateValue"));
	static const char *const words[] = { "OK", "ALARM",
					     "INSUFFICIENT_DATA" };
	struct str previous;

	if (json_is(v, JSON_OBJECT))
		v = field_find(v, KEYS("value", "Value"));
	/* Without a state it is ALARM, as alarm_append left it. */
	if (v && !(json_is(v, JSON_STRING) && !json_str(v).n))
		field_set_state(d, a, v);
	/* People write these by hand. */
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is_nocase(a->state_text, words[i]))
			a->state = field_state(str_from(words[i]));
	previous = field_any(d, r, FIELD_WORD,
			     KEYS("previous_state", "OldStateValue"));
	if (previous.p)
		a->previous_state = field_state(previous);
}

static void take_metric(struct decoder *d, struct alarm *a,
			const struct json *r)
{
	const struct json *trigger = json_get(r, "Trigger"), *threshold;

	if (!json_is(trigger, JSON_OBJECT))
		trigger = r;
	a->namespace = field_get(d, trigger, "Namespace", FIELD_NAME);
	a->metric = field_get(d, trigger, "MetricName", FIELD_NAME);
	field_pairs(d, &a->dims, &a->dim_count,
		    json_get(trigger, "Dimensions"));
	threshold = json_get(trigger, "Threshold");
	a->has_threshold = json_is(threshold, JSON_NUMBER);
	a->threshold = json_double(threshold, 0);
}

int direct_decode(struct decoder *d)
{
	const struct json *r = data_of(d->root);
	struct alarm *a = alarm_append(d);
	struct arn topic;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, r, "AlarmName", FIELD_NAME);
	a->arn = field_any(d, r, 2 * FIELD_NAME, KEYS("AlarmArn", "alarmArn"));
	a->account = field_any(
		d, r, FIELD_WORD,
		KEYS("AWSAccountId", "account", "AccountId", "account_id"));
	a->description = field_get(d, r, "AlarmDescription", FIELD_TEXT);
	a->reason = field_any(d, r, FIELD_TEXT,
			      KEYS("NewStateReason", "StateReason", "reason"));
	a->event_id = field_any(d, r, FIELD_WORD, KEYS("event_id", "id"));
	take_state(d, a, r);
	field_set_time(
		a, field_find(r, KEYS("StateChangeTime", "time", "timestamp",
				      "Timestamp", "StateUpdatedTimestamp")));
	alarm_complete(d, a,
		       field_any(d, r, FIELD_WORD, KEYS("Region", "region")));
	if (!a->account.p && arn_cut(&topic, a->topic))
		a->account = topic.account.n ? topic.account : STR_NONE;
	take_metric(d, a, r);
	metric_resource(d, a, STR_NONE);
	return alarm_classify(d, a, r);
}

int own_decode(struct decoder *d)
{
	int rc = direct_decode(d);

	for (size_t i = 0; !rc && i < d->count; i++) {
		d->list[i].key = field_get(d, d->root, "key", FIELD_NAME);
		d->list[i].title = field_get(d, d->root, "title", FIELD_NAME);
	}
	return rc ? rc : arena_error(d->arena);
}
