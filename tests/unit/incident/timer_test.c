/* Waits and timers, one call of incident_apply() at a time. */
#include "help.h"

static const struct change *apply_on(struct rig *r, enum occasion on,
				     bool alarm)
{
	const struct situation s = {
		.incident = r->incident.id ? &r->incident : NULL,
		.member = r->member.subject.p ? &r->member : NULL,
		.others_firing = r->others_firing,
		.tail_note = r->tail.kind == OP_NOTE ? &r->tail : NULL,
	};
	const struct handled_event e = {
		.on = on, .alarm = alarm ? &r->alarm : NULL, .id = EVENT,
		.seq = 11, .incident = on == ON_TIMER ? r->incident.id : 0,
	};

	assert_int_equal(incident_apply(&r->out, r->arena, &s, &e,
					&r->verdict, MARKER, r->now_ms), 0);
	assert_non_null(r->out.because);
	return &r->out;
}

static void hold(struct rig *r, int64_t until_ms)
{
	r->verdict.hold = (struct hold){
		.kind = HOLD_WINDOW, .id = STR("in-patching"),
		.where = STR("r.yaml:7"), .until_ms = until_ms,
		.about = STR("window patching"),
	};
}

static void waiting(struct rig *r, enum wait w)
{
	rig_open(r);
	r->incident.id = 0;
	r->member.incident = 0;
	r->member.wait = w;
	r->member.since_ms = NOW - 5 * MINUTE;
	r->member.due_ms = NOW;
	r->member.event = 11;
	r->member.held_by = w == WAIT_HOLD ? STR("in-patching") : STR_NONE;
}

static void wait_has_names(void **state)
{
	(void)state;
	assert_string_equal(wait_name(WAIT_OPEN_AFTER), "open_after");
	assert_string_equal(wait_name(WAIT_HOLD), "hold");
	assert_string_equal(wait_name(WAIT_NONE), "none");
}

static void held_alarm_waits_for_the_end(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	hold(r, NOW + HOUR);
	c = rig_apply(r);
	assert_int_equal(c->action, ACTION_HOLD);
	assert_string_equal(c->because,
			    "held by in-patching (r.yaml:7, window patching) "
			    "until 2026-11-21T11:00:00Z: opens then if it "
			    "still fires");
	assert_true(c->member_changed && !c->incident_changed && !c->joins);
	assert_int_equal(c->op_count, 0);
	assert_int_equal(c->member.wait, WAIT_HOLD);
	assert_int_equal(c->member.due_ms, NOW + HOUR);
	assert_int_equal(c->member.event, 11);
	assert_str(c->member.held_by, "in-patching");
}

/* An end that has passed must not be due again and again at one moment. */
static void hold_without_a_later_end_is_asked_again_soon(void **state)
{
	struct rig *r = *state;

	hold(r, NOW);
	rig_apply(r);
	assert_int_equal(r->out.member.due_ms, NOW + SECOND);
	rig_open(r);
	r->incident.held_ms = NOW;
	apply_on(r, ON_TIMER, true);
	assert_int_equal(r->out.incident.due_ms, NOW + SECOND);
}

static void wait_that_is_over_opens(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	waiting(r, WAIT_HOLD);
	c = apply_on(r, ON_WAIT, true);
	assert_int_equal(c->action, ACTION_CREATE);
	assert_true(c->joins);
	assert_int_equal(c->member.wait, WAIT_NONE);
	assert_int_equal(c->member.due_ms, 0);
	assert_null(c->settled);	/* its own outcome is the action */
	assert_str(rig_op(r, OP_CREATE)->events, "e0000000000001");
	assert_int_equal(c->incident.event, 11);
}

static void wait_is_prolonged_by_a_hold_that_goes_on(void **state)
{
	struct rig *r = *state;

	waiting(r, WAIT_HOLD);
	hold(r, NOW + MINUTE);
	apply_on(r, ON_WAIT, true);
	assert_int_equal(r->out.action, ACTION_HOLD);
	assert_int_equal(r->out.member.due_ms, NOW + MINUTE);
	assert_int_equal(r->out.member.since_ms, NOW - 5 * MINUTE);
}

