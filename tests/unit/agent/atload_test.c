/* The tests of rule files before they are used: whose time is whose. */
/* clang-format off */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/ruletest/atload.h"
#include "base/clock.h"

#define SLOW 7
#define FILES (SLOW + 2)

struct rig {
	char dir[32], names[FILES][24], paths[FILES][64];
	char *path_list[FILES];
	struct buf texts[FILES];
	struct rule_source sources[FILES];
	struct rule_file_list list;
	struct ruleset *rules;
	struct faults faults;
	bool failed[FILES], skip[FILES];
};

static void put_file(const char *dir, const char *name, struct str text)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	fclose(f);
}

/* One that fails as soon as it is run, or some that take their time. */
static void put_tests(struct rig *g, int i, bool slow, const char *action)
{
	struct buf b = BUF_INIT(1 << 20);
	char name[24];

	buf_puts(&b, "tests:\n");
	for (int k = 0; k < (slow ? 50 : 1); k++)
		buf_printf(&b,
			   "  - name: number %d\n"
			   "    given: {changes: [{id: CHG1, state: implement, "
			   "ci_id: CI1}]}\n"
			   "    events: [{alarm: {AlarmName: t%d-x, "
			   "AWSAccountId: \"111122223333\", NewStateValue: "
			   "ALARM, NewStateReason: r, StateChangeTime: "
			   "\"2026-01-05T12:00:00.000+0000\", Region: "
			   "\"US East (N. Virginia)\", AlarmArn: "
			   "\"arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
			   "t%d-x\", OldStateValue: OK, Trigger: {MetricName: "
			   "m, Namespace: n, Dimensions: []}}}]\n"
			   "    expect_at: {%s: {actions: [%s]}}\n",
			   k, i, i, slow ? "90d" : "1m", action);
	snprintf(name, sizeof(name), "%02d_test.yaml", i);
	put_file(g->dir, name, buf_str(&b));
	buf_fini(&b);
}

/* The slow ones stand first, as their names would have it. */
static void rig_make(struct rig *g)
{
	memset(g, 0, sizeof(*g));
	strcpy(g->dir, "/tmp/tocsin-atload-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	faults_init(&g->faults);
	for (int i = 0; i < FILES; i++) {
		struct buf *b = &g->texts[i];

		buf_init(b, 1 << 16);
		snprintf(g->names[i], sizeof(*g->names), "%02d.yaml", i);
		snprintf(g->paths[i], sizeof(*g->paths), "%s/%s", g->dir,
			 g->names[i]);
		buf_printf(b,
			   "version: 1\nteam: t%d\nowners: [a]\n"
			   "claims: [{alarm: \"t%d-*\"}]\n"
			   "ci: [{fallback: CI1}]\n"
			   "policies: [{id: p, match: {}}]\n"
			   "%s"
			   "tests: [%02d_test.yaml]\n",
			   i, i,
			   i < SLOW ? "suppress: [{id: c, match: {}, "
				      "when_change: {state: [implement]}}]\n"
				    : "",
			   i);
		put_file(g->dir, g->names[i], buf_str(b));
		put_tests(g, i, i < SLOW,
			  i < SLOW ? "" : i == SLOW ? "resolve" : "create");
		g->path_list[i] = g->paths[i];
		g->sources[i] = (struct rule_source){
			.name = g->names[i],
			.text = buf_str(b),
			.directory = g->dir,
		};
	}
	g->list = (struct rule_file_list){ g->sources, g->path_list, FILES };
	g->rules = ruleset_load(g->sources, FILES, &g->faults, NULL);
	assert_non_null(g->rules);
	assert_int_equal(g->faults.errors, 0);
}

static void rig_drop(struct rig *g)
{
	char path[80];

	for (int i = 0; i < FILES; i++) {
		unlink(g->paths[i]);
		snprintf(path, sizeof(path), "%s/%02d_test.yaml", g->dir, i);
		unlink(path);
		buf_fini(&g->texts[i]);
	}
	rmdir(g->dir);
	ruleset_free(g->rules);
	faults_fini(&g->faults);
}

static const struct fault *about(const struct rig *g, const char *code,
				 const char *name)
{
	for (size_t i = 0; i < g->faults.count; i++)
		if (strcmp(g->faults.list[i].code, code) == 0 &&
		    strstr(g->faults.list[i].file, name))
			return &g->faults.list[i];
	return NULL;
}

/* Seven files that would use up all the time, before one that fails and one
 * that passes: these two are tested, and it ends. */
static void test_none_suffers_from_others(void **state)
{
	const int64_t total_ms = 2000;
	int64_t from, took;
	struct rig g;
	bool untested = false;

	(void)state;
	rig_make(&g);
	from = clock_mono_ms();
	assert_int_equal(rules_run_tests(g.failed, g.skip, &g.list, g.rules,
					 total_ms, &g.faults),
			 0);
	took = clock_mono_ms() - from;
	print_message("%d files in %d ms\n", FILES, (int)took);
	assert_true(g.failed[SLOW]);
	assert_non_null(about(&g, "test-failed", "07_test.yaml"));
	assert_false(g.failed[SLOW + 1]);
	assert_null(about(&g, "tests-unrun", "07.yaml"));
	assert_null(about(&g, "tests-unrun", "08.yaml"));
	/* Else they weren't slow, and nothing is proven. */
	for (int i = 0; i < SLOW; i++)
		untested |= g.failed[i] ||
			    about(&g, "tests-unrun", g.names[i]) != NULL;
	assert_true(untested);
	/* One file's own bound, and some for a busy machine. */
	assert_true(took < 3 * total_ms);
	rig_drop(&g);
}

/* With time for all each is run to its end, and none is said to be slow. */
static void test_files_to_leave_alone(void **state)
{
	struct rig g;

	(void)state;
	rig_make(&g);
	for (int i = 0; i < SLOW + 1; i++)
		g.skip[i] = true;
	assert_int_equal(rules_run_tests(g.failed, g.skip, &g.list, g.rules,
					 RULES_TESTS_MS, &g.faults),
			 0);
	for (int i = 0; i < FILES; i++)
		assert_false(g.failed[i]);
	assert_int_equal(g.faults.errors, 0);
	rig_drop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_suffers_from_others),
		cmocka_unit_test(test_files_to_leave_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
