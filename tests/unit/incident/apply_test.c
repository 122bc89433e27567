#include "help.h"

#include <errno.h>

/* ---- a first ALARM ---- */

static void alarm_opens(void **state)
{
	struct rig *r = *state;
	const struct change *c = rig_apply(r);
	const struct op *op = rig_op(r, OP_CREATE);
	const struct incident *i = &c->incident;

	assert_int_equal(c->action, ACTION_CREATE);
	assert_true(c->incident_changed && c->member_changed);
	assert_int_equal(c->merged, -1);
	assert_int_equal(i->id, 0);
	assert_int_equal(i->incarnation, 1);
	assert_int_equal(i->state, INCIDENT_OPEN);
	assert_int_equal(i->priority, 2);
	assert_int_equal(i->severity, SEVERITY_HIGH);
	assert_int_equal(i->opened_ms, NOW);
	assert_int_equal(i->changed_ms, r->alarm.time_ms);
	assert_int_equal(i->events, 1);
	assert_int_equal(i->notes, 0);
	assert_str(i->key, "111122223333/us-east-1/pay-db-cpu");
	assert_str(i->alarm, "pay-db-cpu");
	assert_str(i->previous, NULL);
	assert_int_equal(i->reopen_within_ms, 24 * HOUR);
	assert_int_equal(c->op_count, 1);
	assert_int_equal(op->state, OP_READY);
	assert_int_equal(op->priority, 2);
	assert_int_equal(op->not_before_ms, NOW);
	assert_str(op->events, "e0000000000001");
	assert_int_equal(op->count, 1);
	assert_str(op->marker, "tocsin-aaaabbbbccccdddd-1");
	assert_int_equal(c->member.state, ALARM_FIRING);
	assert_int_equal(c->member.changed_ms, r->alarm.time_ms);
}

static void what_nobody_claims_opens_as_catch_all(void **state)
{
	struct rig *r = *state;

	r->verdict.catch_all = true;
	assert_int_equal(rig_apply(r)->action, ACTION_CATCH_ALL);
	rig_op(r, OP_CREATE);
}

static void ok_without_an_incident_is_remembered(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_state(r, ALARM_OK);
	c = rig_apply(r);
	assert_int_equal(c->action, ACTION_IGNORE);
	assert_int_equal(c->op_count, 0);
	assert_false(c->incident_changed);
	assert_true(c->member_changed);
	assert_int_equal(c->member.state, ALARM_OK);
	assert_int_equal(c->member.changed_ms, r->alarm.time_ms);
}

static void failed_allocation_is_told(void **state)
{
	struct rig *r = *state;
	struct arena *tight = arena_new(64);
	const struct situation s = { 0 };
	const struct handled_event e = {
		.alarm = &r->alarm, .id = EVENT, .seq = 11,
	};

	assert_int_equal(incident_apply(&r->out, tight, &s, &e, &r->verdict,
					MARKER, NOW), -ENOMEM);
	arena_free(tight);
}

/* ---- repeats ---- */

static void first_repeat_is_noted_at_once(void **state)
{
	struct rig *r = *state;
	const struct change *c;
	const struct op *op;

	rig_open(r);
	c = rig_apply(r);
	op = rig_op(r, OP_NOTE);
	assert_int_equal(c->action, ACTION_NOTE);
	assert_int_equal(c->op_count, 1);
	assert_int_equal(op->incident, 7);
	assert_false(op->held);
	assert_int_equal(op->not_before_ms, NOW);
	assert_str(op->marker, "alarm");
	assert_str(op->events, "e0000000000001");
	assert_true(text_is_repeat(op->body));
	assert_int_equal(c->incident.notes, 1);
	assert_int_equal(c->incident.events, 2);
	assert_int_equal(c->incident.note_after_ms, NOW + 5 * MINUTE);
	assert_int_equal(c->incident.version, 3);
}

