#include "agent/erase.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/audit.h"
#include "agent/log.h"
#include "agent/thread.h"
#include "base/clock.h"
#include "doc/jsonw.h"

#define STEP 200
#define ACCOUNT_MAX 64
#define WHO_MAX 512

enum state { NEVER, WALKING, REWRITING, DONE, FAILED };

struct eraser {
	struct agent *agent;
	pthread_t thread;
	bool joinable;
	_Atomic bool stop;
	struct store_erase what;
	char account[ACCOUNT_MAX];
	char who[WHO_MAX];

	pthread_mutex_t lock;		/* of what follows */
	enum state state;
	struct store_erased sum;
	int64_t looked_to;		/* seq */
	bool whole;			/* nothing is left in the files */
	int result;
};

struct eraser *eraser_new(struct agent *a)
{
	struct eraser *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->agent = a;
	pthread_mutex_init(&e->lock, NULL);
	return e;
}

static void end_thread(struct eraser *e)
{
	if (e->joinable)
		pthread_join(e->thread, NULL);
	e->joinable = false;
}

void eraser_free(struct eraser *e)
{
	if (!e)
		return;
	atomic_store(&e->stop, true);
	end_thread(e);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void put_what(struct jsonw *w, const struct store_erase *what)
{
	jsonw_ktime(w, "before", what->before_ms);
	jsonw_kstr(w, "account", what->account.n ? what->account : STR_NONE);
}

static void put_sum(struct jsonw *w, const struct store_erased *sum)
{
	jsonw_kint(w, "erased", sum->events);
	jsonw_kint(w, "stay_undecided", sum->undecided);
	jsonw_kint(w, "stay_incident_open", sum->open);
	jsonw_kint(w, "stay_waiting", sum->waiting);
	jsonw_kint(w, "stay_owed", sum->owed);
}

/* Before the first byte goes, and when it is over. */
static void tell(struct eraser *e, const char *action, int result)
{
	struct buf details = BUF_INIT(2048);
	struct jsonw w = JSONW(&details);

	jsonw_object(&w);
	put_what(&w, &e->what);
	if (e->state != WALKING || e->looked_to) {
		put_sum(&w, &e->sum);
		jsonw_kbool(&w, "files_rewritten", e->whole);
		jsonw_kcstr(&w, "problem", result ? strerror(-result) : NULL);
	}
	jsonw_end_object(&w);
	audit(e->agent, &(struct audit_entry){
				.action = action,
				.resource_type = "events",
				.resource_id = e->what.account.n ?
					e->what.account : STR("*"),
				.details = buf_str(&details),
				.who = str_from(e->who) });
	buf_fini(&details);
}

static void add(struct eraser *e, const struct store_erased *step,
		int64_t looked_to)
{
	pthread_mutex_lock(&e->lock);
	e->sum.events += step->events;
	e->sum.undecided += step->undecided;
	e->sum.open += step->open;
	e->sum.waiting += step->waiting;
	e->sum.owed += step->owed;
	e->looked_to = looked_to;
	pthread_mutex_unlock(&e->lock);
}

static void set_state(struct eraser *e, enum state state, int result)
{
	pthread_mutex_lock(&e->lock);
	e->state = state;
	e->result = result;
	pthread_mutex_unlock(&e->lock);
}

static int walk(struct eraser *e)
{
	struct store_erased step;
	int64_t after = 0;
	int rc = 1;

	while (rc > 0 && !atomic_load(&e->stop)) {
		rc = store_erase(e->agent->store, &step, &e->what, &after,
				 STEP);
		if (rc >= 0)
			add(e, &step, after);
	}
	return rc > 0 ? -EINTR : rc;
}

static int rewrite(struct eraser *e)
{
	int64_t from = clock_mono_ms();
	int rc;

	set_state(e, REWRITING, 0);
	rc = store_scrub(e->agent->store);
	pthread_mutex_lock(&e->lock);
	e->whole = rc == 0;
	pthread_mutex_unlock(&e->lock);
	LOG(INFO, "the store's files were written anew",
	    LFN("ms", clock_mono_ms() - from), LFN("result", rc));
	return rc < 0 ? rc : 0;
}

static void *run(void *arg)
{
	struct eraser *e = arg;
	bool dry = e->what.dry;
	int rc;

	if (!dry)
		tell(e, "events.erase", 0);
	rc = walk(e);
	if (!rc && !dry)
		rc = rewrite(e);
	if (!dry)
		tell(e, "events.erased", rc);
	set_state(e, rc ? FAILED : DONE, rc);
	return NULL;
}

static bool at_work(struct eraser *e)
{
	bool busy;

	pthread_mutex_lock(&e->lock);
	busy = e->state == WALKING || e->state == REWRITING;
	pthread_mutex_unlock(&e->lock);
	return busy;
}

int eraser_start(struct eraser *e, const struct store_erase *what,
		 struct str who)
{
	struct err err;
	int rc;

	if (at_work(e))
		return -EBUSY;
	if (what->account.n >= sizeof(e->account))
		return -EINVAL;
	end_thread(e);
	memcpy(e->account, what->account.p ? what->account.p : "",
	       what->account.n);
	e->account[what->account.n] = '\0';
	e->what = *what;
	e->what.account = str_from(e->account);
	who = str_sub(who, 0, who.n < WHO_MAX ? who.n : WHO_MAX - 1);
	memcpy(e->who, who.p, who.n);
	e->who[who.n] = '\0';
	e->sum = (struct store_erased){ 0 };
	e->looked_to = 0;
	e->whole = false;
	set_state(e, WALKING, 0);
	rc = thread_start(&e->thread, "erase", run, e, &err);
	if (rc)
		set_state(e, FAILED, rc);
	else
		e->joinable = true;
	return rc;
}

void eraser_put(struct jsonw *w, struct eraser *e)
{
	static const char *const names[] = { "never", "erasing", "rewriting",
					     "done", "failed" };

	pthread_mutex_lock(&e->lock);
	jsonw_kcstr(w, "state", names[e->state]);
	if (e->state != NEVER) {
		put_what(w, &e->what);
		jsonw_kbool(w, "dry_run", e->what.dry);
		put_sum(w, &e->sum);
		jsonw_kbool(w, "files_rewritten", e->whole);
		jsonw_kcstr(w, "problem",
			    e->result ? strerror(-e->result) : NULL);
	}
	pthread_mutex_unlock(&e->lock);
}
