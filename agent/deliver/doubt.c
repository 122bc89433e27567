#include "agent/deliver/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/audit.h"
#include "agent/log.h"
#include "base/clock.h"
#include "base/random.h"
#include "doc/json.h"

#define LOAD_MAX 256
#define REMOTE_MS 500

void doubt_remove(struct deliver *d, struct doubt *gone)
{
	struct doubt **at = &d->doubts;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	arena_free(gone->arena);
	free(gone);
}

static bool known(const struct deliver *d, int64_t op)
{
	for (const struct doubt *x = d->doubts; x; x = x->next)
		if (x->op == op)
			return true;
	return false;
}

/* Before this moment, by our clock, no send of it was. After a search in vain
 * an earlier one may have been carried out as well as the last. */
static void set_since(struct doubt *x, const struct deliver *d,
		      const struct op *op, int64_t opened_ms)
{
	int64_t now = clock_wall_ms();
	bool once = x->kind != OP_AUDIT && !op->searches;
	int64_t since = once ? op->sent_ms : opened_ms;

	/* Sent by an earlier process or before the clock was set anew? */
	x->since_ms = since >= d->steady_ms && since <= now ? since : 0;
}

static int read_incident(struct doubt *x, struct deliver *d,
			 const struct op *op)
{
	struct incident i;
	int rc;

	if (!x->incident)
		return 0;
	rc = store_incident_by_id(&i, d->reader, x->incident, x->arena);
	if (rc <= 0)
		return rc;
	x->short_description = i.short_description;
	set_since(x, d, op, i.opened_ms);
	if (x->kind != OP_CREATE && x->kind != OP_AUDIT)
		x->remote = i.remote;
	return 0;
}

/*
 * settle: how long an accepted create may take to show. A second search comes
 * after as long again, and, where no answer came at all, not before the
 * request's own deadline.
 */
static void set_times(struct doubt *x, const struct deliver *d,
		      const struct op *op, int64_t now_ms)
{
	int64_t settle = d->conf->stackflow.settle_ms;
	int64_t deadline = op->sent_ms + d->conf->stackflow.timeout_ms;

	x->first_ms = (op->sent_ms ? op->sent_ms : now_ms) + settle;
	/* A clock that jumped must neither hurry nor stall it. */
	if (x->first_ms < now_ms || x->first_ms > now_ms + settle)
		x->first_ms = op->sent_ms > now_ms ? now_ms + settle : now_ms;
	x->span_ms = settle;
	if (!op->status && deadline - x->first_ms > settle &&
	    deadline - x->first_ms <= d->conf->stackflow.timeout_ms)
		x->span_ms = deadline - x->first_ms;
	x->next_ms = x->first_ms;
}

int doubt_add(struct deliver *d, const struct op *op, int64_t now_ms)
{
	struct doubt *x;
	int64_t incident;

	if (known(d, op->id))
		return 0;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->arena = arena_new(256 << 10);
	if (!x->arena) {
		free(x);
		return -ENOMEM;
	}
	x->op = op->id;
	x->kind = op->kind;
	x->incident = op->incident;
	if (op->kind == OP_AUDIT && !str_to_i64(&incident, op->body))
		x->incident = incident;
	if (op->kind == OP_AUDIT || op->kind == OP_MERGE)
		x->remote = arena_str(x->arena, op->target);
	if (incident_marker_split(op->marker, &x->marker, &x->incarnation))
		x->marker = arena_str(x->arena, x->marker);
	x->next = d->doubts;
	d->doubts = x;
	set_times(x, d, op, now_ms);
	if (op->kind == OP_AUDIT || op->kind == OP_CONFIRM ||
	    op->kind == OP_FALLBACK)
		x->next_ms = now_ms;
	return read_incident(x, d, op);
}

int doubts_load(struct deliver *d)
{
	UNZEROED struct op ops[LOAD_MAX];
	struct arena *arena = arena_new(256 << 20);
	int n, rc = 0;

	if (!arena)
		return -ENOMEM;
	n = store_ops_in(ops, LOAD_MAX, d->reader, OP_IN_DOUBT, arena);
	d->doubts_left = n == LOAD_MAX;
	for (int i = 0; rc >= 0 && i < n; i++)
		rc = doubt_add(d, &ops[i], clock_wall_ms());
	arena_free(arena);
	return n < 0 ? n : rc;
}

int64_t doubts_next_ms(const struct deliver *d)
{
	int64_t next = INT64_MAX;

	for (const struct doubt *x = d->doubts; x; x = x->next) {
		int64_t at = x->next_ms;

		if (x->looking || x->swept)
			continue;
		if ((x->kind == OP_CREATE || x->kind == OP_AUDIT) &&
		    at < d->sweep_after_ms)
			at = d->sweep_after_ms;
		if (at < next)
			next = at;
	}
	/* One that is due but finds no room waits for a request to end. */
	return next < clock_wall_ms() + 20 ? clock_wall_ms() + 20 : next;
}

