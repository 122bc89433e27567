#include "agent/batch_private.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/recall.h"
#include "base/clock.h"

#define BEHIND_MAX 64
/* An incident may have been opened by a clock a little ahead. */
#define AHEAD_MS 5000

/* What the store says to one question, asked once a batch. */
struct opened {
	unsigned count;
};
struct behind {
	struct incident *list;
	int count;
};

static int situation(struct situation *out, struct str subject, struct str key,
		     bool others, bool tally, void *arg);
static int timer(struct situation *out, int64_t incident, void *arg);
static int opened(unsigned *out, struct str team, int64_t since_ms, void *arg);
static int marker(struct str *out, struct arena *arena, struct str key,
		  void *arg);

int batch_new(struct batch **out, struct store_reader *reader,
	      struct recall *recall, const struct keys *keys,
	      struct arena *arena, size_t events_max)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->reader = reader;
	b->recall = recall;
	b->arena = arena;
	b->keys = keys;
	b->world = (struct world){ situation, timer, opened, marker, b };
	b->cap = events_max * WRITES_AN_EVENT + 1;
	b->lanes = map_new();
	b->lanes_by_id = map_new();
	b->members = map_new();
	b->answers = map_new();
	/* Most of it stays untouched. */
	b->writes = malloc(b->cap * sizeof(*b->writes));
	b->owners = malloc(b->cap * sizeof(struct known *));
	if (!b->lanes || !b->lanes_by_id || !b->members || !b->answers ||
	    !b->writes || !b->owners) {
		batch_free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

/* The incident as the store has it now. */
static void remember(struct batch *b, const struct known *k)
{
	struct incident i = *k->lane->incident;
	struct op tail;

	i.version += k->lane->written && !k->lane->fresh;
	if (k->lane->tail) {
		tail = *k->lane->tail;
		if (!tail.target.n)
			tail.target = i.remote;
	}
	recall_keep(b->recall, &i, k->member, k->lane->tail ? &tail : NULL);
	k->lane->kept = true;
}

void batch_remember(struct batch *b)
{
	struct str key;
	size_t at = 0;
	void *value;

	while (map_next(b->members, &at, &key, &value)) {
		const struct known *k = value;

		if (k->written && k->lane && k->lane->written &&
		    !k->lane->kept)
			remember(b, k);
	}
	at = 0;
	while (map_next(b->lanes_by_id, &at, &key, &value)) {
		const struct lane *lane = value;

		if (lane->written && !lane->kept)
			recall_forget(b->recall, lane->incident->key);
	}
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	map_free(b->lanes);
	map_free(b->lanes_by_id);
	map_free(b->members);
	map_free(b->answers);
	free(b->writes);
	free(b->owners);
	free(b);
}

const struct world *batch_world(struct batch *b)
{
	return &b->world;
}

/* ---- what is known ---- */

struct str batch_id_key(const int64_t *id)
{
	return (struct str){ (const char *)id, sizeof(*id) };
}

/* A lane for i (NULL: a key without an incident), with what is queued there. */
static int lane_load(struct lane **out, struct batch *b,
		     const struct incident *i)
{
	struct lane *lane = arena_alloc(b->arena, sizeof(*lane));
	struct op tail;
	int rc;

	if (!lane)
		return -ENOMEM;
	*out = lane;
	if (!i)
		return 0;
	lane->incident = arena_alloc(b->arena, sizeof(*i));
	if (!lane->incident)
		return -ENOMEM;
	*lane->incident = *i;
	rc = store_lane_tail(&tail, b->reader, i->id, b->arena);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		lane->tail = arena_alloc(b->arena, sizeof(tail));
		if (!lane->tail)
			return -ENOMEM;
		*lane->tail = tail;
	}
	if (map_set(b->lanes_by_id, batch_id_key(&i->id), lane) < 0)
		return -ENOMEM;
	return 0;
}

static int lane_by_key(struct lane **out, struct batch *b, struct str key)
{
	struct lane *lane = map_get(b->lanes, key);
	struct incident i;
	int rc;

	if (lane) {
		*out = lane;
		return 0;
	}
	rc = store_incident_by_key(&i, b->reader, key, b->arena);
	if (rc < 0)
		return rc;
	if (rc > 0)
		lane = map_get(b->lanes_by_id, batch_id_key(&i.id));
	rc = lane ? 0 : lane_load(&lane, b, rc ? &i : NULL);
	if (!rc && map_set(b->lanes, key, lane) < 0)
		rc = -ENOMEM;
	if (!rc)
		*out = lane;
	return rc;
}

/* *out is NULL where there is no such incident any more. */
static int lane_by_id(struct lane **out, struct batch *b, int64_t id)
{
	struct incident i;
	int rc;

	*out = map_get(b->lanes_by_id, batch_id_key(&id));
	if (*out)
		return 0;
	rc = store_incident_by_id(&i, b->reader, id, b->arena);
	return rc > 0 ? lane_load(out, b, &i) : rc;
}

