#include "agent/intake/queues.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/intake/sqs.h"
#include "agent/log.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"

#define TELL_AFTER 2		/* failures in a row that pass by themselves */

struct queues {
	struct sqs_md5 *md5;
	struct queue *list;
	size_t count;
	struct poller **pollers;
	size_t poller_count;
};

/* ---- what is known of a queue ---- */

int queue_init(struct queue *q, struct agent *a, const struct conf_queue *c)
{
	*q = (struct queue){
		.agent = a,
		.url = strdup(c->url),
		.verify = c->verify,
		.wait_s = (unsigned)(c->wait_ms / 1000),
		.visibility_s = (unsigned)(c->visibility_ms / 1000),
		.pollers = c->concurrency,
		.waiting = -1,
	};
	pthread_mutex_init(&q->lock, NULL);
	if (!q->url)
		return -ENOMEM;
	q->region = sqs_queue_region(str_from(q->url));
	q->fifo = sqs_queue_is_fifo(str_from(q->url));
	return 0;
}

void queue_fini(struct queue *q)
{
	pthread_mutex_destroy(&q->lock);
	free(q->url);
}

static const char *action_name_of(enum queue_action action)
{
	static const char *const names[] = {
		[QUEUE_RECEIVE] = "ReceiveMessage",
		[QUEUE_DELETE] = "DeleteMessage",
		[QUEUE_RETURN] = "ChangeMessageVisibility",
	};

	return names[action];
}

static const char *advice(const struct queue_failure *f)
{
	if (f->class == AWS_DENIED)
		return "grant this action on the queue, and kms:Decrypt where "
		       "it is encrypted with a key of yours";
	if (str_is(f->code, "QueueDoesNotExist") ||
	    str_is(f->code, "NonExistentQueue") ||
	    str_is(f->code, "AWS.SimpleQueueService.NonExistentQueue"))
		return "compare queue_url with the queue's own, its account "
		       "and region too";
	return f->refused ? "tried again every minute" : "tried again";
}

void queue_failed(struct queue *q, const struct queue_failure *f)
{
	bool tell = f->refused || f->times >= TELL_AFTER;

	atomic_fetch_add(&q->errors[f->class], 1);
	pthread_mutex_lock(&q->lock);
	if (q->side[f->action].told &&
	    str_is(utf8_cut(f->code, sizeof(q->side[0].code) - 1),
		   q->side[f->action].code))
		tell = false;
	q->side[f->action].how = f->refused ? QUEUE_REFUSED : QUEUE_TROUBLE;
	utf8_keep(q->side[f->action].code, sizeof(q->side[0].code), f->code);
	utf8_keep(q->side[f->action].trouble, sizeof(q->side[0].trouble),
		  f->message);
	q->side[f->action].told |= tell;
	pthread_mutex_unlock(&q->lock);
	if (tell)
		log_write(f->refused ? CONF_LOG_ERROR : CONF_LOG_WARNING,
			  "queue: SQS doesn't do it",
			  (const struct log_field[]){
				LFC("queue", q->url),
				LFC("action", action_name_of(f->action)),
				LF("code", f->code.n ? f->code : STR("none")),
				LF("error", f->message),
				LFC("advice", advice(f)) }, 5);
}

void queue_succeeded(struct queue *q, enum queue_action action)
{
	bool told;

	pthread_mutex_lock(&q->lock);
	told = q->side[action].told;
	q->side[action].how = QUEUE_OK;
	q->side[action].told = false;
	q->side[action].trouble[0] = '\0';
	pthread_mutex_unlock(&q->lock);
	if (told)
		LOG(INFO, "queue: SQS does it again", LFC("queue", q->url),
		    LFC("action", action_name_of(action)));
}

/* ---- start and stop ---- */

static int add_pollers(struct queues *s, struct queue *q,
		       const struct conf *c, struct err *err)
{
	for (unsigned i = 0; i < q->pollers; i++) {
		int rc = poller_new(&s->pollers[s->poller_count], q,
				    (unsigned)s->poller_count + 1, c, err);

		if (rc)
			return rc;
		s->poller_count++;
	}
	return 0;
}

static int build(struct queues *s, struct agent *a, const struct conf *c,
		 struct err *err)
{
	size_t pollers = 0;
	int rc = 0;

	for (size_t i = 0; i < c->queue_count; i++)
		pollers += c->queues[i].concurrency;
	s->list = calloc(c->queue_count, sizeof(*s->list));
	s->pollers = calloc(pollers, sizeof(*s->pollers));
	if (!s->list || !s->pollers)
		return err_set(err, -ENOMEM, "out of memory");
	for (; s->count < c->queue_count && !rc; s->count++) {
		struct queue *q = &s->list[s->count];

		if (queue_init(q, a, &c->queues[s->count]))
			rc = err_set(err, -ENOMEM, "out of memory");
		q->md5 = s->md5;
	}
	for (size_t i = 0; i < s->count && !rc; i++)
		rc = add_pollers(s, &s->list[i], c, err);
	return rc;
}

static int start_all(struct queues *s, struct err *err)
{
	for (size_t i = 0; i < s->poller_count; i++) {
		int rc = poller_start(s->pollers[i], err);

		if (rc)
			return rc;
	}
	for (size_t i = 0; i < s->count; i++)
		LOG(INFO, "polling a queue", LFC("queue", s->list[i].url),
		    LFN("pollers", s->list[i].pollers),
		    LFC("verify", s->list[i].verify ? "yes" : "no"));
	return 0;
}

int queues_start(struct queues **out, struct agent *a, const struct conf *c,
		 struct err *err)
{
	struct queues *s;
	int rc;

