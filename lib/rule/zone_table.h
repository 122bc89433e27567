#ifndef RULE_ZONE_TABLE_H
#define RULE_ZONE_TABLE_H

#include "rule/zone.h"

/* What zone_read.c reads and zone.c asks. */

/* RFC 8536, 3.2: what an offset should be within. */
#define OFFSET_MIN (-25 * 3600 + 1)
#define OFFSET_MAX (26 * 3600 - 1)
/* No clock of ours is out of these years; it keeps all sums small. */
#define UTC_MIN (-(1LL << 36))
#define UTC_MAX (1LL << 38)

/* A day of each year, as POSIX's TZ has it. */
struct yearly {
	enum { YEARLY_WEEKDAY, YEARLY_JULIAN, YEARLY_DAY } kind;
	int month, week, day;
	int64_t time; /* of that day, may be outside of it */
};

struct zone {
	const int64_t *at;     /* moments at which the offset changes */
	const int64_t *offset; /* from that moment on */
	size_t count;
	int64_t first;	   /* before them all */
	bool rule, summer; /* behind them: a rule; with summer time */
	int64_t normal_offset, summer_offset;
	struct yearly begin, end; /* of summer time */
};

#endif
