#ifndef AGENT_RING_H
#define AGENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * How long things took over the last day, in memory: a histogram for each five
 * minutes. Adding takes no lock, and no reader is ever waited for.
 */
#define RING_SLOT_MS (5 * 60 * 1000)
#define RING_SLOTS 290		/* a day, its ends, and the slot at work */
#define RING_BUCKETS 15		/* the last is for what is longer than all */

struct ring {
	/* The number of the five minutes, since 1970, and a count; what is of
	 * another five minutes counts for nothing, and is begun anew. */
	_Atomic uint64_t cell[RING_SLOTS][RING_BUCKETS];
};

void ring_add(struct ring *r, int bucket, int64_t now_ms);

/*
 * What q (0 to 1) of those between two moments kept within, to the five
 * minutes, by interpolation; bounds: the upper ends of all buckets but the
 * last, of which the last one stands for what is longer. False: there were
 * none.
 */
bool ring_quantile(double *out, const struct ring *r, double q,
		   int64_t from_ms, int64_t to_ms, const int64_t *bounds);

#endif
