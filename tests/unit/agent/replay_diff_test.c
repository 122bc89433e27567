/* What two rule sets made of the same events, against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "agent/replay/diff.h"
#include "agent/replay/report.h"
#include "doc/json.h"

#define MINUTE 60000

static struct side *before, *after;
static struct diff diff;

static int set_up(void **state)
{
	(void)state;
	before = side_new();
	after = side_new();
	return before && after ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	diff_fini(&diff);
	side_free(before);
	side_free(after);
	return 0;
}

static struct alarm alarm_of(const char *name)
{
	return (struct alarm){ .name = str_from(name),
			       .account = STR("111122223333"),
			       .region = STR("us-east-1") };
}

static void event(struct side *s, const char *name, enum action action,
		  int priority)
{
	struct alarm a = alarm_of(name);
	const struct handling h = {
		.verdict = { .priority = priority, .team = STR("payments") },
		.change = { .action = action },
	};

	assert_int_equal(side_event(s, &a, &h), 0);
}

static void held(struct side *s, const char *name, const char *hold)
{
	struct alarm a = alarm_of(name);
	const struct handling h = {
		.verdict = { .priority = 3, .team = STR("payments"),
			     .hold = { .kind = HOLD_WINDOW,
				       .id = str_from(hold) } },
		.change = { .action = ACTION_HOLD },
	};

	assert_int_equal(side_event(s, &a, &h), 0);
}

static struct incident incident_of(const char *name, int priority)
{
	return (struct incident){ .account = STR("111122223333"),
				  .region = STR("us-east-1"),
				  .alarm = str_from(name),
				  .team = STR("payments"),
				  .assignment_group = STR("SRE"),
				  .priority = priority };
}

static void tell(struct side *s, enum action action, int64_t id,
		 int64_t at_ms, const struct incident *i, const char *fields)
{
	const struct memory_action a = { .action = action, .at_ms = at_ms,
					 .incident = id };

	side_tell(s, &a, i, fields ? str_from(fields) : STR_NONE);
	assert_int_equal(side_error(s), 0);
}

/* An incident of a side, from then to then (0: open still). */
static void incident(struct side *s, int64_t id, const char *name,
		     int priority, int64_t from, int64_t to)
{
	struct incident i = incident_of(name, priority);

	tell(s, ACTION_CREATE, id, from, &i, "{}");
	if (to)
		tell(s, ACTION_RESOLVE, id, to, &i, NULL);
}

static void make(void)
{
	assert_int_equal(diff_make(&diff, before, after), 0);
}

static void the_same_differs_in_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct side *s = i ? after : before;

		event(s, "a", ACTION_CREATE, 3);
		incident(s, 1, "a", 3, 10, 20);
		event(s, "a", ACTION_RESOLVE, 3);
	}
	make();
	assert_false(diff_any(&diff));
	assert_int_equal(diff.alarms, 1);
	assert_int_equal(diff.before.incidents, 1);
	assert_int_equal(diff.after.by_priority[3], 1);
	assert_int_equal(diff.after.resolved, 1);
}

static void nothing_at_all_is_the_same(void **state)
{
	(void)state;
	make();
	assert_false(diff_any(&diff));
	assert_int_equal(diff.alarms, 0);
}

static void an_incident_less(void **state)
{
	(void)state;
	event(before, "a", ACTION_CREATE, 3);
	incident(before, 1, "a", 3, 10, 20);
	incident(before, 2, "a", 3, 30, 40);
	event(after, "a", ACTION_IGNORE, 3);
	incident(after, 7, "a", 3, 30, 40);
	make();
	assert_int_equal(diff.row_count, 1);
	assert_int_equal(diff.change.fewer, 1);
	assert_int_equal(diff.change.more, 0);
	assert_int_equal(diff.change.later, 0);
	assert_int_equal(diff.change.decisions, 1);
	assert_int_equal(diff.rows[0].first, 1);
	assert_int_equal(diff.rows[0].before.incidents, 2);
	assert_int_equal(diff.rows[0].after.incidents, 1);
}

static void an_incident_that_opens_later_is_the_same_one(void **state)
{
	(void)state;
	event(before, "a", ACTION_CREATE, 3);
	incident(before, 1, "a", 3, 10, 0);
	event(after, "a", ACTION_HOLD, 3);
	incident(after, 1, "a", 3, 10 + 3 * MINUTE, 0);
	make();
	assert_int_equal(diff.change.later, 1);
	assert_int_equal(diff.change.more + diff.change.fewer, 0);
	/* It waits for open_after, and no entry holds it. */
	assert_int_equal(diff.change.newly_held, 0);
	diff_fini(&diff);
	assert_int_equal(diff_make(&diff, after, before), 0);
	assert_int_equal(diff.change.earlier, 1);
}

