#include "aws/canonical.h"

#include <errno.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/encode.h"

#define PATH_MAX_BYTES 65536
#define TEXT_MAX (1u << 20)

static void init(struct canonical *c)
{
	buf_init(&c->text, TEXT_MAX);
	c->count = 0;
}

void canonical_fini(struct canonical *c)
{
	buf_wipe(&c->text);
	c->count = 0;
}

/* By name, then by value where that counts; equal ones keep their order. */
static int add(struct canonical *c, struct str name, struct str value,
	       bool by_value)
{
	size_t at = c->count;

	if (c->count == CANONICAL_PAIRS_MAX)
		return -E2BIG;
	for (; at > 0; at--) {
		const struct canonical_pair *p = &c->pairs[at - 1];
		int order = str_cmp(p->name, name);

		if (order == 0 && by_value)
			order = str_cmp(p->value, value);
		if (order <= 0)
			break;
		c->pairs[at] = *p;
	}
	c->pairs[at] = (struct canonical_pair){ name, value };
	c->count++;
	return 0;
}

static struct str lower(struct buf *text, struct str s)
{
	size_t from = text->n;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		buf_putc(text, c >= 'A' && c <= 'Z' ? (char)(c | 32) : c);
	}
	return buf_error(text) ? STR_NONE : str_sub(buf_str(text), from, s.n);
}

static bool has(const struct canonical *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (str_is(c->pairs[i].name, name))
			return true;
	return false;
}

int canonical_headers(struct canonical *out, const struct sigv4_request *r)
{
	size_t names = 0;
	int rc = 0;

	init(out);
	for (size_t i = 0; i < r->header_count; i++)
		names += r->headers[i].name.n;
	/* At once, for the pairs point into it. */
	buf_room(&out->text, names + 1);
	for (size_t i = 0; i < r->header_count && rc == 0; i++)
		rc = add(out, lower(&out->text, r->headers[i].name),
			 r->headers[i].value, false);
	if (rc == 0)
		rc = buf_error(&out->text);
	if (rc == 0 && (!has(out, "host") || !has(out, "x-amz-date")))
		rc = -EINVAL;
	if (rc)
		canonical_fini(out);
	return rc;
}

static bool repeats(const struct canonical *c, size_t i)
{
	const struct canonical_pair *p = &c->pairs[i];

	return i > 0 && str_eq(p->name, p[-1].name);
}

void canonical_names(struct buf *out, const struct canonical *headers)
{
	for (size_t i = 0; i < headers->count; i++) {
		if (repeats(headers, i))
			continue;
		if (i)
			buf_putc(out, ';');
		buf_put_str(out, headers->pairs[i].name);
	}
}

/* Without blanks around it, each run of them within as one. */
static void put_value(struct buf *out, struct str value)
{
	bool blank = false;

	value = str_trim(value);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank = true;
			continue;
		}
		if (blank)
			buf_putc(out, ' ');
		blank = false;
		buf_putc(out, c);
	}
}

static void put_headers(struct buf *out, const struct canonical *headers)
{
	for (size_t i = 0; i < headers->count; i++) {
		if (repeats(headers, i)) {
			buf_putc(out, ',');
		} else {
			if (i)
				buf_putc(out, '\n');
			buf_put_str(out, headers->pairs[i].name);
			buf_putc(out, ':');
		}
		put_value(out, headers->pairs[i].value);
	}
	buf_putc(out, '\n');
}

/* RFC 3986, 5.2.4, and no empty segments. */
static void normal_path(struct buf *out, struct str path)
{
	bool folder = true;
	struct str segment;

	while (str_cut(&path, '/', &segment)) {
		folder = segment.n == 0 || str_is(segment, ".") ||
			 str_is(segment, "..");
		if (str_is(segment, "..")) {
			while (out->n && out->p[out->n - 1] != '/')
				buf_truncate(out, out->n - 1);
			if (out->n)
				buf_truncate(out, out->n - 1);
		} else if (!folder) {
			buf_putc(out, '/');
			buf_put_str(out, segment);
		}
	}
	if (folder)
		buf_putc(out, '/');
}

static void put_path(struct buf *out, struct str path)
{
	struct str segment;
	bool first = true;

	while (str_cut(&path, '/', &segment)) {
		if (!first)
			buf_putc(out, '/');
		first = false;
		encode_url(out, segment);
	}
}

static int canonical_path(struct buf *out, struct str path, bool normalize)
{
	struct buf normal = BUF_INIT(PATH_MAX_BYTES);
	int rc;

	if (path.n == 0)
		path = STR("/");
	if (normalize) {
		normal_path(&normal, path);
		path = buf_str(&normal);
	}
	put_path(out, path);
	rc = buf_error(&normal);
	buf_fini(&normal);
	return rc;
}

/* What was sent may be encoded, or only in part: undo, then do it wholly. */
static struct str encoded(struct buf *text, struct str s)
{
	struct buf plain = BUF_INIT(PATH_MAX_BYTES);
	size_t from = text->n;
	struct str out;

	if (decode_url(&plain, s) == 0)
		encode_url(text, buf_str(&plain));
	else
		encode_url(text, s);
	if (buf_error(&plain) && !text->error)
		text->error = buf_error(&plain);
	out = buf_error(text) ? STR_NONE
			      : str_sub(buf_str(text), from, text->n - from);
	buf_fini(&plain);
	return out;
}

static int canonical_query(struct buf *out, struct str query)
{
	struct canonical c;
	struct str field;
	int rc = 0;

	init(&c);
	buf_room(&c.text, 3 * query.n + 1);
	while (rc == 0 && str_cut(&query, '&', &field)) {
		struct str value = field, name = STR_NONE;

		if (field.n == 0 || !str_cut(&value, '=', &name))
			continue;
		name = encoded(&c.text, name);
		rc = add(&c, name, encoded(&c.text, value), true);
	}
	if (rc == 0)
		rc = buf_error(&c.text);
	for (size_t i = 0; i < c.count && rc == 0; i++) {
		if (i)
			buf_putc(out, '&');
		buf_put_str(out, c.pairs[i].name);
		buf_putc(out, '=');
		buf_put_str(out, c.pairs[i].value);
	}
	canonical_fini(&c);
	return rc;
}

int canonical_request(struct buf *out, const struct sigv4_request *r,
		      const struct canonical *headers, bool normalize)
{
	unsigned char hash[32];
	unsigned int n = 0;
	int rc;

	if (EVP_Digest(r->body.n ? r->body.p : "", r->body.n, hash, &n,
		       EVP_sha256(), NULL) != 1 ||
	    n != sizeof(hash)) {
		ERR_clear_error();
		return -EIO;
	}
	buf_put_str(out, r->method);
	buf_putc(out, '\n');
	rc = canonical_path(out, r->path, normalize);
	buf_putc(out, '\n');
	if (rc == 0)
		rc = canonical_query(out, r->query);
	buf_putc(out, '\n');
	put_headers(out, headers);
	buf_putc(out, '\n');
	canonical_names(out, headers);
	buf_putc(out, '\n');
	encode_hex(out, hash, sizeof(hash));
	return rc ? rc : buf_error(out);
}

int sigv4_canonical(struct buf *out, const struct sigv4_request *r,
		    bool normalize)
{
	struct canonical headers;
	int rc;

	rc = canonical_headers(&headers, r);
	if (rc)
		return rc;
	rc = canonical_request(out, r, &headers, normalize);
	canonical_fini(&headers);
	return rc;
}
