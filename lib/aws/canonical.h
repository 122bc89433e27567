#ifndef AWS_CANONICAL_H
#define AWS_CANONICAL_H

#include "aws/sigv4.h"

/*
 * A request in the one form that both ends of SigV4 hash: what canonical.c
 * and sigv4.c share.
 */

#define CANONICAL_PAIRS_MAX 64

struct canonical_pair {
	struct str name, value;
};

/* Names and values in order; those that had to be rewritten are in text. */
struct canonical {
	struct buf text;
	size_t count;
	struct canonical_pair pairs[CANONICAL_PAIRS_MAX];
};

/* Wipes: a session token is among the headers. */
void canonical_fini(struct canonical *c);

/*
 * Lower-case names in order, repeated ones as they came. 0, -ENOMEM, -E2BIG
 * (over CANONICAL_PAIRS_MAX), -EINVAL without host or x-amz-date.
 */
int canonical_headers(struct canonical *out,
		      const struct sigv4_request *r) MUST_CHECK;
/* "host;x-amz-date": each once. */
void canonical_names(struct buf *out, const struct canonical *headers);
/* The whole request; out fails where OpenSSL refuses to hash. */
int canonical_request(struct buf *out, const struct sigv4_request *r,
		      const struct canonical *headers,
		      bool normalize) MUST_CHECK;

#endif
