#include "agent/lookups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

int lookups_init(struct lookups *l, size_t size, size_t max,
		 void (*fini)(struct lookup *e))
{
	*l = (struct lookups){ .size = size, .max = max, .fini = fini };
	l->map = map_new();
	if (!l->map)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	l->last = &l->first;
	return 0;
}

static void drop(struct lookups *l, struct lookup *e)
{
	l->fini(e);
	free(e);
}

void lookups_fini(struct lookups *l)
{
	struct str key;
	size_t at = 0;
	void *e;

	while (map_next(l->map, &at, &key, &e))
		drop(l, e);
	map_free(l->map);
	pthread_mutex_destroy(&l->lock);
}

/* Make room by dropping what has expired; under a flood, anything idle. */
static void evict(struct lookups *l, int64_t now_ms)
{
	struct str key;
	size_t at = 0, dropped = 0;
	void *v;

	while (map_next(l->map, &at, &key, &v)) {
		struct lookup *e = v;

		if (e->phase != LOOKUP_IDLE ||
		    (e->expires_ms > now_ms && dropped > 100))
			continue;
		map_remove(l->map, key);
		drop(l, e);
		dropped++;
	}
}

struct lookup *lookups_get(const struct lookups *l, struct str key)
{
	return map_get(l->map, key);
}

struct lookup *lookups_find(struct lookups *l, struct str key, int64_t now_ms)
{
	struct lookup *e = map_get(l->map, key);
	char *text;

	if (e)
		return e;
	if (map_count(l->map) >= l->max)
		evict(l, now_ms);
	if (map_count(l->map) >= l->max)
		return NULL;
	e = calloc(1, l->size + key.n + 1);
	if (!e)
		return NULL;
	text = (char *)e + l->size;
	memcpy(text, key.p, key.n);
	e->key = (struct str){ text, key.n };
	if (map_set(l->map, e->key, e) < 0) {
		free(e);
		return NULL;
	}
	return e;
}

void lookups_ask(struct lookups *l, struct lookup *e)
{
	e->phase = LOOKUP_QUEUED;
	e->next = NULL;
	*l->last = e;
	l->last = &e->next;
}

struct lookup *lookups_next(struct lookups *l)
{
	struct lookup *e = l->first;

	if (!e)
		return NULL;
	l->first = e->next;
	if (!l->first)
		l->last = &l->first;
	e->phase = LOOKUP_UNDER_WAY;
	return e;
}

bool lookups_waiting(struct lookups *l)
{
	bool waiting;

	pthread_mutex_lock(&l->lock);
	waiting = l->first != NULL;
	pthread_mutex_unlock(&l->lock);
	return waiting;
}
