#include "agent/reconcile/plan.h"

#include "aws/sns.h"
#include "doc/json.h"

struct str plan_topic(const struct json *actions, const char *const *topics)
{
	for (size_t i = 0; topics && i < json_count(actions); i++) {
		struct str arn = json_str(json_item(actions, i));

		for (size_t k = 0; arn.n && topics[k]; k++)
			if (sns_topic_allowed(str_from(topics[k]), arn))
				return arn;
	}
	return STR_NONE;
}

bool plan_is_target_tracking(const struct cw_alarm *a)
{
	size_t n = json_count(a->on_alarm);

	if (!str_starts(a->name, "TargetTracking-") || !n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_find(json_str(json_item(a->on_alarm, i)),
			     STR(":autoscaling:")) < 0)
			return false;
	return true;
}

/* Words of a query, in any case, with one blank between. */
static bool groups(struct str query)
{
	for (size_t i = 0; i + 8 <= query.n; i++)
		if (str_is_nocase(str_sub(query, i, 8), "group by"))
			return true;
	return false;
}

bool plan_has_contributors(const struct cw_alarm *a)
{
	const struct json *list = json_get(a->json, "Metrics");

	for (size_t i = 0; i < json_count(list); i++)
		if (groups(json_get_str(json_item(list, i), "Expression")))
			return true;
	return json_get(a->json, "EvaluationCriteria") != NULL;
}

bool plan_lacks_ok(const struct cw_alarm *a, const char *const *topics)
{
	return a->actions_enabled && !plan_is_target_tracking(a) &&
	       plan_topic(a->on_alarm, topics).p &&
	       !plan_topic(a->on_ok, topics).p;
}

static void say(struct plan_result *out, enum plan plan, const char *because)
{
	out->plan = plan;
	out->because = because;
}

static bool is_firing(const struct plan_known *k)
{
	return k->member && k->member->state == ALARM_FIRING;
}

static bool is_open(const struct plan_known *k)
{
	return is_firing(k) && k->incident &&
	       k->incident->state == INCIDENT_OPEN;
}

/* In ALARM as far as is known: what did CloudWatch see since? */
static void plan_firing(struct plan_result *out, const struct cw_alarm *a,
			const char *const *topics, bool open)
{
	/* Rules may go by the topic: the one that told of its ALARM. */
	out->topic = plan_topic(a->on_alarm, topics);
	if (str_is(a->state, "OK"))
		say(out, PLAN_RESOLVE, "CloudWatch says OK");
	else if (!str_is(a->state, "INSUFFICIENT_DATA"))
		say(out, PLAN_NOTHING, "a state that tocsin doesn't know");
	else if (open)
		say(out, PLAN_NOTE, "CloudWatch says INSUFFICIENT_DATA");
	else
		say(out, PLAN_NOTHING, "its incident was closed");
}

static void plan_quiet(struct plan_result *out, const struct cw_alarm *a,
		       const char *const *topics, bool whole)
{
	bool firing = str_is(a->state, "ALARM");

	out->topic = plan_topic(firing ? a->on_alarm : a->on_insufficient,
				topics);
	if (!a->actions_enabled)
		say(out, PLAN_NOTHING, "its actions are disabled");
	else if (a->suppressed_by.n)
		say(out, PLAN_NOTHING, "its actions are suppressed");
	else if (plan_is_target_tracking(a))
		say(out, PLAN_NOTHING, "it belongs to Auto Scaling");
	else if (whole && plan_has_contributors(a))
		say(out, PLAN_NOTHING, "it tells of each contributor alone");
	else if (out->topic.p)
		say(out, PLAN_OPEN, "its topic is ours, and no message came");
	else
		say(out, PLAN_OPEN_IF_SEEN, "none of its actions names a topic "
					    "of sns.topics");
}

static void decide(struct plan_result *out, const struct cw_alarm *a,
		   const struct plan_known *known, const char *const *topics,
		   int64_t now_ms, bool whole)
{
	const struct member *m = known->member;
	bool firing = str_is(a->state, "ALARM"), ok = str_is(a->state, "OK");

	/* An incident that a person closed was seen by one: an alarm known to
	 * be in ALARM opens no other. */
	*out = (struct plan_result){ PLAN_NOTHING, "both agree", STR_NONE };
	if (firing && m && member_held_outside(m)) {
		plan_quiet(out, a, topics, whole);
		return;
	}
	if (is_firing(known) ? firing : ok)
		return;
	if (!a->changed_ms)
		out->because = "CloudWatch doesn't say since when";
	else if (m && a->changed_ms <= m->changed_ms)
		out->because = "what is known is newer";
	else if (now_ms - a->changed_ms < PLAN_GRACE_MS)
		out->because = "its message may be on the way";
	else if (is_firing(known))
		plan_firing(out, a, topics, is_open(known));
	else if (firing || str_is(a->state, "INSUFFICIENT_DATA"))
		plan_quiet(out, a, topics, whole);
	else
		out->because = "a state that tocsin doesn't know";
}

void plan_alarm(struct plan_result *out, const struct cw_alarm *a,
		const struct plan_known *known, const char *const *topics,
		int64_t now_ms)
{
	decide(out, a, known, topics, now_ms, true);
}

void plan_contributor(struct plan_result *out, const struct cw_alarm *a,
		      const struct plan_known *known,
		      const char *const *topics, int64_t now_ms)
{
	decide(out, a, known, topics, now_ms, false);
}

bool plan_ended(const struct plan_known *known, unsigned rounds,
		int64_t since_ms)
{
	return is_open(known) && rounds >= PLAN_ABSENT_ROUNDS &&
	       since_ms - known->member->changed_ms >= PLAN_GRACE_MS;
}

bool plan_deleted(const struct plan_known *known, unsigned rounds,
		  int64_t now_ms)
{
	return is_open(known) && rounds >= PLAN_ABSENT_ROUNDS &&
	       now_ms - known->member->changed_ms >= PLAN_GRACE_MS;
}
