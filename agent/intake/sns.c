#include "agent/intake/intake.h"

#include <errno.h>

#include "agent/intake/trust.h"
#include "agent/log.h"
#include "agent/watch.h"
#include "aws/cert.h"
#include "base/clock.h"

static bool topic_allowed(const struct conf *c, struct str arn)
{
	for (size_t i = 0; i < c->sns.topic_count; i++)
		if (sns_topic_allowed(str_from(c->sns.topics[i]), arn))
			return true;
	return false;
}

/* SNS's headers aren't signed: they may only contradict the body. */
static bool headers_agree(const struct web_request *req,
			  const struct sns_message *m)
{
	struct str type = web_header(req, "x-amz-sns-message-type");
	struct str id = web_header(req, "x-amz-sns-message-id");
	struct str topic = web_header(req, "x-amz-sns-topic-arn");

	return (!type.p || str_is(type, sns_type_name(m->type))) &&
	       (!id.p || str_eq(id, m->message_id)) &&
	       (!topic.p || str_eq(topic, m->topic_arn));
}

/*
 * A message may be older than max_age by a wrong clock of ours; a 4xx would
 * then lose it for good, so only a clock that is known to be right says 403.
 */
static bool too_old(struct intake *in)
{
	int64_t age = in->input.received_ms - in->sns.timestamp_ms;

	if (in->way->kept || age <= in->conf->sns.max_age_ms)
		return false;
	if (agent_clock_trusted(in->agent))
		intake_refuse(in, 403, "too_old",
			      "the message's Timestamp is older than "
			      "sns.max_age");
	else
		intake_postpone(in, "too_old_or_clock",
				"the message's Timestamp is older than "
				"sns.max_age, or our clock is wrong");
	return true;
}

/* SQS asks for no confirmation, and one is nothing to journal there. */
static void skip_subscription(struct intake *in)
{
	LOG(INFO, "subscription message in a queue: nothing to do",
	    LFC("type", sns_type_name(in->sns.type)),
	    LF("topic", in->sns.topic_arn), LF("id", in->sns.message_id));
	intake_skip(in);
}

/* cert: NULL where the queue's word is enough. */
static void accept_genuine(struct intake *in, const struct sns_cert *cert)
{
	struct sns_message *m = &in->sns;

	if (too_old(in))
		return;
	trust_envelope(&in->trust, m, cert, "queue");
	in->input.topic = m->topic_arn;
	in->input.message_id = m->message_id;
	in->input.sent_ms = m->timestamp_ms;
	in->input.subject = m->subject;
	in->input.body = m->message;
	if (in->way->kept && m->type != SNS_NOTIFICATION) {
		skip_subscription(in);
		return;
	}
	switch (m->type) {
	case SNS_NOTIFICATION:
		intake_alarms(in);
		return;
	case SNS_SUBSCRIBE:
		LOG(INFO, in->conf->sns.confirm ?
			    "subscription to confirm" :
			    "subscription not confirmed: sns.confirm is false",
		    LF("topic", m->topic_arn), LF("id", m->message_id));
		intake_subscription(in, in->conf->sns.confirm);
		return;
	case SNS_UNSUBSCRIBE:
		watch_topic_dropped(in->agent, m->topic_arn);
		metrics_add(in->agent->metrics, METRIC_UNSUBSCRIBED, 1);
		LOG(ERROR, "unsubscribed: this topic's alarms come no more "
			   "until it is subscribed again",
		    LF("topic", m->topic_arn), LF("id", m->message_id));
		intake_subscription(in, false);
		return;
	}
}

static void judge(struct intake *in, const struct sns_cert *cert)
{
	bool kept = in->way->kept;
	int64_t at_ms = kept ? in->sns.timestamp_ms : in->input.received_ms;
	struct err err;

	switch (sns_verify(&in->sns, cert, at_ms, &err)) {
	case SNS_GENUINE:
		accept_genuine(in, cert);
		return;
	case SNS_FORGED:
		intake_refuse(in, 403, "signature", err.text);
		return;
	case SNS_BAD_CERT:
		/* A certificate is "expired" or "not yet valid" to a wrong
		 * clock too, and a 403 would lose the alarm. */
		if (kept || agent_clock_trusted(in->agent))
			intake_refuse(in, 403, "certificate", err.text);
		else
			intake_postpone(in, "certificate_or_clock", err.text);
		return;
	case SNS_CANNOT_SAY:
		intake_postpone(in, "signature_not_computable", err.text);
		return;
	}
}

static void certificate_ready(const struct sns_cert *cert, const char *problem,
			      void *arg)
{
	struct intake *in = arg;

	if (cert)
		judge(in, cert);
	else
		intake_postpone(in, "certificate_fetch",
				problem ? problem : "no certificate");
}

static void with_certificate(struct intake *in)
{
	const struct sns_cert *cert;
	struct err err;
	int rc = sns_certs_get(&cert, in->agent->certs,
			       in->sns.signing_cert_url, clock_mono_ms(),
			       certificate_ready, in, &err);

	if (rc == SNS_CERT_WAITING)
		return;
	if (rc < 0) {
		intake_postpone(in, "certificate_fetch", err.text);
		return;
	}
	judge(in, cert);
	sns_cert_release(cert);
}

static void receive_raw(struct intake *in, const struct web_request *req)
{
	if (!in->conf->sns.user) {
		intake_refuse(in, 403, "raw_delivery",
			      "raw delivery carries no signature: it is taken "
			      "only with sns.basic_auth");
		return;
	}
	in->input.topic = web_header(req, "x-amz-sns-topic-arn");
	in->input.message_id = web_header(req, "x-amz-sns-message-id");
	in->input.body = req->body;
	if (!in->input.topic.p || !in->input.message_id.p ||
	    !topic_allowed(in->conf, in->input.topic)) {
		intake_refuse(in, 403, "topic", "sns.topics doesn't allow "
			      "this topic");
		return;
	}
	trust_word(&in->trust, "basic_auth", "path", req->path);
	intake_alarms(in);
}

/* From cheap to dear: what a stranger can make us do ends early. */
void sns_judge(struct intake *in, bool verify)
{
	struct err err;

	if (!topic_allowed(in->conf, in->sns.topic_arn))
		intake_refuse(in, 403, "topic",
			      "sns.topics doesn't allow this topic");
	else if (!verify)
		accept_genuine(in, NULL);
	else if (in->sns.signature_version <
		 in->conf->sns.min_signature_version)
		intake_refuse(in, 403, "signature_version",
			      "sns.min_signature_version asks for a newer "
			      "SignatureVersion; set it on the topic");
	else if (sns_certificate_url_check(&in->sns, &err))
		intake_refuse(in, 403, "certificate_url", err.text);
	else
		with_certificate(in);
}

void sns_receive(struct agent *a, struct web_exchange *x,
		 const struct web_request *req)
{
	struct intake *in = intake_new(a, x, req, "sns");
	struct err err;
	int rc;

	if (!in)
		return;
	if (str_is_nocase(web_header(req, "x-amz-sns-rawdelivery"), "true")) {
		receive_raw(in, req);
		return;
	}
	rc = sns_read(&in->sns, req->body, &err);
	if (rc == -ENOMEM)
		intake_postpone(in, "memory", "out of memory");
	else if (rc)
		intake_refuse(in, 400, "malformed", err.text);
	else if (!headers_agree(req, &in->sns))
		intake_refuse(in, 400, "headers",
			      "x-amz-sns-* headers contradict the body");
	else
		sns_judge(in, true);
}
