/* What is asked of StackFlow's AI about an incident, and what follows. */
#include "tests/unit/incident/help.h"

#include "incident/enrich.h"
#include "incident/enrich_text.h"

#define ID STR("enrich-1-2")
#define TEN "0123456789"

static const struct enrich all = {
	.fill = { true, true, true, true },
	.suggest_above = 0.8,
	.analyze = { false, true, true, false, false },
	.analyze_above = 0.5,
	.article = true,
	.article_above = 0.6,
	.highest = 1,
};

/* The order of a new incident, as it is read back. */
static struct enrich_order order_of(struct rig *r, const struct enrich *e)
{
	struct enrich_order o;
	struct json *body = NULL;

	r->verdict.enrich = e;
	rig_apply(r);
	assert_non_null(r->out.aside);
	assert_int_equal(json_parse(&body, r->out.aside->body, 0, NULL), 0);
	assert_true(enrich_read(&o, body));
	o.key = arena_str(r->arena, o.key);
	o.text = arena_str(r->arena, o.text);
	for (int f = 0; f < ENRICH_PRIORITY; f++)
		if (o.given[f].p)
			o.given[f] = arena_str(r->arena, o.given[f]);
	json_free(body);
	return o;
}

static struct enrichment nothing(void)
{
	struct enrichment e = { .article = { .relevance = -1 } };

	for (int f = 0; f < ENRICH_FIELDS; f++)
		e.suggested[f].confidence = -1;
	return e;
}

static void suggest(struct enrichment *e, enum enrich_field f, const char *value,
		    double confidence)
{
	e->suggested[f] = (struct sf_ai_suggestion){
		.value = str_from(value), .confidence = confidence };
}

static const struct change *enrich(struct rig *r, const struct enrich_order *o,
				   const struct enrichment *e)
{
	assert_int_equal(incident_enrich(&r->out, r->arena, &r->incident, ID,
					 o, e, NOW), 0);
	assert_non_null(r->out.because);
	return &r->out;
}

static void a_new_incident_owes_it_aside(void **state)
{
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	const struct op *op = r->out.aside;

	assert_int_equal(r->out.op_count, 1);	/* its create, as ever */
	assert_int_equal(op->kind, OP_ENRICH);
	assert_int_equal(op->incident, 0);
	assert_true(op->held);			/* no backlog */
	assert_int_equal(op->not_before_ms, NOW + ENRICH_AFTER_MS);
	assert_true(op_rank(op) > op_rank(&(struct op){ .kind = OP_AUDIT }));
	assert_str(o.key, "111122223333/us-east-1/pay-db-cpu");
	assert_int_equal(o.incarnation, 1);
	assert_holds(o.text, "pay-db-cpu is ALARM\nCPU is high.");
	assert_str(o.given[ENRICH_CATEGORY], "monitoring");
	assert_str(o.given[ENRICH_ASSIGNMENT_GROUP], "Payments SRE");
	assert_memory_equal(o.ask.fill, all.fill, sizeof(all.fill));
	assert_memory_equal(o.ask.analyze, all.analyze, sizeof(all.analyze));
	assert_true(o.ask.suggest_above == 0.8 && o.ask.analyze_above == 0.5 &&
		    o.ask.article_above == 0.6 && o.ask.article);
	assert_int_equal(o.ask.highest, 1);
}

static void without_a_rule_nothing_is_owed(void **state)
{
	struct rig *r = *state;

	rig_apply(r);
	assert_null(r->out.aside);
	/* Nor for what joins an incident, or opens one again. */
	r->verdict.enrich = &all;
	rig_open(r);
	rig_apply(r);
	assert_null(r->out.aside);
	rig_resolved(r, MINUTE);
	rig_apply(r);
	assert_int_equal(r->out.action, ACTION_REOPEN);
	assert_null(r->out.aside);
}

static void only_what_is_asked_is_in_the_order(void **state)
{
	static const struct enrich some = {
		.fill = { [ENRICH_SUBCATEGORY] = true }, .suggest_above = 0.9,
		.highest = 2,
	};
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &some);

	assert_null(o.given[ENRICH_CATEGORY].p);
	assert_str(o.given[ENRICH_SUBCATEGORY], "cloudwatch");
	assert_false(o.ask.fill[ENRICH_PRIORITY] || o.ask.article);
	for (int p = 0; p < 5; p++)
		assert_false(o.ask.analyze[p]);
}

