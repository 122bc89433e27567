#include "agent/deliver/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/ci.h"
#include "agent/cloud.h"
#include "agent/evidence.h"
#include "agent/log.h"
#include "agent/silences.h"
#include "agent/thread.h"
#include "agent/triage.h"
#include "aws/cert.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

#define BREAKER_MS 10000
#define BREAKER_TRY_MS 1000
#define CERT_MAX (16 << 10)
#define CERT_MS 5000
#define CLOCK_BACK_MS 5000 /* smaller steps back are waited out */
#define CLOCK_STEADY_MS 60000
#define DUE_MAX 128
#define SPARE_OPS 8
#define LOOK_MS 50 /* for those that become due, amid others at work */

struct task *task_new(struct deliver *d, const struct op *op)
{
	struct task *t = calloc(1, sizeof(*t));
	int rc = 0;

	if (!t)
		return NULL;
	t->d = d;
	t->arena = arena_new(4 << 20);
	if (!t->arena)
		goto fail;
	t->op = *op;
	t->op.body = arena_str(t->arena, op->body);
	t->op.events = arena_str(t->arena, op->events);
	t->op.marker = arena_str(t->arena, op->marker);
	t->op.target = arena_str(t->arena, op->target);
	t->op.problem = arena_str(t->arena, op->problem);
	if (op->incident)
		rc = store_incident_by_id(&t->incident, d->reader,
					  op->incident, t->arena);
	if (rc < 0 || (op->incident && rc == 0) || arena_error(t->arena))
		goto fail;
	t->retry_after_ms = -1;
	return t;
fail:
	task_free(t);
	return NULL;
}

void task_free(struct task *t)
{
	if (!t)
		return;
	if (t->spends)	/* it wasn't sent after all */
		t->d->resend += 1;
	arena_free(t->arena);
	free(t);
}

/* ---- StackFlow's health ---- */

void deliver_result(struct deliver *d, const struct sf_result *r)
{
	int64_t mono = clock_mono_ms();
	bool alive = r->outcome == SF_OK || r->outcome == SF_REFUSED ||
		     r->status == 429;

	agent_saw_date(d->agent, r->date_ms);
	metrics_time(d->agent->metrics, HISTOGRAM_STACKFLOW, r->elapsed_us);
	pthread_mutex_lock(&d->lock);
	if (alive) {
		if (d->breaker)
			LOG(INFO, "StackFlow answers again");
		d->failing_since_ms = 0;
		d->last_ok_ms = mono;
		d->breaker = false;
		d->state.last_success_ms = clock_wall_ms();
		d->state.problem[0] = '\0';
	} else {
		if (!d->failing_since_ms)
			d->failing_since_ms = mono;
		snprintf(d->state.problem, sizeof(d->state.problem), "%s",
			 r->problem ? r->problem : "");
		if (!d->breaker && mono - d->failing_since_ms >= BREAKER_MS) {
			d->breaker = true;
			LOG(ERROR, "StackFlow doesn't answer: one try a second "
				   "from now on",
			    LFC("problem", d->state.problem));
		}
	}
	d->state.breaker_open = d->breaker;
	d->state.reachable = !d->breaker;
	pthread_mutex_unlock(&d->lock);
}

/* Milliseconds until a request may begin; -1: after one under way ended. */
int64_t deliver_room(struct deliver *d, int64_t mono_ms)
{
	int64_t wait = sf_client_wait_ms(d->sf, mono_ms);

	/* The client has room for questions to the AI beside these. */
	if (wait == 0 &&
	    sf_client_active(d->sf) - d->asking >=
		    d->conf->stackflow.concurrency)
		wait = -1;
	if (wait == 0 && d->breaker &&
	    mono_ms - d->last_try_ms < BREAKER_TRY_MS)
		wait = BREAKER_TRY_MS - (mono_ms - d->last_try_ms);
	return wait;
}

bool deliver_busy(const struct deliver *d)
{
	unsigned n = rest_active(d->rest);

	if (!n || !d->asking)
		return n > 0;
	/* Of the questions some may wait for a token, unsent. */
	return n > d->asking || sf_client_active(d->sf) > d->asking;
}

static void tried(struct deliver *d)
{
	d->last_try_ms = clock_mono_ms();
}

/* ---- taking up due operations ---- */

