#include <errno.h>

#include "store/sqlite.h"

static bool unfinished(enum op_state s)
{
	return s == OP_READY || s == OP_IN_FLIGHT || s == OP_IN_DOUBT;
}

/* Lets nothing behind it in its lane go. */
static bool blocks(enum op_kind kind, enum op_state state)
{
	return unfinished(state) || (state == OP_DEAD && kind == OP_CREATE);
}

static bool dead_create(const struct store_row *s)
{
	return s->state == OP_DEAD && s->kind == OP_CREATE;
}

int sqlite_see_op(struct store_row *out, struct sqlite *d, int64_t id)
{
	struct query u = query_begin(&d->q, SQL_SEEN_OP);
	int r;

	put_int(&u, id);
	r = query_row(&u);
	if (r <= 0)
		return r;
	out->found = true;
	out->incident = get_int(&u);
	out->pos = get_int(&u);
	out->kind = (enum op_kind)get_int(&u);
	out->state = (enum op_state)get_int(&u);
	out->held = get_int(&u);
	out->rank = (int)get_int(&u);
	out->not_before_ms = get_int(&u);
	out->free = get_int(&u);
	query_end(&u);
	return 1;
}

static int lane_number(struct sqlite *d, enum sql_statement n,
		       int64_t incident, int64_t *out)
{
	struct query u = query_begin(&d->q, n);

	put_int(&u, incident);
	return query_int(&u, 0, out);
}

/* Is it in the backlog? 1, 0 or negative. */
static int owed(struct sqlite *d, const struct store_row *s)
{
	int64_t dead = 0;
	int r = 0;

	if (s->kind == OP_AUDIT || s->kind == OP_ENRICH)
		return 0;
	if (s->state == OP_IN_FLIGHT || s->state == OP_IN_DOUBT)
		return 1;
	if (s->state != OP_READY || s->held)
		return 0;
	if (d->tally.counts.dead && s->incident)
		r = lane_number(d, SQL_LANE_DEAD, s->incident, &dead);
	return r ? r : !dead;
}

/* All that is in the backlog of one or two lanes. */
static int lanes_owe(struct sqlite *d, int64_t a, int64_t b)
{
	int64_t n = 0, m = 0;
	int r = lane_number(d, SQL_LANE_OPEN, a, &n);

	if (!r && b != a)
		r = lane_number(d, SQL_LANE_OPEN, b, &m);
	return r ? r : (int)(n + m);
}

/*
 * The first of a lane that blocks is free, and none behind it. began: an op
 * may block now that didn't, so that others may be free no more.
 */
static int relane(struct sqlite *d, int64_t incident, bool began)
{
	struct query u = query_begin(&d->q, SQL_LANE_HEAD);
	int64_t head = 0;
	bool is_free = true;
	int r;

	if (!incident)
		return 0;
	put_int(&u, incident);
	r = query_row(&u);
	if (r <= 0)
		return r;
	head = get_int(&u);
	is_free = get_int(&u);
	query_end(&u);
	if (!is_free) {
		u = query_begin(&d->q, SQL_LANE_FREE);
		put_int(&u, head);
		r = query_run(&u);
		d->tally.what |= 2;
		if (r)
			return r;
	}
	if (!began)
		return 0;
	u = query_begin(&d->q, SQL_LANE_BLOCK);
	put_int(&u, incident);
	put_int(&u, head);
	return query_run(&u);
}

/* 1: target is the incident's remote id, which needn't be kept twice. */
static int target_is_remote(struct sqlite *d, const struct op *op)
{
	struct query u;
	int r;

	if (!op->target.n || !op->incident)
		return 0;
	u = query_begin(&d->q, SQL_REMOTE_OF);
	put_int(&u, op->incident);
	r = query_row(&u);
	if (r > 0) {
		r = str_eq(get_view(&u), op->target);
		query_end(&u);
	}
	return r;
}

static void put_place(struct query *u, const struct store_row *s)
{
	put_int(u, s->kind);
	put_int(u, s->incident);
	put_int(u, s->pos);
	put_int(u, s->state);
	put_int(u, s->rank);
	put_int(u, s->free);
	put_int(u, s->not_before_ms);
}

