/* Tests of rules: what their files may say, and how they are run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/ruletest/coverage.h"
#include "agent/ruletest/internal.h"
#include "agent/ruletest/run.h"
#include "agent/ruletest/tables.h"

static void test_spans_add_up(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "0s", 0 },	     { "90s", 90000 },
		{ "2h51m", 10260000 }, { "1d2h3m4s5ms", 93784005 },
		{ "90d", 7776000000 },
	};
	static const char *const bad[] = { "",	 "5",	"m",	"2h51", "5x",
					   "-1s", "1 m", "91d",	"89d99h",
					   "99999999999999999999s" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(test_span(&ms, str_from(good[i].text)), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = 7;
		assert_true(test_span(&ms, str_from(bad[i])) < 0);
		assert_int_equal(ms, 7);
	}
}

static void check_json(const char *yaml, const char *json)
{
	struct arena *arena = arena_new(1 << 20);
	struct buf out = BUF_INIT(1 << 16);
	struct faults faults;
	struct yaml *v;

	faults_init(&faults);
	v = yaml_read(arena, str_from(yaml), "t", &faults);
	assert_non_null(v);
	test_put_json(&out, v);
	assert_string_equal(buf_str(&out).p, json);
	buf_fini(&out);
	faults_fini(&faults);
	arena_free(arena);
}

static void test_yaml_becomes_the_json_it_stands_for(void **state)
{
	(void)state;
	check_json("{a: 1, b: -2.5e3, c: true, d: no, e: ~, f: '1', g: 007}",
		   "{\"a\":1,\"b\":-2.5e3,\"c\":true,\"d\":\"no\",\"e\":null,"
		   "\"f\":\"1\",\"g\":\"007\"}");
	/* An account, but not a time of as many milliseconds. */
	check_json("{a: 111122223333, t: 1795255200000}",
		   "{\"a\":\"111122223333\",\"t\":1795255200000}");
	check_json("[[], {}, [[1, {x: [2]}], 3], y]",
		   "[[],{},[[1,{\"x\":[2]}],3],\"y\"]");
	check_json("\"quote \\\" and\\nline\"", "\"quote \\\" and\\nline\"");
	check_json("", "null");
}

/* ---- running ---- */

#define HEAD "tests:\n  - name: one\n    clock: 2026-11-02T03:00:00Z\n"
#define ALARM                                                                  \
	"{AlarmName: db-1, AWSAccountId: 111122223333, NewStateValue: ALARM, " \
	"StateChangeTime: \"2026-01-05T10:00:00.000+0000\", Region: US East "  \
	"(N. Virginia), Trigger: {Namespace: AWS/RDS}}"

struct rig {
	struct ruleset *rules;
	struct ruletest *file;
	struct arena *arena;
	struct faults faults;
};

static const char rules_text[] =
	"version: 1\n"
	"team: db\n"
	"severity: [{when: {alarm: x}, set: low}, {else: medium}]\n"
	"policies:\n"
	"  - {id: slow, match: {alarm: \"slow*\"}, open_after: 3m}\n"
	"  - {id: rest, match: {}}\n"
	"suppress:\n"
	"  - {id: change, match: {}, when_change: {state: [implement]}}\n"
	"ci: [{id: CI1}]\n";

static const struct rule_source rules_source = {
	.name = "db.yaml", .text = { rules_text, sizeof(rules_text) - 1 }
};

static void rig_make(struct rig *rig, const char *text)
{
	faults_init(&rig->faults);
	rig->arena = arena_new(64 << 20);
	rig->rules = ruleset_load(&rules_source, 1, &rig->faults, NULL);
	assert_non_null(rig->rules);
	assert_int_equal(rig->faults.errors, 0);
	assert_int_equal(ruletest_load(&rig->file, "db_test.yaml",
				       str_from(text), &rig->faults),
			 0);
}

static void rig_drop(struct rig *rig)
{
	ruletest_free(rig->file);
	ruleset_free(rig->rules);
	arena_free(rig->arena);
	faults_fini(&rig->faults);
}

