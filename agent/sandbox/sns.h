#ifndef AGENT_SANDBOX_SNS_H
#define AGENT_SANDBOX_SNS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Topics and their subscriptions. A topic is its ARN; it exists from the
 * first time that it is named. Subscriptions are kept in records. Any thread.
 */
struct box_deliver;
struct box_records;
struct box_settings;
struct box_signer;
struct box_sns;
struct json;
struct jsonw;

struct box_sns_options {
	const struct box_settings *settings;
	struct box_records *records;
	struct box_signer *signer;
	const char *region, *account, *trust;
};

int box_sns_new(struct box_sns **out, const struct box_sns_options *o,
		struct err *err) MUST_CHECK;
int box_sns_start(struct box_sns *s, struct err *err) MUST_CHECK;
void box_sns_free(struct box_sns *s);
struct box_deliver *box_sns_deliver(struct box_sns *s);

/* A topic's name, or its ARN, as ARN. -EINVAL where it is neither. */
int box_sns_put_arn(struct buf *out, const struct box_sns *s, struct str topic,
		    struct err *err) MUST_CHECK;

struct box_subscribe {
	struct str topic;	/* name or ARN */
	struct str endpoint;	/* http(s)://[user:password@]host... */
	bool raw;
	int version;		/* SignatureVersion; 0: as set */
};

/*
 * Add a subscription and send its SubscriptionConfirmation; one that is there
 * already is taken. *arn gets its ARN, *delivery the id of the message, 0
 * where it was confirmed before.
 */
int box_sns_subscribe(struct buf *arn, int64_t *delivery, struct box_sns *s,
		      const struct box_subscribe *sub,
		      struct err *err) MUST_CHECK;
bool box_sns_confirmed(struct box_sns *s, struct str arn);

enum { BOX_BAD_TOPIC = 1, BOX_BAD_TOKEN = 2 };
/* 0 and the subscription's ARN, BOX_BAD_TOPIC or BOX_BAD_TOKEN. */
int box_sns_confirm(struct buf *arn, struct box_sns *s, struct str topic_arn,
		    struct str token);
/* The subscription ends and its endpoint is told. False: none of that ARN. */
bool box_sns_unsubscribe(struct box_sns *s, struct str arn);

struct box_publish {
	struct str topic, message, subject;
	struct str message_id, timestamp;	/* STR_NONE: new, now */
	const struct json *attributes;
	int copies;		/* deliveries a subscription; 0: 1 */
	const struct json *replace;	/* fields overridden after signing */
	bool stranger;
};

/*
 * Sign and deliver to every confirmed subscription of the topic. id gets the
 * MessageId, deliveries one int64_t each.
 */
int box_sns_publish(struct buf *id, struct buf *deliveries, struct box_sns *s,
		    const struct box_publish *p, struct err *err) MUST_CHECK;

void box_sns_put(struct jsonw *w, struct box_sns *s);

/*
 * The query API: Action=ConfirmSubscription and so on, from a query string or
 * a form. Appends XML, returns the status.
 */
int box_sns_query(struct buf *xml, struct box_sns *s, struct str form);

#endif
