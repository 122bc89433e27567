/* Every key, and every fault with its place. */
#include <stdlib.h>
#include <time.h>

#include "tests/unit/rule/help.h"

#define HEAD "version: 1\nteam: t\nowners: [o]\n" /* lines 1-3 */
#define PLATFORM "version: 1\nteam: t\nowners: [o]\nplatform: true\n"
#define LAST "  - {id: last, match: {}}\n"

static void test_what_every_file_needs(void **state)
{
	static const struct fault_case cases[] = {
		{ HEAD, "" },
		{ "version: 1\nteam: t\n", "x.yaml:1:1: warning[no-owners]" },
		{ "", ":1:1: error[missing-key]: the file is empty" },
		{ "# nothing\n", "error[missing-key]" },
		{ "team: t\n",
		  "1:1: error[missing-key]: `version` is missing" },
		{ "version: 1\n",
		  "1:1: error[missing-key]: `team` is missing" },
		{ "version: 2\nteam: t\n", "1:10: error[bad-value]" },
		{ "version: one\nteam: t\n", "1:10: error[bad-value]" },
		{ "version: 1\nteam: [a]\n",
		  "2:7: error[wrong-type]: `team` takes text, not a list" },
		{ "version: 1\nteam: a b\n", "2:7: error[bad-value]" },
		{ "version: 1\nteam: t\nowners: x\n",
		  "3:9: error[wrong-type]" },
		{ "- a\n", "1:1: error[wrong-type]" },
		{ "text\n", "1:1: error[wrong-type]" },
		{ HEAD "platform: yes\n", "4:11: error[wrong-type]" },
		{ HEAD "polices: []\n", "4:1: error[unknown-key]: unknown key "
					"`polices`, did you mean `policies`?" },
		{ HEAD "quux: 1\n", "4:1: error[unknown-key]: unknown key "
				    "`quux`" },
	};

	(void)state;
	CHECK(cases);
}

static void test_all_faults_in_one_go(void **state)
{
	static const struct fault_case cases[] = {
		{ "version: 3\n"
		  "tema: x\n"
		  "severity:\n"
		  "  - {when: {alrm: x}, set: hihg}\n"
		  "policies:\n"
		  "  - {id: a, match: {alarm: {re: \"(\"}}, runbok: x}\n"
		  "  - {id: a, match: {alarm: x}, short_description: \"${\"}\n",
		  "1:10: error[bad-value]|"
		  "2:1: error[unknown-key]: unknown key `tema`, did you mean "
		  "`team`?|"
		  "1:1: error[missing-key]: `team` is missing|"
		  "4:13: error[unknown-field]: unknown field `alrm`, did you "
		  "mean `alarm`?|"
		  "4:28: error[bad-value]: `set` is critical, high, medium or "
		  "low, not \"hihg\", did you mean `high`?|"
		  "6:33: error[bad-regex]|"
		  "6:40: error[unknown-key]: unknown key `runbok`, did you mean"
		  " `runbook`?|"
		  "7:51: error[bad-template]|"
		  "7:10: error[duplicate-id]: the policy `a` is there already, "
		  "in line 6|"
		  "7:5: error[last-policy]" },
	};

	(void)state;
	CHECK(cases);
}

