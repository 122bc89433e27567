/* Config, DevOps Guru, Synthetics, Trusted Advisor, ElastiCache, Beanstalk. */
#include "alarm/event.h"

/* ---- AWS Config ---- */

bool config_is(const struct json *root)
{
	return json_get_str(root, "configRuleName").n ||
	       json_get(root, "configurationItem") ||
	       json_get(root, "configSnapshotId") ||
	       json_get(root, "configurationItemSummary");
}

static void take_compliance(struct decoder *d, struct alarm *a,
			    const struct json *v)
{
	static const struct outcome outcomes[] = {
		OPENS("NON_COMPLIANT", "medium"), RESOLVES("COMPLIANT"),
		RESOLVES("NOT_APPLICABLE"), TELLS("INSUFFICIENT_DATA"),
		OUTCOMES_END
	};
	const struct json *result = json_get(v, "newEvaluationResult");
	struct str before = event_text(d, v, FIELD_WORD, "oldEvaluationResult",
				       "complianceType");
	struct str word = field_get(d, result, "complianceType", FIELD_WORD);

	/* A rule was deleted, or the resource: nothing to comply with. */
	outcome_set(a, outcomes, word.n ? word : STR("NOT_APPLICABLE"));
	if (before.n)
		a->previous_state = str_is(before, "NON_COMPLIANT")
					    ? ALARM_FIRING
					    : ALARM_OK;
	a->reason = field_get(d, result, "annotation", FIELD_VALUE);
	field_set_time(a, json_get(result, "resultRecordedTime"));
}

static void take_item(struct decoder *d, struct alarm *a, const struct json *v)
{
	struct str type = field_get(d, v, "resourceType", FIELD_WORD);
	struct str id = field_get(d, v, "resourceId", FIELD_NAME);

	event_dim(d, a, "ResourceType", type);
	event_dim(d, a, "ResourceId", id);
	if (id.n)
		a->contributor = JOIN(d, type, STR("/"), id);
	a->resource_arn = str_starts(id, "arn:") ? id : STR_NONE;
	if (str_is(type, "AWS::EC2::Instance")) {
		event_dim(d, a, "InstanceId", id);
		event_resource(d, a, "AWS/EC2");
	} else if (str_is(type, "AWS::S3::Bucket")) {
		event_dim(d, a, "BucketName", id);
		event_resource(d, a, "AWS/S3");
	}
}

static void describe_config(struct decoder *d, struct alarm *a,
			    const struct json *v)
{
	struct buf b = PROSE_INIT;

	prose_line(&b, "Rule", field_get(d, v, "configRuleName", FIELD_NAME));
	if (json_get(v, "newEvaluationResult"))
		prose_line(&b, "Compliance", a->state_text);
	prose_line(&b, "Annotation", a->reason);
	prose_field(&b, d, "Resource type", json_get(v, "resourceType"));
	prose_field(&b, d, "Resource", json_get(v, "resourceId"));
	prose_field(&b, d, "Kind of message", json_get(v, "messageType"));
	a->description = prose_take(d, &b);
	a->url = console_link(d, a, "config/home",
			      "#/rules/details?configRuleName=",
			      field_get(d, v, "configRuleName", FIELD_NAME));
}

/* Compliance opens and resolves; a delivery that failed leaves a gap in the
 * record; everything else Config tells is its work. */
