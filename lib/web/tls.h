#ifndef WEB_TLS_H
#define WEB_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct sock;

/*
 * The server's end of TLS 1.2 and later, for one pair of PEM files. The pair
 * is exchanged as a whole while connections made with the old one go on.
 * Any thread may call these.
 */
struct tls;

enum { TLS_CHANGED = 1 };

int tls_new(struct tls **out, const char *certificate, const char *key,
	    struct err *err) MUST_CHECK;
void tls_free(struct tls *t);

/*
 * Reread the files if they changed since they were read, or again with
 * `retry` if what was read then didn't load. 0: nothing to do; TLS_CHANGED;
 * negative: the old pair stays.
 */
int tls_refresh(struct tls *t, bool retry, struct err *err) MUST_CHECK;

/* When the certificate ends, in milliseconds since 1970. */
int64_t tls_end_ms(struct tls *t);

/* Put TLS on an accepted socket, which must not move any more. */
int tls_wrap(struct tls *t, struct sock *s) MUST_CHECK;

#endif
