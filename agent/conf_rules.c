#include "agent/conf.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/conf_private.h"

void rule_files_free(struct rule_file_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free((char *)(uintptr_t)list->sources[i].text.p);
		free(list->paths[i]);
	}
	free(list->sources);
	free(list->paths);
	*list = (struct rule_file_list){ 0 };
}

/* Room for one more file. */
static int grow(struct rule_file_list *list)
{
	size_t n = list->count ? list->count * 2 : 8;
	struct rule_source *sources;
	char **paths;

	if (list->count && (list->count < 8 || list->count & (list->count - 1)))
		return 0;
	sources = realloc(list->sources, n * sizeof(*sources));
	if (sources)
		list->sources = sources;
	paths = realloc(list->paths, n * sizeof(*paths));
	if (paths)
		list->paths = paths;
	return sources && paths ? 0 : -ENOMEM;
}

/* The path and, behind its NUL, the folder it lies in. */
static char *path_and_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct buf b = BUF_INIT(1 << 16);

	buf_puts(&b, path);
	buf_putc(&b, '\0');
	if (!slash)
		buf_putc(&b, '.');
	else
		buf_put(&b, path, slash == path ? 1 : (size_t)(slash - path));
	return buf_take(&b);
}

static int add_file(struct rule_file_list *list, const char *path,
		    struct faults *faults)
{
	struct buf text = BUF_INIT(RULE_FILE_MAX + 1);
	struct rule_source *source;
	struct err err;
	char *name;
	int rc;

	if (list->count == RULE_FILES_MAX) {
		fault_add(faults, FAULT_ERROR, "limit", path, 0, 0,
			  "more than %d rule files", RULE_FILES_MAX);
		return -EINVAL;
	}
	name = path_and_folder(path);
	if (!name || grow(list)) {
		free(name);
		return -ENOMEM;
	}
	rc = conf_read_file(&text, path, RULE_FILE_MAX, NULL, &err);
	if (rc)
		fault_add(faults, FAULT_ERROR, "unreadable", path, 0, 0, "%s",
			  err.text);
	source = &list->sources[list->count];
	*source = (struct rule_source){ .directory = name + strlen(name) + 1 };
	source->name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	if (rc == 0) {
		source->text.n = text.n;
		source->text.p = buf_take(&text);
		rc = source->text.p ? 0 : -ENOMEM;
	}
	list->paths[list->count++] = name;
	buf_fini(&text);
	return rc == 0 || rc == -ENOMEM ? rc : -EINVAL;
}

static bool is_test(const char *name)
{
	return str_ends(str_from(name), "_test.yaml");
}

static int want_rules(const struct dirent *e)
{
	return e->d_name[0] != '.' && str_ends(str_from(e->d_name), ".yaml") &&
	       !is_test(e->d_name);
}

static int want_tests(const struct dirent *e)
{
	return e->d_name[0] != '.' && is_test(e->d_name);
}

/* Not alphasort(), which asks the locale. */
static int byte_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct rule_file_list *list, const char *path,
		      enum rule_file_kind kind, struct faults *faults)
{
	struct dirent **names;
	int n = scandir(path, &names,
			kind == RULE_TESTS ? want_tests : want_rules,
			byte_order);
	int rc = 0;

	if (n < 0) {
		fault_add(faults, FAULT_ERROR, "unreadable", path, 0, 0, "%m");
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		struct buf b = BUF_INIT(1 << 16);
		int one;

		buf_printf(&b, "%s%s%s", path,
			   str_ends(str_from(path), "/") ? "" : "/",
			   names[i]->d_name);
		one = buf_error(&b);
		if (one == 0 && rc != -ENOMEM)
			one = add_file(list, b.p, faults);
		/* The first fault, but nothing hides a lack of memory. */
		if (rc == 0 || one == -ENOMEM)
			rc = one;
		buf_fini(&b);
		free(names[i]);
	}
	free(names);
	return rc;
}

int rule_files_add(struct rule_file_list *list, const char *path,
		   enum rule_file_kind kind, struct faults *faults)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return -ENOENT;
		fault_add(faults, FAULT_ERROR, "unreadable", path, 0, 0, "%m");
		return -EINVAL;
	}
	return S_ISDIR(st.st_mode) ? add_folder(list, path, kind, faults)
				   : add_file(list, path, faults);
}

int conf_rule_files(struct rule_file_list *out, const struct conf *c,
		    struct faults *faults)
{
	int rc = 0;

	*out = (struct rule_file_list){ 0 };
	for (size_t i = 0; c->rules[i] && rc != -ENOMEM; i++) {
		int one = rule_files_add(out, c->rules[i], RULE_FILES, faults);

		if (one == -ENOENT && !c->rules_given)
			one = 0;
		if (one == -ENOENT) {
			fault_add(faults, FAULT_ERROR, "no-file", c->path, 0, 0,
				  "rules: %s: no such file or folder",
				  c->rules[i]);
			one = -EINVAL;
		}
		if (rc == 0 || one == -ENOMEM)
			rc = one;
	}
	return rc;
}
