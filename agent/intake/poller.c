#include "agent/intake/sqs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cloud.h"
#include "agent/log.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

/*
 * Receives in hand at a time: while one is being journaled the next may come.
 * Behind a receive that was full, and not of giants, several are asked for at
 * once, so that they share commits. With the entries owed below this bounds
 * what a poller holds.
 */
#define IN_HAND 2
#define WIDE 4
#define WIDE_BYTES (1 << 20)
#define OWED_MAX 100		/* more than that, and nothing is received */
#define CALLS_MAX 4		/* of one kind of batch at a time */
#define POLL_SLACK_MS 10000	/* beyond `wait`, until a poll counts as lost */
#define TICK_MS 1000
#define TRIES_MAX 8		/* of one entry; then the message comes again */
#define DELAY_MS 1000		/* first pause, doubled up to the last */
#define DELAY_MAX_MS 30000
#define REFUSED_MS 60000	/* a right is missing: people are slow */
#define ATTEMPT_MS (5 * 60 * 1000) /* as long as SQS repeats a receive */
#define LATER_S 10		/* doubled with each receive up to the last */
#define LATER_MAX_S 900

/* A handle that is owed a delete or another visibility. */
struct entry {
	struct entry *next;
	unsigned seconds, tries;
	size_t n;
	char handle[];
};

struct entries {
	struct entry *first, **last;
	size_t count;
};

/* When an action may be tried again. */
struct pace {
	unsigned fails;
	int64_t after_ms;
};

/* One batch call; none where count is 0. */
struct call {
	struct poller *poller;
	enum queue_action action;
	size_t count;
	struct entry *entries[SQS_BATCH];
};

struct poller {
	struct queue *queue;
	struct rest *rest;
	struct aws_client *client;
	pthread_t thread;
	bool started;
	char name[16];

	pthread_mutex_t lock;		/* of the two below */
	bool open;			/* rest may be woken */
	struct haul *idle, **idle_last;

	_Atomic int64_t poll_until_ms, all_until_ms;	/* 0: no end in sight */

	/* The thread's own. */
	bool wide, closing;
	unsigned in_hand, stuck, calls[QUEUE_ACTIONS];
	struct pace pace[QUEUE_ACTIONS];
	struct entries owed[QUEUE_ACTIONS];	/* not of QUEUE_RECEIVE */
	struct call batches[QUEUE_ACTIONS][CALLS_MAX];
	char attempt[33];		/* of a FIFO receive; empty: a new one */
	int64_t attempt_ms;
};

/* ---- pauses and failures ---- */

static int64_t pause_ms(unsigned fails)
{
	int64_t most = DELAY_MS;

	for (unsigned i = 0; i < fails && most < DELAY_MAX_MS; i++)
		most *= 2;
	if (most > DELAY_MAX_MS)
		most = DELAY_MAX_MS;
	return DELAY_MS + (int64_t)random_below((uint64_t)(most - DELAY_MS) +
						1);
}

static void slow_down(struct pace *pace, bool refused, int64_t asked_ms)
{
	int64_t ms = pause_ms(++pace->fails);

	if (refused)
		ms += REFUSED_MS;
	if (asked_ms > ms)
		ms = asked_ms < REFUSED_MS ? asked_ms : REFUSED_MS;
	pace->after_ms = clock_mono_ms() + ms;
}

/* Full for the moment, or in use by others: nothing that people must mend. */
static bool passes(struct str code)
{
	return str_is(code, "OverLimit") || str_is(code, "KmsThrottled") ||
	       str_is(code, "PurgeQueueInProgress");
}

static void failed(struct poller *p, enum queue_action action,
		   const struct aws_answer *a)
{
	struct pace *pace = &p->pace[action];
	struct queue_failure f = {
		.action = action,
		.class = (int)a->outcome,
		.refused = a->outcome == AWS_DENIED ||
			   (a->outcome == AWS_REFUSED && !passes(a->code)),
		.code = a->code,
		.message = a->message,
	};

	slow_down(pace, f.refused, a->retry_after_ms);
	f.times = pace->fails;
	queue_failed(p->queue, &f);
}