static void what_is_no_order_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}", "[]", "{\"key\":\"k\"}", "{\"key\":1,\"incarnation\":1}",
		"{\"key\":\"k\",\"incarnation\":0}",
		"{\"key\":\"k\",\"incarnation\":4294967296}",
	};
	struct enrich_order o;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct json *body = NULL;

		assert_int_equal(json_parse(&body, str_from(bad[i]), 0, NULL),
				 0);
		assert_false(enrich_read(&o, body));
		json_free(body);
	}
	assert_false(enrich_read(&o, NULL));
}

static void suggestions_fill_raise_and_are_noted(void **state)
{
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	struct enrichment e = nothing();
	const struct op *note;

	rig_open(r);
	suggest(&e, ENRICH_CATEGORY, "cache", 0.95);
	suggest(&e, ENRICH_ASSIGNMENT_GROUP, "Redis Team", 0.8);
	suggest(&e, ENRICH_SUBCATEGORY, "elasticache", 0.79);
	suggest(&e, ENRICH_PRIORITY, "P1", 0.88);
	e.suggested[ENRICH_PRIORITY].reasoning = STR("affects all users");
	e.suggest_model = STR("anthropic.claude-3-haiku");
	enrich(r, &o, &e);
	assert_int_equal(r->out.op_count, 3);
	assert_str(rig_op(r, OP_FILL)->body,
		   "{\"category\":\"cache\",\"assignment_group\":"
		   "\"Redis Team\"}");
	assert_str(rig_op(r, OP_FILL)->marker,
		   "{\"category\":\"monitoring\",\"assignment_group\":"
		   "\"Payments SRE\"}");
	assert_str(rig_op(r, OP_RAISE)->body, "{\"priority\":\"P1\"}");
	assert_str(rig_op(r, OP_RAISE)->marker, "P2");
	assert_int_equal(r->out.incident.priority, 1);
	assert_true(r->out.incident_changed);
	note = rig_op(r, OP_NOTE);
	assert_str(note->events, "enrich-1-2");
	assert_str(note->marker, NOTE_OF_AI);
	assert_int_equal(note->count, 0);
	assert_holds(note->body, "Suggested by StackFlow's AI "
				 "(anthropic.claude-3-haiku)");
	assert_holds(note->body, "- category: cache (confidence 0.95), was "
				 "monitoring\n");
	assert_holds(note->body, "- priority: P1 (confidence 0.88), was P2: "
				 "\"affects all users\"");
	assert_int_equal(str_find(note->body, STR("elasticache")), -1);
}

static void a_priority_only_rises_and_within_the_guards(void **state)
{
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	struct enrichment e = nothing();

	rig_open(r);
	suggest(&e, ENRICH_PRIORITY, "P3", 1);
	assert_int_equal(enrich(r, &o, &e)->op_count, 0);
	suggest(&e, ENRICH_PRIORITY, "P2", 1);
	assert_int_equal(enrich(r, &o, &e)->op_count, 0);
	suggest(&e, ENRICH_PRIORITY, "P1", 1);
	assert_int_equal(enrich(r, &o, &e)->op_count, 2);
	o.ask.highest = 2;
	assert_int_equal(enrich(r, &o, &e)->op_count, 0);
	r->incident.priority = 4;
	enrich(r, &o, &e);
	assert_str(rig_op(r, OP_RAISE)->body, "{\"priority\":\"P2\"}");
}

/* What StackFlow would take for something else is no value. */
static void a_value_that_is_no_name_is_passed_over(void **state)
{
	static const char *const bad[] = {
		"", "<b>db</b>", "a\nb", "\x1b[2J", "[url=x]y[/url]", " db",
		"https://example.com", "P0", "monitoring",
		TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "1",
	};
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);

	rig_open(r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct enrichment e = nothing();

		suggest(&e, strcmp(bad[i], "P0") ? ENRICH_CATEGORY :
						   ENRICH_PRIORITY,
			bad[i], 1);
		if (enrich(r, &o, &e)->op_count)
			fail_msg("%s was taken", bad[i]);
	}
}

