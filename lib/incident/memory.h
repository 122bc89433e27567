#ifndef INCIDENT_MEMORY_H
#define INCIDENT_MEMORY_H

#include "incident/handle.h"

/*
 * Incidents, members, tallies, timers and operations in memory, with a clock
 * that is moved by hand and a StackFlow that does at once what it is told: what
 * the tests of rules and replay run alarms through. Bounded by what is fed.
 */
struct memory;

/* What was done, in order. */
struct memory_action {
	enum action action;	/* create note resolve reopen raise */
	int64_t at_ms;
	int64_t incident;
	struct str text;	/* a note's; lives as long as memory */
	unsigned events;	/* that it tells of */
};

/* What has become of an event so far; what waits is decided again. because
 * isn't kept of a stream. */
struct memory_outcome {
	enum action action;
	struct str because;
	unsigned told;		/* by how many creates and notes: 1 at most */
};

struct memory *memory_new(int64_t now_ms);
void memory_free(struct memory *m);
const struct world *memory_world(struct memory *m);
/* For decisions: nothing but what is open here, and the silences set. changes
 * NULL: none. */
const struct hold_source *memory_holds(struct memory *m);
void memory_set_changes(struct memory *m,
			enum ci_answer (*change)(struct rule_change *out,
						 struct arena *arena,
						 struct str ci_id,
						 const struct str *states,
						 size_t state_count, void *arg),
			void *arg);
/* NULL: none. Takes a reference; what a silence held is looked at again. */
void memory_set_silences(struct memory *m, struct silences *silences);

/*
 * Hand an alarm in, as of now. *out (may be NULL) tells what was decided;
 * its strings live in arena. id must be unique; alarm is kept by reference
 * until memory goes, as timers decide it again.
 */
int memory_event(struct handling *out, struct memory *m,
		 const struct ruleset *rules, const struct ci_source *cis,
		 struct trace *trace, const struct alarm *alarm, struct str id,
		 struct arena *arena);
/* Move the clock to now_ms; everything due on the way happens at its moment. */
int memory_advance(struct memory *m, const struct ruleset *rules,
		   const struct ci_source *cis, int64_t now_ms);
/*
 * For a journal of any length, set before the first event. fetch: no alarm is
 * kept; that of the seq-th event handed in, from 1 on, is asked for when a timer
 * decides it again, and lives until the next call. tell: every action is told
 * as it is done, with its incident as it is then and, of a create, its JSON
 * fields; neither actions nor their texts are kept.
 */
struct memory_stream {
	int (*fetch)(const struct alarm **out, int64_t seq, void *arg);
	void (*tell)(const struct memory_action *a, const struct incident *i,
		     struct str fields, void *arg);
	/* The silences for this decision alone, freed after it, in place of
	 * those set; NULL: none. May itself be NULL. */
	struct silences *(*silences)(const struct alarm *a, void *arg);
	void *arg;
};
void memory_set_stream(struct memory *m, const struct memory_stream *s);

int64_t memory_now(const struct memory *m);
/* When something is due next; INT64_MAX: nothing. */
int64_t memory_next(const struct memory *m);

size_t memory_actions(const struct memory *m);
const struct memory_action *memory_action(const struct memory *m, size_t i);
/* The i-th event that was handed in, from 0. */
const struct memory_outcome *memory_outcome(const struct memory *m, size_t i);
size_t memory_incidents(const struct memory *m);
const struct incident *memory_incident(const struct memory *m, size_t i);
/* The create's JSON of the i-th incident, priority as it is now. */
struct str memory_incident_fields(const struct memory *m, size_t i);
/* What is known of an alarm, by subject; NULL: never seen. */
const struct member *memory_member(const struct memory *m, struct str subject);
/* The hold that a subject waits in, or that its open incident is under;
 * STR_NONE. */
struct str memory_held_by(const struct memory *m, struct str subject);
/* An incident that was there before; i's strings are copied. Its remote view
 * answers "acknowledged". */
int memory_add_incident(struct memory *m, const struct incident *i,
			const struct remote_view *view);

#endif
