#include "agent/changes.h"

#include <stdlib.h>

#include "agent/lookups.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "stackflow/changes.h"

#define ENTRIES_MAX 2000
#define KNOWN_MS (60 * 1000)
#define FAILED_MS (15 * 1000)
#define ROWS_MAX 50
#define TITLE_MAX 200
#define STATE_MAX 64
#define ARENA_MAX (64 << 10)

struct rows {
	struct arena *arena;	/* NULL: there is none */
	struct rule_change *list;
	size_t count;
	bool cut;		/* an open one had no room */
};

struct entry {
	struct lookup lookup;	/* by CI */
	bool failed;		/* until it expires, instead of rows */
	bool late;		/* counted as failed already */
	int64_t asked_ms;	/* monotonic */
	struct rows rows, fresh;	/* fresh: as the answer comes in */
};

struct changes {
	struct metrics *metrics;
	struct lookups lookups;
};

static void rows_fini(struct rows *r)
{
	arena_free(r->arena);
	*r = (struct rows){ 0 };
}

static void entry_fini(struct lookup *l)
{
	struct entry *e = (struct entry *)l;

	rows_fini(&e->rows);
	rows_fini(&e->fresh);
}

struct changes *changes_new(struct metrics *m)
{
	struct changes *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->metrics = m;
	if (lookups_init(&c->lookups, sizeof(struct entry), ENTRIES_MAX,
			 entry_fini)) {
		free(c);
		return NULL;
	}
	return c;
}

void changes_free(struct changes *c)
{
	if (!c)
		return;
	lookups_fini(&c->lookups);
	free(c);
}

bool changes_wanted(struct str state, const struct str *states, size_t count)
{
	if (!count)
		return sf_change_open(state);
	for (size_t i = 0; i < count; i++) {
		char word[STATE_MAX + 1];

		if (states[i].n > STATE_MAX)
			continue;
		memcpy(word, states[i].p, states[i].n);
		word[states[i].n] = '\0';
		if (str_is_nocase(state, word))
			return true;
	}
	return false;
}

static enum ci_answer answer(struct rule_change *out, struct arena *arena,
			     const struct entry *e, const struct str *states,
			     size_t count)
{
	if (e->failed)
		return CI_FAILED;
	for (size_t i = 0; i < e->rows.count; i++) {
		const struct rule_change *row = &e->rows.list[i];

		if (!changes_wanted(row->state, states, count))
			continue;
		out->id = arena_str(arena, row->id);
		out->title = arena_str(arena, row->title);
		out->state = arena_str(arena, row->state);
		return CI_FOUND;
	}
	return e->rows.cut ? CI_FAILED : CI_NONE;
}

static void failed(struct changes *c, struct entry *e, int64_t now_ms)
{
	if (!e->late)
		metrics_add(c->metrics, METRIC_CHANGES_FAILED, 1);
	e->late = true;
	e->failed = true;
	e->lookup.expires_ms = now_ms + FAILED_MS;
}

static void ask(struct changes *c, struct entry *e, int64_t now_ms)
{
	e->asked_ms = now_ms;
	e->late = false;
	lookups_ask(&c->lookups, &e->lookup);
}

enum ci_answer changes_find(struct rule_change *out, struct arena *arena,
			    struct str ci_id, const struct str *states,
			    size_t state_count, void *arg)
{
	int64_t now = clock_mono_ms();
	enum ci_answer rc = CI_PENDING;
	struct changes *c = arg;
	struct entry *e;

	if (!sf_id_usable(ci_id))
		return CI_NONE;
	pthread_mutex_lock(&c->lookups.lock);
	e = (struct entry *)lookups_find(&c->lookups, ci_id, now);
	if (!e) {
		metrics_add(c->metrics, METRIC_CHANGES_FAILED, 1);
		rc = CI_FAILED;
		goto out;
	}
	/* Unlike a CI, a change that is over must not serve a while longer. */
	if (e->lookup.expires_ms <= now) {
		if (e->lookup.phase == LOOKUP_IDLE)
			ask(c, e, now);
		else if (now - e->asked_ms >= CHANGES_BUDGET_MS)
			failed(c, e, now);
	}
	if (e->lookup.expires_ms > now)
		rc = answer(out, arena, e, states, state_count);
out:
	pthread_mutex_unlock(&c->lookups.lock);
	return rc;
}

int changes_next(struct str *ci_id, struct changes *c, struct arena *arena)
{
	struct lookup *e;

	pthread_mutex_lock(&c->lookups.lock);
	e = lookups_next(&c->lookups);
	if (e)
		*ci_id = arena_str(arena, e->key);
	pthread_mutex_unlock(&c->lookups.lock);
	return e ? 1 : 0;
}

bool changes_waiting(struct changes *c)
{
	return lookups_waiting(&c->lookups);
}

/* Where a row goes: at the end, or over one that has ended. */
static struct rule_change *room_for(struct rows *r, const struct sf_change *row)
{
	if (r->count < ROWS_MAX)
		return &r->list[r->count++];
	if (!sf_change_open(row->state))
		return NULL;
	for (size_t i = 0; i < r->count; i++)
		if (!sf_change_open(r->list[i].state))
			return &r->list[i];
	r->cut = true;
	return NULL;
}

static void keep(struct rows *r, const struct sf_change *row)
{
	struct rule_change *to;

	if (!r->arena) {
		r->arena = arena_new(ARENA_MAX);
		r->list = r->arena ? arena_array(r->arena, ROWS_MAX,
						 sizeof(*r->list)) : NULL;
	}
	r->cut |= !r->list;
	to = r->list ? room_for(r, row) : NULL;
	if (!to)
		return;
	*to = (struct rule_change){
		.id = arena_str(r->arena, row->id),
		.title = arena_str(r->arena, utf8_cut(row->title, TITLE_MAX)),
		.state = arena_str(r->arena, utf8_cut(row->state, STATE_MAX)),
	};
}

void changes_rows(struct changes *c, struct str ci_id,
		  const struct json *rows)
{
	struct sf_change row;
	struct entry *e;

	pthread_mutex_lock(&c->lookups.lock);
	e = (struct entry *)lookups_get(&c->lookups, ci_id);
	for (size_t i = 0; e && i < json_count(rows); i++)
		if (sf_change_of(&row, json_item(rows, i), ci_id))
			keep(&e->fresh, &row);
	pthread_mutex_unlock(&c->lookups.lock);
}

void changes_answered(struct changes *c, struct str ci_id, bool ok)
{
	int64_t now = clock_mono_ms();
	struct entry *e;

	pthread_mutex_lock(&c->lookups.lock);
	e = (struct entry *)lookups_get(&c->lookups, ci_id);
	if (e) {
		if (e->fresh.arena && arena_error(e->fresh.arena))
			ok = false;
		e->lookup.phase = LOOKUP_IDLE;
		rows_fini(&e->rows);
		if (ok) {
			e->rows = e->fresh;
			e->fresh = (struct rows){ 0 };
			e->failed = false;
			e->lookup.expires_ms = now + KNOWN_MS;
		} else {
			rows_fini(&e->fresh);
			failed(c, e, now);
		}
	}
	pthread_mutex_unlock(&c->lookups.lock);
}
