#include "web/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/exchange.h"
#include "web/loop.h"
#include "web/preamble.h"
#include "web/stream.h"
#include "web/tls.h"

enum {
	INBUF_LEAST = 16384, /* what one TLS record may bring */
	STEPS_A_VISIT = 64,  /* then the other connections have a turn */
	SMALL_BODY = 16384,  /* not counted in web->bodies */
	LINGER_BYTES = 4 << 20,
};

size_t inbuf_bytes(const struct web_limits *limits)
{
	return limits->header_bytes > INBUF_LEAST ? limits->header_bytes
						  : INBUF_LEAST;
}

static struct inbuf *inbuf_take(struct loop *l)
{
	const struct web_limits *limits = &l->web->limits;
	size_t fields = limits->header_count * sizeof(struct http_field);
	struct inbuf *in = l->spares;

	if (in) {
		l->spares = in->next;
		l->spare_count--;
	} else {
		in = malloc(sizeof(*in) + fields + inbuf_bytes(limits));
		if (!in)
			return NULL;
		in->bytes = (char *)in->fields + fields;
	}
	in->from = in->to = 0;
	http_init(&in->http, limits, in->fields);
	return in;
}

static void inbuf_give(struct loop *l, struct inbuf *in)
{
	if (!in)
		return;
	if (l->spare_count >= LOOP_SPARES) {
		free(in);
		return;
	}
	in->next = l->spares;
	l->spares = in;
	l->spare_count++;
}

static size_t waiting(const struct conn *c)
{
	return c->in ? c->in->to - c->in->from : 0;
}

static void give_back(struct conn *c)
{
	inbuf_give(c->loop, c->in);
	c->in = NULL;
}

/* Read once more; what sock_read says, or -ENOMEM. */
static ssize_t fill(struct conn *c)
{
	size_t cap = inbuf_bytes(&c->loop->web->limits);
	struct inbuf *in = c->in ? c->in : inbuf_take(c->loop);
	ssize_t n;

	if (!in)
		return -ENOMEM;
	c->in = in;
	if (in->from == in->to) {
		in->from = in->to = 0;
		in->since_us = c->loop->now_us;
	}
	if (in->to == cap) {
		memmove(in->bytes, in->bytes + in->from, in->to - in->from);
		in->to -= in->from;
		in->from = 0;
	}
	n = sock_read(&c->sock, in->bytes + in->to, cap - in->to);
	if (n > 0) {
		in->to += (size_t)n;
		loop_count(c->loop, COUNT_BYTES_IN, (uint64_t)n);
	} else if (in->from == in->to) {
		give_back(c);
	}
	return n;
}

/* What fill() said when it brought nothing: wait, or that was all. */
static bool nothing(struct conn *c, ssize_t said)
{
	if (said != -EAGAIN)
		conn_close(c);
	return false;
}

void exchange_drop(struct loop *l, struct web_exchange *x)
{
	if (x && x->charged)
		atomic_fetch_sub(&l->web->bodies, x->charged);
	exchange_free(x);
}

/* Append to what is still to be written; from's memory is taken over. */
static void put_out(struct conn *c, struct buf *from, size_t at)
{
	if (c->out.n == 0) {
		buf_fini(&c->out);
		c->out = *from;
		c->out_at = at;
		*from = BUF_INIT(0);
		return;
	}
	c->out.max = c->out.n + from->n;
	buf_put(&c->out, from->p + at, from->n - at);
}

static void write_reply(struct conn *c, struct buf *reply, int status)
{
	struct loop *l = c->loop;
	size_t at;

	if (buf_error(reply)) {
		conn_close(c);
		return;
	}
	at = reply_finish(reply, status, loop_date(l), c->close);
	put_out(c, reply, at);
	loop_list(l, c, CONN_WRITE);
}

void conn_answer(struct conn *c, struct web_exchange *x)
{
	c->x = NULL;
	c->close = x->close || atomic_load(&c->loop->web->draining);
	write_reply(c, &x->out, x->status);
	exchange_drop(c->loop, x);
}

