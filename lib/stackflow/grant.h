#ifndef STACKFLOW_GRANT_H
#define STACKFLOW_GRANT_H

#include "base/buf.h"
#include "stackflow/stackflow.h"

/*
 * The requests that ask for a token, and how their answers are read. Pure;
 * auth.c sends them.
 */
struct rest_response;

enum sf_grant_kind {
	SF_GRANT_EXCHANGE,	/* an API key for a token */
	SF_GRANT_CLIENT,	/* OAuth 2, client_credentials */
	SF_GRANT_PASSWORD,	/* Cognito, USER_PASSWORD_AUTH */
	SF_GRANT_REFRESH,	/* Cognito, REFRESH_TOKEN_AUTH */
	SF_GRANT_ROTATE,	/* Cognito, GetTokensFromRefreshToken */
};

enum sf_grant_end {
	SF_GRANT_OK,
	SF_GRANT_FAILED,	/* may pass */
	SF_GRANT_PERMANENT,	/* a person must do something */
	SF_GRANT_STALE,		/* the refresh token is refused: the password */
	SF_GRANT_ROTATES,	/* refresh tokens go by SF_GRANT_ROTATE here */
};

#define SF_TOKEN_MAX 16384

struct sf_granted {
	struct buf token, refresh;	/* refresh: empty where none came */
	struct buf user;		/* the pool's own name of the user */
	int64_t life_ms;
	struct buf why;			/* where not SF_GRANT_OK; may hold what
					   the server echoed: redact it */
};

void sf_granted_init(struct sf_granted *g);
void sf_granted_fini(struct sf_granted *g);	/* wipes */

/* Write one answer's token and life, or why there is none. */
enum sf_grant_end sf_grant_read(struct sf_granted *out,
				enum sf_grant_kind kind,
				const struct rest_response *r);

/* Append the body of such a request; user: for SF_GRANT_REFRESH's hash. */
void sf_grant_put_body(struct buf *out, enum sf_grant_kind kind,
		       const struct sf_auth *a, struct str refresh,
		       struct str user);

/* 1 to SF_TOKEN_MAX visible ASCII characters: fit for a header. */
bool sf_token_usable(struct str token);

#endif
