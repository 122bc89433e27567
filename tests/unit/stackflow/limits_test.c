#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rest/rest.h"
#include "stackflow/limits.h"

#define SPAN_MS 20000
#define DATE_MS INT64_C(1700000000000)

/* In no window of a second more than the rate and a twentieth. */
static void check_windows(const int64_t *sent, size_t n, unsigned rate)
{
	size_t most = rate + (rate / 20 ? rate / 20 : 0), first = 0;

	for (size_t i = 0; i < n; i++) {
		while (sent[i] - sent[first] >= 1000)
			first++;
		if (i - first + 1 > most)
			fail_msg("rate %u: %zu in a second", rate,
				 i - first + 1);
	}
}

static void rate_holds_in_every_window(void **state)
{
	static const unsigned rates[] = { 1, 3, 5, 19, 20, 80, 100, 1000 };
	int64_t *sent = malloc(sizeof(*sent) * 40000);

	(void)state;
	for (size_t k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
		struct sf_limits l;
		size_t n = 0;

		sf_limits_init(&l, rates[k]);
		for (int64_t t = 1; t < SPAN_MS; t++) {
			struct rest_response r = {
				.status = 429,
				.headers = STR("Retry-After: 2\r\n"),
			};

			/* An idle time and a pause on the way. */
			if (t > 4000 && t < 6000)
				continue;
			sf_limits_now(&l, t);
			if (t == 9000)
				sf_limits_learn(&l, &r);
			while (sf_limits_take(&l)) {
				assert_false(t >= 9000 && t < 11000);
				sent[n++] = t;
			}
		}
		check_windows(sent, n, rates[k]);
		/* And it is used: 16 of the 20 seconds were free. */
		assert_true(n + 2 + rates[k] / 10 >= rates[k] * 15);
	}
	free(sent);
}

/* Who gathers sends several at once, and as many in all as who doesn't; even
 * where it always comes a few milliseconds late. */
static void gathering_loses_no_rate(void **state)
{
	struct sf_limits l;
	int64_t at = 1;
	size_t n = 0, times = 0;

	(void)state;
	sf_limits_init(&l, 80);
	for (; at < SPAN_MS; times++) {
		sf_limits_now(&l, at);
		while (sf_limits_take(&l))
			n++;
		at += sf_limits_wait_ms(&l) + sf_limits_gather_ms(&l) + 3;
	}
	assert_true(n >= 80 * (SPAN_MS / 1000));
	assert_true(n / times >= 3);
	sf_limits_init(&l, 5);		/* has no burst to be used */
	assert_int_equal(sf_limits_gather_ms(&l), 0);
}

static void wait_is_exact(void **state)
{
	struct sf_limits l;

	(void)state;
	sf_limits_init(&l, 80);
	sf_limits_now(&l, 5000);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(sf_limits_wait_ms(&l), 0);
		assert_true(sf_limits_take(&l));
	}
	assert_int_equal(sf_limits_wait_ms(&l), 13);
	assert_false(sf_limits_take(&l));
	sf_limits_now(&l, 5012);
	assert_false(sf_limits_take(&l));
	sf_limits_now(&l, 5013);
	assert_true(sf_limits_take(&l));
	/* A clock that goes back gives nothing. */
	sf_limits_now(&l, 1);
	assert_false(sf_limits_take(&l));
}

static int64_t pause_of(int status, const char *headers)
{
	struct rest_response r = {
		.status = status,
		.headers = str_from(headers),
		.date_ms = DATE_MS,
	};
	struct sf_limits l;

	sf_limits_init(&l, 80);
	sf_limits_now(&l, 1000);
	sf_limits_learn(&l, &r);
	/* The answer was seen some time after the time was last told: the
	 * pause must not be shorter for it. */
	sf_limits_now(&l, 2000);
	return sf_limits_wait_ms(&l);
}

