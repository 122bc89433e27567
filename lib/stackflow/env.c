#include "stackflow/env.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "rest/rest.h"
#include "stackflow/client.h"

#define BASE_URL "STACKFLOW_BASE_URL"
#define COGNITO_URL "STACKFLOW_COGNITO_URL"
#define POOL_ID "STACKFLOW_USER_POOL_ID"
#define ENDPOINT_URL "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"
#define NEEDS_MAX 4

/* The ways in, the first that is whole is taken. */
static const struct way {
	enum sf_auth_method method;
	const char *name;
	const char *needs[NEEDS_MAX + 1];
} ways[] = {
	{ SF_AUTH_TOKEN, "a token", { "STACKFLOW_TOKEN" } },
	{ SF_AUTH_API_KEY, "an API key", { "STACKFLOW_API_KEY" } },
	{ SF_AUTH_CLIENT_CREDENTIALS,
	  "client credentials",
	  { "STACKFLOW_CLIENT_ID", "STACKFLOW_CLIENT_SECRET", COGNITO_URL } },
	{ SF_AUTH_PASSWORD,
	  "a user's login",
	  { "STACKFLOW_CLIENT_ID", "STACKFLOW_EMAIL", "STACKFLOW_PASSWORD",
	    POOL_ID } },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* NULL: unset or empty. */
static const char *variable(const char *name)
{
	const char *s = getenv(name);

	return s && s[0] ? s : NULL;
}

static size_t lacking(const struct way *w, size_t *set)
{
	size_t n = 0;

	*set = 0;
	for (size_t i = 0; i < NEEDS_MAX && w->needs[i]; i++) {
		bool there = variable(w->needs[i]);

		*set += there;
		n += !there;
	}
	return n;
}

bool sf_env_method(enum sf_auth_method *out)
{
	size_t set;

	for (size_t i = 0; i < WAYS; i++) {
		if (lacking(&ways[i], &set) == 0) {
			*out = ways[i].method;
			return true;
		}
	}
	return false;
}

/* Amazon Cognito, "Token endpoint": its path is fixed. */
void sf_env_put_token_url(struct buf *out, struct str cognito_url)
{
	while (cognito_url.n && cognito_url.p[cognito_url.n - 1] == '/')
		cognito_url.n--;
	buf_put_str(out, cognito_url);
	if (!str_ends(cognito_url, "/oauth2/token"))
		buf_puts(out, "/oauth2/token");
}

struct str sf_env_pool_region(struct str pool_id)
{
	ssize_t at = str_find_char(pool_id, '_');

	if (!pool_id.p || at <= 0 || (size_t)at + 1 == pool_id.n)
		return STR_NONE;
	for (ssize_t i = 0; i < at; i++) {
		char c = pool_id.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '-'))
			return STR_NONE;
	}
	return str_sub(pool_id, 0, (size_t)at);
}

static void put_names(struct buf *out, const struct way *w, bool set_too)
{
	const char *sep = "";

	for (size_t i = 0; i < NEEDS_MAX && w->needs[i]; i++) {
		if (!set_too && variable(w->needs[i]))
			continue;
		buf_printf(out, "%s%s", sep, w->needs[i]);
		sep = ", ";
	}
}

/* What only lacks; else those ways that are begun, else all there are. */
static void put_missing(struct buf *out, const enum sf_auth_method *only)
{
	const char *sep = "no login is whole: ";
	size_t set;

	for (size_t i = 0; i < WAYS; i++) {
		if (lacking(&ways[i], &set) == 0)
			continue;
		if (only ? ways[i].method != *only : set == 0)
			continue;
		buf_printf(out, "%sfor %s ", sep, ways[i].name);
		put_names(out, &ways[i], false);
		sep = " missing, ";
	}
	if (sep[0] == ' ') {
		buf_printf(out, " missing%s",
			   only ? ""
				: " (or set STACKFLOW_API_KEY or "
				  "STACKFLOW_TOKEN)");
		return;
	}
	sep = "no login is set: ";
	for (size_t i = 0; i < WAYS; i++) {
		buf_puts(out, sep);
		put_names(out, &ways[i], true);
		sep = ", or ";
	}
}

static int check_url(const char *name, const char *url, struct err *err)
{
	struct err why = { "" };
	int rc = rest_url_check(url, &why);

	return rc ? err_set(err, rc, "%s: %s", name, why.text) : 0;
}

static void fill(const char **to, const char *name)
{
	if (!*to)
		*to = variable(name);
}

static int fill_token_url(struct sf_auth *a, struct arena *arena,
			  struct err *err)
{
	struct buf url = BUF_INIT(8192);
	const char *from = variable(COGNITO_URL);
	int rc;

	if (a->token_url || !from)
		return 0;
	rc = check_url(COGNITO_URL, from, err);
	if (rc)
		return rc;
	sf_env_put_token_url(&url, str_from(from));
	rc = buf_error(&url);
	if (rc == -E2BIG)
		rc = err_set(err, -EINVAL, COGNITO_URL " is too long");
	if (rc == 0) {
		a->token_url = arena_cstr(arena, buf_str(&url));
		rc = a->token_url ? 0 : -ENOMEM;
	}
	buf_fini(&url);
	return rc;
}

