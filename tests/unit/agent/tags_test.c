/* Tags of alarms: asked once, kept a while, never waited for in vain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "agent/tags.h"
#include "aws/cloudwatch.h"

#define ARN "arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
#define MANY 5000

struct fixture {
	struct tags *t;
	struct arena *a;
	int woken;
};

static void wake(void *arg)
{
	((struct fixture *)arg)->woken++;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->t = tags_new();
	f->a = arena_new(64 << 20);
	assert_non_null(f->t);
	tags_serve(f->t, STR("111122223333"), wake, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tags_free(f->t);
	arena_free(f->a);
	free(f);
	return 0;
}

static enum tags_answer find(struct fixture *f, const char *arn, bool ask,
			     struct str *value)
{
	const struct alarm_pair *list = NULL;
	size_t count = 0;
	enum tags_answer answer = tags_find(&list, &count, f->a, f->t,
					    str_from(arn), ask);

	assert_int_equal(answer == TAGS_FOUND, count > 0);
	if (value && count)
		*value = list[0].value;
	return answer;
}

static void answer(struct fixture *f, const char *arn, const char *value)
{
	const struct cw_tag tag = { STR("tier"), str_from(value) };
	struct str next, region;

	assert_true(tags_next(&next, &region, f->t, f->a));
	assert_true(str_is(next, arn));
	assert_true(str_is(region, "us-east-1"));
	tags_answered(f->t, next, value ? &tag : NULL, value ? 1 : 0);
}

static void test_asked_once(void **state)
{
	struct fixture *f = *state;
	struct str value, next, region;

	assert_int_equal(find(f, ARN "a", true, NULL), TAGS_PENDING);
	assert_int_equal(find(f, ARN "a", true, NULL), TAGS_PENDING);
	assert_int_equal(f->woken, 1);
	answer(f, ARN "a", "gold");
	assert_false(tags_next(&next, &region, f->t, f->a));
	assert_int_equal(find(f, ARN "a", true, &value), TAGS_FOUND);
	assert_true(str_is(value, "gold"));
	assert_int_equal(f->woken, 1);
}

static void test_none_and_failed_are_kept(void **state)
{
	struct fixture *f = *state;
	struct str next, region;

	assert_int_equal(find(f, ARN "none", true, NULL), TAGS_PENDING);
	answer(f, ARN "none", NULL);
	assert_int_equal(find(f, ARN "none", true, NULL), TAGS_NONE);
	assert_int_equal(find(f, ARN "bad", true, NULL), TAGS_PENDING);
	assert_true(tags_next(&next, &region, f->t, f->a));
	tags_answered(f->t, next, NULL, -1);
	assert_int_equal(find(f, ARN "bad", true, NULL), TAGS_NONE);
	assert_false(tags_next(&next, &region, f->t, f->a));
	assert_int_equal(f->woken, 2);
}

static void test_only_what_is_known(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, ARN "a", false, NULL), TAGS_NONE);
	assert_int_equal(f->woken, 0);
}

static void test_not_ours(void **state)
{
	static const char *const list[] = {
		"arn:aws:cloudwatch:us-east-1:999988887777:alarm:a", "",
		"arn:aws:sns:us-east-1:111122223333:a", "x", ARN,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(find(f, list[i], true, NULL), TAGS_NONE);
	assert_int_equal(f->woken, 0);
}

static void test_forgotten_is_asked_anew(void **state)
{
	struct fixture *f = *state;
	struct str value;

	find(f, ARN "a", true, NULL);
	answer(f, ARN "a", "gold");
	tags_forget(f->t, STR(ARN "a"));
	assert_int_equal(find(f, ARN "a", true, NULL), TAGS_PENDING);
	/* The answer under way may tell what was before: it serves, and is
	 * asked for again. */
	tags_forget(f->t, STR(ARN "a"));
	answer(f, ARN "a", "tin");
	assert_int_equal(find(f, ARN "a", true, &value), TAGS_FOUND);
	assert_int_equal(f->woken, 3);
	answer(f, ARN "a", "silver");
	find(f, ARN "a", true, &value);
	assert_true(str_is(value, "silver"));
}

static void test_off(void **state)
{
	struct fixture *f = *state;
	struct str next, region;

	find(f, ARN "a", true, NULL);
	tags_off(f->t);
	assert_int_equal(find(f, ARN "a", true, NULL), TAGS_NONE);
	assert_false(tags_next(&next, &region, f->t, f->a));
	tags_serve(f->t, STR("111122223333"), wake, f);
	assert_int_equal(find(f, ARN "a", true, NULL), TAGS_PENDING);
	assert_true(tags_next(&next, &region, f->t, f->a));
	assert_int_equal(tags_find(&(const struct alarm_pair *){ NULL },
				   &(size_t){ 0 }, f->a, NULL, STR(ARN "a"),
				   true),
			 TAGS_NONE);
}

/* In a storm a few are waited for, the others are asked for without. */
static void test_storm(void **state)
{
	struct fixture *f = *state;
	struct str next, region;
	int pending = 0, asked = 0;
	char arn[128];

	for (int i = 0; i < MANY; i++) {
		snprintf(arn, sizeof(arn), ARN "%d", i);
		pending += find(f, arn, true, NULL) == TAGS_PENDING;
	}
	assert_true(pending > 0 && pending < 20);
	while (tags_next(&next, &region, f->t, f->a)) {
		tags_answered(f->t, next,
			      &(struct cw_tag){ STR("tier"), STR("x") }, 1);
		asked++;
	}
	assert_true(asked >= 100 && asked <= 1000);
	/* Bounded, the least used first: what is used stays. */
	snprintf(arn, sizeof(arn), ARN "%d", 1);
	for (int i = 0; i < MANY; i++) {
		char other[128];

		snprintf(other, sizeof(other), ARN "other-%d", i);
		find(f, other, true, NULL);
		assert_true(tags_next(&next, &region, f->t, f->a));
		tags_answered(f->t, next, NULL, 0);
		find(f, arn, false, NULL);
	}
	assert_int_equal(find(f, arn, false, NULL), TAGS_FOUND);
	assert_int_equal(find(f, ARN "0", false, NULL), TAGS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_asked_once),
		T(test_none_and_failed_are_kept),
		T(test_only_what_is_known),
		T(test_not_ours),
		T(test_forgotten_is_asked_anew),
		T(test_off),
		T(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
