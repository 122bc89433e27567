/* What the fixtures' one line an alarm doesn't show, and single shapes. */
#include "help.h"

static void test_fields_not_written(void **state)
{
	struct decoded d;
	const struct alarm *a = decode_file(&d, "metric-rds-cpu.json");

	(void)state;
	assert_int_equal(a->event, ALARM_CHANGED);
	assert_int_equal(a->state, ALARM_FIRING);
	assert_str(a->state_text, "ALARM");
	assert_true(a->has_threshold);
	assert_true(a->threshold == 95.0);
	assert_true(a->own_time);
	assert_ptr_equal(a->raw.p, d.text.p);
	assert_ptr_equal(a->payload, d.alarms.json);
	assert_str(alarm_dim(a, STR("DBInstanceIdentifier")), "pay-db-1");
	assert_str(alarm_dim(a, STR("dbinstanceidentifier")), NULL);
	assert_str(alarm_tag(a, STR("team")), NULL);
	decoded_fini(&d);
	a = decode_file(&d, "metric-cn-no-arn.json");
	assert_true(a->threshold == 2841116672.0);
	assert_str(alarm_tag(a, STR("team")), "queue");
	decoded_fini(&d);
	/* An anomaly alarm has bands, not a threshold. */
	a = decode_file(&d, "anomaly-cross-account.json");
	assert_false(a->has_threshold);
	decoded_fini(&d);
}

static void test_events_of_a_definition(void **state)
{
	static const struct {
		const char *file;
		enum alarm_event event;
	} cases[] = {
		{ "event-configuration-create.json", ALARM_CONFIGURED },
		{ "event-configuration-update.json", ALARM_CONFIGURED },
		{ "event-configuration-delete.json", ALARM_DELETED },
		{ "event-state.json", ALARM_CHANGED },
		{ "lambda-metric.json", ALARM_CHANGED },
	};
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct alarm *a = decode_file(&d, cases[i].file);

		assert_int_equal(a->event, cases[i].event);
		/* From the configuration, or reasonData's text. */
		assert_true(a->has_threshold);
		assert_true(a->threshold ==
			    (a->event == ALARM_CHANGED ? 95.0 : 80.0));
		decoded_fini(&d);
	}
}

static void test_held_actions(void **state)
{
	struct decoded d;
	const struct alarm *a;

	(void)state;
	a = decode_file(&d, "event-composite-suppressed.json");
	assert_str(a->suppressed_by, "WaitPeriod");
	assert_str(a->suppressed_reason, "Actions suppressed by WaitPeriod");
	assert_int_equal(a->suppressed_until_ms, 0);
	decoded_fini(&d);
	a = decode_file(&d, "event-muted.json");
	assert_str(a->suppressed_reason,
		   "muted from 2026-11-21T09:00:00.000+0000 to "
		   "2026-11-21T12:00:00.000+0000");
	assert_int_equal(a->suppressed_until_ms, 1795262400000);
	decoded_fini(&d);
	/* Suppressed before, not any more. */
	a = decode_file(&d, "lambda-composite.json");
	assert_str(a->suppressed_by, NULL);
	decoded_fini(&d);
}

