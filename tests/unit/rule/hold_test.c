/* What holds an alarm back, until when, and what doesn't though it might. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rule/silence.h"
#include "tests/unit/rule/help.h"

#define HEAD "version: 1\nteam: pay\nowners: [o]\n" /* lines 1-3 */
#define WINDOW "windows: {w: {every: Sun 02:00-05:00}}\n"
#define POLICIES                                                               \
	"policies:\n  - {id: db, match: {alarm: \"*-db\"}, priority: P2}\n"    \
	"  - {id: last, match: {}, priority: P3}\n"
#define ENTRIES(list) HEAD WINDOW POLICIES "suppress:\n" list
#define PLATFORM "version: 1\nteam: plat\nowners: [o]\nplatform: true\n"

#define SUNDAY 1793505600000 /* 2026-11-01T04:00:00Z */
#define HOUR 3600000

/* What the world says, and what it was asked. */
struct world {
	enum ci_answer answer;
	int open;
	unsigned changes, opens;
	char asked[500];
};

static enum ci_answer change(struct rule_change *out, struct arena *arena,
			     struct str ci_id, const struct str *states,
			     size_t count, void *arg)
{
	struct world *w = arg;
	int n = snprintf(w->asked, sizeof(w->asked), "%.*s", STR_ARG(ci_id));

	(void)arena;
	for (size_t i = 0; i < count; i++)
		n += snprintf(w->asked + n, sizeof(w->asked) - (size_t)n,
			      " %.*s", STR_ARG(states[i]));
	w->changes++;
	*out = (struct rule_change){ STR("CHG0000123"), STR("Patch\nit"),
				     STR("implement") };
	return w->answer;
}

static int open_incident(struct str *out, struct arena *arena,
			 struct str policy, const struct field *same,
			 size_t count, void *arg)
{
	struct world *w = arg;
	int n = snprintf(w->asked, sizeof(w->asked), "%.*s", STR_ARG(policy));

	(void)arena;
	for (size_t i = 0; i < count; i++)
		n += snprintf(w->asked + n, sizeof(w->asked) - (size_t)n,
			      " %.*s=%.*s", STR_ARG(same[i].name),
			      STR_ARG(same[i].value));
	w->opens++;
	*out = STR("INC0000007");
	return w->open;
}

/* One decision with all that it may ask. */
struct scene {
	const struct ruleset *rules;
	struct alarm alarm;
	struct world world;
	struct silences *silences;
	int64_t now_ms;
	bool brief;
	struct trace trace;
};

static struct scene scene(const struct ruleset *r)
{
	struct scene s = { .rules = r,
			   .alarm = help_alarm(),
			   .world = { .answer = CI_NONE },
			   .now_ms = SUNDAY };

	s.alarm.ci_id = STR("CI0001002");
	s.trace.arena = help_arena();
	return s;
}

static struct verdict decide(struct scene *s)
{
	const struct hold_source holds = { change, open_incident, s->silences,
					   &s->world };
	const struct decision_input in = {
		.alarm = &s->alarm,
		.holds = &holds,
		.now_ms = s->now_ms,
		.brief = s->brief,
	};
	struct decision_input traced = in;
	struct verdict v, again;

	/* Explaining must not change a decision. */
	assert_int_equal(ruleset_decide(&v, s->rules, &in, help_arena()), 0);
	s->trace.count = 0;
	traced.trace = &s->trace;
	assert_int_equal(
		ruleset_decide(&again, s->rules, &traced, help_arena()), 0);
	assert_int_equal(v.hold.kind, again.hold.kind);
	assert_int_equal(v.hold.until_ms, again.hold.until_ms);
	return again;
}

/* The step of a rule, as "WHERE yes|no BECAUSE". */
static const char *step(const struct scene *s, const char *rule)
{
	const char *found = "(no such step)";

	for (size_t i = 0; i < s->trace.count; i++) {
		const struct trace_step *t = &s->trace.steps[i];
		struct str line;

		if (!str_is(t->rule, rule))
			continue;
		line = arena_printf(
			help_arena(), "%.*s %s %.*s", STR_ARG(t->where),
			t->matched ? "yes" : "no", STR_ARG(t->because));
		found = line.p;
	}
	return found;
}

