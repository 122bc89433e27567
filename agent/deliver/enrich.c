/* What StackFlow's AI is asked about incidents that are open. */
#include "agent/deliver/enquiry.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/audit.h"
#include "agent/log.h"
#include "base/clock.h"
#include "base/random.h"
#include "doc/json.h"
#include "stackflow/knowledge.h"

#define ATTEMPTS_MAX 3
#define SPACING_MS 500		/* between two that are taken up */
#define LEASE_MS 30000		/* asked again where this process ends amid */
#define AGAIN_MS 10000		/* after a failure, and longer each time */
#define UNOPENED_MS 15000	/* its create waits, for StackFlow as a rule */
#define OLD_MS (24 * INT64_C(3600000))
#define TURN_MS 1000		/* the limits of the AI leave no room now */
#define PATIENCE_MS 60000	/* ... for so long, then it goes back */
#define SUGGEST_MS 10000
#define ANALYZE_MS 30000
#define EXEMPLARS 3

static const char *const step_names[STEPS] = {
	[SUGGEST] = "suggest",	  [ANALYZE] = "analyze",
	[EXEMPLAR] = "exemplars", [ARTICLE] = "article",
	[ADDRESS] = "article_address",
};

static void enquiry_free(struct enquiry *q)
{
	arena_free(q->arena);
	json_free(q->body);
	free(q);
}

static void enquiry_drop(struct deliver *d, struct enquiry *gone)
{
	struct enquiry **at = &d->enquiries;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	d->enquiry_count--;
	enquiry_free(gone);
}

static void answered(const struct sf_result *r, void *arg)
{
	struct enquiry *q = arg;
	struct deliver *d = q->d;
	const char *what = q->step < STEPS ? step_names[q->step] : "?";
	const char *outcome = "failed";

	d->asking--;
	q->under_way = false;
	/* The client is closed, for a new one or the end: it's asked again. */
	if (!d->rest)
		return;
	agent_saw_date(d->agent, r->date_ms);
	/* Incidents may well go on where the AI is out or slow: it is no sign
	 * for the breaker, and its times aren't those of requests. */
	if (r->outcome == SF_OK)
		outcome = enquiry_keep(q, r->body) ? "used" : "nothing";
	else if (r->outcome == SF_REFUSED)
		outcome = "refused";
	else
		q->again |= q->step != ADDRESS;
	if (r->retry_after_ms > q->retry_after_ms)
		q->retry_after_ms = r->retry_after_ms;
	metrics_enriched(d->agent->metrics, what, outcome);
	LOG(DEBUG, "StackFlow's AI was asked", LFN("op", q->op.id),
	    LFC("what", what), LFC("outcome", outcome),
	    LFN("status", r->status), LFN("ms", r->elapsed_us / 1000),
	    LFC("problem", r->problem ? r->problem : ""));
	q->step++;
}

/* ---- asking ---- */

static bool wanted(const struct enquiry *q)
{
	const struct enrich *ask = &q->order.ask;
	bool analyze;

	/* A suggestion may have made it one of those. */
	analyze = ask->analyze[enrich_priority(&q->order, &q->found,
					       &q->incident)];
	switch ((enum enquiry_step)q->step) {
	case SUGGEST:
		return enrich_suggests(ask);
	case ANALYZE:
		return analyze;
	case EXEMPLAR:
		return analyze && q->order.text.n;
	case ARTICLE:
		return ask->article && q->order.text.n;
	case ADDRESS:
		return q->found.article.article_id.n > 0;
	case STEPS:
		break;
	}
	return false;
}

static int ask_suggest(struct enquiry *q)
{
	const char *fields[ENRICH_FIELDS + 1] = { NULL };
	int n = 0;

	for (int f = 0; f < ENRICH_FIELDS; f++)
		if (q->order.ask.fill[f])
			fields[n++] = enrich_field_name((enum enrich_field)f);
	return sf_ai_suggest(q->d->sf, q->order.text, fields, NULL, SUGGEST_MS,
			     answered, q);
}

