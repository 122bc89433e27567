#ifndef AGENT_REPLAY_SIDE_H
#define AGENT_REPLAY_SIDE_H

#include "incident/memory.h"

/*
 * What one rule set made of a run of events: by alarm, which is account, region
 * and name, its incidents with their times and the rest in counts.
 */
struct opening {
	int64_t opened_ms, ended_ms;	/* ended: 0 while it is open */
	int priority;			/* the highest it came to */
	/* Of what StackFlow is told: group and CI, and all the rest without
	 * what names places of rules, events and markers. */
	uint64_t group, ci, text;
};

struct counts {
	uint64_t incidents, by_priority[5], resolved, reopened, raised, notes,
		held;			/* events that a hold kept back */
};

struct side_alarm {
	struct str account, region, alarm;	/* a team's parent incident: all
						   but alarm are empty */
	struct str team;		/* of its newest decision */
	struct opening *openings;	/* by the time they were opened */
	size_t opening_count, opening_cap;
	struct counts counts;
};

/* What was decided of one event. */
struct decided {
	uint32_t alarm;			/* its place; see side_alarm_at() */
	uint8_t action, priority;
	uint32_t team, hold;		/* hashes; 0: none */
};

struct side;

struct side *side_new(void);		/* NULL: out of memory */
void side_free(struct side *s);

/* The next event, in order; what a rule set can't be asked of is skipped on
 * both sides. 0 or -ENOMEM. */
int side_event(struct side *s, const struct alarm *a,
	       const struct handling *h);
/* As memory_stream's; a failure sticks. */
void side_tell(struct side *s, const struct memory_action *a,
	       const struct incident *i, struct str fields);
int side_error(const struct side *s);

size_t side_alarms(const struct side *s);
const struct side_alarm *side_alarm_at(const struct side *s, size_t i);
const struct side_alarm *side_alarm_of(const struct side *s,
				       const struct side_alarm *same);
size_t side_events(const struct side *s);
const struct decided *side_decided(const struct side *s, size_t i);

/* What text of a create is compared. */
uint64_t side_text_hash(struct str fields);

#endif
