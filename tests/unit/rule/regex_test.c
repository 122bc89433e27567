#include "rule/regex.h"

#include "base/buf.h"
#include "base/clock.h"
#include "tests/unit/rule/help.h"

static struct regex *compile(const char *pattern)
{
	struct err err = { "" };
	struct regex *re = regex_new(help_arena(), str_from(pattern), &err);

	if (!re)
		fail_msg("%s: %s", pattern, err.text);
	return re;
}

static int match(const char *pattern, struct str subject)
{
	struct regex_pool pool = { .limits = 0 };
	struct matcher *m = matcher_take(&pool);
	struct regex *re = compile(pattern);
	int rc;

	assert_non_null(m);
	rc = regex_match(re, m, subject);
	regex_free(re);
	matcher_give(&pool, m);
	regex_pool_fini(&pool);
	return rc;
}

static void test_matches(void **state)
{
	(void)state;
	assert_int_equal(match("^pay-batch-[0-9]+$", STR("pay-batch-7")), 1);
	assert_int_equal(match("^pay-batch-[0-9]+$", STR("pay-batch-")), 0);
	assert_int_equal(match("^pay-batch-[0-9]+$", STR("x-pay-batch-7")), 0);
	/* Anchored only where it says so. */
	assert_int_equal(match("batch", STR("pay-batch-7")), 1);
	assert_int_equal(match("(?i)BATCH", STR("pay-batch-7")), 1);
	assert_int_equal(match("^$", STR("")), 1);
	assert_int_equal(match("^.$", STR("\xe2\x82\xac")), 1);
}

/* The fixed front of a pattern is tested first, and must not change it. */
static void test_prefixes(void **state)
{
	(void)state;
	assert_int_equal(match("^ab?c", STR("ac")), 1);
	assert_int_equal(match("^ab*", STR("a")), 1);
	assert_int_equal(match("^ab{0}c", STR("ac")), 1);
	assert_int_equal(match("^ab|cd", STR("xcd")), 1);
	assert_int_equal(match("^ab(?i)C", STR("abc")), 1);
	assert_int_equal(match("^ab\\d", STR("ab1")), 1);
	assert_int_equal(match("^ab\\d", STR("a")), 0);
	assert_int_equal(match("(?m)^ab", STR("x\nab")), 1);
	assert_int_equal(match("^a+b", STR("aaab")), 1);
}

static void test_invalid_utf8(void **state)
{
	(void)state;
	assert_int_equal(match("b$", STR("\xff\xfe"
					 "ab")),
			 1);
	assert_int_equal(match("^.*$", STR("\xc3")), 0);
	assert_int_equal(match("a\\x00b", STR("xa\0b")), 1);
}

static void test_subject_is_cut(void **state)
{
	struct buf b = BUF_INIT(1 << 20);

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_putc(&b, 'a');
	buf_puts(&b, "end");
	assert_int_equal(match("end$", buf_str(&b)), 0);
	assert_int_equal(match("^a{4096}$", buf_str(&b)), 1);
	buf_fini(&b);
}

static void test_bad_patterns(void **state)
{
	static const char *const bad[] = { "(",	  "[a",	   "a{2,1}",
					   "\\",  "*",	   "(?<=a+)b",
					   "\\C", "(?P<x", NULL };
	struct buf b = BUF_INIT(1 << 16);
	struct err err;

	(void)state;
	for (int i = 0; bad[i]; i++) {
		err.text[0] = '\0';
		assert_null(regex_new(help_arena(), str_from(bad[i]), &err));
		assert_non_null(strstr(err.text, "at character"));
	}
	for (int i = 0; i <= REGEX_PATTERN; i++)
		buf_putc(&b, 'a');
	assert_null(regex_new(help_arena(), buf_str(&b), &err));
	buf_fini(&b);
}

/* What one match may cost: 5 ms, also where the machine is busy, so the best
 * of a few; sanitizers are some ten times as slow. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOW 20
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 20
#endif
#endif
#ifndef SLOW
#define SLOW 1
#endif

static void assert_cheap(const char *pattern, struct str subject, char what)
{
	struct regex_pool pool = { .limits = 0 };
	struct matcher *m = matcher_take(&pool);
	struct regex *re = compile(pattern);
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5 && best > 5000 * SLOW; i++) {
		int64_t start = clock_mono_us(), took;

		assert_true(regex_match(re, m, subject) >= 0);
		/* One callout may move along the whole subject and back. */
		assert_true(regex_spent(m) <= REGEX_BUDGET + 32 +
						      3 * REGEX_SUBJECT);
		took = clock_mono_us() - start;
		best = took < best ? took : best;
	}
	if (best > 5000 * SLOW)
		fail_msg("%s on %c...: %ld us", pattern, what, (long)best);
	regex_free(re);
	matcher_give(&pool, m);
	regex_pool_fini(&pool);
}

