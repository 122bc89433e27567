#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "aws/sqs.h"
#include "doc/json.h"

#define URL "https://sqs.us-east-1.amazonaws.com/111122223333/alarms"

static struct json *parse(const char *text)
{
	struct json *v;

	assert_int_equal(json_parse(&v, str_from(text), 0, NULL), 0);
	return v;
}

static void assert_text(struct str got, const char *want)
{
	if (!str_is(got, want))
		fail_msg("got \"%.*s\", not \"%s\"", STR_ARG(got), want);
}

static void names_and_regions(void **state)
{
	static const struct {
		const char *url, *name, *region;
	} t[] = {
		{ URL, "alarms", "us-east-1" },
		{ "https://sqs.cn-north-1.amazonaws.com.cn/1/a.fifo",
		  "a.fifo", "cn-north-1" },
		{ "https://sqs.us-gov-west-1.amazonaws.com/1/a", "a",
		  "us-gov-west-1" },
		{ "https://sqs.eusc-de-east-1.amazonaws.eu/1/a", "a",
		  "eusc-de-east-1" },
		{ "https://sqs-fips.us-east-2.amazonaws.com/1/a", "a",
		  "us-east-2" },
		{ "https://sqs.eu-west-3.api.aws/1/a", "a", "eu-west-3" },
		{ "https://vpce-0a1b-2c.sqs.ap-south-1.vpce.amazonaws.com/1/a",
		  "a", "ap-south-1" },
		{ "https://eu-central-1.queue.amazonaws.com/1/a", "a",
		  "eu-central-1" },
		{ "https://queue.amazonaws.com/1/a", "a", "us-east-1" },
		{ "http://sqs.us-east-1.localhost:4566/000000000000/q/", "q",
		  "us-east-1" },
		{ "http://127.0.0.1:4566/000000000000/q", "q", NULL },
		{ "http://localhost:4566/q", "q", NULL },
		{ "https://sqs.example.com/1/a", "a", NULL },
		{ "https://sqs.US-EAST-1.amazonaws.com/1/a", "a", NULL },
		{ "https://sqs.us-east-.amazonaws.com/1/a", "a", NULL },
		{ "https://sqs.us-east-1/", "sqs.us-east-1", "us-east-1" },
		{ "nothing", "nothing", NULL },
		{ "", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct str url = str_from(t[i].url);
		struct str region = sqs_queue_region(url);

		assert_text(sqs_queue_name(url), t[i].name);
		if (t[i].region)
			assert_text(region, t[i].region);
		else
			assert_null(region.p);
	}
	assert_true(sqs_queue_is_fifo(STR("https://h/1/a.fifo")));
	assert_false(sqs_queue_is_fifo(STR(URL)));
}

static void asks_for_messages(void **state)
{
	struct sqs_receive r = { .queue_url = STR(URL), .wait_s = 20,
				 .visibility_s = 60 };
	struct buf b = BUF_INIT(4096);
	struct json *v;

	(void)state;
	sqs_put_receive(&b, &r);
	v = parse(b.p);
	assert_text(json_get_str(v, "QueueUrl"), URL);
	assert_int_equal(json_int(json_get(v, "WaitTimeSeconds"), -1), 20);
	assert_int_equal(json_int(json_get(v, "VisibilityTimeout"), -1), 60);
	assert_int_equal(json_int(json_get(v, "MaxNumberOfMessages"), -1), 10);
	assert_int_equal(json_count(json_get(v,
					"MessageSystemAttributeNames")), 3);
	assert_null(json_get(v, "ReceiveRequestAttemptId"));
	json_free(v);
	buf_reset(&b);
	r.attempt = STR("again");
	sqs_put_receive(&b, &r);
	v = parse(b.p);
	assert_text(json_get_str(v, "ReceiveRequestAttemptId"), "again");
	json_free(v);
	buf_fini(&b);
}

/* A handle comes back as it was, whatever it holds. */
static void hands_back_handles(void **state)
{
	const struct str handles[] = { STR("AQEB+/="), STR("a\"b\\c\n\0d") };
	const unsigned seconds[] = { 0, 43200 };
	struct buf b = BUF_INIT(4096);
	const struct json *list;
	struct json *v;

	(void)state;
	sqs_put_delete(&b, STR(URL), handles, 2);
	v = parse(b.p);
	list = json_get(v, "Entries");
	assert_int_equal(json_count(list), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct json *e = json_item(list, i);

		assert_true(str_eq(json_get_str(e, "ReceiptHandle"),
				   handles[i]));
		assert_text(json_get_str(e, "Id"), i ? "1" : "0");
		assert_null(json_get(e, "VisibilityTimeout"));
	}
	json_free(v);
	buf_reset(&b);
	sqs_put_visibility(&b, STR(URL), handles, seconds, 2);
	v = parse(b.p);
	list = json_get(v, "Entries");
	assert_int_equal(json_int(json_get(json_item(list, 0),
					   "VisibilityTimeout"), -1), 0);
	assert_int_equal(json_int(json_get(json_item(list, 1),
					   "VisibilityTimeout"), -1), 43200);
	json_free(v);
	buf_fini(&b);
}

static void reads_messages(void **state)
{
	struct json *v = parse(
		"{\"Messages\":[{\"MessageId\":\"m1\",\"ReceiptHandle\":\"h1\","
		"\"MD5OfBody\":\"5d41402abc4b2a76b9719d911017c592\","
		"\"Body\":\"hello\",\"Attributes\":{\"SentTimestamp\":"
		"\"1763719200123\",\"ApproximateReceiveCount\":\"3\","
		"\"MessageGroupId\":\"g\"}},"
		"{\"MessageId\":\"m2\",\"ReceiptHandle\":\"h2\",\"Body\":\"\"},"
		"{\"MessageId\":\"m3\",\"ReceiptHandle\":\"\",\"Body\":\"x\"},"
		"{\"MessageId\":\"m4\",\"ReceiptHandle\":\"h4\"},"
		"{\"MessageId\":4,\"ReceiptHandle\":\"h5\",\"Body\":\"x\"},"
		"17,null,"
		"{\"MessageId\":\"m6\",\"ReceiptHandle\":\"h6\","
		"\"Body\":\"a\\u0000b\",\"Attributes\":{\"SentTimestamp\":"
		"\"-1\",\"ApproximateReceiveCount\":\"99999999999\"}}]}");
	struct sqs_message m[SQS_BATCH];
	unsigned unusable;

	(void)state;
	assert_int_equal(sqs_read_messages(m, &unusable, v, NULL), 3);
	assert_int_equal(unusable, 5);
	assert_text(m[0].id, "m1");
	assert_text(m[0].handle, "h1");
	assert_text(m[0].body, "hello");
	assert_text(m[0].group, "g");
	assert_int_equal(m[0].sent_ms, 1763719200123);
	assert_int_equal(m[0].receives, 3);
	assert_true(m[1].body.p && m[1].body.n == 0);
	assert_null(m[1].md5.p);
	assert_null(m[1].group.p);
	assert_int_equal(m[1].sent_ms, 0);
	assert_int_equal(m[1].receives, 1);
	/* One strange body costs the others nothing. */
	assert_int_equal(m[2].body.n, 3);
	assert_int_equal(m[2].sent_ms, 0);
	assert_int_equal(m[2].receives, 1000000);
	json_free(v);
}

static void reads_empty_and_foreign_answers(void **state)
{
	static const struct {
		const char *text;
		int result;
	} t[] = {
		{ "{}", 0 },
		{ "{\"Messages\":null}", 0 },
		{ "{\"Messages\":[]}", 0 },
		{ "{\"Messages\":{}}", -EINVAL },
		{ "{\"Messages\":\"\"}", -EINVAL },
		{ "[]", -EINVAL },
		{ "null", -EINVAL },
	};
	struct sqs_message m[SQS_BATCH];
	unsigned unusable;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct json *v = parse(t[i].text);

		assert_int_equal(sqs_read_messages(m, &unusable, v, NULL),
				 t[i].result);
		json_free(v);
	}
	assert_int_equal(sqs_read_messages(m, &unusable, NULL, NULL), -EINVAL);
}

