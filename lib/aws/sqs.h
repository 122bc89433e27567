#ifndef AWS_SQS_H
#define AWS_SQS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Amazon SQS in AWS JSON 1.0: the bodies of requests, and what answers say.
 * Nothing here sends; aws/call.h does.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
 */
struct json;

#define SQS_BATCH 10			/* messages and entries of one call */
#define SQS_ANSWER_MAX (64 << 20)	/* 10 messages of 1 MiB, escaped */

/* ---- queue URLs ---- */

/* "alarms" of https://sqs.us-east-1.amazonaws.com/111122223333/alarms */
struct str sqs_queue_name(struct str url);
/* The region that the URL's host names; STR_NONE where it names none. */
struct str sqs_queue_region(struct str url);
bool sqs_queue_is_fifo(struct str url);

/* ---- requests; failures stay in out ---- */

struct sqs_receive {
	struct str queue_url;
	unsigned wait_s, visibility_s;
	struct str attempt;	/* ReceiveRequestAttemptId; STR_NONE: none */
};

void sqs_put_receive(struct buf *out, const struct sqs_receive *r);
/* At most SQS_BATCH handles; entry i is known by its place. */
void sqs_put_delete(struct buf *out, struct str queue_url,
		    const struct str *handles, size_t count);
void sqs_put_visibility(struct buf *out, struct str queue_url,
			const struct str *handles, const unsigned *seconds,
			size_t count);
/* GetQueueAttributes, all of them. */
void sqs_put_attributes(struct buf *out, struct str queue_url);

/* ---- answers, already parsed ---- */

/* Borrowed from the answer. */
struct sqs_message {
	struct str id, handle, body;
	struct str md5;		/* of body, as told; STR_NONE: not told */
	struct str group;	/* FIFO queues: MessageGroupId */
	int64_t sent_ms;	/* SentTimestamp; 0: not told */
	unsigned receives;	/* ApproximateReceiveCount; at least 1 */
};

/*
 * How many messages a receive brought; -EINVAL where the answer is no such
 * one. *unusable: how many more came without a handle or body, or beyond
 * SQS_BATCH; they come again by themselves.
 */
int sqs_read_messages(struct sqs_message out[SQS_BATCH], unsigned *unusable,
		      const struct json *answer, struct err *err) MUST_CHECK;

enum sqs_entry {
	SQS_ENTRY_AGAIN,	/* failed for now, or not told of */
	SQS_ENTRY_DONE,
	SQS_ENTRY_GONE,		/* failed for good: the handle is worth no try */
};

/*
 * A batch call answers 200 and says for each entry how it went. *code: why
 * the first that failed did, borrowed; STR_NONE: none did.
 */
void sqs_read_batch(enum sqs_entry *out, size_t count, struct str *code,
		    const struct json *answer);

/* A queue's attribute, as text; STR_NONE where absent. */
struct str sqs_attribute(const struct json *answer, const char *name);

/* ---- MD5OfBody ---- */

/* MD5 as OpenSSL has it; for any number of threads. */
struct sqs_md5;

enum sqs_sum { SQS_SUM_RIGHT, SQS_SUM_WRONG, SQS_SUM_UNKNOWN };

/* 0; -ENOTSUP: this system refuses MD5 (FIPS), *out is NULL; -ENOMEM. */
int sqs_md5_new(struct sqs_md5 **out);
void sqs_md5_free(struct sqs_md5 *m);
/* UNKNOWN where m is NULL, or nothing was told. */
enum sqs_sum sqs_md5_check(const struct sqs_md5 *m, struct str body,
			   struct str told);

#endif
