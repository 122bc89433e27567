#include "agent/admin/status.h"

#include "agent/admin/admin.h"
#include "agent/admin/api.h"
#include "agent/admin/held.h"
#include "agent/deliver.h"
#include "agent/drill.h"
#include "agent/intake/queues.h"
#include "agent/reconcile.h"
#include "agent/rules.h"
#include "agent/silences.h"
#include "agent/warnings.h"
#include "base/clock.h"
#include "doc/jsonw.h"

#define DAY_MS 86400000

static void put_backlog(struct jsonw *w, const struct store_counts *n)
{
	jsonw_kint(w, "backlog", n->untriaged + n->ops_open);
	jsonw_kint(w, "events_waiting", n->untriaged);
	jsonw_kint(w, "operations_waiting", n->ops_open);
	jsonw_kint(w, "operations_held", n->ops_held);
	jsonw_kint(w, "in_doubt", n->in_doubt);
	jsonw_kint(w, "dead_letters", n->dead);
	jsonw_kint(w, "incidents_open", n->incidents_open);
	jsonw_kint(w, "events", n->events);
	jsonw_kint(w, "store_bytes", (int64_t)n->bytes);
	jsonw_kbool(w, "store_full", n->full);
}

static void put_stackflow(struct jsonw *w, const struct deliver_state *s)
{
	jsonw_key(w, "stackflow");
	jsonw_object(w);
	jsonw_kbool(w, "reachable", s->reachable);
	jsonw_kbool(w, "breaker_open", s->breaker_open);
	jsonw_kbool(w, "authenticated", s->authenticated);
	jsonw_ktime(w, "last_success_at", s->last_success_ms);
	jsonw_kint(w, "paused_ms", s->paused_ms);
	jsonw_kint(w, "rate_limit", s->rate_limit);
	jsonw_kint(w, "rate_remaining", s->rate_remaining);
	jsonw_kint(w, "requests_active", s->active);
	jsonw_kbool(w, "first_sweep_done", s->swept);
	jsonw_kcstr(w, "problem", s->problem[0] ? s->problem : NULL);
	jsonw_end_object(w);
}

static void put_known(struct jsonw *w, const char *key, int64_t n)
{
	jsonw_key(w, key);
	if (n < 0)
		jsonw_null(w);
	else
		jsonw_int(w, n);
}

