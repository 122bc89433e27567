#include "agent/replay/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "agent/thread.h"
#include "agent/told.h"

#define ARENA_MAX (256 << 20)
#define DAY_MS 86400000LL

/* A message that is decoded, and which. */
struct decoded {
	struct alarms alarms;
	struct spool_cursor cursor;
	struct spool_event event;
	struct buf names;		/* what alarms borrow besides payload */
	int64_t message;		/* -1: none */
	struct told told;		/* what look-ups said then */
	struct arena *arena;		/* of its tags; NULL: never needed */
};

struct engine {
	const struct ruleset *rules;
	struct spool *spool;
	int64_t until_ms;
	struct memory *memory;
	struct side *side;
	struct arena *arena;
	struct decoded now, again;	/* handed in, and asked for again */
	struct told *told;		/* of the event that is decided */
	uint64_t unknown;		/* look-ups that nobody made then */
	pthread_t thread;
	bool joined;
	_Atomic size_t done;
	_Atomic bool stop;
	int rc;
};

static void decoded_init(struct decoded *d)
{
	*d = (struct decoded){ .message = -1 };
	spool_cursor_init(&d->cursor);
	buf_init(&d->names, 4 << 20);
}

static void decoded_fini(struct decoded *d)
{
	if (d->message >= 0)
		alarms_fini(&d->alarms);
	spool_cursor_fini(&d->cursor);
	buf_fini(&d->names);
	told_fini(&d->told);
	arena_free(d->arena);
}

/* The next of names as it lies in d->names, to which they were copied. */
static struct str copied(struct str *rest, struct str name)
{
	struct str s = name.p ? str_sub(*rest, 0, name.n) : STR_NONE;

	*rest = str_sub(*rest, name.n, rest->n - name.n);
	return s;
}

/* As a word that outlives the event. */
static const char *intake_of(struct str intake)
{
	static const char *const words[] = { "sns", "sqs", "webhook",
					     ALARM_OWN_INTAKE };

	for (size_t i = 0; i < 4; i++)
		if (str_is(intake, words[i]))
			return words[i];
	return "file";
}

/* The events of a message share what is decoded of it. */
static int decode_message(struct decoded *d)
{
	const struct event *e = &d->event.event;
	struct alarm_input in = {
		.body = e->payload,
		.sent_ms = e->sent_ms,
		.received_ms = e->received_ms,
		.intake = intake_of(str_from(e->intake)),
	};
	struct str rest;
	int rc;

	if (d->message >= 0)
		alarms_fini(&d->alarms);
	d->message = -1;
	buf_reset(&d->names);
	buf_put_str(&d->names, e->subject);
	buf_put_str(&d->names, e->topic);
	buf_put_str(&d->names, e->message_id);
	if (buf_error(&d->names))
		return buf_error(&d->names);
	rest = buf_str(&d->names);
	in.subject = copied(&rest, e->subject);
	in.topic = copied(&rest, e->topic);
	in.message_id = copied(&rest, e->message_id);
	rc = alarm_decode(&d->alarms, &in);
	if (!rc)
		d->message = d->event.message;
	return rc;
}

/* With the tags that were looked up when it was decided. */
static int add_tags(const struct alarm **out, struct decoded *d)
{
	if (!d->told.json)
		return 0;
	if (!d->arena)
		d->arena = arena_new(ARENA_MAX);
	if (!d->arena)
		return -ENOMEM;
	arena_reset(d->arena);
	return told_tags(out, &d->told, d->arena);
}

/* The n-th event's alarm: 1; 0: there is none; negative. */
static int decode(const struct alarm **out, struct engine *engine,
		  struct decoded *d, size_t n)
{
	const struct event *e = &d->event.event;
	int rc = spool_get(&d->event, engine->spool, n, &d->cursor);

	if (rc <= 0)
		return rc;
	if (d->message != d->event.message)
		rc = decode_message(d);
	if (rc < 0)
		return rc;
	*out = &d->alarms.list[e->position < d->alarms.count ? e->position :
							       0];
	told_fini(&d->told);
	told_init(&d->told, e->world, d->event.ci_id);
	d->told.unknown = &engine->unknown;
	d->told.now_ms = engine->memory ? memory_now(engine->memory) :
					  e->received_ms;
	engine->told = &d->told;
	rc = add_tags(out, d);
	return rc ? rc : 1;
}

static enum ci_answer find_ci(struct ci *out, struct arena *arena,
			      struct str field, struct str value, void *arg)
{
	const struct engine *e = arg;

	return told_ci(out, arena, field, value, e->told);
}

