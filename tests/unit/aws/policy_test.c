#include "tests/unit/aws/signer.h"

#include <openssl/core_names.h>

/*
 * RHEL 9 as it ships: OpenSSL computes SHA-1, but refuses a signature made
 * with it. This definition stands in front of libcrypto's own.
 */
int EVP_PKEY_CTX_set_signature_md(EVP_PKEY_CTX *ctx, const EVP_MD *md)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
						 name, 0),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_MD_is_a(md, "SHA1"))
		return 0;
	return EVP_PKEY_CTX_set_params(ctx, params);
}

static void verifies_in_spite_of_policy(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048);
	struct sns_cert *cert = make_cert(key, usual_form());

	(void)state;
	for (int v = 1; v <= 2; v++) {
		struct sns_message m = usual_message();
		struct err err;
		char *signature, *foreign;

		m.signature_version = v;
		foreign = sign_message(&m, other);
		assert_int_equal(sns_verify(&m, cert, WHEN_MS, &err),
				 SNS_FORGED);
		signature = sign_message(&m, key);
		assert_int_equal(sns_verify(&m, cert, WHEN_MS, &err),
				 SNS_GENUINE);
		m.subject = STR("another");
		assert_int_equal(sns_verify(&m, cert, WHEN_MS, &err),
				 SNS_FORGED);
		free(signature);
		free(foreign);
	}
	sns_cert_release(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_in_spite_of_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
