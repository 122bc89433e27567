#ifndef DOC_PLAIN_H
#define DOC_PLAIN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/*
 * Bytes of JSON strings, sixteen at a time: what the compiler makes of a
 * comparison is 0xff where it is true.
 */
typedef signed char plain_bytes __attribute__((vector_size(16)));
typedef uint64_t plain_words __attribute__((vector_size(16)));

/* The first byte that is set; 16: none. */
static inline unsigned plain_first(plain_bytes hits)
{
	plain_words w = (plain_words)hits;

	if (w[0])
		return (unsigned)__builtin_ctzll(le64toh(w[0])) >> 3;
	return w[1] ? 8 + ((unsigned)__builtin_ctzll(le64toh(w[1])) >> 3) : 16;
}

/*
 * Where the first byte is that doesn't stand for itself: a control character,
 * DEL, a quote, a backslash, or not ASCII (those are negative here).
 */
static inline const unsigned char *plain_end(const unsigned char *p,
					     const unsigned char *end)
{
	for (; end - p >= 16; p += 16) {
		plain_bytes v;
		unsigned n;

		memcpy(&v, p, 16);
		n = plain_first((v < 0x20) | (v == '"') | (v == '\\') |
				(v == 0x7f));
		if (n < 16)
			return p + n;
	}
	while (p < end && *p >= 0x20 && *p != '"' && *p != '\\' && *p < 0x7f)
		p++;
	return p;
}

/* Copy what stands before the first backslash to *to; both are moved on. There
 * is room for all up to end. */
static inline void plain_copy(char **to, const char **from, const char *end)
{
	const char *p = *from;
	char *out = *to;

	for (; end - p >= 16; p += 16, out += 16) {
		plain_bytes v;
		unsigned n;

		memcpy(&v, p, 16);
		memcpy(out, &v, 16);
		n = plain_first(v == '\\');
		if (n < 16) {
			*from = p + n;
			*to = out + n;
			return;
		}
	}
	while (p < end && *p != '\\')
		*out++ = *p++;
	*from = p;
	*to = out;
}

#endif
