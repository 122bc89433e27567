#include "agent/report/facts.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/past.h"
#include "alarm/drill.h"
#include "base/map.h"
#include "doc/json.h"

#define DAY_MS 86400000LL
#define MEMORY_MAX (1u << 30)

/* A list of pointers to what lives in the arena. */
struct list {
	void **items;
	size_t count, cap;
};

struct facts {
	int64_t from_ms, to_ms, before_ms, first_ms;
	struct arena *arena;
	struct map *words;		/* texts, each kept once */
	struct map *alarm_of, *team_of, *source_of, *silence_of, *match_of;
	struct map *taken;		/* remote id to its struct asked_incident */
	struct list alarms, teams, sources, silences, rules;
	struct map *decided;		/* policies that decided: team, id */
	struct team_facts all;
	uint64_t beyond;
};

/* Was an incident taken by somebody, as far as StackFlow was asked? */
struct asked_incident {
	bool taken;
};

struct facts *facts_new(int64_t from_ms, int64_t to_ms)
{
	struct facts *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct facts){
		.from_ms = from_ms, .to_ms = to_ms,
		.before_ms = from_ms - (to_ms - from_ms),
		.arena = arena_new(MEMORY_MAX), .words = map_new(),
		.alarm_of = map_new(), .team_of = map_new(),
		.source_of = map_new(), .silence_of = map_new(),
		.match_of = map_new(), .taken = map_new(),
		.decided = map_new(),
	};
	if (f->arena && f->words && f->alarm_of && f->team_of &&
	    f->source_of && f->silence_of && f->match_of && f->taken &&
	    f->decided)
		return f;
	facts_free(f);
	return NULL;
}

void facts_free(struct facts *f)
{
	if (!f)
		return;
	map_free(f->words);
	map_free(f->alarm_of);
	map_free(f->team_of);
	map_free(f->source_of);
	map_free(f->silence_of);
	map_free(f->match_of);
	map_free(f->taken);
	map_free(f->decided);
	free(f->alarms.items);
	free(f->teams.items);
	free(f->sources.items);
	free(f->silences.items);
	free(f->rules.items);
	arena_free(f->arena);
	free(f);
}

/* ---- pieces ---- */

/* Kept once, however often it is told. STR_NONE: no memory. */
static struct str keep(struct facts *f, struct str s)
{
	const char *known = map_get(f->words, s);
	struct str kept;

	if (!s.n)
		return STR("");
	if (known)
		return (struct str){ known, s.n };
	kept = arena_str(f->arena, s);
	if (!kept.p || map_set(f->words, kept, (void *)kept.p) < 0)
		return STR_NONE;
	return kept;
}

/* A zeroed entry of a list, found again by key in map; NULL: no memory. */
static void *add(struct facts *f, struct list *l, struct map *map,
		 struct str key, size_t size)
{
	size_t cap = l->cap ? l->cap * 2 : 64;
	void **grown, *entry;

	if (l->count == l->cap) {
		grown = reallocarray(l->items, cap, sizeof(*grown));
		if (!grown)
			return NULL;
		l->items = grown;
		l->cap = cap;
	}
	entry = arena_alloc(f->arena, size);
	if (!entry || (map && map_set(map, key, entry) < 0))
		return NULL;
	l->items[l->count++] = entry;
	return entry;
}

static void put_key(struct buf *out, struct str a, struct str b, struct str c)
{
	buf_put_str(out, a);
	buf_putc(out, '\x1f');
	buf_put_str(out, b);
	buf_putc(out, '\x1f');
	buf_put_str(out, c);
}

/* ---- teams and totals ---- */

