/* What an open incident waits for: to be resolved, its hold's end, to rise. */
#include "incident/step.h"

static void earlier(int64_t *due_ms, int64_t at)
{
	if (at && (!*due_ms || at < *due_ms))
		*due_ms = at;
}

void timer_set(struct incident *i)
{
	i->due_ms = 0;
	if (!step_live(i)) {
		i->resolve_ms = i->escalate_ms = i->held_ms = 0;
		i->escalations = i->held_by = STR_NONE;
		return;
	}
	earlier(&i->due_ms, i->resolve_ms);
	earlier(&i->due_ms, i->held_ms);
	/* Escalation waits for the hold's end. */
	if (i->escalate_ms && i->escalate_ms > i->held_ms)
		earlier(&i->due_ms, i->escalate_ms);
}

static bool passed(const struct step *st, int64_t at)
{
	return at && at <= st->now_ms;
}

static void hold_over(struct step *st)
{
	struct incident *i = &st->out->incident;

	i->held_ms = 0;
	i->held_by = STR_NONE;
	note_release(st, false);
	step_decide(st, ACTION_NOTE, "its hold has ended");
}

static void resolve_due(struct step *st)
{
	st->out->incident.resolve_ms = 0;
	if (st->s->others_firing) {
		step_decide(st, ACTION_IGNORE, "it fires again");
		return;
	}
	note_release(st, true);
	clear_incident(st, "every alarm of it has stayed OK");
}

void timer_due(struct step *st)
{
	struct incident *i = &st->out->incident;
	bool held = st->alarm && st->verdict->hold.kind != HOLD_NONE;

	step_decide(st, ACTION_IGNORE, "nothing of it is due");
	if (!st->s->incident)
		return;
	st->out->incident_changed = true;
	if (!step_live(i))
		return;
	if (passed(st, i->resolve_ms)) {
		resolve_due(st);
		return;
	}
	if (held && (i->held_ms || passed(st, i->escalate_ms))) {
		hold_begin(st);
		step_decide(st, ACTION_HOLD,
			    hold_words(st, "its escalation and notes wait"));
		return;
	}
	if (passed(st, i->held_ms))
		hold_over(st);
	if (!i->held_ms && passed(st, i->escalate_ms))
		escalate_fire(st);
}
