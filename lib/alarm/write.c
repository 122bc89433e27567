#include "alarm/alarm.h"

#include "doc/jsonw.h"

static void put_pairs(struct jsonw *w, const char *key,
		      const struct alarm_pair *list, size_t count)
{
	jsonw_key(w, key);
	jsonw_object(w);
	for (size_t i = 0; i < count; i++) {
		jsonw_key_str(w, list[i].name);
		jsonw_str(w, list[i].value);
	}
	jsonw_end_object(w);
}

static struct str state_text(const struct alarm *a)
{
	if (a->state == ALARM_UNKNOWN && a->state_text.n)
		return a->state_text;
	return str_from(alarm_state_name(a->state));
}

void alarm_write(struct jsonw *w, const struct alarm *a)
{
	jsonw_object(w);
	jsonw_kcstr(w, "source", a->source);
	jsonw_kcstr(w, "kind", a->kind);
	jsonw_kstr(w, "state", state_text(a));
	jsonw_kcstr(w, "previous_state",
		    a->previous_state == ALARM_NONE
			    ? NULL
			    : alarm_state_name(a->previous_state));
	jsonw_kstr(w, "account", a->account);
	jsonw_kstr(w, "region", a->region);
	jsonw_kstr(w, "alarm", a->name);
	jsonw_kstr(w, "arn", a->arn);
	jsonw_ktime(w, "time", a->time_ms);
	jsonw_kstr(w, "namespace", a->namespace);
	jsonw_kstr(w, "metric", a->metric);
	put_pairs(w, "dim", a->dims, a->dim_count);
	put_pairs(w, "tag", a->tags, a->tag_count);
	jsonw_kstr(w, "severity", a->severity);
	jsonw_kstr(w, "ci_id", a->ci_id);
	jsonw_kstr(w, "contributor", a->contributor);
	jsonw_kstr(w, "description", a->description);
	jsonw_kstr(w, "reason", a->reason);
	jsonw_kstr(w, "resource_arn", a->resource_arn);
	jsonw_kstr(w, "subject", a->subject);
	jsonw_kstr(w, "topic", a->topic);
	jsonw_kstr(w, "suppressed_by", a->suppressed_by);
	jsonw_end_object(w);
}
