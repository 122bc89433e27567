#include "conf_rig.h"

#define URL "https://sqs.us-east-1.amazonaws.com/111122223333/"
#define ARN "arn:aws:sns:us-east-1:111122223333:alarms"
#define FALLBACK(arn)                                                          \
	LISTEN HOOK "stackflow: {base_url: \"https://x\", " AUTH               \
		    ", fallback: {sns: \"" arn "\"}}\n"

static void test_a_queue_and_its_defaults(void **state)
{
	struct fixture *f = *state;
	const struct conf *c = loads(
		f, STACKFLOW "sqs:\n  - queue_url: " URL "alarms\n"
			     "  - {queue_url: \"" URL "two.fifo\", wait: 0s, "
			     "visibility: 12h, concurrency: 64, "
			     "verify: false}\n");

	/* A queue is a way in of its own. */
	assert_int_equal(f->faults.count, 0);
	assert_int_equal(c->listener_count, 0);
	assert_int_equal(c->queue_count, 2);
	assert_string_equal(c->queues[0].url, URL "alarms");
	assert_int_equal(c->queues[0].wait_ms, 20000);
	assert_int_equal(c->queues[0].visibility_ms, 60000);
	assert_int_equal(c->queues[0].concurrency, 2);
	assert_true(c->queues[0].verify);
	assert_int_equal(c->queues[1].wait_ms, 0);
	assert_int_equal(c->queues[1].visibility_ms, 12 * 3600000);
	assert_int_equal(c->queues[1].concurrency, 64);
	assert_false(c->queues[1].verify);
	assert_int_equal(c->aws.reconcile_ms, 300000);
}

static void test_forms_of_a_queue_url(void **state)
{
	static const char *const good[] = {
		URL "a",
		URL "A-b_9.fifo",
		"http://127.0.0.1:4566/000000000000/q",
		"http://localhost:4566/queue/us-east-1/000000000000/q",
		"https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/111122223333/q",
		"https://queue.amazonaws.com/111122223333/q",
	};
	static const struct {
		const char *url, *said;
	} bad[] = {
		{ "arn:aws:sqs:us-east-1:111122223333:alarms",
		  "sqs[0].queue_url: that is an ARN; a queue's URL is https://" },
		{ "alarms", "a URL begins with https://" },
		{ "http://sqs.us-east-1.amazonaws.com/111122223333/q",
		  "https:// is required beyond loopback" },
		{ "https://u:p@sqs.example/111122223333/q", "no user or" },
		{ URL, "ends in an account of twelve digits" },
		{ URL "a/", "ends in an account" },
		{ URL "a b", "holds no blanks" },
		{ URL "a.b", "ends in an account" },
		{ URL ".fifo", "ends in an account" },
		{ URL "a?x=1", "no query" },
		{ "https://sqs.us-east-1.amazonaws.com/alarms", "ends in an" },
		{ "https://111122223333/alarms", "ends in an account" },
		{ "https://sqs.example/11112222333/q", "ends in an account" },
		{ "https://sqs.example/x11122223333/q", "ends in an account" },
	};
	struct fixture *f = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text),
			 STACKFLOW "sqs: [{queue_url: \"%s\"}]\n", good[i]);
		assert_string_equal(loads(f, text)->queues[0].url, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 STACKFLOW "sqs: [{queue_url: \"%s\"}]\n", bad[i].url);
		refuses(f, text, bad[i].said);
		says(f, "tocsin.yaml:2:19: error[bad-url]: sqs[0].queue_url");
	}
}

static void test_all_faults_of_queues(void **state)
{
	struct fixture *f = *state;

	refuses(f,
		STACKFLOW
		"sqs:\n"
		"  - {queue_ulr: x, wait: 21s}\n"
		"  - {queue_url: \"" URL "a\", visibility: 4s}\n"
		"  - {queue_url: \"" URL "a\", concurrency: 65, wait: 1500ms}\n"
		"  - {queue_url: \"" URL "b\", visibility: 13h, verify: yes}\n"
		"  - alarms\n",
		":3:6: error[unknown-key]: unknown key \"queue_ulr\" in "
		"sqs[0], did you mean \"queue_url\"?");
	says(f, ":3:5: error[missing-key]: sqs[0] needs \"queue_url\"");
	says(f, "sqs[0].wait: \"21s\" is out of its range, 0ms to 20s");
	says(f, "sqs[1].visibility: \"4s\" is out of its range, 5s to 12h");
	says(f, ":5:17: error[conflict]: sqs[2].queue_url: this queue has an "
		"entry already");
	says(f, "sqs[2].concurrency: \"65\" is out of its range, 1 to 64");
	says(f, "sqs[2].wait: SQS takes whole seconds only");
	says(f, "sqs[3].visibility: \"13h\" is out of its range");
	says(f, "sqs[3].verify: expected true or false, found \"yes\"");
	says(f, "sqs[4]: expected a map, found \"alarms\"");
	assert_int_equal(f->faults.errors, 10);
	refuses(f, STACKFLOW "sqs: x\n", "sqs: expected a list of maps");
	refuses(f,
		STACKFLOW "sqs:\n"
			  "  - {queue_url: \"" URL "a\", concurrency: 64}\n"
			  "  - {queue_url: \"" URL "b\", concurrency: 64}\n"
			  "  - {queue_url: \"" URL "c\", concurrency: 64}\n"
			  "  - {queue_url: \"" URL "d\", concurrency: 64}\n"
			  "  - {queue_url: \"" URL "e\", concurrency: 1}\n",
		"the concurrency of all queues is 257 together");
}

