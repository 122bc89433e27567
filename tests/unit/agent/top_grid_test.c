/* Cells: what is wide, cut, hostile; and what brings a terminal from one
 * picture to the next. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/top/grid.h"
#include "base/random.h"

static const char *row(const struct grid *g, int n)
{
	static char text[8192];
	struct buf b = BUF_INIT(8000);

	grid_row(&b, g, n);
	assert_true(b.n < sizeof(text));
	memcpy(text, b.p ? b.p : "", b.n);
	text[b.n] = '\0';
	buf_fini(&b);
	return text;
}

static void test_text_is_cut_with_a_mark(void **state)
{
	struct grid *g = grid_new(3, 10, false);

	(void)state;
	assert_int_equal(grid_puts(g, 0, 0, 10, 0, "0123456789"), 10);
	assert_string_equal(row(g, 0), "0123456789");
	assert_int_equal(grid_puts(g, 1, 2, 100, 0, "0123456789"), 8);
	assert_string_equal(row(g, 1), "  0123456…");
	assert_int_equal(grid_puts(g, 2, 0, 3, 0, "abcd"), 3);
	assert_string_equal(row(g, 2), "ab…");
	assert_int_equal(grid_puts(g, 3, 0, 3, 0, "x"), 0);
	assert_int_equal(grid_puts(g, 0, 10, 3, 0, "x"), 0);
	assert_int_equal(grid_puts(g, 0, -1, 3, 0, "x"), 0);
	assert_int_equal(grid_puts(g, 0, 0, 0, 0, "x"), 0);
	grid_free(g);
}

static void test_wide_characters_and_marks(void **state)
{
	struct grid *g = grid_new(4, 6, false);

	(void)state;
	assert_int_equal(grid_puts(g, 0, 0, 6, 0, "日本語"), 6);
	assert_string_equal(row(g, 0), "日本語");
	/* No room for the right half: the mark stands there. */
	assert_int_equal(grid_puts(g, 1, 0, 5, 0, "日本語"), 5);
	assert_string_equal(row(g, 1), "日本…");
	assert_int_equal(grid_puts(g, 2, 0, 4, 0, "日本語"), 4);
	assert_string_equal(row(g, 2), "日 …");
	/* A mark stands in its character's cell. */
	assert_int_equal(grid_puts(g, 3, 0, 6, 0, "e\u0301a\u0301"), 2);
	assert_string_equal(row(g, 3), "e\u0301a\u0301");
	/* Half of what was overwritten is gone too. */
	assert_int_equal(grid_puts(g, 0, 1, 1, 0, "x"), 1);
	assert_string_equal(row(g, 0), " x本語");
	assert_int_equal(grid_puts(g, 0, 2, 1, 0, "y"), 1);
	assert_string_equal(row(g, 0), " xy 語");
	grid_free(g);
}

static void test_more_marks_than_a_cell_takes(void **state)
{
	struct grid *g = grid_new(1, 10, false);
	struct buf b = BUF_INIT(4096);

	(void)state;
	buf_putc(&b, 'e');
	for (int i = 0; i < 500; i++)
		buf_puts(&b, "\u0301");
	buf_puts(&b, "z");
	assert_int_equal(grid_put(g, 0, 0, 10, 0, buf_str(&b)), 2);
	assert_true(strlen(row(g, 0)) <= CELL_BYTES + 1);
	assert_int_equal(row(g, 0)[strlen(row(g, 0)) - 1], 'z');
	buf_fini(&b);
	grid_free(g);
}

static void test_hostile_text_reaches_no_terminal(void **state)
{
	struct grid *g = grid_new(2, 60, false);
	struct buf b = BUF_INIT(8192);

	(void)state;
	grid_puts(g, 0, 0, 60, 0, "a\033[2Jb\r\n\u202ec\xc2\x9b" "d\xff");
	assert_string_equal(row(g, 0),
			    "a\\x1b[2Jb\\x0d\\x0a\\u{202e}c\\u{9b}d\\xff");
	grid_show(&b, g, NULL, false);
	assert_null(strstr(b.p, "\033[2Jb"));
	assert_null(strstr(b.p, "\u202e"));
	buf_fini(&b);
	grid_free(g);
}

static void test_a_terminal_of_ascii(void **state)
{
	struct grid *g = grid_new(1, 8, true);

	(void)state;
	grid_puts(g, 0, 0, 8, 0, "é日 ok but long");
	assert_string_equal(row(g, 0), "?? ok b~");
	grid_free(g);
}

