/* What the stages of a decision make of an alarm. */
#include <errno.h>
#include <pthread.h>

#include "tests/unit/rule/help.h"

#define HEAD "version: 1\nteam: pay\nowners: [o]\n"
#define POLICY(keys) HEAD "policies:\n  - {id: a, match: {}, " keys "}\n"

static void test_builtin_pattern(void **state)
{
	static const struct {
		const char *severity;
		enum severity want;
		int priority;
	} cases[] = {
		{ "CRITICAL", SEVERITY_CRITICAL, 1 },
		{ "critical", SEVERITY_CRITICAL, 1 },
		{ "High", SEVERITY_HIGH, 2 },
		{ "MEDIUM", SEVERITY_MEDIUM, 3 },
		{ "low", SEVERITY_LOW, 4 },
		{ NULL, SEVERITY_MEDIUM, 3 },
		{ "", SEVERITY_MEDIUM, 3 },
		{ "sev2", SEVERITY_MEDIUM, 3 },
	};
	struct ruleset *r = ruleset_load(NULL, 0, NULL, NULL);
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		a.severity = str_from(cases[i].severity);
		v = help_decide(r, &a, NULL, NULL);
		assert_int_equal(v.severity, cases[i].want);
		assert_int_equal(v.priority, cases[i].priority);
	}
	a.ci_id = STR("CI0001234");
	v = help_decide(r, &a, NULL, NULL);
	assert_false(v.catch_all);
	assert_str(v.policy, "built-in");
	assert_str(v.where, "built-in");
	assert_str(v.short_description, "CloudWatch Alarm: pay-db-cpu");
	assert_str(v.category, "monitoring");
	assert_str(v.subcategory, "cloudwatch");
	assert_str(v.assignment_group, "Platform Engineering");
	assert_str(v.ci_id, "CI0001234");
	assert_str(v.dedup_key, "111122223333/us-east-1/pay-db-cpu");
	assert_int_equal(v.insufficient, INSUFFICIENT_NOTE);
	assert_int_equal(v.notes_every_ms, 300000);
	assert_int_equal(v.notes_max, 50);
	assert_true(v.resolve);
	assert_false(v.resolve_note_only);
	assert_int_equal(v.reopen_within_ms, 86400000);
	assert_int_equal(v.still_firing, STILL_NEW);
	assert_null(v.env.p);
	a.contributor = STR("host-7");
	v = help_decide(r, &a, NULL, NULL);
	assert_str(v.dedup_key, "111122223333/us-east-1/pay-db-cpu/host-7");
	ruleset_free(r);
}

static void assert_holds(struct str text, const char *part)
{
	if (str_find(text, str_from(part)) < 0)
		fail_msg("\"%s\" isn't in:\n%.*s", part, STR_ARG(text));
}

static void test_builtin_description(void **state)
{
	struct ruleset *r = ruleset_load(NULL, 0, NULL, NULL);
	struct alarm a = help_alarm();
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_true(
		str_starts(v.description, "CPU of the payments database\n"));
	assert_holds(v.description, "\nState: ALARM, before that OK, since "
				    "2026-11-21T10:00:00Z\n");
	assert_holds(v.description, "\nReason: Threshold Crossed: 97 > 95\n");
	assert_holds(v.description, "\nAccount: 111122223333\n");
	assert_holds(v.description, "\nRegion: us-east-1\n");
	assert_holds(v.description, "\nMetric: AWS/RDS CPUUtilization\n");
	assert_holds(v.description, "\nThreshold: 95\n");
	assert_holds(v.description,
		     "\nDimensions: DBInstanceIdentifier=pay-db-1\n");
	assert_holds(v.description, "\nConsole: https://us-east-1.console.aws."
				    "amazon.com/cloudwatch/");
	/* A foreign line end can't forge a line of ours. */
	a.reason = STR("x\nAccount: 999");
	v = help_decide(r, &a, NULL, NULL);
	assert_holds(v.description, "\nReason: x Account: 999\n");
	ruleset_free(r);
}