static void failed_otherwise(struct poller *p, enum queue_action action,
			     int class, struct str code, const char *text)
{
	struct pace *pace = &p->pace[action];

	slow_down(pace, false, -1);
	queue_failed(p->queue, &(struct queue_failure){
				.action = action,
				.class = class,
				.times = pace->fails,
				.code = code,
				.message = str_from(text) });
}

static void succeeded(struct poller *p, enum queue_action action)
{
	p->pace[action] = (struct pace){ .fails = 0 };
	queue_succeeded(p->queue, action);
}

/* ---- deletes and visibilities ---- */

static void put_entry(struct entries *list, struct entry *e)
{
	e->next = NULL;
	*list->last = e;
	list->last = &e->next;
	list->count++;
}

static struct entry *take_entry(struct entries *list)
{
	struct entry *e = list->first;

	list->first = e->next;
	if (!list->first)
		list->last = &list->first;
	list->count--;
	return e;
}

static void owe(struct poller *p, enum queue_action action,
		const struct message *m, unsigned seconds)
{
	struct entry *e = calloc(1, sizeof(*e) + m->handle.n);

	/* Without it the message comes again, and is known then. */
	if (!e)
		return;
	e->seconds = seconds;
	e->n = m->handle.n;
	memcpy(e->handle, m->handle.p, m->handle.n);
	put_entry(&p->owed[action], e);
}

/* It stays owed, unless it was tried often enough. */
static void again(struct poller *p, enum queue_action action, struct entry *e)
{
	if (++e->tries < TRIES_MAX && !p->closing) {
		put_entry(&p->owed[action], e);
		return;
	}
	free(e);
}

static void ended(struct call *c, const struct aws_answer *a)
{
	struct poller *p = c->poller;
	enum sqs_entry how[SQS_BATCH];
	size_t done = 0, waiting = 0;
	struct str code;

	sqs_read_batch(how, c->count, &code, a->json);
	for (size_t i = 0; i < c->count; i++) {
		done += how[i] == SQS_ENTRY_DONE;
		waiting += how[i] == SQS_ENTRY_AGAIN;
		if (how[i] == SQS_ENTRY_AGAIN)
			again(p, c->action, c->entries[i]);
		else
			free(c->entries[i]);
	}
	if (c->action == QUEUE_DELETE)
		atomic_fetch_add(&p->queue->deleted, done);
	if (waiting)
		failed_otherwise(p, c->action, QUEUE_ENTRY, code,
				 "part of a batch failed");
	else
		succeeded(p, c->action);
}

static void batch_done(const struct aws_answer *a, void *arg)
{
	struct call *c = arg;
	struct poller *p = c->poller;

	p->calls[c->action]--;
	agent_saw_date(p->queue->agent, a->date_ms);
	if (a->outcome == AWS_OK) {
		ended(c, a);
	} else {
		for (size_t i = 0; i < c->count; i++)
			again(p, c->action, c->entries[i]);
		if (!p->closing)
			failed(p, c->action, a);
	}
	c->count = 0;
}

static int send(struct poller *p, const char *target, const struct buf *body,
		aws_done *done, void *arg, struct err *err)
{
	const struct queue *q = p->queue;
	bool receive = done != batch_done;
	const struct aws_call call = {
		.service = "sqs",
		.target = target,
		.body = buf_str(body),
		.region = q->region,
		.timeout_ms = receive ? q->wait_s * 1000 + POLL_SLACK_MS : 0,
		.max_body = receive ? SQS_ANSWER_MAX : 0,
		.done = done,
		.arg = arg,
	};

	if (buf_error(body))
		return err_set(err, buf_error(body), "out of memory");
	return aws_call(p->client, &call, err);
}

static void not_begun(struct poller *p, enum queue_action action,
		      const struct err *err)
{
	const struct aws_answer a = { .outcome = AWS_UNREACHABLE,
				      .message = str_from(err->text),
				      .retry_after_ms = -1 };

	failed(p, action, &a);
}

