#include "agent/deliver/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/log.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/random.h"
#include "doc/json.h"

/*
 * StackFlow documents no filter for text or creation time and no order, so one
 * search answers all that wait for one: every page of the states in which a
 * create can be found, until a page lies wholly before what is sought where
 * the order was seen to fall. Before and after are StackFlow's: its clock and
 * ours may differ, and each page's Date says by how much.
 */
static const char *const states[] = { "new", "in_progress", "resolved" };
#define STATES (sizeof(states) / sizeof(states[0]))
#define OPEN_STATES 2		/* the first ones */
#define TOLD_MAX 20
#define EARLIER_MS (5 * 60 * 1000)
#define GETS_AT_ONCE 8

struct get {
	struct get *next;
	struct deliver *d;
	int64_t created_ms;
	struct str id;
};

struct sweep {
	struct arena *arena;
	size_t state;
	struct str next;		/* what asks for the next page */
	bool page_underway, failed;
	bool cold;			/* a new store's first */
	/* By the page at hand; INT64_MIN where it tells no time. */
	int64_t theirs_less_ours_ms;
	int64_t last_ms;		/* creation time of the row before */
	bool falling;
	struct get *gets;		/* rows whose description must be read */
	unsigned gets_underway;
	struct map *doubts;		/* by marker: the first with it */
	struct store_write *known;
	size_t known_count, known_cap;
};

bool sweep_needed(const struct deliver *d, int64_t now_ms)
{
	if (now_ms < d->sweep_after_ms)
		return false;
	if (!d->swept && d->create_waits)
		return true;
	for (const struct doubt *x = d->doubts; x; x = x->next)
		if ((x->kind == OP_CREATE || x->kind == OP_AUDIT) &&
		    x->next_ms <= now_ms)
			return true;
	return false;
}

/* In StackFlow's time, the earliest that a send of x may show as created. */
static int64_t earliest(const struct sweep *s, const struct doubt *x)
{
	if (!x->since_ms || s->theirs_less_ours_ms == INT64_MIN)
		return INT64_MIN;
	return x->since_ms + s->theirs_less_ours_ms - EARLIER_MS;
}

static int64_t earliest_of_all(const struct deliver *d)
{
	int64_t first = d->sweep->cold ? INT64_MIN : INT64_MAX;

	for (const struct doubt *x = d->doubts; x; x = x->next)
		if (x->swept && earliest(d->sweep, x) < first)
			first = earliest(d->sweep, x);
	return first;
}

static int join(struct sweep *s, struct deliver *d, int64_t now_ms)
{
	for (struct doubt *x = d->doubts; x; x = x->next) {
		x->swept = (x->kind == OP_CREATE || x->kind == OP_AUDIT) &&
			   x->next_ms <= now_ms;
		x->hit_count = 0;
		if (!x->swept)
			continue;
		if (!map_get(s->doubts, x->marker) &&
		    map_set(s->doubts, x->marker, x) < 0)
			return -ENOMEM;
	}
	return 0;
}

int sweep_start(struct deliver *d)
{
	struct sweep *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	d->sweep = s;
	s->arena = arena_new(256 << 20);
	s->doubts = map_new();
	s->cold = !d->swept;
	s->falling = true;
	s->last_ms = INT64_MAX;
	if (!s->arena || !s->doubts || join(s, d, clock_wall_ms()))
		return -ENOMEM;
	metrics_add(d->agent->metrics, METRIC_SWEEPS, 1);
	return 0;
}

void sweep_free(struct deliver *d)
{
	struct sweep *s = d->sweep;

	if (!s)
		return;
	while (s->gets) {
		struct get *g = s->gets;

		s->gets = g->next;
		free(g);
	}
	map_free(s->doubts);
	arena_free(s->arena);
	free(s->known);
	free(s);
	d->sweep = NULL;
}

/* A marker seen by a new store belongs to an incident it doesn't know yet, to
 * be taken over while it is open. */
static void keep_known(struct sweep *s, struct str key, struct str id)
{
	if (s->state >= OPEN_STATES)
		return;
	if (s->known_count == s->known_cap) {
		size_t cap = s->known_cap ? 2 * s->known_cap : 64;
		struct store_write *more = realloc(s->known,
						   cap * sizeof(*more));

		if (!more) {
			s->failed = true;
			return;
		}
		s->known = more;
		s->known_cap = cap;
	}
	s->known[s->known_count++] = (struct store_write){
		.kind = WRITE_KNOWN,
		.key = arena_str(s->arena, key),
		.value = arena_str(s->arena, id),
	};
}

