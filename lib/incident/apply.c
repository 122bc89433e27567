#include "incident/incident.h"

#include <errno.h>

#include "incident/text.h"

/* A note names at most so many events; the next ones go into another. */
#define EVENTS_A_NOTE 200

struct step {
	struct change *out;
	struct arena *arena;
	const struct situation *s;
	const struct alarm *alarm;
	const struct verdict *verdict;
	struct str event_id, marker;
	int64_t now_ms;
};

const char *action_name(enum action a)
{
	static const char *const names[] = {
		[ACTION_CREATE] = "create", [ACTION_NOTE] = "note",
		[ACTION_RESOLVE] = "resolve", [ACTION_REOPEN] = "reopen",
		[ACTION_RAISE] = "raise", [ACTION_HOLD] = "hold",
		[ACTION_IGNORE] = "ignore", [ACTION_CATCH_ALL] = "catch-all",
	};

	return a >= ACTION_CREATE && a <= ACTION_CATCH_ALL ? names[a] : "?";
}

static struct op *add_op(struct step *st, enum op_kind kind, struct str body)
{
	struct op *op = &st->out->ops[st->out->op_count++];

	*op = (struct op){
		.incident = st->out->incident.id,
		.kind = kind,
		.state = OP_READY,
		.priority = st->out->incident.priority,
		.created_ms = st->now_ms,
		.not_before_ms = st->now_ms,
		.body = body,
	};
	return op;
}

/* An event is told by one operation only: its create, or a note. */
static struct op *add_telling(struct step *st, enum op_kind kind,
			      struct str body)
{
	struct op *op = add_op(st, kind, body);

	op->events = st->event_id;
	op->count = 1;
	return op;
}

static void decide(struct step *st, enum action action, const char *because)
{
	st->out->action = action;
	st->out->because = because;
}

/* The newest note of the lane takes this event in too. */
static void merge_note(struct step *st, struct str body)
{
	struct op *op = &st->out->ops[st->out->op_count];

	st->out->merged = (int)st->out->op_count++;
	*op = *st->s->tail_note;
	op->body = body;
	op->events = text_words(st->arena, op->events, st->event_id);
	op->count++;
}

/* A full note goes, budget or not: held, it would stop its lane. */
static void release_full(struct step *st)
{
	struct op *op = &st->out->ops[st->out->op_count];

	st->out->merged = (int)st->out->op_count++;
	*op = *st->s->tail_note;
	op->held = false;
	op->not_before_ms = st->now_ms;
}

/* Is there a note that waits, with room? One that is full is let go. */
static bool can_merge(struct step *st)
{
	const struct op *tail = st->s->tail_note;

	if (!tail || tail->count < EVENTS_A_NOTE)
		return tail;
	if (tail->held)
		release_full(st);
	return false;
}

/* A note that is owed at once: a change of state or severity. */
static void note_now(struct step *st, struct str text, bool alarm)
{
	struct op *op;

	if (can_merge(st)) {
		merge_note(st, text_join(st->arena, st->s->tail_note->body,
					 text));
		op = &st->out->ops[st->out->op_count - 1];
	} else {
		op = add_telling(st, OP_NOTE, text);
		st->out->incident.notes++;
	}
	op->held = false;
	if (op->not_before_ms > st->now_ms && op->attempts == 0)
		op->not_before_ms = st->now_ms;
	if (alarm)
		op->marker = STR("alarm");
	st->out->incident_changed = true;
}