static bool busy(const struct deliver *d, const struct op *op)
{
	for (const struct task *t = d->tasks; t; t = t->next)
		if (t->op.id == op->id ||
		    (op->incident && t->op.incident == op->incident))
			return true;
	return false;
}

/* What may have been carried out and is sent again spends from a budget; a
 * write that surely never was is as good as a first one. */
static bool may_resend(struct deliver *d, int64_t mono_ms)
{
	d->resend += (double)(mono_ms - d->resend_ms) / 1000 *
		     RESEND_PER_SECOND;
	d->resend_ms = mono_ms;
	if (d->resend > RESEND_PER_SECOND)
		d->resend = RESEND_PER_SECOND;
	if (d->resend < 1)
		return false;
	d->resend -= 1;
	return true;
}

static enum phase first_phase(const struct op *op)
{
	switch (op->kind) {
	case OP_NOTE:
	case OP_RESOLVE:
	case OP_REOPEN:
	case OP_RAISE:
	case OP_ESCALATE:
	case OP_FILL:
		return PHASE_VIEW;
	case OP_CREATE:
	case OP_MERGE:
	case OP_CONFIRM:
	case OP_FALLBACK:
	case OP_AUDIT:
	case OP_REJECTED:
	case OP_ENRICH:
		break;
	}
	return PHASE_BEGIN;
}

/* Incidents of a create's marker, or of its words where StackFlow's lists show
 * no descriptions, that the first sweep of a new store saw. */
static int find_known(struct task *t)
{
	struct str base, key;
	unsigned incarnation;
	int n, more;

	if (!incident_marker_split(t->op.marker, &base, &incarnation))
		return 0;
	n = store_known(t->known, 4, t->d->reader, base, t->arena);
	t->known_count = n > 0 ? n : 0;
	if (n < 0 || n == 4)
		return n < 0 ? n : 0;
	key = arena_printf(t->arena, "words:%.*s",
			   STR_ARG(t->incident.short_description));
	more = store_known(t->known + n, (size_t)(4 - n), t->d->reader, key,
			   t->arena);
	t->known_count = n + (more > 0 ? more : 0);
	return more < 0 ? more : 0;
}

/* Its incident's create was a dead letter that an operator dropped. */
static int drop_orphan(struct task *t)
{
	struct store_write w = {
		.kind = WRITE_OP_STATE,
		.op = &t->op,
		.expect = OP_READY,
	};
	int rc;

	t->op.state = OP_DONE;
	t->op.done_ms = clock_wall_ms();
	t->op.problem = STR("its incident was never opened");
	rc = store_commit(t->d->agent->store, &w, 1);
	return rc == -ESTALE ? 0 : rc;
}

static int take_up(struct deliver *d, const struct op *op, int64_t mono_ms)
{
	struct task *t;

	if (op->kind == OP_ENRICH)
		return 0;	/* with others of its kind, behind all else */
	if (op->kind == OP_AUDIT)
		return doubt_add(d, op, clock_wall_ms());
	if (op->kind == OP_CREATE && !d->swept) {
		d->create_waits = true;
		return 0;
	}
	if (op->searches > 0 && !may_resend(d, mono_ms))
		return 0;
	t = task_new(d, op);
	if (!t)
		return -ENOMEM;
	t->spends = op->searches > 0;
	t->phase = first_phase(op);
	if (op->kind == OP_CREATE && d->known_any) {
		int rc = find_known(t);

		if (rc) {
			task_free(t);
			return rc;
		}
		if (t->known_count)
			t->phase = PHASE_VIEW;
	} else if (t->phase == PHASE_VIEW && !t->incident.remote.n) {
		int rc = drop_orphan(t);

		task_free(t);
		return rc;
	}
	t->next = d->tasks;
	d->tasks = t;
	d->task_count++;
	return 0;
}

/*
 * How many due ops to ask for: those at work that are READY are among them.
 * Others that can't be taken up now may be too, and then all are asked for.
 */
static size_t look_for(const struct deliver *d, size_t room)
{
	size_t at_work = d->task_count - d->gathered;
	size_t max = room - at_work + SPARE_OPS;

	for (const struct task *t = d->tasks; t; t = t->next)
		max += t->op.state == OP_READY;
	if (d->looked_short)
		max = room + at_work;
	return max < DUE_MAX ? max : DUE_MAX;
}

