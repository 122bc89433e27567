#ifndef REST_TRANSFER_H
#define REST_TRANSFER_H

#include <curl/curl.h>

#include "base/buf.h"
#include "rest/rest.h"
#include "rest/target.h"
#include "rest/trust.h"

/* What rest.c and transfer.c share: one request on one easy handle. */

#define REST_LINES_MAX 32	/* headers of one request */

/* Who may be connected to. */
enum guard {
	GUARD_NONE,
	GUARD_LOOPBACK,
	GUARD_METADATA,		/* or loopback */
	GUARD_PUBLIC,
	GUARD_UNIX,
};

struct transfer {
	struct transfer *next, *prev;
	CURL *easy;
	struct buf text;		/* URL, headers and body, each with NUL */
	struct curl_slist lines[REST_LINES_MAX + 2];
	struct str send;		/* the body, in text */
	size_t given;			/* of it, handed to libcurl */
	bool once, streamed;		/* streamed: can't be given again */
	bool begun;			/* a request was about to be written */
	bool again, denied;
	enum guard guard;
	struct buf headers, body;	/* the answer */
	size_t final;			/* where its last status line begins */
	bool headed;			/* the blank line after it came */
	char words[CURL_ERROR_SIZE];
	rest_done *done;
	void *arg;
};

struct rest {
	CURLM *multi;
	struct transfer active;		/* a ring */
	struct transfer *spare;		/* a list by next */
	size_t count, spares, connections;
	bool closing;
	bool fresh;		/* a transfer was added since the last step */
	struct trust trust;
	char *user_agent, *proxy;
	char *unix_socket;	/* NULL: none */
	struct curl_slist *connect_to;
};

/* NULL when out of memory. */
struct transfer *rest_transfer_new(const struct rest *r);
void rest_transfer_free(struct transfer *t);

/* Copy the request into t, ready for curl_multi_add_handle. */
int rest_transfer_load(struct transfer *t, const struct rest *r,
		       const struct rest_request *req,
		       struct err *err) MUST_CHECK;
/* Forget the request, wipe what it held. */
void rest_transfer_unload(struct transfer *t);

/* Write what became of it; problem goes to scratch. */
void rest_transfer_result(struct rest_response *out, struct transfer *t,
			  CURLcode code, struct buf *scratch);

#endif
