#include "agent/sandbox/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct box_words of(const char *text)
{
	struct box_words w = { .n = 0 };

	box_words_add(&w, str_from(text));
	return w;
}

static double alike(const char *a, const char *b)
{
	struct box_words x = of(a), y = of(b);

	return box_words_alike(&x, &y);
}

static void endings_case_and_order_do_not_count(void **state)
{
	(void)state;
	assert_true(alike("Aurora connections exhausted",
			  "exhausted AURORA connection") > 0.999);
	assert_true(alike("the disk of web-3 is full", "web 3 disk full") >
		    0.999);
	assert_true(alike("connected", "connections") > 0.999);
	assert_true(alike("näh", "näh") > 0.999);
	assert_true(alike("näh", "nöh") < 0.001);
}

static void what_all_alarms_say_weighs_little(void **state)
{
	double common = alike("CloudWatch alarm pay-db-cpu",
			      "CloudWatch alarm web-disk");
	double own = alike("CloudWatch alarm pay-db-cpu",
			   "CloudWatch alarm pay-db-mem");

	(void)state;
	assert_true(common < 0.3);
	assert_true(own > 0.5);
}

static void nothing_is_like_nothing(void **state)
{
	struct box_words none = of(""), stops = of("the of is it"),
			 some = of("disk");

	(void)state;
	assert_int_equal(none.n, 0);
	assert_int_equal(stops.n, 0);
	assert_true(box_words_alike(&none, &none) == 0);
	assert_true(box_words_alike(&none, &some) == 0);
	assert_true(box_words_found(&none, &some) == 0);
	assert_true(box_words_found(&some, &some) == 1);
}

static void ids_and_times_are_no_words(void **state)
{
	struct box_words w = of("111122223333 2026112210 502 a");

	(void)state;
	assert_int_equal(w.n, 1);
	assert_true(box_words_has(&w, "502"));
	assert_false(box_words_has(&w, "111122223333"));
}

/* Foreign text: as many words as there are, each once, none past the end. */
static void any_number_of_words(void **state)
{
	struct box_words w = { .n = 0 };
	char text[16];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "w%dx", i);
		box_words_add(&w, str_from(text));
		box_words_add(&w, str_from(text));
	}
	assert_int_equal(w.n, BOX_WORDS);
	for (size_t i = 1; i < w.n; i++)
		assert_true(w.list[i - 1] < w.list[i]);
	box_words_add(&w, (struct str){ "\0\xff\xfe\x80 x\0y", 8 });
	assert_int_equal(w.n, BOX_WORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endings_case_and_order_do_not_count),
		cmocka_unit_test(what_all_alarms_say_weighs_little),
		cmocka_unit_test(nothing_is_like_nothing),
		cmocka_unit_test(ids_and_times_are_no_words),
		cmocka_unit_test(any_number_of_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
