#include "agent/admin/live.h"

#include <stdlib.h>
#include <time.h>

#include "agent/admin/api.h"
#include "agent/admin/status.h"
#include "agent/rules.h"
#include "agent/silences.h"
#include "agent/thread.h"
#include "base/clock.h"
#include "base/wake.h"

#define STREAMS 16
#define EVERY_MS 2000
#define SPACE_MS 200		/* however much is done */
#define HEARTBEAT_MS 15000
#define STATUS_MAX (512 << 10)
#define STREAM_MAX (1 << 20)	/* what may wait for a client */

struct listener {
	struct web_stream *stream;	/* NULL: free */
	uint64_t version;		/* of the status it has; 0: none */
	int64_t sent_ms;
};

/* What the lists hang on: where any of it differs, they are others. */
struct traces {
	uint64_t incidents[7], events[4], dead[2], silences, held[5];
	uint64_t stale;
	char rules[72];
};

struct live {
	struct agent *agent;
	pthread_t thread;
	pthread_mutex_t lock;	/* of what follows up to the thread's own */
	pthread_cond_t more;
	bool started, stop, fresh;
	unsigned touched;
	struct listener list[STREAMS];
	unsigned count;
	/* The thread's: */
	struct buf last, next;
	uint64_t version;
	struct traces traces;
};

/* ---- what has changed ---- */

static void look(struct traces *t, struct agent *a)
{
	const struct metrics *m = a->metrics;
	struct ruleset *rules = agent_rules(a);
	struct store_counts n;

	memset(t, 0, sizeof(*t));
	store_count(a->store, &n);
	t->events[0] = metrics_get(m, METRIC_EVENTS_ACCEPTED);
	t->events[1] = (uint64_t)n.untriaged;
	t->events[2] = (uint64_t)n.events;
	t->events[3] = metrics_get(m, METRIC_EVENTS_DUPLICATE);
	t->incidents[0] = metrics_get(m, METRIC_INCIDENTS_CREATED);
	t->incidents[1] = metrics_get(m, METRIC_INCIDENTS_RESOLVED);
	t->incidents[2] = metrics_get(m, METRIC_INCIDENTS_REOPENED);
	t->incidents[3] = metrics_get(m, METRIC_NOTES_APPENDED);
	t->incidents[4] = (uint64_t)n.incidents_open;
	t->incidents[5] = (uint64_t)n.ops_open;
	t->incidents[6] = (uint64_t)n.in_doubt;
	t->dead[0] = (uint64_t)n.dead;
	t->dead[1] = metrics_get(m, METRIC_OPS_DEAD);
	t->silences = silencing_count(a->silences);
	t->held[0] = (uint64_t)n.waiting;
	t->held[1] = (uint64_t)n.held;
	t->held[2] = (uint64_t)n.timers;
	t->held[3] = (uint64_t)n.ops_held;
	t->held[4] = metrics_get(m, METRIC_HOLDS_ENDED);
	memcpy(t->rules, ruleset_hash(rules),
	       strnlen(ruleset_hash(rules), sizeof(t->rules) - 1));
	ruleset_free(rules);
	pthread_mutex_lock(&a->snapshot_lock);
	for (size_t i = 0; i < rule_states_count(a->rule_states); i++) {
		struct rule_state s;

		rule_states_get(a->rule_states, i, &s);
		t->stale = t->stale * 3 + (s.missing ? 2 : s.stale ? 1 : 0);
	}
	pthread_mutex_unlock(&a->snapshot_lock);
}

static unsigned differ(const struct traces *a, const struct traces *b)
{
	unsigned what = 0;

#define COMPARE(field, bit)                                               \
	if (memcmp(&a->field, &b->field, sizeof(a->field)) != 0)          \
	what |= (bit)
	COMPARE(events, LIVE_EVENTS | LIVE_INCIDENTS);
	COMPARE(incidents, LIVE_INCIDENTS);
	COMPARE(dead, LIVE_DEAD);
	COMPARE(silences, LIVE_SILENCES | LIVE_HELD);
	COMPARE(held, LIVE_HELD);
	COMPARE(rules, LIVE_RULES);
	COMPARE(stale, LIVE_RULES);
#undef COMPARE
	return what;
}

/* The bits of what changed; l->version rises with the status. */
static unsigned compose(struct live *l)
{
	struct traces now;
	unsigned what;
	struct buf old;

	look(&now, l->agent);
	what = l->version ? differ(&now, &l->traces) : 0;
	l->traces = now;
	buf_reset(&l->next);
	buf_puts(&l->next, "event: status\ndata: ");
	if (!status_put(&l->next, l->agent))
		return what;
	buf_puts(&l->next, "\n\n");
	if (buf_error(&l->next))
		return what | LIVE_STATUS;
	if (l->version && str_eq(buf_str(&l->last), buf_str(&l->next)))
		return what;
	old = l->last;
	l->last = l->next;
	l->next = old;
	l->version++;
	return what;
}

