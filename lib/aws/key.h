#ifndef AWS_KEY_H
#define AWS_KEY_H

#include "base/err.h"
#include "base/str.h"

/*
 * The public half of an RSA key, made ready for RSASSA-PKCS1-v1_5 once and
 * then used by any number of threads: each check copies a prepared context,
 * which costs about 1 us where RSA itself costs 20.
 */
struct key;
struct evp_pkey_st;	/* OpenSSL's EVP_PKEY */

enum key_hash { KEY_SHA1, KEY_SHA256 };
enum { KEY_DIGEST_MAX = 32, KEY_BYTES_MAX = 1024 };

/* 0, -EINVAL where it is no RSA key of 1024 to 8192 bits, -ENOMEM. */
int key_new(struct key **out, struct evp_pkey_st *public_key,
	    struct err *err) MUST_CHECK;
void key_free(struct key *k);
int key_bits(const struct key *k);

/* The hash's length; 0 where the system refuses to compute it. */
size_t key_digest(unsigned char out[KEY_DIGEST_MAX], const struct key *k,
		  enum key_hash hash, struct str text);

/*
 * 0 genuine, 1 forged, negative: not computable here. Where policy refuses
 * signatures with this hash (RHEL 9 does for SHA-1) it is key_recovers().
 */
int key_verifies(const struct key *k, enum key_hash hash,
		 const unsigned char *digest, struct str signature);

/*
 * The same without telling OpenSSL which hash is meant: undo the signature
 * and compare the DigestInfo (RFC 8017, 9.2) with our own.
 */
int key_recovers(const struct key *k, enum key_hash hash,
		 const unsigned char *digest, struct str signature);

#endif
