#include "stackflow/login.h"

#include <errno.h>

#include "rig.h"

/* Plays Cognito: the answers of its requests, in their order. */
#define GONE -1 /* the connection is, instead of an answer */
struct pool {
	struct {
		int status;
		const char *body;
	} answers[4];
};

static void play(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	const struct pool *p = s->arg;

	(void)request;
	assert_true(nth < 4 && p->answers[nth].status);
	if (p->answers[nth].status == GONE)
		reply_set(out, DEED_RESET, "%s", "");
	else
		reply_json(out, p->answers[nth].status, "",
			   p->answers[nth].body);
}

#define TOKENS(id, more) "{\"AuthenticationResult\":{\"IdToken\":\"" id \
	"\",\"ExpiresIn\":3600" more "}}"

struct desk {
	struct server server;
	struct sf_options o;
	char url[80];
	struct err err;
};

static void desk_start(struct desk *d, struct pool *p)
{
	*d = (struct desk){ .o = { .timeout_ms = 5000 } };
	server_start(&d->server, play, p, NULL);
	snprintf(d->url, sizeof(d->url), "http://127.0.0.1:%u/",
		 d->server.port);
	d->o.auth.client_id = "the-client";
	d->o.auth.email = "you@example.com";
	d->o.auth.password = "the-password";
	d->o.auth.endpoint_url = d->url;
}

static void a_token_by_password(void **state)
{
	struct pool p = { {
		{ 200, TOKENS("t1", ",\"RefreshToken\":\"r1\"") },
	} };
	struct sf_login l;
	struct desk d;

	(void)state;
	desk_start(&d, &p);
	assert_int_equal(sf_login(&l, &d.o, &d.err), 0);
	assert_true(str_is(buf_str(&l.token), "t1"));
	assert_true(str_is(buf_str(&l.refresh), "r1"));
	assert_int_equal(l.user.n, 0);
	assert_int_equal(l.life_ms, 3600 * 1000);
	assert_non_null(strstr(d.server.requests[0], ".InitiateAuth\r\n"));
	assert_non_null(strstr(d.server.requests[0],
			       "\"PASSWORD\":\"the-password\""));
	sf_login_fini(&l);
	assert_int_equal(l.token.n, 0);
	server_stop(&d.server);
}

static void another_by_the_refresh_token(void **state)
{
	struct pool p = { { { 200, TOKENS("t2", "") } } };
	struct sf_login l;
	struct desk d;

	(void)state;
	desk_start(&d, &p);
	d.o.auth.password = NULL;
	d.o.auth.client_secret = "the-secret-of-it";
	assert_int_equal(sf_login_again(&l, &d.o, STR("r1"), STR("uuid-1"),
					&d.err), 0);
	assert_true(str_is(buf_str(&l.token), "t2"));
	assert_int_equal(l.refresh.n, 0);
	assert_non_null(strstr(d.server.requests[0], "REFRESH_TOKEN_AUTH"));
	assert_non_null(strstr(d.server.requests[0], "\"r1\""));
	assert_non_null(strstr(d.server.requests[0], "SECRET_HASH"));
	assert_null(strstr(d.server.requests[0], "PASSWORD\""));
	sf_login_fini(&l);
	server_stop(&d.server);
}

static void a_pool_that_rotates(void **state)
{
	struct pool p = { {
		{ 400, "{\"__type\":\"UnsupportedOperationException\"}" },
		{ 200, TOKENS("t3", ",\"RefreshToken\":\"r2\"") },
	} };
	struct sf_login l;
	struct desk d;

	(void)state;
	desk_start(&d, &p);
	assert_int_equal(sf_login_again(&l, &d.o, STR("r1"), STR_NONE,
					&d.err), 0);
	assert_true(str_is(buf_str(&l.refresh), "r2"));
	assert_non_null(strstr(d.server.requests[1],
			       ".GetTokensFromRefreshToken\r\n"));
	sf_login_fini(&l);
	server_stop(&d.server);
}

