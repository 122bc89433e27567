/*
 * How the parts of the rules play together, case by case: each test is named
 * after its row of the table in the design of the rules.
 */
#include "life.h"

#define HEAD \
	"version: 1\n" \
	"team: payments\n" \
	"owners: [ana@example.com]\n" \
	"claims: [{alarm: \"*\"}]\n"
/* NOW is a Saturday, 10:00 in UTC. */
#define WINDOW \
	"windows:\n" \
	"  patching: {every: \"Sat 10:10-11:00\", tz: UTC,\n" \
	"             until: 2027-03-31, owner: dba}\n"
#define SUPPRESS \
	"suppress: [{id: in-patching, match: {}, during: patching}]\n"

#define PLATFORM(more) \
	"version: 1\nteam: platform\nplatform: true\n" \
	"owners: [ops@example.com]\n" more

static void open_when_together_with_open_after_is_a_load_error(void **state)
{
	const char *text = HEAD
		"policies:\n"
		"  - {id: p, match: {}, open_after: 3m,\n"
		"     open_when: {count: 3, within: 10m}}\n";
	struct rule_source source = { .name = "r.yaml",
				      .text = str_from(text) };
	struct faults faults;
	struct ruleset *r;

	(void)state;
	faults_init(&faults);
	r = ruleset_load(&source, 1, &faults, NULL);
	assert_int_equal(faults.errors, 1);
	assert_non_null(strstr(faults.list[0].text, "open_when"));
	faults_fini(&faults);
	ruleset_free(r);
}

/* ---- open_after runs out inside a hold ---- */

static const char in_hold[] = HEAD WINDOW
	"policies: [{id: p, match: {}, open_after: 3m}]\n" SUPPRESS;

static void open_after_that_runs_out_in_a_hold_opens_at_its_end(void **state)
{
	struct life *l = life_begin(in_hold, NULL);

	(void)state;
	assert_int_equal(firing(l, 8 * MINUTE, "db"), ACTION_HOLD);
	assert_string_equal(l->last.change.because,
			    "open_after: opens at 2026-11-21T10:11:00Z "
			    "unless it is OK before");
	life_at(l, 11 * MINUTE);
	assert_actions(l, "");
	assert_str(life_held_by(l, "db"), "in-patching");
	assert_int_equal(memory_next(l->m), NOW + HOUR);
	life_at(l, HOUR - 1);
	assert_actions(l, "");
	life_at(l, HOUR);
	assert_actions(l, "create");
	assert_int_equal(life_incident(l, 0)->opened_ms, NOW + HOUR);
	assert_holds(memory_incident_fields(l->m, 0),
		     "Held back by in-patching (window patching), in ALARM since "
		     "2026-11-21T10:08:00Z.");
	assert_str(life_held_by(l, "db"), NULL);
	life_end(l);
}

static void open_after_in_a_hold_an_ok_inside_ends_it_suppressed(void **state)
{
	struct life *l = life_begin(in_hold, NULL);

	(void)state;
	firing(l, 8 * MINUTE, "db");
	assert_int_equal(okay(l, 30 * MINUTE, "db"), ACTION_IGNORE);
	assert_string_equal(l->last.change.settled,
			    "suppressed by in-patching, OK before its end");
	assert_int_equal(l->last.change.settled_action, ACTION_HOLD);
	life_at(l, 3 * HOUR);
	assert_actions(l, "");
	assert_int_equal(memory_next(l->m), INT64_MAX);
	life_end(l);
}

static void open_after_an_ok_inside_is_counted_without_incident(void **state)
{
	struct life *l = life_begin(in_hold, NULL);

	(void)state;
	firing(l, 0, "db");
	assert_int_equal(okay(l, 3 * MINUTE - 1, "db"), ACTION_IGNORE);
	assert_holds(str_from(l->last.change.settled), "open_after");
	life_at(l, 9 * MINUTE);
	assert_actions(l, "");
	life_end(l);
}

/* Before any hold, also where both begin at once. */
static void open_after_comes_before_suppress(void **state)
{
	struct life *l = life_begin(in_hold, NULL);

	(void)state;
	firing(l, 20 * MINUTE, "db");
	okay(l, 22 * MINUTE, "db");
	assert_holds(str_from(l->last.change.settled), "open_after");
	firing(l, 24 * MINUTE, "db");
	okay(l, 28 * MINUTE, "db");
	assert_holds(str_from(l->last.change.settled), "suppressed by");
	life_end(l);
}

/* A repeat takes the place of what waits; the time goes on. */
static void open_after_counts_from_the_first_alarm(void **state)
{
	struct life *l = life_begin(in_hold, NULL);

	(void)state;
	firing(l, 0, "db");
	assert_int_equal(firing(l, 2 * MINUTE, "db"), ACTION_HOLD);
	assert_string_equal(l->last.change.settled,
			    "a newer ALARM of it waits in its place");
	life_at(l, 3 * MINUTE);
	assert_actions(l, "create");
	assert_int_equal(life_incident(l, 0)->event, 2);
	life_end(l);
}

/* ---- a hold begins on an open incident ---- */

static const char held_open[] = HEAD WINDOW
	"policies:\n"
	"  - id: p\n"
	"    match: {}\n"
	"    escalate: [{after: 15m, unless: acknowledged, raise_to: P1,\n"
	"                note: nobody has taken it}]\n" SUPPRESS;

