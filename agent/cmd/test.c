#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/ruletest/collect.h"
#include "agent/ruletest/report.h"

#define TEST_ARENA (256 << 20)

struct testing {
	struct report report;
	struct test_sets *sets;
	struct coverage *coverage;
	struct arena *arena;
};

static int run_tests(struct testing *t, const struct ruletest *file,
		     const struct ruleset *rules)
{
	const struct ruletest_options options = {
		.traced = t->coverage ? coverage_take : NULL,
		.arg = t->coverage,
	};
	struct ruletest_result result;
	int rc = 0;

	for (size_t i = 0; !rc && i < file->count; i++) {
		arena_reset(t->arena);
		rc = ruletest_run(&result, &file->tests[i], rules, &options,
				  t->arena);
		if (!rc)
			report_test(&t->report, file, &result);
	}
	return rc;
}

static int run_file(struct testing *t, const char *path)
{
	struct rule_file_list list = { 0 };
	struct ruletest *file = NULL;
	struct ruleset *rules;
	struct faults faults;
	int rc;

	faults_init(&faults);
	rc = rule_files_add(&list, path, RULE_TESTS, &faults);
	if (rc == -ENOENT)
		fault_add(&faults, FAULT_ERROR, "no-file", path, 0, 0,
			  "no such file");
	if (!rc)
		rc = ruletest_load(&file, path, list.sources[0].text, &faults);
	if (!rc)
		rc = test_sets_get(&rules, t->sets, file, &faults);
	if (!rc) {
		rc = run_tests(t, file, rules);
		if (!rc)
			report_file(&t->report, path);
	} else if (rc != -ENOMEM) {
		report_broken(&t->report, path, &faults);
		rc = 0;
	}
	ruletest_free(file);
	rule_files_free(&list);
	faults_fini(&faults);
	return rc;
}

static int run_all(struct testing *t, const struct test_paths *paths,
		   const struct conf *conf, bool coverage)
{
	int rc = -ENOMEM;

	t->coverage = coverage ? coverage_new() : NULL;
	t->sets = test_sets_new(conf, t->coverage);
	t->arena = arena_new(TEST_ARENA);
	if (t->sets && t->arena && (t->coverage || !coverage))
		rc = 0;
	for (size_t i = 0; !rc && i < paths->count; i++)
		rc = run_file(t, paths->list[i]);
	if (!rc && coverage)
		report_coverage(&t->report, t->coverage);
	report_end(&t->report);
	test_sets_free(t->sets);
	coverage_free(t->coverage);
	arena_free(t->arena);
	return rc;
}

/* The configuration, where there is one. 0, or the exit status. */
static int load_conf(struct conf **out, const char *named)
{
	struct buf text = BUF_INIT(1 << 20);
	struct faults faults;
	int rc = 0;

	*out = NULL;
	if (!conf_named(named) && access(conf_path(named), F_OK) != 0)
		return CMD_OK;
	faults_init(&faults);
	rc = conf_load(out, named, &faults);
	faults_put_text(&text, &faults);
	if (rc)
		fputs(buf_str(&text).p, stderr);
	buf_fini(&text);
	faults_fini(&faults);
	return rc ? CMD_CONFIG : CMD_OK;
}

/* What is to be tested: PATHs, else what the configuration names. */
static int collect(struct test_paths *paths, const struct args *a,
		   const struct conf *conf)
{
	struct buf text = BUF_INIT(4 << 20);
	struct faults faults;
	int rc = 0, status;

	faults_init(&faults);
	for (int i = 0; i < a->rest_count && rc != -ENOMEM; i++)
		rc = test_paths_add(paths, a->rest[i], &faults);
	for (size_t i = 0; !a->rest_count && conf && conf->rules[i] &&
			   rc != -ENOMEM;
	     i++)
		if (conf->rules_given || access(conf->rules[i], F_OK) == 0)
			rc = test_paths_add(paths, conf->rules[i], &faults);
	faults_put_text(&text, &faults);
	fputs(buf_str(&text).p, stderr);
	status = rc == -ENOMEM || faults.errors ? CMD_FAILED : CMD_OK;
	buf_fini(&text);
	faults_fini(&faults);
	return status;
}

/* One of the table's words. */
static enum report_format format_of(const char *word)
{
	return !word || strcmp(word, "text") == 0 ? REPORT_TEXT :
	       strcmp(word, "tap") == 0 ? REPORT_TAP : REPORT_JUNIT;
}

/* Testing nothing is no proof where tests were asked for. */
static int no_tests(const struct args *a)
{
	fprintf(stderr, "tocsin test: no tests found%s\n",
		a->rest_count ? "" : " for the rules at work");
	return a->rest_count ? CMD_FAILED : CMD_OK;
}

static int run(int argc, char **argv)
{
	struct testing t = { 0 };
	struct test_paths paths = { 0 };
	struct conf *conf = NULL;
	struct args a = { 0 };
	int status = args_read(&a, &cmd_test, argc, argv);

	if (status >= 0)
		return status;
	status = load_conf(&conf, a.conf);
	if (status)
		return status;
	status = collect(&paths, &a, conf);
	if (!paths.count && !status)
		status = no_tests(&a);
	if (paths.count) {
		report_begin(&t.report, format_of(a.format), a.quiet);
		if (run_all(&t, &paths, conf, a.coverage)) {
			fputs("tocsin test: out of memory\n", stderr);
			status = CMD_FAILED;
		}
		if (t.report.failed || t.report.broken)
			status = CMD_FAILED;
	}
	test_paths_free(&paths);
	conf_free(conf);
	return status;
}

static const struct opt options[] = {
	{ "config", 'c', .value = "FILE", .is = VALUE_FILE,
	  .help = "whose rules hold for test files that name none",
	  ARG_TEXT(args, conf) },
	{ "format", .value = "FORM", .words = "text|tap|junit",
	  .help = "text, or tap or junit for build servers",
	  ARG_TEXT(args, format) },
	{ "coverage", .help = "list the entries of rules that no test decides by",
	  ARG_FLAG(args, coverage) },
	{ "quiet", 'q', .help = "tell failures alone", ARG_FLAG(args, quiet) },
	{ .name = NULL },
};

const struct cmd cmd_test = {
	.name = "test",
	.summary = "run the tests of rules",
	.forms = (const char *const[]){ "[OPTION]... [PATH]...", NULL },
	.about =
		"Runs tests of rules: alarms in, with a clock of their own, and what "
		"must become of them; tocsin-rules-test(5) has the form. PATH is a "
		"test file, a rule file (those that its `tests` names, and "
		"*_test.yaml beside it that name it) or a folder; without one, the "
		"rules of the configuration are tested. Nothing is sent and no store "
		"is needed.",
	.options = options,
	.operand = VALUE_FILE,
	.examples = (const char *const[]){
		"rules.d", "--format junit --coverage rules.d", NULL },
	.statuses = "0 all passed; 1 a test failed or can't be run, or PATH has "
		    "none; 2 wrong usage; 78 the configuration can't be used.",
	.run = run,
};
