/*
 * What nobody should send: every member of every fixture as another type,
 * texts full of control characters, huge and deep documents. Each must decode
 * into something that can be told apart, written, and read again.
 */
#include "help.h"

#include <dirent.h>
#include <time.h>

/* Everything that is made of an alarm, as strict JSON and with bounds. */
static void use(const struct decoded *d)
{
	struct buf out = BUF_INIT(16 << 20);
	struct jsonw w;
	struct err err = { "" };

	for (size_t i = 0; i < d->alarms.count; i++) {
		const struct alarm *a = &d->alarms.list[i];

		assert_non_null(a->source);
		assert_non_null(a->kind);
		assert_true(a->time_ms > 0);
		assert_true(a->name.n > 0 && a->name.n <= 1024);
		assert_int_not_equal(a->state, ALARM_NONE);
		buf_reset(&out);
		w = JSONW(&out);
		alarm_write(&w, a);
		assert_int_equal(buf_error(&out), 0);
		assert_int_equal(str_find_char(buf_str(&out), '\n'), -1);
		if (json_scan(buf_str(&out), 0, &err))
			fail_msg("%s: %s", err.text, out.p);
		buf_reset(&out);
		assert_true(alarm_identity(&out, a, &d->in, i) >= 0);
		assert_true(out.n > 0 && out.n < 8192);
		buf_reset(&out);
		alarm_put_console_url(&out, a);
		for (size_t k = 0; k < out.n; k++)
			assert_true(out.p[k] > ' ' && out.p[k] < 0x7f);
	}
	buf_fini(&out);
}

/*
 * Write v again, with node number *at as text says. Fixtures are our own, so
 * this may recurse.
 */
static void put_changed(struct buf *out, const struct json *v, int *at,
			const char *text)
{
	const struct json *member;
	struct str key;
	void *walk = NULL;
	size_t n = 0;

	if ((*at)-- == 0) {
		buf_puts(out, text);
	} else if (json_is(v, JSON_OBJECT)) {
		while (json_next(v, &walk, &key, &member)) {
			buf_putc(out, n++ ? ',' : '{');
			jsonw_put_quoted(out, key);
			buf_putc(out, ':');
			put_changed(out, member, at, text);
		}
		buf_puts(out, n ? "}" : "{}");
	} else if (json_is(v, JSON_ARRAY)) {
		for (; n < json_count(v); n++) {
			buf_putc(out, n ? ',' : '[');
			put_changed(out, json_item(v, n), at, text);
		}
		buf_puts(out, n ? "]" : "[]");
	} else {
		json_put(out, v);
	}
}

static const char *const wrong[] = {
	"null", "true", "-7", "1e308", "\"\"", "\"text\"", "[]", "{}",
	"[[],{},null,7]", "{\"value\":7,\"name\":[]}",
	"\"\\u0000\\r\\n\\u001b[0m\\u202e\"",
};

/* What SNS carries rather than its envelope, where that is JSON. */
static struct json *inner_of(struct json *root)
{
	struct str text = json_get_str(root, "Message");
	struct json *inner = NULL;

	if (!text.p || json_parse(&inner, text, 0, NULL))
		return root;
	json_free(root);
	return inner;
}

static int change_all(const char *name, bool unwrap)
{
	struct decoded d = { .text = BUF_INIT(4 << 20) };
	struct buf file = BUF_INIT(4 << 20);
	struct json *root = NULL;
	int at = -1, count = 0;

	fixture(&file, name);
	assert_int_equal(json_parse(&root, buf_str(&file), 0, NULL), 0);
	if (unwrap)
		root = inner_of(root);
	/* The node numbers that remain below zero are past the last node. */
	for (int node = 0; at < 0; node++) {
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
			buf_reset(&d.text);
			at = node;
			put_changed(&d.text, root, &at, wrong[i]);
			d.in = message(buf_str(&d.text));
			decode_input(&d);
			use(&d);
			alarms_fini(&d.alarms);
			count++;
		}
	}
	json_free(root);
	buf_fini(&file);
	decoded_fini(&d);
	return count;
}

static int change_folder(const char *path, const char *from_data, bool unwrap)
{
	DIR *dir = opendir(path);
	char name[512];
	struct dirent *e;
	int count = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (!str_ends(str_from(e->d_name), ".json"))
			continue;
		snprintf(name, sizeof(name), "%s%s", from_data, e->d_name);
		count += change_all(name, unwrap);
	}
	closedir(dir);
	return count;
}

