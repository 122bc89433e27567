#include "rest/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/encode.h"

#define REQUEST_MAX (8u << 20)
#define METHOD_MAX 16
#define BUF_KEPT (64u << 10)

/* Since 7.80.0 libcurl asks before each time that it writes a request. */
#define HAVE_PREREQ (LIBCURL_VERSION_NUM >= 0x075000)

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	buf_put(&t->body, p, size * n);
	return buf_error(&t->body) ? 0 : size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct str line = { p, size * n };

	/* All lines count against the cap, those of 1xx answers too. */
	if (str_starts(line, "HTTP/")) {
		t->final = t->headers.n;
		t->headed = false;
	} else if (str_trim(line).n == 0) {
		t->headed = true;
	}
	buf_put_str(&t->headers, line);
	return buf_error(&t->headers) ? 0 : size * n;
}

/*
 * libcurl sends a request again when a kept connection dies before an answer
 * (Curl_retry_request). A body that it read from here can't be had twice: it
 * ends such a transfer with CURLE_SEND_FAIL_REWIND, or comes here once more
 * and is told to stop. As the length is given, it never asks for the end.
 */
static size_t give_body(char *to, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t left = t->send.n - t->given;

	n *= size;
	if (left == 0) {
		t->again = true;
		return CURL_READFUNC_ABORT;
	}
	if (n > left)
		n = left;
	memcpy(to, t->send.p + t->given, n);
	t->given += n;
	return n;
}

#if HAVE_PREREQ
static int before(void *arg, char *peer, char *local, int peer_port,
		  int local_port)
{
	struct transfer *t = arg;

	(void)peer, (void)local, (void)peer_port, (void)local_port;
	/* Without a byte of its body the first request was none. */
	if (t->begun && t->once && (!t->streamed || t->given)) {
		t->again = true;
		return CURL_PREREQFUNC_ABORT;
	}
	t->begun = true;
	return CURL_PREREQFUNC_OK;
}
#endif

static curl_socket_t open_socket(void *arg, curlsocktype purpose,
				 struct curl_sockaddr *a)
{
	struct transfer *t = arg;
	bool ok = purpose == CURLSOCKTYPE_IPCXN;

	if (t->guard == GUARD_UNIX)
		ok = ok && a->family == AF_UNIX;
	else if (t->guard == GUARD_LOOPBACK)
		ok = ok && rest_address_loopback(&a->addr);
	else if (t->guard == GUARD_METADATA)
		ok = ok && (rest_address_loopback(&a->addr) ||
			    rest_address_metadata(&a->addr));
	else if (t->guard == GUARD_PUBLIC)
		ok = ok && rest_address_public(&a->addr);
	if (!ok) {
		t->denied = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* What holds for every request on this handle. */
static int set_constant(struct transfer *t, const struct rest *r)
{
	CURL *e = t->easy;
	int bad = 0;

#define SET(option, value) (bad |= curl_easy_setopt(e, option, value) != 0)
	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_ERRORBUFFER, t->words);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	SET(CURLOPT_USERAGENT, r->user_agent);
	SET(CURLOPT_CONNECT_TO, r->connect_to);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	/* Each handshake shows the certificate; a resumed session wouldn't. */
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	/* Servers close idle connections after a minute or more. A write that
	 * meets the close is in doubt, so be first. */
	SET(CURLOPT_MAXAGE_CONN, 50L);
#if LIBCURL_VERSION_NUM >= 0x075000
	SET(CURLOPT_MAXLIFETIME_CONN, 900L);
	SET(CURLOPT_PREREQFUNCTION, before);
	SET(CURLOPT_PREREQDATA, t);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Don't wait for a resolver's thread after a timeout. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	if (r->trust.dir[0] || r->trust.file[0]) {
		const char *file = r->trust.file[0] ? r->trust.file : NULL;
		const char *dir = r->trust.dir[0] ? r->trust.dir : NULL;

		SET(CURLOPT_CAINFO, file);
		SET(CURLOPT_PROXY_CAINFO, file);
		SET(CURLOPT_CAPATH, dir);
		SET(CURLOPT_PROXY_CAPATH, dir);
	}
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_READFUNCTION, give_body);
	SET(CURLOPT_READDATA, t);
#undef SET
	/* Refused by a libcurl without HTTP/2, which then speaks 1.1. */
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	return bad ? -ENOMEM : 0;
}

struct transfer *rest_transfer_new(const struct rest *r)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->easy = curl_easy_init();
	buf_init(&t->text, REQUEST_MAX);
	if (!t->easy || set_constant(t, r)) {
		rest_transfer_free(t);
		return NULL;
	}
	return t;
}

void rest_transfer_free(struct transfer *t)
{
	if (!t)
		return;
	curl_easy_cleanup(t->easy);
	buf_wipe(&t->text);
	buf_wipe(&t->headers);
	buf_wipe(&t->body);
	free(t);
}

