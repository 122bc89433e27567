#include "aws/reply.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "doc/json.h"

#define SECRET "wJalr/Own+Secret/0123456789"
#define TOKEN "IQoJb3JpZ2luX2VjEExample/////wEaDGV1"

static const struct aws_keys keys = {
	.id = { "AKIATEST", 8 },
	.secret = { SECRET, sizeof(SECRET) - 1 },
	.token = { TOKEN, sizeof(TOKEN) - 1 },
};

static struct reply read_it(int status, const char *headers, const char *body,
			    bool json)
{
	const struct rest_response r = {
		.outcome = REST_ANSWERED,
		.status = status,
		.headers = str_from(headers),
		.body = str_from(body),
		.date_ms = 1000,
	};
	static struct reply out;

	reply_read(&out, &r, json, 0, &keys, 0);
	return out;
}

static void is(int status, const char *headers, const char *body,
	       enum aws_outcome outcome, const char *code)
{
	struct reply r = read_it(status, headers, body, true);

	if (r.a.outcome != outcome)
		fail_msg("%d %s%s: %s", status, headers, body,
			 aws_outcome_name(r.a.outcome));
	assert_string_equal(r.a.code.p ? r.code : "", code);
	assert_true(r.a.message.n > 0);
	assert_int_equal(r.a.status, status);
	reply_close(&r);
}

static void codes_from_both_places(void **state)
{
	struct reply r;

	(void)state;
	is(400, "", "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\"}",
	   AWS_REFUSED, "QueueDoesNotExist");
	is(400, "x-amzn-ErrorType: ThrottlingException:http://internal/#x\r\n",
	   "{\"__type\":\"a#Other\"}", AWS_THROTTLED, "ThrottlingException");
	is(400, "X-Amzn-Errortype: \"<>\r\n", "{\"code\":\"SlowDown\"}",
	   AWS_THROTTLED, "SlowDown");
	is(400, "", "{\"__type\":\"SlowDown\",\"message\":\"a\\u0000b\"}",
	   AWS_THROTTLED, "SlowDown");
	is(403, "",
	   "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied"
	   "</Code><Message>no</Message></Error></ErrorResponse>",
	   AWS_DENIED, "AccessDenied");
	r = read_it(400,
		    "x-amzn-query-error: AWS.SimpleQueueService."
		    "NonExistentQueue;Sender\r\n",
		    "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\","
		    "\"Message\":\"gone\"}",
		    true);
	assert_string_equal(r.query_code,
			    "AWS.SimpleQueueService.NonExistentQueue");
	assert_string_equal(r.code, "QueueDoesNotExist");
	assert_string_equal(r.message, "gone");
}

static void classes(void **state)
{
	static const struct {
		int status;
		const char *code;
		enum aws_outcome outcome;
		enum reply_cure cure;
	} table[] = {
		{ 400, "RequestThrottled", AWS_THROTTLED, REPLY_NONE },
		{ 400, "KmsThrottled", AWS_THROTTLED, REPLY_NONE },
		{ 503, "SlowDown", AWS_THROTTLED, REPLY_NONE },
		{ 429, "Whatever", AWS_THROTTLED, REPLY_NONE },
		{ 500, "InternalError", AWS_TRANSIENT, REPLY_NONE },
		{ 503, "AccessDenied", AWS_TRANSIENT, REPLY_NONE },
		{ 400, "RequestTimeout", AWS_TRANSIENT, REPLY_NONE },
		{ 400, "IDPCommunicationError", AWS_TRANSIENT, REPLY_NONE },
		{ 400, "ExpiredToken", AWS_EXPIRED, REPLY_KEYS },
		{ 403, "ExpiredTokenException", AWS_EXPIRED, REPLY_KEYS },
		{ 403, "InvalidClientTokenId", AWS_EXPIRED, REPLY_KEYS },
		{ 400, "UnrecognizedClientException", AWS_EXPIRED, REPLY_KEYS },
		{ 403, "RequestTimeTooSkewed", AWS_DENIED, REPLY_TIME },
		{ 403, "SignatureDoesNotMatch", AWS_DENIED, REPLY_TIME },
		{ 403, "InvalidSignatureException", AWS_DENIED, REPLY_TIME },
		{ 400, "AccessDeniedException", AWS_DENIED, REPLY_NONE },
		{ 400, "InvalidSecurity", AWS_DENIED, REPLY_NONE },
		{ 400, "KmsAccessDenied", AWS_DENIED, REPLY_NONE },
		{ 403, "OverLimit", AWS_REFUSED, REPLY_NONE },
		{ 400, "ReceiptHandleIsInvalid", AWS_REFUSED, REPLY_NONE },
		{ 404, "ResourceNotFoundException", AWS_REFUSED, REPLY_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf body = BUF_INIT(256);
		struct reply r;

		buf_printf(&body, "{\"__type\":\"x.y#%s\"}", table[i].code);
		r = read_it(table[i].status, "", body.p, true);
		if (r.a.outcome != table[i].outcome || r.cure != table[i].cure)
			fail_msg("%s: %s", table[i].code,
				 aws_outcome_name(r.a.outcome));
		buf_fini(&body);
	}
}

static void legacy_names_count(void **state)
{
	(void)state;
	is(400, "x-amzn-query-error: RequestThrottled;Sender\r\n",
	   "{\"__type\":\"a#New\"}", AWS_THROTTLED, "New");
	is(400, "x-amzn-query-error: KMS.ThrottlingException;Sender\r\n",
	   "{\"__type\":\"a#New\"}", AWS_THROTTLED, "New");
	is(400, "x-amzn-query-error: KMS.AccessDeniedException;Sender\r\n", "",
	   AWS_DENIED, "");
}

static void without_a_code(void **state)
{
	(void)state;
	is(403, "", "<html>Forbidden by proxy</html>", AWS_DENIED, "");
	is(401, "", "", AWS_DENIED, "");
	is(400, "", "{\"__type\":17,\"message\":[]}", AWS_REFUSED, "");
	is(400, "", "{\"__type\":\"a#b c\"}", AWS_REFUSED, "");
	is(413, "", "garbage", AWS_REFUSED, "");
	is(502, "", "<html>", AWS_TRANSIENT, "");
	is(429, "", "", AWS_THROTTLED, "");
	is(307, "Location: https://other.example/\r\n", "", AWS_REFUSED, "");
	is(408, "", "", AWS_TRANSIENT, "");
}

static void what_succeeds(void **state)
{
	struct reply r;

	(void)state;
	r = read_it(200, "", "{\"Messages\":[]}", true);
	assert_int_equal(r.a.outcome, AWS_OK);
	assert_non_null(json_get(r.a.json, "Messages"));
	assert_int_equal(r.a.date_ms, 1000);
	reply_close(&r);
	/* DeleteMessage's */
	r = read_it(200, "", "", true);
	assert_int_equal(r.a.outcome, AWS_OK);
	assert_true(json_is(r.a.json, JSON_OBJECT));
	reply_close(&r);
	/* NUL in a value is AWS's own business. */
	r = read_it(200, "", "{\"a\":\"\\u0000\"}", true);
	assert_int_equal(r.a.outcome, AWS_OK);
	reply_close(&r);
	r = read_it(200, "", "<R><MessageId>1</MessageId></R>", false);
	assert_int_equal(r.a.outcome, AWS_OK);
	assert_null(r.a.json);
	assert_int_equal(r.a.body.n, 31);
}

static void what_only_seems_to(void **state)
{
	static const char *const bad[] = {
		"{\"Messages\":[",
		"[]",
		"<html>",
		"null",
		"{} x",
		"{\"a\":1,\"a\":2}",
		"{\"a\":\"\xff\"}",
	};
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = read_it(200, "", bad[i], true);
		assert_int_equal(r.a.outcome, AWS_TRANSIENT);
		assert_null(r.a.json);
		assert_true(str_starts(r.a.message, "unreadable answer: "));
		reply_close(&r);
	}
	r = read_it(200, "", "{}", false);
	assert_int_equal(r.a.outcome, AWS_TRANSIENT);
	r = read_it(200, "", "", false);
	assert_int_equal(r.a.outcome, AWS_TRANSIENT);
}

