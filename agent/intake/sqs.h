#ifndef AGENT_INTAKE_SQS_H
#define AGENT_INTAKE_SQS_H

#include "agent/intake/queues.h"
#include "aws/call.h"
#include "aws/sqs.h"

/*
 * Inside the pollers: a queue is what its pollers share, a haul is one
 * receive's messages on their way to the journal.
 */
enum queue_action { QUEUE_RECEIVE, QUEUE_DELETE, QUEUE_RETURN, QUEUE_ACTIONS };

/* Classes of tocsin_sqs_errors_total; the first are enum aws_outcome's. */
enum {
	QUEUE_MALFORMED = AWS_REFUSED + 1,	/* an answer of another form */
	QUEUE_CHECKSUM,				/* MD5OfBody */
	QUEUE_ENTRY,				/* one of a batch failed */
	QUEUE_CLASSES,
};

struct queue {
	struct agent *agent;
	const struct sqs_md5 *md5;	/* NULL: this system has none */
	char *url;
	struct str region;		/* in url; STR_NONE: the client's */
	bool verify, fifo;
	unsigned wait_s, visibility_s, pollers;

	_Atomic uint64_t received, deleted, errors[QUEUE_CLASSES];
	_Atomic int64_t last_success_ms;
	_Atomic int64_t ask_ms;		/* for its length, next; monotonic */
	_Atomic int64_t waiting;	/* -1: not known */
	_Atomic bool ask_denied;	/* the log knows */
	pthread_mutex_t lock;		/* of what follows */
	int64_t lag_ms, lag_at_ms;	/* wall clock; 0: nothing came yet */
	struct {
		enum queue_state how;
		char code[64], trouble[256];
		bool told;		/* the log knows */
	} side[QUEUE_ACTIONS];
};

struct queue_failure {
	enum queue_action action;
	int class;
	bool refused;		/* a right or the queue is missing */
	unsigned times;		/* in a row, this one included */
	struct str code, message;
};

int queue_init(struct queue *q, struct agent *a, const struct conf_queue *c);
void queue_fini(struct queue *q);
void queue_failed(struct queue *q, const struct queue_failure *f);
void queue_succeeded(struct queue *q, enum queue_action action);
/* waiting and lag_ms. */
void depth_status(struct queue_status *out, struct queue *q, int64_t now_ms);

/* ---- one receive's messages ---- */

enum fate {
	FATE_OPEN,	/* its turn hasn't come */
	FATE_UNDERWAY,
	FATE_DELETE,	/* journaled, as an event or a dead letter */
	FATE_LATER,	/* not now: it stays in the queue */
	FATE_BEHIND,	/* one of its group before it has to come again */
};

struct haul;

struct message {
	struct haul *haul;
	struct sqs_message sqs;
	_Atomic(enum fate) fate;
};

struct haul {
	struct haul *next;		/* the poller's: idle or held */
	struct queue *queue;
	/* From any thread: what haul_run() began has ended. */
	void (*idle)(struct haul *h, void *arg);
	void *arg;
	atomic_uint underway;
	pthread_mutex_t lock;		/* of the three below */
	bool gathering;
	struct intake *gathered[SQS_BATCH];
	size_t gathered_count;
	struct json *answer;		/* what the messages' strings lie in */
	size_t count;
	struct message messages[SQS_BATCH];
};

/* Of answer, which it owns from now on, the messages that list borrows from
 * there. 0, or -ENOMEM and it stays yours. */
int haul_new(struct haul **out, struct queue *q, struct json *answer,
	     const struct sqs_message *list, size_t count) MUST_CHECK;
void haul_free(struct haul *h);
/*
 * Begin what may begin: all at once, or of a FIFO queue the next of each
 * group. True: haul_let_go() is owed. False: each message has its fate, and
 * idle isn't called.
 */
bool haul_run(struct haul *h);
/* To the journal with what haul_run() has made ready; idle comes after it. */
void haul_let_go(struct haul *h);

/* ---- pollers ---- */

struct poller;

int poller_new(struct poller **out, struct queue *q, unsigned number,
	       const struct conf *c, struct err *err) MUST_CHECK;
int poller_start(struct poller *p, struct err *err) MUST_CHECK;
/* No new poll: the one under way ends, then what was received is seen to. */
void poller_end(struct poller *p);
void poller_join(struct poller *p);
void poller_free(struct poller *p);

#endif