static int take_due(struct deliver *d, int64_t now_ms, int64_t mono_ms)
{
	size_t room = d->breaker ? 1 : d->conf->stackflow.concurrency;
	UNZEROED struct op ops[DUE_MAX];
	struct arena *arena;
	size_t max;
	int n;

	if (d->task_count - d->gathered >= room || now_ms < d->due_ms)
		return 0;
	arena = arena_new(64 << 20);
	if (!arena)
		return -ENOMEM;
	max = look_for(d, room);
	n = store_due_ops(ops, max, d->reader, now_ms, arena);
	if (n == 0)
		store_next_due(&d->due_ms, d->reader);
	for (int i = 0; i < n && d->task_count - d->gathered < room; i++) {
		int rc = busy(d, &ops[i]) ? 0 : take_up(d, &ops[i], mono_ms);

		if (rc)
			n = rc;
	}
	d->looked_short = n == (int)max && d->task_count - d->gathered < room;
	/* They are the last of all. */
	if (n > 0 && ops[n - 1].kind == OP_ENRICH) {
		int rc = enrich_take(d, ops, n, now_ms);

		if (rc)
			n = rc;
	}
	/* Until one ends, or triage says that there are more. */
	if (n > 0 && !d->looked_short)
		d->due_ms = now_ms + LOOK_MS;
	arena_free(arena);
	return n < 0 ? n : 0;
}

/* Requests of tasks, the ones committed as IN FLIGHT first. */
static void start_requests(struct deliver *d)
{
	static const enum phase order[] = { PHASE_SEND, PHASE_VIEW };

	for (int i = 0; i < 2; i++) {
		for (struct task *t = d->tasks; t; t = t->next) {
			bool rated = pace_is_rated(&t->op);

			if (t->phase != order[i])
				continue;
			if (rated && pace_room(d, clock_mono_ms()))
				continue;
			if ((t->phase == PHASE_SEND ? task_send(t) :
						      task_view(t)) == 0 &&
			    rated)
				tried(d);
		}
	}
}

/* ---- certificates and CIs ---- */

void deliver_fetch_certificate(const char *url, void *arg)
{
	struct deliver *d = arg;
	size_t n = strlen(url) + 1;
	struct fetch *f = malloc(sizeof(*f) + n);

	if (!f) {
		sns_certs_fetched(d->agent->certs, url, STR_NONE,
				  "out of memory", clock_mono_ms());
		return;
	}
	f->d = d;
	memcpy(f->url, url, n);
	pthread_mutex_lock(&d->lock);
	f->next = d->fetches;
	d->fetches = f;
	pthread_mutex_unlock(&d->lock);
	deliver_wake(d);
}

static void fetched(const struct rest_response *r, void *arg)
{
	struct fetch *f = arg;
	bool ok = r->outcome == REST_ANSWERED && r->status == 200;
	bool missing = r->outcome == REST_ANSWERED && r->status >= 400 &&
		       r->status < 500 && r->status != 408 &&
		       r->status != 429;
	char problem[300];

	agent_saw_date(f->d->agent, r->date_ms);
	if (r->outcome == REST_ANSWERED)
		snprintf(problem, sizeof(problem), "%s answered %d", f->url,
			 r->status);
	else
		snprintf(problem, sizeof(problem), "%s: %s", f->url,
			 r->problem);
	if (!ok)
		LOG(WARNING, "can't fetch a signing certificate",
		    LFC("problem", problem));
	sns_certs_fetched(f->d->agent->certs, f->url,
			  ok ? r->body : missing ? STR("") : STR_NONE,
			  ok ? NULL : problem,
			  clock_mono_ms());
	if (ok)
		evidence_keep_certificate(f->d->agent, r->body);
	free(f);
}

static void start_fetches(struct deliver *d)
{
	struct fetch *f, *next;

	pthread_mutex_lock(&d->lock);
	f = d->fetches;
	d->fetches = NULL;
	pthread_mutex_unlock(&d->lock);
	for (; f; f = next) {
		const struct rest_request req = {
			.method = "GET",
			.url = f->url,
			.timeout_ms = CERT_MS,
			.max_body = CERT_MAX,
			.flags = REST_PUBLIC,
			.done = fetched,
			.arg = f,
		};
		struct err err;

		next = f->next;
		metrics_add(d->agent->metrics, METRIC_CERT_FETCHES, 1);
		if (rest_start(d->rest, &req, &err)) {
			sns_certs_fetched(d->agent->certs, f->url, STR_NONE,
					  err.text, clock_mono_ms());
			free(f);
		}
	}
}

