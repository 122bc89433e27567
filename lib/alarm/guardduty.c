/* Amazon GuardDuty: findings, and results of malware scans of S3 objects. */
#include "alarm/event.h"

/* "Severity levels for GuardDuty findings" in its user guide. */
static struct str severity_of(const struct json *v)
{
	double n = json_double(v, 0);

	return n >= 9	? STR("critical")
	       : n >= 7 ? STR("high")
	       : n >= 4 ? STR("medium")
	       : n > 0	? STR("low")
			: STR_NONE;
}

/* Where a finding tells what it was found on. */
static const struct {
	const char *details, *member, *dim, *namespace;
	bool list, arn;
} subjects[] = {
	{ "instanceDetails", "instanceId", "InstanceId", "AWS/EC2", false,
	  false },
	{ "s3BucketDetails", "name", "BucketName", "AWS/S3", true, false },
	{ "eksClusterDetails", "arn", "ClusterArn", NULL, false, true },
	{ "eksClusterDetails", "name", "ClusterName", NULL, false, false },
	{ "ecsClusterDetails", "arn", "ClusterArn", NULL, false, true },
	{ "ecsClusterDetails", "name", "ClusterName", NULL, false, false },
	{ "lambdaDetails", "functionName", "FunctionName", "AWS/Lambda", false,
	  false },
	{ "rdsDbInstanceDetails", "dbInstanceIdentifier",
	  "DBInstanceIdentifier", "AWS/RDS", false, false },
	{ "accessKeyDetails", "userName", "UserName", NULL, false, false },
};

static void take_subject(struct decoder *d, struct alarm *a)
{
	const struct json *resource = json_get(event_detail(d), "resource"), *v;
	struct str s;

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		v = json_get(resource, subjects[i].details);
		if (subjects[i].list)
			v = json_is(v, JSON_ARRAY) ? json_item(v, 0) : NULL;
		s = field_get(d, v, subjects[i].member, FIELD_NAME);
		if (!s.n)
			continue;
		event_dim(d, a, subjects[i].dim, s);
		if (subjects[i].arn && !a->resource_arn.p)
			a->resource_arn = s;
		if (subjects[i].namespace)
			event_resource(d, a, subjects[i].namespace);
		field_pairs(d, &a->tags, &a->tag_count, json_get(v, "tags"));
	}
}

static struct str remote_address(struct decoder *d)
{
	static const char *const actions[] = {
		"networkConnectionAction",
		"awsApiCallAction",
		"kubernetesApiCallAction",
		"rdsLoginAttemptAction",
	};
	const struct json *v = json_at(event_detail(d), "service", "action",
				       NULL),
			  *list;
	struct str s;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		s = event_text(d, json_get(v, actions[i]), FIELD_WORD,
			       "remoteIpDetails", "ipAddressV4");
		if (s.n)
			return s;
	}
	list = json_at(v, "portProbeAction", "portProbeDetails", NULL);
	return json_is(list, JSON_ARRAY)
		       ? event_text(d, json_item(list, 0), FIELD_WORD,
				    "remoteIpDetails", "ipAddressV4")
		       : STR_NONE;
}

static void describe(struct decoder *d, struct alarm *a)
{
	const struct json *detail = event_detail(d);
	const struct json *service = json_get(detail, "service");
	struct buf b = PROSE_INIT;

	prose_text(&b, field_get(d, detail, "title", FIELD_VALUE));
	prose_text(&b, field_get(d, detail, "description", PROSE_MAX));
	prose_field(&b, d, "Finding type", json_get(detail, "type"));
	prose_field(&b, d, "GuardDuty severity", json_get(detail, "severity"));
	prose_field(&b, d, "Seen", json_get(service, "count"));
	prose_field(&b, d, "First seen", json_get(service, "eventFirstSeen"));
	prose_field(&b, d, "Last seen", json_get(service, "eventLastSeen"));
	prose_line(&b, "Remote address", remote_address(d));
	prose_field(
		&b, d, "Domain",
		json_at(service, "action", "dnsRequestAction", "domain", NULL));
	a->description = prose_take(d, &b);
}

int guardduty_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	const struct json *service = json_get(detail, "service");
	struct alarm *a = event_append(d);
	struct str s;

	if (!a)
		return arena_error(d->arena);
	event_place(a, field_get(d, detail, "accountId", FIELD_WORD),
		    field_get(d, detail, "region", FIELD_WORD));
	a->name = field_get(d, detail, "type", FIELD_NAME);
	a->arn = field_get(d, detail, "arn", FIELD_NAME);
	event_key(a, field_get(d, detail, "id", FIELD_NAME));
	event_told(d, a);
	if (!field_set_time(a, json_get(detail, "updatedAt")))
		field_set_time(a, json_get(service, "eventLastSeen"));
	a->severity = severity_of(json_get(detail, "severity"));
	if (json_bool(json_get(service, "archived"), false))
		outcome_set(a,
			    (const struct outcome[]){ RESOLVES("archived"),
						      OUTCOMES_END },
			    STR("archived"));
	take_subject(d, a);
	s = field_get(d, detail, "title", FIELD_NAME);
	a->title = JOIN(d, STR("GuardDuty: "), s.n ? s : a->name);
	describe(d, a);
	a->url = console_link(d, a, "guardduty/home",
			      "#/findings?macros=current&fId=", a->key);
	return event_finish(d, a, detail);
}

static const struct outcome results[] = {
	OPENS("THREATS_FOUND", "high"), RESOLVES("NO_THREATS_FOUND"),
	OPENS("FAILED", "low"),		OPENS("ACCESS_DENIED", "low"),
	TELLS("UNSUPPORTED"),		OUTCOMES_END
};

int malware_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d), *threats;
	const struct json *object = json_get(detail, "s3ObjectDetails");
	struct str bucket = field_get(d, object, "bucketName", FIELD_NAME);
	struct str key = field_get(d, object, "objectKey", FIELD_NAME);
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	outcome_set(a, results,
		    event_text(d, detail, FIELD_WORD, "scanResultDetails",
			       "scanResultStatus"));
	event_key(a, JOIN(d, bucket, STR("/"), key));
	event_dim(d, a, "BucketName", bucket);
	event_dim(d, a, "ObjectKey", key);
	a->resource_arn = STR_NONE;
	event_resource(d, a, "AWS/S3");
	a->title = JOIN(d, STR("GuardDuty malware scan: "), a->state_text,
			STR(" in s3://"), a->key);
	threats = json_at(detail, "scanResultDetails", "threats", NULL);
	prose_line(&b, "Object", JOIN(d, STR("s3://"), a->key));
	prose_line(&b, "Result", a->state_text);
	if (json_is(threats, JSON_ARRAY) && json_count(threats))
		prose_field(&b, d, "Threat",
			    json_get(json_item(threats, 0), "name"));
	a->description = prose_take(d, &b);
	return event_finish(d, a, detail);
}
