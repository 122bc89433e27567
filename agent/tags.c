#include "agent/tags.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "aws/cloudwatch.h"
#include "base/clock.h"
#include "base/map.h"

#define ENTRIES_MAX 4096
#define FOUND_MS (30 * 60 * 1000)
#define NONE_MS (5 * 60 * 1000)
/* So many look-ups can be answered within the budget; behind more of them
 * nobody waits. */
#define HURRY_MAX 8
#define QUEUE_MAX 1000

struct entry {
	bool asked;		/* waits in the queue or is under way */
	bool known;		/* answered once: pairs hold, even if none */
	bool hurry;		/* asked early enough to be waited for */
	bool stale;		/* forgotten while a look-up was under way */
	int64_t expires_ms;	/* monotonic */
	struct arena *arena;	/* holds pairs */
	struct alarm_pair *pairs;
	size_t count;
	struct entry *next;	/* queue */
	struct entry *older, *newer;	/* by use */
	struct str arn;
	char text[];
};

struct tags {
	_Atomic bool on;
	pthread_mutex_t lock;
	struct map *map;
	struct entry *first, **last;	/* queue */
	size_t queued;
	struct entry *oldest, *newest;
	char account[13];
	void (*wake)(void *arg);
	void *arg;
};

struct tags *tags_new(void)
{
	struct tags *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->map = map_new();
	if (!t->map) {
		free(t);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->last = &t->first;
	return t;
}

static void entry_free(struct entry *e)
{
	arena_free(e->arena);
	free(e);
}

void tags_free(struct tags *t)
{
	struct str key;
	size_t at = 0;
	void *e;

	if (!t)
		return;
	while (map_next(t->map, &at, &key, &e))
		entry_free(e);
	map_free(t->map);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- order of use ---- */

static void unlink_use(struct tags *t, struct entry *e)
{
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
	e->older = e->newer = NULL;
}

static void link_newest(struct tags *t, struct entry *e)
{
	e->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
}

/* The one that wasn't used for longest goes; those asked for stay. */
static bool make_room(struct tags *t)
{
	struct entry *e = t->oldest;

	if (map_count(t->map) < ENTRIES_MAX)
		return true;
	while (e && e->asked)
		e = e->newer;
	if (!e)
		return false;
	unlink_use(t, e);
	map_remove(t->map, e->arn);
	entry_free(e);
	return true;
}

static struct entry *entry_new(struct tags *t, struct str arn)
{
	struct entry *e;

	if (!make_room(t))
		return NULL;
	e = calloc(1, sizeof(*e) + arn.n + 1);
	if (!e)
		return NULL;
	memcpy(e->text, arn.p, arn.n);
	e->arn = (struct str){ e->text, arn.n };
	if (map_set(t->map, e->arn, e) < 0) {
		free(e);
		return NULL;
	}
	link_newest(t, e);
	return e;
}

/* ---- triage ---- */

static bool queue(struct tags *t, struct entry *e)
{
	if (e->asked || t->queued >= QUEUE_MAX)
		return false;
	e->asked = true;
	e->hurry = t->queued < HURRY_MAX;
	e->next = NULL;
	*t->last = e;
	t->last = &e->next;
	t->queued++;
	return true;
}

static enum tags_answer tell(const struct alarm_pair **list, size_t *count,
			     struct arena *arena, const struct entry *e)
{
	struct alarm_pair *pairs;

	if (!e->count)
		return TAGS_NONE;
	pairs = arena_array(arena, e->count, sizeof(*pairs));
	if (!pairs)
		return TAGS_NONE;
	for (size_t i = 0; i < e->count; i++) {
		pairs[i].name = arena_str(arena, e->pairs[i].name);
		pairs[i].value = arena_str(arena, e->pairs[i].value);
	}
	*list = pairs;
	*count = e->count;
	return TAGS_FOUND;
}

/* Under the lock. *fresh: a look-up was added to the queue. */
static enum tags_answer look(const struct alarm_pair **list, size_t *count,
			     struct arena *arena, struct tags *t,
			     struct str arn, bool ask, bool *fresh)
{
	struct entry *e = map_get(t->map, arn);

	if (!e && ask)
		e = entry_new(t, arn);
	if (!e)
		return TAGS_NONE;
	unlink_use(t, e);
	link_newest(t, e);
	if (ask && e->expires_ms <= clock_mono_ms())
		*fresh = queue(t, e);
	/* What has expired serves until the new answer is there. */
	if (e->known)
		return tell(list, count, arena, e);
	return e->asked && e->hurry ? TAGS_PENDING : TAGS_NONE;
}

enum tags_answer tags_find(const struct alarm_pair **list, size_t *count,
			   struct arena *arena, struct tags *t, struct str arn,
			   bool ask)
{
	struct cw_arn parts;
	enum tags_answer answer = TAGS_NONE;
	void (*wake)(void *arg) = NULL;
	void *arg = NULL;
	bool fresh = false;

	if (!t || !atomic_load_explicit(&t->on, memory_order_relaxed) ||
	    !cloudwatch_arn_read(&parts, arn))
		return TAGS_NONE;
	pthread_mutex_lock(&t->lock);
	if (t->on && str_is(parts.account, t->account))
		answer = look(list, count, arena, t, arn, ask, &fresh);
	if (fresh) {
		wake = t->wake;
		arg = t->arg;
	}
	/* Within the lock: after tags_off() nobody is woken any more. */
	if (wake)
		wake(arg);
	pthread_mutex_unlock(&t->lock);
	return answer;
}

void tags_forget(struct tags *t, struct str arn)
{
	struct entry *e;

	if (!t || !atomic_load_explicit(&t->on, memory_order_relaxed))
		return;
	pthread_mutex_lock(&t->lock);
	e = map_get(t->map, arn);
	if (e) {
		e->expires_ms = 0;
		e->known = false;
		e->stale = e->asked;
	}
	pthread_mutex_unlock(&t->lock);
}

/* ---- the thread that asks ---- */

void tags_serve(struct tags *t, struct str account, void (*wake)(void *arg),
		void *arg)
{
	size_t n = account.n < sizeof(t->account) ? account.n : 0;

	pthread_mutex_lock(&t->lock);
	memcpy(t->account, account.p, n);
	t->account[n] = '\0';
	t->wake = wake;
	t->arg = arg;
	t->on = n > 0;
	pthread_mutex_unlock(&t->lock);
}

void tags_off(struct tags *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->on = false;
	t->wake = NULL;
	while (t->first) {
		t->first->asked = false;
		t->first = t->first->next;
	}
	t->last = &t->first;
	t->queued = 0;
	pthread_mutex_unlock(&t->lock);
}

bool tags_next(struct str *arn, struct str *region, struct tags *t,
	       struct arena *arena)
{
	struct cw_arn parts;
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = t->first;
	if (e) {
		t->first = e->next;
		if (!t->first)
			t->last = &t->first;
		t->queued--;
		*arn = arena_str(arena, e->arn);
	}
	pthread_mutex_unlock(&t->lock);
	if (!e || !cloudwatch_arn_read(&parts, *arn))
		return false;
	*region = parts.region;
	return true;
}

static void keep(struct entry *e, const struct cw_tag *list, size_t n)
{
	struct arena *arena = arena_new(512 << 10);
	struct alarm_pair *pairs = NULL;

	if (arena)
		pairs = arena_array(arena, n + 1, sizeof(*pairs));
	for (size_t i = 0; pairs && i < n; i++) {
		pairs[i].name = arena_str(arena, list[i].key);
		pairs[i].value = arena_str(arena, list[i].value);
	}
	if (!pairs || arena_error(arena)) {
		arena_free(arena);
		arena = NULL;
		pairs = NULL;
		n = 0;
	}
	arena_free(e->arena);
	e->arena = arena;
	e->pairs = pairs;
	e->count = n;
}

void tags_answered(struct tags *t, struct str arn, const struct cw_tag *list,
		   int count)
{
	int64_t now = clock_mono_ms();
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = map_get(t->map, arn);
	if (e) {
		e->asked = false;
		if (count >= 0)
			keep(e, list, (size_t)count);
		/* A failure is no answer: what was known stays. */
		e->known = true;
		e->expires_ms = e->stale ? 0 :
				now + (count > 0 ? FOUND_MS : NONE_MS);
		e->stale = false;
	}
	pthread_mutex_unlock(&t->lock);
}