static void test_messages_not_understood(void **state)
{
	static const char *const kinds[] = { "text", "json", "eventbridge" };
	struct ruleset *r = ruleset_load(NULL, 0, NULL, NULL);
	struct buf big = BUF_INIT(1 << 20);
	struct verdict v;

	(void)state;
	for (int i = 0; i < 40000; i++)
		buf_puts(&big, "\xe2\x82\xac");
	for (size_t i = 0; i < 3; i++) {
		struct alarm a = { .source = "sns",
				   .kind = kinds[i],
				   .state = ALARM_FIRING,
				   .time_ms = 1,
				   .raw = STR(
					   "\n disk full\r\non web-1\x1b[0m"),
				   .topic = STR("arn:x") };

		v = help_decide(r, &a, NULL, NULL);
		assert_true(v.catch_all);
		assert_str(v.policy, "catch-all");
		assert_int_equal(v.priority, 3);
		assert_str(v.short_description, "disk full");
		assert_true(
			str_starts(v.description, "disk full\non web-1 [0m\n"));
		assert_true(v.dedup_key.n > 0);
		a.subject = STR("Disk on web-1");
		v = help_decide(r, &a, NULL, NULL);
		assert_str(v.short_description, "Disk on web-1");
		a.raw = buf_str(&big);
		v = help_decide(r, &a, NULL, NULL);
		assert_holds(v.description, "\xe2\x82\xac\n(cut: the first "
					    "16383 of 120000 bytes)\n");
	}
	buf_fini(&big);
	ruleset_free(r);
}

static void test_severity_stage(void **state)
{
#define SEVERITY                                                               \
	HEAD "severity:\n"                                                     \
	     "  - {when: {tag.severity: [critical, high, medium, low, odd]},"  \
	     " set: \"${tag.severity}\"}\n"                                    \
	     "  - {when: {alarm: \"*-SEV1*\"}, set: critical}\n"               \
	     "  - {when: {alarm: both}, set: \"${tag.none}\"}\n"               \
	     "  - {when: {threshold: {gte: 95}, namespace: [AWS/RDS, "         \
	     "AWS/EC2]},"                                                      \
	     " set: high}\n"                                                   \
	     "priority: {high: P1}\n"
	const struct alarm_pair low = { STR("severity"), STR("low") };
	const struct alarm_pair odd = { STR("severity"), STR("odd") };
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	v = help_verdict(SEVERITY "  # no else\n", &a);
	assert_int_equal(v.severity, SEVERITY_HIGH);
	assert_int_equal(v.priority, 1);
	a.tags = &low;
	a.tag_count = 1;
	v = help_verdict(SEVERITY, &a);
	assert_int_equal(v.severity, SEVERITY_LOW);
	assert_int_equal(v.priority, 4);
	/* What is no severity is passed over. */
	a.tags = &odd;
	v = help_verdict(SEVERITY, &a);
	assert_int_equal(v.severity, SEVERITY_HIGH);
	a.tag_count = 0;
	a.name = STR("x-SEV1-y");
	assert_int_equal(help_verdict(SEVERITY, &a).severity,
			 SEVERITY_CRITICAL);
	/* A template that lacks its field, too. */
	a.name = STR("both");
	assert_int_equal(help_verdict(SEVERITY, &a).severity, SEVERITY_HIGH);
	/* Nothing holds and there is no else: the built-in pattern. */
	a.threshold = 94;
	a.severity = STR("LOW");
	assert_int_equal(help_verdict(SEVERITY, &a).severity, SEVERITY_LOW);
	assert_int_equal(
		help_verdict(HEAD "severity: [{else: high}]\n", &a).severity,
		SEVERITY_HIGH);
}

static void test_policies(void **state)
{
	static const char text[] = HEAD
		"policies:\n"
		"  - {id: one, match: {alarm: \"x-*\"}}\n"
		"  - id: two\n"
		"    match: {alarm: \"pay-*\", not: {region: [eu-*]}}\n"
		"    severity: critical\n"
		"  - {id: three, match: {alarm: \"pay-*\"}, priority: P4}\n"
		"  - {id: last, match: {severity: medium}, severity: low}\n"
		"  - {id: rest, match: {}}\n";
	struct alarm a = help_alarm();
	struct verdict v = help_verdict(text, &a);

	(void)state;
	assert_str(v.policy, "two");
	assert_str(v.where, "20-pay.yaml:6");
	assert_str(v.file, "20-pay.yaml");
	assert_str(v.team, "pay");
	assert_int_equal(v.priority, 1);
	a.region = STR("eu-west-1");
	v = help_verdict(text, &a);
	assert_str(v.policy, "three");
	assert_int_equal(v.severity, SEVERITY_MEDIUM);
	assert_int_equal(v.priority, 4);
	/* From policies on, severity is the decided one. */
	a.name = STR("y");
	v = help_verdict(text, &a);
	assert_str(v.policy, "last");
	assert_int_equal(v.severity, SEVERITY_LOW);
	assert_int_equal(v.priority, 4);
	a.severity = STR("high");
	assert_str(help_verdict(text, &a).policy, "rest");
}

