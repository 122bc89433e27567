/* CloudWatch's requests and answers, good and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "aws/cloudwatch.h"
#include "doc/json.h"

#define ARN "arn:aws:cloudwatch:us-east-1:111122223333:alarm:"

static struct json *parse(const char *text)
{
	struct json *j;
	struct err err;
	int rc = json_parse(&j, str_from(text), 0, &err);

	if (rc)
		print_error("%s\n", err.text);
	assert_int_equal(rc, 0);
	return j;
}

static void is(struct str got, const char *want)
{
	if (!str_is(got, want))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(got), want);
}

static void test_describe(void **state)
{
	const struct str names[] = { STR("a"), STR("b\"c") };
	struct cw_query q = { .names = names, .count = 2 };
	struct buf b = BUF_INIT(4096);

	(void)state;
	cloudwatch_put_describe(&b, &q, STR_NONE);
	is(buf_str(&b), "{\"AlarmTypes\":[\"MetricAlarm\",\"CompositeAlarm\","
			"\"LogAlarm\"],\"AlarmNames\":[\"a\",\"b\\\"c\"],"
			"\"MaxRecords\":100}");
	buf_reset(&b);
	q = (struct cw_query){ .state = STR("ALARM"), .no_log_alarms = true };
	cloudwatch_put_describe(&b, &q, STR("t+/="));
	is(buf_str(&b), "{\"AlarmTypes\":[\"MetricAlarm\",\"CompositeAlarm\"],"
			"\"StateValue\":\"ALARM\",\"MaxRecords\":100,"
			"\"NextToken\":\"t+/=\"}");
	buf_fini(&b);
}

struct seen {
	struct cw_alarm list[8];
	size_t count;
	int result;
};

static int each(const struct cw_alarm *a, void *arg)
{
	struct seen *s = arg;

	assert_true(s->count < 8);
	s->list[s->count++] = *a;
	return s->result;
}

static const char page[] =
	"{\"MetricAlarms\":[{\"AlarmName\":\"m\",\"AlarmArn\":\"" ARN "m\","
	"\"StateValue\":\"ALARM\",\"StateTransitionedTimestamp\":"
	"1795255200.647,\"StateUpdatedTimestamp\":1795255300,"
	"\"ActionsEnabled\":false,\"AlarmActions\":[\"x\"],\"OKActions\":[]},"
	"{\"AlarmName\":\"no arn\",\"StateValue\":\"OK\"},"
	"{\"AlarmArn\":\"" ARN "y\",\"StateValue\":\"OK\"},"
	"{\"AlarmName\":\"no state\",\"AlarmArn\":\"" ARN "z\"},"
	"{\"AlarmName\":7,\"AlarmArn\":[],\"StateValue\":{}}, 3, null, []],"
	"\"CompositeAlarms\":[{\"AlarmName\":\"c\",\"AlarmArn\":\"" ARN "c\","
	"\"StateValue\":\"OK\",\"ActionsSuppressedBy\":\"Alarm\","
	"\"StateUpdatedTimestamp\":1795255300}],"
	"\"LogAlarms\":[{\"AlarmName\":\"l\",\"AlarmArn\":\"" ARN "l\","
	"\"StateValue\":\"INSUFFICIENT_DATA\"}],\"NextToken\":\"n\"}";

static void test_page(void **state)
{
	struct json *j = parse(page);
	struct seen s = { .count = 0 };
	struct str next;
	struct err err;

	(void)state;
	assert_int_equal(cloudwatch_page_read(&next, j, each, &s, &err), 0);
	is(next, "n");
	assert_int_equal(s.count, 3);
	is(s.list[0].name, "m");
	assert_int_equal(s.list[0].type, CW_METRIC);
	assert_int_equal(s.list[0].changed_ms, 1795255200647LL);
	assert_false(s.list[0].actions_enabled);
	assert_int_equal(json_count(s.list[0].on_alarm), 1);
	assert_null(s.list[0].on_ok);
	assert_null(s.list[0].on_insufficient);
	assert_int_equal(s.list[1].type, CW_COMPOSITE);
	is(s.list[1].suppressed_by, "Alarm");
	assert_int_equal(s.list[1].changed_ms, 1795255300000LL);
	assert_true(s.list[1].actions_enabled);
	assert_int_equal(s.list[2].type, CW_LOG);
	assert_int_equal(s.list[2].changed_ms, 0);
	s = (struct seen){ .result = -ENOSPC };
	assert_int_equal(cloudwatch_page_read(&next, j, each, &s, &err),
			 -ENOSPC);
	assert_int_equal(s.count, 1);
	json_free(j);
}

/* Nothing of these may be taken for "there are no alarms". */
static void test_garbage_pages(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"MetricAlarms\":{}}", "{\"MetricAlarms\":\"\"}",
		"{\"Other\":[]}", "{\"MetricAlarms\":null}",
		"{\"MetricAlarms\":[],\"CompositeAlarms\":7}",
		"{\"MetricAlarms\":[],\"NextToken\":7}",
		"{\"MetricAlarms\":[],\"NextToken\":[\"a\"]}", "[]", "7",
	};
	struct seen s = { .count = 0 };
	struct str next = STR("untouched");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json *j = parse(bad[i]);
		struct err err = { "" };

		assert_int_equal(cloudwatch_page_read(&next, j, each, &s, &err),
				 -EBADMSG);
		assert_true(err.text[0]);
		json_free(j);
	}
	is(next, "untouched");
}

