/* The thread that asks CloudWatch: rounds on a timer, tags when asked. */
#include <errno.h>
#include <stdlib.h>

#include "agent/log.h"
#include "agent/reconcile/internal.h"
#include "agent/reconcile/look.h"
#include "agent/tags.h"
#include "agent/thread.h"
#include "base/clock.h"
#include "base/random.h"
#include "doc/jsonw.h"

/* What waits in topics and queues at a start comes first. */
#define SETTLE_MS 15000
#define ACCOUNT_MS (60 * 60 * 1000)
/* Where STS can't be reached, it isn't every round that waits for it. */
#define ACCOUNT_AGAIN_MS (10 * 60 * 1000)

/* ---- the credentials' account ---- */

static void off(struct reconcile *r, const struct err *err)
{
	r->off_until_ms = clock_mono_ms() + OFF_MS;
	r->account_ms = 0;
	tags_off(r->agent->tags);
	pthread_mutex_lock(&r->lock);
	r->problem = *err;
	pthread_mutex_unlock(&r->lock);
	if (!r->off_said)
		LOG(WARNING, "CloudWatch isn't asked: no credentials that it "
			     "takes; tried again in an hour",
		    LFC("error", err->text));
	r->off_said = true;
}

static void on(struct reconcile *r)
{
	if (r->off_said)
		LOG(INFO, "CloudWatch is asked again");
	r->off_said = false;
	r->off_until_ms = 0;
}

/*
 * Whose alarms they are: asked for what only an account's own credentials can
 * tell, that an alarm is gone, and its tags. The rest goes on without.
 */
static int identify(struct reconcile *r)
{
	struct buf account = BUF_INIT(64);
	struct err err;
	int rc;

	if (clock_mono_ms() < r->account_ms)
		return 0;
	r->account_ms = clock_mono_ms() + ACCOUNT_AGAIN_MS;
	rc = cloudwatch_account(r->cw,
				str_from(cloud_region(r->agent->cloud)),
				&account, &err);
	if (!rc && account.n == sizeof(r->account) - 1) {
		memcpy(r->account, account.p, account.n);
		r->account_ms = clock_mono_ms() + ACCOUNT_MS;
		r->account_failed = false;
		look_serve(r);
	} else if (rc == -ENOKEY) {
		off(r, &err);
	} else if (rc != -ECANCELED && !r->account_failed) {
		r->account_failed = true;
		LOG(WARNING, "the credentials' account isn't known: deleted "
			     "alarms aren't seen, tags aren't asked for",
		    LFC("error", err.text));
	}
	buf_fini(&account);
	return rc == -ECANCELED || rc == -ENOKEY ? rc : 0;
}

/* ---- the thread ---- */

static bool turn(void *arg)
{
	struct reconcile *r = arg;

	if (r->stop)
		return true;
	look_turn(r);
	return false;
}

static int one_round(struct reconcile *r, const struct conf *c)
{
	struct ruleset *rules;
	struct err err = { "no credentials, or none that are accepted" };
	int rc;

	if (clock_mono_ms() < r->off_until_ms)
		return 0;
	rc = identify(r);
	if (rc)
		return rc;
	rules = agent_rules(r->agent);
	rc = round_run(r, c, rules);
	ruleset_free(rules);
	if (rc == -ENOKEY)
		off(r, &err);
	if (rc)
		return rc;
	on(r);
	pthread_mutex_lock(&r->lock);
	r->last_round_ms = clock_wall_ms();
	pthread_mutex_unlock(&r->lock);
	return 0;
}

/* Many agents of one account shouldn't ask at one moment. */
static int64_t jitter(int64_t ms)
{
	return ms - ms / 10 + (int64_t)random_below((uint64_t)ms / 5 + 1);
}

static void *run(void *arg)
{
	struct reconcile *r = arg;
	struct conf *c = agent_conf(r->agent);
	int64_t wait = c->aws.reconcile_ms;
	int rc = identify(r);

	if (rc != -ECANCELED)
		rc = cloudwatch_wait(r->cw, wait < SETTLE_MS ? wait :
							       SETTLE_MS);
	while (rc != -ECANCELED) {
		rc = one_round(r, c);
		conf_free(c);
		c = agent_conf(r->agent);
		/* Turned off since: as it was at the start. */
		wait = c->aws.reconcile_ms > 0 ? c->aws.reconcile_ms : wait;
		if (rc != -ECANCELED)
			rc = cloudwatch_wait(r->cw, jitter(wait));
	}
	conf_free(c);
	return NULL;
}

