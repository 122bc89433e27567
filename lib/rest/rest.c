#include "rest/rest.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "rest/transfer.h"

#define PROBLEM_MAX 1200

/* Before 7.84 curl_global_init must not run twice at a time. */
static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int copy(char **out, const char *s)
{
	if (!s)
		return 0;
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

static int add_connect_to(struct rest *r, const char *const *list,
			  struct err *err)
{
	for (; list && *list; list++) {
		struct curl_slist *longer;

		if (rest_connect_to_check(*list))
			return err_set(err, -EINVAL,
				       "connect_to: expected "
				       "HOST:PORT:HOST:PORT, found \"%s\"",
				       *list);
		longer = curl_slist_append(r->connect_to, *list);
		if (!longer)
			return -ENOMEM;
		r->connect_to = longer;
	}
	return 0;
}

static int open_multi(struct rest *r)
{
	long n = (long)r->connections;
	int bad = 0;

	r->multi = curl_multi_init();
	if (!r->multi)
		return -ENOMEM;
	bad |= curl_multi_setopt(r->multi, CURLMOPT_MAXCONNECTS, n) != 0;
	bad |= curl_multi_setopt(r->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, n) !=
	       0;
	return bad ? -ENOMEM : 0;
}

int rest_new(struct rest **out, const struct rest_options *o, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct rest *r;
	int rc;

	pthread_once(&once, init_curl);
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->active.next = r->active.prev = &r->active;
	r->connections = o->connections ? o->connections : 32;
	r->trust.fd = -1;
	rc = copy(&r->user_agent, o->user_agent);
	if (rc == 0)
		rc = copy(&r->proxy, o->proxy);
	if (rc == 0)
		rc = copy(&r->unix_socket, o->unix_socket);
	if (rc == 0)
		rc = add_connect_to(r, o->connect_to, err);
	if (rc == 0)
		rc = rest_trust_open(&r->trust, o->ca_file, err);
	if (rc == 0)
		rc = open_multi(r);
	if (rc)
		rest_free(r);
	else
		*out = r;
	return rc;
}

int rest_url_check(const char *url, struct err *err)
{
	struct target t;

	return rest_target(&t, url, false, err);
}

static void keep(struct rest *r, struct transfer *t)
{
	rest_transfer_unload(t);
	if (r->spares >= r->connections) {
		rest_transfer_free(t);
		return;
	}
	t->next = r->spare;
	r->spare = t;
	r->spares++;
}

static struct transfer *get_transfer(struct rest *r)
{
	struct transfer *t = r->spare;

	if (!t)
		return rest_transfer_new(r);
	r->spare = t->next;
	r->spares--;
	return t;
}

int rest_start(struct rest *r, const struct rest_request *req, struct err *err)
{
	struct transfer *t;
	int rc;

	if (r->closing)
		return -ECANCELED;
	t = get_transfer(r);
	if (!t)
		return -ENOMEM;
	rc = rest_transfer_load(t, r, req, err);
	if (rc == 0 && curl_multi_add_handle(r->multi, t->easy))
		rc = -ENOMEM;
	if (rc) {
		keep(r, t);
		return rc;
	}
	t->prev = r->active.prev;
	t->next = &r->active;
	t->prev->next = t->next->prev = t;
	r->count++;
	r->fresh = true;
	return 0;
}

static void finish(struct rest *r, struct transfer *t, CURLcode code)
{
	struct buf scratch = BUF_INIT(PROBLEM_MAX);
	struct rest_response res;

	curl_multi_remove_handle(r->multi, t->easy);
	t->prev->next = t->next;
	t->next->prev = t->prev;
	r->count--;
	rest_transfer_result(&res, t, code, &scratch);
	if (r->closing) {
		res = (struct rest_response){
			.outcome = REST_UNKNOWN,
			.problem = "given up before an answer came",
		};
	}
	t->done(&res, t->arg);
	keep(r, t);
	buf_fini(&scratch);
}

static bool reap(struct rest *r)
{
	bool any = false;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(r->multi, &left))) {
		struct transfer *t = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		finish(r, t, msg->data.result);
		any = true;
	}
	return any;
}

void rest_step(struct rest *r, int wait_ms)
{
	int running;

	/* What was there before has been looked at by the step before. */
	if (r->fresh || wait_ms <= 0)
		curl_multi_perform(r->multi, &running);
	r->fresh = false;
	if (reap(r) || wait_ms <= 0)
		return;
	curl_multi_poll(r->multi, NULL, 0, wait_ms, NULL);
	curl_multi_perform(r->multi, &running);
	reap(r);
}

void rest_wake(struct rest *r)
{
	curl_multi_wakeup(r->multi);
}

size_t rest_active(const struct rest *r)
{
	return r->count;
}

void rest_free(struct rest *r)
{
	struct transfer *t;

	if (!r)
		return;
	r->closing = true;
	while (r->active.next != &r->active)
		finish(r, r->active.next, CURLE_ABORTED_BY_CALLBACK);
	while ((t = r->spare)) {
		r->spare = t->next;
		rest_transfer_free(t);
	}
	curl_multi_cleanup(r->multi);
	curl_slist_free_all(r->connect_to);
	rest_trust_close(&r->trust);
	free(r->user_agent);
	if (r->proxy) /* it may hold a password */
		explicit_bzero(r->proxy, strlen(r->proxy));
	free(r->proxy);
	free(r->unix_socket);
	free(r);
}

struct waiting {
	struct rest_response res;
	struct buf *copy;
	size_t headers, problem;
	bool ended;
};

static void keep_copy(const struct rest_response *res, void *arg)
{
	struct waiting *w = arg;

	w->res = *res;
	buf_put_str(w->copy, res->body);
	buf_putc(w->copy, '\0');
	w->headers = w->copy->n;
	buf_put_str(w->copy, res->headers);
	buf_putc(w->copy, '\0');
	w->problem = w->copy->n;
	if (res->problem)
		buf_puts(w->copy, res->problem);
	w->ended = true;
}

int rest_call(struct rest *r, const struct rest_request *req,
	      struct rest_response *out, struct buf *copied, struct err *err)
{
	struct rest_request mine = *req;
	struct waiting w = { .copy = copied };
	int rc;

	buf_reset(copied);
	mine.done = keep_copy;
	mine.arg = &w;
	rc = rest_start(r, &mine, err);
	if (rc)
		return rc;
	while (!w.ended)
		rest_step(r, 1000);
	if (buf_error(copied))
		return err_set(err, buf_error(copied),
			       "the answer doesn't fit in memory set aside");
	w.res.body.p = copied->p;
	w.res.headers.p = copied->p + w.headers;
	if (w.res.problem)
		w.res.problem = copied->p + w.problem;
	*out = w.res;
	return 0;
}
