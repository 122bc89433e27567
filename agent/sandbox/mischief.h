#ifndef AGENT_SANDBOX_MISCHIEF_H
#define AGENT_SANDBOX_MISCHIEF_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Faults on demand. A fault waits for requests of its method and path and
 * strikes by count, by probability, or always; the chances come from a seed,
 * so that a run can be repeated. Any thread.
 */
struct box_mischief;
struct json;

enum box_kind {
	STRIKE_NONE,
	/* nothing is done */
	STRIKE_ERROR, STRIKE_LIMITED, STRIKE_HANGUP, STRIKE_REFUSE,
	STRIKE_REDIRECT, STRIKE_ANSWER,
	/* it is done, then */
	STRIKE_DONE_ERROR, STRIKE_DONE_HANGUP, STRIKE_CUT_HEAD,
	STRIKE_CUT_BODY, STRIKE_DRIP, STRIKE_ENDLESS, STRIKE_BIG_HEAD,
	STRIKE_GARBAGE, STRIKE_NO_ID, STRIKE_DONE_ANSWER,
	STRIKE_SLOW, STRIKE_SLOW_ANSWER, STRIKE_LATE,
};

/* What struck: a copy. */
struct box_fault {
	enum box_kind kind;
	int status;
	int64_t delay_ms, size;
	char retry_after[64], location[256];
	struct str body;	/* owned by the mischief until it is freed */
};

int box_mischief_new(struct box_mischief **out, uint64_t seed,
		     struct err *err) MUST_CHECK;
void box_mischief_free(struct box_mischief *m);

/* {"kind": "create-then-500", "p": 0.3, ...}; returns its id (> 0). */
int box_mischief_add(struct box_mischief *m, const struct json *v,
		     struct err *err) MUST_CHECK;
/* "create-then-500,p=0.3,path=/incidents" */
int box_mischief_add_text(struct box_mischief *m, struct str text,
			  struct err *err) MUST_CHECK;
/* id 0: all. How many went. */
int box_mischief_remove(struct box_mischief *m, int id);
void box_mischief_seed(struct box_mischief *m, uint64_t seed);
void box_mischief_put(struct buf *out, struct box_mischief *m);

/* The first fault that strikes this request; STRIKE_NONE. */
struct box_fault box_mischief_strike(struct box_mischief *m, struct str method,
				     struct str path, bool reused);
/* The same for a new connection: does one of `refuse` strike? */
bool box_mischief_refuse(struct box_mischief *m);

#endif
