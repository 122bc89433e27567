#include "stackflow/auth.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/random.h"
#include "rest/rest.h"
#include "stackflow/conf.h"
#include "stackflow/grant.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define RETRY_AFTER_MAX_MS 600000
#define AHEAD_MS 300000
#define BEARER "Authorization: Bearer "

/* One request for a token; outlives a client that is freed meanwhile. */
struct grant {
	struct sf_authn *auth; /* NULL: nobody waits any more */
	enum sf_grant_kind kind;
	int64_t begun_ms;
};

/* The token leaves, but an answer may still echo it: see sf_auth_redact. */
static void drop_bearer(struct sf_authn *a)
{
	if (a->bearer.n == 0)
		return;
	buf_wipe(&a->former);
	a->former = a->bearer;
	buf_init(&a->bearer, a->bearer.max);
}

int sf_bearer_put(struct buf *out, struct str token)
{
	if (!sf_token_usable(token))
		return -EINVAL;
	buf_init(out, SF_TOKEN_MAX + sizeof(BEARER));
	/* At once, here and below: growing would leave copies behind. */
	buf_room(out, sizeof(BEARER) + token.n);
	buf_puts(out, BEARER);
	buf_put_str(out, token);
	if (buf_error(out)) {
		buf_wipe(out);
		return -ENOMEM;
	}
	return 0;
}

static int set_bearer(struct sf_authn *a, struct str token)
{
	struct buf bearer;
	int rc = sf_bearer_put(&bearer, token);

	if (rc)
		return rc;
	drop_bearer(a);
	a->bearer = bearer;
	a->generation++;
	return 0;
}

void sf_auth_replace(struct sf_authn *a, struct buf *bearer)
{
	if (a->grant)
		a->grant->auth = NULL;
	a->grant = NULL;
	sf_conf_wipe(&a->conf);
	buf_wipe(&a->basic);
	buf_wipe(&a->refresh);
	buf_wipe(&a->user);
	drop_bearer(a);
	a->bearer = *bearer;
	buf_init(bearer, bearer->max);
	a->generation++;
	a->conf.method = SF_AUTH_TOKEN;
	a->fixed = true;
	a->expires_ms = INT64_MAX;
	a->next_ms = 0;
	a->failures = 0;
	a->refused = a->permanent = a->rotates = false;
	a->problem[0] = '\0';
}

static int set_basic(struct sf_authn *a)
{
	struct buf pair = BUF_INIT(4096);
	int rc;

	buf_room(&pair,
		 strlen(a->conf.client_id) + strlen(a->conf.client_secret) + 1);
	buf_printf(&pair, "%s:%s", a->conf.client_id, a->conf.client_secret);
	buf_room(&a->basic, 2 * pair.n + 4);
	encode_base64(&a->basic, buf_str(&pair).p, pair.n);
	rc = buf_error(&pair) ? buf_error(&pair) : buf_error(&a->basic);
	buf_wipe(&pair);
	return rc;
}

int sf_auth_init(struct sf_authn *a, const struct sf_auth *conf,
		 struct rest *rest, struct err *err)
{
	int rc;

	*a = (struct sf_authn){
		.rest = rest,
		.bearer = BUF_INIT(SF_TOKEN_MAX + sizeof(BEARER)),
		.former = BUF_INIT(0),
		.basic = BUF_INIT(8192),
		.refresh = BUF_INIT(SF_TOKEN_MAX),
		.user = BUF_INIT(256),
	};
	rc = sf_conf_copy(&a->conf, conf);
	if (rc == 0)
		rc = sf_conf_check(&a->conf, err);
	if (rc)
		return rc;
	if (conf->method == SF_AUTH_CLIENT_CREDENTIALS)
		return set_basic(a);
	if (conf->method == SF_AUTH_PASSWORD ||
	    (conf->method == SF_AUTH_API_KEY && conf->exchange_url))
		return 0;
	a->fixed = true;
	a->expires_ms = INT64_MAX;
	return set_bearer(a, str_from(conf->method == SF_AUTH_TOKEN
					      ? a->conf.token
					      : a->conf.api_key));
}