static int ask_article(struct enquiry *q)
{
	const struct sf_ai_question question = {
		.text = q->order.text,
		.context_type = "incident",
		.context_id = q->incident.remote,
	};

	return sf_ai_ask(q->d->sf, &question, answered, q);
}

static int ask_address(struct enquiry *q)
{
	const struct sf_ai_citation *a = &q->found.article;
	struct buf query = BUF_INIT(8192);
	int rc;

	sf_query_put(&query, "search", a->title.n ? a->title : a->article_id);
	sf_query_put(&query, "limit", STR("25"));
	rc = buf_error(&query) ? buf_error(&query) :
		sf_article_list(q->d->sf, query.p, STR_NONE, answered, q);
	buf_fini(&query);
	return rc;
}

static int ask(struct enquiry *q)
{
	struct sf_client *sf = q->d->sf;

	switch ((enum enquiry_step)q->step) {
	case SUGGEST:
		return ask_suggest(q);
	case ANALYZE:
		return sf_ai_analyze(sf, "incident", q->incident.remote,
				     "root_cause", NULL, ANALYZE_MS, answered,
				     q);
	case EXEMPLAR:
		return sf_ai_exemplars(sf, "incident", q->order.text, STR_NONE,
				       EXEMPLARS, answered, q);
	case ARTICLE:
		return ask_article(q);
	case ADDRESS:
		return ask_address(q);
	case STEPS:
		break;
	}
	return -EINVAL;
}

/* ---- its outcome ---- */

struct ending {
	struct store_write writes[6 + CHANGE_OPS];
	size_t n;
	struct change change;
	struct op op, tail;
	struct store_audit ended;
};

static struct store_write *add(struct ending *e, enum store_write_kind kind)
{
	struct store_write *w = &e->writes[e->n++];

	*w = (struct store_write){ .kind = kind };
	return w;
}

static void add_state(struct ending *e, struct enquiry *q, const char *because,
		      int64_t now_ms)
{
	struct store_write *w = add(e, WRITE_OP_STATE);

	e->op = q->op;
	e->op.state = OP_DONE;
	e->op.done_ms = now_ms;
	e->op.problem = str_from(because);
	w->op = &e->op;
	w->expect = OP_READY;
}

static int add_change(struct ending *e, struct enquiry *q, int64_t now_ms)
{
	int rc = e->change.op_count ?
			 lane_release(&e->tail, q->d, q->incident.id, q->arena,
				      now_ms) : 0;

	if (rc < 0)
		return rc;
	if (rc > 0) {
		struct store_write *w = add(e, WRITE_OP_STATE);

		w->op = &e->tail;
		w->expect = OP_READY;
	}
	if (e->change.incident_changed)
		add(e, WRITE_INCIDENT)->incident = &e->change.incident;
	for (size_t i = 0; i < e->change.op_count; i++)
		add(e, WRITE_OP)->op = &e->change.ops[i];
	return 0;
}

static int add_told(struct ending *e, struct enquiry *q, int64_t now_ms)
{
	struct op op = e->op;
	int rc;

	op.incident = q->incident.id;
	rc = audit_ended(&e->ended, q->arena, &op, q->incident.remote,
			 e->change.op_count ? "enriched" : "nothing", NULL,
			 now_ms);
	add(e, WRITE_AUDIT)->audit = &e->ended;
	return rc;
}