static void takes_no_more_than_was_asked(void **state)
{
	struct buf b = BUF_INIT(65536);
	struct sqs_message m[SQS_BATCH];
	unsigned unusable;
	struct json *v;

	(void)state;
	buf_puts(&b, "{\"Messages\":[");
	for (int i = 0; i < 25; i++)
		buf_printf(&b, "%s{\"MessageId\":\"%d\",\"ReceiptHandle\":"
			   "\"h\",\"Body\":\"b\"}", i ? "," : "", i);
	buf_puts(&b, "]}");
	v = parse(b.p);
	assert_int_equal(sqs_read_messages(m, &unusable, v, NULL), SQS_BATCH);
	assert_int_equal(unusable, 15);
	assert_text(m[9].id, "9");
	json_free(v);
	buf_fini(&b);
}

static void reads_what_became_of_a_batch(void **state)
{
	struct json *v = parse(
		"{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"3\"},{\"Id\":\"9\"},"
		"{\"Id\":\"00\"},{\"Id\":0},{}],"
		"\"Failed\":[{\"Id\":\"1\",\"SenderFault\":false,"
		"\"Code\":\"InternalError\",\"Message\":\"later\"},"
		"{\"Id\":\"2\",\"SenderFault\":true,"
		"\"Code\":\"ReceiptHandleIsInvalid\"},"
		"{\"Id\":\"4\",\"SenderFault\":false,"
		"\"Code\":\"ReceiptHandleIsInvalid\"},"
		"{\"Id\":\"x\",\"SenderFault\":true}]}");
	enum sqs_entry e[6];
	struct str code;

	(void)state;
	sqs_read_batch(e, 6, &code, v);
	assert_int_equal(e[0], SQS_ENTRY_DONE);
	assert_int_equal(e[1], SQS_ENTRY_AGAIN);
	assert_int_equal(e[2], SQS_ENTRY_GONE);
	assert_int_equal(e[3], SQS_ENTRY_DONE);
	assert_int_equal(e[4], SQS_ENTRY_GONE);
	assert_int_equal(e[5], SQS_ENTRY_AGAIN);	/* not told of */
	assert_text(code, "InternalError");
	json_free(v);
	v = parse("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[]}");
	sqs_read_batch(e, 1, &code, v);
	assert_int_equal(e[0], SQS_ENTRY_DONE);
	assert_null(code.p);
	json_free(v);
	/* An answer that says nothing has deleted nothing. */
	v = parse("{\"Successful\":\"0\",\"Failed\":{\"Id\":\"0\"}}");
	sqs_read_batch(e, 2, &code, v);
	assert_int_equal(e[0], SQS_ENTRY_AGAIN);
	assert_int_equal(e[1], SQS_ENTRY_AGAIN);
	json_free(v);
}

