#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <time.h>

#include "doc/yaml.h"

struct fixture {
	struct arena *arena;
	struct faults faults;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->arena = arena_new(256 << 20);
	assert_non_null(f->arena);
	faults_init(&f->faults);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	faults_fini(&f->faults);
	free(f);
	return 0;
}

static struct yaml *reads(struct fixture *f, const char *text)
{
	struct yaml *v =
		yaml_read(f->arena, str_from(text), "x.yaml", &f->faults);

	if (!v)
		fail_msg("%s: %s", text, f->faults.list[0].text);
	assert_int_equal(f->faults.count, 0);
	return v;
}

/* The first fault, as it is printed, begins with want. */
static void refuses(struct fixture *f, struct str text, const char *want)
{
	struct buf b = BUF_INIT(4096);

	if (yaml_read(f->arena, text, "x.yaml", &f->faults))
		fail_msg("taken: %.*s", STR_ARG(text));
	assert_true(f->faults.errors > 0);
	fault_put(&b, &f->faults.list[0]);
	if (!str_starts(buf_str(&b), want))
		fail_msg("\"%s\" instead of \"%s\"", b.p, want);
	buf_fini(&b);
	faults_fini(&f->faults);
}

static void test_tree(void **state)
{
	struct yaml *root =
		reads(*state, "# a comment\n"
			      "listen:\n"
			      "  - {address: \"[::]:8443\", plain: true}\n"
			      "  - address: 127.0.0.1:80\n"
			      "empty:\n"
			      "text: |\n"
			      "  two\n"
			      "  lines\n"
			      "\"quoted key\": ~\n");
	const struct yaml *listen = yaml_get(root, "listen"), *v;
	struct str s;

	assert_int_equal(root->type, YAML_MAP);
	assert_int_equal(root->count, 4);
	assert_int_equal(listen->type, YAML_LIST);
	assert_int_equal(listen->count, 2);
	assert_int_equal(listen->key_line, 2);
	assert_int_equal(listen->line, 3);
	assert_int_equal(listen->column, 3);
	v = yaml_get(listen->child, "address");
	assert_true(str_is(v->text, "[::]:8443"));
	assert_true(v->quoted);
	assert_int_equal(v->line, 3);
	assert_int_equal(v->column, 15);
	assert_int_equal(v->key_column, 6);
	v = yaml_get(listen->child->next, "address");
	assert_true(str_is(v->text, "127.0.0.1:80"));
	assert_false(v->quoted);
	assert_int_equal(yaml_get(root, "empty")->type, YAML_NULL);
	assert_int_equal(yaml_get(root, "quoted key")->type, YAML_NULL);
	assert_int_equal(yaml_text(&s, yaml_get(root, "text")), 0);
	assert_true(str_is(s, "two\nlines\n"));
	assert_null(yaml_get(root, "absent"));
	assert_null(yaml_get(listen, "address"));
	assert_null(yaml_get(NULL, "x"));
}

static void test_empty_documents(void **state)
{
	assert_int_equal(reads(*state, "")->type, YAML_NULL);
	assert_int_equal(reads(*state, "# nothing\n")->type, YAML_NULL);
	assert_int_equal(reads(*state, "---\n...\n")->type, YAML_NULL);
	assert_int_equal(reads(*state, "\xef\xbb\xbf"
				       "a: 1\n")
				 ->type,
			 YAML_MAP);
}

