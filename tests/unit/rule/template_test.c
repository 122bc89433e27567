#include "rule/template.h"

#include "doc/json.h"
#include "tests/unit/rule/help.h"

static const struct ref *find(struct str path, void *arg, struct err *err)
{
	struct ref *ref = arena_alloc(help_arena(), sizeof(*ref));
	const char *near;

	(void)arg;
	if (ref_parse(ref, arena_str(help_arena(), path), &near) == 0)
		return ref;
	err_set(err, -1, "unknown field `%.*s`", STR_ARG(path));
	return NULL;
}

static const struct template_fields fields = { find, NULL };

static const struct template *compile(const char *text, struct err *err)
{
	return template_new(help_arena(), str_from(text), &fields, err);
}

static const char *render(const char *text, const struct alarm *a,
			  size_t *missing)
{
	struct facts facts = { .alarm = a, .arena = help_arena() };
	struct buf out = BUF_INIT(TEMPLATE_MAX);
	struct err err = { "" };
	const struct template *t = compile(text, &err);
	const char *s;
	size_t n;

	if (!t)
		fail_msg("%s: %s", text, err.text);
	n = template_render(t, &facts, &out);
	if (missing)
		*missing = n;
	assert_int_equal(buf_error(&out), 0);
	s = arena_cstr(help_arena(), buf_str(&out));
	buf_fini(&out);
	return s;
}

static void test_substitution(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "${alarm}", "pay-db-cpu" },
		{ "a ${alarm} b ${region}", "a pay-db-cpu b us-east-1" },
		{ "${dim.DBInstanceIdentifier}", "pay-db-1" },
		{ "${threshold}", "95" },
		{ "${time}", "2026-11-21T10:00:00.000Z" },
		{ "${state}/${previous_state}", "ALARM/OK" },
		{ "${source} ${kind}", "cloudwatch metric-alarm" },
		{ "$alarm $ { $$ }", "$alarm $ { $$ }" },
		{ "$${alarm}", "${alarm}" },
		{ "x$${y ${alarm}", "x${y pay-db-cpu" },
		/* Missing. */
		{ "${tag.x}", "(no tag.x)" },
		{ "${tag.x:-}", "" },
		{ "${tag.x:-none of it}", "none of it" },
		{ "${contributor:-none}", "none" },
		{ "${alarm:-none}", "pay-db-cpu" },
		{ "${env:-prod}", "prod" },
		/* Filters. */
		{ "${alarm|upper}", "PAY-DB-CPU" },
		{ "${namespace|lower}", "aws/rds" },
		{ "${alarm|json}", "\"pay-db-cpu\"" },
		{ "${alarm|truncate(3)}", "pay" },
		{ "${alarm|truncate(99)}", "pay-db-cpu" },
		{ "${alarm|truncate(3)|upper|json}", "\"PAY\"" },
		{ "${tag.x:-none|upper}", "NONE" },
		{ "${tag.x|upper}", "(no tag.x)" },
		{ "${tag.x|json}", "\"(no tag.x)\"" },
		/* Names of others may hold a colon. */
		{ "${tag.aws:cloudformation:stack-name:-none}", "none" },
	};
	struct alarm a = help_alarm();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(render(cases[i][0], &a, NULL), cases[i][1]);
}

static void test_missing_is_counted(void **state)
{
	struct alarm a = help_alarm();
	size_t missing;

	(void)state;
	render("${tag.x} ${alarm} ${tag.y} ${tag.z:-}", &a, &missing);
	assert_int_equal(missing, 2);
}

static void test_payload(void **state)
{
	struct alarm a = help_alarm();
	struct json *json = NULL;

	(void)state;
	assert_int_equal(json_parse(&json,
				    STR("{\"a\": {\"b/c\": [1.50, null, "
					"true]}, \"s\": \"x\"}"),
				    0, NULL),
			 0);
	a.payload = json;
	assert_string_equal(render("${payload:/a/b~1c/0}", &a, NULL), "1.50");
	assert_string_equal(render("${payload:/a/b~1c/1}", &a, NULL),
			    "(no payload:/a/b~1c/1)");
	assert_string_equal(render("${payload:/a/b~1c/2}", &a, NULL), "true");
	assert_string_equal(render("${payload:/s}", &a, NULL), "x");
	assert_string_equal(render("${payload:/a/b~1c}", &a, NULL),
			    "[1.50,null,true]");
	assert_string_equal(render("${payload:/none:-d}", &a, NULL), "d");
	json_free(json);
}

