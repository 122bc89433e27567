/*
 * Messages of every kind, in the shapes in which their senders write them:
 * what each becomes against expected/NAME, one line an alarm as `tocsin
 * explain --json` shows it and one with what else follows from it. After a
 * wanted change: TOCSIN_WRITE_EXPECTED=1, and read the diff.
 */
#include "help.h"

#include <dirent.h>

#undef DATA
#define DATA "tests/data/payloads/"

static const char *event_name(enum alarm_event e)
{
	static const char *const names[] = { "changed", "deleted",
					     "configured", "notice" };

	return names[e];
}

static void put_more(struct buf *out, const struct alarm *a,
		     const struct alarm_input *in, size_t position)
{
	struct buf text = BUF_INIT(8192);
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kcstr(&w, "event", event_name(a->event));
	jsonw_kstr(&w, "state_text", a->state_text);
	jsonw_kstr(&w, "title", a->title);
	alarm_subject(&text, a);
	jsonw_kstr(&w, "subject", buf_str(&text));
	buf_reset(&text);
	if (alarm_identity(&text, a, in, position) == 0)
		jsonw_kstr(&w, "identity", buf_str(&text));
	buf_reset(&text);
	alarm_put_console_url(&text, a);
	jsonw_kstr(&w, "url", buf_str(&text));
	jsonw_end_object(&w);
	buf_putc(out, '\n');
	buf_fini(&text);
}

static int put_alarms(const struct alarm_input *in, void *arg)
{
	struct buf *out = arg;
	struct alarms alarms;
	struct jsonw w;

	assert_int_equal(alarm_decode(&alarms, in), 0);
	for (size_t i = 0; i < alarms.count; i++) {
		w = JSONW(out);
		alarm_write(&w, &alarms.list[i]);
		buf_putc(out, '\n');
		put_more(out, &alarms.list[i], in, i);
	}
	alarms_fini(&alarms);
	return 0;
}

static void check_fixture(const char *name)
{
	struct buf text = BUF_INIT(4 << 20), got = BUF_INIT(4 << 20);
	struct err err = { "" };
	char path[512];

	snprintf(path, sizeof(path), DATA "%s", name);
	assert_true(slurp(&text, path));
	if (alarm_unwrap(buf_str(&text), NOW, put_alarms, &got, &err) < 1)
		fail_msg("%s: %s", name, err.text);
	assert_int_equal(buf_error(&got), 0);
	as_expected(DATA, name, buf_str(&got));
	buf_fini(&text);
	buf_fini(&got);
}

static void test_every_payload(void **state)
{
	DIR *dir = opendir(DATA);
	struct dirent *e;
	int count = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (!str_ends(str_from(e->d_name), ".json"))
			continue;
		check_fixture(e->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count >= 100);
}

/* ---- what the fixtures can't say ---- */

static struct alarms decode_at(struct str body, int64_t received_ms)
{
	struct alarm_input in = message(body);
	struct alarms alarms;

	in.received_ms = received_ms;
	assert_int_equal(alarm_decode(&alarms, &in), 0);
	return alarms;
}

static void identity_at(struct buf *out, struct str body, int64_t received_ms)
{
	struct alarm_input in = message(body);
	struct alarms alarms = decode_at(body, received_ms);

	in.received_ms = received_ms;
	buf_reset(out);
	assert_int_equal(alarm_identity(out, &alarms.list[0], &in, 0), 0);
	alarms_fini(&alarms);
}

/*
 * Alertmanager names the old begin of an alert that fires again after its
 * connection to Prometheus was lost and the alert was told to be over: that
 * mustn't be taken for the first message's second delivery.
 */
static void test_told_again_is_no_duplicate(void **state)
{
	struct str body = STR(
		"{\"version\":\"4\",\"alerts\":[{\"status\":\"firing\","
		"\"labels\":{\"alertname\":\"x\"},"
		"\"startsAt\":\"2026-11-21T09:00:00Z\"}]}");
	struct buf first = BUF_INIT(8192), second = BUF_INIT(8192);
	struct alarms a, b;

	(void)state;
	identity_at(&first, body, NOW);
	identity_at(&second, body, NOW + 2000);
	assert_true(str_eq(buf_str(&first), buf_str(&second)));
	identity_at(&second, body, NOW + 10 * 60000);
	assert_false(str_eq(buf_str(&first), buf_str(&second)));
	a = decode_at(body, NOW);
	b = decode_at(body, NOW + 10 * 60000);
	assert_int_equal(a.list[0].time_ms, b.list[0].time_ms);
	assert_true(alarm_order(&a.list[0]) < alarm_order(&b.list[0]));
	alarms_fini(&a);
	alarms_fini(&b);
	buf_fini(&first);
	buf_fini(&second);
}

