#include "agent/conf_private.h"

#include <stdlib.h>

#include "stackflow/env.h"

/*
 * stackflow.*: what the environment fills in where the file is silent, and
 * what each way to authenticate needs.
 */
#define AUTH(field) offsetof(struct sf_auth, field)

/* One key of stackflow.auth, by the methods that take it. */
static const struct {
	const char *name;
	size_t offset;
	unsigned may, must; /* bits of enum sf_auth_method */
} auth_keys[] = {
#define KEY 1u << SF_AUTH_API_KEY
#define CLIENT 1u << SF_AUTH_CLIENT_CREDENTIALS
#define PASSWORD 1u << SF_AUTH_PASSWORD
#define TOKEN 1u << SF_AUTH_TOKEN
	{ "api_key", AUTH(api_key), KEY, KEY },
	{ "exchange_url", AUTH(exchange_url), KEY, 0 },
	{ "token_url", AUTH(token_url), CLIENT, CLIENT },
	{ "client_id", AUTH(client_id), CLIENT | PASSWORD, CLIENT | PASSWORD },
	{ "client_secret", AUTH(client_secret), CLIENT | PASSWORD, CLIENT },
	{ "scope", AUTH(scope), CLIENT, 0 },
	{ "region", AUTH(region), PASSWORD, PASSWORD },
	{ "email", AUTH(email), PASSWORD, PASSWORD },
	{ "password", AUTH(password), PASSWORD, PASSWORD },
	{ "endpoint_url", AUTH(endpoint_url), PASSWORD, 0 },
	{ "token", AUTH(token), TOKEN, TOKEN },
};

static const char *field(const struct sf_auth *a, size_t offset)
{
	const char *p;

	memcpy(&p, (const char *)a + offset, sizeof(p));
	return p;
}

/* An environment variable as a borrowed string; STR_NONE unset or empty. */
static struct str env(const char *name)
{
	struct str s = str_from(getenv(name));

	return s.n ? s : STR_NONE;
}

/* Fill *to where neither the file nor an earlier source has. */
static void fill(struct conf_walk *w, const char **to, const struct yaml *in,
		 const char *key, struct str value)
{
	const struct yaml *given = yaml_get(in, key);

	if (*to || !value.p || (given && given->type != YAML_NULL))
		return;
	*to = conf_keep(w, value);
}

static void fill_token_url(struct conf_walk *w, const struct yaml *v,
			   struct sf_auth *a)
{
	struct buf b = BUF_INIT(8192);
	struct str url = env("STACKFLOW_COGNITO_URL");
	const char *problem = url.p ? conf_url_problem(url) : NULL;

	if (!url.p || a->token_url)
		return;
	if (problem) {
		conf_fault(w, v, "bad-url", "STACKFLOW_COGNITO_URL: %s",
			   problem);
		return;
	}
	sf_env_put_token_url(&b, url);
	fill(w, &a->token_url, v, "token_url", buf_str(&b));
	buf_fini(&b);
}

static void fill_auth(struct conf_walk *w, const struct yaml *v,
		      struct sf_auth *a)
{
	switch (a->method) {
	case SF_AUTH_API_KEY:
		fill(w, &a->api_key, v, "api_key", env("STACKFLOW_API_KEY"));
		break;
	case SF_AUTH_CLIENT_CREDENTIALS:
		fill_token_url(w, v, a);
		fill(w, &a->client_id, v, "client_id",
		     env("STACKFLOW_CLIENT_ID"));
		fill(w, &a->client_secret, v, "client_secret",
		     env("STACKFLOW_CLIENT_SECRET"));
		break;
	case SF_AUTH_PASSWORD:
		fill(w, &a->region, v, "region",
		     sf_env_pool_region(env("STACKFLOW_USER_POOL_ID")));
		fill(w, &a->client_id, v, "client_id",
		     env("STACKFLOW_CLIENT_ID"));
		fill(w, &a->email, v, "email", env("STACKFLOW_EMAIL"));
		fill(w, &a->password, v, "password", env("STACKFLOW_PASSWORD"));
		fill(w, &a->client_secret, v, "client_secret",
		     env("STACKFLOW_CLIENT_SECRET"));
		break;
	case SF_AUTH_TOKEN:
		fill(w, &a->token, v, "token", env("STACKFLOW_TOKEN"));
		break;
	}
}

