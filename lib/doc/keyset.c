#include "doc/keyset.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/random.h"
#include "doc/plain.h"

/* Compared one by one: at most so many keys, so long, without escapes. */
#define FEW 16
#define SHORT 64

void keyset_init(struct keyset *k)
{
	k->keys = k->few;
	k->count = 0;
	k->cap = sizeof(k->few) / sizeof(k->few[0]);
	buf_init(&k->plain, SIZE_MAX / 4);
	k->keyed = false;
}

void keyset_fini(struct keyset *k)
{
	if (k->keys != k->few)
		free(k->keys);
	buf_fini(&k->plain);
}

void keyset_open(struct keyset *k, struct keyset_mark *m)
{
	m->base = k->count;
	m->slots = NULL;
	m->cap = 0;
}

void keyset_close(struct keyset *k, struct keyset_mark *m)
{
	k->count = m->base;
	free(m->slots);
	m->slots = NULL;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return v;
}

static char *put_utf8(char *to, unsigned cp)
{
	if (cp < 0x80) {
		*to++ = (char)cp;
	} else if (cp < 0x800) {
		*to++ = (char)(0xc0 | cp >> 6);
		*to++ = (char)(0x80 | (cp & 63));
	} else if (cp < 0x10000) {
		*to++ = (char)(0xe0 | cp >> 12);
		*to++ = (char)(0x80 | (cp >> 6 & 63));
		*to++ = (char)(0x80 | (cp & 63));
	} else {
		*to++ = (char)(0xf0 | cp >> 18);
		*to++ = (char)(0x80 | (cp >> 12 & 63));
		*to++ = (char)(0x80 | (cp >> 6 & 63));
		*to++ = (char)(0x80 | (cp & 63));
	}
	return to;
}

/* The \u escape at *p, one or a pair; *p is moved past. */
static char *put_unit(char *to, const char **p)
{
	unsigned cp = hex4(*p + 2);

	*p += 6;
	if ((cp & 0xfc00) == 0xd800) {
		cp = 0x10000 + ((cp & 0x3ff) << 10 | (hex4(*p + 2) & 0x3ff));
		*p += 6;
	}
	return put_utf8(to, cp);
}

static char simple_escape(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

char *json_unescape_to(char *to, struct str raw)
{
	const char *p = raw.p, *end = p + raw.n;

	for (plain_copy(&to, &p, end); p < end; plain_copy(&to, &p, end)) {
		if (p[1] == 'u') {
			to = put_unit(to, &p);
		} else {
			*to++ = simple_escape(p[1]);
			p += 2;
		}
	}
	return to;
}

void json_unescape(struct buf *out, struct str raw)
{
	char *to = buf_room(out, raw.n);

	if (to)
		buf_added(out, (size_t)(json_unescape_to(to, raw) - to));
}

/* What the key means; in k->plain where it has escapes. */
static int meaning(struct keyset *k, const struct key *key, struct str *out)
{
	*out = (struct str){ key->p, key->n };
	if (!key->escaped)
		return 0;
	buf_reset(&k->plain);
	json_unescape(&k->plain, *out);
	*out = buf_str(&k->plain);
	return buf_error(&k->plain);
}

/* Does key mean plain? 1, 0 or -ENOMEM. */
static int same(const struct key *key, struct str plain)
{
	struct str raw = { key->p, key->n };
	struct buf b = BUF_INIT(raw.n);
	int rc;

	if (!key->escaped)
		return str_eq(raw, plain);
	json_unescape(&b, raw);
	rc = buf_error(&b);
	if (rc == 0)
		rc = str_eq(buf_str(&b), plain);
	buf_fini(&b);
	return rc;
}

static void place(struct keyset_mark *m, uint64_t hash, size_t index)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i])
		i = (i + 1) & (m->cap - 1);
	m->slots[i] = (uint32_t)index + 1;
}

/* A table for all keys of the object, or a larger one. */
static int regrow(struct keyset *k, struct keyset_mark *m)
{
	size_t cap = m->cap ? m->cap * 4 : (size_t)FEW * 8;
	uint32_t *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	if (!k->keyed)
		random_bytes(k->secret, sizeof(k->secret));
	k->keyed = true;
	/* Without a table yet no key has escapes or a hash. */
	for (size_t i = m->base; i < k->count && !m->slots; i++)
		k->keys[i].hash =
			hash_sip(k->secret, k->keys[i].p, k->keys[i].n);
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	for (size_t i = m->base; i < k->count; i++)
		place(m, k->keys[i].hash, i);
	return 0;
}

static int push(struct keyset *k, const struct key *key)
{
	size_t cap = k->cap * 2;
	struct key *keys;

	if (k->count == k->cap) {
		keys = realloc(k->keys == k->few ? NULL : k->keys,
			       cap * sizeof(*keys));
		if (!keys)
			return -ENOMEM;
		if (k->keys == k->few)
			memcpy(keys, k->few, sizeof(k->few));
		k->keys = keys;
		k->cap = cap;
	}
	k->keys[k->count++] = *key;
	return 0;
}

static int find(const struct keyset *k, const struct keyset_mark *m,
		struct str plain, uint64_t hash)
{
	int rc = 0;

	if (!m->slots) {
		for (size_t i = m->base; i < k->count; i++)
			if (k->keys[i].n == plain.n &&
			    memcmp(k->keys[i].p, plain.p, plain.n) == 0)
				return 1;
		return 0;
	}
	for (size_t i = hash & (m->cap - 1); m->slots[i] && rc == 0;
	     i = (i + 1) & (m->cap - 1)) {
		const struct key *other = &k->keys[m->slots[i] - 1];

		if (other->hash == hash)
			rc = same(other, plain);
	}
	return rc;
}

int keyset_add(struct keyset *k, struct keyset_mark *m, struct str raw,
	       bool escaped)
{
	struct key key = { raw.p, (uint32_t)raw.n, escaped, 0 };
	size_t n = k->count - m->base;
	struct str plain;
	int rc;

	if (m->slots ? n >= m->cap / 2 : n == FEW || escaped || raw.n > SHORT) {
		rc = regrow(k, m);
		if (rc)
			return rc;
	}
	rc = meaning(k, &key, &plain);
	if (rc)
		return rc;
	if (m->slots)
		key.hash = hash_sip(k->secret, plain.p, plain.n);
	rc = find(k, m, plain, key.hash);
	if (rc == 0)
		rc = push(k, &key);
	if (rc == 0 && m->slots)
		place(m, key.hash, k->count - 1);
	return rc;
}