/* Open_after isn't begun again by the hold behind it. */
static void wait_in_a_hold_counts_for_open_after(void **state)
{
	struct rig *r = *state;

	waiting(r, WAIT_HOLD);
	r->verdict.open_after_ms = 4 * MINUTE;
	apply_on(r, ON_WAIT, true);
	assert_int_equal(r->out.action, ACTION_CREATE);
	r->verdict.open_after_ms = 6 * MINUTE;
	apply_on(r, ON_WAIT, true);
	assert_int_equal(r->out.action, ACTION_HOLD);
	assert_int_equal(r->out.member.wait, WAIT_OPEN_AFTER);
	assert_int_equal(r->out.member.due_ms, NOW + MINUTE);
}

static void wait_does_not_grow_when_the_clock_went_back(void **state)
{
	struct rig *r = *state;

	waiting(r, WAIT_OPEN_AFTER);
	r->member.since_ms = NOW + 24 * HOUR;
	r->verdict.open_after_ms = 3 * MINUTE;
	rig_apply(r);
	assert_int_equal(r->out.member.due_ms, NOW + 3 * MINUTE);
}

static void wait_joins_what_was_opened_meanwhile(void **state)
{
	struct rig *r = *state;

	waiting(r, WAIT_OPEN_AFTER);
	r->incident.id = 7;
	apply_on(r, ON_WAIT, true);
	assert_int_equal(r->out.action, ACTION_NOTE);
	assert_int_equal(r->out.member.incident, 7);
	assert_int_equal(r->out.member.wait, WAIT_NONE);
}

static void wait_that_is_over_is_no_further_event_of_its_key(void **state)
{
	struct rig *r = *state;

	r->verdict.flap = (struct count_within){ 2, HOUR };
	r->verdict.open_when = (struct count_within){ 3, HOUR };
	waiting(r, WAIT_HOLD);
	apply_on(r, ON_WAIT, true);
	assert_int_equal(r->out.action, ACTION_CREATE);
	assert_false(r->out.tally_changed);
}

static void wait_whose_message_is_gone_ends(void **state)
{
	struct rig *r = *state;

	waiting(r, WAIT_HOLD);
	apply_on(r, ON_WAIT, false);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_true(r->out.member_changed);
	assert_int_equal(r->out.member.wait, WAIT_NONE);
}

static void wait_that_ended_already_changes_nothing(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	apply_on(r, ON_WAIT, true);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_false(r->out.member_changed || r->out.incident_changed);
}

/* ---- an incident's timers ---- */

static void timer_that_nobody_needs_is_put_away(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.due_ms = NOW;
	apply_on(r, ON_TIMER, true);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_true(r->out.incident_changed);
	assert_int_equal(r->out.incident.due_ms, 0);
	rig_closed(r, STILL_NEW);
	r->incident.due_ms = r->incident.escalate_ms = NOW;
	r->incident.escalations = STR("0 {}\n");
	apply_on(r, ON_TIMER, true);
	assert_int_equal(r->out.op_count, 0);
	assert_int_equal(r->out.incident.due_ms, 0);
}

static void timer_resolves_what_has_stayed_ok(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_open(r);
	r->incident.resolve_ms = r->incident.due_ms = NOW;
	rig_tail(r, OP_NOTE);
	r->tail.held = true;
	r->tail.not_before_ms = NOW + HOUR;
	c = apply_on(r, ON_TIMER, false);
	assert_int_equal(c->action, ACTION_RESOLVE);
	assert_int_equal(c->incident.state, INCIDENT_RESOLVED);
	assert_int_equal(c->incident.due_ms, 0);
	/* A held note before it would stop its lane. */
	assert_int_equal(c->merged, 0);
	assert_false(c->ops[0].held);
	assert_int_equal(c->ops[0].count, 1);
	assert_int_equal(c->ops[1].kind, OP_RESOLVE);
}

static void timer_resolves_nothing_that_fires(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.resolve_ms = r->incident.due_ms = NOW;
	r->others_firing = 1;
	apply_on(r, ON_TIMER, true);
	assert_int_equal(r->out.incident.state, INCIDENT_OPEN);
	assert_int_equal(r->out.incident.resolve_ms, 0);
	assert_int_equal(r->out.op_count, 0);
}

static void alarm_ends_a_coming_resolve(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->member.state = ALARM_OK;
	r->incident.resolve_ms = r->incident.due_ms = NOW + MINUTE;
	rig_apply(r);
	assert_int_equal(r->out.incident.resolve_ms, 0);
	assert_int_equal(r->out.incident.due_ms, 0);
	assert_holds(rig_op(r, OP_NOTE)->body, "It did not stay OK.");
}

