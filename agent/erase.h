#ifndef AGENT_ERASE_H
#define AGENT_ERASE_H

#include "agent/agent.h"

/*
 * Erasing what events carried, in a thread of its own, one at a time: it walks
 * the journal in steps between which alarms are taken, and writes the files
 * anew at the end, when nothing else is committed.
 */
struct eraser;

/* a->eraser; NULL: out of memory. */
struct eraser *eraser_new(struct agent *a);
/* Waits for the step that is under way. NULL is allowed. */
void eraser_free(struct eraser *e);

/* who: for the audit log. 0; -EBUSY: one is at work; negative. */
int eraser_start(struct eraser *e, const struct store_erase *what,
		 struct str who);
struct jsonw;
/* The state of the last one, as members of an object. */
void eraser_put(struct jsonw *w, struct eraser *e);

#endif
