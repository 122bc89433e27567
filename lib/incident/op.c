#include "incident/op.h"

const char *op_kind_name(enum op_kind k)
{
	static const char *const names[] = {
		[OP_CREATE] = "create",	  [OP_NOTE] = "note",
		[OP_RESOLVE] = "resolve", [OP_REOPEN] = "reopen",
		[OP_RAISE] = "raise",	  [OP_MERGE] = "merge",
		[OP_CONFIRM] = "confirm", [OP_FALLBACK] = "fallback",
		[OP_AUDIT] = "audit",	  [OP_REJECTED] = "rejected",
		[OP_ESCALATE] = "escalate", [OP_ENRICH] = "enrich",
		[OP_FILL] = "fill",
	};

	if (k < OP_CREATE || k > OP_FILL)
		return "unknown";
	return names[k];
}

const char *op_state_name(enum op_state s)
{
	static const char *const names[] = {
		[OP_READY] = "ready",	    [OP_IN_FLIGHT] = "in flight",
		[OP_IN_DOUBT] = "in doubt", [OP_DONE] = "done",
		[OP_DEAD] = "dead",
	};

	if (s < OP_READY || s > OP_DEAD)
		return "unknown";
	return names[s];
}

bool op_may_fail(const struct op *op)
{
	return op->kind == OP_FILL ||
	       (op->kind == OP_NOTE && str_is(op->marker, NOTE_OF_AI));
}

int op_rank(const struct op *op)
{
	int p = op->priority < 1 ? 1 : op->priority > 4 ? 4 : op->priority;

	switch (op->kind) {
	case OP_CONFIRM:
	case OP_FALLBACK:
		return 0;
	case OP_CREATE:
		return p;
	case OP_NOTE:
		return 8 + p;
	case OP_AUDIT:
		return 13;
	case OP_ENRICH:
		return 14;
	default:
		return 4 + p;
	}
}
