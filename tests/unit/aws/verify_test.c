#include "tests/unit/aws/signer.h"

#include <openssl/err.h>

#include "aws/certificate.h"

static EVP_PKEY *key, *other;
static struct sns_cert *cert;

static enum sns_verdict verify(const struct sns_message *m,
			       const struct sns_cert *c, int64_t at_ms)
{
	struct err err = { "" };
	enum sns_verdict v = sns_verify(m, c, at_ms, &err);

	assert_true((v == SNS_GENUINE) == !err.text[0]);
	/* TLS on the same thread would take what is left for its own. */
	assert_true(ERR_peek_error() == 0);
	return v;
}

static void takes_genuine_ones(void **state)
{
	(void)state;
	for (int version = 1; version <= 2; version++)
		for (int type = SNS_NOTIFICATION; type <= SNS_UNSUBSCRIBE;
		     type++) {
			struct sns_message m = usual_message();
			char *signature;

			m.type = (enum sns_type)type;
			m.signature_version = version;
			m.token = STR("abcd");
			m.subscribe_url = STR("https://h/");
			signature = sign_message(&m, key);
			assert_int_equal(verify(&m, cert, WHEN_MS),
					 SNS_GENUINE);
			free(signature);
		}
}

/* Over a real body: written, posted, read, verified. */
static void takes_what_was_posted(void **state)
{
	struct sns_message m = usual_message(), got;
	struct buf body = BUF_INIT(1 << 20);
	char *signature;

	(void)state;
	m.message = STR("tab\there, \"quotes\", \\ and \xf0\x9f\x8d\x8c\r\n");
	signature = sign_message(&m, key);
	put_envelope(&body, &m);
	assert_int_equal(sns_read(&got, buf_str(&body), NULL), 0);
	assert_int_equal(verify(&got, cert, WHEN_MS), SNS_GENUINE);
	sns_fini(&got);
	buf_fini(&body);
	free(signature);
}

struct change {
	const char *what;
	void (*make)(struct sns_message *m);
};

static void message(struct sns_message *m)
{
	m->message = STR("other");
}
static void no_message(struct sns_message *m)
{
	m->message = STR("");
}
static void id(struct sns_message *m)
{
	m->message_id = STR("5f1d2b3c-0a1b-4c2d-8e3f-123456789abd");
}
static void subject(struct sns_message *m)
{
	m->subject = STR("OK");
}
static void no_subject(struct sns_message *m)
{
	m->subject = STR_NONE;
}
static void timestamp(struct sns_message *m)
{
	m->timestamp = STR("2026-11-21T10:00:00.124Z");
}
static void topic(struct sns_message *m)
{
	m->topic_arn = STR("arn:aws:sns:us-east-1:111122223333:alarms-paz");
}
static void type(struct sns_message *m)
{
	m->type = SNS_SUBSCRIBE;
	m->token = m->subscribe_url = STR("x");
}
static void version(struct sns_message *m)
{
	m->signature_version = 3 - m->signature_version;
}
static void empty(struct sns_message *m)
{
	m->signature = STR("");
}
static void short_one(struct sns_message *m)
{
	m->signature.n -= 4;
}
static void junk(struct sns_message *m)
{
	m->signature = STR("!!!!");
}
static void one_byte(struct sns_message *m)
{
	m->signature = STR("AA==");
}

/* S10 */
static void refuses_forged_ones(void **state)
{
	static const struct change changes[] = {
		{ "Message", message },	      { "no Message", no_message },
		{ "MessageId", id },	      { "Subject", subject },
		{ "no Subject", no_subject }, { "Timestamp", timestamp },
		{ "TopicArn", topic },	      { "Type", type },
		{ "version", version },	      { "empty", empty },
		{ "short", short_one },	      { "junk", junk },
		{ "one byte", one_byte },
	};

	(void)state;
	for (int v = 1; v <= 2; v++)
		for (size_t i = 0; i < sizeof(changes) / sizeof(*changes);
		     i++) {
			struct sns_message m = usual_message();
			char *signature;

			m.signature_version = v;
			signature = sign_message(&m, key);
			changes[i].make(&m);
			if (verify(&m, cert, WHEN_MS) != SNS_FORGED)
				fail_msg("v%d: %s", v, changes[i].what);
			free(signature);
		}
}

static void refuses_another_key(void **state)
{
	struct sns_message m = usual_message();
	char *signature = sign_message(&m, other);

	(void)state;
	assert_int_equal(verify(&m, cert, WHEN_MS), SNS_FORGED);
	free(signature);
}

