/* Container, instance and web identity against endpoints on loopback. */
#include "tests/unit/aws/creds_rig.h"

#define ROLE "arn:aws:iam::111122223333:role/tocsin"

/* One look, of providers that say no or the one under test. */
static void step(struct rig *r)
{
	if (!r->c)
		rig_open(r);
	creds_step(r->c);
}

static void again(struct rig *r)
{
	r->now_ms += MINUTE;
	step(r);
}

static void container_by_relative_uri(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	rig_connect(r, "169.254.170.2:80");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/c?id=a");
	/* The relative one wins, and no proxy comes between. */
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
	r->o.proxy = "http://127.0.0.1:1";
	rig_keys(r, "GET /v2/c?id=a HTTP/1.1", "ASIAECS", 360);
	step(r);
	assert_keys(r, "ASIAECS");
	assert_string_equal(aws_creds_provider(r->c), "container");
	assert_int_equal(server_saw(&r->server, "Host: 169.254.170.2\r\n"), 1);
	assert_int_equal(server_saw(&r->server, "Accept: application/json"), 1);
	assert_int_equal(server_saw(&r->server, "Authorization"), 0);
	rig_free(r);
}

static void container_by_full_uri_and_file(void **state)
{
	struct rig *r = rig_new();
	const char *file = rig_file(r, "token", "pod token=1");

	(void)state;
	rig_serve(r);
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"http://localhost:%u/v1/credentials", r->server.port);
	rig_var(r, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "not-this");
	rig_var(r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "%s", file);
	rig_keys(r, "GET /v1/credentials ", "ASIAEKS1", 20)->holds =
		"\r\nAuthorization: pod token=1\r\n";
	rig_keys(r, "GET /v1/credentials ", "ASIAEKS2", 60)->holds =
		"\r\nAuthorization: rotated\r\n";
	step(r);
	assert_keys(r, "ASIAEKS1");
	/* Read anew at each renewal. */
	rig_file(r, "token", "rotated");
	r->now_ms += 12 * MINUTE;
	step(r);
	assert_keys(r, "ASIAEKS2");
	rig_free(r);
}

static void container_refuses_tokens(void **state)
{
	static const char *const bad[] = { "x\n", "x\r\nHost: y", "x\x7f", "" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rig *r = rig_new();

		rig_connect(r, "169.254.170.23:80");
		rig_var(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			"http://169.254.170.23/v1/credentials");
		rig_var(r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "%s",
			rig_file(r, "token", bad[i]));
		step(r);
		assert_none(r, bad[i][0] ? "holds a line break" : "is empty");
		assert_none(r, "/token: ");
		assert_int_equal(server_requests(&r->server), 0);
		rig_free(r);
	}
}

static void container_refuses_addresses(void **state)
{
	static const char *const bad[] = {
		"http://10.0.0.1/x",
		"http://169.254.169.254/latest/meta-data/",
		"http://169.254.170.2.example/x",
		"http://169.254.170.2@10.0.0.1/x",
		"http://169.254.170.23x/",
		"http://example/",
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"http://[fd00:ec2::24]/",
		"http://169.254.170.2/\r\nX: y",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rig *r = rig_new();
		char id[64];

		rig_var(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s", bad[i]);
		step(r);
		if (rig_get(r, id, NULL) != -ENOENT)
			fail_msg("taken: %s", bad[i]);
		rig_free(r);
	}
	for (size_t i = 0; i < 2; i++) {
		struct rig *r = rig_new();

		rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "%s",
			i ? "@10.0.0.1/" : ".example/");
		step(r);
		assert_none(r, "begins with a slash");
		rig_free(r);
	}
}

static void container_redirect_is_not_followed(void **state)
{
	struct rig *r = rig_new();
	struct canned *c;

	(void)state;
	rig_connect(r, "169.254.170.2:80");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	c = rig_answer(r, "GET /creds ", 302, "-");
	c->headers = "Location: /other\r\n";
	rig_keys(r, "GET /other ", "ASIAEVIL", 60);
	step(r);
	assert_none(r, "answered 302, and redirects are not followed");
	assert_int_equal(server_requests(&r->server), 1);
	rig_free(r);
}

