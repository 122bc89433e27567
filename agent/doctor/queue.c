#include "agent/doctor/aws.h"

#include "aws/sqs.h"
#include "base/clock.h"
#include "doc/json.h"

/* Rights and settings of one queue, without taking a message. */
#define RECEIVES_LEAST 5
#define KEPT_LEAST_S (24 * 3600)
#define HANDLE "tocsin-doctor"

static int64_t number(const struct json *answer, const char *name)
{
	int64_t n;

	return str_to_i64(&n, sqs_attribute(answer, name)) == 0 ? n : -1;
}

static void tell_waiting(struct doctor_aws *a, const char *what,
			 const struct json *r)
{
	int64_t waiting = number(r, "ApproximateNumberOfMessages");
	int64_t taken = number(r, "ApproximateNumberOfMessagesNotVisible");

	doctor_say(a->g, DOCTOR_OK, what, NULL,
		   "there; about %lld messages wait, %lld are being taken%s",
		   (long long)(waiting < 0 ? 0 : waiting),
		   (long long)(taken < 0 ? 0 : taken),
		   sqs_attribute(r, "KmsMasterKeyId").n ?
		   "; encrypted: kms:Decrypt on its key is needed, too" : "");
}

/* maxReceiveCount of {"deadLetterTargetArn":..., "maxReceiveCount":"5"}. */
static int64_t receive_count(struct str policy)
{
	struct json *root = NULL;
	const struct json *v;
	int64_t n = -1;

	if (json_parse(&root, policy, 0, NULL))
		return -1;
	v = json_get(root, "maxReceiveCount");
	if (str_to_i64(&n, json_str(v)))
		n = json_int(v, -1);
	json_free(root);
	return n;
}

static void tell_redrive(struct doctor_aws *a, const char *what,
			 const struct json *r)
{
	struct str policy = sqs_attribute(r, "RedrivePolicy");
	int64_t n = policy.n ? receive_count(policy) : -1;

	if (!policy.n && sqs_attribute(r, "RedriveAllowPolicy").n)
		doctor_say(a->g, DOCTOR_OK, what, NULL,
			   "a dead-letter queue itself: it needs none");
	else if (!policy.n)
		doctor_say(a->g, DOCTOR_WARN, what,
			   "set a RedrivePolicy with a maxReceiveCount of 10 "
			   "or more, and an alarm on the dead-letter queue",
			   "no dead-letter queue: what can't be taken in for "
			   "days is lost without a trace");
	else if (n >= 0 && n < RECEIVES_LEAST)
		doctor_say(a->g, DOCTOR_WARN, what,
			   "raise maxReceiveCount to 10 or more",
			   "moves a message to its dead-letter queue after "
			   "%lld receives: a short trouble of the agent's is "
			   "enough",
			   (long long)n);
	else
		doctor_say(a->g, DOCTOR_OK, what, NULL,
			   "has a dead-letter queue");
}

static void tell_settings(struct doctor_aws *a, const char *what,
			  const struct json *r)
{
	int64_t kept = number(r, "MessageRetentionPeriod");
	struct str policy = sqs_attribute(r, "Policy");
	struct buf span = BUF_INIT(64);

	if (kept > 0 && kept < KEPT_LEAST_S) {
		clock_put_span(&span, kept * 1000);
		doctor_say(a->g, DOCTOR_WARN, what,
			   "raise MessageRetentionPeriod, to 14 days at best",
			   "keeps a message for %s only", buf_str(&span).p);
		buf_fini(&span);
	}
	if (str_find(policy, STR("sns.amazonaws.com")) < 0 &&
	    str_find(policy, STR("events.amazonaws.com")) < 0 &&
	    str_find(policy, STR("\"*\"")) < 0 &&
	    !sqs_attribute(r, "RedriveAllowPolicy").n)
		doctor_say(a->g, DOCTOR_WARN, what,
			   "allow sqs:SendMessage to sns.amazonaws.com, with "
			   "aws:SourceArn the topic's",
			   "its policy lets neither SNS nor EventBridge send");
}

/* The right is looked at before the handle, which is nobody's. */
static enum aws_outcome try_right(struct doctor_aws *a, const char *target,
				  struct str body, struct str region)
{
	const struct aws_call call = { .service = "sqs", .target = target,
				       .body = body, .region = region };
	struct doctor_answer r;

	doctor_ask(&r, a, &call);
	doctor_answer_free(&r);
	return r.outcome;
}

static void tell_rights(struct doctor_aws *a, const char *what, struct str url)
{
	struct buf gone = BUF_INIT(8192), later = BUF_INIT(8192);
	const struct str handle = STR(HANDLE);
	const unsigned seconds = 0;
	struct str region = sqs_queue_region(url);
	bool no_delete, no_change;

	sqs_put_delete(&gone, url, &handle, 1);
	sqs_put_visibility(&later, url, &handle, &seconds, 1);
	no_delete = try_right(a, "AmazonSQS.DeleteMessageBatch",
			      buf_str(&gone), region) == AWS_DENIED;
	no_change = try_right(a, "AmazonSQS.ChangeMessageVisibilityBatch",
			      buf_str(&later), region) == AWS_DENIED;
	if (no_delete)
		doctor_say(a->g, DOCTOR_FAIL, what,
			   "allow it: every alarm comes again and again",
			   "sqs:DeleteMessage is not allowed");
	if (no_change)
		doctor_say(a->g, DOCTOR_WARN, what, "allow it",
			   "sqs:ChangeMessageVisibility is not allowed: what "
			   "can't be taken in at once comes late");
	if (!no_delete && !no_change)
		doctor_say(a->g, DOCTOR_OK, what, NULL,
			   "deleting and giving back are allowed; receiving "
			   "was not tried, for it takes a message");
	buf_fini(&gone);
	buf_fini(&later);
}

void doctor_queue(struct doctor_aws *a, const struct conf_queue *q)
{
	struct str url = str_from(q->url), name = sqs_queue_name(url);
	struct buf body = BUF_INIT(8192), what = BUF_INIT(256);
	struct aws_call call = {
		.service = "sqs",
		.target = "AmazonSQS.GetQueueAttributes",
		.region = sqs_queue_region(url),
	};
	struct doctor_answer r;

	buf_printf(&what, "queue %.*s", STR_ARG(name));
	sqs_put_attributes(&body, url);
	call.body = buf_str(&body);
	doctor_ask(&r, a, &call);
	if (r.outcome == AWS_OK && r.json) {
		tell_waiting(a, what.p, r.json);
		tell_redrive(a, what.p, r.json);
		tell_settings(a, what.p, r.json);
	} else {
		doctor_trouble(a, what.p, "sqs:GetQueueAttributes", &r);
	}
	if (r.outcome == AWS_OK || r.outcome == AWS_DENIED)
		tell_rights(a, what.p, url);
	doctor_answer_free(&r);
	buf_fini(&body);
	buf_fini(&what);
}
