#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "rest/rest.h"
#include "stackflow/client.h"

struct judged {
	struct sf_result res;
	char problem[600];
	char id[80];
	bool body;
};

static struct sf_authn nobody;

static struct judged judge_with(const struct sf_authn *auth, enum sf_kind kind,
				const struct rest_response *r)
{
	struct arena *arena = arena_new(65536);
	struct buf words = BUF_INIT(4096);
	struct json *root;
	struct judged j = { 0 };

	sf_judge(&j.res, &root, &words, kind,
		 kind == SF_GET || kind == SF_UPDATE || kind == SF_NOTE
			 ? STR("INC1")
			 : STR_NONE,
		 r, auth, arena);
	snprintf(j.problem, sizeof(j.problem), "%s",
		 j.res.problem ? j.res.problem : "");
	snprintf(j.id, sizeof(j.id), "%.*s", STR_ARG(j.res.id));
	j.body = j.res.body != NULL;
	assert_true(!j.res.body || j.res.outcome == SF_OK);
	assert_true(j.res.problem || j.res.outcome == SF_OK);
	json_free(root);
	buf_fini(&words);
	arena_free(arena);
	return j;
}

static struct judged judge(enum sf_kind kind, int status, const char *body)
{
	struct rest_response r = {
		.outcome = REST_ANSWERED,
		.status = status,
		.body = str_from(body),
		.headers = STR("HTTP/1.1 1 x\r\n"),
	};

	return judge_with(&nobody, kind, &r);
}

static const enum sf_kind kinds[] = { SF_HEALTH, SF_CREATE, SF_GET,
				      SF_UPDATE, SF_NOTE,   SF_LIST };

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void statuses_are_judged(void **state)
{
	static const int not_executed[] = { 401, 403, 429 };
	static const int unknown[] = { 100, 101, 300, 301, 302, 303, 304,
				       307, 308, 408, 409, 425, 500, 501,
				       502, 503, 504, 599, 600, 999 };
	static const int refused[] = { 400, 402, 405, 406, 410, 411, 412,
				       413, 414, 415, 422, 431, 451, 499 };

	(void)state;
	for (size_t k = 0; k < N(kinds); k++) {
		enum sf_kind kind = kinds[k];

		for (size_t i = 0; i < N(not_executed); i++)
			assert_int_equal(
				judge(kind, not_executed[i], "").res.outcome,
				SF_NOT_EXECUTED);
		for (size_t i = 0; i < N(unknown); i++)
			assert_int_equal(judge(kind, unknown[i],
					       "{\"id\":\"INC1\",\"data\":[]}")
						 .res.outcome,
					 SF_UNKNOWN);
		for (size_t i = 0; i < N(refused); i++)
			assert_int_equal(
				judge(kind, refused[i], "").res.outcome,
				SF_REFUSED);
		assert_int_equal(judge(kind, 404, "").res.outcome,
				 kind == SF_GET || kind == SF_UPDATE ||
						 kind == SF_NOTE
					 ? SF_REFUSED
					 : SF_NOT_EXECUTED);
	}
}

