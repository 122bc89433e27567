#ifndef AGENT_ADMIN_HELD_H
#define AGENT_ADMIN_HELD_H

#include "agent/agent.h"
#include "doc/jsonw.h"

/*
 * What waits for a moment: alarms that open if they last or that are held
 * back, open incidents with a timer; the earliest first, at most a thousand of
 * each. Members of the object that w has begun. False: the store can't be
 * read now.
 */
bool held_put(struct jsonw *w, struct agent *a);

#endif
