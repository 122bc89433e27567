#include "agent/ci.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "doc/json.h"
#include "stackflow/stackflow.h"

#define ENTRIES_MAX 10000
#define FOUND_MS (5 * 60 * 1000)
#define NONE_MS (60 * 1000)
#define FAILED_MS (15 * 1000)
#define FIELDS_MAX 32

struct entry {
	enum ci_answer answer;
	bool asked;		/* waits in the queue or is under way */
	int64_t expires_ms;	/* monotonic */
	struct arena *arena;	/* holds ci */
	struct ci ci;
	struct entry *next;	/* queue */
	struct str key;		/* field, newline, value */
	char text[];
};

struct cis {
	pthread_mutex_t lock;
	struct map *map;
	struct entry *first, **last;
};

struct cis *cis_new(void)
{
	struct cis *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->map = map_new();
	if (!c->map) {
		free(c);
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	c->last = &c->first;
	return c;
}

static void entry_free(struct entry *e)
{
	arena_free(e->arena);
	free(e);
}

void cis_free(struct cis *c)
{
	struct str key;
	size_t at = 0;
	void *e;

	if (!c)
		return;
	while (map_next(c->map, &at, &key, &e))
		entry_free(e);
	map_free(c->map);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Make room by dropping what has expired; under a flood, anything idle. */
static void evict(struct cis *c, int64_t now_ms)
{
	struct str key;
	size_t at = 0, dropped = 0;
	void *v;

	while (map_next(c->map, &at, &key, &v)) {
		struct entry *e = v;

		if (e->asked || (e->expires_ms > now_ms && dropped > 100))
			continue;
		map_remove(c->map, key);
		entry_free(e);
		dropped++;
	}
}

static struct entry *entry_new(struct cis *c, struct str key, int64_t now_ms)
{
	struct entry *e;

	if (map_count(c->map) >= ENTRIES_MAX)
		evict(c, now_ms);
	if (map_count(c->map) >= ENTRIES_MAX)
		return NULL;
	e = calloc(1, sizeof(*e) + key.n + 1);
	if (!e)
		return NULL;
	memcpy(e->text, key.p, key.n);
	e->key = (struct str){ e->text, key.n };
	e->answer = CI_PENDING;
	if (map_set(c->map, e->key, e) < 0) {
		free(e);
		return NULL;
	}
	return e;
}

static void copy_ci(struct ci *out, struct arena *arena, const struct ci *from)
{
	struct field *fields = arena_array(arena, from->field_count,
					   sizeof(*fields));

	out->id = arena_str(arena, from->id);
	out->name = arena_str(arena, from->name);
	out->fields = fields;
	out->field_count = fields ? from->field_count : 0;
	for (size_t i = 0; i < out->field_count; i++) {
		fields[i].name = arena_str(arena, from->fields[i].name);
		fields[i].value = arena_str(arena, from->fields[i].value);
	}
}

enum ci_answer cis_find(struct ci *out, struct arena *arena, struct str field,
			struct str value, void *arg)
{
	struct str key = arena_printf(arena, "%.*s\n%.*s", STR_ARG(field),
				      STR_ARG(value));
	int64_t now = clock_mono_ms();
	enum ci_answer answer = CI_FAILED;
	struct cis *c = arg;
	struct entry *e;

	if (!key.p || value.n > 1024)
		return CI_NONE;
	pthread_mutex_lock(&c->lock);
	e = map_get(c->map, key);
	if (!e)
		e = entry_new(c, key, now);
	if (e) {
		if (e->expires_ms <= now && !e->asked) {
			e->asked = true;
			e->next = NULL;
			*c->last = e;
			c->last = &e->next;
		}
		/* An expired answer serves until the new one is there. */
		answer = e->answer;
		if (answer == CI_FOUND)
			copy_ci(out, arena, &e->ci);
	}
	pthread_mutex_unlock(&c->lock);
	return answer;
}

int cis_next(struct ci_ask *out, struct cis *c, struct arena *arena)
{
	struct entry *e;
	struct str rest;

	pthread_mutex_lock(&c->lock);
	e = c->first;
	if (e) {
		c->first = e->next;
		if (!c->first)
			c->last = &c->first;
		rest = arena_str(arena, e->key);
		str_cut(&rest, '\n', &out->field);
		out->value = rest;
	}
	pthread_mutex_unlock(&c->lock);
	return e && !arena_error(arena);
}

bool cis_waiting(struct cis *c)
{
	bool waiting;

	pthread_mutex_lock(&c->lock);
	waiting = c->first != NULL;
	pthread_mutex_unlock(&c->lock);
	return waiting;
}

static bool live(const struct json *row)
{
	static const char *const keys[] = { "status", "state",
					    "lifecycle_state",
					    "install_status", NULL };
	static const char *const gone[] = { "retired", "decommissioned",
					    "disposed", "deleted",
					    "inactive", NULL };

	for (int k = 0; keys[k]; k++)
		for (int g = 0; gone[g]; g++)
			if (str_is_nocase(json_get_str(row, keys[k]), gone[g]))
				return false;
	return true;
}

/*
 * StackFlow names no CMDB filters: one that it doesn't know would return
 * everything, and a lone CI of another name would look like a find.
 */
static bool holds(const struct json *row, struct str value)
{
	const struct json *v;
	struct str key;
	void *at = NULL;

	while (json_next(row, &at, &key, &v))
		if (str_eq(json_str(v), value))
			return true;
	return false;
}

static void keep(struct entry *e, const struct json *row)
{
	struct field *fields;
	const struct json *v;
	struct str key;
	void *at = NULL;

	arena_free(e->arena);
	e->ci = (struct ci){ 0 };
	e->arena = arena_new(32 << 10);
	if (!e->arena)
		return;
	fields = arena_array(e->arena, FIELDS_MAX, sizeof(*fields));
	while (fields && json_next(row, &at, &key, &v)) {
		if (json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT) ||
		    json_is(v, JSON_NULL) || e->ci.field_count == FIELDS_MAX)
			continue;
		fields[e->ci.field_count].name = arena_str(e->arena, key);
		fields[e->ci.field_count++].value =
			arena_str(e->arena, json_text(v, e->arena));
	}
	e->ci.fields = fields;
	e->ci.id = arena_str(e->arena, json_get_str(row, "id"));
	e->ci.name = arena_str(e->arena, json_get_str(row, "name"));
	if (arena_error(e->arena) || !sf_id_usable(e->ci.id))
		e->ci.id = STR_NONE;
}

static enum ci_answer judge(struct entry *e, struct str value,
			    const struct json *rows)
{
	const struct json *hit = NULL;

	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_item(rows, i);

		if (!live(row) || !holds(row, value))
			continue;
		if (hit)
			return CI_NONE;
		hit = row;
	}
	if (!hit)
		return CI_NONE;
	keep(e, hit);
	return e->ci.id.n ? CI_FOUND : CI_NONE;
}

void cis_answered(struct cis *c, const struct ci_ask *ask,
		  const struct json *rows)
{
	int64_t now = clock_mono_ms();
	struct entry *e;
	struct buf key = BUF_INIT(4096);

	buf_printf(&key, "%.*s\n%.*s", STR_ARG(ask->field),
		   STR_ARG(ask->value));
	pthread_mutex_lock(&c->lock);
	e = map_get(c->map, buf_str(&key));
	if (e) {
		e->asked = false;
		if (rows) {
			e->answer = judge(e, ask->value, rows);
			e->expires_ms = now + (e->answer == CI_FOUND ?
					       FOUND_MS : NONE_MS);
		} else {
			/* What was known stays; a failure is no answer. */
			if (e->answer != CI_FOUND)
				e->answer = CI_FAILED;
			e->expires_ms = now + FAILED_MS;
		}
	}
	pthread_mutex_unlock(&c->lock);
	buf_fini(&key);
}
