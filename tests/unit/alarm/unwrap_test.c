#include "help.h"

#include <errno.h>

struct seen {
	int count, stop_at;
	struct buf bodies, ids;
	struct alarm_input last;	/* numbers and intake only */
	bool has_subject;
};

static int see(const struct alarm_input *in, void *arg)
{
	struct seen *s = arg;

	if (++s->count == s->stop_at)
		return -ENOSPC;
	buf_put_str(&s->bodies, in->body);
	buf_putc(&s->bodies, '|');
	buf_put_str(&s->ids, in->topic);
	buf_putc(&s->ids, ' ');
	buf_put_str(&s->ids, in->message_id);
	buf_putc(&s->ids, '|');
	s->last.sent_ms = in->sent_ms;
	s->last.received_ms = in->received_ms;
	s->last.intake = in->intake;
	s->has_subject = in->subject.p != NULL;
	return 0;
}

static int unwrap(struct seen *s, struct str document, struct err *err)
{
	int stop_at = s->stop_at;

	*s = (struct seen){ .bodies = BUF_INIT(1 << 20),
			    .ids = BUF_INIT(1 << 20),
			    .stop_at = stop_at };
	return alarm_unwrap(document, NOW, see, s, err);
}

static void seen_fini(struct seen *s)
{
	buf_fini(&s->bodies);
	buf_fini(&s->ids);
}

#define ENVELOPE(type, message)                                            \
	"{\"Type\":\"" type "\",\"MessageId\":\"m1\",\"TopicArn\":\"" TOPIC \
	"\",\"Message\":" message ",\"Timestamp\":"                        \
	"\"2026-11-21T10:00:00.512Z\"}"

static void test_envelope(void **state)
{
	struct seen s = { 0 };
	struct err err = { "" };

	(void)state;
	assert_int_equal(unwrap(&s, STR(ENVELOPE("Notification", "\"a\\nb\"")),
				&err), 1);
	assert_string_equal(s.bodies.p, "a\nb|");
	assert_string_equal(s.ids.p, TOPIC " m1|");
	assert_true(s.last.sent_ms == INT64_C(1795255200512));
	assert_true(s.last.received_ms == NOW);
	assert_string_equal(s.last.intake, "sns");
	assert_false(s.has_subject);
	seen_fini(&s);
}

static void test_refused(void **state)
{
	static const struct {
		const char *document, *text;
	} cases[] = {
		{ ENVELOPE("SubscriptionConfirmation", "\"x\""),
		  "subscription" },
		{ ENVELOPE("UnsubscribeConfirmation", "\"x\""),
		  "subscription" },
		{ "{\"Records\":[{\"Sns\":"
		  ENVELOPE("SubscriptionConfirmation", "\"x\"") "}]}",
		  "subscription" },
		{ ENVELOPE("Notification", "7"), "Message" },
		{ ENVELOPE("Notification", "null"), "Message" },
		{ "{\"Type\":\"Notification\",", "JSON" },
		{ "{\"a\":1,\"a\":2}", "JSON" },
	};
	struct seen s = { 0 };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(unwrap(&s, str_from(cases[i].document), &err),
				 -EINVAL);
		assert_int_equal(s.count, 0);
		assert_true(str_find(str_from(err.text),
				     str_from(cases[i].text)) >= 0);
		seen_fini(&s);
	}
}

static void test_lists(void **state)
{
	struct seen s = { 0 };
	struct err err = { "" };
	struct buf text = BUF_INIT(1 << 20);

	(void)state;
	fixture(&text, "lambda-sqs-records.json");
	assert_int_equal(unwrap(&s, buf_str(&text), &err), 3);
	assert_true(str_ends(buf_str(&s.bodies), "|hello from a queue|"));
	assert_true(str_starts(buf_str(&s.ids), TOPIC " e288882d-4281"));
	assert_true(str_ends(buf_str(&s.ids),
			     "| 71ee3b10-733a-4c20-85e9-3673585e4fb5|"));
	assert_string_equal(s.last.intake, "sqs");
	assert_true(s.last.sent_ms == INT64_C(1795255200999));
	seen_fini(&s);
	fixture(&text, "lambda-sns-records.json");
	assert_int_equal(unwrap(&s, buf_str(&text), &err), 2);
	seen_fini(&s);
	/* each ends it, and its result is handed on. */
	s.stop_at = 2;
	assert_int_equal(unwrap(&s, buf_str(&text), &err), -ENOSPC);
	assert_int_equal(s.count, 2);
	seen_fini(&s);
	buf_fini(&text);
}

