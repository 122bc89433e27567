#include "agent/report/findings.h"

#include <errno.h>
#include <stdlib.h>

#define HOUR_MS 3600000LL
#define DAY_MS (24 * HOUR_MS)
#define ON_MS (7 * DAY_MS)	/* in ALARM as long: always on */
#define ON_SHARE 90		/* percent of the time */
#define FLAPS_A_DAY 6
#define FLAP_MS (2 * HOUR_MS)	/* four changes within */
#define NOISY_INCIDENTS 3
#define NOISY_REPEATS 10
#define URGENT_LEAST 3
#define SILENCE_SET 3
#define SILENCE_HELD 20

static const struct {
	const char *code, *title, *unit;
} kinds[] = {
	[FINDING_NO_OK] = { "no-ok-action", "No OK action",
			    "went into ALARM" },
	[FINDING_FLAPPING] = { "flapping", "Flapping",
			       "changes on the worst day" },
	[FINDING_ALWAYS_ON] = { "always-on", "Always on",
				"seconds in ALARM" },
	[FINDING_NOISY] = { "noisy", "Noisy", "incidents and repeats" },
	[FINDING_UNTAKEN] = { "never-acknowledged", "Never acknowledged",
			      "incidents that nobody took" },
	[FINDING_BRIEF] = { "brief", "Over within minutes, by themselves",
			    "incidents" },
	[FINDING_URGENT] = { "urgent", "Often P1 or P2",
			     "incidents at P1 or P2" },
	[FINDING_NO_CI] = { "unresolved-ci", "Without a CI of their own",
			    "incidents" },
	[FINDING_UNHIT] = { "rule-never-hit", "Rules that never decided",
			    "policies" },
	[FINDING_SILENCES] = { "silences", "Silences that hold much, or "
			       "again and again", "events held" },
	[FINDING_UNCLAIMED] = { "unclaimed", "Claimed by nobody",
				"events" },
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == FINDING_KINDS,
	       "words for each");

const char *finding_code(enum finding_kind k)
{
	return kinds[k].code;
}

const char *finding_title(enum finding_kind k)
{
	return kinds[k].title;
}

const char *finding_unit(enum finding_kind k)
{
	return kinds[k].unit;
}

/* ---- what counts ---- */

static int64_t always_on(const struct alarm_facts *a, int64_t to_ms)
{
	int64_t firing = alarm_firing_ms(a, to_ms);
	int64_t known = alarm_known_ms(a, to_ms);

	if (a->firing && to_ms - a->since_ms > ON_MS)
		return to_ms - a->since_ms;
	return known >= DAY_MS && firing > known / 100 * ON_SHARE ? firing : 0;
}

/* What an alarm is ordered by; 0: it isn't one of them. */
static int64_t weigh(const struct alarm_facts *a, enum finding_kind k,
		     int64_t to_ms)
{
	switch (k) {
	case FINDING_NO_OK:
		return a->ok == OK_MISSING ? (int64_t)a->alarms : 0;
	case FINDING_FLAPPING:
		return a->worst_changes >= FLAPS_A_DAY && a->least_ms &&
				       a->least_ms <= FLAP_MS ?
			       (int64_t)a->worst_changes : 0;
	case FINDING_ALWAYS_ON:
		return always_on(a, to_ms) / 1000;
	case FINDING_NOISY:
		return a->incidents >= NOISY_INCIDENTS ||
				       a->repeats >= NOISY_REPEATS ?
			       (int64_t)(a->incidents + a->repeats) : 0;
	case FINDING_UNTAKEN:
		return (int64_t)a->untaken;
	case FINDING_BRIEF:
		return (int64_t)a->brief;
	case FINDING_URGENT:
		return a->urgent >= URGENT_LEAST ? (int64_t)a->urgent : 0;
	case FINDING_NO_CI:
		return (int64_t)(a->no_ci + a->fallback_ci);
	default:
		return 0;
	}
}

struct candidates {
	struct candidate *list;
	size_t count;
};

static void offer(struct candidates *c, int64_t number, struct str team,
		  const void *of)
{
	if (number > 0) {
		c->list[c->count] = (struct candidate){ number, c->count, team,
							of };
		c->count++;
	}
}