/* A repeat, within the incident's note budget. */
static void note_repeat(struct step *st)
{
	struct incident *i = &st->out->incident;
	struct op *op;

	if (can_merge(st)) {
		const struct op *tail = st->s->tail_note;
		struct str text = text_is_repeat(tail->body) ?
			text_repeat(st->arena, st->alarm, tail->count + 1) :
			text_join(st->arena, tail->body,
				  text_repeat(st->arena, st->alarm, 1));

		merge_note(st, text);
		st->out->ops[st->out->op_count - 1].marker = STR("alarm");
		return;
	}
	op = add_telling(st, OP_NOTE, text_repeat(st->arena, st->alarm, 1));
	op->marker = STR("alarm");
	if (i->notes >= i->notes_max) {
		op->held = true;
		op->not_before_ms = OP_NEVER_MS;	/* the budget is used up */
	} else if (st->now_ms < i->note_after_ms) {
		/* A clock that jumped back must not hold it for years. */
		if (i->note_after_ms > st->now_ms + i->notes_every_ms)
			i->note_after_ms = st->now_ms + i->notes_every_ms;
		op->held = true;
		op->not_before_ms = i->note_after_ms;
	}
	i->note_after_ms = (op->held ? i->note_after_ms : st->now_ms) +
			   i->notes_every_ms;
	i->notes++;
}

static void join_incident(struct step *st)
{
	st->out->incident.events++;
	if (st->alarm->time_ms > st->out->incident.changed_ms)
		st->out->incident.changed_ms = st->alarm->time_ms;
	st->out->incident_changed = true;
}

static void open_new(struct step *st, const char *because)
{
	const struct incident *old = st->s->incident;
	const struct verdict *v = st->verdict;
	struct incident *i = &st->out->incident;
	struct str marker;
	struct op *op;

	*i = (struct incident){
		.key = v->dedup_key,
		.incarnation = old ? old->incarnation + 1 : 1,
		.state = INCIDENT_OPEN,
		.previous = old ? old->remote : STR_NONE,
		.priority = v->priority,
		.severity = v->severity,
		.team = v->team,
		.policy = v->policy,
		.where = v->where,
		.short_description = v->short_description,
		.assignment_group = v->assignment_group,
		.ci_id = v->ci_id,
		.account = st->alarm->account,
		.region = st->alarm->region,
		.alarm = st->alarm->name,
		.opened_ms = st->now_ms,
		.changed_ms = st->alarm->time_ms,
		.events = 1,
		.note_after_ms = 0,
		.reopen_within_ms = v->reopen_within_ms,
		.notes_every_ms = v->notes_every_ms,
		.notes_max = v->notes_max,
		.still_firing = v->still_firing,
	};
	marker = incident_marker(st->arena, st->marker, i->incarnation);
	op = add_telling(st, OP_CREATE,
			 text_create(st->arena, i, v, st->event_id, marker));
	op->marker = marker;
	st->out->incident_changed = true;
	decide(st, v->catch_all ? ACTION_CATCH_ALL : ACTION_CREATE, because);
}

static void add_raise(struct step *st)
{
	struct incident *i = &st->out->incident;
	struct op *op = add_op(st, OP_RAISE,
			       text_priority(st->arena,
					     st->verdict->priority));

	op->marker = arena_printf(st->arena, "P%d", i->priority);
	op->priority = st->verdict->priority;
	i->priority = st->verdict->priority;
	i->severity = st->verdict->severity;
}

static void reopen(struct step *st, const char *because)
{
	struct incident *i = &st->out->incident;

	if (st->s->tail_resolve) {
		/* StackFlow hasn't heard of the end yet, and needn't. */
		st->out->cancel_resolve = true;
	} else {
		add_op(st, OP_REOPEN, text_state(st->arena, "in_progress"));
	}
	i->state = INCIDENT_OPEN;
	i->resolved_ms = 0;
	join_incident(st);
	if (st->verdict->priority < i->priority)
		add_raise(st);
	note_now(st, text_change(st->arena, st->alarm, "Reopened."), true);
	decide(st, ACTION_REOPEN, because);
}

static void raise_priority(struct step *st)
{
	add_raise(st);
	note_now(st, text_change(st->arena, st->alarm,
				 "The priority rises with this severity."),
		 true);
	decide(st, ACTION_RAISE, "its severity asks for a higher priority");
}