/* ---- the outcome of a look ---- */

struct verdict_writes {
	struct store_write writes[20];
	struct op op, extra[12];
	struct incident incident;
	struct store_audit ended;	/* at_ms 0: it isn't at its end */
	size_t n, extras;
};

static struct store_write *add(struct verdict_writes *v,
			       enum store_write_kind kind)
{
	struct store_write *w = &v->writes[v->n++];

	*w = (struct store_write){ .kind = kind };
	return w;
}

static int load_op(struct verdict_writes *v, struct deliver *d,
		   const struct doubt *x)
{
	int rc = store_op(&v->op, d->reader, x->op, x->arena);

	return rc > 0 ? 0 : rc < 0 ? rc : -ENOENT;
}

static void set_state(struct verdict_writes *v, enum op_state state,
		      const char *problem, int64_t now_ms)
{
	struct store_write *w = add(v, WRITE_OP_STATE);

	w->expect = v->op.state;
	v->op.state = state;
	v->op.problem = str_from(problem);
	if (state == OP_DONE || state == OP_DEAD)
		v->op.done_ms = now_ms;
	w->op = &v->op;
}

/* With its end, where this is one, told to people too. */
static int commit(struct verdict_writes *v, struct deliver *d,
		  const struct doubt *x, struct str remote, int64_t now_ms)
{
	bool dead = v->op.state == OP_DEAD;
	int rc = 0;

	if (dead || v->op.state == OP_DONE) {
		rc = audit_ended(&v->ended, x->arena, &v->op, remote,
				 dead ? "dead" : "done", NULL, now_ms);
		add(v, WRITE_AUDIT)->audit = &v->ended;
	}
	if (!rc)
		rc = store_commit(d->agent->store, v->writes, v->n);
	if (!rc && v->ended.at_ms)
		audit_log(&v->ended);
	return rc;
}

/* Another incident of the same alarm: told and closed. */
static void add_merge(struct verdict_writes *v, const struct doubt *x,
		      struct str twin, struct str kept, int64_t now_ms)
{
	struct op *op = &v->extra[v->extras++];

	*op = (struct op){
		.kind = OP_MERGE,
		.state = OP_READY,
		.priority = v->op.priority,
		.created_ms = now_ms,
		.not_before_ms = now_ms,
		.target = twin,
		.body = arena_printf(x->arena, "Duplicate of %.*s: both were "
				     "opened for one alarm because StackFlow "
				     "showed the first too late. Closed.",
				     STR_ARG(kept)),
	};
	add(v, WRITE_OP)->op = op;
}

static void say(const struct doubt *x, const char *what, struct str remote)
{
	LOG(INFO, what, LFN("op", x->op), LFC("kind", op_kind_name(x->kind)),
	    LF("incident", remote), LFN("searches", x->searches));
}

static int settle_hit(struct deliver *d, struct doubt *x, int64_t now_ms)
{
	struct verdict_writes v = { 0 };
	bool create = x->kind == OP_CREATE;
	struct str kept = create ? x->hits[0] : x->remote;
	int rc = load_op(&v, d, x);

	if (rc)
		return rc;
	set_state(&v, OP_DONE,
		  create ? "found by its marker" : "a twin was found", now_ms);
	if (create) {
		v.incident.id = x->incident;
		v.incident.remote = kept;
		add(&v, WRITE_REMOTE)->incident = &v.incident;
	}
	for (unsigned i = create; i < x->hit_count; i++)
		add_merge(&v, x, x->hits[i], kept, now_ms);
	if (create && v.op.attempts > 1 && v.op.searches > 0) {
		v.extra[v.extras] = audit_op(x->arena, kept, v.op.marker,
					     x->incident, now_ms,
					     AUDIT_LATE_MS);
		add(&v, WRITE_OP)->op = &v.extra[v.extras++];
	}
	rc = commit(&v, d, x, kept, now_ms);
	if (rc)
		return rc;
	if (create) {
		metrics_add(d->agent->metrics, METRIC_INCIDENTS_CREATED, 1);
		metrics_add(d->agent->metrics, METRIC_INCIDENTS_ADOPTED, 1);
	}
	if (x->hit_count > create) {
		metrics_add(d->agent->metrics, METRIC_DUPLICATE_INCIDENTS,
			    x->hit_count - create);
		LOG(ERROR, "one alarm has several incidents: closing all but "
			   "one; is stackflow.settle too short?",
		    LF("kept", kept), LFN("closed", x->hit_count - create));
	}
	say(x, create ? "adopted" : "audited", kept);
	return 0;
}

