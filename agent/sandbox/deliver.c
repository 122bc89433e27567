#include "agent/sandbox/deliver.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/sandbox/settings.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"
#include "rest/rest.h"

#define LOG 65536 /* deliveries that are remembered */

struct delivery {
	struct delivery *next;
	struct box_deliver *owner;
	int64_t id, due_ms;
	int attempts;
	bool authorized;      /* the next try carries the credentials */
	struct box_post post; /* its texts point into text */
	struct buf text;
};

struct entry {
	int64_t id;
	char message_id[40], url[96];
	const char *type;
	struct box_outcome out;
	int64_t begun_ms, ended_ms;
};

/* First in, first out. */
struct queue {
	struct delivery *first, **last;
};

struct box_deliver {
	const struct box_settings *settings;
	struct rest *rest;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	pthread_mutex_t lock; /* all below */
	struct queue ready;
	struct entry *log;
	int64_t next_id;
	uint64_t attempts, delivered, failed;
	/* Only the thread's own. */
	struct delivery *later; /* by due_ms */
};

static void push(struct queue *q, struct delivery *d)
{
	d->next = NULL;
	*q->last = d;
	q->last = &d->next;
}

static struct delivery *pop(struct queue *q)
{
	struct delivery *d = q->first;

	if (d)
		q->first = d->next;
	if (!q->first)
		q->last = &q->first;
	return d;
}

int box_deliver_new(struct box_deliver **out, const struct box_settings *s,
		    const char *trust, struct err *err)
{
	struct rest_options o = {
		.user_agent = "Amazon Simple Notification Service Agent",
		.ca_file = trust,
		.connections = 1024,
	};
	struct box_deliver *d = calloc(1, sizeof(*d));
	int ret = -ENOMEM;

	if (!d)
		return err_set(err, -ENOMEM, "out of memory");
	d->settings = s;
	d->ready.last = &d->ready.first;
	pthread_mutex_init(&d->lock, NULL);
	d->log = calloc(LOG, sizeof(*d->log));
	if (d->log)
		ret = rest_new(&d->rest, &o, err);
	if (ret)
		box_deliver_free(d);
	else
		*out = d;
	return ret;
}

/* Under the lock. */
static struct entry *entry(struct box_deliver *d, int64_t id)
{
	struct entry *e = &d->log[id % LOG];

	return e->id == id ? e : NULL;
}

static struct str keep(struct buf *text, struct str s)
{
	size_t at = text->n;

	if (!s.p)
		return STR_NONE;
	buf_put_str(text, s);
	buf_putc(text, '\0');
	return str_sub(buf_str(text), at, s.n);
}

static int copy_post(struct delivery *to, const struct box_post *from)
{
	struct box_post *p = &to->post;

	buf_init(&to->text, 8 << 20);
	/* Room for all at once: what keep() returned must not move. */
	if (!buf_room(&to->text, from->message_id.n + from->topic_arn.n +
					 from->subscription_arn.n +
					 from->url.n + from->authorization.n +
					 from->body.n + 8))
		return -ENOMEM;
	*p = *from;
	p->message_id = keep(&to->text, from->message_id);
	p->topic_arn = keep(&to->text, from->topic_arn);
	p->subscription_arn = keep(&to->text, from->subscription_arn);
	p->url = keep(&to->text, from->url);
	p->authorization = keep(&to->text, from->authorization);
	p->body = keep(&to->text, from->body);
	return buf_error(&to->text);
}

int64_t box_deliver_post(struct box_deliver *d, const struct box_post *post)
{
	struct delivery *one = calloc(1, sizeof(*one));
	int64_t id = -ENOMEM;
	struct entry *e;

	if (!one || copy_post(one, post)) {
		if (one)
			buf_fini(&one->text);
		free(one);
		return id;
	}
	one->owner = d;
	pthread_mutex_lock(&d->lock);
	one->id = id = ++d->next_id;
	e = &d->log[id % LOG];
	*e = (struct entry){ .id = id,
			     .type = post->type,
			     .begun_ms = clock_wall_ms() };
	snprintf(e->message_id, sizeof(e->message_id), "%.*s",
		 STR_ARG(post->message_id));
	snprintf(e->url, sizeof(e->url), "%.*s", STR_ARG(post->url));
	push(&d->ready, one);
	pthread_mutex_unlock(&d->lock);
	rest_wake(d->rest);
	return id;
}

