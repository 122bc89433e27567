#ifndef AGENT_ADMIN_ROWS_H
#define AGENT_ADMIN_ROWS_H

#include "agent/agent.h"
#include "doc/jsonw.h"

/* Rows of the store as JSON; members of the object that w has begun, where a
 * function doesn't say otherwise. */

const char *rows_incident_state(enum incident_state s);
void rows_put_incident(struct jsonw *w, const struct incident *i,
		       const struct conf *c);
/* By our number or by StackFlow's id: 1 and *out, 0, negative. */
int rows_find_incident(struct incident *out, struct store_reader *reader,
		       struct str id, struct arena *arena);

void rows_put_event(struct jsonw *w, const struct event *e);

/* An object of its own. Only a note's text is told of what it sends. */
void rows_put_op(struct jsonw *w, const struct op *op);
/* Words between blanks, as a list of strings. */
void rows_put_words(struct jsonw *w, const char *key, struct str words);

#endif