/* A refresh token may be good once: the connection of the request before is
 * gone when it has come, and it isn't sent by another. */
static void a_refresh_token_goes_once(void **state)
{
	struct pool p = { {
		{ 400, "{\"__type\":\"UnsupportedOperationException\"}" },
		{ GONE, NULL },
		{ 200, TOKENS("t2", ",\"RefreshToken\":\"r2\"") },
	} };
	struct sf_login l;
	struct desk d;

	(void)state;
	desk_start(&d, &p);
	assert_true(sf_login_again(&l, &d.o, STR("r1"), STR("me"), &d.err) < 0);
	assert_int_equal(server_requests(&d.server), 2);
	server_stop(&d.server);
}

/* What a person must mend, what may pass; *out untouched, no secret told. */
static void no_token(void **state)
{
	static const struct {
		int status;
		const char *body, *words;
		int rc;
	} cases[] = {
		{ 200, "{\"ChallengeName\":\"SOFTWARE_TOKEN_MFA\"}", "factor",
		  SF_LOGIN_REFUSED },
		{ 400, "{\"__type\":\"NotAuthorizedException\",\"message\":"
		       "\"the-password is wrong\"}", "NotAuthorized",
		  SF_LOGIN_REFUSED },
		{ 400, "{\"__type\":\"TooManyRequestsException\"}", "TooMany",
		  -EIO },
		{ 500, "{}", "500", -EIO },
		{ 200, "no JSON", "no token", -EIO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool p = { { { cases[i].status, cases[i].body } } };
		struct sf_login l = { .life_ms = 7 };
		struct desk d;

		desk_start(&d, &p);
		assert_int_equal(sf_login(&l, &d.o, &d.err), cases[i].rc);
		assert_int_equal(l.life_ms, 7);
		assert_non_null(strstr(d.err.text, cases[i].words));
		assert_null(strstr(d.err.text, "the-password"));
		server_stop(&d.server);
	}
}

/* The password never takes a stale refresh token's place. */
static void a_refresh_token_that_is_over(void **state)
{
	struct pool p = { {
		{ 400, "{\"__type\":\"NotAuthorizedException\","
		       "\"message\":\"Refresh Token r1 expired\"}" },
	} };
	struct sf_login l;
	struct desk d;

	(void)state;
	desk_start(&d, &p);
	assert_int_equal(sf_login_again(&l, &d.o, STR("r1-0123456789"),
					STR_NONE, &d.err), SF_LOGIN_REFUSED);
	assert_int_equal(d.server.n_requests, 1);
	assert_int_equal(sf_login_again(&l, &d.o, STR_NONE, STR_NONE, &d.err),
			 -EINVAL);
	server_stop(&d.server);
}

static void what_is_missing(void **state)
{
	struct sf_options o = { .auth = { .email = "you@example.com",
					  .password = "the-password",
					  .region = "us-east-1" } };
	struct sf_login l;
	struct err err;

	(void)state;
	assert_int_equal(sf_login(&l, &o, &err), -EINVAL);
	assert_non_null(strstr(err.text, "client_id"));
	o.auth.client_id = "the-client";
	o.auth.region = NULL;
	assert_int_equal(sf_login(&l, &o, &err), -EINVAL);
	assert_non_null(strstr(err.text, "region"));
	o.auth.endpoint_url = "http://cognito.example.com/";
	assert_int_equal(sf_login(&l, &o, &err), -EINVAL);
	assert_non_null(strstr(err.text, "endpoint_url"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_by_password),
		cmocka_unit_test(another_by_the_refresh_token),
		cmocka_unit_test(a_pool_that_rotates),
		cmocka_unit_test(a_refresh_token_goes_once),
		cmocka_unit_test(no_token),
		cmocka_unit_test(a_refresh_token_that_is_over),
		cmocka_unit_test(what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
