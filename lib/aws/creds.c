#include "aws/creds.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "aws/creds_source.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/wake.h"

#define MINUTE_MS INT64_C(60000)
#define AHEAD_MS (15 * MINUTE_MS)
#define AHEAD_JITTER_MS (2 * MINUTE_MS)
#define SOON_MS INT64_C(5000) /* never renewed more often */
#define NEVER_MS (24 * 60 * MINUTE_MS)
#define BACKOFF_MIN_MS INT64_C(1000)
#define BACKOFF_MAX_MS MINUTE_MS
#define FIRST_TRIES 3 /* until the first look counts as ended */
#define FORCED_MAX 4  /* renewals for complaints within a minute */
#define PROCESS_MS 60000
#define SAID_MAX 3000

struct aws_creds {
	struct aws_creds_options o;
	struct creds_net net;
	struct creds_clock clock;
	pthread_t thread;
	bool threaded;

	/* Guards what follows; held for no request and no callback. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
	struct aws_held *held;		/* NULL: none yet */
	const struct creds_source *won; /* NULL: none yet */
	bool looking; /* the first look, or one that somebody waits for */
	bool forced;  /* a complaint: renew at once */
	bool unknown; /* held is what somebody complained of, and it stayed */
	int64_t due_ms, delay_ms; /* when to ask again, as set how long ago */
	unsigned failures;	  /* in a row */
	unsigned forced_count;	  /* since forced_ms */
	int64_t forced_ms;
	char said[SAID_MAX + 1];   /* of the last failure; "": none */
	bool gone;		   /* it was logged when held had expired */
	char logged[SAID_MAX + 1]; /* the last failure that was logged */
};

static int64_t now_ms(const struct aws_creds *c)
{
	return c->clock.wall_ms(c->clock.arg);
}

static bool serves(const struct aws_held *h, int64_t now)
{
	return h->expire_ms == 0 || h->stable || now < h->expire_ms;
}

static void set_due(struct aws_creds *c, int64_t now, int64_t delay)
{
	c->due_ms = now + delay;
	c->delay_ms = delay;
}

/* Half of it for certain, the rest by chance. */
static int64_t jitter(int64_t ms)
{
	return ms - (int64_t)random_below((uint64_t)ms / 2 + 1);
}

static int64_t renew_in_ms(const struct aws_held *h, int64_t now)
{
	int64_t ahead = AHEAD_MS + (int64_t)random_below(AHEAD_JITTER_MS);
	int64_t left = h->expire_ms - now, in;

	if (h->expire_ms == 0)
		return NEVER_MS;
	if (h->stable)
		return 10 * MINUTE_MS +
		       (int64_t)random_below((uint64_t)(15 * MINUTE_MS));
	in = left - ahead > left / 2 ? left - ahead : left / 2;
	return in > SOON_MS ? in : SOON_MS;
}

static void put_expiry(struct buf *b, const struct aws_held *h)
{
	if (h->expire_ms == 0) {
		buf_puts(b, ", without expiry");
		return;
	}
	buf_puts(b, h->stable ? ", expired " : ", until ");
	clock_put_seconds(b, h->expire_ms);
	if (h->stable)
		buf_puts(b, ": the instance has no newer ones, they are used "
			    "as they are and asked for again");
}

/* Keys came. Under lock; text says what to log, empty: nothing. */
static void settle_found(struct aws_creds *c, struct aws_held *h,
			 const struct creds_source *won, struct creds_ask *a,
			 const struct buf *said, int64_t now, struct buf *text)
{
	bool first = !c->won,
	     changed = !c->held || !creds_held_same(c->held, h);

	if (first) {
		buf_printf(text, "from %s", won->name);
		if (a->via.n)
			buf_printf(text, " (%s)", buf_str(&a->via).p);
		put_expiry(text, h);
		if (said->n)
			buf_printf(text, "; before it %s", buf_str(said).p);
	} else if (c->failures || c->forced || h->stable) {
		buf_printf(text, "%s by %s",
			   changed ? "renewed" : "the same again", won->name);
		put_expiry(text, h);
	}
	c->won = won;
	c->unknown = c->forced && !changed;
	/* The same keys stay the same to those who complained of them. */
	if (!changed) {
		c->held->expire_ms = h->expire_ms;
		c->held->stable = h->stable;
		aws_held_drop(h);
	} else {
		aws_held_drop(c->held);
		c->held = h;
	}
	c->failures = 0;
	c->said[0] = c->logged[0] = '\0';
	c->looking = c->gone = false;
	set_due(c, now, renew_in_ms(c->held, now));
}

