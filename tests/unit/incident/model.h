#ifndef UNIT_INCIDENT_MODEL_H
#define UNIT_INCIDENT_MODEL_H

#include "help.h"

/*
 * What stands around lib/incident, made as small as it can be: a store that
 * keeps incidents, members and operations, a deliverer that carries them out
 * in their order, and a StackFlow in which people close and edit.
 */
#define KEYS 3
#define ALARMS 7
#define INCIDENTS_MAX 400
#define OPS_MAX 4000
#define EVENTS_MAX 1000

struct ticket {			/* StackFlow's side of an incident */
	bool there, reopened;
	const char *state;
	int priority;
	unsigned told;
};

struct world {
	uint64_t seed, random;
	struct arena *arena;
	int64_t now_ms;
	struct incident incidents[INCIDENTS_MAX];	/* id - 1 */
	struct ticket tickets[INCIDENTS_MAX];		/* beside them */
	size_t incident_count;
	struct op ops[OPS_MAX];				/* id - 1 */
	int64_t lane_pos[OPS_MAX];
	size_t op_count;
	struct member members[ALARMS];
	size_t event_count;
	unsigned char owners[EVENTS_MAX];	/* ops that tell of it */
	unsigned char told[EVENTS_MAX];		/* in StackFlow */
	struct verdict policy[KEYS];
	struct tally tallies[KEYS];	/* key none: not there yet */
};

static inline uint64_t below(struct world *w, uint64_t n)
{
	/* splitmix64 (Vigna): a seed says it all. */
	uint64_t z = w->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % n;
}

static inline bool chance(struct world *w, unsigned percent)
{
	return below(w, 100) < percent;
}

