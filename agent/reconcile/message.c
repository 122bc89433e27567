#include "agent/reconcile/message.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define VALUE_MAX (1 << 20)
#define FOUND                                                                 \
	" (Found by asking CloudWatch: no message of this change had come.)"

/* As SNS writes it: 2021-11-10T02:45:55.640+0000 */
static void put_time(struct jsonw *w, const char *key, int64_t ms)
{
	struct buf b = BUF_INIT(64);

	if (ms <= 0)
		return;
	clock_put(&b, ms);
	if (b.n && b.p[b.n - 1] == 'Z')
		buf_truncate(&b, b.n - 1);
	buf_puts(&b, "+0000");
	jsonw_kstr(w, key, buf_str(&b));
	buf_fini(&b);
}

/* A member of an answer, as it came; absent: left out. */
static void put_as(struct jsonw *w, const char *key, const struct json *v)
{
	struct buf b = BUF_INIT(VALUE_MAX);

	if (!v)
		return;
	json_put(&b, v);
	if (!buf_error(&b)) {
		jsonw_key(w, key);
		jsonw_raw(w, buf_str(&b));
	}
	buf_fini(&b);
}

static void put_same(struct jsonw *w, const struct json *from, const char *key)
{
	put_as(w, key, json_get(from, key));
}

static void put_list(struct jsonw *w, const char *key, const struct json *list)
{
	if (list) {
		put_as(w, key, list);
		return;
	}
	jsonw_key(w, key);
	jsonw_array(w);
	jsonw_end_array(w);
}

