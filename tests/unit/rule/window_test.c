/* When windows are open, on plain days and on those that clocks change. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rule/window.h"
#include "tests/unit/rule/help.h"

#define HEAD "version: 1\nteam: t\nowners: [o]\n"

static int64_t moment(const char *text)
{
	int64_t ms;

	assert_int_equal(clock_parse(&ms, str_from(text)), 0);
	return ms;
}

/* "BEGIN END" or "BEGIN END in", of the window at now; "never". */
static const char *state_of(const struct ruleset *r, int64_t now_ms)
{
	struct buf b = BUF_INIT(200);
	struct rule_window w;
	const char *s;

	ruleset_window(r, 0, now_ms, &w);
	if (w.begins_ms) {
		clock_put_seconds(&b, w.begins_ms);
		buf_putc(&b, ' ');
		clock_put_seconds(&b, w.ends_ms);
		buf_puts(&b, w.inside ? " in" : "");
	} else {
		buf_puts(&b, "never");
	}
	s = arena_cstr(help_arena(), buf_str(&b));
	buf_fini(&b);
	return s;
}

struct window_case {
	const char *keys, *now, *want;
};

static void check_windows(const struct window_case *cases, size_t n)
{
	char text[500];

	for (size_t i = 0; i < n; i++) {
		struct ruleset *r;
		const char *got;

		snprintf(text, sizeof(text), HEAD "windows:\n  w: {%s}\n",
			 cases[i].keys);
		r = help_one(text);
		got = state_of(r, moment(cases[i].now));
		if (strcmp(got, cases[i].want))
			fail_msg("%s at %s: %s, not %s", cases[i].keys,
				 cases[i].now, got, cases[i].want);
		ruleset_free(r);
	}
}

#define CHECK_WINDOWS(cases)                                                   \
	check_windows(cases, sizeof(cases) / sizeof(*(cases)))

/* 2026-11-01 is a Sunday. */
static void test_days(void **state)
{
	static const struct window_case cases[] = {
		{ "every: Sun 02:00-05:00", "2026-11-01T01:59:59Z",
		  "2026-11-01T02:00:00Z 2026-11-01T05:00:00Z" },
		{ "every: Sun 02:00-05:00", "2026-11-01T02:00:00Z",
		  "2026-11-01T02:00:00Z 2026-11-01T05:00:00Z in" },
		{ "every: Sunday 02:00-05:00", "2026-11-01T04:59:59Z",
		  "2026-11-01T02:00:00Z 2026-11-01T05:00:00Z in" },
		{ "every: sun 02:00-05:00", "2026-11-01T05:00:00Z",
		  "2026-11-08T02:00:00Z 2026-11-08T05:00:00Z" },
		{ "every: daily 23:00-24:00", "2026-11-03T12:00:00Z",
		  "2026-11-03T23:00:00Z 2026-11-04T00:00:00Z" },
		{ "every: \"Mon,Wed-Fri 10:00-11:00\"", "2026-11-02T11:00:00Z",
		  "2026-11-04T10:00:00Z 2026-11-04T11:00:00Z" },
		{ "every: \"Sat, Sun 10:00-11:00\"", "2026-11-02T11:00:00Z",
		  "2026-11-07T10:00:00Z 2026-11-07T11:00:00Z" },
		/* A range may go over the week's end. */
		{ "every: Sat-Mon 10:00-11:00", "2026-11-02T10:30:00Z",
		  "2026-11-02T10:00:00Z 2026-11-02T11:00:00Z in" },
		/* Over midnight, and into the next month. */
		{ "every: Mon-Fri 22:00-06:00", "2026-10-31T05:59:59Z",
		  "2026-10-30T22:00:00Z 2026-10-31T06:00:00Z in" },
		{ "every: Mon-Fri 22:00-06:00", "2026-10-31T23:00:00Z",
		  "2026-11-02T22:00:00Z 2026-11-03T06:00:00Z" },
		/* A whole day, and one after the other. */
		{ "every: daily 00:00-24:00", "2026-11-01T12:00:00Z",
		  "2026-11-01T00:00:00Z 2026-11-02T00:00:00Z in" },
		/* Of several, the one that ends last; the next is the next. */
		{ "every: [Sun 02:00-05:00, Sun 03:00-04:00]",
		  "2026-11-01T03:30:00Z",
		  "2026-11-01T02:00:00Z 2026-11-01T05:00:00Z in" },
		{ "every: [Tue 01:00-02:00, Mon 01:00-02:00]",
		  "2026-11-01T00:00:00Z",
		  "2026-11-02T01:00:00Z 2026-11-02T02:00:00Z" },
	};

	(void)state;
	CHECK_WINDOWS(cases);
}

