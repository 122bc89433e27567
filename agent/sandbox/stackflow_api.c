#include "agent/sandbox/box.h"

#include <stdio.h>

#include "agent/sandbox/counts.h"
#include "agent/sandbox/form.h"
#include "agent/sandbox/mischief.h"
#include "agent/sandbox/records.h"
#include "agent/sandbox/tokens.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define INSTANCE_RATE 5000

const struct route *box_route(struct str *id, bool *known,
			      const struct route *list, struct str method,
			      struct str path)
{
	*known = false;
	for (; list->method; list++) {
		struct str want = str_from(list->path), have = path, a, b;
		struct str found = STR_NONE;
		bool same = true;

		while (same && str_cut(&want, '/', &a)) {
			same = str_cut(&have, '/', &b);
			if (same && str_is(a, "{id}"))
				found = b;
			else if (same)
				same = str_eq(a, b);
		}
		if (!same || have.n)
			continue;
		*known = true;
		if (str_is(method, list->method)) {
			*id = found;
			return list;
		}
	}
	return NULL;
}

struct json *box_body(struct call *c)
{
	struct json *v = NULL;
	struct err err;

	if (json_parse(&v, c->req->body, 0, &err)) {
		box_reply_error(c->reply, 400, "bad_request", "%s", err.text);
		return NULL;
	}
	if (!json_is(v, JSON_OBJECT)) {
		box_reply_error(c->reply, 400, "bad_request",
				"expected a JSON object");
		json_free(v);
		return NULL;
	}
	return v;
}

struct str box_param(struct call *c, const char *name)
{
	return box_form_get(c->req->query, name, c->arena);
}

int64_t box_param_int(struct call *c, const char *name, int64_t def,
		      int64_t min, int64_t max)
{
	int64_t v;

	if (str_to_i64(&v, box_param(c, name)))
		return def;
	return v < min ? min : v > max ? max : v;
}

/* "c" and 16 hex digits, as box_list_frame() writes them. */
int box_param_cursor(int64_t *out, struct call *c)
{
	struct str text = box_param(c, "cursor");
	struct buf bytes = BUF_INIT(8);
	uint64_t v = 0;
	int ret = 0;

	if (text.p && text.n == 17 && text.p[0] == 'c' &&
	    !decode_hex(&bytes, str_sub(text, 1, 16))) {
		for (size_t i = 0; i < bytes.n; i++)
			v = v << 8 | (unsigned char)bytes.p[i];
		*out = (int64_t)v;
		ret = 1;
	} else if (text.p) {
		box_reply_error(c->reply, 400, "validation",
				"cursor: not one of ours");
		ret = -1;
	}
	buf_fini(&bytes);
	return ret;
}

void box_broken(struct call *c, const struct err *err)
{
	box_reply_error(c->reply, 500, "internal", "%s", err->text);
}

void box_list_frame(struct call *c, struct str rows, int64_t total,
		    int64_t page, int64_t limit, bool more, int64_t last)
{
	struct jsonw w = JSONW(&c->reply->body);
	bool cursor =
		box_setting(&c->s->settings, BOX_PAGING) == BOX_PAGING_CURSOR ||
		box_param(c, "cursor").p;
	char next[32];

	jsonw_object(&w);
	jsonw_key(&w, "data");
	jsonw_raw(&w, rows);
	jsonw_kint(&w, "total", total);
	if (!cursor) {
		jsonw_kint(&w, "page", page);
		jsonw_kint(&w, "limit", limit);
		jsonw_kbool(&w, "has_more", more);
	} else if (more) {
		snprintf(next, sizeof(next), "c%016llx", (long long)last);
		jsonw_kcstr(&w, "next_cursor", next);
	}
	jsonw_end_object(&w);
}

static void health(struct call *c)
{
	buf_printf(&c->reply->body,
		   "{\"status\":\"healthy\","
		   "\"version\":\"2026.1\",\"region\":\"%s\"}",
		   c->s->region);
}

static int64_t token_life(struct call *c)
{
	return box_setting(&c->s->settings, BOX_TOKEN_LIFE);
}

static void oauth(struct call *c)
{
	box_tokens_oauth(c->s->tokens, c->req, c->reply, token_life(c),
			 c->now_ms);
}

static void exchange(struct call *c)
{
	box_tokens_exchange(c->s->tokens, c->req, c->reply, token_life(c),
			    c->now_ms);
}

static const struct route open_routes[] = {
	{ "GET", "/health", health },
	{ "POST", "/oauth2/token", oauth },
	{ "POST", "/auth/exchange", exchange },
	{ 0 },
};

