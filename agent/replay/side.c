#include "agent/replay/side.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/map.h"

#define ARENA_MAX (SIZE_MAX / 2)
#define STR_OF(x) ((struct str){ (const char *)&(x), sizeof(x) })

struct place {
	uint32_t at;			/* in alarms */
	struct side_alarm alarm;
};

/* Which opening an incident is. */
struct spot {
	struct side_alarm *alarm;
	size_t at;
};

struct side {
	struct arena *arena;
	struct map *places;		/* by account, region and name */
	struct map *spots;		/* by incident id */
	struct side_alarm **alarms;
	size_t alarm_count, alarm_cap;
	struct decided *events;
	size_t event_count, event_cap;
	int error;
};

static const uint8_t hash_key[16];

static uint64_t hash(struct str s)
{
	return s.n ? hash_sip(hash_key, s.p, s.n) : 0;
}

static uint32_t short_hash(struct str s)
{
	return s.n ? (uint32_t)hash(s) | 1 : 0;
}

struct side *side_new(void)
{
	struct side *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->arena = arena_new(ARENA_MAX);
	s->places = map_new();
	s->spots = map_new();
	if (!s->arena || !s->places || !s->spots) {
		side_free(s);
		return NULL;
	}
	return s;
}

void side_free(struct side *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->alarm_count; i++)
		free(s->alarms[i]->openings);
	free(s->alarms);
	free(s->events);
	map_free(s->places);
	map_free(s->spots);
	arena_free(s->arena);
	free(s);
}

/* Room for one more; NULL where there is none. */
static void *grow(void *list, size_t *cap, size_t count, size_t size)
{
	size_t more = *cap ? *cap * 2 : 16;
	void *to;

	if (count < *cap)
		return list;
	to = reallocarray(list, more, size);
	if (to)
		*cap = more;
	return to;
}

static struct str key_of(struct buf *out, struct str account,
			 struct str region, struct str name)
{
	buf_reset(out);
	buf_put_str(out, account);
	buf_putc(out, '\0');
	buf_put_str(out, region);
	buf_putc(out, '\0');
	buf_put_str(out, name);
	return buf_str(out);
}

static struct place *add_place(struct side *s, struct str key,
			       struct str account, struct str region,
			       struct str name)
{
	struct place *p = arena_alloc(s->arena, sizeof(*p));
	struct side_alarm **list = grow(s->alarms, &s->alarm_cap,
					s->alarm_count, sizeof(*list));

	if (list)
		s->alarms = list;
	if (!p || !list)
		return NULL;
	p->at = (uint32_t)s->alarm_count;
	p->alarm.account = arena_str(s->arena, account);
	p->alarm.region = arena_str(s->arena, region);
	p->alarm.alarm = arena_str(s->arena, name);
	if (arena_error(s->arena) || map_set(s->places, key, p) < 0)
		return NULL;
	s->alarms[s->alarm_count++] = &p->alarm;
	return p;
}

static struct place *place(struct side *s, struct str account,
			   struct str region, struct str name)
{
	struct buf b = BUF_INIT(1 << 20);
	struct str key = key_of(&b, account, region, name);
	struct place *p = map_get(s->places, key);

	if (!p)
		p = add_place(s, key, account, region, name);
	if (!p || buf_error(&b))
		s->error = -ENOMEM;
	buf_fini(&b);
	return s->error ? NULL : p;
}

/* Teams are few: kept once each time they change. */
static void set_team(struct side *s, struct side_alarm *a, struct str team)
{
	if (!str_eq(a->team, team) && team.n)
		a->team = arena_str(s->arena, team);
}

int side_event(struct side *s, const struct alarm *a, const struct handling *h)
{
	struct decided *list = grow(s->events, &s->event_cap, s->event_count,
				    sizeof(*list));
	struct place *p = place(s, a->account, a->region, a->name);
	const struct verdict *v = &h->verdict;
	struct decided *d;

	if (list)
		s->events = list;
	if (!list || !p)
		return s->error = -ENOMEM;
	d = &list[s->event_count++];
	*d = (struct decided){ .alarm = p->at,
			       .action = (uint8_t)h->change.action,
			       .priority = (uint8_t)v->priority,
			       .team = short_hash(v->team) };
	/* Without one it waits for open_after. */
	if (h->change.action == ACTION_HOLD && v->hold.kind != HOLD_NONE) {
		d->hold = short_hash(v->hold.id);
		p->alarm.counts.held++;
	}
	set_team(s, &p->alarm, v->team);
	return arena_error(s->arena);
}

/* Past what follows a marked place in a JSON string's text, up to its line's
 * end. */
static struct str skip_line(struct str s)
{
	ssize_t end = str_find(s, STR("\\n"));

