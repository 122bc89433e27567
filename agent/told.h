#ifndef AGENT_TOLD_H
#define AGENT_TOLD_H

#include "rule/rule.h"

/*
 * What look-ups told when an event was decided, kept beside its outcome, so
 * that it can be decided again as it was: JSON, one object a decision, the
 * first one first, since what waits is decided again:
 *
 *  [{"at": "2026-11-21T10:00:00.000Z", "tags": [["team", "pay"]],
 *    "cis": [{"field": "name", "value": "pay-db-1", "id": "CI0001002"}],
 *    "changes": [{"ci_id": "CI0001002", "states": ["implement"],
 *                 "id": "CHG0000123", "title": "...", "state": "implement"}],
 *    "silence": {"id": "s...", "about": "OWNER: REASON", "until": "..."}}]
 *
 * A CI or change without "id" wasn't there; with "failed" nobody could tell.
 */

/* ---- while it is decided ---- */

#define ASKED_MAX 8		/* questions of a kind; others aren't kept */

struct asked_ci {
	struct str field, value;
	enum ci_answer answer;
	struct ci ci;
};

struct asked_change {
	struct str ci_id;
	const struct str *states;
	size_t state_count;
	enum ci_answer answer;
	struct rule_change change;
};

struct asked {
	struct ci_source cis;		/* the ones that are asked */
	struct hold_source holds;
	const struct alarm_pair *tags;	/* found, and taken */
	size_t tag_count;
	struct asked_ci ci[ASKED_MAX];
	struct asked_change change[ASKED_MAX];
	size_t ci_count, change_count;
};

/* Put a between cis and holds and those who ask them. All three must stay
 * until asked_json(). */
void asked_begin(struct asked *a, struct ci_source *cis,
		 struct hold_source *holds);
/*
 * What was asked in this decision, behind what is kept of those before, in
 * arena; before itself where nothing was. At most TOLD_MAX bytes: what is of
 * least use goes first. STR_NONE: nothing.
 */
#define TOLD_MAX 8192
struct str asked_json(const struct asked *a, struct str before,
		      const struct hold *hold, int64_t now_ms,
		      struct arena *arena);

/* ---- when it is decided again ---- */

struct told {
	struct json *json;		/* NULL: nothing was asked then */
	struct str ci_id;		/* of its incident: for what wasn't asked */
	int64_t now_ms;			/* of the decision */
	uint64_t *unknown;		/* counts changes that weren't asked for;
					   or NULL */
};

/* Anything but what asked_json() makes tells nothing. */
void told_init(struct told *t, struct str world, struct str ci_id);
void told_fini(struct told *t);

/*
 * *a (kept, and pointed elsewhere) with the tags that were looked up for it;
 * left where there were none. 0 or -ENOMEM.
 */
int told_tags(const struct alarm **a, const struct told *t,
	      struct arena *arena);
/* As ci_source.find and hold_source.change: arg is a struct told. */
enum ci_answer told_ci(struct ci *out, struct arena *arena, struct str field,
		       struct str value, void *arg);
enum ci_answer told_change(struct rule_change *out, struct arena *arena,
			   struct str ci_id, const struct str *states,
			   size_t state_count, void *arg);
/* The silence that held it then, as one of all that source says; the caller's
 * to free. NULL: none did, or no memory. */
struct silences *told_silences(const struct told *t, const char *source);

#endif