int config_decode(struct decoder *d)
{
	bool event = event_type(d->root).n > 0;
	const struct json *v = event ? event_detail(d) : d->root;
	struct alarm *a = event ? event_append(d) : service_append(d);
	struct str s = field_get(d, v, "messageType", FIELD_WORD);

	if (!a)
		return arena_error(d->arena);
	if (!event)
		field_set_time(a, json_get(v, "notificationCreationTime"));
	if (json_get(v, "newEvaluationResult") ||
	    str_is(s, "ComplianceChangeNotification"))
		take_compliance(d, a, v);
	else if (str_ends(s, "DeliveryFailed"))
		a->severity = STR("medium");
	else
		outcome_tells(a);
	s = field_get(d, v, "awsRegion", FIELD_WORD);
	event_place(a,
		    field_any(d, v, FIELD_WORD,
			      KEYS("awsAccountId", "accountId")),
		    s);
	a->arn = field_any(d, v, FIELD_NAME,
			   KEYS("configRuleARN", "configRuleArn"));
	if (a->arn.p && !region_looks(s))
		alarm_complete(d, a, STR_NONE);
	a->arn = STR_NONE;
	a->name = field_any(d, v, FIELD_NAME,
			    KEYS("configRuleName", "messageType"));
	take_item(d, a, v);
	s = alarm_dim(a, STR("ResourceId"));
	a->title = JOIN(
		d, STR("AWS Config: "), a->name, s.n ? STR(": ") : STR_NONE, s,
		s.n ? STR(" is ") : STR_NONE, s.n ? a->state_text : STR_NONE);
	describe_config(d, a, v);
	return event_finish(d, a, NULL);
}

/* ---- DevOps Guru ---- */

bool insight_is(const struct json *root)
{
	return json_get_str(root, "InsightId").n &&
	       json_get_str(root, "MessageType").n;
}

static void describe_insight(struct decoder *d, struct alarm *a,
			     const struct json *v)
{
	struct buf b = PROSE_INIT;

	prose_text(&b,
		   field_any(d, v, PROSE_MAX,
			     KEYS("InsightDescription", "insightDescription")));
	prose_field(&b, d, "Message",
		    field_find(v, KEYS("MessageType", "messageType")));
	prose_field(&b, d, "Insight",
		    field_find(v, KEYS("InsightType", "insightType")));
	prose_field(&b, d, "Severity in DevOps Guru",
		    field_find(v, KEYS("InsightSeverity", "insightSeverity")));
	a->description = prose_take(d, &b);
}

int insight_decode(struct decoder *d)
{
	bool event = event_type(d->root).n > 0;
	const struct json *v = event ? event_detail(d) : d->root;
	struct alarm *a = event ? event_append(d) : service_append(d);
	struct str s;

	if (!a)
		return arena_error(d->arena);
	event_place(a,
		    field_any(d, v, FIELD_WORD, KEYS("AccountId", "accountId")),
		    field_any(d, v, FIELD_WORD, KEYS("Region", "region")));
	a->name =
		field_any(d, v, FIELD_NAME, KEYS("InsightName", "insightName"));
	event_key(a,
		  field_any(d, v, FIELD_NAME, KEYS("InsightId", "insightId")));
	event_told(d, a);
	a->severity = severity_scale(field_any(
		d, v, FIELD_WORD, KEYS("InsightSeverity", "insightSeverity")));
	s = field_any(d, v, FIELD_WORD, KEYS("MessageType", "messageType"));
	if (s.n)
		a->state_text = s;
	if (str_is(s, "CLOSED_INSIGHT")) {
		a->state = ALARM_OK;
		field_set_time(a, field_find(v, KEYS("EndTime", "endTime")));
	} else if (str_is(s, "NEW_INSIGHT")) {
		field_set_time(a,
			       field_find(v, KEYS("StartTime", "startTime")));
	}
	a->title = JOIN(d, STR("DevOps Guru: "), a->name);
	describe_insight(d, a, v);
	a->url = field_any(d, v, FIELD_VALUE, KEYS("InsightUrl", "insightUrl"));
	return event_finish(d, a, NULL);
}

/* ---- CloudWatch Synthetics ---- */

