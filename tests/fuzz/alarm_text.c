/*
 * Mails to people: the first line is SNS's Subject, the rest the Message.
 */
#include "alarm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = { (const char *)data, size }, subject;
	struct alarm_input in;

	if (size == 0 || !str_cut(&body, '\n', &subject) || !body.p)
		return 0;
	in = fuzz_sns(body, subject);
	fuzz_decode(&in);
	return 0;
}
