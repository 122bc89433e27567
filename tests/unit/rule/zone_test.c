/* Time zones against what their clocks showed, and files that are none. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rule/zone.h"
#include "tests/unit/rule/help.h"

static const struct zone *zone_of(const char *name)
{
	struct err err = { "" };
	const struct zone *z = zone_load(help_arena(), str_from(name), &err);

	if (!z)
		fail_msg("%s: %s (is tzdata installed?)", name, err.text);
	return z;
}

static int64_t seconds(const char *text)
{
	int64_t ms;

	assert_int_equal(clock_parse(&ms, str_from(text)), 0);
	return ms / 1000;
}

/* The clock of zone shows local first, or next, at utc. */
static void assert_moment(const char *zone, const char *local, const char *utc)
{
	struct buf b = BUF_INIT(64);

	clock_put_seconds(&b,
			  zone_moment(zone_of(zone), seconds(local)) * 1000);
	buf_putc(&b, '\0');
	assert_string_equal(b.p, utc);
	buf_fini(&b);
}

static void test_offsets(void **state)
{
	static const struct {
		const char *zone, *utc;
		int minutes;
	} cases[] = {
		{ "UTC", "2026-07-01T00:00:00Z", 0 },
		{ "Europe/London", "2026-01-01T00:00:00Z", 0 },
		{ "Europe/London", "2026-03-29T00:59:59Z", 0 },
		{ "Europe/London", "2026-03-29T01:00:00Z", 60 },
		{ "Europe/London", "2026-10-25T00:59:59Z", 60 },
		{ "Europe/London", "2026-10-25T01:00:00Z", 0 },
		/* Behind all tables: the rule at the file's end. */
		{ "Europe/London", "2099-07-01T00:00:00Z", 60 },
		{ "America/New_York", "2026-03-08T06:59:59Z", -300 },
		{ "America/New_York", "2026-03-08T07:00:00Z", -240 },
		{ "America/New_York", "2026-11-01T05:59:59Z", -240 },
		{ "America/New_York", "2026-11-01T06:00:00Z", -300 },
		{ "Australia/Lord_Howe", "2026-04-04T14:59:59Z", 660 },
		{ "Australia/Lord_Howe", "2026-04-04T15:00:00Z", 630 },
		{ "Australia/Lord_Howe", "2026-10-03T15:29:59Z", 630 },
		{ "Australia/Lord_Howe", "2026-10-03T15:30:00Z", 660 },
		{ "Asia/Kolkata", "2026-01-01T00:00:00Z", 330 },
		/* Before the first entry, and no summer time any more. */
		{ "Asia/Tokyo", "2026-07-01T00:00:00Z", 540 },
		{ "Europe/Dublin", "2026-07-01T00:00:00Z", 60 },
		{ "Europe/Dublin", "2026-12-01T00:00:00Z", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t got = zone_offset(zone_of(cases[i].zone),
					  seconds(cases[i].utc));

		if (got != cases[i].minutes * 60)
			fail_msg("%s %s: %lld", cases[i].zone, cases[i].utc,
				 (long long)got);
	}
}

static void test_skipped_hours(void **state)
{
	(void)state;
	assert_moment("Europe/London", "2026-03-29T00:59:59Z",
		      "2026-03-29T00:59:59Z");
	assert_moment("Europe/London", "2026-03-29T01:00:00Z",
		      "2026-03-29T01:00:00Z");
	assert_moment("Europe/London", "2026-03-29T01:59:59Z",
		      "2026-03-29T01:00:00Z");
	assert_moment("Europe/London", "2026-03-29T02:00:00Z",
		      "2026-03-29T01:00:00Z");
	assert_moment("America/New_York", "2026-03-08T02:30:00Z",
		      "2026-03-08T07:00:00Z");
	assert_moment("America/New_York", "2026-03-08T03:00:00Z",
		      "2026-03-08T07:00:00Z");
	assert_moment("Australia/Lord_Howe", "2026-10-04T02:15:00Z",
		      "2026-10-03T15:30:00Z");
	assert_moment("Australia/Lord_Howe", "2026-10-04T02:30:00Z",
		      "2026-10-03T15:30:00Z");
	/* A whole day that a clock never showed. */
	assert_moment("Pacific/Apia", "2011-12-30T12:00:00Z",
		      "2011-12-30T10:00:00Z");
}

static void test_doubled_hours(void **state)
{
	(void)state;
	assert_moment("Europe/London", "2026-10-25T00:59:59Z",
		      "2026-10-24T23:59:59Z");
	assert_moment("Europe/London", "2026-10-25T01:30:00Z",
		      "2026-10-25T00:30:00Z");
	assert_moment("Europe/London", "2026-10-25T02:00:00Z",
		      "2026-10-25T02:00:00Z");
	assert_moment("America/New_York", "2026-11-01T01:00:00Z",
		      "2026-11-01T05:00:00Z");
	assert_moment("America/New_York", "2026-11-01T02:00:00Z",
		      "2026-11-01T07:00:00Z");
	assert_moment("Australia/Lord_Howe", "2026-04-05T01:45:00Z",
		      "2026-04-04T14:45:00Z");
	assert_moment("Australia/Lord_Howe", "2026-04-05T02:00:00Z",
		      "2026-04-04T15:30:00Z");
}

static void test_dates(void **state)
{
	struct zone_date d;

	(void)state;
	assert_int_equal(zone_days(1970, 1, 1), 0);
	assert_int_equal(zone_days(2026, 11, 21), 20778);
	assert_int_equal(zone_month_days(2024, 2), 29);
	assert_int_equal(zone_month_days(2100, 2), 28);
	assert_int_equal(zone_month_days(2026, 12), 31);
	for (int64_t n = -800000; n < 800000; n += 37) {
		d = zone_date(n);
		assert_int_equal(zone_days(d.year, d.month, d.day), n);
		assert_int_equal(d.weekday, ((n + 4) % 7 + 7) % 7);
	}
}

static void refused(const char *name, const char *words)
{
	struct err err = { "" };

	assert_null(zone_load(help_arena(), str_from(name), &err));
	if (!strstr(err.text, words))
		fail_msg("%s: %s", name, err.text);
}

static void test_names(void **state)
{
	(void)state;
	refused("Europe/Lodnon", "unknown time zone `Europe/Lodnon`, did you "
				 "mean `Europe/London`?");
	refused("", "unknown");
	refused("../etc/passwd", "unknown");
	refused("/etc/localtime", "unknown");
	refused("Europe", "unknown");
	refused("zone.tab", "unknown");
	refused("Europe/London\n", "unknown");
}

/* A file of version 2 that has no changes, and this rule at its end. */
static int read_rule(const struct zone **out, const char *rule)
{
	struct buf b = BUF_INIT(1000);
	struct err err = { "" };

	for (int i = 0; i < 2; i++) {
		buf_puts(&b, "TZif2");
		for (int k = 0; k < 15 + 16; k++)
			buf_putc(&b, '\0');
		buf_put(&b, "\0\0\0\1\0\0\0\4", 8);
		buf_put(&b, "\0\0\0\0\0\0UTC\0", 10);
	}
	buf_printf(&b, "\n%s\n", rule);
	*out = zone_read(help_arena(), buf_str(&b), &err);
	buf_fini(&b);
	assert_int_equal(*out == NULL, err.text[0] != '\0');
	return *out ? 0 : -EINVAL;
}

static void test_rules(void **state)
{
	static const char *const bad[] = {
		"X",
		"X5Y",
		"X5Y,M3.2.0",
		"X5Y,M13.2.0,M11.1.0",
		"X5Y,M3.0.0,M11.1.0",
		"X5Y,M3.2.7,M11.1.0",
		"X5Y,J0,J365",
		"X5Y,J366,J365",
		"X5Y,M3.2.0,M11.1.0x",
		"<X5Y,M3.2.0,M11.1.0",
		"X168",
		"X5:60",
		"X99Y,M3.2.0,M11.1.0",
		"X5Y,M3.2.0/168,M11.1.0",
		"5",
	};
	const struct zone *z;

	(void)state;
	assert_int_equal(read_rule(&z, ""), 0);
	assert_int_equal(zone_offset(z, 0), 0);
	assert_int_equal(read_rule(&z, "<-03>3"), 0);
	assert_int_equal(zone_offset(z, 1000000000), -3 * 3600);
	assert_int_equal(read_rule(&z, "X-1:30Y,J60/0,300/-1:00"), 0);
	assert_int_equal(zone_offset(z, seconds("2024-02-29T22:29:59Z")), 5400);
	assert_int_equal(zone_offset(z, seconds("2024-02-29T22:30:00Z")), 9000);
	/* All year summer time, as RFC 8536 writes it. */
	assert_int_equal(read_rule(&z, "X3Y4,0/0,J365/23"), 0);
	assert_int_equal(zone_offset(z, seconds("2026-01-01T02:59:59Z")),
			 -14400);
	assert_int_equal(zone_offset(z, seconds("2026-01-01T03:00:00Z")),
			 -14400);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (read_rule(&z, bad[i]) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
}

/* Every beginning of a good file, and every byte of it turned over. */
static void test_broken_files(void **state)
{
	struct buf b = BUF_INIT(100000);
	FILE *f = fopen("/usr/share/zoneinfo/Australia/Lord_Howe", "rb");
	struct err err;
	char *p;

	(void)state;
	if (!f)
		skip();
	b.n = fread(buf_room(&b, 50000), 1, 50000, f);
	fclose(f);
	p = malloc(b.n);
	assert_non_null(p);
	assert_non_null(zone_read(help_arena(), buf_str(&b), &err));
	for (size_t n = 0; n < b.n; n++) {
		char *cut = malloc(n + 1);

		assert_non_null(cut);
		memcpy(cut, b.p, n);
		assert_null(
			zone_read(help_arena(), (struct str){ cut, n }, &err));
		free(cut);
	}
	for (size_t i = 0; i < b.n; i++) {
		const struct zone *z;

		memcpy(p, b.p, b.n);
		p[i] = (char)~p[i];
		z = zone_read(help_arena(), (struct str){ p, b.n }, &err);
		if (z)
			zone_moment(z, seconds("2026-04-05T01:45:00Z"));
	}
	free(p);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_skipped_hours),
		cmocka_unit_test(test_doubled_hours),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_broken_files),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
