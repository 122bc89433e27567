#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "doc/json.h"
#include "stackflow/changes.h"

static struct json *parse(const char *text)
{
	struct json *v;
	struct err err;

	assert_int_equal(json_parse(&v, str_from(text), 0, &err), 0);
	return v;
}

static bool is_of(const char *row, const char *ci)
{
	struct json *v = parse(row);
	struct sf_change c;
	bool is = sf_change_of(&c, v, str_from(ci));

	json_free(v);
	return is;
}

static void a_change_is_read(void **state)
{
	struct json *v = parse("{\"id\":\"a1\",\"number\":\"CHG0000123\","
			       "\"short_description\":\"Patch\",\"state\":"
			       "\"implement\",\"ci_id\":\"CI1\"}");
	struct sf_change c;

	(void)state;
	assert_true(sf_change_of(&c, v, STR("CI1")));
	assert_true(str_is(c.id, "CHG0000123"));
	assert_true(str_is(c.title, "Patch"));
	assert_true(str_is(c.state, "implement"));
	json_free(v);
}

static void every_way_to_name_a_ci(void **state)
{
	static const char *const rows[] = {
		"{\"id\":\"C\",\"ci_id\":\"CI1\"}",
		"{\"id\":\"C\",\"cmdb_ci\":{\"value\":\"CI1\"}}",
		"{\"id\":\"C\",\"configuration_item\":{\"id\":\"CI1\"}}",
		"{\"id\":\"C\",\"ci_ids\":[\"CI0\",\"CI1\"]}",
		"{\"id\":\"C\",\"affected_cis\":[{\"ci_id\":\"CI1\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(is_of(rows[i], "CI1"));
		assert_false(is_of(rows[i], "CI"));
		assert_false(is_of(rows[i], ""));
	}
}

/* A filter that StackFlow doesn't know returns everything. */
static void what_names_no_ci_is_nobodys(void **state)
{
	static const char *const rows[] = {
		"{\"id\":\"C\"}",
		"{\"id\":\"C\",\"ci_id\":null}",
		"{\"id\":\"C\",\"ci_id\":7}",
		"{\"id\":\"C\",\"note\":\"CI1\"}",
		"{\"id\":\"../x\",\"ci_id\":\"CI1\"}",
		"{\"ci_id\":\"CI1\"}",
		"{\"id\":\"C\",\"ci_ids\":[[\"CI1\"]]}",
		"[\"CI1\"]",
		"\"CI1\"",
		"null",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_false(is_of(rows[i], "CI1"));
}

static void open_states(void **state)
{
	(void)state;
	assert_true(sf_change_open(STR("implement")));
	assert_true(sf_change_open(STR("Scheduled")));
	assert_false(sf_change_open(STR("Closed")));
	assert_false(sf_change_open(STR("canceled")));
	assert_false(sf_change_open(STR("review")));
	assert_false(sf_change_open(STR_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_read),
		cmocka_unit_test(every_way_to_name_a_ci),
		cmocka_unit_test(what_names_no_ci_is_nobodys),
		cmocka_unit_test(open_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
