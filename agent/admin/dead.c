#include "agent/admin/api.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/audit.h"
#include "agent/intake/queues.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"

#define ROWS 500
#define ARENA_MAX (64 << 20)
#define BYTES_SHOWN (16 << 10)	/* of a message; its event has them all */

/* A message that was refused stays with its event. */
static struct str body_of(const struct op *op, struct store_reader *reader,
			  struct arena *arena)
{
	struct event e;

	if (op->kind == OP_CONFIRM)	/* a token */
		return STR_NONE;
	if (op->kind != OP_REJECTED)
		return op->body;
	if (store_event(&e, reader, op->events, arena) <= 0 || !e.payload.p)
		return STR_NONE;
	return utf8_cut(e.payload, BYTES_SHOWN);
}

static void put_op(struct jsonw *w, const struct op *op, struct str body)
{
	jsonw_object(w);
	jsonw_kint(w, "id", op->id);
	jsonw_kcstr(w, "kind", op_kind_name(op->kind));
	jsonw_kint(w, "incident_id", op->incident);
	jsonw_kstr(w, "target", op->target.n ? op->target : STR_NONE);
	jsonw_kint(w, "priority", op->priority);
	jsonw_kint(w, "attempts", op->attempts);
	jsonw_ktime(w, "created_at", op->created_ms);
	jsonw_ktime(w, "sent_at", op->sent_ms);
	jsonw_kint(w, "status", op->status);
	jsonw_kstr(w, "problem", op->problem);
	jsonw_kstr(w, "events", op->events);
	jsonw_kstr(w, "body", body);
	jsonw_end_object(w);
}

void api_dead(struct agent *a, const struct web_request *req, struct str arg,
	      struct api_answer *r)
{
	const struct store_page page = { .limit = ROWS };
	struct arena *arena = arena_new(ARENA_MAX);
	struct arena *scratch = arena_new(ARENA_MAX);
	struct jsonw w = JSONW(&r->out);
	struct store_reader *reader = NULL;
	struct op *list = NULL;
	int n = -EIO;

	(void)req;
	(void)arg;
	if (arena && scratch)
		list = arena_array(arena, ROWS, sizeof(*list));
	if (list && !store_reader_open(&reader, a->store, NULL))
		n = store_list_ops(list, reader, OP_DEAD, &page, arena);
	jsonw_object(&w);
	jsonw_key(&w, "dead");
	jsonw_array(&w);
	for (int i = 0; i < n; i++) {
		put_op(&w, &list[i], body_of(&list[i], reader, scratch));
		arena_reset(scratch);
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
	if (n < 0)
		api_error(r, 503, "the store can't be read now");
	store_reader_close(reader);
	arena_free(scratch);
	arena_free(arena);
}

/* What a dead create's incident becomes: cleared meanwhile, it is resolved by
 * what waits behind the create. */
static int revive(struct store_write *w, struct incident *i,
		  struct store_reader *reader, const struct op *op,
		  bool retry, struct arena *arena)
{
	int rc;

	if (op->kind != OP_CREATE)
		return 0;
	rc = store_incident_by_id(i, reader, op->incident, arena);
	if (rc <= 0)
		return rc < 0 ? rc : 0;
	if (i->state != INCIDENT_FAILED)
		return 0;
	if (!retry)
		i->state = INCIDENT_CLOSED;
	else
		i->state = i->resolved_ms ? INCIDENT_RESOLVED : INCIDENT_OPEN;
	*w = (struct store_write){ .kind = WRITE_INCIDENT, .incident = i };
	return 1;
}

/* A dropped create's last note may wait for a change that never comes. */
static int release(struct store_write *w, struct op *note,
		   struct store_reader *reader, const struct op *op,
		   struct arena *arena)
{
	int rc;

	if (op->kind != OP_CREATE)
		return 0;
	rc = store_lane_tail(note, reader, op->incident, arena);
	if (rc <= 0 || !note->held)
		return rc < 0 ? rc : 0;
	note->held = false;
	note->not_before_ms = op->not_before_ms;
	*w = (struct store_write){ .kind = WRITE_OP_STATE, .op = note,
				   .expect = OP_READY };
	return 1;
}

/* What is written of it: who, what it was, and why it had died. */
static int describe(struct store_audit *out, const struct op *op, bool retry,
		    struct str who, struct arena *arena)
{
	struct buf details = BUF_INIT(8192);
	struct jsonw w = JSONW(&details);
	struct audit_entry e = {
		.action = retry ? "dead.retry" : "dead.drop",
		.resource_type = "dead",
		.resource_id = arena_printf(arena, "%lld", (long long)op->id),
		.who = who,
	};

