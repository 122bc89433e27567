#include "agent/recall.h"

#include <stdlib.h>

#include "base/map.h"

#define ENTRIES 512
#define SOON_MS 1000
#define ENTRY_MAX 16384 /* bytes; what is larger isn't kept */

struct entry {
	struct recalled is;
	struct arena *arena;	/* NULL: free */
};

struct recall {
	struct map *by_key;
	struct entry entries[ENTRIES];
	unsigned next;		/* the oldest */
};

struct recall *recall_new(void)
{
	struct recall *r = calloc(1, sizeof(*r));

	if (r)
		r->by_key = map_new();
	if (r && !r->by_key) {
		free(r);
		return NULL;
	}
	return r;
}

static void drop(struct recall *r, struct entry *e)
{
	if (!e->arena)
		return;
	map_remove(r->by_key, e->is.incident.key);
	arena_free(e->arena);
	e->arena = NULL;
}

void recall_clear(struct recall *r)
{
	for (size_t i = 0; i < ENTRIES; i++)
		drop(r, &r->entries[i]);
}

void recall_free(struct recall *r)
{
	if (!r)
		return;
	recall_clear(r);
	map_free(r->by_key);
	free(r);
}

void recall_forget(struct recall *r, struct str key)
{
	struct entry *e = map_get(r->by_key, key);

	if (e)
		drop(r, e);
}

static bool worth(const struct incident *i, const struct member *m,
		  const struct op *tail)
{
	return i->id && i->state == INCIDENT_OPEN && m->id &&
	       m->state == ALARM_FIRING && m->incident == i->id &&
	       !i->due_ms && !i->held_ms && !i->group_ms && !i->parent &&
	       m->wait == WAIT_NONE && tail && tail->id &&
	       tail->kind == OP_NOTE && tail->state == OP_READY &&
	       (tail->held || !i->remote.n);
}

/* Every string of *to, into arena. */
static void own(struct recalled *to, struct arena *arena)
{
	struct str *const all[] = {
		&to->incident.key, &to->incident.remote,
		&to->incident.previous, &to->incident.team,
		&to->incident.policy, &to->incident.where,
		&to->incident.short_description,
		&to->incident.assignment_group, &to->incident.ci_id,
		&to->incident.account, &to->incident.region,
		&to->incident.alarm, &to->incident.escalations,
		&to->incident.held_by, &to->incident.context,
		&to->member.subject, &to->member.held_by,
		&to->tail.target, &to->tail.body, &to->tail.events,
		&to->tail.marker, &to->tail.problem,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		*all[i] = arena_str(arena, *all[i]);
}

/* It won't go before this batch is committed; and the clock that its moment
 * was set by wasn't set back since. */
static bool waits(const struct recalled *x, int64_t now_ms)
{
	int64_t ms = x->tail.not_before_ms;

	return !x->incident.remote.n || ms == OP_NEVER_MS ||
	       (ms > now_ms + SOON_MS &&
		ms <= now_ms + x->incident.notes_every_ms);
}

int recall_find(struct recalled *out, const struct recall *r, struct str key,
		struct str subject, int64_t now_ms, struct arena *arena)
{
	const struct entry *e = map_get(r->by_key, key);

	if (!e || !str_eq(e->is.member.subject, subject) ||
	    !waits(&e->is, now_ms))
		return 0;
	*out = e->is;
	own(out, arena);
	return arena_error(arena) ? arena_error(arena) : 1;
}

void recall_keep(struct recall *r, const struct incident *i,
		 const struct member *m, const struct op *tail)
{
	struct entry *e = map_get(r->by_key, i->key);
	struct recalled now;
	struct arena *arena;

	if (!worth(i, m, tail)) {
		if (e)
			drop(r, e);
		return;
	}
	arena = arena_new(ENTRY_MAX);
	now = (struct recalled){ *i, *m, *tail };
	if (arena)
		own(&now, arena);
	if (e)
		drop(r, e);
	if (!arena || arena_error(arena)) {
		arena_free(arena);
		return;
	}
	if (!e) {
		e = &r->entries[r->next++ % ENTRIES];
		drop(r, e);
	}
	e->is = now;
	e->arena = arena;
	if (map_set(r->by_key, e->is.incident.key, e) < 0) {
		arena_free(arena);
		e->arena = NULL;
	}
}