/* Due no faster than they may be sent, so that they keep no new ones out. */
static int64_t resend_slot(struct deliver *d, int64_t now_ms)
{
	int64_t slot = d->slot_ms;

	if (slot < now_ms || slot > now_ms + AUDIT_LATE_MS)
		slot = now_ms;
	d->slot_ms = slot + 1000 / RESEND_PER_SECOND;
	return slot;
}

/* Found nothing: once more, or it was never carried out. */
static int settle_miss(struct deliver *d, struct doubt *x, int64_t now_ms,
		       bool *over)
{
	struct verdict_writes v = { 0 };
	int rc = load_op(&v, d, x);
	bool enough;

	if (rc)
		return rc;
	x->searches++;
	enough = x->kind == OP_AUDIT ||
		 (x->searches >= 2 && now_ms >= x->first_ms + x->span_ms);
	v.op.searches++;
	v.op.searched_ms = now_ms;
	v.op.not_before_ms = enough && x->kind == OP_CREATE ?
				     resend_slot(d, now_ms) : now_ms;
	if (x->kind == OP_AUDIT)
		set_state(&v, OP_DONE, "no twin", now_ms);
	else
		set_state(&v, enough ? OP_READY : OP_IN_DOUBT,
			  "not found by its marker", now_ms);
	rc = commit(&v, d, x, x->remote, now_ms);
	if (rc)
		return rc;
	x->next_ms = x->first_ms + x->span_ms;
	if (x->next_ms <= now_ms)
		x->next_ms = now_ms + d->conf->stackflow.settle_ms;
	*over = enough;
	if (enough && x->kind == OP_CREATE)
		say(x, "never arrived: to be sent again", STR(""));
	return 0;
}

int doubts_settle(struct deliver *d, int64_t now_ms)
{
	struct doubt *x, *next;

	for (x = d->doubts; x; x = next) {
		bool over = true;
		int rc;

		next = x->next;
		if (!x->swept)
			continue;
		rc = x->hit_count ? settle_hit(d, x, now_ms) :
				    settle_miss(d, x, now_ms, &over);
		if (rc && rc != -ENOENT && rc != -ESTALE)
			return rc;
		if (over || rc)
			doubt_remove(d, x);
	}
	d->due_ms = 0;
	return 0;
}

/* ---- reading back notes and patches ---- */

static bool in_strings(const struct json *v, struct str id)
{
	const struct json *member;
	struct str key;
	void *at = NULL;

	if (json_is(v, JSON_STRING))
		return str_find(json_str(v), id) >= 0;
	while (json_next(v, &at, &key, &member))
		if (json_is(member, JSON_STRING) &&
		    str_find(json_str(member), id) >= 0)
			return true;
	return false;
}

/* 1 there, 0 not there, -1 can't be told. */
static int note_there(const struct json *body, const struct op *op)
{
	const struct json *notes = json_get(body, "notes");
	struct str rest = op->events, id;

	if (!json_is(notes, JSON_ARRAY) || !str_cut(&rest, ' ', &id))
		return -1;
	for (size_t i = 0; i < json_count(notes); i++)
		if (in_strings(json_item(notes, i), id))
			return 1;
	return 0;
}

static bool patch_there(const struct json *body, const struct op *op)
{
	struct json *want = NULL;
	const struct json *v;
	struct str key;
	void *at = NULL;
	bool same = true;

	if (json_parse(&want, op->body, 0, NULL))
		return false;
	while (json_next(want, &at, &key, &v)) {
		struct buf name = BUF_INIT(256);

		buf_put_str(&name, key);
		if (buf_error(&name) ||
		    !str_eq(json_get_str(body, name.p), json_str(v)))
			same = false;
		buf_fini(&name);
	}
	json_free(want);
	return same;
}

static bool carried_out(const struct json *body, const struct op *op)
{
	switch (op->kind) {
	case OP_NOTE:
		/* Where StackFlow shows no notes they are at-least-once. */
		return note_there(body, op) == 1;
	case OP_MERGE:
		return str_is(json_get_str(body, "state"), "closed");
	case OP_CREATE:
	case OP_RESOLVE:
	case OP_REOPEN:
	case OP_RAISE:
	case OP_CONFIRM:
	case OP_FALLBACK:
	case OP_AUDIT:
	case OP_REJECTED:
	case OP_ESCALATE:
	case OP_ENRICH:
	case OP_FILL:
		break;
	}
	return patch_there(body, op);
}

