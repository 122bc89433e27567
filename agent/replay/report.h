#ifndef AGENT_REPLAY_REPORT_H
#define AGENT_REPLAY_REPORT_H

#include "agent/replay/diff.h"

/* What was replayed, for the reports' heads. */
struct report {
	const struct diff *diff;
	uint64_t events;		/* decided */
	uint64_t skipped;		/* hold no alarm, or have no payload left */
	uint64_t unknown;		/* questions of a change that nobody asked
					   when the event was decided */
	int64_t first_ms, last_ms;	/* received; 0: there was none */
	const char *rules;		/* the paths compared with today's */
	size_t limit;			/* rows shown */
	bool colour;
	/* An event by its place, for a row's example; STR_NONE. */
	struct str (*event_id)(size_t n, struct arena *arena, void *arg);
	void *arg;
};

void report_put_text(struct buf *out, const struct report *r);
void report_put_json(struct buf *out, const struct report *r);
/* Tables for a pull request. */
void report_put_markdown(struct buf *out, const struct report *r);

/* Both tables' rows, in words: report.c */
#define REPORT_COUNTS 10
struct report_count {
	const char *name;
	uint64_t before, after;
};
/* Those that are of interest: always incidents and notes. How many. */
size_t report_counts(struct report_count *out, const struct report *r);
/* "12 -> 10", "12" where it is the same, "" for none of both. */
void report_put_pair(struct buf *out, uint64_t before, uint64_t after);
/* "P3 -> P1 (4), 2 more" */
void report_put_priorities(struct buf *out, const struct change_counts *c);
/* What else differs: "3 open later, 2 with other text". */
void report_put_rest(struct buf *out, const struct change_counts *c);
/* "payments", "platform -> payments" */
void report_put_team(struct buf *out, const struct diff_row *row);
/* 1,204 */
void report_put_number(struct buf *out, uint64_t n);
/* "1,204 events from TIME to TIME, 3 without an alarm left out" */
void report_put_head(struct buf *out, const struct report *r);

#endif
