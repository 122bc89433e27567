#ifndef STACKFLOW_LOGIN_H
#define STACKFLOW_LOGIN_H

#include "base/buf.h"
#include "stackflow/stackflow.h"

/*
 * A user's token, for a program that keeps it between its runs; a client has
 * and renews its own. One request to Cognito, in the calling thread.
 */
struct sf_login {
	struct buf token;
	struct buf refresh;	/* empty where none came: keep the old one */
	struct buf user;	/* the pool's own name of the user, or empty */
	int64_t life_ms;
	void *reserved[4];
};

/* What else than 0: a person must do something, or (negative) it may pass. err
 * says what, without a secret. */
enum { SF_LOGIN_REFUSED = 1 };

/* By the email and password of o->auth, whose client_id and region or
 * endpoint_url are needed too; client_secret where the client has one. */
int sf_login(struct sf_login *out, const struct sf_options *o,
	     struct err *err) MUST_CHECK;
/* By the refresh token of the time before; user as it was then. */
int sf_login_again(struct sf_login *out, const struct sf_options *o,
		   struct str refresh, struct str user,
		   struct err *err) MUST_CHECK;
/* Wipes. */
void sf_login_fini(struct sf_login *l);

#endif
