#include "agent/admin/held.h"

#define LISTED_MAX 1000

/* The alarm, as its event told it; its subject where that is gone. */
static int put_alarm(struct jsonw *w, struct store_reader *r,
		     const struct member *m, struct arena *arena)
{
	struct event e = { .seq = 0 };
	int rc = store_event_at(&e, r, m->event, arena);

	if (rc < 0)
		return rc;
	jsonw_object(w);
	jsonw_kstr(w, "alarm", e.name.n ? e.name : m->subject);
	jsonw_kstr(w, "account", e.account);
	jsonw_kstr(w, "region", e.region);
	jsonw_kstr(w, "team", e.team);
	jsonw_kstr(w, "policy", e.policy);
	jsonw_kcstr(w, "waits_for", wait_name(m->wait));
	jsonw_kstr(w, "held_by", m->held_by.n ? m->held_by : STR_NONE);
	jsonw_kstr(w, "held_about",
		   m->held_about.n ? m->held_about : STR_NONE);
	jsonw_ktime(w, "since", m->since_ms);
	jsonw_ktime(w, "until", m->due_ms);
	jsonw_kstr(w, "because", e.because);
	jsonw_kstr(w, "event", e.id);
	jsonw_end_object(w);
	return 0;
}

static int put_alarms(struct jsonw *w, struct store_reader *r,
		      struct arena *arena)
{
	struct member *list = arena_array(arena, LISTED_MAX, sizeof(*list));
	int n = list ? store_due_waits(list, LISTED_MAX, r, INT64_MAX,
				       arena) : -1;
	int rc = n < 0 ? n : 0;

	jsonw_key(w, "alarms_held");
	jsonw_array(w);
	for (int i = 0; i < n && rc >= 0; i++)
		rc = put_alarm(w, r, &list[i], arena);
	jsonw_end_array(w);
	return rc;
}

static void put_incident(struct jsonw *w, const struct incident *i)
{
	jsonw_object(w);
	jsonw_kint(w, "id", i->id);
	jsonw_kstr(w, "incident", i->remote.n ? i->remote : STR_NONE);
	jsonw_kstr(w, "dedup_key", i->key);
	jsonw_kstr(w, "held_by", i->held_by.n ? i->held_by : STR_NONE);
	jsonw_ktime(w, "held_until", i->held_ms);
	jsonw_ktime(w, "resolves_at", i->resolve_ms);
	jsonw_ktime(w, "escalates_at", i->escalate_ms);
	jsonw_end_object(w);
}

static int put_incidents(struct jsonw *w, struct store_reader *r,
			 struct arena *arena)
{
	struct incident *list = arena_array(arena, LISTED_MAX, sizeof(*list));
	int n = list ? store_due_timers(list, LISTED_MAX, r, INT64_MAX,
					arena) : -1;

	jsonw_key(w, "incident_timers");
	jsonw_array(w);
	for (int i = 0; i < n; i++)
		put_incident(w, &list[i]);
	jsonw_end_array(w);
	return n < 0 ? n : 0;
}

bool held_put(struct jsonw *w, struct agent *a)
{
	struct arena *arena = arena_new(64 << 20);
	struct store_reader *r = NULL;
	struct store_counts n;
	int rc = arena ? store_reader_open(&r, a->store, NULL) : -1;

	store_count(a->store, &n);
	jsonw_kint(w, "alarms_held_total", n.held);
	jsonw_kint(w, "alarms_waiting_total", n.waiting);
	if (!rc)
		rc = put_alarms(w, r, arena);
	if (!rc)
		rc = put_incidents(w, r, arena);
	store_reader_close(r);
	arena_free(arena);
	return rc == 0;
}
