#include "web/http.h"

#include <errno.h>

#define METHOD_MAX 32
#define TARGET_MAX 2048

/* A character's places: token, target, field value, name in Host. */
enum { T = 1, G = 2, V = 4, H = 8, ALL = 15 };

/* RFC 9110 5.6.2, 5.5. Browsers leave | { } ^ ` \ bare in a query. */
static const uint8_t class[256] = {
	['\t'] = V,
	[' '] = V,
	['!'] = T | G | V,
	['"'] = V,
	['#'] = T | V,
	['$' ... '\''] = T | G | V,
	['(' ... ')'] = G | V,
	['*' ... '+'] = T | G | V,
	[','] = G | V,
	['-' ... '.'] = ALL,
	['/'] = G | V,
	['0' ... '9'] = ALL,
	[':' ... ';'] = G | V,
	['<'] = V,
	['='] = G | V,
	['>'] = V,
	['?' ... '@'] = G | V,
	['A' ... 'Z'] = ALL,
	['[' ... ']'] = G | V,
	['^'] = T | G | V,
	['_'] = ALL,
	['`'] = T | G | V,
	['a' ... 'z'] = ALL,
	['{'] = G | V,
	['|'] = T | G | V,
	['}'] = G | V,
	['~'] = ALL,
	[0x80 ... 0xff] = V,
};

/* How many of the first characters are of that class. */
static size_t run(struct str s, uint8_t of)
{
	size_t i = 0;

	while (i < s.n && class[(unsigned char)s.p[i]] & of)
		i++;
	return i;
}

static struct str rest(struct str s, size_t from)
{
	return str_sub(s, from, s.n - from);
}

void http_init(struct http *h, const struct web_limits *limits,
	       struct http_field *fields)
{
	*h = (struct http){ .limits = limits, .fields = fields };
}

static int version(struct http *h, struct str s)
{
	if (s.n != 8 || !str_starts(s, "HTTP/") || s.p[6] != '.' ||
	    s.p[5] < '0' || s.p[5] > '9' || s.p[7] < '0' || s.p[7] > '9')
		return 400;
	if (str_is(s, "HTTP/1.1"))
		return 0;
	if (!str_is(s, "HTTP/1.0"))
		return 505;
	h->http10 = true;
	h->close = true;
	return 0;
}

/* Origin-form only: nobody means us as a proxy (RFC 9112 3.2). */
static int target(struct http *h, struct str s, size_t at)
{
	ssize_t mark;

	if (s.n > TARGET_MAX)
		return 414;
	if (s.n == 0 || s.p[0] != '/' || run(s, G) != s.n)
		return 400;
	mark = str_find_char(s, '?');
	if (mark >= 0) {
		h->query.at = (uint32_t)(at + (size_t)mark + 1);
		h->query.n = (uint32_t)(s.n - (size_t)mark - 1);
		s.n = (size_t)mark;
	}
	h->path = (struct http_span){ (uint32_t)at, (uint32_t)s.n };
	return 0;
}

static int request_line(struct http *h, struct str s)
{
	static const char *const refused[] = { "CONNECT", "TRACE", "PRI" };
	size_t n = run(s, T), at = h->line;
	struct str method = str_sub(s, 0, n);
	ssize_t end;
	int rc;

	if (n == 0 || n > METHOD_MAX || n == s.n || s.p[n] != ' ')
		return 400;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (str_is(method, refused[i]))
			return 405;
	h->method = (struct http_span){ (uint32_t)at, (uint32_t)n };
	s = rest(s, n + 1);
	at += n + 1;
	end = str_find_char(s, ' ');
	rc = target(h, str_sub(s, 0, end < 0 ? s.n : (size_t)end), at);
	if (rc)
		return rc;
	return end < 0 ? 400 : version(h, rest(s, (size_t)end + 1));
}

