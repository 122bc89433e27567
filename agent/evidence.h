#ifndef AGENT_EVIDENCE_H
#define AGENT_EVIDENCE_H

#include "agent/agent.h"

/*
 * What is known of one event, as one JSON document that stands by itself: the
 * SNS envelope as it was signed, the certificate, payload, decision, rule set,
 * operations and audit lines. Of a store that may be another process's. 0,
 * -ENOENT, or another negative errno.
 */
int evidence_put(struct buf *out, struct store_reader *r, const struct conf *c,
		 struct str id, struct arena *arena);

/* A signing certificate that was fetched: what it has signed is shown with
 * it. Waits for the disk where it is new. */
void evidence_keep_certificate(struct agent *a, struct str pem);

#endif
