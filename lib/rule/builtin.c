/* What holds where rules say nothing. */
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "rule/set.h"
#include "rule/text.h"

#define TEXT_BYTES 16384 /* of the alarm's own description */
#define REASON_CHARS 2000
#define VALUE_CHARS 1000

/* What no decoder knows has no source of its own. */
bool builtin_understood(const struct alarm *a)
{
	static const char *const unknown[] = { "sns", "sqs", "webhook",
					       "eventbridge" };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (str_is(str_from(a->source), unknown[i]))
			return false;
	return true;
}

enum severity builtin_severity(const struct alarm *a)
{
	enum severity s = severity_of(a->severity);

	/* StackFlow's pattern: MEDIUM where absent, P3 where unknown. */
	return s == SEVERITY_NONE ? SEVERITY_MEDIUM : s;
}

int builtin_priority(enum severity s)
{
	return s == SEVERITY_NONE ? 3 : (int)s - SEVERITY_CRITICAL + 1;
}

void builtin_dedup_key(struct buf *out, const struct alarm *a)
{
	if (!a->account.p || !a->region.p || !a->name.p) {
		alarm_subject(out, a);
		return;
	}
	buf_put_str(out, a->account);
	buf_putc(out, '/');
	buf_put_str(out, a->region);
	buf_putc(out, '/');
	buf_put_str(out, a->name);
	/* One kind of event tells of many resources. */
	if (str_is(str_from(a->source), "eventbridge") && a->resource_arn.n) {
		buf_putc(out, '/');
		buf_put_str(out, a->resource_arn);
	}
	if (a->contributor.n) {
		buf_putc(out, '/');
		buf_put_str(out, a->contributor);
	}
}

/* What the name is a name of. */
static const char *title(const struct alarm *a)
{
	static const char *const titles[][2] = {
		{ "cloudwatch", "CloudWatch Alarm: " },
		{ "direct", "CloudWatch Alarm: " },
	};

	if (!builtin_understood(a))
		return "";
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (str_is(str_from(a->source), titles[i][0]))
			return titles[i][1];
	return "AWS: ";
}

void builtin_short_description(struct buf *out, const struct alarm *a)
{
	struct str rest = a->raw, line = STR_NONE;

	if (a->title.n) {
		text_put(out, a->title);
		return;
	}
	buf_puts(out, title(a));
	if (a->name.n) {
		text_put(out, a->name);
		return;
	}
	if (a->subject.n) {
		text_put(out, a->subject);
		return;
	}
	while (str_cut(&rest, '\n', &line) && !str_trim(line).n)
		;
	line = line.p ? str_trim(line) : STR_NONE;
	text_put(out, line.n ? line : STR("(a message without text)"));
}

static void put_line(struct buf *out, struct arena *arena, const char *label,
		     struct str value, size_t max)
{
	if (!value.n)
		return;
	text_put(out, str_from(label));
	text_put(out, text_line(arena, value, max));
	text_put(out, STR("\n"));
}

static void put_state(struct buf *out, struct arena *arena,
		      const struct alarm *a)
{
	struct str word = a->state == ALARM_UNKNOWN && a->state_text.n
				  ? a->state_text
				  : str_from(alarm_state_name(a->state));

	text_put(out, STR("State: "));
	text_put(out, text_line(arena, word, 100));
	if (a->previous_state != ALARM_NONE) {
		text_put(out, STR(", before that "));
		text_put(out, str_from(alarm_state_name(a->previous_state)));
	}
	text_put(out, STR(", since "));
	clock_put_seconds(out, a->time_ms);
	text_put(out, STR("\n"));
}

static void put_pairs(struct buf *out, struct arena *arena, const char *label,
		      const struct alarm_pair *list, size_t count)
{
	struct buf all = BUF_INIT(8192);

	for (size_t i = 0; i < count; i++) {
		text_put(&all, i ? STR(", ") : STR(""));
		text_put(&all, list[i].name);
		text_put(&all, STR("="));
		text_put(&all, list[i].value);
	}
	put_line(out, arena, label, buf_str(&all), REASON_CHARS);
	buf_fini(&all);
}

static void put_metric(struct buf *out, struct arena *arena,
		       const struct alarm *a)
{
	struct str metric = a->metric;

	if (metric.n && a->namespace.n)
		metric = arena_printf(arena, "%.*s %.*s", STR_ARG(a->namespace),
				      STR_ARG(metric));
	else if (!metric.n)
		put_line(out, arena, "Namespace: ", a->namespace, VALUE_CHARS);
	put_line(out, arena, "Metric: ", metric, VALUE_CHARS);
	put_pairs(out, arena, "Dimensions: ", a->dims, a->dim_count);
	if (a->has_threshold)
		put_line(out, arena, "Threshold: ",
			 arena_printf(arena, "%.15g", a->threshold), 64);
}

