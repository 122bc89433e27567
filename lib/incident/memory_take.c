/* A change, taken over, and its operations carried out at once. */
#include <errno.h>
#include <stdlib.h>

#include "incident/memory_private.h"

static char *copy(struct str s)
{
	char *p = malloc(s.n + 1);

	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

/* The note that waits is op now; it grows with each event, so that the old
 * text isn't kept. */
static int keep_note(struct memory *m, struct kept_incident *k,
		     const struct op *op)
{
	char *body = copy(op->body), *events = copy(op->events);
	struct op old = k->note;

	if (!body || !events) {
		free(body);
		free(events);
		return -ENOMEM;
	}
	k->note = *op;
	k->note.id = (int64_t)k->index + 1;
	k->note.incident = k->i.id;
	k->note.body = (struct str){ body, op->body.n };
	k->note.events = (struct str){ events, op->events.n };
	k->note.marker = str_is(op->marker, "alarm") ? STR("alarm") : STR_NONE;
	k->waiting = true;
	free((char *)old.body.p);
	free((char *)old.events.p);
	return memory_schedule(m, DUE_NOTE, k->index, op->not_before_ms);
}

int memory_send_note(struct memory *m, struct kept_incident *k)
{
	int rc = memory_act(m, ACTION_NOTE, k->i.id, k->note.body,
			    k->note.count);

	k->waiting = false;
	free((char *)k->note.body.p);
	free((char *)k->note.events.p);
	k->note.body = k->note.events = STR_NONE;
	return rc;
}

/* In place: a priority has two characters. */
static void set_priority(struct kept_incident *k, int priority)
{
	static const struct str label = STR(",\"priority\":\"P");
	struct str fields = { k->fields, k->fields_n };
	ssize_t at = str_find(fields, label);

	k->view.priority = priority;
	/* A quote inside a text has a backslash before it. */
	if (at >= 0 && (size_t)at + label.n < fields.n)
		k->fields[(size_t)at + label.n] = (char)('0' + priority);
}

static int create(struct memory *m, struct kept_incident *k,
		  const struct op *op)
{
	int rc;

	free(k->fields);
	k->fields = copy(op->body);
	k->fields_n = op->body.n;
	k->i.remote = arena_printf(m->arena, "INC%07lld", (long long)k->i.id);
	k->view = (struct remote_view){ .state = STR("new"),
					.priority = op->priority };
	if (!k->fields)
		return -ENOMEM;
	rc = memory_act(m, ACTION_CREATE, k->i.id, STR_NONE, op->count);
	if (m->stream.tell) {
		free(k->fields);
		k->fields = NULL;
		k->fields_n = 0;
	}
	return rc;
}

static int carry_out(struct memory *m, struct kept_incident *k,
		     const struct op *op);

static int escalate(struct memory *m, struct kept_incident *k,
		    const struct op *op)
{
	struct change c;
	int rc = incident_escalate(&c, m->scratch, &k->i, op, &k->view,
				   m->now_ms);

	if (rc || !c.op_count)
		return rc;
	k->i.priority = c.incident.priority;
	k->i.notes = c.incident.notes;
	for (size_t i = 0; !rc && i < c.op_count; i++)
		rc = carry_out(m, k, &c.ops[i]);
	return rc;
}

static int carry_out(struct memory *m, struct kept_incident *k,
		     const struct op *op)
{
	switch (op->kind) {
	case OP_CREATE:
		return create(m, k, op);
	case OP_NOTE:
		if (op->held && op->not_before_ms > m->now_ms)
			return keep_note(m, k, op);
		return memory_act(m, ACTION_NOTE, k->i.id, op->body,
				  op->count);
	case OP_RESOLVE:
		k->view.state = STR("resolved");
		return memory_act(m, ACTION_RESOLVE, k->i.id, STR_NONE, 0);
	case OP_REOPEN:
		k->view.state = STR("in_progress");
		return memory_act(m, ACTION_REOPEN, k->i.id, STR_NONE, 0);
	case OP_RAISE:
		set_priority(k, op->priority);
		return memory_act(m, ACTION_RAISE, k->i.id, STR_NONE, 0);
	case OP_ESCALATE:
		return escalate(m, k, op);
	default:
		return -EIO;
	}
}

static unsigned fires_in(const struct member *x, int64_t incident)
{
	return x->state == ALARM_FIRING && x->incident == incident;
}

static struct kept_member *add_member(struct memory *m)
{
	struct kept_member *x = arena_alloc(m->arena, sizeof(*x));

	if (!x || memory_grow(&m->members, &m->member_cap, m->member_count,
			      sizeof(void *)))
		return NULL;
	x->m.subject = arena_str(m->arena, m->subject);
	x->index = m->member_count;
	if (map_set(m->by_subject, x->m.subject, x) < 0)
		return NULL;
	m->members[m->member_count++] = x;
	return x;
}

static void count_firing(struct memory *m, const struct member *x, int by)
{
	if (x->incident && fires_in(x, x->incident))
		m->incidents[x->incident - 1]->firing += (unsigned)by;
	m->holding += (unsigned)(x->wait == WAIT_HOLD ? by : 0);
}

static int take_member(struct memory *m, const struct change *c)
{
	struct kept_member *x = m->member ? m->member : add_member(m);
	struct member old;

	if (!x)
		return -ENOMEM;
	count_firing(m, &x->m, -1);
	old = x->m;
	x->m = c->member;
	x->m.id = (int64_t)x->index + 1;
	x->m.subject = old.subject;
	x->m.held_by = memory_keep(m, old.held_by, c->member.held_by);
	x->m.held_about = memory_keep(m, old.held_about,
				      c->member.held_about);
	if (c->joins)
		x->m.incident = m->at->i.id;
	count_firing(m, &x->m, 1);
	return memory_schedule(m, DUE_MEMBER, x->index, x->m.due_ms);
}

static int take_tally(struct memory *m, const struct tally *t)
{
	struct tally *kept = map_get(m->tallies, t->key);
	struct str key;

	if (!kept) {
		kept = arena_alloc(m->arena, sizeof(*kept));
		key = arena_str(m->arena, t->key);
		if (!kept || map_set(m->tallies, key, kept) < 0)
			return -ENOMEM;
		kept->key = key;
	}
	key = kept->key;
	*kept = *t;
	kept->key = key;
	kept->id = 1;
	return 0;
}

int memory_look_again(struct memory *m)
{
	int rc = 0;

	for (size_t i = 0; !rc && m->holding && i < m->member_count; i++) {
		struct member *x = &m->members[i]->m;

		if (x->wait != WAIT_HOLD || x->due_ms <= m->now_ms)
			continue;
		x->due_ms = m->now_ms;
		rc = memory_schedule(m, DUE_MEMBER, i, x->due_ms);
	}
	for (struct kept_incident *k = m->open; !rc && k; k = k->next_open) {
		if (k->i.held_ms <= m->now_ms)
			continue;
		k->i.held_ms = k->i.due_ms = m->now_ms;
		rc = memory_schedule(m, DUE_INCIDENT, k->index, m->now_ms);
	}
	return rc;
}

/* What has become of the event, and of the one that waited. */
static void record(struct memory *m, const struct change *c,
		   const struct handled_event *e, unsigned before)
{
	int64_t waited = m->member ? m->member->m.event : 0;
	struct memory_outcome *o;

	if (c->settled && waited) {
		o = &m->events[waited - 1].outcome;
		o->action = c->settled_action;
		if (!m->stream.tell)
			o->because = memory_keep(m, o->because,
						 str_from(c->settled));
	}
	if (e->on == ON_TIMER)
		return;
	o = &m->events[e->seq - 1].outcome;
	o->action = c->action;
	if (!m->stream.tell)
		o->because = memory_keep(m, o->because, str_from(c->because));
	for (size_t i = 0; i < c->op_count; i++)
		if (c->ops[i].count > ((int)i == c->merged ? before : 0))
			o->told++;
}

int memory_take(struct memory *m, const struct ruleset *rules,
		const struct change *c, const struct handled_event *e)
{
	bool was_open = m->at && m->at->i.state == INCIDENT_OPEN;
	struct kept_incident *k = m->at, *old = m->at;
	int rc = 0;

	record(m, c, e, k && k->waiting ? k->note.count : 0);
	if (k && c->merged >= 0)
		k->waiting = false;
	if (c->incident_changed)
		k = m->at = memory_put_incident(m, &c->incident);
	if (!k && (c->incident_changed || c->op_count))
		return -ENOMEM;
	if (c->member_changed)
		rc = take_member(m, c);
	if (!rc && c->tally_changed)
		rc = take_tally(m, &c->tally);
	for (size_t i = 0; !rc && i < c->op_count; i++)
		rc = carry_out(m, k, &c->ops[i]);
	/* Those that wait behind it needn't wait for their next look. */
	if (!rc && was_open && old->i.state != INCIDENT_OPEN &&
	    ruleset_holds_behind(rules, old->i.policy))
		rc = memory_look_again(m);
	return rc ? rc : arena_error(m->arena);
}
