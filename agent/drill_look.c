/* The store knows a drill's way by itself: its alarm is an event like any. */
#include <errno.h>
#include <stdio.h>

#include "agent/drill_private.h"
#include "base/clock.h"
#include "base/encode.h"

#define ARENA_MAX (16 << 20)
#define OPS_MAX 64

struct look {
	const struct drill *d;
	struct drill_record *r;
	struct arena *arena;
	bool changed;
};

static void reached(struct look *l, enum drill_hop hop, int64_t at_ms)
{
	if (l->r->at[hop] || at_ms <= 0)
		return;
	l->r->at[hop] = at_ms;
	l->changed = true;
}

/* The id that this change of state has as an event, however it comes. */
static int event_id(struct buf *out, const struct look *l,
		    enum alarm_state state)
{
	struct alarm_input in = { .intake = "sns", .received_ms = 1 };
	struct buf text = BUF_INIT(16384), identity = BUF_INIT(16384);
	struct alarms alarms;
	struct drill_alarm what;
	int rc;

	drill_describe(&what, l->d, l->r, state);
	drill_alarm_put(&text, &what);
	in.body = buf_str(&text);
	rc = alarm_decode(&alarms, &in);
	if (!rc) {
		rc = alarm_identity(&identity, alarms.list, &in, 0);
		alarms_fini(&alarms);
	}
	if (!rc)
		store_event_id(out, l->d->agent->store, buf_str(&identity));
	buf_fini(&text);
	buf_fini(&identity);
	return rc ? -ENOMEM : buf_error(out);
}

/* 1 and *e, 0: it isn't there yet, negative. */
static int find(struct event *e, struct look *l, enum alarm_state state)
{
	struct buf id = BUF_INIT(64);
	int rc = event_id(&id, l, state);

	if (!rc)
		rc = store_event(e, l->d->reader, buf_str(&id), l->arena);
	buf_fini(&id);
	return rc;
}

/* When StackFlow was told of an incident's beginning, or end; 0: not yet. */
static int64_t told_ms(struct look *l, int64_t incident, enum op_kind kind,
		       int64_t after_ms)
{
	struct op *ops = arena_array(l->arena, OPS_MAX, sizeof(*ops));
	int n = ops ? store_incident_ops(ops, OPS_MAX, l->d->reader, incident,
					 0, l->arena) : 0;

	for (int i = 0; i < n; i++)
		if (ops[i].kind == kind && ops[i].state == OP_DONE &&
		    ops[i].created_ms >= after_ms)
			return ops[i].done_ms;
	return 0;
}

static int look_at_incident(struct look *l, const struct event *e)
{
	struct incident i;
	int64_t ms;
	int rc;

	if (!e->incident)
		return 0;
	rc = store_incident_by_id(&i, l->d->reader, e->incident, l->arena);
	if (rc <= 0 || !i.remote.n)
		return rc < 0 ? rc : 0;
	utf8_keep(l->r->incident, sizeof(l->r->incident), i.remote);
	ms = told_ms(l, e->incident, OP_CREATE, 0);
	/* One that an earlier drill had left open is there at once. */
	reached(l, HOP_INCIDENT,
		ms > e->decided_ms ? ms : e->decided_ms);
	return 0;
}

static void unexpected(struct look *l, const struct event *e)
{
	if (e->status == EVENT_QUARANTINED || !e->incident)
		snprintf(l->r->problem, sizeof(l->r->problem),
			 "decided as \"%.*s\": %.*s", STR_ARG(e->action),
			 (int)(e->because.n < 200 ? e->because.n : 200),
			 e->because.p ? e->because.p : "");
}

static int look_at_alarm(struct look *l)
{
	int64_t now_ms = clock_wall_ms();
	struct event e = { .seq = 0 };
	int rc = find(&e, l, ALARM_FIRING);

	if (rc <= 0)
		return rc;
	/* Published again after a start, nobody may have heard that it was. */
	reached(l, HOP_PUBLISHED, e.received_ms);
	reached(l, HOP_RECEIVED, e.received_ms);
	if (e.decided_ms && e.decided_ms < now_ms)
		now_ms = e.decided_ms;
	reached(l, HOP_JOURNALED, now_ms);
	if (e.status == EVENT_NEW)
		return 0;
	reached(l, HOP_DECIDED, e.decided_ms);
	unexpected(l, &e);
	rc = look_at_incident(l, &e);
	if (!rc && l->r->at[HOP_INCIDENT] && l->r->ok_ms)
		reached(l, HOP_RESOLVED, told_ms(l, e.incident, OP_RESOLVE,
						 l->r->started_ms));
	return rc;
}

int drill_look(struct drill_record *r, bool *changed, const struct drill *d)
{
	struct look l = { .d = d, .r = r, .arena = arena_new(ARENA_MAX) };
	int rc = l.arena ? look_at_alarm(&l) : -ENOMEM;

	if (rc >= 0 && arena_error(l.arena))
		rc = -ENOMEM;
	arena_free(l.arena);
	*changed = l.changed;
	return rc < 0 ? rc : 0;
}
