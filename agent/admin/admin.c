#include "agent/admin/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "agent/admin/api.h"
#include "agent/admin/explain.h"
#include "agent/admin/live.h"
#include "agent/log.h"
#include "doc/jsonw.h"

#define CHALLENGE "WWW-Authenticate: Bearer realm=\"tocsin\"\r\n"

const struct api_route api_routes[] = {
	{ "GET", "/", api_page, true },
	{ "GET", "/page.css", api_page_css, true },
	{ "GET", "/page.js", api_page_js, true },
	{ "GET", "/healthz", api_healthz, false },
	{ "GET", "/readyz", api_readyz, false },
	{ "GET", "/metrics", api_metrics, false },
	{ "GET", "/api/v1/status", api_status, false },
	{ "GET", "/api/v1/incidents", api_incidents, false },
	{ "GET", "/api/v1/incidents/*", api_incident, false },
	{ "POST", "/api/v1/incidents/*/note", api_incident_note, false },
	{ "POST", "/api/v1/incidents/*/resolve", api_incident_resolve, false },
	{ "GET", "/api/v1/events", api_events, false },
	{ "GET", "/api/v1/events/*", api_event, false },
	{ "GET", "/api/v1/events/*/timeline", api_event_timeline, false },
	{ "GET", "/api/v1/events/*/explain", api_event_explain, false },
	{ "GET", "/api/v1/events/*/evidence", api_evidence, false },
	{ "GET", "/api/v1/series", api_series, false },
	{ "GET", "/api/v1/live", api_live, false },
	{ "GET", "/api/v1/export", api_export, false },
	{ "GET", "/api/v1/rulesets/*", api_ruleset, false },
	{ "GET", "/api/v1/dead", api_dead, false },
	{ "GET", "/api/v1/rules", api_rules, false },
	{ "GET", "/api/v1/audit", api_audit, false },
	{ "GET", "/api/v1/drill", api_drill, false },
	{ "POST", "/api/v1/drill", api_drill_begin, false },
	{ "GET", "/api/v1/erase", api_erase_state, false },
	{ "POST", "/api/v1/erase", api_erase, false },
	{ "POST", "/api/v1/dead/*/retry", api_dead_retry, false },
	{ "POST", "/api/v1/dead/*/drop", api_dead_drop, false },
	{ "GET", "/api/v1/silences", api_silences, false },
	{ "POST", "/api/v1/silences", api_silence_add, false },
	{ "POST", "/api/v1/silences/*/extend", api_silence_extend, false },
	{ "POST", "/api/v1/silences/*/expire", api_silence_expire, false },
	{ "POST", "/-/reload", api_reload, false },
	{ NULL, NULL, NULL, false },
};

void api_answer_init(struct api_answer *r, struct web_exchange *x)
{
	*r = (struct api_answer){ .x = x,
				  .status = 200,
				  .type = "application/json" };
	buf_init(&r->own_headers, 4096);
	buf_init(&r->out, 64 << 20);
}

void api_answer_fini(struct api_answer *r)
{
	buf_fini(&r->own_headers);
	buf_fini(&r->out);
}

void api_send(struct api_answer *r)
{
	struct buf *head = &r->own_headers;

	if (!head->n) {
		buf_puts(head, "Cache-Control: no-store\r\n"
			       "X-Content-Type-Options: nosniff\r\n");
		buf_puts(head, r->headers ? r->headers : "");
	}
	if (buf_error(&r->out) || buf_error(head))
		api_error(r, 503, "out of memory");
	web_answer(r->x, &(struct web_reply){ .status = r->status,
					      .type = r->type,
					      .headers = head->p,
					      .body = buf_str(&r->out) });
	api_answer_fini(r);
}

void api_error(struct api_answer *r, int status, const char *text)
{
	r->status = status;
	buf_reset(&r->out);
	buf_puts(&r->out, "{\"error\":");
	jsonw_put_quoted(&r->out, str_from(text));
	buf_puts(&r->out, "}\n");
}

/* Segment by segment; the one at `*` goes to *arg. */
static bool path_matches(struct str pattern, struct str path, struct str *arg)
{
	struct str a, b;

	while (pattern.p && path.p) {
		str_cut(&pattern, '/', &a);
		str_cut(&path, '/', &b);
		if (str_is(a, "*") && b.n)
			*arg = b;
		else if (!str_eq(a, b))
			return false;
	}
	return !pattern.p && !path.p;
}

static const struct api_route *route(const struct web_request *req,
				     struct str *arg, bool *path_known)
{
	for (const struct api_route *r = api_routes; r->method; r++) {
		*arg = STR_NONE;
		if (!path_matches(str_from(r->path), req->path, arg))
			continue;
		*path_known = true;
		if (str_is(req->method, r->method) ||
		    (str_is(req->method, "HEAD") &&
		     str_is(str_from(r->method), "GET")))
			return r;
	}
	return NULL;
}

/* The host of "name:port", "[v6]:port" or "name". */
static struct str host_of(struct str s)
{
	ssize_t end;

	if (str_starts(s, "[")) {
		end = str_find_char(s, ']');
		return end < 0 ? s : str_sub(s, 1, (size_t)end - 1);
	}
	end = str_find_char(s, ':');
	return end < 0 ? s : str_sub(s, 0, (size_t)end);
}

