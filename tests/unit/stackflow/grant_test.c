#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rest/rest.h"
#include "stackflow/auth.h"
#include "stackflow/grant.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct read {
	enum sf_grant_end end;
	int64_t life_ms;
	char token[100], refresh[100], user[100], why[400];
};

static struct read read_grant(enum sf_grant_kind kind, int status,
			      const char *headers, const char *body)
{
	struct rest_response r = {
		.outcome = REST_ANSWERED,
		.status = status,
		.headers = str_from(headers),
		.body = str_from(body),
	};
	struct sf_granted g;
	struct read out = { 0 };

	sf_granted_init(&g);
	out.end = sf_grant_read(&g, kind, &r);
	out.life_ms = g.life_ms;
	snprintf(out.token, 100, "%.*s", STR_ARG(buf_str(&g.token)));
	snprintf(out.refresh, 100, "%.*s", STR_ARG(buf_str(&g.refresh)));
	snprintf(out.user, 100, "%.*s", STR_ARG(buf_str(&g.user)));
	snprintf(out.why, 400, "%.*s", STR_ARG(buf_str(&g.why)));
	assert_true(out.end == SF_GRANT_OK || out.why[0]);
	sf_granted_fini(&g);
	return out;
}

static void oauth_answers(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum sf_grant_end end;
	} cases[] = {
		{ 200, "{\"access_token\":\"t\",\"expires_in\":0}",
		  SF_GRANT_FAILED },
		{ 200, "{\"access_token\":\"t\",\"expires_in\":-5}",
		  SF_GRANT_FAILED },
		{ 200, "{\"access_token\":\"a b\"}", SF_GRANT_FAILED },
		{ 200, "{\"access_token\":\"a\\r\\nX: y\"}", SF_GRANT_FAILED },
		{ 200, "{\"access_token\":\"\"}", SF_GRANT_FAILED },
		{ 200, "{\"access_token\":7}", SF_GRANT_FAILED },
		{ 200, "{\"id_token\":\"t\"}", SF_GRANT_FAILED },
		{ 200, "<html>", SF_GRANT_FAILED },
		{ 200, "", SF_GRANT_FAILED },
		{ 400, "{\"error\":\"invalid_client\"}", SF_GRANT_PERMANENT },
		{ 401, "", SF_GRANT_PERMANENT },
		{ 404, "", SF_GRANT_PERMANENT },
		{ 302, "", SF_GRANT_PERMANENT },
		{ 408, "", SF_GRANT_FAILED },
		{ 429, "", SF_GRANT_FAILED },
		{ 500, "{\"error\":\"invalid_client\"}", SF_GRANT_FAILED },
		{ 503, "", SF_GRANT_FAILED },
	};
	struct read r;

	(void)state;
	r = read_grant(SF_GRANT_CLIENT, 200, "",
		       "{\"access_token\":\"abc\",\"token_type\":\"Bearer\","
		       "\"expires_in\":1800}");
	assert_int_equal(r.end, SF_GRANT_OK);
	assert_string_equal(r.token, "abc");
	assert_int_equal(r.life_ms, 1800000);
	r = read_grant(SF_GRANT_EXCHANGE, 201, "",
		       "{\"token\":\"abc\",\"expires_in\":\"60\"}");
	assert_int_equal(r.end, SF_GRANT_OK);
	assert_int_equal(r.life_ms, 60000);
	r = read_grant(SF_GRANT_EXCHANGE, 200, "", "{\"id_token\":\"abc\"}");
	assert_int_equal(r.end, SF_GRANT_OK);
	assert_int_equal(r.life_ms, 3600000);
	r = read_grant(SF_GRANT_CLIENT, 200, "",
		       "{\"access_token\":\"abc\",\"expires_in\":1e30}");
	assert_int_equal(r.life_ms, INT64_C(2592000000));
	for (size_t i = 0; i < N(cases); i++)
		if (read_grant(SF_GRANT_CLIENT, cases[i].status, "",
			       cases[i].body)
			    .end != cases[i].end)
			fail_msg("case %zu", i);
}