/* The oldest first, so that it is the one that is adopted. */
static void add_hit(struct doubt *x, struct str id, int64_t created_ms)
{
	unsigned at = x->hit_count;

	for (unsigned i = 0; i < x->hit_count; i++)
		if (str_eq(x->hits[i], id))
			return;
	if (x->hit_count == sizeof(x->hits) / sizeof(x->hits[0]))
		return;
	while (at && x->hit_ms[at - 1] > created_ms) {
		x->hits[at] = x->hits[at - 1];
		x->hit_ms[at] = x->hit_ms[at - 1];
		at--;
	}
	x->hits[at] = arena_str(x->arena, id);
	x->hit_ms[at] = created_ms;
	x->hit_count++;
}

static void match(struct deliver *d, struct str description, struct str id,
		  int64_t created_ms)
{
	struct sweep *s = d->sweep;
	unsigned incarnation;
	struct str base;

	if (!incident_marker_find(description, &base, &incarnation))
		return;
	if (s->cold)
		keep_known(s, base, id);
	if (!map_get(s->doubts, base))
		return;
	for (struct doubt *x = d->doubts; x; x = x->next) {
		if (!x->swept || !str_eq(x->marker, base) ||
		    str_eq(x->remote, id))
			continue;
		/* Another incarnation is either one of ours, and well known,
		 * or stems from a journal that was lost. */
		if (incarnation == x->incarnation ||
		    (x->kind == OP_CREATE &&
		     store_remote_is_ours(d->reader, id) == 0))
			add_hit(x, id, created_ms);
	}
}

static void want_description(struct deliver *d, struct str id,
			     int64_t created_ms)
{
	struct get *g = calloc(1, sizeof(*g));

	if (!g) {
		d->sweep->failed = true;
		return;
	}
	g->d = d;
	g->id = arena_str(d->sweep->arena, id);
	g->created_ms = created_ms;
	g->next = d->sweep->gets;
	d->sweep->gets = g;
}

static void consider(struct deliver *d, const struct json *row,
		     int64_t created_ms)
{
	struct str id = json_get_str(row, "id");
	struct str words = json_get_str(row, "short_description");
	struct str description = json_get_str(row, "description");
	struct buf key = BUF_INIT(4096);

	if (!id.n || !sf_id_usable(id))
		return;
	if (description.p) {
		match(d, description, id, created_ms);
		return;
	}
	if (d->sweep->cold) {
		buf_printf(&key, "words:%.*s", STR_ARG(words));
		keep_known(d->sweep, buf_str(&key), id);
		buf_fini(&key);
	}
	for (const struct doubt *x = d->doubts; x; x = x->next) {
		if (!x->swept || !str_eq(x->short_description, words) ||
		    (created_ms && created_ms < earliest(d->sweep, x)))
			continue;
		want_description(d, id, created_ms);
		return;
	}
}

/* Does this page end what has to be read of its state? */
static bool read_rows(struct deliver *d, const struct json *rows)
{
	struct sweep *s = d->sweep;
	int64_t newest = 0;
	size_t n = json_count(rows);

	for (size_t i = 0; i < n; i++) {
		const struct json *row = json_item(rows, i);
		int64_t created = 0;

		if (clock_parse(&created, json_get_str(row, "created_at")))
			s->falling = false;
		else if (created > s->last_ms)
			s->falling = false;
		s->last_ms = created;
		if (created > newest)
			newest = created;
		consider(d, row, created);
	}
	return n == 0 || (s->falling && newest < earliest_of_all(d));
}

static void on_page(const struct sf_result *r, void *arg)
{
	struct deliver *d = arg;
	struct sweep *s = d->sweep;
	const struct json *rows;
	bool end;
	int more;

	deliver_result(d, r);
	s->page_underway = false;
	rows = r->outcome == SF_OK ? sf_page_rows(r->body) : NULL;
	if (!rows) {
		s->failed = true;
		return;
	}
	s->theirs_less_ours_ms = r->date_ms ? r->date_ms - clock_wall_ms() :
					      INT64_MIN;
	end = read_rows(d, rows);
	more = end ? 0 : sf_page_next(&s->next, r->body, s->arena);
	if (more < 0) {
		/* There is more, and no way to ask for it. */
		s->failed = true;
	} else if (!more) {
		s->state++;
		s->next = STR_NONE;
		s->falling = true;
		s->last_ms = INT64_MAX;
	}
}

