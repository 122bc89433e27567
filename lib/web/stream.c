#include "web/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "web/exchange.h"
#include "web/loop.h"

/*
 * Shared by who sends and by the loop. It is held by its sender until the end,
 * by its connection while there is one, and by the loop's mailbox.
 */
struct web_stream {
	pthread_mutex_t lock;	/* of what follows up to refs */
	struct buf fresh;	/* not yet taken by the loop */
	size_t waiting;		/* bytes that aren't in the kernel yet */
	bool posted, gone, cut, ended;
	unsigned refs;
	size_t max;
	struct loop *loop;
	struct web_stream *next; /* in the mailbox */
	/* The loop's: */
	struct web_exchange *x;	/* until it is attached */
	struct buf head;
	struct conn *conn;
};

/* With its lock held, which is given back. */
static void drop(struct web_stream *s)
{
	bool last = --s->refs == 0;

	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&s->lock);
	buf_fini(&s->fresh);
	buf_fini(&s->head);
	free(s);
}

/* With its lock held. */
static void post(struct web_stream *s)
{
	struct loop *l = s->loop;
	struct web_stream *head;

	if (s->posted)
		return;
	s->posted = true;
	s->refs++;
	head = atomic_load(&l->streams);
	do
		s->next = head;
	while (!atomic_compare_exchange_weak(&l->streams, &head, s));
	loop_posted(l);
}

/* ---- who sends ---- */

struct web_stream *web_stream_begin(struct web_exchange *x,
				    const struct web_reply *r, size_t max)
{
	struct web_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	reply_put_open(&s->head, r);
	buf_init(&s->fresh, max);
	if (!x->head)
		buf_put_str(&s->fresh, r->body);
	if (buf_error(&s->head) || buf_error(&s->fresh)) {
		buf_fini(&s->head);
		buf_fini(&s->fresh);
		free(s);
		return NULL;
	}
	x->status = r->status;
	pthread_mutex_init(&s->lock, NULL);
	s->waiting = s->fresh.n;
	s->refs = 2;	/* the caller's, and the connection's to be */
	s->max = max;
	s->loop = x->loop;
	s->x = x;
	pthread_mutex_lock(&s->lock);
	post(s);
	pthread_mutex_unlock(&s->lock);
	return s;
}

int web_stream_send(struct web_stream *s, struct str bytes)
{
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (!s->gone && bytes.n > s->max - s->waiting)
		s->cut = true;
	if (!s->gone && !s->cut) {
		buf_put_str(&s->fresh, bytes);
		s->waiting += bytes.n;
		s->cut = buf_error(&s->fresh);
	}
	if (s->cut)
		s->gone = true;
	if (s->gone)
		rc = -EPIPE;
	if ((!rc && bytes.n) || s->cut)
		post(s);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void web_stream_end(struct web_stream *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	if (!s->gone)
		post(s);
	drop(s);
}

/* ---- the loop ---- */

/* Its connection, if it has one, won't have it any more. With its lock held. */
static void forget(struct web_stream *s)
{
	s->gone = true;
	if (s->conn)
		s->conn->stream = NULL;
	s->conn = NULL;
	buf_fini(&s->fresh);
}

static void detach(struct web_stream *s)
{
	pthread_mutex_lock(&s->lock);
	forget(s);
	drop(s);
}

/* The same, while the mailbox holds it as well. */
static void detach_read(struct web_stream *s)
{
	pthread_mutex_lock(&s->lock);
	forget(s);
	s->refs--;
	pthread_mutex_unlock(&s->lock);
}

void stream_leave(struct conn *c)
{
	if (c->stream)
		detach(c->stream);
}

/* The exchange's place is the stream's from here on. */
static void attach(struct web_stream *s)
{
	struct web_exchange *x = s->x;
	struct conn *c = x->conn;
	struct loop *l = s->loop;
	size_t at;

	s->x = NULL;
	if (!c) {
		exchange_drop(l, x);
		atomic_fetch_sub(&l->web->open, 1);
		detach_read(s);
		return;
	}
	s->conn = c;
	c->stream = s;
	c->x = NULL;
	c->close = true;
	at = reply_finish(&s->head, x->status, loop_date(l), true);
	c->out = s->head;
	c->out_at = at;
	s->head = BUF_INIT(0);
	loop_list(l, c, CONN_STALLED);
	/* A HEAD has had all of its answer, and the rest has no listener. */
	if (x->head) {
		detach_read(s);
		loop_list(l, c, CONN_WRITE);
		conn_run(c);
	}
	exchange_drop(l, x);
}

/* Append what is fresh behind what isn't out yet. */
static void take(struct conn *c, struct buf *fresh)
{
	if (c->out_at == c->out.n) {
		buf_fini(&c->out);
		c->out = *fresh;
		*fresh = BUF_INIT(0);
	} else {
		buf_shift(&c->out, c->out_at);
		c->out.max = c->out.n + fresh->n;
		buf_put_str(&c->out, buf_str(fresh));
		if (buf_error(&c->out))
			conn_close(c);
	}
	c->out_at = 0;
}

static void read_one(struct web_stream *s)
{
	struct buf fresh;
	struct conn *c;
	bool cut;

	if (s->x)
		attach(s);
	pthread_mutex_lock(&s->lock);
	s->posted = false;
	fresh = s->fresh;
	buf_init(&s->fresh, s->max);
	cut = s->cut;
	pthread_mutex_unlock(&s->lock);
	c = s->conn;
	if (c && cut) {
		loop_count(c->loop, COUNT_TIMED_OUT, 1);
		conn_close(c);
	} else if (c) {
		if (fresh.n)
			take(c, &fresh);
		if (!c->closed)
			conn_run(c);
	}
	buf_fini(&fresh);
}

void streams_read(struct loop *l)
{
	struct web_stream *s, *next, *first = NULL;

	if (!atomic_load_explicit(&l->streams, memory_order_relaxed))
		return;
	for (s = atomic_exchange(&l->streams, NULL); s; s = next) {
		next = s->next;
		s->next = first;
		first = s;
	}
	for (s = first; s; s = next) {
		next = s->next;
		read_one(s);
		pthread_mutex_lock(&s->lock);
		drop(s);
	}
}

/* All of it is out, and nothing more comes: as after any last answer. */
static bool finish(struct conn *c)
{
	detach(c->stream);
	loop_list(c->loop, c, CONN_WRITE);
	return true;
}

bool stream_step(struct conn *c)
{
	struct web_stream *s = c->stream;
	size_t before = c->out.n - c->out_at, left;
	bool out = conn_flush(c), over;

	if (c->closed)
		return false;
	left = out ? 0 : c->out.n - c->out_at;
	pthread_mutex_lock(&s->lock);
	/* The head isn't counted, and goes first. */
	if (s->waiting > left + s->fresh.n)
		s->waiting = left + s->fresh.n;
	over = out && s->ended && !s->fresh.n;
	pthread_mutex_unlock(&s->lock);
	if (over)
		return finish(c);
	if (out)
		loop_list(c->loop, c, CONN_STREAM);
	else if (left < before)
		loop_list(c->loop, c, CONN_STALLED);
	return false;
}
