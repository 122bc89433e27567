#include <assert.h>
#include <errno.h>

#include "store/sqlite.h"

#define DAY_MS 86400000

/* ---- events ---- */

/* 1 where the identity was known. */
static int put_identity(struct sqlite *d, const struct event *e, uint64_t hash)
{
	struct query u = query_begin(&d->q, SQL_PUT_IDENTITY);
	int r;

	put_int(&u, e->change_ms);
	put_int(&u, (int64_t)hash);
	put_int(&u, d->tally.next_event);
	put_int(&u, e->received_ms / DAY_MS);
	r = query_run(&u);
	return r ? r : sqlite3_changes(d->q.db) == 0;
}

static int put_event(struct sqlite *d, const struct event *e, uint64_t hash)
{
	struct query u = query_begin(&d->q, SQL_PUT_EVENT);

	put_int(&u, e->seq);
	put_int(&u, (int64_t)hash);
	put_int(&u, e->change_ms);
	put_int(&u, e->received_ms);
	put_int(&u, e->sent_ms);
	put_int(&u, e->first);
	put_int(&u, e->position);
	put_str(&u, str_from(e->intake));
	put_str(&u, e->kind);
	put_str(&u, e->name);
	put_str(&u, e->state);
	put_str(&u, e->account);
	put_str(&u, e->region);
	put_str(&u, e->topic);
	put_str(&u, e->message_id);
	put_str(&u, e->subject);
	return query_run(&u);
}

static int put_payload(struct sqlite *d, int64_t first, int64_t n,
		       const struct store_accept *a)
{
	struct query u = query_begin(&d->q, SQL_PUT_PAYLOAD);

	put_int(&u, first);
	put_int(&u, n);
	put_blob(&u, a->events[0].payload);
	put_str(&u, a->events[0].trust);
	return query_run(&u);
}

/* The events of a message that are new; the first one's seq, how many. */
static int put_events(struct sqlite *d, struct store_accept *a, int64_t *first,
		      int64_t *stored)
{
	for (size_t i = 0; i < a->count; i++) {
		struct event *e = &a->events[i];
		uint64_t hash = sqlite_hash(d, e->identity);
		int r = put_identity(d, e, hash);

		if (r < 0)
			return r;
		e->duplicate = r;
		if (r)
			continue;
		e->seq = d->tally.next_event++;
		if (!*stored)
			*first = e->seq;
		e->first = *first;
		++*stored;
		r = put_event(d, e, hash);
		if (r)
			return r;
	}
	return 0;
}

int sqlite_accept(void *db, struct store_accept *a)
{
	struct sqlite *d = db;
	int64_t first = 0, stored = 0;
	int r;

	for (size_t i = 0; i < a->count; i++) {
		a->events[i].seq = a->events[i].first = 0;
		a->events[i].duplicate = false;
	}
	r = put_events(d, a, &first, &stored);
	if (!r && stored)
		r = put_payload(d, first, stored, a);
	if (!r && a->confirm && (stored || !a->count)) {
		struct op op = *a->confirm;

		op.id = 0;
		r = sqlite_write_op(d, &op, NULL);
	}
	d->tally.counts.events += stored;
	d->tally.counts.untriaged += stored;
	if (stored)
		d->tally.what |= 1;
	return r;
}

int sqlite_accepted(void *db)
{
	struct sqlite *d = db;
	struct query u;

	if (d->tally.next_event == d->mark.next_event)
		return 0;
	u = query_begin(&d->q, SQL_PUT_UNTRIAGED);
	put_int(&u, d->mark.next_event);
	put_int(&u, d->tally.next_event);
	return query_run(&u);
}

void sqlite_undo_accept(void *db, struct store_accept *a)
{
	(void)db;
	for (size_t i = 0; i < a->count; i++) {
		a->events[i].seq = a->events[i].first = 0;
		a->events[i].duplicate = false;
	}
}

/* ---- triage ---- */

/*
 * The writes from one on whose events follow each other: none of them is
 * untriaged any more. Those that are known to be there are marked so. Returns
 * the first write behind them, or negative.
 */
