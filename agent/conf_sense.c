#include "agent/conf_private.h"

#include <errno.h>
#include <sys/stat.h>

#include "aws/sns.h"
#include "base/map.h"
#include "web/proxy.h"

/* What no key shows alone: checked once all keys are read. */

/*
 * How a message may name a value: as the file has it, for what ${...} stood
 * for may be secret.
 */
static const char *shown(const struct yaml *at, const char *value)
{
	return at && at->type == YAML_SCALAR ? at->text.p : value;
}

/* A file that must be there; one with a secret shouldn't be for everybody. */
static void check_file(struct conf_walk *w, const struct yaml *at,
		       const char *path, bool secret)
{
	struct stat st;

	if (!path)
		return;
	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			conf_missing(w, at, "no-file", "%s: no such file",
				     shown(at, path));
		return;
	}
	if (!S_ISREG(st.st_mode))
		conf_fault(w, at, "no-file", "%s: not a regular file",
			   shown(at, path));
	else if (secret && st.st_mode & S_IROTH)
		conf_warn(w, at, "world-readable",
			  "%s: everybody may read "
			  "this key (chmod o-r)",
			  shown(at, path));
}

/* Whoever may say whom he speaks for is named; a unix socket has its mode. */
static void check_proxy(struct conf_walk *w, const struct yaml *v,
			const struct conf_listener *l)
{
	const struct yaml *at = conf_node(v, "proxy_from", NULL);
	const struct yaml *item = at->child;
	struct network net;

	if (!l->proxy_protocol) {
		if (l->proxy_from_count)
			conf_fault(w, at, "conflict",
				   "listen: proxy_from is for proxy_protocol: "
				   "true");
		return;
	}
	if (!l->proxy_from_count &&
	    !(l->address && str_starts(str_from(l->address), "unix:")))
		conf_fault(w, conf_node(v, "proxy_protocol", NULL),
			   "missing-key",
			   "listen: proxy_protocol needs proxy_from, the "
			   "addresses of the load balancers, like "
			   "[10.0.0.0/8]: nobody else may connect");
	if (at->type != YAML_LIST || at->count != l->proxy_from_count)
		return;
	for (size_t i = 0; i < l->proxy_from_count; i++, item = item->next)
		if (network_read(&net, str_from(l->proxy_from[i])))
			conf_fault(w, item, "bad-value",
				   "listen: proxy_from: \"%s\" is no network "
				   "like 10.0.0.0/8 or fd00::/8, without a bit "
				   "behind its prefix",
				   shown(item, l->proxy_from[i]));
}

static void check_listener(struct conf_walk *w, const struct yaml *v,
			   const struct conf_listener *l)
{
	const struct yaml *at = conf_node(v, "address", NULL);

	check_file(w, conf_node(v, "tls", "certificate", NULL), l->certificate,
		   false);
	check_file(w, conf_node(v, "tls", "key", NULL), l->key, true);
	check_proxy(w, v, l);
	if (!yaml_get(v, "address") == !yaml_get(v, "socket")) {
		conf_fault(w, v, "bad-value",
			   "listen: each entry needs "
			   "either an address or a socket");
		return;
	}
	if (!l->address)
		return;
	if (!conf_address_ok(str_from(l->address)))
		conf_fault(w, at, "bad-value",
			   "listen: \"%s\" is not "
			   "HOST:PORT, [HOST]:PORT or unix:/PATH",
			   shown(at, l->address));
	else if (!l->plain && !yaml_get(v, "tls") &&
		 !conf_loopback(str_from(l->address)))
		conf_fault(w, at, "insecure",
			   "listen: \"%s\" is beyond "
			   "loopback: give it tls, or plain: true behind a "
			   "load balancer that ends TLS",
			   shown(at, l->address));
}

static void check_listeners(struct conf_walk *w, const struct yaml *root,
			    const struct conf *c)
{
	const struct yaml *v = conf_node(root, "listen", NULL);
	const struct conf_listener *l = c->listeners;

	if (c->listener_count == 0 && c->queue_count == 0 &&
	    (v == root || v->type == YAML_NULL || v->type == YAML_LIST))
		conf_fault(w, v, "missing-key",
			   "no way in: \"listen\" or \"sqs\" needs "
			   "at least one entry");
	if (c->listener_count == 0)
		return;
	for (v = v->child; v; v = v->next, l++)
		if (v->type == YAML_MAP)
			check_listener(w, v, l);
	if (c->sns.topic_count == 0 && c->webhook_count == 0 &&
	    c->queue_count == 0)
		conf_warn(w, conf_node(root, "sns", "topics", NULL),
			  "no-source",
			  "nothing may come in: neither "
			  "sns.topics nor webhooks nor sqs names a source");
}

static bool path_ok(const char *path)
{
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '?' ||
		    *p == '#')
			return false;
	return path[0] == '/';
}

static void check_path(struct conf_walk *w, const struct yaml *at,
		       const char *path)
{
	if (path && !path_ok(path))
		conf_fault(w, at, "bad-value",
			   "the path \"%s\" must begin "
			   "with / and hold no blank, ? or #",
			   shown(at, path));
}