static void test_match_values(void **state)
{
	static const struct {
		const char *match;
		bool want;
	} cases[] = {
		{ "{}", true },
		{ "{alarm: pay-db-cpu}", true },
		{ "{alarm: pay-db}", false },
		{ "{alarm: [x, \"pay-*\"]}", true },
		{ "{alarm: {re: \"db-[a-z]+$\"}}", true },
		{ "{alarm: {re: \"^db\"}}", false },
		{ "{account: 111122223333}", true },
		{ "{threshold: {gt: 94, lt: 96}}", true },
		{ "{threshold: {gt: 95}}", false },
		{ "{threshold: {gte: 95}}", true },
		{ "{threshold: 95}", true },
		{ "{account: {gt: 5}}", true },
		{ "{alarm: {gt: 5}}", false },
		{ "{tag.x: null}", true },
		{ "{tag.x: [a, null]}", true },
		{ "{tag.x: {exists: false}}", true },
		{ "{tag.x: {exists: true}}", false },
		{ "{tag.x: \"*\"}", false },
		{ "{dim.DBInstanceIdentifier: {exists: true}}", true },
		{ "{not: {tag.x: a}}", true },
		{ "{not: {alarm: \"pay-*\", region: us-east-1}}", false },
		{ "{not: {alarm: \"pay-*\", region: x}}", true },
		{ "{not: {}}", false },
		{ "{any: [{alarm: x}, {region: us-east-1}]}", true },
		{ "{any: [{alarm: x}, {region: x}]}", false },
		{ "{any: [{alarm: x}, {}]}", true },
		{ "{any: [{alarm: \"pay-*\", region: x}, {not: {any: "
		  "[{alarm: x}, {region: y}]}}], state: ALARM}",
		  true },
		{ "{any: [{alarm: x}, {region: us-east-1}], "
		  "not: {any: [{kind: x}, {kind: metric-alarm}]}}",
		  false },
		{ "{state: ALARM, previous_state: OK, source: cloudwatch, "
		  "kind: metric-alarm, metric: \"CPU*\", team: pay}",
		  true },
		{ "{\"payload:/x\": 1}", false },
		{ "{resource_arn: null, topic: null, subject: null}", true },
		{ "{time: \"2026-11-21T*\"}", true },
	};
	struct alarm a = help_alarm();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[500];
		struct trace t = { .arena = help_arena() };
		struct ruleset *r;
		struct verdict v, again;

		snprintf(text, sizeof(text),
			 HEAD
			 "policies:\n"
			 "  - {id: yes, match: %s}\n  - {id: no, match: {}}\n",
			 cases[i].match);
		r = help_one(text);
		v = help_decide(r, &a, NULL, NULL);
		if (str_is(v.policy, "yes") != cases[i].want)
			fail_msg("%s", cases[i].match);
		/* Explaining decides the same. */
		again = help_decide(r, &a, NULL, &t);
		assert_true(str_eq(v.policy, again.policy));
		assert_int_equal(t.steps[t.count - 1].matched, true);
		ruleset_free(r);
	}
}

static void test_regex_limit_is_no_match(void **state)
{
	struct ruleset *r = help_one(
		HEAD "policies:\n"
		     "  - {id: bad, match: {alarm: {re: \"^(a+)+$\"}}}\n"
		     "  - {id: rest, match: {}}\n");
	struct trace t = { .arena = help_arena() };
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	a.name = STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
	v = help_decide(r, &a, NULL, NULL);
	assert_str(v.policy, "rest");
	assert_int_equal(ruleset_regex_limits(r), 1);
	help_decide(r, &a, NULL, &t);
	assert_str(t.steps[t.count - 2].because,
		   "alarm: /^(a+)+$/ took too "
		   "many steps, so it does not match");
	ruleset_free(r);
}

/* ---- ci ---- */

static enum ci_answer find_ci(struct ci *out, struct arena *arena,
			      struct str field, struct str value, void *arg)
{
	static const struct field more[] = {
		{ STR("owner"), STR("dba") },
		{ STR("tier"), STR("gold") },
	};

	strncat(arg, arena_cstr(arena, field), 50);
	strncat(arg, "=", 2);
	strncat(arg, arena_cstr(arena, value), 50);
	strncat(arg, " ", 2);
	if (str_is(value, "slow"))
		return CI_PENDING;
	if (str_is(value, "broken"))
		return CI_FAILED;
	if (!str_is(value, "pay-db-1"))
		return CI_NONE;
	*out = (struct ci){ STR("CI7"), STR("the database"), more, 2 };
	return CI_FOUND;
}

