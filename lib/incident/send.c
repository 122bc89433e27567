#include "incident/incident.h"

#include "incident/text.h"

static bool ended(const struct remote_view *view)
{
	return str_is(view->state, "resolved") || str_is(view->state, "closed");
}

bool incident_acknowledged(const struct remote_view *view)
{
	return view->assigned_to.n ||
	       (view->state.n && !str_is(view->state, "new"));
}

static enum send send_note(const struct incident *i, const struct op *op,
			   const struct remote_view *view)
{
	bool alarm = str_is(op->marker, "alarm");

	if (!ended(view))
		return SEND_IT;
	if (i->state != INCIDENT_OPEN || !alarm)
		/* The alarm is over, or this is no news of it: a note on a
		 * resolved incident is welcome, on a closed one it isn't. */
		return str_is(view->state, "closed") ? SEND_NOT_NEEDED :
						       SEND_IT;
	switch (i->still_firing) {
	case STILL_LEAVE:
		return SEND_NOT_NEEDED;
	case STILL_REOPEN:
		if (str_is(view->state, "resolved"))
			return SEND_REOPEN_FIRST;
		return SEND_SUCCESSOR;
	case STILL_NEW:
		break;
	}
	return SEND_SUCCESSOR;
}

static enum send send_raise(const struct incident *i, const struct op *op,
			    const struct remote_view *view)
{
	int before = op->marker.n == 2 ? op->marker.p[1] - '0' : 0;

	if (ended(view) || view->priority == i->priority)
		return SEND_NOT_NEEDED;
	/* Another priority than we gave it: a person's edit stands. */
	return view->priority && view->priority != before ? SEND_NOT_NEEDED :
							    SEND_IT;
}

enum send incident_before_send(const struct incident *i, const struct op *op,
			       const struct remote_view *view)
{
	switch (op->kind) {
	case OP_NOTE:
		return send_note(i, op, view);
	case OP_RESOLVE:
		return ended(view) ? SEND_NOT_NEEDED : SEND_IT;
	case OP_REOPEN:
		if (str_is(view->state, "closed"))
			return i->state == INCIDENT_OPEN ? SEND_SUCCESSOR :
							   SEND_NOT_NEEDED;
		return ended(view) ? SEND_IT : SEND_NOT_NEEDED;
	case OP_RAISE:
		return send_raise(i, op, view);
	case OP_CREATE:
	case OP_MERGE:
	case OP_CONFIRM:
	case OP_FALLBACK:
	case OP_AUDIT:
	case OP_REJECTED:
	case OP_ESCALATE:
	case OP_ENRICH:
	case OP_FILL:
		break;
	}
	return SEND_IT;
}

int incident_succeed(struct change *out, struct arena *arena,
		     const struct incident *old, const struct op *op,
		     const struct remote_view *view, struct str marker,
		     int64_t now_ms)
{
	struct incident *i = &out->incident;
	struct str whole;

	*out = (struct change){
		.action = ACTION_CREATE,
		.because = "the last incident was closed by a person",
		.incident_changed = true,
		.incident = *old,
		.op_count = 1,
		.merged = -1,
	};
	i->id = 0;
	i->version = 0;
	i->incarnation = old->incarnation + 1;
	/* Cleared since it was asked for: what waits behind it resolves. */
	if (old->state != INCIDENT_RESOLVED) {
		i->state = INCIDENT_OPEN;
		i->resolved_ms = 0;
	}
	i->remote = STR_NONE;
	i->previous = old->remote;
	i->opened_ms = now_ms;
	i->notes = 0;
	i->note_after_ms = 0;
	i->events = op->count;
	whole = incident_marker(arena, marker, i->incarnation);
	out->ops[0] = (struct op){
		.kind = OP_CREATE,
		.state = OP_READY,
		.priority = i->priority,
		.created_ms = now_ms,
		.not_before_ms = now_ms,
		.body = text_succeed(arena, i, view, op, whole),
		.events = op->events,
		.count = op->count,
		.marker = whole,
	};
	return arena_error(arena);
}

bool incident_context_has(struct str context, const struct field *same,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str rest = context, line, name;
		bool found = false;

		while (!found && str_cut(&rest, '\n', &line))
			found = str_cut(&line, '=', &name) &&
				str_eq(name, same[i].name) &&
				str_eq(line, same[i].value);
		if (!found)
			return false;
	}
	return true;
}
