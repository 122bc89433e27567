#include "stackflow/call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "stackflow/handed.h"
#include "stackflow/loop.h"

#define ARENA_MAX (64u << 10)
#define QUEUE_OF_THREAD 10000
#define QUEUE_MAX 1000000
#define LOG_MAX 500

static void token_ended(void *arg);

static int set_base(struct sf_client *c, const char *url, struct err *err)
{
	struct str base = str_from(url);
	struct err why = { "" };
	int rc = rest_url_check(url, &why);

	if (rc)
		return err_set(err, rc, "base_url: %s", why.text);
	if (str_find_char(base, '?') >= 0)
		return err_set(err, -EINVAL, "base_url must hold no query");
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	c->base_url = strndup(base.p, base.n);
	return c->base_url ? 0 : -ENOMEM;
}

/* What needs neither memory nor the network. */
static void set_plain(struct sf_client *c, const struct sf_options *o,
		      bool threaded)
{
	c->concurrency = o->concurrency ? o->concurrency : 32;
	c->queue = o->queue < QUEUE_MAX ? o->queue : QUEUE_MAX;
	if (threaded && !c->queue)
		c->queue = QUEUE_OF_THREAD;
	c->retries = o->retries;
	c->timeout_ms = o->timeout_ms ? o->timeout_ms : 15000;
	c->log = o->log;
	c->log_arg = o->log_arg;
	sf_rates_init(&c->rates,
		      o->requests_per_second ? o->requests_per_second : 80);
	for (size_t i = 0; i < SF_LANES; i++)
		ring_init(&c->lanes[i]);
	ring_init(&c->flying);
	ring_init(&c->fresh);
	ring_init(&c->later);
}

static int open_rest(struct sf_client *c, const struct sf_options *o,
		     struct err *err)
{
	const struct rest_options ro = {
		.user_agent = o->user_agent ? o->user_agent
					    : "libstackflow/" TOCSIN_VERSION,
		.ca_file = o->ca_file,
		.proxy = o->proxy,
		.connections = c->concurrency,
	};

	return rest_new(&c->rest, &ro, err);
}

static int set_up(struct sf_client *c, const struct sf_options *o,
		  struct err *err)
{
	int rc = c->rest ? 0 : open_rest(c, o, err);

	if (rc == 0)
		rc = sf_auth_init(&c->auth, &o->auth, c->rest, err);
	c->auth.ended = token_ended;
	c->auth.arg = c;
	c->auth.timeout_ms = c->timeout_ms;
	if (rc == 0)
		rc = set_base(c, o->base_url, err);
	if (rc == 0)
		rc = sf_timers_init(&c->timers);
	if (rc == 0)
		rc = sf_bounds_init(&c->bounds);
	if (rc == 0)
		rc = sf_trail_init(&c->trail, o->audit, o->audit_arg);
	if (rc == 0 && o->jobs_path && !(c->jobs_path = strdup(o->jobs_path)))
		rc = -ENOMEM;
	if (rc == 0 && !(c->arena = arena_new(ARENA_MAX)))
		rc = -ENOMEM;
	return rc;
}

/* What is no thread's any more. */
static void dismantle(struct sf_client *c)
{
	sf_auth_fini(&c->auth);
	sf_timers_fini(&c->timers);
	sf_bounds_fini(&c->bounds);
	sf_trail_fini(&c->trail);
	arena_free(c->arena);
	free(c->jobs_path);
	free(c->base_url);
	free(c);
}

int sf_client_new(struct sf_client **out, const struct sf_options *o,
		  struct rest *rest, struct err *err)
{
	struct sf_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->rest = rest;
	set_plain(c, o, !rest);
	rc = set_up(c, o, err);
	if (rc == 0 && !rest)
		rc = sf_loop_start(c, err);
	if (rc) {
		/* Nothing was begun: what rest there is has no calls. */
		if (!rest)
			rest_free(c->rest);
		dismantle(c);
		return rc;
	}
	*out = c;
	return 0;
}

void sf_client_end(struct sf_client *c)
{
	c->closing = true;
	sf_auth_fini(&c->auth);
	sf_end_all(c);
}

void sf_client_free(struct sf_client *c)
{
	if (!c)
		return;
	if (!c->loop)
		sf_client_end(c);
	else if (!sf_loop_stop(c))
		return;
	dismantle(c);
}

int sf_client_close(struct sf_client *c, unsigned timeout_ms)
{
	struct sf_drive d = { 0 };
	int64_t left, until_ms = clock_mono_ms() + timeout_ms;

	if (c->loop)
		return sf_loop_close(c, timeout_ms);
	c->closing = true;
	while (c->active) {
		left = until_ms - clock_mono_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		sf_drive(c, &d, left);
	}
	return 0;
}