static void refused_create_resolves_in_time_too(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.state = INCIDENT_FAILED;
	r->incident.resolve_ms = r->incident.due_ms = NOW;
	apply_on(r, ON_TIMER, false);
	assert_int_equal(r->out.incident.state, INCIDENT_FAILED);
	assert_int_equal(r->out.incident.resolved_ms, NOW);
	assert_int_equal(r->out.incident.due_ms, 0);
	rig_op(r, OP_RESOLVE);
}

static void held_note_goes_when_the_hold_ends(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.notes = 1;
	r->incident.held_ms = r->incident.due_ms = NOW;
	rig_tail(r, OP_NOTE);
	r->tail.held = true;
	r->tail.not_before_ms = OP_NEVER_MS;
	apply_on(r, ON_TIMER, true);
	assert_int_equal(r->out.merged, 0);
	assert_false(r->out.ops[0].held);
	assert_int_equal(r->out.ops[0].not_before_ms, NOW);
	assert_int_equal(r->out.incident.held_ms, 0);
	assert_int_equal(r->out.incident.note_after_ms, NOW + 5 * MINUTE);
	/* One beyond the budget waits for a change of state, hold or not. */
	r->incident.notes = r->incident.notes_max + 1;
	apply_on(r, ON_TIMER, true);
	assert_int_equal(r->out.op_count, 0);
}

static void held_note_stays_while_the_hold_goes_on(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.held_ms = r->incident.due_ms = NOW;
	rig_tail(r, OP_NOTE);
	r->tail.held = true;
	hold(r, NOW + MINUTE);
	apply_on(r, ON_TIMER, true);
	assert_int_equal(r->out.action, ACTION_HOLD);
	assert_int_equal(r->out.op_count, 0);
	assert_int_equal(r->out.incident.due_ms, NOW + MINUTE);
}

/* It may be sent at any moment: what is held can't be put into it. */
static void held_news_does_not_join_a_note_that_goes(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_tail(r, OP_NOTE);
	hold(r, NOW + HOUR);
	rig_apply(r);
	assert_int_equal(r->out.merged, -1);
	assert_true(rig_op(r, OP_NOTE)->held);
	assert_int_equal(rig_op(r, OP_NOTE)->not_before_ms, OP_NEVER_MS);
}

/* ---- escalation ---- */

static const struct escalation entries[] = {
	{ 30 * MINUTE, false, 0, STR_NONE },
	{ 15 * MINUTE, true, 1, { "a\nb", 3 } },
};

static void escalation_is_kept_with_the_incident(void **state)
{
	struct rig *r = *state;

	r->verdict.escalate = entries;
	r->verdict.escalate_count = 2;
	rig_apply(r);
	assert_int_equal(r->out.incident.escalate_ms, NOW + 15 * MINUTE);
	assert_int_equal(r->out.incident.due_ms, NOW + 15 * MINUTE);
	assert_str(r->out.incident.escalations,
		   "900000 {\"unless\":\"acknowledged\",\"raise_to\":1,"
		   "\"note\":\"a\\nb\"}\n900000 {}\n");
}

static void escalation_goes_into_the_lane(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_open(r);
	r->incident.escalate_ms = r->incident.due_ms = NOW;
	r->incident.escalations = STR("1 {\"raise_to\":1}\n900000 {}\n");
	rig_tail(r, OP_NOTE);
	r->tail.held = true;
	r->tail.not_before_ms = NOW + HOUR;
	c = apply_on(r, ON_TIMER, false);
	/* Behind a held note it would wait as long as that. */
	assert_int_equal(c->merged, 0);
	assert_false(c->ops[0].held);
	assert_str(rig_op(r, OP_ESCALATE)->body, "{\"raise_to\":1}");
	assert_int_equal(rig_op(r, OP_ESCALATE)->count, 0);
	assert_int_equal(c->incident.escalate_ms, NOW + 15 * MINUTE);
	assert_int_equal(c->incident.due_ms, NOW + 15 * MINUTE);
	assert_str(c->incident.escalations, "900000 {}\n");
	assert_int_equal(c->incident.priority, 2);	/* deliver raises it */
}

