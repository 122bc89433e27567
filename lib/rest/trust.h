#ifndef REST_TRUST_H
#define REST_TRUST_H

#include "base/err.h"

/*
 * A file in memory that holds the system's trusted roots and those of
 * ca_file. As a path (/proc/self/fd/N) every libcurl takes it and, unlike a
 * blob, keeps the parsed store between connections.
 */
int rest_trust_open(int *out_fd, const char *ca_file,
		    struct err *err) MUST_CHECK;

/*
 * The system's bundle: SSL_CERT_FILE of the environment, as for OpenSSL's own
 * programs, or where libcurl was built to find it; NULL where there is none
 * that can be read.
 */
const char *rest_trust_system(void);

#endif
