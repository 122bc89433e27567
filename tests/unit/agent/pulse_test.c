#include "agent/pulse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"

static void test_the_most_silent_is_told(void **state)
{
	struct pulse first = { 0 }, second = { 0 }, *all = NULL;
	int64_t now = clock_mono_ms(), silent = -1;

	(void)state;
	assert_null(pulse_slowest(all, now, &silent));
	assert_int_equal(silent, -1);
	pulse_join(&first, &all, "first");
	pulse_join(&second, &all, "second");
	first.at_ms = now - 4000;
	second.at_ms = now - 3000;
	assert_string_equal(pulse_slowest(all, now, &silent)->name, "first");
	assert_int_equal(silent, 4000);
	pulse_beat(&first);
	assert_string_equal(pulse_slowest(all, now, &silent)->name, "second");
	assert_int_equal(silent, 3000);
}

/* Rest isn't silence until it is over. */
static void test_rest(void **state)
{
	struct pulse p = { 0 }, *all = NULL;
	int64_t silent, before = clock_mono_ms();

	(void)state;
	pulse_join(&p, &all, "p");
	pulse_rest(&p, 5000);
	assert_non_null(pulse_slowest(all, before + 5000, &silent));
	assert_true(silent <= 0);
	assert_non_null(pulse_slowest(all, clock_mono_ms() + 8000, &silent));
	assert_true(silent >= 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_most_silent_is_told),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
