#include "aws/endpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aws/call.h"

static void by_partition(void **state)
{
	static const struct {
		const char *service, *region, *url;
	} known[] = {
		{ "sqs", "us-east-1", "https://sqs.us-east-1.amazonaws.com/" },
		{ "monitoring", "eu-central-2",
		  "https://monitoring.eu-central-2.amazonaws.com/" },
		{ "sns", "us-gov-west-1",
		  "https://sns.us-gov-west-1.amazonaws.com/" },
		{ "sts", "cn-north-1",
		  "https://sts.cn-north-1.amazonaws.com.cn/" },
		{ "sqs", "eusc-de-east-1",
		  "https://sqs.eusc-de-east-1.amazonaws.eu/" },
		{ "sqs", "us-iso-east-1",
		  "https://sqs.us-iso-east-1.c2s.ic.gov/" },
		{ "sqs", "us-isob-east-1",
		  "https://sqs.us-isob-east-1.sc2s.sgov.gov/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct buf out = BUF_INIT(512);

		assert_int_equal(aws_endpoint(&out, known[i].service,
					      str_from(known[i].region), NULL),
				 0);
		assert_string_equal(out.p, known[i].url);
		buf_fini(&out);
	}
}

static void no_such_place(void **state)
{
	static const char *const bad[] = {
		"",	      "local",	   "us-east-1.evil.example",
		"us-east-1/", "US-EAST-1", "s3-us-west-2",
		"us-east-1#", "us east 1",
	};
	struct buf out = BUF_INIT(512);
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(
			aws_endpoint(&out, "sqs", str_from(bad[i]), &err),
			-EINVAL);
		assert_non_null(strstr(err.text, "us-east-1"));
	}
	assert_int_equal(
		aws_endpoint(&out, "sqs.evil/", STR("us-east-1"), &err),
		-EINVAL);
	assert_int_equal(out.n, 0);
	assert_true(endpoint_region_ok(STR("local")));
	assert_false(endpoint_region_ok(STR("us-east-1/x")));
	assert_false(endpoint_region_ok(STR("us-east-1\n")));
	assert_false(endpoint_region_ok(STR_NONE));
	buf_fini(&out);
}

static void finds(const char *given, const char *service, const char *url,
		  const char *host)
{
	struct buf u = BUF_INIT(1024), h = BUF_INIT(512);
	struct err err = { "" };

	if (endpoint_find(&u, &h, given, service, STR("us-east-1"), &err))
		fail_msg("%s", err.text);
	assert_string_equal(u.p, url);
	assert_string_equal(h.p, host);
	buf_fini(&u);
	buf_fini(&h);
}

static void clear(void)
{
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_ENDPOINT_URL_SQS");
	unsetenv("AWS_ENDPOINT_URL_CLOUDWATCH");
	unsetenv("AWS_ENDPOINT_URL_COGNITO_IDP");
}

static void order_of_places(void **state)
{
	(void)state;
	clear();
	finds(NULL, "sqs", "https://sqs.us-east-1.amazonaws.com/",
	      "sqs.us-east-1.amazonaws.com");
	setenv("AWS_ENDPOINT_URL", "https://all.example", 1);
	setenv("AWS_ENDPOINT_URL_SQS", "", 1);
	finds(NULL, "sqs", "https://all.example/", "all.example");
	setenv("AWS_ENDPOINT_URL_SQS", "https://sqs.example/", 1);
	setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "https://cw.example/", 1);
	setenv("AWS_ENDPOINT_URL_COGNITO_IDP", "https://id.example/", 1);
	finds(NULL, "sqs", "https://sqs.example/", "sqs.example");
	finds(NULL, "sns", "https://all.example/", "all.example");
	finds(NULL, "monitoring", "https://cw.example/", "cw.example");
	finds(NULL, "cognito-idp", "https://id.example/", "id.example");
	finds("https://mine.example", "sqs", "https://mine.example/",
	      "mine.example");
	clear();
}

static void host_as_it_is_sent(void **state)
{
	(void)state;
	finds("https://A.Example:443", "sqs", "https://A.Example:443/",
	      "a.example");
	finds("https://a.example:80/", "sqs", "https://a.example:80/",
	      "a.example:80");
	finds("http://127.0.0.1:80/", "sqs", "http://127.0.0.1:80/",
	      "127.0.0.1");
	finds("http://localhost:4566", "sqs", "http://localhost:4566/",
	      "localhost:4566");
	finds("http://[::1]:4566", "sqs", "http://[::1]:4566/", "[::1]:4566");
}

static void refuses(const char *given, const char *word)
{
	struct buf u = BUF_INIT(1024), h = BUF_INIT(512);
	struct err err = { "" };

	assert_int_equal(
		endpoint_find(&u, &h, given, "sqs", STR("us-east-1"), &err),
		-EINVAL);
	if (!strstr(err.text, word))
		fail_msg("expected \"%s\" in \"%s\"", word, err.text);
	buf_fini(&u);
	buf_fini(&h);
}

static void refused_places(void **state)
{
	(void)state;
	clear();
	refuses("http://sqs.us-east-1.amazonaws.com/", "loopback");
	refuses("https://a.example/path", "a path or query");
	refuses("https://a.example/?q", "a path or query");
	refuses("https://a.example?q", "a path or query");
	refuses("https://user:pw@a.example/", "user name");
	refuses("ftp://a.example/", "https");
	refuses("a.example", "https");
	refuses("", "https");
	setenv("AWS_ENDPOINT_URL_SQS", "http://a.example", 1);
	refuses(NULL, "AWS_ENDPOINT_URL_SQS: ");
	clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_partition),
		cmocka_unit_test(no_such_place),
		cmocka_unit_test(order_of_places),
		cmocka_unit_test(host_as_it_is_sent),
		cmocka_unit_test(refused_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
