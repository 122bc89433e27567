#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

/*
 * Bytes to pointer, hashed with a key of this process, so that nobody outside
 * can choose collisions. Keys are copied; values are borrowed.
 */
struct map;

struct map *map_new(void);	/* NULL: out of memory */
void map_free(struct map *m);

/* NULL where absent. */
void *map_get(const struct map *m, struct str key);
/* 0, 1 (replaced) or -ENOMEM. value must not be NULL. */
int map_set(struct map *m, struct str key, void *value);
/* The value taken out, NULL where absent. */
void *map_remove(struct map *m, struct str key);
size_t map_count(const struct map *m);

/*
 * Walk in no order: start with *at = 0; false at the end. Nothing may be set
 * during a walk; removing the current entry is allowed.
 */
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);

#endif
