#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/err.h"
#include "base/map.h"
#include "base/random.h"

static void test_numbers(void **state)
{
	uint64_t u = 7;
	int64_t i = 7;
	double d = 7;

	(void)state;
	assert_int_equal(str_to_u64(&u, STR("18446744073709551615")), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(str_to_u64(&u, STR("18446744073709551616")), -ERANGE);
	assert_int_equal(str_to_u64(&u, STR("")), -EINVAL);
	assert_int_equal(str_to_u64(&u, STR("+1")), -EINVAL);
	assert_int_equal(str_to_u64(&u, STR("1 ")), -EINVAL);
	assert_int_equal(str_to_i64(&i, STR("-9223372036854775808")), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(str_to_i64(&i, STR("9223372036854775808")), -ERANGE);
	assert_int_equal(str_to_double(&d, STR("2.841116672E9")), 0);
	assert_true(d == 2841116672.0);
	assert_int_equal(str_to_double(&d, STR("nan")), -EINVAL);
	assert_int_equal(str_to_double(&d, STR("1e999")), -ERANGE);
	assert_int_equal(str_to_double(&d, STR("0x10")), -EINVAL);
}

static void test_cut_and_trim(void **state)
{
	struct str rest = STR("a,,b,"), field;

	(void)state;
	assert_true(str_cut(&rest, ',', &field) && str_is(field, "a"));
	assert_true(str_cut(&rest, ',', &field) && str_is(field, ""));
	assert_true(str_cut(&rest, ',', &field) && str_is(field, "b"));
	assert_true(str_cut(&rest, ',', &field) && str_is(field, ""));
	assert_false(str_cut(&rest, ',', &field));
	assert_true(str_is(str_trim(STR(" \t x y\r\n")), "x y"));
	assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
	assert_int_equal(str_find(STR("abc"), STR("abcd")), -1);
}

static void test_globs(void **state)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} cases[] = {
		{ "", "", true },	  { "*", "", true },
		{ "pay-*", "pay-db", true }, { "pay-*", "pa", false },
		{ "*-p99", "x-p99", true },  { "*-p99", "x-p99x", false },
		{ "a*b*c", "aXXbYYc", true }, { "a*b*c", "aXXcYYb", false },
		{ "?", "\xc3\xa9", true },   { "??", "\xc3\xa9", false },
		{ "A", "a", false },	     { "[ab]", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(str_glob(str_from(cases[i].glob),
					  str_from(cases[i].text)),
				 cases[i].match);
}

/* A pattern of many stars must not explode. */
static void test_glob_is_bounded(void **state)
{
	struct buf glob = BUF_INIT(1000), text = BUF_INIT(100000);
	clock_t start = clock();

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_puts(&glob, "*a");
	for (int i = 0; i < 20000; i++)
		buf_putc(&text, 'a');
	buf_putc(&text, 'b');
	assert_false(str_glob(buf_str(&glob), buf_str(&text)));
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
	buf_fini(&glob);
	buf_fini(&text);
}

static void test_secret_compare(void **state)
{
	(void)state;
	assert_true(str_eq_secret(STR("abc"), STR("abc")));
	assert_false(str_eq_secret(STR("abc"), STR("abd")));
	assert_false(str_eq_secret(STR("abc"), STR("ab")));
	assert_false(str_eq_secret(STR("ab"), STR("abc")));
	assert_false(str_eq_secret(STR_NONE, STR("abc")));
	assert_false(str_eq_secret(STR("abc"), STR("")));
}

static void test_buf_is_sticky(void **state)
{
	struct buf b = BUF_INIT(10);

	(void)state;
	buf_puts(&b, "12345");
	buf_printf(&b, "%s", "678901");
	assert_int_equal(buf_error(&b), -E2BIG);
	buf_putc(&b, 'x');
	assert_true(str_is(buf_str(&b), "12345"));
	assert_null(buf_take(&b));
	buf_puts(&b, "again");
	assert_int_equal(buf_error(&b), 0);
	buf_shift(&b, 2);
	assert_true(str_is(buf_str(&b), "ain"));
	buf_fini(&b);
}

static void test_arena_is_sticky(void **state)
{
	struct arena *a = arena_new(10000);

	(void)state;
	assert_true(str_is(arena_printf(a, "%d-%s", 7, "x"), "7-x"));
	assert_non_null(arena_alloc(a, 6000));
	assert_null(arena_alloc(a, 6000));
	assert_null(arena_alloc(a, 1));
	assert_int_equal(arena_error(a), -ENOMEM);
	arena_reset(a);
	assert_int_equal(arena_error(a), 0);
	assert_null(arena_array(a, SIZE_MAX / 2, 4));
	arena_free(a);
}

static void parse(const char *text, int64_t want)
{
	int64_t ms = -1;

	assert_int_equal(clock_parse(&ms, str_from(text)), 0);
	assert_true(ms == want);
}

static void test_times(void **state)
{
	static const char *const bad[] = {
		"", "2026-11-21", "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z",
		"2026-11-21T10:00:00.Z", "2026-11-21T10:00:00+1", "x",
		"2026-11-21T10:00:00Z ",
	};
	int64_t ms;
	struct buf b = BUF_INIT(100);

	(void)state;
	parse("1970-01-01T00:00:00Z", 0);
	parse("2026-11-21T10:00:00.123Z", 1795255200123);
	parse("2026-11-21T10:00:00.123456789+02:00", 1795248000123);
	parse("2021-11-10T02:45:55.640+0000", 1636512355640);
	parse("2019-12-23 14:10:24.176", 1577110224176);
	parse("2024-02-29T00:00:00Z", 1709164800000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clock_parse(&ms, str_from(bad[i])), -EINVAL);
	assert_int_equal(clock_parse_http(&ms,
			 STR("Sun, 06 Nov 1994 08:49:37 GMT")), 0);
	assert_true(ms == 784111777000);
	clock_put_http(&b, ms);
	assert_true(str_is(buf_str(&b), "Sun, 06 Nov 1994 08:49:37 GMT"));
	buf_reset(&b);
	clock_put(&b, 1795255200123);
	assert_true(str_is(buf_str(&b), "2026-11-21T10:00:00.123Z"));
	buf_fini(&b);
}

static void test_spans(void **state)
{
	int64_t ms;

	(void)state;
	assert_int_equal(clock_parse_span(&ms, STR("500ms")), 0);
	assert_true(ms == 500);
	assert_int_equal(clock_parse_span(&ms, STR("7d")), 0);
	assert_true(ms == 7 * 86400000);
	assert_int_equal(clock_parse_span(&ms, STR("5")), -EINVAL);
	assert_int_equal(clock_parse_span(&ms, STR("1h30m")), -EINVAL);
	assert_int_equal(clock_parse_span(&ms, STR("-1s")), -EINVAL);
}

static void test_encodings(void **state)
{
	struct buf b = BUF_INIT(100);

	(void)state;
	encode_base64(&b, "foob", 4);
	assert_true(str_is(buf_str(&b), "Zm9vYg=="));
	buf_reset(&b);
	assert_int_equal(decode_base64(&b, STR("Zm9vYg==")), 0);
	assert_true(str_is(buf_str(&b), "foob"));
	/* Bits beyond the last byte: two texts would be one. */
	assert_int_equal(decode_base64(&b, STR("Zm9vYh==")), -EINVAL);
	assert_int_equal(decode_base64(&b, STR("Zm9v YQ==")), -EINVAL);
	assert_int_equal(decode_base64(&b, STR("====")), -EINVAL);
	buf_reset(&b);
	encode_base32(&b, "foobar", 6);
	assert_true(str_is(buf_str(&b), "mzxw6ytboi"));
	buf_reset(&b);
	encode_url(&b, STR("a b/\xc3\xa9~"));
	assert_true(str_is(buf_str(&b), "a%20b%2F%C3%A9~"));
	buf_reset(&b);
	assert_int_equal(decode_url(&b, STR("a%20b%2f")), 0);
	assert_true(str_is(buf_str(&b), "a b/"));
	assert_int_equal(decode_url(&b, STR("%4")), -EINVAL);
	assert_int_equal(decode_url(&b, STR("%g0")), -EINVAL);
	buf_fini(&b);
}

/* The reference vector of the SipHash paper. */
static void test_siphash(void **state)
{
	uint8_t key[16], text[15];

	(void)state;
	for (int i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	for (int i = 0; i < 15; i++)
		text[i] = (uint8_t)i;
	assert_true(hash_sip(key, text, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void test_utf8(void **state)
{
	struct buf b = BUF_INIT(200);
	char fixed[4] = "xyz";

	(void)state;
	assert_true(utf8_valid(STR("S\xc3\xa9si\xf0\x9f\x98\x80")));
	assert_false(utf8_valid(STR("\xc0\xaf")));
	assert_false(utf8_valid(STR("\xed\xa0\x80")));
	assert_false(utf8_valid(STR("\xf4\x90\x80\x80")));
	assert_true(str_is(utf8_cut(STR("a\xc3\xa9"), 2), "a"));
	utf8_keep(fixed, sizeof(fixed), STR("ab\xc3\xa9"));
	assert_string_equal(fixed, "ab");
	utf8_keep(fixed, sizeof(fixed), STR("abc"));
	assert_string_equal(fixed, "abc");
	utf8_keep(fixed, sizeof(fixed), STR_NONE);
	assert_string_equal(fixed, "");
	utf8_keep(fixed, 1, STR("a"));
	assert_string_equal(fixed, "");
	utf8_put_safe(&b, STR("a\x1b[0m\n\xe2\x80\xae\xffz"), 100);
	assert_true(str_is(buf_str(&b), "a\\x1b[0m\\x0a\\u{202e}\\xffz"));
	buf_fini(&b);
}

/* Of any length: at most max, whole escapes, dots only where it was cut. */
static void test_safe_text_is_cut(void **state)
{
	static const char *const texts[] = {
		"abcdefghijkl", "\n\n\n\n", "a\xe2\x80\xae\xe2\x80\xaez",
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "\xff\xf0\x9f\x98\x80\xff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf whole = BUF_INIT(200);

		utf8_put_safe(&whole, str_from(texts[i]), 200);
		for (size_t max = 0; max <= whole.n + 2; max++) {
			struct buf b = BUF_INIT(2 + max);
			bool cut = max < whole.n;
			struct str got;

			buf_puts(&b, "> ");
			utf8_put_safe(&b, str_from(texts[i]), max);
			assert_int_equal(buf_error(&b), 0);
			got = str_sub(buf_str(&b), 2, b.n - 2);
			assert_true(got.n <= max && (cut || got.n == whole.n));
			assert_true(utf8_valid(got));
			if (cut && max >= 3) {
				assert_true(str_ends(got, "..."));
				got.n -= 3;
			}
			if (!cut || max >= 3)
				assert_memory_equal(got.p ? got.p : "",
						    whole.p, got.n);
			buf_fini(&b);
		}
		buf_fini(&whole);
	}
}

static void test_map(void **state)
{
	struct map *m = map_new();
	struct buf key = BUF_INIT(32);
	size_t at = 0, n = 0;
	struct str k;
	void *v;

	(void)state;
	for (intptr_t i = 1; i <= 5000; i++) {
		buf_reset(&key);
		buf_printf(&key, "key-%d", (int)i);
		assert_int_equal(map_set(m, buf_str(&key), (void *)i), 0);
	}
	assert_int_equal(map_set(m, STR("key-7"), (void *)70), 1);
	assert_ptr_equal(map_get(m, STR("key-7")), (void *)70);
	assert_null(map_get(m, STR("key-5001")));
	while (map_next(m, &at, &k, &v)) {
		n++;
		if ((intptr_t)v % 2)
			map_remove(m, k);
	}
	assert_int_equal(n, 5000);
	assert_int_equal(map_count(m), 2501);
	buf_fini(&key);
	map_free(m);
}

static void test_err_is_one_line(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, -EINVAL, "a\nb\x1b%s", "c"), -EINVAL);
	assert_string_equal(err.text, "a?b?c");
	assert_int_equal(err_set(NULL, 3, "x"), 3);
}

static void test_random_below(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(random_below(7) < 7);
	assert_true(random_below(0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_cut_and_trim),
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_glob_is_bounded),
		cmocka_unit_test(test_secret_compare),
		cmocka_unit_test(test_buf_is_sticky),
		cmocka_unit_test(test_arena_is_sticky),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_safe_text_is_cut),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_err_is_one_line),
		cmocka_unit_test(test_random_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