int canary_decode(struct decoder *d)
{
	static const struct outcome outcomes[] = {
		OPENS("FAILED", "high"), OPENS("ERROR", "high"),
		RESOLVES("PASSED"),	 RESOLVES("RUNNING"),
		RESOLVES("READY"),	 TELLS("STOPPED"),
		TELLS("STOPPING"),	 TELLS("STARTING"),
		TELLS("CREATING"),	 TELLS("UPDATING"),
		TELLS("DELETING"),	 OUTCOMES_END
	};
	const struct json *v = event_detail(d);
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, v, "canary-name", FIELD_NAME);
	if (json_get(v, "current-state"))
		a->contributor = STR("status");
	outcome_set(a, outcomes,
		    field_any(d, v, FIELD_WORD,
			      KEYS("test-run-status", "current-state")));
	event_dim(d, a, "CanaryName", a->name);
	a->reason =
		field_any(d, v, FIELD_VALUE, KEYS("state-reason", "message"));
	a->title = JOIN(d, STR("Canary "), a->name, STR(": "), a->state_text);
	prose_line(&b, "Reason", a->reason);
	prose_field(&b, d, "Run", json_get(v, "canary-run-id"));
	prose_field(&b, d, "Artifacts", json_get(v, "artifact-location"));
	a->description = prose_take(d, &b);
	a->url = console_link(d, a, "cloudwatch/home",
			      "#synthetics:canary/detail/", a->name);
	return event_finish(d, a, NULL);
}

/* ---- Trusted Advisor ---- */

int advisor_decode(struct decoder *d)
{
	static const struct outcome outcomes[] = {
		OPENS("ERROR", "high"), OPENS("WARN", "medium"), RESOLVES("OK"),
		TELLS("INFO"), OUTCOMES_END
	};
	const struct json *v = event_detail(d);
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;
	struct str id;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, v, "check-name", FIELD_NAME);
	id = field_any(d, v, FIELD_NAME, KEYS("resource_id", "uuid"));
	a->contributor = id;
	if (str_starts(id, "arn:"))
		a->resource_arn = id;
	event_dim(d, a, "ResourceId", id);
	outcome_set(a, outcomes, field_get(d, v, "status", FIELD_WORD));
	a->title = JOIN(d, STR("Trusted Advisor: "), a->name, STR(": "),
			a->state_text);
	prose_line(&b, "Check", a->name);
	prose_line(&b, "Status", a->state_text);
	prose_text(&b, field_cut(json_text(json_get(v, "check-item-detail"),
					   d->arena),
				 FIELD_VALUE));
	a->description = prose_take(d, &b);
	if (str_is(alarm_partition(a), "aws"))
		a->url = STR("https://console.aws.amazon.com/trustedadvisor/"
			     "home");
	return event_finish(d, a, NULL);
}

/* ---- ElastiCache ---- */

static bool only_member(const struct json *root, struct str *key,
			const struct json **value)
{
	void *at = NULL;

	return json_is(root, JSON_OBJECT) && json_count(root) == 1 &&
	       json_next(root, &at, key, value) &&
	       str_starts(*key, "ElastiCache:");
}

bool elasticache_is(const struct json *root)
{
	const struct json *value;
	struct str key;

	return only_member(root, &key, &value);
}

/* {"ElastiCache:SnapshotFailed": "NODE"}: how the event's name ends tells. */
int elasticache_decode(struct decoder *d)
{
	static const struct outcome ends[] = { OPENS("FailoverComplete", "low"),
					       OPENS("Failed", "high"),
					       OPENS("ReplaceStarted",
						     "medium"),
					       RESOLVES("Completed"),
					       RESOLVES("Complete"),
					       RESOLVES("Created"),
					       TELLS("Started"),
					       TELLS("Rebooted"),
					       TELLS("Canceled"),
					       TELLS("Rescheduled"),
					       TELLS("Deleted"),
					       OPENS("Scheduled", "low"),
					       OUTCOMES_END };
	static const char *const tails[] = { "Completed", "Complete",
					     "Started",	  "Failed",
					     "Scheduled", "Rescheduled",
					     "Canceled" };
	const struct json *value = NULL;
	struct alarm *a = service_append(d);
	struct str event = STR_NONE, stem;

	if (!a)
		return arena_error(d->arena);
	only_member(d->root, &event, &value);
	event = field_cut(str_sub(event, 12, event.n - 12), FIELD_WORD);
	a->name = field_text(d, value, FIELD_NAME);
	outcome_by_end(a, ends, event);
	if (event.n)
		a->state_text = event;
	stem = event;
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		if (str_ends(stem, tails[i]) && stem.n > strlen(tails[i]))
			stem.n -= strlen(tails[i]);
	a->contributor = stem.n ? stem : STR_NONE;
	event_dim(d, a, "CacheClusterId", a->name);
	a->namespace = STR("AWS/ElastiCache");
	a->title = JOIN(d, STR("ElastiCache "), a->name, STR(": "), event);
	a->description = JOIN(d, event, STR(" on "), a->name);
	return event_finish(d, a, NULL);
}