static void checks_validity(void **state)
{
	struct sns_message m = usual_message();
	char *signature = sign_message(&m, key);
	struct err err;

	(void)state;
	assert_int_equal(verify(&m, cert, WHEN_MS - 31 * DAY_MS), SNS_BAD_CERT);
	assert_int_equal(verify(&m, cert, WHEN_MS + 31 * DAY_MS), SNS_BAD_CERT);
	assert_int_equal(sns_verify(&m, cert, WHEN_MS + 31 * DAY_MS, &err),
			 SNS_BAD_CERT);
	assert_non_null(strstr(err.text, "valid from 2026-10-22T10:00:00Z to "
					 "2026-12-21T10:00:00Z"));
	free(signature);
}

static void checks_the_name(void **state)
{
	static const struct {
		const char *cn, *san, *region;
		enum sns_verdict v;
	} t[] = {
		{ "x", "DNS:sns.amazonaws.com", "us-east-1", SNS_GENUINE },
		{ NULL, "DNS:x.example,DNS:sns.amazonaws.com", "us-east-1",
		  SNS_GENUINE },
		{ "sns.amazonaws.com", "DNS:x.example", "us-east-1",
		  SNS_BAD_CERT },
		{ "sns.amazonaws.com", NULL, "us-east-1", SNS_BAD_CERT },
		{ "sns.amazonaws.com", "IP:127.0.0.1", "us-east-1",
		  SNS_BAD_CERT },
		{ "x", "DNS:*.amazonaws.com", "us-east-1", SNS_BAD_CERT },
		{ "x", "DNS:sns.amazonaws.com.evil.example", "us-east-1",
		  SNS_BAD_CERT },
		{ "x", "email:sns.amazonaws.com@x.example", "us-east-1",
		  SNS_BAD_CERT },
		{ "x", "URI:https://sns.amazonaws.com/", "us-east-1",
		  SNS_BAD_CERT },
		{ "x", "DNS:sns.amazonaws.com", "af-south-1", SNS_BAD_CERT },
		{ "x",
		  "DNS:sns-signing.af-south-1.amazonaws.com,"
		  "DNS:sns.af-south-1.amazonaws.com",
		  "af-south-1", SNS_GENUINE },
		{ "x", "DNS:sns-signing.af-south-1.amazonaws.com", "us-east-1",
		  SNS_BAD_CERT },
	};
	struct sns_message m = usual_message();
	char *signature = sign_message(&m, key);

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct cert_form form = usual_form();
		struct sns_cert *c;

		form.cn = t[i].cn;
		form.san = t[i].san;
		c = make_cert(key, form);
		m.region = str_from(t[i].region);
		if (verify(&m, c, WHEN_MS) != t[i].v)
			fail_msg("%s, %s", t[i].san ? t[i].san : "no SAN",
				 t[i].region);
		sns_cert_release(c);
	}
	free(signature);
}

/* The subject counts, and 1024 bits do, for what was signed before 2014. */
static void knows_older_certificates(void **state)
{
	static const int64_t ends_2013 = INT64_C(1388534399999);
	EVP_PKEY *small = EVP_RSA_gen(1024);
	struct cert_form form = usual_form();
	struct sns_message m = usual_message();
	struct sns_cert *c;
	char *signature;

	(void)state;
	form.san = NULL;
	form.from_ms = ends_2013 - 300 * DAY_MS;
	m.signature_version = 1;
	signature = sign_message(&m, small);
	c = make_cert(small, form);
	assert_int_equal(verify(&m, c, ends_2013), SNS_GENUINE);
	assert_int_equal(verify(&m, c, ends_2013 + 1), SNS_BAD_CERT);
	sns_cert_release(c);
	form.san = "DNS:sns.amazonaws.com";
	c = make_cert(small, form);
	assert_int_equal(verify(&m, c, ends_2013), SNS_GENUINE);
	assert_int_equal(verify(&m, c, ends_2013 + 1), SNS_BAD_CERT);
	assert_int_equal(verify(&m, c, WHEN_MS), SNS_BAD_CERT);
	sns_cert_release(c);
	free(signature);
	EVP_PKEY_free(small);
}

static const unsigned char *digest_of(unsigned char *out, int v,
				      struct str text)
{
	assert_true(key_digest(out, cert->key, v == 1 ? KEY_SHA1 : KEY_SHA256,
			       text) == (v == 1 ? 20u : 32u));
	return out;
}

