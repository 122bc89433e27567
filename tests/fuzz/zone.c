/*
 * Before the first newline a text of `every` or a moment, behind it a file of
 * a time zone: where its clock shows a time, and a window that goes by it.
 */
#include <stdlib.h>

#include "rule/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 2026-10-25, and days around it. */
#define DAY 86400
#define FROM (20751LL * DAY)

static void check_moment(const struct zone *z, int64_t local)
{
	int64_t m = zone_moment(z, local), shown = m + zone_offset(z, m);

	if (shown < local)
		abort();
	/* Later than asked for: only right behind a gap. */
	if (shown > local && m - 1 + zone_offset(z, m - 1) >= local)
		abort();
}

static void check_window(const struct zone *z, const struct recurrence *r)
{
	struct window w = { .zone = z, .count = 1 };
	struct span s;

	w.every[0] = *r;
	for (int64_t t = FROM * 1000; t < (FROM + DAY) * 1000; t += 3000000) {
		if (window_inside(&w, t, 7200000, &s) &&
		    (t < s.begins_ms || t >= s.ends_ms ||
		     s.ends_ms - s.begins_ms > 7200000))
			abort();
		if (window_next(&w, t, &s) &&
		    (t >= s.begins_ms || s.begins_ms >= s.ends_ms))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, text;
	struct arena *arena = arena_new(64 << 20);
	struct err err = { "" };
	const struct zone *z;
	struct recurrence r;
	int64_t ms;
	bool day;

	if (!str_cut(&rest, '\n', &text))
		text = rest = STR("");
	z = zone_read(arena, rest, &err);
	if (!z)
		z = zone_load(arena, STR("UTC"), &err);
	if (!z)
		abort();
	for (int64_t t = FROM; t < FROM + DAY; t += 1811)
		check_moment(z, t);
	if (recurrence_parse(&r, text, &err) == 0)
		check_window(z, &r);
	if (window_moment(&ms, z, text, &day) == 0 && ms % 1000)
		abort();
	arena_free(arena);
	return 0;
}
