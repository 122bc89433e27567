/* The two parsers by themselves; framing_test.c has what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "web/chunked.h"
#include "web/http.h"

#define H "Host: h\r\n"

static struct str part(const char *p, struct http_span s)
{
	return (struct str){ p + s.at, s.n };
}

/* In pieces of every length, with the bytes moving between them. */
static void test_pieces(void **state)
{
	static const char text[] =
		"\r\nPOST /a/b?c=d?e HTTP/1.1\r\nHOST: h:80\r\n"
		"A:\t b c \t\r\nB:\r\nexpect: 100-CONTINUE\r\n"
		"Connection: keep-alive, CLOSE\r\nContent-length: "
		"12\r\n\r\nrest";
	size_t whole = sizeof(text) - 5;

	(void)state;
	for (size_t step = 1; step <= sizeof(text); step++) {
		struct http_field fields[64];
		char copies[2][sizeof(text) + 1];
		struct http h;
		char *p = NULL;
		int rc = HTTP_MORE;

		http_init(&h, &web_limits_default, fields);
		for (size_t n = 0; rc == HTTP_MORE; n += step) {
			if (n > sizeof(text) - 1)
				n = sizeof(text) - 1;
			p = copies[n % 2] + n % 2;
			memcpy(p, text, n);
			rc = http_head(&h, p, n);
		}
		assert_int_equal(rc, 0);
		assert_int_equal(h.bytes, whole);
		assert_true(str_is(part(p, h.method), "POST"));
		assert_true(str_is(part(p, h.path), "/a/b"));
		assert_true(str_is(part(p, h.query), "c=d?e"));
		assert_int_equal(h.count, 6);
		assert_true(str_is(part(p, h.fields[1].name), "A"));
		assert_true(str_is(part(p, h.fields[1].value), "b c"));
		assert_int_equal(h.fields[2].value.n, 0);
		assert_true(h.has_length && h.length == 12);
		assert_true(h.expect_continue && h.close && !h.chunked);
	}
}

static int head(const char *text, size_t n, const struct web_limits *limits)
{
	struct http_field fields[64];
	struct http h;

	http_init(&h, limits, fields);
	return http_head(&h, text, n);
}

/* A fault is told when its line ends, not when the head does. */
static void test_early(void **state)
{
	static const struct {
		int rc;
		struct str bytes;
	} cases[] = {
		{ HTTP_MORE, STR("") },
		{ HTTP_MORE, STR("\r") },
		{ HTTP_MORE, STR("GET") },
		{ HTTP_MORE, STR("GET / HTTP/1.1\r\n" H "A") },
		{ HTTP_MORE, STR("GET / HTTP/1.1\r\n" H "\r") },
		{ 400, STR("\0") },
		{ 400, STR("\x16\x03\x01") },
		{ 400, STR("\n") },
		{ 400, STR("GET / HTTP/1.1\n") },
		{ 505, STR("GET / HTTP/9.9\r\n") },
		{ 405, STR("TRACE / HTTP/1.1\r\n") },
		{ 400, STR("GET / HTTP/1.1\r\nA : b\r\n") },
		{ 400, STR("GET / HTTP/1.1\r\n" H H) },
		{ 400, STR("GET / HTTP/1.1\r\n\r\n") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(head(cases[i].bytes.p, cases[i].bytes.n,
				      &web_limits_default),
				 cases[i].rc);
}

/* The limit counts every byte of the head, up to its last. */
static void test_limit(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\n" H "A: b\r\n\r\n";
	struct web_limits limits = web_limits_default;

	(void)state;
	for (size_t n = 1; n < sizeof(text) + 5; n++) {
		int rc;

		limits.header_bytes = n;
		rc = head(text, sizeof(text) - 1, &limits);
		if (n < sizeof(text) - 1)
			assert_true(rc == 431 || rc == 414);
		else
			assert_int_equal(rc, 0);
		rc = head(text, n < 20 ? n : 20, &limits);
		assert_int_equal(rc, n > 20 ? HTTP_MORE : n > 15 ? 431 : rc);
		assert_int_not_equal(rc, 0);
	}
}

static void test_chunks(void **state)
{
	static const char text[] = "5\r\nhello\r\n00A\r\n, world!\r\n\r\n"
				   "1\r\n\0\r\n0\r\n\r\nGET";
	size_t whole = sizeof(text) - 4;

	(void)state;
	for (size_t step = 1; step <= sizeof(text); step++) {
		struct chunked k = CHUNKED_INIT;
		struct buf body = BUF_INIT(16);
		size_t n = 0, used;
		int rc = CHUNKED_MORE;

		while (rc == CHUNKED_MORE) {
			size_t some = sizeof(text) - 1 - n;

			rc = chunked_read(&k, &body, &used, text + n,
					  some < step ? some : step);
			n += used;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(n, whole);
		assert_int_equal(body.n, 16);
		assert_memory_equal(body.p, "hello, world!\r\n\0", 17);
		buf_fini(&body);
	}
}

static void test_chunk_bound(void **state)
{
	struct chunked k = CHUNKED_INIT;
	struct buf body = BUF_INIT(4);
	size_t used;

	(void)state;
	assert_int_equal(
		chunked_read(&k, &body, &used, STR("3\r\nabc\r\n2\r\n").p, 11),
		413);
	assert_int_equal(body.n, 3);
	buf_fini(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_chunk_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
