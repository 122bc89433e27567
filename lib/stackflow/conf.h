#ifndef STACKFLOW_CONF_H
#define STACKFLOW_CONF_H

#include "stackflow/stackflow.h"

/* The client's own copy of its credentials. */

/* to is zeroed before; on -ENOMEM it may hold a part, to be wiped. */
int sf_conf_copy(struct sf_auth *to, const struct sf_auth *conf) MUST_CHECK;
void sf_conf_wipe(struct sf_auth *c);

/*
 * Does it hold what its method needs, fit to be sent? Fills in Cognito's
 * endpoint_url from the region. 0, -EINVAL with words, -ENOMEM.
 */
int sf_conf_check(struct sf_auth *c, struct err *err) MUST_CHECK;

#endif
