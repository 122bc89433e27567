#include "stackflow/conf.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/buf.h"
#include "rest/rest.h"
#include "stackflow/grant.h"

#define TEXT_MAX 2000

static const size_t strings[] = {
	offsetof(struct sf_auth, api_key),
	offsetof(struct sf_auth, exchange_url),
	offsetof(struct sf_auth, token_url),
	offsetof(struct sf_auth, client_id),
	offsetof(struct sf_auth, client_secret),
	offsetof(struct sf_auth, scope),
	offsetof(struct sf_auth, region),
	offsetof(struct sf_auth, email),
	offsetof(struct sf_auth, password),
	offsetof(struct sf_auth, endpoint_url),
	offsetof(struct sf_auth, token),
};

#define STRINGS (sizeof(strings) / sizeof(strings[0]))

static const char **string_of(struct sf_auth *c, size_t i)
{
	return (const char **)((char *)c + strings[i]);
}

int sf_conf_copy(struct sf_auth *to, const struct sf_auth *conf)
{
	struct sf_auth from = *conf;

	to->method = from.method;
	for (size_t i = 0; i < STRINGS; i++) {
		const char *s = *string_of(&from, i);

		if (s && !(*string_of(to, i) = strdup(s)))
			return -ENOMEM;
	}
	return 0;
}

void sf_conf_wipe(struct sf_auth *c)
{
	for (size_t i = 0; i < STRINGS; i++) {
		char *s = (char *)(uintptr_t)*string_of(c, i);

		if (s)
			explicit_bzero(s, strlen(s));
		free(s);
	}
	*c = (struct sf_auth){ 0 };
}

static int need(const char *value, const char *name, const char *method,
		struct err *err)
{
	if (value && value[0])
		return 0;
	return err_set(err, -EINVAL, "auth method %s needs %s", method, name);
}

/* No login is longer; the requests that hold it are bounded by that. */
static int need_short(const struct sf_auth *c, struct err *err)
{
	const struct {
		const char *name, *value;
	} texts[] = {
		{ "client_id", c->client_id },
		{ "client_secret", c->client_secret },
		{ "scope", c->scope },
		{ "email", c->email },
		{ "password", c->password },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].value && strlen(texts[i].value) > TEXT_MAX)
			return err_set(err, -EINVAL,
				       "%s is longer than %d bytes",
				       texts[i].name, TEXT_MAX);
	return 0;
}

static int need_url(const char *url, const char *name, struct err *err)
{
	struct err why = { "" };
	int rc = rest_url_check(url, &why);

	return rc ? err_set(err, rc, "%s: %s", name, why.text) : 0;
}

/* It stands in a header. */
static int need_token(const char *token, const char *name, struct err *err)
{
	int rc = need(token, name, name, err);

	if (rc == 0 && !sf_token_usable(str_from(token)))
		rc = err_set(err, -EINVAL,
			     "%s is too long or holds a character other than "
			     "visible ASCII",
			     name);
	return rc;
}

static int check_key(const struct sf_auth *c, struct err *err)
{
	int rc = need_token(c->api_key, "api_key", err);

	if (rc == 0 && c->exchange_url)
		rc = need_url(c->exchange_url, "exchange_url", err);
	return rc;
}

static int check_client(const struct sf_auth *c, struct err *err)
{
	static const char method[] = "client_credentials";
	int rc = need(c->token_url, "token_url", method, err);

	if (rc == 0)
		rc = need(c->client_id, "client_id", method, err);
	if (rc == 0)
		rc = need(c->client_secret, "client_secret", method, err);
	return rc ? rc : need_url(c->token_url, "token_url", err);
}

/* Where Cognito is, from the region alone. */
static int derive_endpoint(struct sf_auth *c, struct err *err)
{
	struct str region = str_from(c->region);
	struct buf url = BUF_INIT(256);
	size_t n = strspn(c->region, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (n != region.n || n > 32)
		return err_set(err, -EINVAL,
			       "region is no name of an AWS region");
	buf_printf(&url, "https://cognito-idp.%s.amazonaws.com%s/", c->region,
		   str_starts(region, "cn-") ? ".cn" : "");
	c->endpoint_url = buf_take(&url);
	return c->endpoint_url ? 0 : -ENOMEM;
}

static int check_password(struct sf_auth *c, struct err *err)
{
	static const char method[] = "password";
	int rc = need(c->client_id, "client_id", method, err);

	if (rc == 0)
		rc = need(c->email, "email", method, err);
	if (rc == 0)
		rc = need(c->password, "password", method, err);
	if (rc == 0 && !c->endpoint_url)
		rc = need(c->region, "region", method, err);
	if (rc == 0 && !c->endpoint_url)
		rc = derive_endpoint(c, err);
	return rc ? rc : need_url(c->endpoint_url, "endpoint_url", err);
}

int sf_conf_check(struct sf_auth *c, struct err *err)
{
	int rc = need_short(c, err);

	if (rc)
		return rc;
	switch (c->method) {
	case SF_AUTH_API_KEY:
		return check_key(c, err);
	case SF_AUTH_CLIENT_CREDENTIALS:
		return check_client(c, err);
	case SF_AUTH_PASSWORD:
		return check_password(c, err);
	case SF_AUTH_TOKEN:
		return need_token(c->token, "token", err);
	}
	return err_set(err, -EINVAL, "unknown auth method");
}