static void test_only_what_changed_is_sent(void **state)
{
	struct grid *a = grid_new(3, 20, false), *b = grid_new(3, 20, false);
	struct buf out = BUF_INIT(8192);

	(void)state;
	grid_puts(a, 1, 0, 20, 0, "age 12s");
	grid_puts(b, 1, 0, 20, 0, "age 13s");
	grid_show(&out, b, a, true);
	assert_string_equal(buf_str(&out).p, "\033[2;6H\033[0m3");
	buf_reset(&out);
	grid_show(&out, b, b, true);
	assert_int_equal(out.n, 0);
	/* Another size, or nothing known: all of it. */
	grid_show(&out, b, NULL, true);
	assert_non_null(strstr(out.p, "\033[2J"));
	assert_non_null(strstr(out.p, "age 13s"));
	buf_fini(&out);
	grid_free(a);
	grid_free(b);
}

static void test_styles(void **state)
{
	struct grid *g = grid_new(1, 4, false);
	struct buf out = BUF_INIT(8192);

	(void)state;
	grid_puts(g, 0, 0, 4, STYLE_RED | STYLE_BOLD, "P1");
	grid_show(&out, g, NULL, true);
	assert_non_null(strstr(out.p, "\033[0;1;31mP1\033[0m"));
	buf_reset(&out);
	grid_show(&out, g, NULL, false);
	assert_non_null(strstr(out.p, "\033[0;1mP1\033[0m"));
	assert_null(strstr(out.p, "31"));
	buf_fini(&out);
	grid_free(g);
}

/* A terminal, as far as these bytes need one. */
static void apply(struct grid *to, struct str bytes)
{
	int r = 0, c = 0;

	for (size_t i = 0; i < bytes.n;) {
		if (bytes.p[i] == '\033') {
			int n[2] = { 0, 0 }, k = 0;

			assert_int_equal(bytes.p[i + 1], '[');
			for (i += 2; bytes.p[i] < '@'; i++)
				if (bytes.p[i] == ';')
					k = 1;
				else
					n[k] = n[k] * 10 + bytes.p[i] - '0';
			if (bytes.p[i] == 'H') {
				r = n[0] - 1;
				c = n[1] - 1;
			} else if (bytes.p[i] == 'J') {
				grid_clear(to);
			}
			i++;
			continue;
		}
		size_t n = 1;

		while (i + n < bytes.n &&
		       ((unsigned char)bytes.p[i + n] & 0xc0) == 0x80)
			n++;
		c += grid_put(to, r, c, 2, 0, str_sub(bytes, i, n));
		i += n;
	}
}

static void test_any_picture_becomes_any_other(void **state)
{
	static const char *const texts[] = { "a", "日", "bc", "本x", " ",
					     "語語" };
	struct grid *shown = grid_new(4, 12, false);
	struct grid *before = grid_new(4, 12, false);

	(void)state;
	for (int turn = 0; turn < 400; turn++) {
		struct grid *g = grid_new(4, 12, false);
		struct buf out = BUF_INIT(8192);

		for (int i = 0; i < 12; i++)
			grid_puts(g, (int)random_below(4),
				  (int)random_below(12), 4, 0,
				  texts[random_below(6)]);
		grid_show(&out, g, turn ? before : NULL, false);
		apply(shown, buf_str(&out));
		for (int r = 0; r < 4; r++) {
			struct buf x = BUF_INIT(1000), y = BUF_INIT(1000);

			grid_row(&x, g, r);
			grid_row(&y, shown, r);
			assert_string_equal(buf_str(&y).p, buf_str(&x).p);
			buf_fini(&x);
			buf_fini(&y);
		}
		buf_fini(&out);
		grid_free(before);
		before = g;
	}
	grid_free(before);
	grid_free(shown);
}

static void test_sizes_are_bounded(void **state)
{
	struct grid *g = grid_new(0, -5, false);

	(void)state;
	assert_int_equal(g->rows, 1);
	assert_int_equal(g->columns, 1);
	assert_int_equal(grid_puts(g, 0, 0, 9, 0, "日"), 1);
	grid_free(g);
	g = grid_new(1 << 20, 1 << 20, false);
	assert_int_equal(g->rows, GRID_ROWS_MAX);
	assert_int_equal(g->columns, GRID_COLUMNS_MAX);
	grid_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_cut_with_a_mark),
		cmocka_unit_test(test_wide_characters_and_marks),
		cmocka_unit_test(test_more_marks_than_a_cell_takes),
		cmocka_unit_test(test_hostile_text_reaches_no_terminal),
		cmocka_unit_test(test_a_terminal_of_ascii),
		cmocka_unit_test(test_only_what_changed_is_sent),
		cmocka_unit_test(test_styles),
		cmocka_unit_test(test_any_picture_becomes_any_other),
		cmocka_unit_test(test_sizes_are_bounded),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
