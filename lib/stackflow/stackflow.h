#ifndef STACKFLOW_STACKFLOW_H
#define STACKFLOW_STACKFLOW_H

#include "base/err.h"
#include "base/str.h"

/*
 * StackFlow's REST API as its published pages have it. Nothing here re-sends
 * a write that may have been carried out: it is said so, and the caller looks
 * it up.
 *
 * A client has its own loop in a thread of its own (rest NULL): any thread may
 * call, and done comes in the client's thread, which takes no signals. In a
 * process that is forked off it is of no use: calls are -ESHUTDOWN there. Or
 * it belongs to the thread of the struct rest that it was given, where calls
 * begin and end.
 */
struct json;
struct rest;
struct sf_client;

enum sf_auth_method { SF_AUTH_API_KEY, SF_AUTH_CLIENT_CREDENTIALS,
		      SF_AUTH_PASSWORD, SF_AUTH_TOKEN };

struct sf_auth {
	enum sf_auth_method method;
	const char *api_key, *exchange_url;		/* api_key */
	const char *token_url, *client_id, *client_secret, *scope;
	const char *region, *email, *password, *endpoint_url;	/* Cognito */
	const char *token;				/* token */
};

/* What a client says of itself; text is one line, without a secret. In the
 * client's thread, and it may not call the client. */
enum sf_log_level { SF_LOG_ERROR, SF_LOG_WARNING, SF_LOG_INFO, SF_LOG_DEBUG };
typedef void sf_log(enum sf_log_level level, const char *text, void *arg);

struct sf_audit_entry;
typedef void sf_audit(const struct sf_audit_entry *e, void *arg);

/* Zeroed before it is filled in; strings are copied. */
struct sf_options {
	const char *base_url;		/* without a trailing slash */
	struct sf_auth auth;		/* secrets are copied, wiped at the end */
	unsigned requests_per_second;	/* 80 */
	unsigned concurrency;		/* 32 */
	unsigned timeout_ms;		/* 15 s */
	/*
	 * Calls that may wait for their turn inside the client, beside the
	 * concurrency under way; 0: none, a call that can't go at once is
	 * -EAGAIN. With a thread of its own 0 is 10000.
	 */
	unsigned queue;
	/*
	 * How often a call is sent again by the client: after a 429, where it
	 * couldn't be sent, and what only reads after a 5xx or a lost
	 * connection, too. After Retry-After (60 s where a 429 has none), else
	 * 2^n seconds and jitter. A write in doubt never is, and nothing that
	 * waiting doesn't mend (401, 403, 404).
	 */
	unsigned retries;		/* 0 */
	sf_log *log;			/* or NULL */
	void *log_arg;
	sf_audit *audit;		/* or NULL; stackflow/audit.h */
	void *audit_arg;
	const char *jobs_path;		/* where jobs are polled; see bulk.h */
	const char *user_agent, *ca_file, *proxy; /* where rest is NULL */
	void *reserved[8];
};

enum sf_outcome {
	SF_OK,		/* 2xx, and the body is what the call promises */
	SF_NOT_EXECUTED,	/* certain, and may pass: try again later */
	SF_REFUSED,	/* certain, and the request itself is at fault */
	SF_UNKNOWN,	/* may have been carried out: look before re-sending */
};

struct sf_result {
	enum sf_outcome outcome;
	int status;			/* 0: no answer */
	const struct json *body;	/* SF_OK; borrowed during done */
	struct str id;			/* of a created or updated record */
	const char *problem;		/* one line, cut at 500 bytes, escaped */
	int64_t retry_after_ms;		/* -1: not said */
	int64_t elapsed_us;
	int64_t date_ms;		/* the answer's Date; 0: none */
};

/* It may begin other calls, but not free the client. */
typedef void sf_done(const struct sf_result *r, void *arg);

/* rest NULL: with a loop and a thread of its own. */
int sf_client_new(struct sf_client **out, const struct sf_options *o,
		  struct rest *rest, struct err *err) MUST_CHECK;
