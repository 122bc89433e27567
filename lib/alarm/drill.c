#include "alarm/drill.h"

#include "base/clock.h"
#include "doc/jsonw.h"

/* CloudWatch's own way to write it: +0000 in place of Z. */
static void put_time(struct jsonw *w, const char *key, int64_t ms)
{
	struct buf b = BUF_INIT(64);

	clock_put(&b, ms);
	if (b.n)
		buf_truncate(&b, b.n - 1);
	buf_puts(&b, "+0000");
	jsonw_kstr(w, key, buf_str(&b));
	buf_fini(&b);
}

static void put_pair(struct jsonw *w, const char *name, struct str value)
{
	jsonw_object(w);
	jsonw_kcstr(w, "name", name);
	jsonw_kstr(w, "value", value);
	jsonw_end_object(w);
}

static void put_topic(struct jsonw *w, const char *key, struct str topic)
{
	jsonw_key(w, key);
	jsonw_array(w);
	jsonw_str(w, topic);
	jsonw_end_array(w);
}

static void put_trigger(struct jsonw *w, const struct drill_alarm *d)
{
	jsonw_key(w, "Trigger");
	jsonw_object(w);
	jsonw_kcstr(w, "MetricName", "Drill");
	jsonw_kcstr(w, "Namespace", DRILL_NAMESPACE);
	jsonw_kcstr(w, "StatisticType", "Statistic");
	jsonw_kcstr(w, "Statistic", "MAXIMUM");
	jsonw_key(w, "Dimensions");
	jsonw_array(w);
	put_pair(w, "Agent", d->agent);
	put_pair(w, "Drill", d->id);
	jsonw_end_array(w);
	jsonw_kint(w, "Period", 60);
	jsonw_kint(w, "EvaluationPeriods", 1);
	jsonw_kcstr(w, "ComparisonOperator", "GreaterThanThreshold");
	jsonw_kint(w, "Threshold", 0);
	jsonw_end_object(w);
}

static void put_words(struct jsonw *w, const struct drill_alarm *d)
{
	struct buf b = BUF_INIT(1024);

	buf_printf(&b, "A drill: tocsin on %.*s publishes this alarm itself, "
		       "to see that alarms come through. It is over within "
		       "minutes; nothing is to be done.\nseverity: LOW",
		   STR_ARG(d->agent));
	jsonw_kstr(w, "AlarmDescription", buf_str(&b));
	buf_reset(&b);
	buf_printf(&b, "Drill %.*s of %.*s %s.", STR_ARG(d->id),
		   STR_ARG(d->agent),
		   d->state == ALARM_OK ? "is over" : "begins");
	jsonw_kstr(w, "NewStateReason", buf_str(&b));
	buf_fini(&b);
}

void drill_alarm_put(struct buf *out, const struct drill_alarm *d)
{
	bool ok = d->state == ALARM_OK;
	struct jsonw w = JSONW(out);
	struct buf arn = BUF_INIT(512);

	buf_printf(&arn, "arn:%.*s:cloudwatch:%.*s:%.*s:alarm:" DRILL_NAME,
		   STR_ARG(d->partition), STR_ARG(d->region),
		   STR_ARG(d->account));
	jsonw_object(&w);
	jsonw_kcstr(&w, "AlarmName", DRILL_NAME);
	put_words(&w, d);
	jsonw_kstr(&w, "AWSAccountId", d->account);
	jsonw_kcstr(&w, "NewStateValue", ok ? "OK" : "ALARM");
	put_time(&w, "StateChangeTime", d->at_ms);
	jsonw_kstr(&w, "Region", d->region);
	jsonw_kstr(&w, "AlarmArn", buf_str(&arn));
	jsonw_kcstr(&w, "OldStateValue", ok ? "ALARM" : "OK");
	put_topic(&w, "OKActions", d->topic);
	put_topic(&w, "AlarmActions", d->topic);
	/* What has tags isn't looked up for them. */
	jsonw_key(&w, "AlarmTags");
	jsonw_object(&w);
	jsonw_kstr(&w, DRILL_NAME, d->id);
	jsonw_end_object(&w);
	put_trigger(&w, d);
	jsonw_key(&w, "AlarmContributor");
	jsonw_object(&w);
	jsonw_kstr(&w, "Id", d->agent);
	jsonw_end_object(&w);
	jsonw_end_object(&w);
	buf_fini(&arn);
}

bool drill_alarm_is(const struct alarm *a)
{
	return str_is(a->name, DRILL_NAME) &&
	       str_is(a->namespace, DRILL_NAMESPACE) &&
	       str_is(str_from(a->source), "cloudwatch");
}
