#include "stackflow/call.h"

#include <errno.h>
#include <stdlib.h>

#include "stackflow/handed.h"
#include "stackflow/loop.h"

#define ANSWER_MAX (1u << 20)
#define READ_MAX (8u << 20) /* 200 rows with their descriptions */
#define KEY_HEADER "Idempotency-Key: "

/* Append with a NUL; the place where it begins. */
static char *place(char **at, struct str a, struct str b)
{
	char *begin = *at;

	memcpy(begin, a.p ? a.p : "", a.n);
	memcpy(begin + a.n, b.p ? b.p : "", b.n);
	begin[a.n + b.n] = '\0';
	*at = begin + a.n + b.n + 1;
	return begin;
}

struct sf_call *sf_call_new(struct sf_client *c,
			    const struct sf_call_spec *spec, sf_done *done,
			    void *arg)
{
	struct str base = str_from(c->base_url), key = str_from(spec->key);
	struct str bound = sf_bounds_lines(&c->bounds);
	size_t n = base.n + spec->path.n + spec->body.n + spec->id.n + key.n +
		   bound.n + sizeof(KEY_HEADER) + 5;
	struct sf_call *call = malloc(sizeof(*call) + n);
	char *at;

	if (!call)
		return NULL;
	if (spec->from_host)
		base.n = sf_host_end(base);
	*call = (struct sf_call){
		.client = c,
		.done = done,
		.arg = arg,
		.kind = spec->kind,
		.class = spec->class,
		.reads =
			spec->kind == SF_AI || strcmp(spec->method, "GET") == 0,
		.method = spec->method,
		.action = spec->action,
		.records = spec->records,
		.timeout_ms = c->timeout_ms,
	};
	if (spec->timeout_ms && spec->timeout_ms < c->timeout_ms)
		call->timeout_ms = spec->timeout_ms;
	at = call->text;
	call->url = place(&at, base, spec->path);
	if (spec->body.p)
		call->body = (struct str){ place(&at, spec->body, STR("")),
					   spec->body.n };
	if (spec->id.p)
		call->id = (struct str){ place(&at, spec->id, STR("")),
					 spec->id.n };
	if (spec->key)
		call->key = place(&at, STR(KEY_HEADER), key);
	call->bound = (struct str){ place(&at, bound, STR("")), bound.n };
	return call;
}

void sf_call_free(struct sf_call *call)
{
	free(call);
}

static void audit(struct sf_client *c, const struct sf_call *call,
		  const struct sf_result *res)
{
	const struct sf_written written = {
		.action = call->action,
		.id = call->id,
		.key = call->key ? call->key + sizeof(KEY_HEADER) - 1 : NULL,
		.records = call->records,
		.bound = call->bound,
	};

	sf_trail_ended(&c->trail, &written, res);
}

/* The caller's done, for a call that is in no ring any more. What done begins
 * is on behalf of whom the call was. */
static void end(struct sf_client *c, struct sf_call *call,
		const struct sf_result *res)
{
	struct sf_bound guise;

	c->active--;
	if (c->loop)
		sf_loop_ending(c);
	if (call->action)
		audit(c, call, res);
	sf_bounds_enter(&c->bounds, &guise, call->bound);
	call->done(res, call->arg);
	sf_bounds_leave(&guise);
	if (c->loop)
		sf_loop_ended(c);
}

static void end_unsent(struct sf_client *c, struct sf_call *call,
		       const char *problem)
{
	struct sf_result res = {
		.outcome = SF_NOT_EXECUTED,
		.problem = problem,
		.retry_after_ms = -1,
	};

	end(c, call, &res);
	sf_call_free(call);
}

void sf_end_all(struct sf_client *c)
{
	static const char closed[] = "not sent: the client is closed";
	struct sf_call *call;

	for (size_t i = 0; i < SF_LANES; i++)
		while ((call = ring_take(&c->lanes[i])))
			end_unsent(c, call, closed);
	while ((call = ring_take(&c->fresh)) || (call = ring_take(&c->later)))
		end_unsent(c, call, closed);
	while ((call = ring_take(&c->flying))) {
		struct sf_result res = {
			.outcome = SF_UNKNOWN,
			.problem = "no whole answer: the client is closed",
			.retry_after_ms = -1,
		};

		/* rest still holds it, and frees it by answered(). */
		c->airborne--;
		end(c, call, &res);
		call->client = NULL;
	}
}

struct sf_link *sf_lane(struct sf_client *c, enum sf_kind kind,
			enum sf_class class)
{
	return &c->lanes[kind == SF_HEALTH ? SF_LANE_HEALTH : (unsigned)class];
}

static void count(struct sf_client *c, int status)
{
	c->answered_2xx += status >= 200 && status < 300;
	c->answered_429 += status == 429;
	c->answered_5xx += status >= 500;
}

/* True where the call waits for another token and goes once more. */
static bool repeat(struct sf_client *c, struct sf_call *call)
{
	if (call->repeated) {
		sf_auth_rejected_again(&c->auth);
		return false;
	}
	if (!sf_auth_rejected(&c->auth, call->generation))
		return false;
	call->repeated = true;
	ring_add_after(sf_lane(c, call->kind, call->class), &call->link);
	return true;
}

