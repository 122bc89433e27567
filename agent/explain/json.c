#include "agent/explain/explain.h"

#include "doc/jsonw.h"

static struct str or_null(struct str s)
{
	return s.n ? s : STR_NONE;
}

static void put_span(struct jsonw *w, const char *key, int64_t ms)
{
	if (ms > 0)
		jsonw_kint(w, key, ms);
}

static void put_count(struct jsonw *w, const char *key, struct count_within c)
{
	if (!c.count)
		return;
	jsonw_key(w, key);
	jsonw_object(w);
	jsonw_kint(w, "count", c.count);
	jsonw_kint(w, "within_ms", c.within_ms);
	jsonw_end_object(w);
}

static void put_hold(struct jsonw *w, const struct hold *h)
{
	static const char *const kinds[] = { NULL, "window", "change",
					     "incident", "silence" };

	if (h->kind == HOLD_NONE)
		return;
	jsonw_key(w, "hold");
	jsonw_object(w);
	jsonw_kcstr(w, "kind", kinds[h->kind]);
	jsonw_kstr(w, "id", h->id);
	jsonw_kstr(w, "where", h->where);
	jsonw_kstr(w, "about", or_null(h->about));
	jsonw_ktime(w, "until", h->until_ms);
	jsonw_end_object(w);
}

static void put_escalations(struct jsonw *w, const struct verdict *v)
{
	char priority[3] = "P0";

	if (!v->escalate_count)
		return;
	jsonw_key(w, "escalate");
	jsonw_array(w);
	for (size_t i = 0; i < v->escalate_count; i++) {
		const struct escalation *e = &v->escalate[i];

		priority[1] = (char)('0' + e->raise_to);
		jsonw_object(w);
		jsonw_kint(w, "after_ms", e->after_ms);
		jsonw_kcstr(w, "unless", e->unless_acknowledged ?
						 "acknowledged" : NULL);
		jsonw_kcstr(w, "raise_to", e->raise_to ? priority : NULL);
		jsonw_kstr(w, "note", or_null(e->note));
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void put_sure(struct jsonw *w, double above)
{
	jsonw_key(w, "above");
	jsonw_double(w, above);
}

static void put_suggest(struct jsonw *w, const struct enrich *e)
{
	if (!enrich_suggests(e))
		return;
	jsonw_key(w, "suggest");
	jsonw_object(w);
	jsonw_key(w, "fields");
	jsonw_array(w);
	for (int f = 0; f < ENRICH_FIELDS; f++)
		if (e->fill[f])
			jsonw_cstr(w, enrich_field_name((enum enrich_field)f));
	jsonw_end_array(w);
	put_sure(w, e->suggest_above);
	jsonw_end_object(w);
}

static void put_analyze(struct jsonw *w, const struct enrich *e)
{
	char priority[3] = "P0";

	if (!enrich_analyzes(e))
		return;
	jsonw_key(w, "analyze");
	jsonw_object(w);
	jsonw_key(w, "priority");
	jsonw_array(w);
	for (int p = 1; p <= 4; p++) {
		priority[1] = (char)('0' + p);
		if (e->analyze[p])
			jsonw_cstr(w, priority);
	}
	jsonw_end_array(w);
	put_sure(w, e->analyze_above);
	jsonw_end_object(w);
}

static void put_enrich(struct jsonw *w, const struct enrich *e)
{
	if (!e)
		return;
	jsonw_key(w, "enrich");
	jsonw_object(w);
	put_suggest(w, e);
	put_analyze(w, e);
	if (e->article) {
		jsonw_key(w, "article");
		jsonw_object(w);
		put_sure(w, e->article_above);
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

/* What will happen by itself, as far as the rules ask for it. */
static void put_timing(struct jsonw *w, const struct verdict *v)
{
	put_hold(w, &v->hold);
	put_span(w, "open_after_ms", v->open_after_ms);
	put_count(w, "open_when", v->open_when);
	put_count(w, "flap", v->flap);
	put_span(w, "flap_quiet_ms", v->flap.count ? v->flap_quiet_ms : 0);
	put_span(w, "group_within_ms", v->group_within_ms);
	put_span(w, "resolve_stable_ms", v->resolve_stable_ms);
	put_count(w, "limit", v->limit);
	put_escalations(w, v);
	put_enrich(w, v->enrich);
	if (v->change.n)
		jsonw_kstr(w, "change", v->change);
}

static void put_decision(struct jsonw *w, const struct explanation *e,
			 const char *priority)
{
	const struct verdict *v = &e->verdict;

	jsonw_key(w, "decision");
	jsonw_object(w);
	jsonw_kcstr(w, "action", e->action);
	jsonw_kstr(w, "team", or_null(v->team));
	jsonw_kstr(w, "policy", v->policy);
	jsonw_kstr(w, "where", v->where);
	jsonw_kcstr(w, "severity", severity_name(v->severity));
	jsonw_kcstr(w, "priority", priority);
	jsonw_kstr(w, "dedup_key", v->dedup_key);
	jsonw_kstr(w, "suppressed_by", or_null(e->held_by));
	jsonw_kcstr(w, "because", e->because);
	put_timing(w, v);
	jsonw_end_object(w);
}

static void put_incident(struct jsonw *w, const struct verdict *v,
			 const char *priority)
{
	jsonw_key(w, "incident");
	jsonw_object(w);
	jsonw_kstr(w, "short_description", v->short_description);
	jsonw_kstr(w, "description", v->description);
	jsonw_kcstr(w, "priority", priority);
	jsonw_kstr(w, "category", v->category);
	jsonw_kstr(w, "subcategory", v->subcategory);
	jsonw_kstr(w, "assignment_group", v->assignment_group);
	jsonw_kstr(w, "ci_id", or_null(v->ci_id));
	for (size_t i = 0; i < v->field_count; i++) {
		jsonw_key_str(w, v->fields[i].name);
		jsonw_str(w, v->fields[i].value);
	}
	jsonw_end_object(w);
}

static void put_trace(struct jsonw *w, const struct trace *trace)
{
	jsonw_key(w, "trace");
	jsonw_array(w);
	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_step *t = &trace->steps[i];

		jsonw_object(w);
		jsonw_kstr(w, "where", t->where);
		jsonw_kstr(w, "rule", t->rule);
		jsonw_kbool(w, "matched", t->matched);
		jsonw_kstr(w, "because", t->because);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void put_event(struct jsonw *w, const struct event *e)
{
	jsonw_key(w, "event");
	jsonw_object(w);
	jsonw_kstr(w, "id", e->id);
	jsonw_kcstr(w, "source", e->intake);
	jsonw_ktime(w, "received_at", e->received_ms);
	jsonw_ktime(w, "decided_at", e->decided_ms);
	jsonw_kstr(w, "ruleset", or_null(e->ruleset));
	if (e->incident)
		jsonw_kint(w, "incident_id", e->incident);
	jsonw_end_object(w);
}

void explain_put_json(struct buf *out, const struct explanation *e)
{
	char priority[3] = { 'P', (char)('0' + e->verdict.priority), '\0' };
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_key(&w, "alarm");
	alarm_write(&w, e->alarm);
	put_decision(&w, e, priority);
	put_incident(&w, &e->verdict, priority);
	put_trace(&w, &e->trace);
	if (e->past)
		put_event(&w, &e->past->event);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
}
