/* What policies ask of StackFlow's AI, and of which fields. */
#include <stdlib.h>

#include "tests/unit/rule/help.h"

#define HEAD "version: 1\nteam: pay\nowners: [o]\n" /* lines 1-3 */
#define POLICY(keys) HEAD "policies:\n  - {id: a, match: {}, " keys "}\n"
#define ALL "enrich: {suggest: {}, analyze: {}, article: {}}"

/* The verdict, whose enrich is the arena's; NULL: nothing is asked. */
static const struct enrich *asked(const char *text, const struct alarm *a)
{
	return help_verdict(text, a).enrich;
}

static void check_filled(const struct enrich *e, const char *want)
{
	char got[ENRICH_FIELDS + 1] = "";
	size_t n = 0;

	assert_non_null(e);
	for (int f = 0; f < ENRICH_FIELDS; f++)
		if (e->fill[f])
			got[n++] = "csgp"[f];
	assert_string_equal(got, want);
}

static void nothing_is_asked_unless_a_rule_says_so(void **state)
{
	struct alarm a = help_alarm();

	(void)state;
	assert_null(asked(POLICY("severity: low"), &a));
}

static void what_is_left_out_has_its_default(void **state)
{
	struct alarm a = help_alarm();
	const struct enrich *e = asked(POLICY(ALL), &a);

	(void)state;
	check_filled(e, "csgp");
	assert_true(e->suggest_above == 0.8);
	assert_true(e->analyze[1] && e->analyze[2]);
	assert_false(e->analyze[3] || e->analyze[4]);
	assert_true(e->analyze_above == 0.5);
	assert_true(e->article);
	assert_true(e->article_above == 0.6);
	assert_int_equal(e->highest, 1);
}

static void what_is_given_is_taken(void **state)
{
	struct alarm a = help_alarm();
	const struct enrich *e = asked(
		POLICY("enrich: {suggest: {fields: [category, priority], "
		       "above: 0.95}, analyze: {priority: [P3], above: 1}}"),
		&a);

	(void)state;
	check_filled(e, "cp");
	assert_true(e->suggest_above == 0.95);
	assert_true(e->analyze[3] && !e->analyze[1]);
	assert_true(e->analyze_above == 1);
	assert_false(e->article);
}

/* A name is whatever a policy, a block or the defaults say. */
static void a_field_that_a_rule_names_is_not_filled(void **state)
{
	struct alarm a = help_alarm();

	(void)state;
	check_filled(asked(POLICY(ALL ", category: db"), &a), "sgp");
	check_filled(asked(POLICY(ALL ", fields: {subcategory: rds}"), &a),
		     "cgp");
	check_filled(asked(HEAD "defaults: {assignment_group: DBA, " ALL "}\n"
				"policies: [{id: a, match: {}}]\n", &a),
		     "csp");
	check_filled(asked(POLICY(ALL ", priority: P2"), &a), "csg");
	check_filled(asked(POLICY(ALL ", severity: high"), &a), "csg");
	check_filled(asked(HEAD "severity: [{else: low}]\npolicies:\n"
				"  - {id: a, match: {}, " ALL "}\n", &a),
		     "csg");
	/* The map says what a severity means, not which this alarm has. */
	check_filled(asked(HEAD "priority: {critical: P1, high: P2, medium: "
				"P3, low: P4}\npolicies:\n"
				"  - {id: a, match: {}, " ALL "}\n", &a),
		     "csgp");
	a.severity = STR("HIGH");
	check_filled(asked(POLICY(ALL), &a), "csg");
	a.severity = STR("urgent");		/* which is none */
	check_filled(asked(POLICY(ALL), &a), "csgp");
}

static void with_all_of_them_named_nothing_is_asked(void **state)
{
	struct alarm a = help_alarm();

	(void)state;
	assert_null(asked(POLICY("enrich: {suggest: {fields: [category]}}, "
				 "category: db"), &a));
}

static void a_policy_says_it_instead_of_the_defaults(void **state)
{
	struct alarm a = help_alarm();
	const struct enrich *e;

	(void)state;
	assert_null(asked(HEAD "defaults: {" ALL "}\npolicies: [{id: a, "
			       "match: {}, enrich: null}]\n", &a));
	e = asked(HEAD "defaults: {" ALL "}\npolicies: [{id: a, match: {}, "
		       "enrich: {article: {above: 0.9}}}]\n", &a);
	check_filled(e, "");
	assert_true(e->article && e->article_above == 0.9);
}

static void guards_bound_what_a_suggestion_may_raise_to(void **state)
{
	const char *files[] = {
		"00-platform.yaml",
		"version: 1\nteam: platform\nowners: [o]\nplatform: true\n"
		"guards: [{id: cap, match: {account: \"111122223333\"}, "
		"max_priority: P2}]\n",
		"20-pay.yaml",
		HEAD "claims: [{alarm: \"pay-*\"}]\n"
		     "policies: [{id: a, match: {}, " ALL "}]\n",
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct alarm a = help_alarm();

	(void)state;
	assert_int_equal(help_decide(r, &a, NULL, NULL).enrich->highest, 2);
	ruleset_free(r);
}

static void a_trace_tells_what_will_be_asked(void **state)
{
	struct ruleset *r = help_one(POLICY(ALL ", category: db"));
	struct trace trace = { .arena = help_arena() };
	struct alarm a = help_alarm();
	bool told = false;

	(void)state;
	help_decide(r, &a, NULL, &trace);
	for (size_t i = 0; i < trace.count; i++)
		told |= str_is(trace.steps[i].rule, "enrich") &&
			str_is(trace.steps[i].because,
			       "asks StackFlow, once it is open: subcategory, "
			       "assignment_group, priority, an analysis of a "
			       "P1, an analysis of a P2, a knowledge article");
	assert_true(told);
	ruleset_free(r);
}

static void faults_have_their_place(void **state)
{
	static const struct fault_case cases[] = {
		{ POLICY("enrich: {}"), "5:32: error[missing-key]: `suggest`" },
		{ POLICY("enrich: {sugest: {}}"), "error[unknown-key]" },
		{ POLICY("enrich: {suggest: {above: 1.2}}"),
		  "error[bad-value]: `above` is a confidence" },
		{ POLICY("enrich: {suggest: {above: nan}}"),
		  "error[bad-value]: `above` is a confidence" },
		{ POLICY("enrich: {suggest: {above: [1]}}"), "error[" },
		{ POLICY("enrich: {suggest: {fields: [ci_id]}}"), "error[" },
		{ POLICY("enrich: {suggest: {fields: []}}"),
		  "error[bad-value]: an empty list" },
		{ POLICY("enrich: {suggest: {fields: category}}"), "error[" },
		{ POLICY("enrich: {analyze: {priority: [P5]}}"), "error[" },
		{ POLICY("enrich: {article: yes}"), "error[" },
		{ POLICY("enrich: [article]"), "error[" },
	};

	(void)state;
	CHECK(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_asked_unless_a_rule_says_so),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(what_is_given_is_taken),
		cmocka_unit_test(a_field_that_a_rule_names_is_not_filled),
		cmocka_unit_test(with_all_of_them_named_nothing_is_asked),
		cmocka_unit_test(a_policy_says_it_instead_of_the_defaults),
		cmocka_unit_test(guards_bound_what_a_suggestion_may_raise_to),
		cmocka_unit_test(a_trace_tells_what_will_be_asked),
		cmocka_unit_test(faults_have_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
