#include "tests/unit/aws/signer.h"

#include <dirent.h>
#include <stdio.h>

#include "aws/certificate.h"
#include "tests/unit/aws/split.h"

/*
 * Messages that SNS itself signed, 2012 to 2026. They name strangers'
 * accounts and aren't part of this project; TOCSIN_CORPUS says where a copy
 * is: sns-signed/ and certs/ in it.
 */
static const char *corpus;

static struct buf slurp(const char *folder, struct str name)
{
	struct buf path = BUF_INIT(4096), text = BUF_INIT(4 << 20);
	FILE *f;
	char *to;

	buf_printf(&path, "%s/%s/%.*s", corpus, folder, STR_ARG(name));
	f = fopen(path.p, "rb");
	if (!f)
		fail_msg("cannot open %s", path.p);
	to = buf_room(&text, 1 << 20);
	buf_added(&text, fread(to, 1, 1 << 20, f));
	(void)fclose(f);
	buf_fini(&path);
	return text;
}

static struct sns_cert *cert_of(const struct sns_message *m)
{
	struct str url = m->signing_cert_url;
	size_t n = strlen("SimpleNotificationService-.pem") + 32;
	struct buf pem = slurp("certs", str_sub(url, url.n - n, n));
	struct sns_cert *cert = NULL;
	struct err err = { "" };

	if (sns_cert_read(&cert, buf_str(&pem), &err))
		fail_msg("%s", err.text);
	buf_fini(&pem);
	return cert;
}

typedef void visit(const char *name, const struct sns_message *m,
		   const struct sns_cert *cert);

static void each(visit *v)
{
	char path[4096];
	struct dirent *d;
	size_t seen = 0;
	DIR *dir;

	if (!corpus)
		skip();
	(void)snprintf(path, sizeof(path), "%s/sns-signed", corpus);
	dir = opendir(path);
	if (!dir)
		skip();
	while ((d = readdir(dir))) {
		struct str name = str_from(d->d_name);
		struct err err = { "" };
		struct sns_message m;
		struct sns_cert *cert;
		struct buf body;

		if (!str_ends(name, ".json"))
			continue;
		body = slurp("sns-signed", name);
		if (sns_read(&m, buf_str(&body), &err))
			fail_msg("%s: %s", d->d_name, err.text);
		cert = cert_of(&m);
		v(d->d_name, &m, cert);
		sns_cert_release(cert);
		sns_fini(&m);
		buf_fini(&body);
		seen++;
	}
	closedir(dir);
	assert_true(seen >= 31);
}

static void is_genuine(const char *name, const struct sns_message *m,
		       const struct sns_cert *cert)
{
	struct buf text = BUF_INIT(4 << 20);
	struct err err = { "" };
	struct split f;

	if (sns_certificate_url_check(m, &err) ||
	    sns_verify(m, cert, m->timestamp_ms, &err) != SNS_GENUINE)
		fail_msg("%s: %s", name, err.text);
	sns_signed_string(&text, m);
	assert_true(split_signed(&f, buf_str(&text)));
	assert_true(split_agrees(&f, m));
	buf_fini(&text);
}

static void all_verify(void **state)
{
	(void)state;
	each(is_genuine);
}

/* One byte of *field changed at a time, every step bytes. */
static void change_bytes(const char *name, struct sns_message *m,
			 const struct sns_cert *cert, struct str *field,
			 size_t step)
{
	struct str whole = *field;
	char *copy = strndup(whole.p, whole.n);

	for (size_t i = 0; i < whole.n; i += step) {
		*field = (struct str){ copy, whole.n };
		copy[i] ^= 1;
		if (sns_verify(m, cert, m->timestamp_ms, NULL) != SNS_FORGED)
			fail_msg("%s: byte %zu changed, still genuine", name,
				 i);
		copy[i] ^= 1;
	}
	*field = (struct str){ copy, whole.n - 1 };
	if (whole.n > 0)
		assert_int_equal(sns_verify(m, cert, m->timestamp_ms, NULL),
				 SNS_FORGED);
	*field = whole;
	free(copy);
}

