#ifndef UNIT_INCIDENT_HELP_H
#define UNIT_INCIDENT_HELP_H

/* What the tests of lib/incident share; each is a program of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "doc/json.h"
#include "incident/incident.h"
#include "incident/text.h"

/* 2026-11-21T10:00:00Z */
#define NOW INT64_C(1795255200000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define MARKER STR("tocsin-aaaabbbbccccdddd")
#define EVENT STR("e0000000000001")

#define assert_str(s, text)                                              \
	do {                                                             \
		struct str s_ = (s);                                     \
		const char *t_ = (text);                                 \
		if (!t_ ? s_.n != 0 : !str_is(s_, t_))                   \
			fail_msg("%s is \"%.*s\", expected %s", #s,      \
				 STR_ARG(s_), t_ ? t_ : "nothing");      \
	} while (0)

#define assert_holds(s, text)                                            \
	do {                                                             \
		struct str s_ = (s);                                     \
		if (str_find(s_, str_from(text)) < 0)                    \
			fail_msg("%s is \"%.*s\", without \"%s\"", #s,   \
				 STR_ARG(s_), text);                     \
	} while (0)

/* What one call of incident_apply() is given, and what it said. */
struct rig {
	struct arena *arena;
	struct incident incident;	/* id 0: there is none */
	struct member member;		/* subject none: never seen */
	struct op tail;			/* kind 0: none */
	unsigned others_firing;
	struct alarm alarm;
	struct verdict verdict;
	int64_t now_ms;
	struct change out;
};

static inline int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->arena = arena_new(64 << 20);
	assert_non_null(r->arena);
	r->now_ms = NOW;
	r->alarm = (struct alarm){
		.source = "cloudwatch",
		.kind = "metric-alarm",
		.event = ALARM_CHANGED,
		.state = ALARM_FIRING,
		.state_text = STR("ALARM"),
		.account = STR("111122223333"),
		.region = STR("us-east-1"),
		.name = STR("pay-db-cpu"),
		.reason = STR("Threshold Crossed"),
		.time_ms = NOW - 2 * SECOND,
	};
	r->verdict = (struct verdict){
		.team = STR("payments"),
		.policy = STR("pay-db"),
		.where = STR("20-payments.yaml:52"),
		.severity = SEVERITY_HIGH,
		.priority = 2,
		.dedup_key = STR("111122223333/us-east-1/pay-db-cpu"),
		.short_description = STR("pay-db-cpu is ALARM"),
		.description = STR("CPU is high.\nLook at the database."),
		.category = STR("monitoring"),
		.subcategory = STR("cloudwatch"),
		.assignment_group = STR("Payments SRE"),
		.insufficient = INSUFFICIENT_NOTE,
		.notes_every_ms = 5 * MINUTE,
		.notes_max = 50,
		.resolve = true,
		.reopen_within_ms = 24 * HOUR,
		.still_firing = STILL_NEW,
	};
	*state = r;
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *r = *state;

	arena_free(r->arena);
	free(r);
	return 0;
}

/* An incident that its alarm opened a minute ago, created in StackFlow. */
static inline void rig_open(struct rig *r)
{
	r->incident = (struct incident){
		.id = 7,
		.key = r->verdict.dedup_key,
		.incarnation = 1,
		.version = 3,
		.state = INCIDENT_OPEN,
		.remote = STR("INC0000007"),
		.priority = 2,
		.severity = SEVERITY_HIGH,
		.team = r->verdict.team,
		.policy = r->verdict.policy,
		.where = r->verdict.where,
		.short_description = r->verdict.short_description,
		.assignment_group = r->verdict.assignment_group,
		.account = r->alarm.account,
		.region = r->alarm.region,
		.alarm = r->alarm.name,
		.opened_ms = NOW - MINUTE,
		.changed_ms = NOW - MINUTE,
		.events = 1,
		.reopen_within_ms = r->verdict.reopen_within_ms,
		.notes_every_ms = r->verdict.notes_every_ms,
		.notes_max = r->verdict.notes_max,
		.still_firing = r->verdict.still_firing,
	};
	r->member = (struct member){
		.id = 5,
		.subject = STR("arn:aws:cloudwatch:us-east-1:111122223333:"
			       "alarm:pay-db-cpu"),
		.incident = 7,
		.state = ALARM_FIRING,
		.changed_ms = NOW - MINUTE,
	};
}

static inline void rig_resolved(struct rig *r, int64_t ago_ms)
{
	rig_open(r);
	r->incident.state = INCIDENT_RESOLVED;
	r->incident.resolved_ms = NOW - ago_ms;
	r->member.state = ALARM_OK;
}

static inline void rig_closed(struct rig *r, enum still_firing still)
{
	rig_open(r);
	r->incident.state = INCIDENT_CLOSED;
	r->incident.still_firing = still;
}

static inline void rig_tail(struct rig *r, enum op_kind kind)
{
	r->tail = (struct op){
		.id = 31,
		.incident = r->incident.id,
		.kind = kind,
		.state = OP_READY,
		.priority = r->incident.priority,
		.created_ms = NOW - 30 * SECOND,
		.not_before_ms = NOW - 30 * SECOND,
	};
	if (kind != OP_NOTE)
		return;
	r->tail.body = STR("Alarm repeated: ALARM at "
			   "2026-11-21T09:59:30Z: pay-db-cpu");
	r->tail.events = STR("e0000000000000");
	r->tail.count = 1;
	r->tail.marker = STR("alarm");
}

static inline void rig_state(struct rig *r, enum alarm_state state)
{
	r->alarm.state = state;
	r->alarm.state_text = str_from(state == ALARM_UNKNOWN ? "SNOOZED" :
				       alarm_state_name(state));
}

static inline const struct change *rig_apply_on(struct rig *r,
						enum occasion on)
{
	const struct situation s = {
		.incident = r->incident.id ? &r->incident : NULL,
		.member = r->member.subject.p ? &r->member : NULL,
		.others_firing = r->others_firing,
		.tail_note = r->tail.kind == OP_NOTE ? &r->tail : NULL,
		.tail_resolve = r->tail.kind == OP_RESOLVE ? &r->tail : NULL,
	};

	const struct handled_event e = {
		.alarm = &r->alarm, .id = EVENT, .seq = 11, .on = on,
	};

	assert_int_equal(incident_apply(&r->out, r->arena, &s, &e,
					&r->verdict, MARKER, r->now_ms), 0);
	assert_true(r->out.op_count <= CHANGE_OPS);
	assert_non_null(r->out.because);
	return &r->out;
}

static inline const struct change *rig_apply(struct rig *r)
{
	return rig_apply_on(r, ON_EVENT);
}

/* What its wait was for has come. */
static inline const struct change *rig_due(struct rig *r)
{
	return rig_apply_on(r, ON_WAIT);
}

static inline const struct op *rig_op(const struct rig *r, enum op_kind kind)
{
	for (size_t i = 0; i < r->out.op_count; i++)
		if (r->out.ops[i].kind == kind && (int)i != r->out.merged)
			return &r->out.ops[i];
	fail_msg("no new %s among %zu ops", op_kind_name(kind),
		 r->out.op_count);
	return NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

#endif
