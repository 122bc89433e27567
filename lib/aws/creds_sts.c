#include "aws/creds_sts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/call.h"
#include "aws/endpoint.h"
#include "base/encode.h"

#define TIMEOUT_MS 10000
#define WEB_TOKEN_MAX 20000
#define BODY_MAX (128u << 10)
#define TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define SKEW_MS INT64_C(60000)

/* Where STS is asked, and as which region it signs. */
struct where {
	struct buf url, host;
	struct str region;
};

bool creds_arn_ok(struct str arn)
{
	for (size_t i = 0; i < arn.n; i++)
		if (arn.p[i] <= ' ' || arn.p[i] >= 0x7f || arn.p[i] == '"')
			return false;
	return str_starts(arn, "arn:") && arn.n >= 20 && arn.n <= 2048;
}

bool creds_session_ok(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!creds_word(str_sub(name, i, 1)) &&
		    (!name.p[i] || !strchr("+=,@", name.p[i])))
			return false;
	return name.n >= 2 && name.n <= 64;
}

void creds_session_default(char out[65], int64_t now_ms)
{
	(void)snprintf(out, 65, "tocsin-%lld", (long long)(now_ms / 1000));
}

static int find_where(struct where *w, struct creds_ask *a, struct str region,
		      struct err *err)
{
	const struct aws_creds_options *o = a->o;
	struct str given = str_from(o->sts_endpoint);
	struct buf own = BUF_INIT(512);
	int rc = 0;

	if (!given.p)
		given = creds_env(o, "AWS_ENDPOINT_URL_STS");
	if (!given.p)
		given = creds_env(o, "AWS_ENDPOINT_URL");
	w->region = region.p ? region : STR("us-east-1");
	if (!given.p && !region.p) {
		/* STS of before there were regions, which signs as this one. */
		given = STR("https://sts.amazonaws.com/");
	} else if (!given.p) {
		rc = aws_endpoint(&own, "sts", region, err);
		given = buf_str(&own);
	}
	if (rc == 0)
		rc = endpoint_find(&w->url, &w->host, given.p, "sts", w->region,
				   err);
	buf_fini(&own);
	return rc;
}

static void put_pair(struct buf *body, const char *name, struct str value)
{
	buf_printf(body, "&%s=", name);
	encode_url(body, value);
}

static void put_role(struct buf *body, const char *action,
		     const struct creds_role *role)
{
	buf_printf(body, "Action=%s&Version=2011-06-15", action);
	put_pair(body, "RoleArn", role->arn);
	put_pair(body, "RoleSessionName", role->session);
	if (role->seconds)
		buf_printf(body, "&DurationSeconds=%llu",
			   (unsigned long long)role->seconds);
	if (role->external_id.p)
		put_pair(body, "ExternalId", role->external_id);
}