static void test_empty_pages(void **state)
{
	static const char *const good[] = {
		"{\"MetricAlarms\":[]}",
		"{\"CompositeAlarms\":[],\"NextToken\":null}",
		"{\"LogAlarms\":[],\"MetricAlarms\":[],\"NextToken\":\"\"}",
	};
	struct seen s = { .count = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct json *j = parse(good[i]);
		struct str next = STR("x");

		assert_int_equal(cloudwatch_page_read(&next, j, each, &s, NULL),
				 0);
		assert_null(next.p);
		json_free(j);
	}
	assert_int_equal(s.count, 0);
}

static void test_time(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} list[] = {
		{ "1795255200", 1795255200000LL },
		{ "1795255200.001", 1795255200001LL },
		{ "1795255200.999", 1795255200999LL },
		{ "1.795255200647E9", 1795255200647LL },
		{ "0", 0 }, { "-5", 0 }, { "1e300", 0 }, { "\"x\"", 0 },
		{ "null", 0 }, { "[]", 0 },
	};

	(void)state;
	assert_int_equal(cloudwatch_time(NULL), 0);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct buf b = BUF_INIT(64);
		struct json *j;

		buf_printf(&b, "[%s]", list[i].text);
		j = parse(b.p);
		assert_int_equal(cloudwatch_time(json_item(j, 0)), list[i].ms);
		json_free(j);
		buf_fini(&b);
	}
	/* Every millisecond of a second comes out as it went in. */
	for (int ms = 0; ms < 1000; ms++) {
		struct buf b = BUF_INIT(64);
		struct json *j;

		buf_printf(&b, "[1795255200.%03d]", ms);
		j = parse(b.p);
		assert_int_equal(cloudwatch_time(json_item(j, 0)),
				 1795255200000LL + ms);
		json_free(j);
		buf_fini(&b);
	}
}

static void test_arn(void **state)
{
	static const char *const bad[] = {
		"", "arn", "arn:aws:cloudwatch:us-east-1:111122223333:alarm:",
		"arn:aws:cloudwatch:us-east-1:111122223333:alarm",
		"arn:aws:cloudwatch::111122223333:alarm:x",
		"arn:aws:cloudwatch:us-east-1:11112222333:alarm:x",
		"arn:aws:sns:us-east-1:111122223333:alarm:x",
		"arn:aws:cloudwatch:us-east-1:111122223333:dashboard:x",
		"urn:aws:cloudwatch:us-east-1:111122223333:alarm:x",
	};
	struct cw_arn a;

	(void)state;
	assert_true(cloudwatch_arn_read(&a, STR(ARN "a:b/c d")));
	is(a.region, "us-east-1");
	is(a.account, "111122223333");
	is(a.name, "a:b/c d");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(cloudwatch_arn_read(&a, str_from(bad[i])));
}

