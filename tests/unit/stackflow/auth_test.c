#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static const char record[] = "{\"id\":\"INC0000001\"}";

/*
 * Plays both: each token request gives t1, t2, ...; StackFlow takes the
 * tokens from `oldest` on, or none where it is negative.
 */
struct giver {
	atomic_int given, oldest, life, status;
	atomic_int stall; /* token requests from that one on get none */
	const char *body; /* of a token answer other than 200 */
};

static int bearer_of(const char *request)
{
	const char *at = strstr(request, "\r\nAuthorization: Bearer t");

	return at ? (int)strtol(at + 25, NULL, 10) : -1;
}

static void give(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	struct giver *g = s->arg;
	int oldest = atomic_load(&g->oldest);
	char body[200];

	(void)nth;
	if (strstr(request, " /token ")) {
		int n = atomic_fetch_add(&g->given, 1) + 1;
		int stall = atomic_load(&g->stall);

		if (stall && n >= stall) {
			reply_set(out, DEED_STALL, "%s", "");
		} else if (atomic_load(&g->status)) {
			reply_json(out, atomic_load(&g->status), "", g->body);
		} else {
			snprintf(body, sizeof(body),
				 "{\"access_token\":\"t%d\",\"expires_in\":%d}",
				 n, atomic_load(&g->life));
			reply_json(out, 200, "", body);
		}
	} else if (oldest < 0 || bearer_of(request) < oldest) {
		reply_json(out, 401, "", "{\"message\":\"expired\"}");
	} else {
		reply_json(out, 200, "", record);
	}
}

static void client_credentials(void **state)
{
	struct giver g = { .life = 3600 };
	struct sf_stats st;
	struct kept k;
	struct rig r;

	(void)state;
	rig_client(&r, give, &g);
	k = rig_create(&r);
	assert_int_equal(k.res.outcome, SF_OK);
	k = rig_create(&r);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(g.given, 1);
	/* printf the-client:the-secret-of-it | base64 */
	assert_int_equal(server_saw(&r.server,
				    "\r\nAuthorization: Basic "
				    "dGhlLWNsaWVudDp0aGUtc2VjcmV0LW9mLWl0\r\n"),
			 1);
	assert_int_equal(server_saw(&r.server, "\r\n\r\n"
					       "grant_type=client_credentials"),
			 1);
	assert_int_equal(server_saw(&r.server, "\r\nContent-Type: application/"
					       "x-www-form-urlencoded\r\n"),
			 1);
	sf_client_stats(r.client, &st);
	assert_true(st.authenticated);
	assert_int_equal(st.renewals, 1);
	assert_string_equal(st.auth_problem, "");
	rig_stop(&r);
}

/* Let the token request that is under way, if any, end. */
static void settle(struct rig *r)
{
	sf_client_wait_ms(r->client, r->now);
	for (int i = 0; rest_active(r->rest) && i < 2000; i++)
		rest_step(r->rest, 10);
}