static void container_answers_garbage(void **state)
{
	static const char *const bodies[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"<html>" SECRET_CANARY "</html>",
		"{\"AccessKeyId\":1}",
		"{\"AccessKeyId\":\"A\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\","
		"\"Expiration\":"
		"\"2026-11-22T11:00:00Z\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET_CANARY
		"\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET_CANARY
		"\",\"Expiration\":\"tomorrow\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET_CANARY
		"\",\"Expiration\":5}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET_CANARY
		"\\n\",\"Expiration\":\"2026-11-22T11:00:00Z\"}",
		"{\"AccessKeyId\":\"A\\u0000\",\"SecretAccessKey\":\"x\","
		"\"Expiration\":\"2026-11-22T11:00:00Z\"}",
		"{\"" SECRET_CANARY "\":1,\"" SECRET_CANARY "\":2}",
		"{\"x\":{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\","
		"\"Expiration\":\"2026-11-22T11:00:00Z\"}}",
	};
	struct rig *r = rig_new();
	struct canned *c;

	(void)state;
	rig_connect(r, "169.254.170.2:80");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	c = rig_answer(r, "GET /creds ", 200, "%s", "");
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		pthread_mutex_lock(&r->server.lock);
		(void)snprintf(c->body, sizeof(c->body), "%s", bodies[i]);
		pthread_mutex_unlock(&r->server.lock);
		again(r);
		assert_none(r, "container: the container's endpoint: ");
	}
	/* Members may come in any order and with escapes. */
	rig_answer(r, "GET /creds ", 200,
		   " { \"Other\" : [ {\"AccessKeyId\": \"no\"}, \"}\" ], "
		   "\"Expiration\":\"%s\" ,\"SecretAccessKey\":\"a\\/b\\u002b\""
		   ",\"Token\": null, \"AccessKeyId\" : \"ASIAGOOD\"}",
		   rig_when(r, 60));
	again(r);
	assert_keys(r, "ASIAGOOD");
	rig_free(r);
}

static void answers_are_bounded(void **state)
{
	struct rig *r = rig_new();
	struct canned *c;

	(void)state;
	rig_connect(r, "169.254.170.2:80");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	c = rig_answer(r, "GET /creds ", 200, "-");
	c->headers = "Transfer-Encoding: identity\r\n";
	c->deed = DEED_FLOOD;
	step(r);
	again(r);
	again(r);
	assert_none(r, "the container's endpoint: ");
	rig_free(r);
}

/* An instance with a role, and what its metadata service answers. */
static struct rig *with_instance(void)
{
	struct rig *r = rig_new();

	rig_serve(r);
	rig_var(r, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:%u/",
		r->server.port);
	rig_answer(r, "PUT /latest/api/token ", 200, "session-token==")->holds =
		"\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";
	rig_answer(r, "GET /latest/meta-data/iam/security-credentials/ ", 200,
		   "ops+role\n")
		->holds = "\r\nX-aws-ec2-metadata-token: session-token==\r\n";
	return r;
}

static void instance_version_two(void **state)
{
	struct rig *r = with_instance();

	(void)state;
	rig_keys(r, "GET /latest/meta-data/iam/security-credentials/ops+role ",
		 "ASIAEC2", 360)
		->holds = "\r\nX-aws-ec2-metadata-token: session-token==\r\n";
	step(r);
	assert_keys(r, "ASIAEC2");
	assert_string_equal(aws_creds_provider(r->c), "instance");
	assert_int_equal(server_requests(&r->server), 3);
	rig_logged(r, "instance (role ops+role), until 2026-11-22T16:00:00Z");
	rig_free(r);
}

static void instance_never_falls_back(void **state)
{
	static const int statuses[] = { 403, 404, 405, 400, 401 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct rig *r = with_instance();

		rig_answer(r, "PUT /latest/api/token ", statuses[i], "-");
		step(r);
		assert_none(r, i < 3 ? "version 1 only, which is not used"
				     : "instance: http://127.0.0.1:");
		assert_int_equal(server_requests(&r->server), 1);
		rig_free(r);
	}
}

static void instance_unreachable(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	/* A port that was free a moment ago. */
	rig_serve(r);
	rig_var(r, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:%u",
		r->server.port);
	server_stop(&r->server);
	r->served = false;
	step(r);
	assert_none(r, "metadata hop limit of 2 (HttpPutResponseHopLimit)");
	rig_free(r);
}

static void instance_slow(void **state)
{
	struct rig *r = with_instance();
	int64_t begun = clock_mono_ms();

	(void)state;
	rig_answer(r, "PUT /latest/api/token ", 200, "-")->deed = DEED_STALL;
	step(r);
	assert_none(r, "hop limit");
	assert_in_range(clock_mono_ms() - begun, 900, 3000);
	rig_free(r);
}

