#include "help.h"

#include <errno.h>

static const enum still_firing policies[] = { STILL_NEW, STILL_REOPEN,
					      STILL_LEAVE };

static enum send ask(enum op_kind kind, struct str marker,
		     enum incident_state state, enum still_firing still,
		     struct str remote)
{
	const struct incident i = { .state = state,
				    .still_firing = still,
				    .priority = 2 };
	const struct op op = { .kind = kind, .marker = marker };
	const struct remote_view view = { .state = remote, .priority = 3 };

	return incident_before_send(&i, &op, &view);
}

/* Every operation by every state in StackFlow; policies where they matter. */
static void by_remote_state(void **state)
{
	/* Of new, in_progress, resolved, closed: + send, - not needed, S a
	 * successor, R reopen first. By new, reopen, leave. */
	static const struct {
		enum op_kind kind;
		const char *marker;
		enum incident_state local;
		const char *want[3];
	} rows[] = {
		{ OP_NOTE, "alarm", INCIDENT_OPEN,
		  { "++SS", "++RS", "++--" } },
		/* No news of an ALARM, or the alarm is over. */
		{ OP_NOTE, "", INCIDENT_OPEN, { "+++-", "+++-", "+++-" } },
		{ OP_NOTE, "alarm", INCIDENT_RESOLVED,
		  { "+++-", "+++-", "+++-" } },
		{ OP_NOTE, "", INCIDENT_RESOLVED, { "+++-", "+++-", "+++-" } },
		{ OP_RESOLVE, "", INCIDENT_RESOLVED,
		  { "++--", "++--", "++--" } },
		{ OP_REOPEN, "", INCIDENT_OPEN, { "--+S", "--+S", "--+S" } },
		{ OP_REOPEN, "", INCIDENT_RESOLVED,
		  { "--+-", "--+-", "--+-" } },
		{ OP_RAISE, "P3", INCIDENT_OPEN, { "++--", "++--", "++--" } },
		{ OP_CREATE, "", INCIDENT_OPEN, { "++++", "++++", "++++" } },
		{ OP_MERGE, "", INCIDENT_OPEN, { "++++", "++++", "++++" } },
	};
	static const char letters[] = {
		[SEND_IT] = '+', [SEND_NOT_NEEDED] = '-',
		[SEND_SUCCESSOR] = 'S', [SEND_REOPEN_FIRST] = 'R',
	};
	const struct str remote[] = { STR("new"), STR("in_progress"),
				      STR("resolved"), STR("closed") };

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++)
		for (size_t p = 0; p < 3; p++)
			for (size_t v = 0; v < 4; v++)
				if (letters[ask(rows[k].kind,
						str_from(rows[k].marker),
						rows[k].local, policies[p],
						remote[v])] !=
				    rows[k].want[p][v])
					fail_msg("row %zu (%s), policy %zu, "
						 "%.*s", k,
						 op_kind_name(rows[k].kind), p,
						 STR_ARG(remote[v]));
}

/* A state that nobody has documented yet must not swallow anything. */
static void unknown_remote_state_is_open(void **state)
{
	(void)state;
	assert_int_equal(ask(OP_NOTE, STR("alarm"), INCIDENT_OPEN, STILL_NEW,
			     STR("on_hold")), SEND_IT);
	assert_int_equal(ask(OP_RESOLVE, STR_NONE, INCIDENT_RESOLVED,
			     STILL_NEW, STR_NONE), SEND_IT);
}

static enum send raise_from(struct str before, int remote, int ours)
{
	const struct incident i = { .state = INCIDENT_OPEN, .priority = ours };
	const struct op op = { .kind = OP_RAISE, .marker = before };
	const struct remote_view view = { .state = STR("new"),
					  .priority = remote };

	return incident_before_send(&i, &op, &view);
}

static void a_persons_priority_stands(void **state)
{
	(void)state;
	assert_int_equal(raise_from(STR("P3"), 3, 1), SEND_IT);
	assert_int_equal(raise_from(STR("P3"), 4, 1), SEND_NOT_NEEDED);
	assert_int_equal(raise_from(STR("P3"), 2, 1), SEND_NOT_NEEDED);
	/* It is so already. */
	assert_int_equal(raise_from(STR("P3"), 1, 1), SEND_NOT_NEEDED);
	/* Unreadable: nobody can be shown to have edited it. */
	assert_int_equal(raise_from(STR("P3"), 0, 1), SEND_IT);
	assert_int_equal(raise_from(STR("bad"), 3, 1), SEND_NOT_NEEDED);
}