static void hold_on_an_open_incident_counts_notes(void **state)
{
	struct life *l = life_begin(held_open, NULL);

	(void)state;
	firing(l, 9 * MINUTE, "db");
	assert_int_equal(firing(l, 20 * MINUTE, "db"), ACTION_HOLD);
	assert_holds(str_from(l->last.change.because), "counted, not sent");
	firing(l, 40 * MINUTE, "db");
	assert_actions(l, "create");
	assert_str(life_held_by(l, "db"), "in-patching");
	life_at(l, HOUR);
	/* The escalation was due at 24 minutes: it waited, too. */
	assert_actions(l, "create note raise note");
	assert_holds(memory_action(l->m, 1)->text, "Alarm repeated 2 times");
	assert_holds(life_note(l), "nobody has taken it\n"
				   "Escalated: P3 becomes P1.");
	life_end(l);
}

static void hold_on_an_open_incident_ok_resolves(void **state)
{
	struct life *l = life_begin(held_open, NULL);

	(void)state;
	firing(l, 9 * MINUTE, "db");
	firing(l, 20 * MINUTE, "db");
	assert_int_equal(okay(l, 25 * MINUTE, "db"), ACTION_RESOLVE);
	assert_actions(l, "create note resolve");
	assert_holds(life_note(l), "Alarm repeated: ALARM");
	assert_holds(life_note(l), "Resolved.");
	life_at(l, 3 * HOUR);
	assert_actions(l, "create note resolve");
	life_end(l);
}

/* No event comes inside it: the timer asks the rules itself. */
static void hold_on_an_open_incident_keeps_the_escalation_back(void **state)
{
	struct life *l = life_begin(held_open, NULL);

	(void)state;
	firing(l, 5 * MINUTE, "db");
	life_at(l, 59 * MINUTE);
	assert_actions(l, "create");
	life_at(l, HOUR);
	assert_actions(l, "create raise note");
	life_end(l);
}

/* ---- silences ---- */

static const char plain[] = HEAD "policies: [{id: p, match: {}}]\n";

static void silences_hold_as_suppress_does(void **state)
{
	struct life *l = life_begin(plain, NULL);

	(void)state;
	life_silence(l, "{alarm: \"d*\"}", HOUR);
	assert_int_equal(firing(l, MINUTE, "db"), ACTION_HOLD);
	assert_str(life_held_by(l, "db"), "s0000000000001");
	assert_int_equal(firing(l, 2 * MINUTE, "web"), ACTION_CREATE);
	life_at(l, HOUR);
	assert_actions(l, "create create");
	life_end(l);
}

/* Ended by hand: what it held is decided at once. */
static void silences_that_are_expired_hold_no_longer(void **state)
{
	struct life *l = life_begin(plain, NULL);

	(void)state;
	life_silence(l, "{alarm: db}", HOUR);
	firing(l, MINUTE, "db");
	life_at(l, 5 * MINUTE);
	life_silence(l, NULL, 0);
	assert_actions(l, "create");
	assert_int_equal(life_incident(l, 0)->opened_ms, NOW + 5 * MINUTE);
	life_end(l);
}

static void silences_are_bound_by_guards(void **state)
{
	struct life *l = life_begin(
		HEAD "severity: [{else: critical}]\n"
		"policies: [{id: p, match: {}}]\n",
		PLATFORM("guards:\n"
			 "  - {id: p1-never-held, match: {priority: P1},\n"
			 "     forbid: suppress}\n"));

	(void)state;
	life_silence(l, "{alarm: \"*\"}", HOUR);
	assert_int_equal(firing(l, MINUTE, "db"), ACTION_CREATE);
	life_end(l);
}

/* ---- never_above, raise_to look at the capped priority ---- */

static const char capped[] = HEAD WINDOW
	"severity: [{else: critical}]\n"
	"policies:\n"
	"  - id: p\n"
	"    match: {}\n"
	"    escalate: [{after: 5m, raise_to: P1, note: up}]\n"
	"suppress: [{id: s, match: {}, during: patching, never_above: P2}]\n";

#define CAP PLATFORM("guards: [{id: cap, match: {}, max_priority: P3}]\n")

static void never_above_looks_at_the_capped_priority(void **state)
{
	struct life *l = life_begin(capped, NULL);

	(void)state;
	assert_int_equal(firing(l, 20 * MINUTE, "db"), ACTION_CREATE);
	assert_int_equal(life_incident(l, 0)->priority, 1);
	life_end(l);
	l = life_begin(capped, CAP);
	assert_int_equal(firing(l, 20 * MINUTE, "db"), ACTION_HOLD);
	life_end(l);
}

static void raise_to_looks_at_the_capped_priority(void **state)
{
	struct life *l = life_begin(capped, CAP);

	(void)state;
	firing(l, 0, "db");
	life_at(l, 9 * MINUTE);
	assert_actions(l, "create note");
	assert_int_equal(life_incident(l, 0)->priority, 3);
	life_end(l);
}

/* ---- flap ---- */

static const char flapping[] = HEAD
	"policies:\n"
	"  - id: p\n"
	"    match: {}\n"
	"    open_after: 3m\n"
	"    flap: {transitions: 4, within: 30m, quiet_for: 20m}\n";