/* ---- Elastic Beanstalk ---- */

static const struct outcome healths[] = { OPENS("Severe", "critical"),
					  OPENS("Red", "critical"),
					  OPENS("Degraded", "high"),
					  OPENS("Warning", "medium"),
					  OPENS("Yellow", "medium"),
					  RESOLVES("Ok"),
					  RESOLVES("Green"),
					  TELLS("Info"),
					  TELLS("Pending"),
					  TELLS("Unknown"),
					  TELLS("Grey"),
					  TELLS("NoData"),
					  TELLS("Suspended"),
					  OUTCOMES_END };

/* "Environment health has transitioned from Ok to Degraded. 5.0 % of..." */
static bool take_transition(struct alarm *a, struct str message)
{
	struct str words = STR("transitioned from "), to = STR(" to ");
	ssize_t at = str_find(message, words);
	size_t n = 0;

	if (at < 0)
		return false;
	message = str_sub(message, (size_t)at, message.n - (size_t)at);
	at = str_find(message, to);
	if (at < 0)
		return false;
	message = str_sub(message, (size_t)at + to.n,
			  message.n - (size_t)at - to.n);
	while (n < message.n && message.p[n] != '.' && message.p[n] != ' ')
		n++;
	outcome_set(a, healths, str_sub(message, 0, n));
	a->contributor = STR("health");
	return true;
}

static void take_environment(struct decoder *d, struct alarm *a,
			     struct str environment, struct str application,
			     struct str message)
{
	struct buf b = PROSE_INIT;
	bool failed = str_find(message, STR("ailed")) >= 0 ||
		      str_find(message, STR("rror")) >= 0;

	a->name = environment.n ? environment : application;
	if (!take_transition(a, message)) {
		a->contributor = STR("activity");
		if (failed)
			a->severity = STR("medium");
		else
			outcome_tells(a);
	}
	event_dim(d, a, "EnvironmentName", environment);
	event_dim(d, a, "ApplicationName", application);
	a->namespace = STR("AWS/ElasticBeanstalk");
	a->reason = field_cut(message, FIELD_VALUE);
	a->title = JOIN(d, STR("Elastic Beanstalk "), a->name, STR(": "),
			field_first_line(message));
	prose_text(&b, message);
	prose_line(&b, "Application", application);
	a->description = prose_take(d, &b);
}

static struct str labelled(struct str text, const char *label)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (str_starts(line, label))
			return field_cut(
				str_trim(str_sub(line, strlen(label),
						 line.n - strlen(label))),
				FIELD_VALUE);
	}
	return STR_NONE;
}

int beanstalk_text_decode(struct decoder *d)
{
	struct str text = d->in->body;
	struct alarm *a = service_append(d);

	if (!a)
		return arena_error(d->arena);
	field_set_date(a, labelled(text, "Timestamp:"));
	take_environment(d, a, labelled(text, "Environment:"),
			 labelled(text, "Application:"),
			 labelled(text, "Message:"));
	a->description = a->raw;
	return event_finish(d, a, NULL);
}

int environment_decode(struct decoder *d)
{
	const struct json *v = event_detail(d);
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	take_environment(d, a, field_get(d, v, "EnvironmentName", FIELD_NAME),
			 field_get(d, v, "ApplicationName", FIELD_NAME),
			 field_get(d, v, "Message", FIELD_VALUE));
	return event_finish(d, a, NULL);
}
