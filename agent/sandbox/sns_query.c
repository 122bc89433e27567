#include "agent/sandbox/sns.h"

#include <errno.h>

#include "agent/sandbox/form.h"
#include "agent/sandbox/signer.h"
#include "doc/json.h"
#include "doc/markup.h"

#define XMLNS "http://sns.amazonaws.com/doc/2010-03-31/"

struct query {
	struct box_sns *s;
	struct buf *xml;
	struct str form;
	struct arena *arena;
};

static struct str param(struct query *q, const char *name)
{
	return box_form_get(q->form, name, q->arena);
}

static void put_request_id(struct buf *out)
{
	buf_puts(out, "<RequestId>");
	box_put_uuid(out);
	buf_puts(out, "</RequestId>");
}

static int refuse(struct query *q, int status, const char *code,
		  const char *text)
{
	buf_printf(q->xml,
		   "<ErrorResponse xmlns=\"" XMLNS "\"><Error>"
		   "<Type>Sender</Type><Code>%s</Code><Message>",
		   code);
	markup_put(q->xml, str_from(text));
	buf_puts(q->xml, "</Message></Error>");
	put_request_id(q->xml);
	buf_puts(q->xml, "</ErrorResponse>\n");
	return status;
}

/* <ActionResponse>, its result with one member (NULL: none), metadata. */
static int answer(struct query *q, const char *action, const char *member,
		  struct str value)
{
	buf_printf(q->xml, "<%sResponse xmlns=\"" XMLNS "\">", action);
	if (member) {
		buf_printf(q->xml, "<%sResult><%s>", action, member);
		markup_put(q->xml, value);
		buf_printf(q->xml, "</%s></%sResult>", member, action);
	}
	buf_puts(q->xml, "<ResponseMetadata>");
	put_request_id(q->xml);
	buf_printf(q->xml, "</ResponseMetadata></%sResponse>\n", action);
	return 200;
}

static int confirm(struct query *q)
{
	struct buf arn = BUF_INIT(1024);
	int status;

	switch (box_sns_confirm(&arn, q->s, param(q, "TopicArn"),
				param(q, "Token"))) {
	case 0:
		status = answer(q, "ConfirmSubscription", "SubscriptionArn",
				buf_str(&arn));
		break;
	case BOX_BAD_TOPIC:
		status = refuse(q, 400, "InvalidParameter",
				"Invalid parameter: Topic");
		break;
	default:
		status = refuse(q, 400, "InvalidParameter",
				"Invalid parameter: Token");
	}
	buf_fini(&arn);
	return status;
}

static int create_topic(struct query *q)
{
	struct buf arn = BUF_INIT(1024);
	struct err err;
	int status;

	if (box_sns_put_arn(&arn, q->s, param(q, "Name"), &err))
		status = refuse(q, 400, "InvalidParameter", err.text);
	else
		status = answer(q, "CreateTopic", "TopicArn", buf_str(&arn));
	buf_fini(&arn);
	return status;
}

static int subscribe(struct query *q)
{
	struct box_subscribe sub = { .topic = param(q, "TopicArn"),
				     .endpoint = param(q, "Endpoint") };
	struct buf arn = BUF_INIT(1024);
	int64_t delivery;
	struct err err;
	int status;

	if (box_sns_subscribe(&arn, &delivery, q->s, &sub, &err))
		status = refuse(q, 400, "InvalidParameter", err.text);
	else
		status = answer(q, "Subscribe", "SubscriptionArn",
				delivery ? STR("pending confirmation")
					 : buf_str(&arn));
	buf_fini(&arn);
	return status;
}

static int unsubscribe(struct query *q)
{
	if (!box_sns_unsubscribe(q->s, param(q, "SubscriptionArn")))
		return refuse(q, 404, "NotFound",
			      "Subscription does not exist");
	return answer(q, "Unsubscribe", NULL, STR_NONE);
}

/* Of MessageStructure=json the message for most subscriptions is needed. */
static bool structure_ok(struct query *q, struct str message)
{
	struct json *doc = NULL;
	bool ok = true;

	if (str_is(param(q, "MessageStructure"), "json"))
		ok = !json_parse(&doc, message, 0, NULL) &&
		     json_get_str(doc, "default").n;
	json_free(doc);
	return ok;
}

static int publish(struct query *q)
{
	struct box_publish p = { .topic = param(q, "TopicArn"),
				 .message = param(q, "Message"),
				 .subject = param(q, "Subject") };
	struct buf id = BUF_INIT(64), deliveries = BUF_INIT(65536);
	struct err err;
	int status;

	if (!structure_ok(q, p.message))
		status = refuse(q, 400, "InvalidParameter",
				"Invalid parameter: Message Structure - No "
				"default entry in JSON message body");
	else if (box_sns_publish(&id, &deliveries, q->s, &p, &err))
		status = refuse(q, 400, "InvalidParameter", err.text);
	else
		status = answer(q, "Publish", "MessageId", buf_str(&id));
	buf_fini(&deliveries);
	buf_fini(&id);
	return status;
}

static const struct {
	const char *action;
	int (*fn)(struct query *q);
} actions[] = {
	{ "ConfirmSubscription", confirm },
	{ "CreateTopic", create_topic },
	{ "Publish", publish },
	{ "Subscribe", subscribe },
	{ "Unsubscribe", unsubscribe },
};

int box_sns_query(struct buf *xml, struct box_sns *s, struct str form)
{
	struct query q = { s, xml, form, arena_new(16 << 20) };
	struct str action;
	int status = 0;

	if (!q.arena)
		return 500;
	action = param(&q, "Action");
	for (size_t i = 0; !status && i < sizeof(actions) / sizeof(*actions);
	     i++)
		if (str_is(action, actions[i].action))
			status = actions[i].fn(&q);
	if (!status)
		status = refuse(&q, 400, "InvalidAction",
				"The sandbox's SNS doesn't know this action");
	arena_free(q.arena);
	return status;
}