static void settle_failed(struct aws_creds *c, int rc, struct buf *said,
			  int64_t now, struct buf *text)
{
	int64_t delay = BACKOFF_MAX_MS;
	bool gone;

	if (++c->failures < 8)
		delay = BACKOFF_MIN_MS << (c->failures - 1);
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	set_due(c, now, jitter(delay));
	memcpy(c->said, buf_str(said).p, said->n + 1);
	c->looking = c->looking && !c->won && rc == -EAGAIN &&
		     c->failures < FIRST_TRIES;
	gone = c->held && !serves(c->held, now);
	if (c->looking || (strcmp(c->said, c->logged) == 0 && gone == c->gone))
		return;
	c->gone = gone;
	memcpy(c->logged, c->said, sizeof(c->logged));
	if (!c->won) {
		buf_printf(text, "none: %s", c->said);
		return;
	}
	buf_printf(text, "not renewed: %s", c->said);
	if (gone) {
		buf_puts(text, "; those of before have expired");
	} else if (c->held->expire_ms) {
		buf_puts(text, "; those of before are used until ");
		clock_put_seconds(text, c->held->expire_ms);
	}
}

static int look(struct aws_held **out, const struct creds_source **won,
		struct creds_ask *a, struct buf *said)
{
	struct err err = { "" };
	int rc;

	if (!*won)
		return creds_chain(out, won, a, said);
	rc = (*won)->fetch(out, a, &err);
	if (rc)
		buf_printf(said, "%s: %s", (*won)->name,
			   rc == -ENOMEM ? "out of memory" : err.text);
	return rc;
}

static void fetch(struct aws_creds *c, const struct creds_source *won)
{
	struct creds_ask a = { .o = &c->o,
			       .net = &c->net,
			       .clock = c->clock,
			       .process_ms = PROCESS_MS,
			       .via = BUF_INIT(600) };
	struct buf said = BUF_INIT(SAID_MAX), text = BUF_INIT(3 * SAID_MAX);
	struct aws_held *h = NULL;
	bool found;
	int rc;

	buf_put(&said, "", 0);
	buf_put(&a.via, "", 0);
	rc = look(&h, &won, &a, &said);
	found = rc == 0;
	if (rc == -ECANCELED)
		goto out;
	pthread_mutex_lock(&c->lock);
	if (found)
		settle_found(c, h, won, &a, &said, now_ms(c), &text);
	else
		settle_failed(c, rc, &said, now_ms(c), &text);
	c->forced = false;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (text.n && c->o.log)
		c->o.log(!found, buf_str(&text).p, c->o.log_arg);
out:
	buf_fini(&said);
	buf_fini(&text);
	buf_fini(&a.via);
}

int64_t creds_step(struct aws_creds *c)
{
	const struct creds_source *won;
	int64_t now, wait;
	bool due;

	pthread_mutex_lock(&c->lock);
	now = now_ms(c);
	/* The clock went back. */
	if (c->due_ms - now > c->delay_ms)
		c->due_ms = now + c->delay_ms;
	due = c->forced || now >= c->due_ms;
	won = c->won;
	pthread_mutex_unlock(&c->lock);
	if (due)
		fetch(c, won);
	pthread_mutex_lock(&c->lock);
	wait = c->due_ms - now_ms(c);
	pthread_mutex_unlock(&c->lock);
	/* So that a clock which was set forward is seen within a minute. */
	return wait < 0 ? 0 : wait < MINUTE_MS ? wait : MINUTE_MS;
}