static void next_repeat_waits_for_the_budget(void **state)
{
	struct rig *r = *state;
	const struct op *op;

	rig_open(r);
	r->incident.notes = 1;
	r->incident.note_after_ms = NOW + 2 * MINUTE;
	rig_apply(r);
	op = rig_op(r, OP_NOTE);
	assert_true(op->held);
	assert_int_equal(op->not_before_ms, NOW + 2 * MINUTE);
	assert_int_equal(r->out.incident.note_after_ms, NOW + 7 * MINUTE);
}

static void budget_survives_a_clock_that_jumped_back(void **state)
{
	struct rig *r = *state;
	const struct op *op;

	rig_open(r);
	r->incident.note_after_ms = NOW + 8760 * HOUR;
	rig_apply(r);
	op = rig_op(r, OP_NOTE);
	assert_int_equal(op->not_before_ms, NOW + 5 * MINUTE);
	assert_int_equal(r->out.incident.note_after_ms, NOW + 10 * MINUTE);
}

static void repeats_share_the_waiting_note(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_open(r);
	rig_tail(r, OP_NOTE);
	r->tail.held = true;
	r->tail.not_before_ms = NOW + MINUTE;
	c = rig_apply(r);
	assert_int_equal(c->merged, 0);
	assert_int_equal(c->op_count, 1);
	assert_int_equal(c->ops[0].id, 31);
	assert_true(c->ops[0].held);
	assert_int_equal(c->ops[0].not_before_ms, NOW + MINUTE);
	assert_int_equal(c->ops[0].count, 2);
	assert_str(c->ops[0].events, "e0000000000000 e0000000000001");
	assert_holds(c->ops[0].body, "Alarm repeated 2 times, last: ALARM at ");
	assert_int_equal(c->incident.notes, 0);
}

static void repeat_joins_a_waiting_note_of_a_change(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_tail(r, OP_NOTE);
	r->tail.body = STR("OK at 09:59\nResolved.");
	r->tail.marker = STR_NONE;
	rig_apply(r);
	assert_int_equal(r->out.merged, 0);
	assert_holds(r->out.ops[0].body, "OK at 09:59\nResolved.\n\nAlarm ");
	assert_str(r->out.ops[0].marker, "alarm");
}

static void used_up_budget_holds_until_a_change(void **state)
{
	struct rig *r = *state;
	const struct op *op;

	rig_open(r);
	r->incident.notes = r->incident.notes_max = 3;
	rig_apply(r);
	op = rig_op(r, OP_NOTE);
	assert_true(op->held);
	assert_true(op->not_before_ms > NOW + 1000 * 8760 * HOUR);
	/* The change of state takes it along. */
	r->tail = *op;
	r->tail.id = 40;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_RESOLVE);
	assert_int_equal(r->out.merged, 0);
	assert_int_equal(r->out.ops[0].id, 40);
	assert_false(r->out.ops[0].held);
	assert_int_equal(r->out.ops[0].not_before_ms, NOW);
	rig_op(r, OP_RESOLVE);
}

/* Held behind a change it would keep its lane from ever resolving. */
static void full_note_is_let_go(void **state)
{
	static const enum alarm_state next[] = { ALARM_FIRING, ALARM_OK };
	struct rig *r = *state;

	for (size_t k = 0; k < 2; k++) {
		rig_open(r);
		r->incident.notes = r->incident.notes_max = 3;
		rig_tail(r, OP_NOTE);
		r->tail.count = 200;
		r->tail.held = true;
		r->tail.not_before_ms = INT64_MAX / 4;
		rig_state(r, next[k]);
		rig_apply(r);
		assert_int_equal(r->out.merged, 0);
		assert_int_equal(r->out.ops[0].id, 31);
		assert_int_equal(r->out.ops[0].count, 200);
		assert_false(r->out.ops[0].held);
		assert_int_equal(r->out.ops[0].not_before_ms, NOW);
		assert_int_equal(rig_op(r, OP_NOTE)->count, 1);
		assert_int_equal(rig_op(r, OP_NOTE)->held, k == 0);
	}
}

