#include "agent/janitor.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/log.h"
#include "agent/self_alerts.h"
#include "agent/thread.h"
#include "agent/watch.h"
#include "base/clock.h"
#include "base/wake.h"

#define WATCH_S 1
#define EXPIRE_S 60
#define STEP 500

struct janitor {
	struct agent *agent;
	struct store_reader *reader;
	struct self_alerts *alerts;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

/* False once it is to end. */
static bool pause_for(struct janitor *j, time_t seconds)
{
	int64_t until_ms = clock_mono_ms() + seconds * 1000;
	bool stop;

	pthread_mutex_lock(&j->lock);
	while (!j->stop && wake_wait(&j->wake, &j->lock, until_ms))
		;
	stop = j->stop;
	pthread_mutex_unlock(&j->lock);
	return !stop;
}

static void expire(struct janitor *j)
{
	struct conf *c = agent_conf(j->agent);
	int64_t before = clock_wall_ms() - c->store.retain_ms;
	int64_t total = 0;
	int n;

	conf_free(c);
	do {
		n = store_expire(j->agent->store, before, STEP);
		total += n > 0 ? n : 0;
	} while (n == STEP && pause_for(j, 0));
	if (n < 0)
		LOG(ERROR, "can't drop old events",
		    LFC("error", strerror(-n)));
	if (total)
		LOG(INFO, "old events dropped", LFN("events", total));
}

static void *run(void *arg)
{
	struct janitor *j = arg;
	int64_t expire_ms = clock_mono_ms() + EXPIRE_S * 1000;

	while (pause_for(j, WATCH_S)) {
		watch_turn(j->agent->watch, j->reader, clock_wall_ms());
		self_alerts_turn(j->alerts, j->reader, clock_wall_ms());
		if (clock_mono_ms() < expire_ms)
			continue;
		expire(j);
		expire_ms = clock_mono_ms() + EXPIRE_S * 1000;
	}
	return NULL;
}

static void janitor_free(struct janitor *j)
{
	self_alerts_free(j->alerts);
	store_reader_close(j->reader);
	pthread_cond_destroy(&j->wake);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

int janitor_start(struct janitor **out, struct agent *a, struct err *err)
{
	struct janitor *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return err_set(err, -ENOMEM, "out of memory");
	j->agent = a;
	pthread_mutex_init(&j->lock, NULL);
	wake_init(&j->wake);
	j->alerts = self_alerts_new(a);
	rc = j->alerts ? store_reader_open(&j->reader, a->store, err) :
			 err_set(err, -ENOMEM, "out of memory");
	if (!rc)
		rc = thread_start(&j->thread, "janitor", run, j, err);
	if (rc)
		janitor_free(j);
	else
		*out = j;
	return rc;
}

void janitor_stop(struct janitor *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	janitor_free(j);
}
