#include "agent/replay/report.h"

#include "doc/jsonw.h"

static struct str or_null(struct str s)
{
	return s.n ? s : STR_NONE;
}

static void put_counts(struct jsonw *w, const char *key,
		       const struct counts *c)
{
	jsonw_key(w, key);
	jsonw_object(w);
	jsonw_kint(w, "incidents", (int64_t)c->incidents);
	jsonw_key(w, "by_priority");
	jsonw_object(w);
	for (int i = 1; i < 5; i++) {
		const char name[3] = { 'P', (char)('0' + i), '\0' };

		jsonw_kint(w, name, (int64_t)c->by_priority[i]);
	}
	jsonw_end_object(w);
	jsonw_kint(w, "notes", (int64_t)c->notes);
	jsonw_kint(w, "resolved", (int64_t)c->resolved);
	jsonw_kint(w, "reopened", (int64_t)c->reopened);
	jsonw_kint(w, "raised", (int64_t)c->raised);
	jsonw_kint(w, "held", (int64_t)c->held);
	jsonw_end_object(w);
}

static void put_priorities(struct jsonw *w, const struct change_counts *c)
{
	jsonw_key(w, "priorities");
	jsonw_array(w);
	for (int i = 1; i < 5; i++)
		for (int k = 1; k < 5; k++) {
			const char from[3] = { 'P', (char)('0' + i), '\0' };
			const char to[3] = { 'P', (char)('0' + k), '\0' };

			if (!c->priority[i][k])
				continue;
			jsonw_object(w);
			jsonw_kcstr(w, "from", from);
			jsonw_kcstr(w, "to", to);
			jsonw_kint(w, "count", (int64_t)c->priority[i][k]);
			jsonw_end_object(w);
		}
	jsonw_end_array(w);
}

static void put_change(struct jsonw *w, const struct change_counts *c)
{
	jsonw_key(w, "changes");
	jsonw_object(w);
	jsonw_kint(w, "more_incidents", (int64_t)c->more);
	jsonw_kint(w, "fewer_incidents", (int64_t)c->fewer);
	jsonw_kint(w, "opened_later", (int64_t)c->later);
	jsonw_kint(w, "opened_earlier", (int64_t)c->earlier);
	jsonw_kint(w, "resolved_otherwise", (int64_t)c->ended);
	put_priorities(w, c);
	jsonw_kint(w, "other_group", (int64_t)c->group);
	jsonw_kint(w, "other_ci", (int64_t)c->ci);
	jsonw_kint(w, "other_text", (int64_t)c->text);
	jsonw_kint(w, "newly_held", (int64_t)c->newly_held);
	jsonw_kint(w, "no_longer_held", (int64_t)c->no_longer_held);
	jsonw_kint(w, "decisions", (int64_t)c->decisions);
	jsonw_end_object(w);
}

static void put_row(struct jsonw *w, const struct diff_row *row,
		    const struct report *r)
{
	struct arena *arena = arena_new(1 << 20);

	jsonw_object(w);
	jsonw_kstr(w, "team", or_null(row->team_after.n ? row->team_after :
							  row->team_before));
	jsonw_kstr(w, "team_before", or_null(row->team_before));
	jsonw_kstr(w, "alarm", row->alarm);
	jsonw_kstr(w, "account", or_null(row->account));
	jsonw_kstr(w, "region", or_null(row->region));
	put_counts(w, "before", &row->before);
	put_counts(w, "after", &row->after);
	put_change(w, &row->change);
	if (row->first && r->event_id && arena)
		jsonw_kstr(w, "event", r->event_id(row->first - 1, arena,
						   r->arg));
	jsonw_end_object(w);
	arena_free(arena);
}

void report_put_json(struct buf *out, const struct report *r)
{
	const struct diff *d = r->diff;
	size_t shown = d->row_count < r->limit ? d->row_count : r->limit;
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kbool(&w, "differs", diff_any(d));
	jsonw_kint(&w, "events", (int64_t)r->events);
	jsonw_kint(&w, "skipped", (int64_t)r->skipped);
	jsonw_kint(&w, "changes_unknown", (int64_t)r->unknown);
	jsonw_ktime(&w, "first_received_at", r->first_ms);
	jsonw_ktime(&w, "last_received_at", r->last_ms);
	jsonw_kcstr(&w, "rules", r->rules);
	put_counts(&w, "before", &d->before);
	put_counts(&w, "after", &d->after);
	put_change(&w, &d->change);
	jsonw_kint(&w, "alarms", (int64_t)d->alarms);
	jsonw_kint(&w, "alarms_that_differ", (int64_t)d->row_count);
	jsonw_key(&w, "list");
	jsonw_array(&w);
	for (size_t i = 0; i < shown; i++)
		put_row(&w, &d->rows[i], r);
	jsonw_end_array(&w);
	jsonw_kint(&w, "more", (int64_t)(d->row_count - shown));
	jsonw_end_object(&w);
	buf_putc(out, '\n');
}
