#include "rig.h"

#include <stdatomic.h>

#include "stackflow/bulk.h"

#define MANY 250

static char names[MANY][16];
static struct str ids[MANY];

static int fill(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "INC%07d", i);
		ids[i] = str_from(names[i]);
	}
	return 0;
}

/* StackFlow with jobs: how each is to go. */
struct play {
	const char *start;	/* body of a start; %d: which job */
	const char *headers;
	int status;
	const char *polls[4];	/* one after the other, the last for ever */
	int poll_status;
	atomic_int starts, polled;
};

static void jobs(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	struct play *p = s->arg;
	char text[1024];
	int n;

	(void)nth;
	if (strncmp(request, "POST ", 5) == 0) {
		n = atomic_fetch_add(&p->starts, 1) + 1;
		atomic_store(&p->polled, 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), p->start, n);
#pragma GCC diagnostic pop
		reply_json(out, p->status ? p->status : 202,
			   p->headers ? p->headers : "", text);
		return;
	}
	n = atomic_fetch_add(&p->polled, 1);
	n = n < 3 ? n : 3;
	for (; n > 0 && !p->polls[n]; n--)
		;
	reply_json(out, p->poll_status ? p->poll_status : 200, "",
		   p->polls[n]);
}

struct watch {
	unsigned times, ended;
	struct sf_bulk_result last;
};

static void watch(struct sf_bulk *b, const struct sf_bulk_result *now,
		  bool ended, void *arg)
{
	struct watch *w = arg;

	(void)b;
	assert_int_equal(w->ended, 0);
	assert_int_equal(now->done + now->failed + now->unknown + now->unsent,
			 now->records);
	w->times++;
	w->ended += ended;
	w->last = *now;
}

/* Drive it in the rig's time. */
static void run(struct rig *g, struct sf_bulk *b)
{
	for (int turns = 0;; turns++) {
		int64_t ms = sf_bulk_step(b, g->now);

		if (ms < 0)
			return;
		if (turns > 20000)
			fail_msg("the bulk write never ends");
		sf_client_wait_ms(g->client, g->now);
		if (rest_active(g->rest))
			rest_step(g->rest, 10);
		else
			g->now += ms ? ms : 1;
	}
}

struct ran {
	struct sf_bulk_result res;
	struct sf_bulk_failure failures[8];
	size_t failed;
	char problem[600], message[300];
	struct watch watch;
};

static struct ran update(struct rig *g, size_t n)
{
	struct ran r = { 0 };
	struct sf_bulk *b;

	assert_int_equal(sf_bulk_update(&b, g->client, ids, n,
					STR("{\"state\":\"closed\"}"), 60000,
					watch, &r.watch), 0);
	run(g, b);
	r.res = *sf_bulk_wait(b);
	snprintf(r.problem, sizeof(r.problem), "%s",
		 r.res.problem ? r.res.problem : "");
	r.failed = sf_bulk_failures(r.failures, 8, b);
	if (r.failed)
		snprintf(r.message, sizeof(r.message), "%.*s",
			 STR_ARG(r.failures[0].message));
	assert_int_equal(r.watch.ended, 1);
	assert_int_equal(r.watch.last.done, r.res.done);
	sf_bulk_free(b);
	return r;
}

static void check_sum(const struct sf_bulk_result *r, size_t done,
		      size_t failed, size_t unknown, size_t unsent)
{
	if (r->done != done || r->failed != failed || r->unknown != unknown ||
	    r->unsent != unsent)
		fail_msg("%zu done, %zu failed, %zu unknown, %zu unsent",
			 r->done, r->failed, r->unknown, r->unsent);
}

