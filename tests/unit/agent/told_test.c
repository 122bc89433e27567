#include "agent/told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "doc/json.h"
#include "rule/silence.h"

#define NOW 1763719200000LL		/* 2025-11-21T10:00:00Z */

static enum ci_answer one_ci(struct ci *out, struct arena *arena,
			     struct str field, struct str value, void *arg)
{
	static const struct field fields[] = { { STR("env"), STR("prod") } };

	(void)arena;
	(void)arg;
	if (!str_is(field, "name"))
		return CI_PENDING;
	if (!str_is(value, "db"))
		return CI_NONE;
	*out = (struct ci){ STR("CI1"), STR("db"), fields, 1 };
	return CI_FOUND;
}

static enum ci_answer one_change(struct rule_change *out, struct arena *arena,
				 struct str ci_id, const struct str *states,
				 size_t count, void *arg)
{
	(void)arena;
	(void)states;
	(void)count;
	(void)arg;
	if (!str_is(ci_id, "CI1"))
		return CI_FAILED;
	*out = (struct rule_change){ STR("CHG1"), STR("Patch \"it\""),
				     STR("Implement") };
	return CI_FOUND;
}

static struct str ask(struct asked *a, struct str before,
		      const struct hold *hold, int64_t now_ms,
		      struct arena *arena)
{
	struct ci_source cis = { one_ci, NULL };
	struct hold_source holds = { .change = one_change };
	const struct str implement = STR("implement");
	struct rule_change change;
	struct ci ci;

	asked_begin(a, &cis, &holds);
	for (int twice = 0; twice < 2; twice++) {
		cis.find(&ci, arena, STR("name"), STR("db"), cis.arg);
		cis.find(&ci, arena, STR("name"), STR("web"), cis.arg);
		cis.find(&ci, arena, STR("arn"), STR("x"), cis.arg);
		holds.change(&change, arena, STR("CI1"), &implement, 1,
			     holds.arg);
		holds.change(&change, arena, STR("CI9"), NULL, 0, holds.arg);
	}
	return asked_json(a, before, hold, now_ms, arena);
}

static void test_what_was_told_is_told_again(void **state)
{
	const struct str states[] = { STR("scheduled"), STR("IMPLEMENT") };
	const struct alarm_pair tags[] = { { STR("team"), STR("pay") } };
	struct asked a = { .tags = tags, .tag_count = 1 };
	struct arena *arena = arena_new(1 << 20);
	struct hold none = { 0 };
	struct alarm plain = { .name = STR("a") };
	const struct alarm *alarm = &plain;
	struct rule_change change;
	uint64_t unknown = 0;
	struct told t;
	struct ci ci;

	(void)state;
	told_init(&t, ask(&a, STR_NONE, &none, NOW, arena), STR("CI7"));
	t.now_ms = NOW;
	t.unknown = &unknown;
	assert_non_null(t.json);
	assert_int_equal(told_ci(&ci, arena, STR("name"), STR("db"), &t),
			 CI_FOUND);
	assert_true(str_is(ci.id, "CI1") && str_is(ci.name, "db"));
	assert_int_equal(ci.field_count, 1);
	assert_true(str_is(ci.fields[0].value, "prod"));
	assert_int_equal(told_ci(&ci, arena, STR("name"), STR("web"), &t),
			 CI_NONE);
	assert_int_equal(told_ci(&ci, arena, STR("arn"), STR("x"), &t),
			 CI_FAILED);
	/* Nobody asked for that: the incident's. */
	assert_int_equal(told_ci(&ci, arena, STR("name"), STR("z"), &t),
			 CI_FOUND);
	assert_true(str_is(ci.id, "CI7"));
	assert_int_equal(told_change(&change, arena, STR("CI1"), states, 2,
				     &t), CI_FOUND);
	assert_true(str_is(change.title, "Patch \"it\""));
	assert_int_equal(unknown, 0);
	assert_int_equal(told_change(&change, arena, STR("CI9"), NULL, 0, &t),
			 CI_FAILED);
	assert_int_equal(told_change(&change, arena, STR("CI1"), states, 1,
				     &t), CI_NONE);
	assert_int_equal(told_change(&change, arena, STR("CI5"), NULL, 0, &t),
			 CI_NONE);
	assert_int_equal(unknown, 2);
	assert_int_equal(told_tags(&alarm, &t, arena), 0);
	assert_int_equal(alarm->tag_count, 1);
	told_fini(&t);
	assert_true(str_is(alarm->tags[0].value, "pay"));
	arena_free(arena);
}

/* What waits is decided again: each moment has its own answers. */
static void test_each_decision_has_its_own(void **state)
{
	struct hold silence = { .kind = HOLD_SILENCE, .id = STR("s1"),
				.about = STR("dba: moving: all"),
				.until_ms = NOW + 7200000 };
	struct hold none = { 0 };
	struct asked nothing = { 0 };
	struct arena *arena = arena_new(1 << 20);
	struct str world;
	struct silences *s;
	struct told t;

	(void)state;
	assert_null(asked_json(&nothing, STR_NONE, &none, NOW, arena).p);
	world = asked_json(&nothing, STR_NONE, &silence, NOW, arena);
	world = asked_json(&nothing, world, &none, NOW + 1000, arena);
	told_init(&t, world, STR_NONE);
	assert_int_equal(json_count(t.json), 2);
	t.now_ms = NOW - 5;
	s = told_silences(&t, "cloudwatch");
	assert_non_null(s);
	silences_free(s);
	t.now_ms = NOW + 1000;
	assert_null(told_silences(&t, "cloudwatch"));
	told_fini(&t);
	arena_free(arena);
}

static void test_it_is_bounded_and_garbage_tells_nothing(void **state)
{
	static char big[3000];
	struct alarm_pair tags[4];
	struct asked a = { .tags = tags, .tag_count = 4 };
	struct hold none = { 0 };
	struct arena *arena = arena_new(1 << 20);
	struct ci ci;
	struct told t;
	struct str world;

	(void)state;
	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 4; i++)
		tags[i] = (struct alarm_pair){ STR("t"),
					       { big, sizeof(big) } };
	world = ask(&a, STR_NONE, &none, NOW, arena);
	assert_true(world.n <= TOLD_MAX);
	told_init(&t, world, STR_NONE);
	assert_int_equal(told_ci(&ci, arena, STR("name"), STR("db"), &t),
			 CI_FOUND);
	told_fini(&t);
	told_init(&t, STR("[1, {\"cis\": 3, \"tags\": {}}, null]"), STR_NONE);
	assert_int_equal(told_ci(&ci, arena, STR("name"), STR("db"), &t),
			 CI_NONE);
	assert_null(told_silences(&t, "x"));
	told_fini(&t);
	told_init(&t, STR("{\"cis\""), STR_NONE);
	assert_null(t.json);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_told_is_told_again),
		cmocka_unit_test(test_each_decision_has_its_own),
		cmocka_unit_test(test_it_is_bounded_and_garbage_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
