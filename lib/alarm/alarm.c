#include "alarm/alarm.h"

#include <errno.h>
#include <stdlib.h>

#include "alarm/recognise.h"

static bool is_any(const struct json *root)
{
	return root != NULL;
}

/*
 * What is tried, from the top: the first that recognises the message decodes
 * it. A new kind is a row above those that would take it too.
 */
static const struct recogniser table[] = {
	{ "composite-alarm", "cloudwatch", cloudwatch_is_composite,
	  cloudwatch_decode },
	{ "log-alarm", "cloudwatch", cloudwatch_is_log, cloudwatch_decode },
	{ "contributor-alarm", "cloudwatch", cloudwatch_is_contributor,
	  cloudwatch_decode },
	{ "metric-alarm", "cloudwatch", cloudwatch_is_metric,
	  cloudwatch_decode },
	{ "contributor-alarm", "cloudwatch", event_is_contributor,
	  event_alarm_decode },
	{ "eventbridge-alarm", "cloudwatch", event_is_alarm,
	  event_alarm_decode },
	{ "composite-alarm", "cloudwatch", lambda_is_composite,
	  event_alarm_decode },
	{ "metric-alarm", "cloudwatch", lambda_is_metric, event_alarm_decode },
	{ "eventbridge", "eventbridge", event_is_any, event_any_decode },
	{ "direct", "direct", direct_is, direct_decode },
	{ "json", NULL, is_any, json_decode },
};
static const struct recogniser text_row = { "text", NULL, NULL, text_decode };

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

static int decode_root(struct decoder *d)
{
	int rc = 0;

	d->row = &text_row;
	for (size_t i = 0; d->root && d->count == 0 && i < ROWS; i++) {
		d->row = &table[i];
		if (d->row->recognises(d->root))
			rc = d->row->decode(d);
		if (rc)
			return rc;
	}
	return d->root ? 0 : d->row->decode(d);
}

/*
 * Whatever a message makes of itself must fit: pairs and names are copies of
 * parts of it, compact JSON can escape what stood plain, and a full list of
 * alarms has been copied on its way to that size.
 */
static size_t arena_size(size_t n)
{
	return 16 * n + 2 * 4 * ALARMS_MAX * sizeof(struct alarm);
}

int alarm_decode(struct alarms *out, const struct alarm_input *in)
{
	struct decoder d = { .in = in };
	struct json *root = NULL;
	int rc = json_parse(&root, in->body, 0, NULL);

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
	*out = (struct alarms){ d.list, d.count, d.arena, root };
	return 0;
fail:
	arena_free(d.arena);
	json_free(root);
	return rc;
}

void alarms_fini(struct alarms *a)
{
	arena_free(a->arena);
	json_free(a->json);
	*a = (struct alarms){ NULL, 0, NULL, NULL };
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