static void assert_step(const struct scene *s, const char *rule,
			const char *where, bool matched, const char *words)
{
	const char *got = step(s, rule);
	struct str start = arena_printf(help_arena(), "%s %s ", where,
					matched ? "yes" : "no");

	if (!str_starts(str_from(got), start.p) || !strstr(got, words))
		fail_msg("%s: %s\nnot %s... %s", rule, got, start.p, words);
}

#define assert_held(v, kind_, id_, until)                                      \
	do {                                                                   \
		assert_int_equal((v).hold.kind, kind_);                        \
		assert_str((v).hold.id, id_);                                  \
		assert_int_equal((v).hold.until_ms, until);                    \
	} while (0)

static void test_window(void **state)
{
	struct ruleset *r = help_one(ENTRIES(
		"  - {id: a, match: {namespace: AWS/RDS}, during: w}\n"));
	struct scene s = scene(r);
	struct verdict v = decide(&s);

	(void)state;
	assert_held(v, HOLD_WINDOW, "a", SUNDAY + HOUR);
	assert_str(v.hold.where, "20-pay.yaml:9");
	assert_str(v.hold.about, "window w");
	assert_step(&s, "suppress a", "20-pay.yaml:9", true,
		    "; holds: window w, until 2026-11-01T05:00:00Z");
	/* At its end it holds no more. */
	s.now_ms += HOUR;
	v = decide(&s);
	assert_int_equal(v.hold.kind, HOLD_NONE);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "outside of its window: holds nothing");
	s.now_ms = SUNDAY - 2 * HOUR;
	assert_held(decide(&s), HOLD_WINDOW, "a", SUNDAY + HOUR);
	s.now_ms--;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	/* Another alarm. */
	s.now_ms = SUNDAY;
	s.alarm.namespace = STR("AWS/SQS");
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	/* An OK is never held. */
	s.alarm.namespace = STR("AWS/RDS");
	s.alarm.state = ALARM_OK;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	s.alarm.state = ALARM_INSUFFICIENT;
	assert_int_equal(decide(&s).hold.kind, HOLD_WINDOW);
	ruleset_free(r);
}

static void test_never_above(void **state)
{
	struct ruleset *r = help_one(ENTRIES(
		"  - {id: a, match: {}, during: w, never_above: P3}\n"));
	struct scene s = scene(r);

	(void)state;
	assert_int_equal(decide(&s).hold.kind, HOLD_WINDOW);
	s.alarm.name = STR("pay-db"); /* P2 */
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "`never_above` is lower than the priority: holds nothing");
	ruleset_free(r);
}

/* It looks at what guards have left of the priority. */
static void test_never_above_after_guards(void **state)
{
	const char *files[] = {
		"00-p.yaml",
		PLATFORM "guards: [{id: cap, match: {}, max_priority: P4}]\n",
		"20-pay.yaml",
		ENTRIES("  - {id: a, match: {}, during: w, never_above: "
			"P3}\n"),
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct scene s = scene(r);

	(void)state;
	s.alarm.name = STR("pay-db");
	assert_int_equal(decide(&s).hold.kind, HOLD_WINDOW);
	ruleset_free(r);
}

static void test_change(void **state)
{
	struct ruleset *r = help_one(ENTRIES(
		"  - {id: a, match: {severity: medium}, when_change: {state: "
		"[implement, review]}}\n"
		"  - {id: any, match: {alarm: any}, when_change: {}}\n"));
	struct scene s = scene(r);
	struct verdict v;

	(void)state;
	s.world.answer = CI_FOUND;
	v = decide(&s);
	assert_held(v, HOLD_CHANGE, "a", SUNDAY + 60000);
	assert_str(v.hold.about, "CHG0000123 Patch it");
	assert_str(v.change, "CHG0000123 Patch it");
	assert_string_equal(s.world.asked, "CI0001002 implement review");
	assert_int_equal(s.world.changes, 2); /* decided twice */
	assert_step(&s, "suppress a", "20-pay.yaml:9", true,
		    "holds: CHG0000123 Patch it, looked at again at "
		    "2026-11-01T04:01:00Z");
	ruleset_free(r);
}

static void test_change_holds_nothing(void **state)
{
	static const struct {
		enum ci_answer answer;
		const char *why;
		bool pending;
	} cases[] = {
		{ CI_NONE, "no such change is open", false },
		{ CI_PENDING, "the look-up isn't answered yet", true },
		{ CI_FAILED, "the look-up failed", false },
	};
	struct ruleset *r = help_one(ENTRIES(
		"  - {id: a, match: {}, when_change: {state: implement}}\n"));
	struct scene s = scene(r);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct verdict v;

		s.world.answer = cases[i].answer;
		v = decide(&s);
		assert_int_equal(v.hold.kind, HOLD_NONE);
		assert_int_equal(v.hold_pending, cases[i].pending);
		assert_null(v.change.p);
		assert_step(&s, "suppress a", "20-pay.yaml:9", false,
			    cases[i].why);
	}
	/* Nobody is asked without a CI, of an OK, or where none matches. */
	s.world.answer = CI_FOUND;
	s.world.changes = 0;
	s.alarm.ci_id = STR_NONE;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false, "no CI is known");
	s.alarm.ci_id = STR("CI1");
	s.alarm.state = ALARM_OK;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_int_equal(s.world.changes, 0);
	ruleset_free(r);
}