#define CI_FILE                                                                \
	HEAD "ci:\n"                                                           \
	     "  - {id: \"${tag.ci}\"}\n"                                       \
	     "  - {where: {arn: \"${resource_arn}\"}}\n"                       \
	     "  - {where: {resource_id: \"${dim.DBInstanceIdentifier}\"}}\n"   \
	     "  - {map: {api: CI1, db: CI2}, key: \"${tag.service}\"}\n"       \
	     "  - {fallback: CI0}\n"                                           \
	     "policies:\n  - id: a\n    match: {}\n"                           \
	     "    short_description: \"${ci.id} ${ci.name} ${ci.owner} "       \
	     "${ci.x:-}\"\n"

static struct verdict decide_ci(const struct ruleset *r, const struct alarm *a,
				char asked[500])
{
	const struct ci_source source = { find_ci, asked };

	asked[0] = '\0';
	return help_decide(r, a, &source, NULL);
}

static void test_ci_order(void **state)
{
	struct alarm_pair tags[] = { { STR("service"), STR("db") },
				     { STR("ci"), STR("CI9") } };
	struct alarm_pair dim = { STR("DBInstanceIdentifier"), STR("none") };
	struct ruleset *r = help_one(CI_FILE);
	struct alarm a = help_alarm();
	struct verdict v;
	char asked[500];

	(void)state;
	/* Found by look-up; what lacks a field isn't asked. */
	v = decide_ci(r, &a, asked);
	assert_string_equal(asked, "resource_id=pay-db-1 ");
	assert_str(v.ci_id, "CI7");
	assert_str(v.ci_name, "the database");
	assert_str(v.short_description, "CI7 the database dba");
	assert_false(v.ci_pending);
	/* In order, and the next after none. */
	a.resource_arn = STR("arn:x");
	a.dims = &dim;
	a.tags = tags;
	a.tag_count = 1;
	v = decide_ci(r, &a, asked);
	assert_string_equal(asked, "arn=arn:x resource_id=none ");
	assert_str(v.ci_id, "CI2");
	assert_str(v.short_description, "CI2 (no ci.name) (no ci.owner)");
	/* An id is taken as it is, without asking. */
	a.tag_count = 2;
	v = decide_ci(r, &a, asked);
	assert_string_equal(asked, "");
	assert_str(v.ci_id, "CI9");
	/* A key that isn't in the map. */
	tags[0].value = STR("other");
	a.tag_count = 1;
	assert_str(decide_ci(r, &a, asked).ci_id, "CI0");
	/* Pending is told; failing loses nothing. */
	dim.value = STR("slow");
	v = decide_ci(r, &a, asked);
	assert_true(v.ci_pending);
	assert_str(v.ci_id, "CI0");
	dim.value = STR("broken");
	v = decide_ci(r, &a, asked);
	assert_false(v.ci_pending);
	assert_str(v.ci_id, "CI0");
	/* Nobody to ask. */
	dim.value = STR("pay-db-1");
	assert_str(help_decide(r, &a, NULL, NULL).ci_id, "CI0");
	ruleset_free(r);
}

static void test_ci_of_the_alarm(void **state)
{
	struct alarm a = help_alarm();

	(void)state;
	assert_null(help_verdict(HEAD, &a).ci_id.p);
	a.ci_id = STR("CI5");
	assert_str(help_verdict(HEAD, &a).ci_id, "CI5");
	/* A list of look-ups stands for itself. */
	assert_null(help_verdict(HEAD "ci: []\n", &a).ci_id.p);
	assert_str(help_verdict(HEAD "ci: [{id: \"${ci_id}\"}]\n", &a).ci_id,
		   "CI5");
}

/* ---- platform ---- */

#define PLATFORM                                                               \
	"version: 1\nteam: platform\nowners: [o]\nplatform: true\n"            \
	"env: [{when: {account: [\"222233334444\"]}, set: dev}, {else: "       \
	"prod}]\n"                                                             \
	"guards:\n"                                                            \
	"  - {id: nonprod, match: {not: {env: prod}}, max_priority: P3}\n"     \
	"  - {id: batch, match: {priority: [P1, P2], alarm: \"*batch*\"},"     \
	" max_priority: P4}\n"                                                 \
	"blocks:\n"                                                            \
	"  quiet: {notes: {every: 1h, max: 3}, severity: low, category: q}\n"  \
	"  loud: {notes: {every: 1m}, severity: critical}\n"                   \
	"catch_all: {priority: P2, assignment_group: Duty,"                    \
	" short_description: \"Unclaimed alarm ${account}/${alarm}\"}\n"

static struct ruleset *with_platform(const char *team_file)
{
	const char *files[] = { "d/00-platform.yaml", PLATFORM, "d/20-pay.yaml",
				team_file, NULL };