/* Where Cognito is: the pool's region, or an address of its own. */
static int fill_place(struct sf_auth *a, struct arena *arena, struct err *err)
{
	const char *pool = variable(POOL_ID);
	struct str region = sf_env_pool_region(str_from(pool));

	fill(&a->endpoint_url, ENDPOINT_URL);
	if (a->endpoint_url) {
		int rc = check_url(ENDPOINT_URL, a->endpoint_url, err);

		if (rc)
			return rc;
	}
	if (a->region || !pool)
		return 0;
	if (!region.p)
		return err_set(err, -EINVAL,
			       POOL_ID " isn't of the form REGION_NAME");
	a->region = arena_cstr(arena, region);
	return a->region ? 0 : -ENOMEM;
}

/* True where what the method needs is there. */
static bool is_whole(const struct sf_auth *a)
{
	switch (a->method) {
	case SF_AUTH_TOKEN:
		return a->token;
	case SF_AUTH_API_KEY:
		return a->api_key;
	case SF_AUTH_CLIENT_CREDENTIALS:
		return a->client_id && a->client_secret && a->token_url;
	case SF_AUTH_PASSWORD:
		return a->client_id && a->email && a->password &&
		       (a->region || a->endpoint_url);
	}
	return false;
}

static int fill_auth(struct sf_auth *a, struct arena *arena, struct err *err)
{
	if (a->method == SF_AUTH_API_KEY && !a->api_key &&
	    !sf_env_method(&a->method))
		return 0;
	switch (a->method) {
	case SF_AUTH_TOKEN:
		fill(&a->token, "STACKFLOW_TOKEN");
		return 0;
	case SF_AUTH_API_KEY:
		fill(&a->api_key, "STACKFLOW_API_KEY");
		return 0;
	case SF_AUTH_CLIENT_CREDENTIALS:
		fill(&a->client_id, "STACKFLOW_CLIENT_ID");
		fill(&a->client_secret, "STACKFLOW_CLIENT_SECRET");
		return fill_token_url(a, arena, err);
	case SF_AUTH_PASSWORD:
		fill(&a->client_id, "STACKFLOW_CLIENT_ID");
		fill(&a->client_secret, "STACKFLOW_CLIENT_SECRET");
		fill(&a->email, "STACKFLOW_EMAIL");
		fill(&a->password, "STACKFLOW_PASSWORD");
		return fill_place(a, arena, err);
	}
	return err_set(err, -EINVAL, "unknown auth method");
}

int sf_options_from_env(struct sf_options *o, struct arena *arena,
			struct err *err)
{
	struct sf_options filled = *o;
	struct buf words = BUF_INIT(1024);
	int rc = 0;

	if (!filled.base_url) {
		fill(&filled.base_url, BASE_URL);
		if (filled.base_url)
			rc = check_url(BASE_URL, filled.base_url, err);
	}
	if (rc == 0)
		rc = fill_auth(&filled.auth, arena, err);
	if (rc == 0 && !filled.base_url)
		buf_puts(&words, BASE_URL " isn't set");
	if (rc == 0 && !is_whole(&filled.auth)) {
		buf_puts(&words, words.n ? "; " : "");
		put_missing(&words, o->auth.method ? &o->auth.method : NULL);
	}
	if (rc == 0 && buf_error(&words) == -ENOMEM)
		rc = -ENOMEM;
	if (rc == 0 && words.n)
		rc = err_set(err, -ENOENT, "%.*s", STR_ARG(buf_str(&words)));
	if (rc == 0)
		*o = filled;
	buf_fini(&words);
	return rc;
}

void sf_context_from_env(struct sf_context *out)
{
	*out = (struct sf_context){ .org_id = NULL };
	for (size_t i = 0; i < SF_BOUND_NAMES; i++) {
		const char *value = variable(sf_bound_names[i].variable);

		memcpy((char *)out + sf_bound_names[i].offset, &value,
		       sizeof(value));
	}
}

static int set_outer(struct sf_client *c, struct err *err)
{
	struct sf_context x;
	struct err why = { "" };
	int rc;

	sf_context_from_env(&x);
	rc = sf_bounds_set_outer(&c->bounds, &x, &why);
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	return err_set(err, rc, "from the environment: %s", why.text);
}

int sf_client_new_from_env(struct sf_client **out, struct err *err)
{
	struct arena *arena = arena_new(64u << 10);
	struct sf_options o = { .retries = 4 };
	struct sf_client *c = NULL;
	int rc = -ENOMEM;

	if (arena)
		rc = sf_options_from_env(&o, arena, err);
	if (rc == 0)
		rc = sf_client_new(&c, &o, NULL, err);
	if (rc == 0)
		rc = set_outer(c, err);
	if (rc)
		sf_client_free(c);
	else
		*out = c;
	arena_free(arena);
	return rc;
}
