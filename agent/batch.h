#ifndef AGENT_BATCH_H
#define AGENT_BATCH_H

#include "agent/agent.h"
#include "incident/handle.h"

/*
 * A batch of triage: the incidents, members, tallies and operations that its
 * events and timers touch, read once, changed in memory, written in one
 * transaction. A second event of a key sees what the first one did.
 */
struct batch;

/* recall: what earlier batches know, and this one adds to. */
struct recall;
int batch_new(struct batch **out, struct store_reader *reader,
	      struct recall *recall, const struct keys *keys,
	      struct arena *arena, size_t events_max);
void batch_free(struct batch *b);

/* What incident_handle() asks; its answers live as long as the batch. */
const struct world *batch_world(struct batch *b);

/* As hold_source.open: what the store has open, and what this batch did. */
int batch_open(struct str *out, struct batch *b, struct str policy,
	       const struct field *same, size_t same_count);

/*
 * Take over the change that was handled last. outcome: the event's filled
 * outcome fields, whose incident is set here; NULL: it stays as it is.
 */
int batch_apply(struct batch *b, const struct handling *h,
		struct event *outcome);
/* An event with an outcome but no change. */
int batch_outcome(struct batch *b, struct event *outcome);
/* The incident whose timer was handled last is looked at again then. */
int batch_later(struct batch *b, int64_t due_ms);

size_t batch_count(const struct batch *b);
/* Alarms whose hold ended. */
unsigned batch_holds_ended(const struct batch *b);
/* Commit. -ESTALE: somebody else changed a row meanwhile; do it all again. */
int batch_commit(struct batch *b, struct store *s);

#endif
