#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/loop.h"

struct address {
	unsigned connections;
};

struct address_key address_key(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in4 = (const void *)sa;
	struct address_key key = { .n = 0 };

	if (sa->sa_family == AF_INET) {
		key.n = 5;
		key.bytes[0] = 4;
		memcpy(key.bytes + 1, &in4->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6 &&
		   IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		key.n = 5;
		key.bytes[0] = 4;
		memcpy(key.bytes + 1, in6->sin6_addr.s6_addr + 12, 4);
	} else if (sa->sa_family == AF_INET6) {
		/* A /64 is what one machine has at the least. */
		key.n = 9;
		key.bytes[0] = 6;
		memcpy(key.bytes + 1, &in6->sin6_addr, 8);
	}
	return key;
}

static struct str key_str(const struct address_key *key)
{
	return (struct str){ key->bytes, key->n };
}

static bool enter(struct web *web, const struct address_key *key)
{
	struct address *a = map_get(web->addresses, key_str(key));

	if (!a) {
		a = calloc(1, sizeof(*a));
		if (!a || map_set(web->addresses, key_str(key), a) < 0) {
			free(a);
			return false;
		}
	}
	if (a->connections >= web->limits.per_address)
		return false;
	a->connections++;
	return true;
}

bool address_enter(struct web *web, const struct address_key *key)
{
	bool ok;

	if (!web->limits.per_address || !key->n)
		return true;
	pthread_mutex_lock(&web->lock);
	ok = enter(web, key);
	pthread_mutex_unlock(&web->lock);
	return ok;
}

void address_leave(struct web *web, const struct address_key *key)
{
	struct address *a;

	if (!web->limits.per_address || !key->n)
		return;
	pthread_mutex_lock(&web->lock);
	a = map_get(web->addresses, key_str(key));
	if (a && --a->connections == 0)
		free(map_remove(web->addresses, key_str(key)));
	pthread_mutex_unlock(&web->lock);
}

static void turn_away(struct loop *l, int fd)
{
	close(fd);
	loop_count(l, COUNT_REFUSED, 1);
}

/* May it say whom it speaks for? On a unix socket file modes decide that. */
static bool may_proxy(const struct listener *ln, const struct sockaddr *sa)
{
	for (size_t i = 0; i < ln->from_count; i++)
		if (network_has(&ln->from[i], sa))
			return true;
	return sa->sa_family == AF_UNIX;
}

static void welcome(struct loop *l, struct listener *ln, int fd,
		    const struct sockaddr *sa)
{
	struct address_key key = { .n = 0 };
	struct web *web = l->web;

	loop_count(l, COUNT_ACCEPTED, 1);
	if (!ln->conf.proxy) {
		key = address_key(sa);
	} else if (!may_proxy(ln, sa)) {
		close(fd);
		loop_count(l, COUNT_PROXY_REFUSED, 1);
		return;
	}
	if (!address_enter(web, &key)) {
		turn_away(l, fd);
		return;
	}
	if (atomic_fetch_add(&web->open, 1) >= web->limits.connections &&
	    !loop_make_room(l)) {
		turn_away(l, fd);
	} else if (conn_open(l, ln, fd, sa, &key)) {
		loop_count(l, COUNT_REFUSED, 1);
	} else {
		return;
	}
	atomic_fetch_sub(&web->open, 1);
	address_leave(web, &key);
}

/* accept(2) says EMFILE also where no connection waits. */
static bool somebody_waits(int listening)
{
	struct pollfd p = { .fd = listening, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/*
 * No file descriptor is left for the connection that waits. It must go, or
 * epoll would name it again and again: for the least advanced one, or else by
 * way of the one kept in reserve.
 */
static void without_files(struct loop *l, int listening)
{
	int fd;

	if (loop_evict(l))
		return;
	if (l->reserve < 0) {
		loop_rest(l);
		return;
	}
	close(l->reserve);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		turn_away(l, fd);
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		loop_rest(l);
}

void loop_accept(struct loop *l, struct acceptor *a, unsigned most)
{
	for (; most > 0; most--) {
		struct sockaddr_storage sa = { 0 };
		socklen_t n = sizeof(sa);
		int fd = accept4(a->bound->fd, (struct sockaddr *)&sa, &n,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			welcome(l, a->listener, fd, (struct sockaddr *)&sa);
			continue;
		}
		switch (errno) {
		case EAGAIN:
			return;
		case EMFILE:
		case ENFILE:
			if (!somebody_waits(a->bound->fd))
				return;
			without_files(l, a->bound->fd);
			break;
		case ENOBUFS:
		case ENOMEM:
			loop_rest(l);
			break;
		default: /* of a connection that is gone already */
			break;
		}
		if (l->accept_at_ms)
			return;
	}
}