static void renewal_is_ahead_of_expiry(void **state)
{
	static const struct {
		int life_s, renew_s;
	} cases[] = {
		{ 3600, 2880 }, { 1200, 900 }, { 600, 300 }, { 100, 50 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct giver g = { .life = cases[i].life_s };
		struct rig r;
		int64_t begun;

		rig_client(&r, give, &g);
		begun = r.now;
		settle(&r);
		assert_int_equal(g.given, 1);
		r.now = begun + cases[i].renew_s * 1000 - 1;
		settle(&r);
		assert_int_equal(g.given, 1);
		r.now++;
		settle(&r);
		assert_int_equal(g.given, 2);
		rig_stop(&r);
	}
}

static void old_token_serves_until_it_expires(void **state)
{
	struct giver g = { .life = 3600, .stall = 2 };
	struct kept k = { 0 };
	struct rig r;
	int64_t begun;

	(void)state;
	rig_client(&r, give, &g);
	begun = r.now;
	settle(&r);
	/* The renewal hangs; requests go on with what there is. */
	r.now = begun + 3000000;
	for (unsigned i = 1; i <= 3; i++) {
		r.now += 100;
		assert_int_equal(sf_client_wait_ms(r.client, r.now), 0);
		assert_int_equal(
			sf_incident_get(r.client, STR("INC0000001"), keep, &k),
			0);
		while (k.done < i)
			rest_step(r.rest, 10);
		assert_int_equal(k.res.outcome, SF_OK);
	}
	assert_int_equal(server_saw(&r.server, "Bearer t1\r\n"), 3);
	/* One renewal at a time; it may reach the server after the others. */
	for (int i = 0; i < 500 && server_saw(&r.server, " /token ") < 2; i++)
		rest_step(r.rest, 10);
	assert_int_equal(server_saw(&r.server, " /token "), 2);
	/* Expired: the next waits, and ends with the renewal. */
	r.now = begun + 3600000;
	k.done = 0;
	assert_int_equal(sf_client_wait_ms(r.client, r.now), 0);
	assert_int_equal(sf_incident_get(r.client, STR("INC0000001"), keep, &k),
			 0);
	sf_client_wait_ms(r.client, r.now);
	rest_step(r.rest, 0);
	assert_int_equal(server_saw(&r.server, "GET "), 3);
	sf_client_free(r.client);
	assert_int_equal(k.done, 1);
	assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
	rest_free(r.rest);
	server_stop(&r.server);
}

static void a_401_renews_once_for_all(void **state)
{
	struct giver g = { .life = 3600 };
	struct kept k[20] = { { 0 } };
	struct rig r;

	(void)state;
	rig_client(&r, give, &g);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	/* From now on only the next token is good. */
	atomic_store(&g.oldest, 2);
	for (size_t i = 0; i < 20; i++) {
		rig_ready(&r);
		assert_int_equal(sf_incident_create(r.client, STR("{\"n\":1}"),
						    NULL, keep, &k[i]),
				 0);
	}
	rig_run(&r);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(k[i].done, 1);
		if (k[i].res.outcome != SF_OK)
			fail_msg("call %zu: %s", i, k[i].problem);
	}
	assert_int_equal(g.given, 2);
	assert_int_equal(server_saw(&r.server, "Bearer t2\r\n"), 20);
	assert_in_range(server_saw(&r.server, "Bearer t1\r\n"), 2, 21);
	rig_stop(&r);
}

static void refused_for_good_is_not_hammered(void **state)
{
	struct giver g = { .life = 3600, .oldest = -1 };
	struct sf_stats st;
	struct rig r;
	int64_t begun;

	(void)state;
	rig_client(&r, give, &g);
	begun = r.now;
	for (int i = 0; i < 100; i++) {
		struct kept k = rig_get(&r);

		assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
		assert_int_equal(k.res.status, 401);
		assert_string_equal(k.problem, "401: expired");
		r.now += 100;
	}
	/* Ten seconds and more with a backoff that doubles. */
	assert_true(r.now - begun >= 10000);
	assert_in_range(g.given, 2, 10);
	sf_client_stats(r.client, &st);
	assert_false(st.authenticated);
	assert_string_equal(st.auth_problem,
			    "StackFlow refuses a new token (401)");
	/* It passes, and the client is well again without a hand. */
	atomic_store(&g.oldest, 0);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	sf_client_stats(r.client, &st);
	assert_true(st.authenticated);
	assert_string_equal(st.auth_problem, "");
	rig_stop(&r);
}

static void static_credentials_are_not_repeated(void **state)
{
	struct giver g = { .oldest = -1 };
	struct sf_stats st;
	struct kept k;
	struct rig r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_start(&r, give, &g);
		r.options.auth.method = i ? SF_AUTH_TOKEN : SF_AUTH_API_KEY;
		r.options.auth.api_key = r.options.auth.token = "t5-secret";
		rig_open(&r);
		k = rig_get(&r);
		assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
		assert_int_equal(k.res.status, 401);
		assert_int_equal(server_requests(&r.server), 1);
		sf_client_stats(r.client, &st);
		assert_false(st.authenticated);
		assert_string_equal(st.auth_problem,
				    i ? "StackFlow refuses the token (401)"
				      : "StackFlow refuses the API key (401)");
		rig_stop(&r);
	}
}

