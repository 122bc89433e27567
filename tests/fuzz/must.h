#ifndef FUZZ_MUST_H
#define FUZZ_MUST_H

/* What every target begins with. */
#include <stdint.h>
#include <stdlib.h>

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