	jsonw_object(&w);
	jsonw_kcstr(&w, "kind", op_kind_name(op->kind));
	jsonw_kstr(&w, "target", op->target.n ? op->target : STR_NONE);
	jsonw_kstr(&w, "events", utf8_cut(op->events, 2048));
	jsonw_kint(&w, "status", op->status);
	jsonw_kstr(&w, "problem", utf8_cut(op->problem, 300));
	jsonw_end_object(&w);
	e.details = arena_str(arena, buf_str(&details));
	buf_fini(&details);
	audit_row(out, &e, clock_wall_ms());
	return arena_error(arena);
}

static int change(struct agent *a, struct store_reader *reader, struct op *op,
		  bool retry, struct str who, struct arena *arena)
{
	struct store_write writes[4];
	struct incident incident;
	struct store_audit row;
	struct op note;
	int more, last = 0, rc = describe(&row, op, retry, who, arena);

	if (rc)
		return rc;
	if (!retry)
		op->done_ms = row.at_ms;
	if (!retry)
		op->problem = arena_printf(arena,
					   "dropped by an operator; %.*s",
					   STR_ARG(op->problem));
	writes[0] = (struct store_write){ .kind = WRITE_OP_STATE, .op = op,
					  .expect = OP_DEAD };
	more = revive(&writes[1], &incident, reader, op, retry, arena);
	if (more >= 0 && !retry)
		last = release(&writes[1 + more], &note, reader, op, arena);
	if (more < 0 || last < 0)
		return more < 0 ? more : last;
	writes[1 + more + last] = (struct store_write){ .kind = WRITE_AUDIT,
							.audit = &row };
	rc = store_commit(a->store, writes, 2 + (size_t)more + (size_t)last);
	if (!rc)
		audit_log(&row);
	return rc;
}

/* ---- a message that was refused: judged once more ---- */

/* In the meantime others are answered: a certificate may have to be had. */
struct again {
	struct agent *agent;
	struct arena *arena;	/* holds the strings of the two below */
	struct op op;
	struct event event;
	struct store_write writes[2];
	struct store_audit row;
	struct store_batch batch;
	struct api_answer answer;
};

static void tell(struct api_answer *r, int64_t id, bool retry, int rc)
{
	if (rc == 0)
		buf_printf(&r->out, "{\"id\":%lld,\"done\":\"%s\"}\n",
			   (long long)id, retry ? "retry" : "drop");
	else if (rc == -ESTALE)
		api_error(r, 404, "no dead letter of this id");
	else
		api_error(r, 503, "the store can't do it now");
}

static void again_end(struct again *g)
{
	api_send(&g->answer);
	arena_free(g->arena);
	free(g);
}

/* In the writer's thread. */
static void committed(int result, void *arg)
{
	struct again *g = arg;

	if (!result)
		audit_log(&g->row);
	tell(&g->answer, g->op.id, true, result);
	again_end(g);
}

static void judged(int result, const char *why, void *arg)
{
	struct again *g = arg;

	if (result) {
		api_error(&g->answer, result == -EINVAL ? 422 : 503, why);
		again_end(g);
		return;
	}
	g->op.state = OP_DONE;
	g->op.done_ms = g->row.at_ms = clock_wall_ms();
	g->writes[0] = (struct store_write){ .kind = WRITE_OP_STATE,
					     .op = &g->op,
					     .expect = OP_DEAD };
	g->writes[1] = (struct store_write){ .kind = WRITE_AUDIT,
					     .audit = &g->row };
	g->batch = (struct store_batch){ .writes = g->writes, .count = 2,
					 .done = committed, .arg = g };
	store_submit(g->agent->store, &g->batch);
}

/* Takes arena, where it parks the answer. */
static bool judge_again(struct agent *a, const struct op *op, struct str who,
			struct store_reader *reader, struct arena *arena,
			struct api_answer *r)
{
	struct again *g = calloc(1, sizeof(*g));
	int rc = g ? store_event(&g->event, reader, op->events, arena) :
		     -ENOMEM;

	if (rc > 0 && describe(&g->row, op, true, who, arena))
		rc = -ENOMEM;
	if (rc < 0)
		api_error(r, 503, "the store can't do it now");
	else if (rc == 0 || !g->event.payload.p)
		api_error(r, 422, "its bytes have expired (store.retain): "
				  "only drop is left");
	if (rc <= 0 || !g->event.payload.p) {
		free(g);
		return false;
	}
	g->agent = a;
	g->arena = arena;
	g->op = *op;
	api_answer_init(&g->answer, r->x);
	r->parked = true;
	queues_judge_again(a, op->target, &g->event, judged, g);
	return true;
}

/* 1 and *op, a dead letter; 0: there is none of this id; negative. */
static int find(struct op *op, struct store_reader *reader, struct str id,
		struct arena *arena)
{
	int64_t n;
	int rc = 0;

	if (!str_to_i64(&n, id))
		rc = store_op(op, reader, n, arena);
	if (rc > 0 && op->state != OP_DEAD)
		rc = 0;
	return rc;
}

static void act(struct agent *a, const struct web_request *req, struct str id,
		bool retry, struct api_answer *r)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct store_reader *reader = NULL;
	struct op op = { 0 };
	struct str who = arena ? audit_asker(req, arena) : STR_NONE;
	int rc = arena ? store_reader_open(&reader, a->store, NULL) : -ENOMEM;

	if (!rc)
		rc = find(&op, reader, id, arena);
	if (rc <= 0) {
		tell(r, 0, retry, rc ? rc : -ESTALE);
	} else {
		op.state = retry ? OP_READY : OP_DONE;
		op.not_before_ms = clock_wall_ms();
		op.attempts = 0;
		if (!retry || op.kind != OP_REJECTED)
			tell(r, op.id, retry,
			     change(a, reader, &op, retry, who, arena));
		else if (judge_again(a, &op, who, reader, arena, r))
			arena = NULL;
	}
	store_reader_close(reader);
	arena_free(arena);
}

void api_dead_retry(struct agent *a, const struct web_request *req,
		    struct str arg, struct api_answer *r)
{
	act(a, req, arg, true, r);
}

void api_dead_drop(struct agent *a, const struct web_request *req,
		   struct str arg, struct api_answer *r)
{
	act(a, req, arg, false, r);
}
