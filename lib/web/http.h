#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "web/web.h"

/*
 * The head of one request (RFC 9112), read while its bytes arrive. Pure: no
 * memory of its own, no sockets. Offsets count from the request's first byte,
 * so that the bytes may move between two calls.
 */
struct http_span {
	uint32_t at, n;
};

struct http_field {
	struct http_span name, value;
};

struct http {
	const struct web_limits *limits;
	struct http_field *fields; /* room for limits->header_count */
	size_t line, seen;	   /* start of the open line; bytes looked at */
	bool blank, headers;	   /* an empty line came first; past line one */
	bool encoded, expects;	   /* a Content-Encoding, an Expect not ours */
	bool host;
	/* What a whole head says: */
	struct http_span method, path, query;
	unsigned count;	 /* of fields */
	uint64_t length; /* Content-Length, 0 without */
	bool has_length, chunked, http10, close, expect_continue;
	size_t bytes; /* of the head, its empty line included */
};

enum { HTTP_MORE = 1 };

void http_init(struct http *h, const struct web_limits *limits,
	       struct http_field *fields);

/*
 * Go on with the n bytes that there are of the request by now. 0: the head is
 * whole; HTTP_MORE; or the status (400 and up) that it is to be refused with.
 */
int http_head(struct http *h, const char *p, size_t n);

#endif