static void test_region(void **state)
{
	static const struct {
		const char *arn, *shown, *topic, *region;
	} cases[] = {
		{ "arn:aws:cloudwatch:eu-west-3:1:alarm:x", "EU (London)",
		  TOPIC, "eu-west-3" },
		{ "arn:aws:cloudwatch:NOWHERE:1:alarm:x", "EU (London)", TOPIC,
		  "us-east-1" },
		{ "", "EU (London)", TOPIC, "us-east-1" },
		{ "", "ap-south-2", TOPIC, "ap-south-2" },
		{ "", "EU (London)", "", "eu-west-2" },
		{ "", "Europe (London)", "arn:aws:sns:EXAMPLE", "eu-west-2" },
		{ "", "EU - London", "", "eu-west-2" },
		{ "", "US - N. Virginia", "", "us-east-1" },
		{ "", "Asia Pacific - Seoul", "", "ap-northeast-2" },
		{ "", "South America (S\xc3\xa3o Paulo)", "", "sa-east-1" },
		{ "", "Canada (Central)", "", "ca-central-1" },
		{ "", "Mexico (Central)", "", "mx-central-1" },
		{ "", "AWS GovCloud (US)", "", "us-gov-west-1" },
		{ "", "Moon (Tycho)", "", NULL },
		{ "", "(", "", NULL },
		{ "", " - ", "", NULL },
		{ "", "us-east-1x", "", NULL },
	};
	struct buf text = BUF_INIT(4096);
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&text);
		buf_printf(&text,
			   "{\"AlarmName\":\"x\",\"NewStateValue\":\"OK\","
			   "\"AlarmArn\":\"%s\",\"Region\":\"%s\","
			   "\"StateChangeTime\":\"2026-11-21T10:00:00.000"
			   "+0000\"}",
			   cases[i].arn, cases[i].shown);
		d = (struct decoded){ .in = message(buf_str(&text)) };
		if (*cases[i].topic)
			d.in.topic = str_from(cases[i].topic);
		assert_str(decode_input(&d)->region, cases[i].region);
		decoded_fini(&d);
	}
	buf_fini(&text);
}

static void test_time(void **state)
{
	static const struct {
		const char *json;
		int64_t ms;		/* 0: not its own */
	} cases[] = {
		{ "\"2026-11-21T10:00:00.417+0000\"", INT64_C(1795255200417) },
		{ "\"2026-11-21T10:00:00Z\"", INT64_C(1795255200000) },
		{ "1795255200", INT64_C(1795255200000) },
		{ "1795255200.417", INT64_C(1795255200417) },
		{ "1795255200417", INT64_C(1795255200417) },
		{ "\"2026-11-21T10: 00: 00.417+0000\"", 0 },
		{ "\"1970-01-01T00:00:00Z\"", 0 },
		{ "\"0001-01-01T00:00:00Z\"", 0 },
		{ "\"date\"", 0 },
		{ "0", 0 },
		{ "-1", 0 },
		{ "1e300", 0 },
		{ "-1e300", 0 },
		{ "null", 0 },
		{ "[]", 0 },
		{ "{}", 0 },
		{ "true", 0 },
	};
	struct buf text = BUF_INIT(4096);
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const struct alarm *a;

		buf_reset(&text);
		buf_printf(&text, "{\"AlarmName\":\"x\",\"time\":%s}",
			   cases[i / 2].json);
		d = (struct decoded){ .in = message(buf_str(&text)) };
		d.in.sent_ms = i % 2 ? 77 : 0;
		a = decode_input(&d);
		assert_int_equal(a->own_time, cases[i / 2].ms != 0);
		assert_true(a->time_ms == (cases[i / 2].ms ? cases[i / 2].ms :
					   i % 2 ? 77 : NOW));
		decoded_fini(&d);
	}
	/* Nobody knows the time: still above 0. */
	d = (struct decoded){ .in = { .body = STR("x") } };
	assert_true(decode_input(&d)->time_ms > 0);
	decoded_fini(&d);
	buf_fini(&text);
}