static struct box_limit limit_of(struct call *c, enum box_limit_kind which)
{
	const struct box_settings *set = &c->s->settings;
	struct box_limit limit = { .which = which };

	if (which == BOX_LIMIT_SECOND) {
		limit.rate = box_setting(set, BOX_RATE);
		limit.span_us = 1000000;
	} else {
		limit.rate = box_setting(set, BOX_ASK_RATE +
						      (which - BOX_LIMIT_ASK));
		limit.span_us = box_setting(set, BOX_AI_WINDOW) * 1000;
	}
	return limit;
}

/* False: one too many. Without a limit of its own the instance's is told. */
static bool count(struct call *c, enum box_limit_kind which, bool take)
{
	struct box_limit limit = limit_of(c, which);

	box_tokens_admit(&c->rate, c->s->tokens, c->user, &limit, take,
			 clock_mono_us());
	if (!limit.rate)
		c->rate.limit = c->rate.left = INSTANCE_RATE;
	return c->rate.left >= 0;
}

/* Every answer carries them. */
static void rate_headers(struct call *c)
{
	buf_printf(&c->reply->headers,
		   "X-RateLimit-Limit: %lld\r\n"
		   "X-RateLimit-Remaining: %lld\r\n"
		   "X-RateLimit-Reset: %lld\r\n",
		   (long long)c->rate.limit,
		   (long long)(c->rate.left < 0 ? 0 : c->rate.left),
		   (long long)((c->now_ms * 1000 + c->rate.reset_us + 999999) /
			       1000000));
}

/* The pages let pages of the instance's own domain read the answers. */
static void origin_headers(struct call *c)
{
	struct str origin = wire_header(c->req, "Origin");

	if (!str_starts(origin, "https://") ||
	    !str_ends(origin, ".stackflow-tech.com") || origin.n > 256)
		return;
	for (size_t i = 8; i < origin.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-.",
			    origin.p[i]) || !origin.p[i])
			return;
	buf_printf(&c->reply->headers,
		   "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\n",
		   STR_ARG(origin));
}

static void refuse_rate(struct call *c, enum box_limit_kind which)
{
	long long limit = (long long)c->rate.limit;

	buf_printf(&c->reply->headers, "Retry-After: %lld\r\n",
		   (long long)((c->rate.reset_us + 999999) / 1000000));
	box_reply_error(c->reply, 429, "rate_limited",
			which == BOX_LIMIT_SECOND
				? "More than %lld requests a second"
				: "More than %lld requests a minute",
			limit);
}

