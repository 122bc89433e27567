/* Before rules are used, their own tests. */
#include "agent/ruletest/atload.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/ruletest/run.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/map.h"
#include "rule/loader.h"

#define TEST_ARENA (256 << 20)
#define MISSES_TOLD 5 /* of one file */

/* One rule set for all test files that name the same rules. */
struct subset {
	struct subset *next;
	struct ruleset *rules; /* NULL: can't be used */
};

struct session {
	const struct rule_file_list *files;
	struct ruleset *rules;
	struct faults *faults;
	struct map *subsets; /* indexes, as text: struct subset */
	struct subset *all;
	struct arena *arena;
	int64_t file_end_ms;
	unsigned told;
	bool cut; /* the file's time was up */
};

static bool time_is_up(void *arg)
{
	struct session *s = arg;

	s->cut |= clock_mono_ms() > s->file_end_ms;
	return s->cut;
}

/* ---- the rules that a test file names ---- */

static bool same_file(const struct stat *a, const char *path)
{
	struct stat b;

	return stat(path, &b) == 0 && a->st_dev == b.st_dev &&
	       a->st_ino == b.st_ino;
}

/* Which of the list's files is it? -1: none. */
static int find_file(const struct session *s, const struct ruletest *t,
		     struct str name)
{
	struct buf path = BUF_INIT(1 << 16);
	struct stat st;
	int found = -1;

	if (!str_starts(name, "/"))
		buf_printf(&path, "%s/", t->folder);
	buf_put_str(&path, name);
	if (!buf_error(&path) && stat(path.p, &st) == 0)
		for (size_t i = 0; found < 0 && i < s->files->count; i++)
			if (same_file(&st, s->files->paths[i]))
				found = (int)i;
	buf_fini(&path);
	return found;
}

static struct ruleset *load_subset(const struct rule_source *sources, size_t n)
{
	struct faults quiet;
	struct ruleset *r;

	faults_init(&quiet);
	r = ruleset_load(sources, n, &quiet, NULL);
	if (quiet.errors) {
		ruleset_free(r);
		r = NULL;
	}
	faults_fini(&quiet);
	return r;
}

static struct ruleset *keep_subset(struct session *s, struct str key,
				   const struct rule_source *sources, size_t n)
{
	struct subset *one = map_get(s->subsets, key);

	if (one)
		return one->rules;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	one->next = s->all;
	s->all = one;
	one->rules = load_subset(sources, n);
	return map_set(s->subsets, key, one) < 0 ? NULL : one->rules;
}

static struct ruleset *rules_of(struct session *s, const struct ruletest *t)
{
	struct rule_source *sources;
	struct buf key = BUF_INIT(1 << 20);
	struct ruleset *rules = NULL;
	const struct yaml *at;
	size_t n = 0;

	if (!t->rules)
		return s->rules;
	sources = calloc(t->rule_count, sizeof(*sources));
	for (size_t i = 0; sources && i < t->rule_count; i++) {
		struct str name = ruletest_rule(t, i, &at);
		int f = find_file(s, t, name);

		if (f >= 0 && s->files->sources[f].text.p) {
			sources[n++] = s->files->sources[f];
			buf_printf(&key, "%d ", f);
			continue;
		}
		fault_add(s->faults, FAULT_ERROR, "test-rules", t->path,
			  at->line, at->column,
			  "%.*s is none of the rule files at work",
			  STR_ARG(utf8_cut(name, 200)));
	}
	if (sources && n == t->rule_count) {
		rules = keep_subset(s, buf_str(&key), sources, n);
		if (!rules)
			fault_add(s->faults, FAULT_ERROR, "test-rules", t->path,
				  t->rules->line, t->rules->column,
				  "these rule files can't be used without the "
				  "others");
	}
	free(sources);
	buf_fini(&key);
	return rules;
}

/* ---- running them ---- */

