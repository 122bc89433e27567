/*
 * Payloads as AWS and others really sent them, where TOCSIN_CORPUS names a
 * folder that holds them; they aren't ours to ship. The kind stands before
 * the "--" of a file's name.
 */
#include "help.h"

#include <dirent.h>

static const struct {
	const char *prefix, *kind, *other;
} kinds[] = {
	{ "cloudwatch-metric-alarm", "metric-alarm", NULL },
	{ "cloudwatch-anomaly-alarm", "metric-alarm", NULL },
	{ "cloudwatch-alarm-lambda-direct", "metric-alarm", "composite-alarm" },
	{ "eventbridge-cloudwatch-alarm-contributor", "contributor-alarm",
	  NULL },
	{ "eventbridge-cloudwatch-alarm-", "eventbridge-alarm", NULL },
	{ "plain-text", "text", NULL },
	{ "grafana-legacy", "json", NULL },
};

static int check(const struct alarm_input *in, void *arg)
{
	const char *name = arg;
	struct buf out = BUF_INIT(1 << 20);
	struct jsonw w = JSONW(&out);
	struct alarms alarms;
	const struct alarm *a;

	assert_int_equal(alarm_decode(&alarms, in), 0);
	a = &alarms.list[0];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!str_starts(str_from(name), kinds[i].prefix))
			continue;
		if (!str_is(str_from(a->kind), kinds[i].kind) &&
		    !str_is(str_from(a->kind), kinds[i].other))
			fail_msg("%s is %s", name, a->kind);
		break;
	}
	if (str_starts(str_from(name), "cloudwatch-")) {
		assert_true(a->account.n && a->name.n);
		assert_int_not_equal(a->state, ALARM_UNKNOWN);
	}
	alarm_write(&w, a);
	assert_int_equal(json_scan(buf_str(&out), 0, NULL), 0);
	if (getenv("TOCSIN_CORPUS_SHOW"))
		printf("%s %.*s\n", name, STR_ARG(buf_str(&out)));
	buf_fini(&out);
	alarms_fini(&alarms);
	return 0;
}

static int check_folder(const char *corpus, const char *folder)
{
	struct buf text = BUF_INIT(4 << 20);
	struct dirent *e;
	struct err err;
	char path[1024];
	int count = 0, n;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", corpus, folder);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		if (!str_ends(str_from(e->d_name), ".json"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", corpus, folder,
			 e->d_name);
		buf_reset(&text);
		assert_true(slurp(&text, path));
		n = alarm_unwrap(buf_str(&text), NOW, check, e->d_name, &err);
		if (n < 1 && str_find(str_from(err.text), STR("subscription")) < 0)
			fail_msg("%s: %d %s", path, n, err.text);
		count++;
	}
	closedir(dir);
	buf_fini(&text);
	return count;
}

static void test_corpus(void **state)
{
	const char *corpus = getenv("TOCSIN_CORPUS");

	(void)state;
	if (!corpus || check_folder(corpus, "payloads") == 0) {
		skip();
		return;
	}
	check_folder(corpus, "sqs");
	check_folder(corpus, "sns-signed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
