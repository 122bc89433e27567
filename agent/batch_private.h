#ifndef AGENT_BATCH_PRIVATE_H
#define AGENT_BATCH_PRIVATE_H

#include "agent/batch.h"
#include "base/map.h"

/*
 * batch.c knows what is there, batch_take.c takes over what was decided.
 */

/* Writes of one event at most: outcome, another's, incident, member, tally,
 * ops, one aside, a cancel; and one of the whole batch. */
#define WRITES_AN_EVENT (7 + CHANGE_OPS)
/* An incident, as this batch has made it. */
struct lane {
	struct incident *incident;	/* NULL: the key has none yet */
	bool written;			/* incident is among the writes */
	bool fresh;			/* opened by this batch */
	bool kept;			/* recalled by the next one */
	struct lane *next;		/* of those whose context is asked for,
					   or that are fresh */
	bool listed;
	struct op *tail;		/* newest unfinished op; NULL: none */
	bool tail_written;
	/* Members in ALARM: what the store counted, once that was asked, and
	 * what this batch makes of it. */
	bool counted;
	unsigned stored;
	int more;
};

struct known {
	struct member *member;	/* NULL: never seen */
	bool written;
	struct lane *lane;	/* of member->incident; NULL: none */
};

struct tallied {
	struct tally *tally;	/* NULL: nothing known */
	bool written;
};

struct batch {
	struct store_reader *reader;
	struct recall *recall;
	struct arena *arena;
	const struct keys *keys;
	struct world world;
	struct map *lanes;		/* by key: the latest incarnation */
	struct map *lanes_by_id;	/* by incident id, as bytes */
	struct map *members;		/* by subject */
	struct map *answers;		/* tallies, opened, behind: by question */
	struct lane *listed;
	struct store_write *writes;
	struct known **owners;		/* of WRITE_MEMBER, beside writes */
	size_t count, cap, events;
	unsigned holds_ended;
	bool look_again;
	/* of what was asked last */
	struct lane *lane;
	struct known *known;		/* NULL: of a timer */
	struct str subject;
};

/* The key of an incident in lanes_by_id. */
struct str batch_id_key(const int64_t *id);
/* What this batch wrote, for the next one; all else of it is out of date. Once
 * it is committed, while all that its events and alarms told is there yet. */
void batch_remember(struct batch *b);
int batch_tally(struct tallied **out, struct batch *b, struct str key);

#endif
