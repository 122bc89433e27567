#include "agent/batch_private.h"

#include <assert.h>
#include <errno.h>

#include "agent/recall.h"
#include "base/clock.h"

/* Whose end isn't known is looked at again within this. */
#define LOOK_AGAIN_MS 60000

static struct store_write *add(struct batch *b, enum store_write_kind kind)
{
	struct store_write *w = &b->writes[b->count++];

	assert(b->count <= b->cap);
	*w = (struct store_write){ .kind = kind };
	b->owners[b->count - 1] = NULL;
	return w;
}

/* A new incarnation, beside an older one that may still be open. */
static int lane_begin(struct batch *b, struct str key)
{
	struct lane *lane = b->lane;

	if (lane->incident) {
		lane = map_get(b->lanes, key);
		if (!lane || lane->incident) {
			lane = arena_alloc(b->arena, sizeof(*lane));
			if (!lane || map_set(b->lanes, key, lane) < 0)
				return -ENOMEM;
		}
	}
	lane->incident = arena_alloc(b->arena, sizeof(*lane->incident));
	if (!lane->incident)
		return -ENOMEM;
	lane->counted = lane->fresh = true;
	b->lane = lane;
	return 0;
}

static int take_incident(struct batch *b, const struct change *c)
{
	struct lane *lane = b->lane;
	bool fresh = c->incident.id == 0 &&
		     (!lane->incident || lane->incident->id != 0 ||
		      c->incident.incarnation != lane->incident->incarnation);
	int rc = fresh ? lane_begin(b, c->incident.key) : 0;

	if (rc)
		return rc;
	lane = b->lane;
	/* What waits for its end needn't wait for the next look. */
	if (!fresh && lane->incident->state == INCIDENT_OPEN &&
	    c->incident.state != INCIDENT_OPEN && lane->incident->context.n)
		b->look_again = true;
	*lane->incident = c->incident;
	if (!lane->written) {
		add(b, WRITE_INCIDENT)->incident = lane->incident;
		lane->written = true;
	}
	if (!lane->listed && (fresh || c->incident.context.n)) {
		lane->next = b->listed;
		b->listed = lane;
		lane->listed = true;
	}
	return 0;
}

static int64_t lane_id(const struct lane *lane)
{
	return lane && lane->incident ? lane->incident->id : 0;
}

static int take_member(struct batch *b, const struct change *c)
{
	struct known *k = b->known;
	enum wait waited = k->member ? k->member->wait : WAIT_NONE;

	if (k->member && k->member->state == ALARM_FIRING && k->lane)
		k->lane->more--;
	if (!k->member) {
		k->member = arena_alloc(b->arena, sizeof(*k->member));
		if (!k->member)
			return -ENOMEM;
	}
	*k->member = c->member;
	k->member->subject = b->subject;
	if (c->joins)
		k->lane = b->lane;
	else if (lane_id(k->lane) != c->member.incident)
		k->lane = map_get(b->lanes_by_id,
				  batch_id_key(&c->member.incident));
	if (k->lane) {
		k->member->incident = lane_id(k->lane);
		k->lane->more += c->member.state == ALARM_FIRING;
	}
	b->holds_ended += waited == WAIT_HOLD && c->member.wait != WAIT_HOLD;
	if (!k->written) {
		struct store_write *w = add(b, WRITE_MEMBER);

		w->member = k->member;
		b->owners[b->count - 1] = k;
		k->written = true;
	}
	return 0;
}

static int take_tally(struct batch *b, const struct change *c)
{
	struct tallied *t;
	int rc = batch_tally(&t, b, c->tally.key);

	if (rc)
		return rc;
	if (!t->tally) {
		t->tally = arena_alloc(b->arena, sizeof(*t->tally));
		if (!t->tally)
			return -ENOMEM;
	}
	*t->tally = c->tally;
	if (!t->written)
		add(b, WRITE_TALLY)->tally = t->tally;
	t->written = true;
	return 0;
}

static int take_op(struct batch *b, const struct op *op, bool merged)
{
	struct lane *lane = b->lane;
	struct store_write *w;

	if (merged) {
		assert(lane->tail);
		*lane->tail = *op;
		if (lane->tail_written)
			return 0;
	} else {
		lane->tail = arena_alloc(b->arena, sizeof(*op));
		if (!lane->tail)
			return -ENOMEM;
		*lane->tail = *op;
	}
	/* As it is stored, and cheaper to tell. */
	if (lane->incident &&
	    str_eq(lane->tail->target, lane->incident->remote))
		lane->tail->target = STR_NONE;
	w = add(b, WRITE_OP);
	w->op = lane->tail;
	w->incident = op->incident ? NULL : lane->incident;
	w->expect = op->id ? OP_READY : 0;
	lane->tail_written = true;
	return 0;
}

