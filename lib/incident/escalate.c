/* An incident's escalations: when they are due, and what follows. */
#include "incident/step.h"

#include <errno.h>

#include "doc/json.h"
#include "doc/jsonw.h"
#include "incident/text.h"

static void put_body(struct buf *b, const struct escalation *x, bool reopened)
{
	struct jsonw w = JSONW(b);

	jsonw_object(&w);
	if (x->unless_acknowledged)
		jsonw_kcstr(&w, "unless", "acknowledged");
	/* We made it in_progress ourselves; that acknowledges nothing. */
	if (reopened)
		jsonw_kbool(&w, "reopened", true);
	if (x->raise_to)
		jsonw_kint(&w, "raise_to", x->raise_to);
	if (x->note.n)
		jsonw_kstr(&w, "note", x->note);
	jsonw_end_object(&w);
}

static size_t in_order(const struct escalation *list[ESCALATIONS_MAX],
		       const struct verdict *v)
{
	size_t n = 0;

	while (n < v->escalate_count && n < ESCALATIONS_MAX) {
		size_t at = n;

		for (; at && list[at - 1]->after_ms > v->escalate[n].after_ms;
		     at--)
			list[at] = list[at - 1];
		list[at] = &v->escalate[n++];
	}
	return n;
}

void escalate_start(struct step *st, bool reopened)
{
	const struct escalation *list[ESCALATIONS_MAX];
	size_t n = in_order(list, st->verdict);
	struct incident *i = &st->out->incident;
	struct buf b = BUF_INIT(256 << 10);
	int64_t before_ms = 0;

	i->escalate_ms = 0;
	i->escalations = STR_NONE;
	if (!n)
		return;
	for (size_t k = 0; k < n; k++) {
		buf_printf(&b, "%lld ",
			   (long long)(list[k]->after_ms - before_ms));
		put_body(&b, list[k], reopened);
		buf_putc(&b, '\n');
		before_ms = list[k]->after_ms;
	}
	if (!buf_error(&b)) {
		i->escalations = arena_str(st->arena, buf_str(&b));
		i->escalate_ms = st->now_ms + list[0]->after_ms;
	}
	buf_fini(&b);
}

void escalate_fire(struct step *st)
{
	struct incident *i = &st->out->incident;
	struct str rest = i->escalations, line, delta;
	struct op *op;
	int64_t ms;

	/* What stands behind a held note would wait as long. */
	note_release(st, true);
	if (str_cut(&rest, '\n', &line) && str_cut(&line, ' ', &delta)) {
		op = note_op(st, OP_ESCALATE, line);
		op->events = arena_printf(st->arena, "escalation-%lld-%zu",
					  (long long)i->escalate_ms, rest.n);
	}
	i->escalations = rest.n ? rest : STR_NONE;
	line = rest;
	if (rest.n && str_cut(&line, ' ', &delta) && !str_to_i64(&ms, delta))
		i->escalate_ms += ms;
	else
		i->escalate_ms = 0;
	step_decide(st, ACTION_RAISE, "its escalation is due");
}

static bool taken(const struct json *body, const struct remote_view *view)
{
	if (!json_get(body, "unless") || !view)
		return false;
	if (json_bool(json_get(body, "reopened"), false) &&
	    str_is(view->state, "in_progress"))
		return view->assigned_to.n > 0;
	return incident_acknowledged(view);
}

static void follow(struct step *st, const struct json *body,
		   const struct op *op)
{
	struct incident *i = &st->out->incident;
	int to = (int)json_int(json_get(body, "raise_to"), 0);
	struct str text = json_get_str(body, "note"), rise = STR_NONE;
	struct op *note;

	if (to >= 1 && to < i->priority) {
		struct op *up = note_op(st, OP_RAISE,
					text_priority(st->arena, to));

		up->marker = arena_printf(st->arena, "P%d", i->priority);
		up->priority = to;
		rise = arena_printf(st->arena, "Escalated: P%d becomes P%d.",
				    i->priority, to);
		i->priority = to;
	}
	if (!text.n && !rise.n)
		return;
	note = note_op(st, OP_NOTE,
		       arena_printf(st->arena, "%.*s%s%.*s", STR_ARG(text),
				    text.n && rise.n ? "\n" : "",
				    STR_ARG(rise)));
	/* By this word it is found again; it tells of no event. */
	note->events = op->events;
	i->notes++;
	st->out->incident_changed = true;
	step_decide(st, rise.n ? ACTION_RAISE : ACTION_NOTE,
		    "nobody has acknowledged it in time");
}

int incident_escalate(struct change *out, struct arena *arena,
		      const struct incident *i, const struct op *op,
		      const struct remote_view *view, int64_t now_ms)
{
	struct step st = { .out = out, .arena = arena, .now_ms = now_ms };
	struct json *body = NULL;

	*out = (struct change){ .merged = -1, .incident = *i };
	step_decide(&st, ACTION_IGNORE, "there is nothing to escalate to");
	if (i->state != INCIDENT_OPEN) {
		step_decide(&st, ACTION_IGNORE, "it is no more open");
		return 0;
	}
	switch (json_parse(&body, op->body, 0, NULL)) {
	case 0:
		break;
	case -ENOMEM:
		return -ENOMEM;
	default:
		return 0;
	}
	if (taken(body, view))
		step_decide(&st, ACTION_IGNORE, "somebody has acknowledged it");
	else
		follow(&st, body, op);
	json_free(body);
	return arena_error(arena);
}
