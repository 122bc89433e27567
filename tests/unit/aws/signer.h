#ifndef UNIT_AWS_SIGNER_H
#define UNIT_AWS_SIGNER_H

/*
 * An SNS of our own: keys, certificates as SNS's look, signed envelopes.
 * Aborts where OpenSSL fails; it is only for tests.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "aws/cert.h"
#include "aws/sns.h"
#include "base/clock.h"
#include "base/encode.h"

#define ARN "arn:aws:sns:us-east-1:111122223333:alarms-pay"
#define CERT_URL                                                               \
	"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-"       \
	"0123456789abcdef0123456789abcdef.pem"
#define WHEN "2026-11-21T10:00:00.123Z"
#define WHEN_MS INT64_C(1795255200123)
#define DAY_MS INT64_C(86400000)

struct cert_form {
	const char *cn;	 /* NULL: none */
	const char *san; /* "DNS:...,DNS:..."; NULL: none */
	int64_t from_ms, until_ms;
};

static inline struct cert_form usual_form(void)
{
	return (struct cert_form){ "sns.amazonaws.com", "DNS:sns.amazonaws.com",
				   WHEN_MS - 30 * DAY_MS,
				   WHEN_MS + 30 * DAY_MS };
}

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

static inline void set_time(ASN1_TIME *t, int64_t ms)
{
	MUST(ASN1_TIME_adj(t, (time_t)(ms / 1000), 0, 0));
}

static inline X509 *make_x509(EVP_PKEY *key, struct cert_form form)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	MUST(X509_set_version(x, 2) == 1);
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(x), 7) == 1);
	set_time(X509_getm_notBefore(x), form.from_ms);
	set_time(X509_getm_notAfter(x), form.until_ms);
	if (form.cn)
		MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
						(const unsigned char *)form.cn,
						-1, -1, 0) == 1);
	MUST(X509_set_issuer_name(x, name) == 1);
	MUST(X509_set_pubkey(x, key) == 1);
	if (form.san) {
		X509_EXTENSION *ext = X509V3_EXT_conf_nid(
			NULL, NULL, NID_subject_alt_name, form.san);

		MUST(ext && X509_add_ext(x, ext, -1) == 1);
		X509_EXTENSION_free(ext);
	}
	MUST(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

/* The PEM text, yours to free. */
static inline char *make_pem(EVP_PKEY *key, struct cert_form form)
{
	X509 *x = make_x509(key, form);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long n;

	MUST(PEM_write_bio_X509(bio, x) == 1);
	n = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)n);
	MUST(text);
	BIO_free(bio);
	X509_free(x);
	return text;
}

static inline struct sns_cert *make_cert(EVP_PKEY *key, struct cert_form form)
{
	struct sns_cert *cert = NULL;
	struct err err = { "" };
	char *pem = make_pem(key, form);

	if (sns_cert_read(&cert, str_from(pem), &err))
		fail_msg("%s", err.text);
	free(pem);
	return cert;
}

/* base64(RSASSA-PKCS1-v1_5(text)), yours to free. */
static inline char *sign_text(EVP_PKEY *key, int version, struct str text)
{
	struct buf out = BUF_INIT(4096);
	unsigned char raw[1024];
	size_t n = sizeof(raw);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	MUST(EVP_DigestSignInit(ctx, NULL,
				version == 1 ? EVP_sha1() : EVP_sha256(), NULL,
				key) == 1);
	MUST(EVP_DigestSign(ctx, raw, &n, (const unsigned char *)text.p,
			    text.n) == 1);
	EVP_MD_CTX_free(ctx);
	encode_base64(&out, raw, n);
	return buf_take(&out);
}

static inline struct sns_message usual_message(void)
{
	return (struct sns_message){
		.type = SNS_NOTIFICATION,
		.message_id = STR("5f1d2b3c-0a1b-4c2d-8e3f-123456789abc"),
		.topic_arn = STR(ARN),
		.message = STR("{\"AlarmName\":\"pay-db-cpu\"}\nsecond line"),
		.subject = STR("ALARM: \"pay-db-cpu\" in US East"),
		.timestamp = STR(WHEN),
		.timestamp_ms = WHEN_MS,
		.signing_cert_url = STR(CERT_URL),
		.signature_version = 2,
		.partition = STR("aws"),
		.region = STR("us-east-1"),
		.account = STR("111122223333"),
		.topic = STR("alarms-pay"),
	};
}

/* Sign m in place; the base64 is yours to free. */
static inline char *sign_message(struct sns_message *m, EVP_PKEY *key)
{
	struct buf text = BUF_INIT(1 << 20);
	char *signature;

	sns_signed_string(&text, m);
	signature = sign_text(key, m->signature_version, buf_str(&text));
	m->signature = str_from(signature);
	buf_fini(&text);
	return signature;
}

static inline void put_json_str(struct buf *out, struct str s)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

static inline void put_member(struct buf *out, const char *key, struct str s)
{
	if (!s.p)
		return;
	buf_printf(out, "%s  \"%s\" : ", out->n > 2 ? ",\n" : "", key);
	put_json_str(out, s);
}

/* m as SNS posts it. */
static inline void put_envelope(struct buf *out, const struct sns_message *m)
{
	buf_puts(out, "{\n");
	put_member(out, "Type", str_from(sns_type_name(m->type)));
	put_member(out, "MessageId", m->message_id);
	put_member(out, "Token", m->token);
	put_member(out, "TopicArn", m->topic_arn);
	put_member(out, "Subject", m->subject);
	put_member(out, "Message", m->message);
	put_member(out, "SubscribeURL", m->subscribe_url);
	put_member(out, "Timestamp", m->timestamp);
	put_member(out, "SignatureVersion",
		   m->signature_version == 1 ? STR("1") : STR("2"));
	put_member(out, "Signature",
		   m->signature.p ? m->signature : STR("c2lnbmVk"));
	put_member(out, "SigningCertURL", m->signing_cert_url);
	if (m->type == SNS_NOTIFICATION)
		put_member(out, "UnsubscribeURL",
			   STR("https://sns.us-east-1.amazonaws.com/"
			       "?Action=Unsubscribe"));
	buf_puts(out, "\n}\n");
}

#endif
