/*
 * The messages that services send to SNS themselves, and lists of records.
 */
#include "alarm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = { (const char *)data, size };
	struct alarm_input in = fuzz_sns(body, STR_NONE);

	fuzz_decode(&in);
	return 0;
}
