#ifndef AGENT_STACKFLOW_INCIDENTS_H
#define AGENT_STACKFLOW_INCIDENTS_H

#include "agent/cmd/table.h"

/* How incidents are listed. */
extern const struct column incident_columns[];
extern const size_t incident_column_count;

/* An Idempotency-Key that no other write has. */
void incident_key(struct buf *out);

#endif
