#ifndef AGENT_HANDOFF_H
#define AGENT_HANDOFF_H

#include "alarm/alarm.h"

/*
 * Alarms that intake has decoded, on their way to triage, so that a message is
 * parsed once where triage keeps up. Bounded, and never the truth: what isn't
 * here, after a start or behind a backlog, is decoded from the journal.
 */
struct handoff;

struct handed {
	struct alarms alarms;
	void *owner;			/* of what alarms borrow; NULL: they
					   borrow nothing that is ours */
	void (*release)(void *owner);	/* frees alarms too */
};

struct handoff *handoff_new(void);
void handoff_free(struct handoff *h);	/* releases what is in it */

/*
 * From the journal's thread alone, by rising numbers of the first event of a
 * message. False: there is no room, or triage is past it; it stays yours.
 */
bool handoff_put(struct handoff *h, int64_t first, size_t bytes,
		 const struct handed *what);
/*
 * From triage's thread alone. True: *out is yours, to give back with
 * handed_free(). Those before first, which nobody will ask for, are released.
 */
bool handoff_take(struct handed *out, struct handoff *h, int64_t first);
void handed_free(struct handed *what);

#endif