static void count_found(struct metrics *m, enum op_kind kind)
{
	if (kind == OP_NOTE)
		metrics_add(m, METRIC_NOTES_APPENDED, 1);
	else if (kind == OP_RESOLVE)
		metrics_add(m, METRIC_INCIDENTS_RESOLVED, 1);
	else if (kind == OP_REOPEN)
		metrics_add(m, METRIC_INCIDENTS_REOPENED, 1);
}

struct look {
	struct deliver *d;
	int64_t op;
};

static struct doubt *find(struct deliver *d, int64_t op)
{
	struct doubt *x = d->doubts;

	while (x && x->op != op)
		x = x->next;
	return x;
}

static int settle_look(struct deliver *d, struct doubt *x,
		       const struct sf_result *r)
{
	struct verdict_writes v = { 0 };
	int64_t now = clock_wall_ms();
	bool there = false;
	int rc = load_op(&v, d, x);

	if (rc)
		return rc;
	v.op.not_before_ms = now;
	if (r->outcome == SF_REFUSED) {
		set_state(&v, op_may_fail(&v.op) ? OP_DONE : OP_DEAD,
			  "its incident is gone", now);
	} else {
		there = carried_out(r->body, &v.op);
		v.op.searches += !there;
		set_state(&v, there ? OP_DONE : OP_READY,
			  there ? "read back" : "read back, and not there",
			  now);
	}
	rc = commit(&v, d, x, x->remote, now);
	if (!rc && there)
		count_found(d->agent->metrics, x->kind);
	if (!rc)
		say(x, there ? "read back" : "not there: to be sent again",
		    x->remote);
	return rc;
}

static void looked(const struct sf_result *r, void *arg)
{
	struct look *l = arg;
	struct deliver *d = l->d;
	struct doubt *x = find(d, l->op);
	int rc;

	free(l);
	deliver_result(d, r);
	if (!x)
		return;
	x->looking = false;
	if (r->outcome != SF_OK && r->outcome != SF_REFUSED) {
		x->next_ms = clock_wall_ms() + 200 +
			     (int64_t)random_below(3000);
		return;
	}
	rc = settle_look(d, x, r);
	if (rc && rc != -ENOENT && rc != -ESTALE)
		x->next_ms = clock_wall_ms() + 1000;
	else
		doubt_remove(d, x);
	d->due_ms = 0;
}

static int start_look(struct deliver *d, struct doubt *x)
{
	struct look *l = malloc(sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	*l = (struct look){ d, x->op };
	rc = sf_incident_get(d->sf, x->remote, looked, l);
	if (rc) {
		free(l);
		return rc;
	}
	d->last_try_ms = clock_mono_ms();
	x->looking = true;
	return 0;
}

/* Doing it twice is the same as once: no look is needed. */
static int again(struct deliver *d, struct doubt *x)
{
	struct verdict_writes v = { 0 };
	int rc = load_op(&v, d, x);

	if (!rc) {
		v.op.not_before_ms = clock_wall_ms();
		set_state(&v, OP_READY, "its outcome is not known", 0);
		rc = store_commit(d->agent->store, v.writes, v.n);
	}
	d->due_ms = 0;
	return rc;
}

/*
 * Of an incident whose create is in doubt itself there is nothing to read yet;
 * of one that never was there never will be: what waits behind the create may
 * be owed again.
 */
static bool has_remote(struct deliver *d, struct doubt *x, int64_t now_ms)
{
	struct incident i = { 0 };
	int rc;

	if (x->remote.n || !x->incident)
		return true;
	rc = store_incident_by_id(&i, d->reader, x->incident, x->arena);
	x->remote = rc > 0 ? i.remote : STR_NONE;
	if (!x->remote.n && rc > 0 && i.state == INCIDENT_FAILED &&
	    !again(d, x)) {
		doubt_remove(d, x);
		return false;
	}
	if (!x->remote.n)
		x->next_ms = now_ms + REMOTE_MS;
	return x->remote.n > 0;
}

void doubts_look(struct deliver *d, int64_t now_ms)
{
	struct doubt *x, *next;

	if (d->doubts_left && !d->doubts)
		(void)doubts_load(d);
	for (x = d->doubts; x; x = next) {
		next = x->next;
		if (x->looking || x->next_ms > now_ms ||
		    x->kind == OP_CREATE || x->kind == OP_AUDIT)
			continue;
		if (x->kind == OP_CONFIRM || x->kind == OP_FALLBACK) {
			if (!again(d, x))
				doubt_remove(d, x);
			continue;
		}
		if (!has_remote(d, x, now_ms))
			continue;
		if (deliver_room(d, clock_mono_ms()) ||
		    start_look(d, x) == -EAGAIN)
			return;
	}
}
