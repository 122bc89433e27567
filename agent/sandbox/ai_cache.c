#include "agent/sandbox/ai_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

#define ANSWERS 1000

struct answer {
	int64_t until_ms;
	size_t n;
	char text[];
};

struct box_cache {
	pthread_mutex_t lock;
	struct map *by;
};

struct box_cache *box_cache_new(void)
{
	struct box_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->by = map_new();
	if (c->by)
		return c;
	box_cache_free(c);
	return NULL;
}

/* Under the lock. */
static void empty(struct box_cache *c)
{
	struct str key;
	size_t at = 0;
	void *v;

	while (c->by && map_next(c->by, &at, &key, &v)) {
		free(v);
		map_remove(c->by, key);
	}
}

void box_cache_free(struct box_cache *c)
{
	if (!c)
		return;
	empty(c);
	map_free(c->by);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void box_cache_clear(struct box_cache *c)
{
	pthread_mutex_lock(&c->lock);
	empty(c);
	pthread_mutex_unlock(&c->lock);
}

bool box_cache_get(struct buf *out, struct box_cache *c, struct str key,
		   int64_t now_ms)
{
	struct answer *a;
	bool found;

	pthread_mutex_lock(&c->lock);
	a = map_get(c->by, key);
	found = a && now_ms < a->until_ms;
	if (found)
		buf_put(out, a->text, a->n);
	pthread_mutex_unlock(&c->lock);
	return found;
}

void box_cache_put(struct box_cache *c, struct str key, struct str answer,
		   int64_t until_ms)
{
	struct answer *a = malloc(sizeof(*a) + answer.n);

	if (!a)
		return;
	a->until_ms = until_ms;
	a->n = answer.n;
	memcpy(a->text, answer.p, answer.n);
	pthread_mutex_lock(&c->lock);
	if (map_count(c->by) >= ANSWERS)
		empty(c);
	free(map_remove(c->by, key));
	if (map_set(c->by, key, a))
		free(a);
	pthread_mutex_unlock(&c->lock);
}
