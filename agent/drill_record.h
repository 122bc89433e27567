#ifndef AGENT_DRILL_RECORD_H
#define AGENT_DRILL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A drill from its beginning to its end, as the store keeps it: the alarm that
 * is published, where it was seen on its way, the OK behind it. Pure.
 */
enum drill_hop {
	HOP_PUBLISHED,	/* SNS has taken the alarm */
	HOP_RECEIVED,	/* its message is here */
	HOP_JOURNALED,	/* and on disk */
	HOP_DECIDED,	/* the rules said what becomes of it */
	HOP_INCIDENT,	/* StackFlow has the incident */
	HOP_RESOLVED,	/* and its end, which the OK told on the same way */
	HOPS
};
const char *drill_hop_name(enum drill_hop hop);

enum drill_state { DRILL_NONE, DRILL_UNDER_WAY, DRILL_CAME, DRILL_LATE };
const char *drill_state_name(enum drill_state s);

#define DRILL_ID 16
#define DRILL_TOPIC 320

struct drill_record {
	enum drill_state state;
	char id[DRILL_ID];
	char topic[DRILL_TOPIC];	/* ARN */
	int64_t started_ms;		/* and the alarm's own time */
	int64_t within_ms;
	int64_t ok_ms;			/* the OK's own time; 0: not tried yet */
	bool ok_sent;			/* SNS has taken it */
	int64_t at[HOPS];		/* 0: not reached */
	char incident[64];		/* StackFlow's id; or "" */
	char problem[320];		/* what was said last; or "" */
};

void drill_begin(struct drill_record *r, struct str id, struct str topic,
		 int64_t now_ms, int64_t within_ms);

/* The first hop that isn't reached; HOPS: all are. */
enum drill_hop drill_next(const struct drill_record *r);
/* How long a hop took, from the one before; -1: not reached. */
int64_t drill_hop_ms(const struct drill_record *r, enum drill_hop hop);
/* From the start to the last hop that was reached. */
int64_t drill_took_ms(const struct drill_record *r);
/*
 * Is it over at this moment? Then its state says how: come through in time, or
 * late, whether it is missing yet or came too late.
 */
bool drill_judge(struct drill_record *r, int64_t now_ms);
/* "nothing was received within 2m", for people. */
struct buf;
void drill_put_why(struct buf *out, const struct drill_record *r);

struct jsonw;
struct json;
/* As people get it: an object. */
void drill_put_record(struct jsonw *w, const struct drill_record *r);
/* The same from it: false where it is none. */
bool drill_read_record(struct drill_record *out, const struct json *v);

#endif
