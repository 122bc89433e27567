/* A few strings of a document, read without a tree. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/json.h"

enum { TYPE, MESSAGE, NOTE, COUNT };

struct asked {
	struct json_member list[COUNT];
	struct buf text;
	struct err err;
	int rc;
};

static struct asked ask(const char *document, unsigned flags)
{
	struct asked a = { .list = { [TYPE] = { .key = STR("Type") },
				     [MESSAGE] = { .key = STR("Message") },
				     [NOTE] = { .key = STR("Note") } } };

	a.rc = json_members(&a.text, a.list, COUNT, str_from(document), flags,
			    &a.err);
	return a;
}

static void test_finds(void **state)
{
	struct asked a = ask(" {\"Other\":{\"Type\":\"inner\",\"x\":[1,{}]},"
			     "\"Message\":\"a \\\"b\\\"\\n\\ud83d\\ude80\","
			     "\"T\\u0079pe\":\"T\",\"Note\":null} ", 0);

	(void)state;
	assert_int_equal(a.rc, 0);
	assert_true(str_is(a.list[MESSAGE].value, "a \"b\"\n\xf0\x9f\x9a\x80"));
	assert_true(str_is(a.list[TYPE].value, "T"));
	assert_int_equal(a.list[NOTE].type, JSON_NULL);
	assert_null(a.list[NOTE].value.p);
	buf_fini(&a.text);
}

static void test_types(void **state)
{
	struct asked a = ask("{\"Type\":\"\",\"Message\":[\"x\"],\"Note\":-1}",
			     0);
	struct str s = STR("as it was");

	(void)state;
	assert_int_equal(a.rc, 0);
	assert_int_equal(json_member_str(&s, &a.list[MESSAGE], &a.err),
			 -EINVAL);
	assert_string_equal(a.err.text,
			    "\"Message\" should be a string and is an array");
	assert_int_equal(json_member_str(&s, &a.list[NOTE], &a.err), -EINVAL);
	assert_true(str_is(s, "as it was"));
	assert_int_equal(json_member_str(&s, &a.list[TYPE], &a.err), 1);
	assert_non_null(s.p);
	assert_int_equal(s.n, 0);
	buf_fini(&a.text);
}

/* As strict as the scanner is about all of it, not only about what is asked. */
static void test_refuses(void **state)
{
	static const char *const wrong[] = {
		"", "[]", "\"Type\"", "1", "null", "{\"Type\":\"a\"",
		"{\"Type\":\"a\",\"T\\u0079pe\":\"b\"}",
		"{\"x\":{\"y\":1,\"y\":2}}", "{\"x\":nul}",
		"{\"x\":\"\xff\"}", "{} {}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct asked a = ask(wrong[i], 0);

		if (a.rc != -EINVAL || a.text.p)
			fail_msg("%s: %d", wrong[i], a.rc);
	}
	assert_int_equal(ask("{\"Note\":\"\\u0000\"}", JSON_NO_NUL).rc,
			 -EINVAL);
}

static void test_long(void **state)
{
	struct buf b = BUF_INIT(4 << 20);
	struct asked a;

	(void)state;
	buf_puts(&b, "{\"Message\":\"");
	for (int i = 0; i < 300000; i++)
		buf_puts(&b, "\\u00e9x");
	buf_puts(&b, "\",\"Type\":\"t\",\"Note\":\"n\"}");
	a = ask(b.p, 0);
	assert_int_equal(a.rc, 0);
	assert_int_equal(a.list[MESSAGE].value.n, 900000);
	assert_memory_equal(a.list[MESSAGE].value.p, "\xc3\xa9x\xc3\xa9x", 6);
	assert_true(str_is(a.list[TYPE].value, "t"));
	assert_true(str_is(a.list[NOTE].value, "n"));
	buf_fini(&a.text);
	buf_fini(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
