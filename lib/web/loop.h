#ifndef WEB_LOOP_H
#define WEB_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "web/conn.h"

struct web;
struct listener;
struct bound;

enum { LOOP_SPARES = 8, LOOP_SCRATCH = 65536 };

/* Every connection of a state stays as long, so each list is by deadline. */
struct conn_list {
	struct conn *first, *last;
};

enum counter {
	COUNT_ACCEPTED,
	COUNT_REQUESTS,
	COUNT_HANDSHAKE_FAILED,
	COUNT_MALFORMED,
	COUNT_TIMED_OUT,
	COUNT_EVICTED,
	COUNT_REFUSED,
	COUNT_BYTES_IN,
	COUNT_PROXY_REFUSED,
	COUNTERS
};

struct acceptor {
	enum source source;
	struct loop *loop;
	struct listener *listener;
	struct bound *bound;
	bool on;
};

/*
 * One thread, one epoll. Another thread may only put into the mailbox, ask for
 * an eviction, read counters and counts, and call loop_wake().
 */
struct loop {
	enum source source; /* SOURCE_WAKE */
	unsigned index;
	struct web *web;
	pthread_t thread; /* for joining */
	pthread_t self;	  /* set in it, before any request */
	int epoll, wake;
	int reserve; /* a file to give up */
	unsigned acceptor_count;
	struct acceptor *acceptors;
	int64_t now_us, now_ms; /* of this wake-up */
	int64_t accept_at_ms;	/* accepting rests until then; or 0 */
	int64_t refresh_at_ms;	/* certificates; the first loop's work */
	int64_t date_until_ms;
	char date[32];
	struct conn_list states[CONN_STATES];
	struct conn *again;  /* have more to do at once */
	struct conn *closed; /* freed once no event can name them */
	struct inbuf *spares;
	struct web_exchange *handling; /* inside web_handle just now */
	_Atomic(struct web_exchange *) mailbox;
	_Atomic(struct web_stream *) streams; /* that something befell */
	_Atomic uint64_t counters[COUNTERS];
	_Atomic unsigned counts[CONN_STATES];
	atomic_uint evict;
	unsigned spare_count;
	unsigned rested; /* gave buffers back since the last trim */
	bool answered; /* what is being handled */
	bool drained;
	atomic_bool asleep;
	_Atomic int64_t busy_since_ms;	/* 0: it waits */
	char scratch[LOOP_SCRATCH];
};

int loop_new(struct loop **out, struct web *web, unsigned index,
	     struct err *err) MUST_CHECK;
/* After its thread ended, or never began. */
void loop_free(struct loop *l);
int loop_start(struct loop *l, struct err *err) MUST_CHECK;
void loop_wake(struct loop *l);
/* From any thread: hand an answered exchange to its loop. */
void loop_post(struct loop *l, struct web_exchange *x);
/* The same after something was put into one of its other mailboxes. */
void loop_posted(struct loop *l);

/* For the loop's own thread: */
void loop_list(struct loop *l, struct conn *c, enum conn_state state);
/* It is closed: free it once this round of events is over. */
void loop_forget(struct loop *l, struct conn *c);
void loop_again(struct loop *l, struct conn *c);
int loop_watch(struct loop *l, struct conn *c) MUST_CHECK;
const char *loop_date(struct loop *l);
/* Close the least advanced connection of this loop; false: all are parked. */
bool loop_evict(struct loop *l);
/* The same over all loops; another loop does it a little later. */
bool loop_make_room(struct loop *l);
/* Accept from a until it is empty, most were taken, or it has to rest. */
void loop_accept(struct loop *l, struct acceptor *a, unsigned most);
/* No more accepting for a moment. */
void loop_rest(struct loop *l);

static inline void loop_count(struct loop *l, enum counter which, uint64_t n)
{
	_Atomic uint64_t *counter = &l->counters[which];

	/* One writer: no locked instruction is needed. */
	n += atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, n, memory_order_relaxed);
}

#endif
