/*
 * A payload in any shape: unwrapped as `explain` does and decoded, then
 * everything that is made of an alarm.
 */
#include "alarm.h"

static int each(const struct alarm_input *in, void *arg)
{
	(void)arg;
	fuzz_decode(in);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct alarm_input in = fuzz_sns(text, STR("subject"));
	struct err err;

	fuzz_decode(&in);
	alarm_unwrap(text, in.received_ms, each, NULL, &err);
	return 0;
}
