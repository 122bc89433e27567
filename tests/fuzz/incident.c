/* lib/incident's engine with the rules of lib/rule, against what must always
 * hold. */
#include "tests/fuzz/incident.h"

#include "must.h"

static void failed(const char *what, void *arg)
{
	(void)arg;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	lives_run(data, size, failed, NULL);
	return 0;
}
