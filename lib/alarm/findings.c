/*
 * Findings in AWS Security Hub's format (ASFF): one alone, a list, or in an
 * EventBridge event. And Amazon Inspector's, and what ECR's scans count.
 */
#include "alarm/event.h"

/* The severities that these services share. */
static const struct outcome severities[] = { OPENS("CRITICAL", "critical"),
					     OPENS("HIGH", "high"),
					     OPENS("MEDIUM", "medium"),
					     OPENS("LOW", "low"),
					     OPENS("UNTRIAGED", "low"),
					     OPENS("INFORMATIONAL", "low"),
					     OUTCOMES_END };

static struct str severity_of(struct str label)
{
	for (const struct outcome *o = severities; o->word; o++)
		if (str_is_nocase(label, o->word))
			return str_from(o->severity);
	return STR_NONE;
}

/* Findings from before 2020 have only the number. */
static struct str asff_severity(struct decoder *d, const struct json *f)
{
	const struct json *severity = json_get(f, "Severity");
	struct str label = field_get(d, severity, "Label", FIELD_WORD);
	int64_t n = json_int(json_get(severity, "Normalized"), -1);

	if (label.n)
		return label;
	return n < 0	? STR_NONE
	       : n == 0 ? STR("INFORMATIONAL")
	       : n < 40 ? STR("LOW")
	       : n < 70 ? STR("MEDIUM")
	       : n < 90 ? STR("HIGH")
			: STR("CRITICAL");
}

/* INFORMATIONAL is ASFF's word for "no issue was found". */
static const char *why_over(const struct json *f, struct str severity)
{
	struct str workflow = json_str(json_at(f, "Workflow", "Status", NULL));

	if (str_is(json_get_str(f, "RecordState"), "ARCHIVED"))
		return "ARCHIVED";
	if (str_is(workflow, "RESOLVED"))
		return "RESOLVED";
	if (str_is(workflow, "SUPPRESSED"))
		return "SUPPRESSED";
	if (str_is(json_str(json_at(f, "Compliance", "Status", NULL)),
		   "PASSED"))
		return "PASSED";
	return str_is(severity, "INFORMATIONAL") ? "INFORMATIONAL" : NULL;
}

/* i-0abc as in arn:...:instance/i-0abc, and its like. */
static void take_arn(struct decoder *d, struct alarm *a, struct str id)
{
	static const struct {
		const char *part, *dim, *namespace;
	} known[] = {
		{ ":instance/", "InstanceId", "AWS/EC2" },
		{ ":db:", "DBInstanceIdentifier", "AWS/RDS" },
		{ ":function:", "FunctionName", "AWS/Lambda" },
		{ ":s3:::", "BucketName", "AWS/S3" },
		{ ":repository/", "RepositoryName", NULL },
	};

	if (str_starts(id, "arn:"))
		a->resource_arn = id;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ssize_t at = str_find(id, str_from(known[i].part));
		size_t n = strlen(known[i].part);

		if (at < 0)
			continue;
		event_dim(d, a, known[i].dim,
			  str_sub(id, (size_t)at + n, id.n - (size_t)at - n));
		if (known[i].namespace)
			a->namespace = str_from(known[i].namespace);
		return;
	}
	if (!str_starts(id, "i-"))
		return;
	event_dim(d, a, "InstanceId", id);
	event_resource(d, a, "AWS/EC2");
}

static void describe(struct decoder *d, struct alarm *a, const struct json *f)
{
	const struct json *advice =
		json_at(f, "Remediation", "Recommendation", NULL);
	struct buf b = PROSE_INIT;

	prose_text(&b, a->name);
	prose_text(&b, field_get(d, f, "Description", PROSE_MAX));
	prose_field(&b, d, "Compliance",
		    json_at(f, "Compliance", "Status", NULL));
	prose_field(&b, d, "Control",
		    json_at(f, "Compliance", "SecurityControlId", NULL));
	prose_field(&b, d, "Type", json_item(json_get(f, "Types"), 0));
	prose_field(&b, d, "Found by", json_get(f, "ProductName"));
	prose_field(&b, d, "Workflow", json_at(f, "Workflow", "Status", NULL));
	prose_field(&b, d, "What to do", json_get(advice, "Text"));
	prose_field(&b, d, "More", json_get(advice, "Url"));
	prose_field(&b, d, "Finding", json_get(f, "Id"));
	a->description = prose_take(d, &b);
}

static void take_place(struct decoder *d, struct alarm *a, const struct json *f,
		       const struct json *resource)
{
	struct str region = field_get(d, f, "Region", FIELD_WORD);
	struct arn product;

	if (!region.n)
		region = field_get(d, resource, "Region", FIELD_WORD);
	if (!region_looks(region) &&
	    arn_cut(&product, json_get_str(f, "ProductArn")))
		region = product.region;
	event_place(a, field_get(d, f, "AwsAccountId", FIELD_WORD), region);
}