static void tell(struct session *s, const struct ruletest *t,
		 const struct ruletest_result *res)
{
	if (res->problem && s->told++ < MISSES_TOLD)
		fault_add(s->faults, FAULT_ERROR, "test-failed", t->path,
			  res->test->from->line, res->test->from->column,
			  "%.*s: not run to its end: %s",
			  STR_ARG(utf8_cut(res->test->name, 200)),
			  res->problem);
	for (size_t i = 0; i < res->count && s->told < MISSES_TOLD; i++) {
		const struct ruletest_miss *m = &res->misses[i];

		s->told++;
		fault_add(s->faults, FAULT_ERROR, "test-failed", t->path,
			  m->at->line, m->at->column,
			  "%.*s: %.*s: expected %.*s, got %.*s",
			  STR_ARG(utf8_cut(res->test->name, 200)),
			  STR_ARG(m->field), STR_ARG(m->expected),
			  STR_ARG(m->got));
	}
}

/* 0, 1 (some fail) or -ENOMEM. */
static int run_tests(struct session *s, const struct ruletest *t,
		     const struct ruleset *rules)
{
	const struct ruletest_options options = { .stop = time_is_up,
						  .arg = s };
	struct ruletest_result res;
	int rc = 0;

	for (size_t i = 0; i < t->count; i++) {
		int one;

		arena_reset(s->arena);
		one = ruletest_run(&res, &t->tests[i], rules, &options,
				   s->arena);
		if (one)
			return one;
		tell(s, t, &res);
		if (res.count || res.problem)
			rc = 1;
		if (res.problem)
			break;
	}
	return rc;
}

/* One test file that rule file i names. As run_tests(). */
static int run_file(struct session *s, size_t i, struct str name)
{
	const struct rule_source *source = &s->files->sources[i];
	struct buf text = BUF_INIT(RULE_FILE_MAX + 8192);
	struct buf path = BUF_INIT(1 << 16);
	struct ruletest *t = NULL;
	struct ruleset *rules;
	struct err err = { "" };
	int rc;

	if (time_is_up(s)) {
		fault_add(s->faults, FAULT_ERROR, "test-failed",
			  s->files->paths[i], 0, 0,
			  "tests: %.*s not run: time is up",
			  STR_ARG(utf8_cut(name, 200)));
		return 1;
	}
	buf_printf(&path, "%s/%.*s", source->directory, STR_ARG(name));
	rc = load_beneath(&text, source->directory, name, RULE_FILE_MAX, &err);
	if (rc)
		fault_add(s->faults, FAULT_ERROR, "test-file",
			  s->files->paths[i], 0, 0, "tests: %.*s %s",
			  STR_ARG(utf8_cut(name, 200)), err.text);
	if (!rc)
		rc = buf_error(&path);
	if (!rc)
		rc = ruletest_load(&t, path.p, buf_str(&text), s->faults);
	if (!rc) {
		rules = rules_of(s, t);
		rc = rules ? run_tests(s, t, rules) : 1;
	}
	ruletest_free(t);
	buf_fini(&text);
	buf_fini(&path);
	return rc < 0 && rc != -ENOMEM ? 1 : rc;
}

/* The list's index of the set's k-th file, which stand in the same order. */
static size_t index_of(const struct session *s, size_t k, size_t from)
{
	struct rule_stats stats;

	ruleset_file(s->rules, k, &stats);
	while (from < s->files->count &&
	       (!s->files->sources[from].text.p ||
		strcmp(s->files->sources[from].name, stats.file) != 0))
		from++;
	return from;
}

/* All that rule file i names. */
static int run_files(struct session *s, size_t i, const struct str *names,
		     size_t n, int64_t ms)
{
	int rc = 0;

	s->told = 0;
	s->cut = false;
	s->file_end_ms = clock_mono_ms() + ms;
	for (size_t f = 0; f < n; f++) {
		int one = run_file(s, i, names[f]);

		if (one < 0)
			return one;
		rc |= one;
	}
	return rc;
}

