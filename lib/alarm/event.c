#include "alarm/event.h"

#include <errno.h>

#include "base/encode.h"

void outcome_tells(struct alarm *a)
{
	a->state = ALARM_OK;
	a->event = ALARM_NOTICE;
	if (str_is(a->state_text, "ALARM"))
		a->state_text = STR("OK");
}

static void apply(struct alarm *a, const struct outcome *o)
{
	a->state = o->state;
	a->event = o->event;
	if (o->severity && !a->severity.p)
		a->severity = str_from(o->severity);
}

void outcome_set(struct alarm *a, const struct outcome *list, struct str word)
{
	if (!word.n)
		return;
	a->state_text = field_cut(word, FIELD_WORD);
	a->state = ALARM_UNKNOWN;
	for (; list->word; list++) {
		if (!str_is_nocase(word, list->word))
			continue;
		apply(a, list);
		return;
	}
}

bool outcome_by_end(struct alarm *a, const struct outcome *list,
		    struct str text)
{
	for (; list->word; list++) {
		if (!str_ends(text, list->word))
			continue;
		apply(a, list);
		return true;
	}
	return false;
}

struct str severity_scale(struct str word)
{
	static const char *const scale[][2] = {
		{ "critical", "critical" },
		{ "emergency", "critical" },
		{ "fatal", "critical" },
		{ "disaster", "critical" },
		{ "page", "critical" },
		{ "p1", "critical" },
		{ "sev1", "critical" },
		{ "sev-1", "critical" },
		{ "1", "critical" },
		{ "high", "high" },
		{ "error", "high" },
		{ "major", "high" },
		{ "alert", "high" },
		{ "p2", "high" },
		{ "sev2", "high" },
		{ "sev-2", "high" },
		{ "2", "high" },
		{ "medium", "medium" },
		{ "moderate", "medium" },
		{ "warning", "medium" },
		{ "warn", "medium" },
		{ "average", "medium" },
		{ "ticket", "medium" },
		{ "p3", "medium" },
		{ "sev3", "medium" },
		{ "sev-3", "medium" },
		{ "3", "medium" },
		{ "low", "low" },
		{ "minor", "low" },
		{ "info", "low" },
		{ "informational", "low" },
		{ "information", "low" },
		{ "notice", "low" },
		{ "none", "low" },
		{ "debug", "low" },
		{ "p4", "low" },
		{ "p5", "low" },
		{ "sev4", "low" },
		{ "sev-4", "low" },
		{ "4", "low" },
		{ "5", "low" },
	};

	word = str_trim(word);
	for (size_t i = 0; i < sizeof(scale) / sizeof(scale[0]); i++)
		if (str_is_nocase(word, scale[i][0]))
			return str_from(scale[i][1]);
	return word.n ? word : STR_NONE;
}

struct str event_text(struct decoder *d, const struct json *v, size_t max,
		      const char *first, const char *second)
{
	return field_text(d, json_at(v, first, second, NULL), max);
}

struct str event_type(const struct json *root)
{
	return json_str(field_find(root, KEYS("detail-type", "detailType")));
}

const struct json *event_detail(const struct decoder *d)
{
	return json_get(d->root, "detail");
}

static struct str first_arn(struct decoder *d)
{
	const struct json *list = json_get(d->root, "resources");
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;
	struct str s;

	for (size_t i = 0; i < n && i < 8; i++) {
		s = field_text(d, json_item(list, i), 2 * FIELD_NAME);
		if (str_starts(s, "arn:"))
			return s;
	}
	return STR_NONE;
}

struct alarm *event_append(struct decoder *d)
{
	const struct json *r = d->root;
	struct alarm *a = alarm_append(d);
	struct str region;

	if (!a)
		return NULL;
	a->account = field_get(d, r, "account", FIELD_WORD);
	a->event_id = field_get(d, r, "id", FIELD_WORD);
	a->resource_arn = first_arn(d);
	field_set_time(a, json_get(r, "time"));
	region = field_get(d, r, "region", FIELD_WORD);
	if (str_is(region, "global"))
		a->region = region;
	alarm_complete(d, a, region);
	return a;
}

struct alarm *service_append(struct decoder *d)
{
	struct alarm *a = alarm_append(d);
	struct arn topic;