/* What a list holds beside alarms, or beyond the most, is told. */
static void test_left_out(void **state)
{
	struct buf text = BUF_INIT(4 << 20);
	struct decoded d;
	const struct alarm *last;

	(void)state;
	decode(&d, "{\"version\":\"4\",\"alerts\":[{\"labels\":{}},"
		   "1,1,1,1,1,1,null]}");
	assert_int_equal(d.alarms.count, 2);
	last = &d.alarms.list[1];
	assert_string_equal(last->kind, "json");
	assert_int_equal(last->state, ALARM_FIRING);
	assert_true(str_starts(last->name, "7 of 8 entries"));
	assert_true(str_eq(last->description, d.in.body));
	decoded_fini(&d);
	buf_puts(&text, "Alerts Firing:\n");
	for (int i = 0; i < 10005; i++)
		buf_printf(&text, "Labels:\n - alertname = a%d\n", i);
	decode(&d, text.p);
	assert_int_equal(d.alarms.count, 10000);
	assert_string_equal(d.alarms.list[9998].kind, "alertmanager");
	last = &d.alarms.list[9999];
	assert_string_equal(last->kind, "json");
	assert_true(str_starts(last->name, "6 of 10005 entries"));
	decoded_fini(&d);
	buf_fini(&text);
}

/* Whatever a raw text names as labels, the keys of what is written differ. */
static void test_text_label_names(void **state)
{
	struct buf text = BUF_INIT(65536), line = BUF_INIT(65536);
	struct jsonw w = JSONW(&line);
	struct decoded d;

	(void)state;
	buf_puts(&text, "Alerts Firing:\nLabels:\n - alertname = a\n"
			" - x\xc5 = 1\n - x\xc5\xc5 = 2\n - x\xcd = 3\n");
	for (char c = 'a'; c < 'c'; c++) {
		buf_puts(&text, " - ");
		for (int i = 0; i < 5000; i++)
			buf_putc(&text, 'l');
		buf_printf(&text, "%c = 4\n", c);
	}
	decode(&d, text.p);
	assert_int_equal(d.alarms.count, 1);
	assert_str(d.alarms.list[0].name, "a");
	assert_int_equal(d.alarms.list[0].tag_count, 2);
	alarm_write(&w, &d.alarms.list[0]);
	assert_int_equal(json_scan(buf_str(&line), 0, NULL), 0);
	decoded_fini(&d);
	buf_fini(&text);
	buf_fini(&line);
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "Sat, 21 Nov 2026 09:40:00 GMT", INT64_C(1795254000000) },
		/* A wrong weekday, as in AWS's own samples. */
		{ "Mon, 21 Nov 2026 09:40:00 GMT", INT64_C(1795254000000) },
		{ "Sat Nov 21 09:40:00 UTC 2026", INT64_C(1795254000000) },
		{ "Nov 21, 2026 9:40:00 AM", INT64_C(1795254000000) },
		{ "Nov 21, 2026, 9:40:00 PM", INT64_C(1795297200000) },
		{ "Nov 21, 2026 12:00:00 AM", INT64_C(1795219200000) },
		{ "2026-11-21 09:40:00.000", INT64_C(1795254000000) },
		{ "2026-11-21T11:40:00.000000001+02:00",
		  INT64_C(1795254000000) },
		{ "Nov 31, 2026 9:40:00 AM", 0 },
		{ "Nov 21, 2026 13:40:00 PM", 0 },
		{ "Sat Nov 21 09:40:00 PST 2026", 0 },
		{ "21 Nov 2026", 0 },
		{ "Nov Nov 21 21 09:40:00 2026", 0 },
		{ "", 0 },
		{ ":::", 0 },
		{ "yyyy-mm-ddThh:mm:ssZ", 0 },
	};
	struct decoded d;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"AlarmName\":\"x\",\"time\":\"%s\"}",
			 cases[i].text);
		decode(&d, text);
		if (d.alarms.list[0].time_ms !=
		    (cases[i].ms ? cases[i].ms : NOW))
			fail_msg("\"%s\": %lld", cases[i].text,
				 (long long)d.alarms.list[0].time_ms);
		decoded_fini(&d);
	}
}

/* Only a plain URL goes into an incident as a link. */
static void test_links(void **state)
{
	static const char *const bad[] = {
		"javascript:alert(1)", "https://x/\\u000aSet-Cookie: a",
		"https://x/ y",	       "https://x/<b>",
		"//x",		       "",
	};
	struct buf url = BUF_INIT(8192);
	struct decoded d;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"ruleName\":\"x\",\"state\":\"alerting\","
			 "\"ruleUrl\":\"%s\"}", bad[i]);
		buf_reset(&url);
		alarm_put_console_url(&url, decode(&d, text));
		assert_int_equal(url.n, 0);
		decoded_fini(&d);
	}
	buf_fini(&url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_payload),
		cmocka_unit_test(test_told_again_is_no_duplicate),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_text_label_names),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
