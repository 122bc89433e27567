/* One test: its events and moments in their order, on incidents in memory. */
#include "agent/ruletest/run.h"

#include <errno.h>

#include "agent/ruletest/compare.h"
#include "base/clock.h"

/* A hold without a known end is looked at again each minute, for 90 days. */
#define STEPS_MAX 200000

/* ---- what is given ---- */

/* As the daemon takes StackFlow's rows. */
static bool is_live(const struct ci *ci)
{
	static const char *const keys[] = { "status", "state",
					    "lifecycle_state", "install_status",
					    NULL };
	static const char *const gone[] = { "retired",	"decommissioned",
					    "disposed", "deleted",
					    "inactive", NULL };

	for (size_t i = 0; i < ci->field_count; i++)
		for (int k = 0; keys[k]; k++)
			for (int g = 0; gone[g]; g++)
				if (str_is(ci->fields[i].name, keys[k]) &&
				    str_is_nocase(ci->fields[i].value, gone[g]))
					return false;
	return true;
}

static bool has(const struct ci *ci, struct str field, struct str value)
{
	for (size_t i = 0; i < ci->field_count; i++)
		if (str_eq(ci->fields[i].name, field) &&
		    str_eq(ci->fields[i].value, value))
			return true;
	return false;
}

static enum ci_answer find_ci(struct ci *out, struct arena *arena,
			      struct str field, struct str value, void *arg)
{
	const struct test_given *g = arg;
	const struct ci *found = NULL;

	(void)arena;
	if (g->cis_down)
		return CI_FAILED;
	for (size_t i = 0; i < g->ci_count; i++) {
		if (!is_live(&g->cis[i]) || !has(&g->cis[i], field, value))
			continue;
		/* Exactly one, as in StackFlow. */
		if (found)
			return CI_NONE;
		found = &g->cis[i];
	}
	if (!found)
		return CI_NONE;
	*out = *found;
	return CI_FOUND;
}

static bool among(struct str s, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(s, list[i]))
			return true;
	return false;
}

static enum ci_answer find_change(struct rule_change *out, struct arena *arena,
				  struct str ci_id, const struct str *states,
				  size_t state_count, void *arg)
{
	const struct test_given *g = arg;

	(void)arena;
	if (g->changes_down)
		return CI_FAILED;
	for (size_t i = 0; i < g->change_count; i++) {
		const struct test_change *c = &g->changes[i];

		if (!str_eq(c->ci_id, ci_id) ||
		    !among(c->state, states, state_count))
			continue;
		*out = (struct rule_change){ c->id, c->title, c->state };
		return CI_FOUND;
	}
	return CI_NONE;
}

static enum incident_state state_of(struct str remote)
{
	if (str_is(remote, "resolved"))
		return INCIDENT_RESOLVED;
	return str_is(remote, "closed") ? INCIDENT_CLOSED : INCIDENT_OPEN;
}

/* That of the policy, where the test doesn't say. */
static struct str team_of(const struct test_run *run,
			  const struct test_incident *g)
{
	struct rule_hit hit;

	for (size_t i = 0; !g->team.n && i < ruleset_hits(run->rules); i++) {
		ruleset_hit(run->rules, i, &hit);
		if (str_is(g->policy, hit.policy))
			return str_from(hit.team);
	}
	return g->team;
}

static int give_incident(struct test_run *run, const struct test_incident *g)
{
	int64_t since = run->test->clock_ms - g->since_ms;
	struct str team = team_of(run, g);
	const struct incident i = {
		.key = g->key,
		.incarnation = 1,
		.state = state_of(g->state),
		.remote = g->id,
		.priority = g->priority,
		.severity = (enum severity)g->severity,
		.team = team,
		.policy = g->policy,
		.short_description = g->title,
		.account = g->account,
		.region = g->region,
		.alarm = g->alarm,
		.opened_ms = since,
		.changed_ms = since,
		.resolved_ms = state_of(g->state) == INCIDENT_OPEN ? 0 : since,
		.events = 1,
		.reopen_within_ms = 86400000,
		.notes_every_ms = 300000,
		.notes_max = 50,
		.context = arena_printf(run->arena, "team=%.*s\n%.*s",
					STR_ARG(team), STR_ARG(g->context)),
	};
	const struct remote_view view = { .state = g->state,
					  .assigned_to = g->assigned_to,
					  .priority = g->priority };

	return memory_add_incident(run->memory, &i, &view);
}