void sf_auth_fini(struct sf_authn *a)
{
	if (a->grant)
		a->grant->auth = NULL;
	a->grant = NULL;
	sf_conf_wipe(&a->conf);
	buf_wipe(&a->bearer);
	buf_wipe(&a->former);
	buf_wipe(&a->basic);
	buf_wipe(&a->refresh);
	buf_wipe(&a->user);
}

const char *sf_auth_header(const struct sf_authn *a)
{
	return a->bearer.n && a->now_ms < a->expires_ms ? a->bearer.p : NULL;
}

int64_t sf_auth_wait_ms(const struct sf_authn *a)
{
	if (sf_auth_header(a) || a->grant || a->next_ms <= a->now_ms)
		return 0;
	return a->next_ms - a->now_ms;
}

int64_t sf_auth_due_ms(const struct sf_authn *a)
{
	int64_t at = sf_auth_header(a) ? a->renew_ms : a->now_ms;

	if (a->fixed || a->grant)
		return -1;
	if (at < a->next_ms)
		at = a->next_ms;
	return at > a->now_ms ? at - a->now_ms : 0;
}

static void set_problem(struct sf_authn *a, const char *what, struct str why)
{
	struct buf clean = BUF_INIT(8192);
	struct buf line = BUF_INIT(sizeof(a->problem) - 1);

	buf_puts(&clean, what);
	sf_auth_redact(a, &clean, why);
	utf8_put_safe(&line, buf_str(&clean), sizeof(a->problem) - 1);
	memcpy(a->problem, buf_str(&line).p, line.n);
	a->problem[line.n] = '\0';
	buf_fini(&clean);
	buf_fini(&line);
}

static void back_off(struct sf_authn *a, bool permanent, int64_t at_least_ms)
{
	unsigned steps = a->failures < 6 ? a->failures : 6;
	int64_t ms = (int64_t)BACKOFF_MIN_MS << steps;

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	ms -= (int64_t)random_below((uint64_t)ms / 2);
	if (ms < BACKOFF_MIN_MS)
		ms = BACKOFF_MIN_MS;
	if (permanent)
		ms = BACKOFF_MAX_MS;
	if (at_least_ms > RETRY_AFTER_MAX_MS)
		at_least_ms = RETRY_AFTER_MAX_MS;
	if (ms < at_least_ms)
		ms = at_least_ms;
	a->failures++;
	a->permanent = permanent;
	a->next_ms = a->now_ms + ms;
}

/* At 80 % of its life or 5 minutes before the end, whichever is earlier, but
 * a short life isn't spent on renewals. */
static int64_t renew_after(int64_t life)
{
	int64_t ms = life / 5 * 4;

	if (life - AHEAD_MS < ms)
		ms = life - AHEAD_MS;
	return ms < life / 2 ? life / 2 : ms;
}

static int accept(struct sf_authn *a, const struct grant *g,
		  const struct sf_granted *got)
{
	if (set_bearer(a, buf_str(&got->token)))
		return -ENOMEM;
	/* Its life began when the server made it, some time after this. */
	a->expires_ms = g->begun_ms + got->life_ms;
	a->renew_ms = g->begun_ms + renew_after(got->life_ms);
	a->next_ms = 0;
	a->permanent = false;
	a->renewals++;
	a->problem[0] = '\0';
	/* A renewal brings no new refresh token as a rule: keep the old. */
	if (got->refresh.n) {
		buf_wipe(&a->refresh);
		buf_put_str(&a->refresh, buf_str(&got->refresh));
	}
	if (got->user.n) {
		buf_wipe(&a->user);
		buf_put_str(&a->user, buf_str(&got->user));
	}
	return 0;
}

static int begin(struct sf_authn *a);

