#ifndef TESTS_UNIT_RULE_HELP_H
#define TESTS_UNIT_RULE_HELP_H

/* clang-format off */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "rule/rule.h"

#define assert_str(got, want)                                                 \
	assert_string_equal(arena_cstr(help_arena(), got), want)

static struct arena *help_memory;

static inline struct arena *help_arena(void)
{
	if (!help_memory)
		help_memory = arena_new(1 << 30);
	return help_memory;
}

static inline int help_end(void **state)
{
	(void)state;
	arena_free(help_memory);
	help_memory = NULL;
	return 0;
}

/* The alarm that most tests decide. */
static inline struct alarm help_alarm(void)
{
	static const struct alarm_pair dims[] = {
		{ STR("DBInstanceIdentifier"), STR("pay-db-1") },
	};

	return (struct alarm){
		.source = "cloudwatch",
		.kind = "metric-alarm",
		.state = ALARM_FIRING,
		.previous_state = ALARM_OK,
		.state_text = STR("ALARM"),
		.account = STR("111122223333"),
		.region = STR("us-east-1"),
		.name = STR("pay-db-cpu"),
		.arn = STR("arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
			   "pay-db-cpu"),
		.namespace = STR("AWS/RDS"),
		.metric = STR("CPUUtilization"),
		.description = STR("CPU of the payments database"),
		.reason = STR("Threshold Crossed: 97 > 95"),
		.time_ms = 1795255200000,	/* 2026-11-21T10:00:00Z */
		.has_threshold = true,
		.threshold = 95,
		.dims = dims,
		.dim_count = 1,
		.raw = STR("{}"),
	};
}

/* Text of all faults, a line each. */
static inline const char *help_faults(const struct faults *f)
{
	struct buf b = BUF_INIT(1 << 20);
	const char *s;

	faults_put_text(&b, f);
	s = arena_cstr(help_arena(), buf_str(&b));
	buf_fini(&b);
	return s;
}

/* A set of up to four files: name, text, name, text, NULL. No faults. */
static inline struct ruleset *help_load(const char *const *files)
{
	struct rule_source sources[4];
	struct faults faults;
	struct ruleset *r;
	size_t n = 0;

	for (; files[2 * n]; n++)
		sources[n] = (struct rule_source){
			.name = files[2 * n],
			.text = str_from(files[2 * n + 1]),
		};
	faults_init(&faults);
	r = ruleset_load(sources, n, &faults, NULL);
	assert_non_null(r);
	if (faults.errors)
		fail_msg("%s", help_faults(&faults));
	faults_fini(&faults);
	return r;
}

static inline struct ruleset *help_one(const char *text)
{
	const char *files[] = { "20-pay.yaml", text, NULL };

	return help_load(files);
}

static inline struct verdict help_decide(const struct ruleset *r,
					 const struct alarm *a,
					 const struct ci_source *cis,
					 struct trace *trace)
{
	const struct decision_input in = {
		.alarm = a, .cis = cis, .trace = trace
	};
	struct verdict v;

	assert_int_equal(ruleset_decide(&v, r, &in, help_arena()), 0);
	return v;
}

/* The verdict of one file about one alarm. */
static inline struct verdict help_verdict(const char *text,
					  const struct alarm *a)
{
	struct ruleset *r = help_one(text);
	struct verdict v = help_decide(r, a, NULL, NULL);

	/* What a verdict borrows from the set is copied before that goes. */
	v.team = arena_str(help_arena(), v.team);
	v.policy = arena_str(help_arena(), v.policy);
	v.where = arena_str(help_arena(), v.where);
	v.file = arena_str(help_arena(), v.file);
	v.category = arena_str(help_arena(), v.category);
	v.subcategory = arena_str(help_arena(), v.subcategory);
	v.assignment_group = arena_str(help_arena(), v.assignment_group);
	v.runbook = arena_str(help_arena(), v.runbook);
	v.ci_id = arena_str(help_arena(), v.ci_id);
	v.env = arena_str(help_arena(), v.env);
	v.short_description = arena_str(help_arena(), v.short_description);
	ruleset_free(r);
	return v;
}

/* The faults of one file, x.yaml. */
static inline const char *faults_of(const char *text)
{
	const struct rule_source source = {
		.name = "/etc/tocsin/rules.d/x.yaml",
		.text = str_from(text),
	};
	struct faults faults;
	struct ruleset *r;
	const char *s;
	bool bad = false;

	faults_init(&faults);
	r = ruleset_load(&source, 1, &faults, &bad);
	assert_non_null(r);
	/* A file with errors isn't in the set; one with warnings is. */
	assert_int_equal(bad, faults.errors > 0);
	assert_int_equal(ruleset_files(r), faults.errors ? 0 : 1);
	s = help_faults(&faults);
	faults_fini(&faults);
	ruleset_free(r);
	return s;
}

/* A text and the faults that it must have, no more and no fewer. */
struct fault_case {
	const char *text;
	const char *want; /* "LINE:COL: level[code]: words", several by | */
};

static inline void check(const struct fault_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str rest = str_from(cases[i].want), one;
		const char *got = faults_of(cases[i].text);
		size_t lines = 0, wanted = 0;

		for (const char *p = got; *p; p++)
			lines += *p == '\n';
		for (; rest.n && str_cut(&rest, '|', &one); wanted++)
			if (str_find(str_from(got), one) < 0)
				fail_msg("%s\n--- lacks: %.*s\n--- got:\n%s",
					 cases[i].text, STR_ARG(one), got);
		if (lines != wanted)
			fail_msg("%s\n--- got:\n%s", cases[i].text, got);
	}
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof(*(cases)))

#endif
