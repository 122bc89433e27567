#ifndef AGENT_LOOKUPS_H
#define AGENT_LOOKUPS_H

#include <pthread.h>

#include "base/str.h"

/*
 * What is looked up elsewhere: a bounded cache of answers by key, and a queue of
 * the questions that wait to be asked, each once at a time. Who uses it embeds
 * struct lookup at the head of its own entry, and knows what an answer is.
 */
struct lookup {
	enum { LOOKUP_IDLE, LOOKUP_QUEUED, LOOKUP_UNDER_WAY } phase;
	int64_t expires_ms;	/* monotonic; of the answer */
	struct lookup *next;	/* queue */
	struct str key;
};

struct lookups {
	pthread_mutex_t lock;	/* of all that follows, and of the entries */
	struct map *map;
	struct lookup *first, **last;
	size_t size, max;
	void (*fini)(struct lookup *e);
};

/* size: of an entry; fini: what an entry holds besides, before it goes. 0 or
 * -ENOMEM. */
int lookups_init(struct lookups *l, size_t size, size_t max,
		 void (*fini)(struct lookup *e));
void lookups_fini(struct lookups *l);

/* ---- with the lock held ---- */

/* NULL where it isn't known. */
struct lookup *lookups_get(const struct lookups *l, struct str key);
/* The same, or a new one, zeroed and expired; NULL: no room or no memory. */
struct lookup *lookups_find(struct lookups *l, struct str key, int64_t now_ms);
/* e is idle. */
void lookups_ask(struct lookups *l, struct lookup *e);
/* The next question, under way from here on; NULL: none waits. */
struct lookup *lookups_next(struct lookups *l);

/* ---- without it ---- */

bool lookups_waiting(struct lookups *l);

#endif
