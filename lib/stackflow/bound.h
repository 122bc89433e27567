#ifndef STACKFLOW_BOUND_H
#define STACKFLOW_BOUND_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "stackflow/context.h"

/*
 * What the threads of one client have bound, as header lines that each end
 * with a NUL. The key by which a thread finds its own is made with the first
 * binding: a client that is never told a context costs none.
 */
#define SF_BOUND_LINES 24	/* beside our own, within rest's 32 */
#define SF_BOUND_BYTES 8192

/* What has a field of its own, and what it is in the environment. */
#define SF_BOUND_NAMES 7
extern const struct sf_bound_name {
	size_t offset;			/* in struct sf_context */
	const char *field, *header, *variable;
} sf_bound_names[SF_BOUND_NAMES];

struct sf_bounds {
	bool made;
	pthread_mutex_t lock;		/* threads, and making the key */
	pthread_key_t key;
	atomic_bool keyed;
	struct bound_thread *threads;
	struct buf outer;		/* beneath all bindings; set once */
};

/* 0, -ENOMEM. */
int sf_bounds_init(struct sf_bounds *b) MUST_CHECK;
/* With what threads that live on have bound. Fine on a zeroed one. */
void sf_bounds_fini(struct sf_bounds *b);

/* What all threads begin with; before any of them calls. */
int sf_bounds_set_outer(struct sf_bounds *b, const struct sf_context *x,
			struct err *err) MUST_CHECK;

/* This thread's lines, until it binds or resets; a call copies them when it
 * begins. STR_NONE or empty: nothing is bound. */
struct str sf_bounds_lines(const struct sf_bounds *b);
/* Their begins, at most SF_BOUND_LINES, into headers; how many. */
size_t sf_bounds_split(const char **headers, struct str lines);

/*
 * From enter to leave these lines are what this thread has bound: calls that
 * another one's done begins are sent on behalf of that one's.
 */
struct sf_bound {
	struct sf_bound *outer;
	struct bound_thread *thread;	/* NULL: isn't bound */
	struct str lines;
	bool owned;			/* by the heap; not a guise */
};
void sf_bounds_enter(struct sf_bounds *b, struct sf_bound *guise,
		     struct str lines);
void sf_bounds_leave(struct sf_bound *guise);

#endif
