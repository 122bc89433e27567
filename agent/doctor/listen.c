#include "agent/doctor/doctor.h"

#include <stdio.h>

#include "aws/partition.h"
#include "aws/sns.h"
#include "base/clock.h"
#include "rest/rest.h"

/* The ways in: listeners, and the hosts that SNS's signatures need. */
#define HOSTS_MAX 8

void doctor_listen(struct doctor_group *g)
{
	const struct conf *c = g->conf;
	char what[256];

	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];

		snprintf(what, sizeof(what), "listen %s",
			 l->address ? l->address : l->socket);
		if (l->certificate && l->key)
			doctor_chain(g, what, l->certificate, l->key);
		else if (l->plain)
			doctor_say(g, DOCTOR_OK, what, NULL,
				   "plain HTTP: the certificate is the load "
				   "balancer's, and wasn't looked at");
		else if (c->sns.topic_count && l->address)
			doctor_say(g, DOCTOR_OK, what, NULL,
				   "plain HTTP: SNS itself can't reach it");
		else
			doctor_say(g, DOCTOR_OK, what, NULL, "plain HTTP");
	}
	if (!c->listener_count)
		doctor_say(g, DOCTOR_OK, "listen", NULL,
			   "nothing: alarms come by queues alone");
}

struct host {
	struct buf url;
	struct doctor_group *g;
	int64_t date_ms, wall_ms;
};

static void reached(const struct rest_response *r, void *arg)
{
	struct host *h = arg;

	if (r->outcome != REST_ANSWERED) {
		doctor_say(h->g, DOCTOR_FAIL, "SNS host",
			   "let the agent reach it by HTTPS: the certificates "
			   "of SNS's signatures come from there",
			   "%s can't be reached: %s", buf_str(&h->url).p,
			   r->problem);
		return;
	}
	doctor_say(h->g, DOCTOR_OK, "SNS host", NULL, "%s answers in %lld ms",
		   buf_str(&h->url).p, (long long)(r->elapsed_us / 1000));
	h->date_ms = r->date_ms;
	h->wall_ms = clock_wall_ms();
}

/* The region's host of a topic that is named without a wildcard there. */
static bool put_host(struct buf *url, struct str topic)
{
	struct str field[4];
	struct buf host = BUF_INIT(256);
	bool found = false;

	for (int i = 0; i < 4; i++)
		if (!str_cut(&topic, ':', &field[i]))
			return false;
	if (partition_find(field[1]) &&
	    sns_host(&host, field[1], field[3]) == 0) {
		buf_printf(url, "https://%s/", buf_str(&host).p);
		found = !buf_error(url);
	}
	buf_fini(&host);
	return found;
}

static size_t find_hosts(struct host *hosts, const struct conf *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->sns.topic_count && n < HOSTS_MAX; i++) {
		struct buf url = BUF_INIT(300);
		bool known = !put_host(&url, str_from(c->sns.topics[i]));

		for (size_t k = 0; k < n && !known; k++)
			known = str_eq(buf_str(&hosts[k].url), buf_str(&url));
		if (known)
			buf_fini(&url);
		else
			hosts[n++].url = url;
	}
	return n;
}

static void ask_hosts(struct doctor_group *g, struct host *hosts, size_t n)
{
	const struct conf *c = g->conf;
	const struct rest_options o = conf_network(c);
	struct rest *rest;
	struct err err;

	if (rest_new(&rest, &o, &err))
		return;		/* the group of StackFlow says why */
	for (size_t i = 0; i < n; i++) {
		const struct rest_request req = {
			.method = "GET",
			.url = hosts[i].url.p,
			.timeout_ms = DOCTOR_CALL_MS,
			.flags = REST_PUBLIC,
			.done = reached,
			.arg = &hosts[i],
		};

		hosts[i].g = g;
		if (rest_start(rest, &req, &err))
			doctor_say(g, DOCTOR_FAIL, "SNS host", NULL, "%s",
				   err.text);
	}
	while (rest_active(rest))
		rest_step(rest, 100);
	rest_free(rest);
}

void doctor_sns(struct doctor_group *g)
{
	struct host hosts[HOSTS_MAX] = { 0 };
	size_t n = find_hosts(hosts, g->conf);

	ask_hosts(g, hosts, n);
	for (size_t i = 0; i < n; i++)
		if (hosts[i].date_ms) {
			doctor_clock(g, "AWS", hosts[i].date_ms,
				     hosts[i].wall_ms);
			break;
		}
	for (size_t i = 0; i < n; i++)
		buf_fini(&hosts[i].url);
}
