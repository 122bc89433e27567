#ifndef RULE_FIELD_H
#define RULE_FIELD_H

#include "alarm/alarm.h"
#include "rule/rule.h"

/*
 * What a rule may ask about: a path like "alarm", "dim.NAME", "tag.NAME",
 * "ci.NAME" or "payload:/json/pointer", resolved once at load to a ref.
 */
enum field_id {
	FIELD_DIRECT,		/* a string of struct alarm, at offset */
	FIELD_SOURCE, FIELD_KIND, FIELD_STATE, FIELD_PREVIOUS_STATE,
	FIELD_TIME, FIELD_THRESHOLD, FIELD_ENV, FIELD_SEVERITY,
	FIELD_PRIORITY, FIELD_TEAM, FIELD_DIM, FIELD_TAG, FIELD_CI,
	FIELD_PAYLOAD,
};

/* In the order in which a decision goes. */
enum stage { STAGE_ENV, STAGE_CLAIMS, STAGE_CI, STAGE_SEVERITY, STAGE_POLICY,
	     STAGE_GUARD, STAGE_SUPPRESS, STAGE_TEXT };

struct ref {
	enum field_id id;
	unsigned slot;		/* of the decision's cache; 0: none needed */
	size_t offset;
	struct str path;	/* as written */
	struct str name;	/* behind "dim.", "tag.", "ci.", "payload:" */
	enum stage known;	/* the first stage that may ask */
	bool passing;		/* changes within one alarm's life */
};

/*
 * Fill *out from a path, borrowing it. -EINVAL where there is no such field;
 * *near is then a name that was perhaps meant, or NULL.
 */
int ref_parse(struct ref *out, struct str path, const char **near);
const char *stage_name(enum stage s);	/* the key in a rule file */

/* What is known while one alarm is decided. */
struct slot {
	struct str value;
	bool known;
};

struct facts {
	const struct alarm *alarm;
	struct arena *arena;
	struct slot *slots;
	struct str env, team;
	enum severity severity;		/* NONE: the alarm's own word */
	int priority;			/* 0: not decided yet */
	const struct ci *ci;		/* NULL: none */
};

/* The field's text; STR_NONE where the alarm has none. */
struct str facts_other(struct facts *f, const struct ref *ref);

static inline struct str facts_get(struct facts *f, const struct ref *ref)
{
	if (ref->id == FIELD_DIRECT)
		return *(const struct str *)((const char *)f->alarm +
					     ref->offset);
	if (ref->slot && f->slots[ref->slot - 1].known)
		return f->slots[ref->slot - 1].value;
	return facts_other(f, ref);
}

/* As a number: false where it is none. */
bool facts_number(struct facts *f, const struct ref *ref, double *out);

#endif