static void success_keeps_its_promise(void **state)
{
	static const char *const garbage[] = {
		"",
		"{",
		"<html>",
		"{\"id\":\"INC1\"",
		"{\"id\":\"INC1\"}x",
		"[]",
		"null",
		"{\"id\":\"INC1\",\"id\":\"INC1\"}",
	};
	static const char *const ids[] = {
		"{}",
		"{\"id\":null}",
		"{\"id\":\"\"}",
		"{\"id\":\"..\"}",
		"{\"id\":\"a/b\"}",
		"{\"id\":\"a\\r\\nX: y\"}",
		"{\"id\":\"a?b\"}",
		"{\"id\":\"' OR 1=1 --\"}",
		"{\"id\":[\"INC1\"]}",
		"{\"id\":{\"id\":\"INC1\"}}",
		"{\"id\":true}",
		"{\"id\":\"INC1\\u0000\"}",
		"{\"id\":\"\\u00e9\"}",
	};
	struct judged j;

	(void)state;
	for (size_t k = 0; k < N(kinds); k++)
		for (size_t i = 0; i < N(garbage); i++)
			assert_int_equal(
				judge(kinds[k], 200, garbage[i]).res.outcome,
				SF_UNKNOWN);
	for (size_t i = 0; i < N(ids); i++) {
		j = judge(SF_CREATE, 201, ids[i]);
		if (j.res.outcome != SF_UNKNOWN)
			fail_msg("taken: %s", ids[i]);
	}
	j = judge(SF_CREATE, 200, "{\"id\":\"INC0000001\"}");
	assert_int_equal(j.res.outcome, SF_OK);
	assert_string_equal(j.id, "INC0000001");
	assert_true(j.body);
	j = judge(SF_CREATE, 202, "{\"id\":4711}");
	assert_int_equal(j.res.outcome, SF_OK);
	assert_string_equal(j.id, "4711");
	j = judge(SF_GET, 200, "{\"id\":\"INC1\"}");
	assert_int_equal(j.res.outcome, SF_OK);
	j = judge(SF_GET, 200, "{\"id\":\"77\",\"number\":\"INC1\"}");
	assert_int_equal(j.res.outcome, SF_OK);
	j = judge(SF_GET, 200, "{\"id\":\"INC2\"}");
	assert_int_equal(j.res.outcome, SF_UNKNOWN);
	j = judge(SF_UPDATE, 200, "{\"ok\":true}");
	assert_int_equal(j.res.outcome, SF_OK);
	assert_string_equal(j.id, "INC1");
	assert_int_equal(judge(SF_UPDATE, 204, "").res.outcome, SF_OK);
	assert_int_equal(judge(SF_NOTE, 204, "").res.outcome, SF_OK);
	assert_int_equal(judge(SF_CREATE, 204, "").res.outcome, SF_UNKNOWN);
	assert_int_equal(judge(SF_NOTE, 201, "{\"id\":5}").res.outcome, SF_OK);
	assert_int_equal(judge(SF_LIST, 200, "{\"data\":[]}").res.outcome,
			 SF_OK);
	assert_int_equal(judge(SF_LIST, 200, "{\"data\":{}}").res.outcome,
			 SF_UNKNOWN);
	assert_int_equal(
		judge(SF_HEALTH, 200, "{\"status\":\"up\"}").res.outcome,
		SF_OK);
}

static void empty_success_must_be_whole(void **state)
{
	struct rest_response r = {
		.outcome = REST_ANSWERED,
		.status = 200,
		.http_version = 11,
		.headers = STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
	};

	(void)state;
	assert_int_equal(judge_with(&nobody, SF_NOTE, &r).res.outcome, SF_OK);
	r.headers = STR("HTTP/1.1 200 OK\r\nConnection: close\r\n");
	assert_int_equal(judge_with(&nobody, SF_NOTE, &r).res.outcome,
			 SF_UNKNOWN);
	r.http_version = 20;
	assert_int_equal(judge_with(&nobody, SF_NOTE, &r).res.outcome, SF_OK);
}

static void no_answer_is_told(void **state)
{
	struct rest_response r = { .outcome = REST_NOT_SENT,
				   .problem = "Could not resolve host: a" };
	struct judged j = judge_with(&nobody, SF_CREATE, &r);

	(void)state;
	assert_int_equal(j.res.outcome, SF_NOT_EXECUTED);
	assert_int_equal(j.res.status, 0);
	assert_int_equal(j.res.retry_after_ms, -1);
	assert_string_equal(j.problem, "not sent: Could not resolve host: a");
	r.outcome = REST_UNKNOWN;
	j = judge_with(&nobody, SF_CREATE, &r);
	assert_int_equal(j.res.outcome, SF_UNKNOWN);
}

static void problems_are_one_safe_line(void **state)
{
	char body[4000], fill[3000];
	struct judged j;

	(void)state;
	j = judge(SF_CREATE, 422,
		  "{\"message\":\"no\\nway\\u001b[1m\","
		  "\"error\":{\"message\":\"deep\"},"
		  "\"detail\":[1]}");
	assert_string_equal(j.problem, "422: no\\x0away\\x1b[1m; deep");
	j = judge(SF_CREATE, 404, "<html>");
	assert_string_equal(j.problem,
			    "404: no such path (is base_url right?)");
	j = judge(SF_CREATE, 302, "");
	assert_non_null(strstr(j.problem, "redirect"));
	j = judge(SF_CREATE, 500, "");
	assert_string_equal(j.problem, "500");
	memset(fill, 'y', sizeof(fill) - 1);
	fill[sizeof(fill) - 1] = '\0';
	snprintf(body, sizeof(body), "{\"message\":\"%s\"}", fill);
	j = judge(SF_CREATE, 400, body);
	assert_in_range(strlen(j.problem), 480, 500);
}

