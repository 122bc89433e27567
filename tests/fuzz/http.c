/*
 * The head of a request: whole or in pieces it must mean the same, and what
 * it means must lie inside of it. The first byte says how long the pieces are.
 */
#include <stdlib.h>

#include "web/exchange.h"
#include "web/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 8 };

static const struct web_limits limits = {
	.header_bytes = 8192,
	.header_count = FIELDS,
	.body = 65536,
};

static void check(int ok)
{
	if (!ok)
		abort();
}

static void inside(struct http_span s, const struct http *h)
{
	check(s.at <= h->bytes && s.n <= h->bytes - s.at);
}

static void same(struct http_span a, struct http_span b)
{
	check(a.at == b.at && a.n == b.n);
}

static void compare(const struct http *a, const struct http *b)
{
	same(a->method, b->method);
	same(a->path, b->path);
	same(a->query, b->query);
	check(a->count == b->count && a->length == b->length &&
	      a->chunked == b->chunked && a->close == b->close &&
	      a->http10 == b->http10 && a->bytes == b->bytes &&
	      a->expect_continue == b->expect_continue);
	for (unsigned i = 0; i < a->count; i++) {
		same(a->fields[i].name, b->fields[i].name);
		same(a->fields[i].value, b->fields[i].value);
	}
}

/* What a head that was taken has to hold to. */
static void check_head(const struct http *h, const char *p, size_t n)
{
	struct web_exchange *x;

	check(h->bytes <= n && h->bytes <= limits.header_bytes);
	check(h->count <= FIELDS && h->length <= limits.body);
	check(!(h->chunked && (h->has_length || h->http10)));
	check(h->bytes >= 4 && memcmp(p + h->bytes - 4, "\r\n\r\n", 4) == 0);
	inside(h->method, h);
	inside(h->path, h);
	inside(h->query, h);
	check(h->method.n > 0 && h->path.n > 0 && p[h->path.at] == '/');
	for (unsigned i = 0; i < h->count; i++) {
		inside(h->fields[i].name, h);
		inside(h->fields[i].value, h);
		check(h->fields[i].name.n > 0);
	}
	for (size_t i = 0; i < h->bytes; i++) {
		check(p[i] != '\0' && p[i] != 0x7f);
		check(p[i] != '\n' || p[i - 1] == '\r');
		check(p[i] != '\r' || p[i + 1] == '\n');
	}
	x = exchange_new(h, p, "peer");
	if (!x)
		return;
	check(web_header(&x->req, "host").p || h->http10);
	exchange_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_field fields[2][FIELDS];
	struct http whole, piecewise;
	size_t step, n = 0;
	int rc, again;
	char *p;

	if (size < 1)
		return 0;
	step = data[0] ? data[0] : 1;
	size--;
	p = malloc(size + 1);
	if (!p)
		return 0;
	memcpy(p, data + 1, size);
	http_init(&whole, &limits, fields[0]);
	rc = http_head(&whole, p, size);
	http_init(&piecewise, &limits, fields[1]);
	do {
		n = size - n < step ? size : n + step;
		again = http_head(&piecewise, p, n);
	} while (again == HTTP_MORE && n < size);
	check(rc == 0 || rc == HTTP_MORE || (rc >= 400 && rc <= 505));
	/* An open line's fault may show as its length or its content. */
	check(rc == again || (rc >= 400 && again >= 400));
	if (rc == 0) {
		compare(&whole, &piecewise);
		check_head(&whole, p, size);
	}
	free(p);
	return 0;
}
