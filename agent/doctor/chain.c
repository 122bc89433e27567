#include "agent/doctor/doctor.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

/*
 * A listener's certificates. SNS connects like a browser without a memory:
 * the leaf, every intermediate in the file, and a root that everybody knows.
 */
#define FILE_MAX (1 << 20)
#define CHAIN_MAX 20
#define SOON_DAYS 14
#define NAMES_SHOWN 5

#define FULLCHAIN                                                              \
	"give the whole chain in tls.certificate: the leaf first, then every " \
	"intermediate (fullchain.pem)"

/* No question at the terminal for a key that has a password. */
static int no_password(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static BIO *open_file(struct doctor_group *g, const char *what,
		      const char *path)
{
	struct stat st;
	BIO *in = NULL;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= FILE_MAX)
		in = BIO_new_file(path, "r");
	if (!in)
		doctor_say(g, errno == EACCES ? DOCTOR_WARN : DOCTOR_FAIL, what,
			   errno == EACCES ? DOCTOR_OWN_USER
					   : "look at listen[].tls",
			   "%s: %s", path,
			   errno ? strerror(errno) : "not a file of PEM");
	return in;
}

/* The file's certificates in their order; NULL: it said why. */
static STACK_OF(X509) *read_chain(struct doctor_group *g, const char *what,
				  const char *path)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	BIO *in = open_file(g, what, path);
	X509 *x;

	while (in && chain && sk_X509_num(chain) < CHAIN_MAX &&
	       (x = PEM_read_bio_X509(in, NULL, no_password, NULL)))
		if (!sk_X509_push(chain, x))
			X509_free(x);
	ERR_clear_error();
	BIO_free(in);
	if (in && sk_X509_num(chain) > 0)
		return chain;
	if (in)
		doctor_say(g, DOCTOR_FAIL, what, FULLCHAIN,
			   "%s holds no certificate in PEM", path);
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}

static void check_key(struct doctor_group *g, const char *what,
		      const char *path, X509 *leaf)
{
	BIO *in = open_file(g, what, path);
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password,
						     NULL) : NULL;

	if (in && !key)
		doctor_say(g, DOCTOR_FAIL, what,
			   "tls.key takes a key in PEM without a password",
			   "%s holds no key that can be read", path);
	else if (key && X509_check_private_key(leaf, key) != 1)
		doctor_say(g, DOCTOR_FAIL, what,
			   "give the key that the certificate was made for",
			   "%s is not the key of the first certificate", path);
	ERR_clear_error();
	EVP_PKEY_free(key);
	BIO_free(in);
}

static void put_name(struct buf *out, const X509_NAME *name)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n;

	if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_ONELINE) >= 0) {
		n = BIO_get_mem_data(b, &p);
		buf_put(out, p, n > 200 ? 200 : (size_t)n);
	}
	BIO_free(b);
}

static void check_names(struct doctor_group *g, const char *what, X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name,
						NULL, NULL);
	struct buf text = BUF_INIT(2048);
	int n = sk_GENERAL_NAME_num(names), shown = 0, dns = 0;

	for (int i = 0; i < n; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *s = name->d.dNSName;

		if (name->type != GEN_DNS)
			continue;
		if (dns++ >= NAMES_SHOWN)
			continue;
		buf_printf(&text, "%s%.*s", shown++ ? ", " : "",
			   ASN1_STRING_length(s), ASN1_STRING_get0_data(s));
	}
	if (dns > shown)
		buf_printf(&text, " and %d more", dns - shown);
	if (dns)
		doctor_say(g, DOCTOR_OK, what, NULL,
			   "for %s: the endpoint's URL must name one of them",
			   buf_str(&text).p);
	else
		doctor_say(g, DOCTOR_FAIL, what,
			   "have one made for the endpoint's host name",
			   "the certificate names no host (subjectAltName)");
	GENERAL_NAMES_free(names);
	buf_fini(&text);
}

/* The certificate of the chain that ends first. */
static void check_days(struct doctor_group *g, const char *what,
		       STACK_OF(X509) *chain)
{
	int days = 0, seconds = 0, least = INT32_MAX, which = 0;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);

		if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
			doctor_say(g, DOCTOR_FAIL, what,
				   "look at the clock, or wait",
				   "certificate %d isn't valid yet", i + 1);
		if (!ASN1_TIME_diff(&days, &seconds, NULL,
				    X509_get0_notAfter(x)))
			continue;
		if (seconds < 0)
			days--;
		if (days < least) {
			least = days;
			which = i;
		}
	}
	if (least < 0)
		doctor_say(g, DOCTOR_FAIL, what,
			   "renew it; the agent takes a new file by itself",
			   "certificate %d of the chain has expired",
			   which + 1);
	else if (least < SOON_DAYS)
		doctor_say(g, DOCTOR_WARN, what,
			   "renew it; the agent takes a new file by itself",
			   "certificate %d of the chain ends in %d days",
			   which + 1, least);
	else
		doctor_say(g, DOCTOR_OK, what, NULL, "%d days are left", least);
}

