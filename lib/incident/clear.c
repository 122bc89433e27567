/* What an OK does: ends waits, resolves once every alarm is OK for so long. */
#include "incident/step.h"

#include "incident/text.h"

/* How long everything must stay OK before its incident is resolved. */
static int64_t quiet_ms(struct step *st)
{
	const struct verdict *v = st->verdict;
	int64_t quiet = v->resolve_stable_ms;

	if (st->out->incident.parent)
		return 0;
	if (v->flap_quiet_ms > quiet && tally_flaps(st))
		quiet = v->flap_quiet_ms;
	return quiet;
}

void clear_incident(struct step *st, const char *because)
{
	struct incident *i = &st->out->incident;

	/* A dead letter stays one: tried again, it opens and resolves. */
	if (i->state != INCIDENT_FAILED)
		i->state = INCIDENT_RESOLVED;
	i->resolved_ms = st->now_ms;
	note_op(st, OP_RESOLVE, text_state(st->arena, "resolved"));
	st->out->incident_changed = true;
	step_decide(st, ACTION_RESOLVE, because);
}

static void resolve(struct step *st, const char *because)
{
	const char *consequence = "Resolved.";

	if (!st->out->incident.remote.n)
		consequence = "It cleared before this incident could be "
			      "opened in StackFlow. Resolved.";
	open_join(st);
	note_now(st, text_change(st->arena, st->alarm, consequence));
	clear_incident(st, because);
}

static void resolve_later(struct step *st, int64_t quiet, bool was_firing)
{
	struct incident *i = &st->out->incident;
	struct str span = text_span(st->arena, quiet);

	if (i->resolve_ms && !was_firing) {
		step_decide(st, ACTION_IGNORE,
			    "its incident resolves when it stays OK");
		return;
	}
	open_join(st);
	i->resolve_ms = st->now_ms + quiet;
	note_state(st, step_words(st, "Resolved when it stays OK for %.*s.",
				  STR_ARG(span)));
	step_decide(st, ACTION_NOTE, "OK must last before it is resolved");
}

static void note_only(struct step *st, const char *consequence,
		      const char *because)
{
	open_join(st);
	note_state(st, consequence);
	step_decide(st, ACTION_NOTE, because);
}

static void cleared_on_open(struct step *st, const char *because)
{
	const struct member *m = st->s->member;
	const struct verdict *v = st->verdict;
	bool was_firing = m && m->state == ALARM_FIRING && !m->wait &&
			  m->incident == st->out->incident.id;
	bool parent = st->out->incident.parent;
	int64_t quiet;

	if (st->s->others_firing) {
		if (was_firing)
			note_only(st, "Other alarms of this incident are "
				  "still in ALARM.",
				  "other alarms of its incident still fire");
		else
			step_decide(st, ACTION_IGNORE, "it was not in ALARM");
		return;
	}
	if (!v->resolve && !parent) {
		note_only(st, NULL, "its policy never resolves");
		return;
	}
	if (v->resolve_note_only && !parent) {
		note_only(st, NULL, "its policy only notes an OK");
		return;
	}
	quiet = quiet_ms(st);
	if (quiet > 0)
		resolve_later(st, quiet, was_firing);
	else
		resolve(st, because);
}

/* The ALARM that waited is over, before anything was opened for it. */
static const char *end_wait(struct step *st)
{
	const struct member *m = st->s->member;

	if (!m)
		return NULL;
	switch (m->wait) {
	case WAIT_NONE:
		return NULL;
	case WAIT_OPEN_AFTER:
		wait_end(st, ACTION_IGNORE, "OK inside open_after: counted, "
					    "no incident");
		return "OK inside open_after";
	case WAIT_HOLD:
		break;
	}
	wait_end(st, ACTION_HOLD,
		 step_words(st, "suppressed by %.*s, OK before its end",
			    STR_ARG(m->held_by)));
	return step_words(st, "OK before the end of %.*s: suppressed",
			  STR_ARG(m->held_by));
}

void clear_alarm(struct step *st, const char *because)
{
	struct incident *i = &st->out->incident;
	const struct member *m = st->s->member;
	const char *waited = end_wait(st);

	if (m && m->state == ALARM_FIRING)
		tally_add(st, TALLY_FLIP);
	st->out->member.state = ALARM_OK;
	if (!st->s->incident) {
		step_decide(st, ACTION_IGNORE, waited ? waited :
			    "no incident is open for its key");
		return;
	}
	if (i->state == INCIDENT_CLOSED && i->still_firing == STILL_LEAVE) {
		/* `leave` lasts until an OK; then the next ALARM is news. */
		i->still_firing = STILL_NEW;
		st->out->incident_changed = true;
	}
	if (!step_live(i)) {
		step_decide(st, ACTION_IGNORE, waited ? waited :
			    "its incident is no more open");
		return;
	}
	cleared_on_open(st, because);
	if (waited && st->out->action == ACTION_IGNORE)
		st->out->because = waited;
}