static void full_note_that_goes_already_stays_as_it_is(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_tail(r, OP_NOTE);
	r->tail.count = 200;
	r->tail.attempts = 2;
	r->tail.not_before_ms = NOW + 3 * SECOND;
	rig_apply(r);
	assert_int_equal(r->out.merged, -1);
	assert_int_equal(r->out.op_count, 1);
	assert_int_equal(rig_op(r, OP_NOTE)->count, 1);
}

static void backing_off_isnt_cut_short(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_tail(r, OP_NOTE);
	r->tail.attempts = 2;
	r->tail.not_before_ms = NOW + 7 * SECOND;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.ops[0].not_before_ms, NOW + 7 * SECOND);
}

/* ---- OK ---- */

static void ok_resolves(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_open(r);
	rig_state(r, ALARM_OK);
	c = rig_apply(r);
	assert_int_equal(c->action, ACTION_RESOLVE);
	assert_int_equal(c->incident.state, INCIDENT_RESOLVED);
	assert_int_equal(c->incident.resolved_ms, NOW);
	assert_int_equal(c->member.state, ALARM_OK);
	/* The note first, and it alone tells of the event. */
	assert_int_equal(c->op_count, 2);
	assert_int_equal(c->ops[0].kind, OP_NOTE);
	assert_holds(c->ops[0].body, "Resolved.");
	assert_str(c->ops[0].marker, NULL);
	assert_str(c->ops[0].events, "e0000000000001");
	assert_int_equal(c->ops[1].kind, OP_RESOLVE);
	assert_str(c->ops[1].body, "{\"state\":\"resolved\"}");
	assert_str(c->ops[1].events, NULL);
	assert_int_equal(c->ops[1].count, 0);
}

static void ok_before_the_create_says_so(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.remote = STR_NONE;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_holds(rig_op(r, OP_NOTE)->body,
		     "before this incident could be opened");
}

static void ok_after_the_end_is_recorded_only(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, MINUTE);
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_int_equal(r->out.op_count, 0);
	assert_false(r->out.incident_changed);
}

static void policy_that_never_resolves_notes(void **state)
{
	struct rig *r = *state;

	for (int k = 0; k < 2; k++) {
		rig_open(r);
		r->verdict.resolve = k == 1;
		r->verdict.resolve_note_only = k == 1;
		rig_state(r, ALARM_OK);
		rig_apply(r);
		assert_int_equal(r->out.action, ACTION_NOTE);
		assert_int_equal(r->out.incident.state, INCIDENT_OPEN);
		assert_int_equal(r->out.op_count, 1);
	}
}

static void one_ok_of_several_only_notes(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->others_firing = 1;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_NOTE);
	assert_int_equal(r->out.incident.state, INCIDENT_OPEN);
	assert_int_equal(r->out.member.state, ALARM_OK);
	assert_holds(rig_op(r, OP_NOTE)->body, "still in ALARM");
	/* Its second OK is no news. */
	r->member.state = ALARM_OK;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_int_equal(r->out.op_count, 0);
	/* The last one's OK resolves. */
	r->others_firing = 0;
	r->member.state = ALARM_FIRING;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_RESOLVE);
}

/* A note that tells of an ALARM stays one when another's OK joins it. */
static void joined_note_still_tells_of_the_alarm(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_tail(r, OP_NOTE);
	r->others_firing = 1;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.merged, 0);
	assert_str(r->out.ops[0].marker, "alarm");
}

static void deleted_alarm_counts_as_ok(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->alarm.event = ALARM_DELETED;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_RESOLVE);
	assert_holds(str_from(r->out.because), "deleted");
	assert_holds(rig_op(r, OP_NOTE)->body, "The alarm was deleted at ");
	assert_int_equal(r->out.member.state, ALARM_OK);
}

static void configured_alarm_changes_nothing(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->alarm.event = ALARM_CONFIGURED;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_false(r->out.incident_changed || r->out.member_changed);
	assert_int_equal(r->out.op_count, 0);
}

static void notice_changes_nothing(void **state)
{
	struct rig *r = *state;

	r->alarm.event = ALARM_NOTICE;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	rig_open(r);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_false(r->out.incident_changed || r->out.member_changed);
	assert_int_equal(r->out.op_count, 0);
}