static void test_match_faults(void **state)
{
#define MATCH(match) HEAD "policies:\n  - id: a\n    match: " match "\n" LAST
	static const struct fault_case cases[] = {
		{ MATCH("{alarm: x}"), "" },
		{ MATCH("{alarm: [x, \"y*\", {re: z}, null]}"), "" },
		{ MATCH("{alarm: null}"), "" },
		{ MATCH("{alarm: ~, tag.x: {exists: true}}"), "" },
		{ MATCH("{threshold: {gt: 1, lte: 2}}"), "" },
		{ MATCH("{any: [{alarm: x}, {not: {alarm: y}}]}"), "" },
		{ MATCH("{\"payload:/a/b\": 1}"), "" },
		{ MATCH("{ci.owner: x, env: prod, team: t}"), "" },
		{ MATCH("{alarm: {}}"), "6:20: error[bad-value]" },
		{ MATCH("{alarm: []}"), "6:20: error[bad-value]" },
		{ MATCH("{alarm: [[x]]}"), "6:21: error[wrong-type]" },
		{ MATCH("{alarm: {ree: x}}"),
		  "6:21: error[unknown-key]: "
		  "unknown operator `ree`, did you mean `re`?" },
		{ MATCH("{alarm: {re: x, gt: 1}}"),
		  "6:21: error[unknown-key]" },
		{ MATCH("{alarm: {re: [x]}}"), "6:25: error[wrong-type]" },
		{ MATCH("{alarm: {re: \"a(\"}}"),
		  "6:25: error[bad-regex]: "
		  "missing closing parenthesis, at character 3" },
		{ MATCH("{alarm: {exists: maybe}}"),
		  "6:29: error[wrong-type]" },
		{ MATCH("{threshold: {gte: much}}"),
		  "6:30: error[wrong-type]" },
		{ MATCH("{threshold: {gt: 1, gte: 2}}"),
		  "6:32: error[bad-value]" },
		{ MATCH("{threshold: {gt: 2, lt: 1}}"),
		  "6:24: error[bad-value]" },
		{ MATCH("{threshold: {gt: 1, x: 2}}"),
		  "6:32: error[unknown-key]" },
		{ MATCH("{any: {}}"), "6:18: error[wrong-type]" },
		{ MATCH("{any: []}"), "6:18: error[bad-value]" },
		{ MATCH("{not: []}"), "6:18: error[wrong-type]" },
		{ MATCH("[]"), "6:12: error[wrong-type]" },
		{ MATCH("{priority: P1}"),
		  "6:13: error[unknown-field]: "
		  "`priority` is not known yet in `policies`" },
		{ MATCH("{payload:x: 1}"), "6:13: error[unknown-field]" },
		{ MATCH("{acount: 1}"), "did you mean `account`?" },
		{ MATCH("{alarm: {re: \"[0-9]+\"}}"),
		  "6:25: warning[regex-no-literal]" },
		{ MATCH("{not: {not: {not: {not: {not: {not: {not: {not: {not: "
			"{alarm: x}}}}}}}}}}"),
		  "error[too-deep]" },
	};

	(void)state;
	CHECK(cases);
}

static void test_policy_faults(void **state)
{
	static const struct fault_case cases[] = {
		{ HEAD "policies: []\n", "4:11: error[last-policy]" },
		{ HEAD "policies: {}\n", "4:11: error[wrong-type]" },
		{ HEAD "policies:\n  - {match: {}}\n",
		  "5:5: error[missing-key]: `id` is missing" },
		{ HEAD "policies:\n  - {id: a}\n",
		  "5:5: error[missing-key]: `match` is missing" },
		{ HEAD "policies:\n  - a\n", "5:5: error[wrong-type]" },
		{ HEAD "policies:\n  - {id: a, match: {alarm: x}}\n",
		  "5:5: error[last-policy]" },
		{ HEAD "policies:\n  - {id: \"a b\", match: {}}\n",
		  "5:10: error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, severity: HIGH}\n",
		  "5:34: error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, severity: hgih}\n",
		  "did you mean `high`?" },
		{ HEAD "policies:\n  - {id: a, match: {}, priority: 1}\n",
		  "5:34: error[bad-value]: `priority` is P1, P2, P3 or P4" },
		{ HEAD
		  "policies:\n  - {id: a, match: {}, fields: {state: x}}\n",
		  "5:33: error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, fields: {A b: x}}\n",
		  "5:33: error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, category: x, "
		       "fields: {category: y}}\n",
		  "5:5: error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, use: x}\n",
		  "5:29: error[wrong-type]" },
		{ HEAD "policies:\n  - {id: a, match: {}, use: [x]}\n",
		  "5:30: error[unknown-block]" },
		{ HEAD "policies:\n  - {id: a, match: {}, notes: {every: 5}}\n",
		  "5:39: error[bad-value]: `every` takes a time" },
		{ HEAD "policies:\n  - {id: a, match: {}, notes: {max: -1}}\n",
		  "5:37: error[bad-value]" },
		{ HEAD
		  "policies:\n  - {id: a, match: {}, resolve: {when: ok}}\n",
		  "5:40: error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, resolve: never}\n",
		  "5:33: error[wrong-type]" },
		{ HEAD "policies:\n  - {id: a, match: {}, insufficient_data: "
		       "maybe}\n",
		  "error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, closed_by_person: "
		       "{still_firing: never}}\n",
		  "error[bad-value]" },
		{ HEAD "policies:\n  - {id: a, match: {}, runbook: \"${x}\"}\n",
		  "5:33: error[bad-template]: unknown field `x`" },
		{ HEAD "policies:\n  - {id: a, match: {}, description: x, "
		       "description_file: y}\n",
		  "error[bad-file]|"
		  "5:40: error[bad-value]: `description` is given as well" },
	};

	(void)state;
	CHECK(cases);
}