static int take_run(struct sqlite *d, struct store_batch *b, int from)
{
	int64_t first = b->writes[from].event->seq, next = first;
	struct query u = query_begin(&d->q, SQL_TRIAGED);
	int at, gone, r;

	for (at = from; at < (int)b->count; at++) {
		if (b->writes[at].kind != WRITE_EVENT_DONE)
			continue;
		if (b->writes[at].event->seq != next)
			break;
		next++;
	}
	put_int(&u, first);
	put_int(&u, next - 1);
	r = query_run(&u);
	if (r)
		return r;
	gone = sqlite3_changes(d->q.db);
	d->tally.counts.untriaged -= gone;
	for (int i = from; i < at && gone == next - first; i++)
		b->writes[i].row.found |= b->writes[i].kind == WRITE_EVENT_DONE;
	return at;
}

static int take_triaged(struct sqlite *d, struct store_batch *b)
{
	int at = 0;

	while (at >= 0 && at < (int)b->count)
		if (b->writes[at].kind == WRITE_EVENT_DONE)
			at = take_run(d, b, at);
		else
			at++;
	return at < 0 ? at : 0;
}

static int put_outcome(struct sqlite *d, const struct event *e, bool there)
{
	struct query u;
	int64_t seq = e->seq;
	int r;

	if (!there) {
		u = query_begin(&d->q, SQL_HAS_EVENT);
		put_int(&u, e->seq);
		r = query_int(&u, 0, &seq);
		if (r || !seq)
			return r;
	}
	u = query_begin(&d->q, SQL_PUT_OUTCOME);
	put_int(&u, e->seq);
	put_int(&u, e->status == EVENT_NEW ? EVENT_DONE : e->status);
	put_str(&u, e->action);
	put_str(&u, e->because);
	put_str(&u, e->team);
	put_str(&u, e->policy);
	put_str(&u, e->where);
	put_str(&u, e->ruleset);
	put_int(&u, e->incident);
	put_int(&u, e->decided_ms);
	put_str(&u, e->world);
	return query_run(&u);
}

static void put_incident_rest(struct query *u, const struct incident *i)
{
	put_str(u, i->previous);
	put_int(u, i->priority);
	put_int(u, i->severity);
	put_str(u, i->team);
	put_str(u, i->policy);
	put_str(u, i->where);
	put_str(u, i->short_description);
	put_str(u, i->assignment_group);
	put_str(u, i->ci_id);
	put_str(u, i->account);
	put_str(u, i->region);
	put_str(u, i->alarm);
	put_int(u, i->changed_ms);
	put_int(u, i->resolved_ms);
	put_int(u, (int64_t)i->events);
	put_int(u, i->notes);
	put_int(u, i->note_after_ms);
	put_int(u, i->reopen_within_ms);
	put_int(u, i->notes_every_ms);
	put_int(u, i->notes_max);
	put_int(u, i->still_firing);
	put_int(u, i->resolve_ms);
	put_int(u, i->escalate_ms);
	put_str(u, i->escalations);
	put_int(u, i->held_ms);
	put_str(u, i->held_by);
	put_int(u, i->group_ms);
	put_int(u, i->parent);
	put_int(u, i->event);
}

/* A closed one's mean nothing. */
static int64_t due_of(const struct incident *i)
{
	return i->state == INCIDENT_CLOSED ? 0 : i->due_ms;
}

/* A timer began, ended, or goes off at another time. */
static void count_timer(struct sqlite *d, int64_t old_ms, int64_t now_ms)
{
	d->tally.counts.timers += (now_ms > 0) - (old_ms > 0);
	if (old_ms != now_ms)
		d->tally.what |= 4;
}

static int insert_incident(struct sqlite *d, struct incident *i)
{
	struct query u = query_begin(&d->q, SQL_PUT_INCIDENT);

	assert(i);
	i->id = d->tally.next_incident++;
	i->version = 1;
	put_int(&u, i->id);
	put_int(&u, (int64_t)sqlite_hash(d, i->key));
	put_str(&u, i->key);
	put_int(&u, i->incarnation);
	put_int(&u, i->state);
	put_str(&u, i->remote);
	put_incident_rest(&u, i);
	put_int(&u, i->opened_ms);
	put_int(&u, due_of(i));
	put_str(&u, i->context);
	put_int(&u, i->parent ? 0 : (int64_t)sqlite_hash(d, i->team));
	put_int(&u, i->context.n ? (int64_t)sqlite_hash(d, i->policy) : 0);
	count_timer(d, 0, due_of(i));
	d->tally.counts.incidents_open += i->state == INCIDENT_OPEN;
	return query_run(&u);
}