static void reads_attributes(void **state)
{
	struct json *v = parse("{\"Attributes\":{\"VisibilityTimeout\":\"30\","
			       "\"FifoQueue\":true}}");
	struct buf b = BUF_INIT(4096);

	(void)state;
	assert_text(sqs_attribute(v, "VisibilityTimeout"), "30");
	assert_null(sqs_attribute(v, "FifoQueue").p);
	assert_null(sqs_attribute(v, "Policy").p);
	json_free(v);
	sqs_put_attributes(&b, STR(URL));
	assert_string_equal(b.p, "{\"QueueUrl\":\"" URL "\","
			    "\"AttributeNames\":[\"All\"]}");
	buf_fini(&b);
}

static void sums_bodies(void **state)
{
	const struct str hello = STR("hello");
	struct sqs_md5 *m;
	int rc = sqs_md5_new(&m);

	(void)state;
	assert_int_equal(sqs_md5_check(NULL, hello, STR("x")),
			 SQS_SUM_UNKNOWN);
	if (rc == -ENOTSUP)
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(sqs_md5_check(m, hello,
				STR("5d41402abc4b2a76b9719d911017c592")),
			 SQS_SUM_RIGHT);
	assert_int_equal(sqs_md5_check(m, STR(""),
				STR("d41d8cd98f00b204e9800998ecf8427e")),
			 SQS_SUM_RIGHT);
	assert_int_equal(sqs_md5_check(m, STR("hell0"),
				STR("5d41402abc4b2a76b9719d911017c592")),
			 SQS_SUM_WRONG);
	/* Lower case is how AWS writes it. */
	assert_int_equal(sqs_md5_check(m, hello,
				STR("5D41402ABC4B2A76B9719D911017C592")),
			 SQS_SUM_WRONG);
	assert_int_equal(sqs_md5_check(m, hello, STR("5d41")), SQS_SUM_WRONG);
	assert_int_equal(sqs_md5_check(m, hello, STR("")), SQS_SUM_WRONG);
	assert_int_equal(sqs_md5_check(m, hello, STR_NONE), SQS_SUM_UNKNOWN);
	sqs_md5_free(m);
	sqs_md5_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_regions),
		cmocka_unit_test(asks_for_messages),
		cmocka_unit_test(hands_back_handles),
		cmocka_unit_test(reads_messages),
		cmocka_unit_test(reads_empty_and_foreign_answers),
		cmocka_unit_test(takes_no_more_than_was_asked),
		cmocka_unit_test(reads_what_became_of_a_batch),
		cmocka_unit_test(reads_attributes),
		cmocka_unit_test(sums_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
