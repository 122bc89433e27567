#include "agent/admin/listing.h"

#include "agent/admin/rows.h"
#include "base/clock.h"
#include "base/encode.h"

#define MEMBERS_MAX 1000
#define TEXT_MAX 200

/* The link to its incident in StackFlow, for people; or null. */
static void put_link(struct jsonw *w, const struct conf *c, struct str remote)
{
	struct str rest = str_from(c->stackflow.link), part;
	struct buf link = BUF_INIT(16384);

	while (remote.n && rest.n) {
		bool id = str_starts(rest, "{id}");

		if (id || str_starts(rest, "{incident}")) {
			size_t n = id ? 4 : 10;

			encode_url(&link, remote);
			rest = str_sub(rest, n, rest.n - n);
			continue;
		}
		part = str_sub(rest, 0, 1);
		buf_put_str(&link, part);
		rest = str_sub(rest, 1, rest.n - 1);
	}
	jsonw_kstr(w, "link", link.n && !buf_error(&link) ? buf_str(&link) :
							    STR_NONE);
	buf_fini(&link);
}

/* How long it has been open, or was. */
static int64_t age_ms(const struct incident *i)
{
	int64_t end = i->state == INCIDENT_OPEN ? clock_wall_ms() :
		      i->resolved_ms ? i->resolved_ms : i->changed_ms;

	return end > i->opened_ms ? end - i->opened_ms : 0;
}

void rows_put_incident(struct jsonw *w, const struct incident *i,
		       const struct conf *c)
{
	char priority[3] = { 'P', (char)('0' + i->priority), '\0' };

	jsonw_kint(w, "id", i->id);
	jsonw_kstr(w, "incident", i->remote.n ? i->remote : STR_NONE);
	put_link(w, c, i->remote);
	jsonw_kcstr(w, "state", rows_incident_state(i->state));
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
	jsonw_kint(w, "age_seconds", age_ms(i) / 1000);
	jsonw_kint(w, "events", (int64_t)i->events);
	jsonw_kint(w, "repeats", i->events ? (int64_t)i->events - 1 : 0);
	jsonw_kint(w, "notes", i->notes);
}

const char *rows_incident_state(enum incident_state s)
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

static bool state_known(struct str word)
{
	for (int s = INCIDENT_OPEN; s <= INCIDENT_FAILED; s++)
		if (str_is(word, rows_incident_state((enum incident_state)s)))
			return true;
	return !word.n;
}

/* "P2"; empty means any. */
static bool read_priority(int *out, struct str word)
{
	*out = 0;
	if (word.n == 2 && word.p[0] == 'P' && word.p[1] >= '1' &&
	    word.p[1] <= '4')
		*out = word.p[1] - '0';
	return *out || !word.n;
}

static void put_list(struct agent *a, struct listing *l,
		     const struct store_search *s, struct api_answer *r)
{
	struct incident *list = l->rows;
	struct conf *c = agent_conf(a);
	struct jsonw w = JSONW(&r->out);
	int64_t next = 0;
	int n;

	if (s->text.n || s->team.n || s->priority) {
		n = store_search_incidents(list, &next, l->reader, &l->page,
					   s, l->arena);
	} else {
		n = store_list_incidents(list, l->reader, &l->page, l->arena);
		next = listing_next(l, n, n > 0 ? list[n - 1].id : 0);
	}
	jsonw_object(&w);
	jsonw_key(&w, "incidents");
	jsonw_array(&w);
	for (int i = 0; i < n; i++) {
		jsonw_object(&w);
		rows_put_incident(&w, &list[i], c);
		jsonw_end_object(&w);
	}
	listing_end(&w, r, n, next);
	conf_free(c);
}

void api_incidents(struct agent *a, const struct web_request *req,
		   struct str arg, struct api_answer *r)
{
	struct store_search s = { 0 };
	struct str priority;
	struct listing l;

	(void)arg;
	if (!listing_init(&l, a, req, "state", sizeof(struct incident), r) ||
	    !listing_text(&s.text, &l, req, "q", TEXT_MAX, r) ||
	    !listing_text(&s.team, &l, req, "team", TEXT_MAX, r) ||
	    !listing_text(&priority, &l, req, "priority", TEXT_MAX, r))
		goto out;
	if (!state_known(l.page.filter))
		api_error(r, 400, "state is open, resolved, closed or failed");
	else if (!read_priority(&s.priority, priority))
		api_error(r, 400, "priority is P1, P2, P3 or P4");
	else
		put_list(a, &l, &s, r);
out:
	listing_fini(&l);
}

