#ifndef DOC_UTF8_H
#define DOC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length of the UTF-8 character at p (RFC 3629: no overlong forms, no
 * surrogates) and its code point; 0 where there is none. p < end.
 */
static inline size_t utf8_char(const unsigned char *p,
			       const unsigned char *end, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 :
		   *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (n == 0 || (size_t)(end - p) < n)
		return 0;
	*cp = n == 1 ? *p : *p & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3f);
	}
	if (*cp < least[n] || *cp > 0x10ffff || (*cp & 0xfffff800) == 0xd800)
		return 0;
	return n;
}

static inline bool utf8_is(const char *p, size_t n)
{
	const unsigned char *at = (const unsigned char *)p, *end = at + n;
	uint32_t cp;
	size_t step;

	for (; at < end; at += step) {
		step = utf8_char(at, end, &cp);
		if (!step)
			return false;
	}
	return true;
}

#endif