static void flap_before_open_after_is_met_opens(void **state)
{
	struct life *l = life_begin(flapping, NULL);

	(void)state;
	assert_int_equal(firing(l, 0, "db"), ACTION_HOLD);
	okay(l, MINUTE, "db");
	assert_int_equal(firing(l, 2 * MINUTE, "db"), ACTION_HOLD);
	okay(l, 3 * MINUTE, "db");
	assert_actions(l, "");
	assert_int_equal(firing(l, 4 * MINUTE, "db"), ACTION_CREATE);
	assert_actions(l, "create");
	life_end(l);
}

static void flap_one_incident_stays_open_while_it_flaps(void **state)
{
	struct life *l = life_begin(flapping, NULL);
	int64_t at = 0;

	(void)state;
	for (; at < 20 * MINUTE; at += 2 * MINUTE) {
		firing(l, at, "db");
		okay(l, at + MINUTE, "db");
	}
	assert_int_equal(memory_incidents(l->m), 1);
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_OPEN);
	/* The last OK came at 19 minutes. */
	life_at(l, 39 * MINUTE - 1);
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_OPEN);
	life_at(l, 39 * MINUTE);
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_RESOLVED);
	assert_int_equal(memory_next(l->m), INT64_MAX);
	life_end(l);
}

static void flap_with_stable_for_resolves_after_the_longer(void **state)
{
	static const struct {
		const char *stable;
		int64_t after_ms;
	} cases[] = { { "5m", 20 * MINUTE }, { "40m", 40 * MINUTE } };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		char text[1024];
		struct life *l;

		snprintf(text, sizeof(text), "%s    resolve: {when: OK, "
			 "stable_for: %s}\n", flapping, cases[k].stable);
		l = life_begin(text, NULL);
		for (int64_t at = 0; at < 8 * MINUTE; at += 2 * MINUTE) {
			firing(l, at, "db");
			okay(l, at + MINUTE, "db");
		}
		life_at(l, 7 * MINUTE + cases[k].after_ms - 1);
		assert_int_equal(life_incident(l, 0)->state, INCIDENT_OPEN);
		life_at(l, 7 * MINUTE + cases[k].after_ms);
		assert_int_equal(life_incident(l, 0)->state,
				 INCIDENT_RESOLVED);
		life_end(l);
	}
}

static void stable_for_an_alarm_before_its_end_keeps_it_open(void **state)
{
	struct life *l = life_begin(
		HEAD "policies: [{id: p, match: {},\n"
		"  resolve: {when: OK, stable_for: 10m}}]\n", NULL);

	(void)state;
	firing(l, 0, "db");
	assert_int_equal(okay(l, MINUTE, "db"), ACTION_NOTE);
	assert_holds(life_note(l), "Resolved when it stays OK for 10m.");
	assert_int_equal(okay(l, 2 * MINUTE, "db"), ACTION_IGNORE);
	firing(l, 5 * MINUTE, "db");
	assert_holds(life_note(l), "It did not stay OK.");
	life_at(l, 30 * MINUTE);
	assert_actions(l, "create note note");
	okay(l, 31 * MINUTE, "db");
	life_at(l, 41 * MINUTE);
	assert_actions(l, "create note note note resolve");
	assert_int_equal(life_incident(l, 0)->resolved_ms,
			 NOW + 41 * MINUTE);
	life_end(l);
}

/* ---- one key or group for several alarms ---- */

static const char grouped[] = HEAD
	"severity:\n"
	"  - {when: {alarm: \"*-hot\"}, set: high}\n"
	"  - {else: medium}\n"
	"policies:\n"
	"  - id: p\n"
	"    match: {}\n"
	"    group: {by: \"${account}\", within: 10m,\n"
	"            short_description: \"Latency in ${account}\"}\n";

static void group_members_resolve_when_all_are_ok(void **state)
{
	struct life *l = life_begin(grouped, NULL);

	(void)state;
	firing(l, 0, "a");
	assert_int_equal(firing(l, MINUTE, "b"), ACTION_NOTE);
	assert_holds(life_note(l), "ALARM at 2026-11-21T10:01:00Z: P3 b in "
				   "111122223333 eu-west-1");
	okay(l, 2 * MINUTE, "a");
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_OPEN);
	okay(l, 3 * MINUTE, "b");
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_RESOLVED);
	assert_int_equal(memory_incidents(l->m), 1);
	assert_str(life_incident(l, 0)->short_description,
		   "Latency in 111122223333");
	life_end(l);
}

static void group_priority_is_the_highest_ever(void **state)
{
	struct life *l = life_begin(grouped, NULL);

	(void)state;
	firing(l, 0, "a");
	assert_int_equal(firing(l, MINUTE, "b-hot"), ACTION_RAISE);
	okay(l, 2 * MINUTE, "b-hot");
	firing(l, 3 * MINUTE, "c");
	assert_int_equal(life_incident(l, 0)->priority, 2);
	assert_holds(memory_incident_fields(l->m, 0), "\"priority\":\"P2\"");
	life_end(l);
}

