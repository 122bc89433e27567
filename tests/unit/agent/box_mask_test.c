#include "agent/sandbox/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void body(const char *text, bool credentials, const char *want)
{
	struct buf out = BUF_INIT(4096);

	mask_body(&out, str_from(text), credentials);
	buf_putc(&out, '\0');
	assert_string_equal(out.p, want);
	buf_fini(&out);
}

static void header(const char *name, const char *value, const char *want)
{
	struct buf out = BUF_INIT(4096);

	mask_header(&out, str_from(name), str_from(value));
	assert_string_equal(out.p, want);
	buf_fini(&out);
}

static void headers(void **state)
{
	(void)state;
	header("Authorization", "Bearer abc", "Bearer ***");
	header("authorization", "Basic YTpi", "Basic ***");
	header("Authorization", "sfk_abc", "***");
	header("Authorization", " sfk_abc", "***");
	header("X-API-Key", "sfk_abc", "***");
	header("Cookie", "a=b", "***");
	header("X-Org-Id", "org-1", "org-1");
}

static void json(void **state)
{
	(void)state;
	body("{\"a\":1,\"PASSWORD\" : \"x\\\"y\",\"b\":[\"PASSWORD\"]}", true,
	     "{\"a\":1,\"PASSWORD\":\"***\",\"b\":[\"PASSWORD\"]}");
	body("[{\"id_token\":\"x\"},{\"Token\":\"y\"}]", false,
	     "[{\"id_token\":\"***\"},{\"Token\":\"***\"}]");
	body("{\"token\":7,\"\":\"\"}", false, "{\"token\":7,\"\":\"\"}");
	body("{\"note\":\"the token: \\\"x\\\"\"}", false,
	     "{\"note\":\"the token: \\\"x\\\"\"}");
}

/* A body that was cut ends anywhere. */
static void beginnings(void **state)
{
	(void)state;
	body("{\"api_key\":\"sfk_ab", false, "{\"api_key\":\"***\"");
	body("{\"api_key\":\"", false, "{\"api_key\":\"***\"");
	body("{\"api_key\":", false, "{\"api_key\":");
	body("{\"api_key", false, "{\"api_key");
	body("{\"a\\", false, "{\"a\\");
	body("{\"", false, "{\"");
}

static void forms(void **state)
{
	(void)state;
	body("client_id=a&client_secret=b&x", true,
	     "client_id=a&client_secret=***&x");
	body("client_secret=", true, "client_secret=***");
	body("a=1&b=2", false, "a=1&b=2");
}

static void what_is_not_understood(void **state)
{
	(void)state;
	body("{\"PASSWORD\" \"x\"}", true, "***");
	body("hunter2", true, "***");
	body("hunter2", false, "hunter2");
	body("", true, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(json),
		cmocka_unit_test(beginnings),
		cmocka_unit_test(forms),
		cmocka_unit_test(what_is_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
