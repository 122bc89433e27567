#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <time.h>

#include "doc/json.h"
#include "doc/native.h"

static int scan(struct str text, unsigned flags)
{
	struct err err = { "" };
	int rc = json_scan(text, flags, &err);

	assert_true((rc == 0) == (err.text[0] == '\0'));
	return rc;
}

static void takes(const char *text)
{
	if (scan(str_from(text), 0))
		fail_msg("refused: %s", text);
}

static void refuses(struct str text, const char *why)
{
	struct err err = { "" };

	if (json_scan(text, 0, &err) != -EINVAL)
		fail_msg("taken: %.*s", STR_ARG(text));
	if (!strstr(err.text, why))
		fail_msg("%.*s: \"%s\" instead of \"%s\"", STR_ARG(text),
			 err.text, why);
}

static void test_takes_rfc8259(void **state)
{
	(void)state;
	takes("{}");
	takes(" [ ] ");
	takes("null");
	takes("\"\"");
	takes("-0");
	takes("0.0e-00");
	takes("1E+2");
	takes("[1,2.5,-3e10,true,false,null,\"x\",{\"a\":[{}]}]");
	takes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"");
	takes("\"\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 "
	      "\xf4\x8f\xbf\xbf\"");
	takes("\t\r\n{\"a\" : 1 , \"A\":2,\"a \":3,\"\":4}\n");
	takes("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}");
}

static void test_refuses_what_json_c_takes(void **state)
{
	(void)state;
	refuses(STR("{\"a\":1,\"a\":2}"), "a second time");
	refuses(STR("{\"a\":1,\"\\u0061\":2}"), "a second time");
	refuses(STR("{\"\\u0061\":1,\"a\":2}"), "a second time");
	refuses(STR("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"),
		"a second time");
	refuses(STR("{\"Type\\u0000x\":1}"), "\\u0000");
	refuses(STR("{'a':1}"), "double quotes");
	refuses(STR("{a:1}"), "double quotes");
	refuses(STR("NaN"), "no value");
	refuses(STR("nan"), "unknown word");
	refuses(STR("Infinity"), "no value");
	refuses(STR("-Infinity"), "minus");
	refuses(STR("\"\xc0\xaf\""), "UTF-8");
	refuses(STR("\"\xed\xa0\x80\""), "UTF-8");
	refuses(STR("\"\xf4\x90\x80\x80\""), "UTF-8");
	refuses(STR("\"\xe2\x82\""), "UTF-8");
	refuses(STR("\"\xff\""), "UTF-8");
	refuses(STR("\"a\tb\""), "control");
	refuses(STR("\"a\0b\""), "control");
	refuses(STR("{}\0{}"), "more after");
	refuses(STR("{}{}"), "more after");
	refuses(STR("\xef\xbb\xbf{}"), "no value");
}

static void test_refuses_bad_grammar(void **state)
{
	(void)state;
	refuses(STR(""), "unfinished");
	refuses(STR("  "), "unfinished");
	refuses(STR("["), "unfinished");
	refuses(STR("{\"a\""), "colon");
	refuses(STR("{\"a\":"), "unfinished");
	refuses(STR("{\"a\":1"), "unfinished");
	refuses(STR("{\"a\":1,}"), "double quotes");
	refuses(STR("[1,]"), "no value");
	refuses(STR("[,1]"), "no value");
	refuses(STR("[1 2]"), "comma");
	refuses(STR("{\"a\":1]"), "comma or }");
	refuses(STR("[1}"), "comma or ]");
	refuses(STR("]"), "no value");
	refuses(STR("01"), "leading zero");
	refuses(STR("-01"), "leading zero");
	refuses(STR("+1"), "no value");
	refuses(STR(".5"), "no value");
	refuses(STR("1."), "decimals");
	refuses(STR("1.e5"), "decimals");
	refuses(STR("1e"), "exponent");
	refuses(STR("1e+"), "exponent");
	refuses(STR("0x10"), "more after");
	refuses(STR("-"), "minus");
	refuses(STR("tru"), "unknown word");
	refuses(STR("truey"), "more after");
	refuses(STR("\"abc"), "without its end");
	refuses(STR("\"abc\\"), "without its end");
	refuses(STR("\"abc\\\""), "without its end");
	refuses(STR("\"\\x41\""), "escape");
	refuses(STR("\"\\u12\""), "four hexadecimal");
	refuses(STR("\"\\u12g4\""), "four hexadecimal");
	refuses(STR("\"\\ud83d\""), "surrogate");
	refuses(STR("\"\\ud83dx\\ude00\""), "surrogate");
	refuses(STR("\"\\ud83d\\ud83d\""), "surrogate");
	refuses(STR("\"\\ude00\\ud83d\""), "surrogate");
	refuses(STR("[1]//"), "more after");
	refuses(STR("[1/**/]"), "comma");
}