static void group_after_its_time_is_a_new_one(void **state)
{
	struct life *l = life_begin(grouped, NULL);

	(void)state;
	firing(l, 0, "a");
	firing(l, MINUTE, "b");
	/* In ALARM in the old one: it stays. */
	firing(l, 11 * MINUTE, "a");
	assert_int_equal(memory_incidents(l->m), 1);
	firing(l, 12 * MINUTE, "c");
	assert_int_equal(memory_incidents(l->m), 2);
	assert_int_equal(life_incident(l, 1)->incarnation, 2);
	/* It was over for b; the new one takes it. */
	okay(l, 13 * MINUTE, "b");
	firing(l, 14 * MINUTE, "b");
	assert_int_equal(memory_incidents(l->m), 2);
	okay(l, 15 * MINUTE, "a");
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_RESOLVED);
	assert_int_equal(life_incident(l, 1)->state, INCIDENT_OPEN);
	okay(l, 16 * MINUTE, "b");
	okay(l, 17 * MINUTE, "c");
	assert_int_equal(life_incident(l, 1)->state, INCIDENT_RESOLVED);
	life_end(l);
}

static void group_that_is_over_is_not_reopened(void **state)
{
	struct life *l = life_begin(grouped, NULL);

	(void)state;
	firing(l, 0, "a");
	okay(l, MINUTE, "a");
	assert_int_equal(firing(l, 2 * MINUTE, "b"), ACTION_REOPEN);
	okay(l, 3 * MINUTE, "b");
	assert_int_equal(firing(l, 10 * MINUTE, "a"), ACTION_CREATE);
	life_end(l);
}

/* What holds one of its alarms says nothing of the others. */
static void group_of_which_one_is_held_tells_of_the_others(void **state)
{
	struct life *l = life_begin(grouped, NULL);

	(void)state;
	firing(l, 0, "a");
	firing(l, MINUTE, "b");
	life_silence(l, "{alarm: a}", HOUR);
	assert_int_equal(firing(l, 7 * MINUTE, "a"), ACTION_HOLD);
	assert_actions(l, "create note");
	/* An OK is never held itself, but its note waits with the rest. */
	okay(l, 8 * MINUTE, "b");
	assert_actions(l, "create note");
	assert_int_equal(firing(l, 9 * MINUTE, "b"), ACTION_NOTE);
	assert_actions(l, "create note note");
	assert_holds(life_note(l), "Alarm repeated: ALARM at "
				   "2026-11-21T10:07:00Z: a");
	assert_holds(life_note(l), "OK at 2026-11-21T10:08:00Z: b");
	assert_holds(life_note(l), "ALARM at 2026-11-21T10:09:00Z: b");
	life_end(l);
}

static void one_key_for_several_alarms_resolves_when_all_are_ok(void **state)
{
	struct life *l = life_begin(
		HEAD "policies: [{id: p, match: {}, dedup_key: batch}]\n",
		NULL);

	(void)state;
	firing(l, 0, "a");
	firing(l, MINUTE, "b");
	okay(l, 2 * MINUTE, "b");
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_OPEN);
	okay(l, 3 * MINUTE, "a");
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_RESOLVED);
	assert_int_equal(memory_incidents(l->m), 1);
	life_end(l);
}

/* ---- limits ---- */

#define LIMIT PLATFORM("limits: {open_per_team: 2, within: 10m}\n")

static const char hot[] = HEAD
	"severity:\n"
	"  - {when: {alarm: \"*-sev1\"}, set: critical}\n"
	"  - {else: medium}\n"
	"policies: [{id: p, match: {}}]\n";

static void limits_reached_joins_the_teams_parent(void **state)
{
	struct life *l = life_begin(hot, LIMIT);
	const struct incident *parent;

	(void)state;
	firing(l, 0, "a");
	firing(l, SECOND, "b");
	assert_int_equal(firing(l, 2 * SECOND, "c"), ACTION_CREATE);
	assert_int_equal(firing(l, 3 * SECOND, "d"), ACTION_NOTE);
	assert_int_equal(firing(l, 4 * SECOND, "e"), ACTION_NOTE);
	assert_int_equal(memory_incidents(l->m), 3);
	parent = life_incident(l, 2);
	assert_true(parent->parent);
	assert_str(parent->key, "limit/payments");
	assert_str(parent->team, "payments");
	assert_holds(memory_incident_fields(l->m, 2), ": P3 c in 1111");
	/* Both stand in its notes, the second when the budget lets it. */
	assert_holds(life_note(l), ": P3 d in 1111");
	okay(l, MINUTE, "c");
	okay(l, MINUTE, "d");
	assert_int_equal(life_incident(l, 2)->state, INCIDENT_OPEN);
	okay(l, MINUTE, "e");
	assert_holds(life_note(l), ": P3 e in 1111");
	assert_int_equal(life_incident(l, 2)->state, INCIDENT_RESOLVED);
	/* Ten minutes after the first two there is room again. */
	assert_int_equal(firing(l, 12 * MINUTE, "f"), ACTION_CREATE);
	assert_false(life_incident(l, 3)->parent);
	life_end(l);
}

static void limits_reached_lists_every_alarm(void **state)
{
	struct life *l = life_begin(hot, LIMIT);
	char name[32];

	(void)state;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "alarm-%03d", i);
		life_at(l, i * 100);
		life_send(l, life_alarm(l, arena_printf(l->arena, "%s",
							name).p,
					ALARM_FIRING));
	}
	life_at(l, HOUR);
	assert_int_equal(memory_incidents(l->m), 3);
	for (int i = 3; i < 500; i++) {
		unsigned found = 0;

		snprintf(name, sizeof(name), " alarm-%03d ", i);
		for (size_t k = 0; k < memory_actions(l->m); k++)
			found += str_find(memory_action(l->m, k)->text,
					  str_from(name)) >= 0;
		assert_int_equal(found, 1);
	}
	/* In notes that are read, not in five hundred. */
	assert_true(memory_actions(l->m) < 20);
	life_end(l);
}

