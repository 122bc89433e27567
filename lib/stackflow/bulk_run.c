#include "stackflow/bulk_run.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"
#include "stackflow/jobs.h"

#define GAP_FIRST_MS 500
#define GAP_MAX_MS 5000
#define GAP_TOLD_MAX_MS 60000
#define TURN_MS 20 /* where a call has to wait for its turn */
#define IDLE_MS 1000
#define REFUSALS_MAX 5 /* a job that isn't there yet may come */
#define MESSAGE_MAX 200
#define PROBLEM_MAX 500

bool sf_bulk_threaded(const struct sf_bulk *b)
{
	return b->client->loop != NULL;
}

void sf_bulk_unref(struct sf_bulk *b)
{
	bool last = --b->refs == 0;

	pthread_mutex_unlock(&b->lock);
	if (!last)
		return;
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	arena_free(b->texts);
	buf_fini(&b->where);
	buf_fini(&b->job_id);
	buf_fini(&b->problem);
	free(b->records);
	free(b->copies);
	free(b);
}

struct sf_bulk_result sf_bulk_now(const struct sf_bulk *b)
{
	struct sf_bulk_result now = b->result;

	now.records = b->n;
	now.unsent = b->n - b->at;
	now.problem = b->problem.n ? b->problem.p : NULL;
	if (b->phase == SF_BULK_READY || b->phase == SF_BULK_ENDED)
		return now;
	now.done += b->job_done;
	now.failed += b->job_failed;
	now.unknown += b->count - b->job_done - b->job_failed;
	now.unsent -= b->count;
	return now;
}

/* Let the caller see it; the lock is not held meanwhile. */
static void tell(struct sf_bulk *b)
{
	struct sf_bulk_result now = sf_bulk_now(b);

	if (b->seen && !b->freed) {
		b->telling = true;
		pthread_mutex_unlock(&b->lock);
		b->seen(b, &now, b->phase == SF_BULK_ENDED, b->arg);
		pthread_mutex_lock(&b->lock);
		b->telling = false;
	}
	pthread_cond_broadcast(&b->changed);
}

static void say(struct sf_bulk *b, struct str text)
{
	if (b->problem.n == 0)
		utf8_put_safe(&b->problem, text, PROBLEM_MAX);
}

static void end(struct sf_bulk *b, enum sf_outcome outcome, const char *problem)
{
	b->phase = SF_BULK_ENDED;
	b->result.outcome = outcome;
	if (problem) {
		/* Why it stops is worth more than why a record failed. */
		buf_reset(&b->problem);
		say(b, str_from(problem));
	}
}

/* The job's records, all of them in one state. */
static void mark(struct sf_bulk *b, enum sf_bulk_record_state state,
		 struct str message)
{
	for (size_t i = b->at; i < b->at + b->count; i++) {
		b->records[i].state = state;
		b->records[i].message = message;
	}
	b->at += b->count;
	if (state == SF_RECORD_FAILED)
		b->result.failed += b->count;
	else
		b->result.unknown += b->count;
	b->count = 0;
}

static struct str keep_text(struct sf_bulk *b, struct str s)
{
	return s.n ? arena_str(b->texts, utf8_cut(s, MESSAGE_MAX)) :
		     STR_NONE;
}

/* It was started, but what became of it can't be had. */
static void lose(struct sf_bulk *b, const char *problem)
{
	mark(b, SF_RECORD_UNKNOWN, keep_text(b, str_from(problem)));
	end(b, SF_UNKNOWN, problem);
}

static void poll_later(struct sf_bulk *b, int64_t told_ms)
{
	int64_t gap = GAP_FIRST_MS;

	for (unsigned i = 0; i < b->polls && gap < GAP_MAX_MS; i++)
		gap *= 2;
	if (gap > GAP_MAX_MS)
		gap = GAP_MAX_MS;
	if (told_ms > GAP_TOLD_MAX_MS)
		told_ms = GAP_TOLD_MAX_MS;
	b->polls++;
	b->phase = SF_BULK_WAITING;
	b->gap_ms = gap > told_ms ? gap : told_ms;
	b->due_ms = -1;
}

/* What a job's end says, record by record. */
struct tally {
	struct sf_bulk *bulk;
	size_t done, failed;	/* that it names */
};

static void named(size_t at, bool failed, struct str message, void *arg)
{
	struct tally *t = arg;
	struct sf_bulk *b = t->bulk;
	struct sf_bulk_record *r = &b->records[b->at + at];

	/* Named twice: that it failed is what counts. */
	if (r->state == SF_RECORD_FAILED || (r->state && !failed))
		return;
	if (r->state == SF_RECORD_DONE)
		t->done--;
	r->state = failed ? SF_RECORD_FAILED : SF_RECORD_DONE;
	t->done += !failed;
	t->failed += failed;
	if (failed) {
		r->message = keep_text(b, message);
		say(b, r->message.n ? r->message : STR("a record failed"));
	}
}

