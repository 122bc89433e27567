/* CloudWatch's word against the journal's: what is to be done about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "agent/reconcile/message.h"
#include "agent/reconcile/plan.h"
#include "doc/json.h"

/* 2026-11-21T10:00:00Z */
#define NOW 1795255200000LL
#define MINUTE 60000LL
#define ARN "arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
#define OURS "\"arn:aws:sns:us-east-1:111122223333:alarms-prod\""
#define THEIRS "\"arn:aws:sns:us-east-1:111122223333:other\""
#define SCALING                                                               \
	"\"arn:aws:autoscaling:us-east-1:111122223333:scalingPolicy:x\""

static const char *const topics[] = {
	"arn:aws:sns:us-east-1:111122223333:alarms-*", NULL
};

struct known {
	enum alarm_state state;		/* ALARM_NONE: never seen */
	enum incident_state incident;	/* 0: none */
	int minutes;			/* ago */
};

struct row {
	const char *what;
	const char *state;
	int minutes;			/* since its change */
	const char *more;		/* members of its JSON */
	const char *name;		/* NULL: "db" */
	struct known known;
	enum plan plan;
};

#define UNSEEN { ALARM_NONE, 0, 0 }
#define OPEN(ago) { ALARM_FIRING, INCIDENT_OPEN, ago }
#define TOPIC "\"AlarmActions\":[" OURS "],\"OKActions\":[" OURS "]"

