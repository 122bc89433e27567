#ifndef UNIT_INCIDENT_LIFE_H
#define UNIT_INCIDENT_LIFE_H

/*
 * Alarms sent through rules as teams write them, decided and applied as the
 * daemon does, with a clock moved by hand.
 */
#include "help.h"

#include "incident/memory.h"
#include "rule/silence.h"

#define ALARMS_MAX 4096

struct life {
	struct arena *arena;
	struct ruleset *rules;
	struct memory *m;
	struct alarm *alarms;	/* as memory keeps them by reference */
	size_t count;
	struct handling last;
	struct trace trace;
	bool traced;
	/* What the life's changes say, CI0001001's alone. */
	struct rule_change change;
	enum ci_answer answer;
	unsigned asked;
	char actions[4096];
};

static inline struct ruleset *life_rules(const char *team,
					 const char *platform)
{
	struct rule_source sources[2] = {
		{ .name = "20-payments.yaml", .text = str_from(team) },
		{ .name = "00-platform.yaml", .text = str_from(platform) },
	};
	struct faults faults;
	struct ruleset *r;

	faults_init(&faults);
	r = ruleset_load(sources, platform ? 2 : 1, &faults, NULL);
	assert_non_null(r);
	for (size_t i = 0; i < faults.count; i++) {
		const struct fault *f = &faults.list[i];

		if (f->level == FAULT_ERROR)
			fail_msg("%s:%d:%d: %s", f->file, f->line, f->column,
				 f->text);
	}
	faults_fini(&faults);
	return r;
}

static inline enum ci_answer life_change(struct rule_change *out,
					 struct arena *arena, struct str ci_id,
					 const struct str *states,
					 size_t state_count, void *arg)
{
	struct life *l = arg;
	bool asked = state_count == 0;

	(void)arena;
	l->asked++;
	if (l->answer != CI_FOUND)
		return l->answer;
	for (size_t i = 0; i < state_count; i++)
		asked |= str_eq(states[i], l->change.state);
	if (!asked || !str_is(ci_id, "CI0001001"))
		return CI_NONE;
	*out = l->change;
	return CI_FOUND;
}

static inline struct life *life_begin(const char *team, const char *platform)
{
	struct life *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->arena = arena_new(256 << 20);
	l->alarms = calloc(ALARMS_MAX, sizeof(*l->alarms));
	l->rules = life_rules(team, platform);
	l->m = memory_new(NOW);
	assert_true(l->arena && l->alarms && l->m);
	memory_set_changes(l->m, life_change, l);
	l->answer = CI_NONE;
	return l;
}

static inline void life_end(struct life *l)
{
	memory_free(l->m);
	ruleset_free(l->rules);
	arena_free(l->arena);
	free(l->alarms);
	free(l);
}

static inline void life_reload(struct life *l, const char *team,
			       const char *platform)
{
	ruleset_free(l->rules);
	l->rules = life_rules(team, platform);
}

/* The clock stands at NOW + at_ms; what is due before happens. */
static inline void life_at(struct life *l, int64_t at_ms)
{
	assert_int_equal(memory_advance(l->m, l->rules, NULL, NOW + at_ms),
			 0);
	assert_int_equal(memory_now(l->m), NOW + at_ms);
	assert_true(memory_next(l->m) > NOW + at_ms);
}

/* An alarm of that name, for a test to fill in before it is sent. */
static inline struct alarm *life_alarm(struct life *l, const char *name,
				       enum alarm_state state)
{
	struct alarm *a = &l->alarms[l->count++];

	assert_true(l->count <= ALARMS_MAX);
	*a = (struct alarm){
		.source = "cloudwatch",
		.kind = "metric-alarm",
		.event = ALARM_CHANGED,
		.state = state,
		.state_text = str_from(state == ALARM_UNKNOWN ? "SNOOZED" :
				       alarm_state_name(state)),
		.account = STR("111122223333"),
		.region = STR("eu-west-1"),
		.name = str_from(name),
		.reason = STR("Threshold Crossed"),
		.time_ms = memory_now(l->m),
		.own_time = true,
	};
	return a;
}

static inline enum action life_send(struct life *l, const struct alarm *a)
{
	struct str id = arena_printf(l->arena, "e%013zu", l->count);

	assert_int_equal(memory_event(&l->last, l->m, l->rules, NULL,
				      l->traced ? &l->trace : NULL, a, id,
				      l->arena), 0);
	assert_non_null(l->last.change.because);
	assert_true(l->last.change.op_count <= CHANGE_OPS);
	return l->last.change.action;
}

/* At NOW + at_ms the alarm's state changes. */
static inline enum action life_event(struct life *l, int64_t at_ms,
				     const char *name, enum alarm_state state)
{
	life_at(l, at_ms);
	return life_send(l, life_alarm(l, name, state));
}

#define firing(l, at, name) life_event(l, at, name, ALARM_FIRING)
#define okay(l, at, name) life_event(l, at, name, ALARM_OK)

/* All that was done so far: "create note resolve". */
static inline const char *life_actions(struct life *l)
{
	size_t n = 0;

	l->actions[0] = '\0';
	for (size_t i = 0; i < memory_actions(l->m); i++)
		n += (size_t)snprintf(
			l->actions + n, sizeof(l->actions) - n, "%s%s",
			i ? " " : "",
			action_name(memory_action(l->m, i)->action));
	return l->actions;
}

#define assert_actions(l, text) assert_string_equal(life_actions(l), text)

static inline const struct incident *life_incident(struct life *l, size_t i)
{
	assert_true(i < memory_incidents(l->m));
	return memory_incident(l->m, i);
}

/* The newest note's text. */
static inline struct str life_note(struct life *l)
{
	for (size_t i = memory_actions(l->m); i; i--)
		if (memory_action(l->m, i - 1)->action == ACTION_NOTE)
			return memory_action(l->m, i - 1)->text;
	return STR_NONE;
}

static inline struct str life_subject(struct life *l, const char *name)
{
	struct buf b = BUF_INIT(8192);
	struct alarm a = { .source = "cloudwatch", .kind = "metric-alarm",
			   .account = STR("111122223333"),
			   .region = STR("eu-west-1"),
			   .name = str_from(name) };
	struct str s;

	alarm_subject(&b, &a);
	s = arena_str(l->arena, buf_str(&b));
	buf_fini(&b);
	return s;
}

static inline struct str life_held_by(struct life *l, const char *name)
{
	return memory_held_by(l->m, life_subject(l, name));
}

/* Silence alarms of a glob for so long from now on; NULL: none any more. */
static inline void life_silence(struct life *l, const char *match,
				int64_t for_ms)
{
	const struct silence s = {
		.id = STR("s0000000000001"),
		.match = str_from(match),
		.owner = STR("ana@example.com"),
		.reason = STR("disks are replaced"),
		.begins_ms = memory_now(l->m),
		.ends_ms = memory_now(l->m) + for_ms,
	};
	struct silences *list = match ? silences_new(&s, 1) : NULL;

	memory_set_silences(l->m, list);
	silences_free(list);
	life_at(l, memory_now(l->m) - NOW);
}

#endif
