#include "incident/memory.h"

#include <errno.h>
#include <stdlib.h>

#include "doc/jsonw.h"
#include "incident/memory_private.h"
#include "rule/silence.h"

#define KEPT_MAX ((size_t)8 << 30)
#define STEP_MAX (64 << 20)
/* A moment at which so much is due without an end is a fault of the engine. */
#define SPINS_MAX 1000000

struct memory *memory_new(int64_t now_ms)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->now_ms = now_ms;
	m->arena = arena_new(KEPT_MAX);
	m->scratch = arena_new(STEP_MAX);
	m->by_subject = map_new();
	m->by_key = map_new();
	m->tallies = map_new();
	if (!m->arena || !m->scratch || !m->by_subject || !m->by_key ||
	    !m->tallies) {
		memory_free(m);
		return NULL;
	}
	memory_world_init(m);
	return m;
}

static void drop_note(struct op *note)
{
	free((char *)note->body.p);
	free((char *)note->events.p);
}

void memory_free(struct memory *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->incident_count; i++) {
		drop_note(&m->incidents[i]->note);
		free(m->incidents[i]->fields);
	}
	silences_free(m->silences);
	map_free(m->by_subject);
	map_free(m->by_key);
	map_free(m->tallies);
	free(m->events);
	free(m->members);
	free(m->incidents);
	free(m->actions);
	free(m->heap);
	arena_free(m->arena);
	arena_free(m->scratch);
	free(m);
}

int memory_grow(void *list, size_t *cap, size_t count, size_t size)
{
	void **at = list, *more;
	size_t want = *cap ? *cap * 2 : 64;

	if (count < *cap)
		return 0;
	more = realloc(*at, want * size);
	if (!more)
		return -ENOMEM;
	*at = more;
	*cap = want;
	return 0;
}

struct str memory_keep(struct memory *m, struct str old, struct str fresh)
{
	if (old.p && fresh.p && str_eq(old, fresh))
		return old;
	return fresh.p ? arena_str(m->arena, fresh) : STR_NONE;
}

static void keep_incident(struct memory *m, struct incident *to,
			  const struct incident *i)
{
	struct incident old = *to;

	*to = *i;
	to->key = memory_keep(m, old.key, i->key);
	to->remote = memory_keep(m, old.remote, i->remote);
	to->previous = memory_keep(m, old.previous, i->previous);
	to->team = memory_keep(m, old.team, i->team);
	to->policy = memory_keep(m, old.policy, i->policy);
	to->where = memory_keep(m, old.where, i->where);
	to->short_description = memory_keep(m, old.short_description,
					    i->short_description);
	to->assignment_group = memory_keep(m, old.assignment_group,
					   i->assignment_group);
	to->ci_id = memory_keep(m, old.ci_id, i->ci_id);
	to->account = memory_keep(m, old.account, i->account);
	to->region = memory_keep(m, old.region, i->region);
	to->alarm = memory_keep(m, old.alarm, i->alarm);
	to->escalations = memory_keep(m, old.escalations, i->escalations);
	to->held_by = memory_keep(m, old.held_by, i->held_by);
	to->context = memory_keep(m, old.context, i->context);
}

static void list_open(struct memory *m, struct kept_incident *k)
{
	bool open = k->i.state == INCIDENT_OPEN;

	if (open && !k->at_open) {
		k->next_open = m->open;
		if (m->open)
			m->open->at_open = &k->next_open;
		m->open = k;
		k->at_open = &m->open;
	} else if (!open && k->at_open) {
		*k->at_open = k->next_open;
		if (k->next_open)
			k->next_open->at_open = k->at_open;
		k->at_open = NULL;
		k->next_open = NULL;
	}
}

static struct kept_incident *add_incident(struct memory *m)
{
	struct kept_incident *k = arena_alloc(m->arena, sizeof(*k));

	if (!k || memory_grow(&m->incidents, &m->incident_cap,
			      m->incident_count, sizeof(void *)))
		return NULL;
	k->index = m->incident_count;
	m->incidents[m->incident_count++] = k;
	return k;
}

struct kept_incident *memory_put_incident(struct memory *m,
					  const struct incident *i)
{
	struct kept_incident *k = i->id ? m->incidents[i->id - 1] :
					  add_incident(m);
	bool fresh = !i->id;

	if (!k)
		return NULL;
	keep_incident(m, &k->i, i);
	k->i.id = (int64_t)k->index + 1;
	list_open(m, k);
	if (fresh && map_set(m->by_key, k->i.key, k) < 0)
		return NULL;
	if (memory_schedule(m, DUE_INCIDENT, k->index, k->i.due_ms))
		return NULL;
	return arena_error(m->arena) ? NULL : k;
}

int memory_act(struct memory *m, enum action action, int64_t incident,
	       struct str text, unsigned events)
{
	const struct kept_incident *k = m->incidents[incident - 1];
	struct memory_action a = { action, m->now_ms, incident, text, events };

