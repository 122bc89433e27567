#include "rig.h"

#include "stackflow/changes.h"
#include "stackflow/knowledge.h"

static bool read_row(struct sf_article *out, struct json **v, const char *row)
{
	if (json_parse(v, str_from(row), 0, NULL))
		fail_msg("%s", row);
	return sf_article_read(out, *v);
}

static void an_article_is_read(void **state)
{
	struct sf_article a;
	struct json *v;

	(void)state;
	assert_true(read_row(&a, &v,
			     "{\"id\":\"KB0000456\",\"title\":\"Major\","
			     "\"url\":\"https://your-instance.example/kb/1\","
			     "\"body\":\"First\\nthen\"}"));
	assert_true(str_is(a.id, "KB0000456"));
	assert_true(str_is(a.title, "Major"));
	assert_true(str_is(a.url, "https://your-instance.example/kb/1"));
	assert_true(str_is(a.text, "First\nthen"));
	json_free(v);
	assert_true(read_row(&a, &v, "{\"number\":\"KB1\"}"));
	assert_true(str_is(a.id, "KB1"));
	assert_null(a.title.p);
	assert_null(a.url.p);
	assert_null(a.text.p);
	json_free(v);
}

static void what_isnt_one_is_refused(void **state)
{
	static const char *const none[] = {
		"{}",	     "[]", "7", "{\"id\":7}", "{\"id\":\"../x\"}",
		"{\"id\":\"\"}",
	};
	static const char *const urls[] = {
		"javascript:alert(1)", "ftp://x/",	"/kb/1", "",
		"https://x/a b",       "https://x/\\n", "https://x/\\u00e4",
	};
	struct sf_article a;
	struct json *v;
	char row[200];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		assert_false(read_row(&a, &v, none[i]));
		json_free(v);
	}
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		snprintf(row, sizeof(row), "{\"id\":\"KB1\",\"url\":\"%s\"}",
			 urls[i]);
		assert_true(read_row(&a, &v, row));
		assert_null(a.url.p);
		json_free(v);
	}
}

static void changes(struct server *s, unsigned nth, const char *request,
		    struct reply *out)
{
	(void)s, (void)nth;
	if (strncmp(request, "POST /prod/api/changes ", 23) == 0)
		reply_json(out, 201, "", "{\"id\":\"CHG0000001\"}");
	else
		reply_json(out, 200, "", "{\"data\":[]}");
}

static void a_change_is_created_and_articles_are_sought(void **state)
{
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	rig_key(&g, changes, NULL);
	assert_int_equal(sf_change_create(g.client, STR("{\"a\":1}"), "k1",
					  keep, &k), 0);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_string_equal(k.id, "CHG0000001");
	assert_int_equal(server_saw(&g.server, "Idempotency-Key: k1\r\n"), 1);
	assert_int_equal(sf_change_create(g.client, STR_NONE, NULL, keep, &k),
			 -EINVAL);
	rig_ready(&g);
	assert_int_equal(sf_article_list(g.client, "search=dns", STR_NONE,
					 keep, &k), 0);
	rig_run(&g);
	assert_int_equal(
		server_saw(&g.server,
			   "GET /prod/api/knowledge/articles?search=dns HTTP"),
		1);
	rig_stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_article_is_read),
		cmocka_unit_test(what_isnt_one_is_refused),
		cmocka_unit_test(a_change_is_created_and_articles_are_sought),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
