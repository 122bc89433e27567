/* An ALARM that has no incident yet: open_when, open_after, holds. */
#include "incident/step.h"

#include "base/encode.h"
#include "incident/text.h"

#define ABOUT_MAX 300
/*
 * CloudWatch's own hold: a mute window's end may be told, that of a suppressor
 * alarm isn't; then it is looked at again so soon. Its message comes first.
 */
#define OUTSIDE "CloudWatch"	/* no entry has such an id: a capital */
#define OUTSIDE_LOOK_MS (60 * 60 * 1000)
#define OUTSIDE_GRACE_MS (2 * 60 * 1000)

const char *wait_name(enum wait w)
{
	switch (w) {
	case WAIT_OPEN_AFTER:
		return "open_after";
	case WAIT_HOLD:
		return "hold";
	case WAIT_NONE:
		break;
	}
	return "none";
}

void wait_end(struct step *st, enum action action, const char *settled)
{
	struct member *m = &st->out->member;

	if (!m->wait)
		return;
	if (st->e->on == ON_EVENT) {
		st->out->settled = settled;
		st->out->settled_action = action;
	}
	m->wait = WAIT_NONE;
	m->due_ms = m->since_ms = m->event = 0;
	m->held_by = m->held_about = STR_NONE;
}

/* since_ms stays that of the ALARM that waits longest. */
static void wait_until(struct step *st, enum wait w, int64_t due_ms,
		       struct str held_by)
{
	struct member *m = &st->out->member;
	int64_t since_ms = m->wait ? m->since_ms : st->now_ms;

	wait_end(st, ACTION_IGNORE, "a newer ALARM of it waits in its place");
	m->wait = w;
	m->due_ms = due_ms;
	m->since_ms = since_ms < st->now_ms ? since_ms : st->now_ms;
	m->event = st->e->seq;
	m->held_by = held_by;
	m->incident = 0;
}

/* Too few ALARMs yet. What waits has been enough once. */
static bool too_few(struct step *st)
{
	const struct count_within *want = &st->verdict->open_when;
	struct str span;
	unsigned n;

	if (st->e->on != ON_EVENT || st->out->member.wait ||
	    tally_enough(st, &n))
		return false;
	st->out->member.incident = 0;
	span = text_span(st->arena, want->within_ms);
	step_decide(st, ACTION_IGNORE,
		    step_words(st, "%u of the %u ALARMs within %.*s that "
			       "open_when asks for", n, want->count,
			       STR_ARG(span)));
	return true;
}

static bool too_soon(struct step *st)
{
	const struct member *m = &st->out->member;
	int64_t since_ms = m->wait && m->since_ms < st->now_ms ?
				   m->since_ms : st->now_ms;
	int64_t due_ms = since_ms + st->verdict->open_after_ms;
	struct str due;

	if (st->verdict->open_after_ms <= 0 || due_ms <= st->now_ms ||
	    tally_flaps(st))
		return false;
	wait_until(st, WAIT_OPEN_AFTER, due_ms, STR_NONE);
	due = text_time(st->arena, due_ms);
	step_decide(st, ACTION_HOLD,
		    step_words(st, "open_after: opens at %.*s unless it is OK "
			       "before", STR_ARG(due)));
	return true;
}

static bool held(struct step *st)
{
	const struct hold *h = &st->verdict->hold;

	if (h->kind == HOLD_NONE)
		return false;
	wait_until(st, WAIT_HOLD, hold_until(st), h->id);
	st->out->member.held_about = utf8_cut(h->about, ABOUT_MAX);
	step_decide(st, ACTION_HOLD,
		    hold_words(st, "opens then if it still fires"));
	return true;
}

void wait_or_open(struct step *st,
		  void (*open)(struct step *st, const char *because),
		  const char *because)
{
	if (too_few(st) || too_soon(st) || held(st))
		return;
	wait_end(st, ACTION_IGNORE, "a newer ALARM of it was taken instead");
	open(st, because);
}

bool member_held_outside(const struct member *m)
{
	return m->wait == WAIT_HOLD && str_is(m->held_by, OUTSIDE);
}

void wait_outside(struct step *st)
{
	const struct alarm *a = st->alarm;
	int64_t end_ms = a->suppressed_until_ms ?
				 a->suppressed_until_ms + OUTSIDE_GRACE_MS :
				 st->now_ms + OUTSIDE_LOOK_MS;
	struct str about = a->suppressed_reason.n ? a->suppressed_reason :
						    a->suppressed_by;

	if (end_ms <= st->now_ms) {
		open_firing(st);
		return;
	}
	st->out->member.state = ALARM_FIRING;
	wait_until(st, WAIT_HOLD, end_ms, STR(OUTSIDE));
	st->out->member.held_about = utf8_cut(about, ABOUT_MAX);
	step_decide(st, ACTION_HOLD, "CloudWatch holds its actions back");
}

void wait_due(struct step *st)
{
	struct member *m = &st->out->member;

	if (!m->wait) {
		step_decide(st, ACTION_IGNORE, "it waits for nothing");
		return;
	}
	st->out->member_changed = true;
	if (!st->alarm || m->state != ALARM_FIRING) {
		wait_end(st, ACTION_IGNORE, NULL);
		step_decide(st, ACTION_IGNORE,
			    st->alarm ? "it is no more in ALARM" :
					"its message is gone");
		return;
	}
	if (member_held_outside(m) && st->alarm->suppressed_by.n)
		wait_outside(st);
	else
		open_firing(st);
}