static void split_at_a_hundred_one_after_the_other(void **state)
{
	struct play p = {
		.start = "{\"job_id\":\"job-%d\",\"status\":\"queued\"}",
		.polls = { "{\"status\":\"running\",\"processed\":30}",
			   "{\"status\":\"completed\"}" },
	};
	struct ran r;
	struct rig g;

	(void)state;
	rig_key(&g, jobs, &p);
	r = update(&g, MANY);
	assert_int_equal(r.res.outcome, SF_OK);
	assert_null(r.res.problem);
	check_sum(&r.res, MANY, 0, 0, 0);
	assert_int_equal(r.failed, 0);
	assert_int_equal(r.watch.times, 9);
	assert_int_equal(p.starts, 3);
	assert_int_equal(
		server_saw(&g.server, "POST /prod/api/incidents/bulk HTTP"), 3);
	assert_int_equal(
		server_saw(&g.server,
			   "{\"operation\":\"update\",\"ids\":[\"INC0000000\""),
		1);
	assert_int_equal(server_saw(&g.server, "\"INC0000099\"],\"fields\":"
					       "{\"state\":\"closed\"}}"),
			 1);
	assert_int_equal(server_saw(&g.server, "\"ids\":[\"INC0000100\""), 1);
	assert_int_equal(server_saw(&g.server, "\"ids\":[\"INC0000200\""), 1);
	assert_int_equal(server_saw(&g.server, "\"INC0000249\"],\"fields\""),
			 1);
	for (int i = 1; i <= 3; i++) {
		char line[80];

		snprintf(line, sizeof(line),
			 "GET /prod/api/incidents/bulk/job-%d HTTP", i);
		assert_int_equal(server_saw(&g.server, line), 2);
	}
	assert_int_equal(server_requests(&g.server), 9);
	rig_stop(&g);
}

static void failures_are_told_apart(void **state)
{
	struct play p = {
		.start = "{\"job_id\":\"j%d\"}",
		.polls = { "{\"status\":\"completed\",\"succeeded\":2,"
			   "\"failed\":[{\"id\":\"INC0000001\",\"message\":"
			   "\"No such\\u001b incident\"}]}" },
	};
	struct ran r;
	struct rig g;

	(void)state;
	rig_key(&g, jobs, &p);
	r = update(&g, 3);
	assert_int_equal(r.res.outcome, SF_OK);
	check_sum(&r.res, 2, 1, 0, 0);
	assert_int_equal(r.failed, 1);
	assert_int_equal(r.failures[0].at, 1);
	assert_false(r.failures[0].unknown);
	assert_string_equal(r.message, "No such\x1b incident");
	assert_string_equal(r.problem, "No such\\x1b incident");
	rig_stop(&g);
}