void sf_client_wake(struct sf_client *c)
{
	if (c->loop)
		rest_wake(c->rest);
}

void sf_say(struct sf_client *c, enum sf_log_level level, const char *fmt, ...)
{
	struct buf raw = BUF_INIT(4096), clean = BUF_INIT(16384);
	struct buf line = BUF_INIT(LOG_MAX + 1);
	va_list ap;

	if (!c->log)
		return;
	va_start(ap, fmt);
	buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	sf_auth_redact(&c->auth, &clean, buf_str(&raw));
	utf8_put_safe(&line, buf_str(&clean), LOG_MAX);
	if (line.n)
		c->log(level, line.p, c->log_arg);
	buf_fini(&raw);
	buf_fini(&clean);
	buf_fini(&line);
}

static void token_ended(void *arg)
{
	struct sf_client *c = arg;

	if (c->auth.problem[0])
		sf_say(c, SF_LOG_WARNING, "%s", c->auth.problem);
	else
		sf_say(c, SF_LOG_INFO, "has a token for %lld s",
		       (long long)(c->auth.expires_ms - c->now_ms) / 1000);
	sf_pump(c);
	if (!sf_auth_header(&c->auth))
		sf_fail_waiting(c);
}

void sf_token_replace(struct sf_client *c, struct buf *bearer)
{
	sf_auth_replace(&c->auth, bearer);
	sf_say(c, SF_LOG_INFO, "has another token, as told");
	sf_pump(c);
}

int sf_client_set_token(struct sf_client *c, const char *token)
{
	struct buf bearer = BUF_INIT(0);
	int rc = sf_bearer_put(&bearer, str_from(token));

	if (rc == 0 && c->loop)
		rc = sf_loop_replace(c, &bearer);
	else if (rc == 0)
		sf_token_replace(c, &bearer);
	buf_wipe(&bearer);
	return rc;
}

void sf_turn(struct sf_client *c, int64_t mono_ms)
{
	unsigned failures = c->auth.failures;

	if (mono_ms > c->now_ms)
		c->now_ms = mono_ms;
	c->told = true;
	sf_rates_now(&c->rates, mono_ms);
	sf_auth_now(&c->auth, mono_ms);
	if (c->auth.failures != failures) /* it couldn't even be begun */
		token_ended(c);
	sf_again_due(c);
	sf_pump(c);
	/* A person must do something: nobody waits for that in here. */
	if (c->auth.permanent && !c->auth.grant && !sf_auth_header(&c->auth))
		sf_fail_waiting(c);
}

int64_t sf_due_ms(const struct sf_client *c)
{
	const struct sf_call *next = (struct sf_call *)c->later.next;
	int64_t due = sf_auth_due_ms(&c->auth);

	if (!ring_empty(&c->fresh))
		return 0;
	if (!ring_empty(&c->later) &&
	    (due < 0 || next->due_ms - c->now_ms < due))
		due = next->due_ms - c->now_ms;
	for (unsigned i = 0; i < SF_LANES; i++) {
		enum sf_class class = i < SF_CLASSES ? i : SF_CLASS_API;
		int64_t wait;

		if (ring_empty(&c->lanes[i]) || c->airborne >= c->concurrency ||
		    (i != SF_LANE_HEALTH && !sf_auth_header(&c->auth)))
			continue;
		wait = sf_rates_wait_ms(&c->rates, class);
		if (due < 0 || wait < due)
			due = wait;
	}
	return due > 0 || due == -1 ? due : 0;
}

void sf_drive(struct sf_client *c, struct sf_drive *d, int64_t at_most_ms)
{
	int64_t mono_ms = clock_mono_ms(), due;

	if (!d->begun_ms) {
		d->begun_ms = mono_ms;
		d->told_ms = c->told ? c->now_ms : mono_ms;
	}
	sf_turn(c, d->told_ms + mono_ms - d->begun_ms);
	due = sf_due_ms(c);
	if (due < 0 || due > 1000)
		due = 1000;
	rest_step(c->rest, (int)(due < at_most_ms ? due : at_most_ms));
}

unsigned sf_room(const struct sf_client *c)
{
	return c->concurrency + c->queue;
}

/* Does a call that has a token wait for its turn? */
static bool in_turn(const struct sf_client *c)
{
	for (size_t i = 0; i < SF_LANES; i++)
		if (!ring_empty(&c->lanes[i]) && sf_auth_header(&c->auth))
			return true;
	return false;
}

