/* Answers that go on: what reaches whom, and whom the server lets go. */
#include "tests/unit/web/rig.h"

#define HEAD "HEAD /park HTTP/1.1\r\nHost: h\r\n\r\n"

static const struct web_reply events = {
	.status = 200,
	.type = "text/event-stream",
	.headers = "Cache-Control: no-store\r\n",
	.body = { ": hello\n\n", 9 },
};

/* A client that listens: its socket, and the stream to it. */
static int listen_to(struct rig *rig, struct web_stream **s, size_t max)
{
	struct web_exchange *x;
	int fd = dial(rig);

	say(fd, GET("/park"));
	x = rig_take(rig, NULL);
	*s = web_stream_begin(x, &events, max);
	assert_non_null(*s);
	return fd;
}

static void hear(int fd, const char *text)
{
	char got[8192];
	size_t n = strlen(text);

	assert_true(n < sizeof(got));
	assert_int_equal(recv(fd, got, n, MSG_WAITALL), n);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void hear_head(int fd)
{
	char said[4096];

	assert_int_equal(hear_one(fd, said, sizeof(said), true), 200);
	assert_null(strstr(said, "Content-Length"));
	assert_non_null(strstr(said, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(said, "\r\nContent-Type: text/event-stream\r\n"));
	assert_non_null(strstr(said, "\r\nCache-Control: no-store\r\n"));
}

static void send_text(struct web_stream *s, const char *text)
{
	assert_int_equal(web_stream_send(s, str_from(text)), 0);
}

static void test_it_is_heard_at_once_and_in_order(void **state)
{
	struct web_stream *s;
	char text[64], more[65536], rest[8];
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 2);
	fd = listen_to(&rig, &s, 1 << 20);
	hear_head(fd);
	hear(fd, ": hello\n\n");
	send_text(s, "data: 1\n\n");
	hear(fd, "data: 1\n\n");
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "data: %d\n\n", i);
		send_text(s, text);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "data: %d\n\n", i);
		hear(fd, text);
	}
	/* More than the kernel takes at once, and then the end. */
	memset(more, 'x', sizeof(more));
	for (int i = 0; i < 15; i++)
		assert_int_equal(web_stream_send(s, (struct str){ more,
					sizeof(more) }), 0);
	web_stream_end(s);
	for (int i = 0; i < 15; i++)
		assert_int_equal(recv(fd, more, sizeof(more), MSG_WAITALL),
				 sizeof(more));
	assert_int_equal(hear_all(fd, rest, sizeof(rest)), 0);
	close(fd);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

static void begin_at_once(struct web_exchange *x,
			  const struct web_request *req, void *arg)
{
	struct web_stream **s = arg;

	(void)req;
	*s = web_stream_begin(x, &events, 4096);
	web_stream_send(*s, STR("data: soon\n\n"));
	web_stream_end(*s);
}

static void test_begun_in_its_handler(void **state)
{
	struct web_stream *s = NULL;
	const struct web_listener ln = { .fd = -1, .handle = begin_at_once,
					 .arg = &s };
	char said[4096];
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, &ln, 1);
	for (int i = 0; i < 20; i++) {
		fd = dial(&rig);
		/* What comes behind it isn't looked at. */
		say(fd, GET("/") GET("/smuggled"));
		assert_true(hear_all(fd, said, sizeof(said)) > 0);
		assert_non_null(strstr(said, "\r\n\r\n: hello\n\n"
					     "data: soon\n\n"));
		assert_null(strstr(said + 9, "HTTP/1.1"));
		close(fd);
	}
	assert_int_equal(rig_count(&rig).requests, 20);
	rig_stop(&rig);
}

static void test_a_head_has_no_stream(void **state)
{
	struct web_stream *s;
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, HEAD);
	s = web_stream_begin(rig_take(&rig, NULL), &events, 4096);
	assert_true(hear_all(fd, said, sizeof(said)) > 0);
	assert_null(strstr(said, "hello"));
	assert_int_equal(web_stream_send(s, STR("x")), -EPIPE);
	web_stream_end(s);
	close(fd);
	rig_stop(&rig);
}

