#ifndef REST_TARGET_H
#define REST_TARGET_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

/* Where a request goes, read from its URL. */
struct target {
	char host[256];			/* an IPv6 address without brackets */
	unsigned port;
	bool plain;			/* http */
};

/*
 * 0, -EINVAL with words, -ENOMEM. http is taken for loopback alone and, where
 * metadata is set, for the addresses of REST_METADATA.
 */
int rest_target(struct target *out, const char *url, bool metadata,
		struct err *err) MUST_CHECK;

/* "HOST:PORT:HOST:PORT", any of them may be empty. 0 or -EINVAL. */
int rest_connect_to_check(const char *entry);
/* Does the entry redirect connections to that target? */
bool rest_connect_to_names(const char *entry, const struct target *t);

bool rest_address_loopback(const struct sockaddr *a);
/* One of those by which AWS hands credentials out? */
bool rest_address_metadata(const struct sockaddr *a);
/* Neither loopback, link-local, private nor anything else that isn't routed
 * in the Internet, and no other form of such an address. */
bool rest_address_public(const struct sockaddr *a);

#endif
