#ifndef AWS_HOSTS_H
#define AWS_HOSTS_H

#include "base/str.h"

/*
 * How often the hosts of signing certificates may be asked. A host that
 * doesn't answer is left alone for 2 s, then 4, then 8, and tried by one
 * request at a time until it answers. What brings no certificate is bounded
 * over time as well, for a host and for all: senders can make up URLs, and,
 * where a topic pattern leaves the region open, hosts. Not thread-safe.
 */
enum { CERT_HOSTS = 64 };

struct cert_hosts {
	struct cert_host {
		uint64_t hash;		/* of its name, with a secret key */
		int64_t used_ms;
		int64_t after_ms;	/* failures: not before */
		int64_t spent_ms;	/* what was asked of it, as time ahead */
		unsigned failures;	/* in a row */
	} host[CERT_HOSTS];
	size_t count;
	int64_t spent_ms;		/* the same, of all hosts */
};

/* May it be asked now, so many requests being under way? Counts it if so. */
bool cert_host_ask(struct cert_hosts *h, uint64_t hash, size_t under_way,
		   int64_t mono_ms);

/* How that ended: with a certificate, with another answer, with none. */
enum cert_host_end { CERT_HOST_GAVE, CERT_HOST_ANSWERED, CERT_HOST_FAILED };
void cert_host_ended(struct cert_hosts *h, uint64_t hash,
		     enum cert_host_end end, int64_t mono_ms);

#endif
