#include "aws/certificate.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/encode.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

enum { PEM_MAX = 16384 };

/*
 * The bytes of exactly one PEM block. OpenSSL's reader looks for a block
 * anywhere in its input, which is how XML that quotes a sender's words became
 * a certificate elsewhere.
 */
static int unwrap(struct buf *der, struct str pem, struct err *err)
{
	struct buf text = BUF_INIT(PEM_MAX);
	int r;

	pem = str_trim(pem);
	if (pem.n > PEM_MAX || !str_starts(pem, BEGIN) || !str_ends(pem, END) ||
	    pem.n < sizeof(BEGIN END) - 1)
		return err_set(err, -EINVAL,
			       "not one PEM certificate and "
			       "nothing else");
	pem = str_sub(pem, sizeof(BEGIN) - 1, pem.n - sizeof(BEGIN END) + 1);
	for (size_t i = 0; i < pem.n; i++)
		if (pem.p[i] != '\n' && pem.p[i] != '\r')
			buf_putc(&text, pem.p[i]);
	r = buf_error(&text);
	if (r == 0)
		r = decode_base64(der, buf_str(&text));
	buf_fini(&text);
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	if (r)
		return err_set(err, -EINVAL,
			       "the PEM block is not one of "
			       "base64 alone");
	return 0;
}

static int add_name(struct buf *names, const ASN1_STRING *s)
{
	struct str name = { (const char *)ASN1_STRING_get0_data(s),
			    (size_t)ASN1_STRING_length(s) };

	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= 0x20)
			return 0;
	buf_put_str(names, name);
	buf_putc(names, '\n');
	return buf_error(names);
}

static int read_alt_names(struct sns_cert *c, const X509 *x)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int r = 0;

	for (int i = 0; r == 0 && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_DNS)
			r = add_name(&c->names, g->d.dNSName);
	}
	GENERAL_NAMES_free(names);
	return r;
}

/* SNS's certificate of 2010 has no alternative names yet. */
static int read_subject(struct sns_cert *c, const X509 *x)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	c->by_subject = true;
	if (at < 0)
		return 0;
	return add_name(&c->names, X509_NAME_ENTRY_get_data(
					   X509_NAME_get_entry(subject, at)));
}

static int read_names(struct sns_cert *c, const X509 *x, struct err *err)
{
	int r;

	if (X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0)
		r = read_alt_names(c, x);
	else
		r = read_subject(c, x);
	if (r == -E2BIG)
		return err_set(err, -EINVAL, "it has too many names");
	return r ? err_set(err, r, "out of memory") : 0;
}

static int read_time(int64_t *out_ms, const ASN1_TIME *t, struct err *err)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return err_set(err, -EINVAL, "its validity is no time");
	*out_ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static int read_x509(struct sns_cert *c, const X509 *x, struct err *err)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	int r = key ? key_new(&c->key, key, err)
		    : err_set(err, -EINVAL, "its key can't be read");

	if (r == 0)
		r = read_time(&c->from_ms, X509_get0_notBefore(x), err);
	if (r == 0)
		r = read_time(&c->until_ms, X509_get0_notAfter(x), err);
	if (r == 0)
		r = read_names(c, x, err);
	c->until_ms += 999;
	return r;
}

/* Exactly the bytes of der, nothing after them. */
static X509 *decode(const struct buf *der)
{
	const unsigned char *p = (const unsigned char *)der->p;
	X509 *x = d2i_X509(NULL, &p, (long)der->n);

	if (x && p == (const unsigned char *)der->p + der->n)
		return x;
	X509_free(x);
	return NULL;
}

static int take_fingerprint(struct sns_cert *c, const struct buf *der)
{
	struct buf hex = BUF_INIT(sizeof(c->sha256));
	unsigned char digest[32];
	int ok = EVP_Digest(der->p, der->n, digest, NULL, EVP_sha256(), NULL);

	if (ok == 1)
		encode_hex(&hex, digest, sizeof(digest));
	if (hex.n == sizeof(c->sha256) - 1)
		memcpy(c->sha256, hex.p, hex.n);
	buf_fini(&hex);
	return c->sha256[0] ? 0 : -ENOMEM;
}

static void cert_free(struct sns_cert *c)
{
	if (!c)
		return;
	key_free(c->key);
	buf_fini(&c->names);
	free(c);
}

int sns_cert_read(struct sns_cert **out, struct str pem, struct err *err)
{
	struct buf der = BUF_INIT(PEM_MAX);
	struct sns_cert *c = NULL;
	X509 *x = NULL;
	int r = unwrap(&der, pem, err);

	if (r)
		goto out;
	x = decode(&der);
	if (!x) {
		r = err_set(err, -EINVAL, "not an X.509 certificate");
		goto out;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	atomic_init(&c->refs, 1);
	buf_init(&c->names, 4096);
	r = read_x509(c, x, err);
	if (!r && take_fingerprint(c, &der))
		r = err_set(err, -ENOMEM, "out of memory");
	if (r)
		goto out;
	*out = c;
	c = NULL;
out:
	cert_free(c);
	X509_free(x);
	buf_fini(&der);
	ERR_clear_error();
	return r;
}

const char *sns_cert_sha256(const struct sns_cert *cert)
{
	return cert->sha256;
}

/* Counting is no change that a reader could see. */
static struct sns_cert *counted(const struct sns_cert *cert)
{
	return (struct sns_cert *)cert;
}

void sns_cert_retain(const struct sns_cert *cert)
{
	atomic_fetch_add_explicit(&counted(cert)->refs, 1,
				  memory_order_relaxed);
}

void sns_cert_release(const struct sns_cert *cert)
{
	if (cert && atomic_fetch_sub_explicit(&counted(cert)->refs, 1,
					      memory_order_acq_rel) == 1)
		cert_free(counted(cert));
}

bool sns_cert_valid_at(const struct sns_cert *cert, int64_t at_ms)
{
	return at_ms >= cert->from_ms && at_ms <= cert->until_ms;
}
