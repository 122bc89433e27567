#ifndef WEB_CONN_H
#define WEB_CONN_H

#include "base/buf.h"
#include "web/http.h"
#include "web/server.h"
#include "web/sock.h"

struct loop;
struct listener;

/* What an epoll event names: the first member of each. */
enum source { SOURCE_WAKE, SOURCE_ACCEPTOR, SOURCE_CONN };

/* From the least advanced to the most: eviction begins at the left. */
enum conn_state {
	CONN_LINGER, /* answered and over; waits for the client's end */
	CONN_RESTED, /* so long that it holds as little memory as it can */
	CONN_IDLE,   /* between two requests */
	CONN_HANDSHAKE, /* PROXY header and TLS, under one deadline */
	CONN_HEADERS,
	CONN_BODY,
	CONN_WRITE,
	CONN_STALLED, /* a stream that has bytes its client doesn't take */
	CONN_PARKED,  /* a handler has the request */
	CONN_STREAM,  /* an answer that goes on; all of it so far is out */
	CONN_STATES
};

/* Bytes read and not yet used. Only while there are some. */
struct inbuf {
	struct inbuf *next; /* among a loop's spares */
	int64_t since_us;   /* when the request at from began */
	size_t from, to;
	char *bytes;
	struct http http; /* the request at from, while in its head */
	struct http_field fields[];
};

struct conn {
	enum source source;
	enum conn_state state;
	struct loop *loop;
	struct listener *listener;
	struct conn *prev, *next; /* of the state's list; next: closed */
	struct conn *again;
	bool queued, close, closed;
	int64_t since_ms; /* in this state */
	struct sock sock;
	struct inbuf *in;
	struct web_exchange *x; /* its body is read, or it is parked */
	struct web_stream *stream;
	struct buf out;
	size_t out_at, skipped;
	struct address_key address;
	long uid;
	char peer[INET6_ADDRSTRLEN];
	struct preamble *preamble; /* NULL: no PROXY header is to come */
};

size_t inbuf_bytes(const struct web_limits *limits);

/* Takes fd, also when it fails; then the caller has the counts to undo. */
int conn_open(struct loop *l, struct listener *ln, int fd,
	      const struct sockaddr *sa,
	      const struct address_key *address) MUST_CHECK;
/* Whom requests come from. */
void conn_set_peer(struct conn *c, const struct sockaddr *sa);
void conn_event(struct conn *c, unsigned events);
/* Go on as far as it goes without waiting. */
void conn_run(struct conn *c);
/* Write what there is: true once all of it is out. */
bool conn_flush(struct conn *c);
/* The answer of its parked request has come; takes x. */
void conn_answer(struct conn *c, struct web_exchange *x);
/* Its time in this state is over. */
void conn_expire(struct conn *c);
/* Has it sent nothing of a request, as far as the kernel knows either? */
bool conn_quiet(const struct conn *c);
/* It may be named until the loop's present round ends. */
void conn_close(struct conn *c);
/* Free a request of this loop's; NULL too. */
void exchange_drop(struct loop *l, struct web_exchange *x);

#endif
