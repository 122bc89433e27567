#include "agent/explain/explain.h"

#include "base/buf.h"

/* What its incident has, whatever is asked. */
static enum ci_answer stored_ci(struct ci *out, struct arena *arena,
				struct str field, struct str value, void *arg)
{
	const struct past_event *past = arg;

	(void)arena;
	(void)field;
	(void)value;
	if (!past->ci_id.n)
		return CI_NONE;
	*out = (struct ci){ .id = past->ci_id };
	return CI_FOUND;
}

/* An ALARM with nothing open; any other state as if its incident were open,
 * since that is what one wants to know of it. */
static int apply(struct explanation *e, int64_t now_ms, struct arena *arena)
{
	const struct verdict *v = &e->verdict;
	const struct handled_event event = {
		.on = ON_EVENT, .alarm = e->alarm, .id = STR("e"), .seq = 1,
	};
	const struct incident open = {
		.id = 1, .incarnation = 1, .state = INCIDENT_OPEN,
		.priority = v->priority, .remote = STR("INC0000000"),
		.key = v->dedup_key, .team = v->team, .policy = v->policy,
	};
	const struct member firing = { .id = 1, .incident = 1,
				       .state = ALARM_FIRING };
	struct situation s = { 0 };
	struct change change;
	int rc;

	if (e->alarm->state != ALARM_FIRING ||
	    e->alarm->event != ALARM_CHANGED) {
		s.incident = &open;
		s.member = &firing;
	}
	rc = incident_apply(&change, arena, &s, &event, v, STR("tocsin"),
			    now_ms);
	if (rc)
		return rc;
	e->action = action_name(change.action);
	e->because = change.because;
	return 0;
}

/* What held it then may be none of the rules': a silence, a change. */
static struct str held_by(const struct explanation *e)
{
	struct str because = str_from(e->because), id;

	if (e->verdict.hold.kind != HOLD_NONE)
		return e->verdict.hold.id;
	if (!e->past || !str_is(str_from(e->action), "hold") ||
	    !str_starts(because, "held by "))
		return e->alarm->suppressed_by;
	because = str_sub(because, 8, because.n - 8);
	return str_cut(&because, ' ', &id) ? id : STR_NONE;
}

int explain_alarm(struct explanation *out, const struct explain_input *in,
		  struct arena *arena)
{
	const struct ci_source cis = { stored_ci,
				       (void *)(uintptr_t)in->past };
	const struct hold_source holds = { 0 };
	struct explanation e = { .alarm = in->alarm, .past = in->past };
	const struct decision_input decision = {
		.alarm = in->alarm,
		.cis = in->past ? &cis : NULL,
		.holds = &holds,
		.now_ms = in->now_ms,
		.trace = &e.trace,
	};
	int rc;

	e.trace.arena = arena;
	rc = ruleset_decide(&e.verdict, in->rules, &decision, arena);
	if (rc)
		return rc;
	if (in->past && in->past->event.action.n) {
		e.action = arena_cstr(arena, in->past->event.action);
		e.because = arena_cstr(arena, in->past->event.because);
	} else {
		rc = apply(&e, in->now_ms, arena);
	}
	if (rc)
		return rc;
	e.held_by = held_by(&e);
	*out = e;
	return arena_error(arena);
}