static void instance_says_no(void **state)
{
	struct rig *r = with_instance();
	struct canned *c;

	(void)state;
	c = rig_answer(r, "GET /latest/meta-data/iam/security-credentials/ops",
		       200,
		       "{\"Code\":\"AssumeRoleUnauthorizedAccess\","
		       "\"Message\":\"x\"}");
	step(r);
	assert_none(r, "role ops+role: Code is AssumeRoleUnauthorizedAccess "
		       "instead of Success");
	c->status = 404;
	again(r);
	assert_none(r, "has no keys for role ops+role");
	rig_answer(r, "GET /latest/meta-data/iam/security-credentials/ ", 404,
		   "-");
	again(r);
	assert_none(r, "instance: the instance has no role");
	rig_answer(r, "GET /latest/meta-data/iam/security-credentials/ ", 200,
		   "../../user-data");
	again(r);
	assert_none(r, "gave no role's name");
	rig_answer(r, "PUT /latest/api/token ", 200, "a\r\nb");
	again(r);
	assert_none(r, "can't be one");
	rig_free(r);
}

/* Keys that expired are handed out in an outage, and the services take them. */
static void instance_static_stability(void **state)
{
	struct rig *r = with_instance();
	const char *path =
		"GET /latest/meta-data/iam/security-credentials/ops+role ";
	unsigned seen;

	(void)state;
	rig_keys(r, path, "ASIAOLD", -30);
	step(r);
	assert_keys(r, "ASIAOLD");
	rig_logged(r, "expired 2026-11-22T09:30:00Z: the instance has no "
		      "newer ones, they are used as they are");
	seen = server_requests(&r->server);
	r->now_ms += 10 * MINUTE - 1;
	step(r);
	assert_keys(r, "ASIAOLD");
	assert_int_equal(server_requests(&r->server), seen);
	rig_keys(r, path, "ASIANEW", 360);
	r->now_ms += 15 * MINUTE + 1;
	step(r);
	assert_keys(r, "ASIANEW");
	rig_free(r);
}

static void instance_region(void **state)
{
	struct rig *r = with_instance();
	struct buf b = BUF_INIT(64);
	struct canned *c;

	(void)state;
	c = rig_answer(r, "GET /latest/meta-data/placement/region ", 200,
		       "eu-central-1");
	assert_int_equal(aws_creds_instance_region(&b, &r->o), 1);
	assert_string_equal(b.p, "eu-central-1");
	buf_reset(&b);
	(void)snprintf(c->body, sizeof(c->body), "<html>\n");
	assert_int_equal(aws_creds_instance_region(&b, &r->o), 0);
	c->status = 404;
	assert_int_equal(aws_creds_instance_region(&b, &r->o), 0);
	rig_var(r, "AWS_EC2_METADATA_DISABLED", "true");
	assert_int_equal(aws_creds_instance_region(&b, &r->o), 0);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
	rig_free(r);
}

static struct rig *with_web(const char *token)
{
	struct rig *r = rig_new();

	rig_serve(r);
	rig_var(r, "AWS_ROLE_ARN", ROLE);
	rig_var(r, "AWS_WEB_IDENTITY_TOKEN_FILE", "%s",
		rig_file(r, "token", token));
	rig_var(r, "AWS_ROLE_SESSION_NAME", "pod@1");
	rig_var(r, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%u",
		r->server.port);
	return r;
}

static void web_identity(void **state)
{
	struct rig *r = with_web("ey.J/1+x");

	(void)state;
	rig_sts(r,
		"\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&"
		"RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Ftocsin&"
		"RoleSessionName=pod%401&WebIdentityToken=ey.J%2F1%2Bx",
		"ASIAWEB1", 20);
	rig_sts(r, "WebIdentityToken=rotated", "ASIAWEB2", 60);
	step(r);
	assert_keys(r, "ASIAWEB1");
	assert_string_equal(aws_creds_provider(r->c), "web identity");
	/* Unsigned: there is nothing to sign with. */
	assert_int_equal(server_saw(&r->server, "Authorization"), 0);
	rig_file(r, "token", "rotated\n");
	r->now_ms += 12 * MINUTE;
	step(r);
	assert_keys(r, "ASIAWEB2");
	rig_logged(r, "web identity (role " ROLE ")");
	rig_free(r);
}

