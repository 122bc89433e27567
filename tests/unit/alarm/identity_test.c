#include "help.h"

struct id {
	struct buf text;
	int rc;
};

static void identify(struct id *out, const struct decoded *d, size_t position)
{
	out->text = BUF_INIT(65536);
	out->rc = alarm_identity(&out->text, &d->alarms.list[0], &d->in,
				 position);
	assert_int_equal(buf_error(&out->text), 0);
	assert_true(out->text.n > 0);
}

/* One identity for one way that a file may come. */
static struct id id_of(const char *file, const char *message_id)
{
	struct decoded d = { .text = BUF_INIT(1 << 20) };
	struct id id;

	fixture(&d.text, file);
	d.in = message(buf_str(&d.text));
	if (message_id) {
		d.in.topic = STR(TOPIC);
		d.in.message_id = str_from(message_id);
		d.in.intake = "sns";
	}
	decode_input(&d);
	identify(&id, &d, 0);
	decoded_fini(&d);
	return id;
}

static void assert_same(bool same, const char *file, const char *id,
			const char *file2, const char *id2)
{
	struct id a = id_of(file, id), b = id_of(file2, id2);

	if (str_eq(buf_str(&a.text), buf_str(&b.text)) != same)
		fail_msg("%s and %s: %s, %s", file, file2, a.text.p, b.text.p);
	buf_fini(&a.text);
	buf_fini(&b.text);
}

static void test_one_change_on_three_ways(void **state)
{
	(void)state;
	assert_same(true, "metric-rds-cpu.json", "m1", "event-state.json", NULL);
	assert_same(true, "metric-rds-cpu.json", NULL, "event-state.json", "m2");
	assert_same(true, "lambda-metric.json", NULL, "event-state.json", "m2");
	assert_same(true, "composite.json", "m1", "lambda-composite.json", NULL);
	assert_same(true, "contributor-sns.json", "m1",
		    "event-contributor.json", NULL);
	/* SNS repeats a message with its MessageId; publishes it again too. */
	assert_same(true, "metric-rds-cpu.json", "m1", "metric-rds-cpu.json",
		    "m2");
}

static void test_other_changes_differ(void **state)
{
	(void)state;
	assert_same(false, "metric-rds-cpu.json", "m1",
		    "metric-rds-cpu-ok.json", "m1");
	assert_same(false, "metric-rds-cpu.json", "m1", "metric-odd-state.json",
		    "m1");
	/* Held back now, told by SNS when the mute window ends. */
	assert_same(false, "event-muted.json", NULL, "metric-rds-cpu.json",
		    "m1");
	/* The definition's events carry the state's old time. */
	assert_same(false, "event-configuration-delete.json", NULL,
		    "event-state.json", NULL);
	assert_same(false, "event-configuration-delete.json", NULL,
		    "event-configuration-update.json", NULL);
	assert_same(true, "event-configuration-delete.json", NULL,
		    "event-configuration-delete.json", "m1");
}

static void test_without_a_time_of_its_own(void **state)
{
	struct id a = id_of("sns-text.json", NULL), b;

	(void)state;
	/* One webhook's message like another's is two events. */
	assert_int_equal(a.rc, 1);
	b = id_of("sns-text.json", NULL);
	assert_int_equal(b.rc, 1);
	assert_false(str_eq(buf_str(&a.text), buf_str(&b.text)));
	buf_fini(&a.text);
	buf_fini(&b.text);
	a = id_of("text.txt", "m1");
	assert_int_equal(a.rc, 0);
	buf_fini(&a.text);
	assert_same(true, "text.txt", "m1", "text.txt", "m1");
	assert_same(true, "unknown.json", "m1", "text.txt", "m1");
	assert_same(false, "text.txt", "m1", "text.txt", "m2");
	assert_same(false, "direct.json", NULL, "direct.json", NULL);
	assert_same(true, "direct.json", "m1", "direct.json", "m1");
	/* A time or an id of its own. */
	assert_same(true, "direct-ok.json", NULL, "direct-ok.json", "m1");
	assert_same(true, "event-ec2-state.json", NULL, "event-ec2-state.json",
		    "m1");
	assert_same(false, "event-ec2-state.json", NULL, "event-custom.json",
		    NULL);
}

