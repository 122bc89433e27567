#include "agent/doctor/aws.h"

#include <stdlib.h>

#include "aws/sns.h"
#include "aws/sqs.h"
#include "aws/topic.h"
#include "doc/json.h"

/* Do the topics lead here, confirmed, and with a dead-letter queue each? */
#define PAGES_MAX 10
#define RETRIES_LEAST 10

struct subscription {
	struct buf arn, protocol, endpoint;
};

static void subscription_free(struct subscription *s)
{
	buf_fini(&s->arn);
	buf_fini(&s->protocol);
	buf_fini(&s->endpoint);
}

/* The next <name>...</name> of *xml, which goes on behind it. */
static bool next_element(struct str *out, struct str *xml, struct str open,
			 struct str close)
{
	ssize_t from = str_find(*xml, open), to;

	if (from < 0)
		return false;
	*xml = str_sub(*xml, (size_t)from + open.n,
		       xml->n - (size_t)from - open.n);
	to = str_find(*xml, close);
	if (to < 0)
		return false;
	*out = str_sub(*xml, 0, (size_t)to);
	*xml = str_sub(*xml, (size_t)to + close.n,
		       xml->n - (size_t)to - close.n);
	return true;
}

/* <entry><key>NAME</key><value>...</value></entry>; 1 found, 0 not. */
static int attribute(struct buf *out, struct str xml, const char *name)
{
	struct str entry;

	while (next_element(&entry, &xml, STR("<entry>"), STR("</entry>"))) {
		struct buf key = BUF_INIT(256);
		bool is = aws_xml_text(&key, entry, "key") > 0 &&
			  str_is(buf_str(&key), name);

		buf_fini(&key);
		if (is)
			return aws_xml_text(out, entry, "value") > 0;
	}
	return 0;
}

/* The path of https://user:pw@host/path?query. */
static struct str path_of(struct str url)
{
	ssize_t at = str_find(url, STR("://"));
	size_t n = 0;

	if (at < 0)
		return STR_NONE;
	url = str_sub(url, (size_t)at + 3, url.n - (size_t)at - 3);
	at = str_find_char(url, '/');
	if (at < 0)
		return STR("/");
	url = str_sub(url, (size_t)at, url.n - (size_t)at);
	while (n < url.n && url.p[n] != '?')
		n++;
	return str_sub(url, 0, n);
}

/* Is arn:aws:sqs:REGION:ACCOUNT:NAME the queue at .../ACCOUNT/NAME? */
static bool is_queue(struct str arn, const char *queue_url)
{
	struct str url = str_from(queue_url), f[6], name;

	for (int i = 0; i < 6; i++)
		if (!str_cut(&arn, ':', &f[i]))
			return false;
	name = sqs_queue_name(url);
	if (!str_eq(name, f[5]) || url.n < name.n + 1 + f[4].n)
		return false;
	return str_eq(str_sub(url, url.n - name.n - 1 - f[4].n, f[4].n), f[4]);
}

static bool leads_here(const struct subscription *s, const struct conf *c)
{
	struct str protocol = buf_str(&s->protocol);

	if (str_is(protocol, "https") || str_is(protocol, "http"))
		return c->listener_count &&
		       str_is(path_of(buf_str(&s->endpoint)), c->sns.path);
	for (size_t i = 0; i < c->queue_count && str_is(protocol, "sqs"); i++)
		if (is_queue(buf_str(&s->endpoint), c->queues[i].url))
			return true;
	return false;
}

/* How often SNS tries again over HTTPS; -1: not told. */
static int64_t retries(struct str policy)
{
	struct json *root = NULL;
	int64_t n = -1;

	if (json_parse(&root, policy, 0, NULL) == 0)
		n = json_int(json_at(root, "healthyRetryPolicy", "numRetries",
				     NULL), -1);
	json_free(root);
	return n;
}