static void check_paths(struct conf_walk *w, const struct yaml *root,
			const struct conf *c)
{
	const struct yaml *v = yaml_get(root, "webhooks");
	struct map *seen = map_new();

	w->no_memory |= !seen;
	check_path(w, conf_node(root, "sns", "path", NULL), c->sns.path);
	if (!seen || map_set(seen, str_from(c->sns.path), w) < 0)
		w->no_memory = true;
	v = v && v->type == YAML_LIST ? v->child : NULL;
	for (size_t i = 0; v && i < c->webhook_count && !w->no_memory; i++) {
		struct str path = str_from(c->webhooks[i].path);
		const struct yaml *at = conf_node(v, "path", NULL);

		check_path(w, at, path.p);
		if (path.p && map_get(seen, path))
			conf_fault(w, at, "conflict",
				   "the path \"%s\" has "
				   "two receivers",
				   shown(at, path.p));
		else if (path.p && map_set(seen, path, w) < 0)
			w->no_memory = true;
		v = v->next;
	}
	map_free(seen);
}

static void check_sns(struct conf_walk *w, const struct yaml *root,
		      const struct conf *c)
{
	const struct yaml *topics = conf_node(root, "sns", "topics", NULL);
	const struct yaml *v = topics->child;
	struct err err;

	if (c->sns.user && strchr(c->sns.user, ':'))
		conf_fault(w,
			   conf_node(root, "sns", "basic_auth", "user", NULL),
			   "bad-value",
			   "sns.basic_auth.user: a user holds no "
			   "colon (RFC 7617)");
	/* Only where every entry was text do the two go side by side. */
	if (topics->type != YAML_LIST || topics->count != c->sns.topic_count)
		return;
	for (size_t i = 0; i < c->sns.topic_count; i++, v = v->next)
		if (sns_topic_check(str_from(c->sns.topics[i]), &err))
			conf_fault(w, v, "bad-topic", "sns.topics[%zu]: %s", i,
				   str_find(v->text, STR("${")) < 0
					   ? err.text
					   : "not a topic pattern");
}

static void check_admin(struct conf_walk *w, const struct yaml *root,
			const struct conf *c)
{
	const struct yaml *at = conf_node(root, "admin", "address", NULL);

	if (!conf_address_ok(str_from(c->admin.address)))
		conf_fault(w, at, "bad-value",
			   "admin.address: \"%s\" is not "
			   "HOST:PORT, [HOST]:PORT or unix:/PATH",
			   shown(at, c->admin.address));
	else if (!c->admin.token &&
		 !yaml_get(conf_node(root, "admin", NULL), "token") &&
		 !conf_loopback(str_from(c->admin.address)))
		conf_fault(w, at, "insecure",
			   "admin.address: \"%s\" is beyond "
			   "loopback, where every request needs admin.token",
			   shown(at, c->admin.address));
}

static void check_store(struct conf_walk *w, const struct yaml *root,
			struct conf *c)
{
	const struct yaml *at = conf_node(root, "store", "url", NULL);
	struct str url = str_from(c->store.url), path;
	struct buf b = BUF_INIT(1 << 17);
	const char *whole;

	if (str_starts(url, "postgresql:") || str_starts(url, "postgres:")) {
		conf_fault(w, at, "not-available",
			   "store.url: a PostgreSQL "
			   "store is not available in this version");
		return;
	}
	if (!str_starts(url, "sqlite:") || url.n == strlen("sqlite:")) {
		conf_fault(w, at, "bad-url",
			   "store.url: expected sqlite:/PATH");
		return;
	}
	path = str_sub(url, strlen("sqlite:"), url.n - strlen("sqlite:"));
	whole = conf_keep_path(w, path);
	buf_puts(&b, "sqlite:");
	buf_puts(&b, whole ? whole : "");
	c->store.url = conf_keep(w, buf_str(&b));
	buf_fini(&b);
}

static void check_connect_to(struct conf_walk *w, const struct yaml *root,
			     const struct conf *c)
{
	const struct yaml *at = conf_node(root, "network", "connect_to", NULL);

	for (size_t i = 0; c->network.connect_to[i]; i++) {
		int colons = 0;

		for (const char *p = c->network.connect_to[i]; *p; p++)
			colons += *p == ':';
		if (colons < 3)
			conf_fault(w, at, "bad-value",
				   "network.connect_to"
				   "[%zu]: expected HOST:PORT:CONNECT-HOST:"
				   "CONNECT-PORT",
				   i);
	}
}

static void check_install_key(struct conf_walk *w, const struct yaml *root,
			      struct conf *c)
{
	struct stat st;

	if (!c->install_key)
		c->install_key = conf_keep_path(w, STR("install.key"));
	if (c->install_key && stat(c->install_key, &st) == 0 &&
	    st.st_mode & S_IROTH)
		conf_warn(w, conf_node(root, "install_key", NULL),
			  "world-readable",
			  "%s: everybody may read the "
			  "install key (chmod o-r)",
			  c->install_key);
}

void conf_check_sense(struct conf_walk *w, const struct yaml *root,
		      struct conf *c)
{
	check_listeners(w, root, c);
	check_paths(w, root, c);
	check_sns(w, root, c);
	conf_check_aws(w, root, c);
	check_admin(w, root, c);
	check_store(w, root, c);
	check_connect_to(w, root, c);
	check_install_key(w, root, c);
	check_file(w, conf_node(root, "network", "ca_file", NULL),
		   c->network.ca_file, false);
}
