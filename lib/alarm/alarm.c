#include "alarm/alarm.h"

#include <errno.h>
#include <stdlib.h>

#include "alarm/recognise.h"
#include "doc/read.h"

static bool is_any(const struct json *root)
{
	return root != NULL;
}

/*
 * What is tried, from the top: the first that recognises the message decodes
 * it. CloudWatch's own stand first, as the most frequent. A row is passed over
 * by one look-up where the message lacks the member that its key names, so
 * that many kinds cost little.
 */
static const struct recogniser table[] = {
#define CLOUDWATCH "NewStateValue"
	{ "AlarmRule", "composite-alarm", "cloudwatch", cloudwatch_is_composite,
	  cloudwatch_decode },
	{ CLOUDWATCH, "log-alarm", "cloudwatch", cloudwatch_is_log,
	  cloudwatch_decode },
	{ CLOUDWATCH, "contributor-alarm", "cloudwatch",
	  cloudwatch_is_contributor, cloudwatch_decode },
	{ CLOUDWATCH, "metric-alarm", "cloudwatch", cloudwatch_is_metric,
	  cloudwatch_decode },
	{ "detail", "contributor-alarm", "cloudwatch", event_is_contributor,
	  event_alarm_decode },
	{ "detail", "eventbridge-alarm", "cloudwatch", event_is_alarm,
	  event_alarm_decode },
	{ "detail", "eventbridge", "eventbridge", event_is, event_decode },
	{ "alarmData", "contributor-alarm", "cloudwatch", event_is_contributor,
	  event_alarm_decode },
	{ "alarmData", "composite-alarm", "cloudwatch", lambda_is_composite,
	  event_alarm_decode },
	{ "alarmData", "metric-alarm", "cloudwatch", lambda_is_metric,
	  event_alarm_decode },
	{ "alerts", "grafana", "grafana", grafana_is, alertmanager_decode },
	{ "alerts", "alertmanager", "alertmanager", alertmanager_is,
	  alertmanager_decode },
	{ "ruleName", "grafana", "grafana", grafana_legacy_is,
	  grafana_legacy_decode },
	{ "Event Source", "rds", "dms", dms_is, rds_decode },
	{ "Event Source", "rds", "rds", rds_is, rds_decode },
	{ "AutoScalingGroupName", "autoscaling", "autoscaling", autoscaling_is,
	  autoscaling_decode },
	{ "ProductArn", "securityhub", "securityhub", finding_is,
	  finding_decode },
	{ "findings", "securityhub", "securityhub", findings_is,
	  findings_decode },
	{ "anomalyId", "cost-anomaly", "cost-anomaly", anomaly_is,
	  anomaly_decode },
	{ "InsightId", "devops-guru", "devops-guru", insight_is,
	  insight_decode },
	{ "approval", "codepipeline", "codepipeline", approval_is,
	  approval_decode },
	{ "deploymentId", "eventbridge", "codedeploy", codedeploy_is,
	  codedeploy_decode },
	{ "eventType", "ses", "ses", ses_is, ses_decode },
	{ "notificationType", "ses", "ses", ses_is, ses_decode },
	{ "messageType", "config", "config", config_is, config_decode },
	{ "configRuleName", "config", "config", config_is, config_decode },
	{ "Records", "ses", "ses", ses_records_is, ses_records_decode },
	{ "Records", "json", NULL, records_is, records_decode },
	{ NULL, "direct", "direct", direct_is, direct_decode },
	{ NULL, "elasticache", "elasticache", elasticache_is,
	  elasticache_decode },
	{ NULL, "json", NULL, is_any, json_decode },
};

/* What the daemon says of itself; no message from outside is taken for it. */
static const struct recogniser own = { NULL, "direct", "tocsin", NULL,
				       own_decode };

#define ROWS (sizeof(table) / sizeof(table[0]))

static const char *came_by(const struct alarm_input *in)
{
	struct str intake = str_from(in->intake);

	if (in->topic.n || str_is(intake, "sns"))
		return "sns";
	return str_is(intake, "sqs") ? "sqs" : "webhook";
}

static bool room(struct decoder *d)
{
	size_t cap = d->cap ? 4 * d->cap : 1;
	struct alarm *list;

	if (d->count < d->cap)
		return true;
	if (d->count >= ALARMS_MAX)
		return false;
	list = arena_array(d->arena, cap, sizeof(*list));
	if (!list)
		return false;
	if (d->count)
		memcpy(list, d->list, d->count * sizeof(*list));
	d->list = list;
	d->cap = cap;
	return true;
}

struct alarm *alarm_append(struct decoder *d)
{
	const struct alarm_input *in = d->in;
	int64_t time = in->sent_ms > 0 ? in->sent_ms : in->received_ms;
	struct alarm *a;

	if (!room(d))
		return NULL;
	a = &d->list[d->count++];
	*a = (struct alarm){
		.source = d->row->source ? d->row->source : came_by(in),
		.kind = d->row->kind,
		.state = ALARM_FIRING,
		.state_text = STR("ALARM"),
		.subject = in->subject.n ? in->subject : STR_NONE,
		.topic = in->topic.n ? in->topic : STR_NONE,
		.time_ms = time > 0 ? time : 1,
		.payload = d->root,
		.raw = in->body,
	};
	return a;
}