/* Counted, but not named: no record is called failed that may not be. */
static void what_is_counted_isnt_guessed(void **state)
{
	static const struct {
		const char *end;
		size_t done, failed, unknown, listed;
	} cases[] = {
		{ "{\"status\":\"completed\",\"failed\":1}", 2, 1, 0, 0 },
		{ "{\"status\":\"completed\",\"failed\":3}", 0, 3, 0, 3 },
		{ "{\"status\":\"completed\",\"succeeded\":1}", 1, 0, 2, 0 },
		{ "{\"status\":\"completed\",\"succeeded\":0}", 0, 0, 3, 3 },
		{ "{\"status\":\"failed\"}", 0, 0, 3, 3 },
		{ "{\"status\":\"failed\",\"succeeded\":1,\"failed\":2}", 1, 2,
		  0, 0 },
		{ "{\"status\":\"failed\",\"results\":[{\"id\":\"INC0000002\","
		  "\"status\":\"ok\"}]}",
		  1, 0, 2, 2 },
		{ "{\"status\":\"completed\",\"succeeded\":900,\"failed\":-1}",
		  3, 0, 0, 0 },
		{ "{\"status\":\"completed\",\"failed\":[{\"id\":\"INC0000000\""
		  "},{\"id\":\"INC0000000\"},{\"index\":0}]}",
		  0, 3, 0, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct play p = { .start = "{\"job_id\":\"j%d\"}",
				  .polls = { cases[i].end } };
		struct ran r;
		struct rig g;

		print_message("%s\n", cases[i].end);
		rig_key(&g, jobs, &p);
		r = update(&g, 3);
		assert_int_equal(r.res.outcome, SF_OK);
		check_sum(&r.res, cases[i].done, cases[i].failed,
			  cases[i].unknown, 0);
		assert_int_equal(r.failed, cases[i].listed);
		rig_stop(&g);
	}
}

/* A start that may have been carried out is not repeated, nor gone on after. */
static void a_start_in_doubt_stops_all(void **state)
{
	static const int doubtful[] = { 500, 503, 408, 409 };

	(void)state;
	for (size_t i = 0; i < sizeof(doubtful) / sizeof(*doubtful); i++) {
		struct play p = { .start = "{\"message\":\"job %d?\"}",
				  .status = doubtful[i] };
		struct ran r;
		struct rig g;

		rig_key(&g, jobs, &p);
		r = update(&g, MANY);
		assert_int_equal(r.res.outcome, SF_UNKNOWN);
		check_sum(&r.res, 0, 0, 100, 150);
		assert_int_equal(r.failed, 100);
		assert_int_equal(r.failures[7].at, 7);
		assert_true(r.failures[7].unknown);
		assert_int_equal(server_requests(&g.server), 1);
		assert_non_null(strstr(r.problem, "job 1?"));
		rig_stop(&g);
	}
}

static void a_refused_start_stops_all(void **state)
{
	struct play p = { .start = "{\"message\":\"no such field %d\"}",
			  .status = 422 };
	struct ran r;
	struct rig g;

	(void)state;
	rig_key(&g, jobs, &p);
	r = update(&g, MANY);
	assert_int_equal(r.res.outcome, SF_REFUSED);
	check_sum(&r.res, 0, 100, 0, 150);
	assert_non_null(strstr(r.message, "no such field"));
	p.status = 403;
	r = update(&g, MANY);
	assert_int_equal(r.res.outcome, SF_NOT_EXECUTED);
	check_sum(&r.res, 0, 0, 0, MANY);
	assert_int_equal(r.failed, 0);
	rig_stop(&g);
}

static void limited(struct server *s, unsigned nth, const char *request,
		    struct reply *out)
{
	if (nth == 0)
		reply_json(out, 429, "Retry-After: 7\r\n", "{}");
	else
		jobs(s, nth, request, out);
}

static void a_limit_pauses_and_passes(void **state)
{
	struct play p = { .start = "{\"job_id\":\"j%d\"}",
			  .polls = { "{\"status\":\"done\"}" } };
	struct ran r;
	struct rig g;
	int64_t begun;

	(void)state;
	rig_key(&g, limited, &p);
	begun = g.now;
	r = update(&g, 3);
	assert_int_equal(r.res.outcome, SF_OK);
	check_sum(&r.res, 3, 0, 0, 0);
	assert_true(g.now - begun >= 7000);
	rig_stop(&g);
}

static void where_a_job_is_polled(void **state)
{
	static const struct {
		const char *start, *headers, *jobs_path, *asked;
	} cases[] = {
		{ "{\"job_id\":\"j%d\",\"status_url\":\"/prod/api/jobs/1?a=b\"}",
		  "", NULL, "GET /prod/api/jobs/1?a=b HTTP" },
		{ "{\"job_id\":\"j%d\",\"status_url\":\"/jobs/1\"}", "", NULL,
		  "GET /prod/api/jobs/1 HTTP" },
		{ "{\"job_id\":\"j%d\",\"status_url\":\"/api/jobs/1\"}", "",
		  NULL, "GET /prod/api/jobs/1 HTTP" },
		{ "{\"job_id\":\"j%d\"}", "Location: /prod/api/jobs/9\r\n",
		  "/elsewhere", "GET /prod/api/jobs/9 HTTP" },
		{ "{\"job_id\":\"j%d\"}", "", NULL,
		  "GET /prod/api/incidents/bulk/j1 HTTP" },
		{ "{\"job_id\":\"j%d\"}", "", "/jobs/",
		  "GET /prod/api/jobs/j1 HTTP" },
		/* The token goes to no other host. */
		{ "{\"job_id\":\"j%d\",\"status_url\":"
		  "\"https://evil.example/jobs/1\"}",
		  "", NULL, "GET /prod/api/incidents/bulk/j1 HTTP" },
		{ "{\"job_id\":\"j%d\",\"status_url\":\"//evil.example/1\"}",
		  "", NULL, "GET /prod/api/incidents/bulk/j1 HTTP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct play p = { .start = cases[i].start,
				  .headers = cases[i].headers,
				  .polls = { "{\"status\":\"completed\"}" } };
		struct ran r;
		struct rig g;

		rig_start(&g, jobs, &p);
		g.options.auth.method = SF_AUTH_API_KEY;
		g.options.auth.api_key = "sfk_test_0123456789";
		g.options.jobs_path = cases[i].jobs_path;
		rig_open(&g);
		r = update(&g, 1);
		if (server_saw(&g.server, cases[i].asked) != 1)
			fail_msg("%zu: not asked: %s", i, cases[i].asked);
		assert_int_equal(r.res.outcome, SF_OK);
		rig_stop(&g);
	}
}

static void jobs_of_other_hosts_arent_asked(void **state)
{
	static const char *const where[] = {
		"",
		"https://evil.example/prod/api/jobs/1",
		"//evil.example/1",
		"http://127.0.0.1/prod/api/jobs/1",
		"..",
		"jobs/1",
		"/jobs/a b",
		"/jobs/\r\nX: y",
	};
	struct kept k = { 0 };
	char url[200];
	struct rig g;

	(void)state;
	rig_key(&g, jobs, NULL);
	for (size_t i = 0; i < sizeof(where) / sizeof(*where); i++)
		assert_int_equal(sf_job_get(g.client, "/incidents/bulk",
					    str_from(where[i]), keep, &k),
				 -EINVAL);
	/* The host's beginning isn't the host. */
	snprintf(url, sizeof(url), "http://127.0.0.1:%u.evil.example/jobs/1",
		 g.server.port);
	assert_int_equal(sf_job_get(g.client, "/incidents/bulk", str_from(url),
				    keep, &k), -EINVAL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u9/jobs/1",
		 g.server.port);
	assert_int_equal(sf_job_get(g.client, "/incidents/bulk", str_from(url),
				    keep, &k), -EINVAL);
	rig_stop(&g);
}

static void another_path_of_the_host(struct server *s, unsigned nth,
				     const char *request, struct reply *out)
{
	(void)s, (void)nth, (void)request;
	reply_json(out, 200, "", "{\"status\":\"completed\"}");
}

static void a_url_of_this_host_is_asked(void **state)
{
	struct kept k = { 0 };
	char url[200];
	struct rig g;

	(void)state;
	rig_key(&g, another_path_of_the_host, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/jobs/1",
		 g.server.port);
	assert_int_equal(sf_job_get(g.client, "/incidents/bulk", str_from(url),
				    keep, &k), 0);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(server_saw(&g.server, "GET /jobs/1 HTTP"), 1);
	snprintf(url, sizeof(url), "%s/jobs/2", g.base);
	assert_int_equal(sf_job_get(g.client, "/incidents/bulk", str_from(url),
				    keep, &k), 0);
	rig_run(&g);
	assert_int_equal(server_saw(&g.server, "GET /prod/api/jobs/2 HTTP"), 1);
	rig_stop(&g);
}

static void a_job_that_never_ends_is_unknown(void **state)
{
	struct play p = { .start = "{\"job_id\":\"j%d\"}",
			  .polls = { "{\"status\":\"running\","
				     "\"succeeded\":40}" } };
	struct ran r;
	struct rig g;
	int64_t begun;

	(void)state;
	rig_key(&g, jobs, &p);
	begun = g.now;
	r = update(&g, MANY);
	assert_int_equal(r.res.outcome, SF_UNKNOWN);
	check_sum(&r.res, 0, 0, 100, 150);
	assert_true(g.now - begun >= 60000 && g.now - begun < 62000);
	/* 0.5 1 2 4 5 5 ... seconds apart */
	assert_in_range(p.polled, 12, 17);
	p.poll_status = 404;
	r = update(&g, MANY);
	assert_int_equal(r.res.outcome, SF_UNKNOWN);
	assert_int_equal(p.polled, 5);
	rig_stop(&g);
}

/* Whoever answers all at once needs no job; one that names none is in doubt. */
static void starts_without_a_job(void **state)
{
	struct play p = { .start = "{\"status\":\"completed\",\"n\":%d,"
				   "\"succeeded\":3,\"failed\":0}",
			  .status = 200 };
	struct ran r;
	struct rig g;

	(void)state;
	rig_key(&g, jobs, &p);
	r = update(&g, 3);
	assert_int_equal(r.res.outcome, SF_OK);
	check_sum(&r.res, 3, 0, 0, 0);
	p.start = "{\"accepted\":%d}";
	r = update(&g, 3);
	assert_int_equal(r.res.outcome, SF_UNKNOWN);
	check_sum(&r.res, 0, 0, 3, 0);
	p.start = "{\"job_id\":\"../../%d\"}";
	r = update(&g, 3);
	assert_int_equal(r.res.outcome, SF_UNKNOWN);
	assert_int_equal(server_requests(&g.server), 3);
	rig_stop(&g);
}

static void records_are_created(void **state)
{
	static const struct str records[] = {
		STR("{\"short_description\":\"a\"}"),
		STR(" {\"short_description\":\"b\"} "),
	};
	struct play p = { .start = "{\"job_id\":\"j%d\"}",
			  .polls = { "{\"status\":\"completed\",\"errors\":"
				     "[{\"index\":1,\"message\":\"bad\"}]}" } };
	struct sf_bulk_failure f[2];
	struct sf_bulk *b;
	struct rig g;

	(void)state;
	rig_key(&g, jobs, &p);
	assert_int_equal(sf_bulk_create(&b, g.client, records, 2, 0, NULL,
					NULL), 0);
	run(&g, b);
	check_sum(sf_bulk_wait(b), 1, 1, 0, 0);
	assert_int_equal(sf_bulk_failures(f, 2, b), 1);
	assert_int_equal(f[0].at, 1);
	assert_null(f[0].id.p);
	sf_bulk_free(b);
	assert_int_equal(
		server_saw(&g.server,
			   "POST /prod/api/incidents/bulk HTTP"), 1);
	assert_int_equal(server_saw(&g.server,
				    "{\"operation\":\"create\",\"records\":["
				    "{\"short_description\":\"a\"}, "
				    "{\"short_description\":\"b\"} ]}"),
			 1);
	assert_int_equal(sf_bulk_cis(&b, g.client, records, 2, 0, NULL, NULL),
			 0);
	run(&g, b);
	check_sum(sf_bulk_wait(b), 1, 1, 0, 0);
	sf_bulk_free(b);
	assert_int_equal(server_saw(&g.server,
				    "POST /prod/api/cmdb/cis/bulk HTTP"), 1);
	assert_int_equal(server_saw(&g.server,
				    "GET /prod/api/cmdb/cis/bulk/j2 HTTP"), 1);
	rig_stop(&g);
}

static void unusable_records_dont_begin(void **state)
{
	static const struct str bad_ids[] = { STR("INC1"), STR("../x") };
	static const struct str bad_json[] = { STR("{}"), STR("{\"a\":}") };
	struct sf_bulk *b = NULL;
	struct kept k = { 0 };
	struct buf many = BUF_INIT(1 << 16);
	struct rig g;

	(void)state;
	rig_key(&g, jobs, NULL);
	assert_int_equal(sf_bulk_update(&b, g.client, bad_ids, 2, STR("{}"), 0,
					NULL, NULL), -EINVAL);
	assert_int_equal(sf_bulk_update(&b, g.client, bad_ids, 1, STR("[]"), 0,
					NULL, NULL), -EINVAL);
	assert_int_equal(sf_bulk_update(&b, g.client, bad_ids, 1, STR_NONE, 0,
					NULL, NULL), -EINVAL);
	assert_int_equal(sf_bulk_create(&b, g.client, bad_json, 2, 0, NULL,
					NULL), -EINVAL);
	assert_null(b);
	buf_puts(&many, "{\"operation\":\"update\",\"ids\":[");
	for (int i = 0; i <= SF_BULK_MAX; i++)
		buf_printf(&many, "%s\"I%d\"", i ? "," : "", i);
	buf_puts(&many, "]}");
	assert_int_equal(sf_incident_bulk(g.client, buf_str(&many), NULL, keep,
					  &k), -E2BIG);
	assert_int_equal(sf_incident_bulk(g.client, STR("{"), NULL, keep, &k),
			 -EINVAL);
	assert_int_equal(sf_ci_bulk(g.client, STR("[]"), NULL, keep, &k),
			 -EINVAL);
	buf_fini(&many);
	/* Of nothing, nothing is left to do. */
	assert_int_equal(sf_bulk_update(&b, g.client, NULL, 0, STR("{}"), 0,
					NULL, NULL), 0);
	assert_int_equal(sf_bulk_step(b, g.now), -1);
	assert_int_equal(sf_bulk_wait(b)->outcome, SF_OK);
	sf_bulk_free(b);
	assert_int_equal(server_requests(&g.server), 0);
	rig_stop(&g);
}

/* With a thread of its own it goes on by itself. */
static void a_client_of_its_own_drives_it(void **state)
{
	struct play p = { .start = "{\"job_id\":\"j%d\"}",
			  .polls = { "{\"status\":\"running\"}",
				     "{\"status\":\"completed\"}" } };
	struct watch w = { 0 };
	const struct sf_bulk_result *r;
	struct sf_bulk *b;
	struct rig g;
	struct err err;

	(void)state;
	rig_start(&g, jobs, &p);
	g.options.auth.method = SF_AUTH_API_KEY;
	g.options.auth.api_key = "sfk_test_0123456789";
	assert_int_equal(sf_client_new(&g.client, &g.options, NULL, &err), 0);
	assert_int_equal(sf_bulk_update(&b, g.client, ids, 101,
					STR("{\"state\":\"closed\"}"), 0,
					watch, &w), 0);
	r = sf_bulk_wait(b);
	assert_int_equal(r->outcome, SF_OK);
	check_sum(r, 101, 0, 0, 0);
	assert_int_equal(w.ended, 1);
	assert_int_equal(w.times, 6);
	assert_int_equal(sf_bulk_step(b, 0), -1);
	sf_bulk_free(b);
	/* Let go of on the way, it starts no more and says no more. */
	w = (struct watch){ 0 };
	assert_int_equal(sf_bulk_update(&b, g.client, ids, MANY,
					STR("{\"state\":\"closed\"}"), 0,
					watch, &w), 0);
	sf_bulk_free(b);
	assert_int_equal(sf_client_close(g.client, 5000), 0);
	assert_true(p.starts <= 3);
	/* Closed, it says so. */
	assert_int_equal(sf_bulk_update(&b, g.client, ids, 1,
					STR("{\"state\":\"closed\"}"), 0, NULL,
					NULL), 0);
	r = sf_bulk_wait(b);
	assert_int_equal(r->outcome, SF_NOT_EXECUTED);
	check_sum(r, 0, 0, 0, 1);
	assert_string_equal(r->problem, "the client is closed");
	sf_bulk_free(b);
	rig_stop(&g);
}

static void waiting_drives_the_callers_loop(void **state)
{
	struct play p = { .start = "{\"job_id\":\"j%d\"}",
			  .polls = { "{\"status\":\"completed\"}" } };
	struct sf_bulk *b;
	struct rig g;

	(void)state;
	rig_key(&g, jobs, &p);
	assert_int_equal(sf_bulk_update(&b, g.client, ids, 3, STR("{}"), 0,
					NULL, NULL), 0);
	check_sum(sf_bulk_wait(b), 3, 0, 0, 0);
	sf_bulk_free(b);
	/* Freed with a request under way: that one ends without it. */
	assert_int_equal(sf_bulk_update(&b, g.client, ids, 3, STR("{}"), 0,
					watch, NULL), 0);
	assert_true(sf_bulk_step(b, g.now + 100000) > 0);
	sf_bulk_free(b);
	rig_run(&g);
	rig_stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_at_a_hundred_one_after_the_other),
		cmocka_unit_test(failures_are_told_apart),
		cmocka_unit_test(what_is_counted_isnt_guessed),
		cmocka_unit_test(a_start_in_doubt_stops_all),
		cmocka_unit_test(a_refused_start_stops_all),
		cmocka_unit_test(a_limit_pauses_and_passes),
		cmocka_unit_test(where_a_job_is_polled),
		cmocka_unit_test(jobs_of_other_hosts_arent_asked),
		cmocka_unit_test(a_url_of_this_host_is_asked),
		cmocka_unit_test(a_job_that_never_ends_is_unknown),
		cmocka_unit_test(starts_without_a_job),
		cmocka_unit_test(records_are_created),
		cmocka_unit_test(unusable_records_dont_begin),
		cmocka_unit_test(a_client_of_its_own_drives_it),
		cmocka_unit_test(waiting_drives_the_callers_loop),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
