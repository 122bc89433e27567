/*
 * What Alertmanager and Grafana post, and Alertmanager's text by way of SNS.
 */
#include "alarm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = { (const char *)data, size };
	struct alarm_input in = fuzz_webhook(body);

	fuzz_decode(&in);
	in = fuzz_sns(body, STR("[FIRING:1] x"));
	fuzz_decode(&in);
	return 0;
}
