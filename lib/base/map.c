#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/random.h"

struct slot {
	uint64_t hash;
	char *key;		/* NULL: free; GONE: was used */
	size_t n;
	void *value;
};

struct map {
	uint8_t secret[16];
	struct slot *slots;
	size_t cap, used, live;	/* used counts GONE ones too */
};

static char gone_mark;
#define GONE (&gone_mark)

struct map *map_new(void)
{
	struct map *m = calloc(1, sizeof(*m));

	if (m)
		random_bytes(m->secret, sizeof(m->secret));
	return m;
}

static bool live(const struct slot *s)
{
	return s->key && s->key != GONE;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->cap; i++)
		if (live(&m->slots[i]))
			free(m->slots[i].key);
	free(m->slots);
	free(m);
}

static struct slot *lookup(const struct map *m, struct str key, uint64_t hash)
{
	if (m->cap == 0)
		return NULL;
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct slot *s = &m->slots[i];

		if (!s->key)
			return NULL;
		if (s->key != GONE && s->hash == hash && s->n == key.n &&
		    (key.n == 0 || memcmp(s->key, key.p, key.n) == 0))
			return s;
	}
}

static uint64_t hash_of(const struct map *m, struct str key)
{
	return hash_sip(m->secret, key.p, key.n);
}

void *map_get(const struct map *m, struct str key)
{
	struct slot *s = lookup(m, key, hash_of(m, key));

	return s ? s->value : NULL;
}

static void place(struct slot *slots, size_t cap, struct slot entry)
{
	size_t i = entry.hash & (cap - 1);

	while (slots[i].key)
		i = (i + 1) & (cap - 1);
	slots[i] = entry;
}

static int grow(struct map *m)
{
	size_t cap = 16;
	struct slot *slots;

	while (cap < m->live * 3)
		cap *= 2;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++)
		if (live(&m->slots[i]))
			place(slots, cap, m->slots[i]);
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	m->used = m->live;
	return 0;
}

int map_set(struct map *m, struct str key, void *value)
{
	uint64_t hash = hash_of(m, key);
	struct slot *s = lookup(m, key, hash);
	char *copy;

	if (s) {
		s->value = value;
		return 1;
	}
	if (m->used * 4 >= m->cap * 3 && grow(m))
		return -ENOMEM;
	copy = malloc(key.n + 1);
	if (!copy)
		return -ENOMEM;
	if (key.n)
		memcpy(copy, key.p, key.n);
	copy[key.n] = '\0';
	place(m->slots, m->cap,
	      (struct slot){ hash, copy, key.n, value });
	m->used++;
	m->live++;
	return 0;
}

void *map_remove(struct map *m, struct str key)
{
	struct slot *s = lookup(m, key, hash_of(m, key));
	void *value;

	if (!s)
		return NULL;
	value = s->value;
	free(s->key);
	s->key = GONE;
	m->live--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->live;
}

bool map_next(const struct map *m, size_t *at, struct str *key, void **value)
{
	for (; *at < m->cap; (*at)++) {
		struct slot *s = &m->slots[*at];

		if (!live(s))
			continue;
		*key = (struct str){ s->key, s->n };
		*value = s->value;
		(*at)++;
		return true;
	}
	return false;
}