	return help_load(files);
}

static void test_guards(void **state)
{
	struct ruleset *r = with_platform(
		HEAD "claims: [{alarm: \"pay-*\"}]\n"
		     "policies: [{id: a, match: {}, severity: critical,"
		     " short_description: \"${env} ${priority}\"}]\n");
	struct trace t = { .arena = help_arena() };
	struct alarm a = help_alarm();
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_int_equal(v.priority, 1);
	assert_str(v.env, "prod");
	assert_str(v.short_description, "prod P1");
	a.account = STR("222233334444");
	v = help_decide(r, &a, NULL, &t);
	assert_int_equal(v.priority, 3);
	assert_str(v.short_description, "dev P3");
	assert_str(t.steps[t.count - 2].rule, "guard nonprod");
	assert_str(t.steps[t.count - 2].where, "00-platform.yaml:7");
	assert_str(t.steps[t.count - 2].because,
		   "env: \"dev\" does not match \"prod\"; P1 becomes P3");
	/* A guard sees what those before it left. */
	a.name = STR("pay-batch");
	assert_int_equal(help_decide(r, &a, NULL, NULL).priority, 3);
	a.account = STR("111122223333");
	assert_int_equal(help_decide(r, &a, NULL, NULL).priority, 4);
	ruleset_free(r);
}

static void test_catch_all(void **state)
{
	struct ruleset *r = with_platform(HEAD "claims: [{alarm: \"x-*\"}]\n");
	struct alarm a = help_alarm();
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_true(v.catch_all);
	assert_str(v.policy, "catch-all");
	assert_str(v.team, "platform");
	assert_str(v.where, "00-platform.yaml:12");
	assert_int_equal(v.priority, 2);
	assert_str(v.assignment_group, "Duty");
	assert_str(v.short_description,
		   "Unclaimed alarm 111122223333/pay-db-cpu");
	/* Guards bind it too. */
	a.account = STR("222233334444");
	assert_int_equal(help_decide(r, &a, NULL, NULL).priority, 3);
	/* What a team claims isn't unclaimed, and needs no policies. */
	a.name = STR("x-1");
	v = help_decide(r, &a, NULL, NULL);
	assert_false(v.catch_all);
	assert_str(v.policy, "built-in");
	assert_str(v.team, "pay");
	assert_str(v.where, "20-pay.yaml:1");
	ruleset_free(r);
}

/* What tocsin says of itself keeps its priority and goes to whom the rest
 * goes to, unless a team claims it. */
static void test_own_alarms(void **state)
{
	struct ruleset *r = with_platform(
		HEAD "claims: [{source: tocsin, alarm: drill-late}]\n");
	struct alarm a = { .source = "tocsin", .kind = "direct",
			   .state = ALARM_FIRING, .name = STR("dead-letters"),
			   .severity = STR("low"), .time_ms = 1,
			   .key = STR("tocsin/h/dead-letters"),
			   .title = STR("tocsin on h: trouble") };
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_false(v.catch_all);
	assert_str(v.policy, "tocsin");
	assert_int_equal(v.priority, 4);
	assert_str(v.assignment_group, "Duty");
	assert_str(v.short_description, "tocsin on h: trouble");
	assert_str(v.dedup_key, "tocsin/h/dead-letters");
	a.name = STR("drill-late");
	assert_str(help_decide(r, &a, NULL, NULL).team, "pay");
	ruleset_free(r);
	r = ruleset_load(NULL, 0, NULL, NULL);
	a.severity = STR("critical");
	v = help_decide(r, &a, NULL, NULL);
	assert_int_equal(v.priority, 1);
	assert_str(v.assignment_group, "Platform Engineering");
	ruleset_free(r);
}

static void test_blocks(void **state)
{
	struct ruleset *r = with_platform(
		HEAD
		"claims: [{}]\n"
		"defaults: {category: d, subcategory: s, notes: {max: 7}}\n"
		"policies:\n"
		"  - {id: both, match: {alarm: \"a*\"}, use: [loud, quiet]}\n"
		"  - {id: own, match: {alarm: \"b*\"}, use: [quiet],"
		" severity: high, notes: {max: 9}}\n"
		"  - {id: none, match: {}}\n");
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	a.name = STR("a");
	v = help_decide(r, &a, NULL, NULL);
	assert_int_equal(v.severity, SEVERITY_CRITICAL);
	assert_int_equal(v.notes_every_ms, 60000);
	assert_int_equal(v.notes_max, 3);
	assert_str(v.category, "q");
	assert_str(v.subcategory, "s");
	a.name = STR("b");
	v = help_decide(r, &a, NULL, NULL);
	assert_int_equal(v.severity, SEVERITY_HIGH);
	assert_int_equal(v.notes_every_ms, 3600000);
	assert_int_equal(v.notes_max, 9);
	a.name = STR("c");
	v = help_decide(r, &a, NULL, NULL);
	assert_int_equal(v.notes_max, 7);
	assert_str(v.category, "d");
	ruleset_free(r);
}

