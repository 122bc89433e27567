#ifndef AGENT_PAST_H
#define AGENT_PAST_H

#include "base/err.h"
#include "store/store.h"

/*
 * An event of the journal as a line: one JSON object with all that is needed
 * to decide it again. What `tocsin events --export` writes and `tocsin replay
 * --events` reads.
 */

/*
 * A run of events, oldest first, from one reader. The events of one message
 * share its payload, which only the first of them that is written carries.
 */
struct past_lines {
	struct store_reader *reader;
	int64_t after;		/* seq of the newest one that was written */
	int64_t since_ms;
	int64_t message;	/* whose payload was written last */
	bool whole;		/* a run of its own: its first line carries its
				   payload in any case */
	bool bare;		/* no line carries one */
};
/*
 * Append the lines of up to max further events, ending early where more than
 * bytes have gathered. How many (0: none are left), or negative.
 */
int past_put(struct buf *out, struct past_lines *p, size_t max, size_t bytes);

struct json;
struct past_line {
	struct past_event past;		/* borrows from the rest */
	char intake[16];
	struct json *json;
	struct buf world;
};
/* 0; -EINVAL, err says what is wrong; -ENOMEM. */
int past_read(struct past_line *out, struct str line,
	      struct err *err) MUST_CHECK;
void past_line_fini(struct past_line *l);

/* The sequence number that a line begins with; 0: it has none. */
int64_t past_seq(struct str line);

/* Does it tell of an alarm? Not subscriptions, nor what wasn't believed. */
bool past_is_alarm(const struct event *e);

/* What it came as, to be decoded again. Borrows from e. */
struct alarm_input past_input(const struct event *e);

#endif
