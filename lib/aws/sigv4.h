#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "base/buf.h"
#include "base/err.h"

/*
 * AWS Signature Version 4 in headers (not in the query), for every service
 * but S3. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */

/* Access keys, borrowed. token: STR_NONE for long-lived keys. */
struct aws_keys {
	struct str id, secret, token;
};

struct sigv4_header {
	struct str name, value;
};

struct sigv4_request {
	struct str method;	/* "POST" */
	struct str path;	/* as it is sent; "" means "/" */
	struct str query;	/* as it is sent, without the question mark */
	/* All that are to be signed; host and x-amz-date must be among them. */
	const struct sigv4_header *headers;
	size_t header_count;
	struct str body;
};

/*
 * Derived keys by (secret, day, region, service): a few, the eldest replaced,
 * wiped when dropped. Belongs to one thread.
 */
struct sigv4;

int sigv4_new(struct sigv4 **out) MUST_CHECK;
void sigv4_free(struct sigv4 *s);

/* time_ms as X-Amz-Date wants it: "20150830T123600Z", NUL-ended. */
void sigv4_date(char out[17], int64_t time_ms);

/*
 * Append the value of the Authorization header to out. time_ms must be what
 * x-amz-date tells. 0; -EINVAL (no host or no x-amz-date among the headers),
 * -ENOMEM, -EIO (OpenSSL refused).
 */
int sigv4_sign(struct buf *out, struct sigv4 *s,
	       const struct sigv4_request *r, const struct aws_keys *keys,
	       struct str region, struct str service,
	       int64_t time_ms) MUST_CHECK;

/*
 * The two steps of it, for tests against AWS's suite. normalize: of the path,
 * as for every service but S3. The second appends 64 hex digits.
 */
int sigv4_canonical(struct buf *out, const struct sigv4_request *r,
		    bool normalize) MUST_CHECK;
int sigv4_signature(struct buf *out, struct sigv4 *s, struct str canonical,
		    struct str secret, struct str region, struct str service,
		    int64_t time_ms) MUST_CHECK;

#endif