static bool ended(enum op_state s)
{
	return s == OP_DONE || s == OP_DEAD;
}

static void put_content(struct query *u, const struct op *op, bool no_target)
{
	bool done = op->state == OP_DONE;

	put_int(u, op->priority);
	put_int(u, op->held);
	put_int(u, op->attempts);
	put_int(u, op->searches);
	put_int(u, op->sent_ms);
	put_int(u, op->searched_ms);
	put_str(u, no_target ? STR_NONE : op->target);
	put_blob(u, done ? STR_NONE : op->body);
	put_str(u, op->events);
	put_int(u, op->count);
	put_str(u, op->marker);
	put_int(u, op->status);
	put_str(u, done ? STR_NONE : op->problem);
	put_int(u, op->doubt_ms);
}

static int insert(struct sqlite *d, struct op *op, struct store_row *now)
{
	struct query u;
	int64_t head = 0;
	int r, same = target_is_remote(d, op);

	if (same < 0)
		return same;
	if (now->incident) {
		r = lane_number(d, SQL_LANE_HEAD, now->incident, &head);
		if (r)
			return r;
	}
	op->id = d->tally.next_op++;
	now->free = head == 0;
	now->pos = now->incident && now->kind == OP_CREATE ? 0 : op->id;
	u = query_begin(&d->q, SQL_PUT_OP);
	put_int(&u, op->id);
	put_int(&u, op->created_ms);
	put_place(&u, now);
	put_content(&u, op, same);
	put_int(&u, ended(op->state) ? op->done_ms : 0);
	r = query_run(&u);
	if (r)
		return r;
	return head && !now->pos ? relane(d, now->incident, true) : 0;
}

/* What of a change of place the rest of the lane feels. */
static int settle(struct sqlite *d, const struct store_row *old,
		  const struct store_row *now)
{
	bool moved = old->incident != now->incident;
	bool was = blocks(old->kind, old->state);
	bool is = blocks(now->kind, now->state);
	int r = 0;

	if (moved || was != is)
		r = relane(d, now->incident, moved || is);
	if (!r && moved)
		r = relane(d, old->incident, false);
	return r;
}

/* Free already, as far as the op's own change says. */
static bool still_free(const struct store_row *old, const struct store_row *now)
{
	return !now->incident ||
	       (old->incident == now->incident && old->free &&
		blocks(old->kind, old->state) && blocks(now->kind, now->state));
}

static int replace(struct sqlite *d, const struct op *op,
		   const struct store_row *old, struct store_row *now)
{
	/* Without the columns of an index, which are rewritten when named. */
	bool stays = old->incident == now->incident &&
		     old->kind == now->kind && old->state == now->state &&
		     old->rank == now->rank &&
		     old->not_before_ms == now->not_before_ms;
	struct query u;
	int r, same = target_is_remote(d, op);

	if (same < 0)
		return same;
	now->free = still_free(old, now);
	now->pos = now->incident && now->kind == OP_CREATE ? 0 : op->id;
	u = query_begin(&d->q, stays ? SQL_SET_OP_CONTENT : SQL_SET_OP);
	if (!stays)
		put_place(&u, now);
	put_content(&u, op, same);
	if (!stays)
		put_int(&u, ended(op->state) ? op->done_ms : 0);
	put_int(&u, op->id);
	r = query_run(&u);
	return r ? r : settle(d, old, now);
}

static int replace_state(struct sqlite *d, const struct op *op,
			 const struct store_row *old, struct store_row *now)
{
	struct op place = *op;
	struct query u;
	int r, same;

	place.incident = old->incident;
	same = target_is_remote(d, &place);
	if (same < 0)
		return same;
	now->free = still_free(old, now);
	u = query_begin(&d->q, SQL_SET_OP_STATE);
	put_int(&u, now->state);
	put_int(&u, now->free);
	put_int(&u, now->not_before_ms);
	put_int(&u, op->held);
	put_int(&u, op->attempts);
	put_int(&u, op->searches);
	put_int(&u, op->sent_ms);
	put_int(&u, op->searched_ms);
	put_str(&u, same ? STR_NONE : op->target);
	put_int(&u, op->status);
	put_str(&u, now->state == OP_DONE ? STR_NONE : op->problem);
	put_int(&u, op->doubt_ms);
	put_int(&u, ended(now->state) ? op->done_ms : 0);
	put_int(&u, op->id);
	r = query_run(&u);
	return r ? r : settle(d, old, now);
}

