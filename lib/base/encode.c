#include "base/encode.h"

#include <errno.h>
#include <stdio.h>

void encode_hex(struct buf *out, const void *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *b = p;
	char *to = buf_room(out, 2 * n);

	if (!to)
		return;
	for (size_t i = 0; i < n; i++) {
		to[2 * i] = digit[b[i] >> 4];
		to[2 * i + 1] = digit[b[i] & 15];
	}
	buf_added(out, 2 * n);
}

static const char base64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void encode_base64(struct buf *out, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)b[i] << 16;
		char four[4];

		v |= i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0;
		v |= i + 2 < n ? b[i + 2] : 0;
		four[0] = base64[v >> 18];
		four[1] = base64[v >> 12 & 63];
		four[2] = i + 1 < n ? base64[v >> 6 & 63] : '=';
		four[3] = i + 2 < n ? base64[v & 63] : '=';
		buf_put(out, four, 4);
	}
}

void encode_base32(struct buf *out, const void *p, size_t n)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	const unsigned char *b = p;
	uint32_t acc = 0;
	int bits = 0;

	for (size_t i = 0; i < n; i++) {
		acc = acc << 8 | b[i];
		for (bits += 8; bits >= 5; bits -= 5)
			buf_putc(out, alphabet[acc >> (bits - 5) & 31]);
	}
	if (bits)
		buf_putc(out, alphabet[acc << (5 - bits) & 31]);
}

void encode_url(struct buf *out, struct str s)
{
	static const char digit[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char three[3] = { '%', digit[c >> 4], digit[c & 15] };

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || (c && strchr("-._~", c)))
			buf_putc(out, (char)c);
		else
			buf_put(out, three, 3);
	}
}

/* A character's value and one, 0 for what is none. */
static const uint8_t base64_values[256] = {
	['A'] = 1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11, 12, 13,
	14,	    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
	40,	    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63,
	['/'] = 64,
};

static int base64_value(char c)
{
	return base64_values[(unsigned char)c] - 1;
}

/* Whole quartets without padding, n bytes of text. */
static int decode_quartets(char *to, const char *p, size_t n)
{
	for (; n; n -= 4, p += 4, to += 3) {
		int a = base64_value(p[0]), b = base64_value(p[1]);
		int c = base64_value(p[2]), d = base64_value(p[3]);
		uint32_t v = (uint32_t)a << 18 | (uint32_t)b << 12 |
			     (uint32_t)c << 6 | (uint32_t)d;

		if ((a | b | c | d) < 0)
			return -EINVAL;
		to[0] = (char)(v >> 16);
		to[1] = (char)(v >> 8);
		to[2] = (char)v;
	}
	return 0;
}

int decode_base64(struct buf *out, struct str s)
{
	char *to, last[4], bytes[3];
	size_t pad, n;

	if (s.n % 4)
		return -EINVAL;
	if (s.n == 0)
		return 0;
	pad = (size_t)(s.p[s.n - 1] == '=') + (s.p[s.n - 2] == '=');
	to = buf_room(out, s.n / 4 * 3);
	if (!to)
		return buf_error(out);
	if (pad) {
		memset(last, 'A', sizeof(last));
		memcpy(last, s.p + s.n - 4, 4 - pad);
		s.n -= 4;
	}
	if (decode_quartets(to, s.p, s.n))
		return -EINVAL;
	n = s.n / 4 * 3;
	if (pad) {
		if (decode_quartets(bytes, last, 4))
			return -EINVAL;
		/* Bits that no byte holds must be zero, or two texts are one. */
		if (bytes[2] || (pad == 2 && bytes[1]))
			return -EINVAL;
		memcpy(to + n, bytes, 3 - pad);
		n += 3 - pad;
	}
	buf_added(out, n);
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int hex_pair(struct str s, size_t i)
{
	int hi, lo;

	if (i + 2 > s.n)
		return -EINVAL;
	hi = hex_value(s.p[i]);
	lo = hex_value(s.p[i + 1]);
	return hi < 0 || lo < 0 ? -EINVAL : hi << 4 | lo;
}

int decode_url(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int v = (unsigned char)s.p[i];

		if (s.p[i] == '%') {
			v = hex_pair(s, i + 1);
			if (v < 0)
				return -EINVAL;
			i += 2;
		}
		buf_putc(out, (char)v);
	}
	return buf_error(out);
}

