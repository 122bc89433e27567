#ifndef BASE_WAKE_H
#define BASE_WAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Condition variables whose waits no setting of the wall clock moves. */

/* pthread_cond_destroy() ends it. */
void wake_init(pthread_cond_t *wake);

/*
 * Wait, lock held, for a signal until a moment of clock_mono_ms(). False: it
 * has come. As any such wait it may return for no reason.
 */
bool wake_wait(pthread_cond_t *wake, pthread_mutex_t *lock, int64_t until_ms);

#endif
