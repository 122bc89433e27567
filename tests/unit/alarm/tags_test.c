#include "tests/unit/alarm/help.h"

static const char bare[] =
	"{\"AlarmName\":\"db\",\"AlarmDescription\":\"severity: low\\n"
	"stackflow_ci_id: CI1\",\"NewStateValue\":\"ALARM\","
	"\"AWSAccountId\":\"111122223333\",\"StateChangeTime\":"
	"\"2026-11-21T10:00:00.000+0000\",\"Trigger\":{}%s}";

/* Looked up, tags count as if they had come along: behind the payload's own
 * fields, before the description. */
static void check(const char *more, const char *severity, const char *ci,
		  const char *want_severity, const char *want_ci)
{
	const struct alarm_pair tags[] = {
		{ STR("tier"), STR("gold") },
		{ severity ? STR("severity") : STR("x"), str_from(severity) },
		{ ci ? STR("stackflow_ci_id") : STR("y"), str_from(ci) },
	};
	struct buf b = BUF_INIT(4096);
	struct alarm_input in = { .received_ms = 1, .intake = "sns" };
	struct alarms a;

	buf_puts(&b, "");
	for (const char *p = bare; *p; p++) {
		if (p[0] == '%' && p[1] == 's') {
			buf_puts(&b, more);
			p++;
		} else {
			buf_putc(&b, *p);
		}
	}
	in.body = buf_str(&b);
	assert_int_equal(alarm_decode(&a, &in), 0);
	alarm_set_tags(a.list, tags, 3);
	assert_true(str_is(a.list->severity, want_severity));
	assert_true(str_is(a.list->ci_id, want_ci));
	assert_true(str_is(alarm_tag(a.list, STR("tier")), "gold"));
	alarms_fini(&a);
	buf_fini(&b);
}

static void test_set_tags(void **state)
{
	(void)state;
	check("", NULL, NULL, "low", "CI1");
	check("", "HIGH", NULL, "high", "CI1");
	check("", " Critical ", " CI7 ", "critical", "CI7");
	check("", "", "", "low", "CI1");
	check("", "sev-9", NULL, "sev-9", "CI1");
	check(",\"severity\":\"medium\"", "HIGH", "CI7", "medium", "CI7");
	check(",\"stackflow_ci_id\":\"CI9\"", "HIGH", "CI7", "high", "CI9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