static void test_days_of_month(void **state)
{
	static const struct window_case cases[] = {
		{ "every: \"1,15 02:00-04:00\"", "2026-11-02T00:00:00Z",
		  "2026-11-15T02:00:00Z 2026-11-15T04:00:00Z" },
		{ "every: 1st-3rd 02:00-04:00", "2026-11-03T03:00:00Z",
		  "2026-11-03T02:00:00Z 2026-11-03T04:00:00Z in" },
		{ "every: 31 02:00-04:00", "2026-11-01T00:00:00Z",
		  "2026-12-31T02:00:00Z 2026-12-31T04:00:00Z" },
		{ "every: 30th day 02:00-04:00", "2027-01-31T00:00:00Z",
		  "2027-03-30T02:00:00Z 2027-03-30T04:00:00Z" },
		{ "every: last day 23:00-01:00", "2027-02-10T00:00:00Z",
		  "2027-02-28T23:00:00Z 2027-03-01T01:00:00Z" },
		{ "every: \"1,last days 23:00-23:30\"", "2028-02-10T00:00:00Z",
		  "2028-02-29T23:00:00Z 2028-02-29T23:30:00Z" },
		{ "every: 2nd Tue 20:00-23:00", "2026-11-01T00:00:00Z",
		  "2026-11-10T20:00:00Z 2026-11-10T23:00:00Z" },
		{ "every: \"1st,3rd Sat 20:00-23:00\"", "2026-11-08T00:00:00Z",
		  "2026-11-21T20:00:00Z 2026-11-21T23:00:00Z" },
		{ "every: last Fri 22:00-02:00", "2026-11-01T00:00:00Z",
		  "2026-11-27T22:00:00Z 2026-11-28T02:00:00Z" },
		/* The last of a month without a fifth, and with one. */
		{ "every: last Mon 01:00-02:00", "2026-11-24T00:00:00Z",
		  "2026-11-30T01:00:00Z 2026-11-30T02:00:00Z" },
		{ "every: 5th Mon 01:00-02:00", "2026-12-01T00:00:00Z",
		  "2027-03-29T01:00:00Z 2027-03-29T02:00:00Z" },
		{ "every: \"1 Mon-Fri 01:00-02:00\"", "2026-11-01T00:00:00Z",
		  "2026-11-02T01:00:00Z 2026-11-02T02:00:00Z" },
	};

	(void)state;
	CHECK_WINDOWS(cases);
}

#define LONDON ", tz: Europe/London"
#define YORK ", tz: America/New_York"
#define HOWE ", tz: Australia/Lord_Howe"

/* Clocks go forward: a start in the hour that is left out is the first moment
 * after it. */
