#include "tests/unit/aws/signer.h"

#include "aws/partition.h"

static void regions(void **state)
{
	static const struct {
		const char *partition, *region;
		bool ok;
	} t[] = {
		{ "aws", "us-east-1", true },
		{ "aws", "ap-southeast-7", true },
		{ "aws", "il-central-1", true },
		{ "aws", "mx-central-1", true },
		{ "aws", "eu-south-12", true },
		{ "aws-cn", "cn-northwest-1", true },
		{ "aws-us-gov", "us-gov-west-1", true },
		{ "aws-eusc", "eusc-de-east-1", true },
		{ "aws-iso", "us-iso-east-1", true },
		{ "aws-iso-b", "us-isob-east-1", true },
		{ "aws-iso-e", "eu-isoe-west-1", true },
		{ "aws-iso-f", "us-isof-south-1", true },
		{ "aws", "s3-us-west-2", false },
		{ "aws", "us-west-2.s3", false },
		{ "aws", "us-gov-west-1", false },
		{ "aws", "cn-north-1", false },
		{ "aws-cn", "us-east-1", false },
		{ "aws-us-gov", "us-east-1", false },
		{ "aws", "us-iso-east-1", false },
		{ "aws", "", false },
		{ "aws", "us", false },
		{ "aws", "us-", false },
		{ "aws", "us-east", false },
		{ "aws", "us-east-", false },
		{ "aws", "us-east-0", false },
		{ "aws", "us-east-123", false },
		{ "aws", "us-east-1a", false },
		{ "aws", "us--1", false },
		{ "aws", "us-EAST-1", false },
		{ "aws", "US-east-1", false },
		{ "aws", "us-east-1.", false },
		{ "aws", "us-east-1\n", false },
		{ "aws", "us-aaaaaaaaaaaaaaaaa-1", false },
		{ "aws", "compute-1", false },
		{ "aws", "ec2-east-1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const struct partition *p =
			partition_find(str_from(t[i].partition));

		assert_non_null(p);
		if (partition_has_region(p, str_from(t[i].region)) != t[i].ok)
			fail_msg("%s %s", t[i].partition, t[i].region);
	}
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		if (t[i].ok && partition_of_region(str_from(t[i].region)) !=
				       partition_find(str_from(t[i].partition)))
			fail_msg("%s", t[i].region);
	assert_null(partition_of_region(STR("s3-us-west-2")));
	assert_null(partition_of_region(STR("")));
	assert_null(partition_find(STR("aws-iso-z")));
	assert_null(partition_find(STR("")));
	assert_null(partition_find(STR("AWS")));
	assert_null(partition_find(STR("aws\0x")));
}

static void hosts(void **state)
{
	static const struct {
		const char *partition, *region, *host;
	} t[] = {
		{ "aws", "us-east-1", "sns.us-east-1.amazonaws.com" },
		{ "aws-cn", "cn-north-1", "sns.cn-north-1.amazonaws.com.cn" },
		{ "aws-us-gov", "us-gov-east-1",
		  "sns.us-gov-east-1.amazonaws.com" },
		{ "aws-eusc", "eusc-de-east-1",
		  "sns.eusc-de-east-1.amazonaws.eu" },
		{ "aws-iso", "us-iso-east-1", "sns.us-iso-east-1.c2s.ic.gov" },
		{ "aws", "s3-us-west-2", NULL },
		{ "aws", "us-gov-east-1", NULL },
		{ "elsewhere", "us-east-1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct buf b = BUF_INIT(256);
		int r = sns_host(&b, str_from(t[i].partition),
				 str_from(t[i].region));

		assert_int_equal(r, t[i].host ? 0 : -22);
		assert_string_equal(buf_str(&b).p, t[i].host ? t[i].host : "");
		buf_fini(&b);
	}
}

static void signers(void **state)
{
	static const struct {
		const char *partition, *region, *name;
		bool ok;
	} t[] = {
		{ "aws", "us-east-1", "sns.amazonaws.com", true },
		{ "aws", "us-east-1", "sns-signing.us-east-1.amazonaws.com",
		  false },
		{ "aws", "us-east-1", "sns-signing.af-south-1.amazonaws.com",
		  false },
		{ "aws", "us-east-1", "sns.us-east-1.amazonaws.com", false },
		{ "aws", "us-east-1", "SNS.amazonaws.com.evil.example", false },
		{ "aws", "us-east-1", "*.amazonaws.com", false },
		{ "aws", "us-east-1", "", false },
		{ "aws", "af-south-1", "sns-signing.af-south-1.amazonaws.com",
		  true },
		{ "aws", "af-south-1", "sns.amazonaws.com", false },
		{ "aws", "mx-central-1", "sns-signing.af-south-1.amazonaws.com",
		  false },
		/* not opened when this was written */
		{ "aws", "ap-southeast-9", "sns.amazonaws.com", true },
		{ "aws", "ap-southeast-9",
		  "sns-signing.ap-southeast-9.amazonaws.com", true },
		{ "aws", "ap-southeast-9",
		  "sns-signing.ap-southeast-8.amazonaws.com", false },
		{ "aws-cn", "cn-north-1", "sns-cn-north-1.amazonaws.com.cn",
		  true },
		{ "aws-cn", "cn-north-1", "sns-cn-northwest-1.amazonaws.com.cn",
		  false },
		{ "aws-cn", "cn-north-1", "sns.amazonaws.com", false },
		{ "aws-us-gov", "us-gov-east-1",
		  "sns-us-gov-west-1.amazonaws.com", true },
		{ "aws-us-gov", "us-gov-west-1",
		  "sns-us-gov-west-1.amazonaws.com", true },
		{ "aws-us-gov", "us-gov-west-1", "sns.amazonaws.com", false },
		{ "aws-eusc", "eusc-de-east-1",
		  "sns-signing.eusc-de-east-1.amazonaws.eu", true },
		{ "aws-eusc", "eusc-de-east-1", "sns.amazonaws.com", false },
		{ "aws-iso", "us-iso-east-1", "sns-us-iso-east-1.c2s.ic.gov",
		  true },
		{ "aws-iso-b", "us-isob-east-1",
		  "sns-us-isob-east-1.sc2s.sgov.gov", true },
		{ "aws-iso-e", "eu-isoe-west-1",
		  "sns-signing.eu-isoe-west-1.cloud.adc-e.uk", true },
		{ "aws-iso-f", "us-isof-east-1",
		  "sns-signing.us-isof-east-1.csp.hci.ic.gov", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const struct partition *p =
			partition_find(str_from(t[i].partition));

		if (partition_signs(p, str_from(t[i].region),
				    str_from(t[i].name)) != t[i].ok)
			fail_msg("%s %s", t[i].region, t[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions),
		cmocka_unit_test(hosts),
		cmocka_unit_test(signers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
