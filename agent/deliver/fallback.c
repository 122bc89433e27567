#include "agent/deliver/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/log.h"
#include "aws/call.h"
#include "aws/sns.h"
#include "aws/topic.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define CHECK_MS 1000
#define LOOK_AT 200
#define SUBJECT_MAX 99		/* "up to 100 characters" is its own limit */
#define MESSAGE_MAX (200 << 10)	/* of SNS's 256 KiB */

/* The channel that an operation tells people by, its target. */
#define WEBHOOK "webhook"
#define SNS "sns"

/* What people read: the create's own words, in a form chat tools take. */
static void put_body(struct buf *out, const struct deliver *d,
		     const struct op *op, int64_t now_ms)
{
	struct json *fields = NULL;
	struct jsonw w = JSONW(out);
	struct buf text = BUF_INIT(4096);
	struct str what;

	if (json_parse(&fields, op->body, 0, NULL))
		fields = NULL;
	what = json_get_str(fields, "short_description");
	buf_printf(&text, "P%d: %.*s. StackFlow can't be reached since ",
		   op->priority, STR_ARG(what));
	clock_put_span(&text, now_ms - op->created_ms);
	buf_puts(&text, "; the incident will be opened when it answers.");
	jsonw_object(&w);
	jsonw_kstr(&w, "text", buf_str(&text));
	jsonw_kstr(&w, "short_description", what);
	jsonw_kstr(&w, "description", json_get_str(fields, "description"));
	jsonw_kint(&w, "priority", op->priority);
	jsonw_ktime(&w, "since", op->created_ms);
	jsonw_kcstr(&w, "problem", d->state.problem);
	jsonw_end_object(&w);
	buf_fini(&text);
	json_free(fields);
}

static int tell(struct deliver *d, const struct op *late, struct arena *arena,
		int64_t now_ms)
{
	const char *const channels[] = {
		d->conf->stackflow.fallback.webhook ? WEBHOOK : NULL,
		d->conf->stackflow.fallback.sns ? SNS : NULL,
	};
	struct str key = arena_printf(arena, "fallback/%lld",
				      (long long)late->id), old;
	struct buf body = BUF_INIT(256 << 10);
	struct op ops[2];
	struct store_write writes[3];
	size_t n = 0;
	int rc = store_meta(&old, d->reader, key, arena);

	if (rc)
		return rc < 0 ? rc : 0;
	put_body(&body, d, late, now_ms);
	for (size_t i = 0; i < 2; i++) {
		if (!channels[i])
			continue;
		ops[n] = (struct op){
			.kind = OP_FALLBACK,
			.state = OP_READY,
			.priority = late->priority,
			.target = str_from(channels[i]),
			.created_ms = now_ms,
			.not_before_ms = now_ms,
			.events = late->events,
			.body = buf_str(&body),
		};
		writes[n] = (struct store_write){ .kind = WRITE_OP,
						  .op = &ops[n] };
		n++;
	}
	writes[n++] = (struct store_write){ .kind = WRITE_META, .key = key,
					    .value = STR("1") };
	rc = store_commit(d->agent->store, writes, n);
	buf_fini(&body);
	if (!rc)
		LOG(WARNING, "StackFlow can't be reached: telling people "
			     "another way", LFN("op", late->id),
		    LFN("priority", late->priority));
	d->due_ms = 0;
	return rc;
}

/*
 * P1 and P2 (or what the configuration names) that wait longer than
 * fallback.after while StackFlow fails are told to people, once each.
 */
void fallback_check(struct deliver *d, int64_t now_ms)
{
	const struct conf *c = d->conf;
	int64_t mono = clock_mono_ms();
	struct store_page page = { .limit = LOOK_AT };
	struct op *ops;
	struct arena *arena;
	int n;

	if ((!c->stackflow.fallback.webhook && !c->stackflow.fallback.sns) ||
	    mono < d->fallback_ms)
		return;
	d->fallback_ms = mono + CHECK_MS;
	if (!d->failing_since_ms ||
	    mono - d->failing_since_ms < c->stackflow.fallback.after_ms)
		return;
	arena = arena_new(64 << 20);
	ops = calloc(LOOK_AT, sizeof(*ops));
	n = arena && ops ? store_list_ops(ops, d->reader, OP_READY, &page,
					  arena) : 0;
	for (int i = 0; i < n; i++)
		if (ops[i].kind == OP_CREATE &&
		    c->stackflow.fallback.priority[ops[i].priority] &&
		    now_ms - ops[i].created_ms >=
			    c->stackflow.fallback.after_ms)
			(void)!tell(d, &ops[i], arena, now_ms);
	free(ops);
	arena_free(arena);
}

/* ---- one operation a channel, told again where it is in doubt ---- */

static int ended(struct task *t, enum result result, struct str problem)
{
	t->phase = PHASE_RECORD;
	t->result = result;
	t->problem = problem;
	return 0;
}

