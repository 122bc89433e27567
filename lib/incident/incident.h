#ifndef INCIDENT_INCIDENT_H
#define INCIDENT_INCIDENT_H

#include "alarm/alarm.h"
#include "base/arena.h"
#include "incident/op.h"
#include "rule/verdict.h"

/*
 * The state machine of an incident. Pure: what is known, an alarm, a verdict
 * and a time go in, what is to be remembered and done comes out.
 */
enum incident_state {
	INCIDENT_OPEN = 1,
	INCIDENT_RESOLVED,	/* by us, on OK */
	INCIDENT_CLOSED,	/* by a person, in StackFlow or here */
	INCIDENT_FAILED,	/* StackFlow refused the create for good */
};

/* One incarnation of a dedup key. */
struct incident {
	int64_t id;		/* 0: not stored yet */
	struct str key;
	unsigned incarnation;	/* from 1 */
	unsigned version;	/* of the stored row; store_write checks it */
	enum incident_state state;
	struct str remote;	/* StackFlow's id; empty until created */
	struct str previous;	/* remote id of the incarnation before; or empty */
	int priority;		/* highest ever of this incarnation */
	enum severity severity;
	struct str team, policy, where;
	struct str short_description, assignment_group, ci_id;
	struct str account, region, alarm;	/* of the first event */
	int64_t opened_ms, changed_ms, resolved_ms;
	uint64_t events;	/* taken in, the first included */
	unsigned notes;		/* queued or sent */
	int64_t note_after_ms;	/* when the budget allows the next repeat note */
	/* The policy as it was when opened; a reload doesn't change it. */
	int64_t reopen_within_ms, notes_every_ms;
	unsigned notes_max;
	enum still_firing still_firing;

	/* Timers; 0: none. due_ms is the earliest of them, kept by apply; all
	 * are 0 once it is resolved, and of no meaning where it is closed. */
	int64_t due_ms;
	int64_t resolve_ms;	/* every alarm is OK; resolve if so still then */
	int64_t escalate_ms;	/* the next entry of escalations */
	struct str escalations;	/* those to come, a line each: milliseconds
				   after the one before, a blank, the body of
				   its OP_ESCALATE; the first at escalate_ms */
	int64_t held_ms;	/* until then notes are counted, not sent */
	struct str held_by;	/* the hold's id */
	int64_t group_ms;	/* takes new alarms until then; 0: is no group */
	bool parent;		/* a team's, beyond its limit */
	int64_t event;		/* seq of its newest ALARM event: what timers
				   decide again */
	struct str context;	/* verdict.context, of its first alarm */
};

/* What an alarm waits for, that has no incident yet though it is in ALARM. */
enum wait { WAIT_NONE, WAIT_OPEN_AFTER, WAIT_HOLD };
const char *wait_name(enum wait w);	/* "open_after", "hold" */

/* What is known of one alarm, whether an incident is open or not. */
struct member {
	int64_t id;		/* 0: not stored yet */
	struct str subject;	/* alarm_subject() */
	int64_t incident;	/* of its last ALARM; 0: none */
	enum alarm_state state;
	int64_t changed_ms;	/* its newest state's own time */
	/* While it waits: */
	enum wait wait;
	int64_t due_ms;		/* decided again then; 0: waits for nothing */
	int64_t since_ms;	/* when it went into ALARM: open_after's start */
	int64_t event;		/* seq of the event that is decided then */
	struct str held_by;	/* the hold's id, WAIT_HOLD */
	struct str held_about;	/* that for people: its change, its window */
};

/*
 * Held by CloudWatch's own suppression or mute rule: due_ms is the next look,
 * and what ends it is a message of CloudWatch's, or its answer when asked.
 */
bool member_held_outside(const struct member *m);

/* The newest moments of a key, for open_when and flap; oldest first. */
struct tally {
	int64_t id;		/* 0: not stored yet */
	struct str key;
	unsigned alarm_count, flip_count;
	int64_t alarms[COUNT_WITHIN_MAX];	/* ALARM events */
	int64_t flips[COUNT_WITHIN_MAX];	/* changes of state */
};

/* What triage found in the store before it asks. */
struct situation {
	const struct incident *incident;	/* latest of the key; or NULL */
	const struct member *member;		/* or NULL */
	unsigned others_firing;		/* other members of incident in ALARM */
	const struct op *tail_note;	/* newest READY repeat note of the lane */
	const struct op *tail_resolve;	/* READY resolve, newest op of the lane */
	const struct tally *tally;	/* of the key; NULL: none, or not asked
					   (verdict has no open_when, no flap) */
};

enum action { ACTION_CREATE = 1, ACTION_NOTE, ACTION_RESOLVE, ACTION_REOPEN,
	      ACTION_RAISE, ACTION_HOLD, ACTION_IGNORE, ACTION_CATCH_ALL };

const char *action_name(enum action a);

#define CHANGE_OPS 6

