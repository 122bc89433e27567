#include "rig.h"

#include "base/buf.h"
#include "stackflow/ai.h"
#include "stackflow/answer.h"

/* Calls that wait inside a client, and calls that it sends again. */

static const char record[] = "{\"id\":\"INC0000001\",\"state\":\"new\"}";

/* The first answers as they are listed, then all well. */
struct plan {
	const char *const *texts;
	enum deed deed;
};

static void planned(struct server *s, unsigned nth, const char *request,
		    struct reply *out)
{
	const struct plan *p = s->arg;
	unsigned n = 0;

	while (p->texts[n])
		n++;
	if (nth < n)
		reply_set(out, p->deed, "%s", p->texts[nth]);
	else if (strstr(request, "/ai/ask"))
		reply_json(out, 200, "", "{\"answer\":\"a\"}");
	else
		reply_json(out, 200, "", record);
}

static void start(struct rig *g, struct plan *plan, unsigned retries)
{
	rig_start(g, planned, plan);
	g->options.auth.method = SF_AUTH_TOKEN;
	g->options.auth.token = "static-token";
	g->options.timeout_ms = 1000;
	g->options.retries = retries;
	rig_open(g);
}

/* Until that many requests came and were answered. */
static void until_idle(struct rig *g, unsigned requests)
{
	while (server_requests(&g->server) < requests || rest_active(g->rest))
		rest_step(g->rest, 10);
}

#define NO_503 "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
#define NO_503_AFTER                                                           \
	"HTTP/1.1 503 No\r\nContent-Length: 0\r\n"                             \
	"Retry-After: 9\r\n\r\n"
#define NO_429 "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"
#define NO_429_AFTER                                                           \
	"HTTP/1.1 429 No\r\nContent-Length: 0\r\n"                             \
	"Retry-After: 7\r\n\r\n"

enum verb { VERB_GET, VERB_CREATE };

static void begin(struct rig *g, enum verb verb, struct kept *k)
{
	*k = (struct kept){ 0 };
	rig_ready(g);
	if (verb == VERB_GET)
		assert_int_equal(
			sf_incident_get(g->client, STR("INC0000001"), keep, k),
			0);
	else
		assert_int_equal(sf_incident_create(g->client, STR("{\"a\":1}"),
						    "key", keep, k),
				 0);
}

/* Not a millisecond before least, and at most a second after. */
static void waits(struct rig *g, struct kept *k, unsigned nth, int64_t least,
		  int64_t jitter)
{
	int64_t told = g->now;

	until_idle(g, nth);
	assert_int_equal(k->done, 0);
	sf_client_wait_ms(g->client, told);
	g->now = told + least - 1;
	sf_client_wait_ms(g->client, g->now);
	assert_int_equal(rest_active(g->rest), 0);
	assert_int_equal(server_requests(&g->server), nth);
	g->now = told + least + jitter;
	sf_client_wait_ms(g->client, g->now);
	assert_int_equal(rest_active(g->rest), 1);
}

static void a_429_is_waited_out(void **state)
{
	static const char *const texts[] = { NO_429, NO_429_AFTER, NULL };
	struct plan plan = { texts, DEED_ANSWER };

	(void)state;
	for (enum verb verb = VERB_GET; verb <= VERB_CREATE; verb++) {
		struct kept k;
		struct rig g;

		start(&g, &plan, 2);
		begin(&g, verb, &k);
		waits(&g, &k, 1, 60000, 0);
		waits(&g, &k, 2, 7000, 0);
		rig_run(&g);
		assert_int_equal(k.done, 1);
		assert_int_equal(k.res.outcome, SF_OK);
		assert_int_equal(server_requests(&g.server), 3);
		rig_stop(&g);
	}
}

static void reads_are_sent_again_after_a_503(void **state)
{
	static const char *const texts[] = { NO_503, NO_503_AFTER, NO_503,
					     NULL };
	struct plan plan = { texts, DEED_ANSWER };
	struct kept k;
	struct rig g;

	(void)state;
	start(&g, &plan, 4);
	begin(&g, VERB_GET, &k);
	waits(&g, &k, 1, 1000, 1000);
	waits(&g, &k, 2, 9000, 0);
	waits(&g, &k, 3, 4000, 1000);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_requests(&g.server), 4);
	rig_stop(&g);
}

