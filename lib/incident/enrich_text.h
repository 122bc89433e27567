#ifndef INCIDENT_ENRICH_TEXT_H
#define INCIDENT_ENRICH_TEXT_H

#include "incident/enrich.h"

#define ENRICH_NOTE_MAX 4096
#define ENRICH_TEXT_CHARS 500

/* The note, in arena, at most ENRICH_NOTE_MAX; STR_NONE: there is nothing to
 * tell. */
struct str enrich_text(struct arena *arena, const struct incident *i,
		       const struct enrich_order *o,
		       const struct enrichment *e);

/* Foreign text as a part of a line. */
void enrich_put_foreign(struct buf *out, struct str s, size_t chars);
/* P1 to P4 as a number; 0: none of them. */
int enrich_priority_word(struct str s);

#endif
