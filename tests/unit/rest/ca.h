#ifndef TESTS_UNIT_REST_CA_H
#define TESTS_UNIT_REST_CA_H

/* A certificate authority of the test's own, made anew in each run. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct ca {
	EVP_PKEY *key;
	X509 *cert;
	char path[64];		/* its certificate in PEM */
};

static void ca_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!e || !X509_add_ext(x, e, -1))
		abort();
	X509_EXTENSION_free(e);
}

static X509 *ca_cert(const char *name, EVP_PKEY *key, X509 *issuer,
		     EVP_PKEY *signer, long from, long until)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	static long serial = 1;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), from);
	X509_gmtime_adj(X509_getm_notAfter(x), until);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : n);
	X509_set_pubkey(x, key);
	if (issuer) {
		ca_extend(x, issuer, NID_subject_alt_name, name);
	} else {
		ca_extend(x, x, NID_basic_constraints, "critical,CA:TRUE");
		ca_extend(x, x, NID_key_usage, "critical,keyCertSign");
	}
	if (!X509_sign(x, signer, EVP_sha256()))
		abort();
	return x;
}

static inline void ca_init(struct ca *ca)
{
	FILE *f;
	int fd;

	ca->key = EVP_EC_gen("P-256");
	ca->cert = ca_cert("test ca", ca->key, NULL, ca->key, -3600, 86400);
	snprintf(ca->path, sizeof(ca->path), "/tmp/rest-ca-XXXXXX");
	fd = mkstemp(ca->path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f || !PEM_write_X509(f, ca->cert) || fclose(f))
		abort();
}

static inline void ca_fini(struct ca *ca)
{
	unlink(ca->path);
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
}

/* A server's side; names as "DNS:localhost,IP:127.0.0.1". */
static inline SSL_CTX *ca_server(struct ca *ca, const char *names, bool expired)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = ca_cert(names, key, ca->cert, ca->key, -7200,
			  expired ? -3600 : 3600);

	if (SSL_CTX_use_certificate(ctx, x) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1)
		abort();
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}

#endif
