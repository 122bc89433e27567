#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/encode.h"

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_is(struct str a, const char *cstr)
{
	return str_eq(a, str_from(cstr));
}

bool str_is_nocase(struct str a, const char *cstr)
{
	/* Most comparisons end here: letters differ by 0x20 in case. */
	if (a.n && (a.p[0] ^ cstr[0]) & ~0x20)
		return false;
	return ascii_same(a, str_from(cstr));
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

bool str_ends(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

ssize_t str_find(struct str s, struct str needle)
{
	const char *hit;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return -1;
	hit = memmem(s.p, s.n, needle.p, needle.n);
	return hit ? hit - s.p : -1;
}

ssize_t str_find_char(struct str s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

	return hit ? hit - s.p : -1;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n && blank(s.p[0]))
		s = str_sub(s, 1, s.n - 1);
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *field)
{
	ssize_t at;

	if (!rest->p)
		return false;
	at = str_find_char(*rest, sep);
	if (at < 0) {
		*field = *rest;
		*rest = STR_NONE;
		return true;
	}
	*field = str_sub(*rest, 0, (size_t)at);
	*rest = str_sub(*rest, (size_t)at + 1, rest->n - (size_t)at - 1);
	return true;
}

int str_to_u64(uint64_t *out, struct str s)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -ERANGE;
	}
	*out = v;
	return 0;
}

int str_to_i64(int64_t *out, struct str s)
{
	bool minus = s.n > 1 && s.p[0] == '-';
	uint64_t v;
	int rc = str_to_u64(&v, minus ? str_sub(s, 1, s.n - 1) : s);

	if (rc)
		return rc;
	if (v > (uint64_t)INT64_MAX + minus)
		return -ERANGE;
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int str_to_double(double *out, struct str s)
{
	char text[64], *end;
	double v;

	if (s.n == 0 || s.n >= sizeof(text))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789+-.eE", s.p[i]) || s.p[i] == '\0')
			return -EINVAL;
	if (s.p[0] == '+')
		return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	v = strtod(text, &end);
	if (*end)
		return -EINVAL;
	if (!isfinite(v))
		return -ERANGE;
	*out = v;
	return 0;
}

/* Bytes of the UTF-8 character at s.p[i]; a stray byte counts as one. */
static size_t char_len(struct str s, size_t i)
{
	size_t n = 1;

	if ((unsigned char)s.p[i] < 0xc0)
		return 1;
	while (i + n < s.n && n < 4 && ((unsigned char)s.p[i + n] & 0xc0) == 0x80)
		n++;
	return n;
}

bool str_glob(struct str glob, struct str s)
{
	size_t g = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < s.n) {
		if (g < glob.n && glob.p[g] == '*') {
			star = g++;
			from = i;
		} else if (g < glob.n && glob.p[g] == '?') {
			i += char_len(s, i);
			g++;
		} else if (g < glob.n && glob.p[g] == s.p[i]) {
			i++;
			g++;
		} else if (star != SIZE_MAX) {
			/* Only the last star need ever be tried again. */
			g = star + 1;
			from += char_len(s, from);
			i = from;
		} else {
			return false;
		}
	}
	while (g < glob.n && glob.p[g] == '*')
		g++;
	return g == glob.n;
}

bool str_eq_secret(struct str a, struct str b)
{
	unsigned char diff = a.n != b.n;

	for (size_t i = 0; i < a.n; i++)
		diff |= (unsigned char)(a.p[i] ^ (b.n ? b.p[i % b.n] : 1));
	return diff == 0;
}