/* What an answer says beyond this call. True: the call goes once more. */
static bool learn(struct sf_client *c, struct sf_call *call,
		  const struct rest_response *r)
{
	count(c, r->status);
	sf_limits_learn(&c->rates.of[call->class], r);
	if (r->status == 429)
		sf_say(c, SF_LOG_WARNING, "429: a pause of %lld ms",
		       (long long)sf_rates_wait_ms(&c->rates, call->class));
	if (call->kind == SF_HEALTH)
		return false;
	if (r->status == 401)
		return repeat(c, call);
	sf_auth_accepted(&c->auth);
	return false;
}

static void answered(const struct rest_response *r, void *arg)
{
	struct sf_call *call = arg;
	struct sf_client *c = call->client;
	struct sf_handed handed = { .words = BUF_INIT(4096) };
	int64_t again;

	if (!c) {
		sf_call_free(call);
		return;
	}
	ring_remove(&call->link);
	c->airborne--;
	if (r->outcome == REST_ANSWERED && learn(c, call, r)) {
		sf_pump(c);
		return;
	}
	/* What waits goes ahead of what done begins. */
	sf_pump(c);
	arena_reset(c->arena);
	sf_judge(&handed.res, &handed.root, &handed.words, call->kind, call->id,
		 r, &c->auth, c->arena);
	again = sf_again_ms(call, &handed.res);
	if (again >= 0) {
		sf_again(c, call, again, handed.res.problem);
	} else {
		if (call->again && handed.res.outcome != SF_OK)
			sf_say(c, SF_LOG_WARNING,
			       "%s %s: given up after %u: %s", call->method,
			       call->url, call->again + 1, handed.res.problem);
		c->handed = &handed;
		end(c, call, &handed.res);
		c->handed = NULL;
		sf_call_free(call);
	}
	json_free(handed.root);
	buf_fini(&handed.words);
}

int sf_call_send(struct sf_client *c, struct sf_call *call)
{
	const char *headers[SF_BOUND_LINES + 5] = {
		"Accept: application/json"
	};
	struct rest_request req = {
		.method = call->method,
		.url = call->url,
		.headers = headers,
		.body = call->body,
		.timeout_ms = call->timeout_ms,
		.max_body = call->body.p ? ANSWER_MAX : READ_MAX,
		.flags = call->body.p ? REST_ONCE : 0,
		.done = answered,
		.arg = call,
	};
	size_t n = 1;
	int rc;

	if (call->kind != SF_HEALTH)
		headers[n++] = sf_auth_header(&c->auth);
	if (call->body.p)
		headers[n++] = "Content-Type: application/json";
	if (call->key)
		headers[n++] = call->key;
	n += sf_bounds_split(headers + n, call->bound);
	headers[n] = NULL;
	call->generation = c->auth.generation;
	rc = rest_start(c->rest, &req, NULL);
	if (rc)
		return rc;
	c->requests++;
	c->airborne++;
	ring_add_after(c->flying.prev, &call->link);
	return 0;
}

bool sf_has_token(const struct sf_client *c, enum sf_kind kind)
{
	return kind == SF_HEALTH || sf_auth_header(&c->auth);
}

/* One that couldn't be handed to rest: out of memory, as good as always. */
static void unsendable(struct sf_client *c, struct sf_call *call)
{
	const struct sf_result res = {
		.outcome = SF_NOT_EXECUTED,
		.problem = "not sent: the request can't be made",
		.retry_after_ms = -1,
	};
	int64_t again = sf_again_ms(call, &res);

	if (again >= 0)
		sf_again(c, call, again, res.problem);
	else
		end_unsent(c, call, res.problem);
}

/* True where the lane's first call left it. */
static bool send_first(struct sf_client *c, struct sf_link *lane)
{
	struct sf_call *call = ring_first(lane);

	if (!call || !sf_has_token(c, call->kind) ||
	    !sf_rates_take(&c->rates, call->class))
		return false;
	ring_remove(&call->link);
	if (sf_call_send(c, call))
		unsendable(c, call);
	return true;
}

/* By turns, so that no lane keeps another from the last free place. */
void sf_pump(struct sf_client *c)
{
	unsigned idle = 0;

	while (idle < SF_LANES && c->airborne < c->concurrency) {
		c->turn = (c->turn + 1) % SF_LANES;
		idle = send_first(c, &c->lanes[c->turn]) ? 0 : idle + 1;
	}
}

void sf_fail_waiting(struct sf_client *c)
{
	const struct sf_result res = {
		.outcome = SF_NOT_EXECUTED,
		.problem = c->auth.problem[0] ? c->auth.problem : "no token",
		.retry_after_ms = sf_auth_wait_ms(&c->auth),
	};
	struct sf_call *call;
	struct sf_link failed;
	int64_t again;

	/* Taken out at once: a done that begins another call must not see its
	 * own new one ended here. */
	ring_init(&failed);
	for (size_t i = 0; i < SF_LANES; i++)
		if (i != SF_LANE_HEALTH)
			ring_move(&failed, &c->lanes[i]);
	while ((call = ring_take(&failed))) {
		again = c->auth.permanent ? -1 : sf_again_ms(call, &res);
		if (again >= 0)
			sf_again(c, call, again, res.problem);
		else
			end_unsent(c, call, res.problem);
	}
}
