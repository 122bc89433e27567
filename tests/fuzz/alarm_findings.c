/*
 * Findings of the security services; the first byte says of which.
 */
#include "alarm.h"

static const char *const types[][2] = {
	{ "aws.guardduty", "GuardDuty Finding" },
	{ "aws.guardduty",
	  "GuardDuty Malware Protection Object Scan Result" },
	{ "aws.securityhub", "Security Hub Findings - Imported" },
	{ "aws.securityhub", "Security Hub Insight Results" },
	{ "aws.inspector2", "Inspector2 Finding" },
	{ "aws.ecr", "ECR Image Scan" },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf body = BUF_INIT(8 << 20);
	struct alarm_input in;

	if (size == 0)
		return 0;
	buf_printf(&body,
		   "{\"version\":\"0\",\"id\":\"e-1\",\"detail-type\":"
		   "\"%s\",\"source\":\"%s\",\"account\":\"111122223333\","
		   "\"time\":\"2026-11-21T10:00:00Z\",\"region\":"
		   "\"us-east-1\",\"resources\":[\"arn:aws:x:us-east-1:"
		   "111122223333:y/z\"],\"detail\":",
		   types[data[0] % TYPES][1], types[data[0] % TYPES][0]);
	buf_put(&body, data + 1, size - 1);
	buf_putc(&body, '}');
	in = fuzz_webhook(buf_str(&body));
	fuzz_decode(&in);
	buf_fini(&body);
	return 0;
}
