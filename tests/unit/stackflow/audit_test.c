#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "stackflow/ai.h"
#include "stackflow/audit.h"
#include "stackflow/bulk.h"
#include "stackflow/changes.h"
#include "stackflow/context.h"

#define MOST 400

/* What a sink was told. */
struct told {
	struct sf_client *client;
	unsigned n, within;
	bool overlapped, log_back;
	int log_rc;
	const unsigned *done; /* of the call that is told of */
	struct entry {
		char action[40], type[40], id[80], details[600];
		int64_t at_ms;
		bool of_call;
		unsigned done;
		int outcome;
	} of[MOST];
};

static void copy(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_ARG(s));
}

/* Entries come one at a time: nothing here has a lock of its own. */
static void sink(const struct sf_audit_entry *e, void *arg)
{
	struct told *t = arg;
	struct entry *to = &t->of[t->n < MOST ? t->n : MOST - 1];

	t->overlapped |= t->within++ != 0;
	copy(to->action, sizeof(to->action), e->action);
	copy(to->type, sizeof(to->type), e->resource_type);
	copy(to->id, sizeof(to->id), e->resource_id);
	copy(to->details, sizeof(to->details), e->details);
	to->at_ms = e->at_ms;
	to->of_call = e->result;
	to->outcome = e->result ? (int)e->result->outcome : -1;
	to->done = t->done ? *t->done : 0;
	if (t->log_back)
		t->log_rc = sf_audit_log(t->client, STR("a.b"), STR("a"),
					 STR_NONE, STR_NONE);
	t->n++;
	t->within--;
}

struct answer {
	int status;
	const char *headers, *body;
};

static void answer(struct server *s, unsigned nth, const char *request,
		   struct reply *out)
{
	const struct answer *a = s->arg;

	(void)nth;
	(void)request;
	reply_json(out, a->status, a->headers, a->body);
}

static void start(struct rig *r, struct told *t, struct answer *a)
{
	rig_start(r, answer, a);
	memset(t, 0, sizeof(*t));
	r->options.auth.api_key = "sfk_test_0123456789";
	r->options.audit = sink;
	r->options.audit_arg = t;
	rig_open(r);
	t->client = r->client;
}

/* A member of an entry's details, as text. */
static const char *detail(const struct entry *e, const char *key)
{
	static char text[200];
	struct arena *arena = arena_new(1 << 16);
	struct json *root;

	if (json_parse(&root, str_from(e->details), 0, NULL))
		fail_msg("details: %s", e->details);
	assert_true(json_is(root, JSON_OBJECT));
	copy(text, sizeof(text), json_text(json_get(root, key), arena));
	json_free(root);
	arena_free(arena);
	return text;
}

static void a_write_is_an_entry(void **state)
{
	struct answer a = { 201, "", "{\"id\":\"INC0000009\"}" };
	static struct told t;
	struct kept k;
	struct rig r;

	(void)state;
	start(&r, &t, &a);
	k = rig_create(&r);
	assert_int_equal(k.res.outcome, SF_OK);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.of[0].action, "incident.create");
	assert_string_equal(t.of[0].type, "incident");
	assert_string_equal(t.of[0].id, "INC0000009");
	assert_true(t.of[0].of_call);
	assert_int_equal(t.of[0].outcome, SF_OK);
	assert_true(t.of[0].at_ms > INT64_C(1600000000000));
	assert_string_equal(detail(&t.of[0], "outcome"), "ok");
	assert_string_equal(detail(&t.of[0], "status"), "201");
	assert_string_equal(detail(&t.of[0], "idempotency_key"), "key");
	assert_true(strtol(detail(&t.of[0], "elapsed_ms"), NULL, 10) >= 0);
	assert_true(detail(&t.of[0], "elapsed_ms")[0]);
	rig_stop(&r);
}

