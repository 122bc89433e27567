/* Grafana's alerting before version 9: one message a rule. */
#include "alarm/event.h"

bool grafana_legacy_is(const struct json *root)
{
	return json_get_str(root, "ruleName").n &&
	       json_get_str(root, "state").n;
}

static void put_matches(struct decoder *d, struct alarm *a, struct buf *b)
{
	const struct json *list = json_get(d->root, "evalMatches"), *m;
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;

	for (size_t i = 0; i < n && i < 20; i++) {
		m = json_item(list, i);
		prose_line(b, "Value",
			   JOIN(d, field_get(d, m, "metric", FIELD_NAME),
				STR(" = "),
				field_get(d, m, "value", FIELD_WORD)));
	}
	if (n) {
		m = json_item(list, 0);
		a->metric = field_get(d, m, "metric", FIELD_NAME);
		field_pairs(d, &a->dims, &a->dim_count, json_get(m, "tags"));
	}
}

int grafana_legacy_decode(struct decoder *d)
{
	static const struct outcome states[] = {
		OPENS("alerting", NULL),
		RESOLVES("ok"),
		TELLS("paused"),
		TELLS("pending"),
		{ "no_data", ALARM_INSUFFICIENT, ALARM_CHANGED, NULL },
		OUTCOMES_END
	};
	const struct json *r = d->root;
	struct alarm *a = service_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, r, "ruleName", FIELD_NAME);
	a->contributor = field_get(d, r, "ruleId", FIELD_WORD);
	outcome_set(a, states, field_get(d, r, "state", FIELD_WORD));
	field_pairs(d, &a->tags, &a->tag_count, json_get(r, "tags"));
	a->severity = severity_scale(alarm_tag(a, STR("severity")));
	a->reason = field_get(d, r, "message", FIELD_VALUE);
	a->title = JOIN(d, STR("Grafana: "), a->name);
	prose_text(&b, field_get(d, r, "title", FIELD_VALUE));
	prose_text(&b, field_get(d, r, "message", PROSE_MAX));
	put_matches(d, a, &b);
	prose_field(&b, d, "Picture", json_get(r, "imageUrl"));
	a->description = prose_take(d, &b);
	a->url = field_get(d, r, "ruleUrl", FIELD_VALUE);
	return event_finish(d, a, NULL);
}