static void *run(void *arg)
{
	struct aws_creds *c = arg;
	bool stop = false;

	while (!stop) {
		int64_t until_ms = creds_step(c);

		until_ms += clock_mono_ms();
		pthread_mutex_lock(&c->lock);
		while (!c->stopping && !c->forced &&
		       wake_wait(&c->changed, &c->lock, until_ms))
			;
		stop = c->stopping;
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

int creds_open(struct aws_creds **out, const struct aws_creds_options *o,
	       struct creds_clock clock, struct err *err)
{
	struct aws_creds *c;
	int rc;

	if (!o->access_key_id != !o->secret_access_key) {
		bool id = o->access_key_id != NULL;

		err_set(err, -EINVAL, "AWS keys: %s is given without its %s",
			id ? "an access key id" : "a secret access key",
			id ? "secret access key" : "access key id");
		return -EINVAL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	rc = creds_options_copy(&c->o, o);
	if (rc) {
		creds_options_fini(&c->o);
		free(c);
		return rc;
	}
	wake_init(&c->changed);
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->net.lock, NULL);
	c->clock = clock;
	c->looking = true;
	c->due_ms = now_ms(c);
	*out = c;
	return 0;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return clock_wall_ms();
}

int aws_creds_new(struct aws_creds **out, const struct aws_creds_options *o,
		  struct err *err)
{
	struct aws_creds *c = NULL;
	int rc = creds_open(&c, o, (struct creds_clock){ wall, NULL }, err);

	if (rc)
		return rc;
	rc = pthread_create(&c->thread, NULL, run, c);
	if (rc) {
		aws_creds_free(c);
		return -rc;
	}
	c->threaded = true;
	*out = c;
	return 0;
}

void aws_creds_free(struct aws_creds *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	creds_net_stop(&c->net);
	if (c->threaded)
		pthread_join(c->thread, NULL);
	aws_held_drop(c->held);
	creds_options_fini(&c->o);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->net.lock);
	free(c);
}

/* Nothing is served: how that came. Under lock. */
static int say_none(const struct aws_creds *c, struct err *err)
{
	struct buf when = BUF_INIT(64);

	if (c->held)
		clock_put_seconds(&when, c->held->expire_ms);
	if (c->held)
		err_set(err, -ENOENT,
			"the AWS credentials of provider %s expired %s and "
			"were not renewed: %s",
			c->won->name, buf_str(&when).p, c->said);
	else
		err_set(err, -ENOENT, "no AWS credentials: %s", c->said);
	buf_fini(&when);
	return -ENOENT;
}

int aws_creds_get(struct aws_held **out, struct aws_creds *c, struct err *err)
{
	int rc = -EAGAIN;

	pthread_mutex_lock(&c->lock);
	/* Expired unseen, as after a suspend: worth a look before a no. */
	if (c->held && !c->looking && c->failures == 0 &&
	    !serves(c->held, now_ms(c))) {
		c->looking = c->forced = true;
		pthread_cond_broadcast(&c->changed);
	}
	if (c->looking) {
		rc = -EAGAIN;
	} else if (c->held && serves(c->held, now_ms(c))) {
		atomic_fetch_add(&c->held->holders, 1);
		*out = c->held;
		rc = 0;
	} else {
		rc = say_none(c, err);
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void aws_creds_wait(struct aws_creds *c, unsigned timeout_ms)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;

	pthread_mutex_lock(&c->lock);
	while (c->looking && wake_wait(&c->changed, &c->lock, until_ms))
		;
	pthread_mutex_unlock(&c->lock);
}

/* A service that calls every key unknown must not make us ask without end. */
static bool may_force(struct aws_creds *c, int64_t now)
{
	bool lately = c->forced_count && now >= c->forced_ms &&
		      now - c->forced_ms < MINUTE_MS;

	if (lately && (c->unknown || c->forced_count >= FORCED_MAX))
		return false;
	if (!lately) {
		c->forced_count = 0;
		c->forced_ms = now;
	}
	c->forced_count++;
	return true;
}

void aws_creds_expired(struct aws_creds *c, const struct aws_held *h)
{
	pthread_mutex_lock(&c->lock);
	/* Other keys came since, or a failed renewal is tried again anyway. */
	if (c->held == h && !c->looking && c->failures == 0 &&
	    may_force(c, now_ms(c))) {
		c->looking = c->forced = true;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
}

const char *aws_creds_provider(struct aws_creds *c)
{
	const char *name;

	pthread_mutex_lock(&c->lock);
	name = c->won ? c->won->name : NULL;
	pthread_mutex_unlock(&c->lock);
	return name;
}

int64_t aws_creds_expire_ms(struct aws_creds *c)
{
	int64_t ms;

	pthread_mutex_lock(&c->lock);
	ms = c->held ? c->held->expire_ms : 0;
	pthread_mutex_unlock(&c->lock);
	return ms;
}