static void no_answer(void **state)
{
	struct rest_response r = { .outcome = REST_NOT_SENT,
				   .problem = "no such host" };
	struct reply out;

	(void)state;
	reply_read(&out, &r, true, 0, NULL, 0);
	assert_int_equal(out.a.outcome, AWS_UNREACHABLE);
	assert_string_equal(out.message, "no such host");
	assert_int_equal(out.a.retry_after_ms, -1);
	r.outcome = REST_UNKNOWN;
	reply_read(&out, &r, true, 0, NULL, 0);
	assert_int_equal(out.a.outcome, AWS_TRANSIENT);
	assert_int_equal(out.a.status, 0);
	assert_int_equal(out.a.body.n, 0);
}

static void messages_are_safe_lines(void **state)
{
	struct buf body = BUF_INIT(4096);
	struct reply r;

	(void)state;
	r = read_it(400, "", "{\"message\":\"a\\nb\\u001b[31m\\u202ec\"}",
		    true);
	assert_null(strpbrk(r.message, "\n\x1b"));
	assert_true(str_starts(r.a.message, "a\\"));
	buf_puts(&body, "{\"message\":\"");
	for (int i = 0; i < 3000; i++)
		buf_putc(&body, 'x');
	buf_puts(&body, "\"}");
	r = read_it(400, "", body.p, true);
	assert_true(r.a.message.n < sizeof(r.message));
	buf_fini(&body);
}

/* SignatureDoesNotMatch comes with the whole request as AWS saw it. */
static void secrets_are_hidden(void **state)
{
	struct reply r;

	(void)state;
	r = read_it(403, "",
		    "{\"message\":\"The signature does not match.\\n\\n"
		    "The Canonical String should have been\\n'POST\\n/\\n"
		    "x-amz-security-token:" TOKEN "'\"}",
		    true);
	assert_string_equal(r.message, "The signature does not match.");
	r = read_it(403, "",
		    "{\"message\":\"token " TOKEN " and " SECRET " and " TOKEN
		    ".\"}",
		    true);
	assert_string_equal(r.message,
			    "token [hidden] and [hidden] and [hidden].");
	r = read_it(403, "",
		    "<E><Code>X</Code><Message>" TOKEN "</Message></E>", false);
	assert_string_equal(r.message, "[hidden]");
}

static void retry_after(void **state)
{
	struct reply r;

	(void)state;
	r = read_it(503, "Retry-After: 7\r\n", "", true);
	assert_int_equal(r.a.retry_after_ms, 7000);
	r = read_it(503, "Retry-After: soon\r\n", "", true);
	assert_int_equal(r.a.retry_after_ms, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_from_both_places),
		cmocka_unit_test(classes),
		cmocka_unit_test(legacy_names_count),
		cmocka_unit_test(without_a_code),
		cmocka_unit_test(what_succeeds),
		cmocka_unit_test(what_only_seems_to),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(messages_are_safe_lines),
		cmocka_unit_test(secrets_are_hidden),
		cmocka_unit_test(retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
