/* From the paths of a command line to test files. */
#include "agent/ruletest/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "doc/yaml.h"

#define TREE_MAX (256 << 20)

void test_paths_free(struct test_paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->list[i]);
	free(p->list);
	*p = (struct test_paths){ 0 };
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 ||
	       (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
		x.st_ino == y.st_ino);
}

static int add_path(struct test_paths *p, const char *path)
{
	char **list;

	for (size_t i = 0; i < p->count; i++)
		if (same_file(p->list[i], path))
			return 0;
	list = realloc(p->list, (p->count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	p->list = list;
	list[p->count] = strdup(path);
	return list[p->count++] ? 0 : -ENOMEM;
}

/* A name beside a file, as a path. */
static int add_beside(struct test_paths *p, const char *path, struct str name)
{
	const char *slash = strrchr(path, '/');
	struct buf b = BUF_INIT(1 << 16);
	int rc;

	if (slash && !str_starts(name, "/"))
		buf_put(&b, path, (size_t)(slash - path) + 1);
	buf_put_str(&b, name);
	rc = buf_error(&b) ? buf_error(&b) : add_path(p, b.p);
	buf_fini(&b);
	return rc;
}

static bool is_test_name(const char *path)
{
	return str_ends(str_from(path), "_test.yaml");
}

/* A rule file's `tests` are names, a test file's are tests. */
static bool is_test_file(const struct yaml *root)
{
	const struct yaml *tests = root ? yaml_get(root, "tests") : NULL;

	return tests && tests->child && tests->child->type == YAML_MAP;
}

static int add_named(struct test_paths *p, const char *path,
		     const struct yaml *root)
{
	const struct yaml *tests = root ? yaml_get(root, "tests") : NULL;
	int rc = 0;

	if (!tests)
		return 0;
	if (tests->type == YAML_SCALAR)
		return add_beside(p, path, tests->text);
	for (const struct yaml *v = tests->child; v && !rc; v = v->next)
		if (v->type == YAML_SCALAR)
			rc = add_beside(p, path, v->text);
	return rc;
}

static bool names_rules(const struct yaml *root, const char *name)
{
	const struct yaml *rules = root ? yaml_get(root, "rules") : NULL;

	if (!rules)
		return false;
	if (rules->type == YAML_SCALAR)
		return str_is(rules->text, name);
	for (const struct yaml *v = rules->child; v; v = v->next)
		if (v->type == YAML_SCALAR && str_is(v->text, name))
			return true;
	return false;
}

/* Those *_test.yaml of the folder that name the rule file. */
static int add_beside_tests(struct test_paths *p, const char *folder,
			    const char *name)
{
	struct rule_file_list list = { 0 };
	struct faults quiet;
	int rc;

	faults_init(&quiet);
	rc = rule_files_add(&list, folder, RULE_TESTS, &quiet);
	if (rc != -ENOMEM)
		rc = 0;
	for (size_t i = 0; i < list.count && !rc; i++) {
		struct arena *arena = arena_new(TREE_MAX);
		struct yaml *root;

		root = arena ? yaml_read_on(arena, list.sources[i].text, "",
					    &quiet)
			     : NULL;
		if (names_rules(root, name))
			rc = add_path(p, list.paths[i]);
		arena_free(arena);
	}
	rule_files_free(&list);
	faults_fini(&quiet);
	return rc;
}

static int add_rule_file(struct test_paths *p,
			 const struct rule_file_list *list, size_t i,
			 bool beside, struct faults *faults)
{
	struct arena *arena = arena_new(TREE_MAX);
	size_t errors = faults->errors;
	struct yaml *root;
	int rc = -ENOMEM;

	if (!arena)
		return rc;
	root = yaml_read_on(arena, list->sources[i].text, list->paths[i],
			    faults);
	if (is_test_file(root))
		rc = add_path(p, list->paths[i]);
	else
		rc = add_named(p, list->paths[i], root);
	if (!rc && beside && !is_test_file(root))
		rc = add_beside_tests(p, list->sources[i].directory,
				      list->sources[i].name);
	if (!rc && faults->errors != errors)
		rc = -EINVAL;
	arena_free(arena);
	return rc;
}

static int add_tests(struct test_paths *p, const char *path,
		     struct faults *faults)
{
	struct rule_file_list list = { 0 };
	int rc = rule_files_add(&list, path, RULE_TESTS, faults);

	for (size_t i = 0; i < list.count && rc != -ENOMEM; i++)
		if (add_path(p, list.paths[i]))
			rc = -ENOMEM;
	rule_files_free(&list);
	return rc;
}

/* Its rule files' tests; in a folder all *_test.yaml are there already. */
static int add_rules(struct test_paths *p, const char *path, bool beside,
		     struct faults *faults)
{
	struct rule_file_list list = { 0 };
	int rc = rule_files_add(&list, path, RULE_FILES, faults);

	for (size_t i = 0; i < list.count && rc != -ENOMEM; i++) {
		int one = list.sources[i].text.p
				  ? add_rule_file(p, &list, i, beside, faults)
				  : 0;

		if (!rc || one == -ENOMEM)
			rc = one;
	}
	rule_files_free(&list);
	return rc;
}

int test_paths_add(struct test_paths *p, const char *path,
		   struct faults *faults)
{
	struct stat st;
	int rc = 0;

	if (stat(path, &st)) {
		fault_add(faults, FAULT_ERROR, "no-file", path, 0, 0, "%s",
			  errno == ENOENT ? "no such file or folder"
					  : strerror(errno));
		return -EINVAL;
	}
	if (!S_ISDIR(st.st_mode) && is_test_name(path))
		return add_path(p, path);
	if (S_ISDIR(st.st_mode))
		rc = add_tests(p, path, faults);
	if (rc != -ENOMEM) {
		int more = add_rules(p, path, !S_ISDIR(st.st_mode), faults);

		rc = !rc || more == -ENOMEM ? more : rc;
	}
	return rc;
}
