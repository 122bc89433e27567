#include "aws/cloudwatch.h"

#include <errno.h>
#include <math.h>

#include "doc/json.h"
#include "doc/jsonw.h"

#define ARN_MAX 1600
#define TOKEN_MAX 65536
/* The last moment that can be written: 9999-12-31T23:59:59Z. */
#define TIME_MAX_S 253402300799.0

int64_t cloudwatch_time(const struct json *v)
{
	double s = json_double(v, 0);

	/* 1795255200.647 is no exact double: cut, it would be one ms less. */
	return s > 0 && s <= TIME_MAX_S ? (int64_t)llround(s * 1000) : 0;
}

bool cloudwatch_arn_read(struct cw_arn *out, struct str arn)
{
	struct str rest = arn, f[6];

	if (arn.n > ARN_MAX)
		return false;
	for (int i = 0; i < 6; i++)
		if (!str_cut(&rest, ':', &f[i]))
			return false;
	if (!str_is(f[0], "arn") || !str_is(f[2], "cloudwatch") ||
	    !str_is(f[5], "alarm") || !f[3].n || f[3].n > 63 ||
	    f[4].n != 12 || !rest.n)
		return false;
	*out = (struct cw_arn){ f[3], f[4], rest };
	return true;
}

static void put_types(struct jsonw *w, const struct cw_query *q)
{
	/* Unless it is asked for by name, each but a metric's alarm is left
	 * out. */
	jsonw_key(w, "AlarmTypes");
	jsonw_array(w);
	jsonw_cstr(w, "MetricAlarm");
	jsonw_cstr(w, "CompositeAlarm");
	if (!q->no_log_alarms)
		jsonw_cstr(w, "LogAlarm");
	jsonw_end_array(w);
}

void cloudwatch_put_describe(struct buf *out, const struct cw_query *q,
			     struct str next_token)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	put_types(&w, q);
	if (q->state.n)
		jsonw_kstr(&w, "StateValue", q->state);
	if (q->count) {
		jsonw_key(&w, "AlarmNames");
		jsonw_array(&w);
		for (size_t i = 0; i < q->count; i++)
			jsonw_str(&w, q->names[i]);
		jsonw_end_array(&w);
	}
	jsonw_kint(&w, "MaxRecords", 100);
	if (next_token.n)
		jsonw_kstr(&w, "NextToken", next_token);
	jsonw_end_object(&w);
}

static const struct json *actions(const struct json *v, const char *key)
{
	const struct json *list = json_get(v, key);

	return json_is(list, JSON_ARRAY) && json_count(list) ? list : NULL;
}

bool cloudwatch_alarm_read(struct cw_alarm *out, enum cw_type type,
			   const struct json *v)
{
	struct cw_alarm a = {
		.type = type,
		.name = json_get_str(v, "AlarmName"),
		.arn = json_get_str(v, "AlarmArn"),
		.state = json_get_str(v, "StateValue"),
		.suppressed_by = json_get_str(v, "ActionsSuppressedBy"),
		.actions_enabled = json_bool(json_get(v, "ActionsEnabled"),
					     true),
		.on_alarm = actions(v, "AlarmActions"),
		.on_ok = actions(v, "OKActions"),
		.on_insufficient = actions(v, "InsufficientDataActions"),
		.json = v,
	};

	if (!a.name.n || a.name.n > 4 * CLOUDWATCH_NAME_MAX || !a.state.n ||
	    a.arn.n > ARN_MAX || !str_starts(a.arn, "arn:"))
		return false;
	/* The other one also moves when only the reason is told anew. */
	a.changed_ms = cloudwatch_time(
		json_get(v, "StateTransitionedTimestamp"));
	if (!a.changed_ms)
		a.changed_ms = cloudwatch_time(
			json_get(v, "StateUpdatedTimestamp"));
	*out = a;
	return true;
}

static int read_list(const struct json *list, enum cw_type type,
		     cw_each *each, void *arg)
{
	struct cw_alarm a;
	int rc = 0;

	for (size_t i = 0; i < json_count(list) && rc >= 0; i++)
		if (cloudwatch_alarm_read(&a, type, json_item(list, i)))
			rc = each(&a, arg);
	return rc < 0 ? rc : 0;
}

static int read_token(struct str *next, const struct json *answer,
		      struct err *err)
{
	struct str token = STR_NONE;

	if (json_want_str(&token, answer, "NextToken", err) < 0)
		return -EBADMSG;
	if (token.n > TOKEN_MAX)
		return err_set(err, -EBADMSG, "a NextToken of %zu bytes",
			       token.n);
	*next = token.n ? token : STR_NONE;
	return 0;
}