static void test_dedup_keys(void **state)
{
	static const char *const volatile_keys[] = {
		"state",  "previous_state", "time",
		"reason", "severity",	    "priority",
		"ci.id",  "ci.owner",	    "tag.service",
	};
	static const struct fault_case cases[] = {
		{ HEAD "defaults: {dedup_key: \"${account}/${dim.X}/"
		       "${payload:/y}\"}\n",
		  "" },
		{ HEAD "defaults: {dedup_key: \"\"}\n",
		  "4:23: error[bad-value]" },
		{ HEAD "defaults: {dedup_key: \"${x}\"}\n",
		  "4:23: error[bad-template]" },
	};
	char text[200];

	(void)state;
	CHECK(cases);
	for (size_t i = 0; i < sizeof(volatile_keys) / sizeof(char *); i++) {
		snprintf(text, sizeof(text),
			 HEAD "policies:\n  - {id: a, match:"
			      " {}, dedup_key: \"${account}/${%s}\"}\n",
			 volatile_keys[i]);
		check(&(struct fault_case){ text, "5:35: error[dedup-key-"
						  "volatile]" },
		      1);
	}
}

static void test_stages(void **state)
{
	static const struct fault_case cases[] = {
		{ HEAD "severity: {}\n", "4:11: error[wrong-type]" },
		{ HEAD
		  "severity:\n  - {else: high}\n  - {when: {}, set: low}\n",
		  "5:5: error[else-last]" },
		{ HEAD "severity:\n  - {when: {}}\n",
		  "5:5: error[missing-key]: `set` is missing" },
		{ HEAD "severity:\n  - {set: high}\n",
		  "5:5: error[missing-key]: `when` is missing" },
		{ HEAD "severity:\n  - {else: high, set: low}\n",
		  "5:5: error[bad-value]" },
		{ HEAD "severity:\n  - {else: \"${ci.tier}\"}\n", "" },
		{ HEAD "priority: {critical: P0}\n", "4:22: error[bad-value]" },
		{ HEAD "priority: {urgent: P1}\n", "4:12: error[unknown-key]" },
		{ HEAD "claims: [{ci.id: x}]\n",
		  "4:11: error[unknown-field]: "
		  "`ci.id` is not known yet in `claims`" },
		{ HEAD "claims: [{team: x}]\n", "4:11: error[unknown-field]" },
		{ HEAD "claims: {alarm: x}\n", "4:9: error[wrong-type]" },
		{ HEAD "ci: [{id: \"${ci.id}\"}]\n",
		  "4:11: error[bad-template]" },
		{ HEAD "ci: [{id: x, key: y}]\n", "4:6: error[bad-value]" },
		{ HEAD "ci: [{map: {a: b}}]\n", "4:6: error[missing-key]" },
		{ HEAD "ci: [{where: {a: b, c: d}}]\n",
		  "4:14: error[bad-value]" },
		{ HEAD "ci: [{}]\n", "4:6: error[bad-value]" },
		{ HEAD "ci: [{fallback: x}, {id: y}]\n",
		  "4:6: warning[unreachable]" },
		{ HEAD "defaults: {severity: high}\n",
		  "4:12: error[unknown-key]" },
		{ HEAD "defaults: {resolve: {stable_for: 0s}}\n", "" },
	};

	(void)state;
	CHECK(cases);
}

