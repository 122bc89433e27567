#include "tests/unit/aws/signer.h"

#include <errno.h>

struct member {
	const char *key, *value; /* value as JSON; NULL: left out */
};

static const struct member notification[] = {
	{ "Type", "\"Notification\"" },
	{ "MessageId", "\"5f1d2b3c-0a1b-4c2d-8e3f-123456789abc\"" },
	{ "TopicArn", "\"" ARN "\"" },
	{ "Subject", "\"ALARM: pay\"" },
	{ "Message", "\"one\\ntwo \\uD83C\\uDF4C\"" },
	{ "Timestamp", "\"" WHEN "\"" },
	{ "SignatureVersion", "\"1\"" },
	{ "Signature", "\"c2lnbmVk\"" },
	{ "SigningCertURL", "\"" CERT_URL "\"" },
	{ NULL, NULL },
};

static const struct member confirmation[] = {
	{ "Type", "\"SubscriptionConfirmation\"" },
	{ "MessageId", "\"5f1d2b3c-0a1b-4c2d-8e3f-123456789abc\"" },
	{ "Token", "\"2336412f37fb687f\"" },
	{ "TopicArn", "\"" ARN "\"" },
	{ "Message", "\"You have chosen to subscribe\"" },
	{ "SubscribeURL", "\"https://sns.us-east-1.amazonaws.com/?Action=x\"" },
	{ "Timestamp", "\"" WHEN "\"" },
	{ "SignatureVersion", "\"2\"" },
	{ "Signature", "\"c2lnbmVk\"" },
	{ "SigningCertURL", "\"" CERT_URL "\"" },
	{ NULL, NULL },
};

/* base, with key set to value (NULL: left out; unknown keys are added). */
static void put(struct buf *b, const struct member *base, const char *key,
		const char *value)
{
	bool found = false, first = true;

	buf_putc(b, '{');
	for (; base->key; base++) {
		const char *v = base->value;

		if (key && strcmp(key, base->key) == 0) {
			v = value;
			found = true;
		}
		if (!v)
			continue;
		buf_printf(b, "%s\"%s\":%s", first ? "" : ",", base->key, v);
		first = false;
	}
	if (key && !found && value)
		buf_printf(b, ",\"%s\":%s", key, value);
	buf_putc(b, '}');
}

static int read_with(struct sns_message *m, const struct member *base,
		     const char *key, const char *value, struct err *err)
{
	struct buf b = BUF_INIT(1 << 20);
	int r;

	put(&b, base, key, value);
	r = sns_read(m, buf_str(&b), err);
	buf_fini(&b);
	return r;
}

static void reads_a_notification(void **state)
{
	struct sns_message m;
	struct err err = { "" };

	(void)state;
	assert_int_equal(read_with(&m, notification, NULL, NULL, &err), 0);
	assert_int_equal(m.type, SNS_NOTIFICATION);
	assert_true(
		str_is(m.message_id, "5f1d2b3c-0a1b-4c2d-8e3f-123456789abc"));
	assert_true(str_is(m.topic_arn, ARN));
	assert_true(str_is(m.subject, "ALARM: pay"));
	assert_true(str_is(m.message, "one\ntwo \xf0\x9f\x8d\x8c"));
	assert_true(str_is(m.timestamp, WHEN));
	assert_true(m.timestamp_ms == WHEN_MS);
	assert_int_equal(m.signature_version, 1);
	assert_true(str_is(m.signature, "c2lnbmVk"));
	assert_true(str_is(m.signing_cert_url, CERT_URL));
	assert_true(str_is(m.partition, "aws"));
	assert_true(str_is(m.region, "us-east-1"));
	assert_true(str_is(m.account, "111122223333"));
	assert_true(str_is(m.topic, "alarms-pay"));
	assert_null(m.token.p);
	assert_null(m.subscribe_url.p);
	sns_fini(&m);
	assert_null(m.text.p);
	sns_fini(&m);
}

