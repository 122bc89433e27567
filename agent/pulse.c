#include "agent/pulse.h"

#include <stddef.h>

#include "base/clock.h"

void pulse_join(struct pulse *p, struct pulse **all, const char *name)
{
	p->name = name;
	pulse_beat(p);
	p->next = *all;
	*all = p;
}

void pulse_beat(struct pulse *p)
{
	atomic_store_explicit(&p->at_ms, clock_mono_ms(),
			      memory_order_relaxed);
}

void pulse_rest(struct pulse *p, int64_t ms)
{
	atomic_store_explicit(&p->at_ms, clock_mono_ms() + ms,
			      memory_order_relaxed);
}

const struct pulse *pulse_slowest(const struct pulse *all, int64_t now_ms,
				  int64_t *silent_ms)
{
	const struct pulse *slowest = NULL;

	for (const struct pulse *p = all; p; p = p->next) {
		int64_t silent = now_ms - atomic_load_explicit(
						  &p->at_ms,
						  memory_order_relaxed);

		if (slowest && silent <= *silent_ms)
			continue;
		slowest = p;
		*silent_ms = silent;
	}
	return slowest;
}
