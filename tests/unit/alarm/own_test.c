/* What tocsin says of itself, and what only looks like it. */
#include "tests/unit/alarm/help.h"

static const char text[] =
	"{\"AlarmName\":\"dead-letters\",\"AlarmDescription\":\"severity: high\","
	"\"severity\":\"low\",\"state\":\"ALARM\",\"reason\":\"2 wait\","
	"\"StateChangeTime\":\"2026-11-22T10:00:00.000Z\","
	"\"key\":\"tocsin/web-1/dead-letters\",\"title\":\"tocsin on web-1: 2\","
	"\"Dimensions\":{\"host\":\"web-1\"}}";

static void subject_is(const struct alarm *a, const char *want)
{
	struct buf b = BUF_INIT(1024);

	alarm_subject(&b, a);
	assert_string_equal(buf_str(&b).p, want);
	buf_fini(&b);
}

static void test_own(void **state)
{
	struct alarms all;
	const struct alarm_input in = { .body = str_from(text),
					.received_ms = NOW,
					.intake = ALARM_OWN_INTAKE };
	const struct alarm *a;

	(void)state;
	assert_int_equal(alarm_decode(&all, &in), 0);
	a = all.list;
	assert_string_equal(a->source, "tocsin");
	assert_string_equal(a->kind, "direct");
	assert_true(str_is(a->name, "dead-letters"));
	assert_true(str_is(a->title, "tocsin on web-1: 2"));
	assert_true(str_is(a->severity, "low"));
	assert_true(str_is(alarm_dim(a, STR("host")), "web-1"));
	assert_true(a->own_time);
	subject_is(a, "tocsin/web-1/dead-letters");
	alarms_fini(&all);
}

static void test_others_are_not(void **state)
{
	static const char *const ways[] = { "webhook", "sqs", "sns", "file",
					    "reconcile" };
	struct alarms all;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct alarm_input in = { .body = str_from(text),
						.received_ms = NOW,
						.intake = ways[i] };

		assert_int_equal(alarm_decode(&all, &in), 0);
		assert_string_equal(all.list->source, "direct");
		assert_null(all.list->key.p);
		assert_null(all.list->title.p);
		alarms_fini(&all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
