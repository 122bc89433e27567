#include "alarm/recognise.h"

#include <errno.h>

struct str severity_word(struct str s)
{
	static const char *const words[] = { "critical", "high", "medium",
					     "low" };

	s = str_trim(s);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is_nocase(s, words[i]))
			return str_from(words[i]);
	return s.n ? s : STR_NONE;
}

static void set_severity(struct alarm *a, struct str s)
{
	if (!a->severity.p)
		a->severity = severity_word(s);
}

static void set_ci(struct alarm *a, struct str s)
{
	s = str_trim(s);
	if (!a->ci_id.p && s.n)
		a->ci_id = s;
}

static void take_fields(struct decoder *d, struct alarm *a,
			const struct json *v)
{
	set_severity(a, field_get(d, v, "severity", FIELD_WORD));
	set_ci(a, field_get(d, v, "stackflow_ci_id", FIELD_WORD));
}

static void take_lines(struct alarm *a, struct str text)
{
	struct str line, key;

	while (!(a->severity.p && a->ci_id.p) && str_cut(&text, '\n', &line)) {
		if (!str_cut(&line, ':', &key))
			continue;
		key = str_trim(key);
		line = str_trim(line);
		if (line.n > FIELD_WORD)
			continue;
		if (str_is_nocase(key, "severity"))
			set_severity(a, line);
		else if (str_is_nocase(key, "stackflow_ci_id"))
			set_ci(a, line);
	}
}

/* AlarmDescription: a JSON object, or lines of their own. */
static int take_description(struct decoder *d, struct alarm *a)
{
	struct str text = str_trim(a->description);
	struct json *v = NULL;
	int rc;

	if (!str_starts(text, "{")) {
		take_lines(a, text);
		return 0;
	}
	rc = json_parse(&v, text, 0, NULL);
	if (rc == -ENOMEM)
		return rc;
	if (rc) {
		take_lines(a, text);
		return 0;
	}
	take_fields(d, a, v);
	a->severity = arena_str(d->arena, a->severity);
	a->ci_id = arena_str(d->arena, a->ci_id);
	json_free(v);
	return 0;
}

int alarm_classify(struct decoder *d, struct alarm *a, const struct json *own)
{
	const char *const *keys =
		KEYS("AlarmTags", "alarmTags", "Tags", "tags");
	const struct json *tags = field_find(own, keys);
	bool whole = a->description.p == a->raw.p && d->root;

	take_fields(d, a, own);
	if (!tags && own != d->root)
		tags = field_find(d->root, keys);
	field_pairs(d, &a->tags, &a->tag_count, tags);
	set_severity(a, alarm_tag(a, STR("severity")));
	set_ci(a, alarm_tag(a, STR("stackflow_ci_id")));
	/* Where the description is the message itself it was read above. */
	if (a->description.n && !whole && !(a->severity.p && a->ci_id.p) &&
	    take_description(d, a))
		return -ENOMEM;
	return arena_error(d->arena);
}