static void tell_https(struct doctor_aws *a, const char *what, struct str xml)
{
	struct buf raw = BUF_INIT(64), policy = BUF_INIT(8192);

	if (attribute(&raw, xml, "RawMessageDelivery") &&
	    str_is(buf_str(&raw), "true") && !a->g->conf->sns.user)
		doctor_say(a->g, DOCTOR_FAIL, what,
			   "turn RawMessageDelivery off, or set sns.basic_auth",
			   "delivers raw over HTTPS, which carries no "
			   "signature: refused");
	if (attribute(&policy, xml, "EffectiveDeliveryPolicy") &&
	    retries(buf_str(&policy)) >= 0 &&
	    retries(buf_str(&policy)) < RETRIES_LEAST)
		doctor_say(a->g, DOCTOR_WARN, what,
			   "set a DeliveryPolicy with numRetries 50 and "
			   "maxDelayTarget 60, or use a queue",
			   "SNS tries %lld times again, then the alarm is gone",
			   (long long)retries(buf_str(&policy)));
	buf_fini(&raw);
	buf_fini(&policy);
}

static void tell_attributes(struct doctor_aws *a, const char *what,
			    const struct subscription *s, struct str region)
{
	bool queue = str_is(buf_str(&s->protocol), "sqs");
	struct buf dead = BUF_INIT(4096);
	struct doctor_answer r;

	doctor_ask_sns(&r, a, "GetSubscriptionAttributes", "SubscriptionArn",
		       buf_str(&s->arn), STR_NONE, region);
	if (r.outcome != AWS_OK) {
		doctor_trouble(a, what, "sns:GetSubscriptionAttributes", &r);
		goto out;
	}
	if (attribute(&dead, buf_str(&r.body), "RedrivePolicy"))
		doctor_say(a->g, DOCTOR_OK, what, NULL,
			   "confirmed, with a dead-letter queue");
	else
		doctor_say(a->g, DOCTOR_WARN, what,
			   "set its RedrivePolicy to a queue, and drain that "
			   "by one more entry of sqs",
			   "confirmed, but has no dead-letter queue: what SNS "
			   "can't deliver%s is lost",
			   queue ? "" : " within an hour");
	if (!queue)
		tell_https(a, what, buf_str(&r.body));
out:
	doctor_answer_free(&r);
	buf_fini(&dead);
}

static void tell_subscription(struct doctor_aws *a, const char *what,
			      const struct subscription *s, struct str region)
{
	if (str_is(buf_str(&s->arn), "PendingConfirmation"))
		doctor_say(a->g, DOCTOR_FAIL, what,
			   "see that sns.confirm is on and the agent can be "
			   "reached, then request the confirmation again in "
			   "SNS",
			   "the subscription of %.200s waits for its "
			   "confirmation", buf_str(&s->endpoint).p);
	else if (str_starts(buf_str(&s->arn), "arn:"))
		tell_attributes(a, what, s, region);
}

static void read_subscription(struct subscription *s, struct str member)
{
	*s = (struct subscription){ BUF_INIT(1024), BUF_INIT(64),
				    BUF_INIT(4096) };
	(void)!aws_xml_text(&s->arn, member, "SubscriptionArn");
	(void)!aws_xml_text(&s->protocol, member, "Protocol");
	(void)!aws_xml_text(&s->endpoint, member, "Endpoint");
}

/* One page; how many of it lead here. */
static unsigned tell_page(struct doctor_aws *a, const char *what,
			  struct str xml, struct str region, unsigned *others)
{
	struct subscription s;
	struct str member;
	unsigned n = 0;

	while (next_element(&member, &xml, STR("<member>"),
			    STR("</member>"))) {
		read_subscription(&s, member);
		if (leads_here(&s, a->g->conf)) {
			tell_subscription(a, what, &s, region);
			n++;
		} else {
			(*others)++;
		}
		subscription_free(&s);
	}
	return n;
}

static void check_topic(struct doctor_aws *a, const char *what,
			struct str arn, struct str region)
{
	struct buf next = BUF_INIT(2048);
	unsigned n = 0, others = 0, pages = 0;
	struct doctor_answer r;
	bool more;