static void firing_on_closed(struct step *st)
{
	struct incident *i = &st->out->incident;

	switch (i->still_firing) {
	case STILL_LEAVE:
		join_incident(st);
		decide(st, ACTION_IGNORE,
		       "a person closed the incident; left so until an OK");
		return;
	case STILL_REOPEN:
		/* Dropped by an operator before it was ever opened. */
		if (!i->remote.n)
			break;
		reopen(st, "closed by a person, and firing again");
		return;
	case STILL_NEW:
		break;
	}
	open_new(st, "the last incident was closed by a person");
}

/*
 * A sender that repeats a state says since when it holds; a repetition is no
 * news while the incident knows that much.
 */
static bool told_before(const struct step *st)
{
	const struct member *m = st->s->member;

	return st->alarm->told_ms && !st->alarm->event_id.n && m &&
	       m->state == ALARM_FIRING && m->incident == st->s->incident->id &&
	       st->alarm->time_ms <= st->s->incident->changed_ms;
}

static void firing(struct step *st)
{
	struct incident *i = &st->out->incident;

	if (st->out->member_changed)
		st->out->member.state = ALARM_FIRING;
	if (!st->s->incident) {
		open_new(st, "no incident is open for its key");
		return;
	}
	switch (i->state) {
	case INCIDENT_OPEN:
	case INCIDENT_FAILED:
		join_incident(st);
		if (i->state == INCIDENT_FAILED && i->resolved_ms) {
			i->resolved_ms = 0;
			st->out->cancel_resolve = st->s->tail_resolve;
		}
		if (st->verdict->priority < i->priority &&
		    i->state == INCIDENT_OPEN) {
			raise_priority(st);
			return;
		}
		if (told_before(st)) {
			decide(st, ACTION_IGNORE, "told again, nothing new");
			return;
		}
		note_repeat(st);
		decide(st, ACTION_NOTE, "an incident is open for its key");
		return;
	case INCIDENT_RESOLVED:
		if (st->now_ms - i->resolved_ms <= i->reopen_within_ms)
			reopen(st, "resolved within reopen_within");
		else
			open_new(st, "resolved longer than reopen_within ago");
		return;
	case INCIDENT_CLOSED:
		firing_on_closed(st);
		return;
	}
}

static void resolve(struct step *st, const char *because)
{
	struct incident *i = &st->out->incident;
	const char *consequence = "Resolved.";

	if (!i->remote.n)
		consequence = "It cleared before this incident could be "
			      "opened in StackFlow. Resolved.";
	join_incident(st);
	note_now(st, text_change(st->arena, st->alarm, consequence), false);
	/* A dead letter stays one: tried again, it opens and resolves. */
	if (i->state != INCIDENT_FAILED)
		i->state = INCIDENT_RESOLVED;
	i->resolved_ms = st->now_ms;
	add_op(st, OP_RESOLVE, text_state(st->arena, "resolved"));
	decide(st, ACTION_RESOLVE, because);
}

static void note_only(struct step *st, const char *consequence,
		      const char *because)
{
	join_incident(st);
	note_now(st, text_change(st->arena, st->alarm, consequence), false);
	decide(st, ACTION_NOTE, because);
}

static void cleared(struct step *st, const char *because)
{
	struct incident *i = &st->out->incident;
	bool was_firing = st->s->member &&
			  st->s->member->state == ALARM_FIRING &&
			  st->s->member->incident == i->id;

	if (st->out->member_changed)
		st->out->member.state = ALARM_OK;
	if (!st->s->incident) {
		decide(st, ACTION_IGNORE, "no incident is open for its key");
		return;
	}
	if (i->state == INCIDENT_CLOSED && i->still_firing == STILL_LEAVE) {
		/* `leave` lasts until an OK; then the next ALARM is news. */
		i->still_firing = STILL_NEW;
		st->out->incident_changed = true;
	}
	if (i->state != INCIDENT_OPEN &&
	    (i->state != INCIDENT_FAILED || i->resolved_ms)) {
		decide(st, ACTION_IGNORE, "its incident is no more open");
		return;
	}
	if (st->s->others_firing) {
		if (was_firing)
			note_only(st, "Other alarms of this incident are "
				  "still in ALARM.",
				  "other alarms of its incident still fire");
		else
			decide(st, ACTION_IGNORE, "it was not in ALARM");
		return;
	}
	if (!st->verdict->resolve)
		note_only(st, NULL, "its policy never resolves");
	else if (st->verdict->resolve_note_only)
		note_only(st, NULL, "its policy only notes an OK");
	else
		resolve(st, because);
}