static void end(struct delivery *one, enum box_end how, int status,
		const char *problem)
{
	struct box_deliver *d = one->owner;
	struct entry *e;

	pthread_mutex_lock(&d->lock);
	e = entry(d, one->id);
	if (e) {
		e->out.end = how;
		e->out.status = status;
		e->out.attempts = one->attempts;
		e->ended_ms = clock_wall_ms();
		snprintf(e->out.problem, sizeof(e->out.problem), "%s", problem);
	}
	if (how == BOX_DELIVERED)
		d->delivered++;
	else
		d->failed++;
	pthread_mutex_unlock(&d->lock);
	buf_wipe(&one->text);
	free(one);
}

/* SNS tries again after 5xx, 429 and whatever brought no answer. */
static void again(struct delivery *one, int status, const char *problem)
{
	struct box_deliver *d = one->owner;
	struct delivery **at = &d->later;
	struct entry *e;

	if (one->attempts > box_setting(d->settings, BOX_SNS_RETRIES))
		return end(one, BOX_FAILED, status, problem);
	pthread_mutex_lock(&d->lock);
	e = entry(d, one->id);
	if (e) {
		e->out.status = status;
		e->out.attempts = one->attempts;
		snprintf(e->out.problem, sizeof(e->out.problem), "%s", problem);
	}
	pthread_mutex_unlock(&d->lock);
	one->authorized = false;
	one->due_ms = clock_mono_ms() + box_setting(d->settings, BOX_SNS_DELAY);
	while (*at && (*at)->due_ms <= one->due_ms)
		at = &(*at)->next;
	one->next = *at;
	*at = one;
}

static void post(struct delivery *one);

static void ended(const struct rest_response *r, void *arg)
{
	struct delivery *one = arg;
	char problem[128];

	if (atomic_load(&one->owner->stopping))
		return end(one, BOX_FAILED, 0, "the sandbox stops");
	if (r->outcome != REST_ANSWERED)
		return again(one, 0, r->problem ? r->problem : "no answer");
	if (r->status >= 200 && r->status < 300)
		return end(one, BOX_DELIVERED, r->status, "");
	if (r->status == 401 && !one->authorized && one->post.authorization.p &&
	    str_starts(rest_header(r, "WWW-Authenticate"), "Basic")) {
		one->authorized = true;
		return post(one);
	}
	snprintf(problem, sizeof(problem), "%.*s",
		 STR_ARG(utf8_cut(r->body, 100)));
	if (r->status >= 500 || r->status == 429)
		again(one, r->status, problem);
	else
		end(one, BOX_FAILED, r->status, problem);
}

/* One "Name: value" of the headers, kept in lines. */
static void add_header(struct buf *lines, size_t *at, int *n, const char *name,
		       struct str value)
{
	if (!value.p)
		return;
	at[(*n)++] = lines->n;
	buf_printf(lines, "%s: %.*s", name, STR_ARG(value));
	buf_putc(lines, '\0');
}

/* Send once more. A try that is refused before it begins has failed too. */
static void post(struct delivery *one)
{
	const struct box_post *p = &one->post;
	struct box_deliver *d = one->owner;
	struct buf lines = BUF_INIT(16384);
	const char *headers[10] = { NULL };
	size_t at[10];
	struct err err;
	int n = 0, ret = -ENOMEM;

	add_header(&lines, at, &n, "x-amz-sns-message-type", str_from(p->type));
	add_header(&lines, at, &n, "x-amz-sns-message-id", p->message_id);
	add_header(&lines, at, &n, "x-amz-sns-topic-arn", p->topic_arn);
	add_header(&lines, at, &n, "x-amz-sns-subscription-arn",
		   p->subscription_arn);
	add_header(&lines, at, &n, "x-amz-sns-rawdelivery",
		   p->raw ? STR("true") : STR_NONE);
	add_header(&lines, at, &n, "Content-Type",
		   STR("text/plain; charset=UTF-8"));
	add_header(&lines, at, &n, "Accept-Encoding", STR("gzip,deflate"));
	add_header(&lines, at, &n, "Authorization",
		   one->authorized ? p->authorization : STR_NONE);
	for (int i = 0; i < n && !buf_error(&lines); i++)
		headers[i] = lines.p + at[i];
	if (!one->authorized) {
		one->attempts++;
		pthread_mutex_lock(&d->lock);
		d->attempts++;
		pthread_mutex_unlock(&d->lock);
	}
	if (!buf_error(&lines)) {
		struct rest_request req = {
			.method = "POST",
			.url = p->url.p,
			.headers = headers,
			.body = p->body,
			.done = ended,
			.arg = one,
			.timeout_ms = (unsigned)box_setting(d->settings,
							    BOX_SNS_TIMEOUT),
		};

		ret = rest_start(d->rest, &req, &err);
	}
	buf_wipe(&lines);
	if (ret)
		end(one, BOX_FAILED, 0,
		    ret == -ENOMEM ? "no memory" : err.text);
}

