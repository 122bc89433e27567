#include "agent/cmd/table.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/cmd/args.h"
#include "base/clock.h"
#include "doc/json.h"

static const struct column columns[] = {
	{ "ID", "id", 0, COLUMN_TEXT },
	{ "PRI", "pri", 0, COLUMN_WORD },
	{ "N", "n", 2, COLUMN_NUMBER },
	{ "AT", "at", 1, COLUMN_TIME },
	{ "TEXT", "text", 0, COLUMN_TEXT },
};

static const char rows_text[] =
	"[{\"id\": \"INC0000001\", \"pri\": \"P1\", \"n\": 7,"
	"  \"at\": \"2026-11-21T10:00:00Z\", \"text\": \"the first of all\"},"
	" {\"id\": \"INC0000002\", \"n\": 1234, \"at\": \"soon\","
	"  \"text\": \"\\u8b66\\u5831 e\\u0301 tab\\there \\u202e\"}]";

static struct term term_of(size_t width)
{
	struct term t = { .width = width };

	assert_false(clock_parse(&t.now_ms, STR("2026-11-21T10:12:30Z")));
	return t;
}

static char *made(const struct term *t)
{
	struct buf out = BUF_INIT(1 << 20);
	struct json *rows = NULL;
	struct err err;

	assert_false(json_parse(&rows, str_from(rows_text), 0, &err));
	table_put(&out, rows, columns, sizeof(columns) / sizeof(columns[0]),
		  t);
	json_free(rows);
	assert_false(buf_error(&out));
	return buf_take(&out);
}

static void whole_without_a_terminal(void **state)
{
	struct term t = term_of(SIZE_MAX);
	char *text = made(&t);

	(void)state;
	assert_string_equal(text,
		"ID          PRI     N  AT       TEXT\n"
		"INC0000001  P1      7  12m ago  the first of all\n"
		"INC0000002  -    1234  soon     \u8b66\u5831 e\u0301 "
		"tab\\x09here \\u{202e}\n");
	free(text);
}

static void absolute_times(void **state)
{
	struct term t = term_of(SIZE_MAX);
	char *text;

	(void)state;
	t.utc = true;
	text = made(&t);
	assert_non_null(strstr(text, "  2026-11-21T10:00:00Z  the first"));
	free(text);
}

static void colours_change_no_width(void **state)
{
	struct term t = term_of(SIZE_MAX);
	char *text;

	(void)state;
	t.colour = true;
	text = made(&t);
	assert_non_null(strstr(text, "\033[1mID\033[0m          \033[1mPRI"));
	assert_non_null(strstr(text, "INC0000001  \033[1;31mP1\033[0m "));
	free(text);
}

/* The ranks' highest goes first, then the last is cut, then the widest. */
static void columns_give_way(void **state)
{
	struct term t = term_of(52);
	char *text = made(&t);

	(void)state;
	assert_string_equal(text,
		"ID          PRI  AT       TEXT\n"
		"INC0000001  P1   12m ago  the first of all\n"
		"INC0000002  -    soon     \u8b66\u5831 e\u0301 tab\\x09here "
		"\\u{202\u2026\n");
	free(text);
	t = term_of(33);
	text = made(&t);
	assert_string_equal(text,
		"ID          PRI  TEXT\n"
		"INC0000001  P1   the first of all\n"
		"INC0000002  -    \u8b66\u5831 e\u0301 tab\\x09h\u2026\n");
	free(text);
	t = term_of(20);
	text = made(&t);
	assert_string_equal(text,
		"ID          TEXT\n"
		"INC0000001  the fir\u2026\n"
		"INC0000002  \u8b66\u5831 e\u0301 \u2026\n");
	free(text);
}

/* Wherever it is cut, no line is wider, and no character halved. */
static void every_width_fits(void **state)
{
	(void)state;
	for (size_t width = 20; width < 80; width++) {
		struct term t = term_of(width);
		char *text = made(&t);
		struct str rest = str_from(text), line;

		while (str_cut(&rest, '\n', &line)) {
			assert_true(text_columns(line) <= width);
			assert_true(!line.n || line.p[line.n - 1] != '\t');
		}
		free(text);
	}
}

static void widths(void **state)
{
	(void)state;
	assert_int_equal(text_columns(STR("")), 0);
	assert_int_equal(text_columns(STR("abc")), 3);
	assert_int_equal(text_columns(STR("\u00e4")), 1);
	assert_int_equal(text_columns(STR("e\u0301")), 1);
	assert_int_equal(text_columns(STR("\u8b66\u5831")), 4);
	assert_int_equal(text_columns(STR("\U0001f525")), 2);
}

static void cut(struct str text, size_t columns_left, const char *wanted)
{
	struct buf out = BUF_INIT(100);

	text_put_cut(&out, text, columns_left);
	assert_string_equal(buf_str(&out).p, wanted);
	buf_fini(&out);
}

static void cutting(void **state)
{
	(void)state;
	cut(STR("abc"), 3, "abc");
	cut(STR("abcd"), 3, "ab\u2026");
	cut(STR("abcd"), 1, "\u2026");
	/* Half of a wide one is no character; a mark stays with its own. */
	cut(STR("\u8b66\u5831"), 3, "\u8b66\u2026");
	cut(STR("\u8b66\u5831"), 2, "\u2026");
	cut(STR("e\u0301e\u0301e\u0301"), 2, "e\u0301\u2026");
	cut(STR("e\u0301e\u0301"), 2, "e\u0301e\u0301");
}

static void times_of(const char *iso, const char *wanted)
{
	struct term t = term_of(SIZE_MAX);
	struct buf out = BUF_INIT(200);

	term_put_time(&out, &t, str_from(iso));
	assert_string_equal(buf_str(&out).p, wanted);
	buf_fini(&out);
}

static void times(void **state)
{
	(void)state;
	times_of("2026-11-21T10:12:30.400Z", "now");
	times_of("2026-11-21T10:12:00.000Z", "30s ago");
	times_of("2026-11-21T07:11:00Z", "3h01m ago");
	times_of("2026-11-18T10:12:30Z", "3d ago");
	times_of("2026-11-21T12:12:30Z", "in 2h00m");
	times_of("tomorrow\033[m", "tomorrow\\x1b[m");
}

static struct term looked(const char *color, const char *no_color)
{
	struct args a = { .color = color };
	struct term t;

	if (no_color)
		setenv("NO_COLOR", no_color, 1);
	else
		unsetenv("NO_COLOR");
	term_look(&t, &a);
	return t;
}

/* Of what is no terminal; test_cli.py has those. */
static void color_says_when(void **state)
{
	(void)state;
	assert_true(looked("always", NULL).colour);
	assert_true(looked("always", "1").colour);
	assert_false(looked("never", NULL).colour);
	assert_int_equal(term_tone(STR("P1")), TONE_BAD);
	assert_int_equal(term_tone(STR("resolved")), TONE_GOOD);
	assert_int_equal(term_tone(STR("P1 ")), TONE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_without_a_terminal),
		cmocka_unit_test(absolute_times),
		cmocka_unit_test(colours_change_no_width),
		cmocka_unit_test(columns_give_way),
		cmocka_unit_test(every_width_fits),
		cmocka_unit_test(widths),
		cmocka_unit_test(cutting),
		cmocka_unit_test(times),
		cmocka_unit_test(color_says_when),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
