#ifndef FUZZ_INCIDENT_H
#define FUZZ_INCIDENT_H

/*
 * Bytes as a life of a few alarms: changes of state in and out of order,
 * repeats, clock moves, silences and changes that come and go, rules that are
 * reloaded. After each step what must always hold is looked at.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "incident/memory.h"
#include "rule/silence.h"

#define LIVES_NOW INT64_C(1795255200000)	/* a Saturday, 10:00 UTC */
#define LIVES_SECOND INT64_C(1000)
#define LIVES_MINUTE (60 * LIVES_SECOND)
#define LIVES_HOUR (60 * LIVES_MINUTE)
#define LIVES_ALARMS 6
#define LIVES_STEPS 160
#define LIVES_INCIDENTS 512

/* How INSUFFICIENT_DATA counts by a rule set, as its file says. */
struct lives_rules {
	const char *text;
	enum insufficient insufficient;
	bool open_when;		/* an ALARM may open nothing, and rightly */
	bool guarded;		/* P1 is never held */
	bool never;		/* an OK resolves nothing */
	struct ruleset *set;
};

#define LIVES_HEAD \
	"version: 1\nteam: t\nowners: [a@example.com]\n" \
	"severity:\n" \
	"  - {when: {severity: [critical, high]}, set: \"${severity}\"}\n" \
	"  - {else: medium}\n"
#define LIVES_WINDOW \
	"windows: {w: {every: \"Sat 10:30-11:30\", tz: UTC,\n" \
	"              until: 2027-03-31, owner: a}}\n" \
	"suppress: [{id: s, match: {}, during: w, never_above: P2}]\n"

static struct lives_rules lives_rules[] = {
	{ LIVES_HEAD "policies: [{id: p, match: {}}]\n",
	  INSUFFICIENT_NOTE, false, false, false, NULL },
	{ LIVES_HEAD LIVES_WINDOW
	  "policies:\n"
	  "  - {id: p, match: {}, open_after: 3m,\n"
	  "     flap: {transitions: 4, within: 30m, quiet_for: 20m}}\n",
	  INSUFFICIENT_NOTE, false, false, false, NULL },
	{ LIVES_HEAD
	  "policies:\n"
	  "  - id: p\n"
	  "    match: {}\n"
	  "    open_when: {count: 3, within: 10m}\n"
	  "    resolve: {when: OK, stable_for: 5m}\n",
	  INSUFFICIENT_NOTE, true, false, false, NULL },
	{ LIVES_HEAD
	  "defaults: {insufficient_data: open, notes: {every: 1m, max: 3}}\n"
	  "policies:\n"
	  "  - {id: g, match: {alarm: \"*\"}, group: {by: \"${account}\",\n"
	  "     within: 10m, short_description: many}}\n"
	  "  - {id: p, match: {}}\n",
	  INSUFFICIENT_OPEN, false, false, false, NULL },
	{ LIVES_HEAD LIVES_WINDOW
	  "defaults: {insufficient_data: resolve, reopen_within: 10m}\n"
	  "policies:\n"
	  "  - id: p\n"
	  "    match: {}\n"
	  "    dedup_key: shared\n"
	  "    escalate:\n"
	  "      - {after: 10m, unless: acknowledged, raise_to: P1, note: n}\n"
	  "      - {after: 40m, note: m}\n",
	  INSUFFICIENT_RESOLVE, false, false, false, NULL },
	{ LIVES_HEAD
	  "ci: [{fallback: CI0001001}]\n"
	  "policies:\n"
	  "  - {id: db, match: {alarm: alarm-0}}\n"
	  "  - {id: p, match: {}, open_after: 1m}\n"
	  "suppress:\n"
	  "  - {id: c, match: {}, when_change: {state: [implement]}}\n"
	  "  - {id: b, match: {not: {alarm: alarm-0}}, while_open: db,\n"
	  "     same: [account]}\n",
	  INSUFFICIENT_NOTE, false, false, false, NULL },
	{ LIVES_HEAD "claims: [{alarm: \"*\"}]\n"
	  "policies:\n"
	  "  - {id: p, match: {}, resolve: {when: OK, stable_for: 2m},\n"
	  "     flap: {transitions: 3, within: 10m, quiet_for: 5m}}\n",
	  INSUFFICIENT_NOTE, false, true, false, NULL },
	{ LIVES_HEAD
	  "defaults: {notes: {every: 5m, max: 1}}\n"
	  "policies: [{id: p, match: {}, resolve: {when: never}}]\n",
	  INSUFFICIENT_NOTE, false, false, true, NULL },
};
#define LIVES_RULES (sizeof(lives_rules) / sizeof(*lives_rules))

