#include "rig.h"

static const char record[] = "{\"id\":\"INC0000001\",\"state\":\"new\"}";

static void stackflow(struct server *s, unsigned nth, const char *request,
		      struct reply *out)
{
	(void)s, (void)nth;
	if (strncmp(request, "GET /prod/api/health ", 21) == 0)
		reply_json(out, 200, "", "{\"status\":\"healthy\"}");
	else if (strncmp(request, "POST /prod/api/incidents ", 25) == 0)
		reply_json(out, 201, "", record);
	else if (strstr(request, " /prod/api/incidents/INC0000001 "))
		reply_json(out, 200, "", record);
	else if (strncmp(request, "POST /prod/api/incidents/INC0000001/notes ",
			 42) == 0)
		reply_json(out, 201, "", "{\"id\":\"n1\"}");
	else if (strncmp(request, "GET /prod/api/cmdb/cis?name=a%20b ", 34) ==
		 0)
		reply_json(out, 200, "", "{\"data\":[{\"id\":\"CI1\"}]}");
	else
		reply_json(out, 404, "", "{\"message\":\"what?\"}");
}

static void each_call_is_as_documented(void **state)
{
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	rig_key(&g, stackflow, NULL);
	assert_int_equal(sf_health(g.client, keep, &k), 0);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&g.server, "Authorization"), 0);
	k = rig_create(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(k.res.status, 201);
	assert_string_equal(k.id, "INC0000001");
	assert_int_equal(server_saw(&g.server, "\r\nIdempotency-Key: key\r\n"),
			 1);
	assert_int_equal(server_saw(&g.server, "\r\nAuthorization: Bearer "
					       "sfk_test_0123456789\r\n"),
			 1);
	assert_int_equal(
		server_saw(&g.server, "\r\nContent-Type: application/json\r\n"),
		1);
	assert_int_equal(server_saw(&g.server, "\r\n\r\n{\"a\":1}"), 1);
	k = rig_get(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&g.server, "Content-Type"), 1);
	rig_ready(&g);
	assert_int_equal(sf_incident_update(g.client, STR("INC0000001"),
					    STR("{\"state\":\"resolved\"}"),
					    keep, &k),
			 0);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&g.server, "PATCH /prod/api/incidents/"),
			 1);
	rig_ready(&g);
	assert_int_equal(sf_note_add(g.client, STR("INC0000001"),
				     STR("a \"b\"\n"), NULL, "k2", keep, &k),
			 0);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&g.server, "{\"body\":\"a \\\"b\\\"\\n\","
					       "\"visibility\":\"team\"}"),
			 1);
	rig_ready(&g);
	assert_int_equal(sf_ci_list(g.client, "name=a%20b", STR_NONE, keep,
				   &k), 0);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(k.rows, 1);
	assert_int_equal(server_conns(&g.server), 1);
	rig_stop(&g);
}

static void unusable_arguments_dont_begin(void **state)
{
	static const char *const ids[] = { "",	  "..",	 "a/b", "a\r\nX: y",
					   "a?b", "a b", "a#b" };
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	rig_key(&g, stackflow, NULL);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct str id = str_from(ids[i]);

		assert_int_equal(sf_incident_get(g.client, id, keep, &k),
				 -EINVAL);
		assert_int_equal(
			sf_incident_update(g.client, id, STR("{}"), keep, &k),
			-EINVAL);
		assert_int_equal(sf_note_add(g.client, id, STR("x"), NULL, NULL,
					     keep, &k),
				 -EINVAL);
	}
	assert_int_equal(
		sf_incident_create(g.client, STR("{}"), "a\r\nb", keep, &k),
		-EINVAL);
	assert_int_equal(sf_incident_create(g.client, STR("{}"), "", keep, &k),
			 -EINVAL);
	assert_int_equal(sf_incident_create(g.client, STR_NONE, "k", keep, &k),
			 -EINVAL);
	assert_int_equal(sf_incident_list(g.client, "a b", STR_NONE, keep, &k),
			 -EINVAL);
	assert_int_equal(
		sf_incident_list(g.client, "a=b#c", STR_NONE, keep, &k),
		-EINVAL);
	assert_int_equal(sf_client_active(g.client), 0);
	rig_run(&g);
	assert_int_equal(k.done, 0);
	assert_int_equal(server_requests(&g.server), 0);
	rig_stop(&g);
}

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

