#include "store/sqlite.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"

#define CACHE_KB "1024"

static struct sqlite_reader *reader(struct store_reader *r)
{
	return (struct sqlite_reader *)r;
}

struct query reader_query(struct store_reader *r, enum sql_statement n,
			  struct arena *arena)
{
	struct query u = query_begin(&reader(r)->q, n);

	u.arena = arena;
	return u;
}

uint64_t reader_hash(struct store_reader *r, struct str s)
{
	return hash_sip(reader(r)->hash_key, s.p, s.n);
}

int reader_found(struct query *u, int r)
{
	if (r > 0)
		query_end(u);
	if (r > 0 && u->arena && arena_error(u->arena))
		return -ENOMEM;
	return r;
}

/* ---- connection ---- */

int sqlite_open_reader(struct store_reader **out, const char *path,
		       struct err *err)
{
	struct sqlite_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	buf_init(&r->id, 32);
	rc = sqlite3_open_v2(path, &r->q.db,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (!rc)
		rc = sqlite3_busy_timeout(r->q.db, 2000);
	/* Only the writer's connection ever writes or checkpoints: two that
	 * do can corrupt the file with SQLite before 3.51.3. */
	if (!rc)
		rc = sqlite3_db_config(r->q.db,
				       SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
				       NULL);
	if (!rc)
		rc = sqlite3_exec(r->q.db,
				  "PRAGMA query_only = ON;"
				  "PRAGMA trusted_schema = OFF;"
				  "PRAGMA mmap_size = 0;"
				  "PRAGMA temp_store = MEMORY;"
				  "PRAGMA cache_size = -" CACHE_KB,
				  NULL, NULL, NULL);
	if (rc) {
		rc = err_set(err, sql_errno(rc), "%s: %s", path,
			     sqlite3_errmsg(r->q.db));
		sqlite_reader_close(&r->base);
		return rc;
	}
	*out = &r->base;
	return 0;
}

int sqlite_reader_open(struct store_reader **out, void *db, struct err *err)
{
	struct sqlite *d = db;
	int rc = sqlite_open_reader(out, d->path, err);

	if (!rc)
		memcpy(reader(*out)->hash_key, d->hash_key,
		       sizeof(d->hash_key));
	return rc;
}

void sqlite_reader_close(struct store_reader *r)
{
	struct sqlite_reader *s = reader(r);

	sql_fini(&s->q);
	buf_fini(&s->id);
	explicit_bzero(s->hash_key, sizeof(s->hash_key));
	free(s);
}

int sqlite_reader_begin(struct store_reader *r)
{
	struct query u = reader_query(r, SQL_BEGIN_READ, NULL);

	return query_run(&u);
}

void sqlite_reader_end(struct store_reader *r)
{
	struct query u = reader_query(r, SQL_COMMIT, NULL);

	query_run(&u);
}

/* ---- rows ---- */

void sqlite_get_event(struct event *e, struct query *u, struct buf *id)
{
	memset(e, 0, sizeof(*e));
	e->seq = get_int(u);
	buf_reset(id);
	store_put_id(id, (uint64_t)get_int(u));
	e->id = arena_str(u->arena, buf_str(id));
	e->change_ms = get_int(u);
	e->received_ms = get_int(u);
	e->sent_ms = get_int(u);
	e->first = get_int(u);
	e->position = (unsigned)get_int(u);
	e->intake = get_str(u).p;
	e->kind = get_str(u);
	e->name = get_str(u);
	e->state = get_str(u);
	e->account = get_str(u);
	e->region = get_str(u);
	e->topic = get_str(u);
	e->message_id = get_str(u);
	e->subject = get_str(u);
}

/* Without a row of outcome all columns are NULL, which reads as 0. */
void sqlite_get_outcome(struct event *e, struct query *u)
{
	e->status = (enum event_state)get_int(u);
	e->action = get_str(u);
	e->because = get_str(u);
	e->team = get_str(u);
	e->policy = get_str(u);
	e->where = get_str(u);
	e->ruleset = get_str(u);
	e->incident = get_int(u);
	e->decided_ms = get_int(u);
	e->world = get_str(u);
}

void get_incident(struct incident *i, struct query *u)
{
	memset(i, 0, sizeof(*i));
	i->id = get_int(u);
	i->key = get_str(u);
	i->incarnation = (unsigned)get_int(u);
	i->version = (unsigned)get_int(u);
	i->state = (enum incident_state)get_int(u);
	i->remote = get_str(u);
	i->previous = get_str(u);
	i->priority = (int)get_int(u);
	i->severity = (enum severity)get_int(u);
	i->team = get_str(u);
	i->policy = get_str(u);
	i->where = get_str(u);
	i->short_description = get_str(u);
	i->assignment_group = get_str(u);
	i->ci_id = get_str(u);
	i->account = get_str(u);
	i->region = get_str(u);
	i->alarm = get_str(u);
	i->opened_ms = get_int(u);
	i->changed_ms = get_int(u);
	i->resolved_ms = get_int(u);
	i->events = (uint64_t)get_int(u);
	i->notes = (unsigned)get_int(u);
	i->note_after_ms = get_int(u);
	i->reopen_within_ms = get_int(u);
	i->notes_every_ms = get_int(u);
	i->notes_max = (unsigned)get_int(u);
	i->still_firing = (enum still_firing)get_int(u);
	i->due_ms = get_int(u);
	i->resolve_ms = get_int(u);
	i->escalate_ms = get_int(u);
	i->escalations = get_str(u);
	i->held_ms = get_int(u);
	i->held_by = get_str(u);
	i->group_ms = get_int(u);
	i->parent = get_int(u);
	i->event = get_int(u);
	i->context = get_str(u);
}

static void get_op(struct op *op, struct query *u)
{
	memset(op, 0, sizeof(*op));
	op->id = get_int(u);
	op->incident = get_int(u);
	op->kind = (enum op_kind)get_int(u);
	op->state = (enum op_state)get_int(u);
	op->priority = (int)get_int(u);
	op->held = get_int(u);
	op->attempts = (unsigned)get_int(u);
	op->searches = (unsigned)get_int(u);
	op->created_ms = get_int(u);
	op->not_before_ms = get_int(u);
	op->sent_ms = get_int(u);
	op->searched_ms = get_int(u);
	op->target = get_str(u);
	op->body = get_str(u);
	op->events = get_str(u);
	op->count = (unsigned)get_int(u);
	op->marker = get_str(u);
	op->status = (int)get_int(u);
	op->problem = get_str(u);
	op->doubt_ms = get_int(u);
	op->done_ms = get_int(u);
}

int get_ops(struct op *out, int n, size_t max, struct query *u)
{
	int r = 0;

	while ((size_t)n < max && (r = query_row(u)) > 0)
		get_op(&out[n++], u);
	r = reader_found(u, r);
	return r < 0 ? r : n;
}

static int get_incidents(struct incident *out, size_t max, struct query *u)
{
	int r = 0, n = 0;

	while ((size_t)n < max && (r = query_row(u)) > 0)
		get_incident(&out[n++], u);
	r = reader_found(u, r);
	return r < 0 ? r : n;
}

/* ---- events ---- */

static int of_message(struct str *out, struct store_reader *r,
		      enum sql_statement n, int64_t first, struct arena *arena)
{
	struct query u = reader_query(r, n, arena);
	int got;

