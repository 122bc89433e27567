#include "agent/admin/api.h"

#include <errno.h>

#include "agent/admin/admin.h"
#include "agent/admin/held.h"
#include "agent/deliver.h"
#include "agent/reconcile.h"
#include "agent/intake/intake.h"
#include "agent/intake/queues.h"
#include "agent/rules.h"
#include "agent/silences.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define LIMIT 100
#define LIMIT_MAX 1000
#define ARENA_MAX (256 << 20)

struct str api_param(const struct web_request *req, const char *name,
		     struct arena *arena)
{
	struct str rest = req->query, pair, key;
	struct buf value = BUF_INIT(4096);
	struct str out = STR_NONE;

	while (!out.p && str_cut(&rest, '&', &pair)) {
		if (!str_cut(&pair, '=', &key) || !str_is(key, name) ||
		    !pair.p || decode_url(&value, pair))
			continue;
		out = arena_str(arena, buf_str(&value));
	}
	buf_fini(&value);
	return out;
}

static bool read_page(struct store_page *page, const struct web_request *req,
		      const char *filter, struct arena *arena)
{
	struct str limit = api_param(req, "limit", arena);
	struct str before = api_param(req, "before", arena);
	uint64_t n = LIMIT, b = 0;

	if ((limit.p && (str_to_u64(&n, limit) || !n || n > LIMIT_MAX)) ||
	    (before.p && (str_to_u64(&b, before) || b > INT64_MAX)))
		return false;
	*page = (struct store_page){ (size_t)n, (int64_t)b,
				     api_param(req, filter, arena) };
	return true;
}

/* A list's frame: reader, arena and page, with the errors in one place. */
struct listing {
	struct store_reader *reader;
	struct arena *arena;
	struct store_page page;
	void *rows;
};

static bool listing_init(struct listing *l, struct agent *a,
			 const struct web_request *req, const char *filter,
			 size_t row, struct api_answer *r)
{
	*l = (struct listing){ .arena = arena_new(ARENA_MAX) };
	if (!l->arena || store_reader_open(&l->reader, a->store, NULL)) {
		api_error(r, 503, "the store can't be read now");
		return false;
	}
	if (!read_page(&l->page, req, filter, l->arena)) {
		api_error(r, 400, "limit is a number from 1 to 1000, before "
				  "one from an earlier page");
		return false;
	}
	l->rows = arena_array(l->arena, l->page.limit, row);
	if (!l->rows)
		api_error(r, 503, "out of memory");
	return l->rows != NULL;
}

static void listing_fini(struct listing *l)
{
	store_reader_close(l->reader);
	arena_free(l->arena);
}

static void list_end(struct jsonw *w, struct api_answer *r, int n,
		     const struct store_page *page, int64_t last)
{
	jsonw_end_array(w);
	if (n > 0 && (size_t)n == page->limit)
		jsonw_kint(w, "next_before", last);
	jsonw_end_object(w);
	buf_putc(&r->out, '\n');
	if (n < 0)
		api_error(r, 503, "the store can't be read now");
}

static const char *state_name(enum incident_state s)
{
	switch (s) {
	case INCIDENT_OPEN:
		return "open";
	case INCIDENT_RESOLVED:
		return "resolved";
	case INCIDENT_CLOSED:
		return "closed";
	case INCIDENT_FAILED:
		return "failed";
	}
	return "?";
}