static void test_skipped(void **state)
{
	static const struct window_case cases[] = {
		{ "every: daily 01:30-05:00" LONDON, "2026-03-29T00:59:59Z",
		  "2026-03-29T01:00:00Z 2026-03-29T04:00:00Z" },
		{ "every: daily 01:30-05:00" LONDON, "2026-03-29T01:00:00Z",
		  "2026-03-29T01:00:00Z 2026-03-29T04:00:00Z in" },
		{ "every: daily 00:30-01:30" LONDON, "2026-03-29T00:45:00Z",
		  "2026-03-29T00:30:00Z 2026-03-29T01:00:00Z in" },
		/* All of it is left out: there is none on that day. */
		{ "every: daily 01:10-01:50" LONDON, "2026-03-29T00:30:00Z",
		  "2026-03-30T00:10:00Z 2026-03-30T00:50:00Z" },
		/* Over the change, an hour shorter. */
		{ "every: Sat 22:00-06:00" LONDON, "2026-03-29T04:59:59Z",
		  "2026-03-28T22:00:00Z 2026-03-29T05:00:00Z in" },
		{ "every: Sun 02:30-04:00" YORK, "2026-03-08T06:30:00Z",
		  "2026-03-08T07:00:00Z 2026-03-08T08:00:00Z" },
		{ "every: Sun 02:30-04:00" YORK, "2026-03-08T07:00:00Z",
		  "2026-03-08T07:00:00Z 2026-03-08T08:00:00Z in" },
		{ "every: Sun 02:30-04:00" YORK, "2026-03-15T06:30:00Z",
		  "2026-03-15T06:30:00Z 2026-03-15T08:00:00Z in" },
		/* Half an hour only. */
		{ "every: Sun 02:10-04:00" HOWE, "2026-10-03T15:29:59Z",
		  "2026-10-03T15:30:00Z 2026-10-03T17:00:00Z" },
		{ "every: Sun 02:30-04:00" HOWE, "2026-10-03T15:30:00Z",
		  "2026-10-03T15:30:00Z 2026-10-03T17:00:00Z in" },
	};

	(void)state;
	CHECK_WINDOWS(cases);
}

/* Clocks go back: a start in the hour that comes twice is the first. */
static void test_doubled(void **state)
{
	static const struct window_case cases[] = {
		{ "every: daily 01:30-05:00" LONDON, "2026-10-25T00:29:59Z",
		  "2026-10-25T00:30:00Z 2026-10-25T05:00:00Z" },
		{ "every: daily 01:30-05:00" LONDON, "2026-10-25T01:30:00Z",
		  "2026-10-25T00:30:00Z 2026-10-25T05:00:00Z in" },
		/* It doesn't come again when the hour does. */
		{ "every: daily 01:10-01:50" LONDON, "2026-10-25T00:49:59Z",
		  "2026-10-25T00:10:00Z 2026-10-25T00:50:00Z in" },
		{ "every: daily 01:10-01:50" LONDON, "2026-10-25T01:30:00Z",
		  "2026-10-26T01:10:00Z 2026-10-26T01:50:00Z" },
		{ "every: Sat 22:00-06:00" LONDON, "2026-10-25T05:59:59Z",
		  "2026-10-24T21:00:00Z 2026-10-25T06:00:00Z in" },
		{ "every: Sun 01:30-04:00" YORK, "2026-11-01T05:29:59Z",
		  "2026-11-01T05:30:00Z 2026-11-01T09:00:00Z" },
		{ "every: Sun 01:30-04:00" YORK, "2026-11-01T06:45:00Z",
		  "2026-11-01T05:30:00Z 2026-11-01T09:00:00Z in" },
		{ "every: Sun 01:45-04:00" HOWE, "2026-04-04T14:44:59Z",
		  "2026-04-04T14:45:00Z 2026-04-04T17:30:00Z" },
		{ "every: Sun 02:00-04:00" HOWE, "2026-04-04T15:29:59Z",
		  "2026-04-04T15:30:00Z 2026-04-04T17:30:00Z" },
	};

	(void)state;
	CHECK_WINDOWS(cases);
}

