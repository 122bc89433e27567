#include "alarm/alarm.h"

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "doc/json.h"

/*
 * Two levels at most, each with a function of its own: a list of records or
 * queue entries, and in each an SNS envelope. What an envelope holds is never
 * unwrapped again.
 */
#define UNWRAP_MAX 1000

struct unwrap {
	int (*each)(const struct alarm_input *in, void *arg);
	void *arg;
	int64_t now_ms;
	struct err *err;
	int count;
};

static int hand_over(struct unwrap *u, struct alarm_input *in)
{
	int rc;

	in->received_ms = u->now_ms;
	rc = u->each(in, u->arg);
	u->count++;
	return rc < 0 ? rc : 0;
}

static bool is_sns(const struct json *v)
{
	struct str type = json_get_str(v, "Type");

	return (str_is(type, "Notification") ||
		str_is(type, "SubscriptionConfirmation") ||
		str_is(type, "UnsubscribeConfirmation")) &&
	       (json_get_str(v, "TopicArn").p ||
		json_get_str(v, "MessageId").p);
}

static int unwrap_sns(struct unwrap *u, const struct json *v)
{
	struct alarm_input in = { .intake = "sns" };

	if (!str_is(json_get_str(v, "Type"), "Notification"))
		return err_set(u->err, -EINVAL,
			       "a subscription message holds no alarm");
	in.body = json_get_str(v, "Message");
	if (!in.body.p)
		return err_set(u->err, -EINVAL,
			       "an SNS envelope whose Message is no string");
	in.subject = json_get_str(v, "Subject");
	in.topic = json_get_str(v, "TopicArn");
	in.message_id = json_get_str(v, "MessageId");
	if (clock_parse(&in.sent_ms, json_get_str(v, "Timestamp")))
		in.sent_ms = 0;
	return hand_over(u, &in);
}

/* One message as SQS's API or Lambda names its members. */
struct entry {
	struct str body, id, sent;
};

/* A body alone tells little: another member, or none, must agree. */
static bool entry_of(struct entry *out, const struct json *v)
{
	const struct json *attributes = json_get(v, "Attributes");
	bool alone = json_is(v, JSON_OBJECT) && json_count(v) == 1;

	*out = (struct entry){ json_get_str(v, "Body"),
			       json_get_str(v, "MessageId"),
			       json_get_str(attributes, "SentTimestamp") };
	if (out->body.p && (alone || out->id.p || json_get(v, "ReceiptHandle")))
		return true;
	attributes = json_get(v, "attributes");
	*out = (struct entry){ json_get_str(v, "body"),
			       json_get_str(v, "messageId"),
			       json_get_str(attributes, "SentTimestamp") };
	return out->body.p && (out->id.p || json_get(v, "receiptHandle"));
}

static int unwrap_entry(struct unwrap *u, const struct entry *e)
{
	struct alarm_input in = { .body = e->body,
				  .message_id = e->id,
				  .intake = "sqs" };
	struct json *inner = NULL;
	uint64_t sent;
	int rc = json_parse(&inner, e->body, 0, NULL);

	if (rc == -ENOMEM)
		return rc;
	if (is_sns(inner)) {
		rc = unwrap_sns(u, inner);
	} else {
		if (str_to_u64(&sent, e->sent) == 0 && sent < INT64_MAX / 2)
			in.sent_ms = (int64_t)sent;
		rc = hand_over(u, &in);
	}
	json_free(inner);
	return rc;
}

/* A record of Lambda or SQS: 1 it was, 0 it is something else, negative. */
static int unwrap_record(struct unwrap *u, const struct json *v)
{
	const struct json *sns = json_get(v, "Sns");
	struct entry e;
	int rc;

	if (is_sns(sns))
		rc = unwrap_sns(u, sns);
	else if (entry_of(&e, v))
		rc = unwrap_entry(u, &e);
	else
		return 0;
	return rc < 0 ? rc : 1;
}

/* A record that holds no message, amid others that do, is one by itself. */
static int unwrap_foreign(struct unwrap *u, const struct json *v)
{
	struct alarm_input in = { .intake = "file" };
	struct buf text = BUF_INIT(16 << 20);
	int rc;

	json_put(&text, v);
	in.body = buf_str(&text);
	rc = buf_error(&text) ? buf_error(&text) : hand_over(u, &in);
	buf_fini(&text);
	return rc;
}

/* As unwrap_record: a list is one of messages where its first entry is. */
static int unwrap_list(struct unwrap *u, const struct json *list)
{
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;
	const struct json *first = n ? json_item(list, 0) : NULL;
	struct entry e;
	int rc = 0;

	if (!is_sns(json_get(first, "Sns")) && !entry_of(&e, first))
		return 0;
	if (n > UNWRAP_MAX)
		return err_set(u->err, -EINVAL, "more than %d messages",
			       UNWRAP_MAX);
	for (size_t i = 0; i < n && rc >= 0; i++) {
		rc = unwrap_record(u, json_item(list, i));
		if (rc == 0)
			rc = unwrap_foreign(u, json_item(list, i));
	}
	return rc < 0 ? rc : 1;
}

static int unwrap_root(struct unwrap *u, const struct json *root,
		       struct str document)
{
	struct alarm_input in = { .body = document, .intake = "file" };
	int rc;

	if (is_sns(root))
		return unwrap_sns(u, root);
	rc = unwrap_list(u, json_get(root, "Records"));
	if (rc == 0)
		rc = unwrap_list(u, json_get(root, "Messages"));
	if (rc == 0)
		rc = unwrap_record(u, root);
	if (rc == 0)
		rc = hand_over(u, &in);
	return rc < 0 ? rc : 0;
}

int alarm_unwrap(struct str document, int64_t now_ms,
		 int (*each)(const struct alarm_input *in, void *arg),
		 void *arg, struct err *err)
{
	struct unwrap u = { each, arg, now_ms, err, 0 };
	struct json *root = NULL;
	bool object;
	int rc;

	/* Text is a message too; a broken object is somebody's mistake. */
	document = str_trim(document);
	object = str_starts(document, "{");
	rc = json_parse(&root, document, 0, object ? err : NULL);
	if (rc == -ENOMEM || (rc && object))
		return rc;
	rc = unwrap_root(&u, root, document);
	json_free(root);
	return rc < 0 ? rc : u.count;
}
