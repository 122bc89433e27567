#include "web/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "web/exchange.h"
#include "web/stream.h"
#include "web/tls.h"

enum {
	EVENTS = 128,
	ACCEPTS = 32,	/* a visit */
	BACKLOG = 1024, /* what may wait to be accepted */
	LINGER_MS = 1000,
	WARM_MS = 1000, /* an idle connection keeps its buffers */
	TRIM_CONNS = 64,
	REST_MS = 100, /* of accepting, when the system has no more */
	REFRESH_MS = 1000,
	DRAIN_LOOK_MS = 50,
	DRAIN_QUIET_MS = 250, /* for the first byte of a request */
};

void loop_wake(struct loop *l)
{
	uint64_t one = 1;
	ssize_t rc = write(l->wake, &one, sizeof(one));

	(void)rc;
}

void loop_post(struct loop *l, struct web_exchange *x)
{
	struct web_exchange *head = atomic_load(&l->mailbox);

	do
		x->next = head;
	while (!atomic_compare_exchange_weak(&l->mailbox, &head, x));
	loop_posted(l);
}

void loop_posted(struct loop *l)
{
	/* Only who finds it asleep pays for waking: one write a burst. */
	if (atomic_exchange(&l->asleep, false))
		loop_wake(l);
}

/* Read by other loops, written by this thread alone. */
static void add_count(struct loop *l, enum conn_state state, unsigned n)
{
	_Atomic unsigned *count = &l->counts[state];

	n += atomic_load_explicit(count, memory_order_relaxed);
	atomic_store_explicit(count, n, memory_order_relaxed);
}

static void unlist(struct loop *l, struct conn *c)
{
	struct conn_list *list = &l->states[c->state];

	if (c->prev)
		c->prev->next = c->next;
	else
		list->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		list->last = c->prev;
	add_count(l, c->state, -1U);
}

void loop_list(struct loop *l, struct conn *c, enum conn_state state)
{
	struct conn_list *list = &l->states[state];

	if (c->state != CONN_STATES)
		unlist(l, c);
	c->state = state;
	c->since_ms = l->now_ms;
	c->prev = list->last;
	c->next = NULL;
	if (list->last)
		list->last->next = c;
	else
		list->first = c;
	list->last = c;
	add_count(l, state, 1);
}

void loop_forget(struct loop *l, struct conn *c)
{
	unlist(l, c);
	c->next = l->closed;
	l->closed = c;
}

void loop_again(struct loop *l, struct conn *c)
{
	if (c->queued)
		return;
	c->queued = true;
	c->again = l->again;
	l->again = c;
}

int loop_watch(struct loop *l, struct conn *c)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = c,
	};

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->sock.fd, &ev) ? -errno : 0;
}

const char *loop_date(struct loop *l)
{
	struct buf b = BUF_INIT(sizeof(l->date) - 1);
	int64_t wall;

	if (l->now_ms < l->date_until_ms)
		return l->date;
	wall = clock_wall_ms();
	l->date_until_ms = l->now_ms + 1000 - wall % 1000;
	clock_put_http(&b, wall);
	if (!buf_error(&b))
		memcpy(l->date, b.p, b.n + 1);
	buf_fini(&b);
	return l->date;
}

static void rescind(struct loop *l, struct acceptor *a)
{
	if (a->on)
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, a->bound->fd, NULL);
	a->on = false;
}

static int offer(struct loop *l, struct acceptor *a)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = a };

	/* Of all loops that wait for a shared socket one is woken. */
	if (a->listener->bounds == 1 && l->web->loop_count > 1)
		ev.events |= EPOLLEXCLUSIVE;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, a->bound->fd, &ev))
		return -errno;
	a->on = true;
	return 0;
}

void loop_rest(struct loop *l)
{
	for (unsigned i = 0; i < l->acceptor_count; i++)
		rescind(l, &l->acceptors[i]);
	l->accept_at_ms = l->now_ms + REST_MS;
}

