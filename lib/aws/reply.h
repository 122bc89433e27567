#ifndef AWS_REPLY_H
#define AWS_REPLY_H

#include "aws/call.h"

/* What an answer of AWS's says, read apart from how it was asked for. */

/* What one more attempt might cure. */
enum reply_cure {
	REPLY_NONE,
	REPLY_TIME,	/* the signature's time or the secret was wrong */
	REPLY_KEYS,	/* the keys are expired or unknown */
};

struct reply {
	struct aws_answer a;	/* borrows from what was read and from here */
	enum reply_cure cure;
	struct json *root;
	char code[128], query_code[128], message[512];
};

/* Nothing known yet. */
void reply_init(struct reply *out);

/*
 * Read r, the answer to an AWS JSON call or to one of the query protocol.
 * keys (or NULL) were sent with it: their secrets are hidden in the message.
 * out borrows from r.
 */
void reply_read(struct reply *out, const struct rest_response *r, bool json,
		unsigned json_flags, const struct aws_keys *keys,
		int64_t now_ms);
/* The outcome, and why as one safe line. */
void reply_set(struct reply *out, enum aws_outcome outcome, const char *fmt,
	       ...) __attribute__((format(printf, 3, 4)));
/* Free what was parsed; code and message stay. */
void reply_close(struct reply *r);

#endif