static void no_token_ends_what_waits(void **state)
{
	struct giver g = {
		.life = 3600,
		.status = 400,
		.body = "{\"error\":\"invalid_client\",\"error_description\":"
			"\"the-secret-of-it is wrong\"}",
	};
	struct kept k[3] = { { 0 } };
	struct sf_stats st;
	struct rig r;

	(void)state;
	rig_client(&r, give, &g);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sf_incident_create(r.client, STR("{}"), NULL,
						    keep, &k[i]),
				 0);
	rig_run(&r);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(k[i].done, 1);
		assert_int_equal(k[i].res.outcome, SF_NOT_EXECUTED);
		assert_string_equal(k[i].problem,
				    "no token: 400 "
				    "invalid_client: *** is wrong "
				    "(check client_id and client_secret)");
	}
	sf_client_stats(r.client, &st);
	assert_false(st.authenticated);
	assert_non_null(strstr(st.auth_problem, "invalid_client"));
	/* A wrong secret stays wrong: a minute, and nothing begins. */
	assert_in_range(sf_client_wait_ms(r.client, r.now), 59000, 60000);
	assert_int_equal(
		sf_incident_get(r.client, STR("INC0000001"), keep, &k[0]),
		-EAGAIN);
	assert_int_equal(server_requests(&r.server), 1);
	/* Health needs none. */
	assert_int_equal(sf_health(r.client, keep, &k[1]), 0);
	rig_run(&r);
	atomic_store(&g.status, 0);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	rig_stop(&r);
}

static void failed_renewals_back_off(void **state)
{
	struct giver g = { .life = 3600, .status = 503, .body = "{}" };
	struct rig r;
	int64_t begun;
	int before;

	(void)state;
	rig_client(&r, give, &g);
	begun = r.now;
	for (int i = 0; i < 600; i++) {
		settle(&r);
		r.now += 100;
	}
	/* 1, 2, 4 ... 60 s, each shortened by up to a half. */
	assert_true(r.now - begun == 60000);
	assert_in_range(g.given, 5, 10);
	before = g.given;
	for (int i = 0; i < 600; i++) {
		settle(&r);
		r.now += 1000;
	}
	assert_in_range(g.given - before, 9, 22);
	rig_stop(&r);
}

static void a_key_is_exchanged(void **state)
{
	struct giver g = { .life = 3600 };
	struct rig r;

	(void)state;
	rig_start(&r, give, &g);
	r.options.auth.method = SF_AUTH_API_KEY;
	r.options.auth.api_key = "sfk_test_1";
	r.options.auth.exchange_url = r.token;
	rig_open(&r);
	assert_int_equal(rig_create(&r).res.outcome, SF_OK);
	assert_int_equal(server_saw(&r.server, "Bearer t1\r\n"), 1);
	assert_int_equal(server_saw(&r.server, "Bearer sfk_test_1\r\n"), 1);
	assert_int_equal(server_saw(&r.server, "{\"api_key\":\"sfk_test_1\"}"),
			 1);
	rig_stop(&r);
}

/* Cognito: a refresh token that is taken, and one that isn't any more. */
struct pool {
	atomic_int refresh_ok, refreshes, passwords;
	const char *answer; /* in place of a token */
};

static void cognito(struct server *s, unsigned nth, const char *request,
		    struct reply *out)
{
	struct pool *p = s->arg;