static void gather(struct candidates *c, const struct facts *f,
		   enum finding_kind k, int64_t to_ms)
{
	for (size_t i = 0; k <= FINDING_NO_CI && i < facts_alarms(f); i++) {
		const struct alarm_facts *a = facts_alarm(f, i);

		offer(c, weigh(a, k, to_ms), a->team, a);
	}
	for (size_t i = 0; k == FINDING_UNHIT && i < facts_rules(f); i++) {
		const struct rule_facts *r = facts_rule_at(f, i);

		offer(c, !r->hit, r->team, r);
	}
	for (size_t i = 0; k == FINDING_SILENCES && i < facts_silences(f);
	     i++) {
		const struct silence_facts *s = facts_silence_at(f, i);

		if (s->set >= SILENCE_SET || s->held >= SILENCE_HELD)
			offer(c, (int64_t)s->held + 1, STR_NONE, s);
	}
	for (size_t i = 0; k == FINDING_UNCLAIMED && i < facts_sources(f);
	     i++) {
		const struct source_facts *s = facts_source(f, i);

		offer(c, (int64_t)s->events, STR_NONE, s);
	}
}

/* The greatest first; what is equal stays in the order of the journal. */
static int by_number(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? 1 : -1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static bool of_scope(const struct candidate *c, struct str team)
{
	return !team.p || str_eq(c->team, team);
}

static void choose(struct finding *out, enum finding_kind k,
		   const struct candidates *c, struct str team, size_t top,
		   const struct facts_head *head, struct arena *arena)
{
	struct finding_row *rows;
	size_t n = 0, i;

	*out = (struct finding){ .kind = k };
	for (i = 0; i < c->count; i++)
		out->count += of_scope(&c->list[i], team);
	n = out->count < top ? out->count : top;
	rows = arena_array(arena, n ? n : 1, sizeof(*rows));
	for (i = 0; rows && i < c->count && out->row_count < n; i++)
		if (of_scope(&c->list[i], team))
			finding_describe(&rows[out->row_count++], k,
					 &c->list[i], head, arena);
	out->rows = rows;
}

/* ---- scopes ---- */

static int by_name(const void *a, const void *b)
{
	const struct findings_scope *x = a, *y = b;

	return str_cmp(x->totals.name, y->totals.name);
}

/* All, then each team; or one alone, even if nothing is known of it. */
static int make_scopes(struct findings *out, const struct facts *f,
		       struct str team, struct arena *arena)
{
	size_t n = 1 + (team.p ? 0 : facts_teams(f));
	struct findings_scope *s = arena_array(arena, n, sizeof(*s));

	if (!s)
		return -ENOMEM;
	out->scopes = s;
	out->scope_count = n;
	if (!team.p)
		s[0].totals = *facts_all(f);
	for (size_t i = 0; i < facts_teams(f); i++) {
		const struct team_facts *t = facts_team(f, i);

		if (!team.p)
			s[i + 1].totals = *t;
		else if (str_eq(t->name, team))
			s[0].totals = *t;
	}
	s[0].totals.name = team;
	qsort(s + 1, n - 1, sizeof(*s), by_name);
	return 0;
}

static size_t most(const struct facts *f)
{
	size_t n = facts_alarms(f);

	n = facts_rules(f) > n ? facts_rules(f) : n;
	n = facts_silences(f) > n ? facts_silences(f) : n;
	return facts_sources(f) > n ? facts_sources(f) : n;
}

int findings_make(struct findings *out, const struct facts *f, struct str team,
		  size_t top, struct arena *arena)
{
	struct candidates c = { 0 };
	int rc;

	*out = (struct findings){ 0 };
	facts_head(&out->head, f);
	for (size_t i = 0; i < facts_alarms(f); i++) {
		const struct alarm_facts *a = facts_alarm(f, i);

		if (team.p && !str_eq(a->team, team))
			continue;
		out->ok_unknown += a->alarms && a->ok == OK_UNKNOWN;
		out->unasked += a->unasked;
	}
	rc = make_scopes(out, f, team, arena);
	c.list = calloc(most(f) + 1, sizeof(*c.list));
	if (!c.list)
		rc = -ENOMEM;
	for (int k = 0; !rc && k < FINDING_KINDS; k++) {
		c.count = 0;
		gather(&c, f, k, out->head.to_ms);
		qsort(c.list, c.count, sizeof(*c.list), by_number);
		for (size_t i = 0; i < out->scope_count; i++) {
			struct findings_scope *s = &out->scopes[i];

			choose(&s->findings[k], k, &c, s->totals.name, top,
			       &out->head, arena);
		}
	}
	free(c.list);
	return rc ? rc : arena_error(arena);
}
