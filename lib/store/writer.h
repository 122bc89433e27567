#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/backend.h"

/* The most submissions that share one transaction. */
#define WRITER_RUN 512

struct store {
	const struct store_backend *backend;
	void *db;
	bool made;
	uint8_t hash_key[16];
	size_t run_bytes;		/* about so much in one transaction */

	/* Submissions, the newest first, tagged with their kind. */
	_Atomic uintptr_t top;
	_Atomic uint32_t asleep;	/* a futex */
	_Atomic bool stopping, failed, scrubbing;
	_Atomic int64_t busy_since_ms;	/* monotonic; 0: it waits for work */
	pthread_t thread;

	/* The writer's own. */
	uintptr_t first, last;		/* taken, the oldest first */
	uintptr_t run[WRITER_RUN];
	int result[WRITER_RUN];
	int wait_ms;
	unsigned what;			/* not yet told to wake */
	uint64_t fsyncs_failed;

	pthread_mutex_t lock;		/* guards what follows */
	struct store_counts counts;
	pthread_mutex_t wake_lock;	/* held in the call, so that nobody is
					   woken once store_on_commit returned */
	void (*wake)(unsigned what, void *arg);
	void *wake_arg;
};

int writer_start(struct store *s, struct err *err);
/* Ends when all that was submitted is answered. */
void writer_stop(struct store *s);

void writer_accept(struct store *s, struct store_accept *a);
void writer_batch(struct store *s, struct store_batch *b);
void writer_job(struct store *s, struct store_job *j);

#endif