	return end < 0 ? STR("") : str_sub(s, (size_t)end,
					   s.n - (size_t)end);
}

uint64_t side_text_hash(struct str fields)
{
	static const char *const ends[] = { "\\nPrevious incident: ",
					    "\\ntocsin-event: ",
					    "\\ntocsin-ref: " };
	const struct str priority = STR("\",\"priority\":\"P");
	const struct str by = STR("\\nDecided by: ");
	uint64_t parts[3] = { 0 };
	ssize_t at;

	/* They stand at the description's end, which is the last field. */
	for (size_t i = 0; i < 3; i++) {
		at = str_find(fields, str_from(ends[i]));
		if (at >= 0)
			fields.n = (size_t)at;
	}
	at = str_find(fields, priority);
	if (at >= 0) {
		size_t from = (size_t)at + priority.n + 1;

		parts[0] = hash(str_sub(fields, 0, (size_t)at));
		fields = from < fields.n ?
				 str_sub(fields, from, fields.n - from) :
				 STR("");
	}
	at = str_find(fields, by);
	if (at >= 0) {
		parts[1] = hash(str_sub(fields, 0, (size_t)at));
		fields = skip_line(str_sub(fields, (size_t)at + by.n,
					   fields.n - (size_t)at - by.n));
	}
	parts[2] = hash(fields);
	return hash(STR_OF(parts));
}

static struct side_alarm *alarm_of(struct side *s, const struct incident *i)
{
	struct place *p = i->parent ?
		place(s, STR(""), STR(""), i->key) :
		place(s, i->account, i->region, i->alarm);

	if (!p)
		return NULL;
	set_team(s, &p->alarm, i->team);
	return &p->alarm;
}

static void note_priority(struct side_alarm *a, struct opening *o, int priority)
{
	if (priority < 1 || priority > 4)
		return;
	if (o->priority)
		a->counts.by_priority[o->priority]--;
	if (!o->priority || priority < o->priority)
		o->priority = priority;
	a->counts.by_priority[o->priority]++;
}

static void opened(struct side *s, struct side_alarm *a,
		   const struct memory_action *what, const struct incident *i,
		   struct str fields)
{
	struct opening *list = grow(a->openings, &a->opening_cap,
				    a->opening_count, sizeof(*list));
	struct spot *spot = arena_alloc(s->arena, sizeof(*spot));

	if (list)
		a->openings = list;
	if (!list || !spot) {
		s->error = -ENOMEM;
		return;
	}
	*spot = (struct spot){ a, a->opening_count };
	list[a->opening_count] = (struct opening){
		.opened_ms = what->at_ms,
		.group = hash(i->assignment_group),
		.ci = hash(i->ci_id),
		.text = side_text_hash(fields),
	};
	note_priority(a, &list[a->opening_count], i->priority);
	a->opening_count++;
	a->counts.incidents++;
	if (map_set(s->spots, STR_OF(what->incident), spot) < 0)
		s->error = -ENOMEM;
}

void side_tell(struct side *s, const struct memory_action *what,
	       const struct incident *i, struct str fields)
{
	struct spot *spot = map_get(s->spots, STR_OF(what->incident));
	struct side_alarm *a = spot ? spot->alarm : alarm_of(s, i);
	struct opening *o = spot ? &a->openings[spot->at] : NULL;

	if (!a)
		return;
	switch (what->action) {
	case ACTION_CREATE:
		opened(s, a, what, i, fields);
		break;
	case ACTION_NOTE:
		a->counts.notes++;
		break;
	case ACTION_RESOLVE:
		a->counts.resolved++;
		if (o)
			o->ended_ms = what->at_ms;
		break;
	case ACTION_REOPEN:
		a->counts.reopened++;
		if (o)
			o->ended_ms = 0;
		break;
	case ACTION_RAISE:
		a->counts.raised++;
		if (o)
			note_priority(a, o, i->priority);
		break;
	default:
		break;
	}
	if (arena_error(s->arena))
		s->error = -ENOMEM;
}

int side_error(const struct side *s)
{
	return s->error;
}

size_t side_alarms(const struct side *s)
{
	return s->alarm_count;
}

const struct side_alarm *side_alarm_at(const struct side *s, size_t i)
{
	return s->alarms[i];
}

const struct side_alarm *side_alarm_of(const struct side *s,
				       const struct side_alarm *same)
{
	struct buf b = BUF_INIT(1 << 20);
	struct place *p = map_get(s->places, key_of(&b, same->account,
						    same->region,
						    same->alarm));

	buf_fini(&b);
	return p ? &p->alarm : NULL;
}

size_t side_events(const struct side *s)
{
	return s->event_count;
}

const struct decided *side_decided(const struct side *s, size_t i)
{
	return &s->events[i];
}