static void respond(struct conn *c, struct web_exchange *x,
		    const struct web_reply *r)
{
	x->status = r->status;
	x->close |= r->close;
	reply_put(&x->out, r, x->head);
	conn_answer(c, x);
}

/* Answer what can't be served; nothing behind it is looked at. */
static void refuse(struct conn *c, int status)
{
	struct web_reply r = { .status = status };
	struct buf out = BUF_INIT(0), text = BUF_INIT(64);

	if (status == 405)
		r.headers = "Allow: GET, HEAD, POST\r\n";
	else if (status == 503)
		r.headers = "Retry-After: 1\r\n";
	buf_printf(&text, "%d %s\n", status, reply_phrase(status));
	r.body = buf_str(&text);
	exchange_drop(c->loop, c->x);
	c->x = NULL;
	give_back(c);
	c->close = true;
	reply_put(&out, &r, false);
	write_reply(c, &out, status);
	buf_fini(&out);
	buf_fini(&text);
}

static void malformed(struct conn *c, int status)
{
	loop_count(c->loop, COUNT_MALFORMED, 1);
	refuse(c, status);
}

/* Give the whole request to the handler, which may answer at once. */
static void dispatch(struct conn *c, struct web_exchange *x)
{
	struct loop *l = c->loop;

	if (x->body.n)
		x->req.body = buf_str(&x->body);
	if (!waiting(c))
		give_back(c);
	c->x = x;
	loop_list(l, c, CONN_PARKED);
	l->handling = x;
	l->answered = false;
	c->listener->conf.handle(x, &x->req, c->listener->conf.arg);
	l->handling = NULL;
	if (l->answered)
		conn_answer(c, x);
}

static void ask_for_body(struct conn *c, bool expected)
{
	struct buf go_on = BUF_INIT(64);

	loop_list(c->loop, c, CONN_BODY);
	/* RFC 9110 10.1.1: not needed once some of it is here. */
	if (!expected || waiting(c))
		return;
	buf_puts(&go_on, "HTTP/1.1 100 Continue\r\n\r\n");
	put_out(c, &go_on, 0);
	buf_fini(&go_on);
}

/* The head of a request is whole. */
static void begin(struct conn *c)
{
	const struct web_listener *conf = &c->listener->conf;
	struct inbuf *in = c->in;
	bool expected = in->http.expect_continue;
	struct web_reply refusal = { .status = 403 };
	struct web_exchange *x;

	x = exchange_new(&in->http, in->bytes + in->from, c->peer);
	if (!x) {
		conn_close(c);
		return;
	}
	x->loop = c->loop;
	x->conn = c;
	x->req.peer_uid = c->uid;
	x->req.started_us = in->since_us;
	x->req.listener = conf->tag;
	in->from += in->http.bytes;
	loop_count(c->loop, COUNT_REQUESTS, 1);
	if (conf->admit && conf->admit(&x->req, &refusal, conf->arg)) {
		x->close |= x->chunked || x->left;
		respond(c, x, &refusal);
	} else if (x->chunked || x->left) {
		c->x = x;
		ask_for_body(c, expected);
	} else {
		dispatch(c, x);
	}
}

/* Each step: true when there may be more to do at once, false to wait. */

static bool step_preamble(struct conn *c)
{
	int rc = preamble_read(c);

	if (rc == -EUSERS)
		loop_count(c->loop, COUNT_REFUSED, 1);
	else if (rc == -EPROTO)
		loop_count(c->loop, COUNT_PROXY_REFUSED, 1);
	return rc == 0 || nothing(c, rc);
}

static bool step_handshake(struct conn *c)
{
	int rc;

	if (c->preamble)
		return step_preamble(c);
	rc = sock_handshake(&c->sock);
	if (rc == 0) {
		loop_list(c->loop, c, CONN_HEADERS);
		return true;
	}
	if (rc != -EAGAIN) {
		loop_count(c->loop, COUNT_HANDSHAKE_FAILED, 1);
		conn_close(c);
	}
	return false;
}