static void cognito_answers(void **state)
{
	static const char *const may_pass[] = {
		"TooManyRequestsException",
		"InternalErrorException",
		"UnexpectedLambdaException",
		"Other",
	};
	static const char *const permanent[] = {
		"NotAuthorizedException",
		"UserNotFoundException",
		"PasswordResetRequiredException",
		"UserNotConfirmedException",
		"InvalidParameterException",
		"ResourceNotFoundException",
		"com.amazonaws.cognito#NotAuthorizedException",
	};
	struct read r;
	char text[200];

	(void)state;
	/* The claims are {"cognito:username":"0f-1","x":"???>"}. */
	r = read_grant(SF_GRANT_PASSWORD, 200, "",
		       "{\"AuthenticationResult\":{\"AccessToken\":\"a\","
		       "\"IdToken\":\"h.eyJjb2duaXRvOnVzZXJuYW1lIjoiMGYtMSIsIn"
		       "giOiI_Pz8-In0.s\",\"RefreshToken\":\"r\"}}");
	assert_int_equal(r.end, SF_GRANT_OK);
	assert_int_equal(r.life_ms, 3600000);
	assert_string_equal(r.refresh, "r");
	assert_string_equal(r.user, "0f-1");
	r = read_grant(SF_GRANT_REFRESH, 200, "",
		       "{\"AuthenticationResult\":{\"IdToken\":\"i\","
		       "\"ExpiresIn\":300}}");
	assert_int_equal(r.end, SF_GRANT_OK);
	assert_int_equal(r.life_ms, 300000);
	assert_string_equal(r.refresh, "");
	r = read_grant(SF_GRANT_PASSWORD, 200, "",
		       "{\"ChallengeName\":\"NEW_PASSWORD_REQUIRED\","
		       "\"Session\":\"s\"}");
	assert_int_equal(r.end, SF_GRANT_PERMANENT);
	assert_non_null(strstr(r.why, "NEW_PASSWORD_REQUIRED"));
	assert_non_null(strstr(r.why, "lasting password"));
	r = read_grant(SF_GRANT_PASSWORD, 200, "",
		       "{\"ChallengeName\":\"SOFTWARE_TOKEN_MFA\"}");
	assert_int_equal(r.end, SF_GRANT_PERMANENT);
	assert_non_null(strstr(r.why, "second factor"));
	r = read_grant(SF_GRANT_PASSWORD, 200, "", "{}");
	assert_int_equal(r.end, SF_GRANT_FAILED);
	r = read_grant(SF_GRANT_REFRESH, 400, "",
		       "{\"__type\":\"NotAuthorizedException\"}");
	assert_int_equal(r.end, SF_GRANT_STALE);
	r = read_grant(SF_GRANT_PASSWORD, 400,
		       "x-amzn-ErrorType: NotAuthorizedException:http://x\r\n",
		       "");
	assert_int_equal(r.end, SF_GRANT_PERMANENT);
	for (size_t i = 0; i < N(permanent); i++) {
		snprintf(text, sizeof(text), "{\"__type\":\"%s\"}",
			 permanent[i]);
		assert_int_equal(
			read_grant(SF_GRANT_PASSWORD, 400, "", text).end,
			SF_GRANT_PERMANENT);
	}
	for (size_t i = 0; i < N(may_pass); i++) {
		snprintf(text, sizeof(text), "{\"__type\":\"%s\"}",
			 may_pass[i]);
		assert_int_equal(
			read_grant(SF_GRANT_PASSWORD, 400, "", text).end,
			SF_GRANT_FAILED);
	}
}