static void test_scalars_are_core_schema(void **state)
{
	struct yaml *v = reads(
		*state,
		"no: no\nt: true\nF: FALSE\nqt: \"true\"\ni: -12\nqi: '12'\n"
		"oct: 012\nd: 2.5e3\nspan: 90s\nqspan: \"5m\"\nsize: 256KiB\n"
		"b: 10B\nhuge: 99999999999GiB\nnan: .nan\nn: null\nqn: 'null'\n"
		"kb: 1KB\nbare: 5\n");
	uint64_t size;
	int64_t i;
	double d;
	bool b;

	assert_int_equal(yaml_bool(&b, yaml_get(v, "no")), -EINVAL);
	assert_int_equal(yaml_bool(&b, yaml_get(v, "t")), 0);
	assert_true(b);
	assert_int_equal(yaml_bool(&b, yaml_get(v, "F")), 0);
	assert_false(b);
	assert_int_equal(yaml_bool(&b, yaml_get(v, "qt")), -EINVAL);
	assert_int_equal(yaml_int(&i, yaml_get(v, "i")), 0);
	assert_int_equal(i, -12);
	assert_int_equal(yaml_int(&i, yaml_get(v, "qi")), -EINVAL);
	assert_int_equal(yaml_int(&i, yaml_get(v, "d")), -EINVAL);
	assert_int_equal(yaml_int(&i, yaml_get(v, "absent")), -EINVAL);
	assert_int_equal(yaml_double(&d, yaml_get(v, "d")), 0);
	assert_true(d == 2500);
	assert_int_equal(yaml_double(&d, yaml_get(v, "nan")), -EINVAL);
	assert_int_equal(yaml_span(&i, yaml_get(v, "span")), 0);
	assert_int_equal(i, 90000);
	assert_int_equal(yaml_span(&i, yaml_get(v, "qspan")), 0);
	assert_int_equal(yaml_span(&i, yaml_get(v, "bare")), -EINVAL);
	assert_int_equal(yaml_size(&size, yaml_get(v, "size")), 0);
	assert_int_equal(size, 256 << 10);
	assert_int_equal(yaml_size(&size, yaml_get(v, "b")), 0);
	assert_int_equal(size, 10);
	assert_int_equal(yaml_size(&size, yaml_get(v, "huge")), -EINVAL);
	assert_int_equal(yaml_size(&size, yaml_get(v, "kb")), -EINVAL);
	assert_int_equal(yaml_size(&size, yaml_get(v, "bare")), -EINVAL);
	assert_int_equal(yaml_get(v, "n")->type, YAML_NULL);
	assert_int_equal(yaml_get(v, "qn")->type, YAML_SCALAR);
	assert_string_equal(yaml_type_name(yaml_get(v, "qn")), "text");
	assert_string_equal(yaml_type_name(NULL), "nothing");
}

static void test_aliases(void **state)
{
	struct yaml *root = reads(*state, "base: &b {x: 1, y: [2, 3]}\n"
					  "name: &n pay\n"
					  "copy: *b\n"
					  "again: *n\n");
	const struct yaml *copy = yaml_get(root, "copy");

	assert_int_equal(copy->type, YAML_MAP);
	assert_int_equal(copy->line, 3);
	assert_int_equal(yaml_get(copy, "y")->count, 2);
	assert_int_equal(yaml_get(copy, "x")->line, 1);
	assert_true(str_is(yaml_get(root, "again")->text, "pay"));
	assert_true(str_is(yaml_get(root, "again")->key, "again"));
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	refuses(f, STR("a: 1\nb: 2\na: 3\n"),
		"x.yaml:3:1: error[duplicate-key]: the key \"a\" stands here a "
		"second time, first in line 1");
	refuses(f, STR("a: {b: 1, 'b': 2}\n"),
		"x.yaml:1:11: error[duplicate-key]");
	refuses(f, STR("a: &x {b: 1}\nc:\n  <<: *x\n"),
		"x.yaml:3:3: error[merge-key]");
	refuses(f, STR("a: !!str 5\n"), "x.yaml:1:4: error[tag]");
	refuses(f, STR("a: !x [1]\n"), "x.yaml:1:4: error[tag]");
	refuses(f, STR("a: 1\n---\nb: 2\n"), "x.yaml:2:1: error[documents]");
	refuses(f, STR("[a]: 1\n"), "x.yaml:1:1: error[key]");
	refuses(f, STR("{a: 1}: 1\n"), "x.yaml:1:1: error[key]");
	refuses(f, STR("?\n: 1\n"), "x.yaml:1:2: error[key]");
	refuses(f, STR("a: &a x\n*a : 1\n"), "x.yaml:2:1: error[key]");
	refuses(f, STR("a: *nowhere\n"), "x.yaml:1:4: error[alias]");
	refuses(f, STR("a: &a [1, *a]\n"), "x.yaml:1:11: error[alias]");
	refuses(f, STR("a: 1\n\tb: 2\n"), "x.yaml:2:1: error[syntax]");
	refuses(f, STR("a: [1, 2\nb: 3\n"), "x.yaml:2:");
	refuses(f, STR("a: \"x\n"),
		"x.yaml:2:1: error[syntax]: found unexpected "
		"end of stream, while scanning a quoted "
		"scalar that began at 1:4");
	refuses(f, STR("a: b: c\n"),
		"x.yaml:1:5: error[syntax]: mapping values "
		"are not allowed in this context");
	refuses(f, STR("a: 1\nb: \xc3\xa9\xff\n"),
		"x.yaml:2:5: error[encoding]: invalid UTF-8");
	refuses(f,
		STR("\xff\xfe"
		    "a\0:\0"),
		"x.yaml:1:1: error[encoding]");
	refuses(f, STR("a: 1\nb\0: 2\n"),
		"x.yaml:2:2: error[encoding]: a NUL byte");
	refuses(f, STR("a: 1\nbc: \x01\n"),
		"x.yaml:2:5: error[syntax]: control");
	refuses(f, STR("a: \"\\ud83d\"\n"), "x.yaml:1:");
}

