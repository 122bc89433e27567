#include "incident/incident.h"

#include <stdio.h>

#include "incident/step.h"

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

void step_decide(struct step *st, enum action action, const char *because)
{
	st->out->action = action;
	st->out->because = because;
}

const char *step_words(struct step *st, const char *fmt, ...)
{
	char words[1024];
	va_list ap;
	char *kept;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	kept = arena_cstr(st->arena, str_from(words));
	return kept ? kept : "";
}

bool step_live(const struct incident *i)
{
	return i->state == INCIDENT_OPEN ||
	       (i->state == INCIDENT_FAILED && !i->resolved_ms);
}

static void insufficient(struct step *st)
{
	bool open = st->s->incident &&
		    st->out->incident.state == INCIDENT_OPEN;

	switch (st->verdict->insufficient) {
	case INSUFFICIENT_OPEN:
		open_firing(st);
		return;
	case INSUFFICIENT_RESOLVE:
		clear_alarm(st, "INSUFFICIENT_DATA resolves by its policy");
		return;
	case INSUFFICIENT_NOTE:
		if (open) {
			open_join(st);
			note_state(st, NULL);
			step_decide(st, ACTION_NOTE,
				    "INSUFFICIENT_DATA is noted");
			return;
		}
		break;
	case INSUFFICIENT_IGNORE:
		break;
	}
	step_decide(st, ACTION_IGNORE,
		    open ? "its policy ignores INSUFFICIENT_DATA" :
			   "no incident is open for its key");
}

static void unknown(struct step *st)
{
	if (!st->s->incident || st->out->incident.state != INCIDENT_OPEN) {
		step_decide(st, ACTION_IGNORE,
			    "an unknown state, and no incident");
		return;
	}
	open_join(st);
	note_state(st, "tocsin doesn't know this state.");
	step_decide(st, ACTION_NOTE,
		    "an unknown state is noted, never taken for OK");
}

static void changed(struct step *st)
{
	switch (st->alarm->state) {
	case ALARM_FIRING:
		open_firing(st);
		return;
	case ALARM_OK:
		clear_alarm(st, "every alarm of its incident is OK");
		return;
	case ALARM_INSUFFICIENT:
		insufficient(st);
		return;
	case ALARM_NONE:
	case ALARM_UNKNOWN:
		break;
	}
	unknown(st);
}

/* Older than what is known of this alarm: it may be told, it decides nothing. */
static void late(struct step *st)
{
	bool fires = st->alarm->event == ALARM_CHANGED &&
		     st->alarm->state == ALARM_FIRING;
	const struct member *m = st->s->member;

	st->out->member_changed = false;
	if (fires)
		tally_add(st, TALLY_ALARM);
	if (fires && st->s->incident && m->state == ALARM_FIRING && !m->wait &&
	    st->out->incident.state == INCIDENT_OPEN) {
		open_repeat(st);
		return;
	}
	step_decide(st, ACTION_IGNORE, "older than the state already known");
}

static void happened(struct step *st)
{
	const struct alarm *a = st->alarm;
	const struct situation *s = st->s;
	bool open = s->incident && s->incident->state == INCIDENT_OPEN;

	st->out->member_changed = true;
	if (a->event == ALARM_CONFIGURED || a->event == ALARM_NOTICE) {
		st->out->member_changed = false;
		step_decide(st, ACTION_IGNORE,
			    a->event == ALARM_NOTICE ?
				    "it only tells: nothing begins or ends" :
				    "only the alarm's settings changed");
		return;
	}
	if (s->member && alarm_order(a) < s->member->changed_ms) {
		late(st);
		return;
	}
	st->out->member.changed_ms = alarm_order(a);
	if (a->event == ALARM_DELETED)
		clear_alarm(st, "the alarm was deleted");
	else if (a->suppressed_by.n && a->state == ALARM_FIRING && !open)
		wait_outside(st);
	else
		changed(st);
}

static void prepare(struct step *st)
{
	const struct situation *s = st->s;

	*st->out = (struct change){ .merged = -1 };
	if (s->incident)
		st->out->incident = *s->incident;
	if (s->member)
		st->out->member = *s->member;
	else
		st->out->member = (struct member){ .state = ALARM_NONE };
}

static int run(struct step *st)
{
	prepare(st);
	switch (st->e->on) {
	case ON_EVENT:
		happened(st);
		break;
	case ON_WAIT:
		wait_due(st);
		break;
	case ON_TIMER:
		timer_due(st);
		break;
	}
	if (st->out->joins)
		st->out->member.incident = st->out->incident.id;
	if (st->out->incident_changed)
		timer_set(&st->out->incident);
	return arena_error(st->arena);
}

int incident_apply(struct change *out, struct arena *arena,
		   const struct situation *s, const struct handled_event *e,
		   const struct verdict *verdict, struct str marker,
		   int64_t now_ms)
{
	struct step st = { out,	    arena,  s,	    e, e->alarm,
			   verdict, marker, now_ms, false, false };

	return run(&st);
}

int incident_apply_parent(struct change *out, struct arena *arena,
			  const struct situation *s,
			  const struct handled_event *e,
			  const struct verdict *verdict, struct str marker,
			  int64_t now_ms)
{
	struct step st = { out,	    arena,  s,	    e, e->alarm,
			   verdict, marker, now_ms, true, false };

	return run(&st);
}