static void granted(const struct rest_response *r, void *arg)
{
	struct grant *g = arg;
	struct sf_authn *a = g->auth;
	struct sf_granted got;
	enum sf_grant_end end;

	if (!a) {
		free(g);
		return;
	}
	a->grant = NULL;
	sf_granted_init(&got);
	end = sf_grant_read(&got, g->kind, r);
	if (end == SF_GRANT_OK && accept(a, g, &got))
		end = SF_GRANT_FAILED;
	if (end == SF_GRANT_STALE || end == SF_GRANT_ROTATES) {
		/* Once each: by the other request for a refresh, and without
		 * a refresh token by the password. */
		a->rotates = end == SF_GRANT_ROTATES;
		if (end == SF_GRANT_STALE)
			buf_wipe(&a->refresh);
		if (begin(a) == 0)
			goto out;
		end = SF_GRANT_FAILED;
	}
	if (end != SF_GRANT_OK) {
		if (got.why.n == 0)
			buf_puts(&got.why, "out of memory");
		set_problem(a, "no token: ", buf_str(&got.why));
		back_off(a, end == SF_GRANT_PERMANENT,
			 rest_retry_after_ms(r, r->date_ms));
	}
	a->ended(a->arg);
out:
	sf_granted_fini(&got);
	free(g);
}

static enum sf_grant_kind kind_of(const struct sf_authn *a)
{
	switch (a->conf.method) {
	case SF_AUTH_CLIENT_CREDENTIALS:
		return SF_GRANT_CLIENT;
	case SF_AUTH_PASSWORD:
		if (a->refresh.n == 0)
			return SF_GRANT_PASSWORD;
		return a->rotates ? SF_GRANT_ROTATE : SF_GRANT_REFRESH;
	default:
		return SF_GRANT_EXCHANGE;
	}
}

static const char *url_of(const struct sf_authn *a)
{
	switch (a->conf.method) {
	case SF_AUTH_CLIENT_CREDENTIALS:
		return a->conf.token_url;
	case SF_AUTH_PASSWORD:
		return a->conf.endpoint_url;
	default:
		return a->conf.exchange_url;
	}
}

/* The header that names the caller; Cognito's own API has none. */
static void put_caller(struct buf *out, const struct sf_authn *a,
		       enum sf_grant_kind kind)
{
	if (a->conf.method == SF_AUTH_CLIENT_CREDENTIALS)
		buf_printf(out, "Authorization: Basic %s", a->basic.p);
	else if (a->conf.method == SF_AUTH_PASSWORD)
		buf_printf(out,
			   "X-Amz-Target: AWSCognitoIdentityProviderService.%s",
			   kind == SF_GRANT_ROTATE ? "GetTokensFromRefreshToken"
						   : "InitiateAuth");
	else
		buf_printf(out, BEARER "%s", a->conf.api_key);
}

static const char *type_of(const struct sf_authn *a)
{
	switch (a->conf.method) {
	case SF_AUTH_CLIENT_CREDENTIALS:
		return "Content-Type: application/x-www-form-urlencoded";
	case SF_AUTH_PASSWORD:
		return "Content-Type: application/x-amz-json-1.1";
	default:
		return "Content-Type: application/json";
	}
}

int sf_ask_init(struct sf_ask *q, const struct sf_authn *a,
		enum sf_grant_kind kind)
{
	*q = (struct sf_ask){
		.body = BUF_INIT(2 * SF_TOKEN_MAX),
		.caller = BUF_INIT(2 * SF_TOKEN_MAX),
		.headers = { type_of(a), "Accept: application/json" },
		.req = {
			.method = "POST",
			.url = url_of(a),
			.timeout_ms = a->timeout_ms,
			.max_body = SF_GRANT_ANSWER_MAX,
			/* A refresh token may be good once, a login counts. */
			.flags = REST_ONCE,
		},
	};
	buf_room(&q->body, 8192 + a->refresh.n);
	buf_room(&q->caller, SF_TOKEN_MAX);
	sf_grant_put_body(&q->body, kind, &a->conf, buf_str(&a->refresh),
			  buf_str(&a->user));
	put_caller(&q->caller, a, kind);
	q->headers[2] = q->caller.p;
	q->req.headers = q->headers;
	q->req.body = buf_str(&q->body);
	return buf_error(&q->body) ? buf_error(&q->body)
				   : buf_error(&q->caller);
}