struct change {
	enum action action;
	const char *because;		/* a static or arena line for people */
	bool incident_changed, member_changed;
	struct incident incident;	/* id 0: insert */
	struct member member;
	/* The member belongs to `incident` now: member.incident is its id, or
	 * takes it once that is known. False: as member.incident says. */
	bool joins;
	struct op ops[CHANGE_OPS];
	size_t op_count;
	int merged;	/* which of ops replaces situation.tail_note; -1: all new */
	bool cancel_resolve;	/* situation.tail_resolve is no more wanted */
	bool tally_changed;
	struct tally tally;	/* its key need not be the incident's */
	/* Owed in no lane, and by nothing waited for; NULL: nothing. */
	struct op *aside;
	/* The outcome of situation.member->event, which waited, is now this;
	 * NULL: as it was. It isn't the event that is handled. */
	const char *settled;
	enum action settled_action;
};

/* Why incident_apply() is asked. */
enum occasion {
	ON_EVENT,	/* a new event */
	ON_WAIT,	/* the member's due_ms passed: alarm is the event's that
			   waited */
	ON_TIMER,	/* the incident's due_ms passed: alarm is that of
			   incident.event, or NULL where its bytes are gone;
			   member is NULL. due_ms is later afterwards, or 0, or
			   something was done, and it may be due once more */
};

/*
 * e->id names the event in notes. marker: the correlation marker without
 * incarnation ("tocsin-xxxxxxxxxxxxxxxx"). Strings of the change live in
 * arena or are borrowed from the arguments. 0 or -ENOMEM.
 */
struct handled_event {
	enum occasion on;
	const struct alarm *alarm;
	struct str id;		/* public; of a timer: of the event it decides */
	int64_t seq;
	int64_t incident;	/* ON_TIMER: whose; else 0 */
};
int incident_apply(struct change *out, struct arena *arena,
		   const struct situation *s, const struct handled_event *e,
		   const struct verdict *verdict, struct str marker,
		   int64_t now_ms);

/*
 * What a person did meanwhile, seen by deliver in GET /incidents/{id} before
 * a write: state and priority as StackFlow tells them.
 */
struct remote_view {
	struct str state;		/* new in_progress resolved closed */
	struct str assigned_to;
	int priority;			/* 0: unreadable */
	struct str category, subcategory, assignment_group;
};

enum send {
	SEND_IT,		/* go on as planned */
	SEND_NOT_NEEDED,	/* already so, or a person's edit stands: done */
	SEND_SUCCESSOR,		/* closed by a person: open a new incarnation
				   with this op's events */
	SEND_REOPEN_FIRST,	/* resolved by a person, policy says reopen */
};

/* Somebody has taken it: state other than new, or assigned. An unreadable
 * view is none. */
bool incident_acknowledged(const struct remote_view *view);

/* Should op still be sent, now that the incident looks like view? */
enum send incident_before_send(const struct incident *i, const struct op *op,
			       const struct remote_view *view);

/*
 * The incarnation after old, which a person closed: out->incident, and in
 * out->ops[0] its create, which tells of op's events and names old.
 */
int incident_succeed(struct change *out, struct arena *arena,
		     const struct incident *old, const struct op *op,
		     const struct remote_view *view, struct str marker,
		     int64_t now_ms);

/*
 * What an OP_ESCALATE leads to: in out->ops a raise and a note, or less, and
 * out->incident with its priority. view NULL: unreadable. op_count 0: somebody
 * has acknowledged it, or it is no more open; out->because says so. A held
 * note at the lane's end must be let go with them, or it keeps them back.
 */
int incident_escalate(struct change *out, struct arena *arena,
		      const struct incident *i, const struct op *op,
		      const struct remote_view *view, int64_t now_ms);

/*
 * What a person does here rather than in StackFlow: a note, and where asked
 * for the end of an incident that is open. It is closed by a person then, and
 * goes by closed_by_person. In out: the incident, and in out->ops what is owed
 * behind all else of its lane; a held note at the lane's end must be let go
 * with them. 0 or -ENOMEM.
 */
struct said {
	struct str id;		/* by which the note is found again */
	struct str text;	/* or empty */
	struct str who;
	bool resolve;
	bool firing;		/* any of its alarms is in ALARM */
};
int incident_say(struct change *out, struct arena *arena,
		 const struct incident *i, const struct said *said,
		 int64_t now_ms);

/* Does a context (incident.context) hold all of same? */
bool incident_context_has(struct str context, const struct field *same,
			  size_t count);

/* The whole marker in arena: base, a dash, the incarnation. */
struct str incident_marker(struct arena *arena, struct str base,
			   unsigned incarnation);

/*
 * A note as it is sent: the op's text, then a line with its event ids, by
 * which a note in doubt is found again.
 */
void incident_put_note(struct buf *out, const struct op *op);

/*
 * "tocsin-" and 16 characters of base32(HMAC-SHA256(install key, dedup key)).
 * With "-" and the incarnation it is the whole marker.
 */
#define MARKER_PREFIX "tocsin-"

/* Does text (a description) hold a line "tocsin-ref: MARKER" whose part before
 * the last dash equals marker's exactly? *incarnation: what stands after. */
bool incident_marker_in(struct str text, struct str marker,
			unsigned *incarnation);
/* The first marker of text, without and with its incarnation. */
bool incident_marker_find(struct str text, struct str *base,
			  unsigned *incarnation);
/* "tocsin-xxxx-3" cut at its last dash. */
bool incident_marker_split(struct str whole, struct str *base,
			   unsigned *incarnation);

#endif