static void test_catastrophes(void **state)
{
	static const char *const patterns[] = {
		"^(a+)+$",
		"(a|aa)+$",
		"(a|a?)+$",
		"(.*a){20}$",
		"([a-zA-Z]+)*$",
		"^(([a-z])+.)+[A-Z]([a-z])+$",
		"(a*)*b",
		"(?:a?){50}a{50}b",
		"a.{1,2000}?[bc]",
		"(x+x+)+y",
		"(.*)(.*)(.*)(.*)(.*)[0-9]",
		"(\\w+\\s?)+$z",
		"^(?:.*,){30}P",
		"((a{1,100}){1,100}){1,5}b",
		"[^b]*b[xy]",
		"(?=(a+))a*b\\1",
		"(?:(?:a+)?b?)*c",
		"(a+){2,}(a+){2,}b",
		"(?R)?a+b",
		"([ab]{1000}|[ab]{999})+z",
		"(?:[ab]{500}|[ab]{501}|[ab]{502}|[ab]{503})c",
		"^(a?){30}(a){30}$y",
		"(.+)+(.+)+\\1\\2z",
		".*.*.*.*.*.*=x",
		NULL,
	};
	static const char fills[] = "axb ,0";

	(void)state;
	for (size_t k = 0; k < sizeof(fills) - 1; k++) {
		struct buf b = BUF_INIT(1 << 17);

		for (int i = 0; i < 65536; i++)
			buf_putc(&b, i % 997 == 996 ? '!' : fills[k]);
		for (int i = 0; patterns[i]; i++)
			assert_cheap(patterns[i], buf_str(&b), fills[k]);
		buf_fini(&b);
	}
}

static void test_limit_is_told(void **state)
{
	struct buf b = BUF_INIT(1 << 16);

	(void)state;
	for (int i = 0; i < 4000; i++)
		buf_putc(&b, 'a');
	assert_int_equal(match("^(a+)+$", STR("aaaaaaaaaaaaaaaaaaaaaaaaa!")),
			 REGEX_LIMIT);
	assert_int_equal(match("a.{1,2000}?[bc]", buf_str(&b)), REGEX_LIMIT);
	buf_fini(&b);
}

/* The budget leaves room for what people write. */
static void test_ordinary_patterns_fit(void **state)
{
	struct buf b = BUF_INIT(1 << 16);

	(void)state;
	for (int i = 0; i < 300; i++)
		buf_puts(&b, "word-and-12 ");
	buf_puts(&b, "ERROR 503 from pay-api-7");
	assert_int_equal(
		match("ERROR 5\\d\\d from pay-[a-z]+-[0-9]+$", buf_str(&b)),
		REGEX_YES);
	assert_int_equal(match("(?i)error\\s+(\\d{3})", buf_str(&b)),
			 REGEX_YES);
	assert_int_equal(match("^.*ERROR.*$", buf_str(&b)), REGEX_YES);
	buf_fini(&b);
}

static void test_pool(void **state)
{
	struct regex_pool pool = { .limits = 0 };
	struct matcher *m[REGEX_POOL + 2];

	(void)state;
	for (int i = 0; i < REGEX_POOL + 2; i++)
		assert_non_null(m[i] = matcher_take(&pool));
	for (int i = 0; i < REGEX_POOL + 2; i++)
		matcher_give(&pool, m[i]);
	matcher_give(&pool, NULL);
	assert_non_null(m[0] = matcher_take(&pool));
	matcher_give(&pool, m[0]);
	regex_pool_fini(&pool);
}

static void test_has_literal(void **state)
{
	(void)state;
	assert_true(regex_has_literal(STR("^pay-.*")));
	assert_true(regex_has_literal(STR("[0-9]x")));
	assert_false(regex_has_literal(STR("^[0-9]+$")));
	assert_false(regex_has_literal(STR(".*")));
	assert_false(regex_has_literal(STR("\\d+\\s*")));
	assert_false(regex_has_literal(STR("[]a]")));
	assert_false(regex_has_literal(STR("[^]a].{3}")));
	assert_false(regex_has_literal(STR("(?i).*")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_subject_is_cut),
		cmocka_unit_test(test_bad_patterns),
		cmocka_unit_test(test_catastrophes),
		cmocka_unit_test(test_limit_is_told),
		cmocka_unit_test(test_ordinary_patterns_fit),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_has_literal),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
