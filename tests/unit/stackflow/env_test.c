#include "rig.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "stackflow/client.h"
#include "stackflow/env.h"

static const char *const names[] = {
	"STACKFLOW_BASE_URL",
	"STACKFLOW_TOKEN",
	"STACKFLOW_API_KEY",
	"STACKFLOW_CLIENT_ID",
	"STACKFLOW_CLIENT_SECRET",
	"STACKFLOW_COGNITO_URL",
	"STACKFLOW_USER_POOL_ID",
	"STACKFLOW_EMAIL",
	"STACKFLOW_PASSWORD",
	"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
	"ORG_ID",
	"WORKSPACE_ID",
	"SERVICE_ID",
	"EXECUTION_ID",
	"JOB_ID",
	"REQUEST_ID",
	"RING_ID",
	"http_proxy",
	"https_proxy",
	"ALL_PROXY",
};

static struct arena *arena;

static int nothing_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	arena = arena_new(1 << 16);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	arena = NULL;
	return 0;
}

static void set(const char *name, const char *value)
{
	char full[80];

	snprintf(full, sizeof(full), "STACKFLOW_%s", name);
	assert_int_equal(setenv(full, value, 1), 0);
}

static void method_is(int expected)
{
	enum sf_auth_method m = 99;
	bool any = sf_env_method(&m);

	assert_int_equal(any ? (int)m : -1, expected);
}

static void the_first_that_is_whole(void **state)
{
	(void)state;
	method_is(-1);
	set("CLIENT_ID", "id");
	set("EMAIL", "me@example.org");
	set("PASSWORD", "pw");
	method_is(-1);
	set("USER_POOL_ID", "us-east-1_Ab1");
	method_is(SF_AUTH_PASSWORD);
	set("CLIENT_SECRET", "cs");
	method_is(SF_AUTH_PASSWORD);
	set("COGNITO_URL", "https://login.example");
	method_is(SF_AUTH_CLIENT_CREDENTIALS);
	set("API_KEY", "k");
	method_is(SF_AUTH_API_KEY);
	set("TOKEN", "t");
	method_is(SF_AUTH_TOKEN);
	/* Empty is unset. */
	set("TOKEN", "");
	set("API_KEY", "");
	set("COGNITO_URL", "");
	method_is(SF_AUTH_PASSWORD);
}

static void token_urls(void **state)
{
	static const char *const cases[][2] = {
		{ "https://a.example", "https://a.example/oauth2/token" },
		{ "https://a.example//", "https://a.example/oauth2/token" },
		{ "https://a.example/oauth2/token/",
		  "https://a.example/oauth2/token" },
	};
	struct buf out = BUF_INIT(200);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		buf_reset(&out);
		sf_env_put_token_url(&out, str_from(cases[i][0]));
		assert_string_equal(out.p, cases[i][1]);
	}
	buf_fini(&out);
}