static void test_wrong_types(void **state)
{
	(void)state;
	assert_true(change_folder(DATA, "", false) > 10000);
	assert_true(change_folder(DATA "../payloads", "../payloads/", true) >
		    10000);
}

static void test_control_characters(void **state)
{
	struct decoded d;
	const struct alarm *a = decode_file(&d, "hostile-controls.json");

	(void)state;
	/* Nothing is lost of what was sent. */
	assert_true(str_starts(a->name, "a\r\nb\x1b[31mred\xe2\x80\xae"));
	assert_true(str_find_char(a->name, '\0') > 0);
	assert_true(str_ends(a->name, "{{x}}"));
	assert_int_equal(a->dim_count, 1);
	use(&d);
	decoded_fini(&d);
	a = decode_file(&d, "hostile-long-name.json");
	assert_int_equal(a->name.n, 4 * 255);
	assert_true(str_ends(a->arn, "\xf0\x9f\x94\xa5"));
	use(&d);
	decoded_fini(&d);
}

static void test_many_pairs(void **state)
{
	struct decoded d;
	struct buf text = BUF_INIT(8 << 20);
	const struct alarm *a;

	(void)state;
	buf_puts(&text, "{\"AlarmName\":\"x\",\"AlarmTags\":{");
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "%s\"k%d\":\"v%d\"", i ? "," : "", i, i);
	buf_puts(&text, "},\"Dimensions\":[");
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "%s{\"Name\":\"k%d\",\"Value\":\"v\"}",
			   i ? "," : "", i % 150);
	buf_puts(&text, "]}");
	a = decode(&d, text.p);
	assert_int_equal(a->tag_count, 200);
	assert_int_equal(a->dim_count, 150);
	use(&d);
	decoded_fini(&d);
	buf_fini(&text);
}

static int64_t cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Documents of 2 MiB that are nothing but one thing; none may take long. */
static void test_huge(void **state)
{
	static const struct {
		const char *head, *repeat, *tail;
	} cases[] = {
		{ "{\"AlarmName\":\"x\",\"AlarmDescription\":\"", "severity:\\n",
		  "\"}" },
		{ "{\"AlarmName\":\"x\",\"AlarmDescription\":\"", "\\n", "\"}" },
		{ "{\"AlarmName\":\"x\",\"AlarmDescription\":\"{", "[",
		  "\"}" },
		{ "{\"AlarmName\":\"x\",\"Trigger\":{\"Metrics\":[0",
		  ",{\"MetricStat\":{}}", "]},\"NewStateValue\":\"OK\"}" },
		{ "[0", ",\"\\u0001\"", "]" },
		{ "{\"alerts\":[{\"labels\":{}}", ",{\"labels\":{\"a\":\"b\"}}",
		  "]}" },
		{ "{\"alerts\":[{\"labels\":{\"a\":\"", "x", "\"}}]}" },
		{ "{\"findings\":[0", ",{\"Id\":\"a\",\"ProductArn\":\"b\"}",
		  "]}" },
		{ "{\"detail-type\":\"AWS Health Event\",\"source\":"
		  "\"aws.health\",\"detail\":{\"affectedEntities\":[0",
		  ",{\"entityValue\":\"i-1\"}", "]}}" },
		{ "Alerts Firing:\n", "Labels:\n - a = b\nAnnotations:\n", "" },
		{ "Alerts Firing:\nLabels:\n", " - a = b\n", "" },
		{ "An AWS Backup job ", "Resource ARN :", "" },
		{ "Environment:Message:NotificationProcessId:", "\nMessage:", "" },
		{ "", "[", "" },
		{ "", "{\"a\":", "" },
		{ "", "\n", "" },
		{ "\"", "/", "\"" },
	};
	struct buf text = BUF_INIT(8 << 20);
	struct decoded d;
	int64_t start;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&text);
		buf_puts(&text, cases[i].head);
		while (text.n < 2 << 20)
			buf_puts(&text, cases[i].repeat);
		buf_puts(&text, cases[i].tail);
		start = cpu_ms();
		decode(&d, text.p);
		/* Milliseconds, really; sanitizers and slow machines. */
		assert_true(cpu_ms() - start < 5000);
		use(&d);
		decoded_fini(&d);
	}
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_many_pairs),
		cmocka_unit_test(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
