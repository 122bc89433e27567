#include "agent/sandbox/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "agent/sandbox/mask.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define HEAD_MAX 16384
#define HEADERS 100
#define LINE_MAX (16 << 20)
#define HELD_MAX (64 << 20)

/* A copy that holds no secret any more: it is masked before it is kept. */
struct exchange {
	int64_t now_ms, took_us;
	int status;
	enum wire_cut cut;
	bool request_cut, answer_cut;
	struct buf method, path, headers, body;
	struct buf answer_headers, answer;
};

struct box_recorder {
	pthread_mutex_t lock;
	const struct box_settings *settings;
	bool prints;
	int fd;				/* -1: nowhere, or nobody reads */
	bool begun;			/* stdout: behind the ready line */
	struct buf held;		/* until then */
	struct exchange *kept[BOX_EXCHANGES];	/* ring */
	uint64_t total;
};

static void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	buf_fini(&x->method);
	buf_fini(&x->path);
	buf_fini(&x->headers);
	buf_fini(&x->body);
	buf_fini(&x->answer_headers);
	buf_fini(&x->answer);
	free(x);
}

int box_recorder_new(struct box_recorder **out,
		     const struct box_settings *settings, const char *path,
		     struct err *err)
{
	struct box_recorder *r = calloc(1, sizeof(*r));
	int ret = 0;

	if (!r)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	r->settings = settings;
	r->held = BUF_INIT(HELD_MAX);
	r->fd = -1;
	r->begun = !path || strcmp(path, "-") != 0;
	if (path && !r->begun)
		r->fd = dup(STDOUT_FILENO);
	else if (path)
		r->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			     0600);
	r->prints = path;
	if (path && r->fd < 0)
		ret = err_set(err, -errno, "%s: %s", path, strerror(errno));
	*out = r;
	return ret;
}

static void forget(struct box_recorder *r)
{
	for (size_t i = 0; i < BOX_EXCHANGES; i++) {
		exchange_free(r->kept[i]);
		r->kept[i] = NULL;
	}
	r->total = 0;
}

void box_recorder_free(struct box_recorder *r)
{
	if (!r)
		return;
	forget(r);
	if (r->fd >= 0)
		close(r->fd);
	buf_fini(&r->held);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Under the lock. Whoever reads no more is written to no more. */
static void print(struct box_recorder *r, struct str text)
{
	while (r->fd >= 0 && text.n) {
		ssize_t n = write(r->fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			close(r->fd);
			r->fd = -1;
			break;
		}
		text = str_sub(text, (size_t)n, text.n - (size_t)n);
	}
}

void box_recorder_print(struct box_recorder *r)
{
	pthread_mutex_lock(&r->lock);
	r->begun = true;
	print(r, buf_str(&r->held));
	buf_fini(&r->held);
	pthread_mutex_unlock(&r->lock);
}

/* "Name: value" lines, without secrets. */
static void copy_headers(struct buf *out, struct str lines)
{
	struct str line, name;

	while (str_cut(&lines, '\n', &line) && out->n < HEAD_MAX) {
		line = str_trim(line);
		if (!line.n || !str_cut(&line, ':', &name))
			continue;
		buf_put_str(out, name);
		buf_put(out, ": ", 2);
		mask_header(out, name, str_trim(line));
		buf_putc(out, '\n');
	}
}

/* The beginning of text, and whether that isn't all. Credentials are masked
 * as a whole, since they have to be understood for that. */
static bool copy_body(struct buf *out, struct str text, bool credentials,
		      size_t max)
{
	bool cut = text.n > max;

	mask_body(out, credentials ? text : utf8_cut(text, max), credentials);
	if (out->n > 2 * max + 64)
		buf_truncate(out, max);
	return cut;
}

/* The oldest, whose memory is used again; NULL: no memory. */
static struct exchange *take(struct box_recorder *r)
{
	struct exchange **at, *x;

	pthread_mutex_lock(&r->lock);
	at = &r->kept[r->total % BOX_EXCHANGES];
	x = *at;
	*at = NULL;
	pthread_mutex_unlock(&r->lock);
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return NULL;
		x->method = BUF_INIT(64);
		x->path = x->headers = x->answer_headers = BUF_INIT(256 << 10);
		x->body = x->answer = BUF_INIT(4 << 20);
	}
	buf_reset(&x->method);
	buf_reset(&x->path);
	buf_reset(&x->headers);
	buf_reset(&x->body);
	buf_reset(&x->answer_headers);
	buf_reset(&x->answer);
	return x;
}

static void copy(struct exchange *x, const struct box_recorder *r,
		 const struct wire_request *req,
		 const struct wire_reply *reply)
{
	size_t max = (size_t)box_setting(r->settings, BOX_RECORD_BODY);
	bool credentials = wire_header(req, "X-Amz-Target").p ||
			   str_ends(req->path, "/oauth2/token") ||
			   str_ends(req->path, "/auth/exchange");

	x->answer_cut = false;
	x->status = reply->cut == WIRE_HANGUP ? 0 : reply->status;
	x->cut = reply->cut;
	buf_put_str(&x->method, req->method);
	buf_put_str(&x->path, req->path);
	if (req->query.n)
		buf_putc(&x->path, '?');
	buf_put_str(&x->path, req->query);
	copy_headers(&x->headers, req->headers);
	x->request_cut = copy_body(&x->body, req->body, credentials, max);
	if (x->status) {
		buf_printf(&x->answer_headers, "Content-Type: %s\n",
			   reply->type ? reply->type : "application/json");
		copy_headers(&x->answer_headers, buf_str(&reply->headers));
		x->answer_cut = copy_body(&x->answer, buf_str(&reply->body),
					  credentials, max);
	}
}