/* The API says Name and Value, the message name and value. */
static void put_dimensions(struct jsonw *w, const struct json *list)
{
	jsonw_key(w, "Dimensions");
	jsonw_array(w);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *d = json_item(list, i);

		jsonw_object(w);
		jsonw_kstr(w, "value", json_get_str(d, "Value"));
		jsonw_kstr(w, "name", json_get_str(d, "Name"));
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void put_query(struct jsonw *w, const struct json *q)
{
	static const char *const own[] = { "Id", "Expression", "Label",
					   "ReturnData", "Period",
					   "AccountId" };
	const struct json *stat = json_get(q, "MetricStat"), *metric;

	jsonw_object(w);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		put_same(w, q, own[i]);
	if (stat) {
		metric = json_get(stat, "Metric");
		jsonw_key(w, "MetricStat");
		jsonw_object(w);
		jsonw_key(w, "Metric");
		jsonw_object(w);
		put_dimensions(w, json_get(metric, "Dimensions"));
		put_same(w, metric, "MetricName");
		put_same(w, metric, "Namespace");
		jsonw_end_object(w);
		put_same(w, stat, "Period");
		put_same(w, stat, "Stat");
		put_same(w, stat, "Unit");
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

/* "Average" of the API is "AVERAGE" in a message. */
static void put_statistic(struct jsonw *w, const struct json *a)
{
	struct str s = json_get_str(a, "Statistic");
	char word[32];
	size_t n = 0;

	if (!s.n || s.n > sizeof(word)) {
		if (json_get(a, "ExtendedStatistic"))
			jsonw_kcstr(w, "StatisticType", "ExtendedStatistic");
		put_same(w, a, "ExtendedStatistic");
		return;
	}
	for (; n < s.n; n++)
		word[n] = s.p[n] >= 'a' && s.p[n] <= 'z' ?
				  (char)(s.p[n] - 32) : s.p[n];
	jsonw_kcstr(w, "StatisticType", "Statistic");
	jsonw_kstr(w, "Statistic", (struct str){ word, n });
}

static void put_trigger(struct jsonw *w, const struct json *a)
{
	static const char *const rest[] = {
		"Unit", "Period", "EvaluationPeriods", "DatapointsToAlarm",
		"ComparisonOperator", "Threshold", "ThresholdMetricId",
		"TreatMissingData", "EvaluateLowSampleCountPercentile",
		"ScheduledQueryConfiguration", "QueryResultsToEvaluate",
		"QueryResultsToAlarm",
	};
	const struct json *queries = json_get(a, "Metrics");

	jsonw_key(w, "Trigger");
	jsonw_object(w);
	if (json_count(queries)) {
		jsonw_key(w, "Metrics");
		jsonw_array(w);
		for (size_t i = 0; i < json_count(queries); i++)
			put_query(w, json_item(queries, i));
		jsonw_end_array(w);
	} else if (json_get(a, "MetricName")) {
		put_same(w, a, "MetricName");
		put_same(w, a, "Namespace");
		put_statistic(w, a);
		put_dimensions(w, json_get(a, "Dimensions"));
	}
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		put_same(w, a, rest[i]);
	jsonw_end_object(w);
}

static void put_reason(struct jsonw *w, const struct json *a,
		       const struct cw_contributor *c)
{
	struct buf b = BUF_INIT(VALUE_MAX);

	buf_put_str(&b, c && c->reason.n ? c->reason :
					   json_get_str(a, "StateReason"));
	buf_puts(&b, FOUND);
	jsonw_kstr(w, "NewStateReason", str_trim(buf_str(&b)));
	buf_fini(&b);
}

void message_put_state(struct buf *out, const struct cw_alarm *a,
		       struct str account, struct str region,
		       const struct cw_contributor *c,
		       enum alarm_state previous)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kstr(&w, "AlarmName", a->name);
	put_same(&w, a->json, "AlarmDescription");
	jsonw_kstr(&w, "AWSAccountId", account);
	put_time(&w, "AlarmConfigurationUpdatedTimestamp",
		 cloudwatch_time(json_get(a->json,
					  "AlarmConfigurationUpdated"
					  "Timestamp")));
	jsonw_kstr(&w, "NewStateValue", a->state);
	put_reason(&w, a->json, c);
	put_time(&w, "StateChangeTime", a->changed_ms);
	jsonw_kstr(&w, "Region", region);
	jsonw_kstr(&w, "AlarmArn", a->arn);
	if (previous == ALARM_OK || previous == ALARM_FIRING)
		jsonw_kcstr(&w, "OldStateValue", alarm_state_name(previous));
	put_list(&w, "OKActions", a->on_ok);
	put_list(&w, "AlarmActions", a->on_alarm);
	put_list(&w, "InsufficientDataActions", a->on_insufficient);
	if (c) {
		jsonw_kstr(&w, "AlarmContributorId", c->id);
		put_as(&w, "AlarmContributorAttributes", c->attributes);
	}
	if (a->type == CW_LOG)
		jsonw_kcstr(&w, "AlarmType", "LogAlarm");
	if (a->type == CW_COMPOSITE)
		jsonw_kstr(&w, "AlarmRule", json_get_str(a->json,
							 "AlarmRule"));
	else
		put_trigger(&w, a->json);
	jsonw_end_object(&w);
}

void message_put_deleted(struct buf *out, struct str arn, struct str name,
			 struct str account, struct str region,
			 int64_t now_ms)
{
	struct jsonw w = JSONW(out);
	struct buf id = BUF_INIT(64);
	unsigned char salt[16];

	random_bytes(salt, sizeof(salt));
	buf_puts(&id, "tocsin-");
	encode_hex(&id, salt, sizeof(salt));
	jsonw_object(&w);
	jsonw_kcstr(&w, "version", "0");
	jsonw_kstr(&w, "id", buf_str(&id));
	jsonw_kcstr(&w, "detail-type", "CloudWatch Alarm Configuration Change");
	jsonw_kcstr(&w, "source", "aws.cloudwatch");
	jsonw_kstr(&w, "account", account);
	jsonw_ktime(&w, "time", now_ms);
	jsonw_kstr(&w, "region", region);
	jsonw_kstr(&w, "alarmArn", arn);
	jsonw_key(&w, "resources");
	jsonw_array(&w);
	jsonw_str(&w, arn);
	jsonw_end_array(&w);
	jsonw_key(&w, "detail");
	jsonw_object(&w);
	jsonw_kstr(&w, "alarmName", name);
	jsonw_kcstr(&w, "operation", "delete");
	jsonw_end_object(&w);
	jsonw_end_object(&w);
	buf_fini(&id);
}
