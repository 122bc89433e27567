#ifndef REST_TRUST_H
#define REST_TRUST_H

#include "base/err.h"

/*
 * Whom to trust: a folder of the system's roots under the hashes of their
 * names (openssl-rehash(1)), of which a connection reads the one it needs, or
 * one file of them all, which is parsed whole. Empty: none.
 */
struct trust {
	char dir[256], file[256];
	int fd;			/* behind file: /proc/self/fd/N; -1 */
};

/*
 * The roots of SSL_CERT_FILE and SSL_CERT_DIR of the environment, as for
 * OpenSSL's own programs, or where neither is set those of the system; and
 * those of ca_file (or NULL), which is read now. As a
 * path every libcurl takes it and, unlike a blob, keeps the parsed store
 * between connections. *out is to be closed whatever is returned.
 */
int rest_trust_open(struct trust *out, const char *ca_file,
		    struct err *err) MUST_CHECK;
void rest_trust_close(struct trust *t);

/*
 * The system's roots as one file: SSL_CERT_FILE, or where libcurl was built to
 * find it; NULL where there is none that can be read.
 */
const char *rest_trust_system(void);

#endif