static void test_reconcile(void **state)
{
	struct fixture *f = *state;

	/* Nobody named AWS: nobody looks for its keys. */
	assert_int_equal(loads(f, LEAST)->aws.reconcile_ms, 0);
	assert_int_equal(loads(f, LEAST "aws: null\n")->aws.reconcile_ms, 0);
	assert_int_equal(loads(f, LEAST "aws: {}\n")->aws.reconcile_ms, 300000);
	assert_int_equal(
		loads(f, LEAST "aws: {reconcile: 90s}\n")->aws.reconcile_ms,
		90000);
	assert_int_equal(
		loads(f, LEAST "aws: {reconcile: off}\n")->aws.reconcile_ms, 0);
	refuses(f, LEAST "aws: {reconcile: 5}\n",
		"aws.reconcile: expected a duration like 5m, or off, found "
		"\"5\"");
	refuses(f, LEAST "aws: {reconcile: 0s}\n",
		"aws.reconcile: \"0s\" is out of its range, 1s to 24h");
}

static void test_keys_of_aws(void **state)
{
	struct fixture *f = *state;
	const struct conf *c;

	setenv("CONF_TEST_KEY", "wJalr-hidden", 1);
	c = loads(f, LEAST "aws: {access_key_id: AKIDEXAMPLE, "
			   "secret_access_key: \"${env:CONF_TEST_KEY}\", "
			   "session_token: tok}\n");
	assert_string_equal(c->aws.access_key_id, "AKIDEXAMPLE");
	assert_string_equal(c->aws.secret_access_key, "wJalr-hidden");
	assert_string_equal(c->aws.session_token, "tok");
	refuses(f, LEAST "aws: {access_key_id: AKID}\n",
		":4:22: error[missing-key]: aws.access_key_id needs "
		"aws.secret_access_key beside it");
	refuses(f, LEAST "aws: {secret_access_key: \"${env:CONF_TEST_KEY}\"}\n",
		"aws.secret_access_key needs aws.access_key_id");
	refuses(f, LEAST "aws: {session_token: t}\n",
		"aws.session_token needs aws.access_key_id and");
	setenv("CONF_TEST_KEY", "wJalr\nhidden", 1);
	refuses(f,
		LEAST "aws: {access_key_id: A, secret_access_key: "
		      "\"${env:CONF_TEST_KEY}\"}\n",
		"aws.secret_access_key: it holds a blank");
	assert_true(str_find(buf_str(&f->said), STR("hidden")) < 0);
	unsetenv("CONF_TEST_KEY");
}

static void test_region_and_endpoint(void **state)
{
	struct fixture *f = *state;

	loads(f, LEAST "aws: {region: us-esat-1}\n");
	says(f, ":4:15: warning[unknown-region]: aws.region: this version "
		"knows no such region (did you mean \"us-east-1\"?)");
	refuses(f, LEAST "aws: {region: us-east1}\n",
		":4:15: error[bad-value]: aws.region: not the form of a "
		"region, as in us-east-1 (did you mean \"us-east-1\"?)");
	refuses(f, LEAST "aws: {region: Frankfurt}\n", "aws.region: not the");
	refuses(f, LEAST "aws: {regoin: eu-west-1}\n",
		"unknown key \"regoin\" in aws, did you mean \"region\"?");
	loads(f, LEAST "aws: {region: eu-west-9}\n");
	loads(f, LEAST "aws: {region: cn-north-1}\n");
	loads(f, LEAST "aws: {region: here, endpoint_url: "
		       "\"http://127.0.0.1:4566\"}\n");
	refuses(f, LEAST "aws: {endpoint_url: \"http://aws.example\"}\n",
		"aws.endpoint_url: https:// is required beyond loopback");
	refuses(f, LEAST "aws: {endpoint_url: \"https://aws.example/?a\"}\n",
		"aws.endpoint_url: it has no query");
}

static void test_fallback_topic(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(loads(f, FALLBACK(ARN))->stackflow.fallback.sns,
			    ARN);
	assert_int_equal(f->conf->aws.reconcile_ms, 0);
	refuses(f, FALLBACK("arn:aws:sns:us-east-1:1:x"),
		"error[bad-topic]: stackflow.fallback.sns: account \"1\"");
	refuses(f, FALLBACK(ARN "-*"), "is no topic name");
	refuses(f, FALLBACK(ARN ":1234"), "not the ARN of an SNS topic");
	refuses(f, FALLBACK(ARN ".fifo"), "a FIFO topic reaches queues only");
	loads(f, FALLBACK(ARN) "sns: {topics: [\"" ARN "-x\", \"" ARN "*\"]}\n");
	says(f, "warning[loop]: stackflow.fallback.sns: sns.topics[1] allows");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_a_queue_and_its_defaults),
		TEST(test_forms_of_a_queue_url),
		TEST(test_all_faults_of_queues),
		TEST(test_reconcile),
		TEST(test_keys_of_aws),
		TEST(test_region_and_endpoint),
		TEST(test_fallback_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
