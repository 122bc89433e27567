#include "agent/intake/poller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cloud.h"
#include "agent/log.h"
#include "agent/thread.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "doc/read.h"

/*
 * Receives in hand at a time: while one is being journaled the next may come.
 * Behind a receive that was full, and not of giants, several are asked for at
 * once, and let go together after a moment, so that they share commits. With
 * the entries owed this bounds what a poller holds.
 */
#define IN_HAND 2
#define WIDE 4
#define WIDE_BYTES (256 << 10)
#define HELD_MAX 16
#define HELD_MS 50
#define OWED_MAX 300	    /* more than that, and nothing is received */
#define POLL_SLACK_MS 10000 /* beyond `wait`, until a poll counts as lost */
#define END_SLACK_MS 2000   /* the same where the process ends, and for what
			       the last poll brought */
#define TICK_MS 1000
#define ATTEMPT_MS (5 * 60 * 1000) /* as long as SQS repeats a receive */
#define LATER_S 10 /* doubled with each receive up to the last */
#define LATER_MAX_S 900

/* ---- hauls ---- */

static void haul_idle(struct haul *h, void *arg)
{
	struct poller *p = arg;
	bool first;

	pthread_mutex_lock(&p->lock);
	first = !p->idle;
	h->next = NULL;
	*p->idle_last = h;
	p->idle_last = &h->next;
	if (p->open && first)
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
			owed_put(p, QUEUE_DELETE, m->sqs.handle, 0);
			break;
		case FATE_LATER:
			owed_put(p, QUEUE_RETURN, m->sqs.handle,
				 later_s(m->sqs.receives));
			break;
		case FATE_BEHIND:
			owed_put(p, QUEUE_RETURN, m->sqs.handle, 0);
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
		p->pace[QUEUE_RECEIVE].after_ms =
			p->mono_ms() + poller_pause_ms(p->stuck);
	}
	haul_free(h);
	p->in_hand--;
}

/* Into the journal, unless it is held for others to come. */
static void run_haul(struct poller *p, struct haul *h, bool hold)
{
	if (!haul_run(h)) {
		settle(p, h);
		return;
	}
	if (!hold) {
		haul_let_go(h);
		return;
	}
	if (!p->held)
		p->held_until_ms = p->mono_ms() + HELD_MS;
	h->next = NULL;
	*p->held_last = h;
	p->held_last = &h->next;
	p->held_count++;
}

static void let_held_go(struct poller *p)
{
	struct haul *h = p->held, *next;

	p->held = NULL;
	p->held_last = &p->held;
	p->held_count = 0;
	for (; h; h = next) {
		next = h->next;
		haul_let_go(h);
	}
}

/* Is there no more to come that is worth a wait? */
static bool held_long(const struct poller *p, int64_t now_ms)
{
	return !p->wide || p->held_count >= HELD_MAX ||
	       now_ms >= p->held_until_ms || !p->calls[QUEUE_RECEIVE] ||
	       atomic_load(&p->all_until_ms);
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
		run_haul(p, h, false);
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

static void take_messages(struct poller *p, struct json **answer,
			  const struct sqs_message *list, size_t count)
{
	struct haul *h;

	p->wide = is_wide(list, count);
	if (haul_new(&h, p->queue, *answer, list, count)) {
		LOG(ERROR,
		    "out of memory: a receive's messages stay in "
		    "their queue",
		    LFC("queue", p->queue->url));
		pace_slow_down(&p->pace[QUEUE_RECEIVE], false, -1,
			       p->mono_ms());
		return;
	}
	*answer = NULL;
	h->idle = haul_idle;
	h->arg = p;
	p->in_hand++;
	run_haul(p, h, p->wide && !p->queue->fifo);
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
			poller_failed(p, QUEUE_RECEIVE, a);
		return;
	}
	n = sqs_read_messages(list, &unusable, a->json, &err);
	if (n < 0 || unusable) {
		poller_failed_otherwise(p, QUEUE_RECEIVE, QUEUE_MALFORMED,
					STR_NONE,
					n < 0 ? err.text
					      : "messages without a "
						"handle or body came");
	} else {
		atomic_store(&p->queue->last_success_ms, clock_wall_ms());
		poller_succeeded(p, QUEUE_RECEIVE);
	}
	if (n >= 0)
		depth_came(p->queue, list, (size_t)n, clock_wall_ms());
	if (n <= 0) {
		p->wide = false;
		return;
	}
	atomic_fetch_add(&p->queue->received, (uint64_t)n);
	if (p->closing)
		return;
	take_messages(p, a->root, list, (size_t)n);
}

