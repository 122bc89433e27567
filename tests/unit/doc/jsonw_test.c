#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "doc/json.h"
#include "doc/jsonw.h"

static void assert_quoted(struct str s, const char *want)
{
	struct buf b = BUF_INIT(4096);

	jsonw_put_quoted(&b, s);
	if (!str_is(buf_str(&b), want))
		fail_msg("%s instead of %s", b.p, want);
	assert_int_equal(json_scan(buf_str(&b), 0, NULL), 0);
	buf_fini(&b);
}

static void test_structure(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct jsonw w = JSONW(&b);

	(void)state;
	jsonw_object(&w);
	jsonw_kcstr(&w, "a", "x");
	jsonw_key(&w, "list");
	jsonw_array(&w);
	jsonw_int(&w, INT64_MIN);
	jsonw_bool(&w, true);
	jsonw_null(&w);
	jsonw_array(&w);
	jsonw_end_array(&w);
	jsonw_object(&w);
	jsonw_end_object(&w);
	jsonw_raw(&w, STR("{\"raw\":1}"));
	jsonw_end_array(&w);
	jsonw_kstr(&w, "none", STR_NONE);
	jsonw_kstr(&w, "empty", STR(""));
	jsonw_kcstr(&w, "null", NULL);
	jsonw_kint(&w, "n", -5);
	jsonw_kbool(&w, "f", false);
	jsonw_ktime(&w, "t", 1795255200123);
	jsonw_ktime(&w, "t0", 0);
	jsonw_key_str(&w, STR("k\"y"));
	jsonw_cstr(&w, "v");
	jsonw_end_object(&w);
	assert_string_equal(
		b.p,
		"{\"a\":\"x\",\"list\":[-9223372036854775808,true,null,[],{},"
		"{\"raw\":1}],\"none\":null,\"empty\":\"\",\"null\":null,"
		"\"n\":-5,\"f\":false,\"t\":\"2026-11-21T10:00:00.123Z\","
		"\"t0\":null,\"k\\\"y\":\"v\"}");
	assert_int_equal(json_scan(buf_str(&b), 0, NULL), 0);
	buf_fini(&b);
}

static void test_quoting(void **state)
{
	(void)state;
	assert_quoted(STR(""), "\"\"");
	assert_quoted(STR("plain /"), "\"plain /\"");
	assert_quoted(STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	assert_quoted(STR("\0\x01\x1f\x7f"),
		      "\"\\u0000\\u0001\\u001f\\u007f\"");
	assert_quoted(STR("\xc2\x85\xc2\x9f\xc2\xa0"),
		      "\"\\u0085\\u009f\xc2\xa0\"");
	assert_quoted(STR("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
		      "\"\\u2028\\u2029\xe2\x80\xaa\"");
	assert_quoted(STR("\xc3\xa9\xf0\x9f\x98\x80"),
		      "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	assert_quoted(STR("a\xff"
			  "b"),
		      "\"a\xef\xbf\xbd"
		      "b\"");
	assert_quoted(STR("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_quoted(STR("\xed\xa0\x80"),
		      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_quoted(STR("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* Any bytes at all become one strict JSON string. */
static void test_any_bytes_are_valid(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct buf b = BUF_INIT(1 << 16);
		char bytes[40];
		size_t n = (size_t)(i % 40);

		for (size_t k = 0; k < n; k++) {
			seed = seed * 1103515245 + 12345;
			bytes[k] = (char)(seed >> 16);
		}
		jsonw_put_quoted(&b, (struct str){ bytes, n });
		assert_int_equal(json_scan(buf_str(&b), 0, NULL), 0);
		buf_fini(&b);
	}
}

static void assert_double(double v, const char *want)
{
	struct buf b = BUF_INIT(100);
	struct jsonw w = JSONW(&b);

	jsonw_double(&w, v);
	assert_string_equal(b.p, want);
	buf_fini(&b);
}

static void test_doubles(void **state)
{
	(void)state;
	assert_double(0.1, "0.1");
	assert_double(90, "90");
	assert_double(-2.5e-10, "-2.5e-10");
	assert_double(1.0 / 3, "0.3333333333333333");
	assert_double(1e300, "1e+300");
	assert_double(NAN, "null");
	assert_double(-INFINITY, "null");
}

static void test_overflow_is_sticky(void **state)
{
	struct buf b = BUF_INIT(10);
	struct jsonw w = JSONW(&b);

	(void)state;
	jsonw_object(&w);
	jsonw_kcstr(&w, "key", "a long value");
	jsonw_end_object(&w);
	assert_true(buf_error(&b) != 0);
	assert_true(b.n <= 10);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_any_bytes_are_valid),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_overflow_is_sticky),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