static bool passes(int status, struct str code)
{
	static const char *const codes[] = {
		"IDPCommunicationError",
		"RequestTimeout",
		"Throttling",
		"ThrottlingException",
		"RequestLimitExceeded",
		"ServiceUnavailable",
		"InternalFailure",
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (str_is(code, codes[i]))
			return true;
	return status >= 500 || status == 429;
}

/* An element of an error, unless it echoes what was sent in secret. */
static bool error_text(struct buf *out, struct str xml, const char *name,
		       struct str secret)
{
	/* Enough of a secret to know it by. */
	struct str mark = str_sub(secret, 0, secret.n < 16 ? secret.n : 16);

	return aws_xml_text(out, xml, name) == 1 && out->n &&
	       (mark.n == 0 || str_find(buf_str(out), mark) < 0);
}

static int read_error(const struct creds_answer *res, struct str secret,
		      struct err *err)
{
	struct buf code = BUF_INIT(128), message = BUF_INIT(4096);
	struct buf safe = BUF_INIT(512);
	struct str body = buf_str(&res->body);
	bool named = error_text(&code, body, "Code", secret) &&
		     creds_word(buf_str(&code));
	int rc = passes(res->status, named ? buf_str(&code) : STR_NONE)
			 ? -EAGAIN
			 : -EACCES;

	if (named && error_text(&message, body, "Message", secret))
		utf8_put_safe(&safe, buf_str(&message), 300);
	err_set(err, rc, "STS answered %d%s%s%s%s", res->status,
		named ? " " : "", named ? buf_str(&code).p : "",
		safe.n ? ": " : "", buf_str(&safe).p);
	buf_wipe(&code);
	buf_wipe(&message);
	buf_fini(&safe);
	return rc;
}

/* One element that a good answer has. */
static int want(struct buf *out, struct str xml, const char *name,
		struct err *err)
{
	int rc;

	/* At once: growing would leave copies behind. */
	buf_room(out, out->max);
	rc = aws_xml_text(out, xml, name);
	if (rc == -ENOMEM)
		return rc;
	if (rc == 1 && out->n)
		return 0;
	return err_set(err, -EAGAIN, "STS answered 200 without a usable %s",
		       name);
}

int creds_sts_read(struct aws_held **out, const struct creds_answer *res,
		   struct str secret, int64_t now_ms, struct err *err)
{
	struct buf id = BUF_INIT(CREDS_ID_MAX);
	struct buf key = BUF_INIT(CREDS_SECRET_MAX);
	struct buf token = BUF_INIT(CREDS_TOKEN_MAX);
	struct buf when = BUF_INIT(128);
	struct str xml = buf_str(&res->body);
	int64_t expire = 0;
	int rc;

	if (res->status != 200)
		return read_error(res, secret, err);
	rc = want(&id, xml, "AccessKeyId", err);
	if (rc == 0)
		rc = want(&key, xml, "SecretAccessKey", err);
	if (rc == 0)
		rc = want(&token, xml, "SessionToken", err);
	if (rc == 0)
		rc = want(&when, xml, "Expiration", err);
	if (rc == 0)
		rc = creds_expiry(&expire, buf_str(&when), res->date_ms, now_ms,
				  err);
	if (rc == 0) {
		struct aws_keys keys = { buf_str(&id), buf_str(&key),
					 buf_str(&token) };

		rc = creds_held_new(out, &keys, expire, err);
	}
	buf_wipe(&id);
	buf_wipe(&key);
	buf_wipe(&token);
	buf_fini(&when);
	return rc;
}

static int post(struct creds_answer *res, struct creds_ask *a,
		const struct where *w, const struct buf *body,
		const char *const *headers, struct err *err)
{
	struct rest_request req = {
		.method = "POST",
		.url = buf_str(&w->url).p,
		.headers = headers,
		.body = buf_str(body),
		.timeout_ms = TIMEOUT_MS,
	};
	struct err why = { "" };
	int rc = creds_http(res, a, &req, &why);

	if (rc)
		err_set(err, rc, "STS at %s: %s", buf_str(&w->host).p,
			why.text);
	return rc;
}

int creds_assume_web(struct aws_held **out, struct creds_ask *a,
		     const char *token_file, const struct creds_role *role,
		     struct str region, struct err *err)
{
	static const char *const headers[] = { "Content-Type: " TYPE, NULL };
	struct where w = { BUF_INIT(1024), BUF_INIT(512), STR_NONE };
	struct buf token = BUF_INIT(WEB_TOKEN_MAX + 1);
	struct buf body = BUF_INIT(BODY_MAX);
	struct creds_answer res = { 0 };
	struct str text;
	int rc;

	rc = creds_file(&token, token_file, err);
	text = str_trim(buf_str(&token));
	if (rc == 0 && text.n == 0)
		rc = err_set(err, -EINVAL, "%s: is empty", token_file);
	if (rc == 0)
		rc = find_where(&w, a, region, err);
	if (rc)
		goto out;
	buf_room(&body, 3 * text.n + 16384);
	put_role(&body, "AssumeRoleWithWebIdentity", role);
	put_pair(&body, "WebIdentityToken", text);
	rc = buf_error(&body);
	if (rc == 0)
		rc = post(&res, a, &w, &body, headers, err);
	if (rc == 0)
		rc = creds_sts_read(out, &res, text, creds_now_ms(a), err);
out:
	creds_answer_fini(&res);
	buf_wipe(&token);
	buf_wipe(&body);
	buf_fini(&w.url);
	buf_fini(&w.host);
	return rc;
}

/* Header lines of a signed request, each with its NUL. */
struct lines {
	struct buf text;
	const char *line[8];
	size_t at[8], n;
};

static void add(struct lines *l, const char *name, struct str value)
{
	l->at[l->n++] = l->text.n;
	buf_printf(&l->text, "%s: ", name);
	buf_put_str(&l->text, value);
	buf_putc(&l->text, '\0');
}

static int sign(struct lines *l, const struct where *w, const struct buf *body,
		const struct aws_keys *keys, int64_t now_ms)
{
	struct buf auth = BUF_INIT(4096);
	struct sigv4_header h[4];
	struct sigv4_request r = {
		.method = STR("POST"),
		.path = STR("/"),
		.headers = h,
		.body = buf_str(body),
	};
	struct sigv4 *s = NULL;
	char date[17];
	int rc = sigv4_new(&s);

	if (rc)
		return rc;
	sigv4_date(date, now_ms);
	h[r.header_count++] =
		(struct sigv4_header){ STR("host"), buf_str(&w->host) };
	h[r.header_count++] =
		(struct sigv4_header){ STR("content-type"), STR(TYPE) };
	h[r.header_count++] =
		(struct sigv4_header){ STR("x-amz-date"), str_from(date) };
	if (keys->token.n)
		h[r.header_count++] =
			(struct sigv4_header){ STR("x-amz-security-token"),
					       keys->token };
	rc = sigv4_sign(&auth, s, &r, keys, w->region, STR("sts"), now_ms);
	sigv4_free(s);
	/* At once: growing would leave copies of the token behind. */
	buf_room(&l->text, keys->token.n + auth.n + w->host.n + 512);
	for (size_t i = 0; i < r.header_count; i++) {
		static const char *const names[] = { "Host", "Content-Type",
						     "X-Amz-Date",
						     "X-Amz-Security-Token" };

		add(l, names[i], h[i].value);
	}
	add(l, "Authorization", buf_str(&auth));
	buf_fini(&auth);
	for (size_t i = 0; i < l->n; i++)
		l->line[i] = buf_str(&l->text).p + l->at[i];
	l->line[l->n] = NULL;
	return rc ? rc : buf_error(&l->text);
}

/* Was the request refused for its time, and what does STS's clock say? */
static bool skewed(const struct creds_answer *res, int64_t now_ms)
{
	static const char *const codes[] = {
		"RequestTimeTooSkewed",	     "RequestExpired",
		"RequestInTheFuture",	     "SignatureDoesNotMatch",
		"InvalidSignatureException",
	};
	struct buf code = BUF_INIT(128);
	bool found = false;

	if (res->status == 200 || !res->date_ms ||
	    llabs(res->date_ms - now_ms) < SKEW_MS)
		return false;
	if (aws_xml_text(&code, buf_str(&res->body), "Code") == 1)
		for (size_t i = 0; i < 5; i++)
			found |= str_is(buf_str(&code), codes[i]);
	buf_fini(&code);
	return found;
}

int creds_assume(struct aws_held **out, struct creds_ask *a,
		 const struct aws_keys *keys, const struct creds_role *role,
		 struct str region, struct err *err)
{
	struct where w = { BUF_INIT(1024), BUF_INIT(512), STR_NONE };
	struct buf body = BUF_INIT(BODY_MAX);
	struct creds_answer res = { 0 };
	int64_t now = creds_now_ms(a), sign_ms = now;
	bool again = true;
	int rc;

	rc = find_where(&w, a, region, err);
	put_role(&body, "AssumeRole", role);
	if (rc == 0)
		rc = buf_error(&body);
	for (int i = 0; i < 2 && rc == 0 && again; i++) {
		struct lines l = { .text = BUF_INIT(CREDS_TOKEN_MAX + 8192) };

		creds_answer_fini(&res);
		rc = sign(&l, &w, &body, keys, sign_ms);
		if (rc == 0)
			rc = post(&res, a, &w, &body, l.line, err);
		again = rc == 0 && skewed(&res, now);
		sign_ms = res.date_ms;
		buf_wipe(&l.text);
	}
	if (rc == 0)
		rc = creds_sts_read(out, &res, keys->secret, now, err);
	creds_answer_fini(&res);
	buf_fini(&body);
	buf_fini(&w.url);
	buf_fini(&w.host);
	return rc;
}
