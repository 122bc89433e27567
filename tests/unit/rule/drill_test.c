/* Rules decide a drill as any alarm, but for what would keep it. */
#include "tests/unit/rule/help.h"

#include "alarm/drill.h"
#include "rule/silence.h"

#define HEAD "version: 1\nteam: pay\nowners: [o]\nclaims: [{}]\n"
#define ALL_OF_IT                                                              \
	HEAD "windows: {w: {every: Thu 00:00-05:00}}\n"                       \
	     "suppress: [{id: s, match: {}, during: w}]\n"                     \
	     "policies:\n  - {id: a, match: {}, priority: P1, "                \
	     "dedup_key: \"${account}\", open_after: 10m, "                    \
	     "flap: {transitions: 2, within: 1h}, "                            \
	     "group: {by: \"${account}\", within: 1h}, "                       \
	     "resolve: {when: never}, reopen_within: 1d, "                     \
	     "escalate: [{after: 1m, raise_to: P1}], "                         \
	     "assignment_group: Theirs}\n"

/* Decided on a Thursday, at the beginning of 1970. */
static struct alarm drill(void)
{
	struct alarm a = help_alarm();

	a.name = STR(DRILL_NAME);
	a.namespace = STR(DRILL_NAMESPACE);
	a.contributor = STR("host-1-k3x9qzab");
	return a;
}

static void expect_free(const struct verdict *v)
{
	assert_int_equal(v->priority, 4);
	assert_int_equal(v->hold.kind, HOLD_NONE);
	assert_int_equal(v->open_after_ms, 0);
	assert_int_equal(v->open_when.count, 0);
	assert_int_equal(v->flap.count, 0);
	assert_int_equal(v->group_within_ms, 0);
	assert_int_equal(v->escalate_count, 0);
	assert_int_equal(v->limit.count, 0);
	assert_int_equal(v->reopen_within_ms, 0);
	assert_true(v->resolve && !v->resolve_note_only);
	assert_int_equal(v->resolve_stable_ms, 0);
	assert_str(v->dedup_key, "111122223333/us-east-1/tocsin-drill/"
				 "host-1-k3x9qzab");
}

/* Verdicts borrow from them. */
static struct ruleset *kept[8];
static size_t kept_count;

static int end(void **state)
{
	while (kept_count)
		ruleset_free(kept[--kept_count]);
	return help_end(state);
}

static struct verdict decide(const char *text, const struct alarm *a,
			     struct trace *trace)
{
	struct ruleset *r = text ? help_one(text) :
				   ruleset_load(NULL, 0, NULL, NULL);

	kept[kept_count++] = r;
	return help_decide(r, a, NULL, trace);
}

static void test_without_rules(void **state)
{
	struct alarm a = drill();
	struct verdict v = decide(NULL, &a, NULL);

	(void)state;
	expect_free(&v);
	a.severity = STR("critical");
	v = decide(NULL, &a, NULL);
	expect_free(&v);
}

static void test_what_is_meant_for_others(void **state)
{
	struct trace trace = { .arena = help_arena() };
	struct alarm a = drill(), other = help_alarm();
	struct verdict v = decide(ALL_OF_IT, &other, NULL);
	bool told = false;

	(void)state;
	/* It does all that to any other alarm. */
	assert_int_equal(v.priority, 1);
	assert_int_equal(v.hold.kind, HOLD_WINDOW);
	assert_true(v.open_after_ms && v.flap.count && v.group_within_ms &&
		    v.escalate_count && v.reopen_within_ms && !v.resolve);
	v = decide(ALL_OF_IT, &a, &trace);
	expect_free(&v);
	/* And says whose it is and how it reads. */
	assert_str(v.team, "pay");
	assert_str(v.policy, "a");
	assert_str(v.assignment_group, "Theirs");
	for (size_t i = 0; i < trace.count; i++)
		told |= str_is(trace.steps[i].rule, "drill");
	assert_true(told);
	/* Its name alone makes none. */
	a.namespace = STR("AWS/RDS");
	v = decide(ALL_OF_IT, &a, NULL);
	assert_int_equal(v.priority, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_rules),
		cmocka_unit_test(test_what_is_meant_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