static void reads_a_confirmation(void **state)
{
	struct sns_message m;
	struct err err = { "" };

	(void)state;
	assert_int_equal(read_with(&m, confirmation, NULL, NULL, &err), 0);
	assert_int_equal(m.type, SNS_SUBSCRIBE);
	assert_int_equal(m.signature_version, 2);
	assert_true(str_is(m.token, "2336412f37fb687f"));
	assert_true(str_starts(m.subscribe_url, "https://sns."));
	sns_fini(&m);
	assert_int_equal(read_with(&m, confirmation, "Type",
				   "\"UnsubscribeConfirmation\"", &err),
			 0);
	assert_int_equal(m.type, SNS_UNSUBSCRIBE);
	sns_fini(&m);
	assert_string_equal(sns_type_name(SNS_UNSUBSCRIBE),
			    "UnsubscribeConfirmation");
}

/* What a type's signature doesn't cover isn't handed on. */
static void leaves_out_what_is_not_signed(void **state)
{
	struct sns_message m;
	struct err err = { "" };

	(void)state;
	assert_int_equal(read_with(&m, confirmation, "Subject", "\"x\"", &err),
			 0);
	assert_null(m.subject.p);
	sns_fini(&m);
	assert_int_equal(read_with(&m, notification, "Token", "\"ab\"", &err),
			 0);
	assert_null(m.token.p);
	sns_fini(&m);
}

/* S15: nothing unsigned changes what is read, whatever its type. */
static void ignores_unsigned_keys(void **state)
{
	static const struct member extra[] = {
		{ "MessageAttributes", "{\"severity\":{\"Type\":\"String\","
				       "\"Value\":\"CRITICAL\"}}" },
		{ "MessageAttributes", "[1,2]" },
		{ "UnsubscribeURL", "\"http://127.0.0.1/\"" },
		{ "UnsubscribeURL", "{}" },
		{ "SequenceNumber", "\"10000000000000003000\"" },
		{ "Anything", "null" },
	};
	struct sns_message plain, m;
	struct buf a = BUF_INIT(65536), b = BUF_INIT(65536);

	(void)state;
	assert_int_equal(read_with(&plain, notification, NULL, NULL, NULL), 0);
	sns_signed_string(&a, &plain);
	for (size_t i = 0; i < sizeof(extra) / sizeof(*extra); i++) {
		struct err err = { "" };

		if (read_with(&m, notification, extra[i].key, extra[i].value,
			      &err))
			fail_msg("%s: %s", extra[i].key, err.text);
		buf_reset(&b);
		sns_signed_string(&b, &m);
		assert_true(str_eq(buf_str(&a), buf_str(&b)));
		sns_fini(&m);
	}
	sns_fini(&plain);
	buf_fini(&a);
	buf_fini(&b);
}

static void takes_lambdas_spelling(void **state)
{
	struct sns_message m;
	struct buf b = BUF_INIT(65536);

	(void)state;
	put(&b, notification, "SigningCertURL", NULL);
	buf_truncate(&b, b.n - 1);
	buf_puts(&b, ",\"SigningCertUrl\":\"" CERT_URL "\"}");
	assert_int_equal(sns_read(&m, buf_str(&b), NULL), 0);
	assert_true(str_is(m.signing_cert_url, CERT_URL));
	sns_fini(&m);
	assert_int_equal(read_with(&m, notification, "Subject", "null", NULL),
			 0);
	assert_null(m.subject.p);
	sns_fini(&m);
	buf_fini(&b);
}

static void subject_may_be_absent_or_empty(void **state)
{
	struct sns_message m;

	(void)state;
	assert_int_equal(read_with(&m, notification, "Subject", NULL, NULL), 0);
	assert_null(m.subject.p);
	sns_fini(&m);
	assert_int_equal(read_with(&m, notification, "Subject", "\"\"", NULL),
			 0);
	assert_non_null(m.subject.p);
	assert_int_equal(m.subject.n, 0);
	sns_fini(&m);
}

static void refuse(const struct member *base, const char *key,
		   const char *value)
{
	struct sns_message m = { .account = STR("untouched") };
	struct err err = { "" };
	int r = read_with(&m, base, key, value, &err);

	if (r != -EINVAL)
		fail_msg("%s = %s: %d", key, value ? value : "(absent)", r);
	assert_true(err.text[0]);
	assert_true(str_is(m.account, "untouched"));
}