static void test_once(void **state)
{
	static const struct window_case cases[] = {
		{ "from: 2026-12-24T20:00, to: 2026-12-25T06:00" LONDON,
		  "2026-12-24T19:59:59Z",
		  "2026-12-24T20:00:00Z 2026-12-25T06:00:00Z" },
		{ "from: 2026-07-01 20:00, to: 2026-07-01T22:00:30" LONDON,
		  "2026-07-01T19:00:00Z",
		  "2026-07-01T19:00:00Z 2026-07-01T21:00:30Z in" },
		{ "from: 2026-12-24T20:00, to: 2026-12-25T06:00",
		  "2026-12-25T06:00:00Z", "never" },
		/* Dates: from the first's beginning to the second's end. */
		{ "from: 2026-12-24, to: 2026-12-26" YORK,
		  "2026-12-27T04:59:59Z",
		  "2026-12-24T05:00:00Z 2026-12-27T05:00:00Z in" },
		/* With a zone of their own. */
		{ "from: \"2026-12-24T20:00Z\", to: "
		  "\"2026-12-24T23:00+01:00\"" YORK,
		  "2026-12-24T21:00:00Z",
		  "2026-12-24T20:00:00Z 2026-12-24T22:00:00Z in" },
		{ "from: 2026-03-29T01:30, to: 2026-03-29T03:00" LONDON,
		  "2026-03-29T00:30:00Z",
		  "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z" },
		{ "from: 2026-10-25T01:30, to: 2026-10-25T03:00" LONDON,
		  "2026-10-25T00:00:00Z",
		  "2026-10-25T00:30:00Z 2026-10-25T03:00:00Z" },
	};

	(void)state;
	CHECK_WINDOWS(cases);
}

static void test_until(void **state)
{
	static const struct window_case cases[] = {
		{ "every: daily 02:00-05:00, until: 2026-11-03",
		  "2026-11-03T03:00:00Z",
		  "2026-11-03T02:00:00Z 2026-11-03T05:00:00Z in" },
		{ "every: daily 02:00-05:00, until: 2026-11-03",
		  "2026-11-03T05:00:00Z", "never" },
		/* Nothing of it is later. */
		{ "every: daily 22:00-05:00, until: 2026-11-03" LONDON,
		  "2026-11-03T23:30:00Z",
		  "2026-11-03T22:00:00Z 2026-11-04T00:00:00Z in" },
		{ "every: daily 02:00-05:00, until: 2026-11-03T04:00",
		  "2026-11-03T03:00:00Z",
		  "2026-11-03T02:00:00Z 2026-11-03T04:00:00Z in" },
		{ "every: daily 02:00-05:00, until: 2026-11-03T02:00",
		  "2026-11-03T01:00:00Z", "never" },
	};

	(void)state;
	CHECK_WINDOWS(cases);
}

static void test_told(void **state)
{
	struct ruleset *r =
		help_one(HEAD "windows:\n  a: {every: daily 02:00-03:00}\n"
			      "  b: {every: Sun 02:00-05:00, until: 2027-03-31,"
			      " owner: dba, tz: Europe/London}\n"
			      "  c: {from: 2026-12-24, to: 2026-12-24}\n");
	struct rule_window w;

	(void)state;
	assert_int_equal(ruleset_windows(r), 3);
	ruleset_window(r, 1, moment("2026-11-02T00:00:00Z"), &w);
	assert_string_equal(w.file, "20-pay.yaml");
	assert_string_equal(w.team, "t");
	assert_string_equal(w.name, "b");
	assert_string_equal(w.owner, "dba");
	assert_int_equal(w.line, 6);
	assert_false(w.inside);
	assert_int_equal(w.begins_ms, moment("2026-11-08T02:00:00Z"));
	assert_int_equal(w.until_ms, moment("2027-03-31T23:00:00Z"));
	ruleset_window(r, 0, moment("2026-11-02T02:30:00Z"), &w);
	assert_true(w.inside);
	assert_null(w.owner);
	assert_int_equal(w.until_ms, 0);
	ruleset_window(r, 2, moment("2026-11-02T02:30:00Z"), &w);
	assert_int_equal(w.until_ms, moment("2026-12-25T00:00:00Z"));
	ruleset_free(r);
}

