#include "rig.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "stackflow/client.h"
#include "stackflow/context.h"

static void record(struct server *s, unsigned nth, const char *request,
		   struct reply *out)
{
	(void)s;
	(void)nth;
	(void)request;
	reply_json(out, 200, "", "{\"id\":\"INC0000001\",\"data\":[]}");
}

static struct sf_bound *put(struct rig *r, const struct sf_context *x)
{
	struct sf_bound *b = NULL;
	struct err err = { "" };

	if (sf_context_bind(&b, r->client, x, &err))
		fail_msg("%s", err.text);
	return b;
}

/* What the last request says behind "Name: "; NULL: nothing. */
static const char *sent(struct rig *r, const char *name)
{
	static char value[200];
	unsigned n = server_requests(&r->server);
	char line[100];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	at = strstr(r->server.requests[n - 1], line);
	if (!at)
		return NULL;
	at += strlen(line);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
	return value;
}

static void is_sent(struct rig *r, const char *name, const char *value)
{
	const char *got = sent(r, name);

	if (value ? !got || strcmp(got, value) != 0 : got != NULL)
		fail_msg("%s: %s", name, got ? got : "(not sent)");
}

static void a_binding_is_sent_until_its_reset(void **state)
{
	static const char *const more[] = { "X-Trace:abc ", "Traceparent: 00",
					    NULL };
	const struct sf_context x = {
		.org_id = "o-1",
		.workspace_id = "w-1",
		.service_id = "s-1",
		.execution_id = "e-1",
		.job_id = "j-1",
		.request_id = "r-1",
		.ring_id = "ri-1",
		.headers = more,
	};
	static const char *const all[][2] = {
		{ "X-Org-Id", "o-1" },	   { "X-Workspace-Id", "w-1" },
		{ "X-Service-Id", "s-1" }, { "X-Execution-Id", "e-1" },
		{ "X-Job-Id", "j-1" },	   { "X-Request-Id", "r-1" },
		{ "X-Ring-Id", "ri-1" },   { "X-Trace", "abc" },
		{ "Traceparent", "00" },
	};
	struct sf_bound *b;
	struct rig r;

	(void)state;
	rig_key(&r, record, NULL);
	rig_get(&r);
	for (size_t i = 0; i < 9; i++)
		is_sent(&r, all[i][0], NULL);
	b = put(&r, &x);
	rig_create(&r);
	for (size_t i = 0; i < 9; i++)
		is_sent(&r, all[i][0], all[i][1]);
	/* The client's own stand beside them. */
	is_sent(&r, "Authorization", "Bearer sfk_test_0123456789");
	is_sent(&r, "Idempotency-Key", "key");
	sf_context_reset(r.client, b);
	rig_create(&r);
	for (size_t i = 0; i < 9; i++)
		is_sent(&r, all[i][0], NULL);
	sf_context_reset(r.client, NULL);
	rig_stop(&r);
}

static void inner_ones_inherit(void **state)
{
	static const char *const outer_more[] = { "X-A: 1", "X-B: 2", NULL };
	static const char *const inner_more[] = { "x-b: 3", "X-C: 4", NULL };
	static const char *const none[] = { "X-A:", NULL };
	const struct sf_context outer = { .org_id = "o",
					  .request_id = "r",
					  .headers = outer_more };
	const struct sf_context inner = { .request_id = "r2",
					  .headers = inner_more };
	const struct sf_context without = { .org_id = "", .headers = none };
	struct sf_bound *first, *second, *third;
	struct rig r;

	(void)state;
	rig_key(&r, record, NULL);
	first = put(&r, &outer);
	second = put(&r, &inner);
	rig_get(&r);
	is_sent(&r, "X-Org-Id", "o");
	is_sent(&r, "X-Request-Id", "r2");
	is_sent(&r, "X-A", "1");
	is_sent(&r, "x-b", "3");
	is_sent(&r, "X-B", NULL);
	is_sent(&r, "X-C", "4");
	/* An empty value takes the outer one away. */
	third = put(&r, &without);
	rig_get(&r);
	is_sent(&r, "X-Org-Id", NULL);
	is_sent(&r, "X-A", NULL);
	is_sent(&r, "X-Request-Id", "r2");
	sf_context_reset(r.client, third);
	sf_context_reset(r.client, second);
	rig_get(&r);
	is_sent(&r, "X-Org-Id", "o");
	is_sent(&r, "X-Request-Id", "r");
	is_sent(&r, "X-B", "2");
	is_sent(&r, "X-C", NULL);
	/* An outer one takes what is inside with it. */
	second = put(&r, &inner);
	put(&r, &without);
	sf_context_reset(r.client, first);
	rig_get(&r);
	is_sent(&r, "X-Org-Id", NULL);
	is_sent(&r, "X-Request-Id", NULL);
	rig_stop(&r);
}

