/* A drill's record: how it ends, what is told of it, how it is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/drill_record.h"
#include "base/buf.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define T0 INT64_C(1795255500000)
#define WITHIN 120000
#define BEGUN "\"started_at\":\"2026-11-21T10:00:00Z\""
#define TOPIC "arn:aws:sns:us-east-1:111122223333:alarms"

static struct drill_record begun(int hops)
{
	struct drill_record r;

	drill_begin(&r, STR("abcdefghijklm"), STR(TOPIC), T0, WITHIN);
	for (int i = 0; i < hops; i++)
		r.at[i] = T0 + 100 * (i + 1);
	return r;
}

static void expect_why(const struct drill_record *r, const char *text)
{
	struct buf b = BUF_INIT(1024);

	drill_put_why(&b, r);
	assert_string_equal(b.p, text);
	buf_fini(&b);
}

static void test_in_time(void **state)
{
	struct drill_record r = begun(HOPS);

	(void)state;
	assert_int_equal(drill_next(&r), HOPS);
	assert_true(drill_judge(&r, T0 + 1000));
	assert_int_equal(r.state, DRILL_CAME);
	assert_int_equal(drill_took_ms(&r), 600);
	for (int i = 0; i < HOPS; i++)
		assert_int_equal(drill_hop_ms(&r, (enum drill_hop)i), 100);
}

/* What counts is when it came, not when somebody looked. */
static void test_looked_at_late(void **state)
{
	struct drill_record r = begun(HOPS);

	(void)state;
	assert_true(drill_judge(&r, T0 + 10 * WITHIN));
	assert_int_equal(r.state, DRILL_CAME);
	r = begun(HOPS);
	r.at[HOP_RESOLVED] = T0 + WITHIN + 1;
	assert_true(drill_judge(&r, T0 + 10 * WITHIN));
	assert_int_equal(r.state, DRILL_LATE);
	expect_why(&r, "it came through only after 2m");
}

static void test_missing(void **state)
{
	struct drill_record r = begun(0);

	(void)state;
	assert_false(drill_judge(&r, T0 + WITHIN));
	assert_int_equal(r.state, DRILL_UNDER_WAY);
	assert_true(drill_judge(&r, T0 + WITHIN + 1));
	assert_int_equal(r.state, DRILL_LATE);
	assert_int_equal(drill_hop_ms(&r, HOP_PUBLISHED), -1);
	assert_int_equal(drill_took_ms(&r), 0);
	utf8_keep(r.problem, sizeof(r.problem), STR("SNS: denied"));
	expect_why(&r, "SNS didn't take it within 2m: SNS: denied");
	r = begun(HOP_INCIDENT);
	assert_int_equal(drill_next(&r), HOP_INCIDENT);
	assert_true(drill_judge(&r, T0 + WITHIN + 1));
	expect_why(&r, "it is decided, but StackFlow has no incident of it "
		       "within 2m");
	assert_int_equal(drill_took_ms(&r), 400);
}

/* SNS delivers before it answers, a clock goes back. */
static void test_out_of_order(void **state)
{
	struct drill_record r = begun(HOPS);

	(void)state;
	r.at[HOP_RECEIVED] = T0 + 50;
	assert_int_equal(drill_hop_ms(&r, HOP_RECEIVED), 0);
	r.at[HOP_RESOLVED] = T0 - 5000;
	assert_int_equal(drill_took_ms(&r), 0);
	assert_true(drill_judge(&r, T0));
	assert_int_equal(r.state, DRILL_CAME);
}

static bool read_back(struct drill_record *out, const char *text)
{
	struct json *doc = NULL;
	bool ok;

	assert_int_equal(json_parse(&doc, str_from(text), 0, NULL), 0);
	ok = drill_read_record(out, doc);
	json_free(doc);
	return ok;
}

static void test_kept(void **state)
{
	struct drill_record r = begun(HOP_DECIDED), back;
	struct buf b = BUF_INIT(65536);
	struct jsonw w = JSONW(&b);

	(void)state;
	r.ok_ms = T0 + 700;
	r.ok_sent = true;
	utf8_keep(r.incident, sizeof(r.incident), STR("INC0000001"));
	utf8_keep(r.problem, sizeof(r.problem), STR("a \"problem\""));
	drill_put_record(&w, &r);
	memset(&back, 0xff, sizeof(back));
	assert_true(read_back(&back, b.p));
	assert_memory_equal(back.at, r.at, sizeof(r.at));
	assert_int_equal(back.state, r.state);
	assert_string_equal(back.id, r.id);
	assert_string_equal(back.topic, r.topic);
	assert_int_equal(back.started_ms, r.started_ms);
	assert_int_equal(back.within_ms, r.within_ms);
	assert_int_equal(back.ok_ms, r.ok_ms);
	assert_true(back.ok_sent);
	assert_string_equal(back.incident, r.incident);
	assert_string_equal(back.problem, r.problem);
	buf_fini(&b);
}

static void test_what_is_none(void **state)
{
	static const char *const none[] = {
		"null", "{}", "[]",
		"{\"id\":\"a\",\"state\":\"none\"," BEGUN "}",
		"{\"id\":\"a\",\"state\":\"late\"}",
		"{\"state\":\"late\"," BEGUN "}",
		"{\"id\":\"a\",\"state\":\"late\",\"started_at\":17}",
	};
	struct drill_record r = { .state = DRILL_CAME };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (read_back(&r, none[i]))
			fail_msg("%s was taken", none[i]);
	assert_int_equal(r.state, DRILL_CAME);
	assert_true(read_back(&r, "{\"id\":\"a\",\"state\":\"late\","
				  "\"started_at\":\"2026-11-21T10:00:00Z\","
				  "\"hops\":[{\"at\":7},null,{},4]}"));
	assert_int_equal(drill_next(&r), HOP_PUBLISHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_time),
		cmocka_unit_test(test_looked_at_late),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
