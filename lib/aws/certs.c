#include "aws/cert.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "aws/certificate.h"
#include "aws/hosts.h"
#include "base/encode.h"
#include "base/random.h"

enum {
	PER_HOST = 8, /* in each list */
	IN_ALL = 64,  /* in each list */
	FETCHES = 4,  /* under way at a time */
	WAITERS = 65536,
	URL_MAX = 512,
	MISSING_MS = 15000,
};

/*
 * An URL is in one list at a time. The limits count each list by itself: URLs
 * that somebody makes up can fill the first three, but not displace a
 * certificate, for only a successful fetch enters HELD.
 */
enum state { QUEUED, FETCHING, MISSING, HELD, STATES };

/* What is wanted, and when. */
struct ask {
	struct str url;
	uint64_t hash;
	int64_t mono_ms;
};

struct waiter {
	STAILQ_ENTRY(waiter) link;
	sns_cert_ready *ready;
	void *arg;
};

STAILQ_HEAD(waiters, waiter);

struct entry {
	TAILQ_ENTRY(entry) link;
	struct entry *after; /* of those that go together */
	enum state state;
	uint64_t hash;
	struct waiters waiters; /* QUEUED, FETCHING */
	size_t waiting;
	int64_t until_ms;      /* MISSING: monotonic */
	char problem[256];     /* MISSING */
	struct sns_cert *cert; /* HELD */
	struct str host, url;  /* url is NUL-terminated */
	char text[];
};

TAILQ_HEAD(list, entry);

struct sns_certs {
	sns_fetch *fetch;
	void *arg;
	uint8_t secret[16];
	/* Guards all below; held for list work only, never across parsing,
	 * a fetch or a callback. */
	pthread_mutex_t lock;
	struct list list[STATES]; /* QUEUED oldest, others newest first */
	size_t count[STATES];
	size_t waiting;
	struct cert_hosts hosts;
};

int sns_certs_new(struct sns_certs **out, sns_fetch *fetch, void *arg)
{
	struct sns_certs *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	if (pthread_mutex_init(&c->lock, NULL)) {
		free(c);
		return -ENOMEM;
	}
	c->fetch = fetch;
	c->arg = arg;
	random_bytes(c->secret, sizeof(c->secret));
	for (int i = 0; i < STATES; i++)
		TAILQ_INIT(&c->list[i]);
	*out = c;
	return 0;
}

static void tell(struct waiters *list, const struct sns_cert *cert,
		 const char *problem)
{
	struct waiter *w;

	while ((w = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, link);
		w->ready(cert, cert ? NULL : problem, w->arg);
		free(w);
	}
}

static void entry_free(struct entry *e)
{
	if (!e)
		return;
	sns_cert_release(e->cert);
	free(e);
}