static void test_position_and_topic(void **state)
{
	struct decoded d = { .in = message(STR("hello")) };
	struct id ids[4];

	(void)state;
	d.in.topic = STR(TOPIC);
	d.in.message_id = STR("m1");
	decode_input(&d);
	identify(&ids[0], &d, 0);
	identify(&ids[1], &d, 1);
	d.in.topic = STR(TOPIC "-2");
	identify(&ids[2], &d, 0);
	/* A queue's message that SNS didn't send. */
	d.in.topic = STR_NONE;
	identify(&ids[3], &d, 0);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			assert_false(str_eq(buf_str(&ids[i].text),
					    buf_str(&ids[k].text)));
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(ids[i].rc, 0);
		buf_fini(&ids[i].text);
	}
	decoded_fini(&d);
}

/* A direct alarm's id may be the alarm's: OK is never a repeat of ALARM. */
static void test_direct_id_and_state(void **state)
{
	static const char *const texts[] = {
		"{\"AlarmName\":\"x\",\"id\":\"17\",\"state\":\"ALARM\"}",
		"{\"AlarmName\":\"x\",\"id\":\"17\",\"state\":\"OK\"}",
		"{\"AlarmName\":\"x\",\"id\":\"18\",\"state\":\"OK\"}",
		"{\"AlarmName\":\"x\",\"id\":\"17\",\"state\":\"ALARM\"}",
	};
	struct decoded d;
	struct id ids[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		decode(&d, texts[i]);
		identify(&ids[i], &d, 0);
		assert_int_equal(ids[i].rc, 0);
		decoded_fini(&d);
	}
	assert_string_equal(ids[0].text.p, ids[3].text.p);
	assert_string_not_equal(ids[0].text.p, ids[1].text.p);
	assert_string_not_equal(ids[1].text.p, ids[2].text.p);
	for (size_t i = 0; i < 4; i++)
		buf_fini(&ids[i].text);
}

static void test_subjects(void **state)
{
	static const struct {
		const char *file, *subject;
	} cases[] = {
		{ "metric-rds-cpu.json",
		  "arn:aws:cloudwatch:us-east-1:111122223333:alarm:pay-db-cpu" },
		{ "metric-2016.json",
		  "arn:aws:cloudwatch:us-west-2:111122223333:alarm:"
		  "shop-db-connections" },
		{ "event-contributor.json",
		  "arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
		  "shop-tables-idle/6d442278dba546f6" },
		{ "direct-ok.json", "111122223333/eu-west-1/legacy-disk" },
		{ "direct.json", "//legacy-disk" },
		{ "event-ec2-state.json",
		  "111122223333/us-east-1/i-0123456789abcdef0/ec2" },
		{ "event-custom.json",
		  "111122223333/us-east-1/Nightly batch failed" },
		{ "unknown-title.json", "webhook//Disk full on web-1" },
	};
	struct buf subject = BUF_INIT(65536);
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&subject);
		alarm_subject(&subject, decode_file(&d, cases[i].file));
		assert_str(buf_str(&subject), cases[i].subject);
		decoded_fini(&d);
	}
	buf_fini(&subject);
}

/* However long a name is, what is kept of it has a bound. */
static void test_bounded(void **state)
{
	struct buf text = BUF_INIT(4 << 20), subject = BUF_INIT(65536);
	struct decoded d;

	(void)state;
	buf_puts(&text, "{\"AlarmName\":\"");
	for (int i = 0; i < 1 << 20; i++)
		buf_putc(&text, 'n');
	buf_puts(&text, "\",\"Trigger\":{},\"NewStateValue\":\"OK\"}");
	alarm_subject(&subject, decode(&d, text.p));
	assert_int_equal(buf_error(&subject), 0);
	assert_true(subject.n < 4096);
	decoded_fini(&d);
	buf_fini(&text);
	buf_fini(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_change_on_three_ways),
		cmocka_unit_test(test_other_changes_differ),
		cmocka_unit_test(test_without_a_time_of_its_own),
		cmocka_unit_test(test_position_and_topic),
		cmocka_unit_test(test_direct_id_and_state),
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
