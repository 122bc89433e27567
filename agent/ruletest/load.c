/* A test file's top, and each of its tests. */
#include "agent/ruletest/internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/map.h"

#define ARENA_MAX (256 << 20)
#define CLOCK_DEFAULT "2026-01-05T12:00:00Z" /* a Monday, no change near */

int test_span(int64_t *out_ms, struct str text)
{
	int64_t sum = 0, one;
	size_t n;

	if (!text.n)
		return -EINVAL;
	while (text.n) {
		for (n = 0; n < text.n && text.p[n] >= '0' && text.p[n] <= '9';)
			n++;
		while (n < text.n && (text.p[n] < '0' || text.p[n] > '9'))
			n++;
		if (clock_parse_span(&one, str_sub(text, 0, n)) || one < 0 ||
		    one > TEST_AT_MAX_MS)
			return -EINVAL;
		sum += one;
		if (sum > TEST_AT_MAX_MS)
			return -EINVAL;
		text = str_sub(text, n, text.n - n);
	}
	*out_ms = sum;
	return 0;
}

void test_read_span(struct loader *l, const struct yaml *v, void *to)
{
	if (load_is(l, v, YAML_SCALAR) && test_span(to, v->text))
		load_error(l, v, "bad-value",
			   "`%.*s` takes a time like 30s, 9m or 2h51m, at "
			   "most 90d, not \"%.*s\"",
			   STR_ARG(v->key), STR_ARG(utf8_cut(v->text, 40)));
}

void test_read_text(struct loader *l, const struct yaml *v, void *to)
{
	if (load_is(l, v, YAML_SCALAR))
		*(struct str *)to = v->text;
}

void *test_read_list(struct loader *l, const struct yaml *v, size_t size,
		     size_t *count, size_t max,
		     void (*each)(struct loader *l, const struct yaml *v,
				  void *to))
{
	char *list;
	size_t i = 0;

	if (!load_is(l, v, YAML_LIST))
		return NULL;
	if (v->count > max) {
		load_error(l, v, "limit", "`%.*s` has more than %zu entries",
			   STR_ARG(v->key), max);
		return NULL;
	}
	list = arena_array(l->arena, v->count + 1, size);
	if (!list)
		return NULL;
	for (const struct yaml *e = v->child; e; e = e->next)
		each(l, e, list + size * i++);
	*count = i;
	return list;
}

static void read_clock(struct loader *l, const struct yaml *v, void *to)
{
	if (load_is(l, v, YAML_SCALAR) && clock_parse(to, v->text))
		load_error(l, v, "bad-value",
			   "`clock` takes a time like 2026-11-02T03:00:00Z, "
			   "not \"%.*s\"",
			   STR_ARG(utf8_cut(v->text, 40)));
}

static void read_expect(struct loader *l, const struct yaml *v, void *to)
{
	(void)to;
	test_reader(l)->expect = v;
	test_check_expect(l, v);
}

static void read_expect_at(struct loader *l, const struct yaml *v, void *to)
{
	int64_t ms;

	(void)to;
	if (!load_is(l, v, YAML_MAP))
		return;
	test_reader(l)->expect_at = v;
	for (const struct yaml *e = v->child; e; e = e->next) {
		if (test_span(&ms, e->key))
			load_error_key(l, e, "bad-value",
				       "`expect_at` takes times like 30s, 9m "
				       "or 2h51m, at most 90d, not \"%.*s\"",
				       STR_ARG(utf8_cut(e->key, 40)));
		test_check_expect(l, e);
	}
}

const struct key test_keys[] = {
	{ "name", test_read_text, offsetof(struct test, name) },
	{ "clock", read_clock, offsetof(struct test, clock_ms) },
	{ "given", test_read_given, offsetof(struct test, given) },
	{ "events", test_read_events, 0 },
	{ "expect", read_expect, 0 },
	{ "expect_at", read_expect_at, 0 },
	{ NULL, NULL, 0 },
};

