/*
 * Random lives of a few keys, thousands of them: after each step the promises
 * hold, and when every alarm is OK at last, every incident is resolved.
 * TOCSIN_SEED replays one, TOCSIN_SEQUENCES says how many.
 */
#include "model.h"

#define STEPS 120

static const struct str keys[KEYS] = { STR("key/a"), STR("key/b"),
				       STR("key/c") };

/* Alarm a is one of key a % KEYS: some keys have several alarms. */
static struct str subject_of(size_t alarm)
{
	static const struct str subjects[ALARMS] = {
		STR("s0"), STR("s1"), STR("s2"), STR("s3"),
		STR("s4"), STR("s5"), STR("s6"),
	};

	return subjects[alarm];
}

static const struct escalation escalations[] = {
	{ 10 * MINUTE, true, 1, STR_NONE },
	{ 30 * MINUTE, false, 0, { "still", 5 } },
};

static void begin(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->seed = w->random = seed;
	w->arena = arena_new(512 << 20);
	assert_non_null(w->arena);
	w->now_ms = NOW;
	for (size_t k = 0; k < KEYS; k++)
		w->policy[k] = (struct verdict){
			.team = STR("payments"),
			.policy = STR("p"),
			.severity = SEVERITY_HIGH,
			.dedup_key = keys[k],
			.short_description = STR("it burns"),
			.description = STR("a\ntocsin-ref: "
					   "tocsin-zzzzyyyyxxxxwwww-1"),
			.insufficient = (enum insufficient)below(w, 4),
			.notes_every_ms = (int64_t)below(w, 3) * 5 * MINUTE,
			.notes_max = (unsigned)below(w, 6),
			.resolve = true,
			.resolve_stable_ms = (int64_t)below(w, 2) * 5 * MINUTE,
			.flap = { (unsigned)below(w, 2) * 4, HOUR },
			.flap_quiet_ms = 20 * MINUTE,
			.escalate = escalations,
			.escalate_count = below(w, 3),
			.reopen_within_ms = (int64_t)below(w, 3) * HOUR,
			.still_firing = (enum still_firing)below(w, 3),
		};
}

/* ---- an event ---- */

static struct situation find(struct world *w, size_t alarm)
{
	struct member *m = &w->members[alarm];
	struct incident *mine = incident_at(w, m->incident);
	struct situation s = { .member = m->subject.p ? m : NULL };
	struct op *tail;

	if (w->tallies[alarm % KEYS].key.p)
		s.tally = &w->tallies[alarm % KEYS];
	/* An open incident keeps its alarms. */
	s.incident = mine && mine->state == INCIDENT_OPEN ?
			     mine : latest(w, keys[alarm % KEYS]);
	if (!s.incident)
		return s;
	s.others_firing = firing_in(w, s.incident->id, m);
	tail = lane_end(w, s.incident->id, true);
	if (tail && tail->state == OP_READY && tail->kind == OP_NOTE)
		s.tail_note = tail;
	if (tail && tail->state == OP_READY && tail->kind == OP_RESOLVE)
		s.tail_resolve = tail;
	return s;
}

static void check_change(struct world *w, const struct situation *s,
			 const struct alarm *a, const struct change *c)
{
	bool older = s->member && a->time_ms < s->member->changed_ms;
	bool fresh = c->incident_changed && !c->incident.id;

	check(w, c->op_count <= CHANGE_OPS);
	check(w, c->because);
	check(w, c->merged < (int)c->op_count);
	check(w, c->merged < 0 || (s->tail_note && c->incident_changed));
	check(w, !c->cancel_resolve || s->tail_resolve);
	for (size_t i = 0; i < c->op_count; i++) {
		bool merged = (int)i == c->merged;

		check(w, c->ops[i].state == OP_READY);
		check(w, merged == (c->ops[i].id != 0));
		check(w, !merged || c->ops[i].id == s->tail_note->id);
		check(w, c->ops[i].priority >= 1 && c->ops[i].priority <= 4);
		check(w, (c->ops[i].kind == OP_CREATE) == fresh);
	}
	if (!c->incident_changed)
		check(w, c->op_count == 0);
	if (s->incident && !fresh && c->incident_changed) {
		check(w, c->incident.id == s->incident->id);
		check(w, c->incident.incarnation == s->incident->incarnation);
		check(w, c->incident.priority <= s->incident->priority);
		check(w, c->incident.changed_ms >= s->incident->changed_ms);
	}
	if (fresh)
		check(w, c->incident.incarnation ==
				 (s->incident ? s->incident->incarnation : 0) +
					 1);
	/* What is older than the state known undoes nothing. */
	if (older) {
		check(w, !c->member_changed && !fresh && !c->cancel_resolve);
		for (size_t i = 0; i < c->op_count; i++)
			check(w, c->ops[i].kind == OP_NOTE);
		if (c->incident_changed)
			check(w, c->incident.state == s->incident->state);
	}
	/* Only an OK resolves, only news of an ALARM opens. */
	if (c->action == ACTION_RESOLVE)
		check(w, a->state == ALARM_OK ||
				 a->state == ALARM_INSUFFICIENT ||
				 a->event == ALARM_DELETED);
	if (c->action == ACTION_CREATE || c->action == ACTION_REOPEN)
		check(w, a->event == ALARM_CHANGED &&
				 (a->state == ALARM_FIRING ||
				  a->state == ALARM_INSUFFICIENT));
}