static void resume(struct loop *l)
{
	l->accept_at_ms = 0;
	for (unsigned i = 0; i < l->acceptor_count; i++)
		if (l->acceptors[i].bound && !l->acceptors[i].on &&
		    offer(l, &l->acceptors[i]))
			l->accept_at_ms = l->now_ms + REST_MS;
}

/* Have nothing to do with the listening sockets any more. */
static void leave(struct loop *l)
{
	for (unsigned i = 0; i < l->acceptor_count; i++) {
		struct acceptor *a = &l->acceptors[i];

		if (!a->bound)
			continue;
		rescind(l, a);
		bound_leave(a->bound);
		a->bound = NULL;
	}
	l->accept_at_ms = 0;
}

bool loop_evict(struct loop *l)
{
	for (int s = 0; s < CONN_PARKED; s++) {
		if (!l->states[s].first)
			continue;
		if (s != CONN_LINGER)
			loop_count(l, COUNT_EVICTED, 1);
		conn_close(l->states[s].first);
		return true;
	}
	return false;
}

/* Another loop that has one in this state, not yet promised to somebody. */
static struct loop *other_with(struct loop *l, int state)
{
	for (unsigned i = 0; i < l->web->loop_count; i++) {
		struct loop *o = l->web->loops[i];
		unsigned have = 0;

		for (int s = 0; s <= state; s++)
			have += atomic_load_explicit(&o->counts[s],
						     memory_order_relaxed);
		if (o != l && have > atomic_load(&o->evict))
			return o;
	}
	return NULL;
}

bool loop_make_room(struct loop *l)
{
	for (int s = 0; s < CONN_PARKED; s++) {
		struct loop *o;

		if (l->states[s].first)
			return loop_evict(l);
		o = other_with(l, s);
		if (o) {
			atomic_fetch_add(&o->evict, 1);
			loop_wake(o);
			return true;
		}
	}
	return false;
}

static int64_t warm_ms(const struct web_limits *limits)
{
	return limits->idle_ms < 2 * WARM_MS ? limits->idle_ms / 2 : WARM_MS;
}

