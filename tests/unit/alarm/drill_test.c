/* The alarm that tocsin publishes itself: an alarm like any, told apart. */
#include "help.h"

#include "alarm/drill.h"
#include "base/buf.h"

static struct drill_alarm ours(void)
{
	return (struct drill_alarm){
		.state = ALARM_FIRING,
		.at_ms = NOW - 7,
		.topic = STR(TOPIC),
		.partition = STR("aws"),
		.region = STR("us-east-1"),
		.account = STR("111122223333"),
		.agent = STR("host-1-k3x9qzab"),
		.id = STR("abcdefghijklm"),
	};
}

struct told {
	struct buf text, identity, subject;
	struct alarms alarms;
};

static const struct alarm *tell(struct told *t, const struct drill_alarm *d)
{
	struct alarm_input in = { .intake = "sns", .received_ms = NOW };

	*t = (struct told){ .text = BUF_INIT(65536),
			    .identity = BUF_INIT(4096),
			    .subject = BUF_INIT(4096) };
	drill_alarm_put(&t->text, d);
	in.body = buf_str(&t->text);
	assert_int_equal(alarm_decode(&t->alarms, &in), 0);
	assert_int_equal(t->alarms.count, 1);
	assert_int_equal(alarm_identity(&t->identity, t->alarms.list, &in, 0),
			 0);
	alarm_subject(&t->subject, t->alarms.list);
	return t->alarms.list;
}

static void forget(struct told *t)
{
	alarms_fini(&t->alarms);
	buf_fini(&t->text);
	buf_fini(&t->identity);
	buf_fini(&t->subject);
}

static void test_reads_as_an_alarm(void **state)
{
	struct drill_alarm d = ours();
	const struct alarm *a;
	struct told t;

	(void)state;
	a = tell(&t, &d);
	assert_string_equal(a->source, "cloudwatch");
	assert_string_equal(a->kind, "contributor-alarm");
	assert_int_equal(a->state, ALARM_FIRING);
	assert_int_equal(a->previous_state, ALARM_OK);
	assert_true(a->own_time && a->time_ms == NOW - 7);
	assert_str(a->name, "tocsin-drill");
	assert_str(a->account, "111122223333");
	assert_str(a->region, "us-east-1");
	assert_str(a->contributor, "host-1-k3x9qzab");
	assert_str(a->severity, "low");
	/* What has tags isn't looked up for them. */
	assert_int_equal(a->tag_count, 1);
	assert_true(drill_alarm_is(a));
	forget(&t);
	d.state = ALARM_OK;
	a = tell(&t, &d);
	assert_int_equal(a->state, ALARM_OK);
	assert_int_equal(a->previous_state, ALARM_FIRING);
	assert_true(drill_alarm_is(a));
	forget(&t);
}

/* Of two agents, two moments, two states: never one event. */
static void test_told_apart(void **state)
{
	struct drill_alarm one = ours(), other = ours();
	struct told t, u;

	(void)state;
	for (int i = 0; i < 3; i++) {
		other = ours();
		if (i == 0)
			other.agent = STR("host-1-zzzzzzzz");
		if (i == 1)
			other.at_ms++;
		if (i == 2)
			other.state = ALARM_OK;
		tell(&t, &one);
		tell(&u, &other);
		assert_false(str_eq(buf_str(&t.identity),
				    buf_str(&u.identity)));
		/* Only of two agents it is two alarms, with an incident each. */
		assert_true(str_eq(buf_str(&t.subject), buf_str(&u.subject)) ==
			    (i != 0));
		forget(&t);
		forget(&u);
	}
	/* Sent once more by the same drill it is one. */
	tell(&t, &one);
	tell(&u, &one);
	assert_true(str_eq(buf_str(&t.identity), buf_str(&u.identity)));
	forget(&t);
	forget(&u);
}

static void test_others_are_none(void **state)
{
	struct alarm a = { .source = "cloudwatch", .name = STR(DRILL_NAME),
			   .namespace = STR(DRILL_NAMESPACE) };

	(void)state;
	assert_true(drill_alarm_is(&a));
	a.name = STR("tocsin-drill-2");
	assert_false(drill_alarm_is(&a));
	a.name = STR(DRILL_NAME);
	a.namespace = STR("AWS/RDS");
	assert_false(drill_alarm_is(&a));
	a.namespace = STR_NONE;
	assert_false(drill_alarm_is(&a));
	a.namespace = STR(DRILL_NAMESPACE);
	a.source = "webhook";
	assert_false(drill_alarm_is(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_as_an_alarm),
		cmocka_unit_test(test_told_apart),
		cmocka_unit_test(test_others_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