static void a_call_keeps_its_own(void **state)
{
	char org[] = "before";
	struct sf_context x = { .org_id = org };
	struct kept k = { 0 };
	struct sf_bound *b;
	struct rig r;

	(void)state;
	rig_start(&r, record, NULL);
	r.options.requests_per_second = 1;
	r.options.queue = 10;
	r.options.auth.api_key = "sfk_test_0123456789";
	rig_open(&r);
	rig_get(&r);
	b = put(&r, &x);
	/* It waits for its turn, and is sent long after the reset. */
	assert_int_equal(sf_incident_get(r.client, STR("INC0000001"), keep, &k),
			 0);
	memcpy(org, "after!", 6);
	sf_context_reset(r.client, b);
	assert_int_equal(server_requests(&r.server), 1);
	rig_run(&r);
	assert_int_equal(k.done, 1);
	is_sent(&r, "X-Org-Id", "before");
	rig_stop(&r);
}

/* A 401, another token, and the same request again. */
static void refuse_first(struct server *s, unsigned nth, const char *request,
			 struct reply *out)
{
	atomic_int *n = s->arg;

	(void)nth;
	if (strstr(request, " /token "))
		reply_json(out, 200, "", "{\"access_token\":\"t\"}");
	else if (atomic_fetch_add(n, 1) == 0)
		reply_json(out, 401, "", "{}");
	else
		reply_json(out, 200, "", "{\"id\":\"INC0000001\"}");
}

static void a_repetition_is_on_the_same_behalf(void **state)
{
	const struct sf_context x = { .request_id = "r-7" };
	atomic_int n = 0;
	struct rig r;

	(void)state;
	rig_client(&r, refuse_first, &n);
	sf_context_reset(r.client, NULL);
	put(&r, &x);
	assert_int_equal(rig_get(&r).res.outcome, SF_OK);
	assert_int_equal(server_saw(&r.server, "GET "), 2);
	assert_int_equal(server_saw(&r.server, "\r\nX-Request-Id: r-7\r\n"), 2);
	/* Whoever gives tokens isn't told. */
	assert_int_equal(server_saw(&r.server, " /token "), 2);
	rig_stop(&r);
}

struct chain {
	struct rig *rig;
	struct kept kept;
	bool bind;
};

static void begin_another(const struct sf_result *r, void *arg)
{
	const struct sf_context x = { .job_id = "j" };
	struct chain *c = arg;

	(void)r;
	if (c->bind)
		put(c->rig, &x); /* and no reset: it ends with this done */
	assert_int_equal(sf_incident_get(c->rig->client, STR("INC0000002"),
					 keep, &c->kept),
			 0);
}

