#ifndef AGENT_SANDBOX_CERTS_H
#define AGENT_SANDBOX_CERTS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Keys and certificates of the sandbox, made once and kept as PEM files in
 * its folder: an authority of its own, the TLS certificate of "sns.REGION"
 * in every region, and the certificate that SNS signs with.
 */
struct evp_pkey_st;
struct x509_st;

struct box_pair {
	struct evp_pkey_st *key;
	struct x509_st *cert;
};

/* Read DIR/ca.pem, sns.pem, signing.pem and their .key, or make what is
 * missing or ends within a week. */
int box_certs_open(struct box_pair *signing, const char *dir,
		   struct err *err) MUST_CHECK;
void box_pair_fini(struct box_pair *p);

/* An RSA-2048 key that nobody certified, for forged signatures. */
struct evp_pkey_st *box_certs_stranger(void);

/* SimpleNotificationService-<MD5 of the DER form>.pem */
int box_certs_put_name(struct buf *out, const struct x509_st *cert);
void box_certs_put_pem(struct buf *out, struct x509_st *cert);

#endif