/* S8 */
static void refuses_wrong_types(void **state)
{
	static const char *const wrong[] = {
		"1", "true", "[]", "{}", "[\"x\"]", "{\"x\":\"y\"}", "1.5e3",
	};
	static const struct member *const bases[] = { notification,
						      confirmation };

	(void)state;
	for (size_t b = 0; b < 2; b++)
		for (const struct member *at = bases[b]; at->key; at++) {
			for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong);
			     i++)
				refuse(bases[b], at->key, wrong[i]);
			if (strcmp(at->key, "Subject") == 0)
				continue;
			refuse(bases[b], at->key, NULL);
			refuse(bases[b], at->key, "null");
		}
}

static void refuses_control_characters(void **state)
{
	static const struct member *const bases[] = { notification,
						      confirmation };

	(void)state;
	for (size_t b = 0; b < 2; b++)
		for (const struct member *at = bases[b]; at->key; at++) {
			if (strcmp(at->key, "Message") == 0)
				continue;
			for (int c = 0; c <= 0x20; c++) {
				int code = c == 0x20 ? 0x7f : c;
				char value[600];

				/* the value with one more character at the
				 * end, and with it in front */
				(void)snprintf(value, sizeof(value),
					       "%.*s\\u%04x\"",
					       (int)strlen(at->value) - 1,
					       at->value, (unsigned)code);
				refuse(bases[b], at->key, value);
				(void)snprintf(value, sizeof(value),
					       "\"\\u%04x%s", (unsigned)code,
					       at->value + 1);
				refuse(bases[b], at->key, value);
			}
		}
}

static void message_may_hold_controls_but_no_nul(void **state)
{
	struct sns_message m;

	(void)state;
	assert_int_equal(read_with(&m, notification, "Message",
				   "\"\\u0001\\t\\r\\n\\u007f\"", NULL),
			 0);
	assert_true(str_is(m.message, "\001\t\r\n\177"));
	sns_fini(&m);
	refuse(notification, "Message", "\"a\\u0000b\"");
}