static void limits_reached_p1_never_joins(void **state)
{
	struct life *l = life_begin(hot, LIMIT);

	(void)state;
	firing(l, 0, "a");
	firing(l, SECOND, "b");
	firing(l, 2 * SECOND, "c-sev1");
	assert_int_equal(memory_incidents(l->m), 3);
	assert_false(life_incident(l, 2)->parent);
	assert_int_equal(life_incident(l, 2)->priority, 1);
	life_end(l);
}

/* ---- acknowledged ---- */

static void acknowledged_is_a_state_or_an_assignee(void **state)
{
	static const struct {
		struct remote_view view;
		bool yes;
	} cases[] = {
		{ { .state = STR("new") }, false },
		{ { .state = STR("in_progress") }, true },
		{ { .state = STR("new"), .assigned_to = STR("ana") }, true },
		{ { .state = STR_NONE }, false },	/* unreadable */
	};
	struct arena *arena = arena_new(1 << 20);
	const struct incident i = { .id = 1, .state = INCIDENT_OPEN,
				    .priority = 3 };
	const struct op op = {
		.kind = OP_ESCALATE,
		.body = STR("{\"unless\":\"acknowledged\",\"raise_to\":1}"),
	};
	struct change c;

	(void)state;
	for (size_t k = 0; k < 4; k++) {
		assert_int_equal(incident_acknowledged(&cases[k].view),
				 cases[k].yes);
		assert_int_equal(incident_escalate(&c, arena, &i, &op,
						   &cases[k].view, NOW), 0);
		assert_int_equal(c.op_count, cases[k].yes ? 0 : 2);
	}
	assert_int_equal(incident_escalate(&c, arena, &i, &op, NULL, NOW), 0);
	assert_int_equal(c.op_count, 2);
	assert_int_equal(c.incident.priority, 1);
	arena_free(arena);
}

static void acknowledged_incident_is_not_escalated(void **state)
{
	struct life *l = life_begin(held_open, NULL);
	const struct incident given = {
		.key = STR("111122223333/eu-west-1/db"),
		.state = INCIDENT_OPEN, .priority = 3, .remote = STR("INC9"),
		.team = STR("payments"), .policy = STR("p"),
		.short_description = STR("db"),
		.escalate_ms = NOW + MINUTE, .due_ms = NOW + MINUTE,
		.escalations = STR("0 {\"unless\":\"acknowledged\","
				   "\"raise_to\":1}\n"),
	};

	(void)state;
	assert_int_equal(memory_add_incident(l->m, &given,
		&(struct remote_view){ .state = STR("in_progress"),
				       .priority = 3 }), 0);
	life_at(l, 5 * MINUTE);
	assert_actions(l, "");
	assert_int_equal(okay(l, 6 * MINUTE, "db"), ACTION_RESOLVE);
	life_end(l);
}

/* ---- escalate ---- */

static const char escalating[] = HEAD
	"policies:\n"
	"  - id: p\n"
	"    match: {}\n"
	"    escalate:\n"
	"      - {after: 30m, note: still}\n"
	"      - {after: 15m, unless: acknowledged, raise_to: P2}\n";

static void escalate_starts_when_the_incident_opens(void **state)
{
	struct life *l = life_begin(escalating, NULL);

	(void)state;
	firing(l, 0, "db");
	life_at(l, 15 * MINUTE - 1);
	assert_actions(l, "create");
	life_at(l, 15 * MINUTE);
	assert_actions(l, "create raise note");
	assert_int_equal(life_incident(l, 0)->priority, 2);
	life_at(l, 30 * MINUTE);
	assert_actions(l, "create raise note note");
	assert_str(life_note(l), "still");
	assert_int_equal(memory_next(l->m), INT64_MAX);
	life_end(l);
}

static void escalate_starts_anew_when_it_reopens(void **state)
{
	struct life *l = life_begin(escalating, NULL);

	(void)state;
	firing(l, 0, "db");
	okay(l, 14 * MINUTE, "db");
	firing(l, 20 * MINUTE, "db");
	life_at(l, 35 * MINUTE - 1);
	assert_actions(l, "create note resolve reopen note");
	/* That we made it in_progress ourselves acknowledges nothing. */
	life_at(l, 35 * MINUTE);
	assert_actions(l, "create note resolve reopen note raise note");
	life_end(l);
}

static void escalate_ends_when_it_resolves(void **state)
{
	struct life *l = life_begin(escalating, NULL);

	(void)state;
	firing(l, 0, "db");
	okay(l, 14 * MINUTE, "db");
	assert_int_equal(memory_next(l->m), INT64_MAX);
	life_at(l, HOUR);
	assert_actions(l, "create note resolve");
	life_end(l);
}

static void escalate_keeps_its_entries_when_rules_change(void **state)
{
	struct life *l = life_begin(escalating, NULL);

	(void)state;
	firing(l, 0, "db");
	life_reload(l, plain, NULL);
	life_at(l, HOUR);
	assert_actions(l, "create raise note note");
	life_end(l);
}