	do {
		doctor_ask_sns(&r, a, "ListSubscriptionsByTopic", "TopicArn",
			       arn, buf_str(&next), region);
		buf_reset(&next);
		if (r.outcome != AWS_OK) {
			doctor_trouble(a, what, "sns:ListSubscriptionsByTopic",
				       &r);
			doctor_answer_free(&r);
			goto out;
		}
		n += tell_page(a, what, buf_str(&r.body), region, &others);
		more = aws_xml_text(&next, buf_str(&r.body), "NextToken") > 0 &&
		       next.n;
		doctor_answer_free(&r);
	} while (more && ++pages < PAGES_MAX);
	if (!n)
		doctor_say(a->g, DOCTOR_FAIL, what,
			   "subscribe a queue of sqs, or this endpoint's URL "
			   "with the path of sns.path",
			   "none of its %u subscriptions leads here", others);
out:
	buf_fini(&next);
}

static void check_fallback(struct doctor_aws *a)
{
	struct str arn = str_from(a->g->conf->stackflow.fallback.sns);
	struct topic_arn topic;
	struct doctor_answer r;
	struct err err;

	if (!arn.p || topic_arn_read(&topic, arn, &err))
		return;
	doctor_ask_sns(&r, a, "GetTopicAttributes", "TopicArn", arn, STR_NONE,
		       topic.region);
	if (r.outcome == AWS_OK)
		doctor_say(a->g, DOCTOR_OK, "fallback topic", NULL,
			   "there; publishing was not tried, for people would "
			   "be told");
	else
		doctor_trouble(a, "fallback topic", "sns:GetTopicAttributes",
			       &r);
	doctor_answer_free(&r);
}

/*
 * A message that lacks what its structure asks for is published to nobody: SNS
 * refuses it, for its form where this user may publish.
 */
static void check_drill(struct doctor_aws *a)
{
	struct str arn = str_from(a->g->conf->drill.topic);
	struct buf body = BUF_INIT(4096);
	struct aws_call call = { .service = "sns", .once = true };
	struct topic_arn topic;
	struct doctor_answer r;
	struct err err;

	if (!arn.p || topic_arn_read(&topic, arn, &err))
		return;
	sns_put_publish(&body, arn, STR_NONE, STR("{}"));
	buf_puts(&body, "&MessageStructure=json");
	call.region = topic.region;
	call.body = buf_str(&body);
	doctor_ask(&r, a, &call);
	if (r.outcome == AWS_DENIED)
		doctor_say(a->g, DOCTOR_FAIL, "drill",
			   "allow sns:Publish on drill.topic in the IAM policy",
			   "sns:Publish to %.*s is not allowed: %s%s%s",
			   STR_ARG(topic.topic), r.code,
			   r.message[0] ? ": " : "", r.message);
	else if (r.outcome == AWS_REFUSED && strstr(r.message, "Structure"))
		doctor_say(a->g, DOCTOR_OK, "drill", NULL,
			   "sns:Publish to %.*s isn't refused; tocsin drill "
			   "--wait tries all of it", STR_ARG(topic.topic));
	else
		doctor_trouble(a, "drill", "sns:Publish", &r);
	doctor_answer_free(&r);
	buf_fini(&body);
}

void doctor_topics(struct doctor_aws *a)
{
	const struct conf *c = a->g->conf;
	struct topic_arn topic;
	struct err err;

	for (size_t i = 0; i < c->sns.topic_count; i++) {
		struct str arn = str_from(c->sns.topics[i]);
		struct buf what = BUF_INIT(400);

		if (topic_arn_read(&topic, arn, &err)) {
			doctor_say(a->g, DOCTOR_OK, "subscriptions", NULL,
				   "of %s not checked: a pattern names no one "
				   "topic to ask about", c->sns.topics[i]);
			continue;
		}
		buf_printf(&what, "topic %.*s", STR_ARG(topic.topic));
		check_topic(a, what.p, arn, topic.region);
		buf_fini(&what);
	}
	check_fallback(a);
	check_drill(a);
}
