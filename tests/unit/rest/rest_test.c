#include "check.h"

#include <time.h>

#include "server.h"

struct plan {
	enum deed deed;
	const char *text;
};

static void planned(struct server *s, unsigned nth, const char *request,
		    struct reply *out)
{
	const struct plan *p = s->arg;

	(void)nth, (void)request;
	reply_set(out, p->deed, "%s", p->text);
}

/* One request to a server that does that; the outcome is the caller's. */
static void meet(struct outcome *o, enum deed deed, const char *text,
		 struct rest_request req)
{
	struct plan p = { deed, text };
	struct rest *r = rest_plain();
	struct server s;

	server_start(&s, planned, &p, NULL);
	call(r, o, "http://127.0.0.1:%u/x", s.port, req);
	rest_free(r);
	server_stop(&s);
}

static const char answer[] =
	"HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	"X-A: b\r\nContent-Length: 2\r\n\r\n{}";

static void takes_an_answer(void **state)
{
	static const char *const headers[] = { "X-Mine: 1", NULL };
	struct plan p = { DEED_ANSWER, answer };
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;

	(void)state;
	server_start(&s, planned, &p, NULL);
	call(r, &o, "http://127.0.0.1:%u/a/../b?c=%%20", s.port,
	     (struct rest_request){ .headers = headers });
	assert_int_equal(o.res.outcome, REST_ANSWERED);
	assert_int_equal(o.res.status, 201);
	assert_int_equal(o.res.http_version, 11);
	assert_int_equal(o.res.date_ms, INT64_C(784111777000));
	assert_true(str_is(o.res.body, "{}"));
	assert_true(str_is(rest_header(&o.res, "x-a"), "b"));
	assert_null(o.res.problem);
	assert_int_equal(server_saw(&s, "GET /a/../b?c=%20 HTTP/1.1\r\n"), 1);
	assert_int_equal(server_saw(&s, "\r\nX-Mine: 1\r\n"), 1);
	assert_int_equal(server_saw(&s, "\r\nUser-Agent: tocsin-test\r\n"), 1);
	assert_int_equal(server_saw(&s, "Accept-Encoding"), 0);
	assert_int_equal(server_saw(&s, "Cookie"), 0);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
}

static void sends_what_it_was_given(void **state)
{
	static const char *const methods[] = { "POST", "PATCH", "PUT", "GET" };
	struct plan p = { DEED_ANSWER, answer };
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;

	(void)state;
	server_start(&s, planned, &p, NULL);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned once = 0; once < 2; once++) {
			call(r, &o, "http://127.0.0.1:%u/x", s.port,
			     (struct rest_request){ .method = methods[i],
						    .body = STR("a=b"),
						    .flags = once ? REST_ONCE
								  : 0 });
			assert_int_equal(o.res.outcome, REST_ANSWERED);
			done_with(&o);
		}
		assert_int_equal(server_saw(&s, methods[i]), 2);
	}
	/* A handle that sent a body must send none for the next GET. */
	call(r, &o, "http://127.0.0.1:%u/y", s.port,
	     (struct rest_request){ 0 });
	done_with(&o);
	call(r, &o, "http://127.0.0.1:%u/y", s.port,
	     (struct rest_request){ .method = "DELETE" });
	done_with(&o);
	assert_int_equal(server_saw(&s, "\r\n\r\na=b"), 8);
	assert_int_equal(server_saw(&s, "Content-Length: 3\r\n"), 8);
	assert_int_equal(server_saw(&s, "GET /y"), 1);
	assert_int_equal(server_saw(&s, "DELETE /y"), 1);
	assert_int_equal(server_saw(&s, "Content-Type"), 0);
	assert_int_equal(server_saw(&s, "Expect"), 0);
	assert_int_equal(server_conns(&s), 1);
	rest_free(r);
	server_stop(&s);
}

