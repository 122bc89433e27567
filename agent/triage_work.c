#include "agent/triage_private.h"

#include <errno.h>

#include "agent/changes.h"
#include "agent/ci.h"
#include "agent/deliver.h"
#include "agent/log.h"
#include "agent/past.h"
#include "agent/tags.h"
#include "agent/told.h"
#include "base/clock.h"

static int decode_again(struct alarms *out, struct triage *t,
			const struct event *e, int64_t first,
			struct arena *arena)
{
	struct alarm_input in = past_input(e);
	int rc = store_payload(&in.body, t->reader, first, arena);

	return rc < 0 ? rc : alarm_decode(out, &in);
}

/* The alarm that an event is: from intake, or decoded from its bytes again. */
static int decode(const struct alarm **out, struct triage *t,
		  const struct event *e, struct arena *arena)
{
	int64_t first = e->first ? e->first : e->seq;
	struct handed *d = t->decoded + t->decoded_count;
	const struct alarms *alarms;

	if (t->decoded_count && t->decoded_first == first) {
		d--;
	} else {
		if (!handoff_take(d, t->agent->handoff, first)) {
			int rc = decode_again(&d->alarms, t, e, first, arena);

			if (rc)
				return rc;
		}
		t->decoded_count++;
		t->decoded_first = first;
	}
	alarms = &d->alarms;
	*out = &alarms->list[e->position < alarms->count ? e->position : 0];
	return 0;
}

void triage_forget_alarms(struct triage *t)
{
	while (t->decoded_count)
		handed_free(&t->decoded[--t->decoded_count]);
	t->decoded_first = 0;
}

/*
 * CloudWatch's messages as a rule carry no tags: those that are known stand
 * in, and are asked for where it fires.
 */
static int add_tags(struct work *w, struct round *r)
{
	const struct alarm *a = w->alarm;
	const struct alarm_pair *list;
	struct alarm *with;
	size_t count;

	if (!a->arn.n || a->tag_count)
		return 0;
	if (a->event != ALARM_CHANGED) {
		tags_forget(r->t->agent->tags, a->arn);
		return 0;
	}
	if (!ruleset_reads_tags(r->rules))
		return 0;
	switch (tags_find(&list, &count, r->arena, r->t->agent->tags, a->arn,
			  a->state != ALARM_OK)) {
	case TAGS_NONE:
		return 0;
	case TAGS_PENDING:
		w->tags_pending = true;
		return 0;
	case TAGS_FOUND:
		break;
	}
	with = arena_alloc(r->arena, sizeof(*with));
	if (!with)
		return -ENOMEM;
	*with = *a;
	alarm_set_tags(with, list, count);
	w->alarm = with;
	w->tags = list;
	w->tag_count = count;
	return 0;
}

int work_read(struct work *w, struct round *r)
{
	struct buf b = BUF_INIT(8192);
	int rc = decode(&w->alarm, r->t, w->event, r->arena);

	if (!rc)
		rc = add_tags(w, r);
	if (rc)
		return rc;
	alarm_subject(&b, w->alarm);
	w->subject = arena_str(r->arena, buf_str(&b));
	buf_fini(&b);
	return 0;
}

static enum ci_answer find_change(struct rule_change *out, struct arena *arena,
				  struct str ci_id, const struct str *states,
				  size_t state_count, void *arg)
{
	const struct round *r = arg;

	return changes_find(out, arena, ci_id, states, state_count,
			    r->t->agent->changes);
}

static int find_open(struct str *out, struct arena *arena, struct str policy,
		     const struct field *same, size_t same_count, void *arg)
{
	struct round *r = arg;

	(void)arena;
	return batch_open(out, r->batch, policy, same, same_count);
}

/* Does it begin what a look-up might have made different? */
static bool begins(const struct handling *h)
{
	const struct change *c = &h->change;

	for (size_t i = 0; i < c->op_count; i++)
		if (c->ops[i].kind == OP_CREATE)
			return true;
	return c->member_changed && c->member.wait != WAIT_NONE;
}

static void keep_decision(struct work *w, const struct handling *h)
{
	w->action = h->change.action;
	w->because = h->change.because;
	w->team = h->verdict.team;
	w->policy = h->verdict.policy;
	w->where = h->verdict.where;
	w->key = h->verdict.dedup_key;
	w->priority = h->verdict.priority;
}

int work_handle(struct work *w, struct round *r,
		const struct handled_event *e, bool final)
{
	struct triage *t = r->t;
	struct metrics *m = t->agent->metrics;
	struct ci_source cis = { cis_find, t->agent->cis };
	struct hold_source holds = { find_change, find_open, t->silences, r };
	struct asked asked = { .tags = w->tags, .tag_count = w->tag_count };
	const struct decision_input in = {
		.alarm = w->alarm,
		.cis = &cis,
		.holds = &holds,
		.now_ms = clock_wall_ms(),
	};
	int rc;

	asked_begin(&asked, &cis, &holds);
	rc = incident_handle(&t->handling, r->rules, &in,
			     batch_world(r->batch), w->subject, e, final,
			     r->arena);
	if (rc < 0)
		return rc;
	keep_decision(w, &t->handling);
	w->world = asked_json(&asked, w->event->world,
			      &t->handling.verdict.hold, in.now_ms, r->arena);
	if (rc == HANDLE_PENDING) {
		deliver_wake(t->agent->deliver);
		return 1;
	}
	if (final && t->handling.verdict.ci_pending)
		metrics_add(m, METRIC_CI_FAILED, 1);
	if (!w->tags_pending || !begins(&t->handling))
		return 0;
	if (!final)
		return 1;
	metrics_add(m, METRIC_TAGS_FAILED, 1);
	return 0;
}

void work_outcome(struct work *w, const char *action, const char *because,
		  const struct ruleset *rules)
{
	struct event *e = w->event;

	e->action = str_from(action);
	e->because = str_from(because);
	e->team = w->team;
	e->policy = w->policy;
	e->where = w->where;
	e->ruleset = str_from(ruleset_hash(rules));
	e->world = w->world;
	e->decided_ms = clock_wall_ms();
	e->status = EVENT_DONE;
}

void work_log(const struct work *w)
{
	const struct event *e = w->event;

	if (!w->alarm) {
		LOG(INFO, "recorded", LF("event", e->id), LF("kind", e->kind),
		    LF("topic", e->topic));
		return;
	}
	/* Repeats are many and say little: one line a change of state. */
	if (w->action == ACTION_NOTE || w->action == ACTION_IGNORE) {
		if (!log_wants(CONF_LOG_DEBUG))
			return;
		LOG(DEBUG, "decided", LF("event", e->id),
		    LF("action", e->action), LF("key", w->key),
		    LFC("because", w->because));
		return;
	}
	LOG(INFO, "decided", LF("event", e->id), LF("action", e->action),
	    LF("alarm", e->name), LFN("priority", w->priority),
	    LF("team", w->team), LF("policy", w->policy),
	    LF("where", w->where), LF("key", w->key),
	    LFC("because", w->because));
}

bool triage_behind_waiting(const struct triage *t, struct str subject,
			   struct str key, const struct waiting *but)
{
	for (const struct waiting *x = t->waiting; x; x = x->next)
		if (x != but && ((subject.n && str_eq(x->subject, subject)) ||
				 str_eq(x->key, key)))
			return true;
	return false;
}
