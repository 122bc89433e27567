#ifndef RULE_TEXT_H
#define RULE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/* Append s as far as out has room, not cutting a character. */
void text_put(struct buf *out, struct str s);

/*
 * s as one line of at most max characters, "..." at the end where it was cut:
 * control characters, line ends and bidi controls become blanks, broken UTF-8
 * becomes U+FFFD. In arena; STR_NONE when out of memory.
 */
struct str text_line(struct arena *arena, struct str s, size_t max);
/* The same over several lines: LF and TAB stay; max is in bytes. */
struct str text_block(struct arena *arena, struct str s, size_t max);

/* Nothing but printable ASCII, so that nothing need be done to it? */
static inline bool text_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

/* At most n characters of s. */
struct str text_chars(struct str s, size_t n);

#endif
