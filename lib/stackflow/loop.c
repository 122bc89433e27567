#include "stackflow/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wake.h"

#define IDLE_MS 60000

struct sf_loop {
	pthread_t thread;
	pid_t pid;
	pthread_mutex_t lock;
	pthread_cond_t quiet; /* under lock, as all that follows */
	struct sf_link inbox;
	unsigned inside; /* begun, and done not yet called */
	bool calling;	 /* a done */
	bool closing, stopping;
	unsigned closers;  /* threads that wait for quiet */
	struct buf bearer; /* to be taken up; empty: none */
	struct sf_stats stats;
};

/* Ends with the loop that was told to stop. */
static bool take_in(struct sf_client *c)
{
	struct buf bearer = BUF_INIT(0);
	struct sf_loop *l = c->loop;
	struct sf_link calls;
	struct sf_call *call;
	bool stopping;

	ring_init(&calls);
	pthread_mutex_lock(&l->lock);
	ring_move(&calls, &l->inbox);
	if (l->bearer.n) {
		bearer = l->bearer;
		buf_init(&l->bearer, 0);
	}
	stopping = l->stopping;
	sf_stats_of(c, &l->stats);
	pthread_mutex_unlock(&l->lock);
	if (bearer.n)
		sf_token_replace(c, &bearer);
	while ((call = ring_take(&calls))) {
		c->active++;
		ring_add_after(sf_lane(c, call->kind, call->class)->prev,
			       &call->link);
	}
	return !stopping;
}

/* How long the thread may sleep where nothing wakes it. */
static int sleep_ms(const struct sf_client *c, int64_t timer)
{
	int64_t due = sf_due_ms(c);

	if (due < 0 || (timer >= 0 && timer < due))
		due = timer;
	return due >= 0 && due < IDLE_MS ? (int)due : IDLE_MS;
}

static void *run(void *arg)
{
	struct sf_client *c = arg;

	for (;;) {
		int64_t timer = sf_timers_run(&c->timers, clock_mono_ms());

		/* With what a timer began. */
		if (!take_in(c))
			break;
		sf_turn(c, clock_mono_ms());
		rest_step(c->rest, sleep_ms(c, timer));
	}
	sf_client_end(c);
	/* Here, where no SIGPIPE comes of closing a connection. */
	rest_free(c->rest);
	c->rest = NULL;
	return NULL;
}

/* The program's signals are for its own threads, SIGPIPE for none; what the
 * kernel raises for a fault must not be blocked. */
static void block_signals(sigset_t *before)
{
	static const int faults[] = { SIGSEGV, SIGBUS,	SIGFPE, SIGILL,
				      SIGTRAP, SIGABRT, SIGSYS };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_SETMASK, &set, before);
}

int sf_loop_start(struct sf_client *c, struct err *err)
{
	struct sf_loop *l = calloc(1, sizeof(*l));
	sigset_t before;
	int rc;

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	wake_init(&l->quiet);
	ring_init(&l->inbox);
	l->pid = getpid();
	sf_stats_of(c, &l->stats);
	c->loop = l;
	block_signals(&before);
	rc = pthread_create(&l->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0) {
		pthread_setname_np(l->thread, "stackflow");
		return 0;
	}
	pthread_cond_destroy(&l->quiet);
	pthread_mutex_destroy(&l->lock);
	free(l);
	c->loop = NULL;
	return err_set(err, -rc, "can't start the client's thread: %s",
		       strerror(rc));
}

/* A forked process has a copy of the memory, but no thread. */
static bool mine(const struct sf_loop *l)
{
	return l->pid == getpid();
}

bool sf_loop_stop(struct sf_client *c)
{
	struct sf_loop *l = c->loop;

	if (!mine(l))
		return false;
	pthread_mutex_lock(&l->lock);
	l->closing = l->stopping = true;
	rest_wake(c->rest);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	pthread_mutex_lock(&l->lock);
	while (l->closers)
		pthread_cond_wait(&l->quiet, &l->lock);
	pthread_mutex_unlock(&l->lock);
	pthread_cond_destroy(&l->quiet);
	pthread_mutex_destroy(&l->lock);
	buf_wipe(&l->bearer);
	free(l);
	c->loop = NULL;
	return true;
}

int sf_loop_post(struct sf_client *c, struct sf_call *call)
{
	struct sf_loop *l = c->loop;
	int rc = 0;

	if (!mine(l))
		return -ESHUTDOWN;
	pthread_mutex_lock(&l->lock);
	if (l->closing)
		rc = -ESHUTDOWN;
	else if (l->inside >= sf_room(c))
		rc = -EAGAIN;
	if (rc == 0) {
		/* Awake, the thread looks here before it sleeps. */
		if (ring_empty(&l->inbox))
			rest_wake(c->rest);
		ring_add_after(l->inbox.prev, &call->link);
		l->inside++;
	}
	pthread_mutex_unlock(&l->lock);
	return rc;
}

int sf_loop_close(struct sf_client *c, unsigned timeout_ms)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	struct sf_loop *l = c->loop;
	bool left, time = true;

	if (!mine(l))
		return -ESHUTDOWN;
	pthread_mutex_lock(&l->lock);
	l->closing = true;
	l->closers++;
	while ((left = l->inside || l->calling) && time)
		time = wake_wait(&l->quiet, &l->lock, until_ms);
	l->closers--;
	if (l->stopping)
		pthread_cond_broadcast(&l->quiet);
	pthread_mutex_unlock(&l->lock);
	return left ? -ETIMEDOUT : 0;
}

int sf_loop_replace(struct sf_client *c, struct buf *bearer)
{
	struct sf_loop *l = c->loop;

	if (!mine(l))
		return -ESHUTDOWN;
	pthread_mutex_lock(&l->lock);
	buf_wipe(&l->bearer);
	l->bearer = *bearer;
	buf_init(bearer, bearer->max);
	rest_wake(c->rest);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

void sf_loop_stats(const struct sf_client *c, struct sf_stats *out)
{
	struct sf_loop *l = c->loop;

	*out = (struct sf_stats){ 0 };
	if (!mine(l))
		return;
	pthread_mutex_lock(&l->lock);
	*out = l->stats;
	pthread_mutex_unlock(&l->lock);
}

unsigned sf_loop_active(const struct sf_client *c)
{
	struct sf_loop *l = c->loop;
	unsigned n;

	if (!mine(l))
		return 0;
	pthread_mutex_lock(&l->lock);
	n = l->inside;
	pthread_mutex_unlock(&l->lock);
	return n;
}

void sf_loop_ending(struct sf_client *c)
{
	struct sf_loop *l = c->loop;

	pthread_mutex_lock(&l->lock);
	l->inside--;
	l->calling = true;
	sf_stats_of(c, &l->stats);
	pthread_mutex_unlock(&l->lock);
}

void sf_loop_ended(struct sf_client *c)
{
	struct sf_loop *l = c->loop;

	pthread_mutex_lock(&l->lock);
	l->calling = false;
	if (l->inside == 0)
		pthread_cond_broadcast(&l->quiet);
	pthread_mutex_unlock(&l->lock);
}
