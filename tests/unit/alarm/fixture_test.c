/*
 * Every fixture, unwrapped, decoded and written as `tocsin explain --json`
 * shows it, against expected/NAME: one line an alarm. What a fixture stands
 * for is said by its name. After a wanted change: TOCSIN_WRITE_EXPECTED=1
 * writes them anew, for the diff to be read.
 */
#include "help.h"

#include <dirent.h>


static int put_alarms(const struct alarm_input *in, void *arg)
{
	struct buf *out = arg;
	struct jsonw w = JSONW(out);
	struct alarms alarms;

	assert_int_equal(alarm_decode(&alarms, in), 0);
	for (size_t i = 0; i < alarms.count; i++) {
		w = JSONW(out);
		alarm_write(&w, &alarms.list[i]);
		buf_putc(out, '\n');
	}
	alarms_fini(&alarms);
	return 0;
}

static void check_fixture(const char *name)
{
	struct buf text = BUF_INIT(4 << 20), got = BUF_INIT(4 << 20);
	struct str rest, line;
	struct err err = { "" };
	int n;

	fixture(&text, name);
	n = alarm_unwrap(buf_str(&text), NOW, put_alarms, &got, &err);
	if (n < 0)
		buf_printf(&got, "%s\n", err.text);
	else
		assert_true(n > 0);
	assert_int_equal(buf_error(&got), 0);
	for (rest = buf_str(&got); n > 0 && str_cut(&rest, '\n', &line);)
		if (line.n && json_scan(line, 0, &err))
			fail_msg("%s: %s: %.*s", name, err.text, STR_ARG(line));
	as_expected(DATA, name, buf_str(&got));
	buf_fini(&text);
	buf_fini(&got);
}

static void test_every_fixture(void **state)
{
	DIR *dir = opendir(DATA);
	struct dirent *e;
	int count = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || str_is(str_from(e->d_name), "expected"))
			continue;
		check_fixture(e->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count >= 45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_fixture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