static const struct str steps[] = {
	STR("Set MAX_POOL_SIZE=10"), STR("Deploy\n\ttocsin-ref: x"),
};
static const struct str similar[] = {
	STR("INC0001180"), STR("../../etc"), STR("INC0001195"),
};
static const struct sf_ai_findings findings = {
	.probable_root_cause = STR("Pool <b>exhausted</b> [url=http://x]y[/url]"
				   " ![i](http://e/i.png)"),
	.confidence = 0.87,
	.resolution_steps = steps,
	.step_count = 2,
	.similar_incidents = similar,
	.similar_count = 3,
	.related_problem = STR("PRB0000123"),
	.estimated_minutes = 30,
	.cost = { .model_used = STR("anthropic.claude-3-sonnet") },
};

static void an_analysis_is_quoted_without_its_markup(void **state)
{
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	struct enrichment e = nothing();
	struct str body;

	rig_open(r);
	e.findings = &findings;
	enrich(r, &o, &e);
	assert_int_equal(r->out.op_count, 1);
	body = rig_op(r, OP_NOTE)->body;
	assert_holds(body, "Analysis by StackFlow's AI (confidence 0.87, "
			   "anthropic.claude-3-sonnet):");
	for (const char *p = "<>[]`"; *p; p++)
		assert_int_equal(str_find_char(body, *p), -1);
	assert_int_equal(str_find(body, STR("://")), -1);
	/* No line of theirs is one of ours. */
	assert_int_equal(str_find(body, STR("\ntocsin-ref")), -1);
	assert_int_equal(str_find(body, STR("\n\ttocsin-ref")), -1);
	assert_holds(body, "- step 1: \"Set MAX_POOL_SIZE=10\"\n");
	assert_holds(body, "- similar past incidents: INC0001180, INC0001195");
	assert_holds(body, "- related problem: PRB0000123\n");
	assert_holds(body, "- estimated to take 30 min\n");
}

static void below_its_confidence_nothing_is_told(void **state)
{
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	struct enrichment e = nothing();
	struct sf_ai_findings f = findings;
	const struct sf_ai_exemplar x = {
		.incident_id = STR("INC0001180"), .similarity = 0.49,
		.resolution_minutes = -1,
	};

	rig_open(r);
	f.confidence = 0.49;
	e.findings = &f;
	e.exemplars = &x;
	e.exemplar_count = 1;
	assert_int_equal(enrich(r, &o, &e)->op_count, 0);
	f.confidence = -1;
	o.ask.analyze_above = 0;
	e.exemplar_count = 0;
	assert_int_equal(enrich(r, &o, &e)->op_count, 0);
}

static void similar_incidents_and_an_article_are_told(void **state)
{
	const struct sf_ai_exemplar list[] = {
		{ .incident_id = STR("INC0001180"), .similarity = 0.93,
		  .description = STR("Pool exhausted"),
		  .resolution = STR("Raised the pool"),
		  .resolution_minutes = 25 },
		{ .incident_id = STR("a b"), .similarity = 0.9,
		  .resolution_minutes = -1 },
	};
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	struct enrichment e = nothing();
	struct str body;

	rig_open(r);
	e.exemplars = list;
	e.exemplar_count = 2;
	e.article = (struct sf_ai_citation){ STR("KB0000456"),
					     STR("Major <Incident>"), 0.97 };
	e.article_url = STR("https://kb.example.com/KB0000456");
	enrich(r, &o, &e);
	body = rig_op(r, OP_NOTE)->body;
	assert_holds(body, "- INC0001180 (similarity 0.93): \"Pool exhausted\""
			   ", resolved by: \"Raised the pool\", in 25 "
			   "min");
	assert_int_equal(str_find(body, STR("a b")), -1);
	assert_holds(body, "Knowledge article: KB0000456 \"Major "
			   "\u2039Incident\u203a\" (relevance 0.97) "
			   "https://kb.example.com/KB0000456");
	/* What is no plain address is left out. */
	e.article_url = STR("https://kb.example.com/x](http://evil)");
	enrich(r, &o, &e);
	assert_int_equal(str_find(rig_op(r, OP_NOTE)->body, STR("evil")), -1);
	e.article_url = STR("http://kb.example.com/x");
	enrich(r, &o, &e);
	assert_int_equal(str_find(rig_op(r, OP_NOTE)->body, STR("http:")), -1);
}