#define check(w, cond)                                                   \
	do {                                                             \
		if (!(cond))                                             \
			fail_msg("seed %llu, event %zu: %s",             \
				 (unsigned long long)(w)->seed,          \
				 (w)->event_count, #cond);               \
	} while (0)

/* ---- the store ---- */

static inline struct incident *incident_at(struct world *w, int64_t id)
{
	return id ? &w->incidents[id - 1] : NULL;
}

static inline struct incident *latest(struct world *w, struct str key)
{
	struct incident *found = NULL;

	for (size_t i = 0; i < w->incident_count; i++)
		if (str_eq(w->incidents[i].key, key))
			found = &w->incidents[i];
	return found;
}

static inline bool unfinished(const struct op *op)
{
	return op->state == OP_READY ||
	       (op->state == OP_DEAD && op->kind == OP_CREATE);
}

/* The newest or oldest op of a lane that isn't done. */
static inline struct op *lane_end(struct world *w, int64_t incident,
				  bool newest)
{
	struct op *found = NULL;

	for (size_t i = 0; i < w->op_count; i++) {
		struct op *op = &w->ops[i];

		if (op->incident != incident || !unfinished(op))
			continue;
		if (!found || (w->lane_pos[i] > w->lane_pos[found - w->ops]) ==
				      newest)
			found = op;
	}
	return found;
}

static inline unsigned firing_in(struct world *w, int64_t incident,
				 const struct member *except)
{
	unsigned n = 0;

	for (size_t i = 0; i < ALARMS; i++)
		n += &w->members[i] != except &&
		     w->members[i].incident == incident &&
		     w->members[i].state == ALARM_FIRING;
	return n;
}

/* Each event of a space-separated list. */
static inline void count_events(struct world *w, struct str list,
				unsigned char *counts)
{
	struct str id;
	uint64_t n;

	while (str_cut(&list, ' ', &id)) {
		/* By this word an escalation's note is found again. */
		if (str_starts(id, "escalation-"))
			continue;
		check(w, id.n == 8 && id.p[0] == 'e');
		check(w, !str_to_u64(&n, str_sub(id, 1, 7)));
		check(w, n < w->event_count);
		counts[n]++;
	}
}

static inline struct op *put_op(struct world *w, const struct op *op,
				int64_t incident)
{
	struct op *to = &w->ops[w->op_count];

	check(w, w->op_count < OPS_MAX);
	*to = *op;
	to->id = (int64_t)++w->op_count;
	if (!to->incident)
		to->incident = incident;
	w->lane_pos[to->id - 1] = op->kind == OP_CREATE ? 0 : to->id;
	return to;
}

static inline struct incident *put_incident(struct world *w,
					    const struct incident *i)
{
	struct incident *to = i->id ? incident_at(w, i->id) :
				      &w->incidents[w->incident_count];

	if (!i->id) {
		check(w, w->incident_count < INCIDENTS_MAX);
		w->incident_count++;
	}
	*to = *i;
	to->id = to - w->incidents + 1;
	return to;
}

/* ---- StackFlow and the deliverer ---- */

static inline struct ticket *ticket_of(struct world *w, int64_t incident)
{
	return &w->tickets[incident - 1];
}

static inline void tell(struct world *w, const struct op *op)
{
	ticket_of(w, op->incident)->told += op->count;
	count_events(w, op->events, w->told);
}

static inline void escalate(struct world *w, struct op *op)
{
	struct incident *i = incident_at(w, op->incident);
	struct ticket *t = ticket_of(w, op->incident);
	const struct remote_view view = { .state = str_from(t->state),
					  .priority = t->priority };
	struct op *tail = lane_end(w, op->incident, true);
	struct change c;

	assert_int_equal(incident_escalate(&c, w->arena, i, op, &view,
					   w->now_ms), 0);
	check(w, c.incident.priority <= i->priority);
	if (c.op_count)
		put_incident(w, &c.incident);
	/* As deliver does: a held note would keep what follows back. */
	if (c.op_count && tail && tail->held) {
		tail->held = false;
		tail->not_before_ms = w->now_ms;
	}
	for (size_t k = 0; k < c.op_count; k++)
		put_op(w, &c.ops[k], i->id);
}

static inline void carry_out(struct world *w, struct op *op)
{
	struct incident *i = incident_at(w, op->incident);
	struct ticket *t = ticket_of(w, op->incident);

	switch (op->kind) {
	case OP_CREATE:
		check(w, !t->there);
		*t = (struct ticket){ .there = true, .state = "new",
				      .priority = op->priority };
		i->remote = arena_printf(w->arena, "INC%07lld",
					 (long long)i->id);
		tell(w, op);
		break;
	case OP_NOTE:
		check(w, t->there && strcmp(t->state, "closed") != 0);
		tell(w, op);
		break;
	case OP_RESOLVE:
		t->state = "resolved";
		break;
	case OP_REOPEN:
		check(w, strcmp(t->state, "resolved") == 0);
		t->state = "in_progress";
		t->reopened = false;
		break;
	case OP_RAISE:
		check(w, str_starts(op->body, "{\"priority\":\"P"));
		t->priority = op->body.p[14] - '0';
		break;
	case OP_ESCALATE:
		escalate(w, op);
		break;
	default:
		check(w, false);
	}
	op->state = OP_DONE;
}

/* As deliver does: the successor takes over members and what waits. */
static inline void make_successor(struct world *w, struct op *op,
				  const struct remote_view *view)
{
	struct incident *old = incident_at(w, op->incident), *fresh;
	struct change c;

	assert_int_equal(incident_succeed(&c, w->arena, old, op, view, MARKER,
					  w->now_ms), 0);
	check(w, c.incident.priority == old->priority);
	check(w, c.incident.incarnation == old->incarnation + 1);
	old->state = INCIDENT_CLOSED;
	fresh = put_incident(w, &c.incident);
	op->state = OP_DONE;
	put_op(w, &c.ops[0], fresh->id);
	for (size_t i = 0; i < w->op_count; i++)
		if (w->ops[i].incident == old->id &&
		    w->ops[i].state == OP_READY)
			w->ops[i].incident = fresh->id;
	for (size_t i = 0; i < ALARMS; i++)
		if (w->members[i].incident == old->id)
			w->members[i].incident = fresh->id;
}

static inline void not_needed(struct world *w, struct op *op)
{
	struct incident *i = incident_at(w, op->incident);

	op->state = OP_DONE;
	/* Its outcome is recorded: it is told nowhere, on purpose. */
	count_events(w, op->events, w->told);
	if (op->kind == OP_RESOLVE && i->state == INCIDENT_RESOLVED) {
		i->state = INCIDENT_CLOSED;
		if (i->still_firing == STILL_LEAVE)
			i->still_firing = STILL_NEW;
	}
}

/* The next op of a lane, where it is due. False: nothing was to be done. */
static inline bool deliver(struct world *w, int64_t incident,
			   unsigned refused_percent)
{
	struct op *op = lane_end(w, incident, false);
	struct incident *i = incident_at(w, incident);
	struct remote_view view;
	struct ticket *t;

	if (!op || op->state != OP_READY || op->not_before_ms > w->now_ms)
		return false;
	if (op->kind == OP_CREATE) {
		if (chance(w, refused_percent)) {
			op->state = OP_DEAD;
			i->state = INCIDENT_FAILED;
		} else {
			carry_out(w, op);
		}
		return true;
	}
	t = ticket_of(w, incident);
	if (!t->there) {		/* an operator dropped the create */
		op->state = OP_DONE;
		count_events(w, op->events, w->told);
		return true;
	}
	view = (struct remote_view){ .state = str_from(t->state),
				     .priority = t->priority };
	switch (incident_before_send(i, op, &view)) {
	case SEND_REOPEN_FIRST:
		t->state = "in_progress";
		t->reopened = false;
		carry_out(w, op);
		break;
	case SEND_IT:
		carry_out(w, op);
		break;
	case SEND_NOT_NEEDED:
		not_needed(w, op);
		break;
	case SEND_SUCCESSOR:
		make_successor(w, op, &view);
		break;
	}
	return true;
}

/* A dead create: tried again, or dropped. */
static inline void operate(struct world *w, struct op *op, bool retry)
{
	struct incident *i = incident_at(w, op->incident);
	struct op *tail = lane_end(w, op->incident, true);

	if (!retry && tail->held) {
		tail->held = false;
		tail->not_before_ms = w->now_ms;
	}
	op->state = retry ? OP_READY : OP_DONE;
	op->not_before_ms = w->now_ms;
	if (!retry)
		count_events(w, op->events, w->told);
	if (i->state != INCIDENT_FAILED)
		return;
	if (!retry)
		i->state = INCIDENT_CLOSED;
	else
		i->state = i->resolved_ms ? INCIDENT_RESOLVED : INCIDENT_OPEN;
}

#endif
