#include "stackflow/bulk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "stackflow/bulk_run.h"

#define TIMEOUT_MS 600000
#define TURN_MAX_MS 100
#define TEXTS_MAX (64u << 20)
#define WHERE_MAX 4096

static const struct sf_bulk_kind updates = {
	.to = &sf_bulk_incidents,
	.operation = "update",
	.update = true,
};
static const struct sf_bulk_kind creates = {
	.to = &sf_bulk_incidents,
	.operation = "create",
};
static const struct sf_bulk_kind cis = {
	.to = &sf_bulk_items,
	.operation = "create",
};

static int check_object(struct str json)
{
	struct str s = str_trim(json);

	if (json.n > SF_BODY_MAX / 2)
		return -E2BIG;
	if (s.n == 0 || s.p[0] != '{')
		return -EINVAL;
	return json_scan(json, 0, NULL);
}

static int check(const struct sf_bulk_kind *kind, const struct str *records,
		 size_t n, struct str fields)
{
	int rc = kind->update ? check_object(fields) : 0;

	if (n > SIZE_MAX / sizeof(struct sf_bulk_record))
		return -E2BIG;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (!kind->update)
			rc = check_object(records[i]);
		else if (!sf_id_usable(records[i]))
			rc = -EINVAL;
	}
	return rc;
}

static struct str copy(char **at, struct str s)
{
	struct str to = { *at, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return to;
}

/* All texts in one piece. */
static int take_texts(struct sf_bulk *b, const struct str *records,
		      struct str fields)
{
	struct str bound = sf_bounds_lines(&b->client->bounds);
	size_t bytes = fields.n + bound.n + 1;
	char *at;

	for (size_t i = 0; i < b->n; i++)
		bytes += records[i].n;
	b->copies = at = malloc(bytes);
	b->records = calloc(b->n ? b->n : 1, sizeof(*b->records));
	b->texts = arena_new(TEXTS_MAX);
	if (!b->copies || !b->records || !b->texts)
		return -ENOMEM;
	b->fields = copy(&at, fields);
	b->bound = copy(&at, bound);
	for (size_t i = 0; i < b->n; i++)
		b->records[i].text = copy(&at, records[i]);
	return 0;
}

static void fire(void *arg)
{
	struct sf_bulk *b = arg;

	pthread_mutex_lock(&b->lock);
	b->armed = false;
	if (!b->freed)
		sf_bulk_arm(b, clock_mono_ms());
	sf_bulk_unref(b);
}

static struct sf_bulk *bulk_new(struct sf_client *c)
{
	struct sf_bulk *b = calloc(1, sizeof(*b));

	if (!b || pthread_mutex_init(&b->lock, NULL))
		goto fail;
	if (pthread_cond_init(&b->changed, NULL)) {
		pthread_mutex_destroy(&b->lock);
		goto fail;
	}
	b->client = c;
	b->refs = 1;
	b->where = BUF_INIT(WHERE_MAX);
	b->job_id = BUF_INIT(WHERE_MAX);
	b->problem = BUF_INIT(WHERE_MAX);
	b->timer.fire = fire;
	b->timer.arg = b;
	return b;
fail:
	free(b);
	return NULL;
}

static int start(struct sf_bulk **out, struct sf_client *c,
		 const struct sf_bulk_kind *kind, const struct str *records,
		 size_t n, struct str fields, unsigned timeout_ms,
		 sf_bulk_seen *seen, void *arg)
{
	int rc = check(kind, records, n, fields);
	struct sf_bulk *b;

	if (rc)
		return rc;
	b = bulk_new(c);
	if (!b)
		return -ENOMEM;
	b->kind = kind;
	b->n = n;
	b->seen = seen;
	b->arg = arg;
	b->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
	b->phase = n ? SF_BULK_READY : SF_BULK_ENDED;
	rc = take_texts(b, records, fields);
	if (rc) {
		sf_bulk_free(b);
		return rc;
	}
	*out = b;
	/* Begun by the client's thread, which is where seen is called. */
	if (n && sf_bulk_threaded(b)) {
		pthread_mutex_lock(&b->lock);
		b->armed = true;
		b->refs++;
		if (sf_timers_set(&c->timers, &b->timer, 0))
			sf_client_wake(c);
		pthread_mutex_unlock(&b->lock);
	}
	return 0;
}

int sf_bulk_update(struct sf_bulk **out, struct sf_client *c,
		   const struct str *ids, size_t n, struct str fields,
		   unsigned timeout_ms, sf_bulk_seen *seen, void *arg)
{
	return start(out, c, &updates, ids, n, fields, timeout_ms, seen, arg);
}

int sf_bulk_create(struct sf_bulk **out, struct sf_client *c,
		   const struct str *records, size_t n, unsigned timeout_ms,
		   sf_bulk_seen *seen, void *arg)
{
	return start(out, c, &creates, records, n, STR_NONE, timeout_ms, seen,
		     arg);
}

int sf_bulk_cis(struct sf_bulk **out, struct sf_client *c,
		const struct str *records, size_t n, unsigned timeout_ms,
		sf_bulk_seen *seen, void *arg)
{
	return start(out, c, &cis, records, n, STR_NONE, timeout_ms, seen,
		     arg);
}

int64_t sf_bulk_step(struct sf_bulk *b, int64_t mono_ms)
{
	int64_t ms;

	pthread_mutex_lock(&b->lock);
	if (sf_bulk_threaded(b))
		ms = b->phase == SF_BULK_ENDED ? -1 : TURN_MAX_MS;
	else
		ms = sf_bulk_go(b, mono_ms);
	pthread_mutex_unlock(&b->lock);
	return ms;
}

static void drive(struct sf_bulk *b)
{
	struct sf_drive d = { 0 };
	int64_t ms = 0;

	do {
		sf_drive(b->client, &d, ms < TURN_MAX_MS ? ms : TURN_MAX_MS);
		ms = sf_bulk_step(b, b->client->now_ms);
	} while (ms >= 0);
}

const struct sf_bulk_result *sf_bulk_wait(struct sf_bulk *b)
{
	if (!sf_bulk_threaded(b))
		drive(b);
	pthread_mutex_lock(&b->lock);
	while (b->phase != SF_BULK_ENDED || b->telling)
		pthread_cond_wait(&b->changed, &b->lock);
	b->result = sf_bulk_now(b);
	pthread_mutex_unlock(&b->lock);
	return &b->result;
}

size_t sf_bulk_failures(struct sf_bulk_failure *out, size_t max,
			const struct sf_bulk *b)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&b->lock;
	size_t n = 0;

	pthread_mutex_lock(lock);
	for (size_t i = 0; i < b->at; i++) {
		const struct sf_bulk_record *r = &b->records[i];

		if (r->state != SF_RECORD_FAILED &&
		    r->state != SF_RECORD_UNKNOWN)
			continue;
		if (n < max)
			out[n] = (struct sf_bulk_failure){
				.at = i,
				.id = b->kind->update ? r->text : STR_NONE,
				.message = r->message,
				.unknown = r->state == SF_RECORD_UNKNOWN,
			};
		n++;
	}
	pthread_mutex_unlock(lock);
	return n;
}

void sf_bulk_free(struct sf_bulk *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->freed = true;
	while (b->telling)
		pthread_cond_wait(&b->changed, &b->lock);
	if (b->armed && sf_timers_clear(&b->client->timers, &b->timer)) {
		b->armed = false;
		b->refs--;
	}
	sf_bulk_unref(b);
}