/* The limit that a request has beside that of all. */
static enum box_limit_kind own_limit(const struct call *c)
{
	static const struct {
		const char *path;
		enum box_limit_kind limit;
	} own[] = {
		{ "/ai/ask", BOX_LIMIT_ASK },
		{ "/ai/query", BOX_LIMIT_ASK },
		{ "/ai/analyze", BOX_LIMIT_ANALYZE },
		{ "/ai/exemplars", BOX_LIMIT_EXEMPLARS },
		{ "/ai/suggest", BOX_LIMIT_SUGGEST },
		{ "/incidents/bulk", BOX_LIMIT_NONE },
		{ "/cmdb/cis/bulk", BOX_LIMIT_NONE },
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (str_is(c->path, own[i].path))
			return own[i].limit;
	return BOX_LIMIT_SECOND;
}

/* May this request be carried out? Else its answer stands in the reply. */
static bool admitted(struct call *c)
{
	enum box_limit_kind own = own_limit(c);

	if (c->user == BOX_USERS) {
		buf_puts(&c->reply->headers, "WWW-Authenticate: Bearer\r\n");
		box_reply_error(c->reply, 401, "unauthorized",
				"Missing, wrong or expired token");
		return false;
	}
	if (own == BOX_LIMIT_NONE)
		return true;
	if (!count(c, BOX_LIMIT_SECOND, true)) {
		refuse_rate(c, BOX_LIMIT_SECOND);
		return false;
	}
	if (own != BOX_LIMIT_SECOND && !count(c, own, true)) {
		refuse_rate(c, own);
		return false;
	}
	return true;
}

static void dispatch(struct call *c, struct str path)
{
	const struct route *const lists[] = {
		box_incident_routes, box_job_routes,	   box_change_routes,
		box_ci_routes,	     box_knowledge_routes, box_ai_routes,
	};
	const struct route *route;
	bool known, any = false;

	route = box_route(&c->id, &known, open_routes, c->req->method, path);
	if (route)
		return route->fn(c);
	for (size_t i = 0; !route && i < sizeof(lists) / sizeof(*lists); i++) {
		route = box_route(&c->id, &known, lists[i], c->req->method,
				  path);
		any |= known;
	}
	if (!admitted(c))
		return;
	if (route)
		route->fn(c);
	else if (any)
		box_reply_error(c->reply, 405, "method_not_allowed",
				"%.*s isn't allowed here",
				STR_ARG(c->req->method));
	else
		box_reply_error(c->reply, 404, "not_found", "no such path");
}

static void put_given(struct call *c, const struct box_fault *f)
{
	buf_reset(&c->reply->body);
	buf_put_str(&c->reply->body, f->body);
	c->reply->status = f->status;
}

/* True where the fault answered and nothing shall be done. */
static bool strike_before(struct call *c, const struct box_fault *f)
{
	struct wire_reply *r = c->reply;

	switch (f->kind) {
	case STRIKE_ERROR:
		if (f->status == 401)
			buf_puts(&r->headers, "WWW-Authenticate: Bearer\r\n");
		box_reply_error(r, f->status, "fault", "on demand");
		return true;
	case STRIKE_LIMITED:
		c->rate.left = 0;
		if (*f->retry_after)
			buf_printf(&r->headers, "Retry-After: %s\r\n",
				   f->retry_after);
		box_reply_error(r, f->status, "rate_limited", "on demand");
		return true;
	case STRIKE_HANGUP:
		r->cut = WIRE_HANGUP;
		r->status = 0;
		return true;
	case STRIKE_REDIRECT:
		buf_printf(&r->headers, "Location: %s\r\n", f->location);
		box_reply_error(r, f->status, "moved", "on demand");
		return true;
	case STRIKE_ANSWER:
		put_given(c, f);
		return true;
	case STRIKE_SLOW:
		wire_sleep(c->s->wire, f->delay_ms);
		return false;
	case STRIKE_LATE:
		c->late_ms = f->delay_ms;
		return false;
	default:
		return false;
	}
}

static void strike_after(struct call *c, const struct box_fault *f)
{
	struct wire_reply *r = c->reply;

	switch (f->kind) {
	case STRIKE_DONE_ERROR:
		box_reply_error(r, f->status, "fault", "done, but");
		break;
	case STRIKE_DONE_HANGUP:
		r->cut = WIRE_HANGUP;
		break;
	case STRIKE_CUT_HEAD:
		r->cut = WIRE_CUT_HEAD;
		break;
	case STRIKE_CUT_BODY:
		r->cut = WIRE_CUT_BODY;
		break;
	case STRIKE_DRIP:
		r->cut = WIRE_DRIP;
		r->drip_ms = f->delay_ms;
		break;
	case STRIKE_ENDLESS:
		r->cut = WIRE_ENDLESS;
		r->size = (size_t)f->size;
		break;
	case STRIKE_BIG_HEAD:
		r->cut = WIRE_BIG_HEAD;
		r->size = (size_t)f->size;
		break;
	case STRIKE_GARBAGE:
		buf_reset(&r->body);
		buf_puts(&r->body, "{\"id\": \"INC00");
		r->status = f->status;
		break;
	case STRIKE_NO_ID:
		buf_reset(&r->body);
		buf_puts(&r->body, "{\"status\":\"accepted\"}");
		r->status = f->status;
		break;
	case STRIKE_DONE_ANSWER:
		put_given(c, f);
		break;
	case STRIKE_SLOW_ANSWER:
		wire_sleep(c->s->wire, f->delay_ms);
		break;
	default:
		break;
	}
}

void box_faulted(struct call *c, struct str path,
		 void (*do_it)(struct call *c))
{
	struct box_fault fault = box_mischief_strike(
		c->s->mischief, c->req->method, path, c->req->reused);

	if (strike_before(c, &fault))
		return;
	do_it(c);
	/* What was refused anyway was not done. */
	if (c->reply->status / 100 == 2)
		strike_after(c, &fault);
}

static void answer(struct call *c)
{
	dispatch(c, c->path);
}

void box_api(struct call *c, struct str path)
{
	c->reply->ahead_ms = box_setting(&c->s->settings, BOX_CLOCK);
	if (str_starts(path, "/v1/"))
		path = str_sub(path, 3, path.n - 3);
	box_counts_begin(c->s->counts, c->req->method, path, clock_mono_us());
	c->late_ms = box_setting(&c->s->settings, BOX_LATE);
	c->user = box_tokens_user(c->s->tokens, c->req, c->now_ms);
	c->path = path;
	count(c, BOX_LIMIT_SECOND, false);
	box_faulted(c, path, answer);
	rate_headers(c);
	origin_headers(c);
	box_counts_end(c->s->counts,
		       c->reply->cut == WIRE_WHOLE ? c->reply->status : 0);
}
