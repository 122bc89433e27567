#ifndef RULE_ZONE_H
#define RULE_ZONE_H

#include "base/arena.h"
#include "base/err.h"

/*
 * A time zone, read once from its TZif file (RFC 8536) with the rule at its
 * end, and asked without locks, files or the C library's own idea of it. All
 * times are seconds; a local time is what a clock on the wall shows, counted
 * as if it were UTC.
 */
struct zone;

/*
 * "Europe/London", in $TZDIR or /usr/share/zoneinfo; "UTC" needs no file. In
 * arena. NULL: err says why, with a name that was perhaps meant.
 */
const struct zone *zone_load(struct arena *arena, struct str name,
			     struct err *err);
/* The same from a file's bytes. */
const struct zone *zone_read(struct arena *arena, struct str tzif,
			     struct err *err);

/* What the clock on the wall is ahead of UTC at a moment. */
int64_t zone_offset(const struct zone *z, int64_t utc);
/*
 * When a clock on the wall shows local: where it does so twice, the first
 * time; where it never does, the first moment after the gap.
 */
int64_t zone_moment(const struct zone *z, int64_t local);

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. */
struct zone_date {
	int year, month, day;	/* 1..12, 1..31 */
	int weekday;		/* 0: Sunday */
};
int64_t zone_days(int year, int month, int day);
struct zone_date zone_date(int64_t days);
int zone_month_days(int year, int month);

#endif