static void pool_regions(void **state)
{
	static const char *const bad[] = {
		"",	  "us-east-1",	   "_AbC",	   "us-east-1_",
		"US_AbC", "us east-1_AbC", "evil.host/_x",
	};

	(void)state;
	assert_true(
		str_is(sf_env_pool_region(STR("eu-west-1_AbC")), "eu-west-1"));
	assert_true(str_is(sf_env_pool_region(STR("us-gov-west-1_a_b")),
			   "us-gov-west-1"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sf_env_pool_region(str_from(bad[i])).p)
			fail_msg("%s", bad[i]);
	assert_null(sf_env_pool_region(STR_NONE).p);
}

static struct sf_options from_env(void)
{
	struct sf_options o = { 0 };
	struct err err = { "" };

	if (sf_options_from_env(&o, arena, &err))
		fail_msg("%s", err.text);
	return o;
}

static void each_method_is_filled_in(void **state)
{
	struct sf_options o;

	(void)state;
	set("BASE_URL", "https://sf.example/prod/api/");
	set("CLIENT_ID", "id");
	set("EMAIL", "me@example.org");
	set("PASSWORD", "pw");
	set("USER_POOL_ID", "eu-west-1_Ab1");
	o = from_env();
	assert_int_equal(o.auth.method, SF_AUTH_PASSWORD);
	assert_string_equal(o.base_url, "https://sf.example/prod/api/");
	assert_string_equal(o.auth.client_id, "id");
	assert_string_equal(o.auth.email, "me@example.org");
	assert_string_equal(o.auth.password, "pw");
	assert_string_equal(o.auth.region, "eu-west-1");
	assert_null(o.auth.client_secret);
	assert_null(o.auth.endpoint_url);
	set("CLIENT_SECRET", "cs");
	setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
	       "http://127.0.0.1:1/", 1);
	o = from_env();
	assert_string_equal(o.auth.client_secret, "cs");
	assert_string_equal(o.auth.endpoint_url, "http://127.0.0.1:1/");
	set("COGNITO_URL", "https://login.example/");
	o = from_env();
	assert_int_equal(o.auth.method, SF_AUTH_CLIENT_CREDENTIALS);
	assert_string_equal(o.auth.token_url,
			    "https://login.example/oauth2/token");
	assert_string_equal(o.auth.client_secret, "cs");
	assert_null(o.auth.password);
	set("API_KEY", "k");
	o = from_env();
	assert_int_equal(o.auth.method, SF_AUTH_API_KEY);
	assert_string_equal(o.auth.api_key, "k");
	assert_null(o.auth.client_id);
	set("TOKEN", "t");
	o = from_env();
	assert_int_equal(o.auth.method, SF_AUTH_TOKEN);
	assert_string_equal(o.auth.token, "t");
	assert_null(o.auth.api_key);
}

static void what_is_given_stays(void **state)
{
	struct sf_options o = {
		.base_url = "https://mine.example",
		.auth = { .method = SF_AUTH_CLIENT_CREDENTIALS,
			  .client_id = "mine" },
		.retries = 2,
	};

	(void)state;
	set("BASE_URL", "not a URL, and not looked at");
	set("TOKEN", "t");
	set("CLIENT_ID", "id");
	set("CLIENT_SECRET", "cs");
	set("COGNITO_URL", "https://login.example");
	assert_int_equal(sf_options_from_env(&o, arena, NULL), 0);
	assert_string_equal(o.base_url, "https://mine.example");
	assert_int_equal(o.auth.method, SF_AUTH_CLIENT_CREDENTIALS);
	assert_string_equal(o.auth.client_id, "mine");
	assert_string_equal(o.auth.client_secret, "cs");
	assert_null(o.auth.token);
	assert_int_equal(o.retries, 2);
	o = (struct sf_options){ .base_url = "https://mine.example",
				 .auth = { .api_key = "mine" } };
	assert_int_equal(sf_options_from_env(&o, arena, NULL), 0);
	assert_int_equal(o.auth.method, SF_AUTH_API_KEY);
	assert_string_equal(o.auth.api_key, "mine");
}

