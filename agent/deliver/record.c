#include "agent/deliver/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/audit.h"
#include "agent/log.h"
#include "agent/watch.h"
#include "base/clock.h"
#include "base/random.h"

#define WRITES_MAX 256
#define RECORD_MAX 16			/* writes for one */
#define TOGETHER (WRITES_MAX / RECORD_MAX)
#define BEGIN_MAX 64
/* Holds whose end isn't known are looked at again within this. */
#define LOOK_AGAIN_MS 60000
#define BACKOFF_MS 500
/* Low, so that recovery shows within ten seconds; the breaker and the re-send
 * budget keep the load of many operations down meanwhile. */
#define BACKOFF_MAX_MS 8000

/* Full jitter: uniform in (0, min(cap, base * 2^attempts)]. */
static int64_t backoff_ms(unsigned attempts)
{
	int64_t top = BACKOFF_MS << (attempts < 5 ? attempts : 5);

	if (top > BACKOFF_MAX_MS)
		top = BACKOFF_MAX_MS;
	return 1 + (int64_t)random_below((uint64_t)top);
}

/* IN FLIGHT, once what this returns is committed. */
static struct store_write prepare(struct op *op, int64_t now_ms)
{
	op->state = OP_IN_FLIGHT;
	op->held = false;
	op->attempts++;
	op->sent_ms = now_ms;
	return (struct store_write){
		.kind = WRITE_OP_STATE,
		.op = op,
		.expect = OP_READY,
	};
}

/* What triage merged into a note until it was in flight counts too. */
static int read_again(struct task *t)
{
	struct op now;
	int rc = store_op(&now, t->d->reader, t->op.id, t->arena);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	if (t->op.kind != OP_FILL)	/* less of it may be left to send */
		t->op.body = now.body;
	t->op.events = now.events;
	t->op.count = now.count;
	t->op.marker = now.marker;
	t->phase = PHASE_SEND;
	return 0;
}

static void drop_task(struct deliver *d, struct task *gone)
{
	struct task **at = &d->tasks;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	d->task_count--;
	d->gathered -= gone->gathered_ms != 0;
	task_free(gone);
}

struct record {
	struct deliver *d;
	struct store_write writes[RECORD_MAX];
	size_t n;
	struct op audits[2];
	struct change change;
	struct incident incident;
	struct store_audit ended;	/* at_ms 0: it isn't at its end */
	int64_t now_ms;
};

static struct store_write *add(struct record *r, enum store_write_kind kind)
{
	struct store_write *w = &r->writes[r->n++];

	*w = (struct store_write){ .kind = kind };
	return w;
}

static void add_state(struct record *r, struct task *t, enum op_state state,
		      enum op_state expect)
{
	struct store_write *w = add(r, WRITE_OP_STATE);

	t->op.state = state;
	t->op.status = t->status;
	t->op.problem = t->problem;
	if (state == OP_DONE || state == OP_DEAD)
		t->op.done_ms = r->now_ms;
	w->op = &t->op;
	w->expect = expect;
}

struct op audit_op(struct arena *arena, struct str remote, struct str marker,
		   int64_t incident, int64_t now_ms, int64_t after_ms)
{
	return (struct op){
		.kind = OP_AUDIT,
		.state = OP_READY,
		.priority = 4,
		.held = true,
		.created_ms = now_ms,
		.not_before_ms = now_ms + after_ms,
		.target = remote,
		.body = arena_printf(arena, "%lld", (long long)incident),
		.marker = marker,
	};
}

/* A create that was sent again after a search in vain may have a twin that
 * shows late. */
static void add_audits(struct record *r, struct task *t)
{
	const int64_t after[] = { t->d->conf->stackflow.settle_ms,
				  AUDIT_LATE_MS };

	for (int i = 0; i < 2; i++) {
		r->audits[i] = audit_op(t->arena, t->remote, t->op.marker,
					t->op.incident, r->now_ms, after[i]);
		add(r, WRITE_OP)->op = &r->audits[i];
	}
}

/* What is held behind an incident that is no more open ends with it. */
static void look_again(struct record *r)
{
	struct store_write *w;

	if (!r->incident.context.n)
		return;
	w = add(r, WRITE_LOOK_AGAIN);
	w->from = r->now_ms;
	w->until_ms = r->now_ms + LOOK_AGAIN_MS;
}