static const struct row rows[] = {
	/* lost ALARM */
	{ "never seen, our topic", "ALARM", 10, TOPIC, NULL, UNSEEN,
	  PLAN_OPEN },
	{ "seen, over", "ALARM", 10, TOPIC, NULL,
	  { ALARM_OK, INCIDENT_RESOLVED, 60 }, PLAN_OPEN },
	{ "over, closed by a person, fired anew", "ALARM", 10, TOPIC, NULL,
	  { ALARM_OK, INCIDENT_CLOSED, 60 }, PLAN_OPEN },
	{ "message may be on the way", "ALARM", 1, TOPIC, NULL, UNSEEN,
	  PLAN_NOTHING },
	{ "exactly old enough", "ALARM", 2, TOPIC, NULL, UNSEEN, PLAN_OPEN },
	{ "no topic of ours", "ALARM", 10, "\"AlarmActions\":[" THEIRS "]",
	  NULL, UNSEEN, PLAN_OPEN_IF_SEEN },
	{ "no action at all", "ALARM", 10, "\"OKActions\":[" OURS "]", NULL,
	  UNSEEN, PLAN_OPEN_IF_SEEN },
	{ "one of several topics", "ALARM", 10,
	  "\"AlarmActions\":[" THEIRS "," OURS "]", NULL, UNSEEN, PLAN_OPEN },
	{ "disabled", "ALARM", 10, TOPIC ",\"ActionsEnabled\":false", NULL,
	  UNSEEN, PLAN_NOTHING },
	{ "suppressed", "ALARM", 10,
	  TOPIC ",\"ActionsSuppressedBy\":\"Alarm\"", NULL, UNSEEN,
	  PLAN_NOTHING },
	{ "target tracking", "ALARM", 10, "\"AlarmActions\":[" SCALING "]",
	  "TargetTracking-service/x-AlarmHigh", UNSEEN, PLAN_NOTHING },
	{ "target tracking with a topic of ours too", "ALARM", 10,
	  "\"AlarmActions\":[" SCALING "," OURS "]",
	  "TargetTracking-service/x-AlarmHigh", UNSEEN, PLAN_OPEN },
	{ "scaling, but a person's own alarm", "ALARM", 10,
	  "\"AlarmActions\":[" SCALING "]", "my-scaling", UNSEEN,
	  PLAN_OPEN_IF_SEEN },
	{ "tells by contributor", "ALARM", 10,
	  TOPIC ",\"Metrics\":[{\"Id\":\"q\",\"Expression\":\"SELECT "
	  "MAX(CPUUtilization) FROM \\\"AWS/EC2\\\" GROUP BY InstanceId\"}]",
	  NULL, UNSEEN, PLAN_NOTHING },
	{ "older than what is known", "ALARM", 10, TOPIC, NULL,
	  { ALARM_OK, INCIDENT_RESOLVED, 5 }, PLAN_NOTHING },
	{ "no time told", "ALARM", -1, TOPIC, NULL, UNSEEN, PLAN_NOTHING },
	/* known to be in ALARM */
	{ "open, still firing", "ALARM", 10, TOPIC, NULL, OPEN(10),
	  PLAN_NOTHING },
	{ "open, fired again since", "ALARM", 10, TOPIC, NULL, OPEN(60),
	  PLAN_NOTHING },
	{ "closed by a person, still firing", "ALARM", 10, TOPIC, NULL,
	  { ALARM_FIRING, INCIDENT_CLOSED, 10 }, PLAN_NOTHING },
	{ "closed by a person, a newer ALARM", "ALARM", 10, TOPIC, NULL,
	  { ALARM_FIRING, INCIDENT_CLOSED, 60 }, PLAN_NOTHING },
	{ "create refused, still firing", "ALARM", 10, TOPIC, NULL,
	  { ALARM_FIRING, INCIDENT_FAILED, 60 }, PLAN_NOTHING },
	/* lost OK */
	{ "lost OK", "OK", 10, TOPIC, NULL, OPEN(60), PLAN_RESOLVE },
	{ "lost OK, no OK action", "OK", 10, "\"AlarmActions\":[" OURS "]",
	  NULL, OPEN(60), PLAN_RESOLVE },
	{ "lost OK, actions disabled", "OK", 10,
	  TOPIC ",\"ActionsEnabled\":false", NULL, OPEN(60), PLAN_RESOLVE },
	{ "OK on its way", "OK", 1, TOPIC, NULL, OPEN(60), PLAN_NOTHING },
	{ "OK before the ALARM known", "OK", 60, TOPIC, NULL, OPEN(10),
	  PLAN_NOTHING },
	{ "OK of one whose incident was closed", "OK", 10, TOPIC, NULL,
	  { ALARM_FIRING, INCIDENT_CLOSED, 60 }, PLAN_RESOLVE },
	{ "OK of one never seen", "OK", 10, TOPIC, NULL, UNSEEN,
	  PLAN_NOTHING },
	{ "OK and known so", "OK", 10, TOPIC, NULL,
	  { ALARM_OK, INCIDENT_RESOLVED, 60 }, PLAN_NOTHING },
	/* INSUFFICIENT_DATA */
	{ "insufficient, open", "INSUFFICIENT_DATA", 10, TOPIC, NULL,
	  OPEN(60), PLAN_NOTE },
	{ "insufficient, already noted", "INSUFFICIENT_DATA", 10, TOPIC, NULL,
	  OPEN(10), PLAN_NOTHING },
	{ "insufficient, closed", "INSUFFICIENT_DATA", 10, TOPIC, NULL,
	  { ALARM_FIRING, INCIDENT_CLOSED, 60 }, PLAN_NOTHING },
	{ "insufficient, its action is ours", "INSUFFICIENT_DATA", 10,
	  "\"InsufficientDataActions\":[" OURS "]", NULL, UNSEEN, PLAN_OPEN },
	{ "insufficient, only ALARM is told to us", "INSUFFICIENT_DATA", 10,
	  TOPIC, NULL, UNSEEN, PLAN_OPEN_IF_SEEN },
	/* another word is no state */
	{ "unknown state, open", "GONE", 10, TOPIC, NULL, OPEN(60),
	  PLAN_NOTHING },
	{ "unknown state, never seen", "GONE", 10, TOPIC, NULL, UNSEEN,
	  PLAN_NOTHING },
};

