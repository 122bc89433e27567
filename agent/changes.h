#ifndef AGENT_CHANGES_H
#define AGENT_CHANGES_H

#include "agent/agent.h"

/*
 * Changes in StackFlow by configuration item, cached for a minute, misses too.
 * Triage asks and never waits here; deliver carries the questions out between
 * its writes, one a CI at a time. What isn't answered within CHANGES_BUDGET_MS
 * of its asking has failed, and a failure is never taken for a change.
 */
struct changes;
struct json;

#define CHANGES_BUDGET_MS 2000

struct changes *changes_new(struct metrics *m);
void changes_free(struct changes *c);

/*
 * As hold_source.change: arg is the struct changes. Without states: a change
 * that is open, whatever its state is called. PENDING: wake deliver.
 */
enum ci_answer changes_find(struct rule_change *out, struct arena *arena,
			    struct str ci_id, const struct str *states,
			    size_t state_count, void *arg);

/* Is a change in this state one that was asked for? As above. */
bool changes_wanted(struct str state, const struct str *states, size_t count);

/* ---- deliver's side ---- */

/* The next question, its CI in arena. 0: none waits. */
int changes_next(struct str *ci_id, struct changes *c, struct arena *arena);
bool changes_waiting(struct changes *c);
/* A page of the answer to it; then the end: read to its end, or failed. */
void changes_rows(struct changes *c, struct str ci_id,
		  const struct json *rows);
void changes_answered(struct changes *c, struct str ci_id, bool ok);

#endif