int cloudwatch_page_read(struct str *next, const struct json *answer,
			 cw_each *each, void *arg, struct err *err)
{
	static const char *const keys[] = {
		[CW_METRIC] = "MetricAlarms",
		[CW_COMPOSITE] = "CompositeAlarms",
		[CW_LOG] = "LogAlarms",
	};
	const struct json *list[3];
	bool any = false;
	int rc = 0;

	for (int i = 0; i < 3; i++) {
		list[i] = json_get(answer, keys[i]);
		any = any || list[i];
		if (list[i] && !json_is(list[i], JSON_ARRAY))
			return err_set(err, -EBADMSG,
				       "DescribeAlarms: %s is no list",
				       keys[i]);
	}
	/* An empty object is no proof that there are no alarms. */
	if (!any)
		return err_set(err, -EBADMSG, "DescribeAlarms: an answer "
					      "without MetricAlarms");
	rc = read_token(next, answer, err);
	for (int i = 0; i < 3 && rc >= 0; i++)
		rc = read_list(list[i], (enum cw_type)i, each, arg);
	return rc;
}

/* ---- contributors ---- */

bool cloudwatch_contributor_read(struct cw_contributor *out,
				 const struct json *v)
{
	const struct json *attributes = json_get(v, "ContributorAttributes");
	struct cw_contributor c = {
		.id = json_get_str(v, "ContributorId"),
		.reason = json_get_str(v, "StateReason"),
		.changed_ms = cloudwatch_time(
			json_get(v, "StateTransitionedTimestamp")),
		.attributes = json_is(attributes, JSON_OBJECT) ? attributes :
								 NULL,
		.json = v,
	};

	if (!c.id.n || c.id.n > CLOUDWATCH_ID_MAX)
		return false;
	*out = c;
	return true;
}

void cloudwatch_put_contributors_of(struct buf *out, struct str name,
				    struct str next_token)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kstr(&w, "AlarmName", name);
	if (next_token.n)
		jsonw_kstr(&w, "NextToken", next_token);
	jsonw_end_object(&w);
}

int cloudwatch_contributors_read(struct str *next, const struct json *answer,
				 cw_each_contributor *each, void *arg,
				 struct err *err)
{
	const struct json *list = json_get(answer, "AlarmContributors");
	struct cw_contributor c;
	int rc;

	/* An empty object is no proof that there are none. */
	if (!json_is(list, JSON_ARRAY))
		return err_set(err, -EBADMSG, "DescribeAlarmContributors: an "
					      "answer without a list");
	rc = read_token(next, answer, err);
	for (size_t i = 0; i < json_count(list) && rc >= 0; i++)
		if (cloudwatch_contributor_read(&c, json_item(list, i)))
			rc = each(&c, arg);
	return rc < 0 ? rc : 0;
}

/* ---- tags and mute rules ---- */

void cloudwatch_put_tags_of(struct buf *out, struct str arn)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kstr(&w, "ResourceARN", arn);
	jsonw_end_object(&w);
}

int cloudwatch_tags_read(const struct cw_tag **out, const struct json *answer,
			 struct arena *arena)
{
	const struct json *list = json_get(answer, "Tags");
	size_t n = json_count(list);
	struct cw_tag *tags;
	int count = 0;

	if (!json_is(list, JSON_ARRAY))
		return -EBADMSG;
	n = n < CLOUDWATCH_TAGS_MAX ? n : CLOUDWATCH_TAGS_MAX;
	tags = arena_array(arena, n + 1, sizeof(*tags));
	if (!tags)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_item(list, i);
		struct cw_tag t = { json_get_str(v, "Key"),
				    json_get_str(v, "Value") };

		if (t.key.n && t.key.n <= 512 && t.value.p &&
		    t.value.n <= 1024)
			tags[count++] = t;
	}
	*out = tags;
	return count;
}

void cloudwatch_put_mutes_of(struct buf *out, struct str name)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	if (name.n)
		jsonw_kstr(&w, "AlarmName", name);
	jsonw_key(&w, "Statuses");
	jsonw_array(&w);
	jsonw_cstr(&w, "ACTIVE");
	jsonw_end_array(&w);
	jsonw_end_object(&w);
}

int cloudwatch_muted_read(const struct json *answer)
{
	const struct json *list = json_get(answer, "AlarmMuteRuleSummaries");

	if (list && !json_is(list, JSON_ARRAY))
		return -EBADMSG;
	/* An active rule may stand on a later page. */
	return json_count(list) > 0 || json_get_str(answer, "NextToken").n > 0;
}