/*
 * A person ended the incident before our resolve did: what fires next goes by
 * closed_by_person, of which `leave` has ended with this OK.
 */
static void record_closed(struct record *r, struct task *t)
{
	r->incident = t->incident;
	r->incident.state = INCIDENT_CLOSED;
	if (r->incident.still_firing == STILL_LEAVE)
		r->incident.still_firing = STILL_NEW;
	add(r, WRITE_INCIDENT)->incident = &r->incident;
	look_again(r);
}

static void record_done(struct record *r, struct task *t)
{
	enum op_state from = t->result == RESULT_NOT_NEEDED ? OP_READY :
							      OP_IN_FLIGHT;

	add_state(r, t, OP_DONE, from);
	if (t->op.kind == OP_CREATE) {
		r->incident = t->incident;
		r->incident.remote = t->remote;
		add(r, WRITE_REMOTE)->incident = &r->incident;
		if (t->op.searches > 0)
			add_audits(r, t);
	}
	if (t->op.kind == OP_RESOLVE && t->result == RESULT_NOT_NEEDED &&
	    t->op.sent_ms == 0 && t->incident.state == INCIDENT_RESOLVED)
		record_closed(r, t);
	if (t->op.kind == OP_CONFIRM) {
		/* The token has served; it needn't lie in the store. */
		t->op.body = STR("");
		r->writes[r->n - 1].kind = WRITE_OP;
	}
}

static void record_later(struct record *r, struct task *t)
{
	enum op_state from = t->op.state;

	t->op.held = false;	/* its budget let it go: from here on it's owed */
	t->op.not_before_ms = r->now_ms + backoff_ms(t->op.attempts);
	if (t->retry_after_ms > 0)
		t->op.not_before_ms = r->now_ms + t->retry_after_ms;
	if (from == OP_READY)		/* the GET before it failed */
		t->op.attempts++;
	add_state(r, t, OP_READY, from);
}

static void record_dead(struct record *r, struct task *t)
{
	add_state(r, t, OP_DEAD, t->op.state);
	if (t->op.kind == OP_CREATE) {
		r->incident = t->incident;
		r->incident.state = INCIDENT_FAILED;
		add(r, WRITE_INCIDENT)->incident = &r->incident;
		look_again(r);
	}
}

static void record_doubt(struct record *r, struct task *t)
{
	t->op.searched_ms = 0;
	t->op.doubt_ms = r->now_ms;
	t->op.not_before_ms = r->now_ms + t->d->conf->stackflow.settle_ms;
	add_state(r, t, OP_IN_DOUBT, OP_IN_FLIGHT);
}

/*
 * The first sweep of a new store saw this alarm's incident, still open: it is
 * taken over, and told that its alarm was heard again.
 */
static void record_adopted(struct record *r, struct task *t)
{
	struct store_write *w;

	r->incident = t->incident;
	r->incident.remote = t->remote;
	add(r, WRITE_REMOTE)->incident = &r->incident;
	/* In the create's own place: what waits behind it stays there. */
	t->op.kind = OP_NOTE;
	t->op.state = OP_READY;
	t->op.attempts = t->op.searches = 0;
	t->op.not_before_ms = r->now_ms;
	t->op.body = STR("The alarm was received again; this incident is "
			 "tracked by a new journal from now on.");
	t->op.marker = STR("alarm");
	w = add(r, WRITE_OP);
	w->op = &t->op;
	w->expect = OP_READY;
}

/* A person closed the incident: a new one takes over what goes on. */
static int record_successor(struct record *r, struct task *t)
{
	struct buf marker = BUF_INIT(128);
	struct incident *old = &r->incident;
	struct store_write *w;
	int rc;

	keys_marker(&marker, &t->d->agent->keys, t->incident.key);
	rc = incident_succeed(&r->change, t->arena, &t->incident, &t->op,
			      &t->view, arena_str(t->arena, buf_str(&marker)),
			      r->now_ms);
	buf_fini(&marker);
	if (rc)
		return rc;
	*old = t->incident;
	old->state = INCIDENT_CLOSED;
	add(r, WRITE_INCIDENT)->incident = old;
	add(r, WRITE_INCIDENT)->incident = &r->change.incident;
	t->problem = STR("closed by a person; told in a new incident");
	add_state(r, t, OP_DONE, OP_READY);
	w = add(r, WRITE_OP);
	w->op = &r->change.ops[0];
	w->incident = &r->change.incident;
	w = add(r, WRITE_MOVE);
	w->from = old->id;
	w->incident = &r->change.incident;
	return 0;
}

