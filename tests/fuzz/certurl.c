/*
 * Certificate URLs: a topic's ARN, LF, an URL. What is taken must be the one
 * text that can be built from the ARN and 32 hexadecimal digits. A body that
 * begins with `-` is what a certificate's host answered.
 */
#include <assert.h>
#include <stdint.h>

#include "aws/cert.h"
#include "aws/sns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Field i of an ARN. */
static struct str field(struct str arn, int i)
{
	struct str f = STR_NONE;

	while (i-- >= 0)
		if (!str_cut(&arn, ':', &f))
			return STR_NONE;
	return f;
}

static void check_taken(const struct sns_message *m)
{
	struct str url = m->signing_cert_url, hex;
	struct buf want = BUF_INIT(1024);
	bool port = str_find(url, STR(":443/")) > 0;

	assert(url.n > 36);
	hex = str_sub(url, url.n - 36, 32);
	for (size_t i = 0; i < hex.n; i++)
		assert((hex.p[i] >= '0' && hex.p[i] <= '9') ||
		       (hex.p[i] >= 'a' && hex.p[i] <= 'f'));
	buf_puts(&want, "https://");
	assert(sns_host(&want, m->partition, m->region) == 0);
	buf_printf(&want, "%s/SimpleNotificationService-%.*s.pem",
		   port ? ":443" : "", STR_ARG(hex));
	assert(str_eq(buf_str(&want), url));
	buf_fini(&want);
}

static void read_cert(struct str pem)
{
	struct sns_cert *cert = NULL;
	struct err err = { "" };
	int r = sns_cert_read(&cert, pem, &err);

	assert((r == 0) == (cert != NULL) && (r == 0) == !err.text[0]);
	if (cert)
		(void)sns_cert_valid_at(cert, 0);
	sns_cert_release(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, arn;
	struct sns_message m = { 0 };
	struct err err = { "" };
	int r;

	if (size && data[0] == '-') {
		read_cert(rest);
		return 0;
	}
	if (!str_cut(&rest, '\n', &arn) || !rest.p)
		return 0;
	m.topic_arn = arn;
	m.partition = field(arn, 1);
	m.region = field(arn, 3);
	m.signing_cert_url = rest;
	(void)!sns_topic_check(arn, NULL);
	(void)sns_topic_allowed(arn, rest);
	(void)sns_topic_allowed(rest, arn);
	r = sns_certificate_url_check(&m, &err);
	assert((r == 0) == !err.text[0]);
	if (r == 0)
		check_taken(&m);
	return 0;
}