/* The words name all of these, and none of those. */
static void refuses(int expected, const char *const *with,
		    const char *const *without)
{
	const struct sf_options before = { .retries = 3 };
	struct sf_options o = before;
	struct err err = { "" };
	int rc = sf_options_from_env(&o, arena, &err);

	if (rc != expected)
		fail_msg("%d: %s", rc, err.text);
	assert_memory_equal(&o, &before, sizeof(o));
	for (; with && *with; with++)
		if (!strstr(err.text, *with))
			fail_msg("no %s in: %s", *with, err.text);
	for (; without && *without; without++)
		if (strstr(err.text, *without))
			fail_msg("%s in: %s", *without, err.text);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void what_is_missing_is_named(void **state)
{
	(void)state;
	refuses(-ENOENT,
		LIST("STACKFLOW_BASE_URL", "STACKFLOW_TOKEN",
		     "STACKFLOW_API_KEY", "STACKFLOW_CLIENT_ID",
		     "STACKFLOW_CLIENT_SECRET", "STACKFLOW_COGNITO_URL",
		     "STACKFLOW_EMAIL", "STACKFLOW_PASSWORD",
		     "STACKFLOW_USER_POOL_ID"),
		NULL);
	set("API_KEY", "the-key");
	refuses(-ENOENT, LIST("STACKFLOW_BASE_URL isn't set"),
		LIST("the-key", "login"));
	set("API_KEY", "");
	set("BASE_URL", "https://sf.example");
	set("EMAIL", "me@example.org");
	set("PASSWORD", "the-password");
	refuses(-ENOENT,
		LIST("for a user's login STACKFLOW_CLIENT_ID, "
		     "STACKFLOW_USER_POOL_ID missing",
		     "STACKFLOW_API_KEY"),
		LIST("BASE_URL", "client credentials", "the-password",
		     "STACKFLOW_EMAIL"));
	set("CLIENT_ID", "id");
	refuses(-ENOENT,
		LIST("for client credentials STACKFLOW_CLIENT_SECRET, "
		     "STACKFLOW_COGNITO_URL missing",
		     "for a user's login STACKFLOW_USER_POOL_ID missing"),
		LIST("STACKFLOW_CLIENT_ID"));
}

static void of_a_method_that_is_given(void **state)
{
	struct sf_options o = { .auth.method = SF_AUTH_PASSWORD };
	struct err err = { "" };

	(void)state;
	set("BASE_URL", "https://sf.example");
	set("API_KEY", "k");
	set("CLIENT_ID", "id");
	assert_int_equal(sf_options_from_env(&o, arena, &err), -ENOENT);
	assert_non_null(strstr(err.text, "STACKFLOW_EMAIL, "
					 "STACKFLOW_PASSWORD, "
					 "STACKFLOW_USER_POOL_ID missing"));
	assert_null(strstr(err.text, "API_KEY"));
	o.auth.method = 99;
	assert_int_equal(sf_options_from_env(&o, arena, &err), -EINVAL);
}

static void what_cant_be_used_is_named(void **state)
{
	(void)state;
	set("API_KEY", "k");
	set("BASE_URL", "http://sf.example");
	refuses(-EINVAL, LIST("STACKFLOW_BASE_URL: ", "https"), NULL);
	set("BASE_URL", "https://u:p4ss@sf.example");
	refuses(-EINVAL, LIST("STACKFLOW_BASE_URL: "), LIST("p4ss"));
	set("BASE_URL", "https://sf.example");
	set("API_KEY", "");
	set("CLIENT_ID", "id");
	set("CLIENT_SECRET", "s");
	set("COGNITO_URL", "ftp://login.example");
	refuses(-EINVAL, LIST("STACKFLOW_COGNITO_URL: "), NULL);
	set("COGNITO_URL", "");
	set("EMAIL", "e");
	set("PASSWORD", "p");
	set("USER_POOL_ID", "nonsense");
	refuses(-EINVAL, LIST("STACKFLOW_USER_POOL_ID", "REGION_NAME"), NULL);
	set("USER_POOL_ID", "us-east-1_A");
	setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
	       "http://far.example", 1);
	refuses(-EINVAL, LIST("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: "),
		NULL);
}

static void record(struct server *s, unsigned nth, const char *request,
		   struct reply *out)
{
	(void)s;
	(void)nth;
	(void)request;
	reply_json(out, 200, "", "{\"id\":\"INC0000001\"}");
}

static void ended(const struct sf_result *r, void *arg)
{
	*(int *)arg = r->outcome == SF_OK;
}

