#include "web/chunked.h"

enum { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, END_CR, END_LF };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int size(struct chunked *k, char c)
{
	int digit = hex(c);

	if (digit < 0) {
		k->step = SIZE_LF;
		return c == '\r' && k->digits ? CHUNKED_MORE : 400;
	}
	if (++k->digits > 8)
		return 400;
	k->left = k->left * 16 + (size_t)digit;
	return CHUNKED_MORE;
}

static int expect(struct chunked *k, char c, char want, int next)
{
	k->step = next;
	return c == want ? CHUNKED_MORE : 400;
}

/* Any byte but data. */
static int frame(struct chunked *k, const struct buf *body, char c)
{
	switch (k->step) {
	case SIZE:
		return size(k, c);
	case SIZE_LF:
		k->digits = 0;
		if (k->left > body->max - body->n)
			return 413;
		return expect(k, c, '\n', k->left ? DATA : END_CR);
	case DATA_CR:
		return expect(k, c, '\r', DATA_LF);
	case DATA_LF:
		return expect(k, c, '\n', SIZE);
	case END_CR:
		return expect(k, c, '\r', END_LF);
	default:
		return c == '\n' ? 0 : 400;
	}
}

int chunked_read(struct chunked *k, struct buf *body, size_t *used,
		 const char *p, size_t n)
{
	int rc = CHUNKED_MORE;
	size_t i = 0;

	while (i < n && rc == CHUNKED_MORE) {
		size_t take = n - i;

		if (k->step != DATA) {
			rc = frame(k, body, p[i++]);
			continue;
		}
		if (take > k->left)
			take = k->left;
		buf_put(body, p + i, take);
		if (buf_error(body))
			rc = buf_error(body);
		i += take;
		k->left -= take;
		if (k->left == 0)
			k->step = DATA_CR;
	}
	*used = i;
	return rc;
}