int decode_hex(struct buf *out, struct str s)
{
	if (s.n % 2)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i += 2) {
		int v = hex_pair(s, i);

		if (v < 0)
			return -EINVAL;
		buf_putc(out, (char)v);
	}
	return buf_error(out);
}

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static uint64_t load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

uint64_t hash_sip(const uint8_t key[16], const void *p, size_t n)
{
	uint64_t k0 = load64(key), k1 = load64(key + 8), m;
	uint64_t v[4] = { k0 ^ UINT64_C(0x736f6d6570736575),
			  k1 ^ UINT64_C(0x646f72616e646f6d),
			  k0 ^ UINT64_C(0x6c7967656e657261),
			  k1 ^ UINT64_C(0x7465646279746573) };
	const unsigned char *b = p;
	unsigned char last[8] = { 0 };

	for (; n - (size_t)(b - (const unsigned char *)p) >= 8; b += 8) {
		m = load64(b);
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	if (n % 8)
		memcpy(last, b, n % 8);
	last[7] = (unsigned char)n;
	m = load64(last);
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Length of the valid character at b[0..n), its code point in *cp; or 0. */
static size_t utf8_next(const unsigned char *b, size_t n, uint32_t *cp)
{
	size_t len;

	if (b[0] < 0x80) {
		*cp = b[0];
		return 1;
	}
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		len = 2;
	else if ((b[0] & 0xf0) == 0xe0)
		len = 3;
	else if (b[0] >= 0xf0 && b[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	*cp = b[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (b[i] & 0x3f);
	}
	if ((len == 3 && *cp < 0x800) || (len == 4 && *cp < 0x10000) ||
	    (*cp >= 0xd800 && *cp <= 0xdfff) || *cp > 0x10ffff)
		return 0;
	return len;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool ascii_same(struct str a, struct str b)
{
	for (size_t i = 0; a.n == b.n && i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return a.n == b.n;
}

bool ascii_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return true;
}

bool ascii_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c >= '0' && c <= '9') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return s.n > 0;
}

bool utf8_valid(struct str s)
{
	const unsigned char *b = (const unsigned char *)s.p;
	uint32_t cp;

	for (size_t i = 0, len; i < s.n; i += len) {
		if (b[i] < 0x80) {
			len = 1;
			continue;
		}
		len = utf8_next(b + i, s.n - i, &cp);
		if (!len)
			return false;
	}
	return true;
}

struct str utf8_cut(struct str s, size_t n)
{
	if (s.n <= n)
		return s;
	while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_sub(s, 0, n);
}

void utf8_keep(char *to, size_t size, struct str s)
{
	s = utf8_cut(s, size - 1);
	if (s.n)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

/* Would a terminal or a log reader act on it? */
static bool unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 ||
	       cp == 0x2029 || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* The character at b[0..n), made safe, in room; how many bytes it was. */
static size_t take_safe(char room[16], const unsigned char *b, size_t n)
{
	uint32_t cp;
	size_t len = utf8_next(b, n, &cp);

	if (!len || (cp < 0x80 && unsafe(cp))) {
		snprintf(room, 16, "\\x%02x", b[0]);
		return 1;
	}
	if (unsafe(cp)) {
		snprintf(room, 16, "\\u{%x}", (unsigned)cp);
	} else {
		memcpy(room, b, len);
		room[len] = '\0';
	}
	return len;
}

/* How many of b[0..n) stand for themselves, whoever reads them. */
static size_t printable(const unsigned char *b, size_t n)
{
	size_t i = 0;

	while (i < n && b[i] >= 0x20 && b[i] < 0x7f)
		i++;
	return i;
}

void utf8_put_safe(struct buf *out, struct str s, size_t max)
{
	const unsigned char *b = (const unsigned char *)s.p;
	size_t dots = max < 3 ? max : 3, done = 0, cut = out->n;
	char one[16];

	for (size_t i = 0, n; i < s.n; done += n) {
		size_t room = done < max - dots ? max - dots - done : 0;

		n = printable(b + i, s.n - i < room ? s.n - i : room);
		if (n) {
			buf_put(out, b + i, n);
			i += n;
			cut = out->n;
			continue;
		}
		i += take_safe(one, b + i, s.n - i);
		n = strlen(one);
		if (done + n > max) {
			buf_truncate(out, cut);
			buf_put(out, "...", dots);
			return;
		}
		buf_put(out, one, n);
		if (done + n <= max - dots)
			cut = out->n;
	}
}
