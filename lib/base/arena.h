#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

/*
 * Memory that lives and dies together: everything parsed from one alarm, one
 * batch, one rule set. With AddressSanitizer every allocation is its own
 * malloc, so that overruns show.
 */
struct arena;

/* NULL when out of memory. max bounds the bytes handed out in all. */
struct arena *arena_new(size_t max);
void arena_free(struct arena *a);
/* Forget all allocations, keep the first chunk. Clears the failure. */
void arena_reset(struct arena *a);

/* Zeroed, aligned for any type. NULL (sticky) past max or out of memory. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_array(struct arena *a, size_t count, size_t size);

/* A copy with a NUL after it; STR_NONE on failure (sticky). */
struct str arena_str(struct arena *a, struct str s);
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* 0 or -ENOMEM, sticky. */
int arena_error(const struct arena *a);
size_t arena_used(const struct arena *a);

#endif