/* One before it that has gone isn't taken for the one that stayed. */
static void an_incident_at_its_moment_is_taken_first(void **state)
{
	(void)state;
	event(before, "a", ACTION_CREATE, 3);
	event(after, "a", ACTION_CREATE, 3);
	incident(before, 1, "a", 3, 10, 35);
	incident(before, 2, "a", 1, 30, 40);
	incident(after, 1, "a", 1, 30, 40);
	make();
	assert_int_equal(diff.change.fewer, 1);
	assert_int_equal(diff_priorities(&diff.change), 0);
	assert_int_equal(diff.change.later, 0);
}

static void one_that_was_over_is_another_one(void **state)
{
	(void)state;
	event(before, "a", ACTION_CREATE, 3);
	event(after, "a", ACTION_CREATE, 3);
	incident(before, 1, "a", 3, 10, 20);
	incident(after, 1, "a", 3, 25, 40);
	make();
	assert_int_equal(diff.change.fewer, 1);
	assert_int_equal(diff.change.more, 1);
}

static void priorities_raises_and_ends(void **state)
{
	struct incident i = incident_of("a", 3);

	(void)state;
	event(before, "a", ACTION_CREATE, 3);
	event(after, "a", ACTION_CREATE, 3);
	incident(before, 1, "a", 3, 10, 20);
	tell(after, ACTION_CREATE, 1, 10, &i, "{}");
	i.priority = 1;
	tell(after, ACTION_RAISE, 1, 12, &i, NULL);
	tell(after, ACTION_RESOLVE, 1, 25, &i, NULL);
	make();
	assert_int_equal(diff.change.priority[3][1], 1);
	assert_int_equal(diff_priorities(&diff.change), 1);
	assert_int_equal(diff.after.by_priority[1], 1);
	assert_int_equal(diff.after.by_priority[3], 0);
	assert_int_equal(diff.after.raised, 1);
	assert_int_equal(diff.change.ended, 1);
	assert_int_equal(diff.change.decisions, 0);
	assert_true(diff_any(&diff));
}

static void a_reopened_one_is_open_still(void **state)
{
	struct incident i = incident_of("a", 3);

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct side *s = k ? after : before;

		event(s, "a", ACTION_CREATE, 3);
		incident(s, 1, "a", 3, 10, 20);
	}
	tell(after, ACTION_REOPEN, 1, 30, &i, NULL);
	make();
	assert_int_equal(diff.change.ended, 1);
	assert_int_equal(diff.after.reopened, 1);
}

static void what_is_held_and_what_no_more(void **state)
{
	(void)state;
	event(before, "a", ACTION_NOTE, 3);
	held(after, "a", "patching");
	held(before, "b", "patching");
	event(after, "b", ACTION_NOTE, 3);
	held(before, "c", "patching");
	held(after, "c", "patching");
	held(before, "d", "patching");
	held(after, "d", "nights");
	make();
	assert_int_equal(diff.change.newly_held, 1);
	assert_int_equal(diff.change.no_longer_held, 1);
	assert_int_equal(diff.before.held, 3);
	assert_int_equal(diff.after.held, 3);
	/* Held by another entry is another decision, though held it is. */
	assert_int_equal(diff.row_count, 3);
	assert_int_equal(diff.change.decisions, 3);
}

static void groups_cis_and_texts(void **state)
{
	struct incident i = incident_of("a", 3), k = incident_of("b", 3),
			j = incident_of("c", 3);

	(void)state;
	tell(before, ACTION_CREATE, 1, 10, &i, "{\"x\":1}");
	tell(before, ACTION_CREATE, 2, 10, &k, "{\"x\":1}");
	tell(before, ACTION_CREATE, 3, 10, &j, "{\"x\":1}");
	i.assignment_group = STR("DBA");
	k.ci_id = STR("CI2");
	tell(after, ACTION_CREATE, 1, 10, &i, "{\"x\":2}");
	tell(after, ACTION_CREATE, 2, 10, &k, "{\"x\":2}");
	tell(after, ACTION_CREATE, 3, 10, &j, "{\"x\":2}");
	make();
	assert_int_equal(diff.change.group, 1);
	assert_int_equal(diff.change.ci, 1);
	assert_int_equal(diff.change.text, 1);
}