static void told(const struct rest_response *r, void *arg)
{
	struct task *t = arg;

	t->status = r->status;
	if (r->outcome == REST_ANSWERED && r->status >= 200 && r->status < 300)
		ended(t, RESULT_DONE, STR_NONE);
	else
		ended(t, RESULT_LATER, arena_str(t->arena,
		      r->outcome == REST_ANSWERED ?
			      STR("the fallback webhook refused it") :
			      str_from(r->problem)));
}

static int send_webhook(struct task *t)
{
	static const char *const headers[] = {
		"Content-Type: application/json", NULL
	};
	const struct rest_request req = {
		.method = "POST",
		.url = t->d->conf->stackflow.fallback.webhook,
		.headers = headers,
		.body = t->op.body,
		.done = told,
		.arg = t,
	};
	struct err err;

	if (!req.url)
		return ended(t, RESULT_DEAD,
			     STR("stackflow.fallback.webhook is gone from the "
				 "configuration"));
	if (rest_start(t->d->rest, &req, &err))
		return ended(t, RESULT_LATER,
			     arena_str(t->arena, str_from(err.text)));
	t->phase = PHASE_UNDERWAY;
	return 0;
}

/* SNS, Publish: printable ASCII without line breaks, under 100 characters. */
static void put_subject(struct buf *out, int priority, struct str what)
{
	buf_printf(out, "P%d: ", priority);
	for (size_t i = 0; i < what.n && out->n < SUBJECT_MAX; i++) {
		unsigned char c = (unsigned char)what.p[i];

		/* One mark for a character, however many bytes it has. */
		if (c >= 0x80 && c < 0xc0)
			continue;
		buf_putc(out, c >= ' ' && c < 0x7f ? (char)c : '_');
	}
}

static void put_publish(struct buf *out, const struct op *op, const char *arn)
{
	struct buf subject = BUF_INIT(256), message = BUF_INIT(512 << 10);
	struct json *fields = NULL;
	struct str more;

	if (json_parse(&fields, op->body, 0, NULL))
		fields = NULL;
	put_subject(&subject, op->priority,
		    json_get_str(fields, "short_description"));
	buf_put_str(&message, json_get_str(fields, "text"));
	more = json_get_str(fields, "description");
	if (more.n) {
		buf_puts(&message, "\n\n");
		buf_put_str(&message, more);
	}
	sns_put_publish(out, str_from(arn), buf_str(&subject),
			utf8_cut(buf_str(&message), MESSAGE_MAX));
	buf_fini(&subject);
	buf_fini(&message);
	json_free(fields);
}

static void published(const struct aws_answer *r, void *arg)
{
	struct task *t = arg;
	enum result result = RESULT_LATER;

	agent_saw_date(t->d->agent, r->date_ms);
	t->status = r->status;
	t->retry_after_ms = r->retry_after_ms;
	if (r->outcome == AWS_OK) {
		ended(t, RESULT_DONE, STR_NONE);
		return;
	}
	/* Rights and keys are mended by people; another refusal says that this
	 * will never be taken. */
	if (r->outcome == AWS_REFUSED)
		result = RESULT_DEAD;
	ended(t, result,
	      arena_printf(t->arena, "SNS: %s: %.*s %.*s",
			   aws_outcome_name(r->outcome), STR_ARG(r->code),
			   STR_ARG(r->message)));
	metrics_add(t->d->agent->metrics, METRIC_FALLBACKS_FAILED, 1);
}

static int send_sns(struct task *t)
{
	const char *arn = t->d->conf->stackflow.fallback.sns;
	struct buf body = BUF_INIT(2 << 20);
	struct aws_call call = { .service = "sns", .once = true,
				 .done = published, .arg = t };
	struct topic_arn topic;
	struct err err = { "" };
	int rc;

	if (!arn)
		return ended(t, RESULT_DEAD,
			     STR("stackflow.fallback.sns is gone from the "
				 "configuration"));
	if (!t->d->aws)
		return ended(t, RESULT_LATER,
			     STR("AWS can't be asked: no region is known, or "
				 "stackflow.fallback.sns was added by a reload "
				 "and needs a restart"));
	if (topic_arn_read(&topic, str_from(arn), &err))
		return ended(t, RESULT_DEAD,
			     arena_str(t->arena, str_from(err.text)));
	call.region = topic.region;
	put_publish(&body, &t->op, arn);
	call.body = buf_str(&body);
	rc = buf_error(&body) ? buf_error(&body) :
				aws_call(t->d->aws, &call, &err);
	buf_fini(&body);
	if (rc)
		return ended(t, RESULT_LATER,
			     arena_str(t->arena, str_from(err.text)));
	t->phase = PHASE_UNDERWAY;
	return 0;
}

int fallback_send(struct task *t)
{
	return str_is(t->op.target, SNS) ? send_sns(t) : send_webhook(t);
}