static int give_silences(struct test_run *run)
{
	const struct test_given *g = &run->test->given;
	struct silence *list;
	struct silences *all;

	if (!g->silence_count)
		return 0;
	list = arena_array(run->arena, g->silence_count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < g->silence_count; i++) {
		list[i] = g->silences[i];
		list[i].begins_ms = list[i].created_ms = run->test->clock_ms;
		list[i].ends_ms += run->test->clock_ms;
	}
	all = silences_new(list, g->silence_count);
	if (!all)
		return -ENOMEM;
	memory_set_silences(run->memory, all);
	silences_free(all);
	return 0;
}

static int give(struct test_run *run)
{
	const struct test_given *g = &run->test->given;
	int rc = give_silences(run);

	memory_set_changes(run->memory, find_change, (void *)(uintptr_t)g);
	for (size_t i = 0; !rc && i < g->incident_count; i++)
		rc = give_incident(run, &g->incidents[i]);
	return rc;
}

/* ---- what happens ---- */

static bool stopped(struct test_run *run)
{
	const struct ruletest_options *o = run->options;

	if (o->stop && o->stop(o->arg))
		run->out->problem = "time is up";
	else if (run->steps > STEPS_MAX)
		run->out->problem = "too many timers fall due";
	return run->out->problem;
}

static int advance(struct test_run *run, int64_t to_ms)
{
	int64_t next;
	int rc = 0;

	/* One at a time, so that a long way can be left. */
	while (!rc && (next = memory_next(run->memory)) <= to_ms) {
		if (next < memory_now(run->memory))
			next = memory_now(run->memory);
		run->steps++;
		if (run->steps % 64 == 0 && stopped(run))
			return 0;
		rc = memory_advance(run->memory, run->rules, &run->cis, next);
	}
	if (!rc)
		rc = memory_advance(run->memory, run->rules, &run->cis, to_ms);
	return rc;
}

static int hand_in(struct test_run *run, const struct alarm *alarm)
{
	struct buf subject = BUF_INIT(1 << 16);
	struct str id = arena_printf(run->arena, "event-%u", ++run->ids);
	int rc;

	alarm_subject(&subject, alarm);
	run->subject = arena_str(run->arena, buf_str(&subject));
	buf_fini(&subject);
	run->trace = (struct trace){ .arena = run->arena };
	rc = memory_event(&run->last, run->memory, run->rules, &run->cis,
			  run->explain ? &run->trace : NULL, alarm, id,
			  run->arena);
	if (!rc && run->explain && run->options->traced)
		run->options->traced(&run->trace, run->options->arg);
	return rc < 0 ? rc : 0;
}

static int play_event(struct test_run *run, const struct test_event *e)
{
	int rc = advance(run, e->arrives_ms);

	for (size_t i = 0; !rc && !run->out->problem && i < e->count; i++)
		rc = hand_in(run, &e->alarms[i]);
	return rc;
}

static int play(struct test_run *run)
{
	const struct test *t = run->test;
	size_t e = 0;
	int rc = give(run);

	for (size_t m = 0; !rc && m < t->moment_count; m++) {
		const struct test_moment *moment = &t->moments[m];

		while (!rc && !stopped(run) && e < t->event_count &&
		       t->events[e].arrives_ms <= moment->at_ms)
			rc = play_event(run, &t->events[e++]);
		if (!rc && !run->out->problem)
			rc = advance(run, moment->at_ms);
		if (rc || run->out->problem)
			break;
		test_compare(run, moment);
	}
	return rc;
}

static int play_once(struct test_run *run)
{
	int rc = -ENOMEM;

	run->out->misses = NULL;
	run->out->count = 0;
	run->out->problem = NULL;
	run->last = (struct handling){ 0 };
	run->subject = STR_NONE;
	run->steps = run->ids = 0;
	run->memory = memory_new(run->test->clock_ms);
	if (run->memory)
		rc = play(run);
	memory_free(run->memory);
	return rc ? rc : arena_error(run->arena);
}

int ruletest_run(struct ruletest_result *out, const struct test *test,
		 const struct ruleset *rules, const struct ruletest_options *o,
		 struct arena *arena)
{
	struct test_run run = {
		.test = test,
		.rules = rules,
		.options = o,
		.arena = arena,
		.cis = { find_ci, (void *)(uintptr_t)&test->given },
		.explain = o->traced,
		.out = out,
	};
	int64_t begun = clock_mono_us();
	int rc;

	out->test = test;
	rc = play_once(&run);
	if (!rc && out->count && !run.explain) {
		/* Once more, to say which rules decided. */
		run.explain = true;
		rc = play_once(&run);
	}
	out->us = clock_mono_us() - begun;
	return rc;
}
