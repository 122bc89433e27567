#include "agent/sandbox/certs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/encode.h"
#include "base/random.h"

#define DAY 86400L

/* Where "sns.REGION.SUFFIX" is; signer: whose certificate signs there. */
static const struct site {
	const char *region, *suffix;
	const char *signer;	/* NULL: sns.amazonaws.com */
} sites[] = {
	{ "us-east-1", "amazonaws.com", NULL },
	{ "us-east-2", "amazonaws.com", NULL },
	{ "us-west-1", "amazonaws.com", NULL },
	{ "us-west-2", "amazonaws.com", NULL },
	{ "ca-central-1", "amazonaws.com", NULL },
	{ "sa-east-1", "amazonaws.com", NULL },
	{ "eu-west-1", "amazonaws.com", NULL },
	{ "eu-west-2", "amazonaws.com", NULL },
	{ "eu-west-3", "amazonaws.com", NULL },
	{ "eu-central-1", "amazonaws.com", NULL },
	{ "eu-north-1", "amazonaws.com", NULL },
	{ "ap-south-1", "amazonaws.com", NULL },
	{ "ap-northeast-1", "amazonaws.com", NULL },
	{ "ap-northeast-2", "amazonaws.com", NULL },
	{ "ap-northeast-3", "amazonaws.com", NULL },
	{ "ap-southeast-1", "amazonaws.com", NULL },
	{ "ap-southeast-2", "amazonaws.com", NULL },
	{ "us-gov-west-1", "amazonaws.com",
	  "sns-us-gov-west-1.amazonaws.com" },
	{ "us-gov-east-1", "amazonaws.com",
	  "sns-us-gov-west-1.amazonaws.com" },
	{ "cn-north-1", "amazonaws.com.cn",
	  "sns-cn-north-1.amazonaws.com.cn" },
	{ "cn-northwest-1", "amazonaws.com.cn",
	  "sns-cn-northwest-1.amazonaws.com.cn" },
	{ "eusc-de-east-1", "amazonaws.eu",
	  "sns-signing.eusc-de-east-1.amazonaws.eu" },
#define OPT_IN(region) \
	{ region, "amazonaws.com", "sns-signing." region ".amazonaws.com" }
	OPT_IN("af-south-1"), OPT_IN("ap-east-1"), OPT_IN("ap-east-2"),
	OPT_IN("ap-south-2"), OPT_IN("ap-southeast-3"),
	OPT_IN("ap-southeast-4"), OPT_IN("ap-southeast-5"),
	OPT_IN("ap-southeast-6"), OPT_IN("ap-southeast-7"),
	OPT_IN("ca-west-1"), OPT_IN("eu-central-2"), OPT_IN("eu-south-1"),
	OPT_IN("eu-south-2"), OPT_IN("il-central-1"), OPT_IN("me-central-1"),
	OPT_IN("me-south-1"), OPT_IN("mx-central-1"),
};

#define SITES (sizeof(sites) / sizeof(*sites))

static int crypto_failed(struct err *err, const char *what)
{
	return err_set(err, -EIO, "OpenSSL can't %s", what);
}

void box_pair_fini(struct box_pair *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
	*p = (struct box_pair){ 0 };
}

EVP_PKEY *box_certs_stranger(void)
{
	return EVP_RSA_gen(2048);
}

static bool extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static bool fill(X509 *cert, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	uint64_t serial = random_u64() >> 1;

	return X509_set_version(cert, 2) &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), 397 * DAY) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					  (const unsigned char *)name, -1, -1,
					  0) &&
	       X509_set_pubkey(cert, key);
}

/* names: a subjectAltName, or NULL for an authority. issuer NULL: itself. */
static int make(struct box_pair *out, EVP_PKEY *key, const char *name,
		const char *names, const struct box_pair *issuer,
		struct err *err)
{
	struct box_pair p = { .key = key, .cert = X509_new() };
	X509 *by = issuer ? issuer->cert : p.cert;
	bool ok = key && p.cert && fill(p.cert, key, name) &&
		  X509_set_issuer_name(p.cert, X509_get_subject_name(by));

	if (ok && names)
		ok = extend(p.cert, by, NID_subject_alt_name, names) &&
		     extend(p.cert, by, NID_ext_key_usage, "serverAuth") &&
		     extend(p.cert, by, NID_basic_constraints, "CA:FALSE");
	else if (ok)
		ok = extend(p.cert, by, NID_basic_constraints,
			    "critical,CA:TRUE") &&
		     extend(p.cert, by, NID_key_usage,
			    "critical,keyCertSign,cRLSign") &&
		     extend(p.cert, by, NID_subject_key_identifier, "hash");
	if (ok && X509_sign(p.cert, issuer ? issuer->key : key, EVP_sha256())) {
		*out = p;
		return 0;
	}
	box_pair_fini(&p);
	return crypto_failed(err, "make a certificate");
}

