#ifndef AGENT_SANDBOX_TOKENS_H
#define AGENT_SANDBOX_TOKENS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Who may call the sandbox's StackFlow: an API key, a client with its secret,
 * a person with a password, and the tokens issued to them. Any thread.
 */
struct box_tokens;
struct box_records;
struct wire_request;
struct wire_reply;

enum box_user { BOX_USER_KEY, BOX_USER_CLIENT, BOX_USER_PERSON, BOX_USERS };

struct box_credentials {
	char api_key[64], client_id[32], client_secret[64], email[64],
		password[64];
};

/* The credentials are made once and kept in records. */
int box_tokens_new(struct box_tokens **out, struct box_records *records,
		   struct err *err) MUST_CHECK;
void box_tokens_free(struct box_tokens *t);
const struct box_credentials *
box_tokens_credentials(const struct box_tokens *t);

/* Whose is the bearer token of this request? BOX_USERS: nobody's. */
enum box_user box_tokens_user(struct box_tokens *t,
			      const struct wire_request *req, int64_t now_ms);
/* All issued tokens end now, refresh tokens where asked for; the API key
 * stays. */
void box_tokens_expire(struct box_tokens *t, bool refresh);

/* The limits that count for themselves, a user. */
enum box_limit_kind {
	BOX_LIMIT_SECOND,		/* all requests */
	BOX_LIMIT_ASK,			/* and query */
	BOX_LIMIT_ANALYZE,
	BOX_LIMIT_EXEMPLARS,
	BOX_LIMIT_SUGGEST,
	BOX_LIMITS,
	BOX_LIMIT_NONE,
};

struct box_limit {
	enum box_limit_kind which;
	int64_t rate, span_us;		/* rate 0: no limit */
};

struct box_rate {
	int64_t limit;
	int64_t left;			/* after this one; -1: one too many */
	int64_t reset_us;		/* until one more is free */
};

/* One more request of this user, or (take false) a look at what is left. */
void box_tokens_admit(struct box_rate *out, struct box_tokens *t,
		      enum box_user user, const struct box_limit *limit,
		      bool take, int64_t now_us);

#define BOX_TOKEN 64

void box_tokens_issue(char out[BOX_TOKEN], struct box_tokens *t,
		      enum box_user user, int64_t end_ms);
/* A refresh token for a password; rotating: good for one use. */
void box_tokens_refresh_first(char out[BOX_TOKEN], struct box_tokens *t,
			      bool rotating);
/* Is it one? Rotating: its successor into out, itself no more. */
bool box_tokens_refresh_use(char out[BOX_TOKEN], struct box_tokens *t,
			    struct str text, bool rotating);

/* POST /oauth2/token, client_credentials. */
void box_tokens_oauth(struct box_tokens *t, const struct wire_request *req,
		      struct wire_reply *reply, int64_t life_s, int64_t now_ms);
/* POST /auth/exchange: an API key for a token. */
void box_tokens_exchange(struct box_tokens *t, const struct wire_request *req,
			 struct wire_reply *reply, int64_t life_s,
			 int64_t now_ms);

#endif
