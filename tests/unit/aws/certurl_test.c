#include "tests/unit/aws/signer.h"

#include <errno.h>

#define HEX "0123456789abcdef0123456789abcdef"
#define FILE_NAME "/SimpleNotificationService-" HEX ".pem"
#define HOST "sns.us-east-1.amazonaws.com"

static int check(const char *partition, const char *region, struct str url,
		 struct err *err)
{
	struct sns_message m = usual_message();

	m.partition = str_from(partition);
	m.region = str_from(region);
	m.signing_cert_url = url;
	return sns_certificate_url_check(&m, err);
}

static void takes_the_canonical_one(void **state)
{
	static const struct {
		const char *partition, *region, *url;
	} t[] = {
		{ "aws", "us-east-1", "https://" HOST FILE_NAME },
		{ "aws", "us-east-1", "https://" HOST ":443" FILE_NAME },
		{ "aws", "mx-central-1",
		  "https://sns.mx-central-1.amazonaws.com" FILE_NAME },
		{ "aws-cn", "cn-north-1",
		  "https://sns.cn-north-1.amazonaws.com.cn" FILE_NAME },
		{ "aws-us-gov", "us-gov-west-1",
		  "https://sns.us-gov-west-1.amazonaws.com" FILE_NAME },
		{ "aws-eusc", "eusc-de-east-1",
		  "https://sns.eusc-de-east-1.amazonaws.eu" FILE_NAME },
		{ "aws-iso-b", "us-isob-east-1",
		  "https://sns.us-isob-east-1.sc2s.sgov.gov" FILE_NAME },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct err err = { "" };

		if (check(t[i].partition, t[i].region, str_from(t[i].url),
			  &err))
			fail_msg("%s: %s", t[i].url, err.text);
	}
}

/* S11: all for a topic in aws, us-east-1. */
static const char *const refused[] = {
	/* other hosts that validators have taken */
	"https://sns.s3-us-west-2.amazonaws.com" FILE_NAME,
	"https://sns.s3.amazonaws.com" FILE_NAME,
	"https://s3.amazonaws.com/sns" FILE_NAME,
	"https://sns.us-east-1.s3.amazonaws.com" FILE_NAME,
	"https://sns.eu-west-1.amazonaws.com" FILE_NAME,
	"https://sns.us-east-2.amazonaws.com" FILE_NAME,
	"https://sns.us-east-11.amazonaws.com" FILE_NAME,
	"https://sns.us-east-1.amazonaws.com.cn" FILE_NAME,
	"https://sns.us-east-1.amazonaws.eu" FILE_NAME,
	"https://sns.cn-north-1.amazonaws.com.cn" FILE_NAME,
	"https://sns.us-east-1.amazonaws.com.evil.example" FILE_NAME,
	"https://sns.us-east-1.amazonaws.comevil.example" FILE_NAME,
	"https://evilsns.us-east-1.amazonaws.com" FILE_NAME,
	"https://evil.sns.us-east-1.amazonaws.com" FILE_NAME,
	"https://sns-signing.us-east-1.amazonaws.com" FILE_NAME,
	"https://sqs.us-east-1.amazonaws.com" FILE_NAME,
	"https://amazonaws.com" FILE_NAME,
	"https://sns.amazonaws.com" FILE_NAME,
	"https://sns.us-east-1.amazonaws-com.example" FILE_NAME,
	"https://sns.us-east-1.amazonaws.co" FILE_NAME,
	"https://sns_us-east-1.amazonaws.com" FILE_NAME,
	"https://snsXus-east-1.amazonaws.com" FILE_NAME,
	"https://evil.example" FILE_NAME,
	"https://evil.example/sns.us-east-1.amazonaws.com" FILE_NAME,
	"https://evil.example#" HOST FILE_NAME,
	"https://evil.example?" HOST FILE_NAME,
	"https://evil.example\\@" HOST FILE_NAME,
	"https://evil.example\\." HOST FILE_NAME,
	/* addresses */
	"https://127.0.0.1" FILE_NAME,
	"https://2130706433" FILE_NAME,
	"https://0x7f000001" FILE_NAME,
	"https://[::1]" FILE_NAME,
	"https://169.254.169.254" FILE_NAME,
	"https://localhost" FILE_NAME,
	/* the same host in other words */
	"https://" HOST "." FILE_NAME,
	"https://SNS.us-east-1.amazonaws.com" FILE_NAME,
	"https://sns.US-EAST-1.amazonaws.com" FILE_NAME,
	"https://sns.us-east-1.AMAZONAWS.COM" FILE_NAME,
	"https://sns.us-east-1.amazonaws%2ecom" FILE_NAME,
	"https://%73ns.us-east-1.amazonaws.com" FILE_NAME,
	"https://s\xd0\xbfs.us-east-1.amazonaws.com" FILE_NAME,
	"https://sns.us-east-1.amaz\xce\xbfnaws.com" FILE_NAME,
	"https://sns\xe3\x80\x82us-east-1.amazonaws.com" FILE_NAME,
	"https://xn--sns-us-east-1.amazonaws.com" FILE_NAME,
	/* user information */
	"https://user@" HOST FILE_NAME,
	"https://user:password@" HOST FILE_NAME,
	"https://@" HOST FILE_NAME,
	"https://:@" HOST FILE_NAME,
	"https://" HOST "@evil.example" FILE_NAME,
	"https://" HOST ":443@evil.example" FILE_NAME,
	"https://" HOST ":x@evil.example" FILE_NAME,
	/* ports */
	"https://" HOST ":80" FILE_NAME,
	"https://" HOST ":444" FILE_NAME,
	"https://" HOST ":4430" FILE_NAME,
	"https://" HOST ":0443" FILE_NAME,
	"https://" HOST ":443:443" FILE_NAME,
	"https://" HOST ":" FILE_NAME,
	"https://" HOST ":65979" FILE_NAME,
	"https://" HOST ": 443" FILE_NAME,
	/* schemes */
	"http://" HOST FILE_NAME,
	"http://" HOST ":443" FILE_NAME,
	"HTTPS://" HOST FILE_NAME,
	"httpss://" HOST FILE_NAME,
	"ftp://" HOST FILE_NAME,
	"file://" HOST FILE_NAME,
	"file:///etc/passwd",
	"gopher://" HOST FILE_NAME,
	"//" HOST FILE_NAME,
	"https:/" HOST FILE_NAME,
	"https:///" HOST FILE_NAME,
	"https:\\\\" HOST FILE_NAME,
	HOST FILE_NAME,
	FILE_NAME,
	" https://" HOST FILE_NAME,
	"\thttps://" HOST FILE_NAME,
	"https://",
	"https://" HOST,
	"https://" HOST "/",
	/* paths */
	"https://" HOST FILE_NAME "?",
	"https://" HOST FILE_NAME "?a=b",
	"https://" HOST FILE_NAME "#",
	"https://" HOST FILE_NAME "#x",
	"https://" HOST FILE_NAME "/",
	"https://" HOST FILE_NAME " ",
	"https://" HOST FILE_NAME "\n",
	"https://" HOST FILE_NAME ".pem",
	"https://" HOST FILE_NAME ";x",
	"https://" HOST "/." FILE_NAME,
	"https://" HOST "/x/.." FILE_NAME,
	"https://" HOST "/" FILE_NAME,
	"https://" HOST "/x" FILE_NAME,
	"https://" HOST "/%53impleNotificationService-" HEX ".pem",
	"https://" HOST "/simplenotificationservice-" HEX ".pem",
	"https://" HOST "\\SimpleNotificationService-" HEX ".pem",
	"https://" HOST "/SimpleNotificationService_" HEX ".pem",
	"https://" HOST "/SimpleNotificationService-" HEX ".PEM",
	"https://" HOST "/SimpleNotificationService-" HEX,
	"https://" HOST "/SimpleNotificationService-" HEX "%2epem",
	"https://" HOST "/SimpleNotificationService-" HEX "0.pem",
	"https://" HOST "/SimpleNotificationService-.pem",
	"https://" HOST "/SimpleNotificationService-"
	"0123456789ABCDEF0123456789ABCDEF.pem",
	"https://" HOST "/SimpleNotificationService-"
	"0123456789abcdef0123456789abcde.pem",
	"https://" HOST "/SimpleNotificationService-"
	"0123456789abcdef0123456789abcdeg.pem",
	"https://" HOST "/SimpleNotificationService-"
	"../23456789abcdef0123456789abcde.pem",
	"https://" HOST "/?Action=ListTopics&x=" FILE_NAME,
	"https://" HOST "/?Action=GetTopicAttributes&x=.pem",
	"https://" HOST "/cert.pem",
	"",
	"x",
};