static void test_platform_file(void **state)
{
	static const struct fault_case cases[] = {
		{ PLATFORM "env: [{else: prod}]\n", "" },
		{ HEAD "env: [{else: prod}]\n", "4:1: error[platform-only]" },
		{ HEAD "guards: []\n", "4:1: error[platform-only]" },
		{ HEAD "blocks: {}\n", "4:1: error[platform-only]" },
		{ HEAD "catch_all: {}\n", "4:1: error[platform-only]" },
		{ PLATFORM "env: [{when: {env: x}, set: y}]\n",
		  "5:15: error[unknown-field]" },
		{ PLATFORM "guards: [{id: a, match: {}, max_priority: P9}]\n",
		  "5:43: error[bad-value]" },
		{ PLATFORM "guards: [{id: a, match: {priority: P1}}]\n",
		  "5:10: error[missing-key]: `max_priority`, `forbid` or `max_window` is missing" },
		{ PLATFORM "guards: [{match: {}, max_priority: P3}]\n",
		  "5:10: error[missing-key]: `id` is missing" },
		{ PLATFORM "guards:\n  - {id: a, match: {}, max_priority: P3}\n"
			   "  - {id: a, match: {}, max_priority: P3}\n",
		  "7:10: error[duplicate-id]" },
		{ PLATFORM "catch_all: {priority: high}\n",
		  "5:23: error[bad-value]" },
		{ PLATFORM "catch_all: {match: {}}\n",
		  "5:13: error[unknown-key]" },
		{ PLATFORM "blocks: {a: {sevrity: high}}\n",
		  "5:14: error[unknown-key]: unknown key `sevrity`, did you "
		  "mean `severity`?" },
		{ PLATFORM "blocks: {quiet: {notes: {max: 1}}}\n"
			   "policies: [{id: a, match: {}, use: [qiet]}]\n",
		  "6:37: error[unknown-block]: the platform file has no block "
		  "`qiet`, did you mean `quiet`?" },
	};

	(void)state;
	CHECK(cases);
}