static void test_who_left_is_told(void **state)
{
	struct web_exchange *x;
	struct web_stream *s;
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = listen_to(&rig, &s, 4096);
	hear_head(fd);
	close(fd);
	/* Nothing need be sent for that. */
	rig_until(web_open(rig.web) == 0);
	assert_int_equal(web_stream_send(s, STR("x")), -EPIPE);
	web_stream_end(s);
	/* Before it was begun, too. */
	fd = dial(&rig);
	say(fd, GET("/park"));
	x = rig_take(&rig, NULL);
	shutdown(fd, SHUT_RDWR);
	close(fd);
	poll(NULL, 0, 20);
	s = web_stream_begin(x, &events, 4096);
	rig_until(web_open(rig.web) == 0);
	assert_int_equal(web_stream_send(s, STR("x")), -EPIPE);
	web_stream_end(s);
	rig_stop(&rig);
}

/* A client whose kernel takes little. */
static int deaf(struct rig *rig, struct web_stream **s, size_t max)
{
	int little = 2048, fd = listen_to(rig, s, max);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	return fd;
}

static void test_who_does_not_read_is_cut_at_the_bound(void **state)
{
	enum { MAX = 256 << 10 };
	static char piece[16384];
	struct web_stream *s, *other;
	struct rig rig;
	size_t sent = 0;
	int fd, listens, rc;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = deaf(&rig, &s, MAX);
	listens = listen_to(&rig, &other, 4096);
	hear_head(listens);
	hear(listens, ": hello\n\n");
	while (!(rc = web_stream_send(s, (struct str){ piece,
						       sizeof(piece) }))) {
		sent += sizeof(piece);
		assert_true(sent < 64 << 20);
		/* Nobody else hears less of it. */
		send_text(other, "data: fine\n\n");
		hear(listens, "data: fine\n\n");
	}
	assert_int_equal(rc, -EPIPE);
	assert_true(sent >= MAX - sizeof(piece));
	rig_until(web_open(rig.web) == 1);
	assert_int_equal(rig_count(&rig).timed_out, 1);
	assert_int_equal(web_stream_send(s, STR("x")), -EPIPE);
	web_stream_end(s);
	web_stream_end(other);
	close(fd);
	close(listens);
	rig_stop(&rig);
}

static void test_one_piece_beyond_the_bound(void **state)
{
	static char piece[8192];
	struct web_stream *s;
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = listen_to(&rig, &s, 4096);
	assert_int_equal(web_stream_send(s, (struct str){ piece, 8192 }),
			 -EPIPE);
	rig_until(web_open(rig.web) == 0);
	web_stream_end(s);
	close(fd);
	rig_stop(&rig);
}

static void test_who_does_not_read_in_time_is_cut(void **state)
{
	struct web_limits limits = web_limits_default;
	static char piece[65536];
	struct web_stream *s;
	struct rig rig;
	int fd;

	(void)state;
	limits.body_ms = 150;
	rig_start(&rig, &limits, NULL, 1);
	fd = deaf(&rig, &s, 32 << 20);
	/* Far less than the bound, far more than the kernel takes. */
	for (int i = 0; i < 16 * 16; i++)
		assert_int_equal(web_stream_send(s, (struct str){ piece,
					sizeof(piece) }), 0);
	rig_until(web_open(rig.web) == 0);
	assert_int_equal(rig_count(&rig).timed_out, 1);
	assert_int_equal(web_stream_send(s, STR("x")), -EPIPE);
	web_stream_end(s);
	close(fd);
	rig_stop(&rig);
}

static void test_silence_cuts_nobody(void **state)
{
	struct web_limits limits = web_limits_default;
	struct web_stream *s;
	struct rig rig;
	int fd;

	(void)state;
	limits.headers_ms = limits.body_ms = limits.idle_ms = 30;
	rig_start(&rig, &limits, NULL, 1);
	fd = listen_to(&rig, &s, 4096);
	hear_head(fd);
	hear(fd, ": hello\n\n");
	poll(NULL, 0, 300);
	send_text(s, "data: still here\n\n");
	hear(fd, "data: still here\n\n");
	/* Nor does what its client goes on saying. */
	say(fd, GET("/smuggled"));
	poll(NULL, 0, 100);
	send_text(s, "data: and here\n\n");
	hear(fd, "data: and here\n\n");
	assert_int_equal(rig.smuggled, 0);
	web_stream_end(s);
	close(fd);
	rig_stop(&rig);
}

