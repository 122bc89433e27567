#include "agent/reconcile/look.h"

#include <stdlib.h>

#include "agent/log.h"
#include "agent/reconcile/internal.h"
#include "agent/tags.h"
#include "agent/triage.h"
#include "base/clock.h"
#include "rest/rest.h"

/* ListTagsForResource has no documented limit: a burst, then five a second. */
#define APART_MS 200
#define BURST 8
#define ACTIVE_MAX 8

struct look {
	struct reconcile *r;
	struct arena *arena;
	struct str arn;
};

static void look_free(struct look *l)
{
	if (l)
		arena_free(l->arena);
	free(l);
}

/* In triage's thread. */
static void wake(void *arg)
{
	struct reconcile *r = arg;

	rest_wake(r->rest);
}

void look_serve(struct reconcile *r)
{
	if (clock_mono_ms() >= r->tags_off_until_ms)
		tags_serve(r->agent->tags, str_from(r->account), wake, r);
}

static void denied(struct reconcile *r, const struct aws_answer *a)
{
	r->tags_off_until_ms = clock_mono_ms() + OFF_MS;
	tags_off(r->agent->tags);
	if (!r->tags_off_said)
		LOG(WARNING, "tags aren't asked for: the right to "
			     "cloudwatch:ListTagsForResource is missing; "
			     "tried again in an hour",
		    LF("error", a->message));
	r->tags_off_said = true;
}

/* Count of tags; negative: it failed. */
static int read_answer(const struct cw_tag **list, struct look *l,
		       const struct aws_answer *a)
{
	switch (a->outcome) {
	case AWS_OK:
		l->r->tags_off_said = false;
		return cloudwatch_tags_read(list, a->json, l->arena);
	case AWS_DENIED:
		denied(l->r, a);
		return -1;
	default:
		return -1;
	}
}

static void answered(const struct aws_answer *a, void *arg)
{
	struct look *l = arg;
	const struct cw_tag *list = NULL;
	int n = read_answer(&list, l, a);

	l->r->tags_active--;
	if (n < 0)
		metrics_add(l->r->agent->metrics, METRIC_TAGS_FAILED, 1);
	tags_answered(l->r->agent->tags, l->arn, list, n);
	triage_wake(l->r->agent->triage);
	look_free(l);
}

static bool begin(struct reconcile *r, struct look *l, struct str region)
{
	struct buf body = BUF_INIT(16384);
	struct aws_call call = {
		.service = CLOUDWATCH_SERVICE,
		.target = CLOUDWATCH_TARGET "ListTagsForResource",
		.region = region,
		.timeout_ms = TAGS_BUDGET_MS,
		.done = answered,
		.arg = l,
	};
	struct err err;
	bool ok;

	cloudwatch_put_tags_of(&body, l->arn);
	call.body = buf_str(&body);
	ok = !buf_error(&body) && !aws_call(r->client, &call, &err);
	buf_fini(&body);
	return ok;
}

static bool one(struct reconcile *r)
{
	struct look *l = calloc(1, sizeof(*l));
	struct str region;

	if (!l)
		return false;
	l->r = r;
	l->arena = arena_new(1 << 20);
	if (!l->arena ||
	    !tags_next(&l->arn, &region, r->agent->tags, l->arena)) {
		look_free(l);
		return false;
	}
	metrics_add(r->agent->metrics, METRIC_TAG_LOOKUPS, 1);
	if (begin(r, l, region)) {
		r->tags_active++;
		return true;
	}
	tags_answered(r->agent->tags, l->arn, NULL, -1);
	look_free(l);
	return true;
}

void look_turn(struct reconcile *r)
{
	int64_t now = clock_mono_ms();

	/* Unused turns add up to a burst and no further. */
	if (r->tags_next_ms < now - BURST * APART_MS)
		r->tags_next_ms = now - BURST * APART_MS;
	while (r->tags_active < ACTIVE_MAX && r->tags_next_ms <= now &&
	       one(r))
		r->tags_next_ms += APART_MS;
}
