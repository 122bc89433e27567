#ifndef TESTS_UNIT_REST_SERVER_H
#define TESTS_UNIT_REST_SERVER_H

/*
 * A scripted HTTP/1.1 server on loopback, a thread a connection. The script
 * looks at each whole request and says what the server does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAYBE __attribute__((unused))
#define SERVER_CONNS 128
#define SERVER_REQUESTS 512

enum deed {
	DEED_ANSWER,		/* send all, keep the connection */
	DEED_CLOSE,		/* send all, close */
	DEED_RESET,		/* send all, end with RST */
	DEED_STALL,		/* send all, then nothing until the peer goes */
	DEED_DRIP,		/* send a byte each 20 ms */
	DEED_FLOOD,		/* send all, then x without end */
};

struct reply {
	enum deed deed;
	char text[2048];
};

struct server;
typedef void script(struct server *s, unsigned nth, const char *request,
		    struct reply *out);

struct conn {
	struct server *server;
	int fd;
	SSL *ssl;
	pthread_t thread;
};

struct server {
	script *script;
	void *arg;
	int fd;
	unsigned port;
	SSL_CTX *tls;
	pthread_t thread;
	pthread_mutex_t lock;
	struct conn conns[SERVER_CONNS];	/* under lock, as what follows */
	unsigned n_conns, n_requests;
	char *requests[SERVER_REQUESTS];
	unsigned from[SERVER_REQUESTS];		/* which connection's */
	bool stopping;
};

static MAYBE void reply_set(struct reply *r, enum deed deed, const char *fmt,
			    ...) __attribute__((format(printf, 3, 4)));
static MAYBE void reply_set(struct reply *r, enum deed deed, const char *fmt,
			    ...)
{
	va_list ap;

	r->deed = deed;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

/* A well-formed answer; headers are lines with CRLF or "". */
static MAYBE void reply_json(struct reply *r, int status, const char *headers,
			     const char *body)
{
	reply_set(r, DEED_ANSWER,
		  "HTTP/1.1 %d Some\r\nContent-Type: application/json\r\n"
		  "Content-Length: %zu\r\n%s\r\n%s",
		  status, strlen(body), headers, body);
}

static ssize_t conn_read(struct conn *c, char *p, size_t n)
{
	return c->ssl ? SSL_read(c->ssl, p, (int)n) : read(c->fd, p, n);
}

static bool conn_write(struct conn *c, const char *p, size_t n)
{
	while (n) {
		ssize_t w = c->ssl ? SSL_write(c->ssl, p, (int)n) :
				     send(c->fd, p, n, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

/* One whole request into buf; false at the end. */
static bool conn_request(struct conn *c, char *buf, size_t max)
{
	size_t n = 0, need = 0;

	while (n < max - 1) {
		ssize_t r = conn_read(c, buf + n, max - 1 - n);
		char *end, *length;

		if (r <= 0)
			return false;
		n += (size_t)r;
		buf[n] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(buf, "\r\nContent-Length:");
		need = (size_t)(end + 4 - buf);
		if (length && length < end)
			need += strtoul(length + 17, NULL, 10);
		if (n >= need)
			return true;
	}
	return false;
}

static unsigned server_note(struct conn *c, const char *request)
{
	struct server *s = c->server;
	unsigned nth;

	pthread_mutex_lock(&s->lock);
	nth = s->n_requests;
	if (nth < SERVER_REQUESTS) {
		s->requests[nth] = strdup(request);
		s->from[nth] = (unsigned)(c - s->conns);
		s->n_requests++;
	}
	pthread_mutex_unlock(&s->lock);
	return nth;
}

static bool conn_perform(struct conn *c, const struct reply *r)
{
	struct linger hard = { .l_onoff = 1 };
	char junk[4096];
	size_t n = strlen(r->text);

	switch (r->deed) {
	case DEED_ANSWER:
		return conn_write(c, r->text, n);
	case DEED_CLOSE:
		conn_write(c, r->text, n);
		return false;
	case DEED_RESET:
		conn_write(c, r->text, n);
		/* Let the bytes before it be read. */
		usleep(50000);
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		return false;
	case DEED_STALL:
		conn_write(c, r->text, n);
		while (conn_read(c, junk, sizeof(junk)) > 0)
			;
		return false;
	case DEED_DRIP:
		for (size_t i = 0; i < n; i++) {
			if (!conn_write(c, r->text + i, 1))
				return false;
			usleep(20000);
		}
		return true;
	case DEED_FLOOD:
		memset(junk, 'x', sizeof(junk));
		for (bool ok = conn_write(c, r->text, n); ok;)
			ok = conn_write(c, junk, sizeof(junk));
		return false;
	}
	return false;
}

static void *conn_main(void *arg)
{
	struct conn *c = arg;
	struct server *s = c->server;
	struct reply *r = malloc(sizeof(*r));
	char *buf = malloc(1 << 20);

	if (s->tls) {
		c->ssl = SSL_new(s->tls);
		SSL_set_fd(c->ssl, c->fd);
		if (SSL_accept(c->ssl) != 1)
			goto out;
	}
	while (conn_request(c, buf, 1 << 20)) {
		unsigned nth = server_note(c, buf);

		reply_json(r, 500, "", "{}");
		s->script(s, nth, buf, r);
		if (!conn_perform(c, r))
			break;
	}
out:
	SSL_free(c->ssl);
	pthread_mutex_lock(&s->lock);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&s->lock);
	free(buf);
	free(r);
	return NULL;
}

static void *server_main(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct conn *c;

		pthread_mutex_lock(&s->lock);
		if (s->stopping || s->n_conns == SERVER_CONNS) {
			close(fd);
		} else {
			c = &s->conns[s->n_conns++];
			c->server = s;
			c->fd = fd;
			pthread_create(&c->thread, NULL, conn_main, c);
		}
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static MAYBE void server_start(struct server *s, script *run, void *arg,
			       SSL_CTX *tls)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(in);

	memset(s, 0, sizeof(*s));
	signal(SIGPIPE, SIG_IGN);
	s->script = run;
	s->arg = arg;
	s->tls = tls;
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&in, len) || listen(s->fd, 64) ||
	    getsockname(s->fd, (struct sockaddr *)&in, &len))
		abort();
	s->port = ntohs(in.sin_port);
	pthread_create(&s->thread, NULL, server_main, s);
}

static MAYBE void server_stop(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (unsigned i = 0; i < s->n_conns; i++)
		if (s->conns[i].fd >= 0)
			shutdown(s->conns[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	for (unsigned i = 0; i < s->n_conns; i++)
		pthread_join(s->conns[i].thread, NULL);
	for (unsigned i = 0; i < s->n_requests; i++)
		free(s->requests[i]);
	close(s->fd);
	pthread_mutex_destroy(&s->lock);
}

static MAYBE unsigned server_requests(struct server *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->n_requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static MAYBE unsigned server_conns(struct server *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->n_conns;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* Until the server has closed all its connections. */
static MAYBE void server_await_closed(struct server *s)
{
	bool open = true;

	while (open) {
		open = false;
		pthread_mutex_lock(&s->lock);
		for (unsigned i = 0; i < s->n_conns; i++)
			open |= s->conns[i].fd >= 0;
		pthread_mutex_unlock(&s->lock);
		sched_yield();
	}
}

/* How many requests so far hold that text. */
static MAYBE unsigned server_saw(struct server *s, const char *text)
{
	unsigned n = 0;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->n_requests; i++)
		n += strstr(s->requests[i], text) != NULL;
	pthread_mutex_unlock(&s->lock);
	return n;
}

#endif
