#include "aws/key.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

enum { HASHES = 2 };

struct key {
	int bits;
	EVP_MD *md[HASHES];	      /* fetched once; NULL: refused */
	EVP_PKEY_CTX *verify[HASHES]; /* only copied; NULL: refused */
	EVP_PKEY_CTX *recover;	      /* the same */
};

static const struct {
	const char *name;
	size_t digest_n;
	/* RFC 8017, 9.2, note 1: what precedes the hash in a DigestInfo. */
	size_t prefix_n;
	unsigned char prefix[19];
} hashes[HASHES] = {
	[KEY_SHA1] = { "SHA1",
		       20,
		       15,
		       { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03,
			 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 } },
	[KEY_SHA256] = { "SHA256",
			 32,
			 19,
			 { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
			   0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
			   0x20 } },
};

static EVP_PKEY_CTX *verify_context(EVP_PKEY *pkey, const EVP_MD *md)
{
	EVP_PKEY_CTX *ctx = md ? EVP_PKEY_CTX_new(pkey, NULL) : NULL;

	if (ctx && EVP_PKEY_verify_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, md) > 0)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static EVP_PKEY_CTX *recover_context(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

	if (ctx && EVP_PKEY_verify_recover_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int key_new(struct key **out, struct evp_pkey_st *pkey, struct err *err)
{
	int bits = EVP_PKEY_is_a(pkey, "RSA") ? EVP_PKEY_get_bits(pkey) : 0;
	struct key *k;

	if (bits < 1024 || bits > 8 * KEY_BYTES_MAX)
		return err_set(err, -EINVAL,
			       "its key is not RSA of 1024 to "
			       "8192 bits");
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_set(err, -ENOMEM, "out of memory");
	k->bits = bits;
	for (int i = 0; i < HASHES; i++) {
		k->md[i] = EVP_MD_fetch(NULL, hashes[i].name, NULL);
		k->verify[i] = verify_context(pkey, k->md[i]);
	}
	k->recover = recover_context(pkey);
	/* A refusal stays in the thread's queue, where TLS would find it. */
	ERR_clear_error();
	*out = k;
	return 0;
}

void key_free(struct key *k)
{
	if (!k)
		return;
	for (int i = 0; i < HASHES; i++) {
		EVP_MD_free(k->md[i]);
		EVP_PKEY_CTX_free(k->verify[i]);
	}
	EVP_PKEY_CTX_free(k->recover);
	free(k);
}

int key_bits(const struct key *k)
{
	return k->bits;
}

size_t key_digest(unsigned char out[KEY_DIGEST_MAX], const struct key *k,
		  enum key_hash hash, struct str text)
{
	unsigned int n = 0;

	if (!k->md[hash] ||
	    EVP_Digest(text.p, text.n, out, &n, k->md[hash], NULL) != 1) {
		ERR_clear_error();
		return 0;
	}
	return n;
}

/* Was it for want of memory rather than for the signature? */
static int refusal(int result)
{
	bool memory =
		ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;

	ERR_clear_error();
	return memory ? -ENOMEM : result < 0 ? -ENOTSUP : 1;
}

int key_verifies(const struct key *k, enum key_hash hash,
		 const unsigned char *digest, struct str signature)
{
	EVP_PKEY_CTX *ctx;
	int r;

	if (!k->verify[hash])
		return key_recovers(k, hash, digest, signature);
	ctx = EVP_PKEY_CTX_dup(k->verify[hash]);
	if (!ctx)
		return refusal(-1);
	r = EVP_PKEY_verify(ctx, (const unsigned char *)signature.p,
			    signature.n, digest, hashes[hash].digest_n);
	EVP_PKEY_CTX_free(ctx);
	return r == 1 ? 0 : refusal(r);
}

int key_recovers(const struct key *k, enum key_hash hash,
		 const unsigned char *digest, struct str signature)
{
	unsigned char info[KEY_BYTES_MAX];
	size_t n = sizeof(info), prefix_n = hashes[hash].prefix_n;
	EVP_PKEY_CTX *ctx = k->recover ? EVP_PKEY_CTX_dup(k->recover) : NULL;
	int r;

	if (!ctx)
		return refusal(-1);
	r = EVP_PKEY_verify_recover(
		ctx, info, &n, (const unsigned char *)signature.p, signature.n);
	EVP_PKEY_CTX_free(ctx);
	if (r != 1)
		return refusal(0);
	/* Whole and exact: trailing bytes were how such checks were forged
	 * (CVE-2006-4339). */
	return n != prefix_n + hashes[hash].digest_n ||
	       memcmp(info, hashes[hash].prefix, prefix_n) != 0 ||
	       memcmp(info + prefix_n, digest, hashes[hash].digest_n) != 0;
}