static struct json *make(struct cw_alarm *out, const char *name,
			 const char *state, int minutes, const char *more)
{
	struct buf b = BUF_INIT(65536);
	struct json *j;

	buf_printf(&b, "{\"AlarmName\":\"%s\",\"AlarmArn\":\"" ARN "%s\","
		   "\"StateValue\":\"%s\",%s", name, name, state, more);
	if (minutes >= 0)
		buf_printf(&b, ",\"StateTransitionedTimestamp\":%.3f",
			   (double)(NOW - minutes * MINUTE) / 1000);
	buf_putc(&b, '}');
	assert_int_equal(json_parse(&j, buf_str(&b), 0, NULL), 0);
	assert_true(cloudwatch_alarm_read(out, CW_METRIC, j));
	buf_fini(&b);
	return j;
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct member m = {
			.state = r->known.state,
			.changed_ms = NOW - r->known.minutes * MINUTE,
		};
		struct incident in = { .state = r->known.incident };
		struct plan_known k = {
			r->known.state ? &m : NULL,
			r->known.incident ? &in : NULL,
		};
		struct plan_result p;
		struct cw_alarm a;
		struct json *j = make(&a, r->name ? r->name : "db", r->state,
				      r->minutes, r->more);

		plan_alarm(&p, &a, &k, topics, NOW);
		if (p.plan != r->plan)
			fail_msg("%s: %d, because %s", r->what, p.plan,
				 p.because);
		assert_non_null(p.because);
		assert_true(p.plan != PLAN_OPEN || p.topic.p);
		json_free(j);
	}
}

static void plan_as(struct plan_result *out, const char *state, int minutes,
		    const char *more, const struct plan_known *known)
{
	struct cw_alarm a;
	struct json *j = make(&a, "db", state, minutes, more);

	plan_alarm(out, &a, known, topics, NOW);
	json_free(j);
}

/* What CloudWatch held and holds no more opens, though its time is known. */
static void test_held_by_cloudwatch(void **state)
{
	struct member m = {
		.state = ALARM_FIRING, .changed_ms = NOW - 10 * MINUTE,
		.wait = WAIT_HOLD, .held_by = STR("CloudWatch"),
	};
	const struct plan_known k = { &m, NULL };
	static const struct {
		const char *state;
		int ago;
		const char *more;
		enum plan plan;
	} cases[] = {
		{ "ALARM", 10, TOPIC, PLAN_OPEN },
		{ "ALARM", 10, TOPIC ",\"ActionsSuppressedBy\":\"Alarm\"",
		  PLAN_NOTHING },
		{ "OK", 5, TOPIC, PLAN_RESOLVE },
	};
	struct plan_result p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		plan_as(&p, cases[i].state, cases[i].ago, cases[i].more, &k);
		assert_int_equal(p.plan, cases[i].plan);
	}
	m.held_by = STR("in-patching");
	plan_as(&p, "ALARM", 10, TOPIC, &k);
	assert_int_equal(p.plan, PLAN_NOTHING);
}

static void test_no_topics(void **state)
{
	const struct plan_known k = { NULL, NULL };
	static const char *const none[] = { NULL };
	struct plan_result p;
	struct cw_alarm a;
	struct json *j = make(&a, "db", "ALARM", 10, TOPIC);

	(void)state;
	plan_alarm(&p, &a, &k, none, NOW);
	assert_int_equal(p.plan, PLAN_OPEN_IF_SEEN);
	plan_alarm(&p, &a, &k, NULL, NOW);
	assert_int_equal(p.plan, PLAN_OPEN_IF_SEEN);
	json_free(j);
}

static void test_deleted(void **state)
{
	struct member m = { .state = ALARM_FIRING,
			    .changed_ms = NOW - 60 * MINUTE };
	struct incident i = { .state = INCIDENT_OPEN };
	const struct plan_known k = { &m, &i }, none = { NULL, NULL };

	(void)state;
	assert_false(plan_deleted(&k, 0, NOW));
	assert_false(plan_deleted(&k, 1, NOW));
	assert_true(plan_deleted(&k, 2, NOW));
	assert_false(plan_deleted(&none, 2, NOW));
	i.state = INCIDENT_CLOSED;
	assert_false(plan_deleted(&k, 2, NOW));
	i.state = INCIDENT_OPEN;
	m.changed_ms = NOW - MINUTE;
	assert_false(plan_deleted(&k, 9, NOW));
}