/* An id by which SQS repeats a receive of a FIFO queue. */
static struct str attempt_of(struct poller *p)
{
	struct buf hex = BUF_INIT(64);
	unsigned char id[16];

	if (!p->queue->fifo)
		return STR_NONE;
	if (!p->attempt[0] || p->mono_ms() - p->attempt_ms > ATTEMPT_MS) {
		random_bytes(id, sizeof(id));
		encode_hex(&hex, id, sizeof(id));
		snprintf(p->attempt, sizeof(p->attempt), "%s", buf_str(&hex).p);
		p->attempt_ms = p->mono_ms();
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
	struct aws_call call = {
		.service = "sqs",
		.target = "AmazonSQS.ReceiveMessage",
		.region = p->queue->region,
		.timeout_ms = p->queue->wait_s * 1000 + POLL_SLACK_MS,
		.max_body = SQS_ANSWER_MAX,
		.json_flags = JSON_OWN,
		.done = received,
		.arg = p,
	};
	struct err err;
	int rc;

	sqs_put_receive(&body, &r);
	call.body = buf_str(&body);
	rc = buf_error(&body) ? err_set(&err, buf_error(&body), "out of memory")
			      : aws_call(p->client, &call, &err);
	buf_fini(&body);
	if (rc)
		poller_not_begun(p, QUEUE_RECEIVE, &err);
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
	unsigned many = wide ? 2 * HELD_MAX : IN_HAND;
	unsigned most = p->queue->fifo ? 1 : many;
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

int poller_turn(struct poller *p, int64_t now_ms)
{
	int64_t next_ms = now_ms + TICK_MS;
	int step;

	take_idle(p);
	for (int i = QUEUE_DELETE; i < QUEUE_ACTIONS; i++)
		while (p->owed[i].count && p->calls[i] < CALLS_MAX &&
		       due(&p->pace[i], now_ms, &next_ms))
			owed_start(p, (enum queue_action)i);
	while (may_receive(p) && due(&p->pace[QUEUE_RECEIVE], now_ms, &next_ms))
		start_receive(p);
	if (!ending(p))
		depth_ask(p, now_ms);
	if (p->held && held_long(p, now_ms))
		let_held_go(p);
	else if (p->held && p->held_until_ms < next_ms)
		next_ms = p->held_until_ms;
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

bool poller_over(const struct poller *p, int64_t now_ms)
{
	bool rest =
		p->in_hand || owes(p, QUEUE_DELETE) || owes(p, QUEUE_RETURN);

	if (!ending(p))
		return false;
	if (now_ms >= atomic_load(&p->all_until_ms))
		return true;
	if (rest)
		return false;
	return !p->calls[QUEUE_RECEIVE] ||
	       now_ms >= atomic_load(&p->poll_until_ms);
}

static void *run(void *arg)
{
	struct poller *p = arg;
	int64_t now_ms = p->mono_ms();

	while (!poller_over(p, now_ms)) {
		pulse_beat(&p->pulse);
		rest_step(p->rest, poller_turn(p, now_ms));
		now_ms = p->mono_ms();
	}
	let_held_go(p);
	if (p->calls[QUEUE_RECEIVE])
		LOG(INFO,
		    "a long poll was given up: what SQS may have handed "
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
	p->mono_ms = clock_mono_ms;
	p->idle_last = &p->idle;
	p->held_last = &p->held;
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

int poller_start(struct poller *p, struct err *err)
{
	int rc;

	p->open = true;
	rc = thread_start(&p->thread, p->name, run, p, err);
	p->started = rc == 0;
	if (rc)
		p->open = false;
	else
		pulse_join(&p->pulse, &p->queue->agent->pulses, p->name);
	return rc;
}

void poller_end(struct poller *p)
{
	int64_t poll_until_ms = p->mono_ms() +
				(int64_t)p->queue->wait_s * 1000 + END_SLACK_MS;

	atomic_store(&p->poll_until_ms, poll_until_ms);
	atomic_store(&p->all_until_ms, poll_until_ms + END_SLACK_MS);
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
	owed_free(p);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
