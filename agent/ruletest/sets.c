/* The rule sets that test files name. */
#include "agent/ruletest/collect.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/map.h"

struct set {
	struct set *next;
	struct rule_file_list files;
	struct ruleset *rules;
	struct faults faults; /* why it can't be used */
};

struct test_sets {
	const struct conf *conf;
	struct coverage *coverage;
	struct map *map; /* paths, a newline behind each: the set */
	struct set *all;
};

struct test_sets *test_sets_new(const struct conf *conf,
				struct coverage *coverage)
{
	struct test_sets *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->conf = conf;
	s->coverage = coverage;
	s->map = map_new();
	if (s->map)
		return s;
	free(s);
	return NULL;
}

void test_sets_free(struct test_sets *s)
{
	struct set *next;

	if (!s)
		return;
	for (struct set *one = s->all; one; one = next) {
		next = one->next;
		ruleset_free(one->rules);
		rule_files_free(&one->files);
		faults_fini(&one->faults);
		free(one);
	}
	map_free(s->map);
	free(s);
}

static void put_path(struct buf *out, const struct ruletest *t, struct str name)
{
	if (!str_starts(name, "/") && strcmp(t->folder, ".") != 0)
		buf_printf(out, "%s%s", t->folder,
			   str_ends(str_from(t->folder), "/") ? "" : "/");
	buf_put_str(out, name);
}

/* The i-th file that the test names, into the list. */
static int add_one(struct set *one, const struct ruletest *t, size_t i)
{
	struct buf path = BUF_INIT(1 << 16);
	const struct yaml *at;
	int rc;

	put_path(&path, t, ruletest_rule(t, i, &at));
	rc = buf_error(&path);
	if (!rc)
		rc = rule_files_add(&one->files, path.p, RULE_FILES,
				    &one->faults);
	if (rc == -ENOENT)
		fault_add(&one->faults, FAULT_ERROR, "no-file", t->path,
			  at->line, at->column, "%s: no such file", path.p);
	buf_fini(&path);
	return rc == -ENOMEM ? rc : 0;
}

static int read_files(struct test_sets *s, struct set *one,
		      const struct ruletest *t)
{
	int rc = 0;

	if (!t->rules) {
		if (s->conf)
			rc = conf_rule_files(&one->files, s->conf,
					     &one->faults);
		return rc == -ENOMEM ? rc : 0;
	}
	for (size_t i = 0; !rc && i < t->rule_count; i++)
		rc = add_one(one, t, i);
	return rc;
}

static int load(struct test_sets *s, struct set *one, const struct ruletest *t)
{
	int rc = read_files(s, one, t);

	if (rc || one->faults.errors)
		return rc;
	one->rules = ruleset_load(one->files.sources, one->files.count,
				  &one->faults, NULL);
	for (size_t i = 0; s->coverage && i < one->files.count && !rc; i++)
		rc = coverage_add(s->coverage, &one->files.sources[i]);
	return one->rules ? rc : -ENOMEM;
}

static void put_key(struct buf *out, const struct ruletest *t)
{
	const struct yaml *at;

	for (size_t i = 0; i < t->rule_count; i++) {
		put_path(out, t, ruletest_rule(t, i, &at));
		buf_putc(out, '\n');
	}
}

static struct set *find(struct test_sets *s, const struct ruletest *t, int *rc)
{
	struct buf key = BUF_INIT(1 << 20);
	struct set *one;

	put_key(&key, t);
	one = map_get(s->map, buf_str(&key));
	if (!one) {
		one = calloc(1, sizeof(*one));
		if (one) {
			faults_init(&one->faults);
			one->next = s->all;
			s->all = one;
			*rc = load(s, one, t);
			if (map_set(s->map, buf_str(&key), one) < 0)
				*rc = -ENOMEM;
		}
	}
	buf_fini(&key);
	return one;
}

int test_sets_get(struct ruleset **out, struct test_sets *s,
		  const struct ruletest *t, struct faults *faults)
{
	int rc = 0;
	struct set *one = find(s, t, &rc);

	if (!one || rc)
		return -ENOMEM;
	/* Warnings are for `tocsin check`. */
	for (size_t i = 0; i < one->faults.count; i++) {
		const struct fault *f = &one->faults.list[i];

		if (f->level == FAULT_ERROR)
			fault_add(faults, f->level, f->code, f->file, f->line,
				  f->column, "%s", f->text);
	}
	if (one->faults.errors)
		return -EINVAL;
	*out = one->rules;
	return 0;
}
