#ifndef RULE_DIGEST_H
#define RULE_DIGEST_H

#include "base/buf.h"

/* SHA-256 of several pieces, each with its length. */
struct digest;

struct digest *digest_new(void);	/* NULL: out of memory */
void digest_add(struct digest *d, struct str s);
/* Append n hex digits (at most 64); frees d, which may be NULL. */
void digest_end(struct digest *d, struct buf *out, size_t n);

#endif
