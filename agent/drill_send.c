#include <errno.h>
#include <stdio.h>

#include "agent/drill_private.h"
#include "aws/sns.h"
#include "aws/topic.h"
#include "base/encode.h"

#define TURN_MS 100
#define CALL_MS 10000

void drill_describe(struct drill_alarm *out, const struct drill *d,
		    const struct drill_record *r, enum alarm_state state)
{
	struct str arn = str_from(r->topic);
	struct topic_arn topic;

	*out = (struct drill_alarm){
		.state = state,
		.at_ms = state == ALARM_OK ? r->ok_ms : r->started_ms,
		.topic = arn,
		.agent = str_from(d->name),
		.id = str_from(r->id),
	};
	if (!topic_arn_read(&topic, arn, NULL)) {
		out->partition = topic.partition;
		out->region = topic.region;
		out->account = topic.account;
	}
}

static void answered(const struct aws_answer *a, void *arg)
{
	struct drill *d = arg;
	struct buf b = BUF_INIT(4096);

	agent_saw_date(d->agent, a->date_ms);
	buf_printf(&b, "SNS: %s", aws_outcome_name(a->outcome));
	if (a->code.n)
		buf_printf(&b, ": %.*s", STR_ARG(a->code));
	if (a->message.n)
		buf_printf(&b, ": %.*s", STR_ARG(a->message));
	utf8_keep(d->answer.words, sizeof(d->answer.words), buf_str(&b));
	d->answer.outcome = a->outcome;
	d->answer.done = true;
	buf_fini(&b);
}

static bool stopping(struct drill *d)
{
	bool stop;

	pthread_mutex_lock(&d->lock);
	stop = d->stop;
	pthread_mutex_unlock(&d->lock);
	return stop;
}

/* What isn't answered by the end ends with the client. */
static int await(struct drill *d, struct err *err)
{
	while (!d->answer.done && !stopping(d)) {
		int wish = aws_client_step(d->aws);

		rest_step(d->rest, wish >= 0 && wish < TURN_MS ? wish :
								 TURN_MS);
	}
	if (!d->answer.done)
		return -ECANCELED;
	switch (d->answer.outcome) {
	case AWS_OK:
		return 0;
	case AWS_DENIED:
	case AWS_REFUSED:
		return err_set(err, -EACCES, "%s", d->answer.words);
	default:
		return err_set(err, -EAGAIN, "%s", d->answer.words);
	}
}

int drill_send(struct drill *d, const struct drill_record *r,
	       enum alarm_state state, struct err *err)
{
	struct buf message = BUF_INIT(16384), form = BUF_INIT(65536);
	struct aws_call call = { .service = "sns", .once = true,
				 .timeout_ms = CALL_MS,
				 .done = answered, .arg = d };
	struct drill_alarm what;
	int rc;

	drill_describe(&what, d, r, state);
	call.region = what.region;
	drill_alarm_put(&message, &what);
	sns_put_publish(&form, what.topic, STR_NONE, buf_str(&message));
	call.body = buf_str(&form);
	d->answer.done = false;
	rc = buf_error(&form) ? -ENOMEM : aws_call(d->aws, &call, err);
	buf_fini(&message);
	buf_fini(&form);
	if (rc)
		return rc == -ENOMEM ? err_set(err, -EAGAIN, "out of memory")
				     : -EACCES;
	return await(d, err);
}