/* Where this server is StackFlow. */
static void serve(struct server *s)
{
	char url[80];

	server_start(s, record, NULL, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/prod/api/", s->port);
	set("BASE_URL", url);
}

/* One request, waited for. */
static void get_one(struct sf_client *c)
{
	int ok = 0;

	assert_int_equal(sf_incident_get(c, STR("INC0000001"), ended, &ok), 0);
	assert_int_equal(sf_client_close(c, 20000), 0);
	assert_true(ok);
}

/* With no arguments: all from the environment, but a proxy. */
static void a_client_with_no_arguments(void **state)
{
	struct sf_client *c = NULL;
	struct err err = { "" };
	struct sf_stats st;
	struct server s;

	(void)state;
	serve(&s);
	set("API_KEY", "sfk_test_0123456789");
	setenv("ORG_ID", "o-1", 1);
	setenv("REQUEST_ID", "r-1", 1);
	setenv("RING_ID", "", 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	if (sf_client_new_from_env(&c, &err))
		fail_msg("%s", err.text);
	assert_int_equal(c->retries, 4);
	/* Read once: what is set later is another client's. */
	set("API_KEY", "other");
	setenv("ORG_ID", "o-2", 1);
	get_one(c);
	sf_client_stats(c, &st);
	assert_int_equal(st.answered_2xx, 1);
	assert_true(st.authenticated);
	assert_int_equal(server_saw(&s, "GET /prod/api/incidents/INC0000001 "),
			 1);
	assert_int_equal(server_saw(&s, "Bearer sfk_test_0123456789\r\n"), 1);
	assert_int_equal(server_saw(&s, "\r\nX-Org-Id: o-1\r\n"), 1);
	assert_int_equal(server_saw(&s, "\r\nX-Request-Id: r-1\r\n"), 1);
	assert_int_equal(server_saw(&s, "X-Ring-Id"), 0);
	sf_client_free(c);
	server_stop(&s);
}

static void a_binding_stands_on_the_environment(void **state)
{
	const struct sf_context x = { .org_id = "", .job_id = "j" };
	struct sf_client *c = NULL;
	struct sf_bound *b;
	struct server s;

	(void)state;
	serve(&s);
	set("TOKEN", "t");
	setenv("ORG_ID", "o-1", 1);
	setenv("WORKSPACE_ID", "w-1", 1);
	assert_int_equal(sf_client_new_from_env(&c, NULL), 0);
	assert_int_equal(sf_context_bind(&b, c, &x, NULL), 0);
	get_one(c);
	sf_context_reset(c, b);
	assert_int_equal(server_saw(&s, "\r\nX-Org-Id: "), 0);
	assert_int_equal(server_saw(&s, "\r\nX-Workspace-Id: w-1\r\n"), 1);
	assert_int_equal(server_saw(&s, "\r\nX-Job-Id: j\r\n"), 1);
	sf_client_free(c);
	server_stop(&s);
}

static void no_client_without_a_whole_environment(void **state)
{
	struct sf_client *c = NULL;
	struct err err = { "" };

	(void)state;
	assert_int_equal(sf_client_new_from_env(&c, &err), -ENOENT);
	assert_non_null(strstr(err.text, "STACKFLOW_BASE_URL"));
	set("BASE_URL", "https://sf.example");
	set("TOKEN", "two words");
	assert_int_equal(sf_client_new_from_env(&c, &err), -EINVAL);
	assert_non_null(strstr(err.text, "token"));
	assert_null(strstr(err.text, "two words"));
	set("TOKEN", "t");
	setenv("ORG_ID", "a\nb", 1);
	assert_int_equal(sf_client_new_from_env(&c, &err), -EINVAL);
	assert_non_null(strstr(err.text, "environment"));
	assert_non_null(strstr(err.text, "X-Org-Id"));
	assert_null(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, nothing_set, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_first_that_is_whole),
		TEST(token_urls),
		TEST(pool_regions),
		TEST(each_method_is_filled_in),
		TEST(what_is_given_stays),
		TEST(what_is_missing_is_named),
		TEST(of_a_method_that_is_given),
		TEST(what_cant_be_used_is_named),
		TEST(a_client_with_no_arguments),
		TEST(a_binding_stands_on_the_environment),
		TEST(no_client_without_a_whole_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
