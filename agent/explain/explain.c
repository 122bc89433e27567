#include "agent/explain/explain.h"

#include "agent/told.h"
#include "base/buf.h"
#include "rule/silence.h"

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

static int decide(struct explanation *e, const struct explain_input *in,
		  struct told *told, struct arena *arena)
{
	const struct ci_source cis = { told_ci, told };
	struct silences *silences = told_silences(told, e->alarm->source);
	const struct hold_source holds = { .change = in->past ? told_change :
								NULL,
					   .silences = silences,
					   .arg = told };
	const struct decision_input decision = {
		.alarm = e->alarm,
		.cis = in->past ? &cis : NULL,
		.holds = &holds,
		.now_ms = in->now_ms,
		.trace = &e->trace,
		.again = true,
	};
	int rc = ruleset_decide(&e->verdict, in->rules, &decision, arena);

	silences_free(silences);
	return rc;
}

int explain_alarm(struct explanation *out, const struct explain_input *in,
		  struct arena *arena)
{
	struct explanation e = { .alarm = in->alarm, .past = in->past };
	struct told told = { .now_ms = in->now_ms };
	int rc;

	e.trace.arena = arena;
	if (in->past)
		told_init(&told, in->past->event.world, in->past->ci_id);
	told.now_ms = in->now_ms;
	rc = told_tags(&e.alarm, &told, arena);
	if (!rc)
		rc = decide(&e, in, &told, arena);
	told_fini(&told);
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