static void what_done_begins_is_on_the_calls_behalf(void **state)
{
	const struct sf_context x = { .org_id = "o" };
	const struct sf_context other = { .org_id = "p" };
	struct chain c = { 0 };
	struct sf_bound *b;
	struct rig r;

	(void)state;
	rig_start(&r, record, NULL);
	r.options.queue = 10;
	r.options.auth.api_key = "sfk_test_0123456789";
	rig_open(&r);
	c.rig = &r;
	for (int i = 0; i < 2; i++) {
		c.bind = i;
		c.kept.done = 0;
		b = put(&r, &x);
		assert_int_equal(sf_incident_get(r.client, STR("INC0000001"),
						 begin_another, &c),
				 0);
		sf_context_reset(r.client, b);
		b = put(&r, &other);
		rig_run(&r);
		assert_int_equal(c.kept.done, 1);
		is_sent(&r, "X-Org-Id", "o");
		is_sent(&r, "X-Job-Id", i ? "j" : NULL);
		/* Around it this thread has bound what it had. */
		rig_get(&r);
		is_sent(&r, "X-Org-Id", "p");
		is_sent(&r, "X-Job-Id", NULL);
		sf_context_reset(r.client, b);
	}
	rig_stop(&r);
}

static void no_header_of_the_clients_own(void **state)
{
	static const char *const lines[] = {
		"Authorization: Bearer x",
		"authorization: x",
		"Host: evil",
		"Content-Length: 1",
		"Content-Type: text/xml",
		"content-encoding: gzip",
		"Idempotency-Key: k",
		"Accept: text/html",
		"Accept-Encoding: br",
		"User-Agent: x",
		"Transfer-Encoding: chunked",
		"Connection: close",
		"TE: trailers",
		"Trailer: X-A",
		"Upgrade: h2c",
		"Expect: 100-continue",
		"Proxy-Authorization: Basic eA==",
		"If-Match: x",
		"Range: bytes=0-1",
		"Cookie: a=b",
		"X-HTTP-Method-Override: DELETE",
		"Keep-Alive: 5",
		"HTTP2-Settings: x",
		/* and none at all */
		"no colon",
		"",
		": nameless",
		"two words: x",
		"X-A\t: x",
		"X-A: b\r\nX-B: c",
		"X-A: b\nX-B: c",
		"X-A: b\r",
		"X-A: \x01",
		"X-A: \x7f",
		"X-A: \xc3\xa4",
		"X-A\r\nX-B: c",
		"X-\xc3\xa4: b",
	};
	struct rig r;

	(void)state;
	rig_key(&r, record, NULL);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *const headers[] = { lines[i], NULL };
		const struct sf_context x = { .headers = headers };
		struct sf_bound *b = NULL;
		struct err err = { "" };

		if (sf_context_bind(&b, r.client, &x, &err) != -EINVAL)
			fail_msg("%s is taken", lines[i]);
		assert_null(b);
		assert_true(err.text[0]);
		/* The value isn't told: it may be a secret. */
		assert_null(strstr(err.text, "Bearer"));
	}
	rig_get(&r);
	is_sent(&r, "X-A", NULL);
	is_sent(&r, "Authorization", "Bearer sfk_test_0123456789");
	rig_stop(&r);
}

static int bind_rc(struct rig *r, const struct sf_context *x)
{
	struct sf_bound *b;

	return sf_context_bind(&b, r->client, x, NULL);
}

static void fields_are_headers_too(void **state)
{
	static const char *const twice[] = { "X-A: 1", "x-a: 2", NULL };
	static const char *const org[] = { "x-org-id: 2", NULL };
	const struct sf_context bad[] = {
		{ .org_id = "a\r\nX-B: c" }, { .ring_id = "a\nb" },
		{ .job_id = "\x1b[0m" },     { .request_id = "\xff" },
		{ .headers = twice },	     { .org_id = "1", .headers = org },
	};
	struct rig r;

	(void)state;
	rig_key(&r, record, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bind_rc(&r, &bad[i]), -EINVAL);
	assert_int_equal(bind_rc(&r, &(struct sf_context){ .headers = org }),
			 0);
	rig_stop(&r);
}