/* ---- what the incident says ---- */

static void test_handling(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	v = help_verdict(
		POLICY("insufficient_data: open, notes: {every: 0s, "
		       "max: 0}, resolve: {when: never}, reopen_within:"
		       " 7d, closed_by_person: {still_firing: leave}"),
		&a);
	assert_int_equal(v.insufficient, INSUFFICIENT_OPEN);
	assert_int_equal(v.notes_every_ms, 0);
	assert_int_equal(v.notes_max, 0);
	assert_false(v.resolve);
	assert_int_equal(v.reopen_within_ms, 7 * 86400000LL);
	assert_int_equal(v.still_firing, STILL_LEAVE);
	v = help_verdict(POLICY("insufficient_data: ignore, resolve: {note_only"
				": true, when: OK, stable_for: 0s},"
				"closed_by_person: {still_firing: reopen}"),
			 &a);
	assert_int_equal(v.insufficient, INSUFFICIENT_IGNORE);
	assert_true(v.resolve);
	assert_true(v.resolve_note_only);
	assert_int_equal(v.still_firing, STILL_REOPEN);
	v = help_verdict(POLICY("insufficient_data: resolve"), &a);
	assert_int_equal(v.insufficient, INSUFFICIENT_RESOLVE);
}

static void test_texts(void **state)
{
	struct ruleset *r = help_one(POLICY(
		"short_description: \"${alarm} ${tag.x} <b>\", description: "
		"\"see ${reason}\\nend\", fields: {subcategory: rds, u_team: "
		"\"${team}\"}, category: \"c ${region}\", assignment_group: "
		"\"G ${tag.group:-none}\", runbook: \"https://w/${metric}\""));
	struct alarm a = help_alarm();
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_str(v.short_description, "pay-db-cpu (no tag.x) <b>");
	assert_true(str_starts(v.description,
			       "see Threshold Crossed: 97 > 95"
			       "\nend\nRunbook: https://w/CPUUtilization\n"
			       "Console: https://us-east-1.console."));
	assert_str(v.category, "c us-east-1");
	assert_str(v.subcategory, "rds");
	assert_str(v.assignment_group, "G none");
	assert_int_equal(v.field_count, 1);
	assert_str(v.fields[0].name, "u_team");
	assert_str(v.fields[0].value, "pay");
	ruleset_free(r);
}

/* A link that the text has is not put below it again. */
static void test_links_once(void **state)
{
	struct alarm a = help_alarm();
	struct ruleset *r = help_one(POLICY(
		"description: \"https://w/x first\", runbook: https://w/x"));
	struct verdict v = help_decide(r, &a, NULL, NULL);

	(void)state;
	assert_true(str_starts(v.description, "https://w/x first\nConsole: "));
	ruleset_free(r);
}

static void test_titles_are_one_line(void **state)
{
	struct alarm a = help_alarm();
	struct buf b = BUF_INIT(10000);
	struct verdict v;

	(void)state;
	a.name = STR("a\r\nb\tc\x1b[31m\xe2\x80\xae"
		     "d\xff\xc2\x85"
		     "e");
	v = help_verdict(HEAD, &a);
	assert_str(v.short_description,
		   "CloudWatch Alarm: a  b c [31m d\xef\xbf\xbd e");
	for (int i = 0; i < 300; i++)
		buf_puts(&b, "\xe2\x82\xac");
	a.name = buf_str(&b);
	v = help_verdict(POLICY("short_description: \"${alarm}\""), &a);
	assert_int_equal(v.short_description.n, 157 * 3 + 3);
	assert_true(str_ends(v.short_description, "\xe2\x82\xac..."));
	/* A title that comes out blank would be no title. */
	v = help_verdict(POLICY("short_description: \"${tag.x:-} \""), &a);
	assert_true(str_starts(v.short_description, "CloudWatch Alarm: "));
	buf_fini(&b);
}

