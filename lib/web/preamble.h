#ifndef WEB_PREAMBLE_H
#define WEB_PREAMBLE_H

struct conn;
struct sockaddr;

/* A connection whose PROXY header isn't whole yet; sa is its own end. */
struct preamble *preamble_new(const struct sockaddr *sa);
void preamble_free(struct preamble *p);

/*
 * Read c's header, never a byte of what follows it. 0: c->preamble is gone, and
 * c has the peer that the header names, and counts against it. -EAGAIN;
 * -EUSERS: that address has its number of connections; another -errno: it must
 * go.
 */
int preamble_read(struct conn *c);

#endif
