#ifndef REST_REST_H
#define REST_REST_H

#include "base/err.h"
#include "base/str.h"

/*
 * Outgoing HTTP over curl_multi: one loop that belongs to one thread. No
 * redirects, no netrc, no automatic proxy, TLS 1.2 and up with verification,
 * own byte caps, https only (http to loopback alone, see REST_METADATA). The
 * only user of libcurl. The process must ignore SIGPIPE.
 */
struct rest;

/* What is known of a request once it ended. */
enum rest_outcome {
	REST_ANSWERED,	/* a whole answer came: status, headers, body */
	REST_NOT_SENT,	/* certain: the server never got it (resolve, connect,
			   TLS, proxy, refused before the first byte) */
	REST_UNKNOWN,	/* may have been carried out: timeout, reset, a cut
			   answer, too large an answer, CURLE_SEND_FAIL_REWIND */
};

struct rest_options {
	const char *user_agent;
	const char *ca_file;		/* trusted beside the system's; or NULL */
	const char *proxy;		/* or NULL: none, whatever the environment */
	const char *const *connect_to;	/* "HOST:PORT:HOST:PORT", NULL-ended; or NULL */
	unsigned connections;		/* kept and open at most; 0: 32 */
	const char *unix_socket;	/* connect there whatever the URL; or NULL */
};

enum {
	REST_ONCE = 1,	/* never sent twice by itself: a body that can't be
			   rewound once a byte left, or a fresh connection */
	REST_PUBLIC = 2,	/* connect to no loopback, link-local or private
				   address, unless connect_to or a proxy names it */
	REST_NO_PROXY = 4,
	/* http is also for the fixed addresses by which AWS hands credentials
	 * to instances and containers. */
	REST_METADATA = 8,
};

struct rest_response {
	enum rest_outcome outcome;
	int status;			/* REST_ANSWERED */
	struct str body;		/* NUL after it */
	struct str headers;		/* raw lines of the final answer */
	const char *problem;		/* one line where not REST_ANSWERED */
	int64_t elapsed_us;
	int64_t date_ms;		/* the answer's Date; 0: none */
	long http_version;		/* 11, 20 */
};

/* First header of that name (case ignored); STR_NONE where absent. */
struct str rest_header(const struct rest_response *r, const char *name);

/* Called in the loop's thread; r is valid during the call. */
typedef void rest_done(const struct rest_response *r, void *arg);

struct rest_request {
	const char *method, *url;
	const char *const *headers;	/* "Name: value" NULL-ended; or NULL */
	struct str body;		/* STR_NONE: no body */
	unsigned timeout_ms, connect_ms;	/* 0: 15 s, 5 s */
	size_t max_body, max_headers;	/* 0: 1 MiB, 64 KiB */
	unsigned flags;
	rest_done *done;
	void *arg;
};

int rest_new(struct rest **out, const struct rest_options *o,
	     struct err *err) MUST_CHECK;
/* Requests under way end as REST_UNKNOWN first. */
void rest_free(struct rest *r);

/* Would rest_start take this URL? 0, or -EINVAL with words. */
int rest_url_check(const char *url, struct err *err) MUST_CHECK;

/*
 * Begin; everything is copied, and done comes exactly once, never from within
 * this call. Negative where it can't begin (bad URL, scheme not allowed, a
 * header with a control character, memory): then done never comes.
 */
int rest_start(struct rest *r, const struct rest_request *req,
	       struct err *err) MUST_CHECK;

/* Move transfers, call done for ended ones; wait up to wait_ms for the first
 * thing to happen. */
void rest_step(struct rest *r, int wait_ms);
/* End a rest_step that waits. From any thread. */
void rest_wake(struct rest *r);
size_t rest_active(const struct rest *r);

/*
 * One request from begin to end on a loop of its own, for commands; body and
 * headers of *out are copies in buf.
 */
struct buf;
int rest_call(struct rest *r, const struct rest_request *req,
	      struct rest_response *out, struct buf *copy,
	      struct err *err) MUST_CHECK;

/*
 * Seconds to wait that an answer asks for by Retry-After: delta-seconds or an
 * HTTP-date against now_ms. In milliseconds, capped at 1 h; -1 where absent
 * or not readable.
 */
int64_t rest_retry_after_ms(const struct rest_response *r, int64_t now_ms);

#endif
