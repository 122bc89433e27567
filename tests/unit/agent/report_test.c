/* What of a period is found worth a look, and what isn't. */
/* clang-format off */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>

#include "agent/report/findings.h"

#define MINUTE 60000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define BEGIN (20000 * DAY)
#define TO (BEGIN + 10 * DAY)

struct rig {
	struct facts *facts;
	struct arena *arena;
	struct findings out;
	int64_t seq;
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	*state = r;
	r->facts = facts_new(BEGIN, TO);
	r->arena = arena_new(64 << 20);
	return r->facts && r->arena ? 0 : -1;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	facts_free(r->facts);
	arena_free(r->arena);
	free(r);
	return 0;
}

static void tell(struct rig *r, const char *name, const char *state, int64_t ms)
{
	const struct event e = {
		.seq = ++r->seq, .intake = "sns", .kind = STR("metric-alarm"),
		.name = str_from(name), .state = str_from(state),
		.account = STR("111122223333"), .region = STR("us-east-1"),
		.change_ms = ms, .received_ms = ms, .status = EVENT_DONE,
		.action = STR("note"), .team = STR("pay"), .policy = STR("it"),
		.where = STR("20-pay.yaml:7"),
	};

	assert_int_equal(facts_event(r->facts, &e), 0);
}

static void blip(struct rig *r, const char *name, int64_t at, int64_t lasts)
{
	tell(r, name, "ALARM", at);
	tell(r, name, "OK", at + lasts);
}

static void opened(struct rig *r, const char *name, int64_t at, int64_t lasts,
		   const char *remote)
{
	const struct incident i = {
		.id = ++r->seq, .state = INCIDENT_RESOLVED, .priority = 3,
		.team = STR("pay"), .policy = STR("it"),
		.where = STR("20-pay.yaml:7"), .remote = str_from(remote),
		.account = STR("111122223333"), .region = STR("us-east-1"),
		.alarm = str_from(name), .opened_ms = at,
		.resolved_ms = at + lasts, .events = 2, .ci_id = STR("CI1"),
	};

	assert_int_equal(facts_incident(r->facts, &i), 0);
}

static const struct finding *find(struct rig *r, enum finding_kind k)
{
	arena_reset(r->arena);
	assert_int_equal(findings_make(&r->out, r->facts, STR_NONE, 5,
				       r->arena), 0);
	return &r->out.scopes[0].findings[k];
}

static void flapping_is_many_changes_in_short(void **state)
{
	struct rig *r = *state;
	const struct finding *f;

	for (int i = 0; i < 3; i++)
		blip(r, "flaps", BEGIN + DAY + i * HOUR, 10 * MINUTE);
	for (int i = 0; i < 3; i++)
		blip(r, "slow", BEGIN + DAY + i * 6 * HOUR, 3 * HOUR);
	for (int i = 0; i < 2; i++)
		blip(r, "few", BEGIN + DAY + i * HOUR, 10 * MINUTE);
	/* Before the period it is no matter of it. */
	for (int i = 0; i < 9; i++)
		blip(r, "once", BEGIN - DAY + i * HOUR, 10 * MINUTE);
	f = find(r, FINDING_FLAPPING);
	assert_int_equal(f->count, 1);
	assert_true(str_is(f->rows[0].what, "flaps"));
	assert_int_equal(f->rows[0].number, 6);
	/* ALARM OK ALARM OK within 70 minutes */
	assert_true(str_is(f->rows[0].yaml,
			   "flap: {transitions: 4, within: 2h}"));
}

static void repeats_and_late_news_are_no_changes(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 20; i++)
		tell(r, "repeats", "ALARM", BEGIN + DAY + i * MINUTE);
	tell(r, "late", "OK", BEGIN + DAY + 20 * MINUTE);
	for (int i = 0; i < 20; i++)
		tell(r, "late", i % 2 ? "OK" : "ALARM",
		     BEGIN + DAY + i * MINUTE);
	assert_int_equal(find(r, FINDING_FLAPPING)->count, 0);
}

static void always_on_by_share_and_by_age(void **state)
{
	struct rig *r = *state;
	const struct finding *f;

	/* Since before the period, OK for an hour of ten days. */
	tell(r, "share", "ALARM", BEGIN - DAY);
	tell(r, "share", "OK", BEGIN + DAY);
	tell(r, "share", "ALARM", BEGIN + DAY + HOUR);
	tell(r, "share", "OK", TO - HOUR);
	tell(r, "week", "OK", BEGIN);
	tell(r, "week", "ALARM", TO - 8 * DAY);
	tell(r, "half", "ALARM", BEGIN);
	tell(r, "half", "OK", BEGIN + 5 * DAY);
	tell(r, "young", "ALARM", TO - HOUR);
	f = find(r, FINDING_ALWAYS_ON);
	assert_int_equal(f->count, 2);
	assert_true(str_is(f->rows[0].what, "share"));
	assert_int_equal(f->rows[0].number, (10 * DAY - 2 * HOUR) / 1000);
	assert_true(str_is(f->rows[1].what, "week"));
	assert_int_equal(f->rows[1].number, 8 * DAY / 1000);
}

