#include "web/exchange.h"

#include <stdlib.h>

static struct str at(const char *base, struct http_span s)
{
	return (struct str){ base + s.at, s.n };
}

struct web_exchange *exchange_new(const struct http *h, const char *p,
				  const char *peer)
{
	size_t table = h->count * sizeof(struct web_header);
	struct str from = str_from(peer);
	struct web_exchange *x = malloc(sizeof(*x) + table + h->bytes + from.n);
	char *text;

	if (!x)
		return NULL;
	memset(x, 0, sizeof(*x));
	text = (char *)(x->headers + h->count);
	memcpy(text, p, h->bytes);
	memcpy(text + h->bytes, from.p, from.n);
	for (unsigned i = 0; i < h->count; i++) {
		x->headers[i].name = at(text, h->fields[i].name);
		x->headers[i].value = at(text, h->fields[i].value);
	}
	x->req.method = at(text, h->method);
	x->req.path = at(text, h->path);
	x->req.query = h->query.at ? at(text, h->query) : STR_NONE;
	x->req.headers = x->headers;
	x->req.header_count = h->count;
	x->req.body = STR("");
	x->req.peer = (struct str){ text + h->bytes, from.n };
	x->body = BUF_INIT(h->limits->body);
	x->left = h->length;
	x->chunked = h->chunked;
	x->head = str_is(x->req.method, "HEAD");
	x->close = h->close;
	return x;
}

void exchange_free(struct web_exchange *x)
{
	if (!x)
		return;
	buf_fini(&x->body);
	buf_fini(&x->out);
	free(x);
}

struct str web_header(const struct web_request *req, const char *name)
{
	for (size_t i = 0; i < req->header_count; i++)
		if (str_is_nocase(req->headers[i].name, name))
			return req->headers[i].value;
	return STR_NONE;
}

const char *reply_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

/* RFC 9110 8.6: neither has content, and 204 no length either. */
static bool bodyless(int status)
{
	return status == 204 || status == 304;
}

/* All but the body, for which there is room then. */
static void put_head(struct buf *out, const struct web_reply *r, size_t body,
		     bool open)
{
	const char *type = r->type ? r->type : "text/plain; charset=utf-8";
	size_t headers_n = r->headers ? strlen(r->headers) : 0;

	buf_fini(out);
	buf_init(out, REPLY_PREFIX + 128 + strlen(type) + headers_n + body);
	if (!buf_room(out, out->max))
		return;
	memset(out->p, ' ', REPLY_PREFIX);
	buf_added(out, REPLY_PREFIX);
	if (!bodyless(r->status)) {
		char digits[24];
		size_t n = sizeof(digits), left = r->body.n;

		do {
			digits[--n] = (char)('0' + left % 10);
			left /= 10;
		} while (left);
		buf_puts(out, "Content-Type: ");
		buf_puts(out, type);
		if (!open) {
			buf_puts(out, "\r\nContent-Length: ");
			buf_put(out, digits + n, sizeof(digits) - n);
		}
		buf_puts(out, "\r\n");
	}
	buf_put(out, r->headers, headers_n);
	buf_puts(out, "\r\n");
}

void reply_put(struct buf *out, const struct web_reply *r, bool head)
{
	bool body = !head && !bodyless(r->status);

	put_head(out, r, body ? r->body.n : 0, false);
	if (body)
		buf_put_str(out, r->body);
}

void reply_put_open(struct buf *out, const struct web_reply *r)
{
	put_head(out, r, 0, true);
}

static void append(char **to, const char *text)
{
	size_t n = strlen(text);

	memcpy(*to, text, n);
	*to += n;
}

size_t reply_finish(struct buf *out, int status, const char *date, bool close)
{
	char prefix[REPLY_PREFIX], *p = prefix;
	size_t n;

	append(&p, "HTTP/1.1 ");
	*p++ = (char)('0' + status / 100 % 10);
	*p++ = (char)('0' + status / 10 % 10);
	*p++ = (char)('0' + status % 10);
	*p++ = ' ';
	append(&p, reply_phrase(status));
	append(&p, "\r\nDate: ");
	append(&p, date);
	append(&p, close ? "\r\nConnection: close\r\n" : "\r\n");
	n = (size_t)(p - prefix);
	memcpy(out->p + REPLY_PREFIX - n, prefix, n);
	return REPLY_PREFIX - n;
}