static const char cut[] = "HTTP/1.1 201 Created\r\nContent-Length: 30\r\n\r\n"
			  "{\"id\":\"INC00";

static void doubtful_creates_are_unknown_and_sent_once(void **state)
{
	static const struct plan plans[] = {
		{ DEED_CLOSE, "" },
		{ DEED_RESET, "" },
		{ DEED_CLOSE, "HTTP/1.1 201 Created\r\nConten" },
		{ DEED_RESET, "HTTP/1.1 201 Created\r\nConten" },
		{ DEED_CLOSE, cut },
		{ DEED_RESET, cut },
		{ DEED_ANSWER, "HTTP/1.1 201 Created\r\nContent-Length: 9\r\n"
			       "\r\n{\"id\":\"IN" },
		{ DEED_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
			       "{}" },
		{ DEED_ANSWER, "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n" },
		{ DEED_ANSWER, "HTTP/1.1 201 OK\r\nContent-Length: 19\r\n\r\n"
			       "{\"id\":\"a\\r\\nX: yz\"}" },
		{ DEED_ANSWER, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" },
		{ DEED_ANSWER, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n"
			       "Retry-After: 1\r\n\r\n" },
		{ DEED_ANSWER, "HTTP/1.1 307 No\r\nContent-Length: 0\r\n"
			       "Location: /prod/api/health\r\n\r\n" },
		{ DEED_ANSWER, "HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n" },
		{ DEED_FLOOD, "HTTP/1.1 201 Created\r\n"
			      "Content-Length: 10737418240\r\n\r\n" },
		{ DEED_FLOOD, "HTTP/1.1 201 Created\r\nX-A: " },
		{ DEED_STALL, "" },
		{ DEED_STALL, "HTTP/1.1 201 Created\r\n" },
		{ DEED_DRIP, "HTTP/1.1 201 Created\r\nX-A: aaaaaaaaaaaaaaaaaa"
			     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct plan plan = plans[i];
		struct kept k;
		struct rig g;

		rig_start(&g, planned, &plan);
		g.options.auth.method = SF_AUTH_TOKEN;
		g.options.auth.token = "static-token";
		g.options.timeout_ms = 1000;
		rig_open(&g);
		k = rig_create(&g);
		if (k.res.outcome != SF_UNKNOWN)
			fail_msg("plan %zu: %d", i, k.res.outcome);
		assert_true(k.problem[0]);
		assert_int_equal(server_requests(&g.server), 1);
		rig_stop(&g);
	}
}

/* The second create meets a kept connection that dies. */
static void dies_later(struct server *s, unsigned nth, const char *request,
		       struct reply *out)
{
	(void)s, (void)request;
	reply_json(out, 201, "", record);
	if (nth == 1)
		reply_set(out, DEED_CLOSE, "%s", "");
}

static void dead_connection_doesnt_double_a_create(void **state)
{
	struct kept k;
	struct rig g;

	(void)state;
	rig_key(&g, dies_later, NULL);
	k = rig_create(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	k = rig_create(&g);
	assert_int_equal(k.res.outcome, SF_UNKNOWN);
	assert_int_equal(server_requests(&g.server), 2);
	k = rig_create(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	rig_stop(&g);
}

static void nobody_there_is_not_executed(void **state)
{
	struct kept k;
	struct rig g;

	(void)state;
	rig_key(&g, stackflow, NULL);
	sf_client_free(g.client);
	server_stop(&g.server);
	rig_open(&g);
	k = rig_create(&g);
	assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
	assert_int_equal(k.res.status, 0);
	sf_client_free(g.client);
	g.options.base_url = "https://no-such-host.invalid/api";
	rig_open(&g);
	k = rig_create(&g);
	assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
	sf_client_free(g.client);
	rest_free(g.rest);
}

static void paged(struct server *s, unsigned nth, const char *request,
		  struct reply *out)
{
	(void)s, (void)nth;
	if (strstr(request, "GET /prod/api/incidents?state=new&cursor=a%26b "))
		reply_json(out, 200, "", "{\"data\":[3],\"next_cursor\":null}");
	else if (strstr(request, "GET /prod/api/incidents?state=new "))
		reply_json(out, 200, "",
			   "{\"data\":[1,2],\"next_cursor\":\"a&b\"}");
	else if (strstr(request, "GET /prod/api/incidents?page=2 "))
		reply_json(out, 200, "",
			   "{\"data\":[3],\"page\":2,\"has_more\":false}");
	else if (strstr(request, "GET /prod/api/incidents "))
		reply_json(out, 200, "",
			   "{\"data\":[1,2],\"page\":1,\"has_more\":true}");
	else
		reply_json(out, 404, "", "{}");
}

static void both_styles_of_pages(void **state)
{
	static const char *const queries[] = { "state=new", NULL };
	struct rig g;

	(void)state;
	rig_key(&g, paged, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct kept k = { 0 };
		size_t rows = 0, pages = 0;

		do {
			rig_ready(&g);
			assert_int_equal(sf_incident_list(g.client, queries[i],
							  str_from(k.next),
							  keep, &k),
					 0);
			rig_run(&g);
			assert_int_equal(k.res.outcome, SF_OK);
			rows += k.rows;
			pages++;
		} while (k.next[0]);
		assert_int_equal(rows, 3);
		assert_int_equal(pages, 2);
	}
	rig_stop(&g);
}

static void busy(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	(void)request;
	if (nth == 0)
		reply_json(out, 429, s->arg, "{}");
	else
		reply_json(out, 201,
			   "X-RateLimit-Limit: 100\r\n"
			   "X-RateLimit-Remaining: 99\r\n",
			   record);
}

static void a_429_pauses_all_calls(void **state)
{
	static const struct {
		const char *headers;
		int64_t ms;
	} cases[] = {
		{ "", 60000 },
		{ "Retry-After: 7\r\n", 7000 },
		{ "Retry-After: 0\r\n", 1000 },
		{ "Retry-After: 1000000000\r\n", 600000 },
		{ "Retry-After: -1\r\n", 60000 },
		{ "Retry-After: x\r\n", 60000 },
		{ "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		  "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n",
		  30000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sf_stats st;
		struct kept k;
		struct rig g;

		rig_key(&g, busy, (void *)(uintptr_t)cases[i].headers);
		k = rig_create(&g);
		assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
		assert_int_equal(
			sf_incident_get(g.client, STR("INC0000001"), keep, &k),
			-EAGAIN);
		assert_int_equal(sf_health(g.client, keep, &k), -EAGAIN);
		assert_int_equal(sf_client_wait_ms(g.client, g.now),
				 cases[i].ms);
		sf_client_stats(g.client, &st);
		assert_int_equal(st.paused_until_mono_ms, g.now + cases[i].ms);
		assert_int_equal(st.answered_429, 1);
		assert_int_equal(st.rate_limit, -1);
		g.now += cases[i].ms - 1;
		assert_int_equal(sf_client_wait_ms(g.client, g.now), 1);
		g.now++;
		k = rig_create(&g);
		assert_int_equal(k.res.outcome, SF_OK);
		sf_client_stats(g.client, &st);
		assert_int_equal(st.paused_until_mono_ms, 0);
		assert_int_equal(st.rate_limit, 100);
		assert_int_equal(st.rate_remaining, 99);
		assert_int_equal(st.answered_2xx, 1);
		assert_int_equal(st.requests, 2);
		rig_stop(&g);
	}
}

static void concurrency_is_kept(void **state)
{
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	rig_start(&g, stackflow, NULL);
	g.options.auth.method = SF_AUTH_TOKEN;
	g.options.auth.token = "t";
	g.options.concurrency = 3;
	rig_open(&g);
	for (int i = 0; i < 3; i++) {
		rig_ready(&g);
		assert_int_equal(
			sf_incident_get(g.client, STR("INC0000001"), keep, &k),
			0);
	}
	assert_int_equal(sf_client_wait_ms(g.client, g.now + 1000), -1);
	assert_int_equal(sf_incident_get(g.client, STR("INC0000001"), keep, &k),
			 -EAGAIN);
	assert_int_equal(sf_client_active(g.client), 3);
	rig_run(&g);
	assert_int_equal(k.done, 3);
	assert_int_equal(sf_client_wait_ms(g.client, g.now + 2000), 0);
	rig_stop(&g);
}

static void silent(struct server *s, unsigned nth, const char *request,
		   struct reply *out)
{
	(void)s, (void)nth, (void)request;
	reply_set(out, DEED_STALL, "%s", "");
}

static void freeing_ends_what_is_under_way(void **state)
{
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	for (int rest_first = 0; rest_first < 2; rest_first++) {
		rig_key(&g, silent, NULL);
		k.done = 0;
		assert_int_equal(
			sf_incident_create(g.client, STR("{}"), NULL, keep, &k),
			0);
		while (server_requests(&g.server) == 0)
			rest_step(g.rest, 10);
		if (rest_first) {
			rest_free(g.rest);
			g.rest = NULL;
		}
		sf_client_free(g.client);
		assert_int_equal(k.done, 1);
		assert_int_equal(k.res.outcome, SF_UNKNOWN);
		rest_free(g.rest);
		server_stop(&g.server);
	}
}

static void options_are_checked(void **state)
{
	static const struct sf_options bad[] = {
		{ .base_url = NULL },
		{ .base_url = "http://a.example/api",
		  .auth = { .method = SF_AUTH_TOKEN, .token = "t" } },
		{ .base_url = "https://a.example/api?x=y",
		  .auth = { .method = SF_AUTH_TOKEN, .token = "t" } },
		{ .base_url = "https://u:p@a.example/api",
		  .auth = { .method = SF_AUTH_TOKEN, .token = "t" } },
		{ .base_url = "https://a.example/api",
		  .auth = { .method = SF_AUTH_TOKEN } },
		{ .base_url = "https://a.example/api",
		  .auth = { .method = SF_AUTH_TOKEN, .token = "a\nb" } },
		{ .base_url = "https://a.example/api",
		  .auth = { .method = SF_AUTH_API_KEY, .api_key = "a b" } },
		{ .base_url = "https://a.example/api",
		  .auth = { .method = SF_AUTH_API_KEY,
			    .api_key = "a",
			    .exchange_url = "http://b.example/" } },
		{ .base_url = "https://a.example/api",
		  .auth = { .method = SF_AUTH_CLIENT_CREDENTIALS,
			    .client_id = "a",
			    .client_secret = "b" } },
		{ .base_url = "https://a.example/api",
		  .auth = { .method = SF_AUTH_PASSWORD,
			    .client_id = "a",
			    .email = "b",
			    .password = "c",
			    .region = "x.example/" } },
		{ .base_url = "https://a.example/api",
		  .auth = { .method = SF_AUTH_PASSWORD,
			    .client_id = "a",
			    .email = "b",
			    .password = "c" } },
	};
	struct rest_options ro = { 0 };
	struct sf_client *c = NULL;
	struct rest *rest;

	(void)state;
	assert_int_equal(rest_new(&rest, &ro, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = { "" };

		if (sf_client_new(&c, &bad[i], rest, &err) != -EINVAL)
			fail_msg("options %zu taken", i);
		assert_true(err.text[0]);
	}
	assert_null(c);
	sf_client_free(NULL);
	rest_free(rest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_as_documented),
		cmocka_unit_test(unusable_arguments_dont_begin),
		cmocka_unit_test(doubtful_creates_are_unknown_and_sent_once),
		cmocka_unit_test(dead_connection_doesnt_double_a_create),
		cmocka_unit_test(nobody_there_is_not_executed),
		cmocka_unit_test(both_styles_of_pages),
		cmocka_unit_test(a_429_pauses_all_calls),
		cmocka_unit_test(concurrency_is_kept),
		cmocka_unit_test(freeing_ends_what_is_under_way),
		cmocka_unit_test(options_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
