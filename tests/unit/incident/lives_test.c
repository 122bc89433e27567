/*
 * Two thousand random lives of a few alarms under rules of every kind, each
 * of its own seed. TOCSIN_SEED replays one, TOCSIN_LIVES says how many.
 */
#include "help.h"

#include "tests/fuzz/incident.h"

#define BYTES 400

static uint64_t next(uint64_t *state)
{
	/* splitmix64 (Vigna) */
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void failed(const char *what, void *arg)
{
	const uint64_t *seed = arg;

	fail_msg("TOCSIN_SEED=%llu: %s", (unsigned long long)*seed, what);
}

static void live(uint64_t seed)
{
	uint8_t data[BYTES];
	uint64_t state = seed;

	for (size_t i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(next(&state) >> 56);
	lives_run(data, BYTES, failed, &seed);
}

static void promises_hold_in_every_life(void **state)
{
	const char *one = getenv("TOCSIN_SEED");
	const char *many = getenv("TOCSIN_LIVES");
	uint64_t n = many ? strtoull(many, NULL, 10) : 2000;

	(void)state;
	if (one)
		live(strtoull(one, NULL, 10));
	for (uint64_t seed = 1; !one && seed <= n; seed++)
		live(seed);
	lives_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promises_hold_in_every_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