static bool is_address(struct str host)
{
	unsigned char bytes[16];
	char text[64];

	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET, text, bytes) == 1 ||
	       inet_pton(AF_INET6, text, bytes) == 1;
}

/* A name that isn't ours is somebody's page that had it resolve to here. */
static bool host_allowed(const struct conf *c, struct str host)
{
	host = host_of(host);
	if (is_address(host))
		return true;
	for (size_t i = 0; c->admin.hosts && c->admin.hosts[i]; i++)
		if (str_is_nocase(host, c->admin.hosts[i]))
			return true;
	return false;
}

static bool origin_allowed(const struct web_request *req)
{
	struct str origin = web_header(req, "origin");
	struct str host = web_header(req, "host");
	ssize_t at;

	if (!origin.p)
		return true;
	at = str_find(origin, STR("://"));
	return at > 0 && str_eq(str_sub(origin, (size_t)at + 3,
					origin.n - (size_t)at - 3), host);
}

static bool token_right(const struct conf *c, const struct web_request *req)
{
	struct str h = web_header(req, "authorization"), word;

	if (!c->admin.token || !h.p || !str_cut(&h, ' ', &word) || !h.p)
		return false;
	return str_is_nocase(word, "Bearer") &&
	       str_eq_secret(str_trim(h), str_from(c->admin.token));
}

/* 0, or the status that refuses. */
static int authorize(const struct conf *c, const struct web_request *req,
		     const char **why)
{
	bool local = req->peer_uid >= 0;
	bool read = str_is(req->method, "GET") || str_is(req->method, "HEAD");

	if (local) {
		*why = "only the daemon's own user and root may do this";
		return read || req->peer_uid == 0 ||
				       (uid_t)req->peer_uid == getuid() ?
			       0 : 403;
	}
	if (!host_allowed(c, web_header(req, "host"))) {
		*why = "this Host isn't in admin.hosts";
		return 403;
	}
	if (!origin_allowed(req)) {
		*why = "a foreign Origin";
		return 403;
	}
	*why = c->admin.token ? "the admin token is needed" :
				"set admin.token to allow this, or use the "
				"unix socket";
	if (read && conf_loopback(str_from(c->admin.address)))
		return 0;
	if (token_right(c, req))
		return 0;
	return c->admin.token ? 401 : 403;
}

/* The lists that a request may make others than they were. */
static unsigned touched_by(const struct web_request *req)
{
	static const struct {
		const char *path;
		unsigned what;
	} rows[] = {
		{ "/api/v1/incidents/", LIVE_INCIDENTS },
		{ "/api/v1/silences", LIVE_SILENCES | LIVE_HELD },
		{ "/api/v1/dead/", LIVE_DEAD | LIVE_INCIDENTS },
		{ "/-/reload", LIVE_RULES },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_is(req->method, "POST") &&
		    str_starts(req->path, rows[i].path))
			return rows[i].what;
	return 0;
}

static void handle(struct web_exchange *x, const struct web_request *req,
		   void *arg)
{
	struct agent *a = arg;
	struct conf *c = agent_conf(a);
	struct api_answer r;
	const struct api_route *to;
	bool path_known = false;
	unsigned touched = 0;
	struct str rest;
	const char *why;
	int status = authorize(c, req, &why);

	api_answer_init(&r, x);
	to = route(req, &rest, &path_known);
	if (status == 401 && to && to->open) {
		/* The page is where a person enters the token. */
		to->answer(a, req, rest, &r);
		if (str_is(req->path, "/") && r.status == 200) {
			r.status = 401;
			buf_puts(&r.own_headers, CHALLENGE);
		}
	} else if (status) {
		api_error(&r, status, why);
		if (status == 401)
			r.headers = CHALLENGE;
	} else if (to) {
		if (!str_is(req->method, "GET") && !str_is(req->method, "HEAD"))
			LOG(INFO, "admin action", LF("path", req->path),
			    LF("peer", req->peer),
			    LFN("uid", req->peer_uid));
		touched = touched_by(req);
		to->answer(a, req, rest, &r);
	} else {
		api_error(&r, path_known ? 405 : 404,
			  path_known ? "not with this method" :
				       "no such path");
	}
	if (r.parked)
		api_answer_fini(&r);
	else
		api_send(&r);
	if (touched)
		live_touch(a->live, touched);
	conf_free(c);
}

void admin_end(struct agent *a)
{
	live_free(a->live);
	a->live = NULL;
	explainer_free(a->explainer);
	a->explainer = NULL;
}

int admin_listen(struct agent *a, struct err *err)
{
	struct web_limits limits = web_limits_default;
	const struct web_listener l = {
		.address = a->conf->admin.address,
		.fd = -1,
		.handle = handle,
		.arg = a,
	};
	int rc;

	a->explainer = explainer_new(a);
	a->live = live_new(a);
	if (!a->explainer || !a->live)
		return err_set(err, -ENOMEM, "out of memory");
	limits.connections = 64;
	limits.body = 64 << 10;
	rc = web_new(&a->admin, &limits, 1, err);
	if (!rc)
		rc = web_listen(a->admin, &l, err);
	if (!rc)
		LOG(INFO, "admin", LFC("address", l.address),
		    LFN("port", web_port(a->admin, 0)));
	return rc;
}
