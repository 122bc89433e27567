#include <errno.h>

#include "aws/creds_source.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/keyset.h"

/*
 * A tree of json-c would leave copies of the secrets in freed memory. The
 * text is checked by the strict scanner, then the few members that matter are
 * cut out of it, and the text is wiped by its owner.
 */

/* At a quote of valid JSON: where the string is over. */
static size_t string_end(struct str s, size_t at)
{
	for (at++; at < s.n && s.p[at] != '"'; at++)
		if (s.p[at] == '\\')
			at++;
	return at < s.n ? at + 1 : s.n;
}

/* In valid JSON: where the value that begins at or behind `at` is over. */
static size_t value_end(struct str s, size_t at)
{
	int depth = 0;

	while (at < s.n) {
		char c = s.p[at];

		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return at;
		if (c == '"')
			at = string_end(s, at);
		else
			at++;
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
	}
	return at;
}

/* The member's value as it stands in an object of valid JSON, or STR_NONE. */
static struct str member(struct str json, const char *name)
{
	ssize_t at = str_find_char(json, '{');

	for (size_t i = (size_t)at + 1; i < json.n; i++) {
		struct str key;
		size_t from, end;

		if (json.p[i] != '"')
			continue; /* a blank, or the end of the object */
		end = string_end(json, i);
		key = str_sub(json, i + 1, end - i - 2);
		from = end;
		while (from < json.n && json.p[from] != ':')
			from++;
		end = value_end(json, from + 1);
		if (str_is(key, name))
			return str_trim(
				str_sub(json, from + 1, end - from - 1));
		i = end;
	}
	return STR_NONE;
}

/* 1: a string, appended; 0: absent or null; -EINVAL: something else. */
static int text(struct buf *out, struct str json, const char *name,
		struct err *err)
{
	struct str raw = member(json, name);

	if (!raw.p || str_is(raw, "null"))
		return 0;
	if (raw.n < 2 || raw.p[0] != '"')
		return err_set(err, -EINVAL,
			       "%s: expected a string, found something else",
			       name);
	/* At once: growing would leave copies behind. */
	buf_room(out, raw.n);
	json_unescape(out, str_sub(raw, 1, raw.n - 2));
	if (buf_error(out) == -E2BIG)
		return err_set(err, -EINVAL, "%s is longer than %zu bytes",
			       name, out->max);
	return buf_error(out) ? buf_error(out) : 1;
}

int creds_expiry(int64_t *out, struct str when, int64_t date_ms, int64_t now_ms,
		 struct err *err)
{
	int64_t skew = date_ms ? date_ms - now_ms : 0;

	if (clock_parse(out, when) == 0) {
		if (skew > 60000 || skew < -60000)
			*out -= skew;
		/* 0 would mean that they never expire. */
		if (*out < 1)
			*out = 1;
		return 0;
	}
	/* What stands there instead might be a secret. */
	err_set(err, -EINVAL,
		"Expiration: expected a time like 2026-11-21T10:00:00Z, found "
		"something else");
	return -EINVAL;
}

/* What must hold before keys are looked for. */
static int check(struct str json, unsigned flags, struct err *err)
{
	struct buf code = BUF_INIT(256);
	int rc;

	/* The scanner's own words may repeat a key, which might be anything. */
	rc = json_scan(json, JSON_NO_NUL, NULL);
	if (rc)
		return err_set(err, rc, "not one strict JSON document");
	if (!str_starts(str_trim(json), "{"))
		return err_set(err, -EINVAL, "not a JSON object");
	if ((flags & CREDS_JSON_VERSION) &&
	    !str_is(member(json, "Version"), "1"))
		return err_set(err, -EINVAL, "Version: expected 1");
	if (!(flags & CREDS_JSON_CODE))
		return 0;
	rc = text(&code, json, "Code", err);
	if (rc == 1 && !str_is(buf_str(&code), "Success"))
		rc = err_set(err, -EACCES, "Code is %s instead of Success",
			     creds_word(buf_str(&code)) ? buf_str(&code).p
							: "something else");
	buf_fini(&code);
	return rc < 0 ? rc : 0;
}

bool creds_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
		      (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.' ||
		      s.p[i] == '_' || s.p[i] == '-'))
			return false;
	return s.n > 0 && s.n <= 64;
}

int creds_json_code(struct buf *out, struct str json)
{
	static const char *const names[] = { "code", "Code", "__type" };
	int rc = 0;

	if (json_scan(json, JSON_NO_NUL, NULL) ||
	    !str_starts(str_trim(json), "{"))
		return 0;
	for (size_t i = 0; i < 3 && rc == 0; i++)
		rc = text(out, json, names[i], NULL);
	return rc == 1 && creds_word(buf_str(out));
}

int creds_json(struct aws_held **out, struct str json, unsigned flags,
	       int64_t date_ms, int64_t now_ms, struct err *err)
{
	struct buf id = BUF_INIT(CREDS_ID_MAX);
	struct buf secret = BUF_INIT(CREDS_SECRET_MAX);
	struct buf token = BUF_INIT(CREDS_TOKEN_MAX);
	struct buf when = BUF_INIT(256);
	bool process = flags & CREDS_JSON_VERSION;
	int64_t expire = 0;
	int rc;

	rc = check(json, flags, err);
	if (rc == 0)
		rc = text(&id, json, "AccessKeyId", err);
	if (rc >= 0)
		rc = text(&secret, json, "SecretAccessKey", err);
	if (rc >= 0)
		rc = text(&token, json, process ? "SessionToken" : "Token",
			  err);
	if (rc >= 0)
		rc = text(&when, json, "Expiration", err);
	if (rc > 0)
		rc = creds_expiry(&expire, buf_str(&when), date_ms, now_ms,
				  err);
	else if (rc == 0 && !process)
		rc = err_set(err, -EINVAL, "no Expiration came");
	if (rc == 0) {
		struct aws_keys keys = { buf_str(&id), buf_str(&secret),
					 buf_str(&token) };

		rc = creds_held_new(out, &keys, expire, err);
	}
	buf_wipe(&id);
	buf_wipe(&secret);
	buf_wipe(&token);
	buf_fini(&when);
	return rc;
}
