#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/fault.h"
#include "doc/json.h"

static void test_text(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct faults f;

	(void)state;
	faults_init(&f);
	fault_add(&f, FAULT_ERROR, "unknown-key", "a.yaml", 3, 5, "key \"%s\"",
		  "x");
	fault_add(&f, FAULT_WARNING, "world-readable", "a.yaml", 0, 0, "open");
	fault_add(&f, FAULT_ERROR, "io", NULL, 0, 0, "50%%");
	fault_add(&f, FAULT_ERROR, "e", "a\nb", 1, 0, "esc \x1b[31m\nnl \xff");
	faults_put_text(&b, &f);
	assert_string_equal(
		b.p, "a.yaml:3:5: error[unknown-key]: key \"x\"\n"
		     "a.yaml: warning[world-readable]: open\n"
		     "error[io]: 50%\n"
		     "a\\x0ab:1: error[e]: esc \\x1b[31m\\x0anl \\xff\n");
	assert_int_equal(f.count, 4);
	assert_int_equal(f.errors, 3);
	buf_fini(&b);
	faults_fini(&f);
}

static void test_json(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct faults f;

	(void)state;
	faults_init(&f);
	faults_put_json(&b, &f);
	assert_string_equal(b.p, "[]");
	buf_reset(&b);
	fault_add(&f, FAULT_WARNING, "c", "a\"b.yaml", 3, 5, "t");
	fault_add(&f, FAULT_ERROR, "d", NULL, 0, 0, "u");
	faults_put_json(&b, &f);
	assert_string_equal(
		b.p,
		"[{\"file\":\"a\\\"b.yaml\",\"line\":3,\"column\":5,"
		"\"level\":\"warning\",\"code\":\"c\",\"text\":\"t\"},"
		"{\"file\":null,\"line\":0,\"column\":0,\"level\":\"error\","
		"\"code\":\"d\",\"text\":\"u\"}]");
	assert_int_equal(json_scan(buf_str(&b), 0, NULL), 0);
	buf_fini(&b);
	faults_fini(&f);
}

static void test_github(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct faults f;

	(void)state;
	faults_init(&f);
	fault_add(&f, FAULT_ERROR, "c", "a,b:c.yaml", 3, 5, "100%% ::x");
	fault_add(&f, FAULT_WARNING, "d", NULL, 0, 0, "u");
	faults_put_github(&b, &f);
	assert_string_equal(
		b.p,
		"::error file=a%2Cb%3Ac.yaml,line=3,col=5,title=c::100%25 ::x\n"
		"::warning title=d::u\n");
	buf_fini(&b);
	faults_fini(&f);
}

static void test_maximum(void **state)
{
	struct buf b = BUF_INIT(1 << 20);
	struct faults f;

	(void)state;
	faults_init(&f);
	for (int i = 0; i < FAULTS_MAX + 7; i++)
		fault_add(&f, FAULT_ERROR, "c", "f", i + 1, 1, "%d", i);
	assert_int_equal(f.count, FAULTS_MAX);
	assert_int_equal(f.errors, FAULTS_MAX + 7);
	assert_int_equal(f.lost, 7);
	assert_string_equal(f.list[FAULTS_MAX - 1].text, "199");
	faults_put_text(&b, &f);
	assert_true(str_ends(buf_str(&b), "and 7 more\n"));
	buf_fini(&b);
	faults_fini(&f);
	faults_fini(&f);
}

static void nearest(const char *word, const char *want)
{
	static const char *const list[] = { "listen",  "sns",	  "sqs",
					    "topics",  "timeout", "max_age",
					    "confirm", NULL };
	const char *got = fault_nearest(str_from(word), list);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void test_nearest(void **state)
{
	char longest[300];

	(void)state;
	nearest("listen", "listen");
	nearest("lisen", "listen");
	nearest("lsiten", "listen");
	nearest("lsietn", "listen");
	nearest("topcs", "topics");
	nearest("maxage", "max_age");
	nearest("sms", "sns");
	nearest("snss", "sns");
	nearest("xyz", NULL);
	nearest("qsq", NULL);
	nearest("conf", NULL);
	nearest("", NULL);
	nearest("timetables", NULL);
	memset(longest, 'a', sizeof(longest));
	longest[299] = '\0';
	nearest(longest, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	cmocka_unit_test(test_json),
		cmocka_unit_test(test_github),	cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
