#ifndef AGENT_ADMIN_STATUS_H
#define AGENT_ADMIN_STATUS_H

#include "agent/agent.h"

/* How it goes, as one JSON object. False: the store can't be read now. */
bool status_put(struct buf *out, struct agent *a);

#endif
