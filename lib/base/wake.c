#include "base/wake.h"

#include <errno.h>
#include <time.h>

/* Nothing of it can fail with the C libraries of Linux. */
void wake_init(pthread_cond_t *wake)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(wake, &attr);
	pthread_condattr_destroy(&attr);
}

bool wake_wait(pthread_cond_t *wake, pthread_mutex_t *lock, int64_t until_ms)
{
	struct timespec at = { .tv_sec = until_ms / 1000,
			       .tv_nsec = until_ms % 1000 * 1000000 };

	return pthread_cond_timedwait(wake, lock, &at) != ETIMEDOUT;
}
