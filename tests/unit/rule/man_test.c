/* Every example of the manual loads without a word. */
#include <stdlib.h>

#include "base/buf.h"
#include "tests/unit/rule/help.h"

static struct str slurp(const char *path)
{
	struct buf b = BUF_INIT(1 << 20);
	FILE *f = fopen(path, "rb");
	size_t n = 1;
	struct str s;
	char *to;

	if (!f)
		fail_msg("%s can't be read: run from the top of the tree",
			 path);
	while (n && (to = buf_room(&b, 4096))) {
		n = fread(to, 1, 4096, f);
		buf_added(&b, n);
	}
	fclose(f);
	s = arena_str(help_arena(), buf_str(&b));
	buf_fini(&b);
	return s;
}

/* Cuts the next example off; false: there is none. */
static bool next(struct str *rest, struct str *example)
{
	const struct str begin = STR("\n.Bd -literal\n"), end = STR("\n.Ed\n");
	ssize_t at = str_find(*rest, begin), stop;

	if (at < 0)
		return false;
	*rest = str_sub(*rest, (size_t)at + begin.n,
			rest->n - (size_t)at - begin.n);
	stop = str_find(*rest, end);
	assert_true(stop > 0);
	*example = str_sub(*rest, 0, (size_t)stop + 1);
	*rest = str_sub(*rest, (size_t)stop, rest->n - (size_t)stop);
	return true;
}

static void test_examples(void **state)
{
	struct str rest = slurp("packaging/man/tocsin-rules.5"), example;
	size_t n = 0;

	(void)state;
	for (; next(&rest, &example); n++) {
		const struct rule_source source = { .name = "example.yaml",
						    .text = example };
		struct faults faults;
		struct ruleset *r;

		/* What troff would take away. */
		assert_int_equal(str_find_char(example, '\\'), -1);
		faults_init(&faults);
		r = ruleset_load(&source, 1, &faults, NULL);
		assert_non_null(r);
		if (faults.count)
			fail_msg("%.*s\n%s", STR_ARG(example),
				 help_faults(&faults));
		assert_int_equal(ruleset_files(r), 1);
		faults_fini(&faults);
		ruleset_free(r);
	}
	assert_true(n >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
