/* Requests served, answered at once or later, and how a server ends. */
#include "tests/unit/web/rig.h"

#include <sys/stat.h>
#include <sys/un.h>

#define H "Host: h\r\n"

static void test_answer(void **state)
{
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	for (int i = 0; i < 3; i++) {
		int64_t date;
		char *at;

		say(fd, GET("/a?b"));
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		assert_memory_equal(said, "HTTP/1.1 200 OK\r\nDate: ", 23);
		at = said + 23;
		assert_int_equal(
			clock_parse_http(&date, (struct str){ at, 29 }), 0);
		assert_true(llabs(date - clock_wall_ms()) < 5000);
		assert_string_equal(
			at + 29, "\r\n"
				 "Content-Type: text/plain; charset=utf-8\r\n"
				 "Content-Length: 10\r\n\r\nGET /a b 0");
	}
	close(fd);
	rig_until(web_open(rig.web) == 0);
	assert_int_equal(rig_count(&rig).accepted, 1);
	assert_int_equal(rig_count(&rig).requests, 3);
	assert_int_equal(rig_count(&rig).bytes_in, 3 * strlen(GET("/a?b")));
	rig_stop(&rig);
}

static void expect_close(struct rig *rig, const char *request)
{
	char said[4096];
	int fd = dial(rig);

	say(fd, request);
	assert_true(hear_all(fd, said, sizeof(said)) > 0);
	assert_memory_equal(said, "HTTP/1.1 200 ", 13);
	assert_non_null(strstr(said, "\r\nConnection: close\r\n"));
	assert_null(strstr(said + 1, "HTTP/1.1"));
	close(fd);
}

static void test_close(void **state)
{
	struct rig rig;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	expect_close(&rig, "GET / HTTP/1.0\r\n\r\n");
	expect_close(&rig,
		     "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET(
			     "/smuggled"));
	expect_close(&rig, "GET / HTTP/1.1\r\n" H
			   "Connection: close\r\n\r\n" GET("/smuggled"));
	expect_close(&rig, "GET / HTTP/1.1\r\n" H
			   "Connection: x , Close\r\n\r\n" GET("/smuggled"));
	assert_int_equal(atomic_load(&rig.smuggled), 0);
	rig_stop(&rig);
}

static void handle_forms(struct web_exchange *x, const struct web_request *req,
			 void *arg)
{
	struct web_reply r = { .status = 200,
			       .body = STR("{}"),
			       .type = "application/json",
			       .headers = "Retry-After: 7\r\nX-A: b\r\n" };

	(void)arg;
	if (str_is(req->path, "/204"))
		r = (struct web_reply){ .status = 204, .body = STR("x") };
	if (str_is(req->path, "/odd"))
		r.status = 42;
	if (str_is(req->path, "/close"))
		r.close = true;
	if (str_is(req->path, "/header"))
		r.body = web_header(req, "x-THIS");
	assert(!web_header(req, "absent").p);
	web_answer(x, &r);
}