struct lookup {
	struct deliver *d;
	struct arena *arena;
	struct ci_ask ask;
};

static void looked_up(const struct sf_result *r, void *arg)
{
	struct lookup *l = arg;
	struct agent *a = l->d->agent;

	deliver_result(l->d, r);
	if (r->outcome != SF_OK)
		metrics_add(a->metrics, METRIC_CI_FAILED, 1);
	cis_answered(a->cis, &l->ask,
		     r->outcome == SF_OK ? sf_page_rows(r->body) : NULL);
	l->d->lookups--;
	triage_wake(a->triage);
	arena_free(l->arena);
	free(l);
}

static const char *filter_of(const struct conf *c, struct str field,
			     struct arena *arena)
{
	for (size_t i = 0; i < c->stackflow.filter_count; i++)
		if (str_is(field, c->stackflow.filters[i].field))
			return c->stackflow.filters[i].parameter;
	return arena_cstr(arena, field);
}

static int lookup_start(struct deliver *d, struct lookup *l)
{
	struct buf q = BUF_INIT(8192);
	int rc;

	buf_printf(&q, "%s=", filter_of(d->conf, l->ask.field, l->arena));
	encode_url(&q, l->ask.value);
	buf_puts(&q, "&limit=5");
	rc = buf_error(&q) ? buf_error(&q) :
			     sf_ci_list(d->sf, q.p, STR_NONE, looked_up, l);
	buf_fini(&q);
	return rc;
}

static void start_lookups(struct deliver *d)
{
	while (cis_waiting(d->agent->cis) && d->lookups < 8 &&
	       deliver_room(d, clock_mono_ms()) == 0) {
		struct lookup *l = calloc(1, sizeof(*l));
		int rc = -ENOMEM;

		if (!l)
			return;
		l->d = d;
		l->arena = arena_new(16 << 10);
		if (l->arena && cis_next(&l->ask, d->agent->cis, l->arena) > 0)
			rc = lookup_start(d, l);
		if (rc) {
			if (l->ask.field.p)
				cis_answered(d->agent->cis, &l->ask, NULL);
			arena_free(l->arena);
			free(l);
			return;
		}
		tried(d);
		d->lookups++;
		metrics_add(d->agent->metrics, METRIC_CI_LOOKUPS, 1);
	}
}

/* ---- the thread ---- */

static int client_open(struct deliver *d, struct err *err)
{
	const struct conf *c = d->conf;
	struct rest_options ro = conf_network(c);
	const struct sf_options so = {
		.base_url = c->stackflow.base_url,
		.auth = c->stackflow.auth,
		.requests_per_second = c->stackflow.requests_per_second,
		.concurrency = c->stackflow.concurrency + ENRICH_MAX,
		.timeout_ms = (unsigned)c->stackflow.timeout_ms,
		.jobs_path = c->stackflow.jobs_path,
	};
	struct rest *rest;
	int rc;

	ro.connections = c->stackflow.concurrency + ENRICH_MAX;
	rc = rest_new(&rest, &ro, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&d->lock);	/* deliver_wake() looks at it */
	d->rest = rest;
	pthread_mutex_unlock(&d->lock);
	if (c->stackflow.fallback.sns && d->agent->cloud)
		rc = cloud_client_on(&d->aws, rest, d->agent->cloud, c, err);
	return rc ? rc : sf_client_new(&d->sf, &so, rest, err);
}

static void client_close(struct deliver *d)
{
	struct rest *rest = d->rest;

	pthread_mutex_lock(&d->lock);
	d->rest = NULL;
	pthread_mutex_unlock(&d->lock);
	aws_client_free(d->aws);
	d->aws = NULL;
	/* The loop ends requests first, while the client still is there. */
	rest_free(rest);
	sf_client_free(d->sf);
	d->sf = NULL;
}

/*
 * A reload changed the configuration: a new client once nothing is under way.
 * True while one is owed: nothing new is begun meanwhile.
 */
static bool renew_client(struct deliver *d)
{
	struct conf *now = agent_conf(d->agent), *old = d->conf;
	struct err err;

	if (now == old || deliver_busy(d) || d->sweep) {
		conf_free(now);
		return now != old;
	}
	bulk_drop(d);
	client_close(d);
	d->conf = now;
	if (client_open(d, &err)) {
		LOG(ERROR, "can't use the new configuration for StackFlow",
		    LFC("error", err.text));
		client_close(d);
		d->conf = old;
		conf_free(now);
		if (client_open(d, &err))
			abort();
		return false;
	}
	conf_free(old);
	return false;
}

