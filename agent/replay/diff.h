#ifndef AGENT_REPLAY_DIFF_H
#define AGENT_REPLAY_DIFF_H

#include "agent/replay/side.h"

/*
 * Two sides of the same events against each other. Incidents of an alarm are
 * the same where they were opened at the same moment, else where their times
 * overlap; what is left over is more or fewer.
 */
struct change_counts {
	uint64_t more, fewer;		/* incidents */
	uint64_t later, earlier;	/* opened at another moment */
	uint64_t ended;			/* resolved at another one */
	uint64_t priority[5][5];	/* of the same incidents, from and to */
	uint64_t group, ci, text;	/* each counted at the first that
					   differs */
	uint64_t newly_held, no_longer_held;	/* events */
	uint64_t decisions;		/* events that are decided otherwise in
					   action, priority, team or hold */
};

struct diff_row {
	struct str account, region, alarm;
	struct str team_before, team_after;
	struct counts before, after;
	struct change_counts change;
	size_t first;		/* event whose decision differs first, + 1; 0:
				   none does */
};

struct diff {
	struct diff_row *rows;	/* alarms that differ, what matters first */
	size_t row_count;
	size_t alarms;		/* that the events are of */
	struct counts before, after;
	struct change_counts change;
};

/* Both sides were given the same events, and outlive the result. -ENOMEM. */
int diff_make(struct diff *out, const struct side *before,
	      const struct side *after);
void diff_fini(struct diff *d);

static inline bool diff_any(const struct diff *d)
{
	return d->row_count > 0;
}

/* How many incidents changed their priority. */
uint64_t diff_priorities(const struct change_counts *c);

#endif
