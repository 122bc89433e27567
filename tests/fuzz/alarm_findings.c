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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_event(types, sizeof(types) / sizeof(types[0]), data, size);
	return 0;
}