static void mark_open(struct sf_bulk *b, enum sf_bulk_record_state state,
		      struct str message)
{
	for (size_t i = b->at; i < b->at + b->count; i++) {
		struct sf_bulk_record *r = &b->records[i];

		if (r->state == SF_RECORD_OPEN) {
			r->state = state;
			r->message = message;
		}
	}
}

static void job_ids(struct str *ids, const struct sf_bulk *b)
{
	for (size_t i = 0; i < b->count; i++)
		ids[i] = b->records[b->at + i].text;
}

/*
 * Reckon up a job that has ended: what it names, then what it counts. A job
 * that ended well has done what it doesn't say to have failed; of one that
 * broke off the rest isn't known.
 */
static void collect(struct sf_bulk *b, const struct json *body,
		    enum sf_job_state state)
{
	struct str ids[SF_BULK_MAX], message = sf_job_message(body);
	struct tally t = { .bulk = b };
	size_t n = b->count, done, failed, open;
	struct sf_job_counts counts;

	job_ids(ids, b);
	sf_job_each(body, b->kind->update ? ids : NULL, n, named, &t);
	sf_job_count(&counts, body, n);
	failed = t.failed;
	if (counts.failed > (int64_t)failed)
		failed = (size_t)counts.failed;
	done = state == SF_JOB_ENDED && counts.done < 0 ? n : t.done;
	if (counts.done > (int64_t)done)
		done = (size_t)counts.done;
	if (done > n - failed)
		done = n - failed;
	open = n - t.done - t.failed;
	message = keep_text(b, message);
	/* Which they are is known only where it is all that weren't named. */
	if (n - failed - done == open)
		mark_open(b, SF_RECORD_UNKNOWN, message);
	else if (failed - t.failed == open)
		mark_open(b, SF_RECORD_FAILED, message);
	if (n > done)
		say(b, message.n ? message :
		       failed	 ? STR("records of a job failed") :
				   STR("a job gave up"));
	b->result.done += done;
	b->result.failed += failed;
	b->result.unknown += n - failed - done;
	b->at += n;
	b->count = 0;
	b->phase = b->at < b->n ? SF_BULK_READY : SF_BULK_ENDED;
	b->due_ms = b->until_ms = 0;
}

static void take_start(struct sf_bulk *b, const struct sf_result *r)
{
	enum sf_job_state state = sf_job_state(r->body);

	b->job_done = b->job_failed = 0;
	b->polls = b->refusals = 0;
	switch (r->outcome) {
	case SF_OK:
		buf_reset(&b->where);
		buf_reset(&b->job_id);
		buf_put_str(&b->where, r->id);
		buf_put_str(&b->job_id, sf_job_id(r->body));
		if (b->where.n && buf_error(&b->where) == 0)
			poll_later(b, r->retry_after_ms);
		else if (state != SF_JOB_RUNNING)
			collect(b, r->body, state); /* without a job */
		else
			lose(b, "the answer doesn't say where its job is");
		return;
	case SF_NOT_EXECUTED:
		b->count = 0;
		b->phase = SF_BULK_READY;
		b->gap_ms = GAP_FIRST_MS;
		b->due_ms = -1;
		/* A limit passes; the client keeps to its pause. */
		if (r->status != 429)
			end(b, SF_NOT_EXECUTED, r->problem);
		return;
	case SF_REFUSED:
		mark(b, SF_RECORD_FAILED, keep_text(b, str_from(r->problem)));
		end(b, SF_REFUSED, r->problem);
		return;
	case SF_UNKNOWN:
		lose(b, r->problem);
		return;
	}
}

/* An answer that says no more than that there is no such job. */
static bool refusal(const struct sf_result *r)
{
	return r->status >= 300 && r->status < 500 && r->status != 408 &&
	       r->status != 425 && r->status != 429;
}

static void take_poll(struct sf_bulk *b, const struct sf_result *r)
{
	enum sf_job_state state = sf_job_state(r->body);
	struct sf_job_counts counts;

	if (r->outcome != SF_OK) {
		if (refusal(r) && ++b->refusals >= REFUSALS_MAX)
			lose(b, r->problem);
		else
			poll_later(b, r->retry_after_ms);
		return;
	}
	b->refusals = 0;
	if (state != SF_JOB_RUNNING) {
		collect(b, r->body, state);
		return;
	}
	sf_job_count(&counts, r->body, b->count);
	b->job_failed = counts.failed > 0 ? (size_t)counts.failed : 0;
	b->job_done = counts.done > 0 ? (size_t)counts.done : 0;
	if (b->job_done > b->count - b->job_failed)
		b->job_done = b->count - b->job_failed;
	poll_later(b, r->retry_after_ms);
}