int lane_release(struct op *tail, struct deliver *d, int64_t incident,
		 struct arena *arena, int64_t now_ms)
{
	int rc = store_lane_tail(tail, d->reader, incident, arena);

	if (rc <= 0 || tail->kind != OP_NOTE || tail->state != OP_READY ||
	    !tail->held)
		return rc < 0 ? rc : 0;
	tail->held = false;
	tail->not_before_ms = now_ms;
	return 1;
}

static int release_tail(struct record *r, struct task *t)
{
	struct op *tail = arena_alloc(t->arena, sizeof(*tail));
	struct store_write *w;
	int rc;

	if (!tail)
		return -ENOMEM;
	rc = lane_release(tail, t->d, t->incident.id, t->arena, r->now_ms);
	if (rc <= 0)
		return rc;
	w = add(r, WRITE_OP_STATE);
	w->op = tail;
	w->expect = OP_READY;
	return 0;
}

/* Whom nobody has acknowledged: what follows goes into its lane. */
static int record_escalated(struct record *r, struct task *t)
{
	struct change *c = &r->change;
	int rc = incident_escalate(c, t->arena, &t->incident, &t->op,
				   t->viewed ? &t->view : NULL, r->now_ms);

	if (rc)
		return rc;
	t->problem = arena_str(t->arena, str_from(c->because));
	add_state(r, t, OP_DONE, OP_READY);
	if (c->op_count) {
		rc = release_tail(r, t);
		if (rc)
			return rc;
	}
	if (c->incident_changed)
		add(r, WRITE_INCIDENT)->incident = &c->incident;
	for (size_t i = 0; i < c->op_count; i++)
		add(r, WRITE_OP)->op = &c->ops[i];
	return 0;
}

/* For people: what became of it, in the transaction that says so. */
static int add_ended(struct record *r, struct task *t)
{
	static const char *const outcomes[] = {
		[RESULT_DONE] = "done",
		[RESULT_DEAD] = "dead",
		[RESULT_SUCCESSOR] = "told in a new incident",
		[RESULT_NOT_NEEDED] = "not needed",
		[RESULT_ADOPTED] = "adopted",
		[RESULT_ESCALATED] = "escalated",
		[RESULT_DECLINED] = "declined",
	};
	const char *outcome = outcomes[t->result];
	struct op op = t->op;
	int rc;

	if (!outcome)
		return 0;
	if (t->result == RESULT_ADOPTED)	/* it is a note from here on */
		op.kind = OP_CREATE;
	rc = audit_ended(&r->ended, t->arena, &op,
			 t->remote.n ? t->remote : t->incident.remote,
			 outcome, t->view.state.n ? &t->view : NULL,
			 r->now_ms);
	add(r, WRITE_AUDIT)->audit = &r->ended;
	return rc;
}

static int build(struct record *r, struct task *t)
{
	switch (t->result) {
	case RESULT_DONE:
	case RESULT_NOT_NEEDED:
		record_done(r, t);
		return 0;
	case RESULT_LATER:
		record_later(r, t);
		return 0;
	case RESULT_DEAD:
		record_dead(r, t);
		return 0;
	case RESULT_DOUBT:
		record_doubt(r, t);
		return 0;
	case RESULT_SUCCESSOR:
		if (t->incident.state != INCIDENT_CLOSED)
			return record_successor(r, t);
		/* Somebody ended it here meanwhile: nothing goes on. */
		t->result = RESULT_NOT_NEEDED;
		record_done(r, t);
		return 0;
	case RESULT_ADOPTED:
		record_adopted(r, t);
		return 0;
	case RESULT_ESCALATED:
		return record_escalated(r, t);
	case RESULT_DECLINED:
		add_state(r, t, OP_DONE, t->op.state);
		return 0;
	}
	return -EINVAL;
}

