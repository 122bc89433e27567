#ifndef AGENT_INTAKE_QUEUES_H
#define AGENT_INTAKE_QUEUES_H

#include "agent/agent.h"

/*
 * The pollers of `sqs:`. Each is a thread with its own rest loop, named
 * sqs-N; the queues and their concurrency are those of the start.
 */
struct queues;

enum queue_state {
	QUEUE_STARTING,		/* no answer yet */
	QUEUE_OK,
	QUEUE_TROUBLE,		/* backing off, tries again within 30 s */
	QUEUE_REFUSED,		/* a right or the queue is missing: 60 s */
};

struct queue_status {
	const char *url;	/* lives as long as the queues */
	struct str name;	/* in url */
	enum queue_state state;
	unsigned pollers;
	int64_t last_success_ms;	/* wall clock; 0: never */
	uint64_t received, deleted, errors;
	int64_t waiting;	/* about; -1: not known */
	int64_t lag_ms;		/* from sent to received, the most of late; -1:
				   nothing came lately, or it wasn't told */
	char trouble[256];	/* what the last error said; "" while OK */
};

/*
 * Start a poller thread for each of c->queues' concurrency; *out is NULL
 * where none is configured. Needs a->store,
 * a->certs, a->metrics, a->cloud and a->handoff. 0; -EINVAL (err says which
 * queue), -ENOMEM, -EAGAIN (no thread).
 */
int queues_start(struct queues **out, struct agent *a, const struct conf *c,
		 struct err *err) MUST_CHECK;

/*
 * The last polls end, everything received is journaled or left: within the
 * longest `wait` and 4 s. Before the store, the certificates and the handoff
 * stop. NULL is fine.
 */
void queues_stop(struct queues *q);
/* Once the store is closed and the certificates are freed. NULL is fine. */
void queues_free(struct queues *q);

size_t queues_count(const struct queues *q);	/* NULL: 0 */
/* Any thread. i < queues_count(). */
void queues_status(struct queue_status *out, struct queues *q, size_t i);
const char *queue_state_name(enum queue_state s);

/* tocsin_sqs_*, each with queue="NAME", as /metrics prints them. */
void queues_metrics(struct queues *q, struct buf *out);

/*
 * Called once, from any thread, also from within queues_judge_again(). 0:
 * journaled; -EINVAL: not to be believed still; -EAGAIN: not now; why says it.
 */
typedef void queues_judged(int result, const char *why, void *arg);

/*
 * Judge a dead letter's bytes (its event, with payload) as if the queue had
 * brought them now. It may wait for a certificate: e's strings stay until
 * done is called.
 */
void queues_judge_again(struct agent *a, struct str url, const struct event *e,
			queues_judged *done, void *arg);

#endif
