/* Who owns an alarm: proofs between files, and the choice at run time. */
#include "tests/unit/rule/help.h"

#define FILE_OF(team, claims)                                                  \
	"version: 1\nteam: " team "\nowners: [o]\nclaims: " claims             \
	"\npolicies: [{id: " team "-all, match: {}}]\n"
#define NO_CLAIMS(team)                                                        \
	"version: 1\nteam: " team "\nowners: [o]\n"                            \
	"policies: [{id: " team "-all, match: {}}]\n"

/* Faults of two files, and which of them are bad. */
static const char *load_two(const char *a, const char *b, bool bad[2],
			    struct ruleset **out)
{
	const struct rule_source sources[] = {
		{ .name = "/r/10-a.yaml", .text = str_from(a) },
		{ .name = "/r/20-b.yaml", .text = str_from(b) },
	};
	struct faults faults;
	struct ruleset *r;
	const char *s;

	faults_init(&faults);
	r = ruleset_load(sources, 2, &faults, bad);
	assert_non_null(r);
	s = help_faults(&faults);
	faults_fini(&faults);
	if (out)
		*out = r;
	else
		ruleset_free(r);
	return s;
}

static void test_proofs(void **state)
{
	static const struct {
		const char *a, *b, *want; /* code, or "" */
	} cases[] = {
		{ "[{alarm: \"pay-*\"}]", "[{alarm: \"ship-*\"}]", "" },
		{ "[{alarm: \"pay-*\"}]", "[{alarm: \"pay-db-*\"}]",
		  "error[claims-overlap]" },
		{ "[{alarm: \"pay-*\"}]", "[{alarm: pay-x}]",
		  "error[claims-overlap]" },
		{ "[{alarm: \"pay-*\"}]", "[{alarm: \"*-db\"}]",
		  "error[claims-overlap]" },
		{ "[{account: [\"1\", \"2\"], alarm: \"pay-*\"}]",
		  "[{alarm: \"pay-db\", account: [\"2\", \"3\"]}]",
		  "error[claims-overlap]" },
		{ "[{account: [\"1\", \"2\"], alarm: \"pay-*\"}]",
		  "[{alarm: \"pay-db\", account: [\"3\"]}]", "" },
		{ "[{}]", "[{}]", "error[claims-overlap]" },
		{ "[{threshold: {gt: 5}}]", "[{threshold: {gt: 7}}]",
		  "error[claims-overlap]" },
		{ "[{threshold: {gt: 5}}]", "[{threshold: {lte: 5}}]", "" },
		{ "[{tag.team: null}]", "[{tag.team: pay}]", "" },
		/* Other fields: nobody can tell. */
		{ "[{account: \"1\"}]", "[{tag.team: pay}]",
		  "warning[claims-may-overlap]" },
		{ "[{account: \"1\"}]", "[{account: \"1\", alarm: x}]",
		  "warning[claims-may-overlap]" },
		{ "[{account: \"1\"}]", "[{account: \"2\", alarm: x}]", "" },
		{ "[{alarm: {re: \"^pay\"}}]", "[{alarm: \"pay-*\"}]",
		  "warning[claims-may-overlap]" },
		{ "[{alarm: x, not: {region: y}}]", "[{alarm: x}]",
		  "warning[claims-may-overlap]" },
		{ "[{alarm: x, not: {region: y}}]", "[{alarm: z}]", "" },
		{ "[{alarm: x, not: {region: y}}]", "[{alarm: x, region: z}]",
		  "warning[claims-may-overlap]" },
		{ "[{alarm: x, not: {region: [\"y*\", z]}}]",
		  "[{alarm: x, region: [yy, z]}]", "" },
		{ "[{not: {region: y, alarm: x}}]", "[{region: y, alarm: w}]",
		  "warning[claims-may-overlap]" },
		{ "[{any: [{alarm: x}]}]", "[{alarm: x}]",
		  "warning[claims-may-overlap]" },
		/* Nothing is claimed by an empty list. */
		{ "[]", "[{alarm: x}]", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int turn = 0; turn < 2; turn++) {
			char a[500], b[500];
			bool bad[2];
			const char *got;

			snprintf(a, sizeof(a), FILE_OF("a", "%s"),
				 turn ? cases[i].b : cases[i].a);
			snprintf(b, sizeof(b), FILE_OF("b", "%s"),
				 turn ? cases[i].a : cases[i].b);
			got = load_two(a, b, bad, NULL);
			if (!*cases[i].want ? *got != '\0'
					    : !strstr(got, cases[i].want))
				fail_msg("%s%sgot: %s", a, b, got);
			assert_int_equal(bad[0], *cases[i].want == 'e');
			assert_int_equal(bad[1], *cases[i].want == 'e');
		}
}

static void test_overlap_names_both(void **state)
{
	bool bad[2];
	const char *got = load_two(FILE_OF("a", "\n  - {alarm: y}\n"
						"  - {alarm: \"p*\"}"),
				   FILE_OF("b", "[{alarm: pay}]"), bad, NULL);

	(void)state;
	assert_string_equal(
		got,
		"/r/10-a.yaml:6:5: error[claims-overlap]: this claim overlaps "
		"with that of /r/20-b.yaml:4\n"
		"/r/20-b.yaml:4:10: error[claims-overlap]: this claim overlaps "
		"with that of /r/10-a.yaml:6\n");
}

static void test_a_file_without_claims(void **state)
{
	struct alarm a = help_alarm();
	struct ruleset *r;
	bool bad[2];

	(void)state;
	/* Alone it owns everything, whatever kind a message is of. */
	a.kind = "text";
	r = help_one(NO_CLAIMS("pay"));
	assert_str(help_decide(r, &a, NULL, NULL).policy, "pay-all");
	assert_false(help_decide(r, &a, NULL, NULL).catch_all);
	ruleset_free(r);
	/* Beside another it can't. */
	assert_string_equal(load_two(NO_CLAIMS("a"),
				     FILE_OF("b", "[{alarm: x}]"), bad, NULL),
			    "/r/10-a.yaml:1:1: error[claims-missing]: `claims` "
			    "is missing: a file owns everything only where it "
			    "is the only one of a team\n");
	assert_true(bad[0]);
	assert_false(bad[1]);
	/* The platform file isn't a team's. */
	assert_string_equal(load_two("version: 1\nteam: p\nowners: [o]\n"
				     "platform: true\n",
				     NO_CLAIMS("b"), bad, &r),
			    "");
	assert_str(help_decide(r, &a, NULL, NULL).policy, "b-all");
	ruleset_free(r);
}

/* The good file works on; what the bad one claims goes to the catch-all. */
static void test_a_bad_file_is_left_out(void **state)
{
	struct alarm a = help_alarm();
	struct verdict v;
	struct ruleset *r;
	bool bad[2];

	(void)state;
	load_two(FILE_OF("a", "[{alarm: \"ship-*\"}]"),
		 FILE_OF("b", "[{alarm: \"pay-*\"}]") "nonsense: 1\n", bad, &r);
	assert_false(bad[0]);
	assert_true(bad[1]);
	v = help_decide(r, &a, NULL, NULL);
	assert_true(v.catch_all);
	assert_str(v.policy, "catch-all");
	a.name = STR("ship-x");
	assert_str(help_decide(r, &a, NULL, NULL).policy, "a-all");
	ruleset_free(r);
	/* Nor does a file grow because its neighbour can't be read. */
	load_two(FILE_OF("a", "[{alarm: \"ship-*\"}]"), "a: [", bad, &r);
	assert_false(bad[0]);
	assert_true(bad[1]);
	a.name = STR("pay-x");
	assert_true(help_decide(r, &a, NULL, NULL).catch_all);
	ruleset_free(r);
	/* None is left: that is not the same as having no rules. */
	load_two("a: [", "b: [", bad, &r);
	assert_int_equal(ruleset_files(r), 0);
	assert_true(help_decide(r, &a, NULL, NULL).catch_all);
	ruleset_free(r);
}

static struct str trace_of(const struct trace *t, const char *rule)
{
	for (size_t i = 0; i < t->count; i++)
		if (str_is(t->steps[i].rule, rule))
			return t->steps[i].because;
	return STR_NONE;
}

static void test_the_more_specific_claim_wins(void **state)
{
	static const struct {
		const char *a, *b, *winner;
	} cases[] = {
		/* More fields. */
		{ "[{alarm: \"pay-*\"}]",
		  "[{account: \"111122223333\", region: \"*\"}]", "b-all" },
		/* The longer front. */
		{ "[{region: \"us-*\"}]", "[{alarm: \"pay-db-*\"}]", "b-all" },
		{ "[{alarm: \"pay-db-*\"}]", "[{region: \"us-*\"}]", "a-all" },
		/* The earlier file. */
		{ "[{region: \"*\"}]", "[{alarm: {exists: true}}]", "a-all" },
	};
	struct alarm a = help_alarm();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct trace t = { .arena = help_arena() };
		char fa[500], fb[500];
		struct ruleset *r;
		struct verdict v;
		bool bad[2];

		snprintf(fa, sizeof(fa), FILE_OF("a", "%s"), cases[i].a);
		snprintf(fb, sizeof(fb), FILE_OF("b", "%s"), cases[i].b);
		load_two(fa, fb, bad, &r);
		v = help_decide(r, &a, NULL, &t);
		assert_str(v.policy, cases[i].winner);
		assert_int_equal(ruleset_claim_ties(r), 1);
		assert_non_null(trace_of(&t, *cases[i].winner == 'a'
						     ? "claims of 10-a.yaml"
						     : "claims of 20-b.yaml")
					.p);
		ruleset_free(r);
	}
}

