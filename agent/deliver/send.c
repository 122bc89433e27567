#include "agent/deliver/internal.h"

#include <errno.h>

#include "aws/sns.h"
#include "base/clock.h"
#include "doc/json.h"
#include "incident/enrich.h"

#define VIEWS_MAX 3

static void end(struct task *t, enum result result)
{
	t->phase = PHASE_RECORD;
	t->result = result;
}

static void keep_answer(struct task *t, const struct sf_result *r)
{
	t->status = r->status;
	t->retry_after_ms = r->retry_after_ms;
	t->problem = r->outcome == SF_OK ? STR_NONE :
		arena_str(t->arena, str_from(r->problem));
}

/* Sent again is only what may have been carried out twice by now. */
static void account(struct task *t, const struct sf_result *r)
{
	if (r->outcome == SF_NOT_EXECUTED)
		return;
	if (t->spends)
		metrics_add(t->d->agent->metrics, METRIC_OPS_RESENT, 1);
	else
		t->d->resend += 0.1;
	t->spends = false;
}

static void write_ended(struct task *t, const struct sf_result *r)
{
	deliver_result(t->d, r);
	keep_answer(t, r);
	switch (r->outcome) {
	case SF_OK:
		if (t->op.kind == OP_CREATE)
			t->remote = arena_str(t->arena, r->id);
		end(t, RESULT_DONE);
		return;
	case SF_NOT_EXECUTED:
		end(t, RESULT_LATER);
		return;
	case SF_REFUSED:
		end(t, op_may_fail(&t->op) ? RESULT_DECLINED : RESULT_DEAD);
		return;
	case SF_UNKNOWN:
		end(t, RESULT_DOUBT);
		return;
	}
}

/* A write ended: what that means for its operation. */
static void write_done(const struct sf_result *r, void *arg)
{
	account(arg, r);
	write_ended(arg, r);
}

/* Some instances tell a person as an object; anybody is somebody. */
static struct str assigned(const struct json *body)
{
	const struct json *v = json_get(body, "assigned_to");
	struct str name = json_get_str(body, "assigned_to");

	return json_is(v, JSON_OBJECT) || json_is(v, JSON_NUMBER) ?
		       STR("somebody") : name;
}

static void read_view(struct task *t, const struct json *body)
{
	struct str priority = json_get_str(body, "priority");

	t->view.assigned_to = arena_str(t->arena, assigned(body));
	t->view.state = arena_str(t->arena, json_get_str(body, "state"));
	t->view.category = arena_str(t->arena, json_get_str(body, "category"));
	t->view.subcategory =
		arena_str(t->arena, json_get_str(body, "subcategory"));
	t->view.assignment_group =
		arena_str(t->arena, json_get_str(body, "assignment_group"));
	t->view.priority = priority.n == 2 && priority.p[0] == 'P' &&
			   priority.p[1] >= '1' && priority.p[1] <= '4' ?
				   priority.p[1] - '0' : 0;
}

/*
 * A create's incident may have been seen by the first sweep of a new store:
 * is this it, still open?
 */
static void viewed_known(struct task *t, const struct sf_result *r)
{
	unsigned incarnation;
	struct str base, state = json_get_str(r->body, "state");

	if (r->outcome != SF_OK && r->outcome != SF_REFUSED) {
		end(t, RESULT_LATER);
		return;
	}
	if (r->outcome == SF_OK &&
	    incident_marker_split(t->op.marker, &base, &incarnation) &&
	    incident_marker_in(json_get_str(r->body, "description"), base,
			       &incarnation) &&
	    (str_is(state, "new") || str_is(state, "in_progress"))) {
		t->remote = t->known[t->known_count - 1];
		t->problem = STR("found in StackFlow by its marker");
		end(t, RESULT_ADOPTED);
		return;
	}
	t->problem = STR_NONE;
	t->phase = --t->known_count ? PHASE_VIEW : PHASE_BEGIN;
}