static void on_incident(const struct sf_result *r, void *arg)
{
	struct get *g = arg;
	struct deliver *d = g->d;

	deliver_result(d, r);
	d->sweep->gets_underway--;
	if (r->outcome == SF_OK)
		match(d, json_get_str(r->body, "description"), g->id,
		      g->created_ms);
	else if (r->outcome != SF_REFUSED)
		d->sweep->failed = true;
	free(g);
}

static void next_page(struct deliver *d)
{
	struct sweep *s = d->sweep;
	char query[64];
	int rc;

	snprintf(query, sizeof(query), "state=%s&limit=200",
		 states[s->state]);
	rc = sf_incident_list(d->sf, query, s->next, on_page, d);
	if (!rc) {
		s->page_underway = true;
		d->last_try_ms = clock_mono_ms();
	} else if (rc != -EAGAIN) {
		s->failed = true;
	}
}

static void next_get(struct deliver *d)
{
	struct sweep *s = d->sweep;
	struct get *g = s->gets;
	int rc = sf_incident_get(d->sf, g->id, on_incident, g);

	if (rc == -EAGAIN)
		return;
	s->gets = g->next;
	if (rc) {
		s->failed = true;
		free(g);
		return;
	}
	s->gets_underway++;
	d->last_try_ms = clock_mono_ms();
}

/* Opened by a journal that was lost, or after the copy that this one is. */
static void tell_unknown(const struct deliver *d)
{
	const struct sweep *s = d->sweep;
	int64_t n = 0;

	for (size_t i = 0; i < s->known_count; i++) {
		const struct store_write *w = &s->known[i];

		if (str_starts(w->key, "words:") ||
		    store_remote_is_ours(d->reader, w->value) != 0)
			continue;
		if (n++ < TOLD_MAX)
			LOG(WARNING, "open in StackFlow by our marker, and "
				     "not in this journal: it is taken over "
				     "when its alarm fires again",
			    LF("incident", w->value));
	}
	if (n > TOLD_MAX)
		LOG(WARNING, "more incidents like these",
		    LFN("count", n - TOLD_MAX));
}

static int record_cold(struct deliver *d)
{
	struct sweep *s = d->sweep;
	char count[24];
	int rc = 0;

	for (size_t i = 0; !rc && i < s->known_count; i += 256) {
		size_t n = s->known_count - i;

		rc = store_commit(d->agent->store, s->known + i,
				  n < 256 ? n : 256);
	}
	snprintf(count, sizeof(count), "%zu", s->known_count);
	if (!rc)
		rc = store_set_meta(d->agent->store, STR("swept"),
				    str_from(count));
	if (rc)
		return rc;
	tell_unknown(d);
	LOG(INFO, "first sweep of StackFlow done",
	    LFN("incidents_known", (int64_t)s->known_count));
	d->swept = true;
	d->known_any = s->known_count > 0;
	d->due_ms = 0;
	return 0;
}

static void say_failed(struct deliver *d)
{
	char problem[sizeof(d->state.problem)];

	pthread_mutex_lock(&d->lock);
	memcpy(problem, d->state.problem, sizeof(problem));
	pthread_mutex_unlock(&d->lock);
	LOG(WARNING, "a search through StackFlow failed; again soon",
	    LFC("problem", problem));
}

static void finish(struct deliver *d)
{
	struct sweep *s = d->sweep;
	int64_t now = clock_wall_ms();
	int rc = 0;

	if (!s->failed) {
		if (s->cold)
			rc = record_cold(d);
		if (!rc)
			rc = doubts_settle(d, now);
	}
	if (s->failed || rc) {
		/* A search that fails decides nothing. */
		say_failed(d);
		d->sweep_after_ms = now + 500 + (int64_t)random_below(2500);
	}
	for (struct doubt *x = d->doubts; x; x = x->next)
		x->swept = false;
	sweep_free(d);
}

void sweep_step(struct deliver *d)
{
	struct sweep *s = d->sweep;

	while (s->gets && !s->failed && s->gets_underway < GETS_AT_ONCE &&
	       deliver_room(d, clock_mono_ms()) == 0) {
		unsigned before = s->gets_underway;

		next_get(d);
		if (s->gets_underway == before)
			break;
	}
	if (s->page_underway || s->gets_underway)
		return;
	if (s->failed || (s->state == STATES && !s->gets)) {
		finish(d);
		return;
	}
	if (s->state < STATES && deliver_room(d, clock_mono_ms()) == 0)
		next_page(d);
}