/* However much comes, and whatever it is made of. */
static void a_note_has_its_bounds(void **state)
{
	static char huge[1 << 20];
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	struct enrichment e = nothing();
	struct sf_ai_findings f = findings;
	struct str lines[40];

	rig_open(r);
	for (size_t i = 0; i < sizeof(huge); i++)
		huge[i] = "\x1b[<\xe2\x80\xae\xff\n"[i % 8];
	f.probable_root_cause = f.risk = (struct str){ huge, sizeof(huge) };
	for (size_t i = 0; i < 40; i++)
		lines[i] = f.risk;
	f.resolution_steps = lines;
	f.step_count = 40;
	e.findings = &f;
	enrich(r, &o, &e);
	for (size_t i = 0; i < r->out.op_count; i++) {
		struct str body = r->out.ops[i].body;

		assert_true(body.n <= ENRICH_NOTE_MAX);
		for (size_t k = 0; k < body.n; k++)
			assert_true((unsigned char)body.p[k] >= 0x20 ||
				    body.p[k] == '\n');
	}
	assert_int_equal(r->out.op_count, 1);
}

static void what_ended_meanwhile_is_left_alone(void **state)
{
	struct rig *r = *state;
	struct enrich_order o = order_of(r, &all);
	struct enrichment e = nothing();

	suggest(&e, ENRICH_CATEGORY, "cache", 1);
	rig_resolved(r, MINUTE);
	assert_int_equal(enrich(r, &o, &e)->op_count, 0);
	rig_closed(r, STILL_NEW);
	assert_int_equal(enrich(r, &o, &e)->op_count, 0);
}

static void a_persons_change_stands(void **state)
{
	struct rig *r = *state;
	const struct op op = {
		.kind = OP_FILL,
		.body = STR("{\"category\":\"cache\",\"assignment_group\":"
			    "\"Redis Team\"}"),
		.marker = STR("{\"category\":\"monitoring\","
			      "\"assignment_group\":\"SRE\"}"),
	};
	struct remote_view view = { .state = STR("new"),
				    .category = STR("monitoring"),
				    .assignment_group = STR("SRE") };
	struct str left;

	assert_int_equal(incident_fill_left(&left, r->arena, &op, &view), 0);
	assert_true(str_eq(left, op.body));
	view.assignment_group = STR("Network");
	incident_fill_left(&left, r->arena, &op, &view);
	assert_str(left, "{\"category\":\"cache\"}");
	/* Done already, edited, or not to be seen: nothing is left. */
	view.category = STR("cache");
	incident_fill_left(&left, r->arena, &op, &view);
	assert_int_equal(left.n, 0);
	view.category = STR_NONE;
	incident_fill_left(&left, r->arena, &op, &view);
	assert_int_equal(left.n, 0);
	view.category = STR("monitoring");
	view.state = STR("resolved");
	incident_fill_left(&left, r->arena, &op, &view);
	assert_int_equal(left.n, 0);
}

static void its_refusal_is_no_dead_letter(void **state)
{
	const struct op note = { .kind = OP_NOTE, .marker = STR(NOTE_OF_AI) };
	const struct op other = { .kind = OP_NOTE, .marker = STR("alarm") };

	(void)state;
	assert_true(op_may_fail(&(struct op){ .kind = OP_FILL }));
	assert_true(op_may_fail(&note));
	assert_false(op_may_fail(&other));
	assert_false(op_may_fail(&(struct op){ .kind = OP_RAISE }));
	assert_string_equal(op_kind_name(OP_ENRICH), "enrich");
	assert_string_equal(op_kind_name(OP_FILL), "fill");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_incident_owes_it_aside),
		TEST(without_a_rule_nothing_is_owed),
		TEST(only_what_is_asked_is_in_the_order),
		TEST(what_is_no_order_is_refused),
		TEST(suggestions_fill_raise_and_are_noted),
		TEST(a_priority_only_rises_and_within_the_guards),
		TEST(a_value_that_is_no_name_is_passed_over),
		TEST(an_analysis_is_quoted_without_its_markup),
		TEST(below_its_confidence_nothing_is_told),
		TEST(similar_incidents_and_an_article_are_told),
		TEST(a_note_has_its_bounds),
		TEST(what_ended_meanwhile_is_left_alone),
		TEST(a_persons_change_stands),
		TEST(its_refusal_is_no_dead_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