static void check_auth(struct conf_walk *w, const struct yaml *v,
		       const struct sf_auth *a, const char *method)
{
	unsigned bit = 1u << a->method;

	for (size_t i = 0; i < sizeof(auth_keys) / sizeof(auth_keys[0]); i++) {
		const char *name = auth_keys[i].name;
		const struct yaml *given = yaml_get(v, name);

		if (given && given->type == YAML_NULL)
			given = NULL;
		if (given && !(auth_keys[i].may & bit))
			conf_fault(w, given, "conflict",
				   "stackflow.auth.%s is "
				   "not for the method %s",
				   name, method);
		if (!given && auth_keys[i].must & bit &&
		    !field(a, auth_keys[i].offset))
			conf_missing(w, v, "missing-key",
				     "stackflow.auth "
				     "needs \"%s\" for the method %s",
				     name, method);
	}
}

static void take_auth(struct conf_walk *w, const struct yaml *stackflow,
		      struct sf_auth *a)
{
	static const char *const names[] = {
		[SF_AUTH_API_KEY] = "api_key",
		[SF_AUTH_CLIENT_CREDENTIALS] = "client_credentials",
		[SF_AUTH_PASSWORD] = "password",
		[SF_AUTH_TOKEN] = "token",
	};
	const struct yaml *v = yaml_get(stackflow, "auth");
	struct str method;

	if (v && v->type != YAML_NULL) {
		/* A method that is missing or wrong has its fault already. */
		if (yaml_text(&method, yaml_get(v, "method")) ||
		    (!str_is(method, names[a->method]) &&
		     str_find(method, STR("${")) < 0))
			return;
	} else if (!sf_env_method(&a->method)) {
		conf_missing(w, stackflow, "missing-key",
			     "stackflow needs \"auth\" (or STACKFLOW_API_KEY "
			     "in the environment)");
		return;
	}
	fill_auth(w, v, a);
	check_auth(w, v ? v : stackflow, a, names[a->method]);
}

static void take_base_url(struct conf_walk *w, const struct yaml *v,
			  struct conf *c)
{
	struct str url = env("STACKFLOW_BASE_URL");
	const struct yaml *given = yaml_get(v, "base_url");
	const char *problem;

	if (given && given->type == YAML_NULL)
		given = NULL;
	if (given) {
		url = str_from(c->stackflow.base_url);
	} else if (url.p) {
		problem = conf_url_problem(url);
		if (problem) {
			conf_fault(w, v, "bad-url", "STACKFLOW_BASE_URL: %s",
				   problem);
			return;
		}
	} else {
		conf_missing(w, v, "missing-key",
			     "stackflow needs "
			     "\"base_url\" (or STACKFLOW_BASE_URL in the "
			     "environment)");
	}
	if (!url.p)
		return;
	if (str_find_char(url, '?') >= 0)
		conf_fault(w, given ? given : v, "bad-url",
			   "stackflow.base_url: it has no query (?)");
	while (url.p[url.n - 1] == '/')
		url.n--;
	c->stackflow.base_url = conf_keep(w, url);
}

/* Fields that rules may look a CI up by, where the file doesn't say. */
static void add_filters(struct conf_walk *w, struct conf *c)
{
	static const char *const names[] = { "name", "arn", "resource_id" };
	size_t n = c->stackflow.filter_count;
	struct conf_cmdb_filter *all = conf_alloc(w, (n + 3) * sizeof(*all));

	if (!all)
		return;
	if (n)
		memcpy(all, c->stackflow.filters, n * sizeof(*all));
	for (size_t i = 0; i < 3; i++) {
		bool given = false;

		for (size_t k = 0; k < c->stackflow.filter_count; k++)
			given |= !strcmp(all[k].field, names[i]);
		if (!given)
			all[n++] =
				(struct conf_cmdb_filter){ names[i], names[i] };
	}
	c->stackflow.filters = all;
	c->stackflow.filter_count = n;
}

void conf_fill_stackflow(struct conf_walk *w, const struct yaml *root,
			 struct conf *c)
{
	const struct yaml *v = conf_node(root, "stackflow", NULL);

	if (v != root && v->type != YAML_MAP && v->type != YAML_NULL)
		return;
	take_base_url(w, v == root ? NULL : v, c);
	take_auth(w, v == root ? NULL : v, &c->stackflow.auth);
	add_filters(w, c);
	if (c->stackflow.link) {
		const char *problem =
			conf_link_problem(str_from(c->stackflow.link));

		if (problem)
			conf_fault(w,
				   conf_node(root, "stackflow", "link", NULL),
				   "bad-url", "stackflow.link: %s", problem);
	}
}