/* ---- senders that tell a state again and again ---- */

static void what_is_told_again_is_no_news(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_open(r);
	r->alarm.time_ms = NOW - MINUTE;
	r->alarm.told_ms = NOW;
	c = rig_apply(r);
	assert_int_equal(c->action, ACTION_IGNORE);
	assert_int_equal(c->op_count, 0);
	assert_int_equal(c->member.changed_ms, NOW);
	/* A later begin is. */
	r->alarm.time_ms = NOW - SECOND;
	assert_int_equal(rig_apply(r)->action, ACTION_NOTE);
}

static void an_old_begin_told_after_an_end_reopens(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, SECOND);
	r->member.changed_ms = NOW - SECOND;
	r->alarm.time_ms = NOW - HOUR;
	assert_int_equal(rig_apply(r)->action, ACTION_IGNORE);
	r->alarm.told_ms = NOW;
	assert_int_equal(rig_apply(r)->action, ACTION_REOPEN);
}

/* ---- ALARM after the end ---- */

static void alarm_within_the_window_reopens(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_resolved(r, 24 * HOUR);
	c = rig_apply(r);
	assert_int_equal(c->action, ACTION_REOPEN);
	assert_int_equal(c->incident.id, 7);
	assert_int_equal(c->incident.incarnation, 1);
	assert_int_equal(c->incident.state, INCIDENT_OPEN);
	assert_int_equal(c->incident.resolved_ms, 0);
	assert_false(c->cancel_resolve);
	assert_int_equal(c->op_count, 2);
	assert_int_equal(c->ops[0].kind, OP_REOPEN);
	assert_str(c->ops[0].body, "{\"state\":\"in_progress\"}");
	/* Were it told here too, a successor would tell it twice. */
	assert_str(c->ops[0].events, NULL);
	assert_int_equal(c->ops[1].kind, OP_NOTE);
	assert_str(c->ops[1].marker, "alarm");
	assert_str(c->ops[1].events, "e0000000000001");
}

static void unsent_resolve_is_cancelled(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, SECOND);
	rig_tail(r, OP_RESOLVE);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_REOPEN);
	assert_true(r->out.cancel_resolve);
	assert_int_equal(r->out.op_count, 1);
	assert_holds(rig_op(r, OP_NOTE)->body, "Reopened.");
}

static void reopening_raises_too(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, MINUTE);
	r->verdict.priority = 1;
	r->verdict.severity = SEVERITY_CRITICAL;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_REOPEN);
	assert_int_equal(r->out.incident.priority, 1);
	assert_int_equal(r->out.op_count, 3);
	assert_int_equal(r->out.ops[0].kind, OP_REOPEN);
	assert_str(rig_op(r, OP_RAISE)->body, "{\"priority\":\"P1\"}");
	assert_str(rig_op(r, OP_RAISE)->marker, "P2");
}

static void reopening_never_lowers(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, MINUTE);
	r->verdict.priority = 4;
	rig_apply(r);
	assert_int_equal(r->out.incident.priority, 2);
	assert_int_equal(r->out.op_count, 2);
}

static void alarm_after_the_window_opens_anew(void **state)
{
	struct rig *r = *state;
	const struct change *c;

	rig_resolved(r, 24 * HOUR + 1);
	r->verdict.priority = 3;
	c = rig_apply(r);
	assert_int_equal(c->action, ACTION_CREATE);
	assert_int_equal(c->incident.id, 0);
	assert_int_equal(c->incident.version, 0);
	assert_int_equal(c->incident.incarnation, 2);
	assert_int_equal(c->incident.priority, 3);
	assert_str(c->incident.previous, "INC0000007");
	assert_str(c->incident.remote, NULL);
	assert_str(rig_op(r, OP_CREATE)->marker, "tocsin-aaaabbbbccccdddd-2");
	assert_holds(rig_op(r, OP_CREATE)->body,
		     "Previous incident: INC0000007");
	assert_int_equal(rig_op(r, OP_CREATE)->incident, 0);
}