void sns_certs_free(struct sns_certs *c)
{
	struct entry *e;

	if (!c)
		return;
	for (int i = 0; i < STATES; i++)
		while ((e = TAILQ_FIRST(&c->list[i]))) {
			TAILQ_REMOVE(&c->list[i], e, link);
			tell(&e->waiters, NULL, "the agent is stopping");
			entry_free(e);
		}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void leave(struct sns_certs *c, struct entry *e)
{
	TAILQ_REMOVE(&c->list[e->state], e, link);
	c->count[e->state]--;
}

static void enter(struct sns_certs *c, struct entry *e, enum state state)
{
	e->state = state;
	c->count[state]++;
	if (state == QUEUED)
		TAILQ_INSERT_TAIL(&c->list[state], e, link);
	else
		TAILQ_INSERT_HEAD(&c->list[state], e, link);
}

static struct entry *find(struct sns_certs *c, struct str url, uint64_t hash)
{
	static const enum state order[] = { HELD, FETCHING, QUEUED, MISSING };
	struct entry *e;

	for (size_t i = 0; i < STATES; i++)
		for (e = TAILQ_FIRST(&c->list[order[i]]); e;
		     e = TAILQ_NEXT(e, link))
			if (e->hash == hash && str_eq(e->url, url))
				return e;
	return NULL;
}

static size_t of_host(struct sns_certs *c, enum state state, struct str host)
{
	struct entry *e;
	size_t n = 0;

	for (e = TAILQ_FIRST(&c->list[state]); e; e = TAILQ_NEXT(e, link))
		if (str_eq(e->host, host))
			n++;
	return n;
}

/*
 * Which one has to go so that one of host may enter; NULL: there is room.
 * The least recently used of those that never verified anything, else of all.
 */
static struct entry *surplus(struct sns_certs *c, enum state state,
			     struct str host)
{
	bool crowded = of_host(c, state, host) >= PER_HOST;
	struct entry *e, *last = NULL;

	if (!crowded && c->count[state] < IN_ALL)
		return NULL;
	for (e = TAILQ_LAST(&c->list[state], list); e;
	     e = TAILQ_PREV(e, list, link)) {
		if (crowded && !str_eq(e->host, host))
			continue;
		if (!last)
			last = e;
		if (!e->cert || !atomic_load_explicit(&e->cert->proven,
						      memory_order_relaxed))
			return e;
	}
	return last;
}

/* Between "https://" and the next slash; false where url has none. */
static bool host_of(struct str *out, struct str url)
{
	ssize_t slash;

	if (!str_starts(url, "https://"))
		return false;
	url = str_sub(url, 8, url.n - 8);
	slash = str_find_char(url, '/');
	if (slash <= 0)
		return false;
	*out = str_sub(url, 0, (size_t)slash);
	return true;
}

static uint64_t hash_host(const struct sns_certs *c, struct str host)
{
	return hash_sip(c->secret, host.p, host.n);
}

static struct entry *entry_new(struct str url, uint64_t hash)
{
	struct entry *e = calloc(1, sizeof(*e) + url.n + 1);

	if (!e)
		return NULL;
	memcpy(e->text, url.p, url.n);
	e->url = (struct str){ e->text, url.n };
	e->hash = hash;
	STAILQ_INIT(&e->waiters);
	(void)host_of(&e->host, e->url);
	return e;
}

/* A new entry where the limits allow one: 0, -EBUSY, -ENOMEM. */
static int admit(struct entry **out, struct sns_certs *c,
		 const struct ask *ask, struct err *err)
{
	struct entry *e;
	struct str host = STR_NONE;
	size_t under_way;

	if (!host_of(&host, ask->url))
		return err_set(err, -EINVAL, "not an https URL");
	under_way = of_host(c, QUEUED, host) + of_host(c, FETCHING, host);
	if (c->count[QUEUED] + c->count[FETCHING] >= IN_ALL ||
	    under_way >= PER_HOST)
		return err_set(err, -EBUSY,
			       "too many signing certificates "
			       "are being fetched from %.*s",
			       STR_ARG(host));
	if (!cert_host_ask(&c->hosts, hash_host(c, host), under_way,
			   ask->mono_ms))
		return err_set(err, -EAGAIN,
			       "%.*s gave no certificate a moment ago, and is "
			       "asked again soon", STR_ARG(host));
	e = entry_new(ask->url, ask->hash);
	if (!e)
		return err_set(err, -ENOMEM, "out of memory");
	enter(c, e, c->count[FETCHING] < FETCHES ? FETCHING : QUEUED);
	*out = e;
	return 0;
}

/*
 * Wait for e, or for a new entry where there is none yet. Its URL goes to
 * begin where a fetch has to begin now.
 */
static int join(struct sns_certs *c, struct entry *e, const struct ask *ask,
		struct waiter waiter, char *begin, struct err *err)
{
	struct waiter *w;
	int r = 0;

	if (c->waiting >= WAITERS)
		return err_set(err, -EBUSY,
			       "too many messages wait for a "
			       "signing certificate");
	w = malloc(sizeof(*w));
	if (!w)
		return err_set(err, -ENOMEM, "out of memory");
	*w = waiter;
	if (!e) {
		r = admit(&e, c, ask, err);
		if (r) {
			free(w);
			return r;
		}
		assert(e);
		if (e->state == FETCHING)
			memcpy(begin, e->text, e->url.n + 1);
	}
	STAILQ_INSERT_TAIL(&e->waiters, w, link);
	e->waiting++;
	c->waiting++;
	return SNS_CERT_WAITING;
}

/* Answer from a certificate or its want that is still fresh. */
static int known(const struct sns_cert **out, struct sns_certs *c,
		 struct entry *e, struct err *err)
{
	if (e->state == MISSING)
		return err_set(err, -EAGAIN,
			       "the signing certificate could "
			       "not be had a moment ago: %s",
			       e->problem);
	leave(c, e);
	enter(c, e, HELD);
	sns_cert_retain(e->cert);
	*out = e->cert;
	return SNS_CERT_HELD;
}

/* The same certificate whether or not its URL names https' own port. */
static struct str without_port(char room[URL_MAX], struct str url)
{
	struct str host = STR_NONE;
	size_t at;

	if (!host_of(&host, url) || !str_ends(host, ":443"))
		return url;
	at = 8 + host.n - 4;
	memcpy(room, url.p, at);
	memcpy(room + at, url.p + at + 4, url.n - at - 4);
	return (struct str){ room, url.n - 4 };
}

int sns_certs_get(const struct sns_cert **out, struct sns_certs *c,
		  struct str url, int64_t mono_ms, sns_cert_ready *ready,
		  void *arg, struct err *err)
{
	char room[URL_MAX], begin[URL_MAX + 1] = "";
	struct ask ask = { .mono_ms = mono_ms };
	struct entry *e;
	int r;

	if (url.n > URL_MAX)
		return err_set(err, -EINVAL, "an URL of %zu bytes", url.n);
	ask.url = without_port(room, url);
	ask.hash = hash_sip(c->secret, ask.url.p, ask.url.n);

	pthread_mutex_lock(&c->lock);
	e = find(c, ask.url, ask.hash);
	if (e && e->state == MISSING && mono_ms >= e->until_ms) {
		leave(c, e);
		entry_free(e);
		e = NULL;
	}
	if (e && (e->state == HELD || e->state == MISSING))
		r = known(out, c, e, err);
	else
		r = join(c, e, &ask,
			 (struct waiter){ .ready = ready, .arg = arg }, begin,
			 err);
	pthread_mutex_unlock(&c->lock);

	if (begin[0])
		c->fetch(begin, c->arg);
	return r;
}

/* The host answered for e: put it where it belongs. Returns what had to go. */
static struct entry *settle(struct sns_certs *c, struct entry *e,
			    struct sns_cert *cert, const char *problem,
			    int64_t mono_ms)
{
	enum state state = cert ? HELD : MISSING;
	struct entry *gone = surplus(c, state, e->host);

	if (gone)
		leave(c, gone);
	leave(c, e);
	e->cert = cert;
	e->until_ms = mono_ms + MISSING_MS;
	if (!cert)
		memcpy(e->problem, problem,
		       strnlen(problem, sizeof(e->problem) - 1));
	enter(c, e, state);
	return gone;
}

/*
 * The host of e didn't answer: that tells nothing of its URL, and those that
 * wait for the same host needn't find out each by itself. Returns them all.
 */
static struct entry *give_up(struct sns_certs *c, struct entry *e,
			     struct waiters *waiters)
{
	struct entry *gone = e, *next;

	leave(c, e);
	e->after = NULL;
	for (e = TAILQ_FIRST(&c->list[QUEUED]); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!str_eq(e->host, gone->host))
			continue;
		leave(c, e);
		c->waiting -= e->waiting;
		STAILQ_CONCAT(waiters, &e->waiters);
		e->after = gone->after;
		gone->after = e;
	}
	return gone;
}

