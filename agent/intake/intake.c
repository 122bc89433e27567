#include "agent/intake/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/handoff.h"
#include "agent/intake/trust.h"
#include "agent/log.h"
#include "base/clock.h"

#define FUTURE_MS (5 * 60 * 1000)

static void web_reply(struct web_exchange *x, int status, const char *text)
{
	const struct web_reply r = {
		.status = status,
		.body = str_from(text),
		.headers = status == 503 ? "Retry-After: 5\r\n" : NULL,
	};

	web_answer(x, &r);
}

static void answer_web(struct intake *in, int status, const char *reason,
		       const char *text)
{
	char line[1100];

	(void)reason;
	if (status != 200)
		snprintf(line, sizeof(line), "%s\n", text);
	web_reply(in->owner, status, status == 200 ? "" : line);
}

static const struct intake_way by_web = { .answer = answer_web };

struct intake *intake_begin(struct agent *a, const struct intake_way *way,
			    void *owner, const char *source,
			    int64_t started_us)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->agent = a;
	in->conf = agent_conf(a);
	in->way = way;
	in->owner = owner;
	in->source = source;
	in->peer = STR("");
	in->started_us = started_us;
	in->input.received_ms = clock_wall_ms();
	in->input.intake = source;
	buf_init(&in->trust, TRUST_MAX);
	return in;
}

struct intake *intake_new(struct agent *a, struct web_exchange *x,
			  const struct web_request *req, const char *source)
{
	struct intake *in = intake_begin(a, &by_web, x, source,
					 req->started_us);

	if (!in)
		web_reply(x, 503, "out of memory\n");
	else
		in->peer = req->peer;
	return in;
}

/* What the journal alone wanted. */
static void drop_events(struct intake *in)
{
	for (size_t i = 0; i < in->count; i++)
		buf_fini(&in->identities[i]);
	in->count = 0;
	free(in->identities);
	in->identities = NULL;
	free(in->events);
	in->events = NULL;
	buf_fini(&in->words);
	buf_fini(&in->event_id);
	buf_fini(&in->trust);
}

static void intake_free(void *arg)
{
	struct intake *in = arg;

	drop_events(in);
	alarms_fini(&in->alarms);
	sns_fini(&in->sns);
	conf_free(in->conf);
	free(in);
}

/*
 * Triage will want what was decoded. A web request's own bytes are gone with
 * its answer; those of an SNS message stay with the parsed envelope.
 */
static bool keep(struct intake *in, int status)
{
	const struct handed what = {
		.alarms = in->alarms,
		.owner = in,
		.release = intake_free,
	};
	int64_t first;

	if (status != 200 || !in->alarms.count || !in->sns.topic_arn.n ||
	    in->events->duplicate)
		return false;
	first = in->events->first;
	drop_events(in);
	conf_free(in->conf);
	in->conf = NULL;
	return handoff_put(in->agent->handoff, first, in->input.body.n, &what);
}

static void finish(struct intake *in, int status, const char *reason,
		   const char *text)
{
	metrics_time(in->agent->metrics, HISTOGRAM_INTAKE,
		     clock_mono_us() - in->started_us);
	in->way->answer(in, status, reason, text);
	if (!keep(in, status))
		intake_free(in);
}

void intake_refuse(struct intake *in, int status, const char *reason,
		   const char *text)
{
	metrics_rejected(in->agent->metrics, reason, in->source);
	LOG(WARNING, "message refused", LFC("intake", in->source),
	    LFN("status", status), LFC("reason", reason), LFC("error", text),
	    LF("topic", in->sns.topic_arn), LF("id", in->sns.message_id),
	    LF("peer", in->peer));
	finish(in, status, reason, text);
}

void intake_postpone(struct intake *in, const char *reason, const char *text)
{
	metrics_rejected(in->agent->metrics, reason, in->source);
	LOG(WARNING, "message postponed", LFC("intake", in->source),
	    LFC("reason", reason), LFC("error", text),
	    LF("topic", in->sns.topic_arn), LF("id", in->sns.message_id),
	    LF("peer", in->peer));
	finish(in, 503, reason, text);
}

/* In the writer's thread, after the fsync (or its failure). */
static void committed(int result, void *arg)
{
	struct intake *in = arg;
	struct metrics *m = in->agent->metrics;
	bool alarm = in->alarms.count > 0;

	if (result == -ENOSPC) {
		intake_postpone(in, "store_full",
				"the journal is full; try again later");
		return;
	}
	if (result) {
		intake_postpone(in, "store_failed",
				"the journal can't take it now");
		return;
	}
	for (size_t i = 0; i < in->count && alarm; i++)
		metrics_add(m, in->events[i].duplicate ?
				METRIC_EVENTS_DUPLICATE :
				METRIC_EVENTS_ACCEPTED, 1);
	finish(in, 200, NULL, "");
}

void intake_skip(struct intake *in)
{
	finish(in, 200, NULL, "");
}

static void journal(struct intake *in)
{
	in->accept.events = in->events;
	in->accept.count = in->count;
	in->accept.done = committed;
	in->accept.arg = in;
	if (in->way->journal)
		in->way->journal(in);
	else
		store_accept(in->agent->store, &in->accept);
}