static void each_kind_of_write(void **state)
{
	struct answer a = { 200, "",
			    "{\"id\":\"INC0000001\",\"job_id\":\"j\"}" };
	static const char *const actions[] = {
		"incident.update", "incident.note", "incident.bulk",
		"ci.bulk",	   "change.create",
	};
	struct kept k = { 0 };
	static struct told t;
	struct sf_client *c;
	struct rig r;

	(void)state;
	start(&r, &t, &a);
	c = r.client;
	for (unsigned i = 0; i < 5; i++) {
		int rc = -1;

		rig_ready(&r);
		t.done = &k.done;
		if (i == 0)
			rc = sf_incident_update(c, STR("INC0000001"),
						STR("{\"state\":\"closed\"}"),
						keep, &k);
		if (i == 1)
			rc = sf_note_add(c, STR("INC0000001"),
					 STR("the-body-of-it"), NULL, NULL,
					 keep, &k);
		if (i == 2)
			rc = sf_incident_bulk(c,
					      STR("{\"operation\":\"update\","
						  "\"ids\":[\"A1\",\"A2\"],"
						  "\"fields\":{}}"),
					      NULL, keep, &k);
		if (i == 3)
			rc = sf_ci_bulk(c,
					STR("{\"operation\":\"create\","
					    "\"records\":[{}]}"),
					NULL, keep, &k);
		if (i == 4)
			rc = sf_change_create(c, STR("{\"a\":1}"), NULL, keep,
					      &k);
		assert_int_equal(rc, 0);
		rig_run(&r);
		assert_int_equal(t.n, i + 1);
		assert_string_equal(t.of[i].action, actions[i]);
		assert_int_equal(
			strncmp(t.of[i].type, actions[i], strlen(t.of[i].type)),
			0);
		assert_string_equal(detail(&t.of[i], "outcome"), "ok");
		assert_string_equal(detail(&t.of[i], "idempotency_key"), "");
		/* Before its done, and without what was written. */
		assert_int_equal(t.of[i].done, i);
		assert_int_equal(k.done, i + 1);
		assert_null(strstr(t.of[i].details, "the-body-of-it"));
	}
	assert_string_equal(t.of[0].id, "INC0000001");
	assert_string_equal(t.of[1].id, "INC0000001");
	rig_stop(&r);
}

static void reads_are_none(void **state)
{
	struct answer a = { 200, "", "{\"id\":\"INC0000001\",\"data\":[]}" };
	const struct sf_ai_question q = { .text = STR("why?") };
	struct kept k = { 0 };
	static struct told t;
	struct rig r;

	(void)state;
	start(&r, &t, &a);
	rig_get(&r);
	rig_ready(&r);
	assert_int_equal(sf_health(r.client, keep, &k), 0);
	rig_run(&r);
	rig_ready(&r);
	assert_int_equal(sf_incident_list(r.client, NULL, STR_NONE, keep, &k),
			 0);
	rig_run(&r);
	rig_ready(&r);
	assert_int_equal(sf_ai_ask(r.client, &q, keep, &k), 0);
	rig_run(&r);
	assert_int_equal(k.done, 3);
	/* Nor what never began. */
	assert_int_equal(sf_incident_create(r.client, STR_NONE, NULL, keep, &k),
			 -EINVAL);
	assert_int_equal(t.n, 0);
	rig_stop(&r);
}

static void outcomes_are_told(void **state)
{
	static const struct {
		int status;
		const char *outcome;
	} cases[] = {
		{ 400, "refused" },
		{ 403, "not_executed" },
		{ 502, "unknown" },
	};
	struct answer a = { 0, "",
			    "{\"message\":\"sfk_test_0123456789 is odd\"}" };
	static struct told t;
	char status[8];
	struct rig r;

	(void)state;
	start(&r, &t, &a);
	for (unsigned i = 0; i < 3; i++) {
		a.status = cases[i].status;
		rig_create(&r);
		assert_int_equal(t.n, i + 1);
		snprintf(status, sizeof(status), "%d", cases[i].status);
		assert_string_equal(detail(&t.of[i], "outcome"),
				    cases[i].outcome);
		assert_string_equal(detail(&t.of[i], "status"), status);
		assert_non_null(
			strstr(detail(&t.of[i], "problem"), "*** is odd"));
		assert_null(strstr(t.of[i].details, "sfk_test"));
		assert_string_equal(t.of[i].id, "");
	}
	rig_stop(&r);
}