/* To be called while fewer than CALLS_MAX of the kind are under way. */
static void start_batch(struct poller *p, enum queue_action action)
{
	struct call *c = p->batches[action];
	struct buf body = BUF_INIT(1 << 20);
	struct str handles[SQS_BATCH];
	unsigned seconds[SQS_BATCH];
	struct err err;
	int rc;

	while (c->count)
		c++;
	c->poller = p;
	c->action = action;
	while (c->count < SQS_BATCH && p->owed[action].count) {
		struct entry *e = take_entry(&p->owed[action]);

		handles[c->count] = (struct str){ e->handle, e->n };
		seconds[c->count] = e->seconds;
		c->entries[c->count++] = e;
	}
	if (action == QUEUE_DELETE) {
		sqs_put_delete(&body, str_from(p->queue->url), handles,
			       c->count);
		rc = send(p, "AmazonSQS.DeleteMessageBatch", &body,
			  batch_done, c, &err);
	} else {
		sqs_put_visibility(&body, str_from(p->queue->url), handles,
				   seconds, c->count);
		rc = send(p, "AmazonSQS.ChangeMessageVisibilityBatch", &body,
			  batch_done, c, &err);
	}
	buf_fini(&body);
	if (rc) {
		for (size_t i = 0; i < c->count; i++)
			again(p, action, c->entries[i]);
		c->count = 0;
		not_begun(p, action, &err);
		return;
	}
	p->calls[action]++;
}

/* ---- hauls ---- */

static void haul_idle(struct haul *h, void *arg)
{
	struct poller *p = arg;

	pthread_mutex_lock(&p->lock);
	h->next = NULL;
	*p->idle_last = h;
	p->idle_last = &h->next;
	if (p->open)
		rest_wake(p->rest);
	pthread_mutex_unlock(&p->lock);
}

/*
 * A message that can't be judged or journaled now comes again later and
 * later: sooner than its visibility at first, and not so often that a redrive
 * policy would take it for poison within minutes.
 */
static unsigned later_s(unsigned receives)
{
	unsigned s = LATER_S;

	for (unsigned i = 1; i < receives && s < LATER_MAX_S; i++)
		s *= 2;
	if (s > LATER_MAX_S)
		s = LATER_MAX_S;
	return s + (unsigned)random_below(s / 4 + 1);
}

static void settle(struct poller *p, struct haul *h)
{
	size_t good = 0;

	for (size_t i = 0; i < h->count; i++) {
		const struct message *m = &h->messages[i];

		switch (atomic_load(&m->fate)) {
		case FATE_DELETE:
			good++;
			owe(p, QUEUE_DELETE, m, 0);
			break;
		case FATE_LATER:
			owe(p, QUEUE_RETURN, m, later_s(m->receives));
			break;
		case FATE_BEHIND:
			owe(p, QUEUE_RETURN, m, 0);
			break;
		case FATE_OPEN:
		case FATE_UNDERWAY:
			break;
		}
	}
	/* Nothing of it could be taken: more of the queue would fare no
	 * better. */
	if (good) {
		p->stuck = 0;
	} else {
		p->stuck++;
		p->pace[QUEUE_RECEIVE].after_ms = clock_mono_ms() +
						  pause_ms(p->stuck);
	}
	haul_free(h);
	p->in_hand--;
}

static void take_idle(struct poller *p)
{
	struct haul *h, *next;

	pthread_mutex_lock(&p->lock);
	h = p->idle;
	p->idle = NULL;
	p->idle_last = &p->idle;
	pthread_mutex_unlock(&p->lock);
	for (; h; h = next) {
		next = h->next;
		if (!haul_run(h))
			settle(p, h);
	}
}

/* ---- receives ---- */

static bool is_wide(const struct sqs_message *list, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += list[i].body.n;
	return count == SQS_BATCH && bytes < WIDE_BYTES;
}

static void take_messages(struct poller *p, const struct sqs_message *list,
			  size_t count)
{
	struct haul *h;

	p->wide = is_wide(list, count);
	if (haul_new(&h, p->queue, list, count)) {
		LOG(ERROR, "out of memory: a receive's messages stay in "
			   "their queue", LFC("queue", p->queue->url));
		slow_down(&p->pace[QUEUE_RECEIVE], false, -1);
		return;
	}
	h->idle = haul_idle;
	h->arg = p;
	p->in_hand++;
	if (!haul_run(h))
		settle(p, h);
}