static void count_state(struct store_counts *c, const struct store_row *s, int n)
{
	if (s->state == OP_READY && s->held)
		c->ops_held += n;
	if (s->state == OP_IN_DOUBT)
		c->in_doubt += n;
	if (s->state == OP_DEAD)
		c->dead += n;
}

enum way { INSERT, REPLACE, REPLACE_STATE };

static int write_rows(struct sqlite *d, struct op *op, enum way way,
		      const struct store_row *old, struct store_row *now)
{
	switch (way) {
	case INSERT:
		return insert(d, op, now);
	case REPLACE:
		return replace(d, op, old, now);
	case REPLACE_STATE:
		return replace_state(d, op, old, now);
	}
	return -EINVAL;
}

static int counted(struct sqlite *d, struct op *op, enum way way,
		   const struct store_row *old, struct store_row *now)
{
	struct store_counts *c = &d->tally.counts;
	/* A create that dies takes what waits behind it out of the backlog,
	 * and puts it back when it is tried again. */
	bool lanes = dead_create(old) != dead_create(now) ||
		     old->incident != now->incident;
	int r, before, after;

	before = lanes ? lanes_owe(d, old->incident, now->incident) :
			 owed(d, old);
	if (before < 0)
		return before;
	r = write_rows(d, op, way, old, now);
	if (r)
		return r;
	count_state(c, old, -1);
	count_state(c, now, 1);
	after = lanes ? lanes_owe(d, old->incident, now->incident) :
			owed(d, now);
	if (after < 0)
		return after;
	c->ops_open += after - before;
	if (now->state == OP_READY || now->state == OP_IN_DOUBT)
		d->tally.what |= 2;
	return 0;
}

/* As the batch found it, or as it is now. */
static int row_of(struct store_row *out, struct sqlite *d, int64_t id,
		  const struct store_row *found)
{
	int r = 1;

	if (found && found->found)
		*out = *found;
	else
		r = sqlite_see_op(out, d, id);
	return r > 0 ? 0 : r ? r : -ENOENT;
}

int sqlite_write_op(struct sqlite *d, struct op *op,
		    const struct store_row *found)
{
	struct store_row old = { .incident = op->incident };
	struct store_row now = { .incident = op->incident,
				 .not_before_ms = op->not_before_ms,
				 .kind = op->kind,
				 .state = op->state,
				 .rank = op_rank(op),
				 .held = op->held };
	int r = op->id ? row_of(&old, d, op->id, found) : 0;

	if (r)
		return r;
	return counted(d, op, op->id ? REPLACE : INSERT, &old, &now);
}

int sqlite_write_op_state(struct sqlite *d, const struct op *op,
			  const struct store_row *found)
{
	struct store_row old, now;
	int r = row_of(&old, d, op->id, found);

	if (r)
		return r;
	now = old;
	now.state = op->state;
	now.held = op->held;
	now.not_before_ms = op->not_before_ms;
	return counted(d, (struct op *)op, REPLACE_STATE, &old, &now);
}

int sqlite_move_ops(struct sqlite *d, int64_t from, int64_t to)
{
	int before = lanes_owe(d, from, to), after, r;
	struct query u;

	if (before < 0)
		return before;
	u = query_begin(&d->q, SQL_MOVE_OPS);
	put_int(&u, from);
	put_int(&u, to);
	r = query_run(&u);
	if (!r)
		r = relane(d, to, true);
	if (!r)
		r = relane(d, from, false);
	if (r)
		return r;
	after = lanes_owe(d, from, to);
	if (after < 0)
		return after;
	d->tally.counts.ops_open += after - before;
	d->tally.what |= 2;
	return 0;
}
