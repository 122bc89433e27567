#include "check.h"

#include "server.h"

/*
 * The server answers the first request of a connection and keeps it; the
 * second it reads wholly and then closes without a word. libcurl takes that
 * for a lost race and sends the second again on a new connection.
 */
static void answers_one(struct server *s, unsigned nth, const char *request,
			struct reply *out)
{
	(void)request;
	if (nth == 0)
		reply_json(out, 200, "", "{}");
	else if (nth == 1)
		reply_set(out, *(enum deed *)s->arg, "%s", "");
	else
		reply_json(out, 201, "", "{\"id\":\"INC0000002\"}");
}

static const char *const json[] = { "Content-Type: application/json", NULL };

static unsigned creates(enum deed deed, struct rest_request req,
			struct rest_response *res)
{
	struct server s;
	struct rest *r = rest_plain();
	struct outcome o;
	bool reused = !(req.flags & REST_ONCE) || req.body.n;
	unsigned n;

	server_start(&s, answers_one, &deed, NULL);
	call(r, &o, "http://127.0.0.1:%u/health", s.port,
	     (struct rest_request){ 0 });
	assert_int_equal(o.res.outcome, REST_ANSWERED);
	done_with(&o);
	call(r, &o, "http://127.0.0.1:%u/incidents", s.port, req);
	*res = o.res;
	n = server_saw(&s, "/incidents");
	/* Without reuse the case at hand would not have been met. */
	assert_int_equal(s.from[1], reused ? 0 : 1);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
	return n;
}

static void plain_post_is_sent_twice(void **state)
{
	struct rest_request req = {
		.method = "POST",
		.headers = json,
		.body = STR("{\"a\":1}"),
	};
	struct rest_response res;

	(void)state;
	/* The control: what libcurl does where nothing forbids it. */
	assert_int_equal(creates(DEED_CLOSE, req, &res), 2);
	assert_int_equal(res.outcome, REST_ANSWERED);
	assert_int_equal(res.status, 201);
}

static void once_is_sent_once(void **state)
{
	static const enum deed deeds[] = { DEED_CLOSE, DEED_RESET };
	struct rest_request req = {
		.method = "POST",
		.headers = json,
		.body = STR("{\"a\":1}"),
		.flags = REST_ONCE,
	};
	struct rest_response res;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		req.method = "POST";
		assert_int_equal(creates(deeds[i], req, &res), 1);
		assert_int_equal(res.outcome, REST_UNKNOWN);
		req.method = "PATCH";
		assert_int_equal(creates(deeds[i], req, &res), 1);
		assert_int_equal(res.outcome, REST_UNKNOWN);
	}
}

static void once_without_a_body_takes_a_new_connection(void **state)
{
	struct rest_request req = { .method = "POST", .flags = REST_ONCE };
	struct rest_response res;

	(void)state;
	assert_int_equal(creates(DEED_CLOSE, req, &res), 1);
	assert_int_equal(res.outcome, REST_UNKNOWN);
}

static void once_with_a_large_body(void **state)
{
	size_t n = 300000;
	char *big = malloc(n);
	struct rest_request req = {
		.method = "POST",
		.headers = json,
		.flags = REST_ONCE,
	};
	struct rest_response res;

	(void)state;
	memset(big, 'x', n);
	req.body = (struct str){ big, n };
	assert_int_equal(creates(DEED_CLOSE, req, &res), 1);
	assert_int_equal(res.outcome, REST_UNKNOWN);
	free(big);
}

static void always(struct server *s, unsigned nth, const char *request,
		   struct reply *out)
{
	(void)s, (void)nth;
	if (!strstr(request, "\r\n\r\n{\"a\":1}"))
		return;
	reply_json(out, 201, "", "{}");
}

/* The promise must not cost a handshake a write. */
static void once_keeps_connections(void **state)
{
	struct rest_request req = {
		.method = "POST",
		.headers = json,
		.body = STR("{\"a\":1}"),
		.flags = REST_ONCE,
	};
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;

	(void)state;
	server_start(&s, always, NULL, NULL);
	for (int i = 0; i < 10; i++) {
		call(r, &o, "http://127.0.0.1:%u/incidents", s.port, req);
		assert_int_equal(o.res.outcome, REST_ANSWERED);
		assert_int_equal(o.res.status, 201);
		done_with(&o);
	}
	assert_int_equal(server_conns(&s), 1);
	assert_int_equal(server_requests(&s), 10);
	rest_free(r);
	server_stop(&s);
}

static void closes_after(struct server *s, unsigned nth, const char *request,
			 struct reply *out)
{
	(void)s, (void)nth, (void)request;
	reply_json(out, 200, "", "{}");
	out->deed = DEED_CLOSE;
}

/* A connection that the server closed while idle is no reason for doubt. */
static void closed_idle_connection_is_replaced(void **state)
{
	struct rest_request req = {
		.method = "POST",
		.headers = json,
		.body = STR("{\"a\":1}"),
		.flags = REST_ONCE,
	};
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;

	(void)state;
	server_start(&s, closes_after, NULL, NULL);
	for (unsigned i = 1; i <= 5; i++) {
		call(r, &o, "http://127.0.0.1:%u/x", s.port, req);
		assert_int_equal(o.res.outcome, REST_ANSWERED);
		assert_int_equal(server_requests(&s), i);
		done_with(&o);
		server_await_closed(&s);
	}
	rest_free(r);
	server_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_post_is_sent_twice),
		cmocka_unit_test(once_is_sent_once),
		cmocka_unit_test(once_without_a_body_takes_a_new_connection),
		cmocka_unit_test(once_with_a_large_body),
		cmocka_unit_test(once_keeps_connections),
		cmocka_unit_test(closed_idle_connection_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
