/* description_file: what it may be, and that it can't lead out. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/rule/help.h"

static char folder[100];

static void put(const char *name, const char *data, size_t n)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	close(fd);
}

static void in_folder(int (*make)(const char *, mode_t), const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(make(path, 0700), 0);
}

static void link_to(const char *target, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
	static char big[65537];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/tocsin-textfile-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	in_folder(mkdir, "rules");
	in_folder(mkdir, "rules/templates");
	in_folder(mkfifo, "rules/fifo");
	put("secret.txt", "secret", 6);
	put("rules/templates/db.txt", "DB ${alarm}", 11);
	put("rules/bad.txt", "${alrm}", 7);
	put("rules/binary.txt", "\xff\xfe", 2);
	put("rules/nul.txt", "a\0b", 3);
	memset(big, 'x', sizeof(big));
	put("rules/most.txt", big, 65536);
	put("rules/big.txt", big, 65537);
	link_to("templates/db.txt", "rules/inside");
	link_to("../secret.txt", "rules/outside");
	link_to("/etc/passwd", "rules/passwd");
	link_to("..", "rules/up");
	return 0;
}

static int tear_down(void **state)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) || help_end(state);
}

/* Faults of a policy with that file; *out: the description, where it loads. */
static const char *load(const char *name, struct str *out)
{
	char text[400], rules[200];
	struct rule_source source = { .name = "x.yaml", .directory = rules };
	struct alarm a = help_alarm();
	struct faults faults;
	struct ruleset *r;
	const char *s;

	snprintf(rules, sizeof(rules), "%s/rules", folder);
	snprintf(text, sizeof(text),
		 "version: 1\nteam: t\nowners: [o]\npolicies"
		 ":\n  - {id: a, match: {}, description_file: \"%s\"}\n",
		 name);
	source.text = str_from(text);
	faults_init(&faults);
	r = ruleset_load(&source, 1, &faults, NULL);
	assert_non_null(r);
	s = help_faults(&faults);
	if (out)
		*out = help_decide(r, &a, NULL, NULL).description;
	faults_fini(&faults);
	ruleset_free(r);
	return s;
}

static void test_files_that_load(void **state)
{
	struct str text;

	(void)state;
	assert_string_equal(load("templates/db.txt", &text), "");
	assert_true(str_starts(text, "DB pay-db-cpu\n"));
	assert_string_equal(load("./templates//db.txt", NULL), "");
	assert_string_equal(load("templates/../templates/db.txt", NULL), "");
	assert_string_equal(load("inside", NULL), "");
	assert_string_equal(load("most.txt", NULL), "");
}

static void test_files_that_do_not(void **state)
{
	static const char *const cases[][2] = {
		{ "../secret.txt", "leads out" },
		{ "templates/../../secret.txt", "leads out" },
		{ "/etc/passwd", "leads out" },
		{ "outside", "leads out" },
		{ "passwd", "leads out" },
		{ "up/secret.txt", "leads out" },
		{ "none.txt", "can't be opened" },
		{ "", "can't be opened" },
		{ "templates", "no regular file" },
		{ "fifo", "no regular file" },
		{ "big.txt", "more than 65536 bytes" },
		{ "binary.txt", "no UTF-8" },
		{ "nul.txt", "no UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = load(cases[i][0], NULL);

		if (!strstr(got, "x.yaml:5:42: error[bad-file]") ||
		    !strstr(got, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], got);
	}
	assert_non_null(strstr(load("bad.txt", NULL),
			       "x.yaml:5:42: error[bad-template]"));
}

/* The file is part of what the set's hash names. */
static void test_the_hash_knows_the_file(void **state)
{
	static const char text[] =
		"version: 1\nteam: t\npolicies:\n"
		"  - {id: a, match: {}, description_file: templates/db.txt}\n";
	char rules[200], before[65];
	const struct rule_source source = {
		.name = "x.yaml", .text = str_from(text), .directory = rules
	};
	struct faults faults;
	struct ruleset *r;

	(void)state;
	snprintf(rules, sizeof(rules), "%s/rules", folder);
	faults_init(&faults);
	r = ruleset_load(&source, 1, &faults, NULL);
	assert_non_null(r);
	snprintf(before, sizeof(before), "%s", ruleset_hash(r));
	ruleset_free(r);
	put("rules/templates/db.txt", "DB! ${alarm}", 12);
	r = ruleset_load(&source, 1, &faults, NULL);
	assert_non_null(r);
	assert_string_not_equal(before, ruleset_hash(r));
	ruleset_free(r);
	faults_fini(&faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_that_load),
		cmocka_unit_test(test_files_that_do_not),
		cmocka_unit_test(test_the_hash_knows_the_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