/* The next one that waits for a fetch to end; its URL to begin. */
static void next_fetch(struct sns_certs *c, char *begin)
{
	struct entry *e = TAILQ_FIRST(&c->list[QUEUED]);

	if (!e || c->count[FETCHING] >= FETCHES)
		return;
	leave(c, e);
	enter(c, e, FETCHING);
	memcpy(begin, e->text, e->url.n + 1);
}

void sns_certs_fetched(struct sns_certs *c, const char *url, struct str body,
		       const char *problem, int64_t mono_ms)
{
	struct waiters waiters = STAILQ_HEAD_INITIALIZER(waiters);
	struct str key = str_from(url);
	uint64_t hash = hash_sip(c->secret, key.p, key.n);
	struct err err = { "the fetch failed" };
	char begin[URL_MAX + 1] = "";
	struct entry *e, *gone = NULL;
	struct sns_cert *cert = NULL;

	if (!body.n && problem)
		(void)err_set(&err, 0, "%s", problem);
	if (body.n && sns_cert_read(&cert, body, &err))
		cert = NULL;
	if (cert)
		sns_cert_retain(cert); /* for the callbacks */

	pthread_mutex_lock(&c->lock);
	e = find(c, key, hash);
	if (e && e->state == FETCHING) {
		STAILQ_CONCAT(&waiters, &e->waiters);
		c->waiting -= e->waiting;
		cert_host_ended(&c->hosts, hash_host(c, e->host),
				cert ? CERT_HOST_GAVE :
				body.p ? CERT_HOST_ANSWERED : CERT_HOST_FAILED,
				mono_ms);
		gone = body.p ? settle(c, e, cert, err.text, mono_ms) :
				give_up(c, e, &waiters);
		next_fetch(c, begin);
	} else {
		sns_cert_release(cert);
	}
	pthread_mutex_unlock(&c->lock);

	for (; gone; gone = e) {
		e = gone->after;
		entry_free(gone);
	}
	if (begin[0])
		c->fetch(begin, c->arg);
	tell(&waiters, cert, err.text);
	sns_cert_release(cert);
}