static void put_queues(struct jsonw *w, struct queues *queues)
{
	jsonw_key(w, "queues");
	jsonw_array(w);
	for (size_t i = 0; i < queues_count(queues); i++) {
		struct queue_status q;

		queues_status(&q, queues, i);
		jsonw_object(w);
		jsonw_kstr(w, "name", q.name);
		jsonw_kcstr(w, "url", q.url);
		jsonw_kcstr(w, "state", queue_state_name(q.state));
		jsonw_kcstr(w, "problem", q.trouble[0] ? q.trouble : NULL);
		jsonw_kint(w, "pollers", q.pollers);
		jsonw_ktime(w, "last_success_at", q.last_success_ms);
		jsonw_kint(w, "received", (int64_t)q.received);
		jsonw_kint(w, "deleted", (int64_t)q.deleted);
		jsonw_kint(w, "errors", (int64_t)q.errors);
		put_known(w, "waiting", q.waiting);
		put_known(w, "lag_seconds",
			  q.lag_ms < 0 ? -1 : q.lag_ms / 1000);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void put_counters(struct jsonw *w, const struct metrics *m)
{
	static const struct {
		const char *key;
		enum metric id;
	} shown[] = {
		{ "events_accepted", METRIC_EVENTS_ACCEPTED },
		{ "events_duplicate", METRIC_EVENTS_DUPLICATE },
		{ "incidents_created", METRIC_INCIDENTS_CREATED },
		{ "incidents_resolved", METRIC_INCIDENTS_RESOLVED },
		{ "notes_appended", METRIC_NOTES_APPENDED },
		{ "duplicate_incidents", METRIC_DUPLICATE_INCIDENTS },
		{ "subscriptions_confirmed", METRIC_CONFIRMATIONS },
		{ "unsubscribe_confirmations", METRIC_UNSUBSCRIBED },
	};

	jsonw_key(w, "since_start");
	jsonw_object(w);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		jsonw_kint(w, shown[i].key,
			   (int64_t)metrics_get(m, shown[i].id));
	jsonw_end_object(w);
}

static void put_stale(struct agent *a, struct jsonw *w)
{
	jsonw_key(w, "rules_stale");
	jsonw_array(w);
	pthread_mutex_lock(&a->snapshot_lock);
	for (size_t i = 0; i < rule_states_count(a->rule_states); i++) {
		struct rule_state s;

		rule_states_get(a->rule_states, i, &s);
		if (s.stale || s.missing)
			jsonw_cstr(w, s.file);
	}
	pthread_mutex_unlock(&a->snapshot_lock);
	jsonw_end_array(w);
}

/* "HOST:PORT" with the port that it really has; of the first configuration,
 * whose listeners are at work until the end. */
static void put_address(struct jsonw *w, const struct conf_listener *l,
			unsigned port)
{
	struct buf b = BUF_INIT(512);
	struct str address = str_from(l->address);

	if (!l->address)
		buf_printf(&b, "socket %s", l->socket);
	else
		buf_put_str(&b, address);
	if (l->address && str_ends(address, ":0")) {
		buf_truncate(&b, b.n - 1);
		buf_printf(&b, "%u", port);
	}
	jsonw_kstr(w, "address", buf_str(&b));
	buf_fini(&b);
}

static void put_listeners(struct jsonw *w, struct agent *a)
{
	const struct conf *c = a->first_conf;
	struct web_listening l;

	jsonw_key(w, "listeners");
	jsonw_array(w);
	for (unsigned i = 0; i < c->listener_count; i++) {
		int64_t end;

		if (!web_listening(&l, a->web, i))
			break;
		end = l.certificate_end_ms;
		jsonw_object(w);
		put_address(w, &c->listeners[i], l.port);
		jsonw_kbool(w, "tls", l.tls);
		jsonw_ktime(w, "certificate_not_after", l.tls ? end : 0);
		jsonw_key(w, "certificate_days");
		if (l.tls)
			jsonw_int(w, (end - clock_wall_ms()) / DAY_MS);
		else
			jsonw_null(w);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void put_rules(struct jsonw *w, struct agent *a)
{
	struct ruleset *rules = agent_rules(a);
	int64_t files, stale = 0, policies = 0, never = 0;

	for (size_t i = 0; i < ruleset_hits(rules); i++) {
		struct rule_hit h;

		ruleset_hit(rules, i, &h);
		if (!h.line)	/* built in: nobody's to tidy up */
			continue;
		policies++;
		never += h.hits == 0;
	}
	pthread_mutex_lock(&a->snapshot_lock);
	files = (int64_t)rule_states_count(a->rule_states);
	for (size_t i = 0; i < (size_t)files; i++) {
		struct rule_state s;

		rule_states_get(a->rule_states, i, &s);
		stale += s.stale || s.missing;
	}
	pthread_mutex_unlock(&a->snapshot_lock);
	jsonw_key(w, "rules");
	jsonw_object(w);
	jsonw_kcstr(w, "hash", ruleset_hash(rules));
	jsonw_kint(w, "files", files);
	jsonw_kint(w, "stale", stale);
	jsonw_kint(w, "policies", policies);
	jsonw_kint(w, "never_hit", never);
	jsonw_end_object(w);
	ruleset_free(rules);
}

static void put_head(struct jsonw *w, struct agent *a,
		     const struct deliver_state *s)
{
	struct buf why = BUF_INIT(1024);
	bool ready = admin_ready(a, &why);

	jsonw_kcstr(w, "version", TOCSIN_VERSION);
	jsonw_ktime(w, "started_at", a->started_ms);
	jsonw_kcstr(w, "health", !ready ? "not ready" :
			s->breaker_open ? "degraded" : "ready");
	jsonw_kstr(w, "not_ready_because",
		   ready ? STR_NONE : str_trim(buf_str(&why)));
	buf_fini(&why);
}

bool status_put(struct buf *out, struct agent *a)
{
	struct jsonw w = JSONW(out);
	struct deliver_state s;
	struct store_counts n;
	int64_t end = web_certificate_end_ms(a->web);

	store_count(a->store, &n);
	deliver_state(a->deliver, &s);
	jsonw_object(&w);
	put_head(&w, a, &s);
	jsonw_key(&w, "warnings");
	warnings_put(&w, a->warnings);
	put_backlog(&w, &n);
	put_stackflow(&w, &s);
	put_queues(&w, a->queues);
	put_listeners(&w, a);
	put_counters(&w, a->metrics);
	put_rules(&w, a);
	put_stale(a, &w);
	if (!held_put(&w, a))
		return false;
	jsonw_kint(&w, "silences", (int64_t)silencing_count(a->silences));
	if (a->reconcile) {
		jsonw_key(&w, "cloudwatch");
		reconcile_put_status(&w, a->reconcile);
	}
	jsonw_key(&w, "drill");
	drill_put(&w, a->drill);
	if (end >= 0)
		jsonw_kint(&w, "certificate_days",
			   (end - clock_wall_ms()) / DAY_MS);
	jsonw_end_object(&w);
	return true;
}

void api_status(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	(void)req;
	(void)arg;
	if (status_put(&r->out, a))
		buf_putc(&r->out, '\n');
	else
		api_error(r, 503, "the store can't be read now");
}
