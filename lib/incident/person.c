/* What somebody says or does through tocsin, beside what alarms do. */
#include "incident/incident.h"

#include "incident/text.h"

static struct op *add(struct change *out, enum op_kind kind, struct str body,
		      int64_t now_ms)
{
	struct op *op = &out->ops[out->op_count++];

	*op = (struct op){
		.incident = out->incident.id,
		.kind = kind,
		.state = OP_READY,
		.priority = out->incident.priority,
		.created_ms = now_ms,
		.not_before_ms = now_ms,
		.body = body,
	};
	return op;
}

int incident_say(struct change *out, struct arena *arena,
		 const struct incident *i, const struct said *said,
		 int64_t now_ms)
{
	struct op *note;

	*out = (struct change){
		.action = said->resolve ? ACTION_RESOLVE : ACTION_NOTE,
		.because = "a person did so through tocsin",
		.incident_changed = true,
		.incident = *i,
		.merged = -1,
	};
	note = add(out, OP_NOTE, text_said(arena, said), now_ms);
	note->events = said->id;
	note->marker = STR(NOTE_OF_PERSON);
	if (said->resolve) {
		struct incident *x = &out->incident;

		add(out, OP_RESOLVE, text_state(arena, "resolved"), now_ms);
		x->state = INCIDENT_CLOSED;
		x->resolved_ms = x->changed_ms = now_ms;
		/* `leave` lasts until an OK, which has come. */
		if (!said->firing && x->still_firing == STILL_LEAVE)
			x->still_firing = STILL_NEW;
		x->due_ms = x->resolve_ms = x->escalate_ms = x->held_ms = 0;
	}
	return arena_error(arena);
}