	if (!a || !arn_cut(&topic, a->topic))
		return a;
	a->account = topic.account.n ? topic.account : STR_NONE;
	a->region = region_looks(topic.region) ? topic.region : STR_NONE;
	return a;
}

int event_finish(struct decoder *d, struct alarm *a, const struct json *own)
{
	struct str source = str_from(a->source);

	if (!a->name.n)
		a->name = field_cut(event_type(d->root), FIELD_NAME);
	if (!a->name.n)
		a->name = str_from(a->kind);
	/* Many services call things alike; their incidents are apart. */
	if (!a->key.p && !str_is(source, "eventbridge"))
		a->contributor = a->contributor.n ? JOIN(d, source, STR(" "),
							 a->contributor)
						  : source;
	return alarm_classify(d, a, own);
}

void event_dim(struct decoder *d, struct alarm *a, const char *name,
	       struct str value)
{
	struct alarm_pair *list;

	if (!value.n || a->dim_count >= PAIRS_MAX ||
	    alarm_dim(a, str_from(name)).p)
		return;
	list = arena_array(d->arena, a->dim_count + 1, sizeof(*list));
	if (!list)
		return;
	if (a->dim_count)
		memcpy(list, a->dims, a->dim_count * sizeof(*list));
	list[a->dim_count++] =
		(struct alarm_pair){ str_from(name),
				     field_cut(value, FIELD_VALUE) };
	a->dims = list;
}

void event_resource(struct decoder *d, struct alarm *a, const char *namespace)
{
	struct str sent = a->resource_arn;

	a->namespace = str_from(namespace);
	metric_resource(d, a, STR_NONE);
	if (sent.p)
		a->resource_arn = sent;
}

void event_key(struct alarm *a, struct str id)
{
	if (!id.n)
		return;
	a->key = field_cut(id, FIELD_NAME);
	a->contributor = a->key;
}

void event_told(struct decoder *d, struct alarm *a)
{
	const struct json *time = json_get(d->root, "time");
	struct alarm when = { .time_ms = 0 };

	a->told_ms = d->in->sent_ms > 0 ? d->in->sent_ms : d->in->received_ms;
	if (event_type(d->root).n && field_set_time(&when, time))
		a->told_ms = when.time_ms;
}

void event_place(struct alarm *a, struct str account, struct str region)
{
	if (account.n)
		a->account = account;
	if (region_looks(region))
		a->region = region;
}

struct str arn_tail(struct str arn)
{
	for (size_t i = arn.n; i > 0; i--)
		if (arn.p[i - 1] == ':' || arn.p[i - 1] == '/')
			return str_sub(arn, i, arn.n - i);
	return arn;
}

struct str event_join(struct decoder *d, const struct str *parts, size_t n)
{
	return field_cut(field_join(d->arena, parts, n), FIELD_NAME);
}

static void put(struct buf *b, struct str s)
{
	size_t room = b->max > b->n + 1 ? b->max - b->n - 1 : 0;

	buf_put_str(b, s.n > room ? utf8_cut(s, room) : s);
}

void prose_text(struct buf *b, struct str paragraph)
{
	paragraph = str_trim(paragraph);
	if (!paragraph.n)
		return;
	put(b, paragraph);
	put(b, STR("\n"));
}

void prose_line(struct buf *b, const char *label, struct str value)
{
	value = str_trim(value);
	if (!value.n)
		return;
	put(b, str_from(label));
	put(b, STR(": "));
	prose_text(b, value);
}

void prose_field(struct buf *b, struct decoder *d, const char *label,
		 const struct json *v)
{
	if (json_is(v, JSON_STRING) || json_is(v, JSON_NUMBER) ||
	    json_is(v, JSON_BOOL))
		prose_line(b, label,
			   field_cut(json_text(v, d->arena), FIELD_VALUE));
}

struct str prose_take(struct decoder *d, struct buf *b)
{
	struct str s = STR_NONE;

	if (buf_error(b) == -ENOMEM)
		arena_alloc(d->arena, SIZE_MAX); /* makes it sticky */
	else if (b->n)
		s = arena_str(d->arena, str_trim(buf_str(b)));
	buf_fini(b);
	return s;
}