static void test_it_makes_no_room_for_others(void **state)
{
	struct web_limits limits = web_limits_default;
	struct web_stream *s;
	char said[4096];
	struct rig rig;
	int fd, idle, fresh;

	(void)state;
	limits.connections = 2;
	rig_start(&rig, &limits, NULL, 1);
	fd = listen_to(&rig, &s, 4096);
	hear_head(fd);
	hear(fd, ": hello\n\n");
	idle = dial(&rig);
	say(idle, GET("/now"));
	assert_int_equal(hear_one(idle, said, sizeof(said), false), 200);
	fresh = dial(&rig);
	say(fresh, GET("/now"));
	assert_int_equal(hear_one(fresh, said, sizeof(said), false), 200);
	assert_true(ended(idle));
	send_text(s, "data: mine\n\n");
	hear(fd, "data: mine\n\n");
	web_stream_end(s);
	close(fd);
	close(idle);
	close(fresh);
	rig_stop(&rig);
}

static void test_a_shutdown_ends_it_at_once(void **state)
{
	struct web_stream *s[3];
	struct rig rig;
	int64_t since;
	int fd[3];

	(void)state;
	rig_start(&rig, NULL, NULL, 2);
	for (int i = 0; i < 3; i++)
		fd[i] = listen_to(&rig, &s[i], 4096);
	hear_head(fd[0]);
	since = clock_mono_ms();
	web_drain(rig.web);
	rig_until(web_open(rig.web) == 0);
	assert_true(clock_mono_ms() - since < 1000);
	assert_int_equal(web_stream_send(s[0], STR("x")), -EPIPE);
	web_stop(rig.web);
	/* Their senders may learn of it, and end, later. */
	for (int i = 0; i < 3; i++) {
		web_stream_send(s[i], STR("x"));
		web_stream_end(s[i]);
		close(fd[i]);
	}
	rig_stop(&rig);
}

static void test_a_stop_without_a_drain(void **state)
{
	struct web_exchange *late;
	struct web_stream *s, *t;
	struct rig rig;
	int fd, parked;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = listen_to(&rig, &s, 4096);
	hear_head(fd);
	parked = dial(&rig);
	say(parked, GET("/park"));
	late = rig_take(&rig, NULL);
	web_stop(rig.web);
	t = web_stream_begin(late, &events, 4096);
	assert_non_null(t);
	web_stream_send(t, STR("x"));
	web_stream_end(t);
	web_stream_end(s);
	close(fd);
	close(parked);
	rig_stop(&rig);
}

/* ---- many at once ---- */

struct crowd {
	struct web_stream *s;
	int sent;
};

static void *tell(void *arg)
{
	struct crowd *c = arg;

	while (c->sent < 20000 &&
	       !web_stream_send(c->s, STR("data: something or other\n\n")))
		c->sent++;
	web_stream_end(c->s);
	return NULL;
}

static void test_many_threads(void **state)
{
	enum { N = 8 };
	struct crowd crowd[N] = { 0 };
	pthread_t threads[N];
	struct rig rig;
	int fd[N];

	(void)state;
	rig_start(&rig, NULL, NULL, 2);
	for (int i = 0; i < N; i++)
		fd[i] = listen_to(&rig, &crowd[i].s, 1 << 20);
	for (int i = 0; i < N; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, tell,
						&crowd[i]), 0);
	for (int i = 0; i < N; i++) {
		size_t n = 0;
		char some[4096];
		ssize_t got;

		/* One half of them leaves in the midst of it. */
		while ((got = recv(fd[i], some, sizeof(some), 0)) > 0) {
			n += (size_t)got;
			if (i % 2 && n > 100000)
				break;
		}
		close(fd[i]);
	}
	for (int i = 0; i < N; i++)
		pthread_join(threads[i], NULL);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_heard_at_once_and_in_order),
		cmocka_unit_test(test_begun_in_its_handler),
		cmocka_unit_test(test_a_head_has_no_stream),
		cmocka_unit_test(test_who_left_is_told),
		cmocka_unit_test(test_who_does_not_read_is_cut_at_the_bound),
		cmocka_unit_test(test_one_piece_beyond_the_bound),
		cmocka_unit_test(test_who_does_not_read_in_time_is_cut),
		cmocka_unit_test(test_silence_cuts_nobody),
		cmocka_unit_test(test_it_makes_no_room_for_others),
		cmocka_unit_test(test_a_shutdown_ends_it_at_once),
		cmocka_unit_test(test_a_stop_without_a_drain),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
