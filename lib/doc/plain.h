#ifndef DOC_PLAIN_H
#define DOC_PLAIN_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Bytes of JSON strings, sixteen at a time: what the compiler makes of a
 * comparison is 0xff where it is true.
 */
typedef signed char plain_bytes __attribute__((vector_size(16)));
typedef uint64_t plain_words __attribute__((vector_size(16)));

/* Bit i is byte i of such a comparison. */
static inline unsigned plain_bits(plain_bytes hits)
{
#ifdef __SSE2__
	return (unsigned)_mm_movemask_epi8((__m128i)hits);
#else
	const uint64_t ones = 0x0101010101010101, gather = 0x0102040810204080;
	plain_words w = (plain_words)hits;

	return (unsigned)((le64toh(w[0]) & ones) * gather >> 56) |
	       (unsigned)((le64toh(w[1]) & ones) * gather >> 56) << 8;
#endif
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
		unsigned bits;

		memcpy(&v, p, 16);
		bits = plain_bits((v < 0x20) | (v == '"') | (v == '\\') |
				  (v == 0x7f));
		if (bits)
			return p + __builtin_ctz(bits);
	}
	while (p < end && *p >= 0x20 && *p != '"' && *p != '\\' && *p < 0x7f)
		p++;
	return p;
}

/*
 * The same within a string to be read, past the two escapes that JSON in JSON
 * is full of and past DEL; among the last bytes it stops at those too.
 */
static inline const unsigned char *plain_skip(const unsigned char *p,
					      const unsigned char *end,
					      bool *escaped)
{
	/* An escape's second byte may be the seventeenth. */
	while (end - p > 16) {
		const unsigned char *next = p + 16;
		plain_bytes v;
		unsigned bits;

		memcpy(&v, p, 16);
		bits = plain_bits((v < 0x20) | (v == '"') | (v == '\\'));
		for (; bits; bits &= bits - 1) {
			const unsigned char *at = p + __builtin_ctz(bits);

			if (at[0] != '\\' || (at[1] != '"' && at[1] != '\\'))
				return at;
			*escaped = true;
			bits &= ~(2u << (at - p));
			if (at + 2 > next)
				next = at + 2;
		}
		p = next;
	}
	return plain_end(p, end);
}

/* Copy what stands before the first backslash to *to; both are moved on. There
 * is room for all up to end. */
static inline void plain_copy(char **to, const char **from, const char *end)
{
	const char *p = *from;
	char *out = *to;

	for (; end - p >= 16; p += 16, out += 16) {
		plain_bytes v;
		unsigned bits;

		memcpy(&v, p, 16);
		memcpy(out, &v, 16);
		bits = plain_bits(v == '\\');
		if (bits) {
			*from = p + __builtin_ctz(bits);
			*to = out + __builtin_ctz(bits);
			return;
		}
	}
	while (p < end && *p != '\\')
		*out++ = *p++;
	*from = p;
	*to = out;
}

#endif
