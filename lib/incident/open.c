/* What an ALARM does: joins, raises, opens, reopens. */
#include "incident/step.h"

#include "incident/enrich.h"
#include "incident/text.h"

void open_join(struct step *st)
{
	struct incident *i = &st->out->incident;

	i->events++;
	if (st->alarm->time_ms > i->changed_ms)
		i->changed_ms = st->alarm->time_ms;
	st->out->incident_changed = true;
}

/* The alarm belongs to the incident and is the newest that fires there. */
static void take_in(struct step *st)
{
	struct incident *i = &st->out->incident;

	open_join(st);
	i->event = st->e->seq;
	i->resolve_ms = 0;
	st->out->joins = true;
}

static void fill_new(struct step *st)
{
	const struct incident *old = st->s->incident;
	const struct verdict *v = st->verdict;

	st->out->incident = (struct incident){
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
		.reopen_within_ms = v->reopen_within_ms,
		.notes_every_ms = v->notes_every_ms,
		.notes_max = v->notes_max,
		.still_firing = v->still_firing,
		.group_ms = v->group_within_ms > 0 ?
				    st->now_ms + v->group_within_ms : 0,
		.parent = st->parent,
		.event = st->e->seq,
		.context = v->context,
	};
}

static void open_new(struct step *st, const char *because)
{
	const struct verdict *v = st->verdict;
	struct incident *i = &st->out->incident;
	const struct member *waited = st->s->member;
	struct str marker;
	struct op *op;

	fill_new(st);
	marker = incident_marker(st->arena, st->marker, i->incarnation);
	op = note_telling(st, OP_CREATE,
			  text_create(st->arena, i, v,
				      text_came(st->arena, v, waited),
				      st->e->id, marker));
	op->marker = marker;
	escalate_start(st, false);
	if (v->enrich)
		st->out->aside = enrich_op(st->arena, i, v, st->now_ms);
	st->out->incident_changed = true;
	st->out->joins = true;
	step_decide(st, v->catch_all ? ACTION_CATCH_ALL : ACTION_CREATE,
		    because);
}

static void add_raise(struct step *st)
{
	struct incident *i = &st->out->incident;
	struct op *op = note_op(st, OP_RAISE,
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
		note_op(st, OP_REOPEN, text_state(st->arena, "in_progress"));
	}
	i->state = INCIDENT_OPEN;
	i->resolved_ms = 0;
	take_in(st);
	if (st->verdict->priority < i->priority)
		add_raise(st);
	note_now(st, text_change(st->arena, st->alarm, "Reopened."));
	escalate_start(st, !st->out->cancel_resolve);
	step_decide(st, ACTION_REOPEN, because);
}

/* Its own say goes even while a hold lasts: the priority has risen. */
static void raise_priority(struct step *st)
{
	add_raise(st);
	note_now(st, text_change(st->arena, st->alarm,
				 "The priority rises with this severity."));
	step_decide(st, ACTION_RAISE,
		    "its severity asks for a higher priority");
}

/*
 * A sender that repeats a state says since when it holds; a repetition is no
 * news while the incident knows that much.
 */
static bool told_before(const struct step *st)
{
	const struct member *m = st->s->member;

	return st->alarm->told_ms && !st->alarm->event_id.n && m &&
	       m->state == ALARM_FIRING && !m->wait &&
	       m->incident == st->s->incident->id &&
	       st->alarm->time_ms <= st->s->incident->changed_ms;
}

/* What a note says of this ALARM; none: that it repeats. */
static struct str news(struct step *st, bool back)
{
	const struct member *m = st->s->member;
	const struct incident *i = &st->out->incident;

	if (group_shared(i) && (!m || m->wait || m->incident != i->id))
		return text_listed(st->arena, st->alarm,
				   st->verdict->priority);
	if (back && !tally_flaps(st))
		return text_change(st->arena, st->alarm,
				   "It did not stay OK.");
	return STR_NONE;
}

static void note_firing(struct step *st, bool back)
{
	struct str text = news(st, back);

	if (hold_begin(st)) {
		note_held(st, text);
		step_decide(st, ACTION_HOLD,
			    hold_words(st, "counted, not sent"));
		return;
	}
	if (text.n && !group_shared(&st->out->incident))
		note_now(st, text);
	else
		note_within_budget(st, text);
	step_decide(st, ACTION_NOTE, "an incident is open for its key");
}

static void firing_on_open(struct step *st)
{
	struct incident *i = &st->out->incident;
	bool back = i->resolve_ms != 0;

	take_in(st);
	wait_end(st, ACTION_IGNORE,
		 "an incident was opened for its key; a newer ALARM joined it");
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
		step_decide(st, ACTION_IGNORE, "told again, nothing new");
		return;
	}
	note_firing(st, back);
}

void open_repeat(struct step *st)
{
	st->fires = true;
	open_join(st);
	if (hold_begin(st))
		note_held(st, STR_NONE);
	else
		note_within_budget(st, STR_NONE);
	step_decide(st, ACTION_NOTE,
		    "older than the state known, and still in ALARM");
}

static void firing_on_closed(struct step *st)
{
	struct incident *i = &st->out->incident;

	switch (i->still_firing) {
	case STILL_LEAVE:
		open_join(st);
		st->out->joins = true;
		wait_end(st, ACTION_IGNORE,
			 "a person closed the incident; left so until an OK");
		step_decide(st, ACTION_IGNORE,
			    "a person closed the incident; left so until an "
			    "OK");
		return;
	case STILL_REOPEN:
		/* Dropped by an operator before it was ever opened. */
		if (!i->remote.n)
			break;
		wait_or_open(st, reopen,
			     "closed by a person, and firing again");
		return;
	case STILL_NEW:
		break;
	}
	wait_or_open(st, open_new, "the last incident was closed by a person");
}

static void firing_on_resolved(struct step *st)
{
	const struct incident *i = &st->out->incident;

	if (group_over(st))
		wait_or_open(st, open_new, "its group takes no more alarms");
	else if (st->now_ms - i->resolved_ms <= i->reopen_within_ms)
		wait_or_open(st, reopen, "resolved within reopen_within");
	else
		wait_or_open(st, open_new,
			     "resolved longer than reopen_within ago");
}

void open_firing(struct step *st)
{
	const struct member *m = st->s->member;

	if (st->e->on == ON_EVENT)
		tally_add(st, m && m->state == ALARM_FIRING ?
				      TALLY_ALARM : TALLY_ALARM | TALLY_FLIP);
	st->fires = true;
	st->out->member.state = ALARM_FIRING;
	if (!st->s->incident) {
		wait_or_open(st, open_new, "no incident is open for its key");
		return;
	}
	switch (st->out->incident.state) {
	case INCIDENT_OPEN:
	case INCIDENT_FAILED:
		if (group_over(st))
			wait_or_open(st, open_new,
				     "its group takes no more alarms");
		else
			firing_on_open(st);
		return;
	case INCIDENT_RESOLVED:
		firing_on_resolved(st);
		return;
	case INCIDENT_CLOSED:
		firing_on_closed(st);
		return;
	}
}