static void test_dedup_keys(void **state)
{
	struct alarm a = help_alarm();
	struct buf b = BUF_INIT(100000);
	struct verdict v, w;

	(void)state;
	v = help_verdict(POLICY("dedup_key: \"${account}/batch\""), &a);
	assert_str(v.dedup_key, "111122223333/batch");
	/* A policy goes back to the built-in key by writing it. */
	v = help_verdict(HEAD "defaults: {dedup_key: x}\npolicies:\n"
			      "  - {id: a, match: {}, dedup_key: "
			      "\"${account}/${region}/${alarm}\"}\n",
			 &a);
	assert_str(v.dedup_key, "111122223333/us-east-1/pay-db-cpu");
	v = help_verdict(HEAD "defaults: {dedup_key: \"x-${alarm}\"}\n", &a);
	assert_str(v.dedup_key, "x-pay-db-cpu");
	/* Bounded, and still told apart behind the bound. */
	for (int i = 0; i < 5000; i++)
		buf_putc(&b, 'k');
	a.name = buf_str(&b);
	v = help_verdict(HEAD, &a);
	assert_in_range(v.dedup_key.n, 400, 512);
	buf_puts(&b, "x");
	a.name = buf_str(&b);
	w = help_verdict(HEAD, &a);
	assert_false(str_eq(v.dedup_key, w.dedup_key));
	assert_true(memcmp(v.dedup_key.p, w.dedup_key.p, 400) == 0);
	buf_fini(&b);
}

/* ---- explain, counters ---- */

static void test_trace(void **state)
{
	struct ruleset *r = help_one(
		HEAD
		"severity:\n"
		"  - {when: {alarm: \"*-SEV1*\"}, set: critical}\n"
		"  - {else: medium}\n"
		"policies:\n"
		"  - {id: pay-latency, match: {alarm: \"pay-*-p99\"}}\n"
		"  - {id: any-of, match: {alarm: [a, b], region: us-east-1}}\n"
		"  - {id: absent, match: {tag.x: a}}\n"
		"  - {id: env, match: {not: {region: us-east-1}}}\n"
		"  - {id: num, match: {threshold: {gt: 96, lt: 98}}}\n"
		"  - {id: there, match: {tag.x: {exists: true}}}\n"
		"  - {id: hit, match: {region: \"us-*\", alarm: \"pay-*\"}}\n"
		"  - {id: rest, match: {}}\n");
	static const struct {
		const char *where, *rule;
		bool matched;
		const char *because;
	} want[] = {
		{ "built-in", "ci", true, "the alarm's own stackflow_ci_id" },
		{ "20-pay.yaml:5", "severity[1]", false,
		  "alarm: \"pay-db-cpu\" does not match \"*-SEV1*\"" },
		{ "20-pay.yaml:6", "severity[2]", true,
		  "else; sets \"medium\"" },
		{ "20-pay.yaml:8", "policy pay-latency", false,
		  "alarm: \"pay-db-cpu\" does not match \"pay-*-p99\"" },
		{ "20-pay.yaml:9", "policy any-of", false,
		  "alarm: \"pay-db-cpu\" does not match any of \"a\", \"b\"" },
		{ "20-pay.yaml:10", "policy absent", false,
		  "tag.x is not there, so it does not match \"a\"" },
		{ "20-pay.yaml:11", "policy env", false,
		  "region: \"us-east-1\" matches \"us-east-1\"" },
		{ "20-pay.yaml:12", "policy num", false,
		  "threshold: \"95\" is not > 96 and < 98" },
		{ "20-pay.yaml:13", "policy there", false,
		  "tag.x is not there" },
		{ "20-pay.yaml:14", "policy hit", true,
		  "region: \"us-east-1\" matches \"us-*\", alarm: "
		  "\"pay-db-cpu\" matches \"pay-*\"" },
	};
	const size_t n = sizeof(want) / sizeof(*want);
	struct trace t = { .arena = help_arena() };
	struct alarm a = help_alarm();

	(void)state;
	a.ci_id = STR("CI1");
	help_decide(r, &a, NULL, &t);
	assert_int_equal(t.count, n);
	for (size_t i = 0; i < n; i++) {
		assert_str(t.steps[i].where, want[i].where);
		assert_str(t.steps[i].rule, want[i].rule);
		assert_int_equal(t.steps[i].matched, want[i].matched);
		assert_str(t.steps[i].because, want[i].because);
	}
	ruleset_free(r);
}

