#ifndef AGENT_SELF_ALERTS_H
#define AGENT_SELF_ALERTS_H

#include "agent/agent.h"

/*
 * `self_alerts`: a warning that stays for as long as its row says becomes an
 * alarm of tocsin's own in the journal, named by its code, and goes the way of
 * all alarms; once it is cleared, so is the alarm. At most one a code is open,
 * and what keeps incidents from StackFlow makes none.
 */
struct self_alerts;

struct self_alerts *self_alerts_new(struct agent *a);	/* NULL: no memory */
void self_alerts_free(struct self_alerts *s);

/*
 * To be called about once a second; it may wait for the disk. r is the
 * caller's thread's own.
 */
void self_alerts_turn(struct self_alerts *s, struct store_reader *r,
		      int64_t now_ms);

#endif
