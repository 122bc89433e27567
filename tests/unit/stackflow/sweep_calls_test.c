#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doc/json.h"
#include "rest/rest.h"
#include "stackflow/ai.h"
#include "stackflow/answer.h"
#include "stackflow/bulk.h"
#include "stackflow/client.h"
#include "stackflow/pages.h"
#include "tests/unit/stackflow/crowd.h"
#include "tests/unit/stackflow/starve.h"

/*
 * Fail the Nth allocation, for N = 1 and on, of a list that is walked, a
 * question and its reading, and a bulk write: each ends in words, and nothing
 * is left.
 */

#ifndef SANITIZED

struct desk {
	struct crowd crowd;
	struct sf_options options;
	char base[80];
};

static bool walked(struct sf_client *c)
{
	const struct json *row;
	struct err err = { "" };
	struct sf_pages *p;
	unsigned rows = 0;
	int rc = sf_pages_new(&p, c, sf_incident_list, "limit=2", &err);

	if (rc) {
		MUST(rc == -ENOMEM);
		return false;
	}
	while ((rc = sf_pages_next(&row, p, &err)) == 1)
		rows++;
	MUST(rc == 0 || err.text[0]);
	/* What was read stands, and it goes on where it failed. */
	if (rc < 0 && atomic_load(&hit))
		while ((rc = sf_pages_next(&row, p, &err)) == 1)
			rows++;
	/* libcurl drops a query that it has no memory to copy, and asks for
	 * the list that has no second page. */
	MUST(rc < 0 || rows == 4 || (rows == 2 && atomic_load(&hit)));
	sf_pages_free(p);
	return rc == 0;
}

static bool asked(struct sf_client *c)
{
	const struct sf_ai_question q = { .text = STR("q") };
	struct sf_answer *a = sf_answer_new(c);
	struct arena *arena = arena_new(4096);
	const struct sf_result *r;
	struct sf_ai_said said;
	bool well = false;

	r = sf_answer_wait(a, !a ? -ENOMEM
				 : sf_ai_ask(c, &q, sf_answer_done, a));
	MUST(r->outcome == SF_OK || r->problem);
	if (r->outcome == SF_OK && arena) {
		int rc = sf_ai_said_read(&said, r->body, arena);

		MUST(rc == 0 || rc == -ENOMEM);
		MUST(rc || said.citation_count == 1);
		well = rc == 0;
	}
	arena_free(arena);
	sf_answer_free(a);
	return well;
}

static bool written(struct sf_client *c, struct rest *rest)
{
	static const struct str ids[] = { STR("INC1"), STR("INC2") };
	const struct sf_bulk_result *r;
	struct sf_bulk_failure f[2];
	int64_t now = c->now_ms, ms;
	struct sf_bulk *b;
	bool well;
	int rc = sf_bulk_update(&b, c, ids, 2, STR("{\"state\":\"closed\"}"),
				0, NULL, NULL);

	if (rc) {
		MUST(rc == -ENOMEM);
		return false;
	}
	while ((ms = sf_bulk_step(b, now)) >= 0) {
		sf_client_wait_ms(c, now);
		if (rest_active(rest))
			rest_step(rest, 10);
		else
			now += ms ? ms : 1;
	}
	r = sf_bulk_wait(b);
	MUST(r->done + r->failed + r->unknown + r->unsent == 2);
	MUST(r->outcome == SF_OK || r->problem || atomic_load(&hit));
	well = r->outcome == SF_OK && r->done == 1 && r->failed == 1;
	if (well)
		well = sf_bulk_failures(f, 2, b) == 1 &&
		       str_is(f[0].message, "no");
	sf_bulk_free(b);
	return well;
}

static bool session(void *arg)
{
	struct desk *d = arg;
	struct rest_options ro = { .user_agent = "test" };
	struct sf_client *c = NULL;
	struct rest *rest = NULL;
	struct err err = { "" };
	int rc = rest_new(&rest, &ro, &err);
	bool well = false;

	if (rc == 0)
		rc = sf_client_new(&c, &d->options, rest, &err);
	if (rc == 0) {
		sf_client_wait_ms(c, 1000000);
		well = walked(c);
		well = asked(c) && well;
		well = written(c, rest) && well;
	}
	MUST(rc == 0 || rc == -ENOMEM);
	sf_client_free(c);
	rest_free(rest);
	return well;
}

static void nothing_is_left(void **state)
{
	struct desk d = { .options = { .auth = { .method = SF_AUTH_API_KEY,
						 .api_key = "tok9" },
				       .requests_per_second = 1000000,
				       .timeout_ms = 5000,
				       .queue = 10 } };
	unsigned failed = 0;
	long n;

	(void)state;
	if (!can_starve())
		skip();
	crowd_start(&d.crowd);
	snprintf(d.base, sizeof(d.base), "http://127.0.0.1:%u/prod/api",
		 d.crowd.port);
	d.options.base_url = d.base;
	assert_true(session(&d));
	assert_true(session(&d));
	for (n = 1;; n++) {
		bool ok = starve_at(n, session, &d);

		failed += !ok;
		if (!atomic_load(&hit)) {
			assert_true(ok);
			break;
		}
	}
	print_message("%ld allocations, %u sessions not whole\n", n - 1,
		      failed);
	assert_true(n > 100);
	assert_true(failed > 20);
	crowd_stop(&d.crowd);
}

#else

static void nothing_is_left(void **state)
{
	(void)state;
	skip();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