/* First a 429, then a 201. */
static void busy_once(struct server *s, unsigned nth, const char *request,
		      struct reply *out)
{
	(void)s;
	(void)request;
	if (nth == 0)
		reply_json(out, 429, "Retry-After: 0\r\n", "{}");
	else
		reply_json(out, 201, "", "{\"id\":\"INC0000001\"}");
}

static void a_call_sent_again_is_one(void **state)
{
	static struct told t;
	struct rig r;

	(void)state;
	rig_start(&r, busy_once, NULL);
	memset(&t, 0, sizeof(t));
	r.options.auth.api_key = "sfk_test_0123456789";
	r.options.audit = sink;
	r.options.audit_arg = &t;
	r.options.retries = 2;
	rig_open(&r);
	assert_int_equal(rig_create(&r).res.outcome, SF_OK);
	assert_int_equal(server_requests(&r.server), 2);
	assert_int_equal(t.n, 1);
	assert_string_equal(detail(&t.of[0], "outcome"), "ok");
	rig_stop(&r);
}

static void on_whose_behalf(void **state)
{
	static const char *const headers[] = { "X-Secret: s3cr3t", NULL };
	const struct sf_context x = { .org_id = "acme",
				      .request_id = "r-1",
				      .headers = headers };
	struct answer a = { 201, "", "{\"id\":\"INC0000001\"}" };
	struct sf_bound *b;
	static struct told t;
	struct rig r;

	(void)state;
	start(&r, &t, &a);
	assert_int_equal(sf_context_bind(&b, r.client, &x, NULL), 0);
	rig_create(&r);
	assert_string_equal(detail(&t.of[0], "org_id"), "acme");
	assert_string_equal(detail(&t.of[0], "request_id"), "r-1");
	assert_string_equal(detail(&t.of[0], "workspace_id"), "");
	assert_null(strstr(t.of[0].details, "s3cr3t"));
	rig_stop(&r);
}

static void the_programs_own(void **state)
{
	struct answer a = { 200, "", "{}" };
	char long_name[200];
	static struct told t;
	struct sf_client *c;
	struct rig r;

	(void)state;
	start(&r, &t, &a);
	c = r.client;
	assert_int_equal(sf_audit_log(c, STR("runbook.start"), STR("runbook"),
				      STR("rb-1"), STR(" {\"by\":\"me\"}")),
			 0);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.of[0].action, "runbook.start");
	assert_string_equal(t.of[0].type, "runbook");
	assert_string_equal(t.of[0].id, "rb-1");
	assert_false(t.of[0].of_call);
	assert_string_equal(detail(&t.of[0], "by"), "me");
	assert_true(t.of[0].at_ms > INT64_C(1600000000000));
	assert_int_equal(
		sf_audit_log(c, STR("a"), STR("b"), STR_NONE, STR_NONE), 0);
	assert_int_equal(t.n, 2);
	memset(long_name, 'a', sizeof(long_name));
	assert_int_equal(sf_audit_log(c, STR(""), STR("b"), STR_NONE, STR_NONE),
			 -EINVAL);
	assert_int_equal(
		sf_audit_log(c, STR("a b"), STR("b"), STR_NONE, STR_NONE),
		-EINVAL);
	assert_int_equal(
		sf_audit_log(c, STR("a\n"), STR("b"), STR_NONE, STR_NONE),
		-EINVAL);
	assert_int_equal(sf_audit_log(c, (struct str){ long_name, 129 },
				      STR("b"), STR_NONE, STR_NONE),
			 -EINVAL);
	assert_int_equal(
		sf_audit_log(c, STR("a"), STR("b"), STR("x\033[0m"), STR_NONE),
		-EINVAL);
	assert_int_equal(
		sf_audit_log(c, STR("a"), STR("b"), STR_NONE, STR("[]")),
		-EINVAL);
	assert_int_equal(
		sf_audit_log(c, STR("a"), STR("b"), STR_NONE, STR("{")),
		-EINVAL);
	assert_int_equal(
		sf_audit_log(c, STR("a"), STR("b"), STR_NONE, STR("{} {}")),
		-EINVAL);
	assert_int_equal(sf_audit_log(c, STR("a"), STR("b"), STR_NONE, STR("")),
			 -EINVAL);
	assert_int_equal(t.n, 2);
	rig_stop(&r);
}

