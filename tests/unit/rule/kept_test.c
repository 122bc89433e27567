/* A rule set made again of what it was made of. */
#include <stdlib.h>
#include <unistd.h>

#include <errno.h>

#include "tests/unit/rule/help.h"

static char folder[64];

static const char rules_text[] =
	"version: 1\n"
	"team: payments\n"
	"owners: [a@example.com]\n"
	"policies:\n"
	"  - {id: db, match: {alarm: \"pay-db-*\"},"
	" description_file: db.txt}\n"
	"  - {id: web, match: {alarm: \"pay-web-*\"},"
	" description_file: db.txt}\n"
	"  - {id: rest, match: {}, short_description: \"\\u20ac \\\"${alarm}\\\""
	" \\t x\"}\n";

static void put_text(const char *text)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/db.txt", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/tocsin-kept-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	put_text("Call Ann\nabout \"${alarm}\"\r\n\xe2\x82\xac");
	return 0;
}

static int tear_down(void **state)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/db.txt", folder);
	unlink(path);
	rmdir(folder);
	return help_end(state);
}

static struct ruleset *load(const char *text, struct faults *faults)
{
	const struct rule_source source = {
		.name = "20-pay.yaml",
		.text = str_from(text),
		.directory = folder,
	};

	return ruleset_load(&source, 1, faults, NULL);
}

static struct verdict decide(const struct ruleset *r, const char *name)
{
	struct alarm a = help_alarm();
	const struct decision_input in = { .alarm = &a };
	struct verdict v;

	a.name = str_from(name);
	assert_int_equal(ruleset_decide(&v, r, &in, help_arena()), 0);
	return v;
}

static void it_is_the_same_set_whatever_became_of_the_files(void **state)
{
	static const char *const names[] = { "pay-db-1", "pay-web-1", "x" };
	struct ruleset *old, *again = NULL;
	struct buf sources = BUF_INIT(1 << 20);
	struct faults faults;

	(void)state;
	faults_init(&faults);
	old = load(rules_text, &faults);
	assert_non_null(old);
	assert_int_equal(faults.errors, 0);
	ruleset_put_sources(&sources, old);
	assert_int_equal(buf_error(&sources), 0);
	put_text("Call Bob about ${alarm}");
	assert_int_equal(ruleset_again(&again, buf_str(&sources), &faults), 0);
	assert_string_equal(ruleset_hash(again), ruleset_hash(old));
	for (int i = 0; i < 3; i++) {
		struct verdict a = decide(old, names[i]);
		struct verdict b = decide(again, names[i]);

		assert_true(str_eq(a.policy, b.policy));
		assert_true(str_eq(a.where, b.where));
		assert_true(str_eq(a.description, b.description));
		assert_true(str_eq(a.short_description, b.short_description));
	}
	assert_true(str_starts(decide(again, "pay-db-1").description,
			       "Call Ann"));
	/* And once more of itself. */
	ruleset_free(old);
	old = again;
	buf_reset(&sources);
	ruleset_put_sources(&sources, old);
	assert_int_equal(ruleset_again(&again, buf_str(&sources), &faults), 0);
	assert_string_equal(ruleset_hash(again), ruleset_hash(old));
	ruleset_free(old);
	ruleset_free(again);
	buf_fini(&sources);
	faults_fini(&faults);
}

static void no_rules_are_the_built_in_ones_again(void **state)
{
	struct buf sources = BUF_INIT(4096);
	struct ruleset *old, *again;
	struct faults faults;

	(void)state;
	faults_init(&faults);
	old = ruleset_load(NULL, 0, &faults, NULL);
	ruleset_put_sources(&sources, old);
	assert_int_equal(ruleset_again(&again, buf_str(&sources), &faults), 0);
	assert_string_equal(ruleset_hash(again), ruleset_hash(old));
	assert_str(decide(again, "x").policy, "built-in");
	ruleset_free(old);
	ruleset_free(again);
	buf_fini(&sources);
	faults_fini(&faults);
}

/* A file that wasn't there on that day isn't read today. */
static void nothing_is_read_that_isnt_kept(void **state)
{
	static const char text[] =
		"{\"files\":[{\"name\":\"20-pay.yaml\",\"text\":\""
		"version: 1\\nteam: t\\nowners: [a@example.com]\\npolicies:\\n"
		"  - {id: db, match: {}, description_file: db.txt}\\n\","
		"\"texts\":[]}]}";
	struct ruleset *r;
	struct faults faults;

	(void)state;
	faults_init(&faults);
	assert_int_equal(ruleset_again(&r, str_from(text), &faults), 0);
	assert_int_equal(faults.errors, 1);
	assert_string_equal(faults.list[0].code, "bad-file");
	assert_int_equal(ruleset_files(r), 0);
	ruleset_free(r);
	faults_fini(&faults);
}

static void what_is_no_rule_set_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"files\":1}", "{\"files\":[1]}",
		"{\"files\":[{}]}", "{\"files\":[{\"name\":\"a\"}]}",
		"{\"files\":[{\"name\":\"\",\"text\":\"\"}]}",
	};
	struct ruleset *r = NULL;
	struct faults faults;

	(void)state;
	faults_init(&faults);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ruleset_again(&r, str_from(bad[i]), &faults),
				 -EINVAL);
	assert_null(r);
	faults_fini(&faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			it_is_the_same_set_whatever_became_of_the_files),
		cmocka_unit_test(no_rules_are_the_built_in_ones_again),
		cmocka_unit_test(nothing_is_read_that_isnt_kept),
		cmocka_unit_test(what_is_no_rule_set_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