	put_int(&u, first);
	got = query_row(&u);
	if (got > 0)
		*out = get_str(&u);
	return reader_found(&u, got);
}

int sqlite_payload(struct str *out, struct store_reader *r, int64_t first,
		   struct arena *arena)
{
	return of_message(out, r, SQL_PAYLOAD, first, arena);
}

int sqlite_new_heads(struct event *out, size_t max, struct store_reader *r,
		     int64_t after, struct arena *arena)
{
	struct query u = reader_query(r, SQL_NEW_EVENTS, arena);
	int got, n = 0;

	put_int(&u, after);
	put_int(&u, (int64_t)max);
	while ((got = query_row(&u)) > 0)
		sqlite_get_event(&out[n++], &u, &reader(r)->id);
	if (got < 0)
		return got;
	return arena_error(arena) ? -ENOMEM : n;
}

int sqlite_event_at(struct event *out, struct store_reader *r, int64_t seq,
		    struct arena *arena)
{
	struct query u = reader_query(r, SQL_EVENT, arena);
	int got;

	put_int(&u, seq);
	got = query_row(&u);
	if (got > 0) {
		sqlite_get_event(out, &u, &reader(r)->id);
		sqlite_get_outcome(out, &u);
	}
	return reader_found(&u, got);
}

int sqlite_event(struct event *out, struct store_reader *r, uint64_t id,
		 struct arena *arena)
{
	struct query u = reader_query(r, SQL_EVENT_OF_HASH, arena);
	struct event e;
	int64_t seq = 0;
	int got;