/* ---- reopen ---- */

static void reopen_only_within_the_window(void **state)
{
	struct life *l = life_begin(
		HEAD "policies: [{id: p, match: {}, reopen_within: 1h}]\n",
		NULL);

	(void)state;
	firing(l, 0, "db");
	okay(l, MINUTE, "db");
	assert_int_equal(firing(l, 61 * MINUTE, "db"), ACTION_REOPEN);
	okay(l, 62 * MINUTE, "db");
	assert_int_equal(firing(l, 123 * MINUTE, "db"), ACTION_CREATE);
	assert_int_equal(memory_incidents(l->m), 2);
	assert_holds(memory_incident_fields(l->m, 1),
		     "Previous incident: INC0000001");
	life_end(l);
}

static void reopen_goes_through_open_after_and_suppress(void **state)
{
	struct life *l = life_begin(in_hold, NULL);

	(void)state;
	firing(l, 0, "db");
	okay(l, 5 * MINUTE, "db");
	assert_int_equal(firing(l, 6 * MINUTE, "db"), ACTION_HOLD);
	life_at(l, 9 * MINUTE);
	assert_actions(l, "create note resolve reopen note");
	okay(l, 10 * MINUTE, "db");
	assert_int_equal(firing(l, 11 * MINUTE, "db"), ACTION_HOLD);
	life_at(l, HOUR);
	assert_actions(l, "create note resolve reopen note note resolve "
			  "reopen note");
	life_end(l);
}

static struct incident closed(enum still_firing still)
{
	return (struct incident){
		.key = STR("111122223333/eu-west-1/db"),
		.incarnation = 1, .state = INCIDENT_CLOSED, .priority = 3,
		.remote = STR("INC9"), .team = STR("payments"),
		.policy = STR("p"), .short_description = STR("db"),
		.still_firing = still, .opened_ms = NOW - HOUR,
		.notes_max = 50,
	};
}

static void reopen_what_a_person_closed_goes_by_closed_by_person(void **state)
{
	static const struct {
		enum still_firing still;
		const char *actions;
	} cases[] = {
		{ STILL_NEW, "create" },
		{ STILL_REOPEN, "reopen note" },
		{ STILL_LEAVE, "" },
	};

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct life *l = life_begin(plain, NULL);
		struct incident i = closed(cases[k].still);

		assert_int_equal(memory_add_incident(l->m, &i,
			&(struct remote_view){ .state = STR("resolved") }),
			0);
		life_at(l, MINUTE);
		assert_actions(l, "");	/* nothing without a new ALARM */
		firing(l, 2 * MINUTE, "db");
		assert_actions(l, cases[k].actions);
		life_end(l);
	}
}

static void reopen_leave_lasts_until_an_ok(void **state)
{
	struct life *l = life_begin(plain, NULL);
	struct incident i = closed(STILL_LEAVE);

	(void)state;
	assert_int_equal(memory_add_incident(l->m, &i,
		&(struct remote_view){ .state = STR("closed") }), 0);
	firing(l, MINUTE, "db");
	firing(l, 2 * MINUTE, "db");
	okay(l, 3 * MINUTE, "db");
	assert_actions(l, "");
	firing(l, 4 * MINUTE, "db");
	assert_actions(l, "create");
	life_end(l);
}

/* ---- a field that a person edited ---- */

static void field_that_a_person_edited_is_not_touched_again(void **state)
{
	const struct incident i = { .id = 1, .state = INCIDENT_OPEN,
				    .priority = 2 };
	const struct op raise = { .kind = OP_RAISE, .marker = STR("P3") };
	struct remote_view view = { .state = STR("new"), .priority = 3 };

	(void)state;
	assert_int_equal(incident_before_send(&i, &raise, &view), SEND_IT);
	view.priority = 4;
	assert_int_equal(incident_before_send(&i, &raise, &view),
			 SEND_NOT_NEEDED);
}

/* ---- a reload changes key or team ---- */

static void reload_that_changes_the_key_keeps_the_open_incident(void **state)
{
	struct life *l = life_begin(plain, NULL);

	(void)state;
	firing(l, 0, "db");
	life_reload(l, "version: 1\nteam: data\nowners: [b@example.com]\n"
		       "claims: [{alarm: \"*\"}]\n"
		       "policies: [{id: q, match: {}, dedup_key: other}]\n",
		    NULL);
	assert_int_equal(firing(l, MINUTE, "db"), ACTION_NOTE);
	assert_int_equal(okay(l, 2 * MINUTE, "db"), ACTION_RESOLVE);
	assert_str(life_incident(l, 0)->key, "111122223333/eu-west-1/db");
	assert_str(life_incident(l, 0)->team, "payments");
	/* What is opened afterwards goes by the new rules. */
	assert_int_equal(firing(l, 3 * MINUTE, "db"), ACTION_CREATE);
	assert_str(life_incident(l, 1)->key, "other");
	life_end(l);
}

/* ---- order ---- */

static void alarm_older_than_a_known_ok_opens_nothing(void **state)
{
	struct life *l = life_begin(plain, NULL);
	struct alarm *a;

	(void)state;
	okay(l, 5 * MINUTE, "db");
	life_at(l, 6 * MINUTE);
	a = life_alarm(l, "db", ALARM_FIRING);
	a->time_ms = NOW + 4 * MINUTE;
	assert_int_equal(life_send(l, a), ACTION_IGNORE);
	assert_actions(l, "");
	life_end(l);
}