static void succeed(struct rig *r, const struct op *op)
{
	const struct remote_view view = { .state = STR("closed"),
					  .priority = 2,
					  .category = STR("database"),
					  .subcategory = STR("rds") };

	assert_int_equal(incident_succeed(&r->out, r->arena, &r->incident, op,
					  &view, MARKER, NOW), 0);
}

static void successor_tells_of_the_note(void **state)
{
	struct rig *r = *state;
	const struct incident *i = &r->out.incident;
	const struct op *op = &r->out.ops[0];

	rig_open(r);
	rig_tail(r, OP_NOTE);
	r->incident.notes = 9;
	r->incident.note_after_ms = NOW + HOUR;
	r->tail.events = STR("e1 e2 e3");
	r->tail.count = 3;
	succeed(r, &r->tail);
	assert_int_equal(r->out.op_count, 1);
	assert_int_equal(r->out.merged, -1);
	assert_true(r->out.incident_changed);
	assert_false(r->out.member_changed);
	assert_int_equal(i->id, 0);
	assert_int_equal(i->version, 0);
	assert_int_equal(i->incarnation, 2);
	assert_int_equal(i->state, INCIDENT_OPEN);
	assert_str(i->remote, NULL);
	assert_str(i->previous, "INC0000007");
	assert_int_equal(i->events, 3);
	assert_int_equal(i->notes, 0);
	assert_int_equal(i->note_after_ms, 0);
	assert_int_equal(i->priority, 2);
	assert_int_equal(i->still_firing, r->incident.still_firing);
	assert_str(i->key, "111122223333/us-east-1/pay-db-cpu");
	assert_int_equal(op->kind, OP_CREATE);
	assert_int_equal(op->incident, 0);
	assert_str(op->events, "e1 e2 e3");
	assert_int_equal(op->count, 3);
	assert_str(op->marker, "tocsin-aaaabbbbccccdddd-2");
	assert_holds(op->body, "INC0000007 was closed by a person");
	assert_holds(op->body, "Alarm repeated");
	assert_holds(op->body, "\"category\":\"database\"");
	assert_holds(op->body, "\"subcategory\":\"rds\"");
	assert_holds(op->body, "Previous incident: INC0000007");
}

/* Its note follows as one of the successor, and tells of the event there. */
static void successor_of_a_reopen_tells_no_event(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, MINUTE);
	rig_apply(r);
	rig_op(r, OP_NOTE);
	{
		const struct op op = *rig_op(r, OP_REOPEN);

		succeed(r, &op);
	}
	assert_str(r->out.ops[0].events, NULL);
	assert_true(str_find(r->out.ops[0].body, STR("tocsin-event")) < 0);
	assert_true(str_find(r->out.ops[0].body, STR("state")) < 0);
	assert_holds(r->out.ops[0].body, "tocsin-ref: ");
}

/* An OK came between the question and the answer. */
static void successor_of_a_resolved_one_is_resolved(void **state)
{
	struct rig *r = *state;

	rig_resolved(r, SECOND);
	rig_tail(r, OP_NOTE);
	succeed(r, &r->tail);
	assert_int_equal(r->out.incident.state, INCIDENT_RESOLVED);
	assert_int_equal(r->out.incident.resolved_ms, NOW - SECOND);
	rig_closed(r, STILL_NEW);
	r->incident.resolved_ms = NOW - SECOND;
	succeed(r, &r->tail);
	assert_int_equal(r->out.incident.state, INCIDENT_OPEN);
	assert_int_equal(r->out.incident.resolved_ms, 0);
}

static void successor_without_memory(void **state)
{
	struct rig *r = *state;
	struct arena *tight = arena_new(64);
	const struct remote_view view = { .state = STR("closed") };

	rig_open(r);
	rig_tail(r, OP_NOTE);
	assert_int_equal(incident_succeed(&r->out, tight, &r->incident,
					  &r->tail, &view, MARKER, NOW),
			 -ENOMEM);
	arena_free(tight);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_remote_state),
		TEST(unknown_remote_state_is_open),
		TEST(a_persons_priority_stands),
		TEST(successor_tells_of_the_note),
		TEST(successor_of_a_reopen_tells_no_event),
		TEST(successor_of_a_resolved_one_is_resolved),
		TEST(successor_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
