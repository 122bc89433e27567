#ifndef RULE_WINDOW_H
#define RULE_WINDOW_H

#include "rule/loader.h"
#include "rule/zone.h"

/* Hours of some days: one text of `every`. */
struct recurrence {
	enum { DAYS_OF_WEEK, DAYS_OF_MONTH, NTH_WEEKDAY } kind;
	unsigned weekdays;	/* bit 0: Sunday */
	uint32_t numbers;	/* days 1..31, or which weekday of a month,
				   1..5; bit 0: the last */
	int begin, end;		/* seconds of the day; end <= begin: the next */
};

#define RECURRENCES_MAX 16

struct window {
	struct str name, owner;
	int line, column;
	bool used;		/* by a suppress entry */
	const struct zone *zone;
	struct str zone_name;
	struct recurrence every[RECURRENCES_MAX];
	size_t count;		/* 0: once, from begins_ms to ends_ms */
	int64_t begins_ms, ends_ms;
	int64_t until_ms;	/* nothing of it is later; 0: no end */
};

struct span {
	int64_t begins_ms, ends_ms;
};

/*
 * Is now inside? No time of the window counts for more than longest_ms from
 * its beginning. Of several that hold now, *out is the one that ends last.
 */
bool window_inside(const struct window *w, int64_t now_ms, int64_t longest_ms,
		   struct span *out);
/* The next to begin after now. */
bool window_next(const struct window *w, int64_t now_ms, struct span *out);

/* "Mon-Fri 22:00-06:00". -EINVAL, and err says why. */
int recurrence_parse(struct recurrence *out, struct str text, struct err *err);
/* "2026-12-24", with *day then set, or "2026-12-24T20:00[:00][Z|+01:00]". */
int window_moment(int64_t *out_ms, const struct zone *zone, struct str text,
		  bool *day);

extern const struct key window_keys[];
/* The map `windows` of a rule file. */
void load_windows(struct loader *l, const struct yaml *v, void *to);

#endif
