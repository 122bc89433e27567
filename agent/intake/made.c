#include "agent/intake/made.h"

#include <errno.h>
#include <semaphore.h>

struct waiter {
	sem_t done;
	int result;
};

static void committed(int result, void *arg)
{
	struct waiter *w = arg;

	w->result = result;
	sem_post(&w->done);
}

static int commit(struct agent *a, struct event *e)
{
	struct waiter w = { .result = 0 };
	struct store_accept accept = {
		.events = e, .count = 1, .done = committed, .arg = &w,
	};

	if (sem_init(&w.done, 0, 0))
		return -errno;
	store_accept(a->store, &accept);
	while (sem_wait(&w.done))
		;
	sem_destroy(&w.done);
	if (w.result)
		return w.result;
	metrics_add(a->metrics, e->duplicate ?
			METRIC_EVENTS_DUPLICATE : METRIC_EVENTS_ACCEPTED, 1);
	return !e->duplicate;
}

int made_journal(struct agent *a, const struct alarm *alarm,
		 const struct alarm_input *in, struct str trust,
		 struct buf *id)
{
	struct buf identity = BUF_INIT(16384);
	struct event e;
	int rc = alarm_identity(&identity, alarm, in, 0);

	if (rc < 0 || buf_error(&identity)) {
		buf_fini(&identity);
		return -ENOMEM;
	}
	e = (struct event){
		.identity = buf_str(&identity),
		.change_ms = alarm->time_ms,
		.received_ms = in->received_ms,
		.intake = in->intake,
		.kind = str_from(alarm->kind),
		.name = alarm->name,
		.state = str_from(alarm_state_name(alarm->state)),
		.account = alarm->account,
		.region = alarm->region,
		.topic = in->topic,
		.payload = in->body,
		.trust = trust,
	};
	metrics_received(a->metrics, in->intake, alarm->kind);
	store_event_id(id, a->store, e.identity);
	rc = commit(a, &e);
	buf_fini(&identity);
	return rc;
}
