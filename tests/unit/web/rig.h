/*
 * A server of one listener on loopback and a client that speaks bytes. The
 * handler answers "METHOD PATH QUERY BODY-LENGTH" at once; what it is asked
 * for under /park waits until a test takes it.
 */
#ifndef TESTS_WEB_RIG_H
#define TESTS_WEB_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "web/web.h"

#define PATIENCE_MS 10000
#define UNUSED_FN __attribute__((unused))

struct rig {
	struct web *web;
	unsigned port;
	atomic_uint seen, smuggled;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct web_exchange *parked[64];
	const struct web_request *requests[64];
	unsigned parked_count;
};

UNUSED_FN static void rig_handle(struct web_exchange *x,
				 const struct web_request *req, void *arg)
{
	struct rig *rig = arg;
	struct web_reply r = { .status = 200 };
	char text[300];
	int n;

	atomic_fetch_add(&rig->seen, 1);
	if (str_starts(req->path, "/smuggled"))
		atomic_fetch_add(&rig->smuggled, 1);
	assert(req->body.p && req->body.p[req->body.n] == '\0');
	if (str_starts(req->path, "/park")) {
		pthread_mutex_lock(&rig->lock);
		rig->parked[rig->parked_count] = x;
		rig->requests[rig->parked_count++] = req;
		pthread_cond_signal(&rig->more);
		pthread_mutex_unlock(&rig->lock);
		return;
	}
	n = snprintf(text, sizeof(text), "%.*s %.100s %.*s %zu",
		     STR_ARG(req->method),
		     req->path.n < 100 ? strndupa(req->path.p, req->path.n)
				       : "long",
		     STR_ARG(req->query), req->body.n);
	r.body = (struct str){ text, (size_t)n };
	web_answer(x, &r);
}

/* The next parked exchange; the test fails if none comes. */
UNUSED_FN static struct web_exchange *rig_take(struct rig *rig,
					       const struct web_request **req)
{
	struct timespec until;
	struct web_exchange *x = NULL;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&rig->lock);
	while (rig->parked_count == 0)
		if (pthread_cond_timedwait(&rig->more, &rig->lock, &until))
			break;
	if (rig->parked_count) {
		x = rig->parked[0];
		if (req)
			*req = rig->requests[0];
		rig->parked_count--;
		memmove(rig->parked, rig->parked + 1,
			rig->parked_count * sizeof(rig->parked[0]));
		memmove(rig->requests, rig->requests + 1,
			rig->parked_count * sizeof(rig->requests[0]));
	}
	pthread_mutex_unlock(&rig->lock);
	assert_non_null(x);
	return x;
}

UNUSED_FN static void rig_answer(struct web_exchange *x, int status,
				 const char *body)
{
	struct web_reply r = { .status = status, .body = str_from(body) };

	web_answer(x, &r);
}

/* NULL limits and listener: the defaults, on 127.0.0.1. */
UNUSED_FN static void rig_start(struct rig *rig,
				const struct web_limits *limits,
				const struct web_listener *ln, unsigned loops)
{
	struct web_listener one = ln ? *ln : (struct web_listener){ .fd = -1 };
	struct err err = { "" };

	memset(rig, 0, sizeof(*rig));
	pthread_mutex_init(&rig->lock, NULL);
	pthread_cond_init(&rig->more, NULL);
	if (!one.address && one.fd < 0)
		one.address = "127.0.0.1:0";
	if (!one.handle)
		one.handle = rig_handle;
	one.arg = one.arg ? one.arg : rig;
	if (web_new(&rig->web, limits ? limits : &web_limits_default, loops,
		    &err) ||
	    web_listen(rig->web, &one, &err) || web_start(rig->web, &err))
		fail_msg("%s", err.text);
	rig->port = web_port(rig->web, 0);
}

UNUSED_FN static void rig_stop(struct rig *rig)
{
	web_stop(rig->web);
	web_free(rig->web);
	pthread_cond_destroy(&rig->more);
	pthread_mutex_destroy(&rig->lock);
}

UNUSED_FN static struct web_counters rig_count(const struct rig *rig)
{
	struct web_counters c;

	web_count(rig->web, &c);
	return c;
}

/* Wait until *(what) reaches n: for what another thread will surely do. */
#define rig_until(condition)                                                   \
	do {                                                                   \
		int64_t end_ = clock_mono_ms() + PATIENCE_MS;                  \
		while (!(condition)) {                                         \
			assert_true(clock_mono_ms() < end_);                   \
			poll(NULL, 0, 1);                                      \
		}                                                              \
	} while (0)

UNUSED_FN static int dial_from(unsigned port, const char *from)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };
	struct sockaddr_in me = { .sin_family = AF_INET };
	struct timeval patience = { PATIENCE_MS / 1000, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (from) {
		inet_pton(AF_INET, from, &me.sin_addr);
		assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof(me)),
				 0);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

UNUSED_FN static int dial(const struct rig *rig)
{
	return dial_from(rig->port, NULL);
}

UNUSED_FN static void say_bytes(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t put = send(fd, at, n, MSG_NOSIGNAL);

		assert_true(put > 0);
		at += put;
		n -= (size_t)put;
	}
}

UNUSED_FN static void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* Bytes until the server ends; fails if it doesn't. -1: it reset. */
UNUSED_FN static ssize_t hear_all(int fd, char *to, size_t cap)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = recv(fd, to + n, cap - 1 - n, 0);

		if (got < 0 && errno == ECONNRESET)
			return -1;
		assert_true(got >= 0);
		if (got == 0)
			break;
		n += (size_t)got;
		assert_true(n < cap - 1);
	}
	to[n] = '\0';
	return (ssize_t)n;
}

/* Exactly one answer: its status; head and body as text in to. */
UNUSED_FN static int hear_one(int fd, char *to, size_t cap, bool head)
{
	size_t n = 0, body = 0;
	char *at;

	for (;;) {
		assert_true(n < cap - 1);
		if (recv(fd, to + n, 1, 0) != 1)
			return -1;
		to[++n] = '\0';
		if (n >= 4 && strcmp(to + n - 4, "\r\n\r\n") == 0)
			break;
	}
	at = strstr(to, "Content-Length: ");
	if (at && !head)
		body = strtoul(at + 16, NULL, 10);
	assert_true(n + body < cap);
	if (body && recv(fd, to + n, body, MSG_WAITALL) != (ssize_t)body)
		return -1;
	to[n + body] = '\0';
	assert_memory_equal(to, "HTTP/1.1 ", 9);
	return (int)strtol(to + 9, NULL, 10);
}

/* Has the server ended (or reset) the connection, within the patience? */
UNUSED_FN static bool ended(int fd)
{
	char byte;

	ssize_t n;

	errno = 0;
	n = recv(fd, &byte, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

#endif
