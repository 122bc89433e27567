/* What a server does when there is too much of something. */
#include "tests/unit/web/rig.h"

#include <fcntl.h>
#include <sys/resource.h>

#define H "Host: h\r\n"
#define BEGUN "GET / HTTP/1.1\r\n"
#define BODY "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n1"

static struct web_limits limits_of(unsigned connections)
{
	struct web_limits l = web_limits_default;

	l.connections = connections;
	return l;
}

static void expect_ok(int fd)
{
	char said[4096];

	say(fd, GET("/now"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
}

/* Idle, then in the headers, then in the body; in a state the oldest. */
static void test_eviction(void **state)
{
	struct web_limits l = limits_of(5);
	struct web_exchange *x;
	struct rig rig;
	char said[4096];
	int parked, body, headers, idle[2], fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	parked = dial(&rig);
	say(parked, GET("/park"));
	x = rig_take(&rig, NULL);
	body = dial(&rig);
	say(body, BODY);
	headers = dial(&rig);
	say(headers, BEGUN);
	rig_until(rig_count(&rig).bytes_in == strlen(GET("/park") BODY BEGUN));
	for (int i = 0; i < 2; i++) {
		idle[i] = dial(&rig);
		expect_ok(idle[i]);
	}
	assert_int_equal(web_open(rig.web), 5);
	for (int i = 0; i < 2; i++) {
		fd = dial(&rig);
		say(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n1");
		assert_true(ended(idle[i]));
		close(idle[i]);
		idle[i] = fd;
	}
	rig_until(rig_count(&rig).requests == 6);
	fd = dial(&rig);
	say(fd, BODY);
	assert_true(ended(headers));
	close(headers);
	headers = fd;
	rig_until(rig_count(&rig).requests == 7);
	fd = dial(&rig);
	expect_ok(fd);
	assert_true(ended(body));
	close(body);
	/* The body next in age still comes to its end. */
	say(idle[0], "2");
	assert_int_equal(hear_one(idle[0], said, sizeof(said), false), 200);
	rig_answer(x, 200, "never evicted");
	assert_int_equal(hear_one(parked, said, sizeof(said), false), 200);
	assert_int_equal(rig_count(&rig).evicted, 4);
	assert_int_equal(rig_count(&rig).refused_connections, 0);
	close(parked);
	close(headers);
	close(idle[0]);
	close(idle[1]);
	close(fd);
	rig_stop(&rig);
}

static void test_all_parked(void **state)
{
	struct web_limits l = limits_of(2);
	struct web_exchange *x[2];
	struct rig rig;
	char said[4096];
	int fds[2], fd;

	(void)state;
	rig_start(&rig, &l, NULL, 2);
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(&rig);
		say(fds[i], GET("/park"));
		x[i] = rig_take(&rig, NULL);
	}
	fd = dial(&rig);
	assert_true(ended(fd));
	close(fd);
	rig_until(rig_count(&rig).refused_connections == 1);
	for (int i = 0; i < 2; i++) {
		rig_answer(x[i], 200, "");
		assert_int_equal(hear_one(fds[i], said, sizeof(said), false),
				 200);
	}
	/* Idle ones make room, whichever loop they are on. */
	fd = dial(&rig);
	expect_ok(fd);
	rig_until(web_open(rig.web) <= 2);
	assert_int_equal(rig_count(&rig).evicted, 1);
	close(fd);
	close(fds[0]);
	close(fds[1]);
	rig_stop(&rig);
}

/* The one that has to go may be another loop's. */
static void test_other_loop(void **state)
{
	struct web_limits l = limits_of(1);
	struct rig rig;

	(void)state;
	rig_start(&rig, &l, NULL, 4);
	for (int i = 0, before = -1; i < 20; i++) {
		int fd = dial(&rig);

		expect_ok(fd);
		rig_until(web_open(rig.web) == 1);
		if (before >= 0)
			close(before);
		before = fd;
		if (i == 19)
			close(fd);
	}
	assert_int_equal(rig_count(&rig).evicted, 19);
	rig_stop(&rig);
}

/* A request whose client left keeps its place: memory stays bounded. */
static void test_left_behind(void **state)
{
	struct web_limits l = limits_of(1);
	struct linger now = { 1, 0 };
	struct web_exchange *x;
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, &l, NULL, 1);
	fd = dial(&rig);
	say(fd, GET("/park"));
	x = rig_take(&rig, NULL);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	fd = dial(&rig);
	assert_true(ended(fd));
	close(fd);
	rig_answer(x, 200, "");
	rig_until(web_open(rig.web) == 0);
	fd = dial(&rig);
	expect_ok(fd);
	close(fd);
	rig_stop(&rig);
}

static void test_many(void **state)
{
	enum { CAP = 20, CLIENTS = 200 };
	struct web_limits l = limits_of(CAP);
	int fds[CLIENTS], fd;
	struct rig rig;

	(void)state;
	rig_start(&rig, &l, NULL, 2);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = dial(&rig);
	rig_until(rig_count(&rig).accepted == CLIENTS);
	rig_until(web_open(rig.web) <= CAP);
	fd = dial(&rig);
	expect_ok(fd);
	close(fd);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

static void test_per_address(void **state)
{
	struct web_limits l = web_limits_default;
	int fds[3], other, fd;
	struct rig rig;

	(void)state;
	l.per_address = 3;
	rig_start(&rig, &l, NULL, 1);
	for (int i = 0; i < 3; i++) {
		fds[i] = dial_from(rig.port, "127.0.0.2");
		expect_ok(fds[i]);
	}
	fd = dial_from(rig.port, "127.0.0.2");
	assert_true(ended(fd));
	close(fd);
	other = dial_from(rig.port, "127.0.0.3");
	expect_ok(other);
	close(fds[0]);
	rig_until(web_open(rig.web) == 3);
	fds[0] = dial_from(rig.port, "127.0.0.2");
	expect_ok(fds[0]);
	assert_int_equal(rig_count(&rig).refused_connections, 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(other);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

static int64_t cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* The lowest limit under which no file can be opened any more. */
static void no_more_files(const struct rlimit *before)
{
	struct rlimit none = *before;
	int fd = open("/dev/null", O_RDONLY);

	none.rlim_cur = (rlim_t)fd;
	close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void test_no_files(void **state)
{
	struct rlimit before;
	struct web_exchange *x;
	struct rig rig;
	int fds[4], parked;
	int64_t cpu;
	char said[4096];

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	rig_start(&rig, NULL, NULL, 1);
	parked = dial(&rig);
	say(parked, GET("/park"));
	x = rig_take(&rig, NULL);
	for (int i = 0; i < 4; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
	no_more_files(&before);
	cpu = cpu_ms();
	for (int i = 0; i < 4; i++) {
		struct sockaddr_in sa = { .sin_family = AF_INET };

		sa.sin_port = htons((uint16_t)rig.port);
		sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(
			connect(fds[i], (struct sockaddr *)&sa, sizeof(sa)), 0);
		assert_true(ended(fds[i]));
	}
	poll(NULL, 0, 200);
	assert_true(cpu_ms() - cpu < 100);
	assert_int_equal(rig_count(&rig).refused_connections, 4);
	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	rig_answer(x, 200, "");
	assert_int_equal(hear_one(parked, said, sizeof(said), false), 200);
	/* An idle one makes room. */
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	no_more_files(&before);
	{
		struct sockaddr_in sa = { .sin_family = AF_INET };

		sa.sin_port = htons((uint16_t)rig.port);
		sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(
			connect(fds[0], (struct sockaddr *)&sa, sizeof(sa)), 0);
	}
	expect_ok(fds[0]);
	assert_true(ended(parked));
	setrlimit(RLIMIT_NOFILE, &before);
	close(fds[0]);
	close(parked);
	rig_stop(&rig);
}

/* All bodies together have a bound; who began first goes first. */
static void test_bodies(void **state)
{
	enum { CLIENTS = 60, SENT = 60000 };
	struct web_limits l = web_limits_default;
	char *junk = calloc(1, SENT), said[4096];
	int fds[CLIENTS];
	struct rig rig;

	(void)state;
	l.body = 65535;
	rig_start(&rig, &l, NULL, 1);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = dial(&rig);
		say(fds[i],
		    "POST /now HTTP/1.1\r\n" H "Content-Length: 60001\r\n\r\n");
		say_bytes(fds[i], junk, SENT);
		rig_until(rig_count(&rig).bytes_in >= (uint64_t)(i + 1) * SENT);
	}
	assert_in_range(web_open(rig.web), 20, 35);
	assert_true(ended(fds[0]));
	say(fds[CLIENTS - 1], "a");
	assert_int_equal(hear_one(fds[CLIENTS - 1], said, sizeof(said), false),
			 200);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	rig_until(web_open(rig.web) == 0);
	free(junk);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_all_parked),
		cmocka_unit_test(test_other_loop),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_per_address),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