/* libcurl sends header lines as they are, line breaks included. */
static bool header_ok(const char *line)
{
	const char *colon = strchr(line, ':');

	if (!colon || colon[1] != ' ' || !colon[2] ||
	    !ascii_token((struct str){ line, (size_t)(colon - line) }))
		return false;
	for (const char *p = colon; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

static bool is_name(const char *line, const char *name)
{
	return str_is_nocase(str_sub(str_from(line), 0, strcspn(line, ":")),
			     name);
}

static int load_text(struct transfer *t, const struct rest_request *req,
		     struct err *err)
{
	const char *const *h = req->headers;
	size_t n = 0, all = strlen(req->url) + 1 + req->body.n;

	/* At once: growing would leave copies of secrets behind. */
	for (size_t i = 0; h && h[i]; i++)
		all += strlen(h[i]) + 1;
	buf_room(&t->text, all);
	buf_put(&t->text, req->url, strlen(req->url) + 1);
	for (; h && h[n]; n++) {
		if (n == REST_LINES_MAX)
			return err_set(err, -E2BIG, "more than %d headers",
				       REST_LINES_MAX);
		if (!header_ok(h[n]))
			return err_set(err, -EINVAL,
				       "header %zu: expected \"Name: value\" "
				       "without control characters",
				       n + 1);
		buf_put(&t->text, h[n], strlen(h[n]) + 1);
	}
	buf_put_str(&t->text, req->body);
	if (buf_error(&t->text) == -E2BIG)
		return err_set(err, -E2BIG, "request longer than %u bytes",
			       REQUEST_MAX);
	return buf_error(&t->text);
}

/* Point into text, which moves no more, and chain what libcurl walks. */
static void load_lines(struct transfer *t, const struct rest_request *req)
{
	/* A name alone keeps libcurl from adding the header by itself. */
	static const char expect[] = "Expect:", no_type[] = "Content-Type:";
	const char *const *h = req->headers;
	char *at = t->text.p + strlen(req->url) + 1;
	bool typed = false;
	size_t n = 0;

	for (; h && h[n]; n++) {
		t->lines[n].data = at;
		at += strlen(at) + 1;
		typed |= is_name(t->lines[n].data, "Content-Type");
	}
	t->lines[n++].data = (char *)(uintptr_t)expect;
	if (!typed)
		t->lines[n++].data = (char *)(uintptr_t)no_type;
	for (size_t i = 0; i < n; i++)
		t->lines[i].next = i + 1 < n ? &t->lines[i + 1] : NULL;
	t->send = (struct str){ at, req->body.n };
}

static int set_method(struct transfer *t, const struct rest_request *req)
{
	bool get = strcmp(req->method, "GET") == 0;
	bool post = strcmp(req->method, "POST") == 0;
	bool head = strcmp(req->method, "HEAD") == 0;
	bool body = req->body.p || post;
	CURL *e = t->easy;
	int bad = 0;

	t->once = req->flags & REST_ONCE;
	t->streamed = t->once && t->send.n;
#define SET(option, value) (bad |= curl_easy_setopt(e, option, value) != 0)
	SET(CURLOPT_NOBODY, 0L);
	SET(CURLOPT_POSTFIELDS, NULL);
	if (body) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->send.n);
		if (!t->streamed)
			SET(CURLOPT_POSTFIELDS, t->send.p);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	SET(CURLOPT_CUSTOMREQUEST,
	    (body && post) || (!body && (get || head)) ? NULL : req->method);
	if (head)
		SET(CURLOPT_NOBODY, 1L);
#undef SET
	return bad ? -ENOMEM : 0;
}

static bool named(const struct rest *r, const struct target *target)
{
	for (const struct curl_slist *s = r->connect_to; s; s = s->next)
		if (rest_connect_to_names(s->data, target))
			return true;
	return false;
}

static int set_route(struct transfer *t, const struct rest *r,
		     const struct rest_request *req,
		     const struct target *target)
{
	bool proxied =
		r->proxy && !target->plain && !(req->flags & REST_NO_PROXY);
	bool public = req->flags & REST_PUBLIC;
	bool fresh = public || ((req->flags & REST_ONCE) && !t->streamed);
	CURL *e = t->easy;
	int bad = 0;

	t->guard = GUARD_NONE;
	if (r->unix_socket)
		t->guard = GUARD_UNIX;
	else if (target->plain)
		t->guard = req->flags & REST_METADATA ? GUARD_METADATA
						      : GUARD_LOOPBACK;
	else if (public && !proxied && !named(r, target))
		t->guard = GUARD_PUBLIC;
#define SET(option, value) (bad |= curl_easy_setopt(e, option, value) != 0)
	SET(CURLOPT_PROXY, proxied ? r->proxy : "");
	SET(CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
	/* A kept connection was let through by another request's guard. */
	SET(CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	SET(CURLOPT_FORBID_REUSE, public ? 1L : 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, target->plain ? "http" : "https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
	SET(CURLOPT_PROTOCOLS,
	    (long)(target->plain ? CURLPROTO_HTTP : CURLPROTO_HTTPS));
	SET(CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
	/* A handshake tells whether a connection is to be shared. Without one
	 * the first answer does, which may be a long poll's: not waited for. */
	SET(CURLOPT_PIPEWAIT, target->plain ? 0L : 1L);
	SET(CURLOPT_URL, t->text.p);
	SET(CURLOPT_HTTPHEADER, t->lines);
	SET(CURLOPT_TIMEOUT_MS, (long)(req->timeout_ms ?: 15000));
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(req->connect_ms ?: 5000));
#undef SET
	return bad ? -ENOMEM : 0;
}

int rest_transfer_load(struct transfer *t, const struct rest *r,
		       const struct rest_request *req, struct err *err)
{
	struct target target;
	int rc;

	if (!req->method || strlen(req->method) > METHOD_MAX ||
	    !ascii_token(str_from(req->method)))
		return err_set(err, -EINVAL, "not a request method");
	rc = rest_target(&target, req->url, req->flags & REST_METADATA, err);
	if (rc == 0)
		rc = load_text(t, req, err);
	if (rc)
		return rc;
	load_lines(t, req);
	t->headers.max = req->max_headers ? req->max_headers : 64u << 10;
	t->body.max = req->max_body ? req->max_body : 1u << 20;
	t->done = req->done;
	t->arg = req->arg;
	rc = set_method(t, req);
	return rc ? rc : set_route(t, r, req, &target);
}

/* One large answer must not stay with the handle for good. */
static void empty(struct buf *b)
{
	if (b->cap > BUF_KEPT) {
		buf_wipe(b);
	} else {
		if (b->p)
			explicit_bzero(b->p, b->n);
		buf_reset(b);
	}
}

void rest_transfer_unload(struct transfer *t)
{
	empty(&t->text);
	empty(&t->headers);
	empty(&t->body);
	t->send = STR_NONE;
	t->given = t->final = 0;
	t->begun = t->again = t->denied = t->headed = false;
	t->words[0] = '\0';
	t->done = NULL;
}

#if HAVE_PREREQ
static bool never_written(struct transfer *t)
{
	return !t->begun;
}
#else
static bool never_written(struct transfer *t)
{
	long size = 0, proxy = 0;
	double ready = 0;

	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &size);
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME, &ready);
	/* REQUEST_SIZE counts what a proxy was asked, too. */
	return size == 0 || (proxy >= 300 && ready == 0);
}
#endif

static enum rest_outcome judge(struct transfer *t, CURLcode code, int status)
{
	/* A connection that closes amid the headers is CURLE_OK to libcurl. */
	if (code == CURLE_OK && status >= 200 && t->headed)
		return REST_ANSWERED;
	/* Whatever the headers were: without its body it was no request. */
	if (never_written(t) || (t->streamed && t->given == 0))
		return REST_NOT_SENT;
	return REST_UNKNOWN;
}

static void explain(struct buf *out, struct transfer *t, CURLcode code)
{
	const char *words = t->words[0] ? t->words : curl_easy_strerror(code);

	if (t->again)
		buf_puts(out, "the connection died before an answer came");
	else if (t->denied && code == CURLE_COULDNT_CONNECT)
		buf_puts(out, "the host's address is not one that may be "
			      "connected to");
	else if (buf_error(&t->body) == -E2BIG)
		buf_printf(out, "answer longer than %zu bytes", t->body.max);
	else if (buf_error(&t->headers) == -E2BIG)
		buf_printf(out, "headers longer than %zu bytes",
			   t->headers.max);
	else if (code == CURLE_OK)
		buf_puts(out, "the connection ended before a final answer");
	else
		utf8_put_safe(out, str_from(words), 300);
}

static int version(CURL *e)
{
	long v = 0;

	curl_easy_getinfo(e, CURLINFO_HTTP_VERSION, &v);
	switch (v) {
	case CURL_HTTP_VERSION_1_0:
		return 10;
	case CURL_HTTP_VERSION_1_1:
		return 11;
	case CURL_HTTP_VERSION_2_0:
		return 20;
	default:
		return 0;
	}
}

void rest_transfer_result(struct rest_response *out, struct transfer *t,
			  CURLcode code, struct buf *scratch)
{
	struct rest_response res = { 0 };
	curl_off_t took = 0;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &took);
	res.outcome = judge(t, code, (int)status);
	res.elapsed_us = took;
	res.http_version = version(t->easy);
	if (res.outcome == REST_ANSWERED) {
		res.status = (int)status;
		res.body = buf_str(&t->body);
		res.headers = buf_str(&t->headers);
		if (t->final <= res.headers.n)
			res.headers = str_sub(res.headers, t->final,
					      res.headers.n - t->final);
		if (clock_parse_http(&res.date_ms, rest_header(&res, "Date")))
			res.date_ms = 0;
	} else {
		buf_reset(scratch);
		explain(scratch, t, code);
		res.problem =
			buf_error(scratch) ? "failed" : buf_str(scratch).p;
	}
	*out = res;
}