/* All keys at once, each file as a team would write it. */
static void test_whole_files(void **state)
{
	const char *files[] = {
		"00-platform.yaml",
		"version: 1\n"
		"team: platform\n"
		"owners: [\"platform@example.com\"]\n"
		"platform: true\n"
		"guards:\n"
		"  - {id: nonprod-cap, match: {not: {env: prod}}, max_priority:"
		" P3}\n"
		"  - {id: p1-never-held, match: {priority: P1}, forbid: "
		"suppress}\n"
		"limits: {open_per_team: 40, within: 10m}\n"
		"env: [{when: {account: [\"222233334444\"]}, set: dev}, {else:"
		" prod}]\n"
		"catch_all: {priority: P3, assignment_group: \"Platform "
		"Engineering\", short_description: \"Unclaimed alarm "
		"${account}/${alarm}\"}\n",
		"20-payments.yaml",
		"version: 1\n"
		"team: payments\n"
		"owners: [\"payments-sre@example.com\"]\n"
		"claims:\n"
		"  - {account: [\"111122223333\"], alarm: \"pay-*\"}\n"
		"  - {tag.team: payments}\n"
		"defaults:\n"
		"  assignment_group: \"Payments SRE\"\n"
		"  category: monitoring\n"
		"  subcategory: cloudwatch\n"
		"  dedup_key: \"${account}/${region}/${alarm}\"\n"
		"  insufficient_data: note\n"
		"  notes: {every: 5m, max: 50}\n"
		"  resolve: {when: OK, stable_for: 0s}\n"
		"  reopen_within: 24h\n"
		"  closed_by_person: {still_firing: new}\n"
		"ci:\n"
		"  - {id: \"${tag.stackflow_ci_id}\"}\n"
		"  - {where: {resource_id: \"${dim.DBInstanceIdentifier}\"}}\n"
		"  - {map: {pay-api: CI0001001, pay-db: CI0001002}, key: "
		"\"${tag.service}\"}\n"
		"  - {fallback: CI0001000}\n"
		"severity:\n"
		"  - {when: {tag.severity: [critical, high, medium, low]}, set:"
		" \"${tag.severity}\"}\n"
		"  - {when: {threshold: {gte: 95}, namespace: [AWS/RDS, "
		"AWS/ApplicationELB]}, set: high}\n"
		"  - {else: medium}\n"
		"priority: {critical: P1, high: P2, medium: P3, low: P4}\n"
		"windows:\n"
		"  patching: {every: \"Sun 02:00-05:00\", tz: Europe/London, "
		"until: 2027-03-31, owner: dba-oncall}\n"
		"policies:\n"
		"  - id: pay-db-failover\n"
		"    match: {alarm: \"pay-db-*\", namespace: AWS/RDS}\n"
		"    severity: critical\n"
		"    short_description: \"[${env:-prod}] ${alarm} is ${state} "
		"on ${ci.name:-unknown CI}\"\n"
		"    fields: {subcategory: rds}\n"
		"    runbook: https://wiki.example.com/pay-db\n"
		"    escalate: [{after: 15m, unless: acknowledged, raise_to: "
		"P1, note: \"Nobody has taken it in 15 minutes\"}]\n"
		"  - id: pay-latency\n"
		"    match: {alarm: \"pay-*-p99\", not: {env: [dev, test]}}\n"
		"    open_after: 3m\n"
		"    flap: {transitions: 4, within: 30m, quiet_for: 20m}\n"
		"    group: {by: \"${account}/${tag.service}\", within: 10m, "
		"short_description: \"Latency across ${tag.service}\"}\n"
		"  - id: pay-batch\n"
		"    match: {alarm: {re: \"^pay-batch-[0-9]+$\"}}\n"
		"    open_when: {count: 3, within: 10m}\n"
		"    dedup_key: \"${account}/pay-batch\"\n"
		"    resolve: {when: never}\n"
		"  - {id: pay-default, match: {}}\n"
		"suppress:\n"
		"  - {id: in-patching, match: {namespace: AWS/RDS}, during: "
		"patching, never_above: P2}\n"
		"  - {id: open-change-on-ci, match: {severity: [medium, low]}, "
		"when_change: {state: [implement]}}\n"
		"  - {id: canary-behind-db, match: {alarm: \"pay-canary-*\"}, "
		"while_open: pay-db-failover, same: [account, region]}\n"
		"tests: [20-payments_test.yaml]\n",
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct alarm a = help_alarm();
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_str(v.policy, "pay-db-failover");
	assert_int_equal(v.priority, 1);
	assert_str(v.ci_id, "CI0001000");
	assert_int_equal(v.escalate_count, 1);
	assert_str(v.context, "team=payments\naccount=111122223333\n"
			      "region=us-east-1\n");
	a.name = STR("pay-api-p99");
	v = help_decide(r, &a, NULL, NULL);
	assert_str(v.policy, "pay-latency");
	assert_int_equal(v.open_after_ms, 180000);
	assert_int_equal(v.limit.count, 40);
	ruleset_free(r);
}

static void test_tests(void **state)
{
	static const struct fault_case cases[] = {
		{ HEAD "tests: [x_test.yaml, deeper/y_test.yaml]\n", "" },
		{ HEAD "tests: x_test.yaml\n", "4:8: error[wrong-type]" },
		{ HEAD "tests: [/etc/passwd]\n", "4:9: error[bad-file]" },
		{ HEAD "tests: [../x.yaml]\n", "4:9: error[bad-file]" },
		{ HEAD "tests: [a/../../x]\n", "4:9: error[bad-file]" },
		{ HEAD "tests: [\"\"]\n", "4:9: error[bad-file]" },
		{ HEAD "tests: [[a]]\n", "4:9: error[wrong-type]" },
	};
	struct ruleset *r = help_one(HEAD "tests: [x_test.yaml, b/y.yaml]\n");
	const struct str *list;

	(void)state;
	CHECK(cases);
	assert_int_equal(ruleset_tests(r, 0, &list), 2);
	assert_str(list[0], "x_test.yaml");
	assert_str(list[1], "b/y.yaml");
	ruleset_free(r);
}

static void test_lint(void **state)
{
#define TWO(a, b)                                                              \
	HEAD "policies:\n  - {id: a, match: " a "}\n"                          \
	     "  - {id: b, match: " b "}\n" LAST
	static const struct fault_case cases[] = {
		{ TWO("{alarm: \"a*\"}", "{alarm: b}"), "" },
		{ TWO("{alarm: \"a*\"}", "{alarm: ab, region: x}"),
		  "6:5: warning[shadowed-policy]: `b` is never reached: `a` in "
		  "line 5" },
		{ TWO("{}", "{alarm: ab}"), "6:5: warning[shadowed-policy]|"
					    "7:5: warning[shadowed-policy]" },
		{ TWO("{threshold: {gt: 1}}", "{threshold: {gt: 2}}"),
		  "6:5: warning[shadowed-policy]" },
		{ TWO("{alarm: [a, b, c]}", "{alarm: [c, a]}"),
		  "6:5: warning[shadowed-policy]" },
		{ TWO("{alarm: \"a*\", not: {region: x}}", "{alarm: ab}"), "" },
		{ TWO("{alarm: a}", "{any: [{alarm: a}]}"), "" },
		{ "version: 1\nteam: t\npolicies:\n"
		  "  - {id: a, match: {}, resolve: {when: never}}\n",
		  "1:1: warning[no-owners]|4:5: warning[never-resolves]" },
	};

	(void)state;
	CHECK(cases);
}

static char *repeat(const char *head, const char *s, size_t n)
{
	struct buf b = BUF_INIT(32 << 20);

	buf_puts(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, s);
	return buf_take(&b);
}

static char *anchors(void)
{
	struct buf b = BUF_INIT(4 << 20);

	buf_puts(&b, HEAD "x:\n");
	for (int i = 0; i < 40000; i++)
		buf_printf(&b, "  - &a%d v\n", i);
	return buf_take(&b);
}

/* Documents that are meant to hurt: told, and soon. */
static void test_hostile_documents(void **state)
{
	char *texts[] = {
		repeat(HEAD "x: ", "[", 100000),
		repeat(HEAD "x: ", "{a: ", 100000),
		repeat(HEAD "x: ", "y", 10 << 20),
		repeat(HEAD, "team: t\n", 100),
		repeat("\xff\xfe", "\0", 10),
		repeat(HEAD, "<<: {a: b}\n", 1),
		repeat(HEAD, "x: !!python/object:os.system x\n", 1),
		repeat(HEAD "a: &a [x,x,x,x,x,x,x,x,x]\n"
			    "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
			    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
			    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
			    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
			    "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
			    "g: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
		       "", 0),
		anchors(),
		repeat(HEAD "---\n", "x: 1\n", 1),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		clock_t start = clock();

		if (!strstr(faults_of(texts[i]), "error["))
			fail_msg("document %zu loads", i);
		/* 100 ms is the promise; the slack is for sanitizers. */
		assert_in_range(clock() - start, 0, 2 * CLOCKS_PER_SEC);
		free(texts[i]);
	}
}

static void test_many_policies_load_soon(void **state)
{
	struct buf b = BUF_INIT(1 << 20);
	clock_t start = clock();

	(void)state;
	buf_puts(&b, HEAD "policies:\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "  - {id: p%d, match: {alarm: \"a-%d-*\"}}\n", i,
			   i);
	buf_puts(&b, LAST);
	assert_string_equal(faults_of(b.p), "");
	assert_in_range(clock() - start, 0, 10 * CLOCKS_PER_SEC);
	buf_fini(&b);
}

static void test_hash_and_stats(void **state)
{
	const char *files[] = { "a/20-pay.yaml", HEAD "policies:\n" LAST,
				NULL };
	const char *same[] = { "a/20-pay.yaml", HEAD "policies:\n" LAST, NULL };
	const char *other[] = { "a/20-pay.yaml", HEAD "policies:\n" LAST "\n",
				NULL };
	struct ruleset *a = help_load(files), *b = help_load(same);
	struct ruleset *c = help_load(other);
	struct rule_stats stats;

	(void)state;
	assert_int_equal(strlen(ruleset_hash(a)), 64);
	assert_string_equal(ruleset_hash(a), ruleset_hash(b));
	assert_string_not_equal(ruleset_hash(a), ruleset_hash(c));
	assert_int_equal(ruleset_files(a), 1);
	ruleset_file(a, 0, &stats);
	assert_string_equal(stats.file, "a/20-pay.yaml");
	assert_string_equal(stats.team, "t");
	assert_int_equal(stats.policies, 1);
	ruleset_free(ruleset_ref(a));
	ruleset_free(a);
	ruleset_free(b);
	ruleset_free(c);
	ruleset_free(NULL);
}

static void test_what_a_set_needs(void **state)
{
	static const struct {
		const char *text;
		bool tags, insufficient;
	} cases[] = {
		{ HEAD "policies:\n" LAST, true, false },
		{ HEAD "severity:\n  - {else: low}\nci:\n"
		  "  - {fallback: CI1}\npolicies:\n" LAST, false, false },
		{ HEAD "severity:\n  - {when: {tag.tier: gold}, set: high}\n"
		  "  - {else: low}\nci:\n  - {fallback: CI1}\n"
		  "policies:\n" LAST, true, false },
		{ HEAD "severity:\n  - {else: low}\nci:\n"
		  "  - {id: \"${tag.ci:-CI1}\"}\npolicies:\n" LAST,
		  true, false },
		{ HEAD "severity:\n  - {else: low}\nci:\n"
		  "  - {fallback: CI1}\npolicies:\n  - {id: last, match: {}, "
		  "insufficient_data: open}\n", false, true },
		{ HEAD "policies:\n  - {id: last, match: {}, "
		  "insufficient_data: resolve}\n", true, false },
	};
	struct faults faults;
	struct ruleset *r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rule_source source = {
			.name = "x.yaml", .text = str_from(cases[i].text)
		};

		faults_init(&faults);
		r = ruleset_load(&source, 1, &faults, NULL);
		if (faults.errors)
			fail_msg("%s", help_faults(&faults));
		if (ruleset_reads_tags(r) != cases[i].tags ||
		    ruleset_opens_insufficient(r) != cases[i].insufficient)
			fail_msg("%s", cases[i].text);
		faults_fini(&faults);
		ruleset_free(r);
	}
	faults_init(&faults);
	r = ruleset_load(NULL, 0, &faults, NULL);
	assert_true(ruleset_reads_tags(r));
	assert_false(ruleset_opens_insufficient(r));
	faults_fini(&faults);
	ruleset_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_every_file_needs),
		cmocka_unit_test(test_what_a_set_needs),
		cmocka_unit_test(test_all_faults_in_one_go),
		cmocka_unit_test(test_match_faults),
		cmocka_unit_test(test_policy_faults),
		cmocka_unit_test(test_dedup_keys),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_platform_file),
		cmocka_unit_test(test_whole_files),
		cmocka_unit_test(test_tests),
		cmocka_unit_test(test_lint),
		cmocka_unit_test(test_hostile_documents),
		cmocka_unit_test(test_many_policies_load_soon),
		cmocka_unit_test(test_hash_and_stats),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