	if (m->stream.tell) {
		m->stream.tell(&a, &k->i, action == ACTION_CREATE ?
			       (struct str){ k->fields, k->fields_n } :
			       STR_NONE, m->stream.arg);
		return 0;
	}
	if (memory_grow(&m->actions, &m->action_cap, m->action_count,
			sizeof(*m->actions)))
		return -ENOMEM;
	if (text.p)
		a.text = arena_str(m->arena, text);
	m->actions[m->action_count++] = a;
	return arena_error(m->arena);
}

/* ---- what is fed ---- */

/*
 * The end of the incident that holds it has it looked at again; a look each
 * minute besides would cost a long journal more than all its events.
 */
static int spare_looks(struct memory *m, const struct verdict *v)
{
	struct kept_member *x;
	struct incident *i;

	if (!m->stream.fetch || v->hold.kind != HOLD_INCIDENT)
		return 0;
	x = m->subject.n ? map_get(m->by_subject, m->subject) : NULL;
	if (x && x->m.wait == WAIT_HOLD)
		x->m.due_ms = OP_NEVER_MS;
	i = m->at ? &m->at->i : NULL;
	if (!i || i->state != INCIDENT_OPEN || i->held_ms <= m->now_ms)
		return 0;
	i->held_ms = i->due_ms = OP_NEVER_MS;
	if (i->resolve_ms && i->resolve_ms < i->due_ms)
		i->due_ms = i->resolve_ms;
	return memory_schedule(m, DUE_INCIDENT, m->at->index, i->due_ms);
}

static int handle(struct handling *out, struct memory *m,
		  const struct ruleset *rules, const struct ci_source *cis,
		  struct trace *trace, struct str subject,
		  const struct handled_event *e, struct arena *arena)
{
	const struct decision_input in = {
		.alarm = e->alarm,
		.cis = cis,
		.holds = &m->holds,
		.now_ms = m->now_ms,
		.trace = trace,
	};
	struct silences *own = NULL;
	int rc;

	if (m->stream.silences && e->alarm)
		own = m->stream.silences(e->alarm, m->stream.arg);
	m->holds.silences = own ? own : m->silences;
	rc = incident_handle(out, rules, &in, &m->world, subject, e, true,
			     arena);
	m->holds.silences = m->silences;
	silences_free(own);
	if (rc)
		return rc < 0 ? rc : -EIO;
	rc = memory_take(m, rules, &out->change, e);
	return rc ? rc : spare_looks(m, &out->verdict);
}

static int alarm_of(const struct alarm **out, struct memory *m, int64_t seq)
{
	if (m->stream.fetch)
		return m->stream.fetch(out, seq, m->stream.arg);
	*out = m->events[seq - 1].alarm;
	return 0;
}

static int due_member(struct memory *m, const struct ruleset *rules,
		      const struct ci_source *cis, size_t index)
{
	const struct member *x = &m->members[index]->m;
	struct handled_event e = { .on = ON_WAIT, .seq = x->event,
				   .id = m->events[x->event - 1].id };
	struct handling h;
	int rc = alarm_of(&e.alarm, m, x->event);

	return rc ? rc : handle(&h, m, rules, cis, NULL, x->subject, &e,
				m->scratch);
}

static int due_incident(struct memory *m, const struct ruleset *rules,
			const struct ci_source *cis, size_t index)
{
	const struct incident *i = &m->incidents[index]->i;
	struct handled_event e = { .on = ON_TIMER, .incident = i->id };
	struct handling h;
	int rc;

	if (i->event) {
		rc = alarm_of(&e.alarm, m, i->event);
		if (rc)
			return rc;
		e.id = m->events[i->event - 1].id;
		e.seq = i->event;
	}
	return handle(&h, m, rules, cis, NULL, STR_NONE, &e, m->scratch);
}

static int run_due(struct memory *m, const struct ruleset *rules,
		   const struct ci_source *cis, int64_t until_ms)
{
	struct due d;
	int spins = 0, rc = 0;

	while (!rc && memory_due(&d, m) && d.at_ms <= until_ms) {
		spins = d.at_ms > m->now_ms ? 0 : spins + 1;
		if (spins > SPINS_MAX)
			return -ELOOP;
		if (d.at_ms > m->now_ms)
			m->now_ms = d.at_ms;
		memory_due_drop(m);
		arena_reset(m->scratch);
		if (d.kind == DUE_NOTE)
			rc = memory_send_note(m, m->incidents[d.index]);
		else if (d.kind == DUE_INCIDENT)
			rc = due_incident(m, rules, cis, d.index);
		else
			rc = due_member(m, rules, cis, d.index);
	}
	return rc;
}

int memory_event(struct handling *out, struct memory *m,
		 const struct ruleset *rules, const struct ci_source *cis,
		 struct trace *trace, const struct alarm *alarm, struct str id,
		 struct arena *arena)
{
	struct handled_event e = { .on = ON_EVENT, .alarm = alarm };
	struct buf subject = BUF_INIT(8192);
	struct handling h;
	int rc;

