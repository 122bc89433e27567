#include "incident/handle.h"

#include <errno.h>

#include "incident/step.h"

/* One handling on its way. */
struct hand {
	struct handling *out;
	const struct ruleset *rules;
	struct decision_input in;
	const struct world *world;
	struct str subject;
	struct str key;		/* as the rules have it: the tally's */
	const struct handled_event *event;
	struct arena *arena;
	size_t traced;		/* steps that the caller's trace had before */
};

/* Texts are for new incidents, and most events are of known ones: a second
 * round writes them. */
static int decide(struct hand *h, bool whole)
{
	struct decision_input in = h->in;

	in.alarm = h->event->alarm;
	in.brief = !whole;
	in.again = in.again || whole || h->event->on != ON_EVENT;
	/* Explained once, by the newest round. */
	if (in.trace)
		in.trace->count = h->traced;
	return ruleset_decide(&h->out->verdict, h->rules, &in, h->arena);
}

static int look(struct hand *h, const struct verdict *v)
{
	const struct alarm *a = h->event->alarm;
	bool others = a->event != ALARM_CHANGED || a->state != ALARM_FIRING;

	h->out->situation = (struct situation){ .incident = NULL };
	return h->world->situation(&h->out->situation, h->subject,
				   v->dedup_key, others,
				   v->open_when.count || v->flap.count,
				   h->world->arg);
}

static int apply(struct hand *h, struct str marker)
{
	struct change *c = &h->out->change;
	int rc = incident_apply(c, h->arena, &h->out->situation, h->event,
				&h->out->verdict, marker, h->in.now_ms);

	if (c->tally_changed)
		c->tally.key = h->key;
	return rc;
}

static bool creates(const struct change *c)
{
	for (size_t i = 0; i < c->op_count; i++)
		if (c->ops[i].kind == OP_CREATE)
			return true;
	return false;
}

/* Does what is to be done hang on an answer that is still out? */
static bool hangs(const struct hand *h)
{
	const struct verdict *v = &h->out->verdict;
	const struct change *c = &h->out->change;

	if (!v->ci_pending && !v->hold_pending)
		return false;
	if (creates(c) || c->action == ACTION_REOPEN)
		return true;
	return v->hold_pending && c->joins && c->op_count > 0;
}

static int marker_of(struct str *out, struct hand *h, struct str key)
{
	return h->world->marker(out, h->arena, key, h->world->arg);
}

/* Is the team past its limit of new incidents? Never for P1. */
static int past_limit(struct hand *h)
{
	const struct verdict *v = &h->out->verdict;
	unsigned opened = 0;
	int rc;

	if (!v->limit.count || v->priority == 1)
		return 0;
	rc = h->world->opened(&opened, v->team,
			      h->in.now_ms - v->limit.within_ms,
			      h->world->arg);
	return rc ? rc : opened >= v->limit.count;
}

static int join_parent(struct hand *h)
{
	struct change *c = &h->out->change;
	/* It has counted for its own key all the same. */
	const struct tally tally = c->tally;
	bool counted = c->tally_changed;
	struct verdict parent;
	struct str marker = STR_NONE;
	int rc;

	group_parent(&parent, &h->out->verdict, h->event->alarm, h->arena);
	rc = look(h, &parent);
	if (!rc)
		rc = marker_of(&marker, h, parent.dedup_key);
	if (!rc)
		rc = incident_apply_parent(c, h->arena, &h->out->situation,
					   h->event, &parent, marker,
					   h->in.now_ms);
	if (rc)
		return rc;
	c->tally_changed = counted;
	c->tally = tally;
	h->out->verdict.dedup_key = parent.dedup_key;
	c->because = arena_cstr(h->arena, arena_printf(
		h->arena, "limit of %u incidents within the time reached: %s",
		h->out->verdict.limit.count,
		c->because));
	return arena_error(h->arena);
}

static int create(struct hand *h, bool final)
{
	const struct verdict *v = &h->out->verdict;
	struct str marker = STR_NONE;
	int rc = past_limit(h);

	if (rc < 0)
		return rc;
	if (rc)
		return join_parent(h);
	rc = decide(h, true);
	/* What only a new incident tells may be asked for just now. */
	if (!rc && !final && (v->ci_pending || v->hold_pending))
		return HANDLE_PENDING;
	if (!rc)
		rc = marker_of(&marker, h, v->dedup_key);
	return rc ? rc : apply(h, marker);
}

static int on_timer(struct hand *h, bool final)
{
	int rc = 0;

	if (h->event->alarm)
		rc = decide(h, false);
	if (!rc && h->out->verdict.hold_pending && !final)
		return HANDLE_PENDING;
	if (!rc)
		rc = h->world->timer(&h->out->situation, h->event->incident,
				     h->world->arg);
	return rc ? rc : apply(h, STR_NONE);
}

static int on_alarm(struct hand *h, bool final)
{
	struct verdict *v = &h->out->verdict;
	const struct incident *i;
	int rc = decide(h, false);

	if (!rc)
		rc = look(h, v);
	if (rc)
		return rc;
	h->key = v->dedup_key;
	/* A key that a reload changed: an open incident keeps its own. */
	i = h->out->situation.incident;
	if (i && i->state == INCIDENT_OPEN)
		v->dedup_key = i->key;
	rc = apply(h, STR_NONE);
	if (!rc && !final && hangs(h))
		return HANDLE_PENDING;
	return rc || !creates(&h->out->change) ? rc : create(h, final);
}

int incident_handle(struct handling *out, const struct ruleset *rules,
		    const struct decision_input *in, const struct world *world,
		    struct str subject, const struct handled_event *event,
		    bool final, struct arena *arena)
{
	struct hand h = {
		.out = out, .rules = rules, .in = *in, .world = world,
		.subject = subject, .event = event, .arena = arena,
		.traced = in->trace ? in->trace->count : 0,
	};

	*out = (struct handling){ .change = { .merged = -1 } };
	if (event->on == ON_TIMER)
		return on_timer(&h, final);
	if (!event->alarm)
		return -EINVAL;
	return on_alarm(&h, final);
}