static int find_team(struct team_facts **out, struct facts *f, struct str name)
{
	struct team_facts *t = map_get(f->team_of, name);

	*out = t;
	if (t || !name.n || f->teams.count == FACTS_TEAMS)
		return 0;
	t = add(f, &f->teams, f->team_of, name, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->name = keep(f, name);
	*out = t;
	return t->name.p ? 0 : -ENOMEM;
}

static struct totals *totals_at(struct facts *f, struct team_facts *t,
				int64_t ms)
{
	return ms >= f->from_ms ? &t->now : &t->before;
}

/* At one of its decisions; it may have been let go since. */
static bool was_silenced(const struct event *e)
{
	return str_find(e->world, STR("\"silence\":")) >= 0;
}

static void count_event(struct totals *t, const struct event *e)
{
	t->events++;
	t->alarms += str_is(e->state, "ALARM");
	t->held += str_is(e->action, "hold") || was_silenced(e);
}

static void count_incident(struct totals *t, const struct incident *i)
{
	t->incidents++;
	t->by_priority[i->priority >= 1 && i->priority <= 4 ? i->priority : 0]++;
	t->notes += i->notes;
}

/* ---- alarms ---- */

static int find_alarm(struct alarm_facts **out, struct facts *f,
		      struct str account, struct str region, struct str name)
{
	struct buf key = BUF_INIT(1 << 20);
	struct alarm_facts *a;
	int rc = 0;

	put_key(&key, account, region, name);
	a = map_get(f->alarm_of, buf_str(&key));
	if (!a && f->alarms.count == FACTS_ALARMS) {
		f->beyond++;
	} else if (!a) {
		a = add(f, &f->alarms, f->alarm_of, buf_str(&key), sizeof(*a));
		if (a) {
			a->account = keep(f, account);
			a->region = keep(f, region);
			a->name = keep(f, name);
		}
		rc = buf_error(&key) || !a || !a->account.p || !a->region.p ||
		     !a->name.p ? -ENOMEM : 0;
	}
	buf_fini(&key);
	*out = a;
	return rc;
}

static void change(struct facts *f, struct alarm_facts *a, int64_t ms)
{
	int64_t day = ms / DAY_MS;
	int64_t *oldest = &a->steps[(a->changes + 1) % FACTS_STEPS];

	if (ms < f->from_ms)
		return;
	a->steps[a->changes++ % FACTS_STEPS] = ms;
	if (a->changes >= FACTS_STEPS &&
	    (!a->least_ms || ms - *oldest < a->least_ms))
		a->least_ms = ms > *oldest ? ms - *oldest : 1;
	a->day_changes = day == a->day ? a->day_changes + 1 : 1;
	a->day = day;
	if (a->day_changes > a->worst_changes) {
		a->worst_changes = a->day_changes;
		a->worst_day = day * DAY_MS;
	}
}

/* By the alarm's own clock; what is older than what is known tells nothing. */
static void take_state(struct facts *f, struct alarm_facts *a,
		       const struct event *e)
{
	bool firing = str_is(e->state, "ALARM");
	int64_t ms = e->change_ms ? e->change_ms : e->received_ms;
	int64_t since = a->since_ms > f->from_ms ? a->since_ms : f->from_ms;

	if ((a->known && ms < a->state_ms) ||
	    (!firing && !str_is(e->state, "OK") &&
	     !str_is(e->state, "INSUFFICIENT_DATA")))
		return;
	if (!a->known)
		a->known_ms = ms > f->from_ms ? ms : f->from_ms;
	if (a->known ? firing != a->firing : firing)
		change(f, a, ms);
	if (a->known && a->firing && !firing && ms > since)
		a->firing_ms += ms - since;
	if (firing && !(a->known && a->firing))
		a->since_ms = ms;
	a->known = true;
	a->firing = firing;
	a->state_ms = ms;
}

static int take_owner(struct facts *f, struct alarm_facts *a,
		      const struct event *e)
{
	if (!e->team.n)
		return 0;
	a->team = keep(f, e->team);
	a->policy = keep(f, e->policy);
	a->where = keep(f, e->where);
	return a->team.p && a->policy.p && a->where.p ? 0 : -ENOMEM;
}

/* Were CIs asked for, and none found? */
static bool fell_back(struct str world)
{
	const struct json *cis, *last;
	struct json *doc;
	bool none;

	if (!world.n || json_parse(&doc, world, 0, NULL))
		return false;
	last = json_item(doc, json_count(doc) ? json_count(doc) - 1 : 0);
	cis = json_get(last, "cis");
	none = json_count(cis) > 0;
	for (size_t i = 0; none && i < json_count(cis); i++)
		none = !json_get_str(json_item(cis, i), "id").n;
	json_free(doc);
	return none;
}

static void held_by_silence(struct facts *f, struct str world)
{
	struct silence_facts *s;
	struct json *doc;

	if (json_parse(&doc, world, 0, NULL))
		return;
	for (size_t i = 0; i < json_count(doc); i++) {
		const struct json *x = json_get(json_item(doc, i), "silence");

		s = map_get(f->silence_of, json_get_str(x, "id"));
		if (!s)
			continue;
		s->held++;
		break;
	}
	json_free(doc);
}

/* ---- what nobody claims ---- */

static int take_unclaimed(struct facts *f, struct alarm_facts *a,
			  const struct event *e)
{
	struct buf key = BUF_INIT(1 << 20);
	struct source_facts *s;
	int rc = 0;

	put_key(&key, e->account, e->topic, e->topic.n ? STR("") : e->kind);
	s = map_get(f->source_of, buf_str(&key));
	if (!s) {
		s = add(f, &f->sources, f->source_of, buf_str(&key),
			sizeof(*s));
		if (s) {
			s->account = keep(f, e->account);
			s->region = keep(f, e->region);
			s->topic = keep(f, e->topic);
			s->kind = keep(f, e->kind);
			s->where = keep(f, e->where);
			s->example = a->name;
		}
		rc = buf_error(&key) || !s || !s->account.p || !s->region.p ||
		     !s->topic.p || !s->kind.p || !s->where.p ? -ENOMEM : 0;
	}
	buf_fini(&key);
	if (rc)
		return rc;
	s->events++;
	s->incidents += str_is(e->action, "catch-all");
	s->alarms += a->unclaimed++ == 0;
	return 0;
}

/* ---- events ---- */

/* tocsin's own come and go by plan: nothing to tidy up. */
static bool is_drill(struct str alarm)
{
	return str_is(alarm, DRILL_NAME);
}

static int take_policy(struct facts *f, const struct event *e)
{
	struct buf key = BUF_INIT(1 << 20);
	int rc = 0;

	put_key(&key, e->team, e->policy, STR(""));
	if (!map_get(f->decided, buf_str(&key)))
		rc = map_set(f->decided, buf_str(&key), f) < 0 ? -ENOMEM : 0;
	buf_fini(&key);
	return rc;
}

static int take_now(struct facts *f, struct alarm_facts *a,
		    const struct event *e)
{
	bool unclaimed = str_is(e->action, "catch-all") ||
			 str_is(e->policy, "catch-all");
	int rc = take_policy(f, e);

	if (str_is(e->state, "ALARM")) {
		a->alarms++;
		a->seq = e->seq;
	} else if (str_is(e->state, "OK") &&
		   strcmp(e->intake, "reconcile") != 0) {
		a->ok = OK_THERE;
	}
	a->kind = keep(f, e->kind);
	a->topic = keep(f, e->topic);
	if (!a->kind.p || !a->topic.p)
		rc = -ENOMEM;
	if (str_is(e->action, "create") || str_is(e->action, "catch-all"))
		a->fallback = fell_back(e->world);
	if (was_silenced(e))
		held_by_silence(f, e->world);
	return !rc && unclaimed ? take_unclaimed(f, a, e) : rc;
}

int facts_event(struct facts *f, const struct event *e)
{
	struct team_facts *team;
	struct alarm_facts *a;
	int rc;

	if (e->received_ms < f->before_ms || e->received_ms > f->to_ms ||
	    !past_is_alarm(e) || is_drill(e->name))
		return 0;
	if (!f->first_ms || e->received_ms < f->first_ms)
		f->first_ms = e->received_ms;
	rc = find_team(&team, f, e->team);
	if (rc)
		return rc;
	count_event(totals_at(f, &f->all, e->received_ms), e);
	if (team)
		count_event(totals_at(f, team, e->received_ms), e);
	rc = find_alarm(&a, f, e->account, e->region, e->name);
	if (rc || !a)
		return rc;
	take_state(f, a, e);
	rc = take_owner(f, a, e);
	return !rc && e->received_ms >= f->from_ms ? take_now(f, a, e) : rc;
}

/* ---- what became of them ---- */

int facts_asked(struct facts *f, struct str remote, bool taken)
{
	struct asked_incident *known = map_get(f->taken, remote);

	if (!known && map_count(f->taken) >= FACTS_INCIDENTS) {
		f->beyond++;
		return 0;
	}
	if (!known) {
		known = arena_alloc(f->arena, sizeof(*known));
		if (!known || map_set(f->taken, remote, known) < 0)
			return -ENOMEM;
	}
	known->taken |= taken;
	return 0;
}

static void take_end(struct facts *f, struct alarm_facts *a,
		     const struct incident *i)
{
	const struct asked_incident *asked = map_get(f->taken, i->remote);
	int64_t lasted = i->resolved_ms - i->opened_ms;

	if (i->state == INCIDENT_CLOSED || (asked && asked->taken)) {
		a->taken++;
		return;
	}
	if (i->state != INCIDENT_RESOLVED)
		return;
	*(asked ? &a->untaken : &a->unasked) += 1;
	if (lasted >= 0 && lasted <= FACTS_BRIEF_MS) {
		a->brief++;
		if (lasted > a->brief_ms)
			a->brief_ms = lasted;
	}
}

static void take_incident(struct facts *f, struct alarm_facts *a,
			  const struct incident *i)
{
	a->incidents++;
	a->urgent += i->priority == 1 || i->priority == 2;
	if (i->priority && (!a->priority || i->priority < a->priority))
		a->priority = i->priority;
	a->repeats += i->events > 1 ? i->events - 1 : 0;
	a->notes += i->notes;
	a->no_ci += !i->ci_id.n;
	a->fallback_ci += i->ci_id.n && a->fallback;
	take_end(f, a, i);
}

int facts_incident(struct facts *f, const struct incident *i)
{
	bool old = i->opened_ms < f->before_ms;
	struct team_facts *team;
	struct alarm_facts *a;
	int rc;

	if (i->opened_ms > f->to_ms || is_drill(i->alarm) ||
	    (old && i->state != INCIDENT_OPEN))
		return 0;
	rc = find_team(&team, f, i->team);
	if (!rc && !old)
		count_incident(totals_at(f, &f->all, i->opened_ms), i);
	if (!rc && !old && team)
		count_incident(totals_at(f, team, i->opened_ms), i);
	if (rc || i->parent || !i->alarm.n)
		return rc;
	rc = find_alarm(&a, f, i->account, i->region, i->alarm);
	if (rc || !a)
		return rc;
	if (!a->team.n) {
		a->team = keep(f, i->team);
		a->policy = keep(f, i->policy);
		a->where = keep(f, i->where);
	}
	/* Nothing was told of it since: it is as it was. */
	if (!a->known && i->state == INCIDENT_OPEN) {
		a->known = a->firing = true;
		a->state_ms = a->since_ms = i->opened_ms;
		a->known_ms = f->from_ms;
	}
	if (i->opened_ms >= f->from_ms)
		take_incident(f, a, i);
	return arena_error(f->arena);
}

void facts_no_ok(struct facts *f, struct str region, struct str name)
{
	for (size_t k = 0; k < f->alarms.count; k++) {
		struct alarm_facts *a = f->alarms.items[k];

		if (str_eq(a->name, name) && str_eq(a->region, region))
			a->ok = OK_MISSING;
	}
}

/* ---- silences and rules ---- */

int facts_silence(struct facts *f, const struct store_silence *x)
{
	struct silence_facts *s = map_get(f->match_of, x->match);

	if (x->ends_ms < f->from_ms || x->begins_ms > f->to_ms)
		return 0;
	if (!s) {
		s = add(f, &f->silences, f->match_of, x->match, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->match = keep(f, x->match);
		s->first_ms = x->begins_ms;
	}
	/* The newest says who answers for it. */
	if (!s->owner.p || x->ends_ms > s->last_ms) {
		s->owner = keep(f, x->owner);
		s->reason = keep(f, x->reason);
		s->last_ms = x->ends_ms;
	}
	if (x->begins_ms < s->first_ms)
		s->first_ms = x->begins_ms;
	s->set++;
	s->span_ms += x->ends_ms - x->begins_ms;
	s->active |= x->ends_ms > f->to_ms;
	if (map_set(f->silence_of, x->id, s) < 0)
		return -ENOMEM;
	return s->match.p && s->owner.p && s->reason.p ? 0 : -ENOMEM;
}

void facts_extended(struct facts *f, struct str silence)
{
	struct silence_facts *s = map_get(f->silence_of, silence);

	if (s)
		s->set++;
}

int facts_rule(struct facts *f, struct str file, struct str team,
	       struct str policy, int line, uint64_t hits)
{
	struct buf key = BUF_INIT(1 << 20);
	struct rule_facts *r;

	/* Built in, or what catches the rest: nobody's to tidy up. */
	if (line <= 0 || str_is(policy, "catch-all"))
		return 0;
	r = add(f, &f->rules, NULL, STR_NONE, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->file = keep(f, file);
	r->team = keep(f, team);
	r->policy = keep(f, policy);
	r->line = line;
	put_key(&key, r->team, r->policy, STR(""));
	r->hit = hits || map_get(f->decided, buf_str(&key));
	buf_fini(&key);
	return r->file.p && r->team.p && r->policy.p ? 0 : -ENOMEM;
}

/* ---- what came of it ---- */

void facts_head(struct facts_head *out, const struct facts *f)
{
	*out = (struct facts_head){ f->from_ms, f->to_ms, f->before_ms,
				    f->first_ms, f->alarms.count, f->beyond };
}

const struct team_facts *facts_all(const struct facts *f)
{
	return &f->all;
}

size_t facts_teams(const struct facts *f)
{
	return f->teams.count;
}

const struct team_facts *facts_team(const struct facts *f, size_t i)
{
	return f->teams.items[i];
}

size_t facts_alarms(const struct facts *f)
{
	return f->alarms.count;
}

struct alarm_facts *facts_alarm(const struct facts *f, size_t i)
{
	return f->alarms.items[i];
}

size_t facts_sources(const struct facts *f)
{
	return f->sources.count;
}

const struct source_facts *facts_source(const struct facts *f, size_t i)
{
	return f->sources.items[i];
}

size_t facts_rules(const struct facts *f)
{
	return f->rules.count;
}

const struct rule_facts *facts_rule_at(const struct facts *f, size_t i)
{
	return f->rules.items[i];
}

size_t facts_silences(const struct facts *f)
{
	return f->silences.count;
}

const struct silence_facts *facts_silence_at(const struct facts *f, size_t i)
{
	return f->silences.items[i];
}

int64_t alarm_firing_ms(const struct alarm_facts *a, int64_t to_ms)
{
	int64_t since = a->since_ms > a->known_ms ? a->since_ms : a->known_ms;

	return a->firing_ms + (a->firing && to_ms > since ? to_ms - since : 0);
}

int64_t alarm_known_ms(const struct alarm_facts *a, int64_t to_ms)
{
	return a->known && to_ms > a->known_ms ? to_ms - a->known_ms : 0;
}