static void pauses_as_told(void **state)
{
	(void)state;
	assert_int_equal(pause_of(429, ""), 60000);
	assert_int_equal(pause_of(429, "Retry-After: 7\r\n"), 7000);
	assert_int_equal(pause_of(429, "Retry-After: 0\r\n"), 1000);
	assert_int_equal(pause_of(429, "Retry-After: 1000000000\r\n"), 600000);
	assert_int_equal(pause_of(429, "Retry-After: -1\r\n"), 60000);
	assert_int_equal(pause_of(429, "Retry-After: soon\r\n"), 60000);
	/* 1700000000 is Tue, 14 Nov 2023 22:13:20 GMT */
	assert_int_equal(
		pause_of(429, "Retry-After: Tue, 14 Nov 2023 22:13:50 GMT\r\n"),
		30000);
	assert_int_equal(pause_of(200, "Retry-After: 7\r\n"), 0);
	assert_int_equal(pause_of(503, "Retry-After: 7\r\n"), 0);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 0\r\n"
				       "X-RateLimit-Reset: 3\r\n"),
			 3000);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 0\r\n"
				       "X-RateLimit-Reset: 1700000005\r\n"),
			 5000);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 0\r\n"
				       "X-RateLimit-Reset: 1700000005000\r\n"),
			 5000);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 0\r\n"
				       "X-RateLimit-Reset: 1699999999\r\n"),
			 0);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 0\r\n"
				       "X-RateLimit-Reset: 999999999\r\n"),
			 60000);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 0\r\n"
				       "X-RateLimit-Reset: "
				       "9223372036854775807\r\n"),
			 60000);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 0\r\n"
				       "X-RateLimit-Reset: x\r\n"),
			 0);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: 1\r\n"
				       "X-RateLimit-Reset: 3\r\n"),
			 0);
	assert_int_equal(pause_of(200, "X-RateLimit-Remaining: -1\r\n"
				       "X-RateLimit-Reset: 3\r\n"),
			 0);
}

static void pauses_dont_shrink(void **state)
{
	struct rest_response r = { .status = 429,
				   .headers = STR("Retry-After: 100\r\n") };
	struct sf_limits l;

	(void)state;
	sf_limits_init(&l, 80);
	sf_limits_now(&l, 1000);
	sf_limits_learn(&l, &r);
	r.headers = STR("Retry-After: 1\r\n");
	sf_limits_learn(&l, &r);
	assert_int_equal(sf_limits_wait_ms(&l), 100000);
	assert_int_equal(sf_limits_paused_until(&l), 101000);
	sf_limits_now(&l, 1000);
	sf_limits_now(&l, 50000);
	sf_limits_learn(&l, &r);
	sf_limits_now(&l, 50000);
	assert_int_equal(sf_limits_paused_until(&l), 101000);
	sf_limits_now(&l, 101000);
	assert_int_equal(sf_limits_wait_ms(&l), 0);
	assert_int_equal(sf_limits_paused_until(&l), 0);
}

static void learns_the_limit(void **state)
{
	static const struct {
		const char *headers;
		unsigned rate;
	} steps[] = {
		{ "X-RateLimit-Limit: 5\r\n", 5 },
		{ "X-RateLimit-Limit: 100\r\n", 80 },
		{ "x-ratelimit-limit: 40, 40;w=1\r\n", 40 },
		{ "X-RateLimit-Limit: 0\r\n", 40 },
		{ "X-RateLimit-Limit: -3\r\n", 40 },
		{ "X-RateLimit-Limit: x\r\n", 40 },
		{ "X-RateLimit-Limit: 99999999999999999999\r\n", 40 },
		{ "", 40 },
		{ "X-RateLimit-Limit: 1\r\n", 1 },
		{ "X-RateLimit-Limit: 18446744073709551615\r\n", 1 },
		{ "X-RateLimit-Limit: 5000000000\r\n", 80 },
	};
	struct sf_limits l;

	(void)state;
	sf_limits_init(&l, 80);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct rest_response r = {
			.status = 200,
			.headers = str_from(steps[i].headers),
		};

		sf_limits_learn(&l, &r);
		assert_int_equal(l.rate, steps[i].rate);
	}
}

/* In no minute more than the limit, and all of it at once where it is free. */
static void a_minute_holds_in_every_window(void **state)
{
	static const unsigned rates[] = { 1, 7, 30, 60, 120, 500 };
	int64_t sent[2000];

	(void)state;
	for (size_t k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
		unsigned most = rates[k] < SF_MINUTE_MOST ? rates[k] :
							   SF_MINUTE_MOST;
		struct sf_limits l;
		size_t n = 0, first = 0;

		sf_limits_init_minute(&l, rates[k]);
		for (int64_t t = 1; t < 10 * 60000; t += 97) {
			struct rest_response r = {
				.status = 429,
				.headers = STR("Retry-After: 20\r\n"),
			};
			unsigned at_once = 0;

			sf_limits_now(&l, t);
			if (t > 200000 && t - 97 <= 200000)
				sf_limits_learn(&l, &r);
			/* Idle, then a few, then all that may. */
			if (t > 300000 && t < 400000)
				continue;
			while (at_once < (t < 250000 ? 3 : 500) &&
			       sf_limits_take(&l)) {
				sent[n++] = t;
				at_once++;
			}
			if (n == at_once && t > 1)
				assert_int_equal(at_once, 0);
		}
		for (size_t i = 0; i < n; i++) {
			while (sent[i] - sent[first] >= 60000)
				first++;
			assert_true(i - first + 1 <= most);
		}
		assert_true(n >= most * 6);
	}
}

