/* A request has its time as a whole, however lively it drips. */
#include "tests/unit/web/rig.h"

#define H "Host: h\r\n"

enum { SHORT = 150, LONG = 60000 };

static struct web_limits limits_of(unsigned headers, unsigned body,
				   unsigned idle)
{
	struct web_limits l = web_limits_default;

	l.headers_ms = headers;
	l.body_ms = body;
	l.idle_ms = idle;
	return l;
}

/* A byte every few milliseconds until the server has enough of it. */
static int64_t drip(int fd, char *said, size_t cap)
{
	int64_t since = clock_mono_ms();
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, 5) == 0) {
		assert_true(clock_mono_ms() - since < PATIENCE_MS);
		if (send(fd, "a", 1, MSG_NOSIGNAL) != 1)
			break;
	}
	assert_true(hear_all(fd, said, cap) >= 0);
	close(fd);
	return clock_mono_ms() - since;
}

static void test_header_drip(void **state)
{
	struct web_limits l = limits_of(SHORT, LONG, LONG);
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	say(fd, "GET / HTTP/1.1\r\n" H "A: ");
	assert_in_range(drip(fd, said, sizeof(said)), SHORT - 10, 2000);
	assert_memory_equal(said, "HTTP/1.1 408 ", 13);
	/* Also the second request of a connection. */
	fd = dial(&rig);
	say(fd, GET("/now"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	say(fd, "GET / HTTP/1.1\r\n" H "A: ");
	assert_in_range(drip(fd, said, sizeof(said)), SHORT - 10, 2000);
	assert_memory_equal(said, "HTTP/1.1 408 ", 13);
	assert_int_equal(rig_count(&rig).timed_out, 2);
	assert_int_equal(rig_count(&rig).malformed, 0);
	assert_int_equal(atomic_load(&rig.seen), 1);
	rig_stop(&rig);
}

static void test_body_drip(void **state)
{
	struct web_limits l = limits_of(LONG, SHORT, LONG);
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	say(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 9999\r\n\r\n");
	assert_in_range(drip(fd, said, sizeof(said)), SHORT - 10, 2000);
	assert_memory_equal(said, "HTTP/1.1 408 ", 13);
	fd = dial(&rig);
	say(fd, "POST / HTTP/1.1\r\n" H
		"Transfer-Encoding: chunked\r\n\r\n2000\r\n");
	assert_in_range(drip(fd, said, sizeof(said)), SHORT - 10, 2000);
	assert_memory_equal(said, "HTTP/1.1 408 ", 13);
	assert_int_equal(atomic_load(&rig.seen), 0);
	rig_stop(&rig);
}

/* Nobody asked anything: nobody is answered. */
static void test_silence(void **state)
{
	struct web_limits l = limits_of(SHORT, LONG, LONG);
	int64_t since = clock_mono_ms();
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	assert_int_equal(hear_all(fd, said, sizeof(said)), 0);
	assert_in_range(clock_mono_ms() - since, SHORT - 10, 2000);
	close(fd);
	rig_stop(&rig);
}

static void test_idle(void **state)
{
	struct web_limits l = limits_of(SHORT, SHORT, 3 * SHORT);
	struct rig rig;
	char said[4096];
	int64_t since;
	int fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	for (int i = 0; i < 2; i++) {
		say(fd, GET("/now"));
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		since = clock_mono_ms();
		if (i == 0)
			poll(NULL, 0, 2 * SHORT);
	}
	assert_int_equal(hear_all(fd, said, sizeof(said)), 0);
	assert_in_range(clock_mono_ms() - since, 3 * SHORT - 10, 3000);
	close(fd);
	assert_int_equal(rig_count(&rig).timed_out, 0);
	rig_stop(&rig);
}

static void test_slow_reader(void **state)
{
	enum { N = 32 << 20 };
	struct web_limits l = limits_of(LONG, SHORT, LONG);
	struct web_reply r = { .status = 200, .body = { calloc(1, N), N } };
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	say(fd, GET("/park"));
	web_answer(rig_take(&rig, NULL), &r);
	rig_until(web_open(rig.web) == 0);
	assert_int_equal(rig_count(&rig).timed_out, 1);
	close(fd);
	rig_stop(&rig);
	free((char *)r.body.p);
}

/* A handler takes as long as it takes. */
static void test_parked(void **state)
{
	struct web_limits l = limits_of(50, 50, 50);
	struct web_exchange *x;
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	say(fd, GET("/park"));
	x = rig_take(&rig, NULL);
	poll(NULL, 0, 200);
	rig_answer(x, 200, "");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
	rig_stop(&rig);
}

/* Who goes on sending after a refusal is not listened to for ever. */
static void test_linger(void **state)
{
	struct rig rig;
	int64_t since;
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	since = clock_mono_ms();
	say(fd, "nonsense\r\n\r\n");
	while (send(fd, "a", 1, MSG_NOSIGNAL) == 1) {
		poll(NULL, 0, 5);
		assert_true(clock_mono_ms() - since < 4000);
	}
	close(fd);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

/* Many drips end in time, and an ordinary client doesn't notice them. */
static void test_many_drips(void **state)
{
	enum { DRIPS = 300 };
	struct web_limits l = limits_of(1000, 1000, LONG);
	struct pollfd fds[DRIPS];
	struct rig rig;
	char said[4096];
	int fd, open = DRIPS;
	int64_t since;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	since = clock_mono_ms();
	for (int i = 0; i < DRIPS; i++) {
		fds[i] = (struct pollfd){ .fd = dial(&rig), .events = POLLIN };
		say(fds[i].fd, i % 2 ? "GET / HTTP/1.1\r\n" H "A: "
				     : "POST / HTTP/1.1\r\n" H
				       "Content-Length: 99\r\n\r\n");
	}
	while (open > 0) {
		assert_true(clock_mono_ms() - since < 1000 + 2000 + 1000);
		say(fd, GET("/now"));
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		poll(fds, DRIPS, 10);
		for (int i = 0; i < DRIPS; i++) {
			if (fds[i].fd < 0)
				continue;
			if (!fds[i].revents &&
			    send(fds[i].fd, "a", 1, MSG_NOSIGNAL) == 1)
				continue;
			close(fds[i].fd);
			fds[i].fd = -1;
			open--;
		}
	}
	close(fd);
	rig_until(web_open(rig.web) == 0);
	assert_int_equal(rig_count(&rig).timed_out, DRIPS);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_drip),
		cmocka_unit_test(test_body_drip),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_parked),
		cmocka_unit_test(test_linger),
		cmocka_unit_test(test_many_drips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
