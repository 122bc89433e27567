#include "agent/cmd/alarm_sample.h"

#include "base/clock.h"
#include "doc/jsonw.h"

#define SUBJECT_MAX 99 /* Publish: less than 100 characters */

/* What CloudWatch calls a region in "Region" and in the Subject. */
static const char *region_name(const char *region)
{
	static const char *const names[][2] = {
		{ "us-east-1", "US East (N. Virginia)" },
		{ "us-east-2", "US East (Ohio)" },
		{ "us-west-1", "US West (N. California)" },
		{ "us-west-2", "US West (Oregon)" },
		{ "ca-central-1", "Canada (Central)" },
		{ "eu-central-1", "EU (Frankfurt)" },
		{ "eu-west-1", "EU (Ireland)" },
		{ "eu-west-2", "EU (London)" },
		{ "ap-northeast-1", "Asia Pacific (Tokyo)" },
		{ "ap-southeast-2", "Asia Pacific (Sydney)" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is(str_from(region), names[i][0]))
			return names[i][1];
	return region;
}

/* 2026-11-21T10:00:00.000+0000 */
static void put_time(struct jsonw *w, const char *key, int64_t ms)
{
	struct buf text = BUF_INIT(64);

	clock_put(&text, ms);
	if (text.n && text.p[text.n - 1] == 'Z')
		buf_truncate(&text, text.n - 1);
	buf_puts(&text, "+0000");
	jsonw_kstr(w, key, buf_str(&text));
	buf_fini(&text);
}

static void put_description(struct jsonw *w, const struct alarm_sample *a)
{
	struct buf text = BUF_INIT(65536);

	if (a->description)
		buf_puts(&text, a->description);
	if (a->severity)
		buf_printf(&text, "%sseverity: %s", text.n ? "\n" : "",
			   a->severity);
	if (a->ci)
		buf_printf(&text, "%sstackflow_ci_id: %s", text.n ? "\n" : "",
			   a->ci);
	jsonw_kstr(w, "AlarmDescription", text.n ? buf_str(&text) : STR_NONE);
	buf_fini(&text);
}

static void put_trigger(struct jsonw *w, const struct alarm_sample *a)
{
	jsonw_key(w, "Trigger");
	jsonw_object(w);
	jsonw_kcstr(w, "MetricName", a->metric);
	jsonw_kcstr(w, "Namespace", a->namespace);
	jsonw_kcstr(w, "StatisticType", "Statistic");
	jsonw_kcstr(w, "Statistic", "AVERAGE");
	jsonw_kcstr(w, "Unit", NULL);
	jsonw_key(w, "Dimensions");
	jsonw_array(w);
	for (size_t i = 0; a->dimensions && a->dimensions[i]; i++) {
		struct str value = str_from(a->dimensions[i]), name = STR_NONE;

		str_cut(&value, '=', &name);
		jsonw_object(w);
		jsonw_kstr(w, "value", value.p ? value : STR(""));
		jsonw_kstr(w, "name", name);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
	jsonw_kint(w, "Period", 60);
	jsonw_kint(w, "EvaluationPeriods", 3);
	jsonw_kint(w, "DatapointsToAlarm", 3);
	jsonw_kcstr(w, "ComparisonOperator", "GreaterThanOrEqualToThreshold");
	jsonw_key(w, "Threshold");
	jsonw_raw(w, STR("90.0"));
	jsonw_kcstr(w, "TreatMissingData", "missing");
	jsonw_kcstr(w, "EvaluateLowSampleCountPercentile", "");
	jsonw_end_object(w);
}

static void put_actions(struct jsonw *w, const char *key, const char *topic)
{
	jsonw_key(w, key);
	jsonw_array(w);
	if (topic)
		jsonw_cstr(w, topic);
	jsonw_end_array(w);
}

static const char *reason(struct str state)
{
	if (str_is(state, "OK"))
		return "Threshold Crossed: 3 out of the last 3 datapoints were "
		       "not greater than or equal to the threshold (90.0).";
	if (str_is(state, "INSUFFICIENT_DATA"))
		return "Insufficient Data: 3 datapoints were unknown.";
	return "Threshold Crossed: 3 out of the last 3 datapoints [97.2, 96.4, "
	       "95.1] were greater than or equal to the threshold (90.0) "
	       "(minimum 3 datapoints for OK -> ALARM transition).";
}

void alarm_sample_put(struct buf *out, const struct alarm_sample *a)
{
	struct jsonw w = JSONW(out);
	struct buf arn = BUF_INIT(4096);
	struct str state = str_from(a->state);

	buf_printf(&arn, "arn:aws:cloudwatch:%s:%s:alarm:%s", a->region,
		   a->account, a->name);
	jsonw_object(&w);
	jsonw_kcstr(&w, "AlarmName", a->name);
	put_description(&w, a);
	jsonw_kcstr(&w, "AWSAccountId", a->account);
	put_time(&w, "AlarmConfigurationUpdatedTimestamp",
		 a->now_ms - 86400000);
	jsonw_kstr(&w, "NewStateValue", state);
	jsonw_kcstr(&w, "NewStateReason", reason(state));
	put_time(&w, "StateChangeTime", a->now_ms);
	jsonw_kcstr(&w, "Region", region_name(a->region));
	jsonw_kstr(&w, "AlarmArn", buf_str(&arn));
	jsonw_kcstr(&w, "OldStateValue", str_is(state, "OK") ? "ALARM" : "OK");
	put_actions(&w, "OKActions", a->topic);
	put_actions(&w, "AlarmActions", a->topic);
	put_actions(&w, "InsufficientDataActions", NULL);
	put_trigger(&w, a);
	jsonw_end_object(&w);
	buf_fini(&arn);
}

void alarm_sample_put_subject(struct buf *out, const struct alarm_sample *a)
{
	const char *where = region_name(a->region);
	size_t frame = strlen(a->state) + strlen(where) + 8;
	size_t room = frame + 3 < SUBJECT_MAX ? SUBJECT_MAX - frame : 3;
	struct str name = str_from(a->name);
	size_t shown = 0;

	buf_printf(out, "%s: \"", a->state);
	for (size_t i = 0; i < name.n && shown < room; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if ((c & 0xc0) == 0x80)
			continue;
		if (shown + 3 >= room && name.n - i > room - shown) {
			buf_puts(out, "...");
			break;
		}
		buf_putc(out, c >= ' ' && c < 0x7f ? (char)c : '_');
		shown++;
	}
	buf_printf(out, "\" in %s", where);
}