#define BEHIND                                                                 \
	ENTRIES("  - {id: a, match: {alarm: \"*-canary\"}, while_open: db, "   \
		"same: [account, dim.DBInstanceIdentifier]}\n"                 \
		"  - {id: b, match: {alarm: x}, while_open: db, same: "        \
		"[account, region]}\n")

static void test_behind_incident(void **state)
{
	struct ruleset *r = help_one(BEHIND);
	struct scene s = scene(r);
	struct verdict v;

	(void)state;
	assert_true(ruleset_holds_behind(r, STR("db")));
	assert_false(ruleset_holds_behind(r, STR("last")));
	/* What such an incident is to remember. */
	s.alarm.name = STR("pay-db");
	v = decide(&s);
	assert_str(v.context,
		   "team=pay\naccount=111122223333\n"
		   "dim.DBInstanceIdentifier=pay-db-1\nregion=us-east-1\n");
	assert_int_equal(s.world.opens, 0);
	s.alarm.name = STR("pay-canary");
	s.world.open = 1;
	v = decide(&s);
	assert_held(v, HOLD_INCIDENT, "a", SUNDAY + 60000);
	assert_str(v.hold.about, "INC0000007");
	assert_null(v.context.p);
	assert_string_equal(s.world.asked, "db team=pay account=111122223333 "
					   "dim.DBInstanceIdentifier=pay-db-1");
	s.world.open = 0;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "no such incident is open: holds nothing");
	s.world.open = -EIO;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "the look-up failed: holds nothing");
	/* Two that both lack a field are not the same. */
	s.world.open = 1;
	s.alarm.dim_count = 0;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "a field that `same` compares is missing");
	ruleset_free(r);
}

/* An incident never holds back the alarms of its own policy. */
static void test_not_behind_itself(void **state)
{
	struct ruleset *r = help_one(
		ENTRIES("  - {id: a, match: {}, while_open: db, same: []}\n"));
	struct scene s = scene(r);

	(void)state;
	s.world.open = 1;
	s.alarm.name = STR("pay-db");
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_int_equal(s.world.opens, 0);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "that policy decides this alarm itself");
	s.alarm.name = STR("other");
	assert_int_equal(decide(&s).hold.kind, HOLD_INCIDENT);
	ruleset_free(r);
}

/* All that match are weighed; told is the one that ends last. */
static void test_the_longest_holds(void **state)
{
	struct ruleset *r = help_one(
		HEAD "windows: {short: {every: Sun 02:00-04:30}, long: {every:"
		     " Sun 02:00-09:00}}\n" POLICIES "suppress:\n"
		     "  - {id: a, match: {}, during: short}\n"
		     "  - {id: b, match: {}, during: long}\n"
		     "  - {id: c, match: {}, when_change: {}}\n"
		     "  - {id: d, match: {}, during: long}\n");
	struct scene s = scene(r);
	struct verdict v;

	(void)state;
	s.world.answer = CI_FOUND;
	v = decide(&s);
	assert_held(v, HOLD_WINDOW, "b", SUNDAY + 5 * HOUR);
	assert_str(v.change, "CHG0000123 Patch it");
	assert_step(&s, "suppress a", "20-pay.yaml:9", true, "holds");
	/* Near its end a change outlasts it. */
	s.now_ms = SUNDAY + 5 * HOUR - 1000;
	assert_held(decide(&s), HOLD_CHANGE, "c", s.now_ms + 60000);
	ruleset_free(r);
}

