/* Calls with the keys that lib/aws finds itself, its thread included. */
#include "tests/unit/aws/desk.h"

#include "aws/call.h"
#include "base/clock.h"

#define SECRET "0ur/Own+Test.Secret/0123456789abcdefghij"
#define TOKEN "IQoJb3JpZ2luX2VjExample//////////wEaDGV1"

struct scene {
	struct desk desk;
	struct rest *rest;
	struct aws_creds *creds;
	struct aws_client *client;
	int ended;
	enum aws_outcome outcome;
};

static void note(const struct aws_answer *a, void *arg)
{
	struct scene *s = arg;

	s->ended++;
	s->outcome = a->outcome;
	assert_true(str_find(a->message, STR(TOKEN)) < 0);
}

static const char *no_env(const char *name, void *arg)
{
	(void)name, (void)arg;
	return NULL;
}

static void open_scene(struct scene *s, const struct desk_answer *answers,
		       size_t count)
{
	const struct rest_options ro = { .user_agent = "test" };
	const struct aws_creds_options co = {
		.access_key_id = "AKIATESTKEYOFOURS001",
		.secret_access_key = SECRET,
		.session_token = TOKEN,
		.env = no_env,
	};
	struct aws_client_options o = { .region = STR("us-east-1") };
	struct err err = { "" };

	*s = (struct scene){ 0 };
	desk_open(&s->desk, answers, count);
	assert_int_equal(rest_new(&s->rest, &ro, &err), 0);
	assert_int_equal(aws_creds_new(&s->creds, &co, &err), 0);
	o.rest = s->rest;
	o.creds = s->creds;
	o.endpoint_url = s->desk.url;
	assert_int_equal(aws_client_new(&s->client, &o, &err), 0);
}

static void ask(struct scene *s)
{
	const struct aws_call call = {
		.service = "monitoring",
		.target = "GraniteServiceVersion20100801.DescribeAlarms",
		.body = STR("{}"),
		.done = note,
		.arg = s,
	};
	int64_t give_up = clock_mono_ms() + 10000;
	int before = s->ended;
	struct err err = { "" };

	assert_int_equal(aws_call(s->client, &call, &err), 0);
	while (s->ended == before && clock_mono_ms() < give_up) {
		int wait = aws_client_step(s->client);

		rest_step(s->rest, wait < 0 || wait > 20 ? 20 : wait);
	}
	assert_int_equal(s->ended, before + 1);
}

static void close_scene(struct scene *s)
{
	aws_client_free(s->client);
	rest_free(s->rest);
	aws_creds_free(s->creds);
	desk_forget(&s->desk);
}

static void keys_of_the_configuration(void **state)
{
	static const struct desk_answer answers[] = {
		{ .status = "200 OK", .body = "{}" },
		{ .status = "400 Bad Request",
		  .body = "{\"__type\":\"x#ExpiredToken\","
			  "\"message\":\"" TOKEN "\"}" },
		{ .status = "200 OK", .body = "{}" },
	};
	struct scene s;

	(void)state;
	open_scene(&s, answers, 3);
	ask(&s);
	assert_int_equal(s.outcome, AWS_OK);
	/* They can't be renewed: asked once, and said so. */
	ask(&s);
	assert_int_equal(s.outcome, AWS_EXPIRED);
	assert_int_equal(desk_count(&s.desk), 2);
	ask(&s);
	assert_int_equal(s.outcome, AWS_OK);
	desk_close(&s.desk);
	assert_true(
		str_is(desk_header(&s.desk, 0, "X-Amz-Security-Token"), TOKEN));
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_the_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
