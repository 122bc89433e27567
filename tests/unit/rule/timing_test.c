/* What policies wait for, count, gather and escalate, as verdicts tell it. */
#include <stdlib.h>

#include "tests/unit/rule/help.h"

#define HEAD "version: 1\nteam: pay\nowners: [o]\n" /* lines 1-3 */
#define POLICY(keys) HEAD "policies:\n  - {id: a, match: {}, " keys "}\n"
#define PLATFORM "version: 1\nteam: plat\nowners: [o]\nplatform: true\n"
#define MINUTE 60000

static void test_nothing_asked_for(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v = help_verdict(POLICY("severity: low"), &a);

	(void)state;
	assert_int_equal(v.open_after_ms, 0);
	assert_int_equal(v.open_when.count, 0);
	assert_int_equal(v.flap.count, 0);
	assert_int_equal(v.flap_quiet_ms, 0);
	assert_int_equal(v.group_within_ms, 0);
	assert_int_equal(v.escalate_count, 0);
	assert_int_equal(v.resolve_stable_ms, 0);
	assert_int_equal(v.limit.count, 0);
	assert_int_equal(v.hold.kind, HOLD_NONE);
	assert_false(v.require_change);
	assert_null(v.context.p);
}

static void test_spans_and_counts(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	v = help_verdict(POLICY("open_after: 3m, resolve: {stable_for: 10m},"
				" flap: {transitions: 4, within: 30m, "
				"quiet_for: 20m}"),
			 &a);
	assert_int_equal(v.open_after_ms, 3 * MINUTE);
	assert_int_equal(v.resolve_stable_ms, 10 * MINUTE);
	assert_int_equal(v.flap.count, 4);
	assert_int_equal(v.flap.within_ms, 30 * MINUTE);
	assert_int_equal(v.flap_quiet_ms, 20 * MINUTE);
	v = help_verdict(POLICY("open_when: {count: 3, within: 10m}, flap: "
				"{transitions: 2, within: 5m}"),
			 &a);
	assert_int_equal(v.open_when.count, 3);
	assert_int_equal(v.open_when.within_ms, 10 * MINUTE);
	/* As long as its transitions count. */
	assert_int_equal(v.flap_quiet_ms, 5 * MINUTE);
}

#define OPENING(after, number)                                                 \
	assert_int_equal(v.open_after_ms, after);                              \
	assert_int_equal(v.open_when.count, number)

