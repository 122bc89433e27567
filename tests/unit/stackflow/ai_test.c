#include "rig.h"

#include "stackflow/ai.h"

static struct json *parse(const char *text)
{
	struct json *v;
	struct err err;

	if (json_parse(&v, str_from(text), 0, &err))
		fail_msg("%s: %s", err.text, text);
	return v;
}

static void models_have_their_bedrock_ids(void **state)
{
	(void)state;
	assert_string_equal(sf_ai_model_id("claude-3-haiku"),
			    "anthropic.claude-3-haiku-20240307-v1:0");
	assert_string_equal(sf_ai_model_id("claude-3-sonnet"),
			    "anthropic.claude-3-sonnet-20240229-v1:0");
	assert_string_equal(sf_ai_model_id("claude-3-opus"),
			    "anthropic.claude-3-opus-20240229-v1:0");
	assert_null(sf_ai_model_id("claude-3"));
	assert_null(sf_ai_model_id(""));
	assert_null(sf_ai_model_id(NULL));
}

static void echo(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	(void)s, (void)nth, (void)request;
	reply_json(out, 200, "", "{\"answer\":\"\"}");
}

/* Only what was given is sent. */
static void the_least_of_each_request(void **state)
{
	const struct sf_ai_question q = { .text = STR("why \"it\"?\n") };
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	rig_key(&g, echo, NULL);
	assert_int_equal(sf_ai_ask(g.client, &q, keep, &k), 0);
	rig_run(&g);
	assert_int_equal(server_saw(&g.server, "POST /prod/api/ai/ask HTTP"),
			 1);
	assert_int_equal(
		server_saw(&g.server,
			   "\r\n\r\n{\"question\":\"why \\\"it\\\"?\\n\"}"),
		1);
	assert_int_equal(sf_ai_query(g.client, &q, keep, &k), 0);
	rig_run(&g);
	assert_int_equal(server_saw(&g.server, "POST /prod/api/ai/query HTTP"),
			 1);
	assert_int_equal(
		server_saw(&g.server,
			   "\r\n\r\n{\"query\":\"why \\\"it\\\"?\\n\"}"),
		1);
	assert_int_equal(sf_ai_analyze(g.client, "incident", STR("INC1"), NULL,
				       NULL, 0, keep, &k), 0);
	rig_run(&g);
	assert_int_equal(
		server_saw(&g.server, "\r\n\r\n{\"record_type\":\"incident\","
				      "\"record_id\":\"INC1\"}"),
		1);
	assert_int_equal(sf_ai_exemplars(g.client, "incident", STR("d"),
					 STR_NONE, 0, keep, &k), 0);
	rig_run(&g);
	assert_int_equal(
		server_saw(&g.server, "\r\n\r\n{\"record_type\":\"incident\","
				      "\"description\":\"d\"}"),
		1);
	assert_int_equal(sf_ai_suggest(g.client, STR("t"), NULL,
				       "claude-3-haiku", 0, keep, &k), 0);
	rig_run(&g);
	assert_int_equal(
		server_saw(&g.server, "\r\n\r\n{\"text\":\"t\","
				      "\"model\":\"claude-3-haiku\"}"),
		1);
	assert_int_equal(k.done, 5);
	assert_int_equal(k.res.outcome, SF_OK);
	rig_stop(&g);
}

static void unusable_questions_dont_begin(void **state)
{
	static const struct sf_ai_question bad[] = {
		{ .text = STR("") },
		{ .text = STR("q"), .model = "gpt" },
		{ .text = STR("q"), .model = "" },
		{ .text = STR("q"), .context_type = "incident" },
		{ .text = STR("q"), .context_type = "",
		  .context_id = STR("INC1") },
		{ .text = STR("q"), .max_kb_results = 21 },
	};
	struct kept k = { 0 };
	struct rig g;

	(void)state;
	rig_key(&g, echo, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(sf_ai_ask(g.client, &bad[i], keep, &k),
				 -EINVAL);
		assert_int_equal(sf_ai_query(g.client, &bad[i], keep, &k),
				 -EINVAL);
	}
	assert_int_equal(sf_ai_analyze(g.client, NULL, STR("I"), NULL, NULL, 0,
				       keep, &k), -EINVAL);
	assert_int_equal(sf_ai_analyze(g.client, "incident", STR_NONE, NULL,
				       NULL, 0, keep, &k), -EINVAL);
	assert_int_equal(sf_ai_analyze(g.client, "incident", STR("I"), NULL,
				       "x", 0, keep, &k), -EINVAL);
	assert_int_equal(sf_ai_exemplars(g.client, "incident", STR_NONE,
					 STR_NONE, 0, keep, &k), -EINVAL);
	assert_int_equal(sf_ai_suggest(g.client, STR_NONE, NULL, NULL, 0, keep,
				       &k), -EINVAL);
	assert_int_equal(sf_ai_suggest(g.client, STR("t"), NULL, "x", 0, keep,
				       &k), -EINVAL);
	assert_int_equal(sf_client_active(g.client), 0);
	assert_int_equal(server_requests(&g.server), 0);
	rig_stop(&g);
}

