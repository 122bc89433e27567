#include "rule/pattern.h"

#include <math.h>

#include "tests/unit/rule/help.h"

static struct pattern text(const char *s)
{
	return pattern_of(str_from(s));
}

static bool matches(const char *pattern, struct str value)
{
	struct alarm a = { .source = "x", .kind = "y", .name = value };
	struct facts facts = { .alarm = &a, .arena = help_arena() };
	struct regex_pool pool = { .limits = 0 };
	struct run run = { .facts = &facts, .pool = &pool };
	struct pattern p = text(pattern);
	struct ref ref;
	const char *near;

	assert_int_equal(ref_parse(&ref, STR("alarm"), &near), 0);
	return pattern_match(&p, &run, &ref);
}

static void test_globs(void **state)
{
	(void)state;
	assert_int_equal(text("pay").kind, PATTERN_LITERAL);
	assert_int_equal(text("pay-*").kind, PATTERN_PREFIX);
	assert_int_equal(text("*").kind, PATTERN_PREFIX);
	assert_int_equal(text("*-x").kind, PATTERN_GLOB);
	assert_int_equal(text("").kind, PATTERN_LITERAL);
	assert_true(matches("pay-*", STR("pay-db")));
	assert_true(matches("pay-*", STR("pay-")));
	assert_false(matches("pay-*", STR("pay")));
	assert_false(matches("Pay-*", STR("pay-db")));
	assert_true(matches("p?y*b", STR("pay-db")));
	assert_true(matches("?", STR("\xe2\x82\xac")));
	assert_true(matches("*", STR("")));
	/* What isn't there is matched by nothing but null. */
	assert_false(matches("*", STR_NONE));
	assert_false(matches("", STR_NONE));
	assert_true(matches("", STR("")));
}

