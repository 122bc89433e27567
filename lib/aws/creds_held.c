#include <errno.h>
#include <stdlib.h>

#include "aws/creds_source.h"

/* All of them go into headers or what is signed: visible ASCII. */
static int check(struct str s, size_t max, const char *what, struct err *err)
{
	if (s.n > max)
		return err_set(err, -EINVAL, "the %s is longer than %zu bytes",
			       what, max);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return err_set(err, -EINVAL,
				       "the %s holds a blank, a line break or "
				       "another character that keys don't have",
				       what);
	return 0;
}

static struct str put(char **to, struct str s)
{
	struct str copy = { *to, s.n };

	if (s.n)
		memcpy(*to, s.p, s.n);
	(*to)[s.n] = '\0';
	*to += s.n + 1;
	return s.n ? copy : STR_NONE;
}

int creds_held_new(struct aws_held **out, const struct aws_keys *keys,
		   int64_t expire_ms, struct err *err)
{
	size_t size = keys->id.n + keys->secret.n + keys->token.n + 3;
	struct aws_held *h;
	char *to;
	int rc;

	if (keys->id.n == 0 || keys->secret.n == 0)
		return err_set(err, -EINVAL, "no %s came",
			       keys->id.n ? "secret access key"
					  : "access key id");
	rc = check(keys->id, CREDS_ID_MAX, "access key id", err);
	if (rc == 0)
		rc = check(keys->secret, CREDS_SECRET_MAX, "secret access key",
			   err);
	if (rc == 0)
		rc = check(keys->token, CREDS_TOKEN_MAX, "session token", err);
	if (rc)
		return rc;
	h = calloc(1, sizeof(*h) + size);
	if (!h)
		return -ENOMEM;
	atomic_init(&h->holders, 1);
	h->expire_ms = expire_ms;
	h->size = size;
	to = h->text;
	h->keys.id = put(&to, keys->id);
	h->keys.secret = put(&to, keys->secret);
	h->keys.token = put(&to, keys->token);
	*out = h;
	return 0;
}

bool creds_held_same(const struct aws_held *a, const struct aws_held *b)
{
	return str_eq(a->keys.id, b->keys.id) &&
	       str_eq_secret(a->keys.secret, b->keys.secret) &&
	       str_eq_secret(a->keys.token, b->keys.token);
}

const struct aws_keys *aws_held_keys(const struct aws_held *h)
{
	return &h->keys;
}

void aws_held_drop(struct aws_held *h)
{
	if (!h || atomic_fetch_sub(&h->holders, 1) > 1)
		return;
	explicit_bzero(h->text, h->size);
	free(h);
}