/* ---- a person closed it ---- */

static void closed_then_new(void **state)
{
	struct rig *r = *state;

	rig_closed(r, STILL_NEW);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_CREATE);
	assert_int_equal(r->out.incident.incarnation, 2);
	assert_str(r->out.incident.previous, "INC0000007");
}

static void closed_then_reopened(void **state)
{
	struct rig *r = *state;

	rig_closed(r, STILL_REOPEN);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_REOPEN);
	assert_int_equal(r->out.incident.incarnation, 1);
	assert_int_equal(r->out.incident.state, INCIDENT_OPEN);
	rig_op(r, OP_REOPEN);
}

/* An operator dropped its create: nothing is there to be reopened. */
static void dropped_create_opens_anew(void **state)
{
	struct rig *r = *state;

	rig_closed(r, STILL_REOPEN);
	r->incident.remote = STR_NONE;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_CREATE);
	assert_int_equal(r->out.incident.incarnation, 2);
}

static void closed_and_left_until_an_ok(void **state)
{
	struct rig *r = *state;

	rig_closed(r, STILL_LEAVE);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_int_equal(r->out.op_count, 0);
	assert_int_equal(r->out.incident.state, INCIDENT_CLOSED);
	assert_int_equal(r->out.incident.events, 2);

	r->incident = r->out.incident;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_int_equal(r->out.op_count, 0);
	assert_true(r->out.incident_changed);

	r->incident = r->out.incident;
	rig_state(r, ALARM_FIRING);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_CREATE);
	assert_int_equal(r->out.incident.incarnation, 2);
}

static void ok_doesnt_change_what_reopen_means(void **state)
{
	struct rig *r = *state;

	rig_closed(r, STILL_REOPEN);
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_false(r->out.incident_changed);
}

/* ---- priority ---- */

static void priority_rises(void **state)
{
	struct rig *r = *state;
	const struct op *op;

	rig_open(r);
	r->verdict.priority = 1;
	r->verdict.severity = SEVERITY_CRITICAL;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_RAISE);
	assert_int_equal(r->out.incident.priority, 1);
	assert_int_equal(r->out.incident.severity, SEVERITY_CRITICAL);
	op = rig_op(r, OP_RAISE);
	assert_str(op->body, "{\"priority\":\"P1\"}");
	assert_str(op->marker, "P2");
	assert_int_equal(op->priority, 1);
	assert_str(op->events, NULL);
	op = rig_op(r, OP_NOTE);
	assert_false(op->held);
	assert_str(op->marker, "alarm");
}

static void rise_frees_the_held_note(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_tail(r, OP_NOTE);
	r->tail.held = true;
	r->tail.not_before_ms = INT64_MAX / 4;
	r->verdict.priority = 1;
	rig_apply(r);
	assert_int_equal(r->out.op_count, 2);
	assert_true(r->out.merged >= 0);
	assert_false(r->out.ops[r->out.merged].held);
	assert_int_equal(r->out.ops[r->out.merged].not_before_ms, NOW);
}

static void priority_never_falls(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->verdict.priority = 4;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_NOTE);
	assert_int_equal(r->out.incident.priority, 2);
	assert_int_equal(r->out.op_count, 1);
}

/* ---- order ---- */

static void alarm_older_than_an_ok_opens_nothing(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.id = 0;
	r->member.state = ALARM_OK;
	r->member.changed_ms = r->alarm.time_ms + 1;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_holds(str_from(r->out.because), "older");
	assert_int_equal(r->out.op_count, 0);
	assert_false(r->out.member_changed);
}

static void alarm_older_than_the_ok_reopens_nothing(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, MINUTE);
	r->member.changed_ms = r->alarm.time_ms + 1;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_false(r->out.incident_changed || r->out.member_changed);
}

static void older_ok_resolves_nothing(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->member.changed_ms = r->alarm.time_ms + 1;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_false(r->out.incident_changed || r->out.member_changed);
	/* Nor does an older deletion. */
	rig_state(r, ALARM_FIRING);
	r->alarm.event = ALARM_DELETED;
	assert_int_equal(rig_apply(r)->action, ACTION_IGNORE);
}

