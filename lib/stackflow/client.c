#include "stackflow/client.h"

#include <errno.h>
#include <stdlib.h>

#define ARENA_MAX (64u << 10)
#define ANSWER_MAX (1u << 20)
#define READ_MAX (8u << 20) /* 200 rows with their descriptions */
#define PATH_MAX_BYTES 6000
#define KEY_HEADER "Idempotency-Key: "

struct sf_call {
	struct sf_link link;	  /* first: a link is its call */
	struct sf_client *client; /* NULL: freed meanwhile */
	sf_done *done;
	void *arg;
	enum sf_kind kind;
	bool repeated;
	unsigned timeout_ms;
	uint64_t generation; /* of the token it went with */
	const char *method, *url;
	const char *key; /* a header line, or NULL */
	struct str body, id;
	char text[];
};

static void ring_init(struct sf_link *l)
{
	l->next = l->prev = l;
}

static void ring_remove(struct sf_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
}

static void ring_add_after(struct sf_link *at, struct sf_link *l)
{
	l->prev = at;
	l->next = at->next;
	l->prev->next = l->next->prev = l;
}

static bool ring_empty(const struct sf_link *l)
{
	return l->next == l;
}

static struct sf_call *ring_first(struct sf_link *l)
{
	return (struct sf_call *)l->next;
}

/* Take the first call out; NULL where there is none. */
static struct sf_call *ring_take(struct sf_link *l)
{
	struct sf_link *first = l->next;

	if (first == l)
		return NULL;
	l->next = first->next;
	l->next->prev = l;
	return (struct sf_call *)first;
}

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

int sf_client_new(struct sf_client **out, const struct sf_options *o,
		  struct rest *rest, struct err *err)
{
	struct sf_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->rest = rest;
	c->concurrency = o->concurrency ? o->concurrency : 32;
	c->timeout_ms = o->timeout_ms ? o->timeout_ms : 15000;
	sf_limits_init(&c->limits,
		       o->requests_per_second ? o->requests_per_second : 80);
	ring_init(&c->queue);
	ring_init(&c->flying);
	rc = sf_auth_init(&c->auth, &o->auth, rest, err);
	c->auth.ended = token_ended;
	c->auth.arg = c;
	c->auth.timeout_ms = c->timeout_ms;
	if (rc == 0)
		rc = set_base(c, o->base_url, err);
	c->arena = arena_new(ARENA_MAX);
	if (rc == 0 && !c->arena)
		rc = -ENOMEM;
	if (rc)
		sf_client_free(c);
	else
		*out = c;
	return rc;
}

/* The caller's done, for a call that is in no ring any more. */
static void end(struct sf_client *c, struct sf_call *call,
		const struct sf_result *res)
{
	c->active--;
	call->done(res, call->arg);
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
	free(call);
}

void sf_client_free(struct sf_client *c)
{
	struct sf_call *call;

	if (!c)
		return;
	sf_auth_fini(&c->auth);
	while ((call = ring_take(&c->queue)))
		end_unsent(c, call, "not sent: the client is closed");
	while ((call = ring_take(&c->flying))) {
		struct sf_result res = {
			.outcome = SF_UNKNOWN,
			.problem = "no whole answer: the client is closed",
			.retry_after_ms = -1,
		};

		/* rest still holds it, and frees it by answered(). */
		end(c, call, &res);
		call->client = NULL;
	}
	arena_free(c->arena);
	free(c->base_url);
	free(c);
}

static void pump(struct sf_client *c);

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
	ring_add_after(&c->queue, &call->link);
	return true;
}

static void answered(const struct rest_response *r, void *arg)
{
	struct sf_call *call = arg;
	struct sf_client *c = call->client;
	struct buf words = BUF_INIT(4096);
	struct json *root;
	struct sf_result res;

	if (!c) {
		free(call);
		return;
	}
	ring_remove(&call->link);
	if (r->outcome == REST_ANSWERED) {
		count(c, r->status);
		sf_limits_learn(&c->limits, r);
		if (call->kind != SF_HEALTH && r->status == 401 &&
		    repeat(c, call)) {
			pump(c);
			return;
		}
		if (call->kind != SF_HEALTH && r->status != 401)
			sf_auth_accepted(&c->auth);
	}
	arena_reset(c->arena);
	sf_judge(&res, &root, &words, call->kind, call->id, r, &c->auth,
		 c->arena);
	pump(c);
	end(c, call, &res);
	json_free(root);
	buf_fini(&words);
	free(call);
}

static int send_call(struct sf_client *c, struct sf_call *call)
{
	const char *headers[5] = { "Accept: application/json" };
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
	headers[n] = NULL;
	call->generation = c->auth.generation;
	rc = rest_start(c->rest, &req, NULL);
	if (rc)
		return rc;
	c->requests++;
	ring_add_after(c->flying.prev, &call->link);
	return 0;
}

/* May it go now, but for the rate? */
static bool has_token(const struct sf_client *c, enum sf_kind kind)
{
	return kind == SF_HEALTH || sf_auth_header(&c->auth);
}

/* Send what waits, in order, as far as token and rate allow. */
static void pump(struct sf_client *c)
{
	while (!ring_empty(&c->queue)) {
		struct sf_call *call = ring_first(&c->queue);

		if (!has_token(c, call->kind) || !sf_limits_take(&c->limits))
			return;
		ring_remove(&call->link);
		if (send_call(c, call)) {
			/* Out of memory, or rest is closing: later. */
			ring_add_after(&c->queue, &call->link);
			return;
		}
	}
}