/* The stored version and state. */
static int see_incident(struct incident *out, struct sqlite *d, int64_t id)
{
	struct query u = query_begin(&d->q, SQL_SEEN_INCIDENT);
	int r;

	put_int(&u, id);
	r = query_row(&u);
	if (r <= 0)
		return r ? r : -ENOENT;
	out->version = (unsigned)get_int(&u);
	out->state = (enum incident_state)get_int(&u);
	out->due_ms = get_int(&u);
	query_end(&u);
	return 0;
}

static int replace_incident(struct sqlite *d, const struct incident *i,
			    const struct store_row *found)
{
	struct incident old = { .state = found->state_of_incident,
				.due_ms = found->due_ms };
	struct query u;
	int r = found->found ? 0 : see_incident(&old, d, i->id);

	if (r)
		return r;
	u = query_begin(&d->q, SQL_SET_INCIDENT);
	put_incident_rest(&u, i);
	put_int(&u, i->id);
	r = query_run(&u);
	if (r || (old.state == i->state && old.due_ms == due_of(i)))
		return r;
	u = query_begin(&d->q, SQL_SET_INCIDENT_STATE);
	put_int(&u, i->state);
	put_int(&u, due_of(i));
	put_int(&u, i->id);
	r = query_run(&u);
	count_timer(d, old.due_ms, due_of(i));
	d->tally.counts.incidents_open +=
		(i->state == INCIDENT_OPEN) - (old.state == INCIDENT_OPEN);
	return r;
}

static int set_remote(struct sqlite *d, const struct incident *i)
{
	struct query u = query_begin(&d->q, SQL_SET_REMOTE);
	int r;

	assert(i);
	put_str(&u, i->remote);
	put_int(&u, i->id);
	r = query_run(&u);
	return r || sqlite3_changes(d->q.db) ? r : -ENOENT;
}

static int move(struct sqlite *d, int64_t from, int64_t to)
{
	struct query u = query_begin(&d->q, SQL_MOVE_MEMBERS);
	int r;

	if (!from || !to || from == to)
		return -EINVAL;
	put_int(&u, from);
	put_int(&u, to);
	r = query_run(&u);
	return r ? r : sqlite_move_ops(d, from, to);
}

/* What a wait is made of; nothing where none is. */
static void put_wait(struct query *u, const struct member *m)
{
	bool waits = m->wait != WAIT_NONE;

	put_int(u, m->wait);
	put_int(u, waits ? m->due_ms : 0);
	put_int(u, waits ? m->since_ms : 0);
	put_int(u, waits ? m->event : 0);
	put_str(u, waits && m->held_by.n ? m->held_by : STR_NONE);
	put_str(u, waits && m->held_about.n ? m->held_about : STR_NONE);
}

static void count_wait(struct sqlite *d, enum wait wait, int n)
{
	if (wait == WAIT_OPEN_AFTER)
		d->tally.counts.waiting += n;
	else if (wait == WAIT_HOLD)
		d->tally.counts.held += n;
	if (wait != WAIT_NONE)
		d->tally.what |= 4;
}

static int insert_member(struct sqlite *d, struct member *m)
{
	struct query u = query_begin(&d->q, SQL_PUT_MEMBER);

	m->id = d->tally.next_member++;
	put_int(&u, m->id);
	put_int(&u, (int64_t)sqlite_hash(d, m->subject));
	put_str(&u, m->subject);
	put_int(&u, m->incident);
	put_int(&u, m->state);
	put_int(&u, m->changed_ms);
	put_wait(&u, m);
	count_wait(d, m->wait, 1);
	return query_run(&u);
}

static int set_wait(struct sqlite *d, const struct member *m, enum wait old)
{
	struct query u = query_begin(&d->q, SQL_SET_MEMBER_WAIT);

	put_wait(&u, m);
	put_int(&u, m->id);
	count_wait(d, old, -1);
	count_wait(d, m->wait, 1);
	return query_run(&u);
}

static bool same_wait(struct query *u, const struct member *m)
{
	bool same = get_int(u) == m->due_ms;

	same = get_int(u) == m->since_ms && same;
	same = get_int(u) == m->event && same;
	return str_eq(get_view(u), m->held_by) && same;
}

/* 1: it stays where it is and waits for nothing, as most do; the columns of an
 * index, which are rewritten when named, aren't. */