static void test_severity_and_ci(void **state)
{
	static const struct {
		const char *json, *severity, *ci;
	} cases[] = {
		{ "\"severity\":\"HIGH\"", "high", NULL },
		{ "\"severity\":\" Critical \"", "critical", NULL },
		{ "\"severity\":\"Sev1\"", "Sev1", NULL },
		{ "\"severity\":3,\"stackflow_ci_id\":17", "3", "17" },
		{ "\"severity\":\"\",\"AlarmDescription\":\"severity:low\"",
		  "low", NULL },
		{ "\"severity\":[\"HIGH\"],\"stackflow_ci_id\":{}", NULL,
		  NULL },
		/* own fields, then tags, then description */
		{ "\"severity\":\"low\",\"AlarmTags\":{\"severity\":\"high\"}",
		  "low", NULL },
		{ "\"AlarmTags\":{\"severity\":\"HIGH\"},"
		  "\"AlarmDescription\":\"severity: low\\n"
		  "stackflow_ci_id: CI1\"", "high", "CI1" },
		{ "\"AlarmTags\":[{\"Key\":\"stackflow_ci_id\",\"Value\":"
		  "\"CI2\"},{\"Key\":\"severity\"},7]", NULL, "CI2" },
		{ "\"AlarmDescription\":\"{\\\"severity\\\":\\\"LOW\\\","
		  "\\\"stackflow_ci_id\\\":\\\"CI3\\\"}\"", "low", "CI3" },
		{ "\"AlarmDescription\":\"Text.\\r\\n  Severity :  Medium\\r\\n"
		  "severity: high\\r\\n\"", "medium", NULL },
		{ "\"AlarmDescription\":\"{broken\\nseverity: high\"", "high",
		  NULL },
		/* Not on a line of its own, or of another name. */
		{ "\"AlarmDescription\":\"its severity: high\"", NULL, NULL },
		{ "\"AlarmDescription\":\"severity:\\nseverity_x: high\"", NULL,
		  NULL },
		{ "\"AlarmDescription\":7", NULL, NULL },
	};
	struct buf text = BUF_INIT(4096);
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct alarm *a;

		buf_reset(&text);
		buf_printf(&text, "{\"AlarmName\":\"x\",%s}", cases[i].json);
		a = decode(&d, text.p);
		assert_string_equal(a->kind, "direct");
		assert_str(a->severity, cases[i].severity);
		assert_str(a->ci_id, cases[i].ci);
		decoded_fini(&d);
	}
	buf_fini(&text);
}