static void grant_bodies(void **state)
{
	struct sf_auth a = {
		.client_id = "client",
		.email = "me@example.org",
		.password = "p\"w",
	};
	struct buf out = BUF_INIT(4096);

	(void)state;
	sf_grant_put_body(&out, SF_GRANT_PASSWORD, &a, STR(""), STR(""));
	assert_string_equal(
		out.p,
		"{\"ClientId\":\"client\","
		"\"AuthFlow\":\"USER_PASSWORD_AUTH\",\"AuthParameters\":{"
		"\"USERNAME\":\"me@example.org\",\"PASSWORD\":\"p\\\"w\"}}");
	buf_reset(&out);
	/* openssl dgst -sha256 -hmac key -binary of "userclient" */
	a.client_secret = "key";
	sf_grant_put_body(&out, SF_GRANT_REFRESH, &a, STR("r"), STR("user"));
	assert_string_equal(
		out.p,
		"{\"ClientId\":\"client\","
		"\"AuthFlow\":\"REFRESH_TOKEN_AUTH\",\"AuthParameters\":{"
		"\"REFRESH_TOKEN\":\"r\",\"SECRET_HASH\":\""
		"YwFvZ4loYJ8AoBhNXIih/Y38DF2IP6/Lq768LwhOvJ0=\"}}");
	buf_reset(&out);
	sf_grant_put_body(&out, SF_GRANT_CLIENT, &a, STR(""), STR(""));
	assert_string_equal(out.p, "grant_type=client_credentials");
	buf_reset(&out);
	a.scope = "a/b c/d";
	sf_grant_put_body(&out, SF_GRANT_CLIENT, &a, STR(""), STR(""));
	assert_string_equal(
		out.p, "grant_type=client_credentials&scope=a%2Fb%20c%2Fd");
	buf_fini(&out);
}

/* {"iat":1000,"exp":1600} */
#define TEN_MINUTES "e30.eyJpYXQiOjEwMDAsImV4cCI6MTYwMH0.x"

static void lives(void **state)
{
	static const struct {
		const char *body;
		int64_t life_s;
	} cases[] = {
		{ "{\"access_token\":\"t\"}", 3600 },
		{ "{\"access_token\":\"t\",\"expires_in\":null}", 3600 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"90\"}", 90 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"soon\"}", 3600 },
		{ "{\"access_token\":\"t\",\"expires_in\":true}", 3600 },
		{ "{\"access_token\":\"t\",\"expires_in\":59.9}", 59 },
		{ "{\"access_token\":\"t\",\"expires_in\":99999999999}",
		  30 * 86400 },
		{ "{\"access_token\":\"t\",\"expires_in\":"
		  "\"9223372036854775807\"}",
		  30 * 86400 },
		{ "{\"access_token\":\"" TEN_MINUTES "\"}", 600 },
		{ "{\"access_token\":\"" TEN_MINUTES "\",\"expires_in\":300}",
		  300 },
		{ "{\"access_token\":\"" TEN_MINUTES "\","
		  "\"expires_in\":3600}",
		  600 },
	};
	struct read r;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		r = read_grant(SF_GRANT_CLIENT, 200, "", cases[i].body);
		if (r.end != SF_GRANT_OK || r.life_ms != cases[i].life_s * 1000)
			fail_msg("%s: %lld", cases[i].body,
				 (long long)r.life_ms);
	}
	/* The id token is what serves; ExpiresIn is the access token's. */
	r = read_grant(SF_GRANT_PASSWORD, 200, "",
		       "{\"AuthenticationResult\":{\"IdToken\":\"" TEN_MINUTES
		       "\",\"ExpiresIn\":3600}}");
	assert_int_equal(r.life_ms, 600000);
}

/* As sf_stats.auth_problem shows it: all of the advice is there. */
static void fits(const struct read *r, const char *advice)
{
	if (r->end != SF_GRANT_PERMANENT || !strstr(r->why, advice) ||
	    strlen("no token: ") + strlen(r->why) > 255)
		fail_msg("%d, %s", r->end, r->why);
}

static void challenges_say_what_to_do(void **state)
{
	static const struct {
		const char *name, *advice;
	} cases[] = {
		{ "NEW_PASSWORD_REQUIRED", "set a lasting password" },
		{ "PASSWORD_RESET_REQUIRED", "reset this user's password" },
		{ "SMS_MFA", "has a second factor" },
		{ "SOFTWARE_TOKEN_MFA", "has a second factor" },
		{ "MFA_SETUP", "wants a second factor of this user" },
		{ "SELECT_MFA_TYPE", "several second factors" },
		{ "EMAIL_OTP", "one-time password" },
		{ "SMS_OTP", "one-time password" },
		{ "WEB_AUTHN", "passkey" },
		{ "DEVICE_SRP_AUTH", "devices" },
		{ "DEVICE_PASSWORD_VERIFIER", "devices" },
		{ "SELECT_CHALLENGE", "ALLOW_USER_PASSWORD_AUTH" },
		{ "CUSTOM_CHALLENGE", "client_credentials or an API key" },
		{ "SOMETHING_OF_TOMORROW", "client_credentials or an API key" },
	};
	char body[200];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct read r;

		snprintf(body, sizeof(body),
			 "{\"ChallengeName\":\"%s\",\"Session\":\"s\"}",
			 cases[i].name);
		r = read_grant(SF_GRANT_PASSWORD, 200, "", body);
		fits(&r, cases[i].advice);
		assert_non_null(strstr(r.why, cases[i].name));
	}
}

