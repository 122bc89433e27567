#include "agent/intake/poller.h"

#include <stdlib.h>

#define TRIES_MAX 8 /* of one entry; then the message comes again */

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

void owed_put(struct poller *p, enum queue_action action,
	      struct str handle, unsigned seconds)
{
	struct entry *e = calloc(1, sizeof(*e) + handle.n);

	/* Without it the message comes again, and is known then. */
	if (!e)
		return;
	e->seconds = seconds;
	e->n = handle.n;
	memcpy(e->handle, handle.p, handle.n);
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
		poller_failed_otherwise(p, c->action, QUEUE_ENTRY, code,
					"part of a batch failed");
	else
		poller_succeeded(p, c->action);
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
			poller_failed(p, c->action, a);
	}
	c->count = 0;
}

static int send(struct poller *p, const char *target, const struct buf *body,
		struct call *c, struct err *err)
{
	const struct aws_call call = {
		.service = "sqs",
		.target = target,
		.body = buf_str(body),
		.region = p->queue->region,
		.done = batch_done,
		.arg = c,
	};

	if (buf_error(body))
		return err_set(err, buf_error(body), "out of memory");
	return aws_call(p->client, &call, err);
}

void owed_start(struct poller *p, enum queue_action action)
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
		rc = send(p, "AmazonSQS.DeleteMessageBatch", &body, c, &err);
	} else {
		sqs_put_visibility(&body, str_from(p->queue->url), handles,
				   seconds, c->count);
		rc = send(p, "AmazonSQS.ChangeMessageVisibilityBatch", &body, c,
			  &err);
	}
	buf_fini(&body);
	if (rc) {
		for (size_t i = 0; i < c->count; i++)
			again(p, action, c->entries[i]);
		c->count = 0;
		poller_not_begun(p, action, &err);
		return;
	}
	p->calls[action]++;
}

void owed_free(struct poller *p)
{
	for (int i = 0; i < QUEUE_ACTIONS; i++)
		while (p->owed[i].count)
			free(take_entry(&p->owed[i]));
}