static bool step_head(struct conn *c)
{
	struct inbuf *in = c->in;
	int rc = HTTP_MORE;
	ssize_t n;

	if (in)
		rc = http_head(&in->http, in->bytes + in->from,
			       in->to - in->from);
	if (rc == HTTP_MORE) {
		n = fill(c);
		if (n <= 0)
			return nothing(c, n);
		if (c->state <= CONN_IDLE)
			loop_list(c->loop, c, CONN_HEADERS);
		return true;
	}
	if (rc)
		malformed(c, rc);
	else
		begin(c);
	return !c->closed;
}

bool conn_flush(struct conn *c)
{
	while (c->out_at < c->out.n) {
		ssize_t n = sock_write(&c->sock, c->out.p + c->out_at,
				       c->out.n - c->out_at);

		if (n < 0)
			return nothing(c, n);
		c->out_at += (size_t)n;
	}
	buf_fini(&c->out);
	c->out_at = 0;
	return true;
}

/*
 * Count the body's memory. When all bodies together have too much, those that
 * have been coming in the longest go. False: there is no room at all.
 */
static bool charge(struct conn *c)
{
	struct loop *l = c->loop;
	struct web *web = l->web;
	struct web_exchange *x = c->x;
	struct conn *other, *next;
	size_t more;

	if (x->body.cap <= SMALL_BODY || x->body.cap == x->charged)
		return true;
	more = x->body.cap - x->charged;
	x->charged = x->body.cap;
	if (atomic_fetch_add(&web->bodies, more) + more <= web->bodies_max)
		return true;
	for (other = l->states[CONN_BODY].first; other; other = next) {
		next = other->next;
		if (other == c || !other->x->charged)
			continue;
		loop_count(l, COUNT_EVICTED, 1);
		conn_close(other);
		if (atomic_load(&web->bodies) <= web->bodies_max)
			return true;
	}
	return false;
}

/* Move what has come into the body. 0: it is whole; else as chunked_read. */
static int take_body(struct conn *c)
{
	struct web_exchange *x = c->x;
	struct inbuf *in = c->in;
	size_t used = waiting(c);
	int rc;

	if (x->chunked) {
		rc = chunked_read(&x->chunks, &x->body, &used,
				  in->bytes + in->from, used);
	} else {
		if (used > x->left)
			used = x->left;
		buf_put(&x->body, in->bytes + in->from, used);
		x->left -= used;
		rc = buf_error(&x->body);
		if (rc == 0 && x->left)
			rc = CHUNKED_MORE;
	}
	in->from += used;
	return rc;
}

static bool step_body(struct conn *c)
{
	ssize_t n;
	int rc;

	/* A 100 Continue that doesn't fit yet must not stop the reading. */
	if (c->out.n)
		conn_flush(c);
	if (c->closed)
		return false;
	if (!waiting(c)) {
		n = fill(c);
		return n > 0 || nothing(c, n);
	}
	rc = take_body(c);
	if (rc < 0)
		conn_close(c);
	else if (rc > CHUNKED_MORE)
		malformed(c, rc);
	else if (!charge(c))
		refuse(c, 503);
	else if (rc == 0)
		dispatch(c, c->x);
	return !c->closed;
}

static bool step_write(struct conn *c)
{
	struct loop *l = c->loop;

	if (!conn_flush(c))
		return false;
	if (c->close) {
		give_back(c);
		sock_finish(&c->sock);
		loop_list(l, c, CONN_LINGER);
	} else if (waiting(c)) {
		http_init(&c->in->http, &l->web->limits, c->in->fields);
		c->in->since_us = l->now_us;
		loop_list(l, c, CONN_HEADERS);
	} else {
		give_back(c);
		loop_list(l, c, CONN_IDLE);
	}
	return true;
}

/*
 * Closing with bytes unread would send a reset, which may reach the client
 * before it has read the answer.
 */
static bool step_linger(struct conn *c)
{
	ssize_t n = sock_skip(&c->sock, c->loop->scratch, LOOP_SCRATCH);

	if (n <= 0)
		return nothing(c, n);
	c->skipped += (size_t)n;
	if (c->skipped > LINGER_BYTES)
		return nothing(c, 0);
	return true;
}