static void older_alarm_of_a_firing_one_is_a_repeat(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->member.changed_ms = r->alarm.time_ms + 1;
	r->incident.changed_ms = r->member.changed_ms;
	r->verdict.priority = 1;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_NOTE);
	assert_int_equal(r->out.op_count, 1);
	assert_false(r->out.member_changed);
	assert_int_equal(r->out.incident.priority, 2);
	assert_int_equal(r->out.incident.changed_ms, r->member.changed_ms);
}

static void same_moment_counts_as_newer(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->member.changed_ms = r->alarm.time_ms;
	rig_state(r, ALARM_OK);
	assert_int_equal(rig_apply(r)->action, ACTION_RESOLVE);
}

/* ---- other states ---- */

static void unknown_state_is_noted_never_ok(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_state(r, ALARM_UNKNOWN);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_NOTE);
	assert_int_equal(r->out.incident.state, INCIDENT_OPEN);
	assert_int_equal(r->out.member.state, ALARM_FIRING);
	assert_holds(rig_op(r, OP_NOTE)->body, "SNOOZED at ");
	rig_resolved(r, MINUTE);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
	assert_int_equal(r->out.op_count, 0);
	assert_int_equal(r->out.member.state, ALARM_OK);
	r->incident.id = 0;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_IGNORE);
}

static void insufficient_data_by_policy(void **state)
{
	static const struct {
		enum insufficient policy;
		bool open;
		enum action action;
		enum incident_state then;
		enum alarm_state member;
	} rows[] = {
		{ INSUFFICIENT_IGNORE, true, ACTION_IGNORE, INCIDENT_OPEN,
		  ALARM_FIRING },
		{ INSUFFICIENT_IGNORE, false, ACTION_IGNORE, 0, ALARM_NONE },
		{ INSUFFICIENT_NOTE, true, ACTION_NOTE, INCIDENT_OPEN,
		  ALARM_FIRING },
		{ INSUFFICIENT_NOTE, false, ACTION_IGNORE, 0, ALARM_NONE },
		{ INSUFFICIENT_OPEN, true, ACTION_NOTE, INCIDENT_OPEN,
		  ALARM_FIRING },
		{ INSUFFICIENT_OPEN, false, ACTION_CREATE, INCIDENT_OPEN,
		  ALARM_FIRING },
		{ INSUFFICIENT_RESOLVE, true, ACTION_RESOLVE,
		  INCIDENT_RESOLVED, ALARM_OK },
		{ INSUFFICIENT_RESOLVE, false, ACTION_IGNORE, 0, ALARM_OK },
	};
	struct rig *r = *state;

	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		rig_open(r);
		if (!rows[k].open) {
			r->incident.id = 0;
			r->member = (struct member){ .incident = 0 };
		}
		r->verdict.insufficient = rows[k].policy;
		rig_state(r, ALARM_INSUFFICIENT);
		rig_apply(r);
		assert_int_equal(r->out.action, rows[k].action);
		assert_int_equal(r->out.incident.state, rows[k].then);
		assert_int_equal(r->out.member.state, rows[k].member);
	}
}

/* ---- held back by CloudWatch ---- */

static void suppressed_alarm_is_held(void **state)
{
	struct rig *r = *state;

	r->alarm.suppressed_by = STR("Alarm");
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_HOLD);
	assert_int_equal(r->out.op_count, 0);
	assert_false(r->out.incident_changed);
	assert_int_equal(r->out.member.wait, WAIT_HOLD);
	assert_str(r->out.member.held_by, "CloudWatch");
	assert_str(r->out.member.held_about, "Alarm");
	assert_true(member_held_outside(&r->out.member));
	assert_int_equal(r->out.member.due_ms, NOW + HOUR);
	/* Afterwards it comes again, with the same time, and opens. */
	r->member = r->out.member;
	r->member.subject = STR("x");
	r->alarm.suppressed_by = STR_NONE;
	assert_int_equal(rig_apply(r)->action, ACTION_CREATE);
	assert_int_equal(r->out.member.wait, WAIT_NONE);
}