static int take_aside(struct batch *b, const struct change *c)
{
	struct op *op = c->aside ? arena_alloc(b->arena, sizeof(*op)) : NULL;

	if (!c->aside)
		return 0;
	if (!op)
		return -ENOMEM;
	*op = *c->aside;
	add(b, WRITE_OP)->op = op;
	return 0;
}

static void cancel_tail(struct batch *b)
{
	struct lane *lane = b->lane;
	struct store_write *w;

	assert(lane->tail);
	lane->tail->state = OP_DONE;
	lane->tail->done_ms = clock_wall_ms();
	lane->tail->problem = STR("the alarm fired again before it was sent");
	if (!lane->tail_written) {
		w = add(b, WRITE_OP_STATE);
		w->op = lane->tail;
		w->expect = OP_READY;
	}
	lane->tail = NULL;
	lane->tail_written = false;
}

/* Whether an event with this outcome is of the incident it was decided by. */
static bool belongs(enum action a)
{
	return a != ACTION_HOLD && a != ACTION_IGNORE;
}

static int take_settled(struct batch *b, const struct change *c, int64_t seq)
{
	struct event *e = arena_alloc(b->arena, sizeof(*e));
	struct store_write *w;

	if (!e)
		return -ENOMEM;
	e->seq = seq;
	e->action = str_from(action_name(c->settled_action));
	e->because = str_from(c->settled);
	w = add(b, WRITE_SETTLED);
	w->event = e;
	if (belongs(c->settled_action))
		w->incident = b->lane->incident;
	return 0;
}

int batch_outcome(struct batch *b, struct event *outcome)
{
	struct store_write *w = add(b, WRITE_EVENT_DONE);

	w->event = outcome;
	b->events++;
	return 0;
}

static int take_ops(struct batch *b, const struct change *c)
{
	int rc = 0;

	/* A merged note stands before what the change adds behind it, except
	 * where the change lists it last: both orders keep the lane's tail. */
	for (size_t i = 0; !rc && i < c->op_count; i++)
		if ((int)i == c->merged)
			rc = take_op(b, &c->ops[i], true);
	for (size_t i = 0; !rc && i < c->op_count; i++)
		if ((int)i != c->merged)
			rc = take_op(b, &c->ops[i], false);
	return rc;
}

int batch_apply(struct batch *b, const struct handling *h,
		struct event *outcome)
{
	const struct change *c = &h->change;
	int64_t waited = h->situation.member ? h->situation.member->event : 0;
	struct store_write *w;
	int rc = 0;

	if (c->cancel_resolve)
		cancel_tail(b);
	if (c->incident_changed)
		rc = take_incident(b, c);
	if (!rc && c->member_changed && b->known)
		rc = take_member(b, c);
	if (!rc && c->tally_changed)
		rc = take_tally(b, c);
	if (!rc)
		rc = take_ops(b, c);
	if (!rc)
		rc = take_aside(b, c);
	if (!rc && c->settled && waited)
		rc = take_settled(b, c, waited);
	if (rc)
		return rc;
	b->events++;
	if (!outcome)
		return 0;
	w = add(b, WRITE_EVENT_DONE);
	w->event = outcome;
	/* What is held belongs to none, but to one that is open. */
	if (b->lane->incident && (c->action != ACTION_HOLD ||
				  b->lane->incident->state == INCIDENT_OPEN)) {
		outcome->incident = b->lane->incident->id;
		w->incident = b->lane->incident->id ? NULL :
						      b->lane->incident;
	}
	return 0;
}

int batch_later(struct batch *b, int64_t due_ms)
{
	struct change c = { .incident = *b->lane->incident };

	c.incident.due_ms = due_ms;
	b->events++;
	return take_incident(b, &c);
}

size_t batch_count(const struct batch *b)
{
	return b->events;
}

unsigned batch_holds_ended(const struct batch *b)
{
	return b->holds_ended;
}

int batch_commit(struct batch *b, struct store *s)
{
	int rc;

	/* Ids of incidents that this batch inserts are known once it commits. */
	for (size_t i = 0; i < b->count; i++) {
		const struct known *k = b->owners[i];

		if (k && k->lane)
			b->writes[i].incident = k->lane->incident;
	}
	if (b->look_again) {
		struct store_write *w = add(b, WRITE_LOOK_AGAIN);

		w->from = clock_wall_ms();
		w->until_ms = w->from + LOOK_AGAIN_MS;
	}
	rc = store_commit(s, b->writes, b->count);
	/* Somebody else was there first: all is read anew. */
	if (rc)
		recall_clear(b->recall);
	else
		batch_remember(b);
	return rc;
}