static void test_resource(void **state)
{
	static const struct {
		const char *namespace, *dims, *resource;
	} cases[] = {
		{ "AWS/EC2", "\"InstanceId\":\"i-1\"", "ec2:R:A:instance/i-1" },
		{ "CWAgent", "\"host\":\"h\",\"InstanceId\":\"i-1\"",
		  "ec2:R:A:instance/i-1" },
		{ "AWS/RDS", "\"DBClusterIdentifier\":\"c\"",
		  "rds:R:A:cluster:c" },
		{ "AWS/Lambda", "\"FunctionName\":\"f\",\"Resource\":\"f:1\"",
		  "lambda:R:A:function:f" },
		{ "AWS/SQS", "\"QueueName\":\"q.fifo\"", "sqs:R:A:q.fifo" },
		{ "AWS/DynamoDB", "\"TableName\":\"t\",\"Operation\":\"Put\"",
		  "dynamodb:R:A:table/t" },
		{ "AWS/ECS", "\"ClusterName\":\"c\"", "ecs:R:A:cluster/c" },
		{ "AWS/NetworkELB", "\"LoadBalancer\":\"net/n/1\"",
		  "elasticloadbalancing:R:A:loadbalancer/net/n/1" },
		{ "AWS/ELB", "\"LoadBalancerName\":\"old\"",
		  "elasticloadbalancing:R:A:loadbalancer/old" },
		{ "AWS/S3", "\"BucketName\":\"b\",\"StorageType\":\"All\"",
		  "s3:::b" },
		/* no resource, or none that is sure */
		{ "AWS/EC2", "\"AutoScalingGroupName\":\"g\"", NULL },
		{ "AWS/EC2", "\"InstanceId\":\"*\"", NULL },
		{ "AWS/EC2", "\"InstanceId\":\"i 1\"", NULL },
		{ "AWS/EC2", "\"InstanceId\":\"\"", NULL },
		{ "AWS/SQS", "\"QueueName\":\"q:admin\"", NULL },
		{ "Shop", "\"InstanceId\":\"i-1\"", NULL },
	};
	struct buf text = BUF_INIT(4096), want = BUF_INIT(4096);
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str rest = str_from(cases[i].resource), part;

		buf_reset(&text);
		buf_printf(&text,
			   "{\"AlarmName\":\"x\",\"region\":\"us-east-1\","
			   "\"account\":\"111122223333\",\"Namespace\":\"%s\","
			   "\"Dimensions\":{%s}}",
			   cases[i].namespace, cases[i].dims);
		buf_reset(&want);
		buf_puts(&want, "arn:aws");
		while (str_cut(&rest, ':', &part))
			buf_printf(&want, ":%.*s",
				   STR_ARG(str_is(part, "R") ? STR("us-east-1") :
					   str_is(part, "A") ?
						   STR("111122223333") : part));
		assert_str(decode(&d, text.p)->resource_arn,
			   cases[i].resource ? want.p : NULL);
		decoded_fini(&d);
	}
	buf_fini(&text);
	buf_fini(&want);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *json, *kind, *source;
	} cases[] = {
		/* CloudWatch-like, but what names the alarm is no name. */
		{ "{\"AlarmName\":7,\"NewStateValue\":\"ALARM\",\"Trigger\":{}}",
		  "json", "webhook" },
		{ "{\"AlarmName\":\"\",\"NewStateValue\":\"ALARM\"}", "json",
		  "webhook" },
		{ "{\"AlarmName\":\"x\",\"NewStateValue\":\"ALARM\"}", "direct",
		  "direct" },
		{ "{\"alarm_data\":{\"AlarmName\":7},\"AlarmName\":\"x\"}",
		  "direct", "direct" },
		{ "{\"alarm_data\":[]}", "json", "webhook" },
		{ "{\"AlarmName\":\"x\",\"NewStateValue\":\"ALARM\","
		  "\"AlarmContributor\":{\"ContributorId\":\"c\"},"
		  "\"StateChangeTime\":\"\"}", "contributor-alarm",
		  "cloudwatch" },
		{ "{\"source\":\"aws.cloudwatch\",\"alarmData\":{\"alarmName\":"
		  "\"x\",\"alarmContributor\":{\"id\":\"c\"}}}",
		  "contributor-alarm", "cloudwatch" },
		{ "{\"source\":\"else\",\"alarmData\":{\"alarmName\":\"x\"}}",
		  "json", "webhook" },
		{ "{\"source\":\"aws.cloudwatch\",\"detail-type\":"
		  "\"CloudWatch Alarm State Change\",\"detail\":{}}",
		  "eventbridge", "eventbridge" },
		{ "{\"source\":\"s\",\"detail-type\":\"t\"}", "json",
		  "webhook" },
		{ "{}", "json", "webhook" },
		{ "[{\"AlarmName\":\"x\"}]", "json", "webhook" },
		{ "\"AlarmName\"", "json", "webhook" },
		{ "17", "json", "webhook" },
		{ "{\"a\":1,\"a\":2}", "text", "webhook" },
		{ "{\"AlarmName\":\"x\"} {}", "text", "webhook" },
		{ "", "text", "webhook" },
		{ "\xff\xfe", "text", "webhook" },
	};
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct alarm *a = decode(&d, cases[i].json);

		if (!str_is(str_from(a->kind), cases[i].kind))
			fail_msg("%s is %s", cases[i].json, a->kind);
		assert_string_equal(a->source, cases[i].source);
		assert_true(a->name.n > 0);
		assert_int_equal(d.alarms.count, 1);
		decoded_fini(&d);
	}
}

static void test_names_of_the_unknown(void **state)
{
	struct decoded d = { .in = message(STR("{\"a\":\n1}")) };
	struct alarm_input line = message(STR("\n \r\n  first \r\nsecond"));
	char many[300];

	(void)state;
	assert_str(decode_input(&d)->name, "{\"a\":1}");
	decoded_fini(&d);
	d.in.subject = STR("  Disk full ");
	assert_str(decode_input(&d)->name, "Disk full");
	decoded_fini(&d);
	d.in = line;
	assert_str(decode_input(&d)->name, "first");
	decoded_fini(&d);
	d.in = message(STR(" \n"));
	assert_str(decode_input(&d)->name, "(empty message)");
	decoded_fini(&d);
	/* Cut at a whole character. */
	memset(many, 'x', sizeof(many));
	memcpy(many + 99, "\xc3\xa4", 2);
	d.in = message((struct str){ many, sizeof(many) });
	assert_int_equal(decode_input(&d)->name.n, 99);
	decoded_fini(&d);
	/* Bytes that are no text at all are a name too. */
	memset(many, 0x91, sizeof(many));
	assert_int_equal(decode_input(&d)->name.n, 100);
	decoded_fini(&d);
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(alarm_state_name(ALARM_FIRING), "ALARM");
	assert_string_equal(alarm_state_name(ALARM_OK), "OK");
	assert_string_equal(alarm_state_name(ALARM_INSUFFICIENT),
			    "INSUFFICIENT_DATA");
	assert_string_equal(alarm_state_name(ALARM_UNKNOWN), "UNKNOWN");
	assert_string_equal(alarm_state_name(ALARM_NONE), "NONE");
}

