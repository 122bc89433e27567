#ifndef AGENT_BATCH_H
#define AGENT_BATCH_H

#include "agent/agent.h"

/*
 * A batch of triage: the incidents, members and operations that its events
 * touch, read once, changed in memory, written in one transaction. A second
 * event of a key sees what the first one did.
 */
struct batch;

int batch_new(struct batch **out, struct store_reader *reader,
	      struct arena *arena, size_t events_max);
void batch_free(struct batch *b);

/* Situation of an event: by the alarm's own incident first, then by key.
 * others: are the other members asked for? What fires needs no count of them. */
struct situation;
int batch_situation(struct situation *out, struct batch *b,
		    struct str subject, struct str key, bool others);

/* Take over what incident_apply() said of the event whose situation was asked
 * last. outcome: the event's filled outcome fields. */
struct change;
int batch_apply(struct batch *b, const struct change *change,
		struct event *outcome);
/* An event with an outcome but no change. */
int batch_outcome(struct batch *b, struct event *outcome);

size_t batch_count(const struct batch *b);
/* Commit. -ESTALE: somebody else changed a row meanwhile; do it all again. */
int batch_commit(struct batch *b, struct store *s);

#endif