	(void)nth;
	if (!strstr(request,
		    "X-Amz-Target: "
		    "AWSCognitoIdentityProviderService.InitiateAuth")) {
		reply_json(out, 200, "", record);
	} else if (p->answer) {
		reply_json(out, 200, "", p->answer);
	} else if (strstr(request, "\"AuthFlow\":\"USER_PASSWORD_AUTH\"")) {
		atomic_fetch_add(&p->passwords, 1);
		reply_json(out, 200, "",
			   "{\"AuthenticationResult\":{"
			   "\"IdToken\":\"idt\",\"AccessToken\":\"x\","
			   "\"ExpiresIn\":3600,\"RefreshToken\":\"rt-1\"}}");
	} else if (atomic_load(&p->refresh_ok) &&
		   strstr(request, "\"REFRESH_TOKEN\":\"rt-1\"")) {
		atomic_fetch_add(&p->refreshes, 1);
		reply_json(out, 200, "",
			   "{\"AuthenticationResult\":{"
			   "\"IdToken\":\"idt\",\"AccessToken\":\"x\"}}");
	} else {
		atomic_fetch_add(&p->refreshes, 1);
		reply_json(out, 400, "",
			   "{\"__type\":"
			   "\"NotAuthorizedException\",\"message\":\"no\"}");
	}
}

static void rig_secret(struct rig *r, script *run, void *arg,
		       const char *secret)
{
	rig_start(r, run, arg);
	r->options.auth.method = SF_AUTH_PASSWORD;
	r->options.auth.client_id = "app";
	r->options.auth.client_secret = secret;
	r->options.auth.email = "me@example.org";
	r->options.auth.password = "correct horse";
	r->options.auth.region = "us-east-1";
	r->options.auth.endpoint_url = r->token;
	rig_open(r);
}

static void rig_password(struct rig *r, struct pool *p)
{
	rig_secret(r, cognito, p, NULL);
}

static void password_then_refresh(void **state)
{
	struct pool p = { .refresh_ok = 1 };
	struct rig r;

	(void)state;
	rig_password(&r, &p);
	assert_int_equal(rig_create(&r).res.outcome, SF_OK);
	assert_int_equal(server_saw(&r.server, "Bearer idt\r\n"), 1);
	assert_int_equal(server_saw(&r.server, "Content-Type: application/"
					       "x-amz-json-1.1\r\n"),
			 1);
	for (int i = 1; i <= 3; i++) {
		r.now += 2881000;
		settle(&r);
		assert_int_equal(p.refreshes, i);
	}
	assert_int_equal(p.passwords, 1);
	/* The refresh token has run out: the password once, at once. */
	atomic_store(&p.refresh_ok, 0);
	r.now += 2881000;
	settle(&r);
	assert_int_equal(p.refreshes, 4);
	assert_int_equal(p.passwords, 2);
	assert_int_equal(rig_create(&r).res.outcome, SF_OK);
	rig_stop(&r);
}

/* cognito-local: neither ExpiresIn nor TokenType beside the tokens. */
static void a_token_tells_its_own_life(void **state)
{
	/* {"iat":1000,"exp":1600} */
	struct pool p = { .refresh_ok = 1,
			  .answer = "{\"AuthenticationResult\":{\"IdToken\":"
				    "\"e30.eyJpYXQiOjEwMDAsImV4cCI6MTYwMH0.x\","
				    "\"AccessToken\":\"a\","
				    "\"RefreshToken\":\"rt-1\"}}" };
	struct rig r;

	(void)state;
	rig_password(&r, &p);
	assert_int_equal(rig_create(&r).res.outcome, SF_OK);
	assert_int_equal(server_saw(&r.server, "InitiateAuth"), 1);
	r.now += 299000;
	settle(&r);
	assert_int_equal(server_saw(&r.server, "InitiateAuth"), 1);
	r.now += 2000;
	settle(&r);
	assert_int_equal(server_saw(&r.server, "REFRESH_TOKEN_AUTH"), 1);
	rig_stop(&r);
}

/* An error told in the body alone: without x-amzn-ErrorType. */
static void refuse_user(struct server *s, unsigned nth, const char *request,
			struct reply *out)
{
	(void)nth;
	(void)request;
	reply_json(out, 400, "", s->arg);
}

