#include "aws/call.h"

#include <errno.h>
#include <stdlib.h>

#include "aws/endpoint.h"
#include "aws/reply.h"
#include "base/clock.h"

#define BODY_MAX (4u << 20)
#define HEADERS_MAX 12
#define HEADER_TEXT_MAX (64u << 10)
/* How much AWS takes is 5 min; so its SDKs act on 4. */
#define SKEW_MS (4 * 60 * 1000)
#define KEYS_WAIT_MS 10000
#define KEYS_POLL_MS 50
#define TIMEOUT_MS 15000

enum state {
	WAITING, /* for keys */
	SENT,
	ENDED, /* before it began: done comes with the next step */
};

struct call {
	struct call *next, *prev;
	struct aws_client *client; /* NULL: given up, rest still has it */
	enum state state;
	struct aws_call c; /* what it points to is in text */
	struct buf text, url, host;
	struct aws_held *held;	      /* keys it was signed with */
	int64_t offset_ms, before_ms; /* client's at signing; ere it was set */
	int64_t until_ms;	      /* waits for keys at most */
	uint64_t turn;		      /* client's when it began */
	bool retimed, renewed;	      /* each at most once */
	struct reply reply;
};

struct aws_client {
	struct rest *rest;
	struct aws_creds *creds;
	struct sigv4 *sigv4;
	char *region, *endpoint;
	int64_t (*wall_ms)(void);
	int64_t offset_ms; /* of AWS's clock to ours */
	struct call calls; /* a ring, the eldest first */
	uint64_t turns;	   /* aws_client_step() was called */
	bool ended;	   /* a call waits for its end */
	bool closing;
};

static void link_call(struct aws_client *client, struct call *c)
{
	c->prev = client->calls.prev;
	c->next = &client->calls;
	c->prev->next = c->next->prev = c;
}

static void unlink_call(struct call *c)
{
	c->prev->next = c->next;
	c->next->prev = c->prev;
	c->next = c->prev = NULL;
}

static void free_call(struct call *c)
{
	reply_close(&c->reply);
	if (c->held)
		aws_held_drop(c->held);
	buf_wipe(&c->text);
	buf_fini(&c->url);
	buf_fini(&c->host);
	free(c);
}

static void finish(struct call *c)
{
	unlink_call(c);
	c->c.done(&c->reply.a, c->c.arg);
	free_call(c);
}

/* Headers as lines for rest and as pairs to be signed. */
struct headers {
	struct buf text;
	size_t count;
	const char *lines[HEADERS_MAX + 1];
	struct sigv4_header pairs[HEADERS_MAX];
};

static void add_header(struct headers *h, const char *name, struct str value)
{
	size_t from = h->text.n, after = from + strlen(name) + 2;

	buf_puts(&h->text, name);
	buf_puts(&h->text, ": ");
	buf_put_str(&h->text, value);
	buf_putc(&h->text, '\0');
	if (buf_error(&h->text))
		return;
	h->lines[h->count] = h->text.p + from;
	h->pairs[h->count++] = (struct sigv4_header){
		str_from(name),
		{ h->text.p + after, value.n },
	};
}

static void add_headers(struct headers *h, const struct call *c,
			const struct aws_keys *keys, const char *date)
{
	/* At once: what points into it must stay, and no copies be left. */
	buf_room(&h->text, 2048 + c->host.n + 2 * keys->id.n + keys->token.n +
				   (c->c.target ? strlen(c->c.target) : 0));
	add_header(h, "Host", buf_str(&c->host));
	add_header(h, "X-Amz-Date", str_from(date));
	if (c->c.target) {
		add_header(h, "Content-Type",
			   STR("application/x-amz-json-1.0"));
		add_header(h, "X-Amz-Target", str_from(c->c.target));
		add_header(h, "x-amzn-query-mode", STR("true"));
	} else {
		add_header(h, "Content-Type",
			   STR("application/x-www-form-urlencoded; "
			       "charset=utf-8"));
	}
	if (keys->token.n)
		add_header(h, "X-Amz-Security-Token", keys->token);
}

static int sign(struct headers *h, const struct call *c,
		const struct aws_keys *keys, int64_t now_ms)
{
	const struct sigv4_request r = {
		.method = STR("POST"),
		.path = STR("/"),
		.headers = h->pairs,
		.header_count = h->count,
		.body = c->c.body,
	};
	struct buf value = BUF_INIT(2048);
	int rc = buf_error(&h->text);

	if (rc == 0)
		rc = sigv4_sign(&value, c->client->sigv4, &r, keys, c->c.region,
				str_from(c->c.signing), now_ms);
	if (rc == 0)
		add_header(h, "Authorization", buf_str(&value));
	buf_fini(&value);
	return rc ? rc : buf_error(&h->text);
}

static void on_answer(const struct rest_response *r, void *arg);

