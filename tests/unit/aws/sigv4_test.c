#include "aws/sigv4.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"

/*
 * The expected values were computed by Python's hmac and hashlib from the
 * description of SigV4, not by this code.
 */
#define ID "AKIATESTKEYOFOURS001"
#define SECRET "0ur/Own+Test.Secret/0123456789abcdefghij"
#define TOKEN "IQoJb3JpZ2luX2VjEExample//////////wEaDGV1"
#define DATE "20261122T043000Z"
#define BAD "no signature"

static const struct aws_keys keys = {
	.id = { ID, sizeof(ID) - 1 },
	.secret = { SECRET, sizeof(SECRET) - 1 },
};

#define HEADER(n, v)                                                           \
	{                                                                      \
		STR(n), STR(v)                                                 \
	}
#define HEADERS(...)                                                           \
	(const struct sigv4_header[]){ __VA_ARGS__ },                          \
		sizeof((const struct sigv4_header[]){ __VA_ARGS__ }) /         \
			sizeof(struct sigv4_header)

static int64_t at(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(clock_parse(&ms, str_from(text)), 0);
	return ms;
}

static int64_t now(void)
{
	return at("2026-11-22T04:30:00Z");
}

static struct sigv4 *fresh(void)
{
	struct sigv4 *s = NULL;

	assert_int_equal(sigv4_new(&s), 0);
	return s;
}

static struct sigv4_request request(const struct sigv4_header *headers,
				    size_t count)
{
	return (struct sigv4_request){
		.method = STR("POST"),
		.path = STR("/"),
		.headers = headers,
		.header_count = count,
	};
}

static void check(const struct sigv4_request *r, const char *region,
		  const char *service, int64_t ms, const char *expected)
{
	struct buf out = BUF_INIT(4096);
	struct sigv4 *s = fresh();

	assert_int_equal(sigv4_sign(&out, s, r, &keys, str_from(region),
				    str_from(service), ms),
			 0);
	assert_string_equal(out.p, expected);
	/* Again, with the key that was kept. */
	buf_reset(&out);
	assert_int_equal(sigv4_sign(&out, s, r, &keys, str_from(region),
				    str_from(service), ms),
			 0);
	assert_string_equal(out.p, expected);
	sigv4_free(s);
	buf_fini(&out);
}

static void json_call(void **state)
{
	struct sigv4_request r = request(
		HEADERS(HEADER("Host", "sqs.eu-central-1.amazonaws.com"),
			HEADER("X-Amz-Date", DATE),
			HEADER("Content-Type", "application/x-amz-json-1.0"),
			HEADER("X-Amz-Target", "AmazonSQS.ReceiveMessage"),
			HEADER("x-amzn-query-mode", "true"),
			HEADER("X-Amz-Security-Token", TOKEN)));

	(void)state;
	r.body = STR("{\"QueueUrl\":\"https://sqs.eu-central-1.amazonaws.com/"
		     "111122223333/alarms\",\"WaitTimeSeconds\":20}");
	check(&r, "eu-central-1", "sqs", now(),
	      "AWS4-HMAC-SHA256 Credential=" ID
	      "/20261122/eu-central-1/sqs/aws4_request, SignedHeaders="
	      "content-type;host;x-amz-date;x-amz-security-token;x-amz-target;"
	      "x-amzn-query-mode, Signature=9202f12120e396f200fb89d234ab0e47ae"
	      "6281be6e5754580661b625e1b5b658");
}

static void form_with_nul(void **state)
{
	struct sigv4_request r = request(HEADERS(
		HEADER("Host", "127.0.0.1:4566"),
		HEADER("X-Amz-Date", "20000229T235959Z"),
		HEADER("Content-Type", "application/x-www-form-urlencoded; "
				       "charset=utf-8")));

	(void)state;
	r.body = STR("Action=Publish&Version=2010-03-31&Message="
		     "\xc3\xa9\0x");
	check(&r, "us-east-1", "sns", at("2000-02-29T23:59:59.999Z"),
	      "AWS4-HMAC-SHA256 Credential=" ID
	      "/20000229/us-east-1/sns/aws4_request, SignedHeaders="
	      "content-type;host;x-amz-date, Signature=7995c80b82e5119bfe6a4f57"
	      "f1f2c02bee1daa46bbf95286a71601096419b007");
}

