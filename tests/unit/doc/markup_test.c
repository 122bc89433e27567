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
		cmocka_unit_test(a_full_buffer_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