/* ---- one ---- */

static int put_members(struct jsonw *w, struct listing *l, int64_t incident)
{
	struct member *list = arena_array(l->arena, MEMBERS_MAX,
					  sizeof(*list));
	int n = list ? store_members(list, MEMBERS_MAX, l->reader, incident,
				     l->arena) : -1;

	jsonw_key(w, "members");
	jsonw_array(w);
	for (int i = 0; i < n; i++) {
		const struct member *m = &list[i];

		jsonw_object(w);
		jsonw_kstr(w, "subject", m->subject);
		jsonw_kcstr(w, "state", alarm_state_name(m->state));
		jsonw_ktime(w, "changed_at", m->changed_ms);
		jsonw_kcstr(w, "waits_for", m->wait == WAIT_NONE ? NULL :
					    wait_name(m->wait));
		jsonw_ktime(w, "until", m->due_ms);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
	return n;
}

static void put_timers(struct jsonw *w, const struct incident *i)
{
	bool open = i->state == INCIDENT_OPEN;

	jsonw_ktime(w, "resolves_at", open ? i->resolve_ms : 0);
	jsonw_ktime(w, "escalates_at", open ? i->escalate_ms : 0);
	jsonw_ktime(w, "held_until", open ? i->held_ms : 0);
	jsonw_kstr(w, "held_by", open && i->held_by.n ? i->held_by :
							STR_NONE);
}

static void put_notes(struct jsonw *w, const struct op *list, int n)
{
	jsonw_key(w, "notes_sent");
	jsonw_array(w);
	for (int i = 0; i < n; i++) {
		const struct op *op = &list[i];

		if (op->kind != OP_NOTE || op->state != OP_DONE)
			continue;
		jsonw_object(w);
		jsonw_kint(w, "operation", op->id);
		jsonw_ktime(w, "at", op->done_ms);
		jsonw_kbool(w, "by_person", str_is(op->marker, NOTE_OF_PERSON));
		jsonw_kint(w, "events", op->count);
		rows_put_words(w, "event_ids", op->events);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void put_one(struct agent *a, struct listing *l,
		    const struct incident *i, struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);
	struct conf *c = agent_conf(a);
	struct op *list = l->rows;
	int n = store_incident_ops(list, l->page.limit, l->reader, i->id,
				   l->page.before, l->arena);
	int members;

	jsonw_object(&w);
	rows_put_incident(&w, i, c);
	put_timers(&w, i);
	members = put_members(&w, l, i->id);
	put_notes(&w, list, n);
	jsonw_key(&w, "operations");
	jsonw_array(&w);
	for (int k = 0; k < n; k++)
		rows_put_op(&w, &list[k]);
	listing_end(&w, r, members < 0 ? members : n,
		    listing_next(l, n, n > 0 ? list[n - 1].id : 0));
	conf_free(c);
}

int rows_find_incident(struct incident *out, struct store_reader *reader,
		       struct str id, struct arena *arena)
{
	const struct store_search s = { .text = id };
	struct store_page page = { .limit = 20 };
	struct incident *list;
	int64_t n, next = 0;
	int count;

	if (!str_to_i64(&n, id))
		return store_incident_by_id(out, reader, n, arena);
	list = arena_array(arena, page.limit, sizeof(*list));
	if (!list)
		return -1;
	do {
		count = store_search_incidents(list, &next, reader, &page, &s,
					       arena);
		for (int i = 0; i < count; i++) {
			if (!str_eq(list[i].remote, id))
				continue;
			*out = list[i];
			return 1;
		}
		page.before = next;
	} while (count > 0 && next > 0);
	return count < 0 ? count : 0;
}

void api_incident(struct agent *a, const struct web_request *req,
		  struct str arg, struct api_answer *r)
{
	struct incident i;
	struct listing l;
	int rc;

	if (listing_init(&l, a, req, NULL, sizeof(struct op), r)) {
		rc = rows_find_incident(&i, l.reader, arg, l.arena);
		if (rc > 0)
			put_one(a, &l, &i, r);
		else if (rc < 0)
			listing_unreadable(r);
		else
			api_error(r, 404, "no such incident");
	}
	listing_fini(&l);
}
