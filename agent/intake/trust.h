#ifndef AGENT_INTAKE_TRUST_H
#define AGENT_INTAKE_TRUST_H

#include "aws/sns.h"
#include "base/buf.h"

struct sns_cert;

/*
 * Why a message was believed, as event.trust keeps it: one short JSON object,
 * `by` says which: signature, queue (its policy decides who may send),
 * basic_auth, bearer, cloudwatch (asked), tocsin (it made it itself), nothing
 * (a dead letter). Of an SNS
 * envelope all is kept that its signature needs and that the event has not:
 * evidence.c rebuilds it.
 */
#define TRUST_MAX (16 << 10)

/* cert: the one that it was verified by; NULL: by is believed instead. */
void trust_envelope(struct buf *out, const struct sns_message *m,
		    const struct sns_cert *cert, const char *by);
/* field: what by names, and its value; NULL: nothing. */
void trust_word(struct buf *out, const char *by, const char *field,
		struct str value);

#endif
