#include "agent/admin/listing.h"

#include <errno.h>

#include "agent/admin/rows.h"
#include "agent/intake/intake.h"
#include "doc/json.h"

#define TEXT_MAX 200

/* JSON that the store keeps, or null. */
static void put_kept(struct jsonw *w, const char *key, struct str json)
{
	if (!json.n)
		return;
	jsonw_key(w, key);
	if (!json_scan(json, 0, NULL))
		jsonw_raw(w, json);
	else
		jsonw_str(w, json);
}

void rows_put_event(struct jsonw *w, const struct event *e)
{
	static const char *const status[] = { "new", "done", "quarantined" };

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
	put_kept(w, "trust", e->trust);
	put_kept(w, "world", e->world);
	if (e->payload.p)
		jsonw_kstr(w, "payload", e->payload);
}

static void put_row(struct jsonw *w, struct event *e)
{
	e->payload = STR_NONE;
	jsonw_object(w);
	rows_put_event(w, e);
	jsonw_end_object(w);
}

/* An id is found wherever it lies; else the newest are looked through. */
static int search(struct event *list, int64_t *next, struct listing *l,
		  const struct store_search *s)
{
	int n = 0;

	if (s->text.n == 14 && s->text.p[0] == 'e' && !l->page.before)
		n = store_event(list, l->reader, s->text, l->arena);
	if (n == 0 || n == -EINVAL)
		n = store_search_events(list, next, l->reader, &l->page, s,
					l->arena);
	return n;
}

static void put_list(struct listing *l, const struct store_search *s,
		     struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);
	struct event *list = l->rows;
	int64_t next = 0;
	int n;

	if (s->text.n || s->team.n) {
		n = search(list, &next, l, s);
	} else {
		n = store_list_events(list, l->reader, &l->page, l->arena);
		next = listing_next(l, n, n > 0 ? list[n - 1].seq : 0);
	}
	jsonw_object(&w);
	jsonw_key(&w, "events");
	jsonw_array(&w);
	for (int i = 0; i < n; i++)
		put_row(&w, &list[i]);
	listing_end(&w, r, n, next);
}

void api_events(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct store_search s = { 0 };
	struct listing l;

	(void)arg;
	if (listing_init(&l, a, req, "alarm", sizeof(struct event), r) &&
	    listing_text(&s.text, &l, req, "q", TEXT_MAX, r) &&
	    listing_text(&s.team, &l, req, "team", TEXT_MAX, r))
		put_list(&l, &s, r);
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
			jsonw_object(&w);
			rows_put_event(&w, e);
			jsonw_end_object(&w);
			buf_putc(&r->out, '\n');
		} else if (rc < 0) {
			listing_unreadable(r);
		} else {
			api_error(r, 404, "no such event");
		}
	}
	listing_fini(&l);
}

/* ---- operations ---- */

void rows_put_words(struct jsonw *w, const char *key, struct str words)
{
	struct str word;

	jsonw_key(w, key);
	jsonw_array(w);
	while (words.n && str_cut(&words, ' ', &word))
		if (word.n)
			jsonw_str(w, word);
	jsonw_end_array(w);
}

void rows_put_op(struct jsonw *w, const struct op *op)
{
	bool waits = op->state == OP_READY && op->not_before_ms < OP_NEVER_MS;

	jsonw_object(w);
	jsonw_kint(w, "id", op->id);
	jsonw_kcstr(w, "kind", op_kind_name(op->kind));
	jsonw_kcstr(w, "state", op_state_name(op->state));
	jsonw_kbool(w, "held", op->held);
	jsonw_kint(w, "attempts", op->attempts);
	jsonw_ktime(w, "created_at", op->created_ms);
	jsonw_ktime(w, "not_before", waits ? op->not_before_ms : 0);
	jsonw_ktime(w, "sent_at", op->sent_ms);
	jsonw_ktime(w, "doubt_at", op->doubt_ms);
	jsonw_ktime(w, "done_at", op->done_ms);
	jsonw_kint(w, "status", op->status);
	jsonw_kstr(w, "problem", op->problem.n ? op->problem : STR_NONE);
	jsonw_kint(w, "events", op->count);
	rows_put_words(w, "event_ids", op->events);
	jsonw_kstr(w, "text", op->kind == OP_NOTE && op->body.n ? op->body :
								  STR_NONE);
	jsonw_end_object(w);
}