	if (!c->queue_count) {
		*out = NULL;
		return 0;
	}
	if (!a->cloud)
		return err_set(err, -EINVAL, "sqs: there are no credentials "
			       "to ask with");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	rc = sqs_md5_new(&s->md5);
	if (rc == -ENOTSUP)
		LOG(INFO, "this system refuses MD5: the checksums of queue "
			  "messages aren't looked at");
	rc = rc == -ENOMEM ? err_set(err, rc, "out of memory") :
			     build(s, a, c, err);
	if (!rc)
		rc = start_all(s, err);
	if (rc) {
		queues_stop(s);
		queues_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void queues_stop(struct queues *s)
{
	unsigned wait_s = 0;

	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].wait_s > wait_s)
			wait_s = s->list[i].wait_s;
	if (s->poller_count)
		LOG(INFO, "the last polls of the queues end first",
		    LFN("at_most_seconds", wait_s));
	for (size_t i = 0; i < s->poller_count; i++)
		poller_end(s->pollers[i]);
	for (size_t i = 0; i < s->poller_count; i++)
		poller_join(s->pollers[i]);
}

void queues_free(struct queues *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->poller_count; i++)
		poller_free(s->pollers[i]);
	for (size_t i = 0; i < s->count; i++)
		queue_fini(&s->list[i]);
	free(s->pollers);
	free(s->list);
	sqs_md5_free(s->md5);
	free(s);
}

/* ---- what people ask ---- */

size_t queues_count(const struct queues *s)
{
	return s ? s->count : 0;
}

const char *queue_state_name(enum queue_state s)
{
	switch (s) {
	case QUEUE_STARTING:
		return "starting";
	case QUEUE_OK:
		return "ok";
	case QUEUE_TROUBLE:
		return "trouble";
	case QUEUE_REFUSED:
		return "refused";
	}
	return "?";
}

void queues_status(struct queue_status *out, struct queues *s, size_t i)
{
	struct queue *q = &s->list[i];

	*out = (struct queue_status){
		.url = q->url,
		.name = sqs_queue_name(str_from(q->url)),
		.pollers = q->pollers,
		.last_success_ms = atomic_load(&q->last_success_ms),
		.received = atomic_load(&q->received),
		.deleted = atomic_load(&q->deleted),
	};
	for (int c = 0; c < QUEUE_CLASSES; c++)
		out->errors += atomic_load(&q->errors[c]);
	pthread_mutex_lock(&q->lock);
	out->state = q->side[QUEUE_RECEIVE].how;
	for (int k = 0; k < QUEUE_ACTIONS; k++) {
		if (q->side[k].how < QUEUE_TROUBLE ||
		    q->side[k].how < out->state)
			continue;
		out->state = q->side[k].how;
		snprintf(out->trouble, sizeof(out->trouble), "%s: %.60s%s%.160s",
			 action_name_of((enum queue_action)k),
			 q->side[k].code, q->side[k].code[0] ? ": " : "",
			 q->side[k].trouble);
	}
	pthread_mutex_unlock(&q->lock);
	depth_status(out, q, clock_wall_ms());
}

/* Its name, where no other queue bears it. */
static struct str label_of(const struct queues *s, size_t i)
{
	struct str name = sqs_queue_name(str_from(s->list[i].url));

	for (size_t k = 0; k < s->count; k++)
		if (k != i &&
		    str_eq(sqs_queue_name(str_from(s->list[k].url)), name))
			return str_from(s->list[i].url);
	return name;
}

static void put_line(struct buf *out, const char *name, struct str label,
		     const char *class, uint64_t value)
{
	buf_printf(out, "%s{queue=", name);
	jsonw_put_quoted(out, label);
	if (class)
		buf_printf(out, ",class=\"%s\"", class);
	buf_printf(out, "} %llu\n", (unsigned long long)value);
}

static void put_head(struct buf *out, const char *name, const char *type,
		     const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		   type);
}

static const char *class_name(int class)
{
	static const char *const own[] = { "malformed", "checksum", "entry" };

	if (class >= QUEUE_MALFORMED)
		return own[class - QUEUE_MALFORMED];
	return aws_outcome_name((enum aws_outcome)class);
}

static void put_errors(struct queues *s, struct buf *out)
{
	put_head(out, "tocsin_sqs_errors_total", "counter",
		 "Calls of SQS that failed, by class; entries of batches and "
		 "messages with a wrong checksum too");
	for (size_t i = 0; i < s->count; i++)
		for (int c = AWS_OK + 1; c < QUEUE_CLASSES; c++)
			put_line(out, "tocsin_sqs_errors_total",
				 label_of(s, i), class_name(c),
				 atomic_load(&s->list[i].errors[c]));
}

void queues_metrics(struct queues *s, struct buf *out)
{
	static const struct {
		const char *name, *type, *help;
	} t[] = {
		{ "tocsin_sqs_received_total", "counter",
		  "Messages received, those that came again too" },
		{ "tocsin_sqs_deleted_total", "counter",
		  "Messages deleted after the journal's commit" },
		{ "tocsin_sqs_last_success_timestamp_seconds", "gauge",
		  "When a receive was last answered; 0: never" },
		{ "tocsin_sqs_up", "gauge",
		  "0 while SQS refuses or fails what is asked of it" },
	};

	if (!queues_count(s))
		return;
	for (size_t k = 0; k < sizeof(t) / sizeof(*t); k++) {
		put_head(out, t[k].name, t[k].type, t[k].help);
		for (size_t i = 0; i < s->count; i++) {
			struct queue_status q;

			queues_status(&q, s, i);
			put_line(out, t[k].name, label_of(s, i), NULL,
				 k == 0 ? q.received :
				 k == 1 ? q.deleted :
				 k == 2 ? (uint64_t)q.last_success_ms / 1000 :
					  q.state == QUEUE_OK);
		}
	}
	put_errors(s, out);
}
