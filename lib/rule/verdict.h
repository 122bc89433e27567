#ifndef RULE_VERDICT_H
#define RULE_VERDICT_H

#include "base/str.h"

/* What the rules say of one alarm. Lives in the arena of the decision. */
enum severity { SEVERITY_NONE, SEVERITY_CRITICAL, SEVERITY_HIGH,
		SEVERITY_MEDIUM, SEVERITY_LOW };

enum insufficient { INSUFFICIENT_IGNORE, INSUFFICIENT_NOTE, INSUFFICIENT_OPEN,
		    INSUFFICIENT_RESOLVE };
enum still_firing { STILL_NEW, STILL_REOPEN, STILL_LEAVE };

struct field {
	struct str name, value;
};

/* So many within a time; count 0: not asked for. */
struct count_within {
	unsigned count;		/* at most COUNT_WITHIN_MAX; of limits more */
	int64_t within_ms;
};
#define COUNT_WITHIN_MAX 100

/* One entry of `escalate`: on its own timer from the incident's opening. */
struct escalation {
	int64_t after_ms;
	bool unless_acknowledged;
	int raise_to;		/* 1..4; 0: the priority stays */
	struct str note;	/* STR_NONE: none of its own */
};
#define ESCALATIONS_MAX 8

/*
 * What StackFlow is asked about an incident once it is open. Nothing waits for
 * it, and what it says is told as its own.
 */
enum enrich_field { ENRICH_CATEGORY, ENRICH_SUBCATEGORY,
		    ENRICH_ASSIGNMENT_GROUP, ENRICH_PRIORITY, ENRICH_FIELDS };

struct enrich {
	bool fill[ENRICH_FIELDS];	/* those that no rule names */
	double suggest_above;		/* confidence, 0 to 1 */
	bool analyze[5];		/* [1] to [4]: of these priorities */
	double analyze_above;
	bool article;
	double article_above;
	int highest;		/* priority that guards leave a suggestion */
};

/* What holds an alarm back at the moment of the decision. */
enum hold_kind { HOLD_NONE, HOLD_WINDOW, HOLD_CHANGE, HOLD_INCIDENT,
		 HOLD_SILENCE };

struct hold {
	enum hold_kind kind;
	struct str id;		/* the suppress entry's, or the silence's */
	struct str where;	/* "20-payments.yaml:71"; a silence: "silence" */
	int64_t until_ms;	/* its end, as far as it is known; a change's or
				   an incident's isn't: when to look again */
	struct str about;	/* "window NAME", the change, the incident, or
				   "OWNER: REASON" of a silence: for people */
};

struct verdict {
	bool catch_all;		/* no file claims it */
	struct str team, policy, where;	/* where: "20-payments.yaml:52" */
	struct str file;		/* whose rules decided */
	enum severity severity;
	int priority;			/* 1..4, after guards */
	struct str env;
	struct str dedup_key;
	struct str short_description, description, category, subcategory,
		assignment_group, runbook;
	struct str ci_id, ci_name;	/* STR_NONE: none found */
	bool ci_pending;	/* a look-up was not answered in time */
	const struct field *fields;	/* further fields of the incident */
	size_t field_count;
	enum insufficient insufficient;
	int64_t notes_every_ms;
	unsigned notes_max;
	bool resolve;			/* when: OK; false: never */
	bool resolve_note_only;
	int64_t resolve_stable_ms;	/* OK must last so long; 0: at once */
	int64_t open_after_ms;		/* ALARM must last so long; 0: at once */
	struct count_within open_when;	/* ALARMs of the key */
	struct count_within flap;	/* changes of state of the key */
	int64_t flap_quiet_ms;		/* while it flaps, OK must last so long */
	int64_t group_within_ms;	/* > 0: dedup_key is a group's, which
					   takes alarms for so long from its
					   opening */
	const struct escalation *escalate;	/* in the order of their times;
					   guards have bound raise_to */
	size_t escalate_count;
	const struct enrich *enrich;	/* NULL: nothing is asked */
	struct hold hold;	/* the one that ends last; kind NONE: nothing */
	bool hold_pending;	/* a look-up was not answered in time; it holds
				   nothing */
	bool require_change;	/* the incident is to say when there was none;
				   false where nobody could tell */
	struct str change;	/* an open change on the CI, where one was asked
				   for: "CHG0000123 Patch the database" */
	struct count_within limit;	/* incidents of the team; beyond: its
					   parent incident. Never of P1 */
	struct str context;	/* what while_open of any entry may compare, as
				   lines "name=value", the first the team's;
				   STR_NONE where no entry does */
	int64_t reopen_within_ms;
	enum still_firing still_firing;
};

/* "category", "subcategory", "assignment_group", "priority" */
const char *enrich_field_name(enum enrich_field f);
bool enrich_suggests(const struct enrich *e);	/* is any field to be filled? */
bool enrich_analyzes(const struct enrich *e);	/* of any priority? */
const char *severity_name(enum severity s);	/* "critical"; NULL for none */
enum severity severity_of(struct str word);	/* any case; NONE: unknown */

#endif