/* Each of a policy's own, its blocks' and the defaults'. */
static void test_inherited(void **state)
{
	const char *files[] = {
		"00-p.yaml",
		PLATFORM "blocks:\n"
			 "  slow: {open_after: 7m}\n"
			 "  many: {open_when: {count: 5, within: 1h}}\n"
			 "  up: {escalate: [{after: 5m, raise_to: P2}],"
			 " require_change: true}\n",
		"20-pay.yaml",
		HEAD "defaults:\n"
		     "  open_after: 2m\n"
		     "  flap: {transitions: 3, within: 9m}\n"
		     "  resolve: {stable_for: 4m}\n"
		     "policies:\n"
		     "  - {id: own, match: {alarm: a}, open_after: 0s, flap: "
		     "null, resolve: {stable_for: 0s}}\n"
		     "  - {id: slow, match: {alarm: b}, use: [slow]}\n"
		     "  - {id: many, match: {alarm: c}, use: [many, up]}\n"
		     "  - {id: less, match: {alarm: d}, use: [many],"
		     " open_when: {count: 2, within: 1m}}\n"
		     "  - {id: last, match: {}}\n",
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	a.name = STR("a");
	v = help_decide(r, &a, NULL, NULL);
	OPENING(0, 0);
	assert_int_equal(v.flap.count, 0);
	assert_int_equal(v.resolve_stable_ms, 0);
	a.name = STR("b");
	v = help_decide(r, &a, NULL, NULL);
	OPENING(7 * MINUTE, 0);
	assert_int_equal(v.flap.count, 3);
	assert_int_equal(v.resolve_stable_ms, 4 * MINUTE);
	a.name = STR("c");
	v = help_decide(r, &a, NULL, NULL);
	OPENING(0, 5);
	assert_int_equal(v.escalate_count, 1);
	assert_true(v.require_change);
	a.name = STR("d");
	v = help_decide(r, &a, NULL, NULL);
	OPENING(0, 2);
	a.name = STR("e");
	v = help_decide(r, &a, NULL, NULL);
	OPENING(2 * MINUTE, 0);
	ruleset_free(r);
}

#define GROUP                                                                  \
	POLICY("group: {by: \"${account}/${tag.service}\", within: 10m,"       \
	       " short_description: \"Latency of ${tag.service}\"},"           \
	       " dedup_key: \"${account}/x\"")

static void test_group(void **state)
{
	static const struct alarm_pair tags[] = {
		{ STR("service"), STR("pay") },
	};
	struct ruleset *r = help_one(GROUP);
	struct alarm a = help_alarm();
	struct trace trace = { .arena = help_arena() };
	struct buf because = BUF_INIT(10000);
	struct verdict v;

	(void)state;
	a.tags = tags;
	a.tag_count = 1;
	v = help_decide(r, &a, NULL, NULL);
	assert_str(v.dedup_key, "group/pay/a/111122223333/pay");
	assert_int_equal(v.group_within_ms, 10 * MINUTE);
	assert_str(v.short_description, "Latency of pay");
	/* A field that `by` misses: no grouping, and the key is the usual. */
	a.tag_count = 0;
	v = help_decide(r, &a, NULL, &trace);
	assert_str(v.dedup_key, "111122223333/x");
	assert_int_equal(v.group_within_ms, 0);
	assert_str(v.short_description, "CloudWatch Alarm: pay-db-cpu");
	for (size_t i = 0; i < trace.count; i++)
		buf_put_str(&because, trace.steps[i].because);
	assert_true(str_find(buf_str(&because),
			     STR("a field of `by` is missing")) >= 0);
	buf_fini(&because);
	ruleset_free(r);
}

static void test_escalate(void **state)
{
	const char *files[] = {
		"00-p.yaml",
		PLATFORM "env: [{when: {account: \"2*\"}, set: dev}, {else: "
			 "prod}]\n"
			 "guards: [{id: cap, match: {env: dev}, max_priority: "
			 "P3}]\n",
		"20-pay.yaml",
		POLICY("priority: P4, escalate: ["
		       "{after: 1h, raise_to: P1, note: \"${alarm} for 1h\"},"
		       "{after: 15m, unless: acknowledged, raise_to: P2},"
		       "{after: 30m, note: look}]"),
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct alarm a = help_alarm();
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_int_equal(v.escalate_count, 3);
	/* In the order of their times. */
	assert_int_equal(v.escalate[0].after_ms, 15 * MINUTE);
	assert_true(v.escalate[0].unless_acknowledged);
	assert_int_equal(v.escalate[0].raise_to, 2);
	assert_null(v.escalate[0].note.p);
	assert_int_equal(v.escalate[1].after_ms, 30 * MINUTE);
	assert_false(v.escalate[1].unless_acknowledged);
	assert_int_equal(v.escalate[1].raise_to, 0);
	assert_str(v.escalate[1].note, "look");
	assert_int_equal(v.escalate[2].raise_to, 1);
	assert_str(v.escalate[2].note, "pay-db-cpu for 1h");
	/* Guards bind what is raised as they bind what is decided. */
	a.account = STR("222233334444");
	v = help_decide(r, &a, NULL, NULL);
	assert_int_equal(v.priority, 4);
	assert_int_equal(v.escalate[0].raise_to, 3);
	assert_int_equal(v.escalate[2].raise_to, 3);
	ruleset_free(r);
}

static void test_limits(void **state)
{
	const char *files[] = {
		"00-p.yaml",
		PLATFORM "limits: {open_per_team: 40, within: 10m}\n",
		"20-pay.yaml",
		HEAD "claims: [{alarm: \"pay-*\"}]\n"
		     "policies:\n"
		     "  - {id: one, match: {alarm: pay-1}, priority: P1}\n"
		     "  - {id: last, match: {}}\n",
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct alarm a = help_alarm();
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_int_equal(v.limit.count, 40);
	assert_int_equal(v.limit.within_ms, 10 * MINUTE);
	a.name = STR("pay-1");
	v = help_decide(r, &a, NULL, NULL);
	assert_int_equal(v.limit.count, 0);
	/* What nobody claims counts as well. */
	a.name = STR("x");
	v = help_decide(r, &a, NULL, NULL);
	assert_true(v.catch_all);
	assert_int_equal(v.limit.count, 40);
	ruleset_free(r);
}

static void test_refused(void **state)
{
	static const struct fault_case cases[] = {
		{ POLICY("open_after: 3m, open_when: {count: 3, within: 1m}"),
		  "5:24: error[conflicting-keys]: `open_after` and "
		  "`open_when`" },
		{ HEAD "defaults: {open_after: 3m, open_when: {count: 3, "
		       "within: 1m}}\n",
		  "4:12: error[conflicting-keys]" },
		{ POLICY("open_after: 3"), "error[bad-value]" },
		{ POLICY("open_after: 366d"), "error[bad-value]" },
		{ POLICY("open_after: null"), "error[wrong-type]" },
		{ POLICY("open_when: 3"), "error[wrong-type]" },
		{ POLICY("open_when: {count: 3}"),
		  "error[missing-key]: `within` is missing" },
		{ POLICY("open_when: {within: 3m}"),
		  "error[missing-key]: `count` is missing" },
		{ POLICY("open_when: {count: 1, within: 3m}"),
		  "error[bad-value]: `count` takes a number from 2 to 100" },
		{ POLICY("open_when: {count: 101, within: 3m}"),
		  "error[bad-value]" },
		{ POLICY("open_when: {count: 3, within: 0s}"),
		  "error[bad-value]: `within` takes more than no time" },
		{ POLICY("flap: {within: 3m}"),
		  "error[missing-key]: `transitions` is missing" },
		{ POLICY("flap: {transitions: 101, within: 3m}"),
		  "error[bad-value]" },
		{ POLICY("flap: {transitions: 4, within: 3m, quiet: 1m}"),
		  "error[unknown-key]" },
		{ POLICY("flap: {transitions: 4, within: 3m, quiet_for: 0s}"),
		  "error[bad-value]" },
		{ POLICY("group: {within: 3m}"),
		  "error[missing-key]: `by` is missing" },
		{ POLICY("group: {by: x}"),
		  "error[missing-key]: `within` is missing" },
		{ POLICY("group: {by: \"\", within: 3m}"),
		  "error[bad-value]: `by` names" },
		{ POLICY("group: {by: \"${state}\", within: 3m}"),
		  "error[group-volatile]: `by` can't hold `state`" },
		{ POLICY("group: {by: \"${alarm} ${reason}\", within: 3m}"),
		  "error[group-volatile]: `by` can't hold `reason`" },
		{ POLICY("group: {by: \"${time}\", within: 3m}"),
		  "error[group-volatile]" },
		{ POLICY("group: {by: \"${ci.id}/${severity}\", within: 3m}"),
		  "" },
		{ POLICY("group: {by: \"${alrm}\", within: 3m}"),
		  "error[bad-template]" },
		{ POLICY("escalate: {after: 3m, raise_to: P1}"),
		  "error[wrong-type]" },
		{ POLICY("escalate: [{raise_to: P1}]"),
		  "error[missing-key]: `after` is missing" },
		{ POLICY("escalate: [{after: 3m}]"),
		  "error[missing-key]: `raise_to` or `note` is missing" },
		{ POLICY("escalate: [{after: 0s, note: x}]"),
		  "error[bad-value]" },
		{ POLICY("escalate: [{after: 3m, note: x, unless: acked}]"),
		  "error[bad-value]: `unless` is acknowledged" },
		{ POLICY("escalate: [{after: 3m, raise_to: P5}]"),
		  "error[bad-value]" },
		{ POLICY("escalate: [{after: 1m, note: x}, {after: 1m, note: "
			 "x}, {after: 1m, note: x}, {after: 1m, note: x}, "
			 "{after: 1m, note: x}, {after: 1m, note: x}, {after: "
			 "1m, note: x}, {after: 1m, note: x}, {after: 1m, "
			 "note: x}]"),
		  "error[bad-value]: at most 8 entries" },
		{ POLICY("require_change: 1"), "error[wrong-type]" },
		{ POLICY("resolve: {stable_for: x}"), "error[bad-value]" },
		{ HEAD "limits: {open_per_team: 4, within: 1m}\n",
		  "4:1: error[platform-only]" },
		{ PLATFORM "limits: {open_per_team: 4}\n",
		  "error[missing-key]: `within` is missing" },
		{ PLATFORM "limits: {open_per_team: 0, within: 1m}\n",
		  "error[bad-value]" },
	};

	(void)state;
	CHECK(cases);
}

/* A policy and its blocks must not say both; defaults give way. */
static void test_refused_with_blocks(void **state)
{
	const struct rule_source sources[] = {
		{ .name = "00-p.yaml",
		  .text = STR(PLATFORM "blocks: {many: {open_when: {count: 5,"
				       " within: 1h}}}\n") },
		{ .name = "20-a.yaml",
		  .text = STR(HEAD "claims: [{alarm: a}]\npolicies:\n  - {id: "
				   "a, match: {}, open_after: 1m, use: "
				   "[many]}\n") },
	};
	struct faults faults;
	struct ruleset *r;
	bool bad[2];

	(void)state;
	faults_init(&faults);
	r = ruleset_load(sources, 2, &faults, bad);
	assert_non_null(r);
	assert_false(bad[0]);
	assert_true(bad[1]);
	assert_non_null(strstr(help_faults(&faults),
			       "20-a.yaml:6:40: error[conflicting-keys]"));
	faults_fini(&faults);
	ruleset_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_asked_for),
		cmocka_unit_test(test_spans_and_counts),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_escalate),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_with_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
