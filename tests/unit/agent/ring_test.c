/* How long things took over a day: what counts, what is over, what is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "agent/metrics.h"
#include "agent/ring.h"
#include "base/clock.h"

#define T0 INT64_C(1700000100000)	/* where five minutes begin */

static const int64_t bounds[RING_BUCKETS - 1] = {
	10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 1000,
};

static struct ring *ring(void)
{
	struct ring *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	return r;
}

static double quantile(const struct ring *r, double q, int64_t from,
		       int64_t to)
{
	double out = -1;

	return ring_quantile(&out, r, q, from, to, bounds) ? out : -1;
}

static void near(double is, double want)
{
	if (is < want - 0.01 || is > want + 0.01)
		fail_msg("%f, not %f", is, want);
}

static void test_nothing(void **state)
{
	struct ring *r = ring();

	(void)state;
	near(quantile(r, 0.5, T0, T0 + RING_SLOT_MS), -1);
	near(quantile(r, 0.5, T0, T0), -1);
	near(quantile(r, 0.5, T0, T0 - 1), -1);
	near(quantile(r, 0.5, 0, T0), -1);
	free(r);
}

static void test_quantiles(void **state)
{
	struct ring *r = ring();

	(void)state;
	for (int i = 0; i < 100; i++)
		ring_add(r, i / 10, T0 + i);
	near(quantile(r, 0.5, T0, T0 + 1), 50);
	near(quantile(r, 0.99, T0, T0 + 1), 99);
	near(quantile(r, 1, T0, T0 + 1), 100);
	near(quantile(r, 0.01, T0, T0 + 1), 1);
	/* What is longer than all bounds is said to be as long as the last. */
	for (int i = 0; i < 100; i++)
		ring_add(r, RING_BUCKETS - 1, T0);
	near(quantile(r, 0.99, T0, T0 + 1), 1000);
	near(quantile(r, 0.5, T0, T0 + 1), 100);
	free(r);
}

static void test_slots(void **state)
{
	struct ring *r = ring();

	(void)state;
	ring_add(r, 0, T0);
	ring_add(r, 5, T0 + RING_SLOT_MS);
	near(quantile(r, 1, T0, T0 + RING_SLOT_MS), 10);
	near(quantile(r, 1, T0 + RING_SLOT_MS, T0 + 2 * RING_SLOT_MS), 60);
	near(quantile(r, 1, T0, T0 + 2 * RING_SLOT_MS), 60);
	near(quantile(r, 1, T0 - RING_SLOT_MS, T0), -1);
	/* Any span, however long, reads a day's worth at most. */
	near(quantile(r, 1, 0, T0 + 2 * RING_SLOT_MS), 60);
	free(r);
}

/* A day and more later the same cells tell of that day alone. */
static void test_round(void **state)
{
	struct ring *r = ring();
	int64_t later = T0 + (int64_t)RING_SLOTS * RING_SLOT_MS;

	(void)state;
	for (int i = 0; i < 10; i++)
		ring_add(r, 3, T0);
	near(quantile(r, 1, later, later + 1), -1);
	ring_add(r, 3, later);
	ring_add(r, 0, later);
	near(quantile(r, 0.5, later, later + 1), 10);
	near(quantile(r, 1, T0, T0 + 1), -1);
	/* The clock was set back. */
	ring_add(r, 3, T0);
	near(quantile(r, 1, T0, T0 + 1), 40);
	free(r);
}

static void test_small(void **state)
{
	(void)state;
	assert_true(HISTOGRAM_COUNT * sizeof(struct ring) < 200000);
}

static void test_metrics(void **state)
{
	struct metrics *m = metrics_new();
	int64_t now = clock_wall_ms();
	double ms = -1;

	(void)state;
	assert_non_null(m);
	assert_false(metrics_quantile(&ms, m, HISTOGRAM_INTAKE, 0.5, 0,
				      now + RING_SLOT_MS));
	metrics_time(m, HISTOGRAM_INTAKE, 2000);
	assert_true(metrics_quantile(&ms, m, HISTOGRAM_INTAKE, 1, 0,
				     now + 2 * RING_SLOT_MS));
	near(ms, 2.5);
	assert_false(metrics_quantile(&ms, m, HISTOGRAM_STACKFLOW, 1, 0,
				      now + 2 * RING_SLOT_MS));
	metrics_free(m);
}

static void *adds(void *arg)
{
	for (int i = 0; i < 100000; i++)
		ring_add(arg, i & 1, T0 + (i & 2 ? 0 : RING_SLOT_MS));
	return NULL;
}

/* None is lost, whoever begins a cell. */
static void test_threads(void **state)
{
	struct ring *r = ring();
	pthread_t t[4];
	uint64_t n = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, adds, r), 0);
	for (int i = 0; i < 100; i++)
		quantile(r, 0.5, T0, T0 + RING_SLOT_MS);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int s = 0; s < RING_SLOTS; s++)
		for (int b = 0; b < RING_BUCKETS; b++)
			n += (uint32_t)r->cell[s][b];
	assert_int_equal(n, 400000);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