/* Once StackFlow has its incident a note goes by itself: does it wait yet? */
static int still_waits(struct recalled *x, struct batch *b)
{
	return store_unchanged(&x->incident.remote, b->reader, &x->incident,
			       &x->tail, b->arena);
}

/* 1: k and its lane are what the last batch left. */
static int recalled(struct known *k, struct batch *b, struct str subject,
		    struct str key)
{
	struct lane *lane;
	struct recalled x;
	int rc;

	if (map_get(b->lanes, key))
		return 0;
	rc = recall_find(&x, b->recall, key, subject, clock_wall_ms(),
			 b->arena);
	if (rc <= 0 || map_get(b->lanes_by_id, batch_id_key(&x.incident.id)))
		return rc < 0 ? rc : 0;
	rc = x.incident.remote.n ? 1 : still_waits(&x, b);
	if (rc <= 0)
		return rc;
	lane = arena_alloc(b->arena, sizeof(*lane));
	k->member = arena_alloc(b->arena, sizeof(*k->member));
	if (!lane || !k->member)
		return -ENOMEM;
	lane->incident = arena_alloc(b->arena, sizeof(*lane->incident));
	lane->tail = arena_alloc(b->arena, sizeof(*lane->tail));
	if (!lane->incident || !lane->tail)
		return -ENOMEM;
	*lane->incident = x.incident;
	*lane->tail = x.tail;
	*k->member = x.member;
	k->lane = lane;
	if (map_set(b->lanes_by_id, batch_id_key(&lane->incident->id), lane) < 0 ||
	    map_set(b->lanes, key, lane) < 0)
		return -ENOMEM;
	return 1;
}

/* The lane of a member's incident: as a rule that of the alarm's own key. */
static int place(struct known *k, struct batch *b, struct str key)
{
	struct lane *lane;
	int rc = lane_by_key(&lane, b, key);

	if (rc)
		return rc;
	if (!lane->incident || lane->incident->id != k->member->incident)
		return lane_by_id(&k->lane, b, k->member->incident);
	k->lane = lane;
	return 0;
}

static int known_load(struct known **out, struct batch *b, struct str subject,
		      struct str key)
{
	struct known *k = map_get(b->members, subject);
	struct member m;
	int rc;

	*out = k;
	if (k)
		return 0;
	k = arena_alloc(b->arena, sizeof(*k));
	if (!k)
		return -ENOMEM;
	rc = recalled(k, b, subject, key);
	if (rc >= 0 && map_set(b->members, subject, k) < 0)
		rc = -ENOMEM;
	*out = k;
	if (rc)
		return rc < 0 ? rc : 0;
	rc = store_member(&m, b->reader, subject, b->arena);
	if (rc < 0)
		return rc;
	if (rc) {
		k->member = arena_alloc(b->arena, sizeof(m));
		if (!k->member)
			return -ENOMEM;
		*k->member = m;
	}
	return rc && m.incident ? place(k, b, key) : 0;
}

/* Members in ALARM but this one. */
static int others_firing(unsigned *out, struct batch *b, struct lane *lane,
			 bool mine)
{
	int64_t n;

	if (!lane->counted && lane->incident && lane->incident->id) {
		int rc = store_others_firing(&lane->stored, b->reader,
					     lane->incident->id, 0);

		if (rc < 0)
			return rc;
	}
	lane->counted = true;
	n = (int64_t)lane->stored + lane->more - mine;
	*out = n > 0 ? (unsigned)n : 0;
	return 0;
}

static struct str question(struct batch *b, char what, struct str about)
{
	return arena_printf(b->arena, "%c%.*s", what, STR_ARG(about));
}

int batch_tally(struct tallied **out, struct batch *b, struct str key)
{
	struct str asked = question(b, 't', key);
	struct tallied *t = map_get(b->answers, asked);
	struct tally *stored;
	int rc;

	*out = t;
	if (t)
		return 0;
	t = arena_alloc(b->arena, sizeof(*t));
	stored = arena_alloc(b->arena, sizeof(*stored));
	if (!t || !stored || !asked.p || map_set(b->answers, asked, t) < 0)
		return -ENOMEM;
	rc = store_tally(stored, b->reader, key, b->arena);
	if (rc > 0)
		t->tally = stored;
	*out = t;
	return rc < 0 ? rc : 0;
}

static bool fires_in(const struct known *k, const struct lane *lane)
{
	return k->member && k->member->state == ALARM_FIRING &&
	       k->lane == lane;
}

/*
 * An open incident keeps its alarms, whatever a reload made of the key; a
 * group past its time keeps those that fire in it.
 */
static bool keeps(const struct known *k)
{
	const struct incident *i = k->lane ? k->lane->incident : NULL;

	if (!i || i->state != INCIDENT_OPEN)
		return false;
	return !i->group_ms || i->group_ms >= clock_wall_ms() ||
	       fires_in(k, k->lane);
}