static const struct recogniser *next_row(const struct decoder *d,
					 const struct recogniser *row)
{
	const char *looked = NULL;
	bool there = true;

	for (; row < table + ROWS; row++) {
		if (row->key && (!looked || strcmp(row->key, looked) != 0)) {
			looked = row->key;
			there = json_get(d->root, looked);
		}
		if ((there || !row->key) && row->recognises(d->root))
			return row;
	}
	return NULL;
}

/* A decoder that finds nothing in the message leaves it to the rows below. */
static int decode_root(struct decoder *d)
{
	const struct recogniser *row = d->root ? table : text_row(d->in);
	size_t before = d->count;
	int rc;

	if (d->root && str_is(str_from(d->in->intake), ALARM_OWN_INTAKE))
		row = &own;
	if (!d->root || row == &own) {
		d->row = row;
		return row->decode(d);
	}
	while ((row = next_row(d, row))) {
		d->row = row++;
		rc = d->row->decode(d);
		if (rc || d->count > before)
			return rc;
	}
	return -ENOMEM; /* json_decode() takes everything */
}

int alarm_decode_inner(struct decoder *d, const struct alarm_input *in)
{
	const struct decoder outer = *d;
	struct json *root = NULL;
	int rc = json_read(&root, in->body, 0, NULL);

	if (rc == -ENOMEM)
		return rc;
	if (root)
		d->inner[d->inner_count++] = root;
	d->in = in;
	d->root = root;
	d->nested = true;
	rc = decode_root(d);
	d->in = outer.in;
	d->root = outer.root;
	d->row = outer.row;
	d->nested = outer.nested;
	return rc;
}

int alarm_left_out(struct decoder *d, size_t left_out)
{
	static const struct recogniser rest = { NULL, "json", NULL, NULL,
						NULL };
	const struct recogniser *row = d->row;
	struct alarm *a;

	if (!left_out || !d->count)
		return 0;
	/* The last one of a full list gives way to this. */
	if (d->count == ALARMS_MAX) {
		d->count--;
		left_out++;
	}
	d->row = &rest;
	a = alarm_append(d);
	d->row = row;
	if (!a)
		return arena_error(d->arena);
	a->name = arena_printf(d->arena,
			       "%zu of %zu entries of a message hold no alarm "
			       "that can be read",
			       left_out, left_out + d->count - 1);
	a->description = a->raw;
	return arena_error(d->arena);
}

int alarm_each(struct decoder *d, const struct json *list,
	       int (*each)(struct decoder *d, const struct json *entry))
{
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;
	size_t before, left_out = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		before = d->count;
		rc = json_is(json_item(list, i), JSON_OBJECT) &&
				     d->count < ALARMS_MAX
			     ? each(d, json_item(list, i))
			     : 0;
		if (rc)
			return rc;
		left_out += d->count == before;
	}
	return alarm_left_out(d, left_out);
}

/*
 * Whatever a message makes of itself must fit: pairs and names are copies of
 * parts of it, compact JSON can escape what stood plain, a full list of
 * alarms has been copied on its way to that size, and each has some words of
 * ours.
 */
static size_t arena_size(size_t n)
{
	return 16 * n + 2 * 4 * ALARMS_MAX * sizeof(struct alarm) +
	       (size_t)ALARMS_MAX * 4096;
}

int alarm_decode(struct alarms *out, const struct alarm_input *in)
{
	struct decoder d = { .in = in };
	struct json *root = NULL;
	int rc = json_read(&root, in->body, 0, NULL);

	if (rc == -ENOMEM)
		return rc;
	rc = -ENOMEM;
	d.root = root;
	d.arena = arena_new(arena_size(in->body.n));
	if (!d.arena)
		goto fail;
	rc = decode_root(&d);
	if (rc)
		goto fail;
	*out = (struct alarms){ .list = d.list,
				.count = d.count,
				.arena = d.arena,
				.json = root,
				.inner = d.inner,
				.inner_count = d.inner_count };
	return 0;
fail:
	for (size_t i = 0; i < d.inner_count; i++)
		json_free(d.inner[i]);
	arena_free(d.arena);
	json_free(root);
	return rc;
}

void alarms_fini(struct alarms *a)
{
	for (size_t i = 0; i < a->inner_count; i++)
		json_free(a->inner[i]);
	arena_free(a->arena);
	json_free(a->json);
	*a = (struct alarms){ .list = NULL };
}

const char *alarm_state_name(enum alarm_state s)
{
	switch (s) {
	case ALARM_NONE:
		return "NONE";
	case ALARM_OK:
		return "OK";
	case ALARM_FIRING:
		return "ALARM";
	case ALARM_INSUFFICIENT:
		return "INSUFFICIENT_DATA";
	case ALARM_UNKNOWN:
		break;
	}
	return "UNKNOWN";
}

static struct str find_pair(const struct alarm_pair *list, size_t count,
			    struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i].name, name))
			return list[i].value;
	return STR_NONE;
}

struct str alarm_dim(const struct alarm *a, struct str name)
{
	return find_pair(a->dims, a->dim_count, name);
}

struct str alarm_tag(const struct alarm *a, struct str name)
{
	return find_pair(a->tags, a->tag_count, name);
}