static const char lives_platform[] =
	"version: 1\nteam: platform\nplatform: true\nowners: [o@example.com]\n"
	"guards: [{id: g, match: {priority: P1}, forbid: suppress}]\n"
	"limits: {open_per_team: 2, within: 30m}\n";

/* What a reader of the events alone knows of an alarm. */
struct lives_alarm {
	bool seen, firing;
	int64_t order_ms;
};

struct lives {
	const uint8_t *data;
	size_t size;
	struct arena *arena;
	struct memory *m;
	struct lives_rules *rules;
	struct lives_alarm model[LIVES_ALARMS];
	struct str names[LIVES_ALARMS], subjects[LIVES_ALARMS];
	bool silenced, changing;
	enum ci_answer answer;
	size_t events;
	struct {
		int priority;
		bool stays;	/* a policy kept it open in spite of an OK */
	} seen[LIVES_INCIDENTS];
	bool idle[LIVES_ALARMS];	/* its ALARM was too few */
	size_t checked;			/* actions */
	enum action last[LIVES_INCIDENTS];
	int64_t last_ms;
	void (*failed)(const char *what, void *arg);
	void *arg;
};

#define lives_must(l, cond)                                              \
	do {                                                             \
		if (!(cond))                                             \
			(l)->failed(#cond, (l)->arg);                    \
	} while (0)

static inline struct ruleset *lives_load(const struct lives_rules *r)
{
	struct rule_source sources[2] = {
		{ .name = "t.yaml", .text = str_from(r->text) },
		{ .name = "p.yaml", .text = str_from(lives_platform) },
	};
	struct faults faults;
	struct ruleset *set;

	faults_init(&faults);
	set = ruleset_load(sources, r->guarded ? 2 : 1, &faults, NULL);
	for (size_t i = 0; i < faults.count; i++) {
		if (faults.list[i].level != FAULT_ERROR)
			continue;
		fprintf(stderr, "%d: %s\n", faults.list[i].line,
			faults.list[i].text);
		abort();
	}
	faults_fini(&faults);
	return set;
}

static inline uint8_t lives_byte(struct lives *l)
{
	if (!l->size)
		return 0;
	l->size--;
	return *l->data++;
}

static inline void lives_name(struct lives *l)
{
	struct alarm a = { .source = "cloudwatch", .kind = "metric-alarm",
			   .account = STR("111122223333"),
			   .region = STR("eu-west-1") };
	struct buf b = BUF_INIT(1024);

	for (size_t n = 0; n < LIVES_ALARMS; n++) {
		a.name = arena_printf(l->arena, "alarm-%zu", n);
		buf_reset(&b);
		alarm_subject(&b, &a);
		l->names[n] = a.name;
		l->subjects[n] = arena_str(l->arena, buf_str(&b));
	}
	buf_fini(&b);
}

static inline const struct member *lives_member(struct lives *l, size_t n)
{
	return memory_member(l->m, l->subjects[n]);
}

/* ---- what must hold ---- */

static inline void lives_check_actions(struct lives *l)
{
	for (; l->checked < memory_actions(l->m); l->checked++) {
		const struct memory_action *a =
			memory_action(l->m, l->checked);
		enum action *last = &l->last[a->incident - 1];

		lives_must(l, a->at_ms >= l->last_ms);
		lives_must(l, a->at_ms <= memory_now(l->m));
		l->last_ms = a->at_ms;
		/* Created once and first; what is resolved is only reopened. */
		lives_must(l, (a->action == ACTION_CREATE) == !*last);
		lives_must(l, (a->action == ACTION_REOPEN) ==
				      (*last == ACTION_RESOLVE));
		*last = a->action;
	}
}

static inline void lives_check_incident(struct lives *l, size_t n)
{
	const struct incident *i = memory_incident(l->m, n);
	unsigned firing = 0;

	lives_must(l, n < LIVES_INCIDENTS);
	if (l->seen[n].priority)
		lives_must(l, i->priority <= l->seen[n].priority);
	l->seen[n].priority = i->priority;
	for (size_t k = 0; k < LIVES_ALARMS; k++) {
		const struct member *x = lives_member(l, k);

		firing += x && x->incident == i->id &&
			  x->state == ALARM_FIRING;
	}
	if (i->state == INCIDENT_OPEN) {
		/* Somebody fires, or its end is near. */
		if (firing)
			l->seen[n].stays = false;
		if (!firing && l->rules->never)
			l->seen[n].stays = true;
		lives_must(l, firing || i->resolve_ms || l->seen[n].stays);
		lives_must(l, !i->due_ms || i->due_ms > memory_now(l->m));
		lives_must(l, !i->resolve_ms ||
				      i->resolve_ms > memory_now(l->m));
		lives_must(l, !i->held_ms || i->held_ms > memory_now(l->m));
	} else {
		lives_must(l, i->state == INCIDENT_RESOLVED);
		lives_must(l, !firing && !i->due_ms);
	}
	for (size_t k = 0; k < n && i->state == INCIDENT_OPEN; k++) {
		const struct incident *o = memory_incident(l->m, k);

		if (o->state != INCIDENT_OPEN || !str_eq(o->key, i->key))
			continue;
		/* An older group, which takes no more. */
		lives_must(l, o->incarnation < i->incarnation);
		lives_must(l, o->group_ms && o->group_ms <= i->opened_ms);
	}
}

static inline void lives_check_alarm(struct lives *l, size_t n)
{
	const struct lives_alarm *model = &l->model[n];
	const struct member *x = lives_member(l, n);

	if (!x) {
		lives_must(l, !model->firing);
		return;
	}
	lives_must(l, (x->state == ALARM_FIRING) == model->firing);
	if (x->wait) {
		/* It fires, and there is an end to it. */
		lives_must(l, model->firing && !x->incident && x->event);
		lives_must(l, x->due_ms > memory_now(l->m));
		lives_must(l, x->since_ms <= memory_now(l->m));
		return;
	}
	lives_must(l, !x->due_ms && !x->event);
	/* No ALARM is lost. */
	if (model->firing && !l->idle[n]) {
		lives_must(l, x->incident);
		lives_must(l, memory_incident(l->m, (size_t)x->incident - 1)
				      ->state == INCIDENT_OPEN);
	}
}

static inline void lives_check(struct lives *l)
{
	lives_check_actions(l);
	for (size_t n = 0; n < LIVES_ALARMS; n++)
		lives_check_alarm(l, n);
	for (size_t n = 0; n < memory_incidents(l->m); n++)
		lives_check_incident(l, n);
	lives_must(l, memory_next(l->m) > memory_now(l->m));
}

static inline void lives_check_events(struct lives *l)
{
	for (size_t n = 0; n < l->events; n++) {
		const struct memory_outcome *o = memory_outcome(l->m, n);

		lives_must(l, o->action && o->because.n);
		lives_must(l, o->told <= 1);
		lives_must(l, o->told || o->action == ACTION_HOLD ||
				      o->action == ACTION_IGNORE);
	}
}

/* ---- steps ---- */

static inline void lives_advance(struct lives *l, int64_t by_ms)
{
	lives_must(l, memory_advance(l->m, l->rules->set, NULL,
				     memory_now(l->m) + by_ms) == 0);
}

/* The reader's own opinion, without rules but for INSUFFICIENT_DATA. */
static inline void lives_model(struct lives *l, size_t n,
			       const struct alarm *a)
{
	struct lives_alarm *x = &l->model[n];

	if (x->seen && alarm_order(a) < x->order_ms)
		return;
	x->seen = true;
	x->order_ms = alarm_order(a);
	if (a->event == ALARM_DELETED || a->state == ALARM_OK)
		x->firing = false;
	else if (a->state == ALARM_FIRING)
		x->firing = true;
	else if (a->state == ALARM_INSUFFICIENT &&
		 l->rules->insufficient == INSUFFICIENT_OPEN)
		x->firing = true;
	else if (a->state == ALARM_INSUFFICIENT &&
		 l->rules->insufficient == INSUFFICIENT_RESOLVE)
		x->firing = false;
}

static inline void lives_hand_in(struct lives *l, size_t n,
				 const struct alarm *a)
{
	struct str id = arena_printf(l->arena, "e%06zu", l->events);
	bool was = l->model[n].firing, late;
	struct handling h;

	late = l->model[n].seen && alarm_order(a) < l->model[n].order_ms;
	lives_model(l, n, a);
	lives_must(l, memory_event(&h, l->m, l->rules->set, NULL, NULL, a, id,
				   l->arena) == 0);
	l->events++;
	/* Too few of them, by open_when: it fires, and nothing is owed. */
	if (!l->model[n].firing)
		l->idle[n] = false;
	else if (!late && (a->state == ALARM_FIRING || !was))
		l->idle[n] = l->rules->open_when && !h.change.joins &&
			     !h.change.member.wait;
	if (l->silenced && !(l->rules->guarded && h.verdict.priority == 1))
		lives_must(l, h.change.action != ACTION_CREATE &&
				      h.change.action != ACTION_REOPEN);
	if (late)
		lives_must(l, h.change.action == ACTION_IGNORE ||
				      h.change.action == ACTION_NOTE);
	if (h.change.action == ACTION_RESOLVE)
		lives_must(l, !l->model[n].firing);
	if (h.change.action == ACTION_CREATE ||
	    h.change.action == ACTION_REOPEN)
		lives_must(l, l->model[n].firing);
}

static inline void lives_event(struct lives *l, enum alarm_state state)
{
	static const char *const severities[] = { "medium", "medium", "high",
						  "critical" };
	uint8_t b = lives_byte(l);
	struct alarm *a = arena_alloc(l->arena, sizeof(*a));
	size_t n = b % LIVES_ALARMS;
	int64_t late_ms = 0;

	if (b & 0x80)
		late_ms = lives_byte(l) * 10 * LIVES_SECOND;
	*a = (struct alarm){
		.source = "cloudwatch",
		.kind = "metric-alarm",
		.event = ALARM_CHANGED,
		.state = state,
		.state_text = str_from(alarm_state_name(state)),
		.account = STR("111122223333"),
		.region = STR("eu-west-1"),
		.name = l->names[n],
		.severity = str_from(severities[b >> 4 & 3]),
		.time_ms = memory_now(l->m) - late_ms,
	};
	if (state == ALARM_NONE)
		a->event = ALARM_DELETED;
	/* Told again, as Alertmanager does it: with the old state's time. */
	if ((b & 0xc8) == 0x48)
		a->told_ms = memory_now(l->m);
	if (a->told_ms)
		a->time_ms -= LIVES_MINUTE;
	lives_hand_in(l, n, a);
}

static inline enum ci_answer lives_change(struct rule_change *out,
					  struct arena *arena,
					  struct str ci_id,
					  const struct str *states,
					  size_t state_count, void *arg)
{
	struct lives *l = arg;

	(void)arena;
	(void)ci_id;
	(void)states;
	(void)state_count;
	if (!l->changing)
		return l->answer;
	*out = (struct rule_change){ STR("CHG1"), STR("x"),
				     STR("implement") };
	return CI_FOUND;
}

static inline void lives_silence(struct lives *l, bool on)
{
	struct silence s = {
		.id = STR("s1"), .match = STR("{alarm: \"alarm-*\"}"),
		.owner = STR("a"), .reason = STR("b"),
		.begins_ms = memory_now(l->m),
		.ends_ms = memory_now(l->m) + 1000 * LIVES_HOUR,
	};
	struct silences *list = on ? silences_new(&s, 1) : NULL;

	lives_must(l, !on || list);
	memory_set_silences(l->m, list);
	silences_free(list);
	l->silenced = on;
	lives_advance(l, 0);
}

static inline void lives_step(struct lives *l)
{
	static const int64_t spans[] = {
		1, LIVES_SECOND, 20 * LIVES_SECOND, LIVES_MINUTE,
		2 * LIVES_MINUTE, 5 * LIVES_MINUTE, 20 * LIVES_MINUTE,
		3 * LIVES_HOUR,
	};
	uint8_t b = lives_byte(l);

	switch (b % 16) {
	case 0: case 1: case 2: case 3: case 4:
		lives_event(l, ALARM_FIRING);
		break;
	case 5: case 6: case 7:
		lives_event(l, ALARM_OK);
		break;
	case 8:
		lives_event(l, ALARM_INSUFFICIENT);
		break;
	case 9:
		lives_event(l, b & 0x80 ? ALARM_NONE : ALARM_UNKNOWN);
		break;
	case 10:
		if ((b >> 4) % 4 == 0)
			lives_silence(l, !l->silenced);
		else if ((b >> 4) % 4 == 1)
			l->changing = !l->changing;
		else if ((b >> 4) % 4 == 2)
			l->answer = l->answer == CI_NONE ? CI_FAILED :
							   CI_NONE;
		else
			l->rules = &lives_rules[lives_byte(l) % LIVES_RULES];
		break;
	default:
		lives_advance(l, spans[b >> 4 & 7]);
		break;
	}
	lives_check(l);
	if (lives_byte(l) % 8 == 0)
		lives_check_events(l);
}

/* Every alarm is OK at last: nothing waits, nothing is due, all is told. */
static inline void lives_finish(struct lives *l)
{
	size_t told = 0, sent = 0;
	bool stay = false;

	lives_silence(l, false);
	l->changing = false;
	for (size_t n = 0; n < LIVES_ALARMS; n++) {
		struct alarm *a = arena_alloc(l->arena, sizeof(*a));

		lives_advance(l, LIVES_SECOND);
		*a = (struct alarm){
			.source = "cloudwatch", .kind = "metric-alarm",
			.event = ALARM_CHANGED, .state = ALARM_OK,
			.state_text = STR("OK"),
			.account = STR("111122223333"),
			.region = STR("eu-west-1"),
			.name = l->names[n],
			.time_ms = memory_now(l->m),
		};
		lives_hand_in(l, n, a);
		lives_check(l);
	}
	lives_advance(l, 48 * LIVES_HOUR);
	lives_check(l);
	lives_must(l, memory_next(l->m) == INT64_MAX);
	for (size_t n = 0; n < memory_incidents(l->m); n++)
		stay |= memory_incident(l->m, n)->state != INCIDENT_RESOLVED;
	for (size_t n = 0; n < memory_incidents(l->m); n++)
		lives_must(l, memory_incident(l->m, n)->state ==
				      INCIDENT_RESOLVED || l->seen[n].stays);
	lives_check_events(l);
	for (size_t n = 0; n < l->events; n++)
		told += memory_outcome(l->m, n)->told;
	for (size_t n = 0; n < memory_actions(l->m); n++)
		sent += memory_action(l->m, n)->events;
	/* What is beyond the budget of an open one is never sent. */
	lives_must(l, stay ? told >= sent : told == sent);
}

static inline void lives_run(const uint8_t *data, size_t size,
			     void (*failed)(const char *what, void *arg),
			     void *arg)
{
	struct lives l = { .data = data, .size = size, .answer = CI_NONE,
			   .failed = failed, .arg = arg };

	for (size_t n = 0; n < LIVES_RULES; n++)
		if (!lives_rules[n].set)
			lives_rules[n].set = lives_load(&lives_rules[n]);
	l.rules = &lives_rules[lives_byte(&l) % LIVES_RULES];
	l.arena = arena_new(256 << 20);
	l.m = memory_new(LIVES_NOW);
	lives_must(&l, l.arena && l.m);
	lives_name(&l);
	memory_set_changes(l.m, lives_change, &l);
	for (int n = 0; n < LIVES_STEPS && l.size; n++)
		lives_step(&l);
	lives_finish(&l);
	memory_free(l.m);
	arena_free(l.arena);
}

static inline void lives_end(void)
{
	for (size_t n = 0; n < LIVES_RULES; n++) {
		ruleset_free(lives_rules[n].set);
		lives_rules[n].set = NULL;
	}
}

#endif