	if (memory_grow(&m->events, &m->event_cap, m->event_count,
			sizeof(*m->events)))
		return -ENOMEM;
	e.id = arena_str(m->arena, id);
	m->events[m->event_count++] = (struct kept_event){
		.alarm = m->stream.fetch ? NULL : alarm, .id = e.id };
	e.seq = (int64_t)m->event_count;
	alarm_subject(&subject, alarm);
	rc = buf_error(&subject) == -ENOMEM ? -ENOMEM : 0;
	if (!rc)
		rc = handle(out ? out : &h, m, rules, cis, trace,
			    buf_str(&subject), &e, arena);
	buf_fini(&subject);
	/* Its end may have ended what others wait for. */
	return rc ? rc : run_due(m, rules, cis, m->now_ms);
}

int memory_advance(struct memory *m, const struct ruleset *rules,
		   const struct ci_source *cis, int64_t now_ms)
{
	int rc = run_due(m, rules, cis, now_ms);

	if (!rc && now_ms > m->now_ms)
		m->now_ms = now_ms;
	return rc;
}

void memory_set_changes(struct memory *m,
			enum ci_answer (*change)(struct rule_change *out,
						 struct arena *arena,
						 struct str ci_id,
						 const struct str *states,
						 size_t state_count, void *arg),
			void *arg)
{
	m->change = change;
	m->change_arg = arg;
}

void memory_set_silences(struct memory *m, struct silences *silences)
{
	struct silences *old = m->silences;

	m->silences = silences ? silences_ref(silences) : NULL;
	m->holds.silences = m->silences;
	silences_free(old);
	/* Without memory they are looked at when they were to be anyway. */
	if (memory_look_again(m))
		return;
}

static int put_fields(struct kept_incident *k)
{
	const struct incident *i = &k->i;
	char priority[3] = { 'P', (char)('0' + i->priority), '\0' };
	struct buf b = BUF_INIT(1 << 20);
	struct jsonw w = JSONW(&b);

	jsonw_object(&w);
	jsonw_kstr(&w, "short_description", i->short_description);
	jsonw_kcstr(&w, "priority", priority);
	if (i->assignment_group.n)
		jsonw_kstr(&w, "assignment_group", i->assignment_group);
	if (i->ci_id.n)
		jsonw_kstr(&w, "ci_id", i->ci_id);
	jsonw_end_object(&w);
	k->fields_n = b.n;
	k->fields = buf_take(&b);
	return k->fields ? 0 : -ENOMEM;
}

int memory_add_incident(struct memory *m, const struct incident *i,
			const struct remote_view *view)
{
	struct incident fresh = *i;
	struct kept_incident *k;

	fresh.id = 0;
	fresh.event = 0;
	if (!fresh.incarnation)
		fresh.incarnation = 1;
	k = memory_put_incident(m, &fresh);
	if (!k)
		return -ENOMEM;
	k->view = *view;
	k->view.state = memory_keep(m, STR_NONE, view->state);
	k->view.assigned_to = memory_keep(m, STR_NONE, view->assigned_to);
	k->view.category = memory_keep(m, STR_NONE, view->category);
	k->view.subcategory = memory_keep(m, STR_NONE, view->subcategory);
	if (arena_error(m->arena))
		return -ENOMEM;
	return put_fields(k);
}

/* ---- what came of it ---- */

const struct world *memory_world(struct memory *m)
{
	return &m->world;
}

const struct hold_source *memory_holds(struct memory *m)
{
	return &m->holds;
}

void memory_set_stream(struct memory *m, const struct memory_stream *s)
{
	m->stream = *s;
}

int64_t memory_now(const struct memory *m)
{
	return m->now_ms;
}

size_t memory_actions(const struct memory *m)
{
	return m->action_count;
}

const struct memory_action *memory_action(const struct memory *m, size_t i)
{
	return &m->actions[i];
}

const struct memory_outcome *memory_outcome(const struct memory *m, size_t i)
{
	return &m->events[i].outcome;
}

size_t memory_incidents(const struct memory *m)
{
	return m->incident_count;
}

const struct incident *memory_incident(const struct memory *m, size_t i)
{
	return &m->incidents[i]->i;
}

struct str memory_incident_fields(const struct memory *m, size_t i)
{
	const struct kept_incident *k = m->incidents[i];

	return (struct str){ k->fields, k->fields_n };
}

const struct member *memory_member(const struct memory *m, struct str subject)
{
	const struct kept_member *x = map_get(m->by_subject, subject);

	return x ? &x->m : NULL;
}

struct str memory_held_by(const struct memory *m, struct str subject)
{
	const struct member *x = memory_member(m, subject);
	const struct incident *i;

	if (!x)
		return STR_NONE;
	if (x->wait)
		return x->held_by;
	i = x->incident ? &m->incidents[x->incident - 1]->i : NULL;
	return i && i->state == INCIDENT_OPEN && i->held_ms ? i->held_by :
							      STR_NONE;
}