static void test_guards(void **state)
{
	const char *files[] = {
		"00-p.yaml",
		PLATFORM
		"guards:\n"
		"  - {id: p1-never, match: {priority: [P1, P2]}, forbid: "
		"suppress}\n"
		"  - {id: cap, match: {alarm: capped-db}, max_priority: P3}\n"
		"  - {id: short, match: {region: us-east-1}, max_window: "
		"90m}\n"
		"  - {id: longer, match: {}, max_window: 2h}\n",
		"20-pay.yaml",
		ENTRIES("  - {id: a, match: {}, during: w}\n"
			"  - {id: b, match: {alarm: \"*-db\"}, when_change: "
			"{}}\n"),
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct scene s = scene(r);

	(void)state;
	/* No window counts for longer than the guard says. */
	s.now_ms = SUNDAY - 2 * HOUR;
	assert_held(decide(&s), HOLD_WINDOW, "a", SUNDAY - HOUR / 2);
	s.now_ms = SUNDAY - HOUR / 2;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "a guard lets no window count for so long: holds nothing "
		    "(short, 00-p.yaml:8)");
	s.alarm.region = STR("eu-west-1");
	assert_held(decide(&s), HOLD_WINDOW, "a", SUNDAY);
	/* Forbidden, so that nobody is asked either. */
	s.alarm.name = STR("pay-db");
	s.world.answer = CI_FOUND;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_int_equal(s.world.changes, 0);
	assert_step(&s, "suppress a", "20-pay.yaml:9", false,
		    "forbidden by a guard: holds nothing (p1-never, "
		    "00-p.yaml:6)");
	/* Guards see the priority that all guards have left. */
	s.alarm.name = STR("capped-db");
	assert_int_equal(decide(&s).priority, 3);
	assert_int_equal(decide(&s).hold.kind, HOLD_WINDOW);
	ruleset_free(r);
}

static struct silence silence(const char *match)
{
	return (struct silence){
		.id = STR("s0123456789abc"),
		.match = str_from(match),
		.owner = STR("ada@example.com"),
		.reason = STR("moving house"),
		.begins_ms = SUNDAY - HOUR,
		.ends_ms = SUNDAY + HOUR,
	};
}

static void test_silences(void **state)
{
	const struct silence list[] = {
		silence("{alarm: \"other-*\"}"),
		silence("{\"alarm\": {\"re\": \"^pay-\"}, \"dim.DBInstance"
			"Identifier\": \"pay-*\"}"),
		silence("not: [a"),
	};
	struct ruleset *r = help_one(HEAD POLICIES);
	struct scene s = scene(r);
	struct silences *silences = silences_new(list, 3);
	struct verdict v;

	(void)state;
	assert_non_null(silences);
	s.silences = silences_ref(silences);
	silences_free(silences);
	v = decide(&s);
	assert_held(v, HOLD_SILENCE, "s0123456789abc", SUNDAY + HOUR);
	assert_str(v.hold.where, "silence");
	assert_str(v.hold.about, "ada@example.com: moving house");
	assert_step(&s, "silence s0123456789abc", "silence", true,
		    "; holds: ada@example.com: moving house, until "
		    "2026-11-01T05:00:00Z");
	s.now_ms = SUNDAY + HOUR;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	s.now_ms = SUNDAY - HOUR - 1;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	s.now_ms = SUNDAY;
	s.alarm.dim_count = 0;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_false(silences_read_tags(s.silences));
	assert_false(silences_read_tags(NULL));
	silences_free(s.silences);
	silences_free(NULL);
	ruleset_free(r);
}

static void test_guards_bind_silences(void **state)
{
	const struct silence one = silence("{account: \"1*\"}");
	const char *files[] = {
		"00-p.yaml",
		PLATFORM "guards:\n"
			 "  - {id: f, match: {alarm: \"*-db\"}, forbid: "
			 "suppress}\n"
			 "  - {id: m, match: {}, max_window: 90m}\n",
		"20-pay.yaml",
		HEAD POLICIES,
		NULL,
	};
	struct ruleset *r = help_load(files);
	struct scene s = scene(r);

	(void)state;
	s.silences = silences_new(&one, 1);
	assert_held(decide(&s), HOLD_SILENCE, "s0123456789abc",
		    SUNDAY + HOUR / 2);
	s.now_ms += HOUR / 2;
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	assert_step(&s, "silence s0123456789abc", "silence", false,
		    "(m, 00-p.yaml:7)");
	s.now_ms = SUNDAY;
	s.alarm.name = STR("pay-db");
	assert_int_equal(decide(&s).hold.kind, HOLD_NONE);
	silences_free(s.silences);
	ruleset_free(r);
}

