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
/* All issued tokens end now; API key and refresh tokens stay. */
void box_tokens_expire(struct box_tokens *t);

/*
 * One more request of this user: how many are left in this second, -1 where
 * it is one too many (rate 0: no limit).
 */
int64_t box_tokens_rate(struct box_tokens *t, enum box_user user, int64_t rate,
			int64_t now_us);

/* POST /oauth2/token, client_credentials. */
void box_tokens_oauth(struct box_tokens *t, const struct wire_request *req,
		      struct wire_reply *reply, int64_t life_s, int64_t now_ms);
/* Cognito's InitiateAuth: USER_PASSWORD_AUTH, REFRESH_TOKEN_AUTH. */
void box_tokens_cognito(struct box_tokens *t, const struct wire_request *req,
			struct wire_reply *reply, int64_t life_s,
			int64_t now_ms);
/* POST /auth/exchange: an API key for a token. */
void box_tokens_exchange(struct box_tokens *t, const struct wire_request *req,
			 struct wire_reply *reply, int64_t life_s,
			 int64_t now_ms);

#endif
