#ifndef AGENT_EXPLAIN_EXPLAIN_H
#define AGENT_EXPLAIN_EXPLAIN_H

#include "incident/incident.h"
#include "rule/rule.h"
#include "store/store.h"

/*
 * One alarm under one rule set: how it was read, what was decided by which
 * rules, and the incident that it would open.
 */
struct explanation {
	const struct alarm *alarm;
	struct verdict verdict;
	struct trace trace;
	const char *action, *because;
	struct str held_by;		/* the hold's id; or empty */
	/* Of a stored event: what was decided then; else NULL. */
	const struct past_event *past;
};

struct explain_input {
	const struct ruleset *rules;
	const struct alarm *alarm;
	int64_t now_ms;			/* windows go by it */
	const struct past_event *past;	/* or NULL */
};

/*
 * An ALARM is decided as if nothing were open, any other state as if its
 * incident were. A stored event's action is the one it had, and its look-ups
 * and the silence that held it tell what they told then; a CI that wasn't
 * asked for is the one of its incident. Otherwise no CI, change, silence or
 * other incident is known here. 0 or -ENOMEM.
 */
int explain_alarm(struct explanation *out, const struct explain_input *in,
		  struct arena *arena);

/* One line of JSON; text for people, wrapped to width (0: not at all). */
void explain_put_json(struct buf *out, const struct explanation *e);
void explain_put_text(struct buf *out, const struct explanation *e,
		      bool colour, size_t width);

#endif