static int asff_decode(struct decoder *d, const struct json *f)
{
	bool event = event_type(d->root).n > 0;
	struct str severity = asff_severity(d, f), id;
	const struct json *list = json_get(f, "Resources"), *resource;
	const char *over = why_over(f, severity);
	struct alarm *a;

	if (!json_get_str(f, "Id").n || !json_get_str(f, "ProductArn").n)
		return 0;
	a = event ? event_append(d) : service_append(d);
	if (!a)
		return arena_error(d->arena);
	resource = json_is(list, JSON_ARRAY) ? json_item(list, 0) : NULL;
	take_place(d, a, f, resource);
	a->name = field_get(d, f, "Title", FIELD_NAME);
	id = field_get(d, f, "Id", FIELD_NAME);
	event_key(a, id);
	a->arn = str_starts(id, "arn:") ? id : STR_NONE;
	event_told(d, a);
	if (!field_set_time(a, json_get(f, "UpdatedAt")) &&
	    !field_set_time(a, json_get(f, "LastObservedAt")))
		field_set_time(a, json_get(f, "CreatedAt"));
	a->severity = severity_of(severity);
	if (over) {
		a->state = ALARM_OK;
		a->state_text = str_from(over);
	}
	a->resource_arn = STR_NONE;
	take_arn(d, a, field_get(d, resource, "Id", FIELD_NAME));
	event_dim(d, a, "ResourceType",
		  field_get(d, resource, "Type", FIELD_WORD));
	field_pairs(d, &a->tags, &a->tag_count, json_get(resource, "Tags"));
	a->title = JOIN(d, STR("Security Hub: "), a->name);
	describe(d, a, f);
	a->url = field_get(d, f, "SourceUrl", FIELD_VALUE);
	if (!a->url.p)
		a->url = console_link(d, a, "securityhub/home",
				      "#/findings?search=Id%3D"
				      "%255Coperator%255C%253AEQUALS%255C%253A",
				      a->key);
	return event_finish(d, a, NULL);
}

bool finding_is(const struct json *root)
{
	return json_get_str(root, "ProductArn").n &&
	       json_get_str(root, "Id").n && json_get(root, "Severity");
}

int finding_decode(struct decoder *d)
{
	return asff_decode(d, d->root);
}

bool findings_is(const struct json *root)
{
	return json_is(json_get(root, "findings"), JSON_ARRAY);
}

int findings_decode(struct decoder *d)
{
	const struct json *list = json_get(event_detail(d), "findings");

	return alarm_each(d, list ? list : json_get(d->root, "findings"),
			  asff_decode);
}

/* A person sent what an insight counts. */
int insight_results_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, detail, "insightName", FIELD_NAME);
	a->contributor = field_get(d, detail, "insightArn", FIELD_NAME);
	a->severity = STR("low");
	a->title = JOIN(d, STR("Security Hub insight: "), a->name);
	prose_field(&b, d, "Action", json_get(detail, "actionName"));
	prose_field(&b, d, "About it", json_get(detail, "actionDescription"));
	prose_field(&b, d, "Counted by", json_get(detail, "resultType"));
	prose_text(&b, field_cut(json_text(json_get(detail, "insightResults"),
					   d->arena),
				 FIELD_VALUE));
	a->description = prose_take(d, &b);
	return event_finish(d, a, detail);
}

static const struct outcome statuses[] = { OPENS("ACTIVE", NULL),
					   RESOLVES("CLOSED"),
					   RESOLVES("SUPPRESSED"),
					   OUTCOMES_END };

static void describe_inspector(struct decoder *d, struct alarm *a)
{
	const struct json *f = event_detail(d), *list;
	const struct json *package = json_get(f, "packageVulnerabilityDetails");
	struct buf b = PROSE_INIT;

	prose_text(&b, field_get(d, f, "description", PROSE_MAX));
	prose_field(&b, d, "Vulnerability",
		    json_get(package, "vulnerabilityId"));
	list = json_get(package, "vulnerablePackages");
	if (json_is(list, JSON_ARRAY) && json_count(list)) {
		prose_field(&b, d, "Package",
			    json_get(json_item(list, 0), "name"));
		prose_field(&b, d, "Installed",
			    json_get(json_item(list, 0), "version"));
		prose_field(&b, d, "Fixed in",
			    json_get(json_item(list, 0), "fixedInVersion"));
	}
	prose_field(&b, d, "Inspector score", json_get(f, "inspectorScore"));
	prose_field(&b, d, "Exploit available",
		    json_get(f, "exploitAvailable"));
	prose_field(&b, d, "What to do",
		    json_at(f, "remediation", "recommendation", "text", NULL));
	prose_field(&b, d, "More", json_get(package, "sourceUrl"));
	a->description = prose_take(d, &b);
}