static void answered(const struct sf_result *r, void *arg)
{
	struct sf_bulk *b = arg;

	pthread_mutex_lock(&b->lock);
	if (!b->freed) {
		if (b->phase == SF_BULK_STARTING)
			take_start(b, r);
		else
			take_poll(b, r);
		tell(b);
		if (sf_bulk_threaded(b) && !b->freed)
			sf_bulk_arm(b, clock_mono_ms());
	}
	sf_bulk_unref(b);
}

/* As many records as a request may hold. */
static void put_job(struct buf *out, struct sf_bulk *b)
{
	struct jsonw w = JSONW(out);
	size_t bytes = b->fields.n;

	jsonw_object(&w);
	jsonw_kcstr(&w, "operation", b->kind->operation);
	jsonw_key(&w, b->kind->update ? "ids" : "records");
	jsonw_array(&w);
	for (b->count = 0; b->count < SF_BULK_MAX && b->at + b->count < b->n;
	     b->count++) {
		struct str text = b->records[b->at + b->count].text;

		bytes += text.n + 4;
		if (b->count && bytes > SF_BODY_MAX - 256)
			break;
		if (b->kind->update)
			jsonw_str(&w, text);
		else
			jsonw_raw(&w, text);
	}
	jsonw_end_array(&w);
	if (b->kind->update) {
		jsonw_key(&w, "fields");
		jsonw_raw(&w, b->fields);
	}
	jsonw_end_object(&w);
}

static int start_job(struct sf_bulk *b)
{
	struct buf text = BUF_INIT(SF_BODY_MAX);
	struct sf_bound guise;
	int rc;

	put_job(&text, b);
	rc = buf_error(&text);
	if (rc == 0) {
		sf_bounds_enter(&b->client->bounds, &guise, b->bound);
		rc = sf_bulk_start(b->client, b->kind->to, buf_str(&text),
				   (unsigned)b->count, NULL, answered, b);
		sf_bounds_leave(&guise);
	}
	buf_fini(&text);
	if (rc)
		b->count = 0;
	return rc;
}

static int poll_job(struct sf_bulk *b)
{
	struct sf_bound guise;
	int rc;

	sf_bounds_enter(&b->client->bounds, &guise, b->bound);
	rc = sf_job_get(b->client, b->kind->to->path, buf_str(&b->where), answered,
			b);
	/* A status_url on the gateway's own host, which gets no token. */
	if (rc == -EINVAL && b->job_id.n)
		rc = sf_job_get(b->client, b->kind->to->path, buf_str(&b->job_id),
				answered, b);
	sf_bounds_leave(&guise);
	return rc;
}

static const char *words_of(int rc)
{
	switch (rc) {
	case -EINVAL:
		return "where its job is polled can't be asked";
	case -ESHUTDOWN:
		return "the client is closed";
	case -ENOMEM:
		return "out of memory";
	}
	return "the call can't begin";
}

/* It is due. */
static int64_t begin(struct sf_bulk *b, int64_t now)
{
	bool start = b->phase == SF_BULK_READY;
	int rc = start ? start_job(b) : poll_job(b);

	if (rc == 0) {
		b->phase = start ? SF_BULK_STARTING : SF_BULK_POLLING;
		b->refs++;
		return IDLE_MS;
	}
	/* Of a job that has been started more than this can be known later. */
	if (rc == -EAGAIN || (rc == -ENOMEM && !start)) {
		b->due_ms = now + TURN_MS;
		return TURN_MS;
	}
	if (start)
		end(b, SF_NOT_EXECUTED, words_of(rc));
	else
		lose(b, words_of(rc));
	tell(b);
	return -1;
}

int64_t sf_bulk_go(struct sf_bulk *b, int64_t now)
{
	if (b->phase == SF_BULK_ENDED || b->freed)
		return -1;
	if (b->phase == SF_BULK_STARTING || b->phase == SF_BULK_POLLING)
		return IDLE_MS;
	if (b->due_ms < 0)
		b->due_ms = now + b->gap_ms;
	if (b->until_ms == 0)
		b->until_ms = now + b->timeout_ms;
	if (now >= b->until_ms) {
		if (b->phase == SF_BULK_READY)
			end(b, SF_NOT_EXECUTED, "no turn came in time");
		else
			lose(b, "the job didn't end in time");
		tell(b);
		return -1;
	}
	if (now >= b->due_ms)
		return begin(b, now);
	return (b->due_ms < b->until_ms ? b->due_ms : b->until_ms) - now;
}

void sf_bulk_arm(struct sf_bulk *b, int64_t now)
{
	int64_t ms = sf_bulk_go(b, now);

	if (b->phase != SF_BULK_READY && b->phase != SF_BULK_WAITING)
		return;
	if (!b->armed)
		b->refs++;
	b->armed = true;
	if (sf_timers_set(&b->client->timers, &b->timer, now + ms))
		sf_client_wake(b->client);
}
