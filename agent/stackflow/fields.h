#ifndef AGENT_STACKFLOW_FIELDS_H
#define AGENT_STACKFLOW_FIELDS_H

#include "agent/stackflow/session.h"
#include "base/buf.h"

/*
 * A record as one JSON object: of --from's document, options that are named
 * after fields, and --field NAME=VALUE. 0 or an exit status, told; so is
 * where nothing was given.
 */
int fields_put(struct buf *out, const struct session *s);

/* The rest of the words as one text, "-" standing for stdin. 0 or an exit
 * status, told; none at all is CMD_USAGE with how. */
int fields_text(struct buf *out, const struct session *s, int from,
		const char *how);
/* A whole file, "-" being stdin. */
int fields_file(struct buf *out, const char *path);

#endif
