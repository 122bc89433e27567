#include "tests/unit/aws/signer.h"

#include "tests/unit/aws/split.h"

static void expect(const struct sns_message *m, const char *text)
{
	struct buf b = BUF_INIT(65536);
	struct split f;

	sns_signed_string(&b, m);
	assert_string_equal(buf_str(&b).p, text);
	assert_true(split_signed(&f, buf_str(&b)));
	assert_true(split_agrees(&f, m));
	buf_fini(&b);
}

/* As the examples of AWS's page are built. */
static void is_built_in_order(void **state)
{
	struct sns_message m = usual_message();

	(void)state;
	m.message = STR("My Test Message");
	m.subject = STR("My subject");
	expect(&m, "Message\nMy Test Message\n"
		   "MessageId\n5f1d2b3c-0a1b-4c2d-8e3f-123456789abc\n"
		   "Subject\nMy subject\n"
		   "Timestamp\n" WHEN "\n"
		   "TopicArn\n" ARN "\n"
		   "Type\nNotification\n");
	m.subject = STR_NONE;
	expect(&m, "Message\nMy Test Message\n"
		   "MessageId\n5f1d2b3c-0a1b-4c2d-8e3f-123456789abc\n"
		   "Timestamp\n" WHEN "\n"
		   "TopicArn\n" ARN "\n"
		   "Type\nNotification\n");
	m.subject = STR("");
	expect(&m, "Message\nMy Test Message\n"
		   "MessageId\n5f1d2b3c-0a1b-4c2d-8e3f-123456789abc\n"
		   "Subject\n\n"
		   "Timestamp\n" WHEN "\n"
		   "TopicArn\n" ARN "\n"
		   "Type\nNotification\n");
}

static void confirmations_have_other_fields(void **state)
{
	struct sns_message m = usual_message();

	(void)state;
	m.message = STR("You have chosen\nto subscribe");
	m.subject = STR("never signed in one of these");
	m.token = STR("abcdef");
	m.subscribe_url = STR("https://sns.us-east-1.amazonaws.com/?a=b");
	for (int i = SNS_SUBSCRIBE; i <= SNS_UNSUBSCRIBE; i++) {
		struct buf b = BUF_INIT(65536);

		m.type = (enum sns_type)i;
		buf_printf(&b,
			   "Message\nYou have chosen\nto subscribe\n"
			   "MessageId\n5f1d2b3c-0a1b-4c2d-8e3f-123456789abc\n"
			   "SubscribeURL\n"
			   "https://sns.us-east-1.amazonaws.com/?a=b\n"
			   "Timestamp\n" WHEN "\n"
			   "Token\nabcdef\n"
			   "TopicArn\n" ARN "\n"
			   "Type\n%s\n",
			   sns_type_name(m.type));
		m.subject = STR_NONE;
		expect(&m, b.p);
		buf_fini(&b);
	}
}

/* Where the next line feed at or after *at is; false at the end. */
static bool line_feed(struct str s, size_t *at)
{
	while (*at < s.n && s.p[*at] != '\n')
		(*at)++;
	return *at < s.n;
}

/* Does s from *at on begin with LF NAME LF? Then *at is behind it. */
static bool key_at(struct str s, size_t *at, const char *name)
{
	size_t n = strlen(name);

	if (*at + n + 2 > s.n || s.p[*at] != '\n' || s.p[*at + n + 1] != '\n' ||
	    memcmp(s.p + *at + 1, name, n) != 0)
		return false;
	*at += n + 2;
	return true;
}

/*
 * Every way to cut the signed bytes into fields, line feeds in values
 * allowed: all that a party between SNS and us could pretend. Counts those
 * that sns_read() takes, and checks that they say what SNS said.
 */
struct recut {
	struct str text;
	const struct sns_message *original;
	struct sns_message m;
	size_t tried, taken;
};

static void try_cut(struct recut *t)
{
	struct buf body = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct sns_message out;
	struct split f;

	/* It is a cut of the same bytes. */
	sns_signed_string(&again, &t->m);
	assert_true(str_eq(buf_str(&again), t->text));
	put_envelope(&body, &t->m);
	t->tried++;
	if (sns_read(&out, buf_str(&body), NULL) == 0) {
		t->taken++;
		assert_true(split_signed(&f, t->text));
		assert_true(split_agrees(&f, &out));
		assert_true(str_eq(out.message, t->original->message));
		assert_true(str_eq(out.message_id, t->original->message_id));
		assert_true(str_eq(out.timestamp, t->original->timestamp));
		assert_true(str_eq(out.topic_arn, t->original->topic_arn));
		assert_true(split_same(out.subject, t->original->subject));
		sns_fini(&out);
	}
	buf_fini(&body);
	buf_fini(&again);
}