/* Only OK is OK, in its case; by hand, in any case. */
static void test_state_words(void **state)
{
	static const struct {
		const char *json;
		enum alarm_state direct, cloudwatch;
	} cases[] = {
		{ "\"OK\"", ALARM_OK, ALARM_OK },
		{ "\"ok\"", ALARM_OK, ALARM_UNKNOWN },
		{ "\"ALARM\"", ALARM_FIRING, ALARM_FIRING },
		{ "\"OK \"", ALARM_UNKNOWN, ALARM_UNKNOWN },
		{ "\"OK\\u0000\"", ALARM_UNKNOWN, ALARM_UNKNOWN },
		{ "\"resolved\"", ALARM_UNKNOWN, ALARM_UNKNOWN },
		{ "true", ALARM_UNKNOWN, ALARM_UNKNOWN },
		{ "[]", ALARM_UNKNOWN, ALARM_UNKNOWN },
		{ "\"\"", ALARM_FIRING, ALARM_UNKNOWN },
	};
	struct buf text = BUF_INIT(4096);
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&text);
		buf_printf(&text,
			   "{\"AlarmName\":\"x\",\"NewStateValue\":%s%s}",
			   cases[i / 2].json,
			   i % 2 ? ",\"Trigger\":{}" : "");
		assert_int_equal(decode(&d, text.p)->state,
				 i % 2 ? cases[i / 2].cloudwatch :
					 cases[i / 2].direct);
		decoded_fini(&d);
	}
	buf_fini(&text);
}

static void test_console_url(void **state)
{
	static const struct {
		const char *file, *url;
	} cases[] = {
		{ "metric-rds-cpu.json",
		  "https://us-east-1.console.aws.amazon.com/cloudwatch/home?"
		  "region=us-east-1#alarmsV2:alarm/pay-db-cpu" },
		{ "metric-gov-tags.json",
		  "https://us-gov-west-1.console.amazonaws-us-gov.com/"
		  "cloudwatch/home?region=us-gov-west-1#alarmsV2:alarm/"
		  "vault%20cpu%2F1" },
		{ "metric-cn-no-arn.json",
		  "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?"
		  "region=cn-north-1#alarmsV2:alarm/beijing-queue" },
		{ "direct.json", "" },
		{ "direct-ok.json",
		  "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?"
		  "region=eu-west-1#alarmsV2:alarm/legacy-disk" },
		{ "event-ec2-state.json",
		  "https://us-east-1.console.aws.amazon.com/ec2/home?"
		  "region=us-east-1#InstanceDetails:instanceId="
		  "i-0123456789abcdef0" },
		/* Not an alarm of CloudWatch's. */
		{ "event-custom.json", "" },
		{ "text.txt", "" },
	};
	struct buf url = BUF_INIT(4096);
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&url);
		alarm_put_console_url(&url, decode_file(&d, cases[i].file));
		assert_str(buf_str(&url), cases[i].url);
		decoded_fini(&d);
	}
	buf_fini(&url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_not_written),
		cmocka_unit_test(test_events_of_a_definition),
		cmocka_unit_test(test_held_actions),
		cmocka_unit_test(test_region),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_severity_and_ci),
		cmocka_unit_test(test_resource),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_names_of_the_unknown),
		cmocka_unit_test(test_state_names),
		cmocka_unit_test(test_state_words),
		cmocka_unit_test(test_console_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
