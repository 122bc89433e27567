#ifndef AGENT_SANDBOX_MASK_H
#define AGENT_SANDBOX_MASK_H

#include "base/buf.h"

/* What is recorded without its secrets: ***, as much as is needed to see what
 * was sent. */

/* The value of a header: "Bearer ***". */
void mask_header(struct buf *out, struct str name, struct str value);
/* A body, JSON or a form, or the beginning of one; credentials: it is a whole
 * one and has some, and isn't shown at all where it is neither. */
void mask_body(struct buf *out, struct str body, bool credentials);

#endif