static void token_ended(void *arg)
{
	struct sf_client *c = arg;
	struct sf_link failed;
	struct sf_call *call;

	pump(c);
	if (ring_empty(&c->queue) || sf_auth_header(&c->auth))
		return;
	/* Taken out at once: a done that begins another call must not see its
	 * own new one ended here. */
	failed = c->queue;
	failed.next->prev = failed.prev->next = &failed;
	ring_init(&c->queue);
	while ((call = ring_take(&failed)))
		end_unsent(c, call, c->auth.problem);
}

int64_t sf_client_wait_ms(struct sf_client *c, int64_t mono_ms)
{
	int64_t wait, token;

	sf_limits_now(&c->limits, mono_ms);
	sf_auth_now(&c->auth, mono_ms);
	c->told = true;
	pump(c);
	wait = sf_limits_wait_ms(&c->limits);
	/* Calls that wait for their turn go when this is asked again. */
	if (!ring_empty(&c->queue) && sf_auth_header(&c->auth))
		return wait ? wait : 1;
	if (c->active >= c->concurrency)
		return -1;
	token = sf_auth_wait_ms(&c->auth);
	return wait > token ? wait : token;
}

int64_t sf_client_gather_ms(const struct sf_client *c)
{
	return sf_limits_gather_ms(&c->limits);
}

unsigned sf_client_active(const struct sf_client *c)
{
	return c->active;
}

void sf_client_stats(const struct sf_client *c, struct sf_stats *out)
{
	*out = (struct sf_stats){
		.requests = c->requests,
		.answered_2xx = c->answered_2xx,
		.answered_429 = c->answered_429,
		.answered_5xx = c->answered_5xx,
		.renewals = c->auth.renewals,
		.rate_limit = c->limits.limit,
		.rate_remaining = c->limits.remaining,
		.paused_until_mono_ms = sf_limits_paused_until(&c->limits),
		.authenticated = sf_auth_header(&c->auth) && !c->auth.refused,
	};
	memcpy(out->auth_problem, c->auth.problem, sizeof(out->auth_problem));
}

/* A header value and a path that rest will take, or else nothing begins. */
static bool sendable(const struct sf_call_spec *spec)
{
	size_t n = spec->key ? strlen(spec->key) : 1;

	for (size_t i = 0; spec->key && i < n; i++)
		if (spec->key[i] <= ' ' || spec->key[i] >= 0x7f)
			return false;
	for (size_t i = 0; i < spec->path.n; i++)
		if (spec->path.p[i] <= ' ' || spec->path.p[i] >= 0x7f ||
		    spec->path.p[i] == '#' || spec->path.p[i] == '\\')
			return false;
	return n > 0 && n <= SF_KEY_MAX && spec->path.n < 6000 &&
	       spec->body.n <= SF_BODY_MAX;
}

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

static struct sf_call *call_new(struct sf_client *c,
				const struct sf_call_spec *spec)
{
	struct str base = str_from(c->base_url), key = str_from(spec->key);
	size_t n = base.n + spec->path.n + spec->body.n + spec->id.n + key.n +
		   sizeof(KEY_HEADER) + 4;
	struct sf_call *call = malloc(sizeof(*call) + n);
	char *at;

	if (!call)
		return NULL;
	*call = (struct sf_call){
		.client = c,
		.kind = spec->kind,
		.method = spec->method,
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
	return call;
}

/* May a call begin? It may wait for a token, but not for its turn. */
static int admit(struct sf_client *c, enum sf_kind kind)
{
	if (!c->told)
		return -EAGAIN;
	sf_auth_now(&c->auth, c->auth.now_ms);
	if (c->active >= c->concurrency || sf_limits_wait_ms(&c->limits))
		return -EAGAIN;
	if (has_token(c, kind))
		return ring_empty(&c->queue) ? 0 : -EAGAIN;
	return c->auth.grant ? 0 : -EAGAIN;
}

int sf_call_start(struct sf_client *c, const struct sf_call_spec *spec,
		  sf_done *done, void *arg)
{
	struct sf_call *call;
	int rc;

	if (!sendable(spec))
		return -EINVAL;
	rc = admit(c, spec->kind);
	if (rc)
		return rc;
	call = call_new(c, spec);
	if (!call)
		return -ENOMEM;
	call->done = done;
	call->arg = arg;
	if (has_token(c, spec->kind)) {
		sf_limits_take(&c->limits);
		rc = send_call(c, call);
		if (rc) {
			free(call);
			return rc;
		}
	} else {
		ring_add_after(c->queue.prev, &call->link);
	}
	c->active++;
	return 0;
}

int sf_list_start(struct sf_client *c, const char *resource, const char *query,
		  struct str next, sf_done *done, void *arg)
{
	return sf_list_within(c, resource, query, next, 0, done, arg);
}

int sf_list_within(struct sf_client *c, const char *resource,
		   const char *query, struct str next, unsigned timeout_ms,
		   sf_done *done, void *arg)
{
	struct sf_call_spec spec = { .kind = SF_LIST, .method = "GET",
				     .timeout_ms = timeout_ms };
	struct buf path = BUF_INIT(PATH_MAX_BYTES);
	char sep = '?';
	int rc;

	buf_puts(&path, resource);
	if (query && query[0]) {
		buf_printf(&path, "%c%s", sep, query);
		sep = '&';
	}
	if (next.n) {
		buf_putc(&path, sep);
		buf_put_str(&path, next);
	}
	spec.path = buf_str(&path);
	rc = buf_error(&path);
	if (rc == 0)
		rc = sf_call_start(c, &spec, done, arg);
	buf_fini(&path);
	return rc;
}
