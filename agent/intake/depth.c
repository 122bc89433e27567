/* How long a queue is, and how old what comes of it: for people. */
#include "agent/intake/poller.h"

#include "agent/log.h"
#include "base/clock.h"

#define ASK_MS 60000
#define DENIED_MS (60 * 60 * 1000)
#define LATELY_MS 60000
#define FORGET_MS (5 * 60 * 1000)

void depth_came(struct queue *q, const struct sqs_message *list, size_t count,
		int64_t now_ms)
{
	int64_t lag = count ? -1 : 0;

	for (size_t i = 0; i < count; i++) {
		int64_t age = now_ms - list[i].sent_ms;

		/* One that comes again was kept waiting by us. */
		if (list[i].sent_ms > 0 && list[i].receives <= 1 && age > lag)
			lag = age;
	}
	if (lag < 0)
		return;
	pthread_mutex_lock(&q->lock);
	if (lag >= q->lag_ms || now_ms - q->lag_at_ms > LATELY_MS ||
	    now_ms < q->lag_at_ms) {
		q->lag_ms = lag;
		q->lag_at_ms = now_ms;
	}
	pthread_mutex_unlock(&q->lock);
}

void depth_status(struct queue_status *out, struct queue *q, int64_t now_ms)
{
	out->waiting = atomic_load(&q->waiting);
	pthread_mutex_lock(&q->lock);
	out->lag_ms = q->lag_at_ms && now_ms - q->lag_at_ms < FORGET_MS ?
			      q->lag_ms : -1;
	pthread_mutex_unlock(&q->lock);
}

static void denied(struct queue *q, const struct aws_answer *a,
		   int64_t mono_ms)
{
	atomic_store(&q->ask_ms, mono_ms + DENIED_MS);
	if (!atomic_exchange(&q->ask_denied, true))
		LOG(INFO, "a queue's length isn't known, for want of "
			  "sqs:GetQueueAttributes; asked again in an hour",
		    LFC("queue", q->url), LF("error", a->message));
}

static void told(const struct aws_answer *a, void *arg)
{
	struct poller *p = arg;
	struct queue *q = p->queue;
	uint64_t n;

	if (p->closing)
		return;
	agent_saw_date(q->agent, a->date_ms);
	if (a->outcome == AWS_DENIED)
		denied(q, a, p->mono_ms());
	if (a->outcome == AWS_OK &&
	    !str_to_u64(&n, sqs_attribute(a->json,
					  "ApproximateNumberOfMessages")) &&
	    n < INT64_MAX)
		atomic_store(&q->waiting, (int64_t)n);
	else
		atomic_store(&q->waiting, -1);
}

void depth_ask(struct poller *p, int64_t now_ms)
{
	struct queue *q = p->queue;
	int64_t at = atomic_load(&q->ask_ms);
	struct buf body = BUF_INIT(16 << 10);
	struct aws_call call = {
		.service = "sqs",
		.target = "AmazonSQS.GetQueueAttributes",
		.region = q->region,
		.done = told,
		.arg = p,
	};
	struct err err;

	/* Whichever of its pollers comes first asks for all of them. */
	if (now_ms < at || !atomic_load(&q->last_success_ms) ||
	    !atomic_compare_exchange_strong(&q->ask_ms, &at, now_ms + ASK_MS))
		return;
	sqs_put_attributes(&body, str_from(q->url));
	call.body = buf_str(&body);
	if (buf_error(&body) || aws_call(p->client, &call, &err))
		atomic_store(&q->waiting, -1);
	buf_fini(&body);
}