/* DONE, with what follows from the answers. because NULL: as those say. */
static int finish(struct enquiry *q, const char *because)
{
	int64_t now = clock_wall_ms();
	struct ending e = { .n = 0 };
	struct str id = arena_printf(q->arena, "enrich-%lld-%lld",
				     (long long)q->op.created_ms,
				     (long long)q->op.id);
	int rc = 0;

	e.change.merged = -1;
	if (!because) {
		rc = incident_enrich(&e.change, q->arena, &q->incident, id,
				     &q->order, &q->found, now);
		because = e.change.because;
	}
	if (rc)
		return rc;
	add_state(&e, q, because, now);
	rc = add_change(&e, q, now);
	if (!rc)
		rc = add_told(&e, q, now);
	if (!rc)
		rc = store_commit(q->d->agent->store, e.writes, e.n);
	if (rc)
		return rc;
	audit_log(&e.ended);
	if (e.change.op_count)
		q->d->due_ms = 0;
	return 0;
}

/* READY again, for later. */
static int postpone(struct enquiry *q, int64_t by_ms, bool attempt)
{
	struct store_write w = { .kind = WRITE_OP_STATE, .op = &q->op,
				 .expect = OP_READY };

	q->op.attempts += attempt;
	q->op.not_before_ms = clock_wall_ms() + by_ms +
			      (int64_t)random_below((uint64_t)by_ms / 2 + 1);
	q->op.problem = STR("StackFlow's AI didn't answer");
	return store_commit(q->d->agent->store, &w, 1);
}

static int64_t back_off(const struct enquiry *q)
{
	int64_t ms = AGAIN_MS << (q->op.attempts < 5 ? q->op.attempts : 5);

	return q->retry_after_ms > ms ? q->retry_after_ms : ms;
}

/* The incarnation that it was owed for: 1, 0 where that has passed. */
static int read_incident(struct enquiry *q)
{
	int rc = store_incident_by_key(&q->incident, q->d->reader,
				       q->order.key, q->arena);

	return rc <= 0 ? rc :
	       q->incident.incarnation == q->order.incarnation;
}

static int end(struct enquiry *q)
{
	int rc = -ESTALE;

	if (q->again && q->op.attempts + 1 < ATTEMPTS_MAX)
		return postpone(q, back_off(q), true);
	/* Triage may have changed the incident since it was read. */
	for (int tries = 0; rc == -ESTALE && tries < 10; tries++) {
		int is = read_incident(q);

		if (is < 0)
			return is;
		rc = finish(q, is ? NULL : "a newer incident is open");
	}
	return rc;
}

/* ---- from due to the first question ---- */

/* Why nothing is to be asked; NULL: it is, or (*wait) once it is open. */
static const char *unasked(struct enquiry *q, bool *wait)
{
	int is = enrich_read(&q->order, q->body) ? read_incident(q) : -EINVAL;

	*wait = false;
	if (is <= 0)
		return is < 0 ? "it can't be read" : "a newer incident is open";
	if (q->incident.state != INCIDENT_OPEN)
		return "it is no more open";
	if (clock_wall_ms() - q->op.created_ms > OLD_MS)
		return "it came too late";
	*wait = !q->incident.remote.n;
	return NULL;
}

static struct enquiry *enquiry_new(struct deliver *d, const struct op *op)
{
	struct enquiry *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->d = d;
	q->arena = arena_new(1 << 20);
	if (!q->arena || json_parse(&q->body, op->body, 0, NULL) == -ENOMEM) {
		enquiry_free(q);
		return NULL;
	}
	q->op = *op;
	q->op.body = q->op.events = q->op.marker = q->op.target = STR_NONE;
	q->op.problem = STR_NONE;
	for (int f = 0; f < ENRICH_FIELDS; f++)
		q->found.suggested[f].confidence = -1;
	q->until_ms = clock_mono_ms() + PATIENCE_MS;
	return q;
}

static int take(struct deliver *d, const struct op *op)
{
	struct enquiry *q = enquiry_new(d, op);
	const char *why;
	bool wait;
	int rc = 0;

	if (!q)
		return -ENOMEM;
	why = unasked(q, &wait);
	if (why || wait) {
		rc = why ? finish(q, why) : postpone(q, UNOPENED_MS, false);
		enquiry_free(q);
		return rc == -ESTALE || rc == -ENOENT ? 0 : rc;
	}
	q->next = d->enquiries;
	d->enquiries = q;
	d->enquiry_count++;
	return 0;
}

