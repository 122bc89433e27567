#include "agent/ci.h"

#include <stdlib.h>

#include "agent/lookups.h"
#include "base/clock.h"
#include "doc/json.h"
#include "stackflow/stackflow.h"

#define ENTRIES_MAX 10000
#define FOUND_MS (5 * 60 * 1000)
#define NONE_MS (60 * 1000)
#define FAILED_MS (15 * 1000)
#define FIELDS_MAX 32

struct entry {
	struct lookup lookup;	/* by field, newline, value */
	bool known;		/* answered once; before that it is pending */
	enum ci_answer answer;
	struct arena *arena;	/* holds ci */
	struct ci ci;
};

struct cis {
	struct lookups lookups;
};

static void entry_fini(struct lookup *l)
{
	arena_free(((struct entry *)l)->arena);
}

struct cis *cis_new(void)
{
	struct cis *c = calloc(1, sizeof(*c));

	if (c && lookups_init(&c->lookups, sizeof(struct entry), ENTRIES_MAX,
			      entry_fini)) {
		free(c);
		return NULL;
	}
	return c;
}

void cis_free(struct cis *c)
{
	if (!c)
		return;
	lookups_fini(&c->lookups);
	free(c);
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
	pthread_mutex_lock(&c->lookups.lock);
	e = (struct entry *)lookups_find(&c->lookups, key, now);
	if (e) {
		if (e->lookup.expires_ms <= now &&
		    e->lookup.phase == LOOKUP_IDLE)
			lookups_ask(&c->lookups, &e->lookup);
		/* An expired answer serves until the new one is there. */
		answer = e->known ? e->answer : CI_PENDING;
		if (answer == CI_FOUND)
			copy_ci(out, arena, &e->ci);
	}
	pthread_mutex_unlock(&c->lookups.lock);
	return answer;
}

int cis_next(struct ci_ask *out, struct cis *c, struct arena *arena)
{
	struct lookup *e;
	struct str rest;

	pthread_mutex_lock(&c->lookups.lock);
	e = lookups_next(&c->lookups);
	if (e) {
		rest = arena_str(arena, e->key);
		str_cut(&rest, '\n', &out->field);
		out->value = rest;
	}
	pthread_mutex_unlock(&c->lookups.lock);
	return e && !arena_error(arena);
}

bool cis_waiting(struct cis *c)
{
	return lookups_waiting(&c->lookups);
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
	pthread_mutex_lock(&c->lookups.lock);
	e = (struct entry *)lookups_get(&c->lookups, buf_str(&key));
	if (e) {
		e->lookup.phase = LOOKUP_IDLE;
		if (rows) {
			e->answer = judge(e, ask->value, rows);
			e->lookup.expires_ms = now + (e->answer == CI_FOUND ?
						      FOUND_MS : NONE_MS);
		} else {
			/* What was known stays; a failure is no answer. */
			if (!e->known || e->answer != CI_FOUND)
				e->answer = CI_FAILED;
			e->lookup.expires_ms = now + FAILED_MS;
		}
		e->known = true;
	}
	pthread_mutex_unlock(&c->lookups.lock);
	buf_fini(&key);
}