static void store_change(struct world *w, size_t alarm,
			 const struct situation *s, const struct change *c)
{
	struct incident *i = (struct incident *)s->incident;
	struct member *m = &w->members[alarm];

	if (c->cancel_resolve)
		w->ops[s->tail_resolve->id - 1].state = OP_DONE;
	if (c->incident_changed)
		i = put_incident(w, &c->incident);
	if (c->member_changed) {
		*m = c->member;
		m->subject = subject_of(alarm);
		if (c->joins)
			m->incident = i->id;
	}
	if (c->tally_changed)
		w->tallies[alarm % KEYS] = c->tally;
	if (c->merged >= 0)
		w->ops[c->ops[c->merged].id - 1] = c->ops[c->merged];
	for (size_t k = 0; k < c->op_count; k++)
		if ((int)k != c->merged)
			put_op(w, &c->ops[k], i->id);
}

static void event(struct world *w, size_t alarm, enum alarm_state state,
		  enum alarm_event what, int64_t time_ms)
{
	struct situation s = find(w, alarm);
	struct verdict v = w->policy[alarm % KEYS];
	const struct alarm a = {
		.source = "cloudwatch", .kind = "metric-alarm",
		.event = what, .state = state,
		.state_text = str_from(alarm_state_name(state)),
		.name = subject_of(alarm), .time_ms = time_ms,
		.suppressed_by = chance(w, 4) ? STR("mute") : STR_NONE,
	};
	struct str id = arena_printf(w->arena, "e%07zu", w->event_count);
	const struct handled_event e = {
		.alarm = &a, .id = id, .seq = (int64_t)w->event_count + 1,
	};
	struct change c;

	check(w, w->event_count < EVENTS_MAX);
	w->event_count++;
	v.priority = 1 + (int)below(w, 4);
	assert_int_equal(incident_apply(&c, w->arena, &s, &e, &v, MARKER,
					w->now_ms), 0);
	check_change(w, &s, &a, &c);
	store_change(w, alarm, &s, &c);
	/* What isn't told by an operation has its outcome in the event. */
	if (c.action == ACTION_IGNORE || c.action == ACTION_HOLD) {
		check(w, c.op_count == 0);
		w->owners[w->event_count - 1]++;
		w->told[w->event_count - 1]++;
	}
}

/* What is due of the incidents; once for each, as it comes. */
static bool timers(struct world *w)
{
	static const struct verdict none;
	bool some = false;

	for (size_t k = 0; k < w->incident_count; k++) {
		struct incident *i = &w->incidents[k];
		const struct handled_event e = { .on = ON_TIMER,
						 .incident = i->id };
		struct situation s = {
			.incident = i,
			.others_firing = firing_in(w, i->id, NULL),
		};
		struct op *tail = lane_end(w, i->id, true);
		struct change c;

		if (i->state == INCIDENT_CLOSED || !i->due_ms ||
		    i->due_ms > w->now_ms)
			continue;
		if (tail && tail->state == OP_READY && tail->kind == OP_NOTE)
			s.tail_note = tail;
		assert_int_equal(incident_apply(&c, w->arena, &s, &e, &none,
						STR_NONE, w->now_ms), 0);
		check(w, c.incident_changed && !c.member_changed);
		check(w, c.op_count || c.incident.due_ms != i->due_ms);
		check(w, c.action != ACTION_RESOLVE || !s.others_firing);
		put_incident(w, &c.incident);
		if (c.merged >= 0)
			w->ops[c.ops[c.merged].id - 1] = c.ops[c.merged];
		for (size_t n = 0; n < c.op_count; n++)
			if ((int)n != c.merged)
				put_op(w, &c.ops[n], i->id);
		some = true;
	}
	return some;
}

/* ---- what holds after every step ---- */

static void check_world(struct world *w)
{
	unsigned char owners[EVENTS_MAX] = { 0 };
	unsigned live[KEYS] = { 0 };

	for (size_t i = 0; i < w->incident_count; i++) {
		const struct incident *x = &w->incidents[i];

		for (size_t k = 0; k < KEYS; k++)
			if (str_eq(x->key, keys[k]) &&
			    (x->state == INCIDENT_OPEN ||
			     (x->state == INCIDENT_FAILED &&
			      !x->resolved_ms))) {
				live[k]++;
				check(w, x == latest(w, keys[k]));
			}
	}
	for (size_t k = 0; k < KEYS; k++)
		check(w, live[k] <= 1);
	for (size_t i = 0; i < w->op_count; i++) {
		const struct op *op = &w->ops[i];
		struct str rest = op->events, id;
		unsigned n = 0;

		while (str_cut(&rest, ' ', &id))
			n += !str_starts(id, "escalation-");
		check(w, n == op->count);
		if (op->kind == OP_CREATE || op->kind == OP_NOTE)
			count_events(w, op->events, owners);
		else
			check(w, n == 0);
		/* A held note behind which others wait stops its lane. */
		if (op->state == OP_READY && op->held)
			check(w, op == lane_end(w, op->incident, true));
	}
	/* A successor's create tells of what its note was to tell. */
	for (size_t e = 0; e < w->event_count; e++)
		check(w, owners[e] + w->owners[e] >= 1);
	for (size_t e = 0; e < w->event_count; e++)
		check(w, w->told[e] <= 1);
}

