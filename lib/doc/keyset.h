#ifndef DOC_KEYSET_H
#define DOC_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The keys of one JSON object after another, each object's apart: a stack, as
 * objects nest. Few short keys are compared one by one; an object with more,
 * longer or escaped ones has a table, hashed under a random key, so that
 * nobody can choose collisions and 100,000 keys cost what they weigh.
 */
struct key {
	const char *p;		/* as it stands between its quotes */
	uint32_t n;
	bool escaped;		/* holds a backslash */
	uint64_t hash;		/* of what it means; once its object has a table */
};

struct keyset {
	struct key *keys;
	size_t count, cap;
	struct buf plain;	/* one key without its escapes */
	uint8_t secret[16];
	bool keyed;
	struct key few[48];
};

/* One open object. */
struct keyset_mark {
	size_t base;		/* its first key */
	uint32_t *slots;	/* index of a key + 1, 0: free; or NULL */
	size_t cap;		/* a power of two */
};

void keyset_init(struct keyset *k);
void keyset_fini(struct keyset *k);

void keyset_open(struct keyset *k, struct keyset_mark *m);
/* 0, 1 (the object has this key already) or -ENOMEM. Keys are valid JSON. */
int keyset_add(struct keyset *k, struct keyset_mark *m, struct str raw,
	       bool escaped);
/* Forget the object's keys; the innermost open one only. */
void keyset_close(struct keyset *k, struct keyset_mark *m);

/*
 * Append what valid JSON text between quotes means, to out. Shared with the
 * builders of documents.
 */
void json_unescape(struct buf *out, struct str raw);
/* The same to where there is room for raw.n bytes; its end. */
char *json_unescape_to(char *to, struct str raw);

#endif