static void sizes_are_bounded(void **state)
{
	char value[1100], many[50][20];
	const char *list[51] = { NULL };
	struct sf_context x = { .headers = list };
	struct rig r;

	(void)state;
	rig_key(&r, record, NULL);
	memset(value, 'v', sizeof(value));
	value[1025] = '\0';
	assert_int_equal(bind_rc(&r, &(struct sf_context){ .org_id = value }),
			 -EINVAL);
	value[1024] = '\0';
	assert_int_equal(bind_rc(&r, &(struct sf_context){ .org_id = value }),
			 0);
	for (size_t i = 0; i < 50; i++) {
		snprintf(many[i], sizeof(many[i]), "X-%zu: x", i);
		list[i] = many[i];
	}
	assert_int_equal(bind_rc(&r, &x), -E2BIG);
	list[23] = NULL; /* and the org's */
	assert_int_equal(bind_rc(&r, &x), 0);
	list[0] = "X-More: x";
	list[1] = NULL;
	assert_int_equal(bind_rc(&r, &x), -E2BIG);
	for (int i = 2; i < 64; i++)
		assert_int_equal(bind_rc(&r, &(struct sf_context){ 0 }), 0);
	assert_int_equal(bind_rc(&r, &(struct sf_context){ 0 }), -E2BIG);
	rig_get(&r);
	is_sent(&r, "X-22", "x");
	is_sent(&r, "X-23", NULL);
	rig_stop(&r);
}

static void eight_kilobytes_in_all(void **state)
{
	char value[1001];
	const struct sf_context fields[] = {
		{ .org_id = value },	 { .workspace_id = value },
		{ .service_id = value }, { .execution_id = value },
		{ .job_id = value },	 { .request_id = value },
		{ .ring_id = value },
	};
	char line[1040];
	const char *const headers[] = { line, NULL };
	const struct sf_context more = { .headers = headers };
	struct rig r;

	(void)state;
	memset(value, 'v', 1000);
	value[1000] = '\0';
	snprintf(line, sizeof(line), "X-A: %s", value);
	rig_key(&r, record, NULL);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(bind_rc(&r, &fields[i]), 0);
	assert_int_equal(bind_rc(&r, &more), 0);
	line[2] = 'B';
	assert_int_equal(bind_rc(&r, &more), -E2BIG);
	rig_get(&r);
	is_sent(&r, "X-B", NULL);
	rig_stop(&r);
}

/* One client with a thread of its own, many that bind and call. */
struct worker {
	struct sf_client *client;
	pthread_t thread;
	unsigned nth;
	bool leave; /* with what it has bound */
	struct sf_bound *foreign;
	atomic_uint done;
};

static void ended(const struct sf_result *r, void *arg)
{
	struct worker *w = arg;

	assert_int_equal(r->outcome, SF_OK);
	atomic_fetch_add(&w->done, 1);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct sf_bound *outer, *inner = NULL;
	char org[20], id[20];
	struct sf_context x = { .org_id = org };
	const struct sf_context y = { .ring_id = "inner" };

	snprintf(org, sizeof(org), "org-%u", w->nth);
	snprintf(id, sizeof(id), "INC%u", w->nth);
	assert_int_equal(sf_context_bind(&outer, w->client, &x, NULL), 0);
	sf_context_reset(w->client, w->foreign); /* not this thread's */
	for (int i = 0; i < 10; i++) {
		if (i % 2)
			assert_int_equal(
				sf_context_bind(&inner, w->client, &y, NULL),
				0);
		while (sf_incident_get(w->client, str_from(id), ended, w))
			sched_yield();
		if (i % 2)
			sf_context_reset(w->client, inner);
	}
	if (!w->leave)
		sf_context_reset(w->client, outer);
	return NULL;
}

/* The record that was asked for. */
static void same(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	const char *at = strstr(request, "/incidents/");
	char body[80];

	(void)s;
	(void)nth;
	snprintf(body, sizeof(body), "{\"id\":\"%.*s\"}",
		 at ? (int)strcspn(at + 11, " ") : 0, at ? at + 11 : "");
	reply_json(out, 200, "", body);
}