/* What is put in is text, whatever it looks like. */
static void test_nothing_is_expanded_again(void **state)
{
	static const char *const evil[] = {
		"${alarm}",
		"${reason:-x}",
		"{{7*7}}",
		"%s%n%s",
		"[code]<script>alert(1)</script>[/code]",
		"'; DROP TABLE x;--",
		"$${x}",
		"${tag.${alarm}}",
		"}",
		"|upper",
		"$(id)",
		"`id`",
	};
	struct alarm a = help_alarm();

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(*evil); i++) {
		char want[200];

		a.reason = str_from(evil[i]);
		snprintf(want, sizeof(want), "<%s> pay-db-cpu", evil[i]);
		assert_string_equal(render("<${reason}> ${alarm}", &a, NULL),
				    want);
	}
	a.reason = STR("a\"b\\\n\x1b\xe2\x80\xa8");
	assert_string_equal(render("{\"r\": ${reason|json}}", &a, NULL),
			    "{\"r\": \"a\\\"b\\\\\\n\\u001b\\u2028\"}");
}

static void test_characters_stay_whole(void **state)
{
	struct alarm a = help_alarm();

	(void)state;
	a.name = STR("\xe2\x82\xac\xf0\x9f\x9a\x80z");
	assert_string_equal(render("${alarm|truncate(1)}", &a, NULL),
			    "\xe2\x82\xac");
	assert_string_equal(render("${alarm|truncate(2)}", &a, NULL),
			    "\xe2\x82\xac\xf0\x9f\x9a\x80");
	assert_string_equal(render("${alarm|upper}", &a, NULL),
			    "\xe2\x82\xac\xf0\x9f\x9a\x80Z");
}

static void test_bounded(void **state)
{
	struct alarm a = help_alarm();
	struct buf b = BUF_INIT(1 << 20);
	const char *s;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "\xe2\x82\xac");
	a.reason = buf_str(&b);
	s = render("x${reason}${reason}y", &a, NULL);
	assert_in_range(strlen(s), TEMPLATE_MAX - 3, TEMPLATE_MAX);
	assert_int_equal((strlen(s) - 1) % 3, 0);
	buf_fini(&b);
}

static void test_faults(void **state)
{
	static const char *const cases[][2] = {
		{ "${alarm", "closing brace" },
		{ "${}", "unknown field" },
		{ "${alrm}", "unknown field `alrm`" },
		{ "${alarm|shout}", "`shout` is no filter" },
		{ "${alarm|truncate(0)}", "is no filter" },
		{ "${alarm|truncate(x)}", "is no filter" },
		{ "${alarm|truncate(1}", "is no filter" },
		{ "${alarm|}", "is no filter" },
		{ "${alarm|upper|upper|upper|upper|upper}", "more than 4" },
		{ "${env:HOME}", "does not exist in rules" },
		{ "${file:/etc/passwd}", "does not exist in rules" },
		{ "${credential:key}", "does not exist in rules" },
		{ "${ alarm}", "unknown field" },
		{ "${payload:x}", "unknown field" },
		{ "${dim.}", "unknown field" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = { "" };

		if (compile(cases[i][0], &err))
			fail_msg("%s compiles", cases[i][0]);
		if (!strstr(err.text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.text);
	}
}

static void test_passing_fields(void **state)
{
	static const char *const passing[] = {
		"${state}",	  "${previous_state}",
		"${time}",	  "${reason}",
		"${severity}",	  "${priority}",
		"${ci.id}",	  "${ci.owner}",
		"${tag.service}", "x/${account}/${state:-x}",
	};
	static const char *const lasting[] = {
		"",
		"x",
		"${account}/${region}/${alarm}",
		"${arn}",
		"${dim.InstanceId}",
		"${payload:/x}",
		"${description}",
		"${contributor}",
		"${ci_id}",
		"${env}",
		"${team}",
	};
	struct err err = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		assert_non_null(template_passing(compile(passing[i], &err)));
	for (size_t i = 0; i < sizeof(lasting) / sizeof(*lasting); i++)
		assert_null(template_passing(compile(lasting[i], &err)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_substitution),
		cmocka_unit_test(test_missing_is_counted),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_nothing_is_expanded_again),
		cmocka_unit_test(test_characters_stay_whole),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_passing_fields),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