static void errors_say_what_to_do(void **state)
{
	static const struct {
		const char *name, *message, *advice;
	} cases[] = {
		{ "NotAuthorizedException", "Incorrect username or password.",
		  "check email and password" },
		{ "NotAuthorizedException", "Password attempts exceeded",
		  "wait longer each time" },
		{ "NotAuthorizedException", "User is disabled.",
		  "has to enable this user" },
		{ "NotAuthorizedException",
		  "Client abc is configured with secret but SECRET_HASH was "
		  "not "
		  "received",
		  "check client_secret" },
		{ "NotAuthorizedException",
		  "Unable to verify secret hash for client abc",
		  "check client_secret" },
		{ "NotAuthorizedException",
		  "Temporary password has expired and must be reset by an "
		  "administrator.",
		  "has to set a new password" },
		{ "PasswordResetRequiredException",
		  "Password reset required for the user",
		  "reset this user's password" },
		{ "UserNotConfirmedException", "User is not confirmed.",
		  "confirm this user" },
		{ "UserNotFoundException", "User does not exist.",
		  "check email" },
		{ "InvalidParameterException",
		  "USER_PASSWORD_AUTH flow not enabled for this client",
		  "ALLOW_USER_PASSWORD_AUTH" },
		{ "ResourceNotFoundException",
		  "User pool client abc does not exist.",
		  "check client_id and region" },
		{ "UserLambdaValidationException", "PreAuthentication failed",
		  "Lambda trigger" },
		{ "ForbiddenException", "Request not allowed", "WAF" },
	};
	char body[400], words[400];
	struct read r;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(body, sizeof(body),
			 "{\"__type\":\"%s\",\"message\":\"%s\"}",
			 cases[i].name, cases[i].message);
		r = read_grant(SF_GRANT_PASSWORD, 400, "", body);
		fits(&r, cases[i].advice);
		/* The server's own words come first. */
		snprintf(words, sizeof(words), "400 %s: %.20s", cases[i].name,
			 cases[i].message);
		assert_ptr_equal(strstr(r.why, words), r.why);
	}
	memset(words, 'x', sizeof(words) - 100);
	words[sizeof(words) - 100] = '\0';
	snprintf(body, sizeof(body),
		 "{\"__type\":\"UserNotFoundException\",\"message\":\"%s\"}",
		 words);
	r = read_grant(SF_GRANT_PASSWORD, 400, "", body);
	fits(&r, "check email");
	r = read_grant(SF_GRANT_CLIENT, 400, "",
		       "{\"error\":\"unauthorized_client\"}");
	fits(&r, "allow client_credentials");
	/* Nothing to do but to wait. */
	r = read_grant(SF_GRANT_PASSWORD, 400, "",
		       "{\"__type\":\"TooManyRequestsException\","
		       "\"message\":\"Rate exceeded\"}");
	assert_int_equal(r.end, SF_GRANT_FAILED);
	assert_string_equal(r.why,
			    "400 TooManyRequestsException: Rate exceeded");
}

