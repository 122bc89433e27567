#include "agent/ring.h"

static uint32_t slot_at(int64_t ms)
{
	return (uint32_t)(ms / RING_SLOT_MS);
}

void ring_add(struct ring *r, int bucket, int64_t now_ms)
{
	uint32_t slot = slot_at(now_ms);
	_Atomic uint64_t *cell = &r->cell[slot % RING_SLOTS][bucket];
	uint64_t is = atomic_load_explicit(cell, memory_order_relaxed), next;

	do
		next = (uint32_t)(is >> 32) != slot ? (uint64_t)slot << 32 | 1 :
		       (uint32_t)is != UINT32_MAX ? is + 1 : is;
	while (!atomic_compare_exchange_weak_explicit(
		cell, &is, next, memory_order_relaxed, memory_order_relaxed));
}

static uint64_t count(const struct ring *r, int bucket, uint32_t slot)
{
	uint64_t is = atomic_load_explicit(&r->cell[slot % RING_SLOTS][bucket],
					   memory_order_relaxed);

	return (uint32_t)(is >> 32) == slot ? (uint32_t)is : 0;
}

bool ring_quantile(double *out, const struct ring *r, double q,
		   int64_t from_ms, int64_t to_ms, const int64_t *bounds)
{
	uint64_t n[RING_BUCKETS] = { 0 }, all = 0, below = 0;
	uint32_t first = slot_at(from_ms), end = slot_at(to_ms - 1) + 1;
	double rank;
	int i = 0;

	if (to_ms <= from_ms)
		return false;
	if (end - first > RING_SLOTS)
		first = end - RING_SLOTS;
	for (uint32_t s = first; s != end; s++)
		for (int b = 0; b < RING_BUCKETS; b++)
			n[b] += count(r, b, s);
	for (int b = 0; b < RING_BUCKETS; b++)
		all += n[b];
	if (!all)
		return false;
	rank = q * (double)all;
	while (i < RING_BUCKETS - 1 && (double)(below + n[i]) < rank)
		below += n[i++];
	if (i == RING_BUCKETS - 1) {
		*out = (double)bounds[RING_BUCKETS - 2];
	} else {
		double low = i ? (double)bounds[i - 1] : 0;

		*out = low;
		if (n[i])
			*out += ((double)bounds[i] - low) *
				((rank - (double)below) / (double)n[i]);
	}
	return true;
}
