#ifndef AWS_SNS_H
#define AWS_SNS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Trust in an SNS message, from cheap to dear: sns_read() checks form and
 * fields, sns_topic_allowed() the topic, sns_certificate_url() the only
 * acceptable certificate URL, sns_verify() the signature.
 * Sources: AWS's "Verifying the signatures of Amazon SNS messages", its
 * service model, and aws-sdk-java-v2's sns-message-manager for host and
 * certificate names by region.
 */
enum sns_type { SNS_NOTIFICATION, SNS_SUBSCRIBE, SNS_UNSUBSCRIBE };

struct sns_message {
	enum sns_type type;
	struct str message_id, topic_arn, message, timestamp, signature,
		signing_cert_url;
	struct str subject;		/* STR_NONE: not sent */
	struct str token, subscribe_url;	/* confirmations */
	int signature_version;		/* 1 SHA-1, 2 SHA-256 */
	int64_t timestamp_ms;
	/* Cut from topic_arn */
	struct str partition, region, account, topic;
	struct buf text;		/* owned; holds all of the above */
};

/*
 * Read one envelope: strict JSON without NUL, exact Type, every signed field
 * a string, no control characters in any but Message (so that the signed
 * string, which has no lengths, can be cut in one way only), a UUID as
 * MessageId, Timestamp in its exact form, a well-formed topic ARN of a known
 * partition and region. Tolerates Lambda's SigningCertUrl spelling and a null
 * Subject. 0, -EINVAL (can never become valid; err says why), -ENOMEM.
 */
int sns_read(struct sns_message *out, struct str body,
	     struct err *err) MUST_CHECK;
void sns_fini(struct sns_message *m);
const char *sns_type_name(enum sns_type type);

/*
 * Does a topic pattern allow this ARN? Compared field by field over the six
 * ARN fields; `*` and `?` never cross a `:`.
 */
bool sns_topic_allowed(struct str pattern, struct str arn);
/* Is it a pattern at all: six fields, arn, sns? err says what is wrong. */
int sns_topic_check(struct str pattern, struct err *err) MUST_CHECK;

/* Append the exact bytes that SNS signs. */
void sns_signed_string(struct buf *out, const struct sns_message *m);

/*
 * "sns.us-east-1.amazonaws.com" for the message's partition and region;
 * -EINVAL where the region doesn't look like one or isn't of the partition.
 */
int sns_host(struct buf *out, struct str partition, struct str region);

/*
 * Is the message's certificate URL exactly https://HOST[:443]/
 * SimpleNotificationService-<32 lower-case hex>.pem for that host? 0 or
 * -EINVAL with the reason.
 */
int sns_certificate_url_check(const struct sns_message *m,
			      struct err *err) MUST_CHECK;

/*
 * The URL that confirms this subscription, built from the checked parts,
 * never the one that was sent: https://HOST/?Action=ConfirmSubscription&
 * TopicArn=...&Token=... -EINVAL where the Token isn't hex, or where the
 * SubscribeURL sent names another topic.
 */
int sns_confirm_url(struct buf *out, const struct sns_message *m,
		    struct err *err) MUST_CHECK;
/* The same from its parts, as a durable operation keeps them. */
int sns_confirm_url_from(struct buf *out, struct str topic_arn,
			 struct str token, struct err *err) MUST_CHECK;
/* SubscriptionArn from ConfirmSubscription's XML answer; -EINVAL else. */
int sns_confirm_answer(struct str *out, struct str xml);

/* The form of Publish; subject: printable ASCII, or absent. */
void sns_put_publish(struct buf *out, struct str topic_arn, struct str subject,
		     struct str message);

#endif
