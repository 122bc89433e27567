#include "stackflow/client.h"

#include "base/clock.h"
#include "base/encode.h"
#include "stackflow/jobs.h"

#define WORDS_RAW 4096
#define PROBLEM_MAX 500

bool sf_id_usable(struct str id)
{
	bool other = false;

	if (id.n == 0 || id.n > 64)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      c == '.'))
			return false;
		other |= c != '.';
	}
	return other;
}

/* Is it about a record that may be gone? */
static bool of_record(enum sf_kind kind)
{
	return kind == SF_GET || kind == SF_UPDATE || kind == SF_NOTE ||
	       kind == SF_JOB || kind == SF_AI;
}

static enum sf_outcome judge_status(enum sf_kind kind, int status)
{
	switch (status) {
	case 401: /* the credential or the whole service is at fault */
	case 403:
	case 429:
		return SF_NOT_EXECUTED;
	case 404:
		/* The record is gone, or else base_url is wrong. */
		return of_record(kind) ? SF_REFUSED : SF_NOT_EXECUTED;
	case 408:
	case 409:
	case 425:
		return SF_UNKNOWN;
	}
	return status >= 400 && status < 500 ? SF_REFUSED : SF_UNKNOWN;
}

static const char *hint(enum sf_kind kind, int status)
{
	if (status >= 300 && status < 400)
		return "a redirect, which is not followed (is base_url right?)";
	if (status == 404 && judge_status(kind, status) == SF_NOT_EXECUTED)
		return "no such path (is base_url right?)";
	return NULL;
}

/* The texts of an error answer: strings, or one level deeper. */
static void put_texts(struct buf *out, const struct json *body)
{
	static const char *const keys[] = { "message", "error", "detail",
					    "error_description", "title" };
	const char *sep = "";

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct json *v = json_get(body, keys[i]);
		struct str s;

		if (json_is(v, JSON_OBJECT))
			v = json_get(v, "message");
		s = json_str(v);
		if (s.n == 0)
			continue;
		buf_puts(out, sep);
		buf_put_str(out, str_sub(s, 0, s.n < 1000 ? s.n : 1000));
		sep = "; ";
	}
}

static void put_words(struct buf *words, const struct sf_authn *auth,
		      struct str raw)
{
	struct buf clean = BUF_INIT(4 * WORDS_RAW);

	sf_auth_redact(auth, &clean, raw);
	buf_reset(words);
	utf8_put_safe(words, buf_str(&clean), PROBLEM_MAX);
	buf_fini(&clean);
}

static void explain(struct sf_result *out, struct buf *words,
		    const struct sf_authn *auth, const char *what,
		    const struct json *body)
{
	struct buf raw = BUF_INIT(2 * WORDS_RAW);
	size_t before;

	buf_printf(&raw, "%d", out->status);
	if (what)
		buf_printf(&raw, ": %s", what);
	buf_puts(&raw, ": ");
	before = raw.n;
	put_texts(&raw, body);
	if (raw.n == before)
		buf_truncate(&raw, before - 2);
	put_words(words, auth, buf_str(&raw));
	buf_fini(&raw);
	out->problem = buf_error(words) || !words->p ? "failed" : words->p;
}

/*
 * An empty 2xx that is whole: by its status, its length, or HTTP/2's end of
 * stream. A connection that just closed proves nothing.
 */
static bool is_empty(const struct rest_response *r)
{
	return r->body.n == 0 &&
	       (r->status == 204 || r->http_version == 20 ||
		str_is(rest_header(r, "Content-Length"), "0"));
}

/* May all that was done be said by no body? */
static bool may_be_empty(enum sf_kind kind, const struct rest_response *r)
{
	switch (kind) {
	case SF_UPDATE:
	case SF_NOTE:
		return true;
	case SF_BULK:
		return rest_header(r, "Location").n > 0;
	case SF_JOB:
		return r->status == 202;	/* it goes on */
	default:
		return false;
	}
}

/* Where a job is polled that has been started; STR_NONE: it doesn't say. */
static struct str job_where(const struct rest_response *r,
			    const struct json *body, struct arena *arena)
{
	struct str s = json_get_str(body, "status_url");

	if (!s.n)
		s = rest_header(r, "Location");
	if (!s.n)
		s = sf_job_id(body);
	return s.n ? arena_str(arena, s) : STR_NONE;
}

/* NULL where the answer holds what the call promises. */
static const char *missing(struct sf_result *out, enum sf_kind kind,
			   const struct json *body, struct arena *arena)
{
	const struct json *id = json_get(body, "id");
	struct str text = STR_NONE;

	if (kind == SF_LIST)
		return sf_page_rows(body) ? NULL
					  : "the answer has no list \"data\"";
	if (!json_is(body, JSON_OBJECT))
		return "the answer is no JSON object";
	if (json_is(id, JSON_STRING) || json_is(id, JSON_NUMBER))
		text = json_text(id, arena);
	if (kind != SF_CREATE && kind != SF_GET)
		return NULL;
	if (!sf_id_usable(text))
		return "the answer has no usable id";
	if (kind == SF_GET && !str_eq(text, out->id) &&
	    !str_eq(json_get_str(body, "number"), out->id))
		return "the answer is another record";
	out->id = text;
	return NULL;
}

static void judge_success(struct sf_result *out, struct json **root,
			  struct buf *words, enum sf_kind kind,
			  const struct rest_response *r,
			  const struct sf_authn *auth, struct arena *arena)
{
	struct err err = { "" };
	const char *what = err.text;

	if (may_be_empty(kind, r) && is_empty(r)) {
		out->outcome = SF_OK;
		if (kind == SF_BULK)
			out->id = job_where(r, NULL, arena);
		return;
	}
	if (json_parse(root, r->body, 0, &err) == 0)
		what = missing(out, kind, *root, arena);
	if (!what) {
		out->outcome = SF_OK;
		out->body = *root;
		if (kind == SF_BULK)
			out->id = job_where(r, *root, arena);
		return;
	}
	out->outcome = SF_UNKNOWN;
	out->id = STR_NONE;
	explain(out, words, auth, what, NULL);
}

void sf_judge(struct sf_result *out, struct json **root, struct buf *words,
	      enum sf_kind kind, struct str asked,
	      const struct rest_response *r, const struct sf_authn *auth,
	      struct arena *arena)
{
	*out = (struct sf_result){
		.outcome = r->outcome == REST_NOT_SENT ? SF_NOT_EXECUTED
						       : SF_UNKNOWN,
		.retry_after_ms = -1,
		.elapsed_us = r->elapsed_us,
	};
	*root = NULL;
	if (r->outcome != REST_ANSWERED) {
		struct buf raw = BUF_INIT(WORDS_RAW);

		buf_printf(&raw, "%s: %s",
			   r->outcome == REST_NOT_SENT ? "not sent"
						       : "no whole answer",
			   r->problem);
		put_words(words, auth, buf_str(&raw));
		buf_fini(&raw);
		out->problem = words->p ? words->p : "failed";
		return;
	}
	out->status = r->status;
	out->date_ms = r->date_ms;
	out->retry_after_ms = rest_retry_after_ms(
		r, r->date_ms ? r->date_ms : clock_wall_ms());
	if (r->status >= 200 && r->status < 300) {
		out->id = asked;
		judge_success(out, root, words, kind, r, auth, arena);
		return;
	}
	out->outcome = judge_status(kind, r->status);
	if (json_parse(root, r->body, 0, NULL))
		*root = NULL;
	explain(out, words, auth, hint(kind, r->status), *root);
}
