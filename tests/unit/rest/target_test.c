#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "rest/target.h"

static void reads_a_url(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(
		rest_target(&t, "https://a.example/x?y=1", false, NULL), 0);
	assert_string_equal(t.host, "a.example");
	assert_int_equal(t.port, 443);
	assert_false(t.plain);
	assert_int_equal(
		rest_target(&t, "https://[2001:db8::1]:8443/", false, NULL), 0);
	assert_string_equal(t.host, "2001:db8::1");
	assert_int_equal(t.port, 8443);
	assert_int_equal(rest_target(&t, "http://127.0.0.9:80/", false, NULL),
			 0);
	assert_true(t.plain);
	assert_int_equal(rest_target(&t, "http://localhost", false, NULL), 0);
	assert_int_equal(rest_target(&t, "http://[::1]:1/", false, NULL), 0);
}

static void refuses_a_url(void **state)
{
	static const char *const bad[] = {
		"",
		"a.example",
		"//a.example/",
		"ftp://a.example/",
		"file:///etc/passwd",
		"http://a.example/",
		"http://10.0.0.1/",
		"http://127.0.0.1.example/",
		"http://[::2]/",
		"http://localhost.example/",
		"https://user@a.example/",
		"https://user:pass@a.example/",
		"https://a.example/x y",
		"https://a.example/x\ry",
		"https://a.example/x\ny",
		"https://a.example/\x01",
		"https://a.example/\xc3\xa9",
		"https://a.example\\@b.example/",
		"https://a.example/#x",
		"https://a.example:0/",
		"https://a.example:65536/",
		"https://a.example:x/",
		"https:///x",
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = { "" };

		if (rest_target(&t, bad[i], false, &err) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_true(err.text[0]);
		assert_null(strstr(err.text, "pass"));
	}
	assert_int_equal(rest_target(&t, NULL, false, NULL), -EINVAL);
}

static void knows_metadata_addresses(void **state)
{
	static const char *const yes[] = {
		"http://169.254.169.254/latest/api/token",
		"http://169.254.170.2:80/v2/credentials/x",
		"http://169.254.170.23/v1/credentials",
		"http://[fd00:ec2::254]/latest/api/token",
		"http://[fd00:ec2:0::23]/v1/credentials",
		"http://127.0.0.1:1338/latest/",
	};
	static const char *const no[] = {
		"http://169.254.169.253/",	    "http://169.254.170.1/",
		"http://169.254.169.254.example/",  "http://[fd00:ec2::253]/",
		"http://[::ffff:169.254.169.254]/", "http://10.0.0.1/",
		"http://metadata.example/",
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (rest_target(&t, yes[i], true, NULL))
			fail_msg("refused: %s", yes[i]);
	for (size_t i = 0; i < 5; i++)
		if (rest_target(&t, yes[i], false, NULL) != -EINVAL)
			fail_msg("taken without the flag: %s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (rest_target(&t, no[i], true, NULL) != -EINVAL)
			fail_msg("taken: %s", no[i]);
}

static void reads_connect_to(void **state)
{
	struct target t = { .host = "a.example", .port = 443 };
	struct target v6 = { .host = "2001:db8::1", .port = 443 };

	(void)state;
	assert_int_equal(rest_connect_to_check("a:443:127.0.0.1:8443"), 0);
	assert_int_equal(rest_connect_to_check("a:443:[::1]:8443"), 0);
	assert_int_equal(rest_connect_to_check("::127.0.0.1:8443"), 0);
	assert_int_equal(rest_connect_to_check("a:443:b:"), 0);
	assert_int_equal(rest_connect_to_check("a:443:b"), -EINVAL);
	assert_int_equal(rest_connect_to_check("a:x:b:1"), -EINVAL);
	assert_int_equal(rest_connect_to_check("a:443:b:65536"), -EINVAL);
	assert_int_equal(rest_connect_to_check("a:443:b:1:2"), -EINVAL);
	assert_int_equal(rest_connect_to_check("a b:443:b:1"), -EINVAL);
	assert_true(rest_connect_to_names("A.example:443:b:1", &t));
	assert_true(rest_connect_to_names("a.example::b:1", &t));
	assert_true(rest_connect_to_names("::b:1", &t));
	assert_false(rest_connect_to_names("a.example:444:b:1", &t));
	assert_false(rest_connect_to_names("b.example:443:b:1", &t));
	assert_true(rest_connect_to_names("[2001:db8::1]:443:b:1", &v6));
}

static bool public(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return rest_address_public((struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return rest_address_public((struct sockaddr *)&in6);
}

static void knows_public_addresses(void **state)
{
	static const char *const no[] = {
		"0.0.0.0",
		"0.1.2.3",
		"10.0.0.1",
		"100.64.0.1",
		"127.0.0.1",
		"127.255.255.255",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.168.0.1",
		"198.18.0.1",
		"224.0.0.1",
		"255.255.255.255",
		"192.0.2.1",
		"::",
		"::1",
		"::127.0.0.1",
		"::ffff:127.0.0.1",
		"::ffff:10.1.2.3",
		"::ffff:169.254.1.1",
		"64:ff9b::10.0.0.1",
		"2002:7f00:1::",
		"fc00::1",
		"fd12::1",
		"fe80::1",
		"fec0::1",
		"ff02::1",
		"2001::1",
	};
	static const char *const yes[] = {
		"1.1.1.1",	   "9.255.255.255",    "11.0.0.1",
		"100.63.0.1",	   "100.128.0.1",      "172.15.0.1",
		"172.32.0.1",	   "192.167.1.1",      "223.255.255.1",
		"::ffff:8.8.8.8",  "64:ff9b::8.8.8.8", "2600:1f18::1",
		"2a00:1450::200e",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (public(no[i]))
			fail_msg("public: %s", no[i]);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!public(yes[i]))
			fail_msg("not public: %s", yes[i]);
}

static int64_t after(const char *headers)
{
	struct rest_response r = { .headers = str_from(headers) };

	/* Sun, 06 Nov 1994 08:49:37 GMT */
	return rest_retry_after_ms(&r, INT64_C(784111777000));
}

static void reads_retry_after(void **state)
{
	(void)state;
	assert_int_equal(after("HTTP/1.1 429 x\r\nA: b\r\n"), -1);
	assert_int_equal(after("Retry-After: 7\r\n"), 7000);
	assert_int_equal(after("retry-after:  7 \r\n"), 7000);
	assert_int_equal(after("Retry-After: 0\r\n"), 0);
	assert_int_equal(after("Retry-After: 3600\r\n"), 3600000);
	assert_int_equal(after("Retry-After: 1000000000\r\n"), 3600000);
	assert_int_equal(after("Retry-After: 99999999999999999999\r\n"),
			 3600000);
	assert_int_equal(after("Retry-After: -5\r\n"), -1);
	assert_int_equal(after("Retry-After: soon\r\n"), -1);
	assert_int_equal(after("Retry-After: 1.5\r\n"), -1);
	assert_int_equal(after("Retry-After:\r\n"), -1);
	assert_int_equal(
		after("Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"), 30000);
	assert_int_equal(
		after("Retry-After: Sun, 06 Nov 1994 08:49:00 GMT\r\n"), 0);
	assert_int_equal(
		after("Retry-After: Sun, 06 Nov 1999 08:49:00 GMT\r\n"),
		3600000);
}

static void finds_headers(void **state)
{
	struct rest_response r = {
		.headers = STR("HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\n"
			       "AB:3\r\n: x\r\nC\r\nLast:  a b \r\n\r\n"),
	};

	(void)state;
	assert_true(str_is(rest_header(&r, "a"), "1"));
	assert_true(str_is(rest_header(&r, "ab"), "3"));
	assert_true(str_is(rest_header(&r, "LAST"), "a b"));
	assert_null(rest_header(&r, "C").p);
	assert_null(rest_header(&r, "").p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_url),
		cmocka_unit_test(refuses_a_url),
		cmocka_unit_test(knows_metadata_addresses),
		cmocka_unit_test(reads_connect_to),
		cmocka_unit_test(knows_public_addresses),
		cmocka_unit_test(reads_retry_after),
		cmocka_unit_test(finds_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
