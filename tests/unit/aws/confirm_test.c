#include "tests/unit/aws/signer.h"

#include <errno.h>

#define TOKEN "2336412f37fb687f5d51e6e2425ba1f2"
#define SENT(arn)                                                              \
	"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"      \
	"&TopicArn=" arn "&Token=" TOKEN

static struct sns_message confirmation(void)
{
	struct sns_message m = usual_message();

	m.type = SNS_SUBSCRIBE;
	m.subject = STR_NONE;
	m.token = STR(TOKEN);
	m.subscribe_url = STR(SENT(ARN));
	return m;
}

static void expect_url(const struct sns_message *m, const char *url)
{
	struct buf b = BUF_INIT(4096);
	struct err err = { "" };

	if (sns_confirm_url(&b, m, &err))
		fail_msg("%s", err.text);
	assert_string_equal(b.p, url);
	buf_fini(&b);
}

static void builds_its_own(void **state)
{
	struct sns_message m = confirmation();
	static const char expected[] =
		"https://sns.us-east-1.amazonaws.com/"
		"?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns"
		"%3Aus-east-1%3A111122223333%3Aalarms-pay&Token=" TOKEN;

	(void)state;
	expect_url(&m, expected);
	m.type = SNS_UNSUBSCRIBE;
	expect_url(&m, expected);
	/* Wherever the URL sent leads: it isn't followed. */
	m.subscribe_url = STR("http://169.254.169.254/latest/meta-data");
	expect_url(&m, expected);
	m.subscribe_url = STR("http://169.254.169.254/?TopicArn=" ARN);
	expect_url(&m, expected);
	m.subscribe_url = STR("no URL");
	expect_url(&m, expected);
	m.subscribe_url = STR(
		SENT("arn%3Aaws%3asns:us-east-1:111122223333:alarms%2Dpay"));
	expect_url(&m, expected);
}

static void expect_refused(const struct sns_message *m)
{
	struct buf b = BUF_INIT(4096);
	struct err err = { "" };

	assert_int_equal(sns_confirm_url(&b, m, &err), -EINVAL);
	assert_true(err.text[0]);
	assert_int_equal(b.n, 0);
	assert_null(strstr(err.text, TOKEN));
	buf_fini(&b);
}

static void refuses_another_topic(void **state)
{
	static const char *const urls[] = {
		SENT("arn:aws:sns:us-east-1:999999999999:theirs"),
		SENT("arn%3Aaws%3Asns%3Aus-east-1%3A999999999999%3Atheirs"),
		SENT(""),
		SENT(ARN "x"),
		SENT(ARN "%"),
		SENT(ARN "%0"),
		SENT(ARN "%00"),
		SENT(ARN) "&TopicArn=arn:aws:sns:us-east-1:999999999999:x",
		"https://h/?%54opicArn=arn:aws:sns:us-east-1:999999999999:x",
		"https://h/?TopicArn",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct sns_message m = confirmation();

		m.subscribe_url = str_from(urls[i]);
		expect_refused(&m);
	}
}

static void refuses_bad_tokens(void **state)
{
	static const char *const tokens[] = {
		"", "xyz", "ab cd", "ab&x=y", "ab%41", "ab\n", "ab/..", "\xc3",
	};
	struct sns_message m = confirmation();
	struct buf small = BUF_INIT(10);
	char room[1026];

	(void)state;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		m.token = str_from(tokens[i]);
		expect_refused(&m);
	}
	m.token = STR_NONE;
	expect_refused(&m);
	memset(room, 'a', sizeof(room));
	m.token = (struct str){ room, 1025 };
	expect_refused(&m);
	m.token = (struct str){ room, 1024 };
	m.subscribe_url = STR("https://h/");
	assert_int_equal(sns_confirm_url(&small, &m, NULL), -E2BIG);
	buf_fini(&small);
	m = usual_message();
	m.token = STR(TOKEN);
	m.subscribe_url = STR(SENT(ARN));
	expect_refused(&m); /* a notification */
}

static void builds_from_parts(void **state)
{
	static const struct {
		const char *arn, *host; /* NULL: refused */
	} t[] = {
		{ "arn:aws-cn:sns:cn-north-1:111122223333:x",
		  "https://sns.cn-north-1.amazonaws.com.cn/?" },
		{ "arn:aws-eusc:sns:eusc-de-east-1:111122223333:x",
		  "https://sns.eusc-de-east-1.amazonaws.eu/?" },
		{ "arn:aws:sns:s3-us-west-2:111122223333:x", NULL },
		{ "arn:aws:sns:us-east-1@evil.example/:111122223333:x", NULL },
		{ "arn:aws:sns:us-east-1:111122223333:x&Action=Publish", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct buf b = BUF_INIT(4096);
		int r = sns_confirm_url_from(&b, str_from(t[i].arn), STR("ab"),
					     NULL);

		assert_int_equal(r, t[i].host ? 0 : -EINVAL);
		if (t[i].host)
			assert_true(str_starts(buf_str(&b), t[i].host));
		else
			assert_int_equal(b.n, 0);
		buf_fini(&b);
	}
}

#define ANSWER(arn)                                                            \
	"<ConfirmSubscriptionResponse xmlns=\"http://sns.amazonaws.com/"       \
	"doc/2010-03-31/\">\n  <ConfirmSubscriptionResult>\n"                  \
	"    <SubscriptionArn>" arn "</SubscriptionArn>\n"                     \
	"  </ConfirmSubscriptionResult>\n  <ResponseMetadata>"                 \
	"<RequestId>4b0c3f42</RequestId></ResponseMetadata>\n"                 \
	"</ConfirmSubscriptionResponse>\n"
#define ID ":5f1d2b3c-0a1b-4c2d-8e3f-123456789abc"

#define UNENDED                                                                \
	"<ConfirmSubscriptionResponse><ConfirmSubscriptionResult>"             \
	"<SubscriptionArn>" ARN ID
#define REFUSAL                                                                \
	"<ErrorResponse><Error><Type>Sender</Type>"                            \
	"<Code>InvalidParameter</Code></Error></ErrorResponse>"

static void reads_the_answer(void **state)
{
	static const char *const bad[] = {
		"",
		"<",
		ANSWER(""),
		ANSWER("pending confirmation"),
		ANSWER(ARN),
		ANSWER(ARN ":"),
		ANSWER(ARN ":x y"),
		ANSWER("arn:aws:sqs:us-east-1:111122223333:a" ID),
		ANSWER(ARN ID "\n<b>"),
		UNENDED,
		"<SubscriptionArn>" ARN ID "</SubscriptionArn>",
		REFUSAL,
	};
	struct str arn = STR("untouched");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (sns_confirm_answer(&arn, str_from(bad[i])) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_true(str_is(arn, "untouched"));
	}
	assert_int_equal(sns_confirm_answer(&arn, STR(ANSWER(ARN ID))), 0);
	assert_true(str_is(arn, ARN ID));
	assert_int_equal(sns_confirm_answer(&arn, STR(ANSWER("\n" ARN ID " "))),
			 0);
	assert_true(str_is(arn, ARN ID));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_its_own),
		cmocka_unit_test(refuses_another_topic),
		cmocka_unit_test(refuses_bad_tokens),
		cmocka_unit_test(builds_from_parts),
		cmocka_unit_test(reads_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