static void an_error_without_its_header(void **state)
{
	static const char *const answers[] = {
		"{\"__type\":\"InvalidPasswordException\","
		"\"message\":\"Invalid password\"}",
		"{\"__type\":\"com.amazonaws.cognito#NotAuthorizedException\","
		"\"message\":\"User not authorized\"}",
	};
	static const char *const said[] = { "400 InvalidPasswordException: "
					    "Invalid password",
					    "400 NotAuthorizedException: "
					    "User not authorized" };
	struct sf_stats st;
	struct rig r;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		rig_secret(&r, refuse_user, (void *)(uintptr_t)answers[i],
			   NULL);
		settle(&r);
		sf_client_stats(r.client, &st);
		assert_non_null(strstr(st.auth_problem, said[i]));
		/* A person has to mend it: no more than once a minute. */
		r.now += 59000;
		settle(&r);
		assert_int_equal(server_requests(&r.server), 1);
		rig_stop(&r);
	}
}

static void a_challenge_needs_a_person(void **state)
{
	struct pool p = { .answer = "{\"ChallengeName\":\"SMS_MFA\"}" };
	struct sf_stats st;
	struct rig r;

	(void)state;
	rig_password(&r, &p);
	settle(&r);
	sf_client_stats(r.client, &st);
	assert_false(st.authenticated);
	assert_non_null(strstr(st.auth_problem, "SMS_MFA"));
	for (int i = 0; i < 59; i++) {
		r.now += 1000;
		settle(&r);
	}
	assert_int_equal(server_requests(&r.server), 1);
	r.now += 1000;
	settle(&r);
	assert_int_equal(server_requests(&r.server), 2);
	rig_stop(&r);
}

/* What waited for the token keeps the rate, too. */
static void waiting_calls_keep_the_rate(void **state)
{
	struct giver g = { .life = 3600 };
	struct kept k[20] = { { 0 } };
	struct rig r;
	int64_t begun;

	(void)state;
	rig_start(&r, give, &g);
	r.options.requests_per_second = 10;
	r.options.auth.method = SF_AUTH_CLIENT_CREDENTIALS;
	r.options.auth.client_id = "a";
	r.options.auth.client_secret = "bcde";
	r.options.auth.token_url = r.token;
	rig_open(&r);
	begun = r.now;
	for (int i = 0; i < 20; i++)
		assert_int_equal(sf_incident_get(r.client, STR("INC0000001"),
						 keep, &k[i]),
				 0);
	while (sf_client_active(r.client)) {
		int64_t ms = sf_client_wait_ms(r.client, r.now);

		rest_step(r.rest, 1);
		/* By the rig's time no more than the rate has gone. */
		assert_true(server_saw(&r.server, "GET ") <=
			    1 + (r.now - begun) / 100);
		if (sf_client_active(r.client) && ms > 0)
			r.now += ms;
	}
	assert_true(r.now - begun >= 1900);
	rig_stop(&r);
}

/*
 * A pool that rotates refresh tokens: r1, r2, ... each good once, and not by
 * InitiateAuth. Its users have names of their own.
 */
struct rotating {
	atomic_int passwords, refreshes, rotations, current;
	atomic_int lose; /* the answer to the next rotation */
	atomic_int reused;
};

/* {"cognito:username":"0f-1"} */
#define ID_TOKEN "h.eyJjb2duaXRvOnVzZXJuYW1lIjoiMGYtMSJ9.s"

static void give_rotated(struct rotating *p, struct reply *out)
{
	char body[300];

	snprintf(body, sizeof(body),
		 "{\"AuthenticationResult\":{\"IdToken\":\"" ID_TOKEN "\","
		 "\"ExpiresIn\":3600,\"RefreshToken\":\"r%d\"}}",
		 atomic_fetch_add(&p->current, 1) + 1);
	reply_json(out, 200, "", body);
}

static void rotate(struct server *s, unsigned nth, const char *request,
		   struct reply *out)
{
	struct rotating *p = s->arg;
	const char *at = strstr(request, "\"RefreshToken\":\"r");

