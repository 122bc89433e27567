#include "incident/incident.h"

#define MARKER_LENGTH (sizeof(MARKER_PREFIX) - 1 + 16)

struct str incident_marker(struct arena *arena, struct str base,
			   unsigned incarnation)
{
	return arena_printf(arena, "%.*s-%u", STR_ARG(base), incarnation);
}

bool incident_marker_split(struct str whole, struct str *base,
			   unsigned *incarnation)
{
	uint64_t n;

	if (!str_starts(whole, MARKER_PREFIX) || whole.n <= MARKER_LENGTH + 1 ||
	    whole.p[MARKER_LENGTH] != '-' ||
	    str_to_u64(&n, str_sub(whole, MARKER_LENGTH + 1,
				   whole.n - MARKER_LENGTH - 1)) ||
	    n > UINT32_MAX)
		return false;
	*base = str_sub(whole, 0, MARKER_LENGTH);
	*incarnation = (unsigned)n;
	return true;
}

/* The next line "tocsin-ref: MARKER" of *text, which is moved past it. */
static bool next_marker(struct str *text, struct str *base,
			unsigned *incarnation)
{
	static const char label[] = "tocsin-ref: ";
	const size_t n = sizeof(label) - 1;
	struct str line;

	while (str_cut(text, '\n', &line)) {
		line = str_trim(line);
		if (str_starts(line, label) &&
		    incident_marker_split(str_sub(line, n, line.n - n), base,
					  incarnation))
			return true;
	}
	return false;
}

bool incident_marker_find(struct str text, struct str *base,
			  unsigned *incarnation)
{
	return next_marker(&text, base, incarnation);
}

bool incident_marker_in(struct str text, struct str marker,
			unsigned *incarnation)
{
	struct str base;
	unsigned n;

	while (next_marker(&text, &base, &n)) {
		if (!str_eq(base, marker))
			continue;
		*incarnation = n;
		return true;
	}
	return false;
}

void incident_put_note(struct buf *out, const struct op *op)
{
	buf_printf(out, "%.*s\n\ntocsin-event: %.*s", STR_ARG(op->body),
		   STR_ARG(op->events));
}