/* A pack has what no team claims, however little the team's claim says. */
static void test_packs_give_way(void **state)
{
	static const char pack[] = FILE_OF(
		"a", "[{source: [cloudwatch, direct], namespace: AWS/RDS}]")
		"pack: true\n";
	static const char *const claims[] = { "[{alarm: \"p*\"}]",
					      "[{namespace: AWS/RDS}]" };
	struct alarm a = help_alarm();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct trace t = { .arena = help_arena() };
		char team[500];
		struct ruleset *r;
		bool bad[2];

		snprintf(team, sizeof(team), FILE_OF("b", "%s"), claims[i / 2]);
		assert_string_equal(load_two(i % 2 ? team : pack,
					     i % 2 ? pack : team, bad, &r),
				    "");
		a.name = STR("pay-db-cpu");
		assert_str(help_decide(r, &a, NULL, &t).policy, "b-all");
		assert_str(trace_of(&t, i % 2 ? "claims of 10-a.yaml"
					      : "claims of 20-b.yaml"),
			   i % 2 ? "20-b.yaml claims it too, and gives way: it "
				   "is a pack"
				 : "10-a.yaml claims it too, and gives way: it "
				   "is a pack");
		assert_str(help_decide(r, &a, NULL, NULL).policy, "b-all");
		assert_int_equal(ruleset_claim_ties(r), 0);
		a.name = STR("ship-db-cpu");
		assert_str(help_decide(r, &a, NULL, NULL).policy,
			   i / 2 ? "b-all" : "a-all");
		ruleset_free(r);
	}
	/* Two packs are as any two files. */
	assert_non_null(strstr(load_two(pack,
					FILE_OF("b", "[{namespace: AWS/RDS, "
						     "source: direct}]")
					"pack: true\n",
					(bool[2]){ 0 }, NULL),
			       "error[claims-overlap]"));
}

static void test_one_platform_file(void **state)
{
	bool bad[2];

	(void)state;
	assert_non_null(strstr(
		load_two("version: 1\nteam: a\nowners: [o]\nplatform: true\n",
			 "version: 1\nteam: b\nowners: [o]\nplatform: true\n",
			 bad, NULL),
		"/r/20-b.yaml:4:1: error[two-platforms]: /r/10-a.yaml "));
	assert_false(bad[0]);
	assert_true(bad[1]);
}

static void test_idle_platform_policies(void **state)
{
	bool bad[2];

	(void)state;
	assert_non_null(
		strstr(load_two(NO_CLAIMS("a") "platform: true\n",
				FILE_OF("b", "[{alarm: x}]"), bad, NULL),
		       "/r/10-a.yaml:1:1: warning[never-decides]"));
	assert_false(bad[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_overlap_names_both),
		cmocka_unit_test(test_a_file_without_claims),
		cmocka_unit_test(test_a_bad_file_is_left_out),
		cmocka_unit_test(test_the_more_specific_claim_wins),
		cmocka_unit_test(test_packs_give_way),
		cmocka_unit_test(test_one_platform_file),
		cmocka_unit_test(test_idle_platform_policies),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
