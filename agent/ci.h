#ifndef AGENT_CI_H
#define AGENT_CI_H

#include "agent/agent.h"

/*
 * Configuration items by look-up value, cached with a lifetime, misses and
 * failures too. Triage asks and never waits here; deliver carries look-ups
 * out between its writes.
 */
struct cis;
struct json;

struct cis *cis_new(void);
void cis_free(struct cis *c);

/* For ruleset_decide(): arg is the struct cis. */
enum ci_answer cis_find(struct ci *out, struct arena *arena, struct str field,
			struct str value, void *arg);

/*
 * The next look-up to send: "FIELD" and "VALUE" in arena and a ticket for
 * cis_answered(). 0 where none waits.
 */
struct ci_ask {
	struct str field, value;
};
int cis_next(struct ci_ask *out, struct cis *c, struct arena *arena);
bool cis_waiting(struct cis *c);

/*
 * What came of it: rows of GET /cmdb/cis, or NULL where it failed. Found means
 * exactly one row that is live and really holds the value.
 */
void cis_answered(struct cis *c, const struct ci_ask *ask,
		  const struct json *rows);

#endif