static int send_call(struct call *c, struct err *err)
{
	const struct aws_keys *keys = aws_held_keys(c->held);
	struct headers h = { .text = BUF_INIT(HEADER_TEXT_MAX) };
	struct aws_client *client = c->client;
	struct rest_request req = {
		.method = "POST",
		.url = c->url.p,
		.headers = h.lines,
		.body = c->c.body,
		.timeout_ms = c->c.timeout_ms,
		.max_body = c->c.max_body,
		.flags = c->c.once ? REST_ONCE : 0,
		.done = on_answer,
		.arg = c,
	};
	int64_t now_ms;
	char date[17];
	int rc;

	c->offset_ms = client->offset_ms;
	now_ms = client->wall_ms() + c->offset_ms;
	sigv4_date(date, now_ms);
	add_headers(&h, c, keys, date);
	rc = sign(&h, c, keys, now_ms);
	if (rc == 0)
		rc = rest_start(client->rest, &req, err);
	else
		err_set(err, rc, "the call can't be signed (%s)",
			rc == -E2BIG ? "keys too long" : "OpenSSL or memory");
	buf_wipe(&h.text);
	if (rc == 0)
		c->state = SENT;
	return rc;
}

/* 0 sent; 1 keys aren't there yet; negative: can't be, reply says why. */
static int begin(struct call *c)
{
	struct aws_held *held = NULL;
	struct err err = { "" };
	int rc;

	rc = aws_creds_get(&held, c->client->creds, &err);
	if (rc == -EAGAIN)
		return 1;
	if (rc) {
		/* Where it was refused before, that says more. */
		if (!c->renewed)
			reply_set(&c->reply, AWS_NO_KEYS, "%s", err.text);
		return rc;
	}
	if (c->held) {
		const struct aws_keys *was = aws_held_keys(c->held);
		const struct aws_keys *now = aws_held_keys(held);
		bool same = str_eq(was->id, now->id) &&
			    str_eq_secret(was->token, now->token);

		if (c->renewed && same) {
			aws_held_drop(held);
			return -EACCES;
		}
		aws_held_drop(c->held);
	}
	c->held = held;
	rc = send_call(c, &err);
	if (rc) {
		reply_init(&c->reply);
		reply_set(&c->reply, AWS_TRANSIENT, "%s", err.text);
	}
	return rc;
}

static void wait_for_keys(struct call *c)
{
	int64_t wait =
		c->c.timeout_ms < KEYS_WAIT_MS ? c->c.timeout_ms : KEYS_WAIT_MS;

	c->state = WAITING;
	c->until_ms = clock_mono_ms() + wait;
}

/*
 * Was the time that was signed wrong? SignatureDoesNotMatch also means a
 * wrong secret, so only a large difference counts, and an offset that didn't
 * help is taken back.
 */
static bool retime(struct call *c, const struct rest_response *r)
{
	struct aws_client *client = c->client;
	int64_t offset;

	if (c->retimed) {
		if (client->offset_ms == c->offset_ms)
			client->offset_ms = c->before_ms;
		return false;
	}
	if (r->date_ms == 0)
		return false;
	offset = r->date_ms - client->wall_ms();
	if (llabs(offset - c->offset_ms) <= SKEW_MS)
		return false;
	c->retimed = true;
	c->before_ms = client->offset_ms;
	client->offset_ms = offset;
	return true;
}

static void on_answer(const struct rest_response *r, void *arg)
{
	struct call *c = arg;
	struct aws_client *client = c->client;
	struct err err = { "" };

	if (!client) {
		free_call(c);
		return;
	}
	reply_close(&c->reply);
	reply_read(&c->reply, r, c->c.target, c->c.json_flags,
		   aws_held_keys(c->held), client->wall_ms());
	if (c->reply.cure == REPLY_TIME && retime(c, r) &&
	    send_call(c, &err) == 0)
		return;
	if (c->reply.cure == REPLY_KEYS && !c->renewed) {
		c->renewed = true;
		reply_close(&c->reply);
		aws_creds_expired(client->creds, c->held);
		wait_for_keys(c);
		return;
	}
	finish(c);
}

static const char *keep(struct buf *text, const char *s)
{
	size_t from = text->n;

	if (!s)
		return NULL;
	buf_put(text, s, strlen(s) + 1);
	return buf_error(text) ? NULL : text->p + from;
}

static int copy_call(struct call *c, const struct aws_call *from)
{
	struct str region = from->region;
	const char *signing = from->signing ? from->signing : from->service;
	struct buf *text = &c->text;

	if (!region.p)
		region = str_from(c->client->region);
	c->c = *from;
	buf_room(text, from->body.n + region.n + 2 * strlen(from->service) +
			       strlen(signing) + 8 +
			       (from->target ? strlen(from->target) : 0));
	c->c.service = keep(text, from->service);
	c->c.signing = keep(text, signing);
	c->c.target = keep(text, from->target);
	buf_put_str(text, region);
	buf_put_str(text, from->body);
	if (buf_error(text))
		return buf_error(text);
	c->c.region = str_sub(buf_str(text), text->n - from->body.n - region.n,
			      region.n);
	c->c.body =
		str_sub(buf_str(text), text->n - from->body.n, from->body.n);
	if (!c->c.timeout_ms)
		c->c.timeout_ms = TIMEOUT_MS;
	return 0;
}