/* Nobody knows when a suppressor alarm ends: each look holds it on. */
static void suppressed_alarm_is_looked_at_again(void **state)
{
	struct rig *r = *state;
	int64_t since_ms;

	r->alarm.suppressed_by = STR("Alarm");
	rig_apply(r);
	since_ms = r->out.member.since_ms;
	r->member = r->out.member;
	r->member.subject = STR("x");
	r->now_ms = NOW + HOUR;
	assert_int_equal(rig_due(r)->action, ACTION_HOLD);
	assert_int_equal(r->out.member.due_ms, NOW + 2 * HOUR);
	assert_int_equal(r->out.member.since_ms, since_ms);
	assert_int_equal(r->out.op_count, 0);
}

static void muted_alarm_opens_after_the_window(void **state)
{
	struct rig *r = *state;

	r->alarm.suppressed_by = STR("mute rule");
	r->alarm.suppressed_reason = STR("muted from A to B");
	r->alarm.suppressed_until_ms = NOW + 30 * MINUTE;
	assert_int_equal(rig_apply(r)->action, ACTION_HOLD);
	assert_str(r->out.member.held_about, "muted from A to B");
	/* CloudWatch's own message of it comes first. */
	assert_int_equal(r->out.member.due_ms, NOW + 32 * MINUTE);
	r->member = r->out.member;
	r->member.subject = STR("x");
	r->now_ms = NOW + 32 * MINUTE;
	assert_int_equal(rig_due(r)->action, ACTION_CREATE);
	assert_int_equal(r->out.member.wait, WAIT_NONE);
}

static void suppressed_alarm_of_an_open_incident_is_a_repeat(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->alarm.suppressed_by = STR("AlarmMuteRule");
	assert_int_equal(rig_apply(r)->action, ACTION_NOTE);
}

static void suppressed_ok_resolves(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	rig_state(r, ALARM_OK);
	r->alarm.suppressed_by = STR("AlarmMuteRule");
	assert_int_equal(rig_apply(r)->action, ACTION_RESOLVE);
}

/* ---- the create is a dead letter ---- */

static void failed_create_gathers_notes(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.state = INCIDENT_FAILED;
	r->incident.remote = STR_NONE;
	r->verdict.priority = 1;
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_NOTE);
	assert_int_equal(r->out.incident.state, INCIDENT_FAILED);
	assert_int_equal(r->out.op_count, 1);
	assert_int_equal(r->out.incident.priority, 2);
}

/* Tried again after its alarm cleared, it mustn't stay open for ever. */
static void failed_create_resolves_behind_it(void **state)
{
	struct rig *r = *state;

	rig_open(r);
	r->incident.state = INCIDENT_FAILED;
	r->incident.remote = STR_NONE;
	rig_state(r, ALARM_OK);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_RESOLVE);
	assert_int_equal(r->out.incident.state, INCIDENT_FAILED);
	assert_int_equal(r->out.incident.resolved_ms, NOW);
	rig_op(r, OP_NOTE);
	rig_op(r, OP_RESOLVE);
	/* Once. */
	r->incident = r->out.incident;
	r->member.state = ALARM_OK;
	assert_int_equal(rig_apply(r)->action, ACTION_IGNORE);
	/* It fires again: not to be resolved. */
	rig_tail(r, OP_RESOLVE);
	rig_state(r, ALARM_FIRING);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_NOTE);
	assert_true(r->out.cancel_resolve);
	assert_int_equal(r->out.incident.resolved_ms, 0);
	assert_int_equal(r->out.incident.state, INCIDENT_FAILED);
	assert_int_equal(r->out.op_count, 1);
}

static void names_are_total(void **state)
{
	(void)state;
	for (int k = -1; k < 12; k++) {
		assert_non_null(action_name((enum action)k));
		assert_non_null(op_kind_name((enum op_kind)k));
		assert_non_null(op_state_name((enum op_state)k));
	}
	assert_string_equal(action_name(ACTION_CATCH_ALL), "catch-all");
	assert_string_equal(op_kind_name(OP_AUDIT), "audit");
	assert_string_equal(op_state_name(OP_IN_DOUBT), "in doubt");
}

