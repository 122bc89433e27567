#include <errno.h>

#include "aws/creds_source.h"

#define HEADERS_MAX (16u << 10)

struct waiting {
	struct creds_answer *out;
	char problem[256];
	bool ended, answered;
};

static void take(const struct rest_response *r, void *arg)
{
	struct waiting *w = arg;

	w->ended = true;
	w->answered = r->outcome == REST_ANSWERED;
	if (!w->answered) {
		struct str s = str_from(r->problem);

		s.n = s.n < sizeof(w->problem) ? s.n : sizeof(w->problem) - 1;
		memcpy(w->problem, s.p, s.n);
		return;
	}
	w->out->status = r->status;
	w->out->date_ms = r->date_ms;
	buf_room(&w->out->body, r->body.n);
	buf_put_str(&w->out->body, r->body);
}

static int open_rest(struct creds_ask *a, struct rest **out, struct err *err)
{
	struct rest_options o = {
		.user_agent = "tocsin/" TOCSIN_VERSION,
		.ca_file = a->o->ca_file,
		.proxy = a->o->proxy,
		.connect_to = a->o->connect_to,
		.connections = 1,
	};
	int rc = rest_new(out, &o, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&a->net->lock);
	a->net->rest = *out;
	pthread_mutex_unlock(&a->net->lock);
	return 0;
}

static void close_rest(struct creds_ask *a, struct rest *rest)
{
	pthread_mutex_lock(&a->net->lock);
	a->net->rest = NULL;
	pthread_mutex_unlock(&a->net->lock);
	rest_free(rest);
}

int creds_http(struct creds_answer *out, struct creds_ask *a,
	       const struct rest_request *req, struct err *err)
{
	struct rest_request mine = *req;
	struct waiting w = { .out = out };
	struct rest *rest = NULL;
	int rc;

	buf_init(&out->body, CREDS_ANSWER_MAX);
	out->status = 0;
	rc = open_rest(a, &rest, err);
	if (rc)
		return rc;
	mine.max_body = CREDS_ANSWER_MAX;
	mine.max_headers = HEADERS_MAX;
	mine.done = take;
	mine.arg = &w;
	rc = rest_start(rest, &mine, err);
	while (rc == 0 && !w.ended && !a->net->stopping)
		rest_step(rest, 1000);
	/* What is still under way ends here, before w goes. */
	close_rest(a, rest);
	if (rc)
		return rc;
	if (a->net->stopping)
		return -ECANCELED;
	if (!w.answered)
		return err_set(err, -EAGAIN, "%s", w.problem);
	return buf_error(&out->body);
}

void creds_answer_fini(struct creds_answer *a)
{
	buf_wipe(&a->body);
}

void creds_net_stop(struct creds_net *net)
{
	net->stopping = true;
	pthread_mutex_lock(&net->lock);
	if (net->rest)
		rest_wake(net->rest);
	pthread_mutex_unlock(&net->lock);
}
