/* Events: what comes in, when, and what differs from its sample. */
#include "agent/ruletest/internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/encode.h"

struct spec {
	int64_t at_ms, late_ms;
	const struct yaml *sample, *payload, *repeat, *state, *severity, *set;
};

static void read_node(struct loader *l, const struct yaml *v, void *to)
{
	(void)l;
	*(const struct yaml **)to = v;
}

#define NODE(name, member)                                                     \
	{                                                                      \
		name, read_node, offsetof(struct spec, member)                 \
	}
const struct key test_event_keys[] = {
	{ "at", test_read_span, offsetof(struct spec, at_ms) },
	{ "late", test_read_span, offsetof(struct spec, late_ms) },
	NODE("sample", sample),
	NODE("alarm", payload),
	NODE("repeat_of", repeat),
	NODE("state", state),
	NODE("severity", severity),
	NODE("set", set),
	{ NULL, NULL, 0 },
};
#undef NODE

/* ---- overrides ---- */

static const struct {
	const char *name;
	size_t offset;
} texts[] = {
#define TEXT(name, member)                                                     \
	{                                                                      \
		name, offsetof(struct alarm, member)                           \
	}
	TEXT("account", account),
	TEXT("region", region),
	TEXT("alarm", name),
	TEXT("arn", arn),
	TEXT("namespace", namespace),
	TEXT("metric", metric),
	TEXT("ci_id", ci_id),
	TEXT("contributor", contributor),
	TEXT("description", description),
	TEXT("reason", reason),
	TEXT("resource_arn", resource_arn),
	TEXT("subject", subject),
	TEXT("topic", topic),
	TEXT("severity", severity),
#undef TEXT
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static struct str *text_of(struct alarm *a, struct str name)
{
	for (size_t i = 0; i < TEXTS; i++)
		if (str_is(name, texts[i].name))
			return (struct str *)((char *)a + texts[i].offset);
	return NULL;
}

static int state_of(struct loader *l, const struct yaml *v)
{
	static const char *const words[] = { "ALARM", "OK", "INSUFFICIENT_DATA",
					     "UNKNOWN", NULL };
	static const int states[] = { ALARM_FIRING, ALARM_OK,
				      ALARM_INSUFFICIENT, ALARM_UNKNOWN };
	int i = load_word(l, v, words);

	return i < 0 ? i : states[i];
}

static void set_state(struct alarm *a, enum alarm_state state, struct str word)
{
	if (a->state != state)
		a->previous_state = a->state;
	a->state = state;
	a->state_text = word;
	a->event = ALARM_CHANGED;
}

/* The list with one pair more, or one changed. */
static bool set_pair(struct loader *l, const struct alarm_pair **list,
		     size_t *count, struct str name, struct str value)
{
	struct alarm_pair *fresh =
		arena_array(l->arena, *count + 1, sizeof(*fresh));
	size_t i = 0;

	if (!fresh)
		return false;
	if (*count)
		memcpy(fresh, *list, *count * sizeof(*fresh));
	while (i < *count && !str_eq(fresh[i].name, name))
		i++;
	fresh[i] = (struct alarm_pair){ name, value };
	*count += i == *count;
	*list = fresh;
	return true;
}

static struct str behind(struct str s, size_t n)
{
	return str_sub(s, n, s.n - n);
}

static void set_one(struct loader *l, struct alarm *a, const struct yaml *v)
{
	struct str value = v->type == YAML_NULL ? STR_NONE : v->text;
	struct str *text = text_of(a, v->key);

	if (text) {
		*text = value;
	} else if (str_is(v->key, "threshold")) {
		a->has_threshold = yaml_double(&a->threshold, v) == 0;
	} else if (str_starts(v->key, "dim.")) {
		set_pair(l, &a->dims, &a->dim_count, behind(v->key, 4), value);
	} else if (str_starts(v->key, "tag.")) {
		const struct alarm_pair *tags = a->tags;
		size_t count = a->tag_count;

		/* As if they had been looked up: severity and CI follow. */
		if (set_pair(l, &tags, &count, behind(v->key, 4), value))
			alarm_set_tags(a, tags, count);
	}
}

/* The ARN names place and alarm, and is what an alarm is known by. */
static void move_arn(struct loader *l, struct alarm *a,
		     const struct alarm *before)
{
	ssize_t at = str_find(a->arn, STR(":alarm:"));
	struct str partition;

	if (!str_eq(a->arn, before->arn) || at < 0 ||
	    !str_eq(behind(a->arn, (size_t)at + 7), before->name) ||
	    (str_eq(a->name, before->name) &&
	     str_eq(a->account, before->account) &&
	     str_eq(a->region, before->region)))
		return;
	partition = behind(a->arn, 4);
	at = str_find_char(partition, ':');
	partition.n = at < 0 ? partition.n : (size_t)at;
	a->arn = arena_printf(l->arena,
			      "arn:%.*s:cloudwatch:%.*s:%.*s:alarm:%.*s",
			      STR_ARG(partition), STR_ARG(a->region),
			      STR_ARG(a->account), STR_ARG(a->name));
}

static void override(struct loader *l, struct alarm *a, const struct spec *s,
		     int state)
{
	const struct alarm before = *a;

	for (const struct yaml *v = s->set ? s->set->child : NULL; v;
	     v = v->next)
		set_one(l, a, v);
	move_arn(l, a, &before);
	if (state >= 0)
		set_state(a, (enum alarm_state)state, s->state->text);
	if (s->severity)
		a->severity = s->severity->text;
}

static void unknown_field(struct loader *l, const struct yaml *v)
{
	const char *names[TEXTS + 2], *near;
	size_t n = 0;

	for (size_t i = 0; i < TEXTS; i++)
		names[n++] = texts[i].name;
	names[n++] = "threshold";
	names[n] = NULL;
	near = fault_nearest(v->key, names);
	load_error_key(l, v, "unknown-key",
		       "`set` can't set `%.*s`%s%s%s: it takes fields of the "
		       "alarm, dim.NAME and tag.NAME",
		       STR_ARG(utf8_cut(v->key, 60)),
		       near ? ", did you mean `" : "", near ? near : "",
		       near ? "`?" : "");
}

static void check_set(struct loader *l, const struct yaml *set)
{
	struct alarm none = { 0 };
	double number;

	if (!load_is(l, set, YAML_MAP))
		return;
	for (const struct yaml *v = set->child; v; v = v->next) {
		bool number_wanted = str_is(v->key, "threshold");

		if (!number_wanted && !text_of(&none, v->key) &&
		    (v->key.n <= 4 || (!str_starts(v->key, "dim.") &&
				       !str_starts(v->key, "tag."))))
			unknown_field(l, v);
		else if (v->type != YAML_NULL && load_is(l, v, YAML_SCALAR) &&
			 number_wanted && yaml_double(&number, v))
			load_error(l, v, "bad-value",
				   "`threshold` takes a number");
	}
}

/* ---- reading ---- */

static void read_repeat(struct test_reader *r, struct test_event *e,
			const struct spec *s)
{
	const struct yaml *v = s->repeat;
	int64_t n;

	if (s->state || s->severity || s->set || s->late_ms)
		load_error(&r->l, v, "repeat",
			   "the same message comes a second time: beside "
			   "`repeat_of` stands `at` alone");
	if (yaml_int(&n, v) || n < 1 || (size_t)n > e->index) {
		load_error(&r->l, v, "bad-value",
			   "`repeat_of` takes the number of an event before "
			   "this one, counted from 1");
		return;
	}
	/* Whom it repeats in the end; its alarms are worked out later. */
	e->known = true;
	e->index =
		r->events[n - 1].known ? r->events[n - 1].index : (size_t)n - 1;
	e->count = r->events[e->index].count;
}

static void take_alarms(struct test_reader *r, struct test_event *e,
			const struct spec *s, int state)
{
	struct alarm *list =
		arena_array(r->l.arena, e->sample->alarms + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && i < e->sample->count; i++)
		for (size_t k = 0; k < e->sample->messages[i].count; k++) {
			list[n] = e->sample->messages[i].list[k];
			override(&r->l, &list[n++], s, state);
		}
	e->alarms = list;
	e->count = n;
}

static void read_source(struct test_reader *r, struct test_event *e,
			const struct spec *s)
{
	static const char *const severities[] = { "critical", "high", "medium",
						  "low", NULL };
	int state = s->state ? state_of(&r->l, s->state) : -1;

	if (s->severity)
		load_word(&r->l, s->severity, severities);
	if (s->set)
		check_set(&r->l, s->set);
	e->sample = s->sample ? test_sample(r, s->sample)
			      : test_payload(r, s->payload);
	if (e->sample)
		take_alarms(r, e, s, state);
}

static void read_event(struct loader *l, const struct yaml *v, void *to)
{
	struct test_reader *r = test_reader(l);
	struct test_event *e = to;
	struct spec s = { 0 };
	int sources;

	*e = (struct test_event){ .from = v, .index = r->event_count++ };
	/* The list's beginning, for those that come before this one. */
	r->events = e - e->index;
	load_keys(l, v, test_event_keys, &s);
	e->at_ms = s.at_ms;
	e->arrives_ms = s.at_ms + s.late_ms;
	if (v->type != YAML_MAP)
		return;
	sources = !!s.sample + !!s.payload + !!s.repeat;
	if (sources != 1)
		load_error(l, v, sources ? "conflict" : "missing-key",
			   "an event has one of `sample`, `alarm` and "
			   "`repeat_of`");
	else if (s.repeat)
		read_repeat(r, e, &s);
	else
		read_source(r, e, &s);
}

void test_read_events(struct loader *l, const struct yaml *v, void *to)
{
	struct test_reader *r = test_reader(l);
	size_t count = 0, alarms = 0;

	(void)to;
	r->event_count = 0;
	r->events = test_read_list(l, v, sizeof(*r->events), &count,
				   TEST_EVENTS_MAX, read_event);
	for (size_t i = 0; i < count; i++)
		alarms += r->events[i].count;
	if (v->type == YAML_LIST && !v->count)
		load_error(l, v, "bad-value", "no event: nothing happens");
	if (alarms > TEST_EVENTS_MAX)
		load_error(l, v, "limit", "more than %d alarms in one test",
			   TEST_EVENTS_MAX);
}

/* ---- times ---- */

static const struct alarm_input *input_of(const struct sample *s, size_t n,
					  size_t *position)
{
	size_t i = 0;

	while (n >= s->messages[i].count)
		n -= s->messages[i++].count;
	*position = n;
	return &s->inputs[i];
}

/* Do intake's identities of both deliveries agree? */
static bool same_identity(const struct test_event *e, size_t n,
			  const struct alarm *first, const struct alarm *again)
{
	struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
	size_t position;
	const struct alarm_input *in = input_of(e->sample, n, &position);
	bool same = alarm_identity(&a, first, in, position) == 0 &&
		    alarm_identity(&b, again, in, position) == 0 &&
		    str_eq(buf_str(&a), buf_str(&b));

	buf_fini(&a);
	buf_fini(&b);
	return same;
}

/*
 * A second delivery tells the same time; who names only the time of telling,
 * or none at all, tells another.
 */
static void finish_repeat(struct test_reader *r, struct test_event *e)
{
	const struct test_event *first = &r->events[e->index];
	struct alarm *list;

	e->sample = first->sample;
	list = arena_array(r->l.arena, first->count, sizeof(*list));
	for (size_t i = 0; list && i < first->count; i++) {
		struct alarm *a = &list[e->count];

		*a = first->alarms[i];
		if (a->told_ms)
			a->told_ms = e->at_ms;
		if (!a->own_time)
			a->time_ms = e->at_ms;
		e->count += !same_identity(e, i, &first->alarms[i], a);
	}
	e->alarms = list;
	e->known = !e->count;
}

static void set_times(struct test_event *e)
{
	for (size_t i = 0; i < e->count; i++) {
		/* They are this event's own, see take_alarms(). */
		struct alarm *a = (struct alarm *)&e->alarms[i];

		a->time_ms = e->at_ms;
		if (a->told_ms)
			a->told_ms = e->at_ms;
	}
}

static int by_arrival(const void *a, const void *b)
{
	const struct test_event *x = a, *y = b;

	if (x->arrives_ms != y->arrives_ms)
		return x->arrives_ms < y->arrives_ms ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

void test_finish_events(struct test_reader *r)
{
	struct test *t = r->test;

	for (size_t i = 0; i < r->event_count; i++) {
		struct test_event *e = &r->events[i];
		bool repeat = e->known;

		e->at_ms += t->clock_ms;
		e->arrives_ms += t->clock_ms;
		if (repeat) {
			e->count = 0;
			finish_repeat(r, e);
		} else {
			set_times(e);
		}
		e->index = i;
	}
	t->events = r->events;
	t->event_count = r->event_count;
	if (t->event_count)
		qsort(t->events, t->event_count, sizeof(*t->events),
		      by_arrival);
}
