#include "agent/explain/past.h"

#include <errno.h>

#include "agent/past.h"

#define ARENA_MAX (64 << 20)

const char *explain_past_problem(const struct event *e)
{
	if (!past_is_alarm(e))
		return "holds no alarm: there is nothing to explain";
	if (e->status == EVENT_QUARANTINED)
		return "was set aside, as deciding it ended the agent";
	if (e->status != EVENT_DONE || !e->ruleset.n)
		return "isn't decided yet";
	return NULL;
}

int explain_past(struct buf *json, struct buf *text,
		 const struct past_event *past, const struct ruleset *rules,
		 size_t width, bool colour)
{
	const struct alarm_input in = past_input(&past->event);
	struct arena *arena = arena_new(ARENA_MAX);
	struct explain_input what = {
		.rules = rules,
		.now_ms = past->event.decided_ms,
		.past = past,
	};
	unsigned at = past->event.position;
	struct explanation e;
	struct alarms alarms;
	int rc = arena ? alarm_decode(&alarms, &in) : -ENOMEM;

	if (rc) {
		arena_free(arena);
		return -ENOMEM;
	}
	what.alarm = &alarms.list[at < alarms.count ? at : 0];
	rc = explain_alarm(&e, &what, arena);
	if (!rc && json)
		explain_put_json(json, &e);
	if (!rc && text)
		explain_put_text(text, &e, colour, width);
	alarms_fini(&alarms);
	arena_free(arena);
	return rc;
}
