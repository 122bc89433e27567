#ifndef AWS_CERTIFICATE_H
#define AWS_CERTIFICATE_H

#include <stdatomic.h>

#include "aws/cert.h"
#include "aws/key.h"
#include "base/buf.h"

/* All but the counter and the flag stay as sns_cert_read() made them. */
struct sns_cert {
	_Atomic unsigned int refs;
	_Atomic bool proven;		/* it has verified something */
	struct key *key;
	int64_t from_ms, until_ms;	/* both within */
	struct buf names;		/* DNS names, a LF after each */
	bool by_subject;		/* no names but the subject's own */
	char sha256[65];		/* of its DER, in hex */
};

#endif