	put_int(&u, (int64_t)id);
	got = query_int(&u, 0, &seq);
	if (got || !seq)
		return got;
	got = sqlite_event_at(&e, r, seq, arena);
	if (got <= 0)
		return got;
	got = sqlite_payload(&e.payload, r, e.first, arena);
	if (got >= 0)
		got = of_message(&e.trust, r, SQL_TRUST, e.first, arena);
	if (got < 0)
		return got;
	*out = e;
	return 1;
}

static int64_t before(const struct store_page *p)
{
	return p->before > 0 ? p->before : INT64_MAX;
}

int sqlite_list_events(struct event *out, struct store_reader *r,
		       const struct store_page *p, struct arena *arena)
{
	struct query u = reader_query(r, p->filter.n ? SQL_LIST_EVENTS_NAMED :
						SQL_LIST_EVENTS, arena);
	int got, n = 0;

	put_int(&u, before(p));
	if (p->filter.n)
		put_str(&u, p->filter);
	put_int(&u, (int64_t)p->limit);
	while ((got = query_row(&u)) > 0) {
		sqlite_get_event(&out[n], &u, &reader(r)->id);
		sqlite_get_outcome(&out[n++], &u);
	}
	if (got < 0)
		return got;
	return arena_error(arena) ? -ENOMEM : n;
}

/* ---- incidents and members ---- */

int sqlite_incident_by_key(struct incident *out, struct store_reader *r,
			   struct str key, struct arena *arena)
{
	struct query u = reader_query(r, SQL_INCIDENT_BY_KEY, arena);

	put_int(&u, (int64_t)reader_hash(r, key));
	put_str(&u, key);
	return get_incidents(out, 1, &u);
}

int sqlite_incident_by_id(struct incident *out, struct store_reader *r,
			  int64_t id, struct arena *arena)
{
	struct query u = reader_query(r, SQL_INCIDENT_BY_ID, arena);

	put_int(&u, id);
	return get_incidents(out, 1, &u);
}

int sqlite_unchanged(struct str *remote, struct store_reader *r,
		     const struct incident *i, const struct op *op,
		     struct arena *arena)
{
	struct query u = reader_query(r, SQL_UNCHANGED, arena);
	bool same;
	int got;

	put_int(&u, op->id);
	got = query_row(&u);
	if (got <= 0)
		return got;
	same = get_int(&u) == i->id;
	same = get_int(&u) == i->version && same;
	same = get_int(&u) == OP_READY && same;
	same = get_int(&u) == op->attempts && same;
	same = get_int(&u) == op->not_before_ms && same;
	if (same)
		*remote = get_str(&u);
	got = reader_found(&u, got);
	return got < 0 ? got : same;
}

enum incident_state sqlite_state_of(struct str word)
{
	return str_is(word, "open")	? INCIDENT_OPEN :
	       str_is(word, "resolved") ? INCIDENT_RESOLVED :
	       str_is(word, "closed")	? INCIDENT_CLOSED :
	       str_is(word, "failed")	? INCIDENT_FAILED : 0;
}

int sqlite_list_incidents(struct incident *out, struct store_reader *r,
			  const struct store_page *p, struct arena *arena)
{
	enum incident_state state = sqlite_state_of(p->filter);
	struct query u;

	if (p->filter.n && !state)
		return -EINVAL;
	/* Of the states only open has an index: the others are the many. */
	u = reader_query(r, !state ? SQL_LIST_INCIDENTS :
		  state == INCIDENT_OPEN ? SQL_LIST_INCIDENTS_OPEN :
					   SQL_LIST_INCIDENTS_IN, arena);
	put_int(&u, before(p));
	if (state && state != INCIDENT_OPEN)
		put_int(&u, state);
	put_int(&u, (int64_t)p->limit);
	return get_incidents(out, p->limit, &u);
}

int sqlite_remote_is_ours(struct store_reader *r, struct str remote)
{
	struct query u = reader_query(r, SQL_REMOTE_IS_OURS, NULL);

	put_str(&u, remote);
	return reader_found(&u, query_row(&u));
}

void get_member(struct member *out, struct query *u)
{
	memset(out, 0, sizeof(*out));
	out->id = get_int(u);
	out->subject = get_str(u);
	out->incident = get_int(u);
	out->state = (enum alarm_state)get_int(u);
	out->changed_ms = get_int(u);
	out->wait = (enum wait)get_int(u);
	if (out->wait == WAIT_NONE)
		return;
	out->due_ms = get_int(u);
	out->since_ms = get_int(u);
	out->event = get_int(u);
	out->held_by = get_str(u);
	out->held_about = get_str(u);
}

int sqlite_member(struct member *out, struct store_reader *r,
		  struct str subject, struct arena *arena)
{
	struct query u = reader_query(r, SQL_MEMBER, arena);
	int got;

