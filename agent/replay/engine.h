#ifndef AGENT_REPLAY_ENGINE_H
#define AGENT_REPLAY_ENGINE_H

#include "agent/replay/side.h"
#include "agent/replay/spool.h"

/*
 * One rule set, given all events of a spool in a thread of its own, as if each
 * came at the moment that it had come at. What waits at the end goes on for a
 * day, but not beyond until_ms.
 */
struct engine;

int engine_start(struct engine **out, const struct ruleset *rules,
		 struct spool *spool, int64_t until_ms) MUST_CHECK;
/* Wait for its end, at most so long: 1 ended, 0 not yet. */
int engine_wait(struct engine *e, int ms);
size_t engine_done(const struct engine *e);	/* events */
/* Ends it, whether it is through or not. 0 or what went wrong. */
int engine_stop(struct engine *e);
void engine_free(struct engine *e);
/* After engine_stop(). */
/* Look-ups of changes that nobody had made when the event was decided: taken
 * as none. Once it is stopped. */
uint64_t engine_unknown(const struct engine *e);
const struct side *engine_side(const struct engine *e);

#endif
