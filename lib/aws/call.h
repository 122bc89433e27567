#ifndef AWS_CALL_H
#define AWS_CALL_H

#include "aws/creds.h"
#include "rest/rest.h"

/*
 * One signed call of an AWS service over a rest loop, in that loop's thread.
 * Clock skew is taken from the answers' Date, and a call that failed by it is
 * signed and sent once more; so is one whose keys a service called expired,
 * after they were fetched anew. Nothing else is retried here.
 *
 * libcurl may send a call again by itself where a kept connection dies before
 * an answer: harmless for reads and for what can be done twice (receive,
 * delete, change visibility, describe, list, GetCallerIdentity, AssumeRole),
 * not for SendMessage and Publish: those are `once`.
 */
struct aws_client;

struct aws_client_options {
	struct rest *rest;		/* stays yours */
	struct aws_creds *creds;	/* stays yours */
	struct str region;		/* copied */
	/*
	 * Instead of AWS's own address, for every service; or NULL. In its
	 * absence AWS_ENDPOINT_URL_<SERVICE> and AWS_ENDPOINT_URL count.
	 */
	const char *endpoint_url;
	int64_t (*wall_ms)(void);	/* NULL: clock_wall_ms */
};

enum aws_outcome {
	AWS_OK,
	AWS_THROTTLED,		/* the codes of "standard" retry mode, 429 */
	AWS_TRANSIENT,		/* 5xx, RequestTimeout; cut or unreadable answers */
	AWS_UNREACHABLE,	/* certain: never got there */
	AWS_NO_KEYS,		/* no credentials at present; never got there */
	AWS_EXPIRED,		/* keys not accepted, even after fetching anew */
	AWS_DENIED,		/* AccessDenied, InvalidSecurity, a signature that
				   doesn't match: a person must see to it */
	AWS_REFUSED,		/* any other 4xx: code says why */
};

struct aws_answer {
	enum aws_outcome outcome;
	int status;		/* HTTP's; 0: none */
	struct str code;	/* "QueueDoesNotExist": without prefix and URL */
	struct str query_code;	/* x-amzn-query-error's, before the ';' */
	struct str message;	/* one line, bounded, never a secret */
	struct str body;	/* NUL after it */
	const struct json *json; /* AWS_OK of a JSON call: parsed, an object */
	struct json **root;	/* where it is held: who sets that to NULL has
				   to json_free() it, if it was read with
				   JSON_OWN; else it borrows from body */
	int64_t retry_after_ms;	/* -1: none */
	int64_t date_ms;	/* the answer's Date; 0: none */
};

/* In the loop's thread; a is valid during the call. */
typedef void aws_done(const struct aws_answer *a, void *arg);

struct aws_call {
	const char *service;	/* endpoint prefix: "sqs", "sns", "sts", "monitoring" */
	const char *signing;	/* signing name; NULL: the same */
	const char *target;	/* "AmazonSQS.ReceiveMessage": AWS JSON 1.0.
				   NULL: a form of the query protocol */
	struct str body;	/* copied */
	struct str region;	/* STR_NONE: the client's */
	unsigned timeout_ms;	/* 0: 15 s */
	size_t max_body;	/* 0: 1 MiB */
	unsigned json_flags;	/* of json_read(), for the answer */
	bool once;		/* never sent twice by libcurl itself */
	aws_done *done;
	void *arg;
};

int aws_client_new(struct aws_client **out,
		   const struct aws_client_options *o,
		   struct err *err) MUST_CHECK;
/* Before the rest loop goes; calls under way end as AWS_TRANSIENT. */
void aws_client_free(struct aws_client *c);

/*
 * Begin; done comes exactly once, never from within this call. Negative where
 * it can't begin (bad endpoint, unknown region, memory): then done never comes.
 */
int aws_call(struct aws_client *c, const struct aws_call *call,
	     struct err *err) MUST_CHECK;

/*
 * To be called once a turn of the loop: calls that wait for credentials go on
 * or end. Milliseconds until it wants to be called again; -1: no hurry.
 */
int aws_client_step(struct aws_client *c);

/* https://sqs.us-east-1.amazonaws.com/ by partition; 0, -EINVAL, -ENOMEM. */
int aws_endpoint(struct buf *out, const char *service, struct str region,
		 struct err *err) MUST_CHECK;

/* Text of the first element of that name in an XML answer of the query
 * protocol, unescaped, bounded by out; 1, 0 (absent) or negative. */
int aws_xml_text(struct buf *out, struct str xml, const char *name);

const char *aws_outcome_name(enum aws_outcome o);

#endif