static void no_answer_at_all_is_said(void **state)
{
	static const char *const none[] = {
		"{}",	    "[]",	       "null",
		"\"x\"",    "{\"answer\":7}",  "{\"findings\":[]}",
		"{\"exemplars\":{}}",	       "{\"suggestions\":7}",
	};
	struct arena *arena = arena_new(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		struct json *v = parse(none[i]);
		const struct sf_ai_exemplar *list;
		struct sf_ai_findings f;
		struct sf_ai_suggestion s;
		struct sf_ai_said said;
		size_t n;

		assert_int_equal(sf_ai_said_read(&said, v, arena), -EINVAL);
		assert_int_equal(sf_ai_findings_read(&f, v, arena), -EINVAL);
		assert_int_equal(sf_ai_exemplars_read(&list, &n, v, arena),
				 -EINVAL);
		assert_false(sf_ai_suggestion_read(&s, v, "category"));
		json_free(v);
	}
	arena_free(arena);
}

static void wrong_types_are_nothing(void **state)
{
	static const char text[] =
		"{\"answer\":\"a\",\"citations\":[7,{\"article_id\":3,"
		"\"title\":\"t\",\"relevance\":\"x\"},{},{\"article_id\":"
		"\"KB1\",\"title\":[],\"relevance\":97}],\"cache_hit\":1,"
		"\"tokens_used\":\"1240\",\"latency_ms\":-5,\"model_used\":[],"
		"\"findings\":{\"probable_root_cause\":{},\"confidence\":87,"
		"\"resolution_steps\":[1,\"s\",null,\"\",{}],"
		"\"similar_past_incidents\":\"INC1\",\"related_problem\":1,"
		"\"estimated_resolution_minutes\":-1},"
		"\"exemplars\":[[],{\"incident_id\":9,\"similarity_score\":-1,"
		"\"resolution_time_min\":1e300}],"
		"\"suggestions\":{\"category\":{\"value\":7},\"priority\":"
		"{\"value\":\"P1\",\"confidence\":true,\"reasoning\":{}},"
		"\"subcategory\":\"x\",\"assignment_group\":null}}";
	struct arena *arena = arena_new(1 << 16);
	struct json *v = parse(text);
	const struct sf_ai_exemplar *list;
	struct sf_ai_suggestion s;
	struct sf_ai_findings f;
	struct sf_ai_said said;
	size_t n;

	(void)state;
	assert_int_equal(sf_ai_said_read(&said, v, arena), 0);
	assert_int_equal(said.citation_count, 2);
	assert_null(said.citations[0].article_id.p);
	assert_true(said.citations[0].relevance == -1);
	assert_true(str_is(said.citations[1].article_id, "KB1"));
	assert_null(said.citations[1].title.p);
	assert_true(said.citations[1].relevance == -1);
	assert_false(said.cost.cache_hit);
	assert_int_equal(said.cost.tokens_used, -1);
	assert_int_equal(said.cost.latency_ms, -1);
	assert_null(said.cost.model_used.p);
	assert_int_equal(sf_ai_findings_read(&f, v, arena), 0);
	assert_null(f.probable_root_cause.p);
	assert_null(f.record_id.p);
	assert_true(f.confidence == -1);
	assert_int_equal(f.step_count, 1);
	assert_true(str_is(f.resolution_steps[0], "s"));
	assert_int_equal(f.similar_count, 0);
	assert_null(f.related_problem.p);
	assert_int_equal(f.estimated_minutes, -1);
	assert_int_equal(sf_ai_exemplars_read(&list, &n, v, arena), 0);
	assert_int_equal(n, 1);
	assert_null(list[0].incident_id.p);
	assert_true(list[0].similarity == -1);
	assert_false(sf_ai_suggestion_read(&s, v, "category"));
	assert_false(sf_ai_suggestion_read(&s, v, "subcategory"));
	assert_false(sf_ai_suggestion_read(&s, v, "assignment_group"));
	assert_true(sf_ai_suggestion_read(&s, v, "priority"));
	assert_true(s.confidence == -1);
	assert_null(s.reasoning.p);
	json_free(v);
	arena_free(arena);
}

