#ifndef STACKFLOW_TRAIL_H
#define STACKFLOW_TRAIL_H

#include <pthread.h>

#include "stackflow/audit.h"

/* The audit log of one client: its sink, and a lock around that alone. */
struct sf_trail {
	pthread_mutex_t lock;
	bool made;
	sf_audit *sink;			/* NULL: nothing is written */
	void *arg;
};

/* A write that ended. */
struct sf_written {
	const char *action;		/* "incident.create" */
	struct str id;			/* of the record; or STR_NONE */
	const char *key;		/* Idempotency-Key; or NULL */
	unsigned records;		/* of a bulk; 0: one */
	struct str bound;		/* what sf_bounds_lines() gave it */
};

/* 0, -ENOMEM. */
int sf_trail_init(struct sf_trail *t, sf_audit *sink, void *arg) MUST_CHECK;
void sf_trail_fini(struct sf_trail *t);	/* fine on a zeroed one */

/* Before its done. r's problem holds no secret any more. */
void sf_trail_ended(struct sf_trail *t, const struct sf_written *w,
		    const struct sf_result *r);

#endif
