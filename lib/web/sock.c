#include "web/sock.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

void sock_event(struct sock *s, unsigned events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->hup = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->dry = false;
}

ssize_t sock_recv(struct sock *s, void *p, size_t n)
{
	ssize_t got;

	if (s->eof)
		return 0;
	if (s->dry)
		return -EAGAIN;
	do
		got = recv(s->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN) {
		s->dry = true;
		return -EAGAIN;
	}
	if (got < 0)
		return -errno;
	if (got == 0)
		s->eof = true;
	/* epoll(7): a short read of a stream says the same as EAGAIN. */
	else if ((size_t)got < n && !s->hup)
		s->dry = true;
	return got;
}

ssize_t sock_send(struct sock *s, const void *p, size_t n)
{
	ssize_t put;

	do
		put = send(s->fd, p, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : put;
}

/* What an SSL_* function's result of 0 or less means. */
static ssize_t outcome(struct sock *s, int rc)
{
	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		s->broken = true;
		return -EPROTO;
	}
}

int sock_handshake(struct sock *s)
{
	ssize_t rc;
	int done;

	if (!s->ssl)
		return 0;
	ERR_clear_error();
	done = SSL_accept(s->ssl);
	if (done > 0)
		return 0;
	rc = outcome(s, done);
	return rc ? (int)rc : -EPROTO;
}

static int at_most_int(size_t n)
{
	return n > INT_MAX ? INT_MAX : (int)n;
}

ssize_t sock_read(struct sock *s, void *p, size_t n)
{
	int got;

	if (!s->ssl)
		return sock_recv(s, p, n);
	if (s->broken)
		return -EPROTO;
	if (s->dry && !SSL_has_pending(s->ssl))
		return -EAGAIN;
	ERR_clear_error();
	got = SSL_read(s->ssl, p, at_most_int(n));
	return got > 0 ? got : outcome(s, got);
}

ssize_t sock_write(struct sock *s, const void *p, size_t n)
{
	int put;

	if (!s->ssl)
		return sock_send(s, p, n);
	if (s->broken)
		return -EPROTO;
	ERR_clear_error();
	put = SSL_write(s->ssl, p, at_most_int(n));
	if (put > 0)
		return put;
	put = (int)outcome(s, put);
	return put ? put : -EPIPE;
}

ssize_t sock_skip(struct sock *s, void *p, size_t n)
{
	return sock_recv(s, p, n);
}

bool sock_rest(struct sock *s)
{
	return s->ssl && SSL_free_buffers(s->ssl) == 1;
}

static void say_goodbye(struct sock *s)
{
	if (!s->ssl || s->broken || !SSL_is_init_finished(s->ssl))
		return;
	ERR_clear_error();
	SSL_shutdown(s->ssl);
}

void sock_finish(struct sock *s)
{
	say_goodbye(s);
	shutdown(s->fd, SHUT_WR);
}

void sock_close(struct sock *s)
{
	if (s->fd < 0)
		return;
	SSL_free(s->ssl);
	s->ssl = NULL;
	close(s->fd);
	s->fd = -1;
}
