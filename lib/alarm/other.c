/*
 * What no recogniser knows: JSON and text. It must still become an incident,
 * so subject and message are kept whole and the state is ALARM.
 */
#include "alarm/recognise.h"

#define NAME_CUT 100

/* The first line that isn't blank. */
static struct str first_line(struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n)
			return field_cut(line, NAME_CUT);
	}
	return STR("(empty message)");
}

static struct alarm *append(struct decoder *d)
{
	struct alarm *a = alarm_append(d);
	struct str subject;
	struct arn topic;

	if (!a)
		return NULL;
	subject = str_trim(d->in->subject);
	a->name = subject.n ? field_cut(subject, FIELD_NAME) : STR_NONE;
	a->description = a->raw.n ? a->raw : STR_NONE;
	if (arn_cut(&topic, a->topic)) {
		a->account = topic.account.n ? topic.account : STR_NONE;
		a->region =
			region_looks(topic.region) ? topic.region : STR_NONE;
	}
	return a;
}

int text_decode(struct decoder *d)
{
	struct alarm *a = append(d);

	if (!a)
		return arena_error(d->arena);
	if (!a->name.p)
		a->name = first_line(a->raw);
	return alarm_classify(d, a, NULL);
}

/* What the document calls itself, else its beginning without line breaks. */
static struct str json_name(struct decoder *d)
{
	struct str s;
	struct str title = json_str(
		field_find(d->root, KEYS("title", "Title", "name", "Name")));

	title = str_trim(title);
	if (title.n)
		return field_cut(title, FIELD_NAME);
	s = first_line(json_text(d->root, d->arena));
	return s;
}

int json_decode(struct decoder *d)
{
	struct alarm *a = append(d);

	if (!a)
		return arena_error(d->arena);
	if (!a->name.p)
		a->name = json_name(d);
	return alarm_classify(d, a, d->root);
}