static void creates_go_before_patches_before_notes(void **state)
{
	int last = -1;

	(void)state;
	for (int p = 1; p <= 4; p++) {
		struct op op = { .kind = OP_CREATE, .priority = p };

		assert_true(op_rank(&op) > last);
		last = op_rank(&op);
	}
	for (int p = 1; p <= 4; p++) {
		struct op op = { .kind = OP_RESOLVE, .priority = p };

		assert_true(op_rank(&op) > last);
		last = op_rank(&op);
	}
	for (int p = 1; p <= 4; p++) {
		struct op op = { .kind = OP_NOTE, .priority = p };

		assert_true(op_rank(&op) > last);
		last = op_rank(&op);
	}
	assert_true(op_rank(&(struct op){ .kind = OP_AUDIT }) > last);
	assert_int_equal(op_rank(&(struct op){ .kind = OP_CONFIRM }), 0);
	assert_int_equal(op_rank(&(struct op){ .kind = OP_CREATE,
					       .priority = 77 }), 4);
	assert_int_equal(op_rank(&(struct op){ .kind = OP_CREATE,
					       .priority = -3 }), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(alarm_opens),
		TEST(what_nobody_claims_opens_as_catch_all),
		TEST(ok_without_an_incident_is_remembered),
		TEST(failed_allocation_is_told),
		TEST(first_repeat_is_noted_at_once),
		TEST(next_repeat_waits_for_the_budget),
		TEST(budget_survives_a_clock_that_jumped_back),
		TEST(repeats_share_the_waiting_note),
		TEST(repeat_joins_a_waiting_note_of_a_change),
		TEST(used_up_budget_holds_until_a_change),
		TEST(full_note_is_let_go),
		TEST(full_note_that_goes_already_stays_as_it_is),
		TEST(backing_off_isnt_cut_short),
		TEST(ok_resolves),
		TEST(ok_before_the_create_says_so),
		TEST(ok_after_the_end_is_recorded_only),
		TEST(policy_that_never_resolves_notes),
		TEST(one_ok_of_several_only_notes),
		TEST(joined_note_still_tells_of_the_alarm),
		TEST(deleted_alarm_counts_as_ok),
		TEST(configured_alarm_changes_nothing),
		TEST(notice_changes_nothing),
		TEST(what_is_told_again_is_no_news),
		TEST(an_old_begin_told_after_an_end_reopens),
		TEST(alarm_within_the_window_reopens),
		TEST(unsent_resolve_is_cancelled),
		TEST(reopening_raises_too),
		TEST(reopening_never_lowers),
		TEST(alarm_after_the_window_opens_anew),
		TEST(closed_then_new),
		TEST(closed_then_reopened),
		TEST(dropped_create_opens_anew),
		TEST(closed_and_left_until_an_ok),
		TEST(ok_doesnt_change_what_reopen_means),
		TEST(priority_rises),
		TEST(rise_frees_the_held_note),
		TEST(priority_never_falls),
		TEST(alarm_older_than_an_ok_opens_nothing),
		TEST(alarm_older_than_the_ok_reopens_nothing),
		TEST(older_ok_resolves_nothing),
		TEST(older_alarm_of_a_firing_one_is_a_repeat),
		TEST(same_moment_counts_as_newer),
		TEST(unknown_state_is_noted_never_ok),
		TEST(insufficient_data_by_policy),
		TEST(suppressed_alarm_is_held),
		TEST(suppressed_alarm_is_looked_at_again),
		TEST(muted_alarm_opens_after_the_window),
		TEST(suppressed_alarm_of_an_open_incident_is_a_repeat),
		TEST(suppressed_ok_resolves),
		TEST(failed_create_gathers_notes),
		TEST(failed_create_resolves_behind_it),
		TEST(names_are_total),
		TEST(creates_go_before_patches_before_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
