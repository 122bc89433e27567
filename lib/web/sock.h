#ifndef WEB_SOCK_H
#define WEB_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * One accepted stream, plain or TLS, under an edge-triggered epoll. It knows
 * when the kernel has no more bytes for it and saves the read that would say
 * so. Functions return bytes or 0, -EAGAIN, or another -errno.
 */
struct sock {
	int fd;
	bool dry;    /* nothing to read until the next event */
	bool hup;    /* the peer ended its side: a short read isn't dry */
	bool eof;    /* and all of it has been read */
	bool broken; /* TLS failed: not a word more */
	struct ssl_st *ssl; /* NULL: plain */
};

/* What epoll said of it. */
void sock_event(struct sock *s, unsigned events);

int sock_handshake(struct sock *s);
ssize_t sock_read(struct sock *s, void *p, size_t n); /* 0: the end */
ssize_t sock_write(struct sock *s, const void *p, size_t n);
/* Bytes as they come, for throwing away. */
ssize_t sock_skip(struct sock *s, void *p, size_t n);

/* Give back what it needs only while it is busy. Did it have any? */
bool sock_rest(struct sock *s);

/* Say that no more will be written. */
void sock_finish(struct sock *s);
void sock_close(struct sock *s);

/* Under TLS, below it: recv(2) and send(2). */
ssize_t sock_recv(struct sock *s, void *p, size_t n);
ssize_t sock_send(struct sock *s, const void *p, size_t n);

#endif