/* A name or IPv4 address, or an IPv6 one in brackets; then perhaps a port. */
static bool host_ok(struct str s)
{
	size_t n;

	if (s.n && s.p[0] == '[') {
		n = 1;
		while (n < s.n && s.p[n] &&
		       strchr("0123456789abcdefABCDEF:.", s.p[n]))
			n++;
		if (n < 4 || n == s.n || s.p[n] != ']')
			return false;
		n++;
	} else {
		n = run(s, H);
		if (n == 0)
			return false;
	}
	s = rest(s, n);
	if (s.n == 0)
		return true;
	if (s.p[0] != ':' || s.n > 6)
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static int content_length(struct http *h, struct str value)
{
	int rc;

	if (h->has_length)
		return 400;
	h->has_length = true;
	rc = str_to_u64(&h->length, value);
	if (rc == -ERANGE)
		h->length = UINT64_MAX;
	return rc == -EINVAL ? 400 : 0;
}

static void connection(struct http *h, struct str value)
{
	struct str option;

	while (str_cut(&value, ',', &option))
		if (str_is_nocase(str_trim(option), "close"))
			h->close = true;
}

/* The fields that say where the message ends and how it is to be taken. */
static int meaning(struct http *h, struct str name, struct str value)
{
	if (str_is_nocase(name, "host")) {
		if (h->host || !host_ok(value))
			return 400;
		h->host = true;
	} else if (str_is_nocase(name, "content-length")) {
		return content_length(h, value);
	} else if (str_is_nocase(name, "transfer-encoding")) {
		if (h->chunked || !str_is_nocase(value, "chunked"))
			return 400;
		h->chunked = true;
	} else if (str_is_nocase(name, "content-encoding")) {
		h->encoded |= !str_is_nocase(value, "identity");
	} else if (str_is_nocase(name, "connection")) {
		connection(h, value);
	} else if (str_is_nocase(name, "expect")) {
		if (str_is_nocase(value, "100-continue"))
			h->expect_continue = true;
		else
			h->expects = true;
	}
	return 0;
}

static int field(struct http *h, const char *p, struct str s)
{
	size_t n = run(s, T);
	struct str name = str_sub(s, 0, n), value;
	struct http_field *f;

	/* Also refuses a folded line and a blank before the colon. */
	if (n == 0 || n == s.n || s.p[n] != ':')
		return 400;
	value = rest(s, n + 1);
	if (run(value, V) != value.n)
		return 400;
	value = str_trim(value);
	if (h->count >= h->limits->header_count)
		return 431;
	f = &h->fields[h->count++];
	f->name = (struct http_span){ (uint32_t)(name.p - p), (uint32_t)n };
	f->value = (struct http_span){ (uint32_t)(value.p - p),
				       (uint32_t)value.n };
	return meaning(h, name, value);
}

static int whole(struct http *h)
{
	if (!h->host && !h->http10)
		return 400;
	if (h->chunked && (h->has_length || h->http10))
		return 400;
	if (h->length > h->limits->body)
		return 413;
	if (h->encoded)
		return 415;
	if (h->expects)
		return 417;
	/* RFC 9110 10.1.1: not a word of HTTP/1.0's. */
	if (h->http10)
		h->expect_continue = false;
	h->bytes = h->seen;
	return 0;
}

/* One line without its CRLF. */
static int line(struct http *h, const char *p, struct str s)
{
	int rc;

	if (h->headers)
		return s.n ? field(h, p, s) : whole(h);
	/* RFC 9112 2.2: old clients put one CRLF after a body. */
	if (s.n == 0) {
		if (h->blank)
			return 400;
		h->blank = true;
		return 0;
	}
	rc = request_line(h, s);
	h->headers = true;
	return rc;
}

/* What is wrong already with a line that hasn't ended. */
static int open_line(const struct http *h, struct str s)
{
	if (!h->headers && s.n) {
		if (s.p[0] != '\r' && !(class[(unsigned char)s.p[0]] & T))
			return 400;
		if (s.n > METHOD_MAX && run(s, T) > METHOD_MAX)
			return 400;
		if (s.n > METHOD_MAX + 1 + TARGET_MAX)
			return 414;
	}
	return h->line + s.n >= h->limits->header_bytes ? 431 : HTTP_MORE;
}

int http_head(struct http *h, const char *p, size_t n)
{
	for (;;) {
		const char *lf =
			n > h->seen ? memchr(p + h->seen, '\n', n - h->seen)
				    : NULL;
		struct str s = { p + h->line, 0 };
		int rc;

		if (!lf) {
			h->seen = n;
			s.n = n - h->line;
			return open_line(h, s);
		}
		h->seen = (size_t)(lf - p) + 1;
		s.n = (size_t)(lf - s.p);
		if (s.n == 0 || lf[-1] != '\r')
			return 400;
		s.n--;
		if (h->seen > h->limits->header_bytes)
			return h->headers ? 431 : 414;
		rc = line(h, p, s);
		if (rc || h->bytes)
			return rc;
		h->line = h->seen;
	}
}
