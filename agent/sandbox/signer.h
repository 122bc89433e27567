#ifndef AGENT_SANDBOX_SIGNER_H
#define AGENT_SANDBOX_SIGNER_H

#include "base/buf.h"
#include "base/err.h"

/*
 * SNS messages as SNS writes and signs them: its field order, its JSON with
 * two blanks and `"Key" : "value"`, its string to sign. Any thread.
 */
struct box_signer;
struct json;

int box_signer_new(struct box_signer **out, const char *dir,
		   struct err *err) MUST_CHECK;
void box_signer_free(struct box_signer *s);
/* "SimpleNotificationService-....pem" and its content. */
struct str box_signer_name(const struct box_signer *s);
struct str box_signer_pem(const struct box_signer *s);

struct box_envelope {
	const char *type;	/* "Notification", ... */
	struct str message_id, topic_arn, subject, message, timestamp;
	struct str token;	/* confirmations */
	int version;		/* 1 or 2 */
	const struct json *attributes;	/* {"k": {"Type","Value"}}; or NULL */
	struct str subscription_arn;	/* for UnsubscribeURL */
	bool stranger;		/* sign with a key nobody certified */
};

/* The base64 signature of e. 0, -EIO, -ENOMEM. */
int box_sign(struct buf *out, struct box_signer *s,
	     const struct box_envelope *e) MUST_CHECK;
/* Append the body; replace (an object of strings or NULL) overrides fields
 * after signing. */
void box_envelope_put(struct buf *out, const struct box_signer *s,
		      const struct box_envelope *e, struct str signature,
		      const struct json *replace);

/* "us-east-1" of an ARN, and the host "sns.us-east-1.amazonaws.com". */
struct str box_arn_region(struct str arn);
void box_sns_put_host(struct buf *out, struct str arn);
/* A UUID in SNS's form. */
void box_put_uuid(struct buf *out);

#endif