static bool known(const struct deliver *d, int64_t op)
{
	for (const struct enquiry *q = d->enquiries; q; q = q->next)
		if (q->op.id == op)
			return true;
	return false;
}

/* A turn for one that can't go now, so that it is left alone until then. */
static int64_t next_turn(struct deliver *d, int64_t now_ms)
{
	if (d->enrich_ms < now_ms || d->enrich_ms > now_ms + OLD_MS)
		d->enrich_ms = now_ms;
	d->enrich_ms += SPACING_MS;
	return d->enrich_ms + TURN_MS;
}

int enrich_take(struct deliver *d, struct op *ops, int n, int64_t now_ms)
{
	size_t room = d->breaker ? 0 : ENRICH_MAX - d->enquiry_count;
	struct store_write writes[ENRICH_LOOK_MAX];
	const struct op *go[ENRICH_MAX];
	size_t count = 0, going = 0;
	int rc;

	for (int i = 0; i < n && count < ENRICH_LOOK_MAX; i++) {
		struct op *op = &ops[i];

		if (op->kind != OP_ENRICH)
			continue;
		if (known(d, op->id)) {
			op->not_before_ms = now_ms + LEASE_MS;
		} else if (going < room) {
			op->not_before_ms = now_ms + LEASE_MS;
			go[going++] = op;
		} else {
			op->not_before_ms = next_turn(d, now_ms);
		}
		writes[count++] = (struct store_write){
			.kind = WRITE_OP_STATE, .op = op, .expect = OP_READY };
	}
	if (!count)
		return 0;
	rc = store_commit(d->agent->store, writes, count);
	for (size_t i = 0; !rc && i < going; i++)
		rc = take(d, go[i]);
	return rc == -ESTALE || rc == -ENOENT ? 0 : rc;
}

/* ---- each turn of the loop ---- */

/* Only where nothing else waits for its turn. */
static bool may_ask(struct deliver *d, const struct enquiry *q, int64_t mono_ms)
{
	return mono_ms >= q->next_ms && !d->breaker && !pace_held_up(d) &&
	       sf_client_wait_ms(d->sf, mono_ms) == 0;
}

/* Has it ended? */
static bool go_on(struct enquiry *q, int64_t mono_ms, int *rc)
{
	while (q->step < STEPS && !wanted(q))
		q->step++;
	if (q->step == STEPS) {
		*rc = end(q);
		return true;
	}
	if (!may_ask(q->d, q, mono_ms)) {
		if (mono_ms < q->until_ms)
			return false;
		*rc = postpone(q, PATIENCE_MS, false);
		return true;
	}
	*rc = ask(q);
	if (*rc == 0) {
		q->under_way = true;
		q->d->asking++;
		q->d->last_try_ms = mono_ms;
	} else if (*rc == -EAGAIN) {
		q->next_ms = mono_ms + TURN_MS;
	} else if (*rc != -ENOMEM) {
		q->step++;		/* it can't be asked so */
	}
	if (*rc != -ENOMEM)
		*rc = 0;
	return false;
}

int enrich_step(struct deliver *d)
{
	int64_t mono = clock_mono_ms();
	struct enquiry *q, *next;

	for (q = d->enquiries; q; q = next) {
		int rc = 0;

		next = q->next;
		if (q->under_way)
			continue;
		if (go_on(q, mono, &rc))
			enquiry_drop(d, q);
		/* Taken back meanwhile: the store is right. Else its lease ends
		 * and it is asked again. */
		if (rc && rc != -ESTALE && rc != -ENOENT)
			return rc;
	}
	return 0;
}

void enrich_drop(struct deliver *d)
{
	while (d->enquiries)
		enquiry_drop(d, d->enquiries);
}
