#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "doc/json.h"
#include "stackflow/jobs.h"

static struct json *parse(const char *text)
{
	struct json *v;
	struct err err;

	if (json_parse(&v, str_from(text), 0, &err))
		fail_msg("%s: %s", err.text, text);
	return v;
}

static enum sf_job_state state_of(const char *text)
{
	struct json *v = parse(text);
	enum sf_job_state s = sf_job_state(v);

	json_free(v);
	return s;
}

static void states(void **state)
{
	(void)state;
	assert_int_equal(state_of("{\"status\":\"completed\"}"), SF_JOB_ENDED);
	assert_int_equal(state_of("{\"state\":\"Succeeded\"}"), SF_JOB_ENDED);
	assert_int_equal(state_of("{\"job\":{\"status\":\"done\"}}"),
			 SF_JOB_ENDED);
	assert_int_equal(state_of("{\"status\":\"FAILED\"}"), SF_JOB_BROKEN);
	assert_int_equal(state_of("{\"status\":\"cancelled\"}"),
			 SF_JOB_BROKEN);
	assert_int_equal(state_of("{\"status\":\"queued\"}"), SF_JOB_RUNNING);
	assert_int_equal(state_of("{\"status\":\"no word of ours\"}"),
			 SF_JOB_RUNNING);
	assert_int_equal(state_of("{\"status\":7}"), SF_JOB_RUNNING);
	assert_int_equal(state_of("[]"), SF_JOB_RUNNING);
	assert_int_equal(sf_job_state(NULL), SF_JOB_RUNNING);
}

static void counts(void **state)
{
	static const struct {
		const char *body;
		int64_t done, failed;
	} cases[] = {
		{ "{}", -1, -1 },
		{ "{\"succeeded\":7,\"failed\":3}", 7, 3 },
		{ "{\"succeeded\":7,\"failed\":[{},{}]}", 7, 2 },
		{ "{\"succeeded\":7,\"failed\":0,\"errors\":[{}]}", 7, 1 },
		{ "{\"processed\":8,\"failed\":3}", 5, 3 },
		{ "{\"processed\":8}", 8, -1 },
		{ "{\"processed\":2,\"failed\":3}", 0, 3 },
		{ "{\"succeeded\":700,\"failed\":-3}", 10, -1 },
		{ "{\"succeeded\":9,\"failed\":9}", 1, 9 },
		{ "{\"succeeded\":1e300,\"failed\":1e300}", 0, 10 },
		{ "{\"succeeded\":\"7\",\"failed\":{}}", -1, -1 },
		{ "{\"failed\":[]}", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct json *v = parse(cases[i].body);
		struct sf_job_counts c;

		sf_job_count(&c, v, 10);
		if (c.done != cases[i].done || c.failed != cases[i].failed)
			fail_msg("%s: %lld %lld", cases[i].body,
				 (long long)c.done, (long long)c.failed);
		json_free(v);
	}
}

/* One character a record: - not named, + done, ! failed; then a message. */
struct seen {
	char marks[8], message[40];
};

static void see(size_t at, bool failed, struct str message, void *arg)
{
	struct seen *s = arg;

	assert_true(at < 3);
	s->marks[at] = failed ? '!' : '+';
	if (message.n)
		snprintf(s->message, sizeof(s->message), "%.*s",
			 STR_ARG(message));
}

static void records_by_id_index_and_place(void **state)
{
	static const struct {
		const char *body, *marks, *message;
	} cases[] = {
		{ "{\"failed\":[{\"id\":\"B\",\"message\":\"gone\"}]}", "-!-",
		  "gone" },
		{ "{\"errors\":[{\"index\":2,\"error\":\"bad\"}]}", "--!",
		  "bad" },
		{ "{\"errors\":[{\"record_id\":\"A\",\"error\":{\"message\":"
		  "\"deep\"}}]}",
		  "!--", "deep" },
		{ "{\"failed\":[\"C\",\"A\"]}", "!-!", "" },
		{ "{\"failed\":[{\"index\":3},{\"index\":-1},{\"id\":\"X\"},"
		  "{},7,null]}",
		  "---", "" },
		{ "{\"results\":[{\"id\":\"A\",\"status\":\"updated\"},"
		  "{\"id\":\"B\",\"status\":\"failed\",\"message\":\"m\"}]}",
		  "+!-", "m" },
		{ "{\"results\":[{\"status\":201},{\"status\":409},"
		  "{\"success\":false}]}",
		  "+!!", "" },
		{ "{\"results\":[{\"id\":\"C\",\"status\":\"closed\"},"
		  "{\"id\":\"B\",\"error\":\"no\"},{\"index\":0}]}",
		  "+!+", "no" },
		{ "{\"results\":[{},{}]}", "---", "" },
		{ "{\"results\":{\"id\":\"A\"},\"failed\":2}", "---", "" },
	};
	static const struct str ids[] = { STR("A"), STR("B"), STR("C") };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct json *v = parse(cases[i].body);
		struct seen s = { .marks = "---" };

		sf_job_each(v, ids, 3, see, &s);
		if (strcmp(s.marks, cases[i].marks) ||
		    strcmp(s.message, cases[i].message))
			fail_msg("%s: %s %s", cases[i].body, s.marks,
				 s.message);
		json_free(v);
	}
}

static void job_ids(void **state)
{
	static const struct {
		const char *body, *id;
	} cases[] = {
		{ "{\"job_id\":\"j-1\",\"id\":\"x\"}", "j-1" },
		{ "{\"jobId\":\"j-1\"}", "j-1" },
		{ "{\"job\":{\"id\":\"j-1\"}}", "j-1" },
		{ "{\"job_id\":\"../x\"}", "" },
		{ "{\"job_id\":7}", "" },
		{ "{}", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct json *v = parse(cases[i].body);

		assert_true(str_is(sf_job_id(v), cases[i].id));
		json_free(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),
		cmocka_unit_test(counts),
		cmocka_unit_test(records_by_id_index_and_place),
		cmocka_unit_test(job_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