/* That StackFlow's credentials fail is known before an alarm needs them. */
static void tell_credentials(struct deliver *d, const struct sf_stats *s)
{
	if (strcmp(s->auth_problem, d->auth_problem) == 0)
		return;
	memcpy(d->auth_problem, s->auth_problem, sizeof(d->auth_problem));
	snprintf(d->state.problem, sizeof(d->state.problem), "%s",
		 s->auth_problem);
	if (s->auth_problem[0])
		LOG(ERROR, "StackFlow's credentials don't serve",
		    LFC("problem", s->auth_problem));
}

static void publish_state(struct deliver *d)
{
	int64_t mono = clock_mono_ms();
	struct sf_stats s;

	sf_client_stats(d->sf, &s);
	pthread_mutex_lock(&d->lock);
	tell_credentials(d, &s);
	d->state.authenticated = s.authenticated;
	d->state.rate_limit = s.rate_limit;
	d->state.rate_remaining = s.rate_remaining;
	d->state.paused_ms = s.paused_until_mono_ms > mono ?
				     s.paused_until_mono_ms - mono : 0;
	d->state.active = sf_client_active(d->sf);
	d->state.swept = d->swept;
	pthread_mutex_unlock(&d->lock);
}

static int commit_owed(struct deliver *d, bool begin)
{
	if (pace_commit_ms(d, clock_mono_ms()))
		return 0;
	d->owed_ms = 0;
	return tasks_commit(d, begin);
}

/* Only so many doubts are held in memory at a time; more come in turn. */
static int reload_doubts(struct deliver *d)
{
	d->load_ms = clock_mono_ms() + 2000;
	return doubts_load(d);
}

/* Is anything begun that a little patience brings to its outcome? */
static bool in_flight(const struct deliver *d)
{
	for (const struct task *t = d->tasks; t; t = t->next)
		if (t->phase == PHASE_SEND || t->phase == PHASE_RECORD ||
		    t->phase == PHASE_GATHER)
			return true;
	return deliver_busy(d) || d->bulks;
}

/* What was sent before the clock was set anew can't be told by this one. */
static void watch_steadiness(struct deliver *d, int64_t now_ms,
			     int64_t less_mono_ms)
{
	int64_t off = less_mono_ms - d->steady_less_mono_ms;

	if (off > -CLOCK_STEADY_MS && off < CLOCK_STEADY_MS)
		return;
	d->steady_ms = now_ms;
	d->steady_less_mono_ms = less_mono_ms;
	for (struct doubt *x = d->doubts; x; x = x->next)
		x->since_ms = 0;
}

/* Moments to come are kept in wall time: none may move away by a clock that
 * is set back. */
static int watch_clock(struct deliver *d, int64_t now_ms)
{
	int64_t now = now_ms - clock_mono_ms();
	int64_t by = d->wall_less_mono_ms - now;
	int rc;

	d->wall_less_mono_ms = now;
	watch_steadiness(d, now_ms, now);
	if (by < CLOCK_BACK_MS)
		return 0;
	LOG(WARNING, "the clock was set back", LFN("by_ms", by));
	for (struct doubt *x = d->doubts; x; x = x->next) {
		x->first_ms -= by;
		x->next_ms -= by;
	}
	d->sweep_after_ms = 0;
	d->due_ms = 0;
	rc = store_clock_back(d->agent->store, now_ms, by);
	if (!rc)
		silencing_reload(d->agent->silences);
	return rc;
}