static void refuses_wrong_forms(void **state)
{
	static const struct member t[] = {
		{ "Type", "\"\"" },
		{ "Type", "\"notification\"" },
		{ "Type", "\"Notification \"" },
		{ "Type", "\"RawDelivery\"" },
		{ "MessageId", "\"\"" },
		{ "MessageId", "\"5f1d2b3c-0a1b-4c2d-8e3f-123456789ab\"" },
		{ "MessageId", "\"5f1d2b3c-0a1b-4c2d-8e3f-123456789abcd\"" },
		{ "MessageId", "\"5f1d2b3c-0a1b-4c2d-8e3f-123456789abg\"" },
		{ "MessageId", "\"5f1d2b3c00a1b-4c2d-8e3f-123456789abc\"" },
		{ "Timestamp", "\"2026-11-21T10:00:00Z\"" },
		{ "Timestamp", "\"2026-11-21T10:00:00.12Z\"" },
		{ "Timestamp", "\"2026-11-21T10:00:00.1234Z\"" },
		{ "Timestamp", "\"2026-11-21 10:00:00.123Z\"" },
		{ "Timestamp", "\"2026-11-21T10:00:00.123z\"" },
		{ "Timestamp", "\"2026-11-21T10:00:00.123+00:00\"" },
		{ "Timestamp", "\"2026-13-21T10:00:00.123Z\"" },
		{ "Timestamp", "\"2026-02-30T10:00:00.123Z\"" },
		{ "Timestamp", "\"2026-11-21T24:00:00.123Z\"" },
		{ "SignatureVersion", "\"0\"" },
		{ "SignatureVersion", "\"3\"" },
		{ "SignatureVersion", "\"01\"" },
		{ "SignatureVersion", "\"1 \"" },
		{ "SignatureVersion", "1" },
		{ "SignatureVersion", "\"\"" },
		{ "Signature", "\"\"" },
		{ "Signature", "\"c2lnbmV\"" },
		{ "Signature", "\"c2ln bmVk\"" },
		{ "Signature", "\"c2ln!mVk\"" },
		{ "Signature", "\"c2lnbmVl=\"" },
		{ "TopicArn", "\"arn:aws:sns:s3-us-west-2:111122223333:x\"" },
		{ "TopicArn", "\"arn:aws:sns:us-east-1:1:x\"" },
		{ "TopicArn", "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		refuse(notification, t[i].key, t[i].value);
}

/* A JSON string of n letters. */
static const char *letters(char *room, size_t n)
{
	room[0] = '"';
	memset(room + 1, 'A', n);
	memcpy(room + 1 + n, "\"", 2);
	return room;
}

static void bounds_lengths(void **state)
{
	static const struct {
		const struct member *base;
		const char *key;
		size_t most;
	} t[] = {
		{ notification, "Subject", 1024 },
		{ notification, "SigningCertURL", 512 },
		{ confirmation, "Token", 1024 },
		{ confirmation, "SubscribeURL", 4096 },
	};
	static char room[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct sns_message m;

		assert_int_equal(read_with(&m, t[i].base, t[i].key,
					   letters(room, t[i].most), NULL),
				 0);
		sns_fini(&m);
		refuse(t[i].base, t[i].key, letters(room, t[i].most + 1));
	}
	for (const struct member *at = confirmation; at->key; at++)
		if (strcmp(at->key, "Message") != 0)
			refuse(confirmation, at->key, letters(room, 65536));
}

/* 1368 digits hold 1026 bytes; with padding, 1024. */
static void bounds_the_signature(void **state)
{
	struct buf v = BUF_INIT(4096);
	unsigned char raw[1025] = { 1 };
	struct sns_message m;

	(void)state;
	for (size_t n = 1024; n <= 1025; n++) {
		buf_reset(&v);
		buf_putc(&v, '"');
		encode_base64(&v, raw, n);
		buf_putc(&v, '"');
		if (n == 1025) {
			refuse(notification, "Signature", v.p);
			break;
		}
		assert_int_equal(
			read_with(&m, notification, "Signature", v.p, NULL), 0);
		sns_fini(&m);
	}
	buf_fini(&v);
}

/* S7: the document as a whole. */
static void refuses_other_documents(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"null",
		"1",
		"\"x\"",
		"[]",
		"{}",
		"[{}]",
		"{\"Type\":\"Notification\"",
		"{'Type':'Notification'}",
		"{\"Type\":\"Notification\",\"Type\":\"Notification\"}",
	};
	struct buf b = BUF_INIT(65536);
	struct sns_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(sns_read(&m, str_from(bad[i]), NULL), -EINVAL);
	put(&b, notification, NULL, NULL);
	buf_truncate(&b, b.n - 1);
	buf_puts(&b, ",\"Message\":\"again\"}");
	assert_int_equal(sns_read(&m, buf_str(&b), NULL), -EINVAL);
	buf_reset(&b);
	put(&b, notification, "Type\\u0000x", "\"Notification\"");
	assert_int_equal(sns_read(&m, buf_str(&b), NULL), -EINVAL);
	buf_reset(&b);
	put(&b, notification, NULL, NULL);
	buf_putc(&b, '\0');
	assert_int_equal(sns_read(&m, buf_str(&b), NULL), -EINVAL);
	buf_reset(&b);
	put(&b, notification, "Message", "\"\\uD800\"");
	assert_int_equal(sns_read(&m, buf_str(&b), NULL), -EINVAL);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_notification),
		cmocka_unit_test(reads_a_confirmation),
		cmocka_unit_test(leaves_out_what_is_not_signed),
		cmocka_unit_test(ignores_unsigned_keys),
		cmocka_unit_test(takes_lambdas_spelling),
		cmocka_unit_test(subject_may_be_absent_or_empty),
		cmocka_unit_test(refuses_wrong_types),
		cmocka_unit_test(refuses_control_characters),
		cmocka_unit_test(message_may_hold_controls_but_no_nul),
		cmocka_unit_test(refuses_wrong_forms),
		cmocka_unit_test(bounds_lengths),
		cmocka_unit_test(bounds_the_signature),
		cmocka_unit_test(refuses_other_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