/* Every plain length before a bad byte: the scanner goes eight at a time. */
static void test_bad_byte_at_every_offset(void **state)
{
	char text[64];

	(void)state;
	for (size_t n = 0; n < 40; n++) {
		static const char *const bad[] = { "\x01", "\xff", "\x1f",
						   "\x80", "\\x" };

		for (size_t k = 0; k < 5; k++) {
			int len = snprintf(text, sizeof(text), "\"%.*s%s%.*s\"",
					   (int)n,
					   "~~~~~~~~~~~~~~~~~~~~~~~~~~"
					   "~~~~~~~~~~~~~~~~~~~",
					   bad[k], 9, "zzzzzzzzz");

			assert_int_equal(
				scan((struct str){ text, (size_t)len }, 0),
				-EINVAL);
		}
	}
}

static void test_error_names_offset(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(json_scan(STR("{\"a\": 1, \"a\": 2}"), 0, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "\"a\""));
	assert_non_null(strstr(err.text, "offset 9"));
}

static void test_nul_in_values_by_flag(void **state)
{
	struct json *j;
	struct str s;

	(void)state;
	assert_int_equal(scan(STR("\"a\\u0000b\""), JSON_NO_NUL), -EINVAL);
	assert_int_equal(json_parse(&j, STR("\"a\\u0000b\""), 0, NULL), 0);
	s = json_str(j);
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b", 3);
	json_free(j);
}

static void test_depth(void **state)
{
	char text[80];

	(void)state;
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	assert_int_equal(scan((struct str){ text + 1, 64 }, 0), 0);
	assert_int_equal(scan((struct str){ text, 66 }, 0), -EINVAL);
}

static struct str repeat(struct buf *b, const char *open, const char *fmt,
			 int n, const char *close)
{
	buf_puts(b, open);
	for (int i = 0; i < n; i++) {
		char item[64];
		const char *p = fmt;

		if (i && open[0])
			buf_putc(b, ',');
		for (; *p; p++) {
			if (*p == '#') {
				snprintf(item, sizeof(item), "%d", i);
				buf_puts(b, item);
			} else {
				buf_putc(b, *p);
			}
		}
	}
	buf_puts(b, close);
	assert_int_equal(buf_error(b), 0);
	return buf_str(b);
}

static void test_duplicates_among_many(void **state)
{
	(void)state;
	for (int n = 1; n < 700; n = n * 3 / 2 + 1) {
		struct buf b = BUF_INIT(1 << 20);

		assert_int_equal(
			scan(repeat(&b, "{", "\"k#\":{\"k\":#}", n, "}"), 0),
			0);
		buf_truncate(&b, b.n - 1);
		buf_puts(&b, ",\"\\u006b0\":1}");
		assert_int_equal(scan(buf_str(&b), 0), -EINVAL);
		buf_fini(&b);
	}
}