/* What was found in time; nothing is said of what will be run again. */
static int run_quietly(struct session *s, size_t i, const struct str *names,
		       size_t n, int64_t ms)
{
	struct faults *told = s->faults, found;
	int rc;

	faults_init(&found);
	s->faults = &found;
	rc = run_files(s, i, names, n, ms);
	s->faults = told;
	for (size_t k = 0; !s->cut && k < found.count; k++) {
		const struct fault *f = &found.list[k];

		fault_add(told, f->level, f->code, f->file, f->line, f->column,
			  "%s", f->text);
	}
	faults_fini(&found);
	return rc;
}

static void tell_unrun(struct session *s, size_t i, int64_t total_ms)
{
	fault_add(s->faults, FAULT_WARNING, "tests-unrun", s->files->paths[i],
		  0, 0,
		  "tests not run to their end, and the file used untested: "
		  "they are slow, and so are other files', which took all of "
		  "the %g s: run them with `tocsin test`",
		  (double)total_ms / 1000);
}

/* A rule file that has tests to run. */
struct job {
	size_t file;		/* of the list */
	const struct str *names;
	size_t count;
};

static size_t find_jobs(struct job *jobs, const struct session *s,
			const bool *skip)
{
	size_t i = 0, n = 0;

	for (size_t k = 0; k < ruleset_files(s->rules); k++, i++) {
		struct job *j = &jobs[n];

		i = index_of(s, k, i);
		if (i >= s->files->count)
			break;
		j->file = i;
		j->count = ruleset_tests(s->rules, k, &j->names);
		n += j->count && !skip[i];
	}
	return n;
}

/*
 * Each file first has an equal share of half the time, in which most end; the
 * rest is for those that don't, one after the other from their beginning.
 */
static int run_all(struct session *s, struct job *jobs, size_t n, bool *failed,
		   int64_t total_ms)
{
	int64_t end_ms = clock_mono_ms() + total_ms;
	int64_t most = total_ms * RULES_TESTS_FILE_MS / RULES_TESTS_MS;
	int64_t share = n ? total_ms / 2 / (int64_t)n : 0;
	size_t left = 0;

	share = share < most ? share : most;
	for (size_t k = 0; k < n; k++) {
		int rc = 0;

		/* Reading them may have taken longer than running them. */
		s->cut = clock_mono_ms() > end_ms;
		if (!s->cut)
			rc = run_quietly(s, jobs[k].file, jobs[k].names,
					 jobs[k].count, share);
		if (rc < 0)
			return rc;
		if (s->cut)
			jobs[left++] = jobs[k];
		else
			failed[jobs[k].file] = rc > 0;
	}
	for (size_t k = 0; k < left; k++) {
		int rc;

		if (clock_mono_ms() > end_ms) {
			tell_unrun(s, jobs[k].file, total_ms);
			continue;
		}
		rc = run_files(s, jobs[k].file, jobs[k].names, jobs[k].count,
			       most);
		if (rc < 0)
			return rc;
		failed[jobs[k].file] = rc > 0;
	}
	return 0;
}

int rules_run_tests(bool *failed, const bool *skip,
		    const struct rule_file_list *files, struct ruleset *rules,
		    int64_t total_ms, struct faults *faults)
{
	struct job *jobs = calloc(ruleset_files(rules) + 1, sizeof(*jobs));
	struct session s = {
		.files = files,
		.rules = rules,
		.faults = faults,
		.subsets = map_new(),
		.arena = arena_new(TEST_ARENA),
	};
	int rc = -ENOMEM;

	if (s.subsets && s.arena && jobs)
		rc = run_all(&s, jobs, find_jobs(jobs, &s, skip), failed,
			     total_ms);
	while (s.all) {
		struct subset *next = s.all->next;

		ruleset_free(s.all->rules);
		free(s.all);
		s.all = next;
	}
	free(jobs);
	map_free(s.subsets);
	arena_free(s.arena);
	return rc;
}
