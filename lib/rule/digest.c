#include "rule/digest.h"

#include <openssl/evp.h>

#include "base/encode.h"

/* An EVP_MD_CTX by a name of our own. */
struct digest *digest_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	return (struct digest *)c;
}

void digest_add(struct digest *d, struct str s)
{
	uint64_t n = s.n;

	EVP_DigestUpdate((EVP_MD_CTX *)d, &n, sizeof(n));
	EVP_DigestUpdate((EVP_MD_CTX *)d, s.p, s.n);
}

void digest_end(struct digest *d, struct buf *out, size_t n)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };
	struct buf hex = BUF_INIT(2 * sizeof(sum));
	unsigned len = 0;

	if (!d)
		return;
	EVP_DigestFinal_ex((EVP_MD_CTX *)d, sum, &len);
	encode_hex(&hex, sum, len);
	buf_put_str(out, str_sub(buf_str(&hex), 0, n < hex.n ? n : hex.n));
	buf_fini(&hex);
	EVP_MD_CTX_free((EVP_MD_CTX *)d);
}