static int by_time(const void *a, const void *b)
{
	const struct test_moment *x = a, *y = b;

	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* What `expect` says stands behind the last event, at its moment. */
static void take_moments(struct test_reader *r)
{
	const struct yaml *at = r->expect_at;
	struct test *t = r->test;
	size_t n = 0;

	t->moments = arena_array(r->l.arena, (at ? at->count : 0) + 1,
				 sizeof(*t->moments));
	if (!t->moments)
		return;
	if (r->expect)
		t->moments[n++] = (struct test_moment){
			.at_ms = t->event_count ? t->events[t->event_count - 1]
							  .arrives_ms
						: t->clock_ms,
			.expect = r->expect,
		};
	for (const struct yaml *e = at ? at->child : NULL; e; e = e->next) {
		int64_t ms = 0;

		(void)test_span(&ms, e->key);
		t->moments[n++] =
			(struct test_moment){ t->clock_ms + ms, e->key, e };
	}
	t->moment_count = n;
	qsort(t->moments, n, sizeof(*t->moments), by_time);
}

static void read_test(struct loader *l, const struct yaml *v, void *to)
{
	struct test_reader *r = test_reader(l);
	struct test *t = to;

	*t = (struct test){ .from = v };
	r->test = t;
	r->expect = r->expect_at = NULL;
	r->events = NULL;
	r->event_count = 0;
	(void)clock_parse(&t->clock_ms, STR(CLOCK_DEFAULT));
	load_keys(l, v, test_keys, t);
	if (v->type != YAML_MAP)
		return;
	load_needs(l, v, "name");
	load_needs(l, v, "events");
	if (!yaml_get(v, "expect") && !yaml_get(v, "expect_at"))
		load_error(l, v, "missing-key",
			   "neither `expect` nor `expect_at`: this test proves "
			   "nothing");
	test_finish_events(r);
	take_moments(r);
}

static void check_names(struct loader *l, const struct ruletest *file)
{
	struct map *seen = map_new();

	for (size_t i = 0; seen && i < file->count; i++) {
		const struct test *t = &file->tests[i], *first;

		if (!t->name.n)
			continue;
		first = map_get(seen, t->name);
		if (first)
			load_error(l, yaml_get(t->from, "name"),
				   "duplicate-name",
				   "the test of line %d has this name already",
				   first->from->line);
		else if (map_set(seen, t->name, (void *)(uintptr_t)t) < 0)
			load_no_memory(l);
	}
	map_free(seen);
}

static void read_tests(struct loader *l, const struct yaml *v, void *to)
{
	struct ruletest *file = to;

	file->tests = test_read_list(l, v, sizeof(*file->tests), &file->count,
				     TESTS_MAX, read_test);
	if (file->tests)
		check_names(l, file);
}

static void read_rules(struct loader *l, const struct yaml *v, void *to)
{
	struct ruletest *file = to;

	if (v->type == YAML_SCALAR) {
		file->rules = v;
		file->rule_count = 1;
		return;
	}
	if (v->type != YAML_LIST) {
		load_error(l, v, "wrong-type",
			   "`rules` takes a file name or a list of them, not "
			   "%s",
			   yaml_type_name(v));
		return;
	}
	for (const struct yaml *e = v->child; e; e = e->next)
		if (e->type != YAML_SCALAR)
			load_error(l, e, "wrong-type",
				   "a file name is needed here, not %s",
				   yaml_type_name(e));
	file->rules = v->child;
	file->rule_count = v->count;
	if (!v->count)
		load_error(l, v, "bad-value",
			   "no rule file: name one, or leave `rules` out to "
			   "test the configuration's");
}

const struct key test_file_keys[] = {
	{ "rules", read_rules, 0 },
	{ "tests", read_tests, 0 },
	{ NULL, NULL, 0 },
};

struct str ruletest_rule(const struct ruletest *t, size_t i,
			 const struct yaml **at)
{
	const struct yaml *v = t->rules;

	while (i--)
		v = v->next;
	*at = v;
	return v->text;
}

static void read_root(struct test_reader *r, struct ruletest *file)
{
	const struct yaml *root = file->root;

	load_keys(&r->l, root, test_file_keys, file);
	load_needs(&r->l, root, "tests");
	if (!r->l.errors && !file->count)
		load_error(&r->l, root, "no-tests", "there is no test in it");
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

void ruletest_free(struct ruletest *t)
{
	if (!t)
		return;
	while (t->samples) {
		struct sample *next = t->samples->next;

		test_sample_free(t->samples);
		t->samples = next;
	}
	arena_free(t->arena);
	free(t->folder);
	free(t);
}

int ruletest_load(struct ruletest **out, const char *path, struct str text,
		  struct faults *faults)
{
	size_t errors = faults->errors;
	struct ruletest *t = calloc(1, sizeof(*t));
	struct test_reader r = { .file = t };
	int rc = -ENOMEM;

	if (!t)
		return rc;
	t->arena = arena_new(ARENA_MAX);
	t->folder = folder_of(path);
	r.samples = map_new();
	if (!t->arena || !t->folder || !r.samples)
		goto out;
	t->path = arena_cstr(t->arena, str_from(path));
	r.l = (struct loader){ .arena = t->arena,
			       .faults = faults,
			       .file = path,
			       .directory = t->folder };
	t->root = yaml_read_on(t->arena, text, path, faults);
	if (t->root)
		read_root(&r, t);
	rc = arena_error(t->arena);
	if (!rc && faults->errors != errors)
		rc = -EINVAL;
out:
	map_free(r.samples);
	if (rc)
		ruletest_free(t);
	else
		*out = t;
	return rc;
}