static void test_refused(void **state)
{
#define WINDOW(keys) HEAD "windows:\n  w: {" keys "}\n"
#define EVERY(text) WINDOW("every: " text), "5:14: error[bad-window]"
	static const struct fault_case cases[] = {
		{ HEAD "windows: []\n", "4:10: error[wrong-type]" },
		{ HEAD "windows:\n  w: x\n", "5:6: error[wrong-type]" },
		{ HEAD "windows:\n  \"a b\": {every: daily 01:00-02:00}\n",
		  "5:3: error[bad-value]: a name has" },
		{ WINDOW(""), "error[missing-key]: `every` is missing" },
		{ WINDOW("evry: daily 01:00-02:00"),
		  "5:7: error[unknown-key]: unknown key `evry`, did you mean "
		  "`every`?|error[missing-key]" },
		{ EVERY("Sun") },
		{ EVERY("02:00-05:00") },
		{ EVERY("\"\"") },
		{ EVERY("Sum 02:00-05:00") },
		{ EVERY("Sun 2:00-5:00") },
		{ EVERY("Sun 02:00-25:00") },
		{ EVERY("Sun 24:00-05:00") },
		{ EVERY("Sun 02:60-05:00") },
		{ EVERY("Sun 02:00") },
		{ EVERY("Sun 02:00-05:00 Mon 02:00-05:00") },
		{ EVERY("Sun 02:00-02:00") ": \"02:00-02:00\" begins when it "
					   "ends" },
		{ EVERY("32 02:00-05:00") },
		{ EVERY("0 02:00-05:00") },
		{ EVERY("7-3 02:00-05:00") },
		{ EVERY("last 02:00-05:00") },
		{ EVERY("6th Mon 02:00-05:00") },
		{ EVERY("2nd Tuse 02:00-05:00") },
		{ EVERY("daily Mon 02:00-05:00") },
		{ EVERY("\"* * * * *\"") },
		{ WINDOW("every: {a: b}"), "5:14: error[wrong-type]" },
		{ WINDOW("every: []"), "5:14: error[bad-window]" },
		{ WINDOW("every: [Sun 02:00-03:00, x]"),
		  "5:32: error[bad-window]" },
		{ WINDOW("every: Sun 02:00-05:00, from: 2026-01-01"),
		  "5:31: error[conflicting-keys]: `from` can't stand beside "
		  "`every`" },
		{ WINDOW("from: 2026-01-01"),
		  "error[missing-key]: `to` is missing" },
		{ WINDOW("to: 2026-01-01"),
		  "error[missing-key]: `from` is missing" },
		{ WINDOW("from: 2026-01-02, to: 2026-01-01"),
		  "5:29: error[bad-window]: `to` isn't after `from`" },
		{ WINDOW("from: 2026-01-01, to: 2026-01-02, until: "
			 "2026-01-03"),
		  "error[conflicting-keys]: `until` belongs to `every`" },
		{ WINDOW("from: 2026-02-29, to: 2026-03-01"),
		  "5:13: error[bad-window]: `from` takes a date or a time" },
		{ WINDOW("from: 2026-02-01T25:00, to: 2026-03-01"),
		  "5:13: error[bad-window]" },
		{ WINDOW("from: tomorrow, to: 2026-03-01"),
		  "5:13: error[bad-window]" },
		{ WINDOW("from: 2026-10-25T01:00.01Z, to: 2026-10-26"),
		  "5:13: error[bad-window]" },
		{ WINDOW("every: Sun 02:00-05:00, until: soon"),
		  "5:38: error[bad-window]: `until` takes" },
		{ WINDOW("every: Sun 02:00-05:00, tz: Europe/Lodnon"),
		  "5:35: error[unknown-zone]: unknown time zone "
		  "`Europe/Lodnon`, did you mean `Europe/London`?" },
		{ WINDOW("every: Sun 02:00-05:00, owner: [a]"),
		  "5:38: error[wrong-type]" },
	};

	(void)state;
	CHECK(cases);
}

/* Nothing hides behind a NUL. */
static void test_whole_text(void **state)
{
	static const char text[] = "2026-10-25T01:00Z\0x";
	const struct zone *z;
	struct err err = { "" };
	int64_t ms;
	bool day;

	(void)state;
	z = zone_load(help_arena(), STR("UTC"), &err);
	assert_non_null(z);
	assert_int_equal(window_moment(&ms, z, (struct str){ text, 17 }, &day),
			 0);
	assert_int_equal(window_moment(&ms, z,
				       (struct str){ text, sizeof(text) - 1 },
				       &day),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_text),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_days_of_month),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_until),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
