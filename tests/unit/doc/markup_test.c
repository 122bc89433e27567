#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/markup.h"

static void puts_of(const char *want, struct str s)
{
	struct buf b = BUF_INIT(4096);

	markup_put(&b, s);
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(buf_str(&b).p, want);
	buf_fini(&b);
}

static void ends_no_text_and_no_attribute(void **state)
{
	(void)state;
	puts_of("", STR(""));
	puts_of("plain \xc3\xa9\n", STR("plain \xc3\xa9\n"));
	puts_of("&lt;img src=x onerror=&quot;a()&quot;&gt;",
		STR("<img src=x onerror=\"a()\">"));
	puts_of("&#39; a=&#39;1", STR("' a='1"));
	/* Escaped once, as often as it is asked. */
	puts_of("&amp;amp;", STR("&amp;"));
}

static void what_comes_from_outside_stays_on_its_line(void **state)
{
	struct buf b = BUF_INIT(4096);

	(void)state;
	markup_put_safe(&b, STR("a\n<b>\x01\xff"), 100);
	assert_string_equal(buf_str(&b).p, "a\\x0a&lt;b&gt;\\x01\\xff");
	buf_reset(&b);
	markup_put_safe(&b, STR("\xe2\x80\xaegnp"), 100);
	assert_string_equal(buf_str(&b).p, "\\u{202e}gnp");
	buf_reset(&b);
	/* Cut before it is escaped: never within an escape. */
	markup_put_safe(&b, STR("<<<<<<<<<<"), 5);
	assert_string_equal(buf_str(&b).p, "&lt;&lt;...");
	buf_fini(&b);
}

static void plain(const char *want, struct str s, size_t max)
{
	struct buf b = BUF_INIT(4096);

	markup_put_plain(&b, s, max);
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(buf_str(&b).p, want);
	assert_true(b.n <= max);
	buf_fini(&b);
}

static void nothing_means_anything_in_plain_text(void **state)
{
	(void)state;
	plain("as it is: 5% of a_b, c/d & e", STR("as it is: 5% of a_b, c/d & e"),
	      100);
	plain("two lines and a tab", STR(" two\r\nlines \n and\ta  tab\n"),
	      100);
	plain("\u2039script\u203aa()\u2039/script\u203a",
	      STR("<script>a()</script>"), 100);
	plain("(code)x(/code) (a)(http: //b)", STR("[code]x[/code] [a](http://b)"),
	      100);
	plain("!(i)(https: //e/i) 'x'", STR("![i](https://e/i) `x`"), 100);
	plain("log-group:/aws/lambda", STR("log-group:/aws/lambda"), 100);
	plain("\\x1b(2J\\u{202e}", STR("\x1b[2J\xe2\x80\xae"), 100);
	plain("\\xff\\xfe", STR("\xff\xfe"), 100);
	plain("abcdefg...", STR("abcdefghijklmnop"), 10);
}

static void a_full_buffer_says_so(void **state)
{
	struct buf b = BUF_INIT(8);

	(void)state;
	markup_put_safe(&b, STR("<<<<<<<"), 100);
	assert_int_equal(buf_error(&b), -E2BIG);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_no_text_and_no_attribute),
		cmocka_unit_test(what_comes_from_outside_stays_on_its_line),
		cmocka_unit_test(nothing_means_anything_in_plain_text),
		cmocka_unit_test(a_full_buffer_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