static int64_t state_ms(const struct loop *l, int state)
{
	const struct web_limits *limits = &l->web->limits;

	switch (state) {
	case CONN_LINGER:
		return LINGER_MS;
	case CONN_IDLE:
		return warm_ms(limits);
	case CONN_RESTED:
		return limits->idle_ms - warm_ms(limits);
	case CONN_HANDSHAKE:
		return limits->handshake_ms;
	case CONN_HEADERS:
		return limits->headers_ms;
	default:
		return limits->body_ms;
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Milliseconds that epoll may wait, -1 for ever. */
static int wait_ms(const struct loop *l)
{
	int64_t at = INT64_MAX;

	if (l->again || l->closed)
		return 0;
	for (int s = 0; s < CONN_PARKED; s++)
		if (l->states[s].first)
			at = sooner(at, l->states[s].first->since_ms +
						state_ms(l, s));
	if (l->accept_at_ms)
		at = sooner(at, l->accept_at_ms);
	if (l->refresh_at_ms)
		at = sooner(at, l->refresh_at_ms);
	if (l->drained &&
	    (l->states[CONN_HEADERS].first || l->states[CONN_IDLE].first))
		at = sooner(at, l->now_ms + DRAIN_LOOK_MS);
	if (at == INT64_MAX)
		return -1;
	at -= l->now_ms;
	return at < 0 ? 0 : at > 60000 ? 60000 : (int)at;
}

static void close_quiet(struct conn *c, int64_t since_ms)
{
	struct conn *next;

	for (; c && c->since_ms <= since_ms; c = next) {
		next = c->next;
		if (conn_quiet(c))
			conn_close(c);
	}
}

static void close_streams(struct loop *l)
{
	while (l->states[CONN_STREAM].first)
		conn_close(l->states[CONN_STREAM].first);
	while (l->states[CONN_STALLED].first)
		conn_close(l->states[CONN_STALLED].first);
}

static void drain(struct loop *l)
{
	if (!atomic_load(&l->web->draining))
		return;
	if (!l->drained) {
		l->drained = true;
		/* Who has connected already won't be turned away. */
		for (unsigned i = 0; i < l->acceptor_count; i++)
			if (l->acceptors[i].bound &&
			    l->acceptors[i].listener->ours)
				loop_accept(l, &l->acceptors[i], BACKLOG);
		leave(l);
	}
	close_streams(l);
	close_quiet(l->states[CONN_RESTED].first, l->now_ms);
	/* Who asks one thing after the other hears with an answer that it is
	 * the last: a request never meets a close. */
	close_quiet(l->states[CONN_IDLE].first, l->now_ms - DRAIN_QUIET_MS);
	close_quiet(l->states[CONN_HEADERS].first, l->now_ms - DRAIN_QUIET_MS);
}

/* What many buffers have left goes back to the system, once all are quiet. */
static void trim(struct loop *l)
{
	if (l->rested < TRIM_CONNS || l->states[CONN_IDLE].first)
		return;
	l->rested = 0;
	malloc_trim(0);
}

static void refresh(struct loop *l)
{
	struct web *web = l->web;

	if (!l->refresh_at_ms || l->now_ms < l->refresh_at_ms)
		return;
	l->refresh_at_ms = l->now_ms + REFRESH_MS;
	for (unsigned i = 0; i < web->listener_count; i++) {
		struct tls *tls = web->listeners[i]->tls;

		if (tls && tls_refresh(tls, false, NULL) < 0)
			atomic_fetch_add(&web->certificates_failed, 1);
	}
}

static void tick(struct loop *l)
{
	for (int s = 0; s < CONN_PARKED; s++) {
		int64_t over = l->now_ms - state_ms(l, s);
		struct conn *c;

		while ((c = l->states[s].first) && c->since_ms <= over)
			conn_expire(c);
	}
	for (unsigned n = atomic_exchange(&l->evict, 0); n > 0; n--)
		loop_evict(l);
	if (l->accept_at_ms && l->now_ms >= l->accept_at_ms)
		resume(l);
	trim(l);
	refresh(l);
	drain(l);
}

static void read_mailbox(struct loop *l)
{
	struct web_exchange *x, *next, *first = NULL;

	if (!atomic_load_explicit(&l->mailbox, memory_order_relaxed))
		return;
	for (x = atomic_exchange(&l->mailbox, NULL); x; x = next) {
		next = x->next;
		x->next = first;
		first = x;
	}
	for (x = first; x; x = next) {
		struct conn *c = x->conn;

		next = x->next;
		if (c) {
			conn_answer(c, x);
			if (!c->closed)
				conn_run(c);
		} else {
			exchange_drop(l, x);
			atomic_fetch_sub(&l->web->open, 1);
		}
	}
}

static void run_again(struct loop *l)
{
	struct conn *c = l->again, *next;

	l->again = NULL;
	for (; c; c = next) {
		next = c->again;
		c->queued = false;
		if (!c->closed)
			conn_run(c);
	}
}

static void reap(struct loop *l)
{
	struct conn *c = l->closed, *next;

	l->closed = NULL;
	for (; c; c = next) {
		next = c->next;
		if (c->queued) {
			c->next = l->closed;
			l->closed = c;
		} else {
			free(c);
		}
	}
}

static void handle_event(struct loop *l, const struct epoll_event *ev)
{
	enum source *source = ev->data.ptr;
	struct acceptor *a = ev->data.ptr;
	struct conn *c = ev->data.ptr;

	if (*source == SOURCE_ACCEPTOR && a->on)
		loop_accept(l, a, ACCEPTS);
	else if (*source == SOURCE_CONN && !c->closed)
		conn_event(c, ev->events);
}

static void round_of(struct loop *l)
{
	struct epoll_event events[EVENTS];
	int n, timeout = wait_ms(l);

	atomic_store(&l->asleep, true);
	if (atomic_load(&l->mailbox) || atomic_load(&l->streams) ||
	    atomic_load(&l->web->stopping))
		timeout = 0;
	atomic_store_explicit(&l->busy_since_ms, 0, memory_order_relaxed);
	n = epoll_wait(l->epoll, events, EVENTS, timeout);
	atomic_store(&l->asleep, false);
	l->now_us = clock_mono_us();
	l->now_ms = l->now_us / 1000;
	atomic_store_explicit(&l->busy_since_ms, l->now_ms,
			      memory_order_relaxed);
	for (int i = 0; i < n; i++)
		handle_event(l, &events[i]);
	read_mailbox(l);
	streams_read(l);
	run_again(l);
	tick(l);
	reap(l);
}

static void close_all(struct loop *l)
{
	leave(l);
	for (int s = 0; s < CONN_STATES; s++)
		while (l->states[s].first)
			conn_close(l->states[s].first);
	run_again(l);
	reap(l);
}

static void *loop_main(void *arg)
{
	struct loop *l = arg;

	l->self = pthread_self();
	while (!atomic_load(&l->web->stopping))
		round_of(l);
	close_all(l);
	return NULL;
}

static bool any_tls(const struct web *web)
{
	for (unsigned i = 0; i < web->listener_count; i++)
		if (web->listeners[i]->tls)
			return true;
	return false;
}

static int set_up_acceptors(struct loop *l)
{
	struct web *web = l->web;

	l->acceptors = calloc(web->listener_count, sizeof(*l->acceptors));
	if (!l->acceptors && web->listener_count)
		return -ENOMEM;
	for (unsigned i = 0; i < web->listener_count; i++) {
		struct acceptor *a = &l->acceptors[i];
		int rc;

		a->source = SOURCE_ACCEPTOR;
		a->loop = l;
		a->listener = web->listeners[i];
		a->bound = listener_bound(a->listener, l->index);
		l->acceptor_count++;
		rc = offer(l, a);
		if (rc)
			return rc;
	}
	return 0;
}

int loop_start(struct loop *l, struct err *err)
{
	char name[16] = "web-";
	sigset_t all, before;
	int rc = set_up_acceptors(l);

	if (rc) {
		errno = -rc;
		return err_set(err, rc, "epoll can't watch a socket: %m");
	}
	l->now_us = clock_mono_us();
	l->now_ms = l->now_us / 1000;
	if (l->index == 0 && any_tls(l->web))
		l->refresh_at_ms = l->now_ms + REFRESH_MS;
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&l->thread, NULL, loop_main, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		errno = rc;
		return err_set(err, -rc, "no thread can be started: %m");
	}
	name[4] = (char)('0' + l->index / 10 % 10);
	name[5] = (char)('0' + l->index % 10);
	pthread_setname_np(l->thread, name);
	return 0;
}

int loop_new(struct loop **out, struct web *web, unsigned index,
	     struct err *err)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct loop *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_set(err, -ENOMEM, "out of memory");
	l->web = web;
	l->index = index;
	l->source = SOURCE_WAKE;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	/* Edge-triggered, so that it need never be read. */
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ev.data.ptr = l;
	if (l->epoll < 0 || l->wake < 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &ev)) {
		rc = err_set(err, -errno, "no event loop can be made: %m");
		loop_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	read_mailbox(l);
	streams_read(l);
	while (l->spares) {
		struct inbuf *in = l->spares;

		l->spares = in->next;
		free(in);
	}
	free(l->acceptors);
	close_fd(l->epoll);
	close_fd(l->wake);
	close_fd(l->reserve);
	free(l);
}