static void cut_answers_are_unknown(void **state)
{
	static const struct plan plans[] = {
		{ DEED_CLOSE, "" },
		{ DEED_RESET, "" },
		{ DEED_CLOSE, "HTTP/1.1 20" },
		{ DEED_CLOSE, "HTTP/1.1 201 Created\r\nContent-Le" },
		{ DEED_RESET, "HTTP/1.1 201 Created\r\nContent-Le" },
		{ DEED_CLOSE,
		  "HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{\"id\"" },
		{ DEED_RESET,
		  "HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{\"id\"" },
		{ DEED_CLOSE, "HTTP/1.1 201 Created\r\nTransfer-Encoding: "
			      "chunked\r\n\r\n5\r\n{\"id\"" },
		{ DEED_CLOSE, "HTTP/1.1 100 Continue\r\n\r\n" },
		{ DEED_CLOSE, "what is this\r\n\r\n" },
		{ DEED_CLOSE, "SSH-2.0-OpenSSH\r\n" },
	};
	struct rest_request req = { .method = "POST", .body = STR("{}") };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(plans) / sizeof(plans[0]); i++) {
		struct outcome o;

		req.flags = i % 2 ? REST_ONCE : 0;
		meet(&o, plans[i / 2].deed, plans[i / 2].text, req);
		if (o.res.outcome != REST_UNKNOWN)
			fail_msg("plan %zu: %d", i / 2, o.res.outcome);
		assert_non_null(o.res.problem);
		assert_int_equal(o.res.body.n, 0);
		done_with(&o);
	}
}

static void large_answers_are_cut_off(void **state)
{
	struct outcome o;

	(void)state;
	meet(&o, DEED_FLOOD,
	     "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n",
	     (struct rest_request){ .max_body = 100000 });
	assert_int_equal(o.res.outcome, REST_UNKNOWN);
	assert_string_equal(o.res.problem, "answer longer than 100000 bytes");
	done_with(&o);
	meet(&o, DEED_FLOOD, "HTTP/1.1 200 OK\r\n\r\n",
	     (struct rest_request){ 0 });
	assert_int_equal(o.res.outcome, REST_UNKNOWN);
	assert_string_equal(o.res.problem, "answer longer than 1048576 bytes");
	done_with(&o);
	/* One line without end, which libcurl itself bounds. */
	meet(&o, DEED_FLOOD,
	     "HTTP/1.1 200 OK\r\nX-A: ", (struct rest_request){ 0 });
	assert_int_equal(o.res.outcome, REST_UNKNOWN);
	done_with(&o);
}

static void many_headers(struct server *s, unsigned nth, const char *request,
			 struct reply *out)
{
	size_t n;

	(void)s, (void)nth, (void)request;
	reply_set(out, DEED_ANSWER, "HTTP/1.1 200 OK\r\n");
	for (n = strlen(out->text); n < 1500; n += 10)
		memcpy(out->text + n, "X-A: bcd\r\n", 11);
	snprintf(out->text + n, sizeof(out->text) - n,
		 "Content-Length: 0\r\n\r\n");
}

static void headers_are_capped(void **state)
{
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;

	(void)state;
	server_start(&s, many_headers, NULL, NULL);
	call(r, &o, "http://127.0.0.1:%u/x", s.port,
	     (struct rest_request){ .max_headers = 1000 });
	assert_int_equal(o.res.outcome, REST_UNKNOWN);
	assert_string_equal(o.res.problem, "headers longer than 1000 bytes");
	done_with(&o);
	/* The same handle again, with room. */
	call(r, &o, "http://127.0.0.1:%u/x", s.port,
	     (struct rest_request){ .max_headers = 3000 });
	assert_int_equal(o.res.outcome, REST_ANSWERED);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
}

static void slow_answers_end_at_the_deadline(void **state)
{
	struct timespec a, b;
	struct outcome o;
	char slow[1000];

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	meet(&o, DEED_STALL, "", (struct rest_request){ .timeout_ms = 150 });
	assert_int_equal(o.res.outcome, REST_UNKNOWN);
	done_with(&o);
	/* A byte now and then keeps no request alive. */
	snprintf(slow, sizeof(slow), "HTTP/1.1 200 OK\r\nX-A: %0800d", 0);
	meet(&o, DEED_DRIP, slow, (struct rest_request){ .timeout_ms = 250 });
	assert_int_equal(o.res.outcome, REST_UNKNOWN);
	done_with(&o);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec - a.tv_sec < 10);
}

