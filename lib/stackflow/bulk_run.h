#ifndef STACKFLOW_BULK_RUN_H
#define STACKFLOW_BULK_RUN_H

#include <pthread.h>

#include "stackflow/bulk.h"
#include "stackflow/client.h"

/* One bulk write: what bulk.c takes in and gives out, and bulk_run.c does. */

struct sf_bulk_kind {
	const struct sf_bulk_path *to;
	const char *operation;
	bool update;			/* ids and fields, else records */
};

enum sf_bulk_record_state { SF_RECORD_OPEN, SF_RECORD_DONE, SF_RECORD_FAILED,
			    SF_RECORD_UNKNOWN };

struct sf_bulk_record {
	struct str text;		/* an id, or a JSON object */
	struct str message;
	enum sf_bulk_record_state state;
};

enum sf_bulk_phase {
	SF_BULK_READY,			/* the next job is to be started */
	SF_BULK_STARTING,		/* being asked */
	SF_BULK_WAITING,		/* to be polled */
	SF_BULK_POLLING,		/* being asked */
	SF_BULK_ENDED,
};

struct sf_bulk {
	struct sf_client *client;
	const struct sf_bulk_kind *kind;
	sf_bulk_seen *seen;
	void *arg;
	unsigned timeout_ms;
	char *copies;			/* of all texts */
	struct str fields;
	struct str bound;		/* the context's header lines */
	size_t n;
	struct sf_bulk_record *records;

	pthread_mutex_t lock;		/* what follows, in either mode */
	pthread_cond_t changed;
	unsigned refs;			/* caller's, a call's, timer's */
	bool freed, telling, armed;
	enum sf_bulk_phase phase;
	size_t at, count;		/* the job's records */
	struct buf where, job_id;
	int64_t due_ms;			/* -1: gap_ms after it is asked next */
	int64_t gap_ms;
	int64_t until_ms;		/* the job's end; 0: isn't set yet */
	unsigned polls, refusals;
	struct sf_bulk_result result;	/* counts: of jobs that ended */
	size_t job_done, job_failed;	/* of the one under way */
	struct buf problem;
	struct arena *texts;		/* of messages */
	struct sf_timer timer;
};

/* With lock held: begin what is due at that time. As sf_bulk_step(). */
int64_t sf_bulk_go(struct sf_bulk *b, int64_t mono_ms);
/* With lock held: the result with the job under way. */
struct sf_bulk_result sf_bulk_now(const struct sf_bulk *b);
/* Let go of one of refs, with lock held; the last one frees. */
void sf_bulk_unref(struct sf_bulk *b);
/* In the client's own thread: go on at this time. With lock held. */
void sf_bulk_arm(struct sf_bulk *b, int64_t mono_ms);
/* Its own loop, or the caller's? */
bool sf_bulk_threaded(const struct sf_bulk *b);

#endif