static void count_done(struct metrics *m, const struct op *op)
{
	switch (op->kind) {
	case OP_CREATE:
		metrics_add(m, METRIC_INCIDENTS_CREATED, 1);
		break;
	case OP_NOTE:
		metrics_add(m, METRIC_NOTES_APPENDED, 1);
		break;
	case OP_RESOLVE:
		metrics_add(m, METRIC_INCIDENTS_RESOLVED, 1);
		break;
	case OP_REOPEN:
		metrics_add(m, METRIC_INCIDENTS_REOPENED, 1);
		break;
	case OP_CONFIRM:
		metrics_add(m, METRIC_CONFIRMATIONS, 1);
		break;
	case OP_FALLBACK:
		metrics_add(m, METRIC_FALLBACKS, 1);
		break;
	case OP_RAISE:
	case OP_MERGE:
	case OP_AUDIT:
	case OP_REJECTED:
	case OP_ESCALATE:
	case OP_ENRICH:
	case OP_FILL:
		break;
	}
}

static void tell(const struct task *t)
{
	static const char *const said[] = {
		[RESULT_DONE] = "done",
		[RESULT_LATER] = "postponed",
		[RESULT_DEAD] = "dead letter",
		[RESULT_DOUBT] = "in doubt",
		[RESULT_SUCCESSOR] = "closed by a person, opening anew",
		[RESULT_NOT_NEEDED] = "not needed",
		[RESULT_ADOPTED] = "adopted",
		[RESULT_ESCALATED] = "escalation",
		[RESULT_DECLINED] = "declined",
	};
	struct metrics *m = t->d->agent->metrics;
	enum conf_log_level level = CONF_LOG_INFO;

	if (t->result == RESULT_DONE)
		count_done(m, &t->op);
	if (t->result == RESULT_DONE && t->op.kind == OP_CONFIRM)
		watch_topic_back(t->d->agent, t->op.target);
	if (t->result == RESULT_DEAD)
		metrics_add(m, METRIC_OPS_DEAD, 1);
	if (t->result == RESULT_ADOPTED)
		metrics_add(m, METRIC_INCIDENTS_ADOPTED, 1);
	if (t->result == RESULT_DEAD)
		level = CONF_LOG_ERROR;
	else if (t->result == RESULT_DOUBT || t->result == RESULT_LATER)
		level = CONF_LOG_WARNING;
	else if (t->result == RESULT_DONE)	/* its audit record says so */
		level = CONF_LOG_DEBUG;
	log_write(level, said[t->result],
		  (const struct log_field[]){
			  LFN("op", t->op.id),
			  LFC("kind", op_kind_name(t->op.kind)),
			  LF("incident", t->remote.n ? t->remote :
							t->incident.remote),
			  LFN("attempts", t->op.attempts),
			  LFN("status", t->status),
			  LF("problem", t->problem.p ? t->problem : STR("")) },
		  6);
}

static void count_escalation(const struct deliver *d, const struct record *r,
			     const struct task *t)
{
	if (t->result == RESULT_ESCALATED && r->change.op_count)
		metrics_add(d->agent->metrics, METRIC_ESCALATIONS, 1);
}

/* What recording changes of an op before it is known to be committed. */
struct was {
	enum op_state state;
	unsigned attempts;
};

struct entry {
	struct task *task;
	struct record record;
	struct was was;
	int result;
};

static int build_anew(struct entry *e)
{
	struct task *t = e->task;
	int rc;

	e->was = (struct was){ t->op.state, t->op.attempts };
	e->record = (struct record){ .d = t->d, .now_ms = clock_wall_ms() };
	rc = build(&e->record, t);
	return rc ? rc : add_ended(&e->record, t);
}

static void take_back(struct entry *e)
{
	e->task->op.state = e->was.state;
	e->task->op.attempts = e->was.attempts;
}

static int record_one(struct entry *e)
{
	struct task *t = e->task;
	struct deliver *d = t->d;
	int rc = -ESTALE;

	/* Triage may have changed the incident since it was read. */
	for (int tries = 0; rc == -ESTALE && tries < 10; tries++) {
		if (tries && store_incident_by_id(&t->incident, d->reader,
						  t->op.incident,
						  t->arena) < 0)
			break;
		rc = build_anew(e);
		if (!rc)
			rc = store_commit(d->agent->store, e->record.writes,
					  e->record.n);
		if (rc)
			take_back(e);
	}
	return rc;
}

