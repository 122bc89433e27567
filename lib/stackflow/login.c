#include "stackflow/login.h"

#include <errno.h>

#include "rest/rest.h"
#include "stackflow/auth.h"
#include "stackflow/grant.h"

void sf_login_fini(struct sf_login *l)
{
	buf_wipe(&l->token);
	buf_wipe(&l->refresh);
	buf_wipe(&l->user);
}

static int refused(struct sf_authn *a, enum sf_grant_end end,
		   enum sf_grant_kind kind, struct str why, struct err *err)
{
	struct buf clean = BUF_INIT(8192);
	bool for_good = end == SF_GRANT_PERMANENT || end == SF_GRANT_STALE;

	sf_auth_redact(a, &clean, why);
	err_set(err, 0, "%s: %.*s",
		kind == SF_GRANT_REFRESH ? "the token can't be renewed" :
					   "no token",
		STR_ARG(buf_str(&clean)));
	buf_fini(&clean);
	return for_good ? SF_LOGIN_REFUSED : -EIO;
}

static int take(struct sf_login *out, struct sf_granted *got)
{
	*out = (struct sf_login){
		.token = got->token, .refresh = got->refresh,
		.user = got->user, .life_ms = got->life_ms,
	};
	buf_init(&got->token, 0);
	buf_init(&got->refresh, 0);
	buf_init(&got->user, 0);
	return 0;
}

/* One request with a's credentials. */
static int ask(struct sf_granted *got, enum sf_grant_end *end,
	       const struct sf_authn *a, enum sf_grant_kind kind,
	       struct err *err)
{
	struct buf copy = BUF_INIT(2 * SF_GRANT_ANSWER_MAX);
	struct rest_response r;
	struct sf_ask q;
	int rc = sf_ask_init(&q, a, kind);

	/* At once: growing would leave copies behind. */
	buf_room(&copy, SF_GRANT_ANSWER_MAX);
	if (rc == 0)
		rc = buf_error(&copy);
	if (rc == 0)
		rc = rest_call(a->rest, &q.req, &r, &copy, err);
	if (rc == 0)
		*end = sf_grant_read(got, kind, &r);
	sf_ask_fini(&q);
	buf_wipe(&copy);
	return rc;
}

static int grant(struct sf_login *out, struct sf_authn *a, struct err *err)
{
	enum sf_grant_kind kind = a->refresh.n ? SF_GRANT_REFRESH :
						 SF_GRANT_PASSWORD;
	enum sf_grant_end end = SF_GRANT_FAILED;
	struct sf_granted got;
	int rc;

	sf_granted_init(&got);
	rc = ask(&got, &end, a, kind, err);
	if (rc == 0 && end == SF_GRANT_ROTATES) {
		sf_granted_fini(&got);
		sf_granted_init(&got);
		rc = ask(&got, &end, a, SF_GRANT_ROTATE, err);
	}
	if (rc == 0)
		rc = end == SF_GRANT_OK ? take(out, &got) :
		     refused(a, end, kind, buf_str(&got.why), err);
	sf_granted_fini(&got);
	return rc;
}

static int login(struct sf_login *out, const struct sf_options *o,
		 struct str refresh, struct str user, struct err *err)
{
	const struct rest_options net = { .user_agent = o->user_agent,
					  .ca_file = o->ca_file,
					  .proxy = o->proxy,
					  .connections = 1 };
	struct sf_auth auth = o->auth;
	struct rest *rest = NULL;
	struct sf_authn a;
	int rc;

	auth.method = SF_AUTH_PASSWORD;
	/* A renewal doesn't send it. */
	if (refresh.n)
		auth.password = "none";
	rc = sf_auth_init(&a, &auth, NULL, err);
	if (rc == 0)
		rc = rest_new(&rest, &net, err);
	if (rc == 0) {
		a.rest = rest;
		a.timeout_ms = o->timeout_ms;
		buf_room(&a.refresh, refresh.n + 1);
		buf_put_str(&a.refresh, refresh);
		buf_put_str(&a.user, user);
		rc = buf_error(&a.refresh) ? buf_error(&a.refresh) :
					     buf_error(&a.user);
	}
	if (rc == 0)
		rc = grant(out, &a, err);
	sf_auth_fini(&a);
	rest_free(rest);
	return rc;
}

int sf_login(struct sf_login *out, const struct sf_options *o, struct err *err)
{
	return login(out, o, STR_NONE, STR_NONE, err);
}

int sf_login_again(struct sf_login *out, const struct sf_options *o,
		   struct str refresh, struct str user, struct err *err)
{
	if (!refresh.n)
		return err_set(err, -EINVAL, "there is no refresh token");
	return login(out, o, refresh, user, err);
}
