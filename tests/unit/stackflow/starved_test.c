#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "rest/rest.h"
#include "stackflow/audit.h"
#include "stackflow/client.h"
#include "stackflow/context.h"
#include "stackflow/env.h"
#include "stackflow/grant.h"
#include "tests/unit/stackflow/starve.h"

/*
 * What makes a client and what stands around its calls, with the Nth
 * allocation failing for N = 1 and on: it says -ENOMEM (or does without what
 * isn't a promise), and nothing is left.
 */
#ifndef SANITIZED

/* One way through; true where it went as if nothing had failed. */
typedef bool way(void);

static void starve(way *go)
{
	long n;

	if (!can_starve())
		skip();
	/* What is made once and for all. */
	assert_true(go());
	assert_true(go());
	for (n = 1;; n++) {
		long before = atomic_load(&blocks);
		bool whole;

		atomic_store(&hit, false);
		atomic_store(&until_failure, n);
		whole = go();
		atomic_store(&until_failure, 0);
		if (!atomic_load(&hit)) {
			assert_true(whole);
			break;
		}
		if (atomic_load(&blocks) > before)
			fail_msg("%ld blocks stay after allocation %ld failed",
				 atomic_load(&blocks) - before, n);
	}
	assert_true(n > 1);
}

static bool options(void)
{
	struct arena *arena = arena_new(1 << 16);
	struct sf_options o = { 0 };
	struct err err = { "" };
	int rc = -ENOMEM;

	if (arena)
		rc = sf_options_from_env(&o, arena, &err);
	MUST(rc == 0 || rc == -ENOMEM);
	MUST(rc == 0 || !o.base_url);
	arena_free(arena);
	return rc == 0;
}

static bool client(void)
{
	struct sf_client *c = NULL;
	struct err err = { "" };
	int rc = sf_client_new_from_env(&c, &err);

	/* pthread_create has no memory, either: -EAGAIN. */
	MUST(rc == 0 || rc == -ENOMEM || rc == -EAGAIN);
	MUST((rc == 0) == (c != NULL));
	sf_client_free(c);
	return rc == 0;
}

/* Once and for all: a thread's bindings need some of libc's own. */
static struct sf_client *standing;
static unsigned told, whole_entries;

static void sink(const struct sf_audit_entry *e, void *arg)
{
	(void)arg;
	told++;
	whole_entries += e->details.n > 0;
}

static bool bindings(void)
{
	static const char *const headers[] = { "X-A: 1", "X-B: 2", NULL };
	const struct sf_context outer = { .org_id = "o", .headers = headers };
	const struct sf_context inner = { .org_id = "p" };
	struct sf_bound *a = NULL, *b = NULL, guise;
	int rc = sf_context_bind(&a, standing, &outer, NULL);

	MUST(rc == 0 || rc == -ENOMEM);
	if (rc == 0)
		rc = sf_context_bind(&b, standing, &inner, NULL);
	MUST(rc == 0 || rc == -ENOMEM);
	sf_bounds_enter(&standing->bounds, &guise, STR("X-C: 3\0"));
	sf_bounds_leave(&guise);
	sf_context_reset(standing, b);
	sf_context_reset(standing, a);
	MUST(sf_bounds_lines(&standing->bounds).n == 0);
	return rc == 0;
}

/* An entry is told in any case, if need be without its details. */
static bool entries(void)
{
	const struct sf_written w = { .action = "incident.create",
				      .key = "k",
				      .bound = STR("X-Org-Id: o\0") };
	const struct sf_result r = { .outcome = SF_REFUSED,
				     .status = 400,
				     .problem = "400: no" };
	unsigned before = told, whole = whole_entries;
	int rc;

	sf_trail_ended(&standing->trail, &w, &r);
	MUST(told == before + 1);
	rc = sf_audit_log(standing, STR("a.b"), STR("a"), STR_NONE,
			  STR("{\"a\":{\"b\":[1,2,{\"c\":null}]}}"));
	MUST(rc == 0 || rc == -ENOMEM);
	MUST(told == before + 1 + (rc == 0));
	return whole_entries == whole + 2;
}

static enum sf_grant_end read_one(const char *body, int status)
{
	const struct rest_response r = { .outcome = REST_ANSWERED,
					 .status = status,
					 .body = str_from(body) };
	struct sf_granted g;
	enum sf_grant_end end;

	sf_granted_init(&g);
	end = sf_grant_read(&g, SF_GRANT_PASSWORD, &r);
	MUST(end != SF_GRANT_OK || g.token.n);
	sf_granted_fini(&g);
	return end;
}

static bool grants(void)
{
	const struct sf_auth a = { .client_id = "c",
				   .client_secret = "s",
				   .email = "e",
				   .password = "p" };
	struct buf out = BUF_INIT(4096);
	enum sf_grant_end ok, challenge;

	ok = read_one("{\"AuthenticationResult\":{\"IdToken\":"
		      "\"h.eyJjb2duaXRvOnVzZXJuYW1lIjoiMGYtMSJ9.s\","
		      "\"RefreshToken\":\"r\"}}",
		      200);
	challenge = read_one("{\"ChallengeName\":\"SMS_MFA\"}", 200);
	/* Short of memory is nothing that a person has to mend. */
	MUST(ok == SF_GRANT_OK || ok == SF_GRANT_FAILED);
	MUST(challenge == SF_GRANT_PERMANENT || challenge == SF_GRANT_FAILED);
	sf_grant_put_body(&out, SF_GRANT_PASSWORD, &a, STR_NONE, STR_NONE);
	/* A login without its hash would be counted as a wrong one. */
	MUST(buf_error(&out) ||
	     str_find(buf_str(&out), STR("SECRET_HASH")) > 0);
	ok = buf_error(&out) ? SF_GRANT_FAILED : ok;
	buf_fini(&out);
	return ok == SF_GRANT_OK && challenge == SF_GRANT_PERMANENT;
}

static int set_up(void **state)
{
	struct sf_options o = { .audit = sink };

	(void)state;
	setenv("STACKFLOW_BASE_URL", "https://127.0.0.1:9/prod/api", 1);
	setenv("STACKFLOW_CLIENT_ID", "id", 1);
	setenv("STACKFLOW_CLIENT_SECRET", "cs", 1);
	setenv("STACKFLOW_COGNITO_URL", "https://127.0.0.1:9", 1);
	unsetenv("STACKFLOW_TOKEN");
	unsetenv("STACKFLOW_API_KEY");
	setenv("ORG_ID", "o-1", 1);
	o.base_url = "https://127.0.0.1:9";
	o.auth.api_key = "k";
	return sf_client_new(&standing, &o, NULL, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	sf_client_free(standing);
	return 0;
}

#define STARVED(way)                                                           \
	static void starved_##way(void **state)                                \
	{                                                                      \
		(void)state;                                                   \
		starve(way);                                                   \
	}

#else

static int set_up(void **state)
{
	(void)state;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return 0;
}

#define STARVED(way)                                                           \
	static void starved_##way(void **state)                                \
	{                                                                      \
		(void)state;                                                   \
		skip();                                                        \
	}

#endif

STARVED(options)
STARVED(client)
STARVED(bindings)
STARVED(entries)
STARVED(grants)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starved_options),
		cmocka_unit_test(starved_client),
		cmocka_unit_test(starved_bindings),
		cmocka_unit_test(starved_entries),
		cmocka_unit_test(starved_grants),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
