#include "rule/text.h"

#include "base/encode.h"

/* Bytes of the character at s.p[0], 0 where it is no valid UTF-8. */
static size_t char_valid(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= s.n && utf8_valid(str_sub(s, 0, n)) ? n : 0;
}

static uint32_t code_point(struct str s, size_t n)
{
	uint32_t v = (unsigned char)s.p[0];

	if (n == 1)
		return v;
	v &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++)
		v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
	return v;
}

/* C0, DEL, C1, line and paragraph separator, bidi controls. */
static bool control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	       c == 0x2029 || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void text_put(struct buf *out, struct str s)
{
	size_t room = out->max > out->n ? out->max - out->n : 0;

	buf_put_str(out, s.n > room ? utf8_cut(s, room) : s);
}

struct str text_chars(struct str s, size_t n)
{
	size_t at = 0;

	if (s.n <= n)
		return s;
	for (; at < s.n && n; n--) {
		size_t len = char_valid(str_sub(s, at, s.n - at));

		at += len ? len : 1;
	}
	return str_sub(s, 0, at);
}

/* Every input byte becomes at most three (U+FFFD). */
static struct str clean(struct arena *arena, struct str s, bool block)
{
	char *to, *p = to = arena_alloc(arena, s.n * 3 + 1);

	for (size_t i = 0; p && i < s.n;) {
		struct str rest = str_sub(s, i, s.n - i);
		size_t n;
		char c = s.p[i];

		if (c >= 0x20 && c < 0x7f) {
			*p++ = c;
			i++;
			continue;
		}
		n = char_valid(rest);
		if (block && c == '\r' && rest.n > 1 && rest.p[1] == '\n') {
			i++;
		} else if (block && (c == '\n' || c == '\t')) {
			*p++ = c;
			i++;
		} else if (!n) {
			memcpy(p, "\xef\xbf\xbd", 3);
			p += 3;
			i++;
		} else if (control(code_point(rest, n))) {
			*p++ = ' ';
			i += n;
		} else {
			memcpy(p, rest.p, n);
			p += n;
			i += n;
		}
	}
	return p ? (struct str){ to, (size_t)(p - to) } : STR_NONE;
}

struct str text_line(struct arena *arena, struct str s, size_t max)
{
	struct str cut = text_chars(s, max);
	struct str out;

	if (cut.n < s.n)
		cut = text_chars(s, max - 3);
	out = clean(arena, cut, false);
	if (cut.n < s.n && out.p)
		out = arena_printf(arena, "%.*s...", STR_ARG(out));
	return out;
}

struct str text_block(struct arena *arena, struct str s, size_t max)
{
	return clean(arena, utf8_cut(s, max), true);
}