int inspector_decode(struct decoder *d)
{
	const struct json *f = event_detail(d), *resource;
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	event_place(a, field_get(d, f, "awsAccountId", FIELD_WORD), STR_NONE);
	a->name = field_get(d, f, "title", FIELD_NAME);
	a->arn = field_get(d, f, "findingArn", FIELD_NAME);
	event_key(a, a->arn);
	event_told(d, a);
	field_set_time(a, json_get(f, "updatedAt"));
	outcome_set(a, statuses, field_get(d, f, "status", FIELD_WORD));
	a->severity = severity_of(field_get(d, f, "severity", FIELD_WORD));
	resource = json_get(f, "resources");
	resource =
		json_is(resource, JSON_ARRAY) ? json_item(resource, 0) : NULL;
	a->resource_arn = STR_NONE;
	take_arn(d, a, field_get(d, resource, "id", FIELD_NAME));
	event_dim(d, a, "ResourceType",
		  field_get(d, resource, "type", FIELD_WORD));
	field_pairs(d, &a->tags, &a->tag_count, json_get(resource, "tags"));
	a->title = JOIN(d, STR("Inspector: "), a->name);
	describe_inspector(d, a);
	a->url = console_link(d, a, "inspector/v2/home",
			      "#/findings/all?findingArn=", a->arn);
	return event_finish(d, a, f);
}

/* The end of a scan, what is covered: findings come by themselves. */
int inspector_other_decode(struct decoder *d)
{
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	a->name = field_cut(event_type(d->root), FIELD_NAME);
	a->description = a->raw;
	outcome_tells(a);
	return event_finish(d, a, NULL);
}

static void take_counts(struct decoder *d, struct alarm *a, struct buf *b)
{
	const struct json *counts =
		json_get(event_detail(d), "finding-severity-counts");
	static const char *const words[] = { "CRITICAL", "HIGH", "MEDIUM",
					     "LOW" };
	struct str worst = STR_NONE;

	for (size_t i = 0; i < 4; i++) {
		prose_field(b, d, words[i], json_get(counts, words[i]));
		if (json_int(json_get(counts, words[i]), 0) > 0 && !worst.n)
			worst = str_from(words[i]);
	}
	a->severity = severity_of(worst);
	a->state = worst.n ? ALARM_FIRING : ALARM_OK;
}

static struct str worst_words(const struct alarm *a)
{
	if (!str_is(a->state_text, "COMPLETE"))
		return a->state == ALARM_OK ? STR(" is done") : STR(" failed");
	return a->state == ALARM_OK ? STR(" found nothing")
				    : STR(" found vulnerabilities");
}

/* A scan of the next image under the same tag ends what the last one found. */
int ecr_decode(struct decoder *d)
{
	static const struct outcome ends[] = {
		OPENS("COMPLETE", NULL), OPENS("FAILED", "low"),
		TELLS("SUCCESS"), OPENS("FAILURE", "low"), OUTCOMES_END
	};
	const struct json *detail = event_detail(d), *tags;
	struct alarm *a = event_append(d);
	struct str noun = json_get(detail, "scan-status")
				  ? STR("scan of image ")
				  : STR("image action on ");
	struct buf b = PROSE_INIT;
	struct str tag;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, detail, "repository-name", FIELD_NAME);
	tags = json_get(detail, "image-tags");
	tag = json_is(tags, JSON_ARRAY)
		      ? field_text(d, json_item(tags, 0), FIELD_NAME)
		      : field_get(d, detail, "image-tag", FIELD_NAME);
	if (!tag.n)
		tag = field_get(d, detail, "image-digest", FIELD_NAME);
	a->contributor = tag;
	outcome_set(a, ends,
		    field_any(d, detail, FIELD_WORD,
			      KEYS("scan-status", "result")));
	prose_line(&b, "Image", JOIN(d, a->name, STR(":"), tag));
	prose_field(&b, d, "Digest", json_get(detail, "image-digest"));
	prose_field(&b, d, "Scan", json_get(detail, "scan-status"));
	prose_field(&b, d, "Action", json_get(detail, "action-type"));
	if (str_is(a->state_text, "COMPLETE"))
		take_counts(d, a, &b);
	event_dim(d, a, "RepositoryName", a->name);
	a->title = JOIN(d, STR("ECR: "), noun, a->name, STR(":"), tag,
			worst_words(a));
	a->description = prose_take(d, &b);
	return event_finish(d, a, NULL);
}