static void refuses_all_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct err err = { "" };

		if (check("aws", "us-east-1", str_from(refused[i]), &err) !=
		    -EINVAL)
			fail_msg("taken: %s", refused[i]);
		assert_true(err.text[0]);
	}
	/* with bytes behind a NUL, and cut short at every length */
	assert_int_equal(check("aws", "us-east-1",
			       STR("https://" HOST FILE_NAME "\0x"), NULL),
			 -EINVAL);
	for (size_t n = 0; n < strlen(CERT_URL); n++)
		assert_int_equal(check("aws", "us-east-1",
				       str_sub(STR(CERT_URL), 0, n), NULL),
				 -EINVAL);
}

/* The topic decides, not what the URL says of itself. */
static void follows_the_topic(void **state)
{
	static const struct {
		const char *partition, *region;
	} t[] = {
		{ "aws", "us-east-2" },
		{ "aws-cn", "us-east-1" },
		{ "aws-iso", "us-east-1" },
		{ "aws", "s3-us-west-2" },
		{ "aws", "" },
		{ "", "us-east-1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_int_equal(check(t[i].partition, t[i].region,
				       STR("https://" HOST FILE_NAME), NULL),
				 -EINVAL);
	assert_int_equal(
		check("aws", "s3-us-west-2",
		      STR("https://sns.s3-us-west-2.amazonaws.com" FILE_NAME),
		      NULL),
		-EINVAL);
	assert_int_equal(
		check("aws-cn", "cn-north-1",
		      STR("https://sns.cn-north-1.amazonaws.com" FILE_NAME),
		      NULL),
		-EINVAL);
	assert_int_equal(check("aws-us-gov", "us-gov-west-1",
			       STR("https://" HOST FILE_NAME), NULL),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_canonical_one),
		cmocka_unit_test(refuses_all_others),
		cmocka_unit_test(follows_the_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