static void insufficient(struct step *st)
{
	bool open = st->s->incident &&
		    st->out->incident.state == INCIDENT_OPEN;

	switch (st->verdict->insufficient) {
	case INSUFFICIENT_OPEN:
		firing(st);
		return;
	case INSUFFICIENT_RESOLVE:
		cleared(st, "INSUFFICIENT_DATA resolves by its policy");
		return;
	case INSUFFICIENT_NOTE:
		if (open) {
			note_only(st, NULL, "INSUFFICIENT_DATA is noted");
			return;
		}
		break;
	case INSUFFICIENT_IGNORE:
		break;
	}
	decide(st, ACTION_IGNORE, open ? "its policy ignores INSUFFICIENT_DATA" :
					 "no incident is open for its key");
}

static void changed(struct step *st)
{
	bool open = st->s->incident &&
		    st->out->incident.state == INCIDENT_OPEN;

	switch (st->alarm->state) {
	case ALARM_FIRING:
		firing(st);
		return;
	case ALARM_OK:
		cleared(st, "every alarm of its incident is OK");
		return;
	case ALARM_INSUFFICIENT:
		insufficient(st);
		return;
	case ALARM_NONE:
	case ALARM_UNKNOWN:
		break;
	}
	if (open)
		note_only(st, "tocsin doesn't know this state.",
			  "an unknown state is noted, never taken for OK");
	else
		decide(st, ACTION_IGNORE, "an unknown state, and no incident");
}

/* Older than what is known of this alarm: it may be told, it decides nothing. */
static void late(struct step *st)
{
	bool open = st->s->incident &&
		    st->out->incident.state == INCIDENT_OPEN;

	st->out->member_changed = false;
	if (st->alarm->event == ALARM_CHANGED &&
	    st->alarm->state == ALARM_FIRING && open &&
	    st->s->member->state == ALARM_FIRING) {
		join_incident(st);
		note_repeat(st);
		decide(st, ACTION_NOTE,
		       "older than the state known, and still in ALARM");
		return;
	}
	decide(st, ACTION_IGNORE, "older than the state already known");
}

static void prepare(struct step *st)
{
	const struct situation *s = st->s;
	struct member *m = &st->out->member;

	*st->out = (struct change){ .merged = -1 };
	if (s->incident)
		st->out->incident = *s->incident;
	if (s->member)
		*m = *s->member;
	else
		*m = (struct member){ .state = ALARM_NONE };
	m->changed_ms = alarm_order(st->alarm);
	st->out->member_changed = true;
}

int incident_apply(struct change *out, struct arena *arena,
		   const struct situation *s, const struct alarm *alarm,
		   const struct verdict *verdict, struct str event_id,
		   struct str marker, int64_t now_ms)
{
	struct step st = { out,	    arena,    s,      alarm,
			   verdict, event_id, marker, now_ms };

	prepare(&st);
	if (alarm->event == ALARM_CONFIGURED || alarm->event == ALARM_NOTICE) {
		out->member_changed = false;
		decide(&st, ACTION_IGNORE,
		       alarm->event == ALARM_NOTICE ?
			       "it only tells: nothing begins or ends" :
			       "only the alarm's settings changed");
	} else if (s->member && alarm_order(alarm) < s->member->changed_ms) {
		late(&st);
	} else if (alarm->event == ALARM_DELETED) {
		cleared(&st, "the alarm was deleted");
	} else if (alarm->suppressed_by.n && alarm->state == ALARM_FIRING &&
		   !(s->incident && s->incident->state == INCIDENT_OPEN)) {
		decide(&st, ACTION_HOLD, "CloudWatch holds its actions back");
	} else {
		changed(&st);
	}
	return arena_error(arena);
}
