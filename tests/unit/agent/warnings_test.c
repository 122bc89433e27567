#include "agent/warnings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "doc/jsonw.h"

#define NOW INT64_C(1795255200000)

static void says(struct warnings *w, const char *want)
{
	struct buf b = BUF_INIT(64 << 10);
	struct jsonw to = JSONW(&b);

	warnings_put(&to, w);
	assert_string_equal(buf_str(&b).p, want);
	buf_fini(&b);
}

static void test_a_condition_counts_once_it_lasts(void **state)
{
	struct warnings *w = warnings_new();
	int64_t after = warning_rows[WARNING_CLOCK_OFF].after_ms;

	(void)state;
	assert_true(after > 0);
	warnings_raise(w, WARNING_CLOCK_OFF, "off", "mend", NOW);
	warnings_raise(w, WARNING_CLOCK_OFF, "off", "mend", NOW + after - 1);
	says(w, "[]");
	/* It begins anew. */
	warnings_clear(w, WARNING_CLOCK_OFF, NOW + after - 1);
	warnings_raise(w, WARNING_CLOCK_OFF, "off", "mend", NOW + after);
	assert_int_equal(warnings_since(w, WARNING_CLOCK_OFF), 0);
	warnings_raise(w, WARNING_CLOCK_OFF, "off by 9", "mend",
		       NOW + 2 * after);
	assert_int_equal(warnings_since(w, WARNING_CLOCK_OFF),
			 NOW + 2 * after);
	/* The text follows; since when doesn't. */
	warnings_raise(w, WARNING_CLOCK_OFF, "off by 8", "mend",
		       NOW + 3 * after);
	says(w, "[{\"code\":\"clock-off\",\"level\":\"watch\","
		"\"since\":\"2026-11-21T10:02:00.000Z\","
		"\"text\":\"off by 8\",\"advice\":\"mend\"}]");
	warnings_clear(w, WARNING_CLOCK_OFF, NOW + 4 * after);
	says(w, "[]");
	warnings_free(w);
}

static void test_what_happened_counts_for_a_while(void **state)
{
	struct warnings *w = warnings_new();
	int64_t linger = warning_rows[WARNING_FALLBACK_USED].linger_ms;

	(void)state;
	assert_true(linger > 0);
	warnings_raise(w, WARNING_FALLBACK_USED, NULL, NULL, NOW);
	warnings_raise(w, WARNING_DEAD_LETTERS, NULL, NULL, NOW);
	warnings_raise(w, WARNING_FALLBACK_USED, NULL, NULL, NOW + 5000);
	warnings_expire(w, NOW + linger + 4999);
	assert_int_equal(warnings_since(w, WARNING_FALLBACK_USED), NOW);
	warnings_expire(w, NOW + linger + 5000);
	assert_int_equal(warnings_since(w, WARNING_FALLBACK_USED), 0);
	/* A condition doesn't go by itself. */
	assert_int_equal(warnings_since(w, WARNING_DEAD_LETTERS), NOW);
	/* Nor does a clock that is set back keep one for ever. */
	warnings_raise(w, WARNING_FALLBACK_USED, NULL, NULL, NOW);
	warnings_expire(w, NOW - linger);
	warnings_expire(w, NOW);
	assert_int_equal(warnings_since(w, WARNING_FALLBACK_USED), 0);
	/* One that was raised since the clock was read isn't over. */
	warnings_raise(w, WARNING_FALLBACK_USED, NULL, NULL, NOW);
	warnings_expire(w, NOW - 1);
	assert_int_equal(warnings_since(w, WARNING_FALLBACK_USED), NOW);
	warnings_free(w);
}

static void test_the_gravest_first_and_by_code(void **state)
{
	struct agent a = { .warnings = warnings_new() };
	struct buf b = BUF_INIT(64 << 10);
	struct warning_state s;

	(void)state;
	warning_raise(&a, WARNING_DEAD_LETTERS, "2 wait", NULL);
	warning_raise(&a, WARNING_DRILL_LATE, "nothing\ncame \x1b[2J", NULL);
	warnings_list(&b, a.warnings);
	assert_string_equal(buf_str(&b).p,
			    "warning drill-late: nothing\\x0acame \\x1b[2J\n"
			    "warning dead-letters: 2 wait\n");
	/* Advice is the row's where nobody knows better. */
	assert_true(warnings_read(&s, a.warnings, WARNING_DRILL_LATE) > 0);
	assert_string_equal(s.advice,
			    warning_rows[WARNING_DRILL_LATE].advice);
	buf_reset(&b);
	warning_clear(&a, WARNING_DRILL_LATE);
	warnings_metrics(&b, a.warnings);
	assert_true(str_find(buf_str(&b),
			     STR("\ntocsin_warning{code=\"dead-letters\"} 1\n")) >
		    0);
	assert_true(str_find(buf_str(&b),
			     STR("\ntocsin_warning{code=\"drill-late\"} 0\n")) >
		    0);
	buf_fini(&b);
	warnings_free(a.warnings);
}

/* Whoever reads the table relies on it. */
static void test_the_table(void **state)
{
	(void)state;
	for (int i = 0; i < WARNING_COUNT; i++) {
		const struct warning_row *r = &warning_rows[i];

		for (const char *p = r->code; *p; p++)
			assert_true((*p >= 'a' && *p <= 'z') || *p == '-');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(r->code, warning_rows[k].code);
		assert_false(r->after_ms && r->linger_ms);
		assert_true(strlen(r->help) < WARNING_TEXT);
		assert_true(strlen(r->advice) < WARNING_TEXT);
		/* The page and readyz show the gravest first. */
		if (i)
			assert_true(r->bad <= warning_rows[i - 1].bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_condition_counts_once_it_lasts),
		cmocka_unit_test(test_what_happened_counts_for_a_while),
		cmocka_unit_test(test_the_gravest_first_and_by_code),
		cmocka_unit_test(test_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
