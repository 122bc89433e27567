/* Waits that end by a signal, or at a moment of the monotonic clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/wake.h"

struct both {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool there;
};

static void *signals(void *arg)
{
	struct both *b = arg;

	pthread_mutex_lock(&b->lock);
	b->there = true;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void a_signal_ends_it_before_its_moment(void **state)
{
	struct both b = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int64_t until_ms = clock_mono_ms() + 60000;
	pthread_t thread;

	(void)state;
	wake_init(&b.wake);
	pthread_mutex_lock(&b.lock);
	assert_int_equal(pthread_create(&thread, NULL, signals, &b), 0);
	while (!b.there)
		assert_true(wake_wait(&b.wake, &b.lock, until_ms));
	pthread_mutex_unlock(&b.lock);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&b.wake);
}

/* Of the wall clock, which is decades ahead, it would be long over. */
static void its_moment_is_the_monotonic_clock_s(void **state)
{
	struct both b = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int64_t until_ms = clock_mono_ms() + 20;

	(void)state;
	wake_init(&b.wake);
	pthread_mutex_lock(&b.lock);
	assert_false(wake_wait(&b.wake, &b.lock, clock_mono_ms() - 1));
	while (wake_wait(&b.wake, &b.lock, until_ms))
		;
	assert_true(clock_mono_ms() >= until_ms);
	pthread_mutex_unlock(&b.lock);
	pthread_cond_destroy(&b.wake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_ends_it_before_its_moment),
		cmocka_unit_test(its_moment_is_the_monotonic_clock_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