static void a_minute_shrinks_and_waits_exactly(void **state)
{
	struct rest_response r = { .status = 200,
				   .headers = STR("X-RateLimit-Limit: 2\r\n") };
	struct sf_limits l;

	(void)state;
	sf_limits_init_minute(&l, 30);
	sf_limits_now(&l, 1000);
	for (int i = 0; i < 30; i++)
		assert_true(sf_limits_take(&l));
	assert_int_equal(sf_limits_wait_ms(&l), 61000);
	sf_limits_now(&l, 62000);
	assert_true(sf_limits_take(&l));
	sf_limits_learn(&l, &r);
	assert_true(sf_limits_take(&l));
	assert_false(sf_limits_take(&l));
	assert_int_equal(sf_limits_wait_ms(&l), 61000);
	/* A higher one than the page's isn't believed. */
	r.headers = STR("X-RateLimit-Limit: 5000\r\n");
	sf_limits_learn(&l, &r);
	assert_int_equal(l.rate, 30);
	assert_int_equal(sf_limits_gather_ms(&l), 0);
}

static void classes_wait_for_their_own(void **state)
{
	struct rest_response r = { .status = 429,
				   .headers = STR("Retry-After: 9\r\n") };
	struct sf_rates rates;
	unsigned n;

	(void)state;
	sf_rates_init(&rates, 1000);
	sf_rates_now(&rates, 1000);
	for (n = 0; sf_rates_take(&rates, SF_CLASS_ANALYZE); n++)
		;
	assert_int_equal(n, 30);
	assert_true(sf_rates_take(&rates, SF_CLASS_ASK));
	assert_int_equal(rates.of[SF_CLASS_ASK].rate, 60);
	assert_int_equal(rates.of[SF_CLASS_EXEMPLARS].rate, 120);
	assert_int_equal(rates.of[SF_CLASS_SUGGEST].rate, 120);
	/* They are requests of the user's as well: 50 go at once in all. */
	for (n = 31; sf_rates_take(&rates, SF_CLASS_API); n++)
		;
	assert_int_equal(n, 50);
	assert_false(sf_rates_take(&rates, SF_CLASS_SUGGEST));
	/* A bulk has no rate, but its own pause. */
	for (n = 0; n < 1000; n++)
		assert_true(sf_rates_take(&rates, SF_CLASS_BULK));
	sf_limits_learn(&rates.of[SF_CLASS_BULK], &r);
	sf_rates_now(&rates, 2000);
	assert_int_equal(sf_rates_wait_ms(&rates, SF_CLASS_BULK), 9000);
	for (n = 0; n < SF_CLASS_BULK; n++)
		assert_true(sf_rates_wait_ms(&rates, n) < 61000);
	assert_true(sf_rates_take(&rates, SF_CLASS_API));
	assert_true(sf_rates_take(&rates, SF_CLASS_ASK));
	/* A pause of the API's is one of all. */
	r.headers = STR("Retry-After: 30\r\n");
	sf_limits_learn(&rates.of[SF_CLASS_API], &r);
	sf_rates_now(&rates, 3000);
	for (n = 0; n < SF_CLASSES; n++)
		assert_true(sf_rates_wait_ms(&rates, n) >= 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate_holds_in_every_window),
		cmocka_unit_test(gathering_loses_no_rate),
		cmocka_unit_test(wait_is_exact),
		cmocka_unit_test(pauses_as_told),
		cmocka_unit_test(pauses_dont_shrink),
		cmocka_unit_test(learns_the_limit),
		cmocka_unit_test(a_minute_holds_in_every_window),
		cmocka_unit_test(a_minute_shrinks_and_waits_exactly),
		cmocka_unit_test(classes_wait_for_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