/* What takes over where policy refuses SHA-1 signatures. */
static void recovers(void **state)
{
	unsigned char digest[KEY_DIGEST_MAX];
	struct str text = STR("text");

	(void)state;
	for (int v = 1; v <= 2; v++) {
		enum key_hash hash = v == 1 ? KEY_SHA1 : KEY_SHA256;
		char *b64 = sign_text(key, v, text);
		char *foreign = sign_text(other, v, text);
		char *crossed = sign_text(key, 3 - v, text);
		struct buf s = BUF_INIT(1024);

		digest_of(digest, v, text);
		assert_int_equal(decode_base64(&s, str_from(b64)), 0);
		assert_int_equal(
			key_recovers(cert->key, hash, digest, buf_str(&s)), 0);
		assert_int_equal(
			key_verifies(cert->key, hash, digest, buf_str(&s)), 0);
		digest[19] ^= 1;
		assert_int_equal(
			key_recovers(cert->key, hash, digest, buf_str(&s)), 1);
		digest[19] ^= 1;
		for (size_t i = 0; i < s.n; i += 5) {
			s.p[i] ^= 4;
			assert_int_equal(key_recovers(cert->key, hash, digest,
						      buf_str(&s)),
					 1);
			s.p[i] ^= 4;
		}
		s.n--;
		assert_int_equal(
			key_recovers(cert->key, hash, digest, buf_str(&s)), 1);
		buf_reset(&s);
		assert_int_equal(
			key_recovers(cert->key, hash, digest, buf_str(&s)), 1);
		assert_int_equal(decode_base64(&s, str_from(foreign)), 0);
		assert_int_equal(
			key_recovers(cert->key, hash, digest, buf_str(&s)), 1);
		buf_reset(&s);
		assert_int_equal(decode_base64(&s, str_from(crossed)), 0);
		assert_int_equal(
			key_recovers(cert->key, hash, digest, buf_str(&s)), 1);
		buf_fini(&s);
		free(b64);
		free(foreign);
		free(crossed);
	}
	assert_true(ERR_peek_error() == 0);
}

/* Sign info as it is, without a hash's name being added. */
static void sign_raw(struct buf *out, const unsigned char *info, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	char *to = buf_room(out, 256);
	size_t size = 256;

	MUST(EVP_PKEY_sign_init(ctx) == 1);
	MUST(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1);
	MUST(EVP_PKEY_sign(ctx, (unsigned char *)to, &size, info, n) == 1);
	buf_added(out, size);
	EVP_PKEY_CTX_free(ctx);
}

/* Only the one DigestInfo counts: not more bytes behind it, not the variant
 * without NULL, not the bare hash. */
static void recovers_exact_bytes_only(void **state)
{
	unsigned char digest[KEY_DIGEST_MAX],
		info[64] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
			     0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 },
		no_null[33] = { 0x30, 0x1f, 0x30, 0x07, 0x06, 0x05, 0x2b,
				0x0e, 0x03, 0x02, 0x1a, 0x04, 0x14 };
	const struct {
		const unsigned char *p;
		size_t n;
		int r;
	} t[] = {
		{ info, 35, 0 },      { info, 36, 1 },	  { info, 34, 1 },
		{ info + 15, 20, 1 }, { no_null, 33, 1 }, { info, 15, 1 },
	};

	(void)state;
	digest_of(digest, 1, STR("text"));
	memcpy(info + 15, digest, 20);
	memcpy(no_null + 13, digest, 20);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct buf s = BUF_INIT(1024);

		sign_raw(&s, t[i].p, t[i].n);
		assert_int_equal(
			key_recovers(cert->key, KEY_SHA1, digest, buf_str(&s)),
			t[i].r);
		buf_fini(&s);
	}
}

static void remembers_what_it_proved(void **state)
{
	struct sns_message m = usual_message();
	struct sns_cert *c = make_cert(key, usual_form());
	char *signature = sign_message(&m, key);

	(void)state;
	m.signature.n -= 4;
	assert_int_equal(verify(&m, c, WHEN_MS), SNS_FORGED);
	assert_false(c->proven);
	m.signature.n += 4;
	assert_int_equal(verify(&m, c, WHEN_MS), SNS_GENUINE);
	assert_true(c->proven);
	sns_cert_release(c);
	free(signature);
}

/*
 * A system that computes no hashes at all: asked for FIPS algorithms where
 * none are. Last, for it holds for this whole process.
 */
static void says_so_where_it_cannot_compute(void **state)
{
	struct sns_message m = usual_message();
	char *signature = sign_message(&m, key);
	char *pem = make_pem(key, usual_form());
	struct sns_cert *c = NULL;

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "fips=yes"), 1);
	if (sns_cert_read(&c, str_from(pem), NULL) == 0)
		assert_int_equal(verify(&m, c, WHEN_MS), SNS_CANNOT_SAY);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	sns_cert_release(c);
	free(pem);
	free(signature);
}

static int setup(void **state)
{
	(void)state;
	key = EVP_RSA_gen(2048);
	other = EVP_RSA_gen(2048);
	cert = make_cert(key, usual_form());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sns_cert_release(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_genuine_ones),
		cmocka_unit_test(takes_what_was_posted),
		cmocka_unit_test(refuses_forged_ones),
		cmocka_unit_test(refuses_another_key),
		cmocka_unit_test(checks_validity),
		cmocka_unit_test(checks_the_name),
		cmocka_unit_test(knows_older_certificates),
		cmocka_unit_test(recovers),
		cmocka_unit_test(recovers_exact_bytes_only),
		cmocka_unit_test(remembers_what_it_proved),
		cmocka_unit_test(says_so_where_it_cannot_compute),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
