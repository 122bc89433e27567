#ifndef WEB_EXCHANGE_H
#define WEB_EXCHANGE_H

#include "base/buf.h"
#include "web/chunked.h"
#include "web/http.h"
#include "web/web.h"

struct conn;
struct loop;

/* One request and its answer: the only thing that other threads ever touch. */
struct web_exchange {
	struct web_request req;
	struct loop *loop;
	struct conn *conn;	   /* NULL: the client left */
	struct web_exchange *next; /* in a mailbox */
	struct buf body;
	struct chunked chunks;
	uint64_t left;	/* of a body with a length */
	size_t charged; /* of the bytes all bodies may have */
	bool chunked, head, close;
	struct buf out; /* the answer; see exchange_reply */
	int status;
	struct web_header headers[]; /* then their text and the peer's */
};

/* A request whose head is at p. NULL: out of memory. */
struct web_exchange *exchange_new(const struct http *h, const char *p,
				  const char *peer);
void exchange_free(struct web_exchange *x);

enum { REPLY_PREFIX = 160 };

/*
 * The answer's bytes but for the first REPLY_PREFIX, which reply_finish()
 * fills, right-aligned, once it is sent: so the caller's thread does the
 * copying, and the loop's own thread knows the date and what becomes of the
 * connection. Fails sticky, as buffers do.
 */
void reply_put(struct buf *out, const struct web_reply *r, bool head);
/* The head alone, of an answer that ends with its connection. */
void reply_put_open(struct buf *out, const struct web_reply *r);
const char *reply_phrase(int status);
/* Where in out the answer begins. */
size_t reply_finish(struct buf *out, int status, const char *date, bool close);

#endif
