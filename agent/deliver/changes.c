#include "agent/deliver/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/changes.h"
#include "agent/triage.h"
#include "base/clock.h"
#include "base/encode.h"
#include "stackflow/changes.h"

#define UNDER_WAY_MAX 8
#define PAGES_MAX 5
#define PAGE_QUERY "&limit=200"

/* One CI's changes, asked for page by page. */
struct question {
	struct question *next;		/* waits for room */
	struct deliver *d;
	struct arena *arena;
	struct str ci_id, page;
	unsigned pages;			/* read so far */
	int64_t until_ms;		/* monotonic */
};

static void end(struct question *q, bool ok)
{
	struct agent *a = q->d->agent;

	q->d->questions--;
	changes_answered(a->changes, q->ci_id, ok);
	triage_wake(a->triage);
	arena_free(q->arena);
	free(q);
}

static void answered(const struct sf_result *r, void *arg)
{
	struct question *q = arg;
	struct deliver *d = q->d;
	const struct json *rows = NULL;
	int more = 0;

	/* Incidents may well go on where changes can't be had: their failures
	 * are no sign for the breaker. */
	if (r->outcome == SF_OK || r->status == 429)
		deliver_result(d, r);
	if (r->outcome == SF_OK)
		rows = sf_page_rows(r->body);
	if (rows) {
		changes_rows(d->agent->changes, q->ci_id, rows);
		more = sf_page_next(&q->page, r->body, q->arena);
	}
	if (more <= 0 || ++q->pages >= PAGES_MAX) {
		end(q, rows && !more);
		return;
	}
	q->next = d->paused;
	d->paused = q;
}

static void ask(struct question *q)
{
	int64_t now = clock_mono_ms();
	struct deliver *d = q->d;
	struct buf query = BUF_INIT(512);
	int rc;

	encode_url(&query, str_from(d->conf->stackflow.changes_ci));
	buf_printf(&query, "=%.*s" PAGE_QUERY, STR_ARG(q->ci_id));
	rc = buf_error(&query);
	if (!rc && now >= q->until_ms)
		rc = -ETIMEDOUT;
	if (!rc)
		rc = sf_change_list_within(d->sf, query.p, q->page,
				    (unsigned)(q->until_ms - now), answered,
				    q);
	buf_fini(&query);
	if (rc)
		end(q, false);
	else
		d->last_try_ms = now;
}

static struct question *question_new(struct deliver *d)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->d = d;
	q->until_ms = clock_mono_ms() + CHANGES_BUDGET_MS;
	q->arena = arena_new(16 << 10);
	if (!q->arena ||
	    changes_next(&q->ci_id, d->agent->changes, q->arena) <= 0) {
		arena_free(q->arena);
		free(q);
		return NULL;
	}
	d->questions++;
	metrics_add(d->agent->metrics, METRIC_CHANGES_LOOKUPS, 1);
	return q;
}

void changes_ask(struct deliver *d)
{
	struct question *q;

	while (d->paused && deliver_room(d, clock_mono_ms()) == 0) {
		q = d->paused;
		d->paused = q->next;
		ask(q);
	}
	while (changes_waiting(d->agent->changes) &&
	       d->questions < UNDER_WAY_MAX &&
	       deliver_room(d, clock_mono_ms()) == 0) {
		q = question_new(d);
		if (!q)
			return;
		ask(q);
	}
}

void changes_drop(struct deliver *d)
{
	while (d->paused) {
		struct question *q = d->paused;

		d->paused = q->next;
		end(q, false);
	}
}
