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
	int64_t resolve_stable_ms;
	int64_t reopen_within_ms;
	enum still_firing still_firing;
};

const char *severity_name(enum severity s);	/* "critical"; NULL for none */
enum severity severity_of(struct str word);	/* any case; NONE: unknown */

#endif