static void test_a_lenient_read_keeps_the_first(void **state)
{
	struct fixture *f = *state;
	struct yaml *root =
		yaml_read_on(f->arena, STR("a: 1\na: 2\nb: {<<: {c: 3}}\n"),
			     "x.yaml", &f->faults);

	assert_non_null(root);
	assert_int_equal(f->faults.errors, 2);
	assert_int_equal(root->count, 2);
	assert_true(str_is(yaml_get(root, "a")->text, "1"));
	assert_int_equal(yaml_get(root, "b")->count, 0);
}

static struct str repeat(struct buf *b, const char *open, const char *fmt,
			 int n, const char *close)
{
	buf_puts(b, open);
	for (int i = 0; i < n; i++)
		for (const char *p = fmt; *p; p++)
			if (*p == '#')
				buf_printf(b, "%d", i);
			else
				buf_putc(b, *p);
	buf_puts(b, close);
	assert_int_equal(buf_error(b), 0);
	return buf_str(b);
}

static void test_depth(void **state)
{
	struct fixture *f = *state;
	struct buf b = BUF_INIT(1 << 20);

	repeat(&b, "", "[", 32, "");
	assert_non_null(yaml_read(f->arena, repeat(&b, "", "]", 32, "\n"),
				  "x.yaml", &f->faults));
	buf_reset(&b);
	refuses(f, repeat(&b, "", "[", 33, ""), "x.yaml:1:33: error[limit]");
	buf_reset(&b);
	/* 20 levels at the anchor and 20 more where it is meant again. */
	repeat(&b, "a: &a ", "[", 20, "");
	repeat(&b, "", "]", 20, "\nb: ");
	repeat(&b, "", "[", 20, "*a");
	refuses(f, repeat(&b, "", "]", 20, "\n"), "x.yaml:2:24: error[limit]");
	buf_fini(&b);
}

static void test_billion_laughs(void **state)
{
	refuses(*state,
		STR("a: &a [x,x,x,x,x,x,x,x,x]\n"
		    "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
		    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
		    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
		    "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"),
		"x.yaml:5:8: error[limit]");
}

static void test_hostile_is_quick(void **state)
{
	static const struct {
		const char *open, *item, *close;
		int n;
	} all[] = {
		{ "", "[", "", 1 << 20 },
		{ "", "{", "", 1 << 20 },
		{ "", "{a: ", "", 200000 },
		{ "", "- ", "", 500000 },
		{ "", "? ", "", 500000 },
		{ "", "- &a# x\n", "", 40000 },
		{ "", "k#: x\n", "", 80000 },
		{ "", "a: 1\n", "", 150000 },
		{ "[", "a,", "]", 500000 },
		{ "a: \"", "\\x41", "\"", 200000 },
		{ "a: ", "b ", "\n", 500000 },
		{ "a: ", "b\n  ", "\n", 200000 },
		{ "", "#\n", "", 300000 },
		{ "", "\n", "", 1 << 20 },
		{ "a: |\n", "  x\n", "", 200000 },
		{ "", "!", "", 1 << 20 },
		{ "", "%A b\n", "", 200000 },
		{ "- &a x\n", "- *a\n", "", 150000 },
		{ "", "x", "", 10 << 20 },
		{ "[", "\"\\ud83d\",", "]", 1000 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct buf b = BUF_INIT(16 << 20);
		struct str text = repeat(&b, all[i].open, all[i].item, all[i].n,
					 all[i].close);
		clock_t start = clock(), spent;

		yaml_read(f->arena, text, "x.yaml", &f->faults);
		spent = clock() - start;
		if (getenv("VERBOSE"))
			print_message("%6d ms, %zu bytes of %s%s: %s\n",
				      (int)(spent * 1000 / CLOCKS_PER_SEC), text.n, all[i].open,
				      all[i].item,
				      f->faults.count ? f->faults.list[0].text
						      : "read");
		/* Far more than it takes; quadratic would take minutes. */
		assert_in_range(spent, 0, 3 * CLOCKS_PER_SEC);
		faults_fini(&f->faults);
		arena_reset(f->arena);
		buf_fini(&b);
	}
}

static void test_out_of_memory_is_a_fault(void **state)
{
	struct fixture *f = *state;
	struct arena *small = arena_new(600);

	assert_null(yaml_read(small, STR("[a, b, c, d, e, f, g, h]"), "x.yaml",
			      &f->faults));
	assert_int_equal(f->faults.errors, 1);
	assert_string_equal(f->faults.list[0].code, "memory");
	arena_free(small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tree),
		TEST(test_empty_documents),
		TEST(test_scalars_are_core_schema),
		TEST(test_aliases),
		TEST(test_refusals),
		TEST(test_a_lenient_read_keeps_the_first),
		TEST(test_depth),
		TEST(test_billion_laughs),
		TEST(test_hostile_is_quick),
		TEST(test_out_of_memory_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