static int make_events(struct intake *in, size_t count)
{
	in->events = calloc(count, sizeof(*in->events));
	in->identities = calloc(count, sizeof(*in->identities));
	if (!in->events || !in->identities)
		return -ENOMEM;
	in->count = count;
	for (size_t i = 0; i < count; i++) {
		buf_init(&in->identities[i], 8192);
		in->events[i] = (struct event){
			.position = (unsigned)i,
			.intake = in->source,
			.received_ms = in->input.received_ms,
			.sent_ms = in->input.sent_ms,
			.topic = in->input.topic,
			.message_id = in->input.message_id,
			.subject = in->input.subject,
		};
	}
	if (in->trust.n && !buf_error(&in->trust))
		in->events[0].trust = buf_str(&in->trust);
	return 0;
}

static int describe(struct intake *in, size_t i)
{
	const struct alarm *a = &in->alarms.list[i];
	struct event *e = &in->events[i];
	int rc = alarm_identity(&in->identities[i], a, &in->input, i);

	if (rc < 0 || buf_error(&in->identities[i]))
		return -ENOMEM;
	e->identity = buf_str(&in->identities[i]);
	e->change_ms = a->time_ms;
	e->kind = str_from(a->kind);
	e->name = a->name;
	e->state = str_from(alarm_state_name(a->state));
	e->account = a->account;
	e->region = a->region;
	if (i == 0)
		e->payload = in->input.body;
	metrics_received(in->agent->metrics, in->source, a->kind);
	return 0;
}

void intake_alarms(struct intake *in)
{
	int rc = alarm_decode(&in->alarms, &in->input);

	if (!rc)
		rc = make_events(in, in->alarms.count);
	for (size_t i = 0; !rc && i < in->count; i++)
		rc = describe(in, i);
	if (rc) {
		intake_postpone(in, "memory", "out of memory");
		return;
	}
	if (in->input.sent_ms > in->input.received_ms + FUTURE_MS) {
		metrics_add(in->agent->metrics, METRIC_FUTURE_TIMESTAMPS, 1);
		LOG(WARNING, "message from the future: check the clock",
		    LF("topic", in->input.topic),
		    LF("id", in->input.message_id),
		    LFN("ahead_ms",
			in->input.sent_ms - in->input.received_ms));
	}
	journal(in);
}

void intake_subscription(struct intake *in, bool confirm)
{
	const struct sns_message *m = &in->sns;
	struct event *e;

	if (make_events(in, 1)) {
		intake_postpone(in, "memory", "out of memory");
		return;
	}
	e = &in->events[0];
	buf_printf(&in->identities[0], "sns/%.*s/%.*s/0",
		   STR_ARG(m->topic_arn), STR_ARG(m->message_id));
	e->identity = buf_str(&in->identities[0]);
	e->change_ms = m->timestamp_ms;
	e->kind = m->type == SNS_SUBSCRIBE ? STR("subscription") :
					     STR("unsubscribe");
	e->name = m->topic;
	e->account = m->account;
	e->region = m->region;
	e->payload = m->message;
	in->owed = (struct op){
		.kind = OP_CONFIRM,
		.state = OP_READY,
		.priority = 1,
		.created_ms = in->input.received_ms,
		.not_before_ms = in->input.received_ms,
		.target = m->topic_arn,
		.body = m->token,
	};
	if (confirm)
		in->accept.confirm = &in->owed;
	journal(in);
}

void intake_dead_letter(struct intake *in, struct str queue,
			const char *reason, const char *text)
{
	struct event *e;

	buf_reset(&in->trust);
	trust_word(&in->trust, "nothing", "because", str_from(reason));
	if (make_events(in, 1)) {
		intake_postpone(in, "memory", "out of memory");
		return;
	}
	e = &in->events[0];
	buf_printf(&in->identities[0], KIND_REJECTED "/%.*s/%.*s",
		   STR_ARG(in->input.message_id), STR_ARG(queue));
	e->identity = buf_str(&in->identities[0]);
	/* SQS may not tell when it was sent. */
	e->change_ms = in->input.sent_ms > 0 ? in->input.sent_ms :
					       in->input.received_ms;
	e->kind = STR(KIND_REJECTED);
	e->payload = in->input.body;
	buf_init(&in->words, 2048);
	buf_printf(&in->words, "%s: %s", reason, text);
	buf_init(&in->event_id, 64);
	store_event_id(&in->event_id, in->agent->store, e->identity);
	if (buf_error(&in->identities[0]) || buf_error(&in->event_id)) {
		intake_postpone(in, "memory", "out of memory");
		return;
	}
	in->owed = (struct op){
		.kind = OP_REJECTED,
		.state = OP_DEAD,
		.priority = 4,
		.created_ms = in->input.received_ms,
		.not_before_ms = in->input.received_ms,
		.target = queue,
		.events = buf_str(&in->event_id),
		.count = 1,
		.problem = buf_str(&in->words),
	};
	in->accept.confirm = &in->owed;
	journal(in);
}
