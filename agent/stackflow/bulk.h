#ifndef AGENT_STACKFLOW_BULK_H
#define AGENT_STACKFLOW_BULK_H

#include "agent/stackflow/session.h"

/* `incidents bulk-close` and `bulk-update`, their words read; the exit
 * status. */
int bulk_close(struct session *s);
int bulk_update(struct session *s);

/* Import CIs, each a JSON object. The exit status. */
int bulk_import(struct session *s, const struct str *records, size_t n);

#endif
