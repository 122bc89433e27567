#include "help.h"

#include <time.h>

#define BASE "tocsin-aaaabbbbccccdddd"
#define OTHER "tocsin-zzzzyyyyxxxxwwww"

static void whole_marker_is_split(void **state)
{
	static const struct {
		const char *text;
		unsigned incarnation;
	} good[] = {
		{ BASE "-1", 1 }, { BASE "-42", 42 }, { BASE "-0", 0 },
		{ BASE "-4294967295", 4294967295u },
		/* Of a key that the hash made look odd. */
		{ "tocsin-----------------" "-7", 7 },
	};
	struct str base;
	unsigned n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct str whole = str_from(good[i].text);

		assert_true(incident_marker_split(whole, &base, &n));
		assert_int_equal(n, good[i].incarnation);
		assert_int_equal(base.n, sizeof(BASE) - 1);
		assert_true(base.p == whole.p);
	}
}

static void what_is_no_marker_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "tocsin-", BASE, BASE "-", BASE "-x", BASE "-1x",
		BASE "--1", BASE "-+1", BASE "- 1", BASE "-1 ", BASE "-1.0",
		BASE "-4294967296", BASE "-18446744073709551616",
		BASE "x-1", "Tocsin-aaaabbbbccccdddd-1",
		"xtocsin-aaaabbbbccccdddd-1", "tocsin-aaaabbbbccccddd-1",
	};
	struct str base = STR("kept");
	unsigned n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (incident_marker_split(str_from(bad[i]), &base, &n))
			fail_msg("taken: \"%s\"", bad[i]);
	assert_false(incident_marker_split(STR_NONE, &base, &n));
	assert_str(base, "kept");
	assert_int_equal(n, 99);
}

static void marker_is_made_and_read_back(void **state)
{
	static const unsigned incarnations[] = { 0, 1, 9, 10, 4294967295u };
	struct rig *r = *state;

	for (size_t i = 0; i < 5; i++) {
		struct str whole = incident_marker(r->arena, MARKER,
						   incarnations[i]);
		struct str base;
		unsigned n;

		assert_true(incident_marker_split(whole, &base, &n));
		assert_true(str_eq(base, MARKER));
		assert_int_equal(n, incarnations[i]);
	}
}

static void marker_is_found_on_a_line_of_its_own(void **state)
{
	static const struct {
		const char *text;
		bool there;
	} rows[] = {
		{ "tocsin-ref: " BASE "-3", true },
		{ "words\n\ntocsin-event: e1\ntocsin-ref: " BASE "-3", true },
		/* As a person's editor or StackFlow may leave it. */
		{ "words\r\n  tocsin-ref: " BASE "-3 \r\nmore\r\n", true },
		{ "tocsin-ref: " OTHER "-9\ntocsin-ref: " BASE "-3", true },
		{ "tocsin-ref: nonsense\ntocsin-ref: " BASE "-3\n", true },
		{ "see tocsin-ref: " BASE "-3", false },
		{ "tocsin-ref:" BASE "-3", false },
		{ "tocsin-ref: " BASE "-3 or so", false },
		{ "tocsin-ref: " BASE, false },
		{ "tocsin-ref: " BASE "e-3", false },
		{ "tocsin-ref: " OTHER "-3", false },
		{ "> tocsin-ref: " BASE "-3", false },
		{ BASE "-3", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned n = 77;

		if (incident_marker_in(str_from(rows[i].text), MARKER, &n) !=
		    rows[i].there)
			fail_msg("row %zu", i);
		assert_int_equal(n, rows[i].there ? 3 : 77);
	}
}

static void first_marker_is_found(void **state)
{
	struct str base = STR_NONE;
	unsigned n = 0;

	(void)state;
	assert_true(incident_marker_find(
		STR("a\ntocsin-ref: " BASE "-3\ntocsin-ref: " OTHER "-4"),
		&base, &n));
	assert_str(base, BASE);
	assert_int_equal(n, 3);
	assert_false(incident_marker_find(STR("a\nb\nc"), &base, &n));
	assert_false(incident_marker_find(STR_NONE, &base, &n));
}

/* An answer may hold megabytes of lines. */
static void long_texts_take_linear_time(void **state)
{
	size_t n = 4 << 20;
	char *big = malloc(n);
	clock_t start = clock();
	struct str base;
	unsigned k;

	(void)state;
	assert_non_null(big);
	memset(big, '\n', n);
	assert_false(incident_marker_find((struct str){ big, n }, &base, &k));
	memset(big, ' ', n);
	assert_false(incident_marker_find((struct str){ big, n }, &base, &k));
	for (size_t i = 0; i + 12 < n; i += 12)
		memcpy(big + i, "tocsin-ref: ", 12);
	assert_false(incident_marker_find((struct str){ big, n }, &base, &k));
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_marker_is_split),
		TEST(what_is_no_marker_is_refused),
		TEST(marker_is_made_and_read_back),
		TEST(marker_is_found_on_a_line_of_its_own),
		TEST(first_marker_is_found),
		TEST(long_texts_take_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