static void withstands(const char *name, const struct sns_message *original,
		       const struct sns_cert *cert)
{
	struct sns_message m = *original;
	struct str *const fields[] = { &m.message,	 &m.message_id,
				       &m.subject,	 &m.timestamp,
				       &m.topic_arn,	 &m.token,
				       &m.subscribe_url, &m.signature };

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fields[i]->p)
			change_bytes(name, &m, cert, fields[i],
				     fields[i]->n / 16 + 1);
	for (int type = SNS_NOTIFICATION; type <= SNS_UNSUBSCRIBE; type++) {
		m.type = (enum sns_type)type;
		if (m.type != original->type)
			assert_int_equal(
				sns_verify(&m, cert, m.timestamp_ms, NULL),
				SNS_FORGED);
	}
	m = *original;
	m.signature_version = 3 - m.signature_version;
	assert_int_equal(sns_verify(&m, cert, m.timestamp_ms, NULL),
			 SNS_FORGED);
	m = *original;
	m.subject = m.subject.p ? STR_NONE : STR("");
	if (m.type == SNS_NOTIFICATION)
		assert_int_equal(sns_verify(&m, cert, m.timestamp_ms, NULL),
				 SNS_FORGED);
}

static void none_survives_a_changed_byte(void **state)
{
	(void)state;
	each(withstands);
}

/* The way that stands in where policy refuses SHA-1, on real signatures. */
static void recovers_too(const char *name, const struct sns_message *m,
			 const struct sns_cert *cert)
{
	enum key_hash hash = m->signature_version == 1 ? KEY_SHA1 : KEY_SHA256;
	unsigned char digest[KEY_DIGEST_MAX];
	struct buf text = BUF_INIT(4 << 20), raw = BUF_INIT(1026);

	sns_signed_string(&text, m);
	assert_int_equal(decode_base64(&raw, m->signature), 0);
	assert_true(key_digest(digest, cert->key, hash, buf_str(&text)) > 0);
	if (key_recovers(cert->key, hash, digest, buf_str(&raw)))
		fail_msg("%s", name);
	digest[0] ^= 1;
	assert_int_equal(key_recovers(cert->key, hash, digest, buf_str(&raw)),
			 1);
	buf_fini(&text);
	buf_fini(&raw);
}

static void all_verify_by_recovery(void **state)
{
	(void)state;
	each(recovers_too);
}

/* Their certificates are over; today they'd be refused for that alone. */
static void is_over(const char *name, const struct sns_message *m,
		    const struct sns_cert *cert)
{
	(void)name;
	assert_int_equal(sns_verify(m, cert, INT64_C(4102444800000), NULL),
			 SNS_BAD_CERT);
}

static void none_is_valid_in_2100(void **state)
{
	(void)state;
	each(is_over);
}

static void confirms(const char *name, const struct sns_message *m,
		     const struct sns_cert *cert)
{
	struct buf url = BUF_INIT(4096), sent = BUF_INIT(4096);
	struct err err = { "" };

	(void)cert;
	if (m->type == SNS_NOTIFICATION)
		return;
	if (sns_confirm_url(&url, m, &err))
		fail_msg("%s: %s", name, err.text);
	/* SNS's own URL says the same, with the colons left as they are. */
	assert_int_equal(decode_url(&sent, buf_str(&url)), 0);
	assert_true(str_eq(buf_str(&sent), m->subscribe_url));
	buf_fini(&url);
	buf_fini(&sent);
}

static void confirmations_confirm(void **state)
{
	(void)state;
	each(confirms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_verify),
		cmocka_unit_test(none_survives_a_changed_byte),
		cmocka_unit_test(all_verify_by_recovery),
		cmocka_unit_test(none_is_valid_in_2100),
		cmocka_unit_test(confirmations_confirm),
	};

	corpus = getenv("TOCSIN_CORPUS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