static void escalation_never_lowers(void **state)
{
	struct rig *r = *state;
	const struct op op = { .kind = OP_ESCALATE,
			       .body = STR("{\"raise_to\":3,\"note\":\"n\"}"),
			       .events = STR("escalation-1-0") };

	rig_open(r);
	assert_int_equal(incident_escalate(&r->out, r->arena, &r->incident,
					   &op, NULL, NOW), 0);
	assert_int_equal(r->out.op_count, 1);
	assert_str(rig_op(r, OP_NOTE)->body, "n");
	/* By this a note in doubt is found again. */
	assert_str(rig_op(r, OP_NOTE)->events, "escalation-1-0");
	assert_int_equal(r->out.incident.priority, 2);
}

static void escalation_of_what_is_over_does_nothing(void **state)
{
	struct rig *r = *state;
	struct op op = { .kind = OP_ESCALATE, .body = STR("{\"note\":\"n\"}") };

	rig_resolved(r, MINUTE);
	assert_int_equal(incident_escalate(&r->out, r->arena, &r->incident,
					   &op, NULL, NOW), 0);
	assert_int_equal(r->out.op_count, 0);
	/* Nor what can't be read. */
	rig_open(r);
	op.body = STR("{");
	assert_int_equal(incident_escalate(&r->out, r->arena, &r->incident,
					   &op, NULL, NOW), 0);
	assert_int_equal(r->out.op_count, 0);
}

/* Our own reopening makes it in_progress; an assignee is a person's doing. */
static void escalation_after_a_reopen_asks_for_the_assignee(void **state)
{
	struct rig *r = *state;
	const struct op op = {
		.kind = OP_ESCALATE,
		.body = STR("{\"unless\":\"acknowledged\",\"reopened\":true,"
			    "\"raise_to\":1}"),
	};
	struct remote_view view = { .state = STR("in_progress") };

	rig_resolved(r, MINUTE);
	r->verdict.escalate = entries + 1;
	r->verdict.escalate_count = 1;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_REOPEN);
	assert_holds(r->out.incident.escalations, "\"reopened\":true");
	rig_open(r);
	incident_escalate(&r->out, r->arena, &r->incident, &op, &view, NOW);
	assert_int_equal(r->out.op_count, 2);
	view.assigned_to = STR("ana");
	incident_escalate(&r->out, r->arena, &r->incident, &op, &view, NOW);
	assert_int_equal(r->out.op_count, 0);
}

static void context_is_compared_line_by_line(void **state)
{
	const struct field same[] = { { STR("account"), STR("1") },
				      { STR("region"), STR("a=b") } };
	const struct field missing = { STR("tag.x"), STR("1") };
	struct str context = STR("region=a=b\naccount=1\nname=11");

	(void)state;
	assert_true(incident_context_has(context, same, 2));
	assert_true(incident_context_has(STR_NONE, same, 0));
	assert_false(incident_context_has(context, &missing, 1));
	assert_false(incident_context_has(STR("account=11"), same, 1));
	assert_false(incident_context_has(STR("xaccount=1"), same, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wait_has_names),
		TEST(held_alarm_waits_for_the_end),
		TEST(hold_without_a_later_end_is_asked_again_soon),
		TEST(wait_that_is_over_opens),
		TEST(wait_is_prolonged_by_a_hold_that_goes_on),
		TEST(wait_in_a_hold_counts_for_open_after),
		TEST(wait_does_not_grow_when_the_clock_went_back),
		TEST(wait_joins_what_was_opened_meanwhile),
		TEST(wait_that_is_over_is_no_further_event_of_its_key),
		TEST(wait_whose_message_is_gone_ends),
		TEST(wait_that_ended_already_changes_nothing),
		TEST(timer_that_nobody_needs_is_put_away),
		TEST(timer_resolves_what_has_stayed_ok),
		TEST(timer_resolves_nothing_that_fires),
		TEST(alarm_ends_a_coming_resolve),
		TEST(refused_create_resolves_in_time_too),
		TEST(held_note_goes_when_the_hold_ends),
		TEST(held_note_stays_while_the_hold_goes_on),
		TEST(held_news_does_not_join_a_note_that_goes),
		TEST(escalation_is_kept_with_the_incident),
		TEST(escalation_goes_into_the_lane),
		TEST(escalation_never_lowers),
		TEST(escalation_of_what_is_over_does_nothing),
		TEST(escalation_after_a_reopen_asks_for_the_assignee),
		TEST(context_is_compared_line_by_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