/* Has anybody acknowledged it? What can't be read again and again hasn't. */
static void viewed_escalation(struct task *t, const struct sf_result *r)
{
	if (r->outcome != SF_OK && r->outcome != SF_REFUSED &&
	    t->op.attempts < VIEWS_MAX) {
		end(t, RESULT_LATER);
		return;
	}
	t->viewed = r->outcome == SF_OK;
	if (t->viewed)
		read_view(t, r->body);
	end(t, RESULT_ESCALATED);
}

static void not_needed(struct task *t)
{
	t->problem = STR("not needed: StackFlow shows it so, or a person's "
			 "change stands");
	end(t, RESULT_NOT_NEEDED);
}

/* What nobody has changed of the fields to be filled. */
static void viewed_fill(struct task *t)
{
	struct str left;

	if (incident_fill_left(&left, t->arena, &t->op, &t->view)) {
		end(t, RESULT_LATER);
	} else if (!left.n) {
		not_needed(t);
	} else {
		t->op.body = left;
		t->phase = PHASE_BEGIN;
	}
}

static void viewed(const struct sf_result *r, void *arg)
{
	struct task *t = arg;

	deliver_result(t->d, r);
	keep_answer(t, r);
	if (t->op.kind == OP_ESCALATE) {
		viewed_escalation(t, r);
		return;
	}
	if (t->op.kind == OP_CREATE) {
		viewed_known(t, r);
		return;
	}
	if (r->outcome == SF_REFUSED) {
		end(t, op_may_fail(&t->op) ? RESULT_DECLINED : RESULT_DEAD);
		return;
	}
	if (r->outcome != SF_OK) {
		end(t, RESULT_LATER);
		return;
	}
	read_view(t, r->body);
	if (t->op.kind == OP_FILL) {
		viewed_fill(t);
		return;
	}
	switch (incident_before_send(&t->incident, &t->op, &t->view)) {
	case SEND_IT:
		t->phase = PHASE_BEGIN;
		return;
	case SEND_REOPEN_FIRST:
		t->reopen_first = true;
		t->phase = PHASE_BEGIN;
		return;
	case SEND_NOT_NEEDED:
		not_needed(t);
		return;
	case SEND_SUCCESSOR:
		end(t, RESULT_SUCCESSOR);
		return;
	}
}

int task_view(struct task *t)
{
	struct str id = t->op.kind == OP_CREATE ?
				t->known[t->known_count - 1] :
				t->incident.remote;
	int rc = sf_incident_get(t->d->sf, id, viewed, t);

	if (!rc)
		t->phase = PHASE_UNDERWAY;
	else if (rc != -EAGAIN)
		end(t, RESULT_LATER);
	return rc == -EAGAIN ? rc : 0;
}

/* "{...}" with one more member, for an instance that has a correlation field. */
static struct str with_field(struct arena *arena, struct str json,
			     const char *field, struct str value)
{
	return arena_printf(arena, "%.*s,\"%s\":\"%.*s\"}", (int)json.n - 1,
			    json.p, field, STR_ARG(value));
}

static int send_create(struct task *t)
{
	const char *field = t->d->conf->stackflow.correlation_field;
	struct str json = t->op.body;
	char *key = arena_cstr(t->arena, t->op.marker);

	if (field && json.n > 2)
		json = with_field(t->arena, json, field, t->op.marker);
	if (arena_error(t->arena))
		return -ENOMEM;
	return sf_incident_create(t->d->sf, json, key, write_done, t);
}

static int send_note(struct task *t)
{
	struct buf body = BUF_INIT(64 << 10);
	struct str id = t->op.events, first;
	int rc;

	incident_put_note(&body, &t->op);
	str_cut(&id, ' ', &first);
	rc = buf_error(&body) ? buf_error(&body) :
		sf_note_add(t->d->sf, t->incident.remote, buf_str(&body),
			    "team", arena_cstr(t->arena, first), write_done,
			    t);
	buf_fini(&body);
	return rc;
}

