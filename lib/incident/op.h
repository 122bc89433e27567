#ifndef INCIDENT_OP_H
#define INCIDENT_OP_H

#include "base/str.h"

/* One write that tocsin owes somebody, from wish to recorded outcome. */
enum op_kind {		/* stored as numbers: new ones go last */
	OP_CREATE = 1,	/* POST /incidents */
	OP_NOTE,	/* POST /incidents/{id}/notes */
	OP_RESOLVE,	/* PATCH state resolved */
	OP_REOPEN,	/* PATCH state in_progress */
	OP_RAISE,	/* PATCH priority */
	OP_MERGE,	/* note and close a duplicate that a search found */
	OP_CONFIRM,	/* SNS ConfirmSubscription */
	OP_FALLBACK,	/* tell people that StackFlow can't be reached */
	OP_AUDIT,	/* search once more for a twin of a re-sent create; in
			   no lane, body: the incident's id, never backlog */
	OP_REJECTED,	/* a queue's message that may not be believed: dead
			   from birth; events: what keeps its bytes, target:
			   the queue */
	OP_ESCALATE,	/* GET /incidents/{id}; where nobody has acknowledged it
			   (or nobody asks): a raise and a note follow, which
			   its outcome commits. body: JSON {"unless":
			   "acknowledged", "raise_to": 1, "note": "..."} */
	OP_ENRICH,	/* ask StackFlow's AI about an incident that is open;
			   what its outcome commits follows. In no lane, never
			   backlog; body: see incident/enrich.h */
	OP_FILL,	/* PATCH of fields that no rule names, where they still
			   are as tocsin gave them. marker: JSON of those */
};

enum op_state {
	OP_READY = 1,
	OP_IN_FLIGHT,	/* committed before the first byte leaves */
	OP_IN_DOUBT,	/* may have been carried out: search, never guess */
	OP_DONE,
	OP_DEAD,	/* refused for good; kept with the answer */
};

struct op {
	int64_t id;		/* 0: not stored yet */
	int64_t incident;	/* its lane: one outstanding a lane; 0: none */
	enum op_kind kind;
	enum op_state state;
	int priority;		/* 1..4, of the incident when it was made */
	bool held;		/* a note that waits for its budget: not backlog */
	unsigned attempts;
	unsigned searches;	/* in vain, for a send that may have been
				   carried out; the next one is one again */
	int64_t created_ms;
	int64_t not_before_ms;	/* wall clock; clamped when loaded */
	int64_t sent_ms;	/* of the last send; 0: never */
	int64_t searched_ms;	/* of the last search that found nothing */
	int64_t doubt_ms;	/* when its last doubt began; 0: never */
	int64_t done_ms;	/* when it was DONE or DEAD; 0: isn't */
	struct str target;	/* remote id or URL where not the incident's */
	struct str body;	/* create/patch: JSON fields; note: its text */
	struct str events;	/* event ids it tells of, space-separated */
	unsigned count;		/* how many events */
	struct str marker;	/* create: correlation marker; note: "alarm"
				   where it tells of an ALARM, "person" where
				   somebody wrote it and "ai" where it quotes
				   StackFlow's AI: those are never added to;
				   raise: the priority before, "P3" */
	int status;		/* last answer's */
	struct str problem;	/* last answer's line */
};

/* not_before_ms of a note that waits for a change of state, not for a time. */
#define OP_NEVER_MS (INT64_MAX / 4)

#define NOTE_OF_PERSON "person"
#define NOTE_OF_AI "ai"

const char *op_kind_name(enum op_kind k);
const char *op_state_name(enum op_state s);

/* Is it a courtesy, whose refusal is no dead letter: what AI suggested? */
bool op_may_fail(const struct op *op);
/* Lower goes first: creates P1..P4, then patches, then notes. */
int op_rank(const struct op *op);

#endif
