#include "agent/admin/admin.h"
#include "agent/admin/api.h"
#include "agent/deliver.h"
#include "agent/drill.h"
#include "agent/intake/queues.h"
#include "agent/rules.h"
#include "agent/silences.h"
#include "agent/warnings.h"
#include "base/clock.h"
#include "doc/jsonw.h"

#define TEXT "text/plain; charset=utf-8"

void api_healthz(struct agent *a, const struct web_request *req,
		 struct str arg, struct api_answer *r)
{
	(void)a;
	(void)req;
	(void)arg;
	r->type = TEXT;
	buf_puts(&r->out, "alive\n");
}

bool admin_ready(struct agent *a, struct buf *why)
{
	struct store_counts n;

	store_count(a->store, &n);
	if (a->stopping) {
		buf_puts(why, "stopping\n");
		return false;
	}
	if (store_failed(a->store)) {
		buf_puts(why, "the journal's disk failed\n");
		return false;
	}
	if (n.full) {
		buf_puts(why, "the journal is full: raise store.max_size or "
			      "free its disk\n");
		return false;
	}
	return true;
}

/* Intake is healthy while StackFlow is away; the body says that it is. */
void api_readyz(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct deliver_state s;
	struct store_counts n;

	(void)req;
	(void)arg;
	r->type = TEXT;
	if (!admin_ready(a, &r->out)) {
		r->status = 503;
		r->headers = "Retry-After: 5\r\n";
		return;
	}
	deliver_state(a->deliver, &s);
	store_count(a->store, &n);
	if (s.breaker_open)
		buf_printf(&r->out, "degraded: StackFlow can't be reached, "
			   "%lld operations wait (%s)\n",
			   (long long)n.ops_open, s.problem);
	else
		buf_puts(&r->out, "ready\n");
	warnings_list(&r->out, a->warnings);
}

static void put_stale(struct agent *a, struct buf *out)
{
	buf_puts(out, "# HELP tocsin_rules_stale Rule files that run from "
		      "their last good copy, or not at all\n"
		      "# TYPE tocsin_rules_stale gauge\n");
	pthread_mutex_lock(&a->snapshot_lock);
	for (size_t i = 0; i < rule_states_count(a->rule_states); i++) {
		struct rule_state s;

		rule_states_get(a->rule_states, i, &s);
		buf_puts(out, "tocsin_rules_stale{file=");
		jsonw_put_quoted(out, str_from(s.file));
		buf_printf(out, "} %d\n", s.stale || s.missing);
	}
	pthread_mutex_unlock(&a->snapshot_lock);
}

static void put_store(struct buf *out, const struct store_counts *n)
{
	metrics_put_one(out, "tocsin_backlog", "gauge",
			"Accepted events and operations not yet at an outcome",
			n->untriaged + n->ops_open);
	metrics_put_one(out, "tocsin_in_doubt", "gauge",
			"Writes to StackFlow whose outcome is being looked up",
			n->in_doubt);
	metrics_put_one(out, "tocsin_dead_letters", "gauge",
			"Writes that were refused for good and kept, and "
			"queue messages that may not be believed",
			n->dead);
	metrics_put_one(out, "tocsin_operations_held", "gauge",
			"Notes that wait for their incident's budget",
			n->ops_held);
	metrics_put_one(out, "tocsin_alarms_waiting", "gauge",
			"Alarms that open if they last (open_after)",
			n->waiting);
	metrics_put_one(out, "tocsin_alarms_held", "gauge",
			"Alarms held back by a window, change, open incident "
			"or silence", n->held);
	metrics_put_one(out, "tocsin_incidents_open", "gauge",
			"Incidents that are open", n->incidents_open);
	metrics_put_one(out, "tocsin_store_bytes", "gauge",
			"Size of the journal's files", (int64_t)n->bytes);
	metrics_put_one(out, "tocsin_store_commits_total", "counter",
			"Transactions committed", (int64_t)n->commits);
	metrics_put_one(out, "tocsin_store_full", "gauge",
			"1 past the high-water mark", n->full);
}

static void put_delivery(struct buf *out, const struct deliver_state *s)
{
	metrics_put_one(out, "tocsin_stackflow_reachable", "gauge",
			"0 while the circuit breaker is open", s->reachable);
	metrics_put_one(out, "tocsin_degraded", "gauge",
			"1 while StackFlow can't be reached",
			s->breaker_open);
	metrics_put_one(out, "tocsin_stackflow_authenticated", "gauge",
			"1 while a token is at hand", s->authenticated);
	metrics_put_one(out, "tocsin_stackflow_requests_active", "gauge",
			"Requests under way", s->active);
	if (s->rate_remaining >= 0)
		metrics_put_one(out, "tocsin_stackflow_rate_remaining",
				"gauge", "X-RateLimit-Remaining last seen",
				s->rate_remaining);
}

static void put_web(struct agent *a, struct buf *out)
{
	int64_t end = web_certificate_end_ms(a->web);
	struct web_counters w;

	web_count(a->web, &w);
	metrics_put_one(out, "tocsin_http_connections", "gauge",
			"Connections to intake now", web_open(a->web));
	metrics_put_one(out, "tocsin_http_requests_total", "counter",
			"Requests to intake", (int64_t)w.requests);
	metrics_put_one(out, "tocsin_http_malformed_total", "counter",
			"Requests refused for their framing",
			(int64_t)w.malformed);
	metrics_put_one(out, "tocsin_http_timed_out_total", "counter",
			"Requests past a deadline", (int64_t)w.timed_out);
	metrics_put_one(out, "tocsin_http_evicted_total", "counter",
			"Connections closed for newer ones",
			(int64_t)w.evicted);
	metrics_put_one(out, "tocsin_http_proxy_refused_total", "counter",
			"Connections closed for want of a PROXY header that "
			"they may send", (int64_t)w.proxy_refused);
	metrics_put_one(out, "tocsin_tls_handshakes_failed_total", "counter",
			"TLS handshakes that failed",
			(int64_t)w.handshake_failed);
	if (end >= 0)
		metrics_put_one(out, "tocsin_tls_certificate_end_seconds",
				"gauge", "Unix time when the first listener's "
				"certificate ends", end / 1000);
}

void api_metrics(struct agent *a, const struct web_request *req,
		 struct str arg, struct api_answer *r)
{
	struct deliver_state s;
	struct store_counts n;

	(void)req;
	(void)arg;
	r->type = "text/plain; version=0.0.4; charset=utf-8";
	store_count(a->store, &n);
	deliver_state(a->deliver, &s);
	buf_printf(&r->out, "# HELP tocsin_build_info What runs\n"
		   "# TYPE tocsin_build_info gauge\n"
		   "tocsin_build_info{version=\"%s\"} 1\n", TOCSIN_VERSION);
	metrics_put(&r->out, a->metrics);
	put_store(&r->out, &n);
	put_delivery(&r->out, &s);
	put_web(a, &r->out);
	queues_metrics(a->queues, &r->out);
	metrics_put_one(&r->out, "tocsin_silences", "gauge",
			"Silences in force",
			(int64_t)silencing_count(a->silences));
	put_stale(a, &r->out);
	warnings_metrics(&r->out, a->warnings);
	drill_metrics(&r->out, a->drill);
	metrics_put_one(&r->out, "process_start_time_seconds", "gauge",
			"Unix time of the start", a->started_ms / 1000);
}