static void test_silence_check(void **state)
{
	static const struct {
		const char *match, *want; /* "": can be kept */
	} cases[] = {
		{ "{alarm: \"pay-*\", region: eu-west-1}", "" },
		{ "{\"tag.team\": [\"a\", \"b\"]}", "" },
		{ "{priority: P3, ci.owner: x, team: pay}", "" },
		{ "alarm: a\nregion: b\n", "" },
		{ "{any: [{alarm: a}, {alarm: b}]}", "" },
		{ "{not: {env: prod}}", "" },
		{ "{}", "match:1:1: error[silences-everything]" },
		{ "", "error" },
		{ "{alarm: \"*\"}", "error[silences-everything]" },
		{ "{alarm: \"*\", account: {exists: true}}",
		  "error[silences-everything]" },
		{ "{any: [{}]}", "error[silences-everything]" },
		{ "{alarm: \"**\"}", "error[silences-everything]" },
		{ "{alarm: \"?*\"}", "error[silences-everything]: this would "
				     "silence everything: name what is to be "
				     "held by at least one value of one field, "
				     "like alarm=pay-db-*" },
		{ "{alarm: [\"*\", pay]}", "error[silences-everything]" },
		{ "{alarm: \"??\"}", "" },
		{ "{alarm: [\"a*\", pay]}", "" },
		{ "{alrm: x}", "match:1:2: error[unknown-field]: unknown "
			       "field `alrm`, did you mean `alarm`?" },
		{ "{alarm: {re: \"(\"}}", "error[bad-regex]" },
		{ "{alarm: a", "error" },
		{ "[a]", "error[wrong-type]" },
		{ "a: 1\n---\nb: 2\n", "error" },
	};
	struct buf big = BUF_INIT(SILENCE_MATCH_MAX * 2);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct faults faults;
		const char *got;
		int rc;

		faults_init(&faults);
		rc = silence_check(str_from(cases[i].match), &faults);
		got = help_faults(&faults);
		if (rc != (*cases[i].want ? -EINVAL : 0) ||
		    !strstr(got, cases[i].want))
			fail_msg("%s: %d %s", cases[i].match, rc, got);
		faults_fini(&faults);
	}
	buf_puts(&big, "alarm: ");
	while (big.n <= SILENCE_MATCH_MAX)
		buf_puts(&big, "aaaaaaaaaaaaaaaa");
	{
		struct faults faults;

		faults_init(&faults);
		assert_int_equal(silence_check(buf_str(&big), &faults),
				 -EINVAL);
		faults_fini(&faults);
	}
	buf_fini(&big);
}

static void test_require_change(void **state)
{
	struct ruleset *r = help_one(
		HEAD "policies: [{id: a, match: {}, require_change: true}]\n");
	struct scene s = scene(r);
	struct verdict v = decide(&s);

	(void)state;
	assert_true(v.require_change);
	assert_null(v.change.p);
	assert_string_equal(s.world.asked, "CI0001002");
	assert_step(&s, "require_change", "20-pay.yaml:4", false,
		    "no such change is open");
	s.world.answer = CI_FOUND;
	v = decide(&s);
	assert_str(v.change, "CHG0000123 Patch it");
	assert_int_equal(v.hold.kind, HOLD_NONE);
	/* What isn't known isn't told. */
	s.world.answer = CI_FAILED;
	v = decide(&s);
	assert_false(v.require_change);
	assert_false(v.hold_pending);
	s.world.answer = CI_PENDING;
	v = decide(&s);
	assert_false(v.require_change);
	assert_true(v.hold_pending);
	/* It is for new incidents. */
	s.world.changes = 0;
	s.brief = true;
	decide(&s);
	assert_int_equal(s.world.changes, 0);
	ruleset_free(r);
}