static void tell_lane(struct situation *out, const struct lane *lane)
{
	*out = (struct situation){ .incident = lane->incident };
	if (!lane->tail || lane->tail->state != OP_READY)
		return;
	if (lane->tail->kind == OP_NOTE) {
		if (!str_is(lane->tail->marker, NOTE_OF_PERSON) &&
		    !str_is(lane->tail->marker, NOTE_OF_AI))
			out->tail_note = lane->tail;
	} else if (lane->tail->kind == OP_RESOLVE) {
		out->tail_resolve = lane->tail;
	}
}

static int situation(struct situation *out, struct str subject, struct str key,
		     bool others, bool tally, void *arg)
{
	struct batch *b = arg;
	struct tallied *t = NULL;
	struct known *k;
	struct lane *lane;
	int rc = known_load(&k, b, subject, key);

	if (rc < 0)
		return rc;
	lane = k->lane;
	if (!keeps(k))
		rc = lane_by_key(&lane, b, key);
	if (!rc && tally)
		rc = batch_tally(&t, b, key);
	if (rc < 0)
		return rc;
	b->lane = lane;
	b->known = k;
	b->subject = subject;
	tell_lane(out, lane);
	out->member = k->member;
	out->tally = t ? t->tally : NULL;
	return others ? others_firing(&out->others_firing, b, lane,
				      fires_in(k, lane)) : 0;
}

static int timer(struct situation *out, int64_t incident, void *arg)
{
	struct batch *b = arg;
	struct lane *lane;
	int rc = lane_by_id(&lane, b, incident);

	if (rc < 0)
		return rc;
	if (!lane)
		return -ENOENT;
	b->lane = lane;
	b->known = NULL;
	tell_lane(out, lane);
	return others_firing(&out->others_firing, b, lane, false);
}

static int opened(unsigned *out, struct str team, int64_t since_ms, void *arg)
{
	struct batch *b = arg;
	struct str asked = question(b, 'o', team);
	struct opened *o = map_get(b->answers, asked);
	int rc;

	if (!o) {
		o = arena_alloc(b->arena, sizeof(*o));
		if (!o || !asked.p)
			return -ENOMEM;
		rc = store_opened(&o->count, b->reader, team, since_ms,
				  clock_wall_ms() + AHEAD_MS);
		if (rc)
			return rc;
		if (map_set(b->answers, asked, o) < 0)
			return -ENOMEM;
	}
	*out = o->count;
	for (const struct lane *x = b->listed; x; x = x->next)
		*out += x->fresh && !x->incident->parent &&
			str_eq(x->incident->team, team) &&
			x->incident->opened_ms >= since_ms;
	return 0;
}

static int marker(struct str *out, struct arena *arena, struct str key,
		  void *arg)
{
	const struct batch *b = arg;
	struct buf text = BUF_INIT(128);

	keys_marker(&text, b->keys, key);
	*out = arena_str(arena, buf_str(&text));
	buf_fini(&text);
	return out->p ? 0 : -ENOMEM;
}

/* ---- what holds ---- */

static int behind_of(struct behind **out, struct batch *b, struct str policy,
		     const struct field *same, size_t same_count)
{
	struct buf text = BUF_INIT(64 << 10);
	struct behind *x;
	struct str asked;
	int rc = 0;

	buf_printf(&text, "b%.*s", STR_ARG(policy));
	for (size_t i = 0; i < same_count; i++)
		buf_printf(&text, "\n%.*s=%.*s", STR_ARG(same[i].name),
			   STR_ARG(same[i].value));
	asked = arena_str(b->arena, buf_str(&text));
	rc = buf_error(&text);
	buf_fini(&text);
	if (rc || !asked.p)
		return rc ? rc : -ENOMEM;
	*out = map_get(b->answers, asked);
	if (*out)
		return 0;
	x = arena_alloc(b->arena, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->list = arena_array(b->arena, BEHIND_MAX, sizeof(*x->list));
	if (!x->list)
		return -ENOMEM;
	x->count = store_open_behind(x->list, BEHIND_MAX, b->reader, policy,
				     same, same_count, b->arena);
	if (x->count < 0)
		return x->count;
	*out = x;
	return map_set(b->answers, asked, x) < 0 ? -ENOMEM : 0;
}

static struct str name_of(const struct incident *i)
{
	return i->remote.n ? i->remote : i->key;
}

int batch_open(struct str *out, struct batch *b, struct str policy,
	       const struct field *same, size_t same_count)
{
	struct behind *stored = NULL;
	int rc = behind_of(&stored, b, policy, same, same_count);

	if (rc)
		return rc;
	for (int i = 0; i < stored->count; i++) {
		const struct incident *x = &stored->list[i];
		const struct lane *lane = map_get(b->lanes_by_id,
						  batch_id_key(&x->id));

		if (lane && lane->incident->state != INCIDENT_OPEN)
			continue;
		*out = name_of(x);
		return 1;
	}
	for (const struct lane *l = b->listed; l; l = l->next) {
		const struct incident *x = l->incident;

		if (x->state != INCIDENT_OPEN || !x->context.n ||
		    !str_eq(x->policy, policy) ||
		    !incident_context_has(x->context, same, same_count))
			continue;
		*out = name_of(x);
		return 1;
	}
	return 0;
}