static bool seen_before(struct str lines, struct str name)
{
	struct str line, have;

	while (str_cut(&lines, '\n', &line))
		if (str_cut(&line, ':', &have) &&
		    (have.p == name.p || (have.n == name.n &&
					  strncasecmp(have.p, name.p,
						      name.n) == 0)))
			return have.p != name.p;
	return false;
}

static void put_headers(struct jsonw *w, const char *key, struct str all)
{
	struct str rest = all, line, name;
	int left = HEADERS;

	jsonw_key(w, key);
	jsonw_object(w);
	while (left-- && str_cut(&rest, '\n', &line)) {
		if (!str_cut(&line, ':', &name) || !name.n ||
		    seen_before(all, name))
			continue;
		jsonw_key_str(w, name);
		jsonw_str(w, str_trim(line));
	}
	jsonw_end_object(w);
}

/* As the JSON that it is, else as text. */
static void put_body(struct jsonw *w, const char *key, struct str body)
{
	struct json *v = NULL;

	jsonw_key(w, key);
	if (!body.n) {
		jsonw_null(w);
	} else if (json_parse(&v, body, 0, NULL)) {
		jsonw_str(w, body);
	} else {
		w->comma = 0;
		json_put(w->out, v);
		w->comma = 1;
	}
	json_free(v);
}

static void put(struct jsonw *w, const struct exchange *x)
{
	static const char *const cuts[] = {
		[WIRE_HANGUP] = "hangup",	[WIRE_CUT_HEAD] = "headers",
		[WIRE_CUT_BODY] = "body",	[WIRE_DRIP] = "drip",
		[WIRE_BIG_HEAD] = "big-headers", [WIRE_ENDLESS] = "endless",
	};

	jsonw_object(w);
	jsonw_ktime(w, "time", x->now_ms);
	jsonw_kstr(w, "method", buf_str(&x->method));
	jsonw_kstr(w, "path", buf_str(&x->path));
	put_headers(w, "request_headers", buf_str(&x->headers));
	put_body(w, "request_body", buf_str(&x->body));
	if (x->request_cut)
		jsonw_kbool(w, "request_body_cut", true);
	jsonw_kint(w, "status", x->status);
	put_headers(w, "answer_headers", buf_str(&x->answer_headers));
	put_body(w, "answer_body", buf_str(&x->answer));
	if (x->answer_cut)
		jsonw_kbool(w, "answer_body_cut", true);
	if (x->cut != WIRE_WHOLE)
		jsonw_kcstr(w, "fault", cuts[x->cut]);
	jsonw_kint(w, "ms", (x->took_us + 500) / 1000);
	jsonw_end_object(w);
}

void box_recorder_add(struct box_recorder *r, const struct wire_request *req,
		      const struct wire_reply *reply, int64_t now_ms,
		      int64_t took_us)
{
	struct exchange *x = take(r), **at;
	struct buf line = BUF_INIT(LINE_MAX);
	struct jsonw w = JSONW(&line);

	if (!x)
		return;
	copy(x, r, req, reply);
	x->now_ms = now_ms;
	x->took_us = took_us;
	if (r->prints) {
		put(&w, x);
		buf_putc(&line, '\n');
	}
	pthread_mutex_lock(&r->lock);
	if (r->begun)
		print(r, buf_str(&line));
	else
		buf_put_str(&r->held, buf_str(&line));
	at = &r->kept[r->total++ % BOX_EXCHANGES];
	exchange_free(*at);
	*at = x;
	pthread_mutex_unlock(&r->lock);
	buf_fini(&line);
}

void box_recorder_put(struct buf *out, struct box_recorder *r, size_t limit)
{
	struct jsonw w = JSONW(out);
	uint64_t at;

	jsonw_object(&w);
	jsonw_key(&w, "exchanges");
	jsonw_array(&w);
	pthread_mutex_lock(&r->lock);
	if (limit > BOX_EXCHANGES)
		limit = BOX_EXCHANGES;
	at = r->total > limit ? r->total - limit : 0;
	for (; at < r->total; at++)
		if (r->kept[at % BOX_EXCHANGES])
			put(&w, r->kept[at % BOX_EXCHANGES]);
	jsonw_end_array(&w);
	jsonw_kint(&w, "total", (int64_t)r->total);
	pthread_mutex_unlock(&r->lock);
	jsonw_end_object(&w);
}

void box_recorder_clear(struct box_recorder *r)
{
	pthread_mutex_lock(&r->lock);
	forget(r);
	pthread_mutex_unlock(&r->lock);
}