/* ---- random steps ---- */

static void random_event(struct world *w)
{
	static const enum alarm_state states[] = {
		ALARM_FIRING, ALARM_FIRING, ALARM_FIRING, ALARM_FIRING,
		ALARM_OK, ALARM_OK, ALARM_OK, ALARM_INSUFFICIENT,
		ALARM_UNKNOWN, ALARM_NONE,
	};
	enum alarm_event what = ALARM_CHANGED;
	int64_t late = chance(w, 20) ? (int64_t)below(w, 2 * HOUR) : 0;

	if (chance(w, 3))
		what = chance(w, 50) ? ALARM_DELETED : ALARM_CONFIGURED;
	event(w, below(w, ALARMS), states[below(w, 10)], what,
	      w->now_ms - late);
}

static void person(struct world *w)
{
	static const char *const states[] = { "in_progress", "resolved",
					      "closed" };
	struct ticket *t;
	uint64_t n;

	if (!w->incident_count)
		return;
	t = &w->tickets[below(w, w->incident_count)];
	if (!t->there || strcmp(t->state, "closed") == 0)
		return;
	if (chance(w, 30)) {
		t->priority = 1 + (int)below(w, 4);
		return;
	}
	n = below(w, 3);
	/* What a person opens again is theirs to end. */
	if (n == 0 && strcmp(t->state, "resolved") == 0)
		t->reopened = true;
	t->state = states[n];
}

static void operator(struct world *w, bool all)
{
	for (size_t i = 0; i < w->op_count; i++)
		if (w->ops[i].state == OP_DEAD && (all || chance(w, 30)))
			operate(w, &w->ops[i], all || chance(w, 70));
}

static void step(struct world *w)
{
	unsigned n = (unsigned)below(w, 100);

	w->now_ms += n < 90 ? (int64_t)below(w, MINUTE) :
			      (int64_t)below(w, 2 * HOUR);
	timers(w);
	if (n < 55) {
		random_event(w);
	} else if (n < 88) {
		for (size_t i = 1; i <= w->incident_count; i++)
			if (chance(w, 60))
				deliver(w, (int64_t)i, 8);
	} else if (n < 95) {
		person(w);
	} else {
		operator(w, false);
	}
	check_world(w);
}

/* ---- the end: all alarms OK, everything delivered ---- */

static void deliver_all(struct world *w)
{
	for (size_t i = 1; i <= w->incident_count; i++)
		while (deliver(w, (int64_t)i, 0))
			check_world(w);
}

static void finish(struct world *w)
{
	operator(w, true);
	w->now_ms += 3 * HOUR;
	for (size_t a = 0; a < ALARMS; a++)
		event(w, a, ALARM_OK, ALARM_CHANGED, ++w->now_ms);
	w->now_ms += HOUR;
	while (timers(w))
		check_world(w);
	check_world(w);
	deliver_all(w);
	for (size_t i = 0; i < w->op_count; i++)
		check(w, w->ops[i].state == OP_DONE);
	for (size_t i = 0; i < w->incident_count; i++) {
		const struct ticket *t = &w->tickets[i];

		check(w, w->incidents[i].state == INCIDENT_RESOLVED ||
				 w->incidents[i].state == INCIDENT_CLOSED);
		check(w, !t->there || t->reopened ||
				 strcmp(t->state, "resolved") == 0 ||
				 strcmp(t->state, "closed") == 0);
	}
	for (size_t e = 0; e < w->event_count; e++)
		check(w, w->told[e] == 1);
}

static void live(struct world *w, uint64_t seed)
{
	begin(w, seed);
	for (int i = 0; i < STEPS; i++)
		step(w);
	finish(w);
	arena_free(w->arena);
}

static void promises_hold_in_every_life(void **state)
{
	const char *one = getenv("TOCSIN_SEED");
	const char *many = getenv("TOCSIN_SEQUENCES");
	uint64_t n = many ? strtoull(many, NULL, 10) : 4000;
	struct world *w = malloc(sizeof(*w));

	(void)state;
	assert_non_null(w);
	if (one)
		live(w, strtoull(one, NULL, 10));
	for (uint64_t seed = 1; !one && seed <= n; seed++)
		live(w, seed);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promises_hold_in_every_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
