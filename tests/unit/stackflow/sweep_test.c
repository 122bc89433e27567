#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/clock.h"
#include "doc/json.h"
#include "rest/rest.h"
#include "stackflow/answer.h"
#include "tests/unit/stackflow/crowd.h"
#include "tests/unit/stackflow/starve.h"

/*
 * Fail the Nth allocation of a whole session, for N = 1 and on, until one
 * passes with none failing: whatever fails, each call ends once and in words,
 * and nothing is left. All of the process's allocations count, libcurl's,
 * json-c's and OpenSSL's as well.
 */

#ifndef SANITIZED

struct desk {
	struct crowd crowd;
	struct sf_options options;
	char base[80], token[80];
	bool threaded;
	unsigned ended, well;
};

static void seen(const struct sf_result *r, void *arg)
{
	struct desk *d = arg;

	MUST(r->outcome == SF_OK || (r->problem && r->problem[0]));
	d->well += r->outcome == SF_OK;
	d->ended++;
}

/* Wait on, whatever becomes of it; the result is whole in any case. */
static bool well(struct desk *d, struct sf_answer *a, int rc)
{
	const struct sf_result *r = sf_answer_wait(a, rc);

	seen(r, d);
	return r->outcome == SF_OK;
}

/* The first that fails ends it: without a token the next one would wait for
 * another try to have one. */
static void calls(struct desk *d, struct sf_client *c)
{
	struct sf_answer *a = sf_answer_new(c);
	bool ok;

	ok = well(d, a,
		  !a ? -ENOMEM
		     : sf_incident_create(c, STR("{\"n\":5}"), "key",
					  sf_answer_done, a));
	/* The token that it has is refused now: a renewal. */
	atomic_store(&d->crowd.state->newest,
		     atomic_load(&d->crowd.state->tokens) + 1);
	ok = ok && well(d, a,
			sf_incident_list(c, "state=new", STR_NONE,
					 sf_answer_done, a));
	sf_answer_free(a);
	if (ok) {
		unsigned before = d->ended, begun;

		begun = sf_note_add(c, STR("INC5"), STR("a note"), NULL, NULL,
				    seen, d) == 0;
		begun += sf_incident_get(c, STR("INC5"), seen, d) == 0;
		MUST(sf_client_close(c, 20000) == 0);
		MUST(d->ended - before == begun);
	}
}

/* From begin to end; true where all went well. */
static bool session(void *arg)
{
	struct desk *d = arg;
	struct rest_options ro = { .user_agent = "test" };
	struct sf_client *c = NULL;
	struct rest *rest = NULL;
	struct err err = { "" };
	int rc = 0;

	d->well = 0;
	if (!d->threaded)
		rc = rest_new(&rest, &ro, &err);
	if (rc == 0)
		rc = sf_client_new(&c, &d->options, rest, &err);
	if (rc == 0) {
		int64_t now_ms = clock_mono_ms();

		/* Where no token could be asked for, it is by now. */
		sf_client_wait_ms(c, now_ms);
		sf_client_wait_ms(c, now_ms + 2000);
		calls(d, c);
	} else {
		if (rc != -ENOMEM && rc != -EAGAIN)
			print_error("%d: %s\n", rc, err.text);
		MUST(rc == -ENOMEM || rc == -EAGAIN);
	}
	sf_client_free(c);
	rest_free(rest);
	return d->well == 4;
}

static void sweep(bool threaded)
{
	struct desk d = { .threaded = threaded };
	unsigned failed = 0;
	long n;

	if (!can_starve())
		skip();
	crowd_start(&d.crowd);
	snprintf(d.base, sizeof(d.base), "http://127.0.0.1:%u/prod/api",
		 d.crowd.port);
	snprintf(d.token, sizeof(d.token), "http://127.0.0.1:%u/token",
		 d.crowd.port);
	d.options = (struct sf_options){
		.base_url = d.base,
		.auth = { .method = SF_AUTH_CLIENT_CREDENTIALS,
			  .client_id = "the-client",
			  .client_secret = "the-secret-of-it",
			  .token_url = d.token },
		.requests_per_second = 1000000,
		.timeout_ms = 5000,
		.queue = 100,
	};
	/* What is made once and for all. */
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

static void on_the_callers_loop(void **state)
{
	(void)state;
	sweep(false);
}

static void with_a_thread_of_its_own(void **state)
{
	(void)state;
	sweep(true);
}

#else

static void on_the_callers_loop(void **state)
{
	(void)state;
	skip();
}

static void with_a_thread_of_its_own(void **state)
{
	(void)state;
	skip();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_the_callers_loop),
		cmocka_unit_test(with_a_thread_of_its_own),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