/* Those that go into one transaction: they are of as many incidents. */
struct together {
	struct entry ended[TOGETHER];
	size_t ended_count;
	struct task *begun[BEGIN_MAX];
	struct op ready[BEGIN_MAX];	/* as begun's were before */
	size_t begun_count;
	struct store_write writes[WRITES_MAX + BEGIN_MAX];
};

static int commit_all(struct together *g, struct store *store)
{
	int64_t now_ms = clock_wall_ms();
	size_t count = 0, built = 0;
	int rc = 0;

	while (built < g->ended_count && !rc) {
		struct record *r = &g->ended[built].record;

		rc = build_anew(&g->ended[built++]);
		memcpy(g->writes + count, r->writes, r->n * sizeof(*r->writes));
		count += r->n;
	}
	for (size_t i = 0; i < g->begun_count; i++) {
		g->ready[i] = g->begun[i]->op;
		g->writes[count++] = prepare(&g->begun[i]->op, now_ms);
	}
	if (!rc)
		rc = store_commit(store, g->writes, count);
	for (size_t i = 0; rc && i < built; i++)
		take_back(&g->ended[i]);
	for (size_t i = 0; rc && i < g->begun_count; i++)
		g->begun[i]->op = g->ready[i];
	return rc;
}

/* Committed, or, by -ESTALE, taken back or moved meanwhile: the store is
 * right. */
static int leave(struct deliver *d, struct entry *e)
{
	struct task *t = e->task;
	int rc = 0;

	if (!e->result) {
		count_escalation(d, &e->record, t);
		if (e->record.ended.at_ms)
			audit_log(&e->record.ended);
		tell(t);
		if (t->result == RESULT_DOUBT)
			rc = doubt_add(d, &t->op, clock_wall_ms());
	}
	if (!rc)
		drop_task(d, t);
	return rc;
}

static void gather(struct together *g, const struct deliver *d, bool begin)
{
	g->ended_count = g->begun_count = 0;
	for (struct task *t = d->tasks; t; t = t->next) {
		if (t->phase == PHASE_RECORD && g->ended_count < TOGETHER)
			g->ended[g->ended_count++] = (struct entry){
				.task = t };
		if (begin && t->phase == PHASE_BEGIN &&
		    g->begun_count < BEGIN_MAX)
			g->begun[g->begun_count++] = t;
	}
}

/* One of them lost a race, or can't be written: it ends no other. */
static int commit_each(struct together *g, struct store *store)
{
	int64_t now_ms = clock_wall_ms();

	for (size_t i = 0; i < g->ended_count; i++)
		g->ended[i].result = record_one(&g->ended[i]);
	for (size_t i = 0; i < g->begun_count; i++) {
		struct task *t = g->begun[i];
		struct store_write w = prepare(&t->op, now_ms);
		int rc = store_commit(store, &w, 1);

		if (rc == -ESTALE || rc == -ENOENT) {	/* taken back */
			drop_task(t->d, t);
			g->begun[i] = NULL;
		} else if (rc) {
			t->op = g->ready[i];
			g->begun_count = i;
			return rc;
		}
	}
	return 0;
}

/* What follows from the commit; the first that can't be done is told. */
static int take_leave(struct together *g, struct deliver *d)
{
	int rc = 0;

	for (size_t i = 0; i < g->ended_count; i++) {
		int one = g->ended[i].result;

		if (!one || one == -ESTALE)
			one = leave(d, &g->ended[i]);
		if (one)
			rc = one;
	}
	for (size_t i = 0; i < g->begun_count; i++) {
		int one = g->begun[i] ? read_again(g->begun[i]) : 0;

		if (one == -ENOENT)
			drop_task(d, g->begun[i]);
		else if (one)
			rc = one;
	}
	if (g->ended_count)
		d->due_ms = 0;
	return rc;
}

int tasks_commit(struct deliver *d, bool begin)
{
	struct together *g = malloc(sizeof(*g));
	int rc = g ? 0 : -ENOMEM, each = 0;

	while (!rc) {
		gather(g, d, begin);
		if (!g->ended_count && !g->begun_count)
			break;
		rc = commit_all(g, d->agent->store);
		if (rc == -ESTALE || rc == -EEXIST || rc == -ENOENT)
			rc = 0, each = commit_each(g, d->agent->store);
		if (!rc)
			rc = take_leave(g, d);
		if (!rc)
			rc = each;
	}
	free(g);
	return rc;
}