/*
 * The same with all from the environment: STACKFLOW_BASE_URL and what
 * sf_options_from_env() finds; four retries.
 */
int sf_client_new_from_env(struct sf_client **out, struct err *err) MUST_CHECK;
/*
 * Take no more calls (-ESHUTDOWN) and wait for what waits or is under way, at
 * most timeout_ms. 0: all has ended; -ETIMEDOUT: the rest ends by
 * sf_client_free(). Not from within done.
 */
int sf_client_close(struct sf_client *c, unsigned timeout_ms) MUST_CHECK;
/* What is under way ends as SF_UNKNOWN; wipes secrets. NULL is fine. Not from
 * within done. */
void sf_client_free(struct sf_client *c);
/* Another token from now on, while requests go on; nothing renews it. */
int sf_client_set_token(struct sf_client *c, const char *token) MUST_CHECK;

/*
 * For a client on the caller's loop alone (with a thread of its own: 0).
 * Milliseconds until another request may begin (rate, pause after a 429,
 * concurrency): 0 now, -1 only after one under way has ended. Renews the
 * token ahead of its expiry as a side effect: call it at least once a second.
 */
int64_t sf_client_wait_ms(struct sf_client *c, int64_t mono_ms);
/* How much longer to wait so that a few may begin at once, at the same rate;
 * 0 where the rate is too low for that. */
int64_t sf_client_gather_ms(const struct sf_client *c);
unsigned sf_client_active(const struct sf_client *c);

struct sf_stats {
	uint64_t requests, answered_2xx, answered_429, answered_5xx, renewals;
	int64_t rate_limit, rate_remaining;	/* last seen; -1: never */
	int64_t paused_until_mono_ms;
	bool authenticated;
	char auth_problem[256];			/* last failed renewal; "" */
};
void sf_client_stats(const struct sf_client *c, struct sf_stats *out);

/*
 * Each begins one request: 0, or negative where it can't begin (-EAGAIN: ask
 * sf_client_wait_ms first) and done never comes. Requests wait for a token
 * inside the client; where none can be had they end as SF_NOT_EXECUTED. A 401
 * renews the token once and repeats the request once (a 401 is certain not to
 * have been carried out).
 */
int sf_health(struct sf_client *c, sf_done *done, void *arg);

/* json: the record's fields as one JSON object. key: Idempotency-Key or NULL.
 * SF_OK only with a usable id in the answer. */
int sf_incident_create(struct sf_client *c, struct str json, const char *key,
		       sf_done *done, void *arg);
int sf_incident_get(struct sf_client *c, struct str id, sf_done *done,
		    void *arg);
int sf_incident_update(struct sf_client *c, struct str id, struct str json,
		       sf_done *done, void *arg);
int sf_note_add(struct sf_client *c, struct str id, struct str body,
		const char *visibility, const char *key, sf_done *done,
		void *arg);

/*
 * One page of a list. query: "state=new&limit=200" (already encoded, see
 * sf_query_put) or NULL, next: STR_NONE for the first page, else what
 * sf_page_next gave for the last. stackflow/pages.h walks them all.
 */
typedef int sf_list(struct sf_client *c, const char *query, struct str next,
		    sf_done *done, void *arg);
sf_list sf_incident_list, sf_ci_list;

/* Append name=value to a query, encoded, with & where something stands. */
struct buf;
void sf_query_put(struct buf *query, const char *name, struct str value);

/* The rows of a list's answer: the array under "data"; NULL: none. */
const struct json *sf_page_rows(const struct json *body);
/*
 * What to ask for after this page: "cursor=..." where next_cursor is given,
 * else "page=N+1" where has_more is true. 1 and *out (in arena), or 0 at the
 * end. Negative where there is more, but how to ask for it isn't usable (or
 * -ENOMEM): what was sought may be there.
 */
struct arena;
int sf_page_next(struct str *out, const struct json *body, struct arena *a);

/* May an id stand in a path? 1-64 of [A-Za-z0-9_-.], not only dots. */
bool sf_id_usable(struct str id);

#endif