static void test_hits(void **state)
{
	struct ruleset *r = help_one(HEAD "policies:\n"
					  "  - {id: a, match: {alarm: x}}\n"
					  "  - {id: b, match: {}}\n");
	struct alarm a = help_alarm();
	struct rule_hit hit;

	(void)state;
	help_decide(r, &a, NULL, NULL);
	help_decide(r, &a, NULL, NULL);
	a.name = STR("x");
	help_decide(r, &a, NULL, NULL);
	assert_int_equal(ruleset_hits(r), 3);
	ruleset_hit(r, 0, &hit);
	assert_string_equal(hit.policy, "a");
	assert_string_equal(hit.file, "20-pay.yaml");
	assert_string_equal(hit.team, "pay");
	assert_int_equal(hit.line, 5);
	assert_int_equal(hit.hits, 1);
	ruleset_hit(r, 1, &hit);
	assert_int_equal(hit.hits, 2);
	ruleset_hit(r, 2, &hit);
	assert_string_equal(hit.policy, "catch-all");
	assert_int_equal(hit.hits, 0);
	ruleset_free(r);
}

/* ---- without the texts, and a second time ---- */

static void test_brief_then_whole(void **state)
{
	struct ruleset *r = help_one(
		POLICY("short_description: \"${alarm} is out\", priority: P2, "
		       "fields: {u_source: \"${region}\"}"));
	struct alarm a = help_alarm();
	struct decision_input in = { .alarm = &a, .brief = true };
	struct verdict brief, whole;
	struct rule_hit hit;

	(void)state;
	assert_int_equal(ruleset_decide(&brief, r, &in, help_arena()), 0);
	assert_null(brief.short_description.p);
	assert_int_equal(brief.field_count, 0);
	assert_null(brief.description.p);
	in = (struct decision_input){ .alarm = &a, .again = true };
	assert_int_equal(ruleset_decide(&whole, r, &in, help_arena()), 0);
	assert_true(str_is(whole.short_description, "pay-db-cpu is out"));
	assert_int_equal(whole.field_count, 1);
	assert_true(whole.description.n > 0);
	/* What is left out changes nothing of the rest. */
	assert_true(str_eq(brief.dedup_key, whole.dedup_key));
	assert_true(str_eq(brief.policy, whole.policy));
	assert_int_equal(brief.priority, 2);
	assert_int_equal(whole.priority, 2);
	assert_int_equal(brief.notes_max, whole.notes_max);
	/* One alarm, one match. */
	ruleset_hit(r, 0, &hit);
	assert_int_equal(hit.hits, 1);
	ruleset_free(r);
}

/* ---- threads ---- */

#define THREADS 4

static void *decide_often(void *arg)
{
	struct arena *arena = arena_new(1 << 20);
	struct alarm a = help_alarm();
	const struct decision_input in = { .alarm = &a };
	struct verdict v;

	for (int i = 0; arena && i < 500; i++) {
		a.name = i % 2 ? STR("pay-batch-1") : STR("x");
		if (ruleset_decide(&v, arg, &in, arena) ||
		    !str_is(v.policy, i % 2 ? "batch" : "rest"))
			break;
		arena_reset(arena);
	}
	arena_free(arena);
	ruleset_free(arg);
	return NULL;
}

static void test_many_threads_decide(void **state)
{
	struct ruleset *r = help_one(
		HEAD
		"policies:\n"
		"  - {id: batch, match: {alarm: {re: \"batch-[0-9]+$\"}}}\n"
		"  - {id: rest, match: {}, short_description: \"${time}\"}\n");
	pthread_t threads[THREADS];
	struct rule_hit one, two;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, decide_often,
						ruleset_ref(r)),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ruleset_hit(r, 0, &one);
	ruleset_hit(r, 1, &two);
	assert_int_equal(one.hits, THREADS * 250);
	assert_int_equal(two.hits, THREADS * 250);
	ruleset_free(r);
}

static void test_memory_runs_out(void **state)
{
	struct ruleset *r = help_one(HEAD);
	struct alarm a = help_alarm();
	const struct decision_input in = { .alarm = &a };
	struct verdict v;

	(void)state;
	for (size_t max = 0; max < 6000; max += 16) {
		struct arena *small = arena_new(max);
		int rc = ruleset_decide(&v, r, &in, small);

		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(max > 100 || rc);
		arena_free(small);
	}
	ruleset_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin_pattern),
		cmocka_unit_test(test_builtin_description),
		cmocka_unit_test(test_messages_not_understood),
		cmocka_unit_test(test_severity_stage),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_match_values),
		cmocka_unit_test(test_regex_limit_is_no_match),
		cmocka_unit_test(test_ci_order),
		cmocka_unit_test(test_ci_of_the_alarm),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_catch_all),
		cmocka_unit_test(test_own_alarms),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_handling),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_brief_then_whole),
		cmocka_unit_test(test_links_once),
		cmocka_unit_test(test_titles_are_one_line),
		cmocka_unit_test(test_dedup_keys),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_hits),
		cmocka_unit_test(test_many_threads_decide),
		cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