static void a_lost_read_is_sent_again(void **state)
{
	static const char *const texts[] = {
		"", "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", NULL
	};
	struct plan plan = { texts, DEED_CLOSE };
	struct kept k;
	struct rig g;

	(void)state;
	start(&g, &plan, 4);
	begin(&g, VERB_GET, &k);
	waits(&g, &k, 1, 1000, 1000);
	waits(&g, &k, 2, 2000, 1000);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	rig_stop(&g);
}

static void a_write_in_doubt_never_is(void **state)
{
	static const char *const texts[][2] = {
		{ NO_503, NULL },
		{ NO_503_AFTER, NULL },
		{ "", NULL },
		{ "HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{", NULL },
		{ "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", NULL },
		{ "HTTP/1.1 408 No\r\nContent-Length: 0\r\n\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct plan plan = { texts[i], DEED_CLOSE };
		struct kept k;
		struct rig g;

		start(&g, &plan, 4);
		begin(&g, VERB_CREATE, &k);
		rig_run(&g);
		assert_int_equal(k.done, 1);
		assert_int_equal(k.res.outcome, SF_UNKNOWN);
		g.now += 3600000;
		sf_client_wait_ms(g.client, g.now);
		assert_int_equal(rest_active(g.rest), 0);
		assert_int_equal(server_requests(&g.server), 1);
		rig_stop(&g);
	}
}

static void what_waiting_doesnt_mend_is_said(void **state)
{
	static const char *const texts[][2] = {
		{ "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", NULL },
		{ "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", NULL },
		{ "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", NULL },
		{ "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", NULL },
		{ "HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n", NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct plan plan = { texts[i], DEED_ANSWER };
		struct kept k;
		struct rig g;

		start(&g, &plan, 4);
		begin(&g, VERB_GET, &k);
		rig_run(&g);
		assert_int_equal(k.done, 1);
		assert_int_not_equal(k.res.outcome, SF_OK);
		assert_int_equal(server_requests(&g.server), 1);
		rig_stop(&g);
	}
}

static void what_was_never_sent_is_sent_again(void **state)
{
	static const char *const texts[] = { NULL };
	struct plan plan = { texts, DEED_ANSWER };
	struct kept k;
	struct rig g;

	(void)state;
	start(&g, &plan, 2);
	server_stop(&g.server);
	begin(&g, VERB_CREATE, &k);
	for (int64_t ms = 1000; ms <= 2000; ms *= 2) {
		while (rest_active(g.rest))
			rest_step(g.rest, 10);
		assert_int_equal(k.done, 0);
		sf_client_wait_ms(g.client, g.now);
		g.now += ms - 1;
		sf_client_wait_ms(g.client, g.now);
		assert_int_equal(rest_active(g.rest), 0);
		g.now += 1001;
		sf_client_wait_ms(g.client, g.now);
		assert_int_equal(rest_active(g.rest), 1);
	}
	rig_run(&g);
	assert_int_equal(k.done, 1);
	assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
	sf_client_free(g.client);
	rest_free(g.rest);
}

struct said {
	unsigned lines;
	char all[4096];
};

static void hear(enum sf_log_level level, const char *text, void *arg)
{
	struct said *s = arg;
	size_t n = strlen(s->all);

	(void)level;
	assert_null(strchr(text, '\n'));
	s->lines++;
	snprintf(s->all + n, sizeof(s->all) - n, "%s\n", text);
}

static void it_gives_up_and_says_so(void **state)
{
	static const char *const texts[] = {
		"HTTP/1.1 503 No\r\nContent-Length: 29\r\n\r\n"
		"{\"message\":\"no static-token\"}",
		NO_429_AFTER, NO_503, NULL
	};
	struct plan plan = { texts, DEED_ANSWER };
	struct said said = { 0 };
	struct kept k;
	struct rig g;

	(void)state;
	rig_start(&g, planned, &plan);
	g.options.auth.method = SF_AUTH_TOKEN;
	g.options.auth.token = "static-token";
	g.options.retries = 2;
	g.options.log = hear;
	g.options.log_arg = &said;
	rig_open(&g);
	begin(&g, VERB_GET, &k);
	waits(&g, &k, 1, 1000, 1000);
	waits(&g, &k, 2, 7000, 0);
	rig_run(&g);
	assert_int_equal(k.done, 1);
	assert_int_equal(k.res.outcome, SF_UNKNOWN);
	assert_int_equal(k.res.status, 503);
	assert_int_equal(server_requests(&g.server), 3);
	assert_int_equal(said.lines, 4);
	assert_non_null(strstr(said.all, "(1 of 2): 503: no ***\n"));
	assert_non_null(strstr(said.all, "429: a pause of 7000 ms\n"));
	assert_non_null(strstr(said.all, "again in 7000 ms (2 of 2)"));
	assert_non_null(strstr(said.all, "given up after 3: 503\n"));
	assert_null(strstr(said.all, "static-token"));
	rig_stop(&g);
}

static void calls_wait_their_turn_in_order(void **state)
{
	static const char *const texts[] = { NULL };
	struct plan plan = { texts, DEED_ANSWER };
	struct kept k[8] = { 0 };
	struct rig g;

	(void)state;
	rig_start(&g, planned, &plan);
	g.options.auth.method = SF_AUTH_TOKEN;
	g.options.auth.token = "static-token";
	g.options.concurrency = 1;
	g.options.queue = 6;
	rig_open(&g);
	for (unsigned i = 0; i < 8; i++) {
		char body[32];
		int n = snprintf(body, sizeof(body), "{\"n\":%u}", i);

		assert_int_equal(
			sf_incident_create(g.client,
					   (struct str){ body, (size_t)n },
					   NULL, keep, &k[i]),
			i < 7 ? 0 : -EAGAIN);
	}
	assert_int_equal(sf_client_active(g.client), 7);
	rig_run(&g);
	for (unsigned i = 0; i < 7; i++) {
		char body[32];

		assert_int_equal(k[i].done, 1);
		assert_int_equal(k[i].res.outcome, SF_OK);
		snprintf(body, sizeof(body), "{\"n\":%u}", i);
		assert_non_null(strstr(g.server.requests[i], body));
	}
	assert_int_equal(k[7].done, 0);
	assert_int_equal(
		sf_incident_get(g.client, STR("INC0000001"), keep, &k[7]), 0);
	rig_run(&g);
	assert_int_equal(k[7].done, 1);
	rig_stop(&g);
}

static void no_token_yet(struct server *s, unsigned nth, const char *request,
			 struct reply *out)
{
	(void)s, (void)nth;
	if (strstr(request, "POST /token "))
		reply_set(out, DEED_STALL, "%s", "");
	else
		reply_json(out, 200, "", "{\"status\":\"healthy\"}");
}

static void health_waits_for_no_token(void **state)
{
	struct kept k = { 0 }, health = { 0 };
	struct rig g;

	(void)state;
	rig_start(&g, no_token_yet, NULL);
	g.options.auth.method = SF_AUTH_CLIENT_CREDENTIALS;
	g.options.auth.client_id = "the-client";
	g.options.auth.client_secret = "the-secret-of-it";
	g.options.auth.token_url = g.token;
	g.options.queue = 4;
	rig_open(&g);
	assert_int_equal(sf_incident_get(g.client, STR("INC0000001"), keep, &k),
			 0);
	assert_int_equal(sf_health(g.client, keep, &health), 0);
	while (!health.done) {
		sf_client_wait_ms(g.client, g.now++);
		rest_step(g.rest, 10);
	}
	assert_int_equal(health.res.outcome, SF_OK);
	assert_int_equal(k.done, 0);
	rig_stop(&g);
	assert_int_equal(k.done, 1);
	assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
}

/* Tokens are had after two failures. */
static void late_token(struct server *s, unsigned nth, const char *request,
		       struct reply *out)
{
	(void)s;
	if (!strstr(request, "POST /token "))
		reply_json(out, 200, "", record);
	else if (nth < 2)
		reply_json(out, 503, "", "{}");
	else
		reply_json(out, 200, "",
			   "{\"access_token\":\"t\","
			   "\"expires_in\":3600}");
}

static void a_call_outlives_a_failed_renewal(void **state)
{
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	rig_start(&g, late_token, NULL);
	g.options.auth.method = SF_AUTH_CLIENT_CREDENTIALS;
	g.options.auth.client_id = "the-client";
	g.options.auth.client_secret = "the-secret-of-it";
	g.options.auth.token_url = g.token;
	g.options.retries = 4;
	rig_open(&g);
	assert_int_equal(sf_incident_get(g.client, STR("INC0000001"), keep, &k),
			 0);
	while (!k.done) {
		sf_client_wait_ms(g.client, g.now += 100);
		while (rest_active(g.rest))
			rest_step(g.rest, 10);
	}
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&g.server, "POST /token "), 3);
	rig_stop(&g);
}

