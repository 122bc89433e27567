#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* From the kernel; aborts where it has none, which Linux never says. */
void random_bytes(void *p, size_t n);
uint64_t random_u64(void);
/* Uniform in [0, n); 0 where n is 0. */
uint64_t random_below(uint64_t n);

#endif
