#include "stackflow/call.h"

#include "base/random.h"

#define ABSENT_MS 60000 /* a 429 without Retry-After: as StackFlow's SDKs */
#define LONGEST_MS 600000
#define STEPS_MOST 6

/* 2^n seconds and up to one more, as StackFlow's SDKs wait. */
static int64_t backoff_ms(unsigned n)
{
	return (INT64_C(1000) << (n < STEPS_MOST ? n : STEPS_MOST)) +
	       (int64_t)random_below(1000);
}

/* Has it a reason that passes by waiting? */
static bool may_pass(const struct sf_call *call, const struct sf_result *res)
{
	if (res->status == 429)
		return true;
	if (res->outcome == SF_NOT_EXECUTED)
		return res->status == 0;
	return call->reads && res->outcome == SF_UNKNOWN &&
	       (res->status == 0 || res->status == 408 || res->status == 425 ||
		res->status >= 500);
}

int64_t sf_again_ms(const struct sf_call *call, const struct sf_result *res)
{
	int64_t ms = res->retry_after_ms;

	if (call->again >= call->client->retries || !may_pass(call, res))
		return -1;
	if (ms < 0)
		ms = res->status == 429 ? ABSENT_MS : backoff_ms(call->again);
	return ms < LONGEST_MS ? ms : LONGEST_MS;
}

void sf_again(struct sf_client *c, struct sf_call *call, int64_t ms,
	      const char *why)
{
	call->again++;
	call->due_ms = ms;
	ring_add_after(c->fresh.prev, &call->link);
	sf_say(c, SF_LOG_INFO, "%s %s: again in %lld ms (%u of %u): %s",
	       call->method, call->url, (long long)ms, call->again, c->retries,
	       why ? why : "");
}

/* Most come in about the order in which they are due. */
static void insert(struct sf_link *later, struct sf_call *call)
{
	struct sf_link *at = later->prev;

	while (at != later && ((struct sf_call *)at)->due_ms > call->due_ms)
		at = at->prev;
	ring_add_after(at, &call->link);
}

void sf_again_due(struct sf_client *c)
{
	struct sf_link *at;
	struct sf_call *call;

	while ((call = ring_take(&c->fresh))) {
		/* An answer comes after the time was last told: from now. */
		call->due_ms += c->now_ms;
		insert(&c->later, call);
	}
	for (at = c->later.next; at != &c->later; at = at->next)
		if (((struct sf_call *)at)->due_ms > c->now_ms)
			break;
	/* The last of them first, so that the first comes to stand first. */
	for (at = at->prev; at != &c->later;) {
		call = (struct sf_call *)at;
		at = at->prev;
		ring_remove(&call->link);
		ring_add_after(sf_lane(c, call->kind, call->class),
			       &call->link);
	}
}