static void refusals_of_a_refresh(void **state)
{
	static const struct {
		enum sf_grant_kind kind;
		const char *name, *message;
		enum sf_grant_end end;
	} cases[] = {
		{ SF_GRANT_REFRESH, "NotAuthorizedException",
		  "Refresh Token has expired", SF_GRANT_STALE },
		{ SF_GRANT_REFRESH, "NotAuthorizedException",
		  "Refresh Token has been revoked", SF_GRANT_STALE },
		{ SF_GRANT_REFRESH, "RefreshTokenReuseException", "",
		  SF_GRANT_STALE },
		{ SF_GRANT_REFRESH, "UnsupportedOperationException", "",
		  SF_GRANT_ROTATES },
		{ SF_GRANT_REFRESH, "InvalidParameterException", "",
		  SF_GRANT_ROTATES },
		{ SF_GRANT_REFRESH, "NotAuthorizedException",
		  "Auth flow not enabled for this client", SF_GRANT_ROTATES },
		{ SF_GRANT_REFRESH, "TooManyRequestsException", "",
		  SF_GRANT_FAILED },
		{ SF_GRANT_REFRESH, "InternalErrorException", "",
		  SF_GRANT_FAILED },
		{ SF_GRANT_REFRESH, "UserNotFoundException", "",
		  SF_GRANT_PERMANENT },
		{ SF_GRANT_ROTATE, "RefreshTokenReuseException", "",
		  SF_GRANT_STALE },
		{ SF_GRANT_ROTATE, "NotAuthorizedException",
		  "Auth flow not enabled for this client", SF_GRANT_STALE },
		{ SF_GRANT_ROTATE, "UnsupportedOperationException", "",
		  SF_GRANT_STALE },
		{ SF_GRANT_ROTATE, "UnknownOperationException", "",
		  SF_GRANT_STALE },
		{ SF_GRANT_ROTATE, "TooManyRequestsException", "",
		  SF_GRANT_FAILED },
	};
	char body[300];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(body, sizeof(body),
			 "{\"__type\":\"%s\",\"message\":\"%s\"}",
			 cases[i].name, cases[i].message);
		if (read_grant(cases[i].kind, 400, "", body).end !=
		    cases[i].end)
			fail_msg("case %zu", i);
	}
}

static void body_is(enum sf_grant_kind kind, const struct sf_auth *a,
		    const char *user, const char *expected)
{
	struct buf out = BUF_INIT(4096);

	sf_grant_put_body(&out, kind, a, STR("r-1"), str_from(user));
	assert_int_equal(buf_error(&out), 0);
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

/* Who the hash is of: the email first, then the pool's own name. */
static void secret_hashes(void **state)
{
	struct sf_auth a = { .client_id = "client",
			     .client_secret = "key",
			     .email = "user",
			     .password = "pw" };

	(void)state;
	body_is(SF_GRANT_PASSWORD, &a, "0f-1",
		"{\"ClientId\":\"client\",\"AuthFlow\":"
		"\"USER_PASSWORD_AUTH\",\"AuthParameters\":{"
		"\"USERNAME\":\"user\",\"PASSWORD\":\"pw\",\"SECRET_HASH\":"
		"\"YwFvZ4loYJ8AoBhNXIih/Y38DF2IP6/Lq768LwhOvJ0=\"}}");
	a.email = "other";
	body_is(SF_GRANT_REFRESH, &a, "user",
		"{\"ClientId\":\"client\",\"AuthFlow\":"
		"\"REFRESH_TOKEN_AUTH\",\"AuthParameters\":{"
		"\"REFRESH_TOKEN\":\"r-1\",\"SECRET_HASH\":"
		"\"YwFvZ4loYJ8AoBhNXIih/Y38DF2IP6/Lq768LwhOvJ0=\"}}");
	body_is(SF_GRANT_ROTATE, &a, "user",
		"{\"RefreshToken\":\"r-1\",\"ClientId\":\"client\","
		"\"ClientSecret\":\"key\"}");
	a.client_secret = "";
	body_is(SF_GRANT_REFRESH, &a, "user",
		"{\"ClientId\":\"client\",\"AuthFlow\":"
		"\"REFRESH_TOKEN_AUTH\",\"AuthParameters\":{"
		"\"REFRESH_TOKEN\":\"r-1\"}}");
	body_is(SF_GRANT_ROTATE, &a, "user",
		"{\"RefreshToken\":\"r-1\",\"ClientId\":\"client\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oauth_answers),
		cmocka_unit_test(cognito_answers),
		cmocka_unit_test(grant_bodies),
		cmocka_unit_test(lives),
		cmocka_unit_test(challenges_say_what_to_do),
		cmocka_unit_test(errors_say_what_to_do),
		cmocka_unit_test(refusals_of_a_refresh),
		cmocka_unit_test(secret_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
