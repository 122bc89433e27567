#include "alarm/recognise.h"

#include "base/clock.h"
#include "base/encode.h"

const struct json *field_find(const struct json *v, const char *const *keys)
{
	const struct json *found;

	for (; *keys; keys++) {
		found = json_get(v, *keys);
		if (found)
			return found;
	}
	return NULL;
}

struct str field_cut(struct str s, size_t max)
{
	struct str cut = utf8_cut(s, max);

	return s.n <= max || cut.n + 4 > max ? cut : str_sub(s, 0, max);
}

#define LINE_CUT 100

struct str field_first_line(struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n)
			return field_cut(line, LINE_CUT);
	}
	return STR("(empty message)");
}

struct str field_text(struct decoder *d, const struct json *v, size_t max)
{
	struct str s = json_str(v);

	if (!s.p && json_is(v, JSON_NUMBER))
		s = json_text(v, d->arena);
	return s.n ? field_cut(s, max) : STR_NONE;
}

struct str field_get(struct decoder *d, const struct json *v, const char *key,
		     size_t max)
{
	return field_text(d, json_get(v, key), max);
}

struct str field_any(struct decoder *d, const struct json *v, size_t max,
		     const char *const *keys)
{
	return field_text(d, field_find(v, keys), max);
}

struct str field_join(struct arena *arena, const struct str *parts, size_t n)
{
	size_t sum = 0, at = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].n;
	p = arena_alloc(arena, sum + 1);
	if (!p)
		return STR_NONE;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(p + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return (struct str){ p, sum };
}

struct pairs {
	struct alarm_pair *list;
	size_t count, cap;
};

static void pairs_put(struct decoder *d, struct pairs *p, struct str name,
		      const struct json *v)
{
	struct str value;

	if (p->count == p->cap || !name.n || json_is(v, JSON_NULL) ||
	    json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT))
		return;
	/* It becomes a key of strict JSON, where NUL has no place. */
	if (str_find_char(name, '\0') >= 0)
		return;
	name = field_cut(name, FIELD_NAME);
	for (size_t i = 0; i < p->count; i++)
		if (str_eq(p->list[i].name, name))
			return;
	value = json_text(v, d->arena);
	if (!value.p)
		return;
	p->list[p->count++] =
		(struct alarm_pair){ name, field_cut(value, FIELD_VALUE) };
}

void field_pairs(struct decoder *d, const struct alarm_pair **list,
		 size_t *count, const struct json *v)
{
	struct pairs p = { NULL, *count, *count };
	size_t n = json_count(v);
	const struct json *value;
	void *at = NULL;
	struct str name;

	if (n == 0 || *count >= PAIRS_MAX)
		return;
	p.cap += n < PAIRS_MAX - *count ? n : PAIRS_MAX - *count;
	p.list = arena_array(d->arena, p.cap, sizeof(*p.list));
	if (!p.list)
		return;
	if (*count)
		memcpy(p.list, *list, *count * sizeof(*p.list));
	if (json_is(v, JSON_OBJECT)) {
		while (json_next(v, &at, &name, &value))
			pairs_put(d, &p, name, value);
	} else {
		for (size_t i = 0; i < n; i++) {
			value = json_item(v, i);
			name = json_str(field_find(
				value, KEYS("name", "Name", "key", "Key")));
			pairs_put(d, &p, name,
				  field_find(value, KEYS("value", "Value")));
		}
	}
	*list = p.list;
	*count = p.count;
}

enum alarm_state field_state(struct str word)
{
	if (str_is(word, "ALARM"))
		return ALARM_FIRING;
	if (str_is(word, "OK"))
		return ALARM_OK;
	if (str_is(word, "INSUFFICIENT_DATA"))
		return ALARM_INSUFFICIENT;
	return ALARM_UNKNOWN;
}

void field_set_state(struct decoder *d, struct alarm *a, const struct json *v)
{
	a->state_text = field_text(d, v, FIELD_WORD);
	a->state = field_state(a->state_text);
}

void field_set_contributor(struct decoder *d, struct alarm *a,
			   const struct json *id, const struct json *attributes,
			   const struct json *whole)
{
	struct str text = field_text(d, id, FIELD_NAME);

	if (!text.p)
		text = json_text(attributes ? attributes : whole, d->arena);
	a->contributor = field_cut(text, FIELD_NAME);
	field_pairs(d, &a->dims, &a->dim_count, attributes);
}

/* 9999-12-31T23:59:59.999Z, the last moment that can be written. */
#define TIME_MAX_MS INT64_C(253402300799999)

static bool set_ms(struct alarm *a, int64_t ms)
{
	if (ms <= 0 || ms > TIME_MAX_MS)
		return false;
	a->time_ms = ms;
	a->own_time = true;
	return true;
}

bool field_set_date(struct alarm *a, struct str text)
{
	int64_t ms = 0;

	text = str_trim(text);
	if (clock_parse(&ms, text) && when_parse(&ms, text))
		return false;
	return set_ms(a, ms);
}

bool field_set_time(struct alarm *a, const struct json *v)
{
	double n;

	if (!json_is(v, JSON_NUMBER))
		return field_set_date(a, json_str(v));
	/* As seconds 1e11 is the year 5138; as milliseconds 1973. */
	n = json_double(v, 0);
	n = n < 1e11 ? n * 1000 : n;
	return n >= 1 && n <= (double)TIME_MAX_MS && set_ms(a, (int64_t)n);
}
