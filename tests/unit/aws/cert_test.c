#include "tests/unit/aws/signer.h"

#include <errno.h>

static EVP_PKEY *key;

static int read_text(struct str pem)
{
	struct sns_cert *cert = NULL;
	struct err err = { "" };
	int r = sns_cert_read(&cert, pem, &err);

	assert_true((r == 0) == (cert != NULL));
	assert_true((r == 0) == !err.text[0]);
	sns_cert_release(cert);
	return r;
}

static int read_between(const char *before, const char *pem, const char *after)
{
	struct buf b = BUF_INIT(65536);
	int r;

	buf_printf(&b, "%s%s%s", before, pem, after);
	r = read_text(buf_str(&b));
	buf_fini(&b);
	return r;
}

static void reads_one_block(void **state)
{
	char *pem = make_pem(key, usual_form());

	(void)state;
	assert_int_equal(read_between("", pem, ""), 0);
	assert_int_equal(read_between("\r\n \t", pem, "\n\n "), 0);
	pem[strlen(pem) - 1] = '\0';
	assert_int_equal(read_between("", pem, ""), 0);
	free(pem);
}

/* CRLF line ends are the same block. */
static void reads_crlf(void **state)
{
	char *pem = make_pem(key, usual_form());
	struct buf b = BUF_INIT(65536);

	(void)state;
	for (const char *p = pem; *p; p++) {
		if (*p == '\n')
			buf_putc(&b, '\r');
		buf_putc(&b, *p);
	}
	assert_int_equal(read_text(buf_str(&b)), 0);
	buf_fini(&b);
	free(pem);
}

static void refuses_company(void **state)
{
	static const char *const junk[] = {
		"x",
		"<xml><value>",
		"Subject: CN=x\n",
		"#\n",
		"\001",
		"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		"\xef\xbb\xbf",
	};
	char *pem = make_pem(key, usual_form());

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		assert_int_equal(read_between(junk[i], pem, ""), -EINVAL);
		assert_int_equal(read_between("", pem, junk[i]), -EINVAL);
	}
	assert_int_equal(read_between(pem, pem, ""), -EINVAL);
	assert_int_equal(read_between("<xml><value>", pem, "</value></xml>"),
			 -EINVAL);
	free(pem);
}

#define WITH_HEADERS                                                           \
	"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n"        \
	"-----END CERTIFICATE-----"

static void refuses_damage(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"-----BEGIN CERTIFICATE-----",
		"-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\nA A=\n-----END CERTIFICATE-----",
		WITH_HEADERS,
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
		"-----BEGIN CERTIFICATE----",
		"-----END CERTIFICATE-----",
	};
	char *pem = make_pem(key, usual_form());

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(read_text(str_from(bad[i])), -EINVAL);
	/* cut short anywhere but in the white space at the end */
	for (size_t n = 0; n < strlen(pem) - 1; n++)
		assert_int_equal(read_text(str_sub(str_from(pem), 0, n)),
				 -EINVAL);
	free(pem);
}

/* Another four bytes behind the certificate, within the block. */
static void refuses_more_der(void **state)
{
	char *pem = make_pem(key, usual_form());
	struct buf der = BUF_INIT(65536), text = BUF_INIT(65536), out = text;

	(void)state;
	for (const char *p = strchr(pem, '\n'); *p != '-'; p++)
		if (*p != '\n')
			buf_putc(&text, *p);
	assert_int_equal(decode_base64(&der, buf_str(&text)), 0);
	for (int more = 0; more < 2; more++) {
		buf_reset(&out);
		buf_puts(&out, "-----BEGIN CERTIFICATE-----\n");
		encode_base64(&out, der.p, der.n);
		buf_puts(&out, "\n-----END CERTIFICATE-----\n");
		assert_int_equal(read_text(buf_str(&out)), more ? -EINVAL : 0);
		buf_put(&der, "\005\000\005", 4);
	}
	buf_fini(&out);
	buf_fini(&text);
	buf_fini(&der);
	free(pem);
}

static void refuses_size(void **state)
{
	struct buf b = BUF_INIT(65536);

	(void)state;
	buf_puts(&b, "-----BEGIN CERTIFICATE-----\n");
	while (b.n < 20000)
		buf_puts(&b, "AAAA");
	buf_puts(&b, "-----END CERTIFICATE-----");
	assert_int_equal(read_text(buf_str(&b)), -EINVAL);
	buf_fini(&b);
}

static int read_key(EVP_PKEY *other)
{
	char *pem = make_pem(other, usual_form());
	int r = read_text(str_from(pem));

	free(pem);
	EVP_PKEY_free(other);
	return r;
}

static EVP_PKEY *pss_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *made = NULL;

	MUST(EVP_PKEY_keygen_init(ctx) == 1);
	MUST(EVP_PKEY_keygen(ctx, &made) == 1);
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static void takes_rsa_only(void **state)
{
	(void)state;
	assert_int_equal(read_key(EVP_EC_gen("P-256")), -EINVAL);
	assert_int_equal(read_key(pss_key()), -EINVAL);
	assert_int_equal(read_key(EVP_RSA_gen(1016)), -EINVAL);
	assert_int_equal(read_key(EVP_RSA_gen(1024)), 0);
}

static void knows_its_validity(void **state)
{
	struct cert_form form = usual_form();
	struct sns_cert *cert = make_cert(key, form);
	int64_t from = form.from_ms / 1000 * 1000;
	int64_t until = form.until_ms / 1000 * 1000 + 999;

	(void)state;
	assert_true(sns_cert_valid_at(cert, WHEN_MS));
	assert_true(sns_cert_valid_at(cert, from));
	assert_false(sns_cert_valid_at(cert, from - 1));
	assert_true(sns_cert_valid_at(cert, until));
	assert_false(sns_cert_valid_at(cert, until + 1));
	sns_cert_release(cert);
}

static void is_counted(void **state)
{
	struct sns_cert *cert = make_cert(key, usual_form());

	(void)state;
	sns_cert_retain(cert);
	sns_cert_release(cert);
	assert_true(sns_cert_valid_at(cert, WHEN_MS));
	sns_cert_release(cert);
	sns_cert_release(NULL);
}

static int setup(void **state)
{
	(void)state;
	key = EVP_RSA_gen(2048);
	return key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_block),
		cmocka_unit_test(reads_crlf),
		cmocka_unit_test(refuses_company),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(refuses_more_der),
		cmocka_unit_test(refuses_size),
		cmocka_unit_test(takes_rsa_only),
		cmocka_unit_test(knows_its_validity),
		cmocka_unit_test(is_counted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