static void a_risk_is_text_or_has_a_level(void **state)
{
	static const char *const bodies[] = {
		"{\"findings\":{\"risk_assessment\":\"high\"}}",
		"{\"findings\":{\"risk\":\"high\"}}",
		"{\"findings\":{\"risk_assessment\":{\"level\":\"high\"}}}",
		"{\"findings\":{\"risk_assessment\":7,\"risk\":\"high\"}}",
	};
	struct arena *arena = arena_new(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		struct json *v = parse(bodies[i]);
		struct sf_ai_findings f;

		assert_int_equal(sf_ai_findings_read(&f, v, arena), 0);
		assert_true(str_is(f.risk, "high"));
		json_free(v);
	}
	arena_free(arena);
}

/* What is foreign is bounded when read, whatever came. */
static void long_answers_are_cut(void **state)
{
	struct arena *arena = arena_new(1 << 20);
	struct buf text = BUF_INIT(8 << 20);
	struct sf_ai_findings f;
	struct sf_ai_said said;
	struct json *v;

	(void)state;
	buf_puts(&text, "{\"answer\":\"");
	for (int i = 0; i < 100000; i++)
		buf_puts(&text, "\xc3\xa4");
	buf_puts(&text, "\",\"citations\":[");
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "%s{\"article_id\":\"KB%d\"}", i ? "," : "",
			   i);
	buf_puts(&text, "],\"findings\":{\"resolution_steps\":[");
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "%s\"s%d\"", i ? "," : "", i);
	buf_puts(&text, "]}}");
	assert_int_equal(buf_error(&text), 0);
	v = parse(text.p);
	assert_int_equal(sf_ai_said_read(&said, v, arena), 0);
	assert_int_equal(said.answer.n, 65536);
	assert_int_equal(said.citation_count, 200);
	assert_int_equal(sf_ai_findings_read(&f, v, arena), 0);
	assert_int_equal(f.step_count, 200);
	arena_free(arena);
	/* Where the arena is too small it is said. */
	arena = arena_new(64);
	assert_int_equal(sf_ai_said_read(&said, v, arena), -ENOMEM);
	assert_int_equal(sf_ai_findings_read(&f, v, arena), -ENOMEM);
	arena_free(arena);
	json_free(v);
	buf_fini(&text);
}

static void limited(struct server *s, unsigned nth, const char *request,
		    struct reply *out)
{
	(void)s, (void)nth;
	if (strstr(request, "/ai/analyze"))
		reply_json(out, 429, "Retry-After: 30\r\n"
				     "X-RateLimit-Limit: 30\r\n"
				     "X-RateLimit-Remaining: 0\r\n",
			   "{\"message\":\"slow down\"}");
	else
		reply_json(out, 201, "X-RateLimit-Limit: 100\r\n"
				     "X-RateLimit-Remaining: 99\r\n",
			   "{\"id\":\"INC0000001\"}");
}

/* A 429 of one endpoint holds up nothing else. */
static void a_limit_is_its_endpoints_own(void **state)
{
	const struct sf_ai_question q = { .text = STR("q") };
	struct kept k = { 0 };
	struct sf_stats stats;
	struct rig g;

	(void)state;
	rig_key(&g, limited, NULL);
	assert_int_equal(sf_ai_analyze(g.client, "incident", STR("INC1"), NULL,
				       NULL, 0, keep, &k), 0);
	rig_run(&g);
	assert_int_equal(k.res.outcome, SF_NOT_EXECUTED);
	assert_int_equal(k.res.status, 429);
	assert_int_equal(k.res.retry_after_ms, 30000);
	assert_int_equal(sf_client_wait_ms(g.client, g.now += 10), 0);
	assert_int_equal(sf_ai_analyze(g.client, "incident", STR("INC1"), NULL,
				       NULL, 0, keep, &k), -EAGAIN);
	assert_int_equal(sf_ai_ask(g.client, &q, keep, &k), 0);
	rig_run(&g);
	k = rig_create(&g);
	assert_int_equal(k.res.outcome, SF_OK);
	sf_client_stats(g.client, &stats);
	assert_int_equal(stats.rate_limit, 100);
	assert_int_equal(stats.paused_until_mono_ms, 0);
	sf_client_wait_ms(g.client, g.now += 31000);
	assert_int_equal(sf_ai_analyze(g.client, "incident", STR("INC1"), NULL,
				       NULL, 0, keep, &k), 0);
	rig_run(&g);
	rig_stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(models_have_their_bedrock_ids),
		cmocka_unit_test(the_least_of_each_request),
		cmocka_unit_test(unusable_questions_dont_begin),
		cmocka_unit_test(no_answer_at_all_is_said),
		cmocka_unit_test(wrong_types_are_nothing),
		cmocka_unit_test(a_risk_is_text_or_has_a_level),
		cmocka_unit_test(long_answers_are_cut),
		cmocka_unit_test(a_limit_is_its_endpoints_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
