#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/map.h"
#include "web/proxy.h"
#include "web/web.h"

struct loop;
struct tls;

/* A listening socket: each loop's own (SO_REUSEPORT) or shared by all. */
struct bound {
	int fd;
	atomic_uint users; /* loops that accept from it; the last closes */
};

struct listener {
	struct web_listener conf; /* its texts are owned by others */
	int family;
	unsigned port;
	bool ours;  /* bound here, not handed over */
	char *path; /* of a unix socket bound here */
	dev_t dev;
	ino_t ino;
	struct bound *bound; /* one, or one a loop */
	unsigned bounds;
	struct tls *tls; /* NULL: plain */
	struct network *from; /* of whom it takes PROXY headers */
	size_t from_count;
};

/* What all loops share. */
struct web {
	struct web_limits limits;
	struct listener **listeners;
	unsigned listener_count;
	struct loop **loops;
	unsigned loop_count, started;
	bool running;
	atomic_bool draining, stopping;
	atomic_uint open;     /* connections, and requests whose client left */
	atomic_size_t bodies; /* bytes of all bodies in memory */
	size_t bodies_max;
	_Atomic uint64_t certificates_failed;
	pthread_mutex_t lock;  /* guards addresses */
	struct map *addresses; /* to struct address; only with per_address */
};

/* The n-th loop's socket of a listener. */
static inline struct bound *listener_bound(struct listener *ln, unsigned n)
{
	return &ln->bound[ln->bounds > 1 ? n : 0];
}

int listener_new(struct listener **out, const struct web_listener *conf,
		 unsigned loops, struct err *err) MUST_CHECK;
void listener_free(struct listener *ln);
void bound_leave(struct bound *b);

/* Whom a connection counts against. */
struct address_key {
	char bytes[9];
	unsigned char n; /* 0: nobody */
};

struct address_key address_key(const struct sockaddr *sa);
/* False where it has its number of connections. */
bool address_enter(struct web *web, const struct address_key *key);
void address_leave(struct web *web, const struct address_key *key);

#endif
