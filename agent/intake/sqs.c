#include "agent/intake/sqs.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/intake/intake.h"
#include "agent/intake/trust.h"
#include "base/clock.h"
#include "doc/json.h"

/* ---- what becomes of a message ---- */

static void drop(struct haul *h)
{
	if (atomic_fetch_sub(&h->underway, 1) == 1)
		h->idle(h, h->arg);
}

static void end(struct message *m, enum fate fate)
{
	struct haul *h = m->haul;

	atomic_store(&m->fate, fate);
	drop(h);
}

static void answer(struct intake *in, int status, const char *reason,
		   const char *text);
static void gather(struct intake *in);

static const struct intake_way by_queue = {
	.answer = answer,
	.journal = gather,
	.kept = true,
};

static void put_input(struct intake *in, const struct sqs_message *m)
{
	in->input.body = m->body;
	in->input.message_id = m->id;
	in->input.sent_ms = m->sent_ms;
}

/* It can never become valid: kept with its bytes, and out of the queue. */
static void bury(struct message *m, const char *reason, const char *text)
{
	struct queue *q = m->haul->queue;
	struct intake *in = intake_begin(q->agent, &by_queue, m, "sqs",
					 clock_mono_us());

	if (!in) {
		end(m, FATE_LATER);
		return;
	}
	put_input(in, &m->sqs);
	intake_dead_letter(in, str_from(q->url), reason, text);
}

static void answer(struct intake *in, int status, const char *reason,
		   const char *text)
{
	struct message *m = in->owner;

	if (status == 200)
		end(m, FATE_DELETE);
	else if (status >= 400 && status < 500)
		bury(m, reason, text);
	else
		end(m, FATE_LATER);
}

/*
 * What is ready when its receive is let go goes to the journal in one go, and
 * shares a transaction there; what waited for a certificate later.
 */
static void gather(struct intake *in)
{
	struct message *m = in->owner;
	struct haul *h = m->haul;
	bool now;

	pthread_mutex_lock(&h->lock);
	now = !h->gathering;
	if (!now)
		h->gathered[h->gathered_count++] = in;
	pthread_mutex_unlock(&h->lock);
	if (now)
		store_accept(in->agent->store, &in->accept);
}

/* ---- what a message is ---- */

static bool names_type(struct str body)
{
	return str_find(body, STR("\"Type\"")) >= 0;
}

/* Does what can't be read as SNS's envelope say that it is one? */
static bool claims_envelope(struct str body)
{
	static const enum sns_type types[] = { SNS_NOTIFICATION, SNS_SUBSCRIBE,
					       SNS_UNSUBSCRIBE };
	struct json *v;
	struct str type;
	bool claims = false;

	if (json_parse(&v, body, 0, NULL))
		return false;
	type = json_get_str(v, "Type");
	for (size_t i = 0; i < 3; i++)
		claims |= str_is(type, sns_type_name(types[i]));
	claims = claims && (json_get(v, "TopicArn") ||
			    json_get(v, "MessageId"));
	json_free(v);
	return claims;
}

/* Raw delivery, EventBridge and others: SQS's own names for it. */
static void take_raw(struct intake *in, const struct sqs_message *m)
{
	trust_word(&in->trust, "queue", NULL, STR_NONE);
	put_input(in, m);
	intake_alarms(in);
}

static void judge(struct intake *in, const struct sqs_message *m, bool verify)
{
	struct err err = { "" };
	int rc = -EINVAL;

	if (names_type(m->body))
		rc = sns_read(&in->sns, m->body, &err);
	if (rc == 0)
		sns_judge(in, verify);
	else if (rc == -ENOMEM)
		intake_postpone(in, "memory", "out of memory");
	else if (verify && err.text[0] && claims_envelope(m->body))
		intake_refuse(in, 400, "malformed", err.text);
	else
		take_raw(in, m);
}

static void begin(struct message *m)
{
	struct queue *q = m->haul->queue;
	struct intake *in;

	if (sqs_md5_check(q->md5, m->sqs.body, m->sqs.md5) ==
	    SQS_SUM_WRONG) {
		atomic_fetch_add(&q->errors[QUEUE_CHECKSUM], 1);
		metrics_rejected(q->agent->metrics, "checksum", "sqs");
		end(m, FATE_LATER);
		return;
	}
	in = intake_begin(q->agent, &by_queue, m, "sqs", clock_mono_us());
	if (in)
		judge(in, &m->sqs, q->verify);
	else
		end(m, FATE_LATER);
}

