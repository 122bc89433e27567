#include "web/preamble.h"

#include <errno.h>
#include <stdlib.h>

#include "web/conn.h"
#include "web/loop.h"

struct preamble {
	struct address_key own; /* of its own end */
	size_t n;
	char bytes[PROXY_MAX];
};

struct preamble *preamble_new(const struct sockaddr *sa)
{
	struct preamble *p = malloc(sizeof(*p));

	if (p) {
		p->own = address_key(sa);
		p->n = 0;
	}
	return p;
}

void preamble_free(struct preamble *p)
{
	free(p);
}

int preamble_read(struct conn *c)
{
	struct preamble *p = c->preamble;
	const struct sockaddr *sa;
	struct proxy said;
	size_t want;
	int rc;

	while ((rc = proxy_read(&said, &want, p->bytes, p->n)) == PROXY_MORE) {
		ssize_t n = sock_recv(&c->sock, p->bytes + p->n, want - p->n);

		if (n < 0)
			return (int)n;
		if (n == 0) /* without a byte: to see whether we live */
			return p->n ? -EPROTO : -ECONNRESET;
		p->n += (size_t)n;
	}
	if (rc)
		return rc;
	if (said.family != AF_UNSPEC) {
		sa = (const struct sockaddr *)&said.source;
		conn_set_peer(c, sa);
		c->uid = -1; /* the balancer's own says nothing of it */
		p->own = address_key(sa);
	}
	if (!address_enter(c->loop->web, &p->own))
		return -EUSERS;
	c->address = p->own;
	preamble_free(p);
	c->preamble = NULL;
	return 0;
}