static void test_forms(void **state)
{
	struct web_listener ln = { .fd = -1, .handle = handle_forms };
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, &ln, 1);
	fd = dial(&rig);
	say(fd, "HEAD / HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(hear_one(fd, said, sizeof(said), true), 200);
	assert_non_null(strstr(said, "\r\nContent-Length: 2\r\n"));
	say(fd, GET("/204"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 204);
	assert_null(strstr(said, "Content-Length"));
	say(fd, GET("/odd"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 500);
	say(fd, "GET /header HTTP/1.1\r\n" H "X-This:  a b \r\n"
		"X-This: second\r\n\r\n");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	assert_string_equal(strstr(said, "\r\n\r\n") + 4, "a b");
	say(fd, GET("/"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	assert_non_null(strstr(said, "\r\nContent-Type: application/json\r\n"
				     "Content-Length: 2\r\nRetry-After: 7\r\n"
				     "X-A: b\r\n\r\n{}"));
	say(fd, GET("/close"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	assert_non_null(strstr(said, "\r\nConnection: close\r\n"));
	assert_true(ended(fd));
	close(fd);
	rig_stop(&rig);
}

static void test_pipeline(void **state)
{
	struct buf all = BUF_INIT(1 << 20);
	struct rig rig;
	char said[4096], want[64];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	for (int i = 0; i < 1000; i++)
		if (i % 3)
			buf_printf(&all, "GET /%d HTTP/1.1\r\n" H "\r\n", i);
		else
			buf_printf(&all,
				   "POST /%d HTTP/1.1\r\n" H
				   "Content-Length: 7\r\n\r\nGET / H",
				   i);
	say_bytes(fd, all.p, all.n);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		snprintf(want, sizeof(want), "%s /%d  %d",
			 i % 3 ? "GET" : "POST", i, i % 3 ? 0 : 7);
		assert_string_equal(strstr(said, "\r\n\r\n") + 4, want);
	}
	close(fd);
	buf_fini(&all);
	rig_stop(&rig);
}

/* The next of a pipeline begins when the one before it was answered. */
static void test_pipeline_parked(void **state)
{
	struct web_exchange *x;
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, GET("/park/1") GET("/park/2") GET("/now"));
	x = rig_take(&rig, NULL);
	poll(NULL, 0, 20);
	assert_int_equal(atomic_load(&rig.seen), 1);
	rig_answer(x, 201, "one");
	rig_answer(rig_take(&rig, NULL), 202, "two");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 201);
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 202);
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
	rig_stop(&rig);
}

static void test_parked(void **state)
{
	enum { CLIENTS = 40, ROUNDS = 20 };
	struct web_exchange *x[CLIENTS];
	struct rig rig;
	char said[4096];
	int fds[CLIENTS];

	(void)state;
	rig_start(&rig, NULL, NULL, 2);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = dial(&rig);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++)
			say(fds[i], GET("/park"));
		for (int i = 0; i < CLIENTS; i++)
			x[i] = rig_take(&rig, NULL);
		for (int i = CLIENTS; i > 0; i--)
			rig_answer(x[i - 1], 200, "later");
		for (int i = 0; i < CLIENTS; i++)
			assert_int_equal(
				hear_one(fds[i], said, sizeof(said), false),
				200);
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

static void abandon(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void test_client_leaves(void **state)
{
	const struct web_request *req = NULL;
	struct web_exchange *x;
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, "POST /park HTTP/1.1\r\n" H "A: b\r\nContent-Length: 3\r\n\r\n"
		"abc");
	x = rig_take(&rig, &req);
	abandon(fd);
	fd = dial(&rig);
	say(fd, GET("/now"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
	rig_until(web_open(rig.web) == 1);
	assert_true(str_is(req->method, "POST"));
	assert_true(str_is(req->path, "/park"));
	assert_true(str_is(web_header(req, "a"), "b"));
	assert_true(str_is(req->body, "abc"));
	assert_true(str_is(req->peer, "127.0.0.1"));
	assert_int_equal(req->peer_uid, -1);
	rig_answer(x, 200, "");
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

/* Who only ended its own side still reads. */
static void test_half_closed(void **state)
{
	struct web_exchange *x;
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, GET("/park"));
	shutdown(fd, SHUT_WR);
	x = rig_take(&rig, NULL);
	poll(NULL, 0, 20);
	rig_answer(x, 200, "there");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	assert_true(ended(fd));
	close(fd);
	rig_stop(&rig);
}

static void test_large_body(void **state)
{
	size_t n = web_limits_default.body;
	struct buf b = BUF_INIT(8 << 20);
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	buf_printf(&b, "POST /now HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n",
		   n);
	for (size_t i = 0; i < n; i++)
		buf_putc(&b, (char)i);
	buf_puts(&b, "POST /now HTTP/1.1\r\n" H
		     "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < n / 4096; i++) {
		buf_puts(&b, "1000\r\n");
		for (int k = 0; k < 4096; k++)
			buf_putc(&b, '\n');
		buf_puts(&b, "\r\n");
	}
	buf_puts(&b, "0\r\n\r\n");
	assert_int_equal(buf_error(&b), 0);
	say_bytes(fd, b.p, b.n);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		assert_string_equal(strstr(said, "\r\n\r\n") + 4,
				    "POST /now  2097152");
	}
	close(fd);
	buf_fini(&b);
	rig_stop(&rig);
}

static void test_large_answer(void **state)
{
	enum { N = 12 << 20 };
	char *body = malloc(N), said[4096], *got = malloc(N);
	struct web_reply r = { .status = 200, .body = { body, N } };
	struct rig rig;
	int fd;

	(void)state;
	for (size_t i = 0; i < N; i++)
		body[i] = (char)(i * 31 + i / 257);
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, GET("/park") GET("/now"));
	web_answer(rig_take(&rig, NULL), &r);
	poll(NULL, 0, 20);
	assert_int_equal(hear_one(fd, said, sizeof(said), true), 200);
	assert_int_equal(recv(fd, got, N, MSG_WAITALL), N);
	assert_memory_equal(got, body, N);
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
	rig_stop(&rig);
	free(body);
	free(got);
}

static void test_continue(void **state)
{
	static const char head[] =
		"POST /now HTTP/1.1\r\n" H
		"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n";
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, head);
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 100);
	say(fd, "abc");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	/* Not asked for once the body is on its way. */
	say(fd, "POST /now HTTP/1.1\r\n" H
		"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	say(fd, "POST /now HTTP/1.1\r\n" H
		"Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 413);
	assert_true(ended(fd));
	close(fd);
	/* HTTP/1.0 knows no such thing. */
	fd = dial(&rig);
	say(fd, "POST /now HTTP/1.0\r\nExpect: 100-continue\r\n"
		"Content-Length: 3\r\n\r\n");
	poll(NULL, 0, 20);
	say(fd, "abc");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
	rig_stop(&rig);
}

static bool admit_some(const struct web_request *head, struct web_reply *refuse,
		       void *arg)
{
	(void)arg;
	assert(head->body.n == 0);
	if (!str_starts(head->path, "/no"))
		return false;
	*refuse = (struct web_reply){
		.status = 401,
		.body = STR("no"),
		.headers = "WWW-Authenticate: Basic realm=\"a\"\r\n"
	};
	return true;
}

static void test_admit(void **state)
{
	struct web_listener ln = { .fd = -1, .admit = admit_some };
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, &ln, 1);
	fd = dial(&rig);
	say(fd, GET("/no") GET("/yes"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 401);
	assert_non_null(strstr(said, "WWW-Authenticate: Basic"));
	assert_null(strstr(said, "Connection: close"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	say(fd, "POST /no HTTP/1.1\r\n" H "Expect: 100-continue\r\n"
		"Content-Length: 3\r\n\r\n");
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 401);
	assert_non_null(strstr(said, "Connection: close"));
	assert_true(ended(fd));
	close(fd);
	assert_int_equal(atomic_load(&rig.seen), 1);
	rig_stop(&rig);
}

static int dial_path(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(un.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void test_unix(void **state)
{
	char dir[] = "/tmp/web-XXXXXX", path[64], address[80], said[4096];
	struct web_listener ln = { .fd = -1, .address = address };
	const struct web_request *req = NULL;
	struct web_exchange *x;
	struct web *second;
	struct err err;
	struct rig rig;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(address, sizeof(address), "unix:%s", path);
	for (int round = 0; round < 2; round++) {
		rig_start(&rig, NULL, &ln, 2);
		assert_int_equal(rig.port, 0);
		fd = dial_path(path);
		say(fd, GET("/park"));
		x = rig_take(&rig, &req);
		assert_true(str_is(req->peer, "unix"));
		assert_int_equal(req->peer_uid, (long)getuid());
		rig_answer(x, 200, "");
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		/* Somebody listens there: it isn't taken from them. */
		assert_int_equal(web_new(&second, &web_limits_default, 1, &err),
				 0);
		ln.handle = rig_handle;
		assert_int_equal(web_listen(second, &ln, &err), -EADDRINUSE);
		ln.handle = NULL;
		web_free(second);
		close(fd);
		rig_stop(&rig);
		assert_int_equal(stat(path, &st), -1);
		/* A socket that a dead program left is. */
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		{
			struct sockaddr_un un = { .sun_family = AF_UNIX };

			memcpy(un.sun_path, path, strlen(path));
			assert_int_equal(
				bind(fd, (struct sockaddr *)&un, sizeof(un)),
				0);
		}
		close(fd);
	}
	unlink(path);
	rmdir(dir);
}

static void test_handed_over(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	struct web_listener ln = { 0 };
	socklen_t n = sizeof(sa);
	struct rig rig;
	char said[4096];
	int fd, again;

	(void)state;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ln.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(ln.fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(ln.fd, 16), 0);
	assert_int_equal(getsockname(ln.fd, (struct sockaddr *)&sa, &n), 0);
	again = dup(ln.fd);
	rig_start(&rig, NULL, &ln, 2);
	assert_int_equal(rig.port, ntohs(sa.sin_port));
	for (int i = 0; i < 20; i++) {
		fd = dial(&rig);
		say(fd, GET("/now"));
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		close(fd);
	}
	/* Whoever handed it over goes on queueing connections. */
	web_drain(rig.web);
	rig_until(web_open(rig.web) == 0);
	fd = dial(&rig);
	close(fd);
	rig_stop(&rig);
	close(again);
}

static bool can_connect(unsigned port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	sa.sin_port = htons((uint16_t)port);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	close(fd);
	return rc == 0;
}

static void test_drain(void **state)
{
	struct web_exchange *x;
	struct rig rig;
	char said[4096];
	int idle, busy, begun;

	(void)state;
	rig_start(&rig, NULL, NULL, 2);
	idle = dial(&rig);
	say(idle, GET("/now"));
	assert_int_equal(hear_one(idle, said, sizeof(said), false), 200);
	busy = dial(&rig);
	say(busy, GET("/park") GET("/smuggled"));
	x = rig_take(&rig, NULL);
	begun = dial(&rig);
	say(begun, "POST /now HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n");
	rig_until(rig_count(&rig).requests == 3);
	web_drain(rig.web);
	assert_true(ended(idle));
	close(idle);
	say(begun, "a");
	assert_int_equal(hear_one(begun, said, sizeof(said), false), 200);
	assert_non_null(strstr(said, "Connection: close"));
	assert_true(ended(begun));
	close(begun);
	rig_answer(x, 200, "at last");
	assert_int_equal(hear_one(busy, said, sizeof(said), false), 200);
	assert_non_null(strstr(said, "Connection: close"));
	assert_true(ended(busy));
	close(busy);
	rig_until(web_open(rig.web) == 0);
	assert_int_equal(atomic_load(&rig.smuggled), 0);
	rig_until(!can_connect(rig.port));
	rig_stop(&rig);
}

/* Who asks at once again hears that it was the last answer. */
static void test_drain_says_the_last_word(void **state)
{
	bool heard = false;

	(void)state;
	/* Only what was quiet for long is closed; a slow machine is too. */
	for (int i = 0; i < 50 && !heard; i++) {
		struct rig rig;
		char said[4096];
		int64_t began;
		int fd;

		rig_start(&rig, NULL, NULL, 1);
		fd = dial(&rig);
		began = clock_mono_ms();
		say(fd, GET("/now"));
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		web_drain(rig.web);
		poll(NULL, 0, 20);
		if (clock_mono_ms() - began < 200) {
			say(fd, GET("/now"));
			heard = clock_mono_ms() - began < 200;
		}
		if (heard) {
			assert_int_equal(hear_one(fd, said, sizeof(said),
						  false), 200);
			assert_non_null(strstr(said, "Connection: close"));
			assert_true(ended(fd));
		}
		close(fd);
		rig_stop(&rig);
	}
	assert_true(heard);
}

static atomic_int gate;

static void handle_at_gate(struct web_exchange *x,
			   const struct web_request *req, void *arg)
{
	struct web_reply r = { .status = 200 };

	(void)arg;
	if (str_is(req->path, "/gate")) {
		atomic_store(&gate, 1);
		while (atomic_load(&gate) == 1)
			poll(NULL, 0, 1);
	}
	web_answer(x, &r);
}

/* Who had connected before the drain, though nobody accepted yet, is served. */
static void test_drain_accepts(void **state)
{
	struct web_listener ln = { .fd = -1, .handle = handle_at_gate };
	struct rig rig;
	char said[4096];
	int first, second;

	(void)state;
	rig_start(&rig, NULL, &ln, 1);
	first = dial(&rig);
	say(first, GET("/gate"));
	rig_until(atomic_load(&gate) == 1);
	/* Such a handler is what a watchdog looks for. */
	rig_until(web_busy_ms(rig.web) >= 20);
	second = dial(&rig);
	say(second, GET("/now"));
	web_drain(rig.web);
	atomic_store(&gate, 2);
	assert_int_equal(hear_one(first, said, sizeof(said), false), 200);
	assert_int_equal(hear_one(second, said, sizeof(said), false), 200);
	assert_non_null(strstr(said, "Connection: close"));
	close(first);
	close(second);
	rig_until(web_open(rig.web) == 0);
	rig_until(web_busy_ms(rig.web) == 0);
	rig_stop(&rig);
}

static void test_stop_with_parked(void **state)
{
	struct web_exchange *x;
	const struct web_request *req = NULL;
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, GET("/park"));
	x = rig_take(&rig, &req);
	web_stop(rig.web);
	assert_true(ended(fd));
	close(fd);
	assert_true(str_is(req->path, "/park"));
	rig_answer(x, 200, "");
	rig_stop(&rig);
}

static void test_refused_setups(void **state)
{
	struct web_limits limits = web_limits_default;
	struct web_listener ln = { .fd = -1, .handle = rig_handle };
	char taken[32];
	struct web *web;
	struct err err;
	struct rig rig;

	(void)state;
	limits.headers_ms = 0;
	assert_int_equal(web_new(&web, &limits, 1, &err), -EINVAL);
	assert_int_equal(web_new(&web, &web_limits_default, 0, &err), -EINVAL);
	rig_start(&rig, NULL, NULL, 2);
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", rig.port);
	assert_int_equal(web_new(&web, &web_limits_default, 2, &err), 0);
	ln.address = taken;
	assert_int_equal(web_listen(web, &ln, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, taken));
	ln.address = "nonsense";
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	ln.address = "127.0.0.1:70000";
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	ln.address = "::1:80";
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	ln.address = NULL;
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	ln.fd = STDOUT_FILENO;
	assert_int_equal(web_listen(web, &ln, &err), -ENOTSOCK);
	assert_int_equal(web_port(web, 0), 0);
	assert_int_equal(web_certificate_end_ms(web), -1);
	web_free(web);
	web_free(NULL);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_pipeline_parked),
		cmocka_unit_test(test_parked),
		cmocka_unit_test(test_client_leaves),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_large_answer),
		cmocka_unit_test(test_continue),
		cmocka_unit_test(test_admit),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_handed_over),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_says_the_last_word),
		cmocka_unit_test(test_drain_accepts),
		cmocka_unit_test(test_stop_with_parked),
		cmocka_unit_test(test_refused_setups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