static void secrets_never_show(void **state)
{
	struct sf_auth conf = {
		.method = SF_AUTH_TOKEN,
		.token = "eyJhbGciOiJSUzI1NiJ9.secretpart.signature",
		.password = "hunter2!",
		.client_secret = "abcdefghijklmnopqrstuvwxyz",
	};
	static const char *const echoes[] = {
		"bad token eyJhbGciOiJSUzI1NiJ9.secretpart.signature!",
		"bad token eyJhbGciOiJSUzI1NiJ9.secretp...",
		"password hunter2! is wrong",
		"hunter2!hunter2!",
		"secret abcdefghijklmnopqrstuvwxyz",
		"secret abcdefghijklmnop",
	};
	struct sf_authn auth;
	char body[300];

	(void)state;
	assert_int_equal(sf_auth_init(&auth, &conf, NULL, NULL), 0);
	for (size_t i = 0; i < N(echoes); i++) {
		struct rest_response r = { .outcome = REST_ANSWERED,
					   .status = 400 };
		struct judged j;

		snprintf(body, sizeof(body), "{\"message\":\"%s\"}", echoes[i]);
		r.body = str_from(body);
		j = judge_with(&auth, SF_CREATE, &r);
		if (!strstr(j.problem, "***") || strstr(j.problem, "secretp") ||
		    strstr(j.problem, "hunter") || strstr(j.problem, "abcdef"))
			fail_msg("shown: %s", j.problem);
	}
	sf_auth_fini(&auth);
}

static void ids_for_paths(void **state)
{
	char longest[66];

	(void)state;
	memset(longest, 'a', 65);
	assert_true(sf_id_usable(STR("INC0001234")));
	assert_true(sf_id_usable(STR("a-b_c.D")));
	assert_true(sf_id_usable(STR("...a")));
	assert_true(sf_id_usable((struct str){ longest, 64 }));
	assert_false(sf_id_usable((struct str){ longest, 65 }));
	assert_false(sf_id_usable(STR_NONE));
	assert_false(sf_id_usable(STR("")));
	assert_false(sf_id_usable(STR(".")));
	assert_false(sf_id_usable(STR("..")));
	assert_false(sf_id_usable(STR("a b")));
	assert_false(sf_id_usable(STR("a%2fb")));
	assert_false(sf_id_usable(STR("a\0b")));
	assert_false(sf_id_usable(STR("\xc3\xa9")));
}

static int next_of(const char *body, char *out, size_t n)
{
	struct arena *arena = arena_new(65536);
	struct json *root;
	struct str next = STR("?");
	int rc;

	assert_int_equal(json_parse(&root, str_from(body), 0, NULL), 0);
	rc = sf_page_next(&next, root, arena);
	snprintf(out, n, "%.*s", STR_ARG(next));
	json_free(root);
	arena_free(arena);
	return rc;
}

static void pages_follow_each_other(void **state)
{
	static const struct {
		const char *body, *next;
		int rc;
	} cases[] = {
		{ "{\"data\":[]}", "?", 0 },
		{ "{\"data\":[],\"has_more\":false,\"page\":1}", "?", 0 },
		{ "{\"data\":[],\"has_more\":true,\"page\":1}", "page=2", 1 },
		{ "{\"data\":[],\"next_cursor\":\"abc\"}", "cursor=abc", 1 },
		{ "{\"next_cursor\":\"a b&c=\\u00e9\"}",
		  "cursor=a%20b%26c%3D%C3%A9", 1 },
		{ "{\"next_cursor\":\"c\",\"has_more\":true,\"page\":1}",
		  "cursor=c", 1 },
		{ "{\"next_cursor\":\"\",\"has_more\":true,\"page\":7}",
		  "page=8", 1 },
		{ "{\"next_cursor\":null,\"has_more\":false}", "?", 0 },
		{ "{\"next_cursor\":77}", "cursor=77", 1 },
		{ "{\"next_cursor\":{}}", "?", -EINVAL },
		{ "{\"has_more\":true}", "?", -EINVAL },
		{ "{\"has_more\":true,\"page\":0}", "?", -EINVAL },
		{ "{\"has_more\":true,\"page\":1e99}", "?", -EINVAL },
		{ "{\"has_more\":\"yes\",\"page\":1}", "?", 0 },
		{ "[]", "?", 0 },
	};
	char next[200];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		int rc = next_of(cases[i].body, next, sizeof(next));

		if (rc != cases[i].rc || strcmp(next, cases[i].next) != 0)
			fail_msg("%s: %d %s", cases[i].body, rc, next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_are_judged),
		cmocka_unit_test(success_keeps_its_promise),
		cmocka_unit_test(empty_success_must_be_whole),
		cmocka_unit_test(no_answer_is_told),
		cmocka_unit_test(problems_are_one_safe_line),
		cmocka_unit_test(secrets_never_show),
		cmocka_unit_test(ids_for_paths),
		cmocka_unit_test(pages_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
