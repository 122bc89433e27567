/*
 * SNS envelopes and the string they sign. Whatever sns_read() takes, the
 * signed string cuts in one way and gives the same fields; and whatever looks
 * like a signed string, written as an envelope, is signed as the same bytes or
 * refused. A body that begins with `<` is a confirmation's answer.
 */
#include <assert.h>
#include <stdint.h>

#include "aws/cert.h"
#include "aws/sns.h"
#include "tests/unit/aws/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct sns_message *m)
{
	static const struct str any = STR("arn:*:sns:*:*:*");
	struct buf b = BUF_INIT(1 << 22);
	struct str arn = STR_NONE;
	struct split f;

	sns_signed_string(&b, m);
	assert(!buf_error(&b));
	assert(split_signed(&f, buf_str(&b)));
	assert(split_agrees(&f, m));

	assert(sns_topic_allowed(any, m->topic_arn));
	assert(sns_topic_allowed(m->topic_arn, m->topic_arn));
	assert(sns_topic_check(m->topic_arn, NULL) == 0);
	buf_reset(&b);
	assert(sns_host(&b, m->partition, m->region) == 0);
	(void)!sns_certificate_url_check(m, NULL);
	buf_reset(&b);
	if (sns_confirm_url(&b, m, NULL) == 0)
		assert(str_starts(buf_str(&b), "https://sns.") &&
		       str_find_char(buf_str(&b), '\n') < 0);
	(void)sns_confirm_answer(&arn, m->message);
	buf_fini(&b);
}

static void put_json_str(struct buf *out, struct str s)
{
	static const char digit[] = "0123456789abcdef";

	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\' || c < 0x20) {
			buf_puts(out, "\\u00");
			buf_putc(out, digit[c >> 4]);
			buf_putc(out, digit[c & 15]);
		} else {
			buf_putc(out, (char)c);
		}
	}
	buf_putc(out, '"');
}

static void put_member(struct buf *out, const char *key, struct str s)
{
	if (!s.p)
		return;
	buf_printf(out, "%s\"%s\":", out->n > 1 ? "," : "", key);
	put_json_str(out, s);
}

static void rebuild(struct str text)
{
	struct buf body = BUF_INIT(1 << 24), again = BUF_INIT(1 << 22);
	struct sns_message m;
	struct split f;

	if (!split_signed(&f, text))
		return;
	buf_putc(&body, '{');
	put_member(&body, "Type", f.type);
	put_member(&body, "MessageId", f.message_id);
	put_member(&body, "Subject", f.subject);
	put_member(&body, "Message", f.message);
	put_member(&body, "Timestamp", f.timestamp);
	put_member(&body, "Token", f.token);
	put_member(&body, "TopicArn", f.topic_arn);
	put_member(&body, "SubscribeURL", f.subscribe_url);
	put_member(&body, "SignatureVersion", STR("2"));
	put_member(&body, "Signature", STR("AAAA"));
	put_member(&body, "SigningCertURL", STR("https://h/"));
	buf_putc(&body, '}');
	if (sns_read(&m, buf_str(&body), NULL) == 0) {
		sns_signed_string(&again, &m);
		assert(str_eq(buf_str(&again), text));
		assert(split_agrees(&f, &m));
		sns_fini(&m);
	}
	buf_fini(&body);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, arn = STR_NONE;
	struct sns_message m;
	struct err err = { "" };
	int r;

	if (size > 1 << 18)
		return 0;
	if (size && data[0] == '<') {
		if (sns_confirm_answer(&arn, text) == 0)
			assert(str_starts(arn, "arn:") && arn.n < 700);
		return 0;
	}
	rebuild(text);
	r = sns_read(&m, text, &err);
	assert((r == 0) == !err.text[0]);
	if (r == 0) {
		check_fields(&m);
		sns_fini(&m);
	}
	return 0;
}