/* ---- unknown states ---- */

static void unknown_state_is_noted_and_never_taken_for_ok(void **state)
{
	struct life *l = life_begin(in_hold, NULL);

	(void)state;
	assert_int_equal(life_event(l, 0, "db", ALARM_UNKNOWN),
			 ACTION_IGNORE);
	firing(l, MINUTE, "db");
	/* It doesn't end the wait, either. */
	life_event(l, 2 * MINUTE, "db", ALARM_UNKNOWN);
	life_at(l, 4 * MINUTE);
	assert_actions(l, "create");
	assert_int_equal(life_event(l, 5 * MINUTE, "db", ALARM_UNKNOWN),
			 ACTION_NOTE);
	assert_int_equal(life_incident(l, 0)->state, INCIDENT_OPEN);
	life_end(l);
}

/* ---- OK while StackFlow is down: see ok_before_the_create_says_so in
 * apply_test.c, which nothing delivers for. ---- */

/* ---- open_when ---- */

static const char counting[] = HEAD
	"policies:\n"
	"  - id: p\n"
	"    match: {}\n"
	"    open_when: {count: 3, within: 10m}\n";

static void open_when_an_ok_does_not_reset_the_count(void **state)
{
	struct life *l = life_begin(counting, NULL);

	(void)state;
	assert_int_equal(firing(l, 0, "db"), ACTION_IGNORE);
	assert_string_equal(l->last.change.because,
			    "1 of the 3 ALARMs within 10m that open_when "
			    "asks for");
	okay(l, MINUTE, "db");
	firing(l, 2 * MINUTE, "db");
	okay(l, 3 * MINUTE, "db");
	assert_int_equal(firing(l, 10 * MINUTE, "db"), ACTION_CREATE);
	life_end(l);
}

static void open_when_counts_within_its_time_only(void **state)
{
	struct life *l = life_begin(counting, NULL);

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(firing(l, i * 5 * MINUTE + i, "db"),
				 ACTION_IGNORE);
	assert_actions(l, "");
	life_end(l);
}

/* Events that come late count when they happened. */
static void open_when_goes_by_the_events_own_time(void **state)
{
	struct life *l = life_begin(counting, NULL);
	static const int64_t ago[] = { 50 * MINUTE, 25 * MINUTE, 3 * MINUTE,
				       2 * MINUTE, 1 * MINUTE };

	(void)state;
	life_at(l, HOUR);
	for (size_t i = 0; i < 5; i++) {
		struct alarm *a = life_alarm(l, "db", ALARM_FIRING);

		a->time_ms = NOW + HOUR - ago[i];
		assert_int_equal(life_send(l, a), i < 4 ? ACTION_IGNORE :
							  ACTION_CREATE);
	}
	life_end(l);
}

/* One that comes late is counted, and neither more nor longer than that. */
static void open_when_counts_what_comes_out_of_order(void **state)
{
	static const struct {
		int64_t late_ms;
		enum action third;
	} cases[] = {
		{ MINUTE, ACTION_IGNORE },
		{ 2 * MINUTE, ACTION_CREATE },
	};

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct life *l = life_begin(counting, NULL);
		struct alarm *a;

		firing(l, 10 * MINUTE, "db");
		a = life_alarm(l, "db", ALARM_FIRING);
		a->time_ms = NOW + cases[k].late_ms;
		assert_int_equal(life_send(l, a), ACTION_IGNORE);
		assert_int_equal(firing(l, 12 * MINUTE, "db"),
				 cases[k].third);
		life_end(l);
	}
}

/* By the key of the rules, though the open incident has another. */
static void open_when_counts_for_the_key_of_the_rules(void **state)
{
	struct life *l = life_begin(plain, NULL);

	(void)state;
	firing(l, 0, "db");
	life_reload(l, HEAD "policies: [{id: p, match: {}, dedup_key: other,\n"
			    "  open_when: {count: 3, within: 10m}}]\n", NULL);
	assert_int_equal(firing(l, MINUTE, "db"), ACTION_NOTE);
	assert_int_equal(firing(l, 2 * MINUTE, "db"), ACTION_NOTE);
	assert_int_equal(okay(l, 3 * MINUTE, "db"), ACTION_RESOLVE);
	assert_int_equal(firing(l, 4 * MINUTE, "db"), ACTION_CREATE);
	assert_str(life_incident(l, 1)->key, "other");
	life_end(l);
}

/* ---- change-aware ---- */

static const char changing[] = HEAD
	"ci: [{fallback: CI0001001}]\n"
	"policies: [{id: p, match: {}, require_change: true}]\n"
	"suppress:\n"
	"  - {id: open-change, match: {},\n"
	"     when_change: {state: [implement]}}\n";

