#ifndef AGENT_DRILL_H
#define AGENT_DRILL_H

#include "agent/agent.h"
#include "base/err.h"

/*
 * Sees on a timer, and when asked, that alarms come through: publishes one to
 * a topic, waits for it to become an incident by whatever subscription there
 * is, publishes its OK and waits for the incident's end. A thread of its own;
 * the drill under way is in the store, so that a start goes on with it.
 */
struct drill;

/* Needs a->cloud, and a topic in c. */
int drill_start(struct drill **out, struct agent *a, const struct conf *c,
		struct err *err) MUST_CHECK;
void drill_stop(struct drill *d);	/* NULL is allowed, for all of these */
void drill_free(struct drill *d);

/*
 * Begin one now; *id is its. -EALREADY: one is under way, *id is that one's.
 * -ENOENT: there is no topic in the configuration.
 */
int drill_now(struct buf *id, struct drill *d) MUST_CHECK;

struct jsonw;
/* An object, what is configured and the last drills. */
void drill_put(struct jsonw *w, struct drill *d);
void drill_metrics(struct buf *out, struct drill *d);

#endif
