#include "agent/report/put.h"
#include "doc/jsonw.h"

static struct str or_null(struct str s)
{
	return s.n ? s : STR_NONE;
}

static void put_share(struct jsonw *w, const char *key, uint64_t of,
		      uint64_t in)
{
	uint64_t thousandths = in ? of * 1000 / in : 0;

	jsonw_key(w, key);
	if (in)
		jsonw_double(w, (double)thousandths / 1000);
	else
		jsonw_null(w);
}

static void put_totals(struct jsonw *w, const struct totals *t)
{
	static const char *const names[] = { NULL, "P1", "P2", "P3", "P4" };

	jsonw_object(w);
	jsonw_kint(w, "events", (int64_t)t->events);
	jsonw_kint(w, "alarms", (int64_t)t->alarms);
	jsonw_kint(w, "incidents", (int64_t)t->incidents);
	put_share(w, "alarms_per_incident", t->alarms, t->incidents);
	jsonw_kint(w, "notes", (int64_t)t->notes);
	jsonw_kint(w, "held", (int64_t)t->held);
	jsonw_key(w, "by_priority");
	jsonw_object(w);
	for (int i = 1; i < 5; i++)
		jsonw_kint(w, names[i], (int64_t)t->by_priority[i]);
	jsonw_end_object(w);
	put_share(w, "urgent_share", t->by_priority[1] + t->by_priority[2],
		  t->incidents);
	jsonw_end_object(w);
}

static void put_row(struct jsonw *w, const struct finding_row *r)
{
	jsonw_object(w);
	jsonw_kstr(w, "what", r->what);
	jsonw_kstr(w, "team", or_null(r->team));
	jsonw_kstr(w, "account", or_null(r->account));
	jsonw_kstr(w, "region", or_null(r->region));
	jsonw_kstr(w, "where", or_null(r->where));
	jsonw_kint(w, "number", r->number);
	jsonw_kstr(w, "text", r->text);
	jsonw_kstr(w, "advice", r->advice);
	jsonw_kstr(w, "yaml", r->yaml_in ? r->yaml : STR_NONE);
	jsonw_kcstr(w, "yaml_in", r->yaml_in);
	jsonw_end_object(w);
}

static void put_scope(struct jsonw *w, const struct findings_scope *s)
{
	jsonw_object(w);
	jsonw_kstr(w, "team", s->totals.name);
	jsonw_key(w, "totals");
	put_totals(w, &s->totals.now);
	jsonw_key(w, "before");
	put_totals(w, &s->totals.before);
	jsonw_key(w, "findings");
	jsonw_array(w);
	for (int k = 0; k < FINDING_KINDS; k++) {
		const struct finding *f = &s->findings[k];

		jsonw_object(w);
		jsonw_kcstr(w, "finding", finding_code(k));
		jsonw_kcstr(w, "title", finding_title(k));
		jsonw_kcstr(w, "unit", finding_unit(k));
		jsonw_kint(w, "count", (int64_t)f->count);
		jsonw_key(w, "rows");
		jsonw_array(w);
		for (size_t i = 0; i < f->row_count; i++)
			put_row(w, &f->rows[i]);
		jsonw_end_array(w);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
	jsonw_end_object(w);
}

void hygiene_put_json(struct buf *out, const struct hygiene *h)
{
	const struct findings *f = h->findings;
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kcstr(&w, "read_from", h->agent ? "agent" : "store");
	jsonw_ktime(&w, "from", f->head.from_ms);
	jsonw_ktime(&w, "to", f->head.to_ms);
	jsonw_ktime(&w, "before_from", f->head.before_ms);
	jsonw_ktime(&w, "oldest_event_at", f->head.first_ms);
	jsonw_kint(&w, "alarms", (int64_t)f->head.alarms);
	jsonw_key(&w, "unknown");
	jsonw_object(&w);
	jsonw_kint(&w, "ok_actions", (int64_t)f->ok_unknown);
	jsonw_kint(&w, "acknowledged", (int64_t)f->unasked);
	jsonw_kint(&w, "beyond", (int64_t)f->head.beyond);
	jsonw_end_object(&w);
	jsonw_key(&w, "scopes");
	jsonw_array(&w);
	for (size_t i = 0; i < f->scope_count; i++)
		put_scope(&w, &f->scopes[i]);
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
}