static void test_overlap_of_texts(void **state)
{
	static const struct {
		const char *a, *b;
		enum overlap want;
	} cases[] = {
		{ "x", "x", OVERLAP_YES },
		{ "x", "y", OVERLAP_NO },
		{ "pay-db", "pay-*", OVERLAP_YES },
		{ "ship-db", "pay-*", OVERLAP_NO },
		{ "pay-*", "pay-db-*", OVERLAP_YES },
		{ "pay-*", "ship-*", OVERLAP_NO },
		{ "pay-*", "*-db", OVERLAP_YES },
		{ "*-a", "*-b", OVERLAP_NO },
		{ "a*b", "a*c*b", OVERLAP_YES },
		{ "a?c", "abc", OVERLAP_YES },
		{ "a?c", "ab", OVERLAP_NO },
		{ "a?", "a\xe2\x82\xac", OVERLAP_YES },
		{ "??", "a\xe2\x82\xac", OVERLAP_YES },
		{ "???", "a\xe2\x82\xac", OVERLAP_NO },
		{ "*", "anything", OVERLAP_YES },
		{ "*", "", OVERLAP_YES },
		{ "a*", "*b*c", OVERLAP_YES },
		{ "*x*", "*y*", OVERLAP_YES },
		{ "a*z", "ab*y", OVERLAP_NO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pattern a = text(cases[i].a), b = text(cases[i].b);

		if (pattern_overlap(&a, &b) != cases[i].want ||
		    pattern_overlap(&b, &a) != cases[i].want)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
	}
}

/* Against every string of up to four letters from a small alphabet. */
static void test_overlap_is_exact(void **state)
{
	static const char letters[] = "ab*?";
	char globs[340][6], words[340][6];
	size_t ng = 0, nw = 0;

	(void)state;
	for (int n = 0; n <= 4; n++)
		for (int v = 0; v < 1 << (2 * n) && ng < 340; v++) {
			bool word = true;

			for (int i = 0; i < n; i++) {
				globs[ng][i] = letters[v >> (2 * i) & 3];
				word &= globs[ng][i] == 'a' ||
					globs[ng][i] == 'b';
			}
			globs[ng][n] = '\0';
			if (word)
				memcpy(words[nw++], globs[ng], 6);
			ng++;
		}
	for (size_t i = 0; i < ng; i++)
		for (size_t j = i; j < ng; j++) {
			struct pattern a = text(globs[i]), b = text(globs[j]);
			bool shared = false;

			for (size_t w = 0; w < nw && !shared; w++)
				shared = str_glob(str_from(globs[i]),
						  str_from(words[w])) &&
					 str_glob(str_from(globs[j]),
						  str_from(words[w]));
			/* Longer words may be shared where none so short is. */
			if (shared && pattern_overlap(&a, &b) != OVERLAP_YES)
				fail_msg("%s and %s share a word", globs[i],
					 globs[j]);
			if (!shared &&
			    strlen(globs[i]) + strlen(globs[j]) <= 4 &&
			    pattern_overlap(&a, &b) != OVERLAP_NO)
				fail_msg("%s and %s share none", globs[i],
					 globs[j]);
			if (pattern_covers(&a, &b))
				for (size_t w = 0; w < nw; w++)
					assert_true(
						!str_glob(str_from(globs[j]),
							  str_from(words[w])) ||
						str_glob(str_from(globs[i]),
							 str_from(words[w])));
		}
}

static struct pattern range(double low, bool low_open, double high,
			    bool high_open)
{
	struct range *r = arena_alloc(help_arena(), sizeof(*r));

	*r = (struct range){ low, high, low_open, high_open };
	return (struct pattern){ .kind = PATTERN_RANGE, .range = r };
}

static void test_ranges(void **state)
{
	struct pattern over = range(95, false, INFINITY, false);
	struct pattern under = range(-INFINITY, false, 95, true);
	struct pattern to = range(-INFINITY, false, 95, false);
	struct pattern mid = range(96, false, 97, false), word = text("x");
	struct pattern number = text("96");

	(void)state;
	assert_int_equal(pattern_overlap(&over, &under), OVERLAP_NO);
	assert_int_equal(pattern_overlap(&over, &to), OVERLAP_YES);
	assert_int_equal(pattern_overlap(&over, &mid), OVERLAP_YES);
	assert_int_equal(pattern_overlap(&over, &word), OVERLAP_NO);
	assert_int_equal(pattern_overlap(&over, &number), OVERLAP_YES);
	assert_true(pattern_covers(&over, &mid));
	assert_true(pattern_covers(&to, &under));
	assert_false(pattern_covers(&under, &to));
	assert_false(pattern_covers(&mid, &over));
}

static struct pattern list(size_t n, ...)
{
	struct pattern *items = arena_array(help_arena(), n, sizeof(*items));
	struct pattern_list *l = arena_alloc(help_arena(), sizeof(*l));
	va_list ap;

	va_start(ap, n);
	for (size_t i = 0; i < n; i++)
		items[i] = text(va_arg(ap, const char *));
	va_end(ap);
	pattern_list_init(l, items, n);
	return (struct pattern){ .kind = PATTERN_LIST, .list = l };
}

static void test_lists(void **state)
{
	struct pattern abc = list(3, "c", "a", "b"), cd = list(2, "d", "c");
	struct pattern xy = list(2, "y", "x*"), x1 = text("x1");
	struct pattern none = { .kind = PATTERN_ABSENT };
	struct pattern there = { .kind = PATTERN_PRESENT };

	(void)state;
	assert_int_equal(pattern_overlap(&abc, &cd), OVERLAP_YES);
	assert_int_equal(pattern_overlap(&abc, &xy), OVERLAP_NO);
	assert_int_equal(pattern_overlap(&xy, &x1), OVERLAP_YES);
	assert_true(pattern_covers(&xy, &x1));
	assert_false(pattern_covers(&abc, &cd));
	assert_true(pattern_covers(&there, &abc));
	assert_int_equal(pattern_overlap(&none, &abc), OVERLAP_NO);
	assert_int_equal(pattern_overlap(&there, &abc), OVERLAP_YES);
	assert_int_equal(pattern_overlap(&none, &none), OVERLAP_YES);
	assert_int_equal(pattern_prefix(&abc), 1);
	assert_int_equal(pattern_prefix(&xy), 1);
	assert_int_equal(pattern_prefix(&there), 0);
}

static void test_shown(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct pattern p = text("pay-*");

	(void)state;
	pattern_put(&b, &p);
	assert_string_equal(b.p, "\"pay-*\"");
	buf_reset(&b);
	p = range(1, true, 2.5, false);
	pattern_put(&b, &p);
	assert_string_equal(b.p, "> 1 and <= 2.5");
	buf_reset(&b);
	p = list(7, "g", "f", "e", "d", "c", "b", "a");
	pattern_put(&b, &p);
	assert_string_equal(b.p, "any of \"a\", \"b\", \"c\", \"d\", \"e\" and "
				 "2 more");
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_overlap_of_texts),
		cmocka_unit_test(test_overlap_is_exact),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
