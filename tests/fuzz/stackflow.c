/*
 * An answer of StackFlow or of a token endpoint. The input's first line is a
 * letter for what was asked and a status, then header lines, a blank line and
 * the body.
 */
#include "must.h"

#include <strings.h>

#include "rest/rest.h"
#include "stackflow/client.h"
#include "stackflow/grant.h"

#define SECRET "canary-0123456789-secret"

static void safe_line(struct str s, size_t max)
{
	MUST(s.n <= max);
	for (size_t i = 0; i < s.n; i++)
		MUST((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f);
	MUST(str_find(s, STR(SECRET)) < 0);
}

static void try_page(const struct json *body)
{
	struct arena *arena = arena_new(1 << 16);
	struct str next;
	int rc;

	rc = arena ? sf_page_next(&next, body, arena) : -1;
	if (rc > 0) {
		MUST(str_starts(next, "cursor=") || str_starts(next, "page="));
		for (size_t i = 0; i < next.n; i++)
			MUST(next.p[i] > ' ' && next.p[i] < 0x7f &&
			     next.p[i] != '&' && next.p[i] != '#');
	}
	arena_free(arena);
}

static void try_answer(enum sf_kind kind, const struct rest_response *r,
		       const struct sf_authn *auth)
{
	struct arena *arena = arena_new(1 << 16);
	struct buf words = BUF_INIT(4096);
	struct json *root = NULL;
	struct sf_result res;

	if (!arena)
		return;
	sf_judge(&res, &root, &words, kind,
		 kind == SF_GET || kind == SF_UPDATE ? STR("INC1") : STR_NONE,
		 r, auth, arena);
	MUST(res.retry_after_ms >= -1 && res.retry_after_ms <= 3600000);
	MUST((res.outcome == SF_OK) == (res.problem == NULL));
	if (res.problem)
		safe_line(str_from(res.problem), 500);
	if (res.outcome == SF_OK) {
		MUST(r->status >= 200 && r->status < 300);
		if (kind == SF_CREATE || kind == SF_GET || kind == SF_UPDATE)
			MUST(sf_id_usable(res.id));
		if (kind == SF_LIST)
			MUST(sf_page_rows(res.body));
		if (res.body)
			try_page(res.body);
	}
	json_free(root);
	buf_fini(&words);
	arena_free(arena);
}

static void try_grant(enum sf_grant_kind kind, const struct rest_response *r,
		      const struct sf_authn *auth)
{
	struct buf out = BUF_INIT(16384);
	struct sf_granted g;
	enum sf_grant_end end;

	sf_granted_init(&g);
	end = sf_grant_read(&g, kind, r);
	if (end == SF_GRANT_OK) {
		MUST(sf_token_usable(buf_str(&g.token)));
		MUST(g.life_ms > 0 && g.life_ms <= INT64_C(30) * 86400 * 1000);
		MUST(g.refresh.n == 0 || sf_token_usable(buf_str(&g.refresh)));
	} else {
		MUST(g.why.n > 0);
	}
	/* A refresh goes over to something else, and no further. */
	MUST(end != SF_GRANT_ROTATES || kind == SF_GRANT_REFRESH);
	MUST(end != SF_GRANT_STALE || kind == SF_GRANT_REFRESH ||
	     kind == SF_GRANT_ROTATE);
	sf_auth_redact(auth, &out, buf_str(&g.why));
	MUST(str_find(buf_str(&out), STR(SECRET)) < 0);
	buf_fini(&out);
	sf_granted_fini(&g);
}

/* Lines as a program's headers: what is bound can be sent as it is. */
static void try_context(struct str lines)
{
	static struct sf_client client;
	const char *list[40] = { NULL }, *sent[SF_BOUND_LINES];
	const struct sf_context x = { .headers = list };
	struct arena *arena = arena_new(1 << 20);
	struct sf_bound *bound;
	struct str line;
	size_t n = 0;

	if (!arena || sf_bounds_init(&client.bounds))
		abort();
	while (n < 39 && str_cut(&lines, '\n', &line))
		if (!(list[n++] = arena_cstr(arena, line)))
			goto out;
	if (sf_context_bind(&bound, &client, &x, NULL) == 0) {
		n = sf_bounds_split(sent, sf_bounds_lines(&client.bounds));
		for (size_t i = 0; i < n; i++) {
			for (const char *p = sent[i]; *p; p++)
				MUST(*p >= ' ' && *p < 0x7f);
			MUST(str_find(str_from(sent[i]), STR(": ")) > 0);
			MUST(strncasecmp(sent[i], "Authorization:", 14));
			MUST(strncasecmp(sent[i], "Content-", 8));
			MUST(strncasecmp(sent[i], "Host:", 5));
		}
		sf_context_reset(&client, bound);
		MUST(sf_bounds_lines(&client.bounds).n == 0);
	}
out:
	sf_bounds_fini(&client.bounds);
	/* The key is gone, and what this thread had by it. */
	arena_free(arena);
}

static void try_limits(const struct rest_response *r)
{
	struct sf_limits l;

	sf_limits_init(&l, 80);
	sf_limits_now(&l, 1000);
	sf_limits_learn(&l, r);
	sf_limits_now(&l, 2000);
	MUST(l.rate >= 1 && l.rate <= 80);
	MUST(sf_limits_wait_ms(&l) >= 0 && sf_limits_wait_ms(&l) <= 600000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sf_auth conf = { .method = SF_AUTH_TOKEN,
				      .token = SECRET };
	struct str in = { (const char *)data, size }, first;
	struct rest_response r = { .outcome = REST_ANSWERED,
				   .http_version = 11 };
	struct sf_authn auth;
	uint64_t status;
	ssize_t blank;
	char what;

	if (!str_cut(&in, '\n', &first) || first.n < 2 ||
	    str_to_u64(&status, str_sub(first, 1, first.n - 1)) || status > 999)
		return 0;
	what = first.p[0];
	r.status = (int)status;
	blank = str_find(in, STR("\n\n"));
	if (blank >= 0) {
		r.headers = str_sub(in, 0, (size_t)blank + 1);
		in = str_sub(in, (size_t)blank + 2, in.n - (size_t)blank - 2);
	}
	r.body = in;
	if (sf_auth_init(&auth, &conf, NULL, NULL))
		abort();
	if (what >= 'a' && what <= 'f')
		try_answer(SF_HEALTH + (what - 'a'), &r, &auth);
	else if (what >= 'g' && what <= 'k')
		try_grant(SF_GRANT_EXCHANGE + (what - 'g'), &r, &auth);
	else if (what == 'x')
		try_context(in);
	try_limits(&r);
	sf_auth_fini(&auth);
	return 0;
}