	(void)nth;
	if (strstr(request, "Service.GetTokensFromRefreshToken\r\n")) {
		atomic_fetch_add(&p->rotations, 1);
		if (!at || strtol(at + 17, NULL, 10) != p->current) {
			atomic_fetch_add(&p->reused, 1);
			reply_json(out, 400, "",
				   "{\"__type\":"
				   "\"RefreshTokenReuseException\"}");
			return;
		}
		give_rotated(p, out);
		if (atomic_exchange(&p->lose, 0))
			reply_set(out, DEED_RESET, "%s", "");
	} else if (strstr(request, "USER_PASSWORD_AUTH")) {
		atomic_fetch_add(&p->passwords, 1);
		give_rotated(p, out);
	} else if (strstr(request, "REFRESH_TOKEN_AUTH")) {
		atomic_fetch_add(&p->refreshes, 1);
		reply_json(out, 400, "",
			   "{\"__type\":\"UnsupportedOperationException\"}");
	} else {
		reply_json(out, 200, "", record);
	}
}

static void refresh_tokens_rotate(void **state)
{
	struct rotating p = { 0 };
	struct sf_stats st;
	struct rig r;

	(void)state;
	rig_secret(&r, rotate, &p, "the-secret");
	settle(&r);
	for (int i = 1; i <= 4; i++) {
		r.now += 2881000;
		settle(&r);
		/* Tried once the other way, then known. */
		assert_int_equal(p.refreshes, 1);
		assert_int_equal(p.rotations, i);
	}
	assert_int_equal(p.passwords, 1);
	assert_int_equal(p.reused, 0);
	assert_int_equal(
		server_saw(&r.server, "\"ClientSecret\":\"the-secret\""), 4);
	assert_int_equal(server_saw(&r.server, "\"SECRET_HASH\""), 2);
	sf_client_stats(r.client, &st);
	assert_int_equal(st.renewals, 5);
	assert_string_equal(st.auth_problem, "");
	/* An answer is lost, and with it the next refresh token: the password,
	 * once, and the token that is left serves on. */
	atomic_store(&p.lose, 1);
	r.now += 2881000;
	settle(&r);
	sf_client_stats(r.client, &st);
	assert_true(st.authenticated);
	assert_non_null(strstr(st.auth_problem, "no token: "));
	r.now += 2000;
	settle(&r);
	assert_int_equal(p.reused, 1);
	assert_int_equal(p.passwords, 2);
	sf_client_stats(r.client, &st);
	assert_string_equal(st.auth_problem, "");
	assert_int_equal(rig_create(&r).res.outcome, SF_OK);
	rig_stop(&r);
}

/* With the pool's own name of the user, which an id token tells. */
static void a_secret_is_hashed_for_a_refresh(void **state)
{
	/* openssl dgst -sha256 -hmac the-secret -binary | base64 */
	static const char first[] = "\"SECRET_HASH\":\"N4pB+MF+7anzYp2YeMNGpk/"
				    "EPvY6fCgxeGKgrqDJ4es=\"";
	static const char again[] = "\"SECRET_HASH\":\"0KPQ9k1U3Hv9tXHmrgoW/"
				    "XtILg9AYtF2RRndHtYUuWA=\"";
	struct pool p = {
		.answer = "{\"AuthenticationResult\":{\"IdToken\":\"" ID_TOKEN
			  "\",\"ExpiresIn\":3600,"
			  "\"RefreshToken\":\"rt-1\"}}"
	};
	struct rig r;

	(void)state;
	rig_secret(&r, cognito, &p, "the-secret");
	settle(&r);
	assert_int_equal(server_saw(&r.server, first), 1);
	r.now += 2881000;
	settle(&r);
	assert_int_equal(server_saw(&r.server, again), 1);
	rig_stop(&r);
}

