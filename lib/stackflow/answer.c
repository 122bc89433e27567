#include "stackflow/answer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "doc/json.h"
#include "stackflow/client.h"
#include "stackflow/handed.h"

#define ID_MAX 256

/* A result that stands on its own. */
struct ended {
	struct sf_result res;
	struct json *root;
	struct buf words;
	char id[ID_MAX];
};

/* By shown alone the caller goes; landed is what the client's thread fills,
 * as a call may end before the result of the one before was let go. */
struct sf_answer {
	struct sf_client *client;
	pthread_mutex_t lock;
	/* Posted for each call's end, behind the lock: by a condition who
	 * waits would wake into a lock that is held, or free what is yet to be
	 * signalled. */
	sem_t ends;
	unsigned owed;	   /* under lock, as what follows: posts to take */
	unsigned expected; /* calls under way */
	bool has;		/* landed is to be shown */
	struct ended landed;
	struct ended shown;
};

static const char *const none = "no call has ended here";

static void ended_fini(struct ended *e)
{
	json_free(e->root);
	buf_fini(&e->words);
	*e = (struct ended){ .res = { .outcome = SF_NOT_EXECUTED,
				      .problem = none,
				      .retry_after_ms = -1 } };
}

struct sf_answer *sf_answer_new(struct sf_client *c)
{
	struct sf_answer *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->client = c;
	pthread_mutex_init(&a->lock, NULL);
	sem_init(&a->ends, 0, 0);
	ended_fini(&a->landed);
	ended_fini(&a->shown);
	return a;
}

void sf_answer_expect(struct sf_answer *a, bool begins)
{
	pthread_mutex_lock(&a->lock);
	if (begins) {
		a->expected++;
		a->owed++;
	} else {
		a->expected--;
		a->owed--;
	}
	pthread_mutex_unlock(&a->lock);
}

static void keep(struct ended *e, const struct sf_result *r,
		 struct sf_handed *handed)
{
	ended_fini(e);
	e->res = *r;
	if (handed && r->body && r->body == handed->root) {
		e->root = handed->root;
		handed->root = NULL;
	} else {
		e->res.body = NULL;
	}
	if (handed && r->problem && r->problem == handed->words.p) {
		e->words = handed->words;
		handed->words = BUF_INIT(handed->words.max);
	} else if (r->problem) {
		e->words = BUF_INIT(1024);
		buf_puts(&e->words, r->problem);
		e->res.problem = buf_error(&e->words) ? "failed" : e->words.p;
	}
	e->res.id = STR_NONE;
	if (r->id.p && r->id.n < sizeof(e->id)) {
		memcpy(e->id, r->id.p, r->id.n);
		e->id[r->id.n] = '\0';
		e->res.id = (struct str){ e->id, r->id.n };
	}
}

void sf_answer_done(const struct sf_result *r, void *arg)
{
	struct sf_answer *a = arg;
	bool expected;

	pthread_mutex_lock(&a->lock);
	keep(&a->landed, r, a->client->handed);
	a->has = true;
	expected = a->expected > 0;
	a->expected -= expected;
	pthread_mutex_unlock(&a->lock);
	/* The last that is done to a: who waits may free it at once. */
	if (expected)
		sem_post(&a->ends);
}

/* Lock held. */
static void await(struct sf_answer *a)
{
	struct sf_drive d = { 0 };

	while (a->owed) {
		bool ends = !a->expected || a->client->loop;

		pthread_mutex_unlock(&a->lock);
		if (!ends)
			/* The loop is this thread's own, and so is a. */
			sf_drive(a->client, &d, 1000);
		while (ends && sem_wait(&a->ends))
			; /* a signal came */
		pthread_mutex_lock(&a->lock);
		a->owed -= ends;
	}
}

void sf_answer_free(struct sf_answer *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	await(a);
	pthread_mutex_unlock(&a->lock);
	ended_fini(&a->landed);
	ended_fini(&a->shown);
	sem_destroy(&a->ends);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* Why a call didn't begin. */
static const struct sf_result *refused(int rc)
{
#define UNSENT(words)                                                          \
	{                                                                      \
		.outcome = SF_NOT_EXECUTED, .retry_after_ms = -1,              \
		.problem = "not sent: " words                                  \
	}
	static const struct sf_result memory = UNSENT("out of memory"),
				      full = UNSENT("too many calls wait"),
				      closed = UNSENT("the client is closed"),
				      bad = UNSENT("unusable arguments"),
				      other = UNSENT("it can't begin");
#undef UNSENT
	switch (rc) {
	case -ENOMEM:
		return &memory;
	case -EAGAIN:
		return &full;
	case -ESHUTDOWN:
		return &closed;
	case -EINVAL:
	case -E2BIG:
		return &bad;
	default:
		return &other;
	}
}

const struct sf_result *sf_answer_wait(struct sf_answer *a, int rc)
{
	if (!a)
		return refused(rc ? rc : -ENOMEM);
	if (rc) {
		ended_fini(&a->shown);
		a->shown.res = *refused(rc);
		return &a->shown.res;
	}
	pthread_mutex_lock(&a->lock);
	await(a);
	if (a->has) {
		ended_fini(&a->shown);
		a->shown = a->landed;
		if (a->shown.res.id.p)
			a->shown.res.id.p = a->shown.id;
		a->landed = (struct ended){ 0 };
		a->has = false;
	}
	pthread_mutex_unlock(&a->lock);
	return &a->shown.res;
}

bool sf_answer_ready(const struct sf_answer *a)
{
	struct sf_answer *at = (struct sf_answer *)(uintptr_t)a;
	bool ready;

	pthread_mutex_lock(&at->lock);
	ready = !a->expected && (a->has || a->shown.res.problem != none);
	pthread_mutex_unlock(&at->lock);
	return ready;
}
