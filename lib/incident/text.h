#ifndef INCIDENT_TEXT_H
#define INCIDENT_TEXT_H

#include "incident/incident.h"

/* What people read in an incident and its notes. All in arena. */

/* The JSON fields of POST /incidents, the marker on the description's last
 * line. */
struct str text_create(struct arena *arena, const struct incident *i,
		       const struct verdict *v, struct str came,
		       struct str event_id, struct str marker);
/* How it came to be opened, for its description: what held it, and changes. */
struct str text_came(struct arena *arena, const struct verdict *v,
		     const struct member *waited);
struct str text_succeed(struct arena *arena, const struct incident *i,
			const struct remote_view *view, const struct op *op,
			struct str marker);

/* "ALARM again at TIME" or, with count > 1, how often. */
struct str text_repeat(struct arena *arena, const struct alarm *a,
		       unsigned count);
bool text_is_repeat(struct str note);

/* One state change, with what follows from it. */
struct str text_change(struct arena *arena, const struct alarm *a,
		       const char *consequence);

/* A person's words, and whose they are. */
struct str text_said(struct arena *arena, const struct said *said);

/* One of the alarms of an incident that many share, on a line. */
struct str text_listed(struct arena *arena, const struct alarm *a,
		       int priority);

/* Two notes in one, the older first, at most 8 KiB. */
struct str text_join(struct arena *arena, struct str older, struct str newer);
/* Do n more bytes fit without a cut? */
bool text_joins(struct str older, size_t n);

/* Both with a blank between them. */
struct str text_words(struct arena *arena, struct str a, struct str b);
struct str text_state(struct arena *arena, const char *state);
struct str text_priority(struct arena *arena, int priority);
struct str text_time(struct arena *arena, int64_t ms);	/* RFC 3339, seconds */
struct str text_span(struct arena *arena, int64_t ms);	/* 2h30m */

#endif