static void test_without_a_world(void **state)
{
	struct ruleset *r = help_one(ENTRIES(
		"  - {id: a, match: {}, when_change: {}}\n"
		"  - {id: b, match: {}, while_open: db, same: [account]}\n"
		"  - {id: c, match: {}, during: w}\n"));
	struct alarm a = help_alarm();
	const struct hold_source none = { NULL, NULL, NULL, NULL };
	struct decision_input in = { .alarm = &a, .now_ms = SUNDAY };
	struct verdict v;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ruleset_decide(&v, r, &in, help_arena()), 0);
		assert_held(v, HOLD_WINDOW, "c", SUNDAY + HOUR);
		in.holds = &none;
	}
	ruleset_free(r);
}

static void test_refused(void **state)
{
#define ENTRY(keys) ENTRIES("  - {id: a, match: {}, " keys "}\n")
	static const struct fault_case cases[] = {
		{ ENTRY("during: w"), "" },
		{ ENTRIES("  - {id: a, during: w}\n"),
		  "error[missing-key]: `match` is missing" },
		{ ENTRIES("  - {match: {}, during: w}\n"),
		  "error[missing-key]: `id` is missing" },
		{ ENTRIES("  - {id: a, match: {}}\n"),
		  "9:5: error[missing-key]: `during`, `when_change` or "
		  "`while_open` is missing" },
		{ ENTRY("during: ww"),
		  "9:32: error[unknown-window]: this file has no window `ww`,"
		  " did you mean `w`?" },
		{ ENTRY("during: [w]"), "error[wrong-type]" },
		{ ENTRY("while_open: dbs, same: [account]"),
		  "9:36: error[unknown-policy]: this file has no policy `dbs`"
		  ", did you mean `db`?" },
		{ ENTRY("while_open: db"),
		  "error[missing-key]: `same` is missing" },
		{ ENTRY("during: w, same: [account]"),
		  "error[conflicting-keys]: `same` belongs to `while_open`" },
		{ ENTRY("during: w, when_change: {}"),
		  "9:35: error[conflicting-keys]: `during` is given as well" },
		{ ENTRY("while_open: db, same: [], during: w"),
		  "error[conflicting-keys]" },
		{ ENTRY("while_open: db, same: [acount]"),
		  "error[unknown-field]: unknown field `acount`, did you mean "
		  "`account`?" },
		{ ENTRY("while_open: db, same: [state]"),
		  "error[same-volatile]: `same` can't hold `state`" },
		{ ENTRY("while_open: db, same: [reason, severity]"),
		  "error[same-volatile]|error[same-volatile]" },
		{ ENTRY("while_open: db, same: [tag.service, ci.id]"), "" },
		{ ENTRY("while_open: db, same: account"), "error[wrong-type]" },
		{ ENTRY("when_change: implement"), "error[wrong-type]" },
		{ ENTRY("when_change: {states: [a]}"), "error[unknown-key]" },
		{ ENTRY("when_change: {state: []}"), "error[bad-value]" },
		{ ENTRY("when_change: {state: [[a]]}"), "error[wrong-type]" },
		{ ENTRY("during: w, never_above: 2"), "error[bad-value]" },
		{ ENTRIES("  - {id: a, match: {}, during: w}\n"
			  "  - {id: a, match: {}, during: w}\n"),
		  "10:10: error[duplicate-id]: the entry `a` is there already"
		  ", in line 9" },
		{ HEAD "suppress: {}\n", "4:11: error[wrong-type]" },
		{ HEAD "suppress: [x]\n", "4:12: error[wrong-type]" },
		{ PLATFORM "guards: [{id: a, match: {}, forbid: all}]\n",
		  "error[bad-value]: `forbid` is suppress" },
		{ PLATFORM "guards: [{id: a, match: {}, max_window: 0s}]\n",
		  "error[bad-value]" },
		{ PLATFORM "guards: [{id: a, match: {}}]\n",
		  "error[missing-key]: `max_priority`, `forbid` or "
		  "`max_window` is missing" },
	};

	(void)state;
	CHECK(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_never_above),
		cmocka_unit_test(test_never_above_after_guards),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_change_holds_nothing),
		cmocka_unit_test(test_behind_incident),
		cmocka_unit_test(test_not_behind_itself),
		cmocka_unit_test(test_the_longest_holds),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_silences),
		cmocka_unit_test(test_guards_bind_silences),
		cmocka_unit_test(test_silence_check),
		cmocka_unit_test(test_require_change),
		cmocka_unit_test(test_without_a_world),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