static void reopened(const struct sf_result *r, void *arg)
{
	struct task *t = arg;

	if (r->outcome != SF_OK) {
		/* The note itself has certainly not been sent. */
		write_ended(t, r);
		if (t->result == RESULT_DOUBT)
			t->result = RESULT_LATER;
		return;
	}
	deliver_result(t->d, r);
	t->reopen_first = false;
	t->phase = PHASE_SEND;
}

static void merge_noted(const struct sf_result *r, void *arg)
{
	struct task *t = arg;

	/* The note is a courtesy; that the twin is closed is what counts. */
	deliver_result(t->d, r);
	t->noted = true;
	t->phase = PHASE_SEND;
}

static int send_merge(struct task *t)
{
	if (!t->noted)
		return sf_note_add(t->d->sf, t->op.target, t->op.body, "team",
				   NULL, merge_noted, t);
	return sf_incident_update(t->d->sf, t->op.target,
				  STR("{\"state\":\"closed\"}"), write_done,
				  t);
}

static void confirmed(const struct rest_response *r, void *arg)
{
	struct task *t = arg;
	struct str arn;

	agent_saw_date(t->d->agent, r->date_ms);
	t->status = r->status;
	if (r->outcome == REST_ANSWERED && r->status == 200 &&
	    sns_confirm_answer(&arn, r->body) == 0) {
		t->remote = arena_str(t->arena, arn);
		end(t, RESULT_DONE);
		return;
	}
	t->problem = arena_str(t->arena, r->outcome == REST_ANSWERED ?
			STR("SNS didn't confirm the subscription") :
			str_from(r->problem));
	/* Confirming twice is the same as once: never in doubt. */
	end(t, r->outcome == REST_ANSWERED && r->status >= 400 &&
			r->status < 500 && r->status != 429 &&
			r->status != 403 ? RESULT_DEAD : RESULT_LATER);
}

static int send_confirm(struct task *t)
{
	struct buf url = BUF_INIT(8192);
	struct err err;
	int rc = sns_confirm_url_from(&url, t->op.target, t->op.body, &err);

	if (!rc) {
		const struct rest_request req = {
			.method = "GET",
			.url = buf_str(&url).p,
			.flags = REST_PUBLIC,
			.max_body = 64 << 10,
			.done = confirmed,
			.arg = t,
		};

		rc = rest_start(t->d->rest, &req, &err);
	}
	if (rc && rc != -EAGAIN) {
		t->problem = arena_str(t->arena, str_from(err.text));
		end(t, RESULT_DEAD);
		rc = 0;
	} else if (!rc) {
		t->phase = PHASE_UNDERWAY;
	}
	buf_wipe(&url);
	return rc;
}

static int send_any(struct task *t)
{
	switch (t->op.kind) {
	case OP_CREATE:
		return send_create(t);
	case OP_NOTE:
		if (t->reopen_first)
			return sf_incident_update(t->d->sf,
				t->incident.remote,
				STR("{\"state\":\"in_progress\"}"), reopened,
				t);
		return send_note(t);
	case OP_RESOLVE:
	case OP_REOPEN:
	case OP_RAISE:
	case OP_FILL:
		return sf_incident_update(t->d->sf, t->incident.remote,
					  t->op.body, write_done, t);
	case OP_MERGE:
		return send_merge(t);
	case OP_CONFIRM:
	case OP_FALLBACK:
	case OP_AUDIT:
	case OP_REJECTED:
	case OP_ESCALATE:
	case OP_ENRICH:
		break;
	}
	return -EINVAL;
}

int task_send(struct task *t)
{
	int rc;

	if (t->op.kind == OP_CONFIRM)
		return send_confirm(t);
	if (t->op.kind == OP_FALLBACK)
		return fallback_send(t);
	if (bulk_gather(t))
		return 0;
	rc = send_any(t);
	if (rc == -EAGAIN)
		return rc;
	if (rc) {
		t->problem = STR("the request can't be made");
		end(t, rc == -ENOMEM ? RESULT_LATER : RESULT_DEAD);
	} else {
		t->phase = PHASE_UNDERWAY;
	}
	return 0;
}