/* What is due goes out; returns ms until more is. */
static int begin_due(struct box_deliver *d)
{
	size_t most = (size_t)box_setting(d->settings, BOX_SNS_CONCURRENCY);
	int64_t now = clock_mono_ms(), wait = 1000;
	struct delivery *one;

	if (box_setting(d->settings, BOX_SNS_HOLD))
		return 10;
	while (rest_active(d->rest) < most) {
		one = d->later;
		if (one && one->due_ms <= now) {
			d->later = one->next;
		} else {
			pthread_mutex_lock(&d->lock);
			one = pop(&d->ready);
			pthread_mutex_unlock(&d->lock);
		}
		if (!one)
			break;
		post(one);
	}
	if (d->later && d->later->due_ms - now < wait)
		wait = d->later->due_ms - now;
	return wait < 0 ? 0 : (int)wait;
}

static void *deliver_main(void *arg)
{
	struct box_deliver *d = arg;

	while (!atomic_load(&d->stopping))
		rest_step(d->rest, begin_due(d));
	return NULL;
}

int box_deliver_start(struct box_deliver *d, struct err *err)
{
	int ret = pthread_create(&d->thread, NULL, deliver_main, d);

	if (ret)
		return err_set(err, -ret, "can't start a thread: %s",
			       strerror(ret));
	d->started = true;
	return 0;
}

void box_deliver_free(struct box_deliver *d)
{
	struct delivery *one;

	if (!d)
		return;
	atomic_store(&d->stopping, true);
	if (d->started) {
		rest_wake(d->rest);
		pthread_join(d->thread, NULL);
	}
	rest_free(d->rest);
	while ((one = d->later)) {
		d->later = one->next;
		end(one, BOX_FAILED, 0, "the sandbox stops");
	}
	while ((one = pop(&d->ready)))
		end(one, BOX_FAILED, 0, "the sandbox stops");
	free(d->log);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

bool box_deliver_outcome(struct box_outcome *out, struct box_deliver *d,
			 int64_t id)
{
	struct entry *e;

	pthread_mutex_lock(&d->lock);
	e = entry(d, id);
	if (e)
		*out = e->out;
	pthread_mutex_unlock(&d->lock);
	return e != NULL;
}

static void put_entry(struct jsonw *w, const struct entry *e)
{
	static const char *const ends[] = { "pending", "delivered", "failed" };

	jsonw_object(w);
	jsonw_kint(w, "id", e->id);
	jsonw_kcstr(w, "message_id", e->message_id);
	jsonw_kcstr(w, "type", e->type);
	jsonw_kcstr(w, "url", e->url);
	jsonw_kcstr(w, "final", ends[e->out.end]);
	jsonw_kint(w, "attempts", e->out.attempts);
	jsonw_kint(w, "status", e->out.status);
	jsonw_kcstr(w, "problem", e->out.problem);
	jsonw_ktime(w, "begun", e->begun_ms);
	jsonw_ktime(w, "ended", e->ended_ms);
	jsonw_end_object(w);
}

void box_deliver_put(struct jsonw *w, struct box_deliver *d,
		     struct str message_id, int64_t limit)
{
	pthread_mutex_lock(&d->lock);
	jsonw_kint(w, "begun", d->next_id);
	jsonw_kint(w, "attempts", (int64_t)d->attempts);
	jsonw_kint(w, "delivered", (int64_t)d->delivered);
	jsonw_kint(w, "failed", (int64_t)d->failed);
	jsonw_kint(w, "pending",
		   d->next_id - (int64_t)d->delivered - (int64_t)d->failed);
	jsonw_key(w, "deliveries");
	jsonw_array(w);
	for (int64_t id = d->next_id; id > 0 && limit > 0; id--) {
		const struct entry *e = entry(d, id);

		if (!e)
			break;
		if (message_id.p && !str_is(message_id, e->message_id))
			continue;
		put_entry(w, e);
		limit--;
	}
	jsonw_end_array(w);
	pthread_mutex_unlock(&d->lock);
}
