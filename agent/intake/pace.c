#include "agent/intake/poller.h"

#include "base/random.h"

#define DELAY_MS 1000 /* first pause, doubled up to the last */
#define DELAY_MAX_MS 30000
#define REFUSED_MS 60000 /* a right is missing: people are slow */

int64_t poller_pause_ms(unsigned fails)
{
	int64_t most = DELAY_MS;

	for (unsigned i = 0; i < fails && most < DELAY_MAX_MS; i++)
		most *= 2;
	if (most > DELAY_MAX_MS)
		most = DELAY_MAX_MS;
	return DELAY_MS +
	       (int64_t)random_below((uint64_t)(most - DELAY_MS) + 1);
}

void pace_slow_down(struct pace *pace, bool refused, int64_t asked_ms,
		    int64_t now_ms)
{
	int64_t ms = poller_pause_ms(++pace->fails);

	if (refused)
		ms += REFUSED_MS;
	if (asked_ms > ms)
		ms = asked_ms < REFUSED_MS ? asked_ms : REFUSED_MS;
	pace->after_ms = now_ms + ms;
}

/* Full for the moment, or in use by others: nothing that people must mend. */
static bool passes(struct str code)
{
	return str_is(code, "OverLimit") || str_is(code, "KmsThrottled") ||
	       str_is(code, "PurgeQueueInProgress");
}

void poller_failed(struct poller *p, enum queue_action action,
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

	pace_slow_down(pace, f.refused, a->retry_after_ms, p->mono_ms());
	f.times = pace->fails;
	queue_failed(p->queue, &f);
}

void poller_failed_otherwise(struct poller *p, enum queue_action action,
			     int class, struct str code, const char *text)
{
	struct pace *pace = &p->pace[action];

	pace_slow_down(pace, false, -1, p->mono_ms());
	queue_failed(p->queue,
		     &(struct queue_failure){ .action = action,
					      .class = class,
					      .times = pace->fails,
					      .code = code,
					      .message = str_from(text) });
}

void poller_succeeded(struct poller *p, enum queue_action action)
{
	p->pace[action] = (struct pace){ .fails = 0 };
	queue_succeeded(p->queue, action);
}

void poller_not_begun(struct poller *p, enum queue_action action,
		      const struct err *err)
{
	const struct aws_answer a = { .outcome = AWS_UNREACHABLE,
				      .message = str_from(err->text),
				      .retry_after_ms = -1 };

	poller_failed(p, action, &a);
}