static void a_challenge_ends_what_waits_in_words(void **state)
{
	struct pool p = { .answer = "{\"ChallengeName\":\"SMS_MFA\"}" };
	struct kept k = { 0 };
	struct sf_stats st;
	struct rig r;

	(void)state;
	rig_password(&r, &p);
	assert_int_equal(sf_incident_get(r.client, STR("INC0000001"), keep, &k),
			 0);
	rig_run(&r);
	assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
	sf_client_stats(r.client, &st);
	assert_string_equal(k.problem, st.auth_problem);
	assert_string_equal(k.problem,
			    "no token: Cognito asks for SMS_MFA: this user has "
			    "a second factor, which a service can't answer: "
			    "use a service account without one, or "
			    "client_credentials");
	rig_stop(&r);
}

static void a_token_replaced_in_place(void **state)
{
	struct giver g = { .life = 3600 };
	struct kept k = { 0 };
	struct sf_stats st;
	struct rig r;

	(void)state;
	rig_client(&r, give, &g);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	assert_int_equal(sf_client_set_token(r.client, "two words"), -EINVAL);
	assert_int_equal(sf_client_set_token(r.client, ""), -EINVAL);
	assert_int_equal(sf_client_set_token(r.client, "a\r\nX: b"), -EINVAL);
	assert_int_equal(sf_client_set_token(r.client, NULL), -EINVAL);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	assert_int_equal(server_saw(&r.server, "Bearer t1\r\n"), 2);
	/* One that is under way with the old token, which is no good any more,
	 * goes once more with the new. */
	atomic_store(&g.oldest, 7);
	rig_ready(&r);
	assert_int_equal(
		sf_incident_create(r.client, STR("{}"), NULL, keep, &k), 0);
	assert_int_equal(sf_client_set_token(r.client, "t7"), 0);
	rig_run(&r);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&r.server, "Bearer t1\r\n"), 3);
	assert_int_equal(server_saw(&r.server, "Bearer t7\r\n"), 1);
	/* Nothing renews it, whatever the time. */
	r.now += INT64_C(100) * 86400 * 1000;
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	assert_int_equal(g.given, 1);
	/* And where it is refused, that is told, not renewed. */
	atomic_store(&g.oldest, 8);
	assert_int_equal(rig_get(&r).res.outcome, SF_NOT_EXECUTED);
	sf_client_stats(r.client, &st);
	assert_string_equal(st.auth_problem,
			    "StackFlow refuses the token (401)");
	assert_int_equal(g.given, 1);
	assert_int_equal(sf_client_set_token(r.client, "t8"), 0);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	sf_client_stats(r.client, &st);
	assert_string_equal(st.auth_problem, "");
	assert_true(st.authenticated);
	rig_stop(&r);
}

/* A renewal that hangs is nobody's any more; what waited for it goes. */
static void a_token_frees_what_waits(void **state)
{
	struct giver g = { .life = 3600, .stall = 1 };
	struct kept k = { 0 };
	struct rig r;

	(void)state;
	rig_client(&r, give, &g);
	assert_int_equal(sf_incident_get(r.client, STR("INC0000001"), keep, &k),
			 0);
	for (int i = 0; i < 500 && !server_saw(&r.server, " /token "); i++)
		rest_step(r.rest, 10);
	assert_int_equal(k.done, 0);
	assert_int_equal(sf_client_set_token(r.client, "t9"), 0);
	while (!k.done) {
		sf_client_wait_ms(r.client, r.now++);
		rest_step(r.rest, 10);
	}
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&r.server, "Bearer t9\r\n"), 1);
	rig_stop(&r);
}

static void the_clock_jumps(void **state)
{
	struct giver g = { .life = 3600 };
	struct rig r;
	int64_t begun;

	(void)state;
	rig_client(&r, give, &g);
	begun = r.now;
	settle(&r);
	assert_int_equal(g.given, 1);
	/* Back: as if it stood still. */
	r.now = 5;
	settle(&r);
	assert_int_equal(g.given, 1);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	/* Years ahead, as after a long sleep: one renewal. */
	r.now = begun + INT64_C(5) * 365 * 86400 * 1000;
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	assert_int_equal(g.given, 2);
	assert_int_equal(server_saw(&r.server, "Bearer t2\r\n"), 1);
	rig_stop(&r);
}