static void put_changed(struct buf *out, unsigned what)
{
	static const char *const names[] = {
		"incidents", "events", "dead", "silences", "held", "rules",
		"status",
	};
	const char *comma = "";

	if (!what)
		return;
	buf_puts(out, "event: changed\ndata: {\"what\":[");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(what & 1U << i))
			continue;
		buf_printf(out, "%s\"%s\"", comma, names[i]);
		comma = ",";
	}
	buf_puts(out, "]}\n\n");
}

/* ---- who listens ---- */

/* With the lock held, as all of these. */
static void forget(struct live *l, struct listener *x)
{
	web_stream_end(x->stream);
	x->stream = NULL;
	l->count--;
}

static void reap(struct live *l)
{
	for (int i = 0; i < STREAMS; i++)
		if (l->list[i].stream &&
		    web_stream_send(l->list[i].stream, STR("")))
			forget(l, &l->list[i]);
}

static void send(struct live *l, struct listener *x, struct str text,
		 int64_t now_ms)
{
	if (!text.n || !x->stream)
		return;
	x->sent_ms = now_ms;
	if (web_stream_send(x->stream, text))
		forget(l, x);
}

static void tell(struct live *l, struct str changed)
{
	int64_t now = clock_mono_ms();

	for (int i = 0; i < STREAMS; i++) {
		struct listener *x = &l->list[i];

		if (x->stream && x->version != l->version) {
			send(l, x, buf_str(&l->last), now);
			x->version = l->version;
		}
		send(l, x, changed, now);
		if (x->stream && now - x->sent_ms >= HEARTBEAT_MS)
			send(l, x, STR(": still here\n\n"), now);
	}
}

/* ---- the thread ---- */

/* Until there is something to do: false at the end. */
static bool rest(struct live *l, int64_t since_ms)
{
	while (!l->stop) {
		int64_t until = since_ms + (l->touched || l->fresh ?
						    SPACE_MS : EVERY_MS);

		reap(l);
		if (!l->count)
			pthread_cond_wait(&l->more, &l->lock);
		else if (clock_mono_ms() >= until)
			return true;
		else
			wake_wait(&l->more, &l->lock, until);
	}
	return false;
}

static void *run(void *arg)
{
	struct buf changed = BUF_INIT(1024);
	struct live *l = arg;
	int64_t since = -EVERY_MS;

	pthread_mutex_lock(&l->lock);
	while (rest(l, since)) {
		unsigned what = l->touched;

		l->touched = 0;
		l->fresh = false;
		pthread_mutex_unlock(&l->lock);
		since = clock_mono_ms();
		what |= compose(l);
		buf_reset(&changed);
		put_changed(&changed, what);
		pthread_mutex_lock(&l->lock);
		tell(l, buf_str(&changed));
	}
	pthread_mutex_unlock(&l->lock);
	buf_fini(&changed);
	return NULL;
}

struct live *live_new(struct agent *a)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->agent = a;
	buf_init(&l->last, STATUS_MAX);
	buf_init(&l->next, STATUS_MAX);
	pthread_mutex_init(&l->lock, NULL);
	wake_init(&l->more);
	return l;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
	if (l->started)
		pthread_join(l->thread, NULL);
	for (int i = 0; i < STREAMS; i++)
		web_stream_end(l->list[i].stream);
	buf_fini(&l->last);
	buf_fini(&l->next);
	pthread_cond_destroy(&l->more);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void live_touch(struct live *l, unsigned what)
{
	pthread_mutex_lock(&l->lock);
	l->touched |= l->count ? what : 0;
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
}

static struct listener *place(struct live *l)
{
	if (l->stop || l->agent->stopping)
		return NULL;
	reap(l);
	for (int i = 0; i < STREAMS; i++)
		if (!l->list[i].stream)
			return &l->list[i];
	return NULL;
}

static int begin(struct live *l, struct web_exchange *x)
{
	const struct web_reply reply = {
		.status = 200,
		.type = "text/event-stream",
		.headers = "Cache-Control: no-store\r\n"
			   "X-Content-Type-Options: nosniff\r\n"
			   "X-Accel-Buffering: no\r\n",
		.body = STR("retry: 2000\n\n"),
	};
	struct listener *at = place(l);
	struct err err;

	if (!at)
		return 1;
	if (!l->started &&
	    thread_start(&l->thread, "admin-live", run, l, &err))
		return 1;
	l->started = true;
	at->stream = web_stream_begin(x, &reply, STREAM_MAX);
	if (!at->stream)
		return 1;
	at->version = 0;
	at->sent_ms = clock_mono_ms();
	l->count++;
	l->fresh = true;
	pthread_cond_signal(&l->more);
	return 0;
}

void api_live(struct agent *a, const struct web_request *req, struct str arg,
	      struct api_answer *r)
{
	struct live *l = a->live;
	int rc;

	(void)req;
	(void)arg;
	pthread_mutex_lock(&l->lock);
	rc = begin(l, r->x);
	pthread_mutex_unlock(&l->lock);
	if (rc) {
		r->headers = "Retry-After: 5\r\n";
		api_error(r, 503, "as many as may listen already, or out of "
				  "memory");
	} else {
		r->parked = true;
	}
}