/* Linear in time whatever the keys: the whole file is read in no time. */
static void test_hostile_is_quick(void **state)
{
	static const struct {
		const char *open, *item, *close;
		int n;
	} all[] = {
		{ "{", "\"k#\":1", "}", 100000 },
		{ "{", "\"k#\":1", "}", 49999 },
		{ "{", "\"\\u006b#\":1", "}", 49999 },
		{ "", "[", "", 1 << 20 },
		{ "", "{\"a\":", "", 400000 },
		{ "[", "{}", "]", 600000 },
		{ "[", "1", "]", 1000000 },
		{ "", "1", "", 100000 },
		{ "\"", "\\n", "\"", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct buf b = BUF_INIT(16 << 20);
		struct str text = repeat(&b, all[i].open, all[i].item, all[i].n,
					 all[i].close);
		clock_t start = clock();
		struct json *j = NULL;

		if (json_parse(&j, text, 0, NULL) == 0)
			json_free(j);
		/* A hundred times the work; quadratic would be more. */
		assert_in_range(clock() - start, 0, 3 * CLOCKS_PER_SEC);
		buf_fini(&b);
	}
}

static void test_caps(void **state)
{
	struct buf b = BUF_INIT(16 << 20);

	(void)state;
	assert_int_equal(scan(repeat(&b, "[", "1", JSON_VALUES_MAX, "]"), 0),
			 -EINVAL);
	buf_reset(&b);
	assert_int_equal(
		scan(repeat(&b, "[", "1", JSON_VALUES_MAX - 1, "]"), 0), 0);
	buf_reset(&b);
	assert_int_equal(
		scan(repeat(&b, "[", "{}", JSON_CONTAINERS_MAX, "]"), 0),
		-EINVAL);
	buf_reset(&b);
	assert_int_equal(scan(repeat(&b, "", "1", 1001, ""), 0), -EINVAL);
	buf_reset(&b);
	assert_int_equal(scan(repeat(&b, "", "1", 1000, ""), 0), 0);
	buf_fini(&b);
}

static const char document[] =
	"{\"Type\":\"Notification\",\"n\":{\"big\":"
	"123456789012345678901234567890,"
	"\"minus\":-0,\"sci\":2.841116672E9,\"one\":1.0,\"i\":-42,"
	"\"huge\":1e400,\"max\":9223372036854775807,\"over\":"
	"9223372036854775808},"
	"\"list\":[1,\"two\",null,[true,false],{\"a/b\":{\"m~n\":3}}],"
	"\"text\":\"a\\n\\u00e9\\ud83d\\ude00\\\\\",\"none\":null,\"\":"
	"\"empty\"}";

static struct json *parse(const char *text)
{
	struct err err;
	struct json *j;

	if (json_parse(&j, str_from(text), 0, &err))
		fail_msg("%s", err.text);
	return j;
}

static void assert_text(const struct json *v, const char *want)
{
	struct arena *a = arena_new(1 << 16);
	struct str s = json_text(v, a);

	if (!str_is(s, want))
		fail_msg("\"%.*s\" instead of \"%s\"", STR_ARG(s), want);
	arena_free(a);
}

static void test_getters(void **state)
{
	struct json *j = parse(document);
	struct str s = STR("before");
	struct err err;

	(void)state;
	assert_true(json_is(j, JSON_OBJECT));
	assert_true(str_is(json_get_str(j, "Type"), "Notification"));
	assert_true(str_is(json_get_str(j, "text"),
			   "a\n\xc3\xa9\xf0\x9f\x98\x80\\"));
	assert_true(str_is(json_get_str(j, ""), "empty"));
	assert_null(json_get_str(j, "n").p);
	assert_null(json_get(j, "absent"));
	assert_null(json_get(NULL, "x"));
	assert_null(json_get(json_get(j, "Type"), "x"));
	assert_int_equal(json_count(j), 6);
	assert_int_equal(json_count(json_get(j, "list")), 5);
	assert_int_equal(json_int(json_item(json_get(j, "list"), 0), 0), 1);
	assert_null(json_item(json_get(j, "list"), 5));
	assert_true(json_bool(json_item(json_item(json_get(j, "list"), 3), 0),
			      false));
	assert_int_equal(json_int(json_at(j, "n", "i", NULL), 0), -42);
	assert_null(json_at(j, "n", "i", "deeper", NULL));
	assert_int_equal(json_want_str(&s, j, "Type", &err), 1);
	assert_true(str_is(s, "Notification"));
	assert_int_equal(json_want_str(&s, j, "none", &err), 0);
	assert_int_equal(json_want_str(&s, j, "absent", &err), 0);
	assert_int_equal(json_want_str(&s, j, "list", &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"list\""));
	assert_non_null(strstr(err.text, "an array"));
	assert_true(str_is(s, "Notification"));
	json_free(j);
}

static void test_times(void **state)
{
	struct json *j;

	(void)state;
	assert_int_equal(json_parse(&j, STR("{\"at\":\"2026-11-21T10:00:00."
					    "417Z\",\"word\":\"soon\","
					    "\"n\":1795255200000}"),
				    0, NULL), 0);
	assert_int_equal(json_get_time(j, "at"), 1795255200417);
	assert_int_equal(json_get_time(j, "word"), 0);
	assert_int_equal(json_get_time(j, "n"), 0);
	assert_int_equal(json_get_time(j, "absent"), 0);
	assert_int_equal(json_get_time(NULL, "at"), 0);
	json_free(j);
}

static void test_numbers_keep_their_digits(void **state)
{
	struct json *j = parse(document);
	const struct json *n = json_get(j, "n");

	(void)state;
	assert_text(json_get(n, "sci"), "2.841116672E9");
	assert_text(json_get(n, "one"), "1.0");
	assert_text(json_get(n, "minus"), "-0");
	assert_text(json_get(n, "big"), "123456789012345678901234567890");
	assert_text(json_get(n, "i"), "-42");
	assert_text(json_get(n, "huge"), "1e400");
	assert_true(json_double(json_get(n, "sci"), 0) == 2841116672.0);
	assert_int_equal(json_int(json_get(n, "sci"), 0), 2841116672);
	assert_true(json_double(json_get(n, "huge"), -1) == -1);
	assert_true(json_int(json_get(n, "huge"), 0) == INT64_MAX);
	assert_true(json_int(json_get(n, "big"), 0) == INT64_MAX);
	assert_true(json_int(json_get(n, "max"), 0) == INT64_MAX);
	assert_text(json_get(n, "max"), "9223372036854775807");
	assert_text(json_get(n, "over"), "9223372036854775808");
	assert_int_equal(json_int(json_get(j, "Type"), 7), 7);
	assert_true(json_double(NULL, 2.5) == 2.5);
	json_free(j);
}

static void test_text(void **state)
{
	struct json *j = parse(document);

	(void)state;
	assert_text(json_get(j, "Type"), "Notification");
	assert_text(json_get(j, "list"),
		    "[1,\"two\",null,[true,false],{\"a/b\":{\"m~n\":3}}]");
	assert_text(json_pointer(j, STR("/list/3/0")), "true");
	assert_null(json_text(NULL, NULL).p);
	json_free(j);
}

static void test_pointer(void **state)
{
	struct json *j = parse(document);

	(void)state;
	assert_ptr_equal(json_pointer(j, STR("")), j);
	assert_int_equal(json_int(json_pointer(j, STR("/list/4/a~1b/m~0n")), 0),
			 3);
	assert_true(str_is(json_str(json_pointer(j, STR("/"))), "empty"));
	assert_true(str_is(json_str(json_pointer(j, STR("/list/1"))), "two"));
	assert_null(json_pointer(j, STR("list")));
	assert_null(json_pointer(j, STR("/list/01")));
	assert_null(json_pointer(j, STR("/list/-")));
	assert_null(json_pointer(j, STR("/list/5")));
	assert_null(json_pointer(j, STR("/list/18446744073709551617")));
	assert_null(json_pointer(j, STR("/Type/x")));
	assert_null(json_pointer(j, STR("/list/4/a~2b")));
	assert_null(json_pointer(j, STR("/Type\0x")));
	json_free(j);
}

/* What is put reads back as the same, digits and order included. */
static void test_put(void **state)
{
	struct buf b = BUF_INIT(1 << 16), again = BUF_INIT(1 << 16);
	struct json *j = parse(document), *k;

	(void)state;
	json_put(&b, j);
	assert_int_equal(json_parse(&k, buf_str(&b), 0, NULL), 0);
	json_put(&again, k);
	assert_true(str_eq(buf_str(&b), buf_str(&again)));
	assert_true(str_find(buf_str(&b), STR("\"big\":1234567890123456789012"
					      "34567890,\"minus\":-0,")) > 0);
	json_free(j);
	json_free(k);
	buf_fini(&b);
	buf_fini(&again);
}

static void test_next(void **state)
{
	struct json *j = parse("{\"b\":1,\"a\":null,\"c\":[]}");
	const struct json *v;
	void *at = NULL;
	struct buf b = BUF_INIT(100);
	struct str key;

	(void)state;
	while (json_next(j, &at, &key, &v)) {
		buf_put_str(&b, key);
		buf_printf(&b, "%d ", (int)json_type(v));
	}
	assert_true(str_is(buf_str(&b), "b2 a0 c4 "));
	at = NULL;
	assert_false(json_next(json_get(j, "c"), &at, &key, &v));
	buf_fini(&b);
	json_free(j);
}

static void test_null_document(void **state)
{
	struct json *j = (struct json *)1;

	(void)state;
	assert_int_equal(json_parse(&j, STR("null"), 0, NULL), 0);
	assert_null(j);
	json_free(j);
}

/* A string that outlives its tree shows what became of its bytes. */
static void test_secrets_are_wiped(void **state)
{
	static const char *const where[] = { "/token", "/in/1/0/deep",
					     "/escaped", "/long" };
	json_object *kept[4];
	struct buf text = BUF_INIT(4096);
	struct json *j;

	(void)state;
	buf_puts(&text, "{\"token\": \"s3cret\", \"n\": 1.50, \"no\": null,"
			"\"in\": [{}, [{\"deep\": \"s3cret\"}], true],"
			"\"escaped\": \"s3\\u0063ret\", \"long\": \"s3cret");
	for (int i = 0; i < 1000; i++)
		buf_putc(&text, 'x');
	buf_puts(&text, "\"}");
	assert_int_equal(json_parse(&j, buf_str(&text), JSON_SECRET, NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		const struct json *v = json_pointer(j, str_from(where[i]));

		assert_true(str_starts(json_str(v), "s3cret"));
		kept[i] = json_object_get((json_object *)(uintptr_t)v);
	}
	json_free_wiped(j);
	for (size_t i = 0; i < 4; i++) {
		const char *p = json_object_get_string(kept[i]);

		for (int k = 0; k < json_object_get_string_len(kept[i]); k++)
			assert_int_equal(p[k], 0);
		json_object_put(kept[i]);
	}
	json_free_wiped(NULL);
	assert_int_equal(json_parse(&j, STR("\"s3cret\""), 0, NULL), 0);
	json_free_wiped(j);
	buf_fini(&text);
}

static void test_failure_leaves_out_alone(void **state)
{
	struct json *j = (struct json *)1;

	(void)state;
	assert_int_equal(json_parse(&j, STR("[1,"), 0, NULL), -EINVAL);
	assert_ptr_equal(j, (struct json *)1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_rfc8259),
		cmocka_unit_test(test_refuses_what_json_c_takes),
		cmocka_unit_test(test_refuses_bad_grammar),
		cmocka_unit_test(test_bad_byte_at_every_offset),
		cmocka_unit_test(test_error_names_offset),
		cmocka_unit_test(test_nul_in_values_by_flag),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_duplicates_among_many),
		cmocka_unit_test(test_hostile_is_quick),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_numbers_keep_their_digits),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_pointer),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_null_document),
		cmocka_unit_test(test_secrets_are_wiped),
		cmocka_unit_test(test_failure_leaves_out_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
