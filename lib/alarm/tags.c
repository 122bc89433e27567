#include "alarm/recognise.h"

/* Where a payload's own fields stand: in it, or in EventBridge's and Lambda's
 * inner object. */
static bool tells(const struct json *payload, const char *key)
{
	static const char *const inner[] = { "detail", "alarmData" };

	if (json_get(payload, key))
		return true;
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
		if (json_get(json_get(payload, inner[i]), key))
			return true;
	return false;
}

/* A tag stands behind the payload's own field and before the description. */
void alarm_set_tags(struct alarm *a, const struct alarm_pair *tags,
		    size_t count)
{
	struct str severity, ci;

	a->tags = tags;
	a->tag_count = count;
	severity = severity_word(alarm_tag(a, STR("severity")));
	ci = str_trim(alarm_tag(a, STR("stackflow_ci_id")));
	if (severity.n && !tells(a->payload, "severity"))
		a->severity = severity;
	if (ci.n && !tells(a->payload, "stackflow_ci_id"))
		a->ci_id = ci;
}
