/* The rules that ship: they load without a word, and decide as they say. */
#include <glob.h>
#include <stdlib.h>

#include "base/buf.h"
#include "tests/unit/rule/help.h"

static struct str slurp(const char *path)
{
	struct buf b = BUF_INIT(1 << 20);
	FILE *f = fopen(path, "rb");
	char *to;
	size_t n = 1;
	struct str s;

	if (!f)
		fail_msg("%s can't be read: run from the top of the tree",
			 path);
	while (n && (to = buf_room(&b, 4096))) {
		n = fread(to, 1, 4096, f);
		buf_added(&b, n);
	}
	fclose(f);
	s = arena_str(help_arena(), buf_str(&b));
	buf_fini(&b);
	return s;
}

static struct ruleset *set;

static int load(void **state)
{
	struct rule_source sources[64] = { 0 };
	struct faults faults;
	size_t n = 0;
	glob_t found;

	(void)state;
	if (glob("rules/*.yaml", 0, NULL, &found))
		fail_msg("no rules: run from the top of the tree");
	for (size_t i = 0; i < found.gl_pathc && n < 64; i++) {
		if (strstr(found.gl_pathv[i], "_test.yaml"))
			continue;
		sources[n].name = found.gl_pathv[i];
		sources[n].directory = "rules";
		sources[n++].text = slurp(found.gl_pathv[i]);
	}
	faults_init(&faults);
	set = ruleset_load(sources, n, &faults, NULL);
	globfree(&found);
	if (faults.count)
		fprintf(stderr, "%s", help_faults(&faults));
	return !set || faults.count;
}

static int unload(void **state)
{
	ruleset_free(set);
	return help_end(state);
}

static void test_production(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	a.threshold = 80;
	v = help_decide(set, &a, NULL, NULL);
	assert_str(v.team, "aws-rds");
	assert_str(v.policy, "saturation");
	assert_str(v.env, "prod");
	assert_int_equal(v.priority, 3);
	assert_str(v.short_description, "Database pay-db-1 is saturated");
	a.severity = STR("CRITICAL");
	assert_int_equal(help_decide(set, &a, NULL, NULL).priority, 1);
}

static void test_other_environments_are_capped(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	a.severity = STR("critical");
	a.name = STR("dev-pay-db");
	v = help_decide(set, &a, NULL, NULL);
	assert_str(v.env, "dev");
	assert_int_equal(v.severity, SEVERITY_CRITICAL);
	assert_int_equal(v.priority, 3);
}

static void test_names_and_metrics(void **state)
{
	struct alarm a = help_alarm();

	(void)state;
	a.name = STR("disk");
	a.metric = STR("FreeStorageSpace");
	assert_int_equal(help_decide(set, &a, NULL, NULL).priority, 2);
	a.namespace = STR("AWS/Billing");
	a.metric = STR("EstimatedCharges");
	assert_int_equal(help_decide(set, &a, NULL, NULL).priority, 4);
	assert_int_equal(help_decide(set, &a, NULL, NULL).notes_max, 12);
	/* Any other namespace, and none. */
	a.namespace = STR("Shop/Checkout");
	assert_str(help_decide(set, &a, NULL, NULL).team, "aws-cloudwatch");
	a.namespace = STR_NONE;
	assert_str(help_decide(set, &a, NULL, NULL).team, "aws-cloudwatch");
}

static void test_unclaimed(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	a.source = "sns";
	a.kind = "text";
	a.name = STR("disk full");
	v = help_decide(set, &a, NULL, NULL);
	assert_true(v.catch_all);
	assert_str(v.short_description, "Unclaimed: disk full");
	assert_int_equal(v.priority, 3);
}

static void test_other_services(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v;

	(void)state;
	a.source = a.kind = "guardduty";
	a.title = STR("GuardDuty: somebody is in the house");
	a.severity = STR("high");
	v = help_decide(set, &a, NULL, NULL);
	assert_str(v.team, "aws-security");
	assert_str(v.short_description, "GuardDuty: somebody is in the house");
	assert_str(v.category, "security");
	assert_str(v.subcategory, "guardduty");
	assert_int_equal(v.priority, 2);
	a.source = a.kind = "ses";
	assert_int_equal(help_decide(set, &a, NULL, NULL).notes_max, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_production),
		cmocka_unit_test(test_other_environments_are_capped),
		cmocka_unit_test(test_names_and_metrics),
		cmocka_unit_test(test_other_services),
		cmocka_unit_test(test_unclaimed),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
