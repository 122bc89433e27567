#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_CHUNK 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_CHUNK 0
#endif
#endif
#ifndef ARENA_CHUNK
#define ARENA_CHUNK 2000
#endif
/* A large arena grows by as much as it holds, up to this. */
#define ARENA_CHUNK_MAX (8 * ARENA_CHUNK)

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct chunk *chunks;	/* the newest first */
	size_t used, max;
	int error;
};

struct arena *arena_new(size_t max)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->max = max;
	return a;
}

static void free_chunks(struct chunk *c)
{
	struct chunk *next;

	for (; c; c = next) {
		next = c->next;
		free(c);
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	free_chunks(a->chunks);
	free(a);
}

void arena_reset(struct arena *a)
{
	struct chunk *keep = a->chunks;

	if (keep && keep->size <= ARENA_CHUNK) {
		free_chunks(keep->next);
		keep->next = NULL;
		keep->used = 0;
	} else {
		free_chunks(keep);
		a->chunks = NULL;
	}
	a->used = 0;
	a->error = 0;
}

static struct chunk *grow(struct arena *a, size_t n)
{
	size_t size = a->used > ARENA_CHUNK_MAX ? ARENA_CHUNK_MAX : a->used;
	struct chunk *c;

	if (size < ARENA_CHUNK)
		size = ARENA_CHUNK;
	if (size < n)
		size = n;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->size = size;
	c->used = 0;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

/* As arena_alloc(), but not zeroed. */
static void *take(struct arena *a, size_t n)
{
	const size_t mask = alignof(max_align_t) - 1;
	struct chunk *c = a->chunks;
	void *p;

	if (a->error)
		return NULL;
	if (n > a->max || a->used > a->max - n)
		goto fail;
	n = (n + mask) & ~mask;
	if (!c || c->size - c->used < n)
		c = grow(a, n);
	if (!c)
		goto fail;
	p = c->bytes + c->used;
	c->used += n;
	a->used += n;
	return p;
fail:
	a->error = -ENOMEM;
	return NULL;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = take(a, n);

	return p ? memset(p, 0, n) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		a->error = -ENOMEM;
		return NULL;
	}
	return arena_alloc(a, n);
}

char *arena_cstr(struct arena *a, struct str s)
{
	char *p = take(a, s.n + 1);

	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = s.p ? arena_cstr(a, s) : NULL;

	return p ? (struct str){ p, s.n } : STR_NONE;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!p)
		return STR_NONE;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){ p, (size_t)n };
}

int arena_error(const struct arena *a)
{
	return a->error;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