static int prepare(struct call *c, const struct aws_call *from, struct err *err)
{
	int rc = copy_call(c, from);

	if (rc)
		return err_set(err, rc, "a call of %zu bytes doesn't fit",
			       from->body.n);
	if (!endpoint_region_ok(c->c.region))
		return err_set(err, -EINVAL,
			       "no usable AWS region: expected one like "
			       "us-east-1 (aws.region)");
	return endpoint_find(&c->url, &c->host, c->client->endpoint,
			     c->c.service, c->c.region, err);
}

int aws_call(struct aws_client *client, const struct aws_call *call,
	     struct err *err)
{
	struct call *c;
	int rc;

	if (client->closing)
		return -ECANCELED;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->client = client;
	c->turn = client->turns;
	reply_init(&c->reply);
	buf_init(&c->text, BODY_MAX);
	buf_init(&c->url, 1024);
	buf_init(&c->host, 512);
	rc = prepare(c, call, err);
	if (rc) {
		free_call(c);
		return rc;
	}
	link_call(client, c);
	rc = begin(c);
	if (rc > 0)
		wait_for_keys(c);
	if (rc < 0) {
		c->state = ENDED;
		client->ended = true;
	}
	if (rc) /* the step that it waits for must not be far */
		rest_wake(client->rest);
	return 0;
}

/* One that waits: does it go on waiting? */
static bool step_call(struct call *c)
{
	int rc = c->state == ENDED ? -ECANCELED : begin(c);

	if (rc == 0)
		return false;
	if (rc > 0 && clock_mono_ms() < c->until_ms)
		return true;
	if (rc > 0 && !c->renewed)
		reply_set(&c->reply, AWS_NO_KEYS,
			  "credentials are still being looked for");
	finish(c);
	return false;
}

int aws_client_step(struct aws_client *client)
{
	struct call *c = client->calls.next, *next;
	uint64_t turn = ++client->turns;
	int wait = -1;

	client->ended = false;
	/* Those that done() adds have their turn with the next step. */
	for (; c != &client->calls && c->turn < turn; c = next) {
		next = c->next;
		if (c->state != SENT && step_call(c))
			wait = KEYS_POLL_MS;
	}
	return client->ended ? 0 : wait;
}

int aws_client_new(struct aws_client **out, const struct aws_client_options *o,
		   struct err *err)
{
	struct aws_client *c;
	int rc;

	if (o->endpoint_url) {
		rc = endpoint_check(o->endpoint_url, "endpoint_url", err);
		if (rc)
			return rc;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->calls.next = c->calls.prev = &c->calls;
	c->rest = o->rest;
	c->creds = o->creds;
	c->wall_ms = o->wall_ms ? o->wall_ms : clock_wall_ms;
	c->region = strndup(o->region.p ? o->region.p : "", o->region.n);
	if (o->endpoint_url)
		c->endpoint = strdup(o->endpoint_url);
	rc = sigv4_new(&c->sigv4);
	if (rc || !c->region || (o->endpoint_url && !c->endpoint)) {
		aws_client_free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

/* rest still has it and calls on_answer() at its own end. */
static void give_up(struct call *c)
{
	c->client = NULL;
	unlink_call(c);
	if (c->held)
		aws_held_drop(c->held);
	c->held = NULL;
	c->c.done(&c->reply.a, c->c.arg);
}

void aws_client_free(struct aws_client *client)
{
	struct call *next;

	if (!client)
		return;
	client->closing = true;
	for (struct call *c = client->calls.next; c != &client->calls;
	     c = next) {
		bool sent = c->state == SENT;

		next = c->next;
		if (c->state != ENDED)
			reply_set(&c->reply, AWS_TRANSIENT,
				  "given up before an answer came");
		if (sent)
			give_up(c);
		else
			finish(c);
	}
	sigv4_free(client->sigv4);
	free(client->region);
	free(client->endpoint);
	free(client);
}

const char *aws_outcome_name(enum aws_outcome o)
{
	switch (o) {
	case AWS_OK:
		return "ok";
	case AWS_THROTTLED:
		return "throttled";
	case AWS_TRANSIENT:
		return "transient";
	case AWS_UNREACHABLE:
		return "unreachable";
	case AWS_NO_KEYS:
		return "no-keys";
	case AWS_EXPIRED:
		return "expired";
	case AWS_DENIED:
		return "denied";
	case AWS_REFUSED:
		return "refused";
	}
	return "unknown";
}