static void test_a_miss_names_field_and_place(void **state)
{
	static const struct ruletest_options plain;
	struct ruletest_result res;
	struct rig rig;

	(void)state;
	rig_make(&rig, HEAD "    events: [{alarm: " ALARM "}]\n"
			    "    expect:\n"
			    "      actions: [create]\n"
			    "      incident: {priority: P1, state: open}\n"
			    "    expect_at: {5m: {notes: 2}}\n");
	assert_int_equal(ruletest_run(&res, &rig.file->tests[0], rig.rules,
				      &plain, rig.arena),
			 0);
	assert_int_equal(res.count, 2);
	assert_null(res.problem);
	assert_true(str_is(res.misses[0].field, "incident.priority"));
	assert_true(str_is(res.misses[0].expected, "P1"));
	assert_true(str_is(res.misses[0].got, "P3"));
	assert_int_equal(res.misses[0].at->line, 7);
	assert_null(res.misses[0].when.p);
	assert_true(str_is(res.misses[0].rule, "policy rest"));
	assert_true(str_is(res.misses[0].where, "db.yaml:6"));
	assert_true(str_is(res.misses[1].field, "notes"));
	assert_true(str_is(res.misses[1].when, "5m"));
	rig_drop(&rig);
}

static bool stop_at_once(void *arg)
{
	++*(unsigned *)arg;
	return true;
}

static void test_a_test_can_be_stopped(void **state)
{
	unsigned asked = 0;
	const struct ruletest_options options = { .stop = stop_at_once,
						  .arg = &asked };
	struct ruletest_result res;
	struct rig rig;

	(void)state;
	rig_make(&rig, HEAD "    events: [{alarm: " ALARM "}]\n"
			    "    expect: {notes: 7}\n");
	assert_int_equal(ruletest_run(&res, &rig.file->tests[0], rig.rules,
				      &options, rig.arena),
			 0);
	assert_string_equal(res.problem, "time is up");
	assert_int_equal(res.count, 0);
	assert_true(asked > 0);
	rig_drop(&rig);
}

static void test_coverage_tells_what_decided(void **state)
{
	struct coverage *c = coverage_new();
	const struct ruletest_options options = { .traced = coverage_take,
						  .arg = c };
	struct ruletest_result res;
	struct rig rig;

	(void)state;
	assert_non_null(c);
	assert_int_equal(coverage_add(c, &rules_source), 0);
	assert_int_equal(coverage_add(c, &rules_source), 0);
	/* Two severities on one line, two policies, a suppress, a CI. */
	assert_int_equal(coverage_count(c), 6);
	assert_int_equal(coverage_decided(c), 0);
	rig_make(&rig, HEAD "    events: [{alarm: " ALARM "}]\n"
			    "    expect: {actions: [create]}\n");
	assert_int_equal(ruletest_run(&res, &rig.file->tests[0], rig.rules,
				      &options, rig.arena),
			 0);
	for (size_t i = 0; i < coverage_count(c); i++) {
		const struct coverage_entry *e = coverage_entry(c, i);
		bool expected = str_starts(e->what, "severity") ||
				str_is(e->what, "policy rest") ||
				str_is(e->what, "ci[1]");

		assert_int_equal(e->decided, expected);
	}
	coverage_free(c);
	rig_drop(&rig);
}

/* ---- the manual ---- */

static void test_the_manual_has_every_key(void **state)
{
	static char page[1 << 16];
	FILE *f = fopen("packaging/man/tocsin-rules-test.5", "rb");
	const struct key_table *t = ruletest_tables();
	size_t n;

	(void)state;
	if (!f)
		skip();
	n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	assert_true(n > 1000);
	for (; t->name; t++)
		for (const struct key *k = t->keys; k->name; k++)
			if (!strstr(page, k->name))
				fail_msg("%s: %s isn't in the manual", t->name,
					 k->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans_add_up),
		cmocka_unit_test(test_yaml_becomes_the_json_it_stands_for),
		cmocka_unit_test(test_a_miss_names_field_and_place),
		cmocka_unit_test(test_a_test_can_be_stopped),
		cmocka_unit_test(test_coverage_tells_what_decided),
		cmocka_unit_test(test_the_manual_has_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