static int save(const char *path, BIO *bio, struct err *err)
{
	struct buf temporary = BUF_INIT(4096);
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	int fd, ret = 0;

	buf_printf(&temporary, "%s.new", path);
	fd = open(temporary.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, (size_t)n) != n ||
	    rename(temporary.p, path))
		ret = err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	buf_fini(&temporary);
	return ret;
}

static void put_path(struct buf *out, const char *dir, const char *name,
		     const char *ending)
{
	buf_printf(out, "%s/%s%s", dir, name, ending);
}

static int save_pair(const struct box_pair *p, const char *dir,
		     const char *name, struct err *err)
{
	struct buf cert = BUF_INIT(4096), key = BUF_INIT(4096);
	BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
	int ret = 0;

	put_path(&cert, dir, name, ".pem");
	put_path(&key, dir, name, ".key");
	if (!cert_bio || !key_bio || !PEM_write_bio_X509(cert_bio, p->cert) ||
	    !PEM_write_bio_PrivateKey(key_bio, p->key, NULL, NULL, 0, NULL,
				      NULL))
		ret = crypto_failed(err, "write PEM");
	if (!ret)
		ret = save(key.p, key_bio, err);
	if (!ret)
		ret = save(cert.p, cert_bio, err);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	buf_fini(&cert);
	buf_fini(&key);
	return ret;
}

/* False where the pair isn't there, isn't one, or ends within a week. */
static bool load(struct box_pair *out, const char *dir, const char *name)
{
	struct buf path = BUF_INIT(4096);
	struct box_pair p = { 0 };
	time_t soon = time(NULL) + 7 * DAY;
	BIO *bio;

	put_path(&path, dir, name, ".pem");
	bio = BIO_new_file(path.p, "r");
	if (bio)
		p.cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	buf_reset(&path);
	put_path(&path, dir, name, ".key");
	bio = BIO_new_file(path.p, "r");
	if (bio)
		p.key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	buf_fini(&path);
	if (p.cert && p.key && X509_check_private_key(p.cert, p.key) == 1 &&
	    X509_cmp_time(X509_get0_notAfter(p.cert), &soon) > 0) {
		*out = p;
		return true;
	}
	/* Or a TLS connection of this thread would be blamed for it. */
	ERR_clear_error();
	box_pair_fini(&p);
	return false;
}

static int open_authority(struct box_pair *out, const char *dir,
			  struct err *err)
{
	int ret;

	if (load(out, dir, "ca"))
		return 0;
	ret = make(out, EVP_EC_gen("P-256"), "tocsin sandbox authority", NULL,
		   NULL, err);
	return ret ? ret : save_pair(out, dir, "ca", err);
}

static int open_tls(const struct box_pair *ca, const char *dir, struct err *err)
{
	struct buf names = BUF_INIT(16384);
	struct box_pair p = { 0 };
	int ret = 0;

	buf_puts(&names, "DNS:localhost,IP:127.0.0.1,IP:::1");
	for (size_t i = 0; i < SITES; i++)
		buf_printf(&names, ",DNS:sns.%s.%s", sites[i].region,
			   sites[i].suffix);
	if (!load(&p, dir, "sns") ||
	    X509_verify(p.cert, X509_get0_pubkey(ca->cert)) != 1) {
		box_pair_fini(&p);
		ret = make(&p, EVP_EC_gen("P-256"), "sns.amazonaws.com",
			   names.p, ca, err);
		if (!ret)
			ret = save_pair(&p, dir, "sns", err);
	}
	box_pair_fini(&p);
	buf_fini(&names);
	return ret;
}

static int open_signing(struct box_pair *out, const char *dir, struct err *err)
{
	struct buf names = BUF_INIT(16384);
	int ret = 0;

	buf_puts(&names, "DNS:sns.amazonaws.com");
	for (size_t i = 0; i < SITES; i++)
		if (sites[i].signer)
			buf_printf(&names, ",DNS:%s", sites[i].signer);
	if (!load(out, dir, "signing")) {
		ret = make(out, EVP_RSA_gen(2048), "sns.amazonaws.com",
			   names.p, NULL, err);
		if (!ret)
			ret = save_pair(out, dir, "signing", err);
	}
	buf_fini(&names);
	return ret;
}

int box_certs_open(struct box_pair *signing, const char *dir, struct err *err)
{
	struct box_pair ca = { 0 };
	int ret = open_authority(&ca, dir, err);

	if (!ret)
		ret = open_tls(&ca, dir, err);
	if (!ret)
		ret = open_signing(signing, dir, err);
	box_pair_fini(&ca);
	return ret;
}

int box_certs_put_name(struct buf *out, const X509 *cert)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!X509_digest(cert, EVP_md5(), md, &n))
		return -EIO;
	buf_puts(out, "SimpleNotificationService-");
	encode_hex(out, md, n);
	buf_puts(out, ".pem");
	return 0;
}

void box_certs_put_pem(struct buf *out, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long n;

	if (bio && PEM_write_bio_X509(bio, cert)) {
		n = BIO_get_mem_data(bio, &data);
		buf_put(out, data, (size_t)n);
	}
	BIO_free(bio);
}