static int touch_member(struct sqlite *d, const struct member *m)
{
	struct query u = query_begin(&d->q, SQL_SET_MEMBER_TIME);
	int r;

	put_int(&u, m->changed_ms);
	put_int(&u, m->id);
	put_int(&u, m->incident);
	put_int(&u, m->state);
	r = query_run(&u);
	return r ? r : sqlite3_changes(d->q.db) > 0;
}

static int replace_member(struct sqlite *d, const struct member *m)
{
	int r = m->wait == WAIT_NONE ? touch_member(d, m) : 0;
	struct query u;
	enum wait wait;
	bool waits;

	if (r)
		return r < 0 ? r : 0;
	u = query_begin(&d->q, SQL_SEEN_MEMBER);
	put_int(&u, m->id);
	r = query_row(&u);
	if (r <= 0)
		return r ? r : -ENOENT;
	wait = (enum wait)get_int(&u);
	waits = wait != m->wait ||
		(wait != WAIT_NONE && !same_wait(&u, m));
	query_end(&u);
	if (waits) {
		r = set_wait(d, m, wait);
		if (r)
			return r;
	}
	u = query_begin(&d->q, SQL_SET_MEMBER);
	put_int(&u, m->incident);
	put_int(&u, m->state);
	put_int(&u, m->changed_ms);
	put_int(&u, m->id);
	return query_run(&u);
}

static int put_pair(struct sqlite *d, enum sql_statement n, struct str a,
		    struct str b)
{
	struct query u = query_begin(&d->q, n);

	put_str(&u, a);
	put_str(&u, b);
	return query_run(&u);
}

static int settle(struct sqlite *d, const struct event *e)
{
	struct query u = query_begin(&d->q, SQL_SETTLE);

	put_str(&u, e->action);
	put_str(&u, e->because);
	put_int(&u, e->incident);
	put_int(&u, e->seq);
	return query_run(&u);
}

static int write_one(struct sqlite *d, struct store_write *w)
{
	int64_t incident = w->incident ? w->incident->id : 0;

	switch (w->kind) {
	case WRITE_EVENT_DONE:
		if (incident)
			w->event->incident = incident;
		return put_outcome(d, w->event, w->row.found);
	case WRITE_INCIDENT:
		return incident ? replace_incident(d, w->incident, &w->row) :
				  insert_incident(d, w->incident);
	case WRITE_REMOTE:
		return set_remote(d, w->incident);
	case WRITE_MOVE:
		return move(d, w->from, incident);
	case WRITE_MEMBER:
		if (incident)
			w->member->incident = incident;
		return w->member->id ? replace_member(d, w->member) :
				       insert_member(d, w->member);
	case WRITE_OP:
		if (incident)
			w->op->incident = incident;
		return sqlite_write_op(d, w->op, &w->row);
	case WRITE_OP_STATE:
		return sqlite_write_op_state(d, w->op, &w->row);
	case WRITE_META:
		return put_pair(d, SQL_PUT_META, w->key, w->value);
	case WRITE_KNOWN:
		return put_pair(d, SQL_PUT_KNOWN, w->key, w->value);
	case WRITE_TALLY:
		return sqlite_write_tally(d, w->tally);
	case WRITE_SETTLED:
		return settle(d, w->event);
	case WRITE_LOOK_AGAIN:
		return sqlite_look_again(d, w);
	case WRITE_AUDIT:
		return sqlite_put_audit(d, w->audit);
	}
	return -EINVAL;
}

/* ---- what a batch expects, asked before anything of it is written ---- */

/*
 * What the writes before one are about. Of ids it may tell too much, where two
 * share a bit, which costs another look.
 */
#define ID_WORDS 16
struct earlier {
	uint64_t ops[ID_WORDS], incidents[ID_WORDS];
	uint64_t lanes[ID_WORDS];	/* of ops */
	bool moved, any_op, of_new;	/* of_new: an op of an incident that
					   has no id yet */
};

static uint64_t bit_of(int64_t id)
{
	return (uint64_t)1 << ((uint64_t)id % 64);
}

static void note_id(uint64_t *bits, int64_t id)
{
	bits[(uint64_t)id / 64 % ID_WORDS] |= bit_of(id);
}

static bool noted(const uint64_t *bits, int64_t id)
{
	return bits[(uint64_t)id / 64 % ID_WORDS] & bit_of(id);
}