static bool step_parked(struct conn *c)
{
	(void)c;
	return false;
}

void conn_run(struct conn *c)
{
	static bool (*const steps[CONN_STATES])(struct conn *) = {
		[CONN_LINGER] = step_linger,	   [CONN_RESTED] = step_head,
		[CONN_IDLE] = step_head,
		[CONN_HANDSHAKE] = step_handshake, [CONN_HEADERS] = step_head,
		[CONN_BODY] = step_body,	   [CONN_WRITE] = step_write,
		[CONN_PARKED] = step_parked,	   [CONN_STALLED] = stream_step,
		[CONN_STREAM] = stream_step,
	};

	for (int i = 0; i < STEPS_A_VISIT; i++)
		if (!steps[c->state](c))
			return;
	loop_again(c->loop, c);
}

void conn_event(struct conn *c, unsigned events)
{
	sock_event(&c->sock, events);
	if (c->stream && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn_close(c);
	else if (c->state != CONN_PARKED)
		conn_run(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		conn_close(c);
}

void conn_expire(struct conn *c)
{
	bool begun = c->state == CONN_BODY ||
		     (c->state == CONN_HEADERS && waiting(c));

	if (c->state == CONN_IDLE) {
		c->loop->rested += sock_rest(&c->sock);
		loop_list(c->loop, c, CONN_RESTED);
		return;
	}
	if (c->state > CONN_IDLE)
		loop_count(c->loop, COUNT_TIMED_OUT, 1);
	if (!begun) {
		conn_close(c);
		return;
	}
	refuse(c, 408);
	if (!c->closed)
		conn_run(c);
}

bool conn_quiet(const struct conn *c)
{
	char byte;

	return (c->state == CONN_RESTED || c->state == CONN_IDLE ||
		c->state == CONN_HEADERS) &&
	       !waiting(c) &&
	       recv(c->sock.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void conn_set_peer(struct conn *c, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in4 = (const void *)sa;
	struct ucred cred;
	socklen_t n = sizeof(cred);

	c->uid = -1;
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &in4->sin_addr, c->peer, sizeof(c->peer));
	} else if (sa->sa_family == AF_INET6) {
		bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

		inet_ntop(mapped ? AF_INET : AF_INET6,
			  in6->sin6_addr.s6_addr + (mapped ? 12 : 0), c->peer,
			  sizeof(c->peer));
	} else {
		memcpy(c->peer, "unix", 5);
		if (!getsockopt(c->sock.fd, SOL_SOCKET, SO_PEERCRED, &cred, &n))
			c->uid = (long)cred.uid;
	}
}

int conn_open(struct loop *l, struct listener *ln, int fd,
	      const struct sockaddr *sa, const struct address_key *address)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->source = SOURCE_CONN;
	c->state = CONN_STATES;
	c->loop = l;
	c->listener = ln;
	c->sock.fd = fd;
	c->address = *address;
	conn_set_peer(c, sa);
	if (ln->conf.proxy)
		c->preamble = preamble_new(sa);
	if ((ln->conf.proxy && !c->preamble) ||
	    (ln->tls && tls_wrap(ln->tls, &c->sock)) || loop_watch(l, c)) {
		sock_close(&c->sock);
		preamble_free(c->preamble);
		free(c);
		return -ENOMEM;
	}
	loop_list(l, c, ln->tls || c->preamble ? CONN_HANDSHAKE : CONN_HEADERS);
	return 0;
}

void conn_close(struct conn *c)
{
	struct web *web = c->loop->web;

	if (c->closed)
		return;
	c->closed = true;
	if (c->state == CONN_PARKED && c->x) {
		/* The handler still has it, and it keeps its place. */
		c->x->conn = NULL;
	} else {
		exchange_drop(c->loop, c->x);
		atomic_fetch_sub(&web->open, 1);
	}
	c->x = NULL;
	stream_leave(c);
	give_back(c);
	preamble_free(c->preamble);
	c->preamble = NULL;
	buf_fini(&c->out);
	sock_close(&c->sock);
	address_leave(web, &c->address);
	loop_forget(c->loop, c);
}