static void without_a_sink_nothing_happens(void **state)
{
	struct answer a = { 201, "", "{\"id\":\"INC0000001\"}" };
	struct rig r;

	(void)state;
	rig_key(&r, answer, &a);
	assert_int_equal(rig_create(&r).res.outcome, SF_OK);
	assert_int_equal(
		sf_audit_log(r.client, STR("a"), STR("b"), STR_NONE, STR_NONE),
		0);
	assert_int_equal(sf_audit_log(r.client, STR("a"), STR("b"), STR_NONE,
				      STR("nonsense")),
			 -EINVAL);
	rig_stop(&r);
}

static void a_sink_that_logs_is_told_so(void **state)
{
	struct answer a = { 201, "", "{\"id\":\"INC0000001\"}" };
	static struct told t;
	struct rig r;

	(void)state;
	start(&r, &t, &a);
	t.log_back = true;
	rig_create(&r);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.log_rc, -EDEADLK);
	t.log_rc = 0;
	assert_int_equal(
		sf_audit_log(r.client, STR("a"), STR("b"), STR_NONE, STR_NONE),
		0);
	assert_int_equal(t.log_rc, -EDEADLK);
	rig_stop(&r);
}

struct logger {
	pthread_t thread;
	struct sf_client *client;
};

static atomic_uint created;

static void count(const struct sf_result *r, void *arg)
{
	struct logger *l = arg;

	assert_int_equal(r->outcome, SF_OK);
	/* From within done it is the client's thread that logs. */
	assert_int_equal(sf_audit_log(l->client, STR("note.made"), STR("note"),
				      STR_NONE, STR_NONE),
			 0);
	atomic_fetch_add(&created, 1);
}

static void *log_and_write(void *arg)
{
	struct logger *l = arg;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(sf_audit_log(l->client, STR("step.done"),
					      STR("step"), STR("s"),
					      STR("{\"i\":1}")),
				 0);
		if (i % 4 == 0)
			while (sf_incident_create(l->client, STR("{\"a\":1}"),
						  NULL, count, l))
				sched_yield();
	}
	return NULL;
}

/* The sink has no lock of its own; a thread sanitizer sees if it needs one. */
static void one_at_a_time(void **state)
{
	struct answer a = { 201, "", "{\"id\":\"INC0000001\"}" };
	unsigned own = 0, calls = 0, noted = 0;
	struct logger l[8];
	static struct told t;
	struct rig r;

	(void)state;
	rig_start(&r, answer, &a);
	memset(&t, 0, sizeof(t));
	r.options.auth.api_key = "sfk_test_0123456789";
	r.options.audit = sink;
	r.options.audit_arg = &t;
	assert_int_equal(sf_client_new(&r.client, &r.options, NULL, NULL), 0);
	for (int i = 0; i < 8; i++) {
		l[i].client = r.client;
		assert_int_equal(pthread_create(&l[i].thread, NULL,
						log_and_write, &l[i]),
				 0);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(l[i].thread, NULL);
	assert_int_equal(sf_client_close(r.client, 20000), 0);
	assert_int_equal(created, 40);
	assert_false(t.overlapped);
	assert_int_equal(t.n, 8 * 20 + 40 + 40);
	for (unsigned i = 0; i < t.n; i++) {
		own += strcmp(t.of[i].action, "step.done") == 0;
		calls += strcmp(t.of[i].action, "incident.create") == 0;
		noted += strcmp(t.of[i].action, "note.made") == 0;
	}
	assert_int_equal(own, 160);
	assert_int_equal(calls, 40);
	assert_int_equal(noted, 40);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_an_entry),
		cmocka_unit_test(each_kind_of_write),
		cmocka_unit_test(reads_are_none),
		cmocka_unit_test(outcomes_are_told),
		cmocka_unit_test(a_call_sent_again_is_one),
		cmocka_unit_test(on_whose_behalf),
		cmocka_unit_test(the_programs_own),
		cmocka_unit_test(without_a_sink_nothing_happens),
		cmocka_unit_test(a_sink_that_logs_is_told_so),
		cmocka_unit_test(one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
