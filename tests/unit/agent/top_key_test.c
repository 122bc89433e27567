/* What terminals send, as keys; whole, in pieces, and as garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/top/key.h"
#include "base/random.h"

static const struct {
	const char *bytes;
	enum key_code code;
	const char *text;
} whole[] = {
	{ "q", KEY_TEXT, "q" },		 { "é", KEY_TEXT, "é" },
	{ "日", KEY_TEXT, "日" },	 { "\U0001f525", KEY_TEXT,
					   "\U0001f525" },
	{ "\r", KEY_ENTER, "" },	 { "\n", KEY_ENTER, "" },
	{ "\t", KEY_TAB, "" },		 { "\x7f", KEY_BACKSPACE, "" },
	{ "\x08", KEY_BACKSPACE, "" },	 { "\x03", KEY_CONTROL, "c" },
	{ "\x1a", KEY_CONTROL, "z" },	 { "\033[A", KEY_UP, "" },
	{ "\033OB", KEY_DOWN, "" },	 { "\033[C", KEY_RIGHT, "" },
	{ "\033[D", KEY_LEFT, "" },	 { "\033[5~", KEY_PAGE_UP, "" },
	{ "\033[6~", KEY_PAGE_DOWN, "" }, { "\033[H", KEY_HOME, "" },
	{ "\033[4~", KEY_END, "" },	 { "\033[3~", KEY_DELETE, "" },
	{ "\033[Z", KEY_BACK_TAB, "" },	 { "\033[200~", KEY_PASTE, "" },
	{ "\033[201~", KEY_PASTED, "" }, { "\033[1;5A", KEY_NONE, "" },
	{ "\033[38;2;1;2;3m", KEY_NONE, "" },
};

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		struct str s = str_from(whole[i].bytes);
		struct key k;

		assert_int_equal(key_take(&k, s, false), s.n);
		assert_int_equal(k.code, whole[i].code);
		assert_string_equal(k.text, whole[i].text);
		/* In pieces nothing is taken for another key meanwhile. */
		for (size_t n = 1; n < s.n; n++)
			assert_int_equal(key_take(&k, str_sub(s, 0, n),
						  false), 0);
	}
}

static void test_an_escape_alone(void **state)
{
	struct key k;

	(void)state;
	assert_int_equal(key_take(&k, STR("\033"), false), 0);
	assert_int_equal(key_take(&k, STR("\033"), true), 1);
	assert_int_equal(k.code, KEY_ESCAPE);
	/* One that is followed by a key of its own. */
	assert_int_equal(key_take(&k, STR("\033q"), false), 1);
	assert_int_equal(k.code, KEY_ESCAPE);
	assert_int_equal(key_take(&k, STR("\033["), true), 1);
	assert_int_equal(k.code, KEY_ESCAPE);
}

static void test_broken_text(void **state)
{
	struct key k;

	(void)state;
	assert_int_equal(key_take(&k, STR("\xff"), false), 1);
	assert_int_equal(k.code, KEY_NONE);
	assert_int_equal(key_take(&k, STR("\x80q"), false), 1);
	assert_int_equal(key_take(&k, STR("\xe2\x28\xa1"), false), 1);
	assert_int_equal(k.code, KEY_NONE);
	assert_int_equal(key_take(&k, STR("\xe2\x82"), true), 1);
	assert_int_equal(key_take(&k, STR("\0"), false), 1);
	assert_int_equal(k.code, KEY_NONE);
}

static void test_garbage_ends(void **state)
{
	char bytes[64];

	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		struct str s = { bytes, random_below(sizeof(bytes)) };

		random_bytes(bytes, sizeof(bytes));
		for (size_t i = 0; i < s.n; i++)
			if (random_below(3) == 0)
				bytes[i] = "\033[O;0~"[random_below(6)];
		while (s.n) {
			struct key k;
			size_t n = key_take(&k, s, true);

			assert_true(n > 0 && n <= s.n);
			assert_true(strlen(k.text) < sizeof(k.text));
			s = str_sub(s, n, s.n - n);
		}
	}
}

static void test_a_sequence_without_end(void **state)
{
	struct key k;
	char bytes[200];

	(void)state;
	memset(bytes, '0', sizeof(bytes));
	bytes[0] = '\033';
	bytes[1] = '[';
	assert_true(key_take(&k, (struct str){ bytes, sizeof(bytes) },
			     false) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_an_escape_alone),
		cmocka_unit_test(test_broken_text),
		cmocka_unit_test(test_garbage_ends),
		cmocka_unit_test(test_a_sequence_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