/* TLS 1.2 asks for this order, and some clients insist on it. */
static void check_order(struct doctor_group *g, const char *what,
			STACK_OF(X509) *chain)
{
	for (int i = 1; i < sk_X509_num(chain); i++)
		if (X509_check_issued(sk_X509_value(chain, i),
				      sk_X509_value(chain, i - 1)) !=
		    X509_V_OK) {
			doctor_say(g, DOCTOR_WARN, what, FULLCHAIN,
				   "certificate %d of the file did not issue "
				   "the one before it", i + 1);
			return;
		}
}

struct outcome {
	int code;		/* X509_V_OK: it leads to a root */
	struct buf missing;	/* the issuer that wasn't found */
};

static void verify(struct outcome *out, STACK_OF(X509) *chain,
		   const char *ca_file)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *at;

	out->code = X509_V_ERR_UNSPECIFIED;
	if (!store || !ctx)
		goto out;
	X509_STORE_set_default_paths(store);
	if (ca_file)
		X509_STORE_load_locations(store, ca_file, NULL);
	if (!X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain))
		goto out;
	X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
	/* What is wrong with dates was said already. */
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
				    X509_V_FLAG_NO_CHECK_TIME);
	out->code = X509_verify_cert(ctx) == 1 ? X509_V_OK :
						 X509_STORE_CTX_get_error(ctx);
	at = X509_STORE_CTX_get_current_cert(ctx);
	if (out->code != X509_V_OK && at)
		put_name(&out->missing, X509_get_issuer_name(at));
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
}

static void tell_fault(struct doctor_group *g, const char *what,
		       enum doctor_level level, const struct outcome *o,
		       STACK_OF(X509) *chain)
{
	X509 *leaf = sk_X509_value(chain, 0);

	if (X509_check_issued(leaf, leaf) == X509_V_OK)
		doctor_say(g, level, what,
			   "take one from a public authority such as Let's "
			   "Encrypt: SNS connects to no other",
			   "the certificate is signed by itself");
	else if (o->code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
		doctor_say(g, level, what,
			   "take one from a public authority: SNS connects to "
			   "no other", "the chain ends in a root that isn't "
			   "trusted here: %s", buf_str(&o->missing).p);
	else if (o->missing.n &&
		 (o->code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
		  o->code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
		  o->code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE))
		doctor_say(g, level, what, FULLCHAIN,
			   "the chain is not complete: the certificate of "
			   "\"%s\" is neither in the file nor a trusted root",
			   buf_str(&o->missing).p);
	else
		doctor_say(g, level, what, FULLCHAIN, "the chain: %s",
			   X509_verify_cert_error_string(o->code));
}

static void check_trust(struct doctor_group *g, const char *what,
			STACK_OF(X509) *chain)
{
	struct outcome o = { .missing = BUF_INIT(1024) };
	bool for_sns = g->conf->sns.topic_count > 0;
	const char *own = g->conf->network.ca_file;

	verify(&o, chain, NULL);
	if (o.code == X509_V_OK) {
		doctor_say(g, DOCTOR_OK, what, NULL,
			   "the chain is complete (%d in the file) and leads "
			   "to a trusted root", sk_X509_num(chain));
		goto out;
	}
	if (own) {
		struct outcome with_own = { .missing = BUF_INIT(1024) };

		verify(&with_own, chain, own);
		buf_fini(&with_own.missing);
		if (with_own.code == X509_V_OK) {
			doctor_say(g, for_sns ? DOCTOR_WARN : DOCTOR_OK, what,
				   for_sns ? "for AWS's SNS take one from a "
					     "public authority" : NULL,
				   "the chain is complete, but leads to a root "
				   "of network.ca_file alone");
			goto out;
		}
	}
	tell_fault(g, what, for_sns ? DOCTOR_FAIL : DOCTOR_WARN, &o, chain);
out:
	buf_fini(&o.missing);
}

void doctor_chain(struct doctor_group *g, const char *what,
		  const char *certificate, const char *key)
{
	STACK_OF(X509) *chain = read_chain(g, what, certificate);

	if (!chain)
		return;
	check_key(g, what, key, sk_X509_value(chain, 0));
	check_trust(g, what, chain);
	check_order(g, what, chain);
	check_names(g, what, sk_X509_value(chain, 0));
	check_days(g, what, chain);
	sk_X509_pop_free(chain, X509_free);
}
