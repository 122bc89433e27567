#include "agent/batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

/* Writes of one event at most: outcome, incident, member, ops, a cancel. */
#define WRITES_AN_EVENT (4 + CHANGE_OPS)

/* The latest incarnation of a key, as this batch has made it. */
struct lane {
	struct incident *incident;	/* NULL: none yet */
	bool written;			/* incident is among the writes */
	struct op *tail;		/* newest unfinished op; NULL: none */
	bool tail_written;
	/* Members in ALARM: what the store counted, once that was asked, and
	 * what this batch makes of it. */
	bool counted;
	unsigned stored;
	int more;
};

struct known {
	struct member *member;	/* NULL: never seen */
	bool written;
	struct lane *lane;	/* of member->incident, where it is open */
};

struct batch {
	struct store_reader *reader;
	struct arena *arena;
	struct map *lanes;		/* by key */
	struct map *lanes_by_id;	/* by incident id, as bytes */
	struct map *members;		/* by subject */
	struct store_write *writes;
	struct known **owners;		/* of WRITE_MEMBER, beside writes */
	size_t count, cap, events;
	/* of the event asked last */
	struct lane *lane;
	struct known *known;
	struct str subject;
};

int batch_new(struct batch **out, struct store_reader *reader,
	      struct arena *arena, size_t events_max)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->reader = reader;
	b->arena = arena;
	b->cap = events_max * WRITES_AN_EVENT;
	b->lanes = map_new();
	b->lanes_by_id = map_new();
	b->members = map_new();
	b->writes = arena_array(arena, b->cap, sizeof(*b->writes));
	b->owners = arena_array(arena, b->cap, sizeof(struct known *));
	if (!b->lanes || !b->lanes_by_id || !b->members || !b->writes ||
	    !b->owners) {
		batch_free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	map_free(b->lanes);
	map_free(b->lanes_by_id);
	map_free(b->members);
	free(b);
}

static struct str id_key(const int64_t *id)
{
	return (struct str){ (const char *)id, sizeof(*id) };
}

/* Everything about a lane whose latest incident is i (NULL: a new key). */
static int lane_load(struct lane **out, struct batch *b, struct str key,
		     const struct incident *i)
{
	struct lane *lane = arena_alloc(b->arena, sizeof(*lane));
	struct op tail;
	int rc;

	if (!lane)
		return -ENOMEM;
	if (i) {
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
		if (map_set(b->lanes_by_id, id_key(&i->id), lane) < 0)
			return -ENOMEM;
	}
	if (map_set(b->lanes, key, lane) < 0)
		return -ENOMEM;
	*out = lane;
	return 0;
}

static int lane_by_key(struct lane **out, struct batch *b, struct str key)
{
	struct incident i;
	int rc;

	*out = map_get(b->lanes, key);
	if (*out)
		return 0;
	rc = store_incident_by_key(&i, b->reader, key, b->arena);
	if (rc < 0)
		return rc;
	return lane_load(out, b, key, rc ? &i : NULL);
}

/* The lane of an incident that is the latest of its key; *out NULL else. */
static int lane_by_id(struct lane **out, struct batch *b, int64_t id)
{
	struct incident i;
	int rc;

	*out = map_get(b->lanes_by_id, id_key(&id));
	if (*out)
		return 0;
	rc = store_incident_by_id(&i, b->reader, id, b->arena);
	if (rc <= 0)
		return rc;
	rc = lane_by_key(out, b, i.key);
	if (!rc && (!(*out)->incident || (*out)->incident->id != id))
		*out = NULL;
	return rc;
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
	rc = store_member(&m, b->reader, subject, b->arena);
	if (rc < 0)
		return rc;
	k = arena_alloc(b->arena, sizeof(*k));
	if (!k || map_set(b->members, subject, k) < 0)
		return -ENOMEM;
	if (rc) {
		k->member = arena_alloc(b->arena, sizeof(m));
		if (!k->member)
			return -ENOMEM;
		*k->member = m;
	}
	*out = k;
	return rc && m.incident ? place(k, b, key) : 0;
}