	put_int(&u, (int64_t)reader_hash(r, subject));
	put_str(&u, subject);
	got = query_row(&u);
	if (got > 0)
		get_member(out, &u);
	return reader_found(&u, got);
}

int sqlite_firing_open(struct member *out, size_t max, struct store_reader *r,
		       const struct member *after, struct arena *arena)
{
	struct query u = reader_query(r, SQL_FIRING_OPEN, arena);
	int n = 0, got = 1;

	put_int(&u, after ? after->incident : 0);
	put_int(&u, after ? after->id : 0);
	put_int(&u, (int64_t)max);
	while ((size_t)n < max && (got = query_row(&u)) > 0)
		get_member(&out[n++], &u);
	got = reader_found(&u, got);
	if (got < 0)
		return got;
	return arena_error(arena) ? -ENOMEM : n;
}

int sqlite_others_firing(unsigned *out, struct store_reader *r,
			 int64_t incident, int64_t except)
{
	struct query u = reader_query(r, SQL_OTHERS_FIRING, NULL);
	int64_t n;
	int got;

	put_int(&u, incident);
	put_int(&u, except);
	got = query_int(&u, 0, &n);
	if (!got)
		*out = (unsigned)n;
	return got;
}

/* ---- operations ---- */

int sqlite_op(struct op *out, struct store_reader *r, int64_t id,
	      struct arena *arena)
{
	struct query u = reader_query(r, SQL_OP, arena);

	put_int(&u, id);
	return get_ops(out, 0, 1, &u);
}

int sqlite_lane_tail(struct op *out, struct store_reader *r, int64_t incident,
		     struct arena *arena)
{
	struct query u = reader_query(r, SQL_LANE_TAIL, arena);

	put_int(&u, incident);
	return get_ops(out, 0, 1, &u);
}

/* The next rank, from *rank on, of which any waits, and its earliest. */
static int next_rank(int64_t *rank, int64_t *ms, struct store_reader *r)
{
	struct query u = reader_query(r, SQL_NEXT_RANK, NULL);
	int got;

	put_int(&u, *rank);
	got = query_row(&u);
	if (got > 0) {
		*rank = get_int(&u);
		*ms = get_int(&u);
	}
	return reader_found(&u, got);
}

int sqlite_due_ops(struct op *out, size_t max, struct store_reader *r,
		   int64_t now_ms, struct arena *arena)
{
	int64_t ms, rank = 0;
	int n = 0, got;

	for (; (size_t)n < max; rank++) {
		struct query u;

		got = next_rank(&rank, &ms, r);
		if (got <= 0)
			return got ? got : n;
		if (ms > now_ms)
			continue;
		u = reader_query(r, SQL_DUE, arena);
		put_int(&u, rank);
		put_int(&u, now_ms);
		put_int(&u, (int64_t)max - n);
		n = get_ops(out, n, max, &u);
		if (n < 0)
			return n;
	}
	return n;
}

int sqlite_next_due(int64_t *out_ms, struct store_reader *r)
{
	int64_t ms, rank = 0, least = INT64_MAX;
	int got;

	for (; (got = next_rank(&rank, &ms, r)) > 0; rank++)
		if (ms < least)
			least = ms;
	if (!got)
		*out_ms = least;
	return got;
}

int sqlite_ops_in(struct op *out, size_t max, struct store_reader *r,
		  enum op_state state, struct arena *arena)
{
	struct query u = reader_query(r, SQL_OPS_IN, arena);

	put_int(&u, state);
	put_int(&u, (int64_t)max);
	return get_ops(out, 0, max, &u);
}

int sqlite_list_ops(struct op *out, struct store_reader *r,
		    enum op_state state, const struct store_page *p,
		    struct arena *arena)
{
	struct query u = reader_query(r, SQL_LIST_OPS, arena);

	put_int(&u, state);
	put_int(&u, before(p));
	put_int(&u, (int64_t)p->limit);
	return get_ops(out, 0, p->limit, &u);
}

/* ---- the rest ---- */

int sqlite_known(struct str *out, size_t max, struct store_reader *r,
		 struct str marker, struct arena *arena)
{
	struct query u = reader_query(r, SQL_KNOWN, arena);
	int got = 0, n = 0;

	put_str(&u, marker);
	put_int(&u, (int64_t)max);
	while ((size_t)n < max && (got = query_row(&u)) > 0)
		out[n++] = get_str(&u);
	got = reader_found(&u, got);
	return got < 0 ? got : n;
}

static int one_text(struct str *out, struct store_reader *r,
		    enum sql_statement n, struct str key, struct arena *arena)
{
	struct query u = reader_query(r, n, arena);
	struct str text = STR_NONE;
	int got;

	put_str(&u, key);
	got = query_row(&u);
	if (got > 0)
		text = get_str(&u);
	got = reader_found(&u, got);
	if (got > 0)
		*out = text;
	return got;
}

int sqlite_meta(struct str *out, struct store_reader *r, struct str key,
		struct arena *arena)
{
	return one_text(out, r, SQL_META, key, arena);
}

int sqlite_saved_rules(struct str *out, struct store_reader *r,
		       struct str file, struct arena *arena)
{
	return one_text(out, r, SQL_RULES, file, arena);
}