static enum ci_answer find_change(struct rule_change *out, struct arena *arena,
				  struct str ci_id, const struct str *states,
				  size_t state_count, void *arg)
{
	const struct engine *e = arg;

	return told_change(out, arena, ci_id, states, state_count, e->told);
}

static struct silences *find_silences(const struct alarm *a, void *arg)
{
	const struct engine *e = arg;

	return told_silences(e->told, a->source);
}

/* For memory: the event that was the seq-th. */
static int fetch(const struct alarm **out, int64_t seq, void *arg)
{
	struct engine *e = arg;
	int rc = decode(out, e, &e->again, (size_t)seq - 1);

	return rc > 0 ? 0 : rc ? rc : -ENOENT;
}

static void tell(const struct memory_action *a, const struct incident *i,
		 struct str fields, void *arg)
{
	struct engine *e = arg;

	side_tell(e->side, a, i, fields);
}

static int begin(struct engine *e, int64_t now_ms)
{
	const struct memory_stream stream = { fetch, tell, find_silences, e };

	e->memory = memory_new(now_ms);
	if (!e->memory)
		return -ENOMEM;
	memory_set_stream(e->memory, &stream);
	memory_set_changes(e->memory, find_change, e);
	return 0;
}

static int take(struct engine *e, size_t n, const struct ci_source *cis,
		int64_t *newest_ms)
{
	const struct alarm *alarm;
	struct handling h;
	int rc = decode(&alarm, e, &e->now, n);

	if (rc <= 0)
		return rc;
	if (e->now.event.event.received_ms > *newest_ms)
		*newest_ms = e->now.event.event.received_ms;
	rc = e->memory ? 0 : begin(e, *newest_ms);
	if (!rc)
		rc = memory_advance(e->memory, e->rules, cis, *newest_ms);
	if (rc)
		return rc;
	arena_reset(e->arena);
	e->told = &e->now.told;
	e->told->now_ms = *newest_ms;
	rc = memory_event(&h, e->memory, e->rules, cis, NULL, alarm,
			  e->now.event.event.id, e->arena);
	if (!rc)
		rc = side_event(e->side, alarm, &h);
	if (!rc)
		rc = side_error(e->side);
	return rc ? rc : 1;
}

static void *run(void *arg)
{
	struct engine *e = arg;
	const struct ci_source cis = { find_ci, e };
	int64_t newest_ms = 0;
	size_t n = 0;
	int rc = 1;

	while (rc > 0 && !atomic_load_explicit(&e->stop,
					       memory_order_relaxed)) {
		rc = take(e, n, &cis, &newest_ms);
		n += rc > 0;
		atomic_store_explicit(&e->done, n, memory_order_relaxed);
	}
	newest_ms += DAY_MS;
	if (newest_ms > e->until_ms)
		newest_ms = e->until_ms;
	if (!rc && e->memory && newest_ms > memory_now(e->memory))
		rc = memory_advance(e->memory, e->rules, &cis, newest_ms);
	e->rc = rc > 0 ? -ECANCELED : rc ? rc : side_error(e->side);
	return NULL;
}

int engine_start(struct engine **out, const struct ruleset *rules,
		 struct spool *spool, int64_t until_ms)
{
	struct engine *e = calloc(1, sizeof(*e));
	int rc = -ENOMEM;

	if (!e)
		return rc;
	e->rules = rules;
	e->spool = spool;
	e->until_ms = until_ms;
	e->joined = true;
	decoded_init(&e->now);
	decoded_init(&e->again);
	e->arena = arena_new(ARENA_MAX);
	e->side = side_new();
	if (e->arena && e->side)
		rc = thread_start(&e->thread, "replay", run, e,
				  &(struct err){ "" });
	if (rc) {
		engine_free(e);
		return rc;
	}
	e->joined = false;
	*out = e;
	return 0;
}

int engine_wait(struct engine *e, int ms)
{
	struct timespec until;

	if (e->joined)
		return 1;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	e->joined = pthread_timedjoin_np(e->thread, NULL, &until) == 0;
	return e->joined;
}

size_t engine_done(const struct engine *e)
{
	return atomic_load_explicit(&e->done, memory_order_relaxed);
}

int engine_stop(struct engine *e)
{
	atomic_store(&e->stop, true);
	if (!e->joined)
		pthread_join(e->thread, NULL);
	e->joined = true;
	return e->rc;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	if (!e->joined)
		engine_stop(e);
	decoded_fini(&e->now);
	decoded_fini(&e->again);
	memory_free(e->memory);
	side_free(e->side);
	arena_free(e->arena);
	free(e);
}

uint64_t engine_unknown(const struct engine *e)
{
	return e->unknown;
}

const struct side *engine_side(const struct engine *e)
{
	return e->side;
}
