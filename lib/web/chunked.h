#ifndef WEB_CHUNKED_H
#define WEB_CHUNKED_H

#include "base/buf.h"

/*
 * A chunked body (RFC 9112 7.1), taken apart while it arrives. Extensions,
 * trailers and sizes of more than 8 digits are refused: no sender of ours has
 * them, and they are what two readers disagree on.
 */
struct chunked {
	int step;
	unsigned digits;
	size_t left; /* of the open chunk */
};

#define CHUNKED_INIT ((struct chunked){ 0 })

enum { CHUNKED_MORE = 1 };

/*
 * Append what the next n bytes hold to body, whose maximum bounds it. *used
 * bytes were taken, all of them with CHUNKED_MORE. 0: the body has ended;
 * CHUNKED_MORE; 400 or 413: refuse; -ENOMEM.
 */
int chunked_read(struct chunked *k, struct buf *body, size_t *used,
		 const char *p, size_t n);

#endif
