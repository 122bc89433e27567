#ifndef UNIT_AWS_DESK_H
#define UNIT_AWS_DESK_H

/*
 * A service of AWS's on loopback: answers each request with the next of a
 * list and keeps what it was sent. One connection a request.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

#define DESK_MAX 8

struct desk_answer {
	const char *status;  /* "200 OK"; NULL: hang until the desk closes */
	const char *headers; /* with line ends; or NULL */
	const char *body;    /* or NULL */
	bool cut;	     /* promise more than is sent */
};

struct desk {
	int fd;
	unsigned port;
	char url[64];
	pthread_t thread;
	pthread_mutex_t lock;
	const struct desk_answer *answers;
	size_t answer_count, count;
	struct buf requests[DESK_MAX];
	int hanging;
};

static inline size_t desk_length(struct str head)
{
	static const char name[] = "Content-Length: ";
	ssize_t at = str_find(head, STR("Content-Length: "));
	struct str line;
	uint64_t n = 0;

	if (at < 0)
		return 0;
	head = str_sub(head, (size_t)at + sizeof(name) - 1,
		       head.n - (size_t)at - sizeof(name) + 1);
	if (!str_cut(&head, '\r', &line) || str_to_u64(&n, line))
		return 0;
	return n;
}

static inline void desk_read(struct buf *out, int fd)
{
	for (;;) {
		ssize_t end = str_find(buf_str(out), STR("\r\n\r\n"));
		char *to = buf_room(out, 4096);
		ssize_t n;

		if (end >= 0 &&
		    out->n >= (size_t)end + 4 + desk_length(buf_str(out)))
			return;
		n = to ? recv(fd, to, 4096, 0) : 0;
		if (n <= 0)
			return;
		buf_added(out, (size_t)n);
	}
}

static inline void desk_write(int fd, const struct desk_answer *a)
{
	struct buf out = BUF_INIT(1 << 20);
	const char *body = a->body ? a->body : "";

	buf_printf(&out,
		   "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s"
		   "Connection: close\r\n\r\n",
		   a->status, strlen(body) + (a->cut ? 100 : 0),
		   a->headers ? a->headers : "");
	buf_puts(&out, body);
	(void)!send(fd, out.p, out.n, MSG_NOSIGNAL);
	buf_fini(&out);
}

static inline void *desk_serve(void *arg)
{
	struct desk *d = arg;
	int fd;

	while ((fd = accept(d->fd, NULL, NULL)) >= 0) {
		struct buf request = BUF_INIT(1 << 20);
		const struct desk_answer *a = NULL;

		desk_read(&request, fd);
		pthread_mutex_lock(&d->lock);
		if (d->count < d->answer_count)
			a = &d->answers[d->count];
		if (d->count < DESK_MAX)
			d->requests[d->count++] = request;
		if (a && !a->status)
			d->hanging = fd;
		pthread_mutex_unlock(&d->lock);
		if (a && !a->status)
			continue;
		if (a)
			desk_write(fd, a);
		close(fd);
	}
	return NULL;
}

static inline void desk_open(struct desk *d, const struct desk_answer *answers,
			     size_t count)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);

	*d = (struct desk){ .answers = answers,
			    .answer_count = count,
			    .hanging = -1 };
	for (size_t i = 0; i < DESK_MAX; i++)
		buf_init(&d->requests[i], 1 << 20);
	assert_true(count <= DESK_MAX);
	d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(listen(d->fd, 8), 0);
	assert_int_equal(getsockname(d->fd, (struct sockaddr *)&in, &n), 0);
	d->port = ntohs(in.sin_port);
	(void)snprintf(d->url, sizeof(d->url), "http://127.0.0.1:%u", d->port);
	pthread_mutex_init(&d->lock, NULL);
	assert_int_equal(pthread_create(&d->thread, NULL, desk_serve, d), 0);
}

/* After this requests[] may be read without the lock. */
static inline void desk_close(struct desk *d)
{
	if (d->fd < 0)
		return;
	shutdown(d->fd, SHUT_RDWR);
	pthread_join(d->thread, NULL);
	close(d->fd);
	d->fd = -1;
	if (d->hanging >= 0)
		close(d->hanging);
}

static inline void desk_forget(struct desk *d)
{
	desk_close(d);
	for (size_t i = 0; i < DESK_MAX; i++)
		buf_fini(&d->requests[i]);
	pthread_mutex_destroy(&d->lock);
}

static inline size_t desk_count(struct desk *d)
{
	size_t n;

	pthread_mutex_lock(&d->lock);
	n = d->count;
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* A header of request i; STR_NONE where absent. */
static inline struct str desk_header(const struct desk *d, size_t i,
				     const char *name)
{
	struct str rest = buf_str(&d->requests[i]), line, key;

	while (str_cut(&rest, '\n', &line) && str_trim(line).n)
		if (str_cut(&line, ':', &key) && str_is_nocase(key, name))
			return str_trim(line);
	return STR_NONE;
}

static inline struct str desk_body(const struct desk *d, size_t i)
{
	struct str s = buf_str(&d->requests[i]);
	ssize_t at = str_find(s, STR("\r\n\r\n"));

	return at < 0 ? STR_NONE
		      : str_sub(s, (size_t)at + 4, s.n - (size_t)at - 4);
}

#endif