static void ask_is_paused(struct server *s, unsigned nth, const char *request,
			  struct reply *out)
{
	(void)s, (void)nth;
	if (strstr(request, "POST /prod/api/ai/ask "))
		reply_json(out, 429, "Retry-After: 30\r\n", "{}");
	else
		reply_json(out, 200, "", record);
}

static void a_paused_class_holds_up_no_other(void **state)
{
	const struct sf_ai_question q = { .text = STR("why?") };
	struct kept asked[2] = { 0 }, k = { 0 };
	struct rig g;

	(void)state;
	rig_start(&g, ask_is_paused, NULL);
	g.options.auth.method = SF_AUTH_TOKEN;
	g.options.auth.token = "static-token";
	g.options.queue = 10;
	rig_open(&g);
	assert_int_equal(sf_ai_ask(g.client, &q, keep, &asked[0]), 0);
	rig_run(&g);
	assert_int_equal(asked[0].res.status, 429);
	assert_int_equal(sf_ai_ask(g.client, &q, keep, &asked[1]), 0);
	assert_int_equal(sf_incident_get(g.client, STR("INC0000001"), keep, &k),
			 0);
	while (!k.done) {
		sf_client_wait_ms(g.client, g.now);
		rest_step(g.rest, 10);
	}
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(asked[1].done, 0);
	assert_int_equal(sf_client_wait_ms(g.client, g.now), 30000);
	g.now += 30000;
	rig_run(&g);
	assert_int_equal(asked[1].done, 1);
	rig_stop(&g);
}

