#ifndef STACKFLOW_CALL_H
#define STACKFLOW_CALL_H

#include "stackflow/client.h"

/*
 * One call, from its start to its done. It is in one ring at a time: its
 * lane's (waits for a token or its turn), flying, fresh or later (is sent
 * again in a while), or the inbox of the client's thread.
 */
struct sf_call {
	struct sf_link link;	  /* first: a link is its call */
	struct sf_client *client; /* NULL: freed meanwhile */
	sf_done *done;
	void *arg;
	enum sf_kind kind;
	enum sf_class class;
	bool reads;	/* may be carried out twice */
	bool repeated;	/* with another token */
	unsigned again; /* how often it was sent again */
	int64_t due_ms; /* fresh: in how long; later: when */
	unsigned timeout_ms;
	uint64_t generation; /* of the token it went with */
	const char *method, *url;
	const char *key; /* a header line, or NULL */
	struct str body, id;
	struct str bound;   /* as sf_bounds_lines() gave it */
	const char *action; /* of a write, for the audit log */
	unsigned records;
	char text[];
};

static inline void ring_init(struct sf_link *l)
{
	l->next = l->prev = l;
}

static inline bool ring_empty(const struct sf_link *l)
{
	return l->next == l;
}

static inline void ring_remove(struct sf_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
}

static inline void ring_add_after(struct sf_link *at, struct sf_link *l)
{
	l->prev = at;
	l->next = at->next;
	l->prev->next = l->next->prev = l;
}

/* NULL where there is none. */
static inline struct sf_call *ring_first(struct sf_link *l)
{
	return l->next == l ? NULL : (struct sf_call *)l->next;
}

/* Take the first call out; NULL where there is none. */
static inline struct sf_call *ring_take(struct sf_link *l)
{
	struct sf_call *first = ring_first(l);

	if (first)
		ring_remove(&first->link);
	return first;
}

/* Move all of from, in order, to the end of to. */
static inline void ring_move(struct sf_link *to, struct sf_link *from)
{
	if (ring_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	ring_init(from);
}

/* NULL: out of memory. */
struct sf_call *sf_call_new(struct sf_client *c,
			    const struct sf_call_spec *spec, sf_done *done,
			    void *arg);
void sf_call_free(struct sf_call *call);

/* Where it waits for its turn. */
struct sf_link *sf_lane(struct sf_client *c, enum sf_kind kind,
			enum sf_class class);
/* May it go now, but for its turn? */
bool sf_has_token(const struct sf_client *c, enum sf_kind kind);
int sf_call_send(struct sf_client *c, struct sf_call *call) MUST_CHECK;
/* Send what waits: each lane in its order, as far as token, rate and
 * concurrency allow. */
void sf_pump(struct sf_client *c);
/* End what waits for a token. */
void sf_fail_waiting(struct sf_client *c);
/* All that is left, in whichever ring. */
void sf_end_all(struct sf_client *c);

/*
 * Is a call that came to res to be sent again? In how many milliseconds; -1:
 * no. What is certain not to have been carried out and what only reads is, a
 * write in doubt never.
 */
int64_t sf_again_ms(const struct sf_call *call, const struct sf_result *res);
/* It waits that long from when the time is next told. */
void sf_again(struct sf_client *c, struct sf_call *call, int64_t ms,
	      const char *why);
/* The time was told: what is due goes to the front of its lane. */
void sf_again_due(struct sf_client *c);

#endif
