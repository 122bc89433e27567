/* Changes of CIs: asked once, judged by state, a failure is no change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "agent/changes.h"
#include "doc/json.h"

struct fixture {
	struct metrics *m;
	struct changes *c;
	struct arena *a;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->m = metrics_new();
	f->c = changes_new(f->m);
	f->a = arena_new(64 << 20);
	assert_non_null(f->c);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	changes_free(f->c);
	metrics_free(f->m);
	arena_free(f->a);
	free(f);
	return 0;
}

static enum ci_answer find(struct fixture *f, const char *ci,
			   const char *state, struct rule_change *out)
{
	const struct str states[] = { STR("nothing"), str_from(state) };
	struct rule_change none;

	return changes_find(out ? out : &none, f->a, str_from(ci), states,
			    state ? 2 : 0, f->c);
}

static void next_is(struct fixture *f, const char *ci)
{
	struct str got;

	assert_true(changes_waiting(f->c));
	assert_int_equal(changes_next(&got, f->c, f->a), 1);
	assert_true(str_is(got, ci));
}

static void page(struct fixture *f, const char *ci, const char *rows)
{
	struct json *v;
	struct err err;

	assert_int_equal(json_parse(&v, str_from(rows), 0, &err), 0);
	changes_rows(f->c, str_from(ci), v);
	json_free(v);
}

static uint64_t failed(struct fixture *f)
{
	return metrics_get(f->m, METRIC_CHANGES_FAILED);
}

static void asked_once_and_kept(void **state)
{
	struct fixture *f = *state;
	struct rule_change c;

	assert_int_equal(find(f, "CI1", "implement", NULL), CI_PENDING);
	assert_int_equal(find(f, "CI1", "review", NULL), CI_PENDING);
	next_is(f, "CI1");
	assert_false(changes_waiting(f->c));
	assert_int_equal(find(f, "CI1", "implement", NULL), CI_PENDING);
	assert_false(changes_waiting(f->c));
	page(f, "CI1", "[{\"id\":\"C0\",\"ci_id\":\"CI2\","
		       "\"state\":\"implement\"}]");
	page(f, "CI1", "[{\"id\":\"C1\",\"ci_id\":\"CI1\",\"title\":\"t\","
		       "\"state\":\"Implement\"},{\"id\":\"C2\","
		       "\"ci_id\":\"CI1\",\"state\":\"closed\"}]");
	changes_answered(f->c, STR("CI1"), true);
	assert_int_equal(find(f, "CI1", "implement", &c), CI_FOUND);
	assert_true(str_is(c.id, "C1") && str_is(c.title, "t") &&
		    str_is(c.state, "Implement"));
	assert_int_equal(find(f, "CI1", "closed", &c), CI_FOUND);
	assert_true(str_is(c.id, "C2"));
	assert_int_equal(find(f, "CI1", "review", NULL), CI_NONE);
	assert_int_equal(find(f, "CI1", NULL, &c), CI_FOUND);
	assert_true(str_is(c.id, "C1"));
	assert_false(changes_waiting(f->c));
	assert_int_equal(failed(f), 0);
}

static void a_failure_is_no_change(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, "CI1", "implement", NULL), CI_PENDING);
	next_is(f, "CI1");
	page(f, "CI1", "[{\"id\":\"C1\",\"ci_id\":\"CI1\","
		       "\"state\":\"implement\"}]");
	changes_answered(f->c, STR("CI1"), false);
	assert_int_equal(find(f, "CI1", "implement", NULL), CI_FAILED);
	assert_int_equal(find(f, "CI1", NULL, NULL), CI_FAILED);
	assert_false(changes_waiting(f->c));
	assert_int_equal(failed(f), 1);
}

static void a_miss_is_kept(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, "CI1", "implement", NULL), CI_PENDING);
	next_is(f, "CI1");
	changes_answered(f->c, STR("CI1"), true);
	assert_int_equal(find(f, "CI1", "implement", NULL), CI_NONE);
	assert_false(changes_waiting(f->c));
}

static void odd_cis_are_not_asked_for(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, "", NULL, NULL), CI_NONE);
	assert_int_equal(find(f, "a b", NULL, NULL), CI_NONE);
	assert_int_equal(find(f, "..", NULL, NULL), CI_NONE);
	assert_false(changes_waiting(f->c));
}

/* Closed ones make room for open ones; where these are too many, what isn't
 * among them isn't known. */
static void many_changes_of_one_ci(void **state)
{
	struct fixture *f = *state;
	char row[128];

	find(f, "CI1", NULL, NULL);
	next_is(f, "CI1");
	for (int i = 0; i < 300; i++) {
		snprintf(row, sizeof(row), "[{\"id\":\"C%d\",\"ci_id\":"
			 "\"CI1\",\"state\":\"%s\"}]", i,
			 i < 200 ? "closed" : i == 220 ? "implement" : "new");
		page(f, "CI1", row);
	}
	changes_answered(f->c, STR("CI1"), true);
	assert_int_equal(find(f, "CI1", "implement", NULL), CI_FOUND);
	assert_int_equal(find(f, "CI1", "assess", NULL), CI_FAILED);
}

static void bounded(void **state)
{
	struct fixture *f = *state;
	enum ci_answer last = CI_PENDING;
	char ci[32];
	int asked = 0;

	for (int i = 0; i < 5000; i++) {
		snprintf(ci, sizeof(ci), "CI%d", i);
		last = find(f, ci, NULL, NULL);
		asked += last == CI_PENDING;
	}
	assert_int_equal(last, CI_FAILED);
	assert_true(asked >= 1000 && asked < 5000);
	assert_int_equal(failed(f), 5000 - asked);
	/* What was answered makes room. */
	for (int i = 0; i < asked; i++) {
		struct str got;

		assert_int_equal(changes_next(&got, f->c, f->a), 1);
		changes_answered(f->c, got, true);
	}
	assert_int_equal(find(f, "CI9999", NULL, NULL), CI_PENDING);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(asked_once_and_kept),
		T(a_failure_is_no_change),
		T(a_miss_is_kept),
		T(odd_cis_are_not_asked_for),
		T(many_changes_of_one_ci),
		T(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
