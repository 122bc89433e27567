/*
 * Alarms whose parsed message was let go: all that they tell stays, and the
 * message is there again for who asks.
 */
#include "help.h"

#include <dirent.h>

/* All that can be told of the alarms of a message. */
static void tell(struct buf *out, const struct alarms *all,
		 const struct alarm_input *in)
{
	struct jsonw w;

	for (size_t i = 0; i < all->count; i++) {
		const struct alarm *a = &all->list[i];
		const struct json *payload;

		w = JSONW(out);
		alarm_write(&w, a);
		/* One without an identity of its own gets a random one. */
		buf_putc(out, '\n');
		if (a->own_time || a->event_id.n || in->message_id.n)
			alarm_identity(out, a, in, i);
		buf_putc(out, '\n');
		alarm_subject(out, a);
		buf_putc(out, '\n');
		alarm_put_console_url(out, a);
		assert_int_equal(alarm_payload(&payload, a), 0);
		json_put(out, payload);
		buf_putc(out, '\n');
	}
	assert_int_equal(buf_error(out), 0);
}

static int same_again(const struct alarm_input *in, void *arg)
{
	struct buf before = BUF_INIT(4 << 20), after = BUF_INIT(4 << 20);
	struct alarms all;
	unsigned *light = arg;

	assert_int_equal(alarm_decode(&all, in), 0);
	tell(&before, &all, in);
	assert_int_equal(alarms_lighten(&all), 0);
	*light += all.late != NULL;
	tell(&after, &all, in);
	assert_string_equal(buf_str(&before).p, buf_str(&after).p);
	alarms_fini(&all);
	buf_fini(&before);
	buf_fini(&after);
	return 0;
}

static void test_every_fixture(void **state)
{
	struct buf text = BUF_INIT(4 << 20);
	DIR *dir = opendir(DATA);
	struct err err = { "" };
	unsigned light = 0;
	struct dirent *e;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    str_is(str_from(e->d_name), "expected"))
			continue;
		fixture(&text, e->d_name);
		/* Less than 0: no message stands in it. */
		(void)!alarm_unwrap(buf_str(&text), NOW, same_again, &light,
				    &err);
	}
	closedir(dir);
	assert_true(light >= 30);
	buf_fini(&text);
}

static void lighten(struct alarms *out, struct alarm_input *in,
		    const char *body)
{
	*in = (struct alarm_input){ .body = str_from(body),
				    .received_ms = NOW,
				    .intake = "sns" };
	assert_int_equal(alarm_decode(out, in), 0);
	assert_int_equal(alarms_lighten(out), 0);
}

static void test_parsed_once_more(void **state)
{
	const struct json *one, *two;
	struct alarm_input in;
	struct alarms all;

	(void)state;
	lighten(&all, &in, "{\"AlarmName\":\"db\",\"NewStateValue\":"
			   "\"ALARM\",\"OKActions\":[\"x\"]}");
	assert_null(all.json);
	assert_null(all.list->payload);
	assert_int_equal(alarm_payload(&one, all.list), 0);
	assert_int_equal(json_count(json_get(one, "OKActions")), 1);
	assert_int_equal(alarm_payload(&two, all.list), 0);
	assert_ptr_equal(one, two);
	alarms_fini(&all);
}

static void test_kept(void **state)
{
	const struct json *payload;
	struct alarm_input in;
	struct alarms all;

	(void)state;
	lighten(&all, &in, "disk full");
	assert_int_equal(alarm_payload(&payload, all.list), 0);
	assert_null(payload);
	alarms_fini(&all);
	/* Alarms that share a message share what it was parsed to. */
	lighten(&all, &in, "{\"version\":\"4\",\"groupKey\":\"g\",\"receiver\":"
			  "\"r\",\"status\":\"firing\",\"alerts\":["
			  "{\"status\":\"firing\",\"labels\":{\"alertname\":"
			  "\"a\"},\"startsAt\":\"2026-11-21T10:00:00Z\"},"
			  "{\"status\":\"firing\",\"labels\":{\"alertname\":"
			  "\"b\"},\"startsAt\":\"2026-11-21T10:00:00Z\"}]}");
	assert_int_equal(all.count, 2);
	assert_non_null(all.json);
	assert_int_equal(alarm_payload(&payload, &all.list[1]), 0);
	assert_ptr_equal(payload, all.json);
	alarms_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_fixture),
		cmocka_unit_test(test_parsed_once_more),
		cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