static int open_all(struct reconcile *r, const struct conf *c, struct err *err)
{
	struct cloudwatch_options o = { .turn = turn, .arg = r };
	int rc;

	r->absent = map_new();
	if (!r->absent)
		return err_set(err, -ENOMEM, "out of memory");
	rc = store_reader_open(&r->reader, r->agent->store, err);
	if (!rc)
		rc = cloud_client(&r->rest, &r->client, r->agent->cloud, c,
				  err);
	if (rc)
		return rc;
	o.rest = r->rest;
	o.client = r->client;
	return cloudwatch_new(&r->cw, &o, err);
}

int reconcile_start(struct reconcile **out, struct agent *a,
		    const struct conf *c, struct err *err)
{
	struct reconcile *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return err_set(err, -ENOMEM, "out of memory");
	r->agent = a;
	pthread_mutex_init(&r->lock, NULL);
	rc = open_all(r, c, err);
	if (!rc)
		rc = thread_start(&r->thread, "reconcile", run, r, err);
	if (rc) {
		reconcile_stop(r);
		reconcile_free(r);
		return rc;
	}
	r->running = true;
	*out = r;
	return 0;
}

void reconcile_stop(struct reconcile *r)
{
	if (!r)
		return;
	r->stop = true;
	if (r->running) {
		rest_wake(r->rest);
		pthread_join(r->thread, NULL);
	}
	r->running = false;
	/* From here on nobody's look-up wakes the loop; then its end. */
	tags_off(r->agent->tags);
	aws_client_free(r->client);
	rest_free(r->rest);
	store_reader_close(r->reader);
	r->client = NULL;
	r->rest = NULL;
	r->reader = NULL;
}

void reconcile_free(struct reconcile *r)
{
	struct str subject;
	size_t at = 0;
	void *v;

	if (!r)
		return;
	while (r->absent && map_next(r->absent, &at, &subject, &v))
		free(v);
	map_free(r->absent);
	for (size_t i = 0; i < PLACES_MAX; i++)
		lacking_free(r->lacking[i]);
	cloudwatch_free(r->cw);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- what people ask ---- */

static void put_lacking(struct jsonw *w, const struct reconcile *r)
{
	int64_t total = 0;

	jsonw_key(w, "alarms_without_ok_action");
	jsonw_array(w);
	for (size_t i = 0; i < PLACES_MAX; i++) {
		const struct lacking_list *l = r->lacking[i];

		for (size_t k = 0; l && k < l->count; k++) {
			jsonw_object(w);
			jsonw_kstr(w, "region", l->list[k].region);
			jsonw_kstr(w, "alarm", l->list[k].name);
			jsonw_end_object(w);
		}
		total += l ? (int64_t)l->total : 0;
	}
	jsonw_end_array(w);
	jsonw_kint(w, "alarms_without_ok_action_total", total);
}

bool reconcile_off(struct reconcile *r, struct err *err)
{
	bool is;

	pthread_mutex_lock(&r->lock);
	is = r->problem.text[0];
	if (is)
		*err = r->problem;
	pthread_mutex_unlock(&r->lock);
	return is;
}

void reconcile_put_status(struct jsonw *w, struct reconcile *r)
{
	pthread_mutex_lock(&r->lock);
	jsonw_object(w);
	jsonw_kcstr(w, "problem", r->problem.text[0] ? r->problem.text : NULL);
	jsonw_ktime(w, "last_compared_at", r->last_round_ms);
	jsonw_kint(w, "alarms_opened", (int64_t)r->opened);
	jsonw_kint(w, "alarms_resolved", (int64_t)r->resolved);
	jsonw_kint(w, "alarms_deleted", (int64_t)r->deleted);
	put_lacking(w, r);
	jsonw_end_object(w);
	pthread_mutex_unlock(&r->lock);
}
