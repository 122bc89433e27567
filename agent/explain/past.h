#ifndef AGENT_EXPLAIN_PAST_H
#define AGENT_EXPLAIN_PAST_H

#include "agent/explain/explain.h"

/* A stored event, explained by the rules that decided it. */

/* Why it can't be, to be read behind "event ID"; NULL: it can. */
const char *explain_past_problem(const struct event *e);

/*
 * Both may be NULL. The event has its payload; width as explain_put_text()'s.
 * 0, or -ENOMEM.
 */
int explain_past(struct buf *json, struct buf *text,
		 const struct past_event *past, const struct ruleset *rules,
		 size_t width, bool colour);

#endif