static void put_incident(struct jsonw *w, const struct incident *i)
{
	char priority[3] = { 'P', (char)('0' + i->priority), '\0' };

	jsonw_object(w);
	jsonw_kint(w, "id", i->id);
	jsonw_kstr(w, "incident", i->remote.n ? i->remote : STR_NONE);
	jsonw_kcstr(w, "state", state_name(i->state));
	jsonw_kcstr(w, "priority", priority);
	jsonw_kcstr(w, "severity", severity_name(i->severity));
	jsonw_kstr(w, "short_description", i->short_description);
	jsonw_kstr(w, "ci_id", i->ci_id.n ? i->ci_id : STR_NONE);
	jsonw_kstr(w, "assignment_group", i->assignment_group);
	jsonw_kstr(w, "team", i->team);
	jsonw_kstr(w, "policy", i->policy);
	jsonw_kstr(w, "where", i->where);
	jsonw_kstr(w, "dedup_key", i->key);
	jsonw_kint(w, "incarnation", i->incarnation);
	jsonw_kstr(w, "previous", i->previous.n ? i->previous : STR_NONE);
	jsonw_kstr(w, "account", i->account);
	jsonw_kstr(w, "region", i->region);
	jsonw_kstr(w, "alarm", i->alarm);
	jsonw_ktime(w, "opened_at", i->opened_ms);
	jsonw_ktime(w, "changed_at", i->changed_ms);
	jsonw_ktime(w, "resolved_at", i->resolved_ms);
	jsonw_kint(w, "events", (int64_t)i->events);
	jsonw_kint(w, "notes", i->notes);
	jsonw_end_object(w);
}

void api_incidents(struct agent *a, const struct web_request *req,
		   struct str arg, struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);
	struct listing l;

	(void)arg;
	if (listing_init(&l, a, req, "state", sizeof(struct incident), r)) {
		struct incident *list = l.rows;
		int n = store_list_incidents(list, l.reader, &l.page, l.arena);

		jsonw_object(&w);
		jsonw_key(&w, "incidents");
		jsonw_array(&w);
		for (int i = 0; i < n; i++)
			put_incident(&w, &list[i]);
		list_end(&w, r, n, &l.page, n > 0 ? list[n - 1].id : 0);
	}
	listing_fini(&l);
}

static void put_event(struct jsonw *w, const struct event *e)
{
	static const char *const status[] = { "new", "done", "quarantined" };

	jsonw_object(w);
	jsonw_kint(w, "seq", e->seq);
	jsonw_kstr(w, "id", e->id);
	jsonw_kcstr(w, "source", e->intake);
	jsonw_kstr(w, "kind", e->kind);
	jsonw_kstr(w, "alarm", e->name);
	jsonw_kstr(w, "state", e->state);
	jsonw_kstr(w, "account", e->account);
	jsonw_kstr(w, "region", e->region);
	jsonw_ktime(w, "time", e->change_ms);
	jsonw_ktime(w, "received_at", e->received_ms);
	jsonw_kstr(w, "topic", e->topic.n ? e->topic : STR_NONE);
	jsonw_kstr(w, "message_id",
		   e->message_id.n ? e->message_id : STR_NONE);
	jsonw_kstr(w, "subject", e->subject.n ? e->subject : STR_NONE);
	jsonw_kcstr(w, "status", str_is(e->kind, KIND_REJECTED) ?
				 "dead" : status[e->status]);
	jsonw_kstr(w, "action", e->action.n ? e->action : STR_NONE);
	jsonw_kstr(w, "because", e->because.n ? e->because : STR_NONE);
	jsonw_kstr(w, "team", e->team.n ? e->team : STR_NONE);
	jsonw_kstr(w, "policy", e->policy.n ? e->policy : STR_NONE);
	jsonw_kstr(w, "where", e->where.n ? e->where : STR_NONE);
	jsonw_kstr(w, "ruleset", e->ruleset.n ? e->ruleset : STR_NONE);
	if (e->incident)
		jsonw_kint(w, "incident_id", e->incident);
	jsonw_ktime(w, "decided_at", e->decided_ms);
	if (e->payload.p)
		jsonw_kstr(w, "payload", e->payload);
	jsonw_end_object(w);
}

void api_events(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);
	struct listing l;

	(void)arg;
	if (listing_init(&l, a, req, "alarm", sizeof(struct event), r)) {
		struct event *list = l.rows;
		int n = store_list_events(list, l.reader, &l.page, l.arena);

		jsonw_object(&w);
		jsonw_key(&w, "events");
		jsonw_array(&w);
		for (int i = 0; i < n; i++) {
			list[i].payload = STR_NONE;
			put_event(&w, &list[i]);
		}
		list_end(&w, r, n, &l.page, n > 0 ? list[n - 1].seq : 0);
	}
	listing_fini(&l);
}

