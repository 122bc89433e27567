#ifndef WEB_PROXY_H
#define WEB_PROXY_H

#include <netinet/in.h>

#include "base/str.h"

/*
 * Version 2 of the PROXY protocol (haproxy.org's proxy-protocol.txt, 2.2):
 * what a load balancer says of a connection before its first byte. Pure: no
 * memory of its own, no sockets.
 */
enum {
	PROXY_MORE = 1,
	PROXY_FIXED = 16,  /* a header has so many bytes at the least */
	PROXY_MAX = 4096, /* and with all that follows them at most */
};

struct proxy {
	sa_family_t family; /* of source; AF_UNSPEC: the balancer speaks for
			       itself, or doesn't know */
	struct sockaddr_storage source;
};

/*
 * The n bytes that there are of a header by now. 0: it is whole, and n are all
 * of it. PROXY_MORE: it has *want bytes, as far as can be told, more than n;
 * so who reads up to there never takes a byte of what follows it. -EPROTO: it
 * is none, or not as it must be.
 */
int proxy_read(struct proxy *out, size_t *want, const char *p, size_t n);

/* "10.0.0.0/8", "192.0.2.7", "fd00::/8": addresses of IPv4 mapped to IPv6. */
struct network {
	unsigned char bytes[16];
	unsigned bits;
};

/* 0; -EINVAL: it is none, or has a bit set behind its prefix. */
int network_read(struct network *out, struct str text);
bool network_has(const struct network *net, const struct sockaddr *sa);

#endif