static void put_own_text(struct buf *out, struct arena *arena,
			 const struct alarm *a)
{
	struct str s = a->description, cut;

	if (!s.n && !builtin_understood(a))
		s = a->raw;
	s = str_trim(s);
	if (!s.n)
		return;
	cut = utf8_cut(s, TEXT_BYTES);
	text_put(out, text_block(arena, cut, cut.n));
	text_put(out, STR("\n"));
	if (cut.n < s.n)
		text_put(out, arena_printf(arena,
					   "(cut: the first %zu of %zu "
					   "bytes)\n",
					   cut.n, s.n));
	text_put(out, STR("\n"));
}

static void put_decision(struct buf *out, struct arena *arena,
			 const struct verdict *v)
{
	struct str ci = v->ci_id;

	if (v->ci_name.n)
		ci = arena_printf(arena, "%.*s (%.*s)", STR_ARG(ci),
				  STR_ARG(v->ci_name));
	put_line(out, arena, "Configuration item: ", ci, VALUE_CHARS);
	put_line(out, arena, "Environment: ", v->env, VALUE_CHARS);
	put_line(out, arena, "Decided by: ",
		 str_eq(v->where, v->policy)
			 ? v->policy
			 : arena_printf(arena, "%.*s (%.*s)",
					STR_ARG(v->policy), STR_ARG(v->where)),
		 VALUE_CHARS);
}

void builtin_description(struct buf *out, struct arena *arena,
			 const struct alarm *a, const struct verdict *v)
{
	put_own_text(out, arena, a);
	put_state(out, arena, a);
	put_line(out, arena, "Reason: ", a->reason, REASON_CHARS);
	put_line(out, arena, "Alarm: ", a->name, VALUE_CHARS);
	put_line(out, arena, a->key.n ? "Id: " : "Contributor: ",
		 a->contributor, VALUE_CHARS);
	put_line(out, arena, "Account: ", a->account, VALUE_CHARS);
	put_line(out, arena, "Region: ", a->region, VALUE_CHARS);
	put_metric(out, arena, a);
	put_line(out, arena, "Resource: ", a->resource_arn, VALUE_CHARS);
	/* Labels are both. */
	if (a->tags != a->dims)
		put_pairs(out, arena, "Tags: ", a->tags, a->tag_count);
	put_line(out, arena, "Suppressed in CloudWatch by: ", a->suppressed_by,
		 VALUE_CHARS);
	put_decision(out, arena, v);
	builtin_links(out, a, v);
}

static void put_link(struct buf *out, const char *label, struct str url)
{
	if (!url.n || str_find(buf_str(out), url) >= 0)
		return;
	if (out->n && out->p[out->n - 1] != '\n')
		text_put(out, STR("\n"));
	text_put(out, str_from(label));
	text_put(out, url);
	text_put(out, STR("\n"));
}

static bool lists(const struct json *actions, struct str topic)
{
	for (size_t i = 0; i < json_count(actions); i++)
		if (str_eq(json_str(json_item(actions, i)), topic))
			return true;
	return false;
}

/* Since 2022 a message names the alarm's actions. */
static bool never_says_ok(const struct alarm *a)
{
	const struct json *ok = json_get(a->payload, "OKActions");

	if (!str_is(str_from(a->source), "cloudwatch") ||
	    !json_is(ok, JSON_ARRAY))
		return false;
	if (!a->topic.n || json_count(ok) == 0)
		return json_count(ok) == 0;
	return lists(json_get(a->payload, "AlarmActions"), a->topic) &&
	       !lists(ok, a->topic);
}

void builtin_links(struct buf *out, const struct alarm *a,
		   const struct verdict *v)
{
	struct buf url = BUF_INIT(8192);

	if (never_says_ok(a)) {
		if (out->n && out->p[out->n - 1] != '\n')
			text_put(out, STR("\n"));
		text_put(out, STR("This alarm has no OK action: CloudWatch "
				  "sends no message when it is over.\n"));
	}
	put_link(out, "Runbook: ", v->runbook);
	alarm_put_console_url(&url, a);
	if (!buf_error(&url))
		put_link(out, str_find(buf_str(&url), STR("console")) >= 0 ?
				      "Console: " :
				      "Link: ",
			 buf_str(&url));
	buf_fini(&url);
}
