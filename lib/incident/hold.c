/* What suppress entries and silences do to an incident that is open. */
#include "incident/step.h"

#include "base/encode.h"
#include "incident/text.h"

/* A hold that has just ended, or tells no end, is asked again so soon. */
#define AGAIN_MS 1000

int64_t hold_until(const struct step *st)
{
	int64_t until_ms = st->verdict->hold.until_ms;

	return until_ms > st->now_ms ? until_ms : st->now_ms + AGAIN_MS;
}

const char *hold_words(struct step *st, const char *what)
{
	const struct hold *h = &st->verdict->hold;
	struct str about = utf8_cut(h->about, 300);
	struct str until = text_time(st->arena, hold_until(st));

	return step_words(st, "held by %.*s (%.*s%s%.*s) until %.*s: %s",
			  STR_ARG(h->id), STR_ARG(h->where),
			  about.n ? ", " : "", STR_ARG(about),
			  STR_ARG(until), what);
}

bool hold_begin(struct step *st)
{
	struct incident *i = &st->out->incident;

	st->out->incident_changed = true;
	if (st->verdict->hold.kind == HOLD_NONE) {
		/* An OK is never held itself; its note waits with the rest. */
		if (!st->fires && i->held_ms > st->now_ms)
			return true;
		/* What isn't held takes along what was counted. */
		i->held_ms = 0;
		i->held_by = STR_NONE;
		return false;
	}
	i->held_ms = hold_until(st);
	i->held_by = st->verdict->hold.id;
	return true;
}