static void redirects_are_answers(void **state)
{
	struct plan p = { DEED_ANSWER, "" };
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;
	char text[200];

	(void)state;
	server_start(&s, planned, &p, NULL);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:%u/y\r\n"
		 "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
		 s.port);
	p.text = text;
	for (int i = 1; i <= 2; i++) {
		call(r, &o, "http://127.0.0.1:%u/x", s.port,
		     (struct rest_request){ 0 });
		assert_int_equal(o.res.outcome, REST_ANSWERED);
		assert_int_equal(o.res.status, 307);
		assert_int_equal(server_requests(&s), i);
		done_with(&o);
	}
	assert_int_equal(server_saw(&s, "Cookie"), 0);
	rest_free(r);
	server_stop(&s);
}

static void nothing_listens(void **state)
{
	struct rest_request req = { .method = "POST", .body = STR("{}") };
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;
	unsigned port;

	(void)state;
	server_start(&s, planned, NULL, NULL);
	port = s.port;
	server_stop(&s);
	for (unsigned i = 0; i < 2; i++) {
		req.flags = i ? REST_ONCE : 0;
		call(r, &o, "http://127.0.0.1:%u/x", port, req);
		assert_int_equal(o.res.outcome, REST_NOT_SENT);
		assert_non_null(o.res.problem);
		done_with(&o);
		call(r, &o, "https://no-such-host.invalid:%u/x", 443, req);
		assert_int_equal(o.res.outcome, REST_NOT_SENT);
		done_with(&o);
	}
	rest_free(r);
}

static void never(const struct rest_response *res, void *arg)
{
	(void)res, (void)arg;
	fail_msg("done for what never began");
}

static void bad_requests_dont_begin(void **state)
{
	static const char *const lines[] = {
		"X-A: b\r\nX-B: c",
		"X-A: b\nc",
		"X-A",
		"X-A:",
		"X-A;",
		": b",
		"X A: b",
		"X-A:b",
		"X-A: b\x7f",
		"X-\xc3: b",
		"X-A: \x1b",
		"",
	};
	struct rest *r = rest_plain();
	struct rest_request req = {
		.method = "GET",
		.url = "https://localhost/",
		.done = never,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *const headers[] = { lines[i], NULL };
		struct err err = { "" };

		req.headers = headers;
		if (rest_start(r, &req, &err) != -EINVAL)
			fail_msg("taken: %s", lines[i]);
		assert_true(err.text[0]);
	}
	req.headers = NULL;
	req.url = "http://a.example/";
	assert_int_equal(rest_start(r, &req, NULL), -EINVAL);
	req.url = "https://a.example/";
	req.method = "GET /x";
	assert_int_equal(rest_start(r, &req, NULL), -EINVAL);
	req.method = "";
	assert_int_equal(rest_start(r, &req, NULL), -EINVAL);
	assert_int_equal(rest_active(r), 0);
	rest_step(r, 0);
	rest_free(r);
}

struct tally {
	struct rest *rest;
	const char *url;
	unsigned done, unknown, answered, more;
};

static void count(const struct rest_response *res, void *arg)
{
	struct tally *t = arg;

	t->done++;
	t->unknown += res->outcome == REST_UNKNOWN;
	t->answered += res->outcome == REST_ANSWERED;
	if (t->more) {
		struct rest_request req = {
			.method = "GET",
			.url = t->url,
			.done = count,
			.arg = t,
		};

		t->more--;
		assert_int_equal(rest_start(t->rest, &req, NULL), 0);
	}
}

static void many_at_once(void **state)
{
	struct plan p = { DEED_ANSWER, answer };
	struct rest_options ro = { .connections = 8 };
	struct tally t = { .more = 40 };
	struct server s;
	char url[100];

	(void)state;
	server_start(&s, planned, &p, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s.port);
	t.url = url;
	assert_int_equal(rest_new(&t.rest, &ro, NULL), 0);
	for (int i = 0; i < 60; i++) {
		struct rest_request req = {
			.method = "GET",
			.url = url,
			.done = count,
			.arg = &t,
		};

		assert_int_equal(rest_start(t.rest, &req, NULL), 0);
	}
	assert_int_equal(t.done, 0);
	assert_int_equal(rest_active(t.rest), 60);
	while (rest_active(t.rest))
		rest_step(t.rest, 1000);
	assert_int_equal(t.answered, 100);
	assert_in_range(server_conns(&s), 1, 8);
	rest_free(t.rest);
	server_stop(&s);
}