static void received(const struct aws_answer *a, void *arg)
{
	struct sqs_message list[SQS_BATCH];
	struct poller *p = arg;
	unsigned unusable = 0;
	struct err err;
	int n;

	p->calls[QUEUE_RECEIVE]--;
	agent_saw_date(p->queue->agent, a->date_ms);
	/* What a lost answer of a FIFO queue held is asked for once more. */
	if (a->outcome != AWS_TRANSIENT)
		p->attempt[0] = '\0';
	if (a->outcome != AWS_OK) {
		p->wide = false;
		if (!p->closing)
			failed(p, QUEUE_RECEIVE, a);
		return;
	}
	n = sqs_read_messages(list, &unusable, a->json, &err);
	if (n < 0 || unusable) {
		failed_otherwise(p, QUEUE_RECEIVE, QUEUE_MALFORMED, STR_NONE,
				 n < 0 ? err.text : "messages without a "
				 "handle or body came");
	} else {
		atomic_store(&p->queue->last_success_ms, clock_wall_ms());
		succeeded(p, QUEUE_RECEIVE);
	}
	if (n <= 0) {
		p->wide = false;
		return;
	}
	atomic_fetch_add(&p->queue->received, (uint64_t)n);
	if (p->closing)
		return;
	take_messages(p, list, (size_t)n);
}

/* An id by which SQS repeats a receive of a FIFO queue. */
static struct str attempt_of(struct poller *p)
{
	struct buf hex = BUF_INIT(64);
	unsigned char id[16];

	if (!p->queue->fifo)
		return STR_NONE;
	if (!p->attempt[0] ||
	    clock_mono_ms() - p->attempt_ms > ATTEMPT_MS) {
		random_bytes(id, sizeof(id));
		encode_hex(&hex, id, sizeof(id));
		snprintf(p->attempt, sizeof(p->attempt), "%s",
			 buf_str(&hex).p);
		p->attempt_ms = clock_mono_ms();
		buf_fini(&hex);
	}
	return p->attempt[0] ? str_from(p->attempt) : STR_NONE;
}

static void start_receive(struct poller *p)
{
	const struct sqs_receive r = {
		.queue_url = str_from(p->queue->url),
		.wait_s = p->queue->wait_s,
		.visibility_s = p->queue->visibility_s,
		.attempt = attempt_of(p),
	};
	struct buf body = BUF_INIT(16 << 10);
	struct err err;
	int rc;

	sqs_put_receive(&body, &r);
	rc = send(p, "AmazonSQS.ReceiveMessage", &body, received, p, &err);
	buf_fini(&body);
	if (rc)
		not_begun(p, QUEUE_RECEIVE, &err);
	else
		p->calls[QUEUE_RECEIVE]++;
}

/* ---- the thread ---- */

static bool ending(const struct poller *p)
{
	return atomic_load(&p->all_until_ms) != 0;
}

/* Deletes that fail would have all of the queue come again and again. */
static bool may_receive(const struct poller *p)
{
	bool wide = p->wide && !p->queue->fifo;
	unsigned most = p->queue->fifo ? 1 : wide ? 2 * WIDE : IN_HAND;
	unsigned calls = p->calls[QUEUE_RECEIVE];
	bool deletes = p->owed[QUEUE_DELETE].count || p->calls[QUEUE_DELETE];

	return !ending(p) && calls < (wide ? WIDE : 1) &&
	       calls + p->in_hand < most &&
	       !(deletes && p->pace[QUEUE_DELETE].fails) &&
	       p->owed[QUEUE_DELETE].count < OWED_MAX;
}

static bool due(const struct pace *pace, int64_t now_ms, int64_t *next_ms)
{
	if (now_ms >= pace->after_ms)
		return true;
	if (pace->after_ms < *next_ms)
		*next_ms = pace->after_ms;
	return false;
}