/* On the caller's loop, which the answer drives, as close does. */
static void answers_drive_the_callers_loop(void **state)
{
	static const char *const texts[] = { NULL };
	struct plan plan = { texts, DEED_ANSWER };
	const struct sf_result *r;
	struct kept k[3] = { 0 };
	struct sf_answer *a;
	struct rig g;

	(void)state;
	rig_start(&g, planned, &plan);
	g.options.auth.method = SF_AUTH_TOKEN;
	g.options.auth.token = "static-token";
	g.options.concurrency = 1;
	g.options.queue = 3;
	rig_open(&g);
	a = sf_answer_new(g.client);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sf_incident_get(g.client, STR("INC0000001"),
						 keep, &k[i]),
				 0);
	r = sf_answer_wait(a, sf_incident_get(g.client, STR("INC0000001"),
					      sf_answer_done, a));
	assert_int_equal(r->outcome, SF_OK);
	assert_true(str_is(json_get_str(r->body, "state"), "new"));
	assert_true(str_is(r->id, "INC0000001"));
	assert_int_equal(k[2].done, 1);
	assert_int_equal(sf_client_set_token(g.client, "another-token"), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sf_incident_get(g.client, STR("INC0000001"),
						 keep, &k[i]),
				 0);
	assert_int_equal(sf_client_close(g.client, 20000), 0);
	assert_int_equal(k[2].done, 2);
	assert_int_equal(server_saw(&g.server, "Bearer another-token\r"), 3);
	r = sf_answer_wait(a, sf_incident_get(g.client, STR("INC0000001"),
					      sf_answer_done, a));
	assert_int_equal(r->outcome, SF_NOT_EXECUTED);
	assert_non_null(strstr(r->problem, "closed"));
	sf_client_free(g.client);
	sf_answer_free(a);
	rest_free(g.rest);
	server_stop(&g.server);
}

static void a_query_is_encoded(void **state)
{
	struct buf q = BUF_INIT(200);

	(void)state;
	sf_query_put(&q, "state", STR("new"));
	sf_query_put(&q, "assignment group", STR("A & B=\xc3\xa9"));
	assert_string_equal(q.p, "state=new&assignment%20group="
				 "A%20%26%20B%3D%C3%A9");
	buf_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_429_is_waited_out),
		cmocka_unit_test(reads_are_sent_again_after_a_503),
		cmocka_unit_test(a_lost_read_is_sent_again),
		cmocka_unit_test(a_write_in_doubt_never_is),
		cmocka_unit_test(what_waiting_doesnt_mend_is_said),
		cmocka_unit_test(what_was_never_sent_is_sent_again),
		cmocka_unit_test(it_gives_up_and_says_so),
		cmocka_unit_test(calls_wait_their_turn_in_order),
		cmocka_unit_test(health_waits_for_no_token),
		cmocka_unit_test(a_call_outlives_a_failed_renewal),
		cmocka_unit_test(a_paused_class_holds_up_no_other),
		cmocka_unit_test(answers_drive_the_callers_loop),
		cmocka_unit_test(a_query_is_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