static void change_on_the_ci_holds_until_it_is_over(void **state)
{
	struct life *l = life_begin(changing, NULL);

	(void)state;
	l->answer = CI_FOUND;
	l->change = (struct rule_change){ STR("CHG0000123"),
					  STR("Patch the database"),
					  STR("implement") };
	assert_int_equal(firing(l, 0, "db"), ACTION_HOLD);
	assert_holds(str_from(l->last.change.because),
		     "CHG0000123 Patch the database");
	life_at(l, 5 * MINUTE);
	assert_actions(l, "");
	assert_true(l->asked >= 6);	/* looked at again each minute */
	l->change.state = STR("review");
	life_at(l, 6 * MINUTE);
	assert_actions(l, "create");
	assert_holds(memory_incident_fields(l->m, 0),
		     "Open change on its CI: CHG0000123 Patch the database");
	life_end(l);
}

static void change_look_up_that_fails_holds_nothing(void **state)
{
	struct life *l = life_begin(changing, NULL);

	(void)state;
	l->answer = CI_FAILED;
	assert_int_equal(firing(l, 0, "db"), ACTION_CREATE);
	/* It isn't said that there was none, as nobody knows. */
	assert_true(str_find(memory_incident_fields(l->m, 0),
			     STR("change")) < 0);
	life_end(l);
}

static void change_that_is_required_and_missing_is_said(void **state)
{
	struct life *l = life_begin(changing, NULL);

	(void)state;
	assert_int_equal(firing(l, 0, "db"), ACTION_CREATE);
	assert_holds(memory_incident_fields(l->m, 0),
		     "No change is open on its CI.");
	life_end(l);
}

/* ---- while_open ---- */

static void while_open_holds_until_that_incident_resolves(void **state)
{
	struct life *l = life_begin(
		HEAD "policies:\n"
		"  - {id: failover, match: {alarm: db}}\n"
		"  - {id: p, match: {}}\n"
		"suppress:\n"
		"  - {id: behind, match: {alarm: \"canary-*\"},\n"
		"     while_open: failover, same: [account, region]}\n",
		NULL);
	struct alarm *a;

	(void)state;
	firing(l, 0, "db");
	assert_int_equal(firing(l, MINUTE, "canary-1"), ACTION_HOLD);
	life_at(l, 2 * MINUTE);
	a = life_alarm(l, "canary-2", ALARM_FIRING);
	a->region = STR("us-east-1");
	assert_int_equal(life_send(l, a), ACTION_CREATE);
	life_at(l, 5 * MINUTE + 1);
	assert_actions(l, "create create");
	/* At once, not at the next look. */
	okay(l, 5 * MINUTE + 2, "db");
	assert_actions(l, "create create note resolve create");
	assert_int_equal(life_incident(l, 2)->opened_ms,
			 NOW + 5 * MINUTE + 2);
	life_end(l);
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(open_when_together_with_open_after_is_a_load_error),
		T(open_after_that_runs_out_in_a_hold_opens_at_its_end),
		T(open_after_in_a_hold_an_ok_inside_ends_it_suppressed),
		T(open_after_an_ok_inside_is_counted_without_incident),
		T(open_after_comes_before_suppress),
		T(open_after_counts_from_the_first_alarm),
		T(hold_on_an_open_incident_counts_notes),
		T(hold_on_an_open_incident_ok_resolves),
		T(hold_on_an_open_incident_keeps_the_escalation_back),
		T(silences_hold_as_suppress_does),
		T(silences_that_are_expired_hold_no_longer),
		T(silences_are_bound_by_guards),
		T(never_above_looks_at_the_capped_priority),
		T(raise_to_looks_at_the_capped_priority),
		T(flap_before_open_after_is_met_opens),
		T(flap_one_incident_stays_open_while_it_flaps),
		T(flap_with_stable_for_resolves_after_the_longer),
		T(stable_for_an_alarm_before_its_end_keeps_it_open),
		T(group_members_resolve_when_all_are_ok),
		T(group_priority_is_the_highest_ever),
		T(group_after_its_time_is_a_new_one),
		T(group_that_is_over_is_not_reopened),
		T(group_of_which_one_is_held_tells_of_the_others),
		T(one_key_for_several_alarms_resolves_when_all_are_ok),
		T(limits_reached_joins_the_teams_parent),
		T(limits_reached_lists_every_alarm),
		T(limits_reached_p1_never_joins),
		T(acknowledged_is_a_state_or_an_assignee),
		T(acknowledged_incident_is_not_escalated),
		T(escalate_starts_when_the_incident_opens),
		T(escalate_starts_anew_when_it_reopens),
		T(escalate_ends_when_it_resolves),
		T(escalate_keeps_its_entries_when_rules_change),
		T(reopen_only_within_the_window),
		T(reopen_goes_through_open_after_and_suppress),
		T(reopen_what_a_person_closed_goes_by_closed_by_person),
		T(reopen_leave_lasts_until_an_ok),
		T(field_that_a_person_edited_is_not_touched_again),
		T(reload_that_changes_the_key_keeps_the_open_incident),
		T(alarm_older_than_a_known_ok_opens_nothing),
		T(unknown_state_is_noted_and_never_taken_for_ok),
		T(open_when_an_ok_does_not_reset_the_count),
		T(open_when_counts_within_its_time_only),
		T(open_when_counts_what_comes_out_of_order),
		T(open_when_counts_for_the_key_of_the_rules),
		T(open_when_goes_by_the_events_own_time),
		T(change_on_the_ci_holds_until_it_is_over),
		T(change_look_up_that_fails_holds_nothing),
		T(change_that_is_required_and_missing_is_said),
		T(while_open_holds_until_that_incident_resolves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