static void a_teams_parent_is_a_row_of_its_own(void **state)
{
	struct incident i = incident_of("a", 3);

	(void)state;
	event(before, "a", ACTION_CREATE, 3);
	event(after, "a", ACTION_CREATE, 3);
	incident(before, 1, "a", 3, 10, 0);
	i.parent = true;
	i.key = STR("limit/payments");
	tell(after, ACTION_CREATE, 1, 10, &i, "{}");
	make();
	assert_int_equal(diff.row_count, 2);
	assert_int_equal(diff.change.more, 1);
	assert_int_equal(diff.change.fewer, 1);
}

static void the_text_that_is_compared(void **state)
{
	static const char head[] = "{\"short_description\":\"s\",\"priority\":"
				   "\"P%c\",\"description\":\"t%s\\nDecided "
				   "by: p (x.yaml:%s)\\nConsole: u\\n"
				   "\\ntocsin-event: e%s\\ntocsin-ref: %s\"}";
	char a[400], b[400];

	(void)state;
	snprintf(a, sizeof(a), head, '3', "", "7", "1", "m-1");
	snprintf(b, sizeof(b), head, '1', "", "99", "2", "n-1");
	assert_int_equal(side_text_hash(str_from(a)),
			 side_text_hash(str_from(b)));
	snprintf(b, sizeof(b), head, '3', "!", "7", "1", "m-1");
	assert_int_not_equal(side_text_hash(str_from(a)),
			     side_text_hash(str_from(b)));
	/* One that says so in its own text isn't cut there. */
	snprintf(b, sizeof(b), head, '3', "\\\",\\\"priority\\\":\\\"P1", "7",
		 "1", "m-1");
	snprintf(a, sizeof(a), head, '3', "\\\",\\\"priority\\\":\\\"P2", "7",
		 "1", "m-1");
	assert_int_not_equal(side_text_hash(str_from(a)),
			     side_text_hash(str_from(b)));
	side_text_hash(STR_NONE);
	side_text_hash(STR("\\nDecided by: "));
	side_text_hash(STR("\",\"priority\":\"P"));
}

static void what_matters_most_comes_first_and_the_rest_is_counted(void **state)
{
	struct buf out = BUF_INIT(1 << 20);
	struct report report = { .diff = &diff, .events = 30, .rules = "x",
				 .limit = 3 };
	struct json *doc = NULL;
	struct err err;
	char name[16];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "alarm-%d", i);
		for (int k = 0; k <= i; k++) {
			event(before, name, ACTION_CREATE, 3);
			event(after, name, ACTION_IGNORE, 3);
			incident(before, i * 100 + k + 1, name, 3, k * 10 + 1,
				 k * 10 + 5);
		}
	}
	make();
	assert_int_equal(diff.row_count, 10);
	assert_true(str_is(diff.rows[0].alarm, "alarm-9"));
	assert_true(str_is(diff.rows[9].alarm, "alarm-0"));
	report_put_json(&out, &report);
	assert_int_equal(json_parse(&doc, buf_str(&out), 0, &err), 0);
	assert_int_equal(json_count(json_get(doc, "list")), 3);
	assert_int_equal(json_int(json_get(doc, "more"), 0), 7);
	assert_int_equal(json_int(json_at(doc, "changes", "fewer_incidents",
					  NULL), 0), 55);
	json_free(doc);
	buf_reset(&out);
	report_put_text(&out, &report);
	assert_true(str_find(buf_str(&out), STR("alarm-9")) > 0);
	assert_true(str_find(buf_str(&out), STR("alarm-6")) < 0);
	assert_true(str_find(buf_str(&out), STR("and 7 more")) > 0);
	buf_reset(&out);
	report_put_markdown(&out, &report);
	assert_true(str_find(buf_str(&out), STR("and 7 more")) > 0);
	buf_fini(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_same_differs_in_nothing),
		TEST(nothing_at_all_is_the_same),
		TEST(an_incident_less),
		TEST(an_incident_that_opens_later_is_the_same_one),
		TEST(an_incident_at_its_moment_is_taken_first),
		TEST(one_that_was_over_is_another_one),
		TEST(priorities_raises_and_ends),
		TEST(a_reopened_one_is_open_still),
		TEST(what_is_held_and_what_no_more),
		TEST(groups_cis_and_texts),
		TEST(a_teams_parent_is_a_row_of_its_own),
		TEST(the_text_that_is_compared),
		TEST(what_matters_most_comes_first_and_the_rest_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
