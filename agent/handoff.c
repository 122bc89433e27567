#include "agent/handoff.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PLACES 2048		/* a power of two */
#define BYTES_MAX (4u << 20)	/* of messages, not of what they became */

struct place {
	int64_t first;
	size_t bytes;
	struct handed what;
};

/* A ring of one writer and one reader: in and out only ever grow. */
struct handoff {
	atomic_size_t in, out;
	atomic_size_t bytes;
	_Atomic int64_t past;	/* triage asked for this one */
	struct place places[PLACES];
};

struct handoff *handoff_new(void)
{
	return calloc(1, sizeof(struct handoff));
}

void handed_free(struct handed *what)
{
	if (what->owner)
		what->release(what->owner);
	else
		alarms_fini(&what->alarms);
	*what = (struct handed){ .owner = NULL };
}

bool handoff_put(struct handoff *h, int64_t first, size_t bytes,
		 const struct handed *what)
{
	size_t in = atomic_load_explicit(&h->in, memory_order_relaxed);

	if (in - atomic_load(&h->out) == PLACES ||
	    atomic_load(&h->bytes) + bytes > BYTES_MAX ||
	    atomic_load(&h->past) >= first)
		return false;
	h->places[in % PLACES] = (struct place){ first, bytes, *what };
	atomic_fetch_add(&h->bytes, bytes);
	atomic_store(&h->in, in + 1);
	return true;
}

/* The oldest, which is there, leaves. */
static struct handed pull(struct handoff *h, size_t out)
{
	struct place *p = &h->places[out % PLACES];
	struct handed what = p->what;

	atomic_fetch_sub(&h->bytes, p->bytes);
	atomic_store(&h->out, out + 1);
	return what;
}

bool handoff_take(struct handed *out, struct handoff *h, int64_t first)
{
	size_t at = atomic_load_explicit(&h->out, memory_order_relaxed);

	if (first > atomic_load_explicit(&h->past, memory_order_relaxed))
		atomic_store(&h->past, first);
	for (; at != atomic_load(&h->in); at++) {
		int64_t oldest = h->places[at % PLACES].first;
		struct handed what;

		if (oldest > first)
			return false;
		what = pull(h, at);
		if (oldest == first) {
			*out = what;
			return true;
		}
		handed_free(&what);
	}
	return false;
}

void handoff_free(struct handoff *h)
{
	if (!h)
		return;
	for (size_t at = h->out; at != h->in; at++) {
		struct handed what = pull(h, at);

		handed_free(&what);
	}
	free(h);
}