void sf_ask_fini(struct sf_ask *q)
{
	buf_wipe(&q->body);
	buf_wipe(&q->caller);
}

static int send_grant(struct sf_authn *a, struct grant *g)
{
	struct sf_ask q;
	int rc = sf_ask_init(&q, a, g->kind);

	q.req.done = granted;
	q.req.arg = g;
	if (rc == 0)
		rc = rest_start(a->rest, &q.req, NULL);
	sf_ask_fini(&q);
	return rc;
}

static int begin(struct sf_authn *a)
{
	struct grant *g = calloc(1, sizeof(*g));
	int rc = -ENOMEM;

	if (g) {
		g->auth = a;
		g->kind = kind_of(a);
		g->begun_ms = a->now_ms;
		rc = send_grant(a, g);
	}
	if (rc) {
		free(g);
		set_problem(a, "no token: ", STR("the request can't be made"));
		back_off(a, false, 0);
		return rc;
	}
	a->grant = g;
	return 0;
}

void sf_auth_now(struct sf_authn *a, int64_t mono_ms)
{
	if (mono_ms > a->now_ms)
		a->now_ms = mono_ms;
	if (a->fixed || a->grant || a->now_ms < a->next_ms)
		return;
	if (!sf_auth_header(a) || a->now_ms >= a->renew_ms)
		begin(a); /* on failure words and next_ms are set */
}

bool sf_auth_rejected(struct sf_authn *a, uint64_t generation)
{
	/* One that was replaced meanwhile says nothing of the new. */
	if (a->generation != generation)
		return true;
	if (a->fixed) {
		a->refused = true;
		set_problem(a, "StackFlow refuses the ",
			    a->conf.method == SF_AUTH_TOKEN
				    ? STR("token (401)")
				    : STR("API key (401)"));
		return false;
	}
	if (!a->grant && (a->now_ms < a->next_ms || begin(a)))
		return false;
	/* The others that bear it would be rejected, too. */
	drop_bearer(a);
	return true;
}

void sf_auth_rejected_again(struct sf_authn *a)
{
	a->refused = true;
	if (a->fixed || a->now_ms < a->next_ms)
		return;
	set_problem(a, "StackFlow refuses ", STR("a new token (401)"));
	back_off(a, false, 0);
}

void sf_auth_accepted(struct sf_authn *a)
{
	a->failures = a->grant || a->now_ms < a->next_ms ? a->failures : 0;
	if (a->refused)
		a->problem[0] = '\0';
	a->refused = false;
}

/* How much of the secret stands at text's beginning; 0 where too little. */
static size_t secret_at(struct str text, struct str secret)
{
	size_t least = secret.n < 12 ? secret.n : 12, n = least;

	if (secret.n < 4 || text.n < least ||
	    memcmp(text.p, secret.p, least) != 0)
		return 0;
	while (n < text.n && n < secret.n && text.p[n] == secret.p[n])
		n++;
	return n;
}

static struct str token_of(const struct buf *bearer)
{
	const size_t n = sizeof(BEARER) - 1;

	return bearer->n > n ? str_sub(buf_str(bearer), n, bearer->n - n)
			     : STR_NONE;
}

void sf_auth_redact(const struct sf_authn *a, struct buf *out, struct str text)
{
	const struct str secrets[] = {
		str_from(a->conf.api_key),  str_from(a->conf.client_secret),
		str_from(a->conf.password), buf_str(&a->basic),
		buf_str(&a->refresh),	    token_of(&a->bearer),
		token_of(&a->former),
	};

	while (text.n) {
		size_t n = 0;

		for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets);
		     i++) {
			size_t m = secret_at(text, secrets[i]);

			n = m > n ? m : n;
		}
		if (n)
			buf_puts(out, "***");
		else
			buf_putc(out, text.p[0]);
		n = n ? n : 1;
		text = str_sub(text, n, text.n - n);
	}
}
