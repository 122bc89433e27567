/*
 * JSON that no recogniser knows: it must still become an incident, so it is
 * kept whole and its state is ALARM. And Lambda's list of SNS messages, each
 * of which is decoded as if it had come alone.
 */
#include "alarm/event.h"

#include "base/clock.h"

#define RECORDS_MAX 1000

/* What the document calls itself, else its beginning without line breaks. */
static struct str json_name(struct decoder *d)
{
	struct str s = str_trim(json_str(
		field_find(d->root, KEYS("title", "Title", "name", "Name"))));

	if (s.n)
		return field_cut(s, FIELD_NAME);
	return field_first_line(json_text(d->root, d->arena));
}

int json_decode(struct decoder *d)
{
	struct alarm *a = service_append(d);
	struct str subject = str_trim(d->in->subject);

	if (!a)
		return arena_error(d->arena);
	a->name = subject.n ? field_cut(subject, FIELD_NAME) : json_name(d);
	a->description = a->raw.n ? a->raw : STR_NONE;
	return alarm_classify(d, a, d->root);
}

static const struct json *sns_of(const struct json *record)
{
	const struct json *sns = json_get(record, "Sns");

	return str_is(json_get_str(sns, "Type"), "Notification") &&
			       json_get_str(sns, "Message").p
		       ? sns
		       : NULL;
}

bool records_is(const struct json *root)
{
	const struct json *list = json_get(root, "Records");

	return json_is(list, JSON_ARRAY) && json_count(list) <= RECORDS_MAX &&
	       sns_of(json_item(list, 0));
}

static int record_decode(struct decoder *d, const struct json *record)
{
	const struct json *sns = sns_of(record);
	struct alarm_input *in = arena_alloc(d->arena, sizeof(*in));

	if (!in)
		return arena_error(d->arena);
	if (!sns)
		return 0;
	*in = *d->in;
	in->body = json_get_str(sns, "Message");
	in->subject = json_get_str(sns, "Subject");
	in->topic = json_get_str(sns, "TopicArn");
	in->message_id = json_get_str(sns, "MessageId");
	if (clock_parse(&in->sent_ms, json_get_str(sns, "Timestamp")))
		in->sent_ms = d->in->sent_ms;
	return alarm_decode_inner(d, in);
}

/* What an envelope holds is never unwrapped again. */
int records_decode(struct decoder *d)
{
	const struct json *list = json_get(d->root, "Records");

	if (d->nested)
		return 0;
	d->inner = arena_array(d->arena, json_count(list), sizeof(*d->inner));
	if (!d->inner)
		return arena_error(d->arena);
	return alarm_each(d, list, record_decode);
}