#define SERIES                                                                \
	TOPIC ",\"Metrics\":[{\"Id\":\"q\",\"Expression\":\"SELECT "           \
	      "MAX(CPUUtilization) FROM \\\"AWS/EC2\\\" GROUP BY "           \
	      "InstanceId\"}]"

/* What the alarm doesn't tell as a whole, each of its contributors does. */
static void test_contributor(void **state)
{
	static const struct {
		const char *what, *more;
		int minutes;
		struct known known;
		enum plan plan;
	} list[] = {
		{ "never seen", SERIES, 10, UNSEEN, PLAN_OPEN },
		{ "known so", SERIES, 10, OPEN(10), PLAN_NOTHING },
		{ "was over", SERIES, 10, { ALARM_OK, INCIDENT_RESOLVED, 60 },
		  PLAN_OPEN },
		{ "known to be over since", SERIES, 60,
		  { ALARM_OK, INCIDENT_RESOLVED, 10 }, PLAN_NOTHING },
		{ "message may be on the way", SERIES, 1, UNSEEN,
		  PLAN_NOTHING },
		{ "since when isn't told", SERIES, -1, UNSEEN, PLAN_NOTHING },
		{ "disabled", SERIES ",\"ActionsEnabled\":false", 10, UNSEEN,
		  PLAN_NOTHING },
		{ "no topic of ours", "\"AlarmActions\":[" THEIRS "]", 10,
		  UNSEEN, PLAN_OPEN_IF_SEEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		const struct known *known = &list[i].known;
		struct member m = {
			.state = known->state,
			.changed_ms = NOW - known->minutes * MINUTE,
		};
		struct incident in = { .state = known->incident };
		struct plan_known k = { known->state ? &m : NULL,
					known->incident ? &in : NULL };
		struct plan_result p;
		struct cw_alarm a;
		struct json *j = make(&a, "fleet", "ALARM", list[i].minutes,
				      list[i].more);

		plan_contributor(&p, &a, &k, topics, NOW);
		if (p.plan != list[i].plan)
			fail_msg("%s: %d, because %s", list[i].what, p.plan,
				 p.because);
		json_free(j);
	}
}

static void test_ended(void **state)
{
	struct member m = { .state = ALARM_FIRING,
			    .changed_ms = NOW - 60 * MINUTE };
	struct incident i = { .state = INCIDENT_OPEN };
	const struct plan_known k = { &m, &i }, none = { NULL, NULL };

	(void)state;
	assert_false(plan_ended(&k, 1, NOW));
	assert_true(plan_ended(&k, 2, NOW));
	assert_false(plan_ended(&none, 2, NOW));
	/* It fired anew since, or a moment before. */
	assert_false(plan_ended(&k, 2, NOW - 61 * MINUTE));
	assert_false(plan_ended(&k, 2, NOW - 59 * MINUTE));
	i.state = INCIDENT_CLOSED;
	assert_false(plan_ended(&k, 2, NOW));
}

static void test_lacks_ok(void **state)
{
	static const struct {
		const char *more;
		bool lacks;
	} list[] = {
		{ TOPIC, false },
		{ "\"AlarmActions\":[" OURS "]", true },
		{ "\"AlarmActions\":[" OURS "],\"OKActions\":[" THEIRS "]",
		  true },
		{ "\"AlarmActions\":[" OURS "],\"ActionsEnabled\":false",
		  false },
		{ "\"AlarmActions\":[" THEIRS "]", false },
		{ "\"AlarmActions\":[]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct cw_alarm a;
		struct json *j = make(&a, "db", "OK", 10, list[i].more);

		assert_int_equal(plan_lacks_ok(&a, topics), list[i].lacks);
		json_free(j);
	}
}

/* ---- messages: what lib/alarm makes of them ---- */

static void decode(struct alarms *out, struct buf *body)
{
	const struct alarm_input in = { .body = buf_str(body),
					.received_ms = NOW,
					.intake = "reconcile" };

	assert_int_equal(buf_error(body), 0);
	assert_int_equal(alarm_decode(out, &in), 0);
	assert_int_equal(out->count, 1);
}

static void identity(struct buf *out, const struct alarm *a)
{
	const struct alarm_input in = { .received_ms = NOW,
					.intake = "reconcile" };

	assert_int_equal(alarm_identity(out, a, &in, 0), 0);
}

/* What SNS would have carried of the same change. */
static const char real[] =
	"{\"AlarmName\":\"db\",\"AlarmDescription\":\"severity: HIGH\","
	"\"AWSAccountId\":\"111122223333\",\"NewStateValue\":\"ALARM\","
	"\"NewStateReason\":\"r\",\"StateChangeTime\":"
	"\"2026-11-21T09:50:00.647+0000\",\"Region\":\"US East (N. "
	"Virginia)\",\"AlarmArn\":\"" ARN "db\",\"OldStateValue\":\"OK\","
	"\"OKActions\":[],\"AlarmActions\":[" OURS "],"
	"\"InsufficientDataActions\":[],\"Trigger\":{\"MetricName\":"
	"\"CPUUtilization\",\"Namespace\":\"AWS/RDS\",\"StatisticType\":"
	"\"Statistic\",\"Statistic\":\"AVERAGE\",\"Unit\":null,"
	"\"Dimensions\":[{\"value\":\"pay-db-1\",\"name\":"
	"\"DBInstanceIdentifier\"}],\"Period\":60,\"EvaluationPeriods\":1,"
	"\"ComparisonOperator\":\"GreaterThanThreshold\",\"Threshold\":90.0,"
	"\"TreatMissingData\":\"missing\"}}";
static const char told[] =
	"{\"AlarmName\":\"db\",\"AlarmDescription\":\"severity: HIGH\","
	"\"AlarmArn\":\"" ARN "db\",\"StateValue\":\"ALARM\","
	"\"StateReason\":\"r\",\"StateUpdatedTimestamp\":1795255100.0,"
	"\"StateTransitionedTimestamp\":1795254600.647,"
	"\"AlarmActions\":[" OURS "],\"MetricName\":\"CPUUtilization\","
	"\"Namespace\":\"AWS/RDS\",\"Statistic\":\"Average\","
	"\"Dimensions\":[{\"Name\":\"DBInstanceIdentifier\",\"Value\":"
	"\"pay-db-1\"}],\"Period\":60,\"EvaluationPeriods\":1,"
	"\"ComparisonOperator\":\"GreaterThanThreshold\",\"Threshold\":90.0,"
	"\"TreatMissingData\":\"missing\"}";

static void same(struct str a, struct str b)
{
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p ? a.p : "", b.p ? b.p : "", a.n);
}

static void test_same_event(void **state)
{
	struct buf body = BUF_INIT(1 << 20), sent = BUF_INIT(1 << 20),
		   one = BUF_INIT(8192), two = BUF_INIT(8192);
	struct alarms a, b;
	struct cw_alarm c;
	struct json *j;

	(void)state;
	buf_puts(&sent, real);
	assert_int_equal(json_parse(&j, str_from(told), 0, NULL), 0);
	assert_true(cloudwatch_alarm_read(&c, CW_METRIC, j));
	message_put_state(&body, &c, STR("111122223333"), STR("us-east-1"),
			  NULL, ALARM_OK);
	decode(&a, &body);
	decode(&b, &sent);
	identity(&one, a.list);
	identity(&two, b.list);
	same(buf_str(&one), buf_str(&two));
	assert_string_equal(a.list->kind, b.list->kind);
	assert_int_equal(a.list->time_ms, b.list->time_ms);
	assert_int_equal(a.list->previous_state, ALARM_OK);
	same(a.list->severity, STR("high"));
	same(a.list->region, STR("us-east-1"));
	same(a.list->account, b.list->account);
	same(a.list->metric, b.list->metric);
	same(a.list->resource_arn, b.list->resource_arn);
	same(alarm_dim(a.list, STR("DBInstanceIdentifier")), STR("pay-db-1"));
	assert_true(a.list->has_threshold);
	assert_true(str_starts(a.list->reason, "r (Found by asking"));
	alarms_fini(&a);
	alarms_fini(&b);
	json_free(j);
	buf_fini(&body);
	buf_fini(&sent);
	buf_fini(&one);
	buf_fini(&two);
}

static void kind_of(const char *text, enum cw_type type,
		    struct str contributor, const char *kind)
{
	const struct cw_contributor of = { .id = contributor };
	struct buf body = BUF_INIT(1 << 20);
	struct cw_alarm c;
	struct alarms a;
	struct json *j;

	assert_int_equal(json_parse(&j, str_from(text), 0, NULL), 0);
	assert_true(cloudwatch_alarm_read(&c, type, j));
	message_put_state(&body, &c, STR("111122223333"), STR("us-east-1"),
			  contributor.n ? &of : NULL, ALARM_FIRING);
	decode(&a, &body);
	assert_string_equal(a.list->kind, kind);
	assert_int_equal(a.list->state, ALARM_OK);
	assert_int_equal(a.list->previous_state, ALARM_FIRING);
	if (contributor.n)
		same(a.list->contributor, contributor);
	alarms_fini(&a);
	json_free(j);
	buf_fini(&body);
}

#define HEAD                                                                  \
	"{\"AlarmName\":\"x\",\"AlarmArn\":\"" ARN "x\",\"StateValue\":"      \
	"\"OK\",\"StateTransitionedTimestamp\":1795254600"

static void test_kinds(void **state)
{
	(void)state;
	kind_of(HEAD ",\"MetricName\":\"m\",\"Namespace\":\"n\"}", CW_METRIC,
		STR_NONE, "metric-alarm");
	kind_of(HEAD ",\"Metrics\":[{\"Id\":\"e\",\"Expression\":\"m1/2\","
		     "\"ReturnData\":true},{\"Id\":\"m1\",\"MetricStat\":{"
		     "\"Metric\":{\"Namespace\":\"n\",\"MetricName\":\"m\","
		     "\"Dimensions\":[{\"Name\":\"a\",\"Value\":\"b\"}]},"
		     "\"Period\":60,\"Stat\":\"Sum\"},\"ReturnData\":false}]}",
		CW_METRIC, STR_NONE, "metric-alarm");
	kind_of(HEAD ",\"AlarmRule\":\"ALARM(a)\"}", CW_COMPOSITE, STR_NONE,
		"composite-alarm");
	kind_of(HEAD ",\"ScheduledQueryConfiguration\":{\"QueryString\":"
		     "\"q\"},\"Threshold\":1.0}",
		CW_LOG, STR_NONE, "log-alarm");
	kind_of(HEAD ",\"Metrics\":[]}", CW_METRIC, STR("c0ffee"),
		"contributor-alarm");
}

static void test_deleted_message(void **state)
{
	struct buf body = BUF_INIT(1 << 20), subject = BUF_INIT(8192);
	struct alarms a;

	(void)state;
	message_put_deleted(&body, STR(ARN "db/a b"), STR("db/a b"),
			    STR("111122223333"), STR("us-east-1"), NOW);
	decode(&a, &body);
	assert_int_equal(a.list->event, ALARM_DELETED);
	assert_int_equal(a.list->time_ms, NOW);
	alarm_subject(&subject, a.list);
	same(buf_str(&subject), STR(ARN "db/a b"));
	same(a.list->name, STR("db/a b"));
	alarms_fini(&a);
	buf_fini(&body);
	buf_fini(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_held_by_cloudwatch),
		cmocka_unit_test(test_no_topics),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_contributor),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_lacks_ok),
		cmocka_unit_test(test_same_event),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_deleted_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
