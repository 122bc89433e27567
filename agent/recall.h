#ifndef AGENT_RECALL_H
#define AGENT_RECALL_H

#include "agent/agent.h"

/*
 * What triage knows of the incidents whose one alarm fires again and again:
 * the last batch's own words, so that the next asks the store for nothing.
 * Never the truth: the store compares versions and states at each write, and
 * what lost a race is forgotten and read anew. Bounded; triage's thread alone.
 */
struct recall;

struct recalled {
	struct incident incident;	/* open, without timers */
	struct member member;		/* its only one that was seen, firing */
	struct op tail;			/* a repeat note: held for a while yet,
					   or behind the incident's create
					   where that has no remote id; ask
					   the store whether it still is */
};

struct recall *recall_new(void);	/* NULL: out of memory */
void recall_free(struct recall *r);

/* 1 and *out, its strings in arena; 0; -ENOMEM. */
int recall_find(struct recalled *out, const struct recall *r, struct str key,
		struct str subject, int64_t now_ms, struct arena *arena);
/* As it stands after a commit. What isn't of the kind above is forgotten. */
void recall_keep(struct recall *r, const struct incident *i,
		 const struct member *m, const struct op *tail);
void recall_forget(struct recall *r, struct str key);
void recall_clear(struct recall *r);

#endif
