#ifndef AGENT_REPORT_FACTS_H
#define AGENT_REPORT_FACTS_H

#include "base/arena.h"
#include "store/store.h"

/*
 * What is known of a period and of the one before it, as long: gathered event
 * by event, then looked at by findings.h. Memory is bounded by FACTS_ALARMS
 * and FACTS_INCIDENTS; what is beyond is counted in the totals alone.
 */
#define FACTS_ALARMS 100000
#define FACTS_INCIDENTS 1000000
#define FACTS_TEAMS 1000
#define FACTS_BRIEF_MS (5 * 60 * 1000)	/* an incident that short was brief */
#define FACTS_STEPS 4			/* changes that make a flap */

enum ok_action { OK_UNKNOWN, OK_THERE, OK_MISSING };

struct totals {
	uint64_t events;		/* of alarms; all states */
	uint64_t alarms;		/* went into ALARM */
	uint64_t incidents, by_priority[5], notes;
	uint64_t held;			/* events that a hold kept back */
};

struct team_facts {
	struct str name;
	struct totals now, before;
};

/* One alarm: account, region and name. */
struct alarm_facts {
	struct str account, region, name;
	struct str team, policy, where;	/* of its newest decision by a rule */
	struct str topic, kind;
	int64_t seq;			/* of its newest ALARM in the period */
	enum ok_action ok;
	/* Events, all of the period. */
	uint64_t alarms, changes;
	uint64_t day_changes, worst_changes;	/* of a day, UTC */
	int64_t day, worst_day;
	int64_t steps[FACTS_STEPS];	/* its newest changes, a ring */
	int64_t least_ms;		/* in which FACTS_STEPS lay; 0: never */
	bool known, firing;		/* its state is known; is ALARM */
	int64_t state_ms, since_ms;	/* newest state; ALARM since then */
	int64_t known_ms;		/* its first state, or the begin */
	int64_t firing_ms;		/* how long in ALARM, that which ended */
	/* Incidents that were opened in the period. */
	uint64_t incidents, urgent, repeats, notes;
	int priority;			/* the highest of them; 0: none */
	uint64_t untaken, taken, unasked;	/* resolved by themselves */
	uint64_t brief;			/* of untaken and unasked */
	int64_t brief_ms;		/* the longest of those */
	uint64_t no_ci, fallback_ci;
	bool fallback;			/* no look-up of its newest decision
					   found a CI, though it was asked */
	/* What no file claims. */
	uint64_t unclaimed;
};

/* Where alarms that nobody claims came from. */
struct source_facts {
	struct str account, region, topic, kind, where, example;
	uint64_t events, incidents, alarms;	/* alarms: different ones */
};

struct rule_facts {
	struct str file, team, policy;
	int line;
	bool hit;			/* in the period, or since its load */
};

/* Silences of the same match. */
struct silence_facts {
	struct str match, owner, reason, team;
	uint64_t set;			/* how often, extended or anew */
	uint64_t held;			/* events */
	int64_t first_ms, last_ms;	/* begin of the first, end of the last */
	int64_t span_ms;		/* of all together */
	bool active;
};

struct facts;

struct facts *facts_new(int64_t from_ms, int64_t to_ms);	/* NULL: memory */
void facts_free(struct facts *f);

/* Events in the order of the journal, from the period before on. Each of the
 * following: 0 or -ENOMEM. */
int facts_event(struct facts *f, const struct event *e);
/* Before the incidents: somebody wrote to one here, or StackFlow was asked and
 * somebody, or nobody, had taken it. */
int facts_asked(struct facts *f, struct str remote, bool taken);
int facts_incident(struct facts *f, const struct incident *i);
int facts_silence(struct facts *f, const struct store_silence *s);
/* One that was told is longer than it was. */
void facts_extended(struct facts *f, struct str silence);
int facts_rule(struct facts *f, struct str file, struct str team,
	       struct str policy, int line, uint64_t hits);
/* An alarm that AWS says has no OK action. */
void facts_no_ok(struct facts *f, struct str region, struct str name);

/* ---- what came of it ---- */

struct facts_head {
	int64_t from_ms, to_ms, before_ms;	/* begin of the period before */
	int64_t first_ms;		/* the oldest event that was read */
	uint64_t alarms;		/* different ones */
	uint64_t beyond;		/* alarms and incidents past the bounds */
};
void facts_head(struct facts_head *out, const struct facts *f);

const struct team_facts *facts_all(const struct facts *f);
size_t facts_teams(const struct facts *f);
const struct team_facts *facts_team(const struct facts *f, size_t i);
size_t facts_alarms(const struct facts *f);
struct alarm_facts *facts_alarm(const struct facts *f, size_t i);
size_t facts_sources(const struct facts *f);
const struct source_facts *facts_source(const struct facts *f, size_t i);
size_t facts_rules(const struct facts *f);
const struct rule_facts *facts_rule_at(const struct facts *f, size_t i);
size_t facts_silences(const struct facts *f);
const struct silence_facts *facts_silence_at(const struct facts *f, size_t i);

/* How long in ALARM within the period, and how long its state was known. */
int64_t alarm_firing_ms(const struct alarm_facts *a, int64_t to_ms);
int64_t alarm_known_ms(const struct alarm_facts *a, int64_t to_ms);

#endif