static bool writes_op(const struct store_write *w)
{
	return w->kind == WRITE_OP || w->kind == WRITE_OP_STATE;
}

static void note_write(struct earlier *e, const struct store_write *w)
{
	e->moved |= w->kind == WRITE_MOVE;
	if (w->kind == WRITE_INCIDENT)
		note_id(e->incidents, w->incident->id);
	if (!writes_op(w))
		return;
	e->any_op = true;
	e->of_new |= w->incident != NULL;
	note_id(e->ops, w->op->id);
	note_id(e->lanes, w->op->incident);
}

/* Does an earlier write touch the lane that w's op is in, or comes to? */
static bool same_lane(const struct earlier *e, const struct store_write *w)
{
	return e->moved ||
	       (e->any_op && (!w->row.incident || w->incident || e->of_new ||
			      noted(e->lanes, w->row.incident)));
}

static int expect_op(struct sqlite *d, const struct store_batch *b, size_t at,
		     const struct earlier *earlier)
{
	struct store_write *w = &b->writes[at];
	int r, state = -1;

	if (!w->expect || !w->op->id)
		return 0;
	/* An earlier write of the same batch says what it will be then. */
	for (size_t i = 0; noted(earlier->ops, w->op->id) && i < at; i++)
		if (writes_op(&b->writes[i]) &&
		    b->writes[i].op->id == w->op->id)
			state = (int)b->writes[i].op->state;
	if (state < 0) {
		r = sqlite_see_op(&w->row, d, w->op->id);
		if (r < 0)
			return r;
		state = r ? (int)w->row.state : 0;
	}
	if (same_lane(earlier, w))
		w->row.found = false;
	return state == (int)w->expect ? 0 : -ESTALE;
}

static int expect_incident(struct sqlite *d, const struct store_batch *b,
			   size_t at, const struct earlier *earlier)
{
	struct store_write *w = &b->writes[at];
	const struct incident *i = w->incident;
	struct incident stored;
	int r;

	if (!i->id)
		return 0;
	for (size_t k = 0; noted(earlier->incidents, i->id) && k < at; k++)
		if (b->writes[k].kind == WRITE_INCIDENT &&
		    b->writes[k].incident->id == i->id)
			return 0;
	r = see_incident(&stored, d, i->id);
	if (r)
		return r;
	w->row.found = true;
	w->row.state_of_incident = stored.state;
	w->row.due_ms = stored.due_ms;
	return stored.version == i->version ? 0 : -ESTALE;
}

int sqlite_batch(void *db, struct store_batch *b)
{
	struct earlier earlier = { .moved = false };
	struct sqlite *d = db;
	int r = 0;

	for (size_t i = 0; i < b->count && !r; i++) {
		b->writes[i].row = (struct store_row){ 0 };
		if (writes_op(&b->writes[i]))
			r = expect_op(d, b, i, &earlier);
		else if (b->writes[i].kind == WRITE_INCIDENT)
			r = expect_incident(d, b, i, &earlier);
		note_write(&earlier, &b->writes[i]);
	}
	if (!r)
		r = take_triaged(d, b);
	for (size_t i = 0; i < b->count && !r; i++)
		r = write_one(d, &b->writes[i]);
	return r;
}

/* A number that the transaction rolled back had given. */
static void take_back(int64_t *id, int64_t from, int64_t to)
{
	if (*id >= from && *id < to)
		*id = 0;
}

void sqlite_undo_batch(void *db, struct store_batch *b)
{
	const struct store_tally *from = &((struct sqlite *)db)->mark;
	const struct store_tally *to = &((struct sqlite *)db)->undone;

	for (size_t i = 0; i < b->count; i++) {
		struct store_write *w = &b->writes[i];
		int64_t *const incident[] = {
			w->incident ? &w->incident->id : NULL,
			w->event ? &w->event->incident : NULL,
			w->member ? &w->member->incident : NULL,
			w->op ? &w->op->incident : NULL,
		};

		for (size_t k = 0; k < 4; k++)
			if (incident[k])
				take_back(incident[k], from->next_incident,
					  to->next_incident);
		if (w->member)
			take_back(&w->member->id, from->next_member,
				  to->next_member);
		if (w->tally)
			take_back(&w->tally->id, from->next_tally,
				  to->next_tally);
		if (w->op)
			take_back(&w->op->id, from->next_op, to->next_op);
	}
}