void api_event(struct agent *a, const struct web_request *req, struct str arg,
	       struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);
	struct listing l;

	if (listing_init(&l, a, req, "alarm", sizeof(struct event), r)) {
		struct event *e = l.rows;
		int rc = store_event(e, l.reader, arg, l.arena);

		if (rc > 0) {
			put_event(&w, e);
			buf_putc(&r->out, '\n');
		} else {
			api_error(r, rc ? 503 : 404,
				  rc ? "the store can't be read now" :
				       "no such event");
		}
	}
	listing_fini(&l);
}

void api_rules(struct agent *a, const struct web_request *req, struct str arg,
	       struct api_answer *r)
{
	struct ruleset *rules = agent_rules(a);
	struct jsonw w = JSONW(&r->out);

	(void)req;
	(void)arg;
	jsonw_object(&w);
	jsonw_kcstr(&w, "hash", ruleset_hash(rules));
	jsonw_key(&w, "files");
	jsonw_array(&w);
	pthread_mutex_lock(&a->snapshot_lock);
	for (size_t i = 0; i < rule_states_count(a->rule_states); i++) {
		struct rule_state s;

		rule_states_get(a->rule_states, i, &s);
		jsonw_object(&w);
		jsonw_kcstr(&w, "file", s.file);
		jsonw_kcstr(&w, "path", s.path);
		jsonw_kbool(&w, "stale", s.stale);
		jsonw_kbool(&w, "missing", s.missing);
		jsonw_end_object(&w);
	}
	pthread_mutex_unlock(&a->snapshot_lock);
	jsonw_end_array(&w);
	jsonw_key(&w, "policies");
	jsonw_array(&w);
	for (size_t i = 0; i < ruleset_hits(rules); i++) {
		struct rule_hit h;

		ruleset_hit(rules, i, &h);
		jsonw_object(&w);
		jsonw_kcstr(&w, "file", h.file);
		jsonw_kint(&w, "line", h.line);
		jsonw_kcstr(&w, "team", h.team);
		jsonw_kcstr(&w, "policy", h.policy);
		jsonw_kint(&w, "hits", (int64_t)h.hits);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
	ruleset_free(rules);
}

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

void api_status(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);
	struct buf why = BUF_INIT(1024);
	struct deliver_state s;
	struct store_counts n;
	bool ready = admin_ready(a, &why);
	int64_t end = web_certificate_end_ms(a->web);

	(void)req;
	(void)arg;
	store_count(a->store, &n);
	deliver_state(a->deliver, &s);
	jsonw_object(&w);
	jsonw_kcstr(&w, "version", TOCSIN_VERSION);
	jsonw_ktime(&w, "started_at", a->started_ms);
	jsonw_kcstr(&w, "health", !ready ? "not ready" :
			s.breaker_open ? "degraded" : "ready");
	jsonw_kstr(&w, "not_ready_because",
		   ready ? STR_NONE : str_trim(buf_str(&why)));
	put_backlog(&w, &n);
	put_stackflow(&w, &s);
	put_queues(&w, a->queues);
	put_counters(&w, a->metrics);
	put_stale(a, &w);
	if (!held_put(&w, a)) {
		buf_fini(&why);
		api_error(r, 503, "the store can't be read now");
		return;
	}
	jsonw_kint(&w, "silences", (int64_t)silencing_count(a->silences));
	if (a->reconcile) {
		jsonw_key(&w, "cloudwatch");
		reconcile_put_status(&w, a->reconcile);
	}
	if (end >= 0)
		jsonw_kint(&w, "certificate_days",
			   (end - clock_wall_ms()) / 86400000);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
	buf_fini(&why);
}

void api_reload(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct faults faults;

	(void)req;
	(void)arg;
	faults_init(&faults);
	if (agent_reload(a, &faults))
		r->status = 422;
	buf_printf(&r->out, "{\"reloaded\":%s,\"faults\":",
		   r->status == 200 ? "true" : "false");
	faults_put_json(&r->out, &faults);
	buf_puts(&r->out, "}\n");
	faults_fini(&faults);
}
