#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Where a service is asked, in this order: given (NULL: not), the
 * environment's AWS_ENDPOINT_URL_<SERVICE> and AWS_ENDPOINT_URL, AWS's own
 * address. url ends with the path, which is always "/"; host is as the Host
 * header says it. 0; -EINVAL with words, -ENOMEM.
 */
int endpoint_find(struct buf *url, struct buf *host, const char *given,
		  const char *service, struct str region,
		  struct err *err) MUST_CHECK;

/* https://HOST[:PORT][/]; http to loopback alone. where: who said so. */
int endpoint_check(const char *given, const char *where,
		   struct err *err) MUST_CHECK;

/* Is it something like "us-east-1", fit for a signature's scope? */
bool endpoint_region_ok(struct str region);

#endif
