#ifndef AGENT_KEYS_H
#define AGENT_KEYS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The install key: 32 random bytes in a file beside the configuration (0600),
 * made at first start. It lies outside the store, so that a lost or restored
 * store finds its incidents again by their markers.
 */
struct keys {
	uint8_t install[32];
	uint8_t hash[16];	/* for identities and event ids */
};

/* 0, or negative with words: unreadable, not ours, damaged. */
int keys_load(struct keys *out, const char *path, struct err *err) MUST_CHECK;
void keys_wipe(struct keys *k);

/* "tocsin-" and 16 characters of base32(HMAC-SHA256(key, dedup key)). */
void keys_marker(struct buf *out, const struct keys *k, struct str dedup_key);

#endif