/* Each request bears the organisation of the thread that asked for it. */
static void check_owners(struct server *s)
{
	unsigned inner = 0;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->n_requests; i++) {
		const char *id = strstr(s->requests[i], "/incidents/INC");
		const char *org = strstr(s->requests[i], "X-Org-Id: org-");

		assert_non_null(id);
		assert_non_null(org);
		assert_int_equal(strtol(id + 14, NULL, 10),
				 strtol(org + 14, NULL, 10));
		inner += strstr(s->requests[i], "X-Ring-Id: inner") != NULL;
	}
	assert_int_equal(inner, s->n_requests / 2);
	pthread_mutex_unlock(&s->lock);
}

static void each_thread_has_its_own(void **state)
{
	const struct sf_context mine = { .org_id = "main" };
	struct worker w[8] = { { 0 } };
	struct sf_bound *b;
	struct rig r;

	(void)state;
	rig_start(&r, same, NULL);
	r.options.auth.api_key = "sfk_test_0123456789";
	assert_int_equal(sf_client_new(&r.client, &r.options, NULL, NULL), 0);
	assert_int_equal(sf_context_bind(&b, r.client, &mine, NULL), 0);
	for (unsigned i = 0; i < 8; i++) {
		w[i].client = r.client;
		w[i].nth = i;
		w[i].leave = i % 2;
		w[i].foreign = b;
		assert_int_equal(
			pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (unsigned i = 0; i < 8; i++)
		pthread_join(w[i].thread, NULL);
	assert_int_equal(sf_client_close(r.client, 20000), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(w[i].done, 10);
	assert_int_equal(server_requests(&r.server), 80);
	check_owners(&r.server);
	/* main's is still bound: it goes with the client. */
	rig_stop(&r);
}

static void two_clients_of_one_thread(void **state)
{
	const struct sf_context x = { .org_id = "one" };
	struct rig a, b;
	struct sf_bound *bound;

	(void)state;
	rig_key(&a, record, NULL);
	rig_key(&b, record, NULL);
	bound = put(&a, &x);
	rig_get(&b);
	is_sent(&b, "X-Org-Id", NULL);
	sf_context_reset(b.client, bound); /* not of that client */
	rig_get(&a);
	is_sent(&a, "X-Org-Id", "one");
	rig_stop(&b);
	rig_stop(&a);
}

/* Clients that never bind need none of the few keys that a process has. */
static void keys_come_with_bindings(void **state)
{
	static struct sf_client *all[PTHREAD_KEYS_MAX + 10];
	const struct sf_context x = { .org_id = "o" };
	struct sf_bound *b;
	struct rig r;
	int rc = 0;
	size_t i;

	(void)state;
	rig_key(&r, record, NULL);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(
			sf_client_new(&all[i], &r.options, r.rest, NULL), 0);
	for (i = 0; i < sizeof(all) / sizeof(all[0]) && rc == 0; i++)
		rc = sf_context_bind(&b, all[i], &x, NULL);
	assert_int_equal(rc, -EAGAIN);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sf_client_free(all[i]);
	put(&r, &x);
	rig_get(&r);
	is_sent(&r, "X-Org-Id", "o");
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_binding_is_sent_until_its_reset),
		cmocka_unit_test(inner_ones_inherit),
		cmocka_unit_test(a_call_keeps_its_own),
		cmocka_unit_test(a_repetition_is_on_the_same_behalf),
		cmocka_unit_test(what_done_begins_is_on_the_calls_behalf),
		cmocka_unit_test(no_header_of_the_clients_own),
		cmocka_unit_test(fields_are_headers_too),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(eight_kilobytes_in_all),
		cmocka_unit_test(each_thread_has_its_own),
		cmocka_unit_test(two_clients_of_one_thread),
		cmocka_unit_test(keys_come_with_bindings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