static void logins_are_bounded(void **state)
{
	char text[2002];
	struct sf_client *c = NULL;
	struct err err = { "" };
	struct rig r;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[2001] = '\0';
	rig_start(&r, give, NULL);
	r.options.auth = (struct sf_auth){
		.method = SF_AUTH_PASSWORD,
		.client_id = "app",
		.email = text,
		.password = "p",
		.endpoint_url = r.token,
	};
	assert_int_equal(sf_client_new(&c, &r.options, r.rest, &err), -EINVAL);
	assert_string_equal(err.text, "email is longer than 2000 bytes");
	text[2000] = '\0';
	rig_open(&r);
	rig_stop(&r);
}

/*
 * A client with a thread of its own, tokens of two seconds, and threads that
 * never stop asking: no request is refused, none waits for a renewal.
 */
struct asker {
	pthread_t thread;
	struct sf_client *client;
	atomic_uint done, failed;
};

static void asked(const struct sf_result *r, void *arg)
{
	struct asker *a = arg;

	if (r->outcome != SF_OK)
		atomic_fetch_add(&a->failed, 1);
	atomic_fetch_add(&a->done, 1);
}

static void *ask(void *arg)
{
	struct asker *a = arg;
	struct sf_stats st = { 0 };
	unsigned n = 0;

	while (st.renewals < 4) {
		if (sf_incident_get(a->client, STR("INC0000001"), asked, a) ==
		    0)
			n++;
		while (atomic_load(&a->done) < n)
			usleep(500);
		sf_client_stats(a->client, &st);
	}
	return NULL;
}

static void renewal_goes_on_in_the_background(void **state)
{
	struct giver g = { .life = 2 };
	struct asker a[3] = { { 0 } };
	struct sf_stats st;
	struct rig r;

	(void)state;
	rig_start(&r, give, &g);
	r.options.auth.method = SF_AUTH_CLIENT_CREDENTIALS;
	r.options.auth.client_id = "the-client";
	r.options.auth.client_secret = "the-secret-of-it";
	r.options.auth.token_url = r.token;
	r.options.requests_per_second = 40;
	assert_int_equal(sf_client_new(&r.client, &r.options, NULL, NULL), 0);
	for (int i = 0; i < 3; i++) {
		a[i].client = r.client;
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask, &a[i]),
				 0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(a[i].thread, NULL);
		assert_int_equal(a[i].failed, 0);
	}
	sf_client_stats(r.client, &st);
	assert_int_equal(st.renewals, g.given);
	assert_string_equal(st.auth_problem, "");
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_credentials),
		cmocka_unit_test(renewal_is_ahead_of_expiry),
		cmocka_unit_test(old_token_serves_until_it_expires),
		cmocka_unit_test(a_401_renews_once_for_all),
		cmocka_unit_test(refused_for_good_is_not_hammered),
		cmocka_unit_test(static_credentials_are_not_repeated),
		cmocka_unit_test(no_token_ends_what_waits),
		cmocka_unit_test(failed_renewals_back_off),
		cmocka_unit_test(a_key_is_exchanged),
		cmocka_unit_test(password_then_refresh),
		cmocka_unit_test(a_token_tells_its_own_life),
		cmocka_unit_test(an_error_without_its_header),
		cmocka_unit_test(a_challenge_needs_a_person),
		cmocka_unit_test(waiting_calls_keep_the_rate),
		cmocka_unit_test(refresh_tokens_rotate),
		cmocka_unit_test(a_secret_is_hashed_for_a_refresh),
		cmocka_unit_test(a_challenge_ends_what_waits_in_words),
		cmocka_unit_test(a_token_replaced_in_place),
		cmocka_unit_test(a_token_frees_what_waits),
		cmocka_unit_test(the_clock_jumps),
		cmocka_unit_test(logins_are_bounded),
		cmocka_unit_test(renewal_goes_on_in_the_background),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