static const char *const order[] = { "MessageId", "Subject", "Timestamp",
				     "TopicArn", "Type" };

static struct str *slot(struct sns_message *m, size_t field)
{
	struct str *const slots[] = { &m->message, &m->message_id, &m->subject,
				      &m->timestamp, &m->topic_arn };

	return slots[field];
}

/* Fields are cut from left to right; depth is at most five. */
static void cut_from(struct recut *t, size_t from, size_t field)
{
	struct str s = t->text;

	for (size_t at = from; line_feed(s, &at); at++) {
		struct str value = str_sub(s, from, at - from);
		size_t next = at;

		*slot(&t->m, field) = value;
		if (key_at(s, &next, order[field])) {
			if (field < 4)
				cut_from(t, next, field + 1);
			else if (str_is(str_sub(s, next, s.n - next),
					"Notification\n"))
				try_cut(t);
		}
		next = at;
		if (field == 1 && key_at(s, &next, "Timestamp")) {
			t->m.subject = STR_NONE;
			cut_from(t, next, 3);
		}
	}
}

static void recut(struct sns_message m, size_t at_least)
{
	struct buf b = BUF_INIT(1 << 20);
	struct recut t = { .original = &m, .m = m };

	sns_signed_string(&b, &m);
	t.text = buf_str(&b);
	cut_from(&t, strlen("Message\n"), 0);
	if (t.tried < at_least)
		fail_msg("only %zu cuts", t.tried);
	assert_int_equal(t.taken, 1);
	buf_fini(&b);
}

#define ID2 "11111111-2222-3333-4444-555555555555"
#define TIME2 "2026-11-21T11:11:11.111Z"
#define ARN2 "arn:aws:sns:us-east-1:999999999999:theirs"

/* S9: whatever a publisher writes into Message, one cut is taken. */
static void has_one_cut(void **state)
{
	static const char *const messages[] = {
		"plain",
		"a\nMessageId\n" ID2,
		"a\nMessageId\n" ID2 "\nSubject\nother",
		"a\nMessageId\n" ID2 "\nSubject\nother\nTimestamp\n" TIME2,
		"a\nMessageId\n" ID2 "\nSubject\nother\nTimestamp\n" TIME2
		"\nTopicArn\n" ARN2,
		"a\nMessageId\n" ID2 "\nSubject\nother\nTimestamp\n" TIME2
		"\nTopicArn\n" ARN2 "\nType\nNotification",
		"a\nMessageId\n" ID2 "\nTimestamp\n" TIME2 "\nTopicArn\n" ARN2
		"\nType\nNotification\nMessage\nb\nMessageId\n" ID2
		"\nSubject\nx\nSubject\ny\nTimestamp\n" TIME2,
		"\nMessageId\n\nSubject\n\nTimestamp\n\nTopicArn\n\nType\n",
		"\n\n\n",
		"",
	};
	static const size_t cuts[] = { 1, 2, 2, 2, 2, 2, 6, 2, 1, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct sns_message m = usual_message();

		m.message = str_from(messages[i]);
		recut(m, cuts[i]);
		m.subject = STR_NONE;
		recut(m, 1);
		m.subject = STR("");
		recut(m, 1);
	}
}

/* The other way: a Subject that would like to be more than one field. */
static void subject_stays_one_field(void **state)
{
	struct sns_message m = usual_message(), out;
	struct buf body = BUF_INIT(65536);

	(void)state;
	m.subject = STR("x\nTimestamp\n" TIME2);
	put_envelope(&body, &m);
	assert_int_not_equal(sns_read(&out, buf_str(&body), NULL), 0);
	buf_fini(&body);
}

static void splitter_is_strict(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"Message\n",
		"Message\nx\n",
		"Message\nx\nMessageId\ny\nTimestamp\nz\nTopicArn\nt\n",
		"Message\nx\nMessageId\ny\nTopicArn\nt\nType\nNotification\n",
		"Message\nx\nMessageId\ny\nTimestamp\nz\nTopicArn\nt\n"
		"Type\nNotification",
		"XMessage\nx\nMessageId\ny\nTimestamp\nz\nTopicArn\nt\n"
		"Type\nNotification\n",
		"Message\nx\nMessageId\ny\nTimestamp\nz\nTopicArn\nt\n"
		"Type\nSubscriptionConfirmation\n",
	};
	struct split f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(split_signed(&f, str_from(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_built_in_order),
		cmocka_unit_test(confirmations_have_other_fields),
		cmocka_unit_test(has_one_cut),
		cmocka_unit_test(subject_stays_one_field),
		cmocka_unit_test(splitter_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