static void web_identity_faults(void **state)
{
	struct rig *r = with_web(SECRET_CANARY);
	struct canned *c;

	(void)state;
	c = rig_answer(
		r, "POST / ", 400,
		"<ErrorResponse><Error><Type>Sender</Type>"
		"<Code>ExpiredTokenException</Code><Message>Token "
		"expired &lt;then&gt;</Message></Error></ErrorResponse>");
	step(r);
	assert_none(r, "web identity: STS answered 400 ExpiredTokenException: "
		       "Token expired <then>; what comes after it was not");
	/* An answer must not carry the token on into a log. */
	(void)snprintf(
		c->body, sizeof(c->body),
		"<Code>InvalidIdentityToken</Code><Message>bad " SECRET_CANARY
		"</Message>");
	again(r);
	assert_none(r, "STS answered 400 InvalidIdentityToken");
	(void)snprintf(c->body, sizeof(c->body), "<Code>a b</Code>");
	again(r);
	assert_none(r, "STS answered 400; what");
	c->status = 200;
	again(r);
	assert_none(r, "STS answered 200 without a usable AccessKeyId");
	rig_var(r, "AWS_ROLE_SESSION_NAME", "a b");
	again(r);
	assert_none(r, "AWS_ROLE_SESSION_NAME: expected 2 to 64");
	rig_var(r, "AWS_ROLE_ARN", "role");
	again(r);
	assert_none(r, "AWS_ROLE_ARN: expected a role's ARN");
	rig_var(r, "AWS_ROLE_ARN", "%s", "");
	again(r);
	assert_none(r, "AWS_ROLE_ARN is not");
	rig_var(r, "AWS_ROLE_ARN", ROLE);
	rig_var(r, "AWS_ROLE_SESSION_NAME", "%s", "");
	rig_file(r, "token", "\n");
	again(r);
	assert_none(r, "/token: is empty");
	rig_var(r, "AWS_WEB_IDENTITY_TOKEN_FILE", "%s", r->folder);
	again(r);
	assert_none(r, "not a regular file");
	rig_free(r);
}

static void endpoint_must_be_https(void **state)
{
	struct rig *r = with_web("x");

	(void)state;
	r->o.sts_endpoint = "http://sts.example/";
	step(r);
	assert_none(r, "https");
	rig_free(r);
}

/* By the answer's Date the keys are good for an hour, whatever our clock. */
static void expiry_is_by_their_clock(void **state)
{
	struct rig *r = with_web("x");
	int64_t theirs = NOW_MS - 120 * MINUTE;
	struct buf date = BUF_INIT(64);

	(void)state;
	buf_puts(&date, "Date: ");
	clock_put_http(&date, theirs);
	buf_puts(&date, "\r\n");
	rig_sts(r, "WebIdentity", "ASIAWEB", -60)->headers = date.p;
	step(r);
	assert_keys(r, "ASIAWEB");
	assert_int_equal(aws_creds_expire_ms(r->c), NOW_MS + 60 * MINUTE);
	buf_fini(&date);
	rig_free(r);
}

/* STS may be asked through the proxy; what is local never is. */
static void proxy_is_for_sts_alone(void **state)
{
	struct rig *r = with_web("x");
	char proxy[64];

	(void)state;
	(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u",
		       r->server.port);
	r->o.proxy = proxy;
	r->o.sts_endpoint = "https://sts.example";
	step(r);
	assert_int_equal(server_saw(&r->server, "CONNECT sts.example:443 "), 1);
	rig_var(r, "AWS_WEB_IDENTITY_TOKEN_FILE", "%s", "");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://127.0.0.1:1");
	again(r);
	again(r);
	assert_none(r, "container: the container's endpoint: ");
	assert_int_equal(server_requests(&r->server), 1);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container_by_relative_uri),
		cmocka_unit_test(container_by_full_uri_and_file),
		cmocka_unit_test(container_refuses_tokens),
		cmocka_unit_test(container_refuses_addresses),
		cmocka_unit_test(container_redirect_is_not_followed),
		cmocka_unit_test(container_answers_garbage),
		cmocka_unit_test(answers_are_bounded),
		cmocka_unit_test(instance_version_two),
		cmocka_unit_test(instance_never_falls_back),
		cmocka_unit_test(instance_unreachable),
		cmocka_unit_test(instance_slow),
		cmocka_unit_test(instance_says_no),
		cmocka_unit_test(instance_static_stability),
		cmocka_unit_test(instance_region),
		cmocka_unit_test(web_identity),
		cmocka_unit_test(web_identity_faults),
		cmocka_unit_test(endpoint_must_be_https),
		cmocka_unit_test(proxy_is_for_sts_alone),
		cmocka_unit_test(expiry_is_by_their_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