/* Begin what may begin; how long there is nothing else to do. */
static int turn(struct poller *p, int64_t now_ms)
{
	int64_t next_ms = now_ms + TICK_MS;
	int step;

	for (int i = QUEUE_DELETE; i < QUEUE_ACTIONS; i++)
		while (p->owed[i].count && p->calls[i] < CALLS_MAX &&
		       due(&p->pace[i], now_ms, &next_ms))
			start_batch(p, (enum queue_action)i);
	while (may_receive(p) && due(&p->pace[QUEUE_RECEIVE], now_ms, &next_ms))
		start_receive(p);
	step = aws_client_step(p->client);
	if (step >= 0 && step < next_ms - now_ms)
		return step;
	return (int)(next_ms - now_ms);
}

static bool owes(const struct poller *p, enum queue_action action)
{
	return p->calls[action] ||
	       (p->owed[action].count && !p->pace[action].fails);
}

/* Is all done, or no more time? */
static bool over(struct poller *p, int64_t now_ms)
{
	bool rest = p->in_hand || owes(p, QUEUE_DELETE) ||
		    owes(p, QUEUE_RETURN);

	if (!ending(p))
		return false;
	if (now_ms >= atomic_load(&p->all_until_ms))
		return true;
	if (rest)
		return false;
	return !p->calls[QUEUE_RECEIVE] || now_ms >= atomic_load(&p->poll_until_ms);
}

static void *run(void *arg)
{
	struct poller *p = arg;
	int64_t now_ms = clock_mono_ms();

	while (!over(p, now_ms)) {
		rest_step(p->rest, turn(p, now_ms));
		take_idle(p);
		now_ms = clock_mono_ms();
	}
	if (p->calls[QUEUE_RECEIVE])
		LOG(INFO, "a long poll was given up: what SQS may have handed "
			  "it comes again after its visibility timeout",
		    LFC("queue", p->queue->url));
	pthread_mutex_lock(&p->lock);
	p->open = false;
	pthread_mutex_unlock(&p->lock);
	p->closing = true;
	aws_client_free(p->client);
	p->client = NULL;
	rest_free(p->rest);
	p->rest = NULL;
	return NULL;
}

int poller_new(struct poller **out, struct queue *q, unsigned number,
	       const struct conf *c, struct err *err)
{
	struct poller *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->queue = q;
	p->idle_last = &p->idle;
	for (int i = 0; i < QUEUE_ACTIONS; i++)
		p->owed[i].last = &p->owed[i].first;
	snprintf(p->name, sizeof(p->name), "sqs-%u", number);
	pthread_mutex_init(&p->lock, NULL);
	rc = cloud_client(&p->rest, &p->client, q->agent->cloud, c, err);
	if (rc) {
		pthread_mutex_destroy(&p->lock);
		free(p);
		return rc;
	}
	*out = p;
	return 0;
}

int poller_start(struct poller *p)
{
	p->open = true;
	if (pthread_create(&p->thread, NULL, run, p)) {
		p->open = false;
		return -EAGAIN;
	}
	pthread_setname_np(p->thread, p->name);
	p->started = true;
	return 0;
}

void poller_end(struct poller *p, int64_t poll_until_ms,
		int64_t all_until_ms)
{
	atomic_store(&p->poll_until_ms, poll_until_ms);
	atomic_store(&p->all_until_ms, all_until_ms);
	pthread_mutex_lock(&p->lock);
	if (p->open)
		rest_wake(p->rest);
	pthread_mutex_unlock(&p->lock);
}

void poller_join(struct poller *p)
{
	if (p->started)
		pthread_join(p->thread, NULL);
	p->started = false;
}

void poller_free(struct poller *p)
{
	struct haul *h;

	if (!p)
		return;
	aws_client_free(p->client);
	rest_free(p->rest);
	while ((h = p->idle)) {
		p->idle = h->next;
		haul_free(h);
	}
	for (int i = 0; i < QUEUE_ACTIONS; i++)
		while (p->owed[i].count)
			free(take_entry(&p->owed[i]));
	pthread_mutex_destroy(&p->lock);
	free(p);
}
