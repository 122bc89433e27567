/*
 * EventBridge events, and the event that CloudWatch gives a Lambda function
 * as a direct action: its alarmData has the form of EventBridge's detail.
 */
#include "alarm/event.h"

#include <errno.h>

static bool is_configuration(const struct json *root)
{
	return str_is(json_get_str(root, "detail-type"),
		      "CloudWatch Alarm Configuration Change");
}

/* The alarm inside; NULL where there is none. */
static const struct json *alarm_of(const struct json *root)
{
	const struct json *detail = json_get(root, "detail");

	/* By detail-type: the source is aws.cloudwatch or aws.monitoring. */
	if (str_starts(json_get_str(root, "detail-type"),
		       "CloudWatch Alarm ") &&
	    json_get_str(detail, "alarmName").n)
		return detail;
	return NULL;
}

static const struct json *lambda_alarm_of(const struct json *root)
{
	const struct json *data = json_get(root, "alarmData");

	if (str_is(json_get_str(root, "source"), "aws.cloudwatch") &&
	    json_get_str(data, "alarmName").n)
		return data;
	return NULL;
}

bool event_is_contributor(const struct json *root)
{
	return json_get(alarm_of(root), "alarmContributor") ||
	       json_get(lambda_alarm_of(root), "alarmContributor");
}

bool event_is_alarm(const struct json *root)
{
	return alarm_of(root) != NULL;
}

bool lambda_is_composite(const struct json *root)
{
	return json_at(lambda_alarm_of(root), "configuration", "alarmRule",
		       NULL) != NULL;
}

bool lambda_is_metric(const struct json *root)
{
	return lambda_alarm_of(root) != NULL;
}

static struct str first_resource(struct decoder *d)
{
	struct str s =
		field_text(d, json_item(json_get(d->root, "resources"), 0),
			   2 * FIELD_NAME);

	return str_starts(s, "arn:") ? s : STR_NONE;
}

/*
 * Unlike SNS, EventBridge is told of changes whose actions CloudWatch held
 * back: by a suppressor alarm or by a mute rule.
 */
static void take_suppression(struct decoder *d, struct alarm *a,
			     const struct json *alarm)
{
	const struct json *state = json_get(alarm, "state");
	const struct json *mute = json_get(alarm, "muteDetail");
	struct str from, until;
	struct alarm end = { .time_ms = 0 };

	a->suppressed_by =
		field_get(d, state, "actionsSuppressedBy", FIELD_NAME);
	a->suppressed_reason =
		field_get(d, state, "actionsSuppressedReason", FIELD_VALUE);
	if (a->suppressed_by.p || !json_is(mute, JSON_OBJECT))
		return;
	a->suppressed_by = field_get(d, mute, "mutedByArn", 2 * FIELD_NAME);
	if (!a->suppressed_by.p)
		a->suppressed_by = STR("mute rule");
	from = field_get(d, mute, "muteWindowStart", FIELD_WORD);
	until = field_get(d, mute, "muteWindowEnd", FIELD_WORD);
	if (field_set_date(&end, until))
		a->suppressed_until_ms = end.time_ms;
	if (!from.p || !until.p)
		return;
	a->suppressed_reason = field_join(
		d->arena,
		(struct str[]){ STR("muted from "), from, STR(" to "), until },
		4);
}

/* A state change tells its threshold only inside reasonData's JSON text. */
static int take_threshold(struct alarm *a, const struct json *alarm)
{
	const struct json *v =
		json_at(alarm, "configuration", "threshold", NULL);
	struct str text = json_str(json_at(alarm, "state", "reasonData", NULL));
	struct json *data = NULL;

	if (!v && str_find(text, STR("\"threshold\"")) >= 0) {
		if (json_parse(&data, text, 0, NULL) == -ENOMEM)
			return -ENOMEM;
		v = json_get(data, "threshold");
	}
	a->has_threshold = json_is(v, JSON_NUMBER);
	a->threshold = json_double(v, 0);
	json_free(data);
	return 0;
}

static void take_state(struct decoder *d, struct alarm *a,
		       const struct json *alarm)
{
	const struct json *state = json_get(alarm, "state");
	struct str previous, operation;

	field_set_state(d, a, json_get(state, "value"));
	a->reason = field_get(d, state, "reason", FIELD_TEXT);
	previous = field_text(d, json_at(alarm, "previousState", "value", NULL),
			      FIELD_WORD);
	if (previous.p)
		a->previous_state = field_state(previous);
	field_set_time(a, json_get(d->root, "time"));
	if (!is_configuration(d->root)) {
		field_set_time(a, json_get(state, "timestamp"));
		return;
	}
	/* state.timestamp is of the state, which may be much older. */
	operation = json_get_str(alarm, "operation");
	a->event =
		str_is(operation, "delete") ? ALARM_DELETED : ALARM_CONFIGURED;
}

static void take_identity(struct decoder *d, struct alarm *a,
			  const struct json *alarm)
{
	const struct json *r = d->root;
	struct str resource = first_resource(d);

	a->name = field_get(d, alarm, "alarmName", FIELD_NAME);
	a->arn = field_get(d, r, "alarmArn", 2 * FIELD_NAME);
	if (!a->arn.p && str_find(resource, STR(":alarm:")) >= 0)
		a->arn = resource;
	a->account = field_any(d, r, FIELD_WORD, KEYS("account", "accountId"));
	a->event_id = field_get(d, r, "id", FIELD_WORD);
	alarm_complete(d, a, field_get(d, r, "region", FIELD_WORD));
	alarm_derive_arn(d, a);
}

int event_alarm_decode(struct decoder *d)
{
	const struct json *alarm = alarm_of(d->root), *configuration, *c;
	struct alarm *a = alarm_append(d);
	struct str account;

	if (!a)
		return arena_error(d->arena);
	if (!alarm)
		alarm = lambda_alarm_of(d->root);
	take_identity(d, a, alarm);
	take_state(d, a, alarm);
	take_suppression(d, a, alarm);
	if (take_threshold(a, alarm))
		return -ENOMEM;
	c = json_get(alarm, "alarmContributor");
	if (c)
		field_set_contributor(d, a, json_get(c, "id"),
				      json_get(c, "attributes"), c);
	configuration = json_get(alarm, "configuration");
	a->description = field_get(d, configuration, "description", FIELD_TEXT);
	account = metric_take(d, a, json_get(configuration, "metrics"),
			      &metric_keys_event);
	metric_resource(d, a, account);
	return alarm_classify(d, a, alarm);
}

/*
 * What isn't known further. Only a word that can't mean anything but an end
 * resolves; whatever else it says, somebody wanted to be told.
 */
static void take_end(struct decoder *d, struct alarm *a)
{
	static const struct outcome ends[] = {
		RESOLVES("resolved"), RESOLVES("recovered"),
		RESOLVES("closed"),   RESOLVES("ok"),
		RESOLVES("healthy"),  RESOLVES("succeeded"),
		RESOLVES("success"),  RESOLVES("passed"),
		OUTCOMES_END
	};
	struct str word = field_any(d, json_get(d->root, "detail"), FIELD_WORD,
				    KEYS("state", "State", "status", "Status"));

	for (const struct outcome *o = ends; o->word; o++)
		if (str_is_nocase(word, o->word))
			outcome_set(a, ends, word);
}

int event_any_decode(struct decoder *d)
{
	const struct json *r = d->root;
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	a->name = field_cut(event_type(r), FIELD_NAME);
	a->description = a->raw;
	take_end(d, a);
	return event_finish(d, a, json_get(r, "detail"));
}