static void test_tags(void **state)
{
	struct arena *arena = arena_new(1 << 20);
	const struct cw_tag *list;
	struct json *j;

	(void)state;
	j = parse("{\"Tags\":[{\"Key\":\"severity\",\"Value\":\"HIGH\"},"
		  "{\"Key\":\"empty\",\"Value\":\"\"},{\"Key\":\"\","
		  "\"Value\":\"x\"},{\"Key\":7,\"Value\":\"x\"},{},null,"
		  "{\"Key\":\"k\"}]}");
	assert_int_equal(cloudwatch_tags_read(&list, j, arena), 2);
	is(list[0].key, "severity");
	is(list[0].value, "HIGH");
	is(list[1].value, "");
	json_free(j);
	j = parse("{\"Tags\":[]}");
	assert_int_equal(cloudwatch_tags_read(&list, j, arena), 0);
	json_free(j);
	j = parse("{\"Tags\":{}}");
	assert_int_equal(cloudwatch_tags_read(&list, j, arena), -EBADMSG);
	json_free(j);
	j = parse("{}");
	assert_int_equal(cloudwatch_tags_read(&list, j, arena), -EBADMSG);
	json_free(j);
	arena_free(arena);
}

static int note_contributor(const struct cw_contributor *c, void *arg)
{
	struct buf *seen = arg;

	buf_printf(seen, "%.*s@%lld%s;", STR_ARG(c->id),
		   (long long)c->changed_ms, c->attributes ? "+" : "");
	return buf_error(seen);
}

static void test_contributors(void **state)
{
	static const char *const bad[] = {
		"{}", "[]", "{\"AlarmContributors\":null}",
		"{\"AlarmContributors\":{}}",
		"{\"AlarmContributors\":[],\"NextToken\":7}",
	};
	struct buf out = BUF_INIT(4096), seen = BUF_INIT(4096);
	struct str next = STR("unset");
	struct json *v;
	struct err err;

	(void)state;
	cloudwatch_put_contributors_of(&out, STR("a\"b"), STR_NONE);
	is(buf_str(&out), "{\"AlarmName\":\"a\\\"b\"}");
	buf_reset(&out);
	cloudwatch_put_contributors_of(&out, STR("a"), STR("t1"));
	is(buf_str(&out), "{\"AlarmName\":\"a\",\"NextToken\":\"t1\"}");

	assert_int_equal(json_parse(&v, STR(
		"{\"AlarmContributors\":[{\"ContributorId\":\"c1\","
		"\"ContributorAttributes\":{\"i\":\"1\"},"
		"\"StateTransitionedTimestamp\":1795255200.647},"
		"{\"ContributorId\":\"\"},{\"ContributorId\":7},8,"
		"{\"ContributorId\":\"c2\",\"ContributorAttributes\":[]}],"
		"\"NextToken\":\"t2\"}"), 0, NULL), 0);
	assert_int_equal(cloudwatch_contributors_read(
				 &next, v, note_contributor, &seen, &err), 0);
	is(buf_str(&seen), "c1@1795255200647+;c2@0;");
	is(next, "t2");
	json_free(v);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(json_parse(&v, str_from(bad[i]), 0, NULL), 0);
		assert_int_equal(
			cloudwatch_contributors_read(&next, v,
						     note_contributor, &seen,
						     &err), -EBADMSG);
		json_free(v);
	}
	buf_fini(&out);
	buf_fini(&seen);
}

static void test_mutes(void **state)
{
	static const struct {
		const char *text;
		int result;
	} list[] = {
		{ "{}", 0 },
		{ "{\"AlarmMuteRuleSummaries\":[]}", 0 },
		{ "{\"AlarmMuteRuleSummaries\":[{}]}", 1 },
		{ "{\"AlarmMuteRuleSummaries\":[],\"NextToken\":\"n\"}", 1 },
		{ "{\"AlarmMuteRuleSummaries\":7}", -EBADMSG },
	};
	struct buf b = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct json *j = parse(list[i].text);

		assert_int_equal(cloudwatch_muted_read(j), list[i].result);
		json_free(j);
	}
	cloudwatch_put_mutes_of(&b, STR("a"));
	is(buf_str(&b), "{\"AlarmName\":\"a\",\"Statuses\":[\"ACTIVE\"]}");
	buf_reset(&b);
	cloudwatch_put_mutes_of(&b, STR_NONE);
	is(buf_str(&b), "{\"Statuses\":[\"ACTIVE\"]}");
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_garbage_pages),
		cmocka_unit_test(test_empty_pages),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_arn),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_contributors),
		cmocka_unit_test(test_mutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