static void path_and_query(void **state)
{
	struct sigv4_request r =
		request(HEADERS(HEADER("Host", "example.amazonaws.com"),
				HEADER("X-Amz-Date", DATE)));

	(void)state;
	r.method = STR("GET");
	r.path = STR("/a%20b/./x/../~c");
	r.query = STR("d=%20&c=x+y&&b&a=2&a=1");
	check(&r, "us-east-1", "monitoring", now(),
	      "AWS4-HMAC-SHA256 Credential=" ID
	      "/20261122/us-east-1/monitoring/aws4_request, SignedHeaders="
	      "host;x-amz-date, Signature=3ac18cb7cceb4b050669ef02168261bf225cb"
	      "099988ce904adc6a85e6e0b0798");
}

static const char *const by_region[] = {
	"59c0daf4798188fd519f2d2a6568020e4fdabed60ef8d524f50a78a9abd2ce21",
	"63d1cd2c3d543c6c4275d50115b51628faf7fb9169d0be72e8211d68693a471a",
	"fa4c6f12b6f2e2cb49874a37c5ef2094e9a1c6ed6f85541f369cb2d7a7b304e1",
	"ff4ecd181295b4b6c337744ae9b9be26a8ea9575c4cd1865b318dbb0d857beac",
	"59028bc8ab569818a502b9a2c4ef2e1ee0555957c0ad72bd67759e6fdceae4b9",
	"afab5f1e0a0ac17d8dc4febe0abbef54411269fc2160c35d0ec66c60dc8bbb1b",
	"9051d6d4607be38e6323af17d9b9225160764daf9923ab7631b38168a68e7d67",
	"4071feab21a0bbf28bbef559c01daddd29347f4c283a10b2be9af07902e5cc9d",
	"90957f7988ef2d21b236cb73689032dbc5ca6ad15af35b29dd4cfe357d3b0f74",
	"c4e1b16d23b1b43c3d9b4edb926e75f048618c7fd0e45428e153edf485b571df",
};

static void sign_region(struct sigv4 *s, unsigned i, const char *secret,
			bool same)
{
	const struct sigv4_request r = request(
		HEADERS(HEADER("Host", "h"), HEADER("X-Amz-Date", DATE)));
	struct aws_keys with = keys;
	struct buf out = BUF_INIT(4096);
	char region[] = { 'r', '-', (char)('0' + i), '\0' };

	with.secret = str_from(secret);
	assert_int_equal(sigv4_sign(&out, s, &r, &with, str_from(region),
				    STR("s"), now()),
			 0);
	assert_true(str_ends(buf_str(&out), by_region[i]) == same);
	buf_fini(&out);
}

/* More scopes than are kept, and the same scope with another secret. */
static void keys_are_kept_apart(void **state)
{
	struct sigv4 *s = fresh();

	(void)state;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 10; i++) {
			sign_region(s, i, SECRET, true);
			sign_region(s, i, SECRET "x", false);
			sign_region(s, i, SECRET, true);
		}
	sigv4_free(s);
}

static void what_must_be_signed(void **state)
{
	const struct sigv4_request no_host =
		request(HEADERS(HEADER("X-Amz-Date", DATE)));
	const struct sigv4_request no_date =
		request(HEADERS(HEADER("Host", "h")));
	struct sigv4_header many[65];
	struct sigv4_request over = request(many, 65);
	struct buf out = BUF_INIT(4096);
	struct sigv4 *s = fresh();

	(void)state;
	for (size_t i = 0; i < 65; i++)
		many[i] = (struct sigv4_header)HEADER("x-a", "1");
	buf_puts(&out, BAD);
	assert_int_equal(
		sigv4_sign(&out, s, &no_host, &keys, STR("r"), STR("s"), 0),
		-EINVAL);
	assert_int_equal(
		sigv4_sign(&out, s, &no_date, &keys, STR("r"), STR("s"), 0),
		-EINVAL);
	assert_int_equal(
		sigv4_sign(&out, s, &over, &keys, STR("r"), STR("s"), 0),
		-E2BIG);
	assert_string_equal(out.p, BAD);
	sigv4_free(s);
	buf_fini(&out);
}

static void dates(void **state)
{
	char out[17];

	(void)state;
	sigv4_date(out, at("2015-08-30T12:36:00.999Z"));
	assert_string_equal(out, "20150830T123600Z");
	sigv4_date(out, 0);
	assert_string_equal(out, "19700101T000000Z");
	sigv4_date(out, INT64_MAX);
	assert_int_equal(strlen(out), 16);
	sigv4_date(out, INT64_MIN);
	assert_int_equal(strlen(out), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_call),
		cmocka_unit_test(form_with_nul),
		cmocka_unit_test(path_and_query),
		cmocka_unit_test(keys_are_kept_apart),
		cmocka_unit_test(what_must_be_signed),
		cmocka_unit_test(dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