int64_t sf_client_wait_ms(struct sf_client *c, int64_t mono_ms)
{
	int64_t wait, token, due;

	if (c->loop)
		return 0;
	sf_turn(c, mono_ms);
	due = sf_due_ms(c);
	/* What waits inside goes when this is asked again. */
	if (in_turn(c))
		return due ? due : 1;
	if (c->active >= sf_room(c))
		return c->airborne == c->active ? -1 : due ? due : 1;
	wait = sf_rates_wait_ms(&c->rates, SF_CLASS_API);
	token = sf_auth_wait_ms(&c->auth);
	return wait > token ? wait : token;
}

int64_t sf_client_gather_ms(const struct sf_client *c)
{
	return c->loop ? 0 : sf_limits_gather_ms(&c->rates.of[SF_CLASS_API]);
}

unsigned sf_client_active(const struct sf_client *c)
{
	return c->loop ? sf_loop_active(c) : c->active;
}

void sf_stats_of(const struct sf_client *c, struct sf_stats *out)
{
	const struct sf_limits *api = &c->rates.of[SF_CLASS_API];

	*out = (struct sf_stats){
		.requests = c->requests,
		.answered_2xx = c->answered_2xx,
		.answered_429 = c->answered_429,
		.answered_5xx = c->answered_5xx,
		.renewals = c->auth.renewals,
		.rate_limit = api->limit,
		.rate_remaining = api->remaining,
		.paused_until_mono_ms = sf_limits_paused_until(api),
		.authenticated = sf_auth_header(&c->auth) && !c->auth.refused,
	};
	memcpy(out->auth_problem, c->auth.problem, sizeof(out->auth_problem));
}

void sf_client_stats(const struct sf_client *c, struct sf_stats *out)
{
	if (c->loop)
		sf_loop_stats(c, out);
	else
		sf_stats_of(c, out);
}

/* A header value and a path that rest will take, or else nothing begins. */
static bool sendable(const struct sf_call_spec *spec)
{
	struct str key = str_from(spec->key), path = spec->path;

	if (spec->key && (!key.n || key.n > SF_KEY_MAX || !ascii_visible(key)))
		return false;
	return ascii_visible(path) && str_find_char(path, '#') < 0 &&
	       str_find_char(path, '\\') < 0 && path.n < 6000 &&
	       spec->body.n <= SF_BODY_MAX;
}

/*
 * May a call begin? 1: at once; 0: it waits inside, for a token or, where the
 * options have a queue, for its turn; -EAGAIN.
 */
static int admit(struct sf_client *c, const struct sf_call_spec *spec)
{
	bool turn, waits = c->active - c->airborne < c->queue;

	if (c->closing)
		return -ESHUTDOWN;
	if (c->active >= sf_room(c))
		return -EAGAIN;
	if (!c->told)
		return waits ? 0 : -EAGAIN;
	sf_auth_now(&c->auth, c->auth.now_ms);
	turn = c->airborne < c->concurrency &&
	       sf_rates_wait_ms(&c->rates, spec->class) == 0;
	if (turn && sf_has_token(c, spec->kind) &&
	    ring_empty(sf_lane(c, spec->kind, spec->class)))
		return 1;
	if (turn && !sf_has_token(c, spec->kind) && c->auth.grant)
		return 0;
	return waits ? 0 : -EAGAIN;
}

static int start_here(struct sf_client *c, struct sf_call *call, bool at_once)
{
	int rc = 0;

	if (!at_once)
		ring_add_after(sf_lane(c, call->kind, call->class)->prev,
			       &call->link);
	else if (!sf_rates_take(&c->rates, call->class))
		rc = -EAGAIN;
	else
		rc = sf_call_send(c, call);
	if (rc == 0)
		c->active++;
	return rc;
}

int sf_call_start(struct sf_client *c, const struct sf_call_spec *spec,
		  sf_done *done, void *arg)
{
	struct sf_call *call;
	int rc = 0;

	if (!sendable(spec))
		return -EINVAL;
	if (done == sf_answer_done && !arg)
		return -ENOMEM; /* so sf_answer_new() said */
	if (!c->loop)
		rc = admit(c, spec);
	if (rc < 0)
		return rc;
	call = sf_call_new(c, spec, done, arg);
	if (!call)
		return -ENOMEM;
	if (done == sf_answer_done)
		sf_answer_expect(arg, true);
	rc = c->loop ? sf_loop_post(c, call) : start_here(c, call, rc == 1);
	if (rc == 0)
		return 0;
	if (done == sf_answer_done)
		sf_answer_expect(arg, false);
	sf_call_free(call);
	return rc;
}