/* ---- a receive ---- */

int haul_new(struct haul **out, struct queue *q, struct json *answer,
	     const struct sqs_message *list, size_t count)
{
	struct haul *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->queue = q;
	h->count = count;
	h->answer = answer;
	pthread_mutex_init(&h->lock, NULL);
	for (size_t i = 0; i < count; i++) {
		h->messages[i].haul = h;
		h->messages[i].sqs = list[i];
	}
	*out = h;
	return 0;
}

void haul_free(struct haul *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->lock);
	json_free(h->answer);
	free(h);
}

/* May it begin? If one of its group before it has to come again, it has too. */
static enum fate turn_of(struct haul *h, size_t i)
{
	enum fate turn = FATE_UNDERWAY;

	for (size_t k = 0; k < i && h->queue->fifo; k++) {
		if (!str_eq(h->messages[k].sqs.group,
			    h->messages[i].sqs.group))
			continue;
		switch (atomic_load(&h->messages[k].fate)) {
		case FATE_DELETE:
			break;
		case FATE_LATER:
		case FATE_BEHIND:
			return FATE_BEHIND;
		case FATE_OPEN:
		case FATE_UNDERWAY:
			turn = FATE_OPEN;
			break;
		}
	}
	return turn;
}

void haul_let_go(struct haul *h)
{
	size_t n;

	pthread_mutex_lock(&h->lock);
	h->gathering = false;
	n = h->gathered_count;
	h->gathered_count = 0;
	pthread_mutex_unlock(&h->lock);
	for (size_t i = 0; i < n; i++)
		store_accept(h->queue->agent->store,
			     &h->gathered[i]->accept);
	drop(h);
}

bool haul_run(struct haul *h)
{
	struct message *wave[SQS_BATCH];
	unsigned n = 0;

	for (size_t i = 0; i < h->count; i++) {
		struct message *m = &h->messages[i];

		if (atomic_load(&m->fate) != FATE_OPEN)
			continue;
		atomic_store(&m->fate, turn_of(h, i));
		if (atomic_load(&m->fate) == FATE_UNDERWAY)
			wave[n++] = m;
	}
	if (!n)
		return false;
	/* One more for haul_let_go(): idle comes after that. */
	atomic_store(&h->underway, n + 1);
	pthread_mutex_lock(&h->lock);
	h->gathering = true;
	pthread_mutex_unlock(&h->lock);
	for (unsigned i = 0; i < n; i++)
		begin(wave[i]);
	return true;
}

/* ---- a dead letter, judged again ---- */

struct again {
	queues_judged *done;
	void *arg;
};

static void answer_again(struct intake *in, int status, const char *reason,
			 const char *text)
{
	struct again *g = in->owner;
	struct err why = { "" };
	int rc = status == 200 ? 0 : status == 503 ? -EAGAIN : -EINVAL;

	if (rc)
		(void)err_set(&why, rc, "%s: %s", reason, text);
	g->done(rc, why.text, g->arg);
	free(g);
}

static bool verified(struct agent *a, struct str url)
{
	struct conf *c = agent_conf(a);
	bool verify = true;

	for (size_t i = 0; i < c->queue_count; i++)
		if (str_is(url, c->queues[i].url))
			verify = c->queues[i].verify;
	conf_free(c);
	return verify;
}

void queues_judge_again(struct agent *a, struct str url, const struct event *e,
			queues_judged *done, void *arg)
{
	static const struct intake_way way = { .answer = answer_again,
					       .kept = true };
	const struct sqs_message m = { .id = e->message_id,
				       .body = e->payload,
				       .sent_ms = e->sent_ms };
	struct again *g = malloc(sizeof(*g));
	struct intake *in = NULL;

	if (g)
		in = intake_begin(a, &way, g, "sqs", clock_mono_us());
	if (!in) {
		free(g);
		done(-EAGAIN, "out of memory", arg);
		return;
	}
	*g = (struct again){ done, arg };
	judge(in, &m, verified(a, url));
}
