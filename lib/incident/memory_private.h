#ifndef INCIDENT_MEMORY_PRIVATE_H
#define INCIDENT_MEMORY_PRIVATE_H

#include "base/map.h"
#include "incident/memory.h"

struct kept_event {
	const struct alarm *alarm;
	struct str id;
	struct memory_outcome outcome;
};

struct kept_member {
	struct member m;
	size_t index;
};

struct kept_incident {
	struct incident i;
	size_t index;
	struct remote_view view;
	char *fields;		/* the create's JSON; its priority is changed */
	size_t fields_n;
	struct op note;		/* that waits; its strings are malloc'd */
	bool waiting;
	unsigned firing;	/* members in ALARM */
	struct kept_incident *next_open, **at_open;
};

enum due_kind { DUE_NOTE, DUE_INCIDENT, DUE_MEMBER };

struct due {
	int64_t at_ms;
	uint64_t order;
	enum due_kind kind;
	size_t index;
};

struct memory {
	struct arena *arena;	/* what lasts */
	struct arena *scratch;	/* of one step */
	int64_t now_ms;
	struct world world;
	struct hold_source holds;
	enum ci_answer (*change)(struct rule_change *out, struct arena *arena,
				 struct str ci_id, const struct str *states,
				 size_t state_count, void *arg);
	void *change_arg;
	struct silences *silences;
	struct memory_stream stream;	/* all NULL: everything is kept */

	struct kept_event *events;	/* seq - 1 */
	size_t event_count, event_cap;
	struct kept_member **members;
	size_t member_count, member_cap, holding;
	struct kept_incident **incidents;	/* id - 1 */
	size_t incident_count, incident_cap;
	struct kept_incident *open;
	struct memory_action *actions;
	size_t action_count, action_cap;
	struct map *by_subject, *by_key, *tallies;

	struct due *heap;
	size_t heap_count, heap_cap;
	uint64_t order;

	/* Of the situation that was asked last. */
	struct kept_incident *at;
	struct kept_member *member;
	struct str subject;
};

/* memory.c: out is one element longer, or -ENOMEM. */
int memory_grow(void *list, size_t *cap, size_t count, size_t size);
struct kept_incident *memory_put_incident(struct memory *m,
					  const struct incident *i);
struct str memory_keep(struct memory *m, struct str old, struct str fresh);
int memory_act(struct memory *m, enum action action, int64_t incident,
	       struct str text, unsigned events);

/* memory_due.c */
int memory_schedule(struct memory *m, enum due_kind kind, size_t index,
		    int64_t at_ms);
/* The next that is still so; false: none. */
bool memory_due(struct due *out, struct memory *m);
void memory_due_drop(struct memory *m);

/* memory_take.c */
int memory_take(struct memory *m, const struct ruleset *rules,
		const struct change *c, const struct handled_event *e);
/* The note that waits goes. */
int memory_send_note(struct memory *m, struct kept_incident *k);
/* Whatever a hold keeps waiting is decided again now. */
int memory_look_again(struct memory *m);

/* memory_world.c */
void memory_world_init(struct memory *m);

#endif