static void taken_untaken_or_not_known(void **state)
{
	struct rig *r = *state;
	const struct finding *f;

	assert_int_equal(facts_asked(r->facts, STR("INC1"), false), 0);
	assert_int_equal(facts_asked(r->facts, STR("INC2"), false), 0);
	assert_int_equal(facts_asked(r->facts, STR("INC2"), true), 0);
	/* What was seen once stays so. */
	assert_int_equal(facts_asked(r->facts, STR("INC2"), false), 0);
	opened(r, "left", BEGIN + DAY, 2 * MINUTE + 30000, "INC1");
	opened(r, "seen", BEGIN + DAY, MINUTE, "INC2");
	opened(r, "dark", BEGIN + DAY, HOUR, "INC3");
	f = find(r, FINDING_UNTAKEN);
	assert_int_equal(f->count, 1);
	assert_true(str_is(f->rows[0].what, "left"));
	assert_int_equal(r->out.unasked, 1);
	f = find(r, FINDING_BRIEF);
	assert_int_equal(f->count, 1);
	assert_true(str_is(f->rows[0].yaml, "open_after: 3m"));
}

static void names_stay_text_in_yaml(void **state)
{
	struct rig *r = *state;
	struct incident i = {
		.state = INCIDENT_OPEN, .team = STR("pay"), .id = 1,
		.alarm = STR("a\"b\n\xe2\x80\xae\xc3\xa9"),
		.opened_ms = BEGIN + 1, .events = 1,
	};
	const struct finding *f;

	assert_int_equal(facts_incident(r->facts, &i), 0);
	f = find(r, FINDING_NO_CI);
	assert_int_equal(f->count, 1);
	assert_true(str_is(f->rows[0].yaml,
			   "ci:\n  - {map: {\"a\\\"b\\n\\u202E\xc3\xa9\": "
			   "CI0000000}, key: \"${alarm}\"}"));
}

static void the_worst_first_and_no_more_than_asked(void **state)
{
	struct rig *r = *state;
	const struct finding *f;
	char name[16];

	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		for (int k = 0; k < 3 + i; k++)
			opened(r, name, BEGIN + k * HOUR, HOUR, "");
	}
	f = find(r, FINDING_NOISY);
	assert_int_equal(f->count, 8);
	assert_int_equal(f->row_count, 5);
	assert_true(str_is(f->rows[0].what, "a7"));
	assert_true(str_is(f->rows[4].what, "a3"));
	assert_int_equal(r->out.scope_count, 2);
	assert_int_equal(r->out.scopes[1].findings[FINDING_NOISY].count, 8);
	assert_int_equal(r->out.scopes[0].totals.now.incidents, 52);
	assert_int_equal(findings_make(&r->out, r->facts, STR("other"), 5,
				       r->arena), 0);
	assert_int_equal(r->out.scope_count, 1);
	assert_int_equal(r->out.scopes[0].findings[FINDING_NOISY].count, 0);
}

static void old_and_open_counts_for_nothing_but_its_time(void **state)
{
	struct rig *r = *state;
	struct incident i = {
		.state = INCIDENT_OPEN, .team = STR("pay"), .id = 1,
		.alarm = STR("old"), .opened_ms = BEGIN - 30 * DAY,
		.events = 9, .priority = 1,
	};
	const struct finding *f;

	assert_int_equal(facts_incident(r->facts, &i), 0);
	i.state = INCIDENT_RESOLVED;
	i.alarm = STR("gone");
	assert_int_equal(facts_incident(r->facts, &i), 0);
	f = find(r, FINDING_ALWAYS_ON);
	assert_int_equal(f->count, 1);
	assert_true(str_is(f->rows[0].what, "old"));
	assert_int_equal(f->rows[0].number, 40 * DAY / 1000);
	assert_int_equal(r->out.scopes[0].totals.now.incidents, 0);
	assert_int_equal(r->out.scopes[0].totals.before.incidents, 0);
}

static void drills_are_left_out(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 9; i++) {
		blip(r, "tocsin-drill", BEGIN + i * HOUR, MINUTE);
		opened(r, "tocsin-drill", BEGIN + i * HOUR, MINUTE, "");
	}
	for (int k = 0; k < FINDING_KINDS; k++)
		assert_int_equal(find(r, k)->count, 0);
	assert_int_equal(r->out.scopes[0].totals.now.events, 0);
	assert_int_equal(r->out.scopes[0].totals.now.incidents, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(flapping_is_many_changes_in_short),
		T(repeats_and_late_news_are_no_changes),
		T(always_on_by_share_and_by_age),
		T(taken_untaken_or_not_known),
		T(names_stay_text_in_yaml),
		T(the_worst_first_and_no_more_than_asked),
		T(old_and_open_counts_for_nothing_but_its_time),
		T(drills_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