static void polls_and_others(struct server *s, unsigned nth,
			     const char *request, struct reply *out)
{
	(void)s;
	(void)nth;
	if (strstr(request, "/poll"))
		reply_set(out, DEED_STALL, "%s", "");
	else
		reply_set(out, DEED_CLOSE, "%s", answer);
}

/* Nothing is known of the server yet: only a long poll is under way. */
static void a_poll_holds_nobody(void **state)
{
	struct tally polls = { 0 }, others = { 0 };
	struct rest_request req = { .method = "GET", .done = count };
	struct server s;
	char url[100];

	(void)state;
	server_start(&s, polls_and_others, NULL, NULL);
	polls.rest = others.rest = rest_plain();
	for (int i = 0; i < 2; i++) {
		snprintf(url, sizeof(url), "http://127.0.0.1:%u/%s", s.port,
			 i ? "other" : "poll");
		req.url = url;
		req.timeout_ms = i ? 15000 : 3000;
		req.arg = i ? &others : &polls;
		assert_int_equal(rest_start(polls.rest, &req, NULL), 0);
		rest_step(polls.rest, 10);
	}
	while (!others.done && !polls.done)
		rest_step(polls.rest, 1000);
	assert_int_equal(others.answered, 1);
	assert_int_equal(polls.done, 0);
	rest_free(polls.rest);
	server_stop(&s);
}

static void free_ends_what_is_under_way(void **state)
{
	struct plan p = { DEED_STALL, "" };
	struct tally t = { 0 };
	struct server s;
	char url[100];

	(void)state;
	server_start(&s, planned, &p, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s.port);
	t.rest = rest_plain();
	for (int i = 0; i < 3; i++) {
		struct rest_request req = {
			.method = "GET",
			.url = url,
			.done = count,
			.arg = &t,
		};

		assert_int_equal(rest_start(t.rest, &req, NULL), 0);
		rest_step(t.rest, 0);
	}
	rest_free(t.rest);
	assert_int_equal(t.done, 3);
	assert_int_equal(t.unknown, 3);
	server_stop(&s);
}

static void *wake(void *arg)
{
	rest_wake(arg);
	return NULL;
}

static void a_wake_ends_the_wait(void **state)
{
	struct rest *r = rest_plain();
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, wake, r);
	/* Longer than any test may take, were it not woken. */
	rest_step(r, 600000);
	pthread_join(thread, NULL);
	rest_free(r);
}

static void options_are_checked(void **state)
{
	static const char *const to[] = { "a:1:b:2", "a:1", NULL };
	struct rest_options o = { .connect_to = to };
	struct err err = { "" };
	struct rest *r = NULL;

	(void)state;
	assert_true(rest_new(&r, &o, &err) < 0);
	assert_non_null(strstr(err.text, "connect_to"));
	o.connect_to = NULL;
	o.ca_file = "/nonexistent/ca.pem";
	assert_int_equal(rest_new(&r, &o, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
	o.ca_file = "/proc/self/status";
	assert_int_equal(rest_new(&r, &o, &err), -EINVAL);
	assert_null(r);
	rest_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_an_answer),
		cmocka_unit_test(sends_what_it_was_given),
		cmocka_unit_test(cut_answers_are_unknown),
		cmocka_unit_test(large_answers_are_cut_off),
		cmocka_unit_test(headers_are_capped),
		cmocka_unit_test(slow_answers_end_at_the_deadline),
		cmocka_unit_test(redirects_are_answers),
		cmocka_unit_test(nothing_listens),
		cmocka_unit_test(bad_requests_dont_begin),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(a_poll_holds_nobody),
		cmocka_unit_test(free_ends_what_is_under_way),
		cmocka_unit_test(a_wake_ends_the_wait),
		cmocka_unit_test(options_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