static bool turn(struct deliver *d)
{
	int64_t now = clock_wall_ms();
	bool stop, stop_new, woken;
	int rc;

	pulse_beat(&d->pulse);
	rest_step(d->rest, pace_wait_ms(d, now));
	if (d->aws)
		(void)aws_client_step(d->aws);
	now = clock_wall_ms();
	pthread_mutex_lock(&d->lock);
	stop = stop_new = d->stop;
	woken = d->woken;
	d->woken = false;
	pthread_mutex_unlock(&d->lock);
	if (woken)
		d->due_ms = 0;
	start_fetches(d);
	rc = watch_clock(d, now);
	if (!rc && clock_mono_ms() >= d->load_ms)
		rc = reload_doubts(d);
	if (!rc)
		rc = commit_owed(d, !stop);
	if (!stop)
		stop_new = renew_client(d);
	if (!rc && !stop_new) {
		start_lookups(d);
		changes_ask(d);
		rc = take_due(d, now, clock_mono_ms());
		if (!rc && d->enquiries)
			rc = enrich_step(d);
	}
	if (d->gathered || d->bulks)
		bulk_step(d, stop);
	if (!rc && !stop)
		rc = commit_owed(d, true);
	if (!rc)
		start_requests(d);
	if (!rc && !stop_new) {
		/* Fetches and renews the token, alarms or none. */
		(void)sf_client_wait_ms(d->sf, clock_mono_ms());
		if (!d->sweep && sweep_needed(d, now) &&
		    deliver_room(d, clock_mono_ms()) == 0)
			rc = sweep_start(d);
		doubts_look(d, now);
		fallback_check(d, now);
	}
	if (!rc && d->sweep)
		sweep_step(d);
	publish_state(d);
	if (rc == -ENOMEM) {
		LOG(ERROR, "out of memory", LFC("thread", "deliver"));
		abort();
	}
	if (rc) {
		LOG(ERROR, "delivery can't use the store",
		    LFC("error", strerror(-rc)));
		usleep(200 * 1000);
	}
	return stop && (!in_flight(d) || clock_mono_ms() >= d->stop_by_ms);
}

static void *run(void *arg)
{
	struct deliver *d = arg;

	while (!turn(d))
		;
	return NULL;
}

static int load(struct deliver *d, struct err *err)
{
	struct arena *arena = arena_new(64 << 10);
	struct str value;
	int rc;

	if (!arena)
		return err_set(err, -ENOMEM, "out of memory");
	rc = store_meta(&value, d->reader, STR("swept"), arena);
	d->swept = rc > 0;
	d->known_any = rc > 0 && !str_is(value, "0");
	arena_free(arena);
	if (rc >= 0)
		rc = doubts_load(d);
	return rc < 0 ? err_set(err, rc, "the store can't be read") : 0;
}

int deliver_start(struct deliver **out, struct agent *a, struct err *err)
{
	struct deliver *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return err_set(err, -ENOMEM, "out of memory");
	d->agent = a;
	d->conf = agent_conf(a);
	d->state.reachable = true;
	d->state.rate_limit = d->state.rate_remaining = -1;
	d->resend_ms = clock_mono_ms();
	d->steady_ms = clock_wall_ms();
	d->wall_less_mono_ms = d->steady_ms - d->resend_ms;
	d->steady_less_mono_ms = d->wall_less_mono_ms;
	pthread_mutex_init(&d->lock, NULL);
	rc = store_reader_open(&d->reader, a->store, err);
	if (!rc)
		rc = client_open(d, err);
	if (!rc)
		rc = load(d, err);
	*out = d;
	if (!rc)
		rc = thread_start(&d->thread, "deliver", run, d, err);
	if (!rc)
		pulse_join(&d->pulse, &a->pulses, "deliver");
	return rc;
}

void deliver_wake(struct deliver *d)
{
	pthread_mutex_lock(&d->lock);
	d->woken = true;
	if (d->rest)
		rest_wake(d->rest);
	pthread_mutex_unlock(&d->lock);
}

void deliver_stop(struct deliver *d, int64_t within_ms)
{
	if (!d)
		return;
	if (d->thread) {
		pthread_mutex_lock(&d->lock);
		d->stop = true;
		d->stop_by_ms = clock_mono_ms() + within_ms;
		if (d->rest)
			rest_wake(d->rest);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	/* Ends requests under way: a search's too, which look at d->sweep. */
	client_close(d);
	changes_drop(d);
	enrich_drop(d);
	bulk_drop(d);
	sweep_free(d);
	while (d->tasks) {
		struct task *t = d->tasks;

		d->tasks = t->next;
		task_free(t);
	}
	while (d->doubts)
		doubt_remove(d, d->doubts);
	while (d->fetches) {
		struct fetch *f = d->fetches;

		d->fetches = f->next;
		free(f);
	}
	store_reader_close(d->reader);
	conf_free(d->conf);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void deliver_state(const struct deliver *d, struct deliver_state *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&d->lock;

	pthread_mutex_lock(lock);
	*out = d->state;
	pthread_mutex_unlock(lock);
}
