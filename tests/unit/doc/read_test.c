/* What json_read() lays out says in all that can be asked what the tree says
 * that json_parse() builds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/read.h"

static void same(const struct json *flat, const struct json *tree,
		 struct arena *arena);

static void same_str(struct str a, struct str b)
{
	assert_int_equal(a.n, b.n);
	assert_int_equal(!a.p, !b.p);
	if (a.n)
		assert_memory_equal(a.p, b.p, a.n);
}

static void same_members(const struct json *flat, const struct json *tree,
			 struct arena *arena)
{
	const struct json *a, *b;
	void *at = NULL, *other = NULL;
	struct str key, name;

	while (json_next(tree, &other, &name, &b)) {
		assert_true(json_next(flat, &at, &key, &a));
		same_str(key, name);
		same(a, b, arena);
		assert_ptr_equal(json_get(flat, name.p), a);
	}
	assert_false(json_next(flat, &at, &key, &a));
	assert_null(json_get(flat, "no such member"));
}

static void same(const struct json *flat, const struct json *tree,
		 struct arena *arena)
{
	assert_int_equal(json_type(flat), json_type(tree));
	assert_int_equal(json_count(flat), json_count(tree));
	same_str(json_str(flat), json_str(tree));
	same_str(json_text(flat, arena), json_text(tree, arena));
	assert_true(json_double(flat, 7) == json_double(tree, 7));
	assert_int_equal(json_int(flat, 7), json_int(tree, 7));
	assert_int_equal(json_bool(flat, true), json_bool(tree, true));
	for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_count(tree);
	     i++)
		same(json_item(flat, i), json_item(tree, i), arena);
	assert_null(json_item(flat, json_count(tree)));
	same_members(flat, tree, arena);
}

static void reads(const char *text, unsigned flags)
{
	char *copy = strdup(text);
	struct arena *arena = arena_new(64 << 20);
	struct json *flat, *tree;

	assert_non_null(copy);
	assert_int_equal(json_parse(&tree, str_from(text), 0, NULL), 0);
	assert_int_equal(json_read(&flat, str_from(copy), flags, NULL), 0);
	if (flags & JSON_OWN)
		memset(copy, '?', strlen(copy));
	same(flat, tree, arena);
	json_free(flat);
	json_free(tree);
	arena_free(arena);
	free(copy);
}

static const char *const documents[] = {
	"null", "true", "false", "0", "-0", "12", "-3.5e2", "1e400", "-1e400",
	"123456789012345678", "12345678901234567890", "0.30000000000000004",
	"\"\"", "\"plain\"", "\"a \\\"quoted\\\" \\\\ word\\n\"",
	"\"\\u00e9\\ud83d\\ude00\\u0000end\"", "\"\xc3\xa9 \x7f\"",
	"[]", "{}", "[[],{},[null],{\"a\":null}]", "{\"\":1,\"a\":\"\"}",
	" { \"AlarmName\" : \"db\" , \"Trigger\" : { \"Dimensions\" : [ {"
	"\"name\":\"Id\",\"value\":\"a\\\\b\"}, {\"value\":2} ], \"Period\":60,"
	"\"on\":true,\"off\":false }, \"last\":[1,2,[3,[4,5],6],7] } ",
	"{\"\\u0061\":1,\"b\\n\":\"x\\ty\",\"c\":\"\\u0063\",\"\\\"\":[\"\\\\\"]}",
	"\"0123456789abcde\\\"0123456789abcd\\\\\\\"0123456789abcde\\\\\"",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

static void test_reads_what_a_tree_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		reads(documents[i], 0);
		reads(documents[i], JSON_OWN);
	}
}

/* n values, and escapes at every distance from each other. */
static char *large(char open, size_t n, size_t step)
{
	struct buf b = BUF_INIT(64 << 20);

	buf_putc(&b, open);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(&b, ',');
		if (open == '{')
			buf_printf(&b, "\"key %zu\":", i);
		buf_putc(&b, '"');
		for (size_t k = 0; k < i * step; k++)
			buf_puts(&b, k % (i + 1) == i ? "\\\"" : "x");
		buf_putc(&b, '"');
	}
	buf_putc(&b, open == '{' ? '}' : ']');
	assert_int_equal(buf_error(&b), 0);
	return b.p;
}

static void test_of_any_size(void **state)
{
	static const size_t counts[] = { 1, 47, 48, 49, 63, 64, 65, 66, 200 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (const char *open = "[{"; *open; open++) {
			for (size_t step = 1; step < 1000; step *= 30) {
				char *text = large(*open, counts[i], step);

				reads(text, 0);
				reads(text, JSON_OWN);
				free(text);
			}
		}
	}
}

/* The same errors in the same words, and out stays as it is. */
static void test_refuses_what_a_tree_refuses(void **state)
{
	static const char *const bad[] = {
		"", "{", "{\"a\":1,}", "[1 2]", "{\"a\":1,\"a\":2}",
		"{\"a\":1,\"\\u0061\":2}", "\"\x01\"", "\"\xff\"", "\"open",
		"\"\\x\"", "\"\\ud800\"", "01", "nul", "1 2", "\"ends in \\",
		"{\"\\u0000\":1}", "\"0123456789abcdef\\",
	};
	struct json *const before = (struct json *)documents;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json *flat = before, *tree = before;
		struct err a = { "" }, b = { "" };

		assert_int_equal(json_read(&flat, str_from(bad[i]), 0, &a),
				 json_parse(&tree, str_from(bad[i]), 0, &b));
		assert_string_equal(a.text, b.text);
		assert_ptr_equal(flat, before);
	}
}

static void test_nul_by_flag(void **state)
{
	struct json *v;

	(void)state;
	assert_true(json_read(&v, STR("[\"\\u0000\"]"), JSON_NO_NUL, NULL) < 0);
	assert_int_equal(json_read(&v, STR("[\"\\u0000\"]"), 0, NULL), 0);
	json_free(v);
}

/* What wasn't copied lies in the text. */
static void test_borrows(void **state)
{
	static const char text[] = "{\"a\":\"plain\"}";
	struct json *v;

	(void)state;
	assert_int_equal(json_read(&v, str_from(text), 0, NULL), 0);
	assert_ptr_equal(json_get_str(v, "a").p, text + 6);
	json_free_wiped(v);
	assert_string_equal(text, "{\"a\":\"plain\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_a_tree_says),
		cmocka_unit_test(test_of_any_size),
		cmocka_unit_test(test_refuses_what_a_tree_refuses),
		cmocka_unit_test(test_nul_by_flag),
		cmocka_unit_test(test_borrows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