/* What is no envelope comes as it is; a foreign record amid others too. */
static void test_passed_through(void **state)
{
	static const struct {
		const char *document, *bodies;
	} cases[] = {
		{ "plain text", "plain text|" },
		{ " [ALERT] disk full\n", "[ALERT] disk full|" },
		{ "", "|" },
		{ "{\"AlarmName\":\"x\"}", "{\"AlarmName\":\"x\"}|" },
		{ "{\"Records\":[]}", "{\"Records\":[]}|" },
		{ "{\"Records\":[{\"eventSource\":\"aws:s3\"}]}",
		  "{\"Records\":[{\"eventSource\":\"aws:s3\"}]}|" },
		{ "{\"Records\":7}", "{\"Records\":7}|" },
		{ "{\"Type\":\"Notification\",\"Message\":\"x\"}",
		  "{\"Type\":\"Notification\",\"Message\":\"x\"}|" },
		{ "{\"Body\":\"x\"}", "x|" },
		{ "{\"Body\":\"x\",\"Sender\":\"y\"}",
		  "{\"Body\":\"x\",\"Sender\":\"y\"}|" },
		{ "{\"Messages\":[{\"MessageId\":\"1\",\"Body\":\"x\"},"
		  "{\"n\": 1},17]}", "x|{\"n\":1}|17|" },
		{ "null", "null|" },
	};
	struct seen s = { 0 };
	struct err err = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(unwrap(&s, str_from(cases[i].document), &err) > 0);
		assert_string_equal(s.bodies.p, cases[i].bodies);
		seen_fini(&s);
	}
}

/* Two levels: an envelope inside an envelope's Message stays one. */
static void test_levels(void **state)
{
	struct buf doc = BUF_INIT(1 << 20), inner = BUF_INIT(1 << 20);
	struct seen s = { 0 };
	struct err err = { "" };

	(void)state;
	buf_puts(&inner, "{\"Type\":\"Notification\",\"MessageId\":\"in\","
			 "\"Message\":\"deep\"}");
	for (int level = 0; level < 3; level++) {
		buf_reset(&doc);
		buf_printf(&doc, "{\"Type\":\"Notification\",\"MessageId\":"
				 "\"m%d\",\"Message\":", level);
		jsonw_put_quoted(&doc, buf_str(&inner));
		buf_puts(&doc, "}");
		buf_reset(&inner);
		buf_put_str(&inner, buf_str(&doc));
	}
	assert_int_equal(unwrap(&s, buf_str(&doc), &err), 1);
	assert_true(str_starts(buf_str(&s.bodies), "{\"Type\""));
	seen_fini(&s);
	buf_fini(&doc);
	buf_fini(&inner);
}

static void test_too_many(void **state)
{
	struct buf doc = BUF_INIT(1 << 20);
	struct seen s = { 0 };
	struct err err = { "" };

	(void)state;
	for (int n = 1000; n <= 1001; n++) {
		buf_reset(&doc);
		buf_puts(&doc, "{\"Messages\":[");
		for (int i = 0; i < n; i++)
			buf_printf(&doc, "%s{\"MessageId\":\"%d\",\"Body\":\"\"}",
				   i ? "," : "", i);
		buf_puts(&doc, "]}");
		assert_int_equal(unwrap(&s, buf_str(&doc), &err),
				 n == 1000 ? 1000 : -EINVAL);
		seen_fini(&s);
	}
	buf_fini(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_passed_through),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