static bool is_open(const struct lane *lane)
{
	return lane && lane->incident &&
	       lane->incident->state == INCIDENT_OPEN;
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

int batch_situation(struct situation *out, struct batch *b,
		    struct str subject, struct str key, bool others)
{
	struct known *k;
	struct lane *lane;
	bool mine;
	int rc = known_load(&k, b, subject, key);

	if (rc < 0)
		return rc;
	/* An open incident keeps its alarms, whatever a reload made of the
	 * key. */
	lane = k->lane;
	if (!is_open(lane)) {
		rc = lane_by_key(&lane, b, key);
		if (rc < 0)
			return rc;
	}
	assert(lane);
	b->lane = lane;
	b->known = k;
	b->subject = subject;
	mine = k->member && k->member->state == ALARM_FIRING &&
	       k->lane == lane;
	*out = (struct situation){
		.incident = lane->incident,
		.member = k->member,
	};
	if (lane->tail && lane->tail->state == OP_READY) {
		if (lane->tail->kind == OP_NOTE)
			out->tail_note = lane->tail;
		else if (lane->tail->kind == OP_RESOLVE)
			out->tail_resolve = lane->tail;
	}
	return others ? others_firing(&out->others_firing, b, lane, mine) : 0;
}

static struct store_write *add(struct batch *b, enum store_write_kind kind)
{
	struct store_write *w = &b->writes[b->count++];

	*w = (struct store_write){ .kind = kind };
	return w;
}

static int take_incident(struct batch *b, const struct change *c)
{
	struct lane *lane = b->lane;
	bool fresh = c->incident.id == 0 &&
		     (!lane->incident || lane->incident->id != 0 ||
		      c->incident.incarnation != lane->incident->incarnation);

	if (fresh) {
		if (lane->incident)
			map_remove(b->lanes_by_id, id_key(&lane->incident->id));
		lane->incident = arena_alloc(b->arena,
					     sizeof(*lane->incident));
		if (!lane->incident)
			return -ENOMEM;
		lane->written = false;
		lane->tail = NULL;
		lane->counted = true;
		lane->stored = 0;
		lane->more = 0;
	}
	*lane->incident = c->incident;
	if (!lane->written) {
		add(b, WRITE_INCIDENT)->incident = lane->incident;
		lane->written = true;
	}
	return 0;
}

static int take_member(struct batch *b, const struct change *c)
{
	struct known *k = b->known;
	struct lane *lane = b->lane;
	bool was = k->member && k->member->state == ALARM_FIRING && k->lane;
	bool is = c->member.state == ALARM_FIRING;

	if (was)
		k->lane->more--;
	if (!k->member) {
		k->member = arena_alloc(b->arena, sizeof(*k->member));
		if (!k->member)
			return -ENOMEM;
	}
	*k->member = c->member;
	k->member->subject = b->subject;
	if (is && lane->incident && lane->incident->state != INCIDENT_RESOLVED) {
		k->lane = lane;
		k->member->incident = lane->incident->id;
		lane->more++;
	}
	if (!k->written) {
		struct store_write *w = add(b, WRITE_MEMBER);

		w->member = k->member;
		b->owners[b->count - 1] = k;
		k->written = true;
	}
	return 0;
}

static int take_op(struct batch *b, const struct op *op, bool merged)
{
	struct lane *lane = b->lane;
	struct store_write *w;

	if (merged) {
		assert(lane->tail);
		*lane->tail = *op;
		if (lane->tail_written)
			return 0;
	} else {
		lane->tail = arena_alloc(b->arena, sizeof(*op));
		if (!lane->tail)
			return -ENOMEM;
		*lane->tail = *op;
	}
	/* As it is stored, and cheaper to tell. */
	if (lane->incident &&
	    str_eq(lane->tail->target, lane->incident->remote))
		lane->tail->target = STR_NONE;
	w = add(b, WRITE_OP);
	w->op = lane->tail;
	w->incident = op->incident ? NULL : lane->incident;
	w->expect = op->id ? OP_READY : 0;
	lane->tail_written = true;
	return 0;
}

static void cancel_tail(struct batch *b)
{
	struct lane *lane = b->lane;
	struct store_write *w;

	assert(lane->tail);
	lane->tail->state = OP_DONE;
	lane->tail->problem = STR("the alarm fired again before it was sent");
	if (!lane->tail_written) {
		w = add(b, WRITE_OP_STATE);
		w->op = lane->tail;
		w->expect = OP_READY;
	}
	lane->tail = NULL;
	lane->tail_written = false;
}

int batch_outcome(struct batch *b, struct event *outcome)
{
	struct store_write *w = add(b, WRITE_EVENT_DONE);

	w->event = outcome;
	b->events++;
	return 0;
}

int batch_apply(struct batch *b, const struct change *c,
		struct event *outcome)
{
	struct store_write *w;
	int rc = 0;

	if (c->cancel_resolve)
		cancel_tail(b);
	if (c->incident_changed)
		rc = take_incident(b, c);
	if (!rc && c->member_changed)
		rc = take_member(b, c);
	/* A merged note stands before what the change adds behind it, except
	 * where the change lists it last: both orders keep the lane's tail. */
	for (size_t i = 0; !rc && i < c->op_count; i++)
		if ((int)i == c->merged)
			rc = take_op(b, &c->ops[i], true);
	for (size_t i = 0; !rc && i < c->op_count; i++)
		if ((int)i != c->merged)
			rc = take_op(b, &c->ops[i], false);
	if (rc)
		return rc;
	w = add(b, WRITE_EVENT_DONE);
	w->event = outcome;
	if (b->lane->incident) {
		outcome->incident = b->lane->incident->id;
		w->incident = b->lane->incident->id ? NULL :
						      b->lane->incident;
	}
	b->events++;
	return 0;
}

size_t batch_count(const struct batch *b)
{
	return b->events;
}

int batch_commit(struct batch *b, struct store *s)
{
	/* Ids of incidents that this batch inserts are known once it commits. */
	for (size_t i = 0; i < b->count; i++) {
		const struct known *k = b->owners[i];

		if (k && k->lane && k->member->state == ALARM_FIRING)
			b->writes[i].incident = k->lane->incident;
	}
	return store_commit(s, b->writes, b->count);
}
