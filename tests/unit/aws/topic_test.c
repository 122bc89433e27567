#include "tests/unit/aws/signer.h"

#include <errno.h>

#include "aws/topic.h"

static void reads_arns(void **state)
{
	struct topic_arn t;

	(void)state;
	assert_int_equal(topic_arn_read(&t, STR(ARN), NULL), 0);
	assert_true(str_is(t.partition, "aws"));
	assert_true(str_is(t.region, "us-east-1"));
	assert_true(str_is(t.account, "111122223333"));
	assert_true(str_is(t.topic, "alarms-pay"));
	assert_int_equal(topic_arn_read(&t,
					STR("arn:aws-cn:sns:cn-north-1:"
					    "111122223333:a_B-9.fifo"),
					NULL),
			 0);
}

static void refuses_arns(void **state)
{
	static const char *const bad[] = {
		"",
		":::::",
		"arn",
		"arn:aws:sns:us-east-1:111122223333",
		"arn:aws:sns:us-east-1:111122223333:",
		"arn:aws:sns:us-east-1:111122223333:a:b",
		"arn:aws:sqs:us-east-1:111122223333:a",
		"ARN:aws:sns:us-east-1:111122223333:a",
		"arn:aws:sns:us-east-1:11112222333:a",
		"arn:aws:sns:us-east-1:1111222233334:a",
		"arn:aws:sns:us-east-1:11112222333x:a",
		"arn:aws:sns:us-east-1:111122223333:a b",
		"arn:aws:sns:us-east-1:111122223333:a.b",
		"arn:aws:sns:us-east-1:111122223333:.fifo",
		"arn:aws:sns:us-east-1:111122223333:*",
		"arn:aws:sns:us-east-1:111122223333:a\xc3\xa9",
		"arn:aws:sns::111122223333:a",
		"arn:aws:sns:*:111122223333:a",
		"arn:aws:sns:s3-us-west-2:111122223333:a",
		"arn:aws-cn:sns:us-east-1:111122223333:a",
		"arn:aws:sns:cn-north-1:111122223333:a",
		"arn:aws-x:sns:us-east-1:111122223333:a",
		" arn:aws:sns:us-east-1:111122223333:a",
		"arn:aws:sns:us-east-1:111122223333:a\n",
	};
	struct topic_arn t;
	char name[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = { "" };

		if (topic_arn_read(&t, str_from(bad[i]), &err) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_true(err.text[0]);
	}
	for (size_t n = 256; n <= 257; n++) {
		struct buf b = BUF_INIT(512);

		memset(name, 'a', n);
		buf_puts(&b, "arn:aws:sns:us-east-1:111122223333:");
		buf_put(&b, name, n);
		assert_int_equal(topic_arn_read(&t, buf_str(&b), NULL),
				 n == 256 ? 0 : -EINVAL);
		buf_fini(&b);
	}
}

#define A(account, topic) "arn:aws:sns:us-east-1:" account ":" topic

static void allows(void **state)
{
	static const struct {
		const char *pattern, *arn;
		bool ok;
	} t[] = {
		{ ARN, ARN, true },
		{ A("111122223333", "alarms-*"), ARN, true },
		{ A("111122223333", "alarms-???"), ARN, true },
		{ A("111122223333", "alarms-??"), ARN, false },
		{ A("111122223333", "*"), ARN, true },
		{ "arn:aws:sns:*:111122223333:*", ARN, true },
		{ "arn:*:sns:*:*:*", ARN, true },
		{ "arn:*", ARN, false },
		{ "*", ARN, false },
		{ "*:*", ARN, false },
		{ "arn:aws:sns:*:*", ARN, false },
		{ "arn:aws:sns:*", ARN, false },
		{ "arn:aws:sns:us-*:alarms-pay", ARN, false },
		{ "arn:aws:sns:us-*:*:*:*", ARN, false },
		{ A("1111*", "alarms-pay"), ARN, true },
		{ A("999999999999", "*"), ARN, false },
		{ A("111122223333", "Alarms-*"), ARN, false },
		{ A("111122223333", "alarms"), ARN, false },
		{ "arn:aws:sns:eu-*:111122223333:*", ARN, false },
		{ "", ARN, false },
		/* neither reaches over a colon */
		{ A("111122223333", "alarms-*"),
		  A("111122223333", "alarms-x:y"), false },
		{ A("1*", "y"), A("1:x", "y"), false },
		{ A("1?2", "y"), A("1:2", "y"), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		if (sns_topic_allowed(str_from(t[i].pattern),
				      str_from(t[i].arn)) != t[i].ok)
			fail_msg("%s %s", t[i].pattern, t[i].arn);
}

static void checks_patterns(void **state)
{
	static const struct {
		const char *pattern, *says; /* NULL: good */
	} t[] = {
		{ ARN, NULL },
		{ "arn:aws:sns:*:111122223333:alarms-*", NULL },
		{ "arn:*:sns:*:*:*", NULL },
		{ "arn:aws-us-gov:sns:us-gov-west-1:1111222233*:x", NULL },
		{ "arn:aws:sns:us-east-1:111122223333:x.fifo", NULL },
		{ "", "six fields" },
		{ "*", "six fields" },
		{ "arn:aws:sns:us-east-1:111122223333", "six fields" },
		{ ARN ":5f1d2b3c-0a1b-4c2d-8e3f-123456789abc", "subscription" },
		{ "arn:aws:sqs:us-east-1:111122223333:x", "six fields" },
		{ "arn:aws:*:us-east-1:111122223333:x", "six fields" },
		{ "arn:aws:sns::111122223333:x", "region is empty" },
		{ "arn:aws:sns:us-east-1:111122223333:", "name is empty" },
		{ "arn:awz:sns:us-east-1:111122223333:x", "partition" },
		{ "arn:aws:sns:us-east:111122223333:x", "no region" },
		{ "arn:aws-cn:sns:us-east-1:111122223333:x", "no region" },
		{ "arn:aws:sns:us-east-1:11112222333:x", "twelve" },
		{ "arn:aws:sns:us-east-1:pay*:x", "twelve" },
		{ "arn:aws:sns:us-east-1:111122223333:x y", "character" },
		{ "arn:aws:sns:us-east-1:111122223333:[ab]", "character" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct err err = { "" };
		int r = sns_topic_check(str_from(t[i].pattern), &err);

		if (r != (t[i].says ? -EINVAL : 0))
			fail_msg("%s: %d", t[i].pattern, r);
		if (t[i].says && !strstr(err.text, t[i].says))
			fail_msg("%s: %s", t[i].pattern, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_arns),
		cmocka_unit_test(refuses_arns),
		cmocka_unit_test(allows),
		cmocka_unit_test(checks_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
