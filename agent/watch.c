#include "agent/watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cloud.h"
#include "agent/deliver.h"
#include "agent/intake/queues.h"
#include "agent/reconcile.h"
#include "agent/rules.h"
#include "agent/warnings.h"
#include "aws/creds.h"
#include "base/clock.h"
#include "base/encode.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)

#define CERTIFICATE_DAYS 14
#define BEHIND_MS (5 * MINUTE)	/* from sent to received */
#define CLOCK_OFF_MS MINUTE
#define DOUBT_OLD_MS (15 * MINUTE)
#define DOUBT_LOOK_MS (30 * SECOND)
#define BURST 20		/* messages of one reason and intake... */
#define BURST_MS (5 * MINUTE)	/* within this */
#define TOPICS_MAX 32
#define TOPIC_MAX 320		/* bytes of an ARN: 256 and the rest of it */
#define SLOTS 5

/* How much a counter grew within a span, in steps of a fifth of it. */
struct window {
	uint64_t marks[SLOTS], last;
	int64_t slot;
};

struct watch {
	struct agent *agent;
	struct window counted[METRIC_COUNT], rejected[METRICS_SERIES];
	int64_t doubt_look_ms;	/* next; monotonic */
	bool doubt_old;
	pthread_mutex_t lock;	/* of what follows */
	char topics[TOPICS_MAX][TOPIC_MAX];
	size_t topic_count;
};

struct watch *watch_new(struct agent *a)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->agent = a;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* ---- topics ---- */

/* With the lock held. */
static void tell_topics(struct watch *w)
{
	char text[WARNING_TEXT];

	if (!w->topic_count) {
		warning_clear(w->agent, WARNING_TOPIC_DROPPED);
		return;
	}
	snprintf(text, sizeof(text), "%s was unsubscribed from this endpoint",
		 w->topics[w->topic_count - 1]);
	if (w->topic_count > 1)
		snprintf(text, sizeof(text), "%s and %zu more topics were "
			 "unsubscribed from this endpoint",
			 w->topics[w->topic_count - 1], w->topic_count - 1);
	warning_raise(w->agent, WARNING_TOPIC_DROPPED, text, NULL);
}

/* Take one of that name out, if it is there. */
static void forget(struct watch *w, const char *topic)
{
	for (size_t i = 0; i < w->topic_count; i++) {
		if (strcmp(w->topics[i], topic) != 0)
			continue;
		w->topic_count--;
		memmove(w->topics[i], w->topics[i + 1],
			(w->topic_count - i) * TOPIC_MAX);
		return;
	}
}

static void tell_topic(struct agent *a, struct str arn, bool dropped)
{
	struct watch *w = a->watch;
	char topic[TOPIC_MAX];

	if (!w)
		return;
	utf8_keep(topic, sizeof(topic), arn);
	pthread_mutex_lock(&w->lock);
	forget(w, topic);
	if (dropped && w->topic_count == TOPICS_MAX)
		forget(w, w->topics[0]);
	if (dropped)
		memcpy(w->topics[w->topic_count++], topic, TOPIC_MAX);
	tell_topics(w);
	pthread_mutex_unlock(&w->lock);
}

void watch_topic_dropped(struct agent *a, struct str arn)
{
	tell_topic(a, arn, true);
}

void watch_topic_back(struct agent *a, struct str arn)
{
	tell_topic(a, arn, false);
}

/* ---- conditions ---- */

static void __attribute__((format(printf, 4, 5)))
holds(struct watch *w, enum warning id, bool it_does, const char *format, ...)
{
	struct warnings *list = w->agent->warnings;
	char text[2 * WARNING_TEXT];
	va_list args;

	if (!it_does) {
		warnings_clear(list, id, clock_wall_ms());
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	warnings_raise(list, id, text, NULL, clock_wall_ms());
}

static void look_at_store(struct watch *w, const struct store_counts *n)
{
	const struct conf *c = w->agent->first_conf;
	bool nearly = n->bytes / 3 >= c->store.max_size / 4;

	holds(w, WARNING_STORE_FAILED, store_failed(w->agent->store),
	      "the journal's disk failed: tocsin ends");
	holds(w, WARNING_STORE_FULL, n->full, "the journal is full: alarms "
	      "are answered 503");
	holds(w, WARNING_STORE_NEARLY_FULL, nearly && !n->full,
	      "the journal holds %lld%% of store.max_size",
	      (long long)(n->bytes / (c->store.max_size / 100)));
	holds(w, WARNING_DEAD_LETTERS, n->dead > 0, "%lld dead letter%s for "
	      "a decision", (long long)n->dead,
	      n->dead == 1 ? " waits" : "s wait");
}

static void look_at_stackflow(struct watch *w, const struct deliver_state *s)
{
	holds(w, WARNING_STACKFLOW_UNREACHABLE, s->breaker_open,
	      "StackFlow doesn't answer%s%s", s->problem[0] ? ": " : "",
	      s->problem);
	holds(w, WARNING_STACKFLOW_REFUSED,
	      !s->breaker_open && !s->authenticated,
	      "StackFlow refuses tocsin's credentials%s%s",
	      s->problem[0] ? ": " : "", s->problem);
}

/* The oldest: that some are in doubt is ordinary. */
static void look_at_doubt(struct watch *w, struct store_reader *r,
			  const struct store_counts *n, bool away)
{
	struct arena *arena;
	struct op op;
	int64_t now = clock_mono_ms();

	if (now < w->doubt_look_ms)
		return;
	w->doubt_look_ms = now + DOUBT_LOOK_MS;
	arena = n->in_doubt && !away ? arena_new(4 << 20) : NULL;
	w->doubt_old = arena &&
		       store_ops_in(&op, 1, r, OP_IN_DOUBT, arena) > 0 &&
		       clock_wall_ms() - op.sent_ms > DOUBT_OLD_MS;
	arena_free(arena);
	holds(w, WARNING_IN_DOUBT_OLD, w->doubt_old,
	      "the outcome of %lld write%s unknown, of the oldest for a "
	      "quarter of an hour", (long long)n->in_doubt,
	      n->in_doubt == 1 ? " is" : "s is");
}

static void look_at_queues(struct watch *w)
{
	struct queues *all = w->agent->queues;
	struct queue_status q, bad = { 0 }, late = { 0 };
	size_t failing = 0, behind = 0;

	for (size_t i = 0; i < queues_count(all); i++) {
		queues_status(&q, all, i);
		if (q.state >= QUEUE_TROUBLE && !failing++)
			bad = q;
		if (q.lag_ms >= BEHIND_MS && ++behind &&
		    q.lag_ms > late.lag_ms)
			late = q;
	}
	if (failing > 1)
		holds(w, WARNING_QUEUE_FAILING, true, "%zu queues can't be "
		      "read, %.*s among them (%s)", failing,
		      STR_ARG(bad.name), bad.trouble);
	else
		holds(w, WARNING_QUEUE_FAILING, failing, "the queue %.*s can't "
		      "be read (%s)", STR_ARG(bad.name), bad.trouble);
	holds(w, WARNING_QUEUE_BEHIND, behind,
	      "the queue %.*s brings messages that were sent %lld minutes ago",
	      STR_ARG(late.name), (long long)(late.lag_ms / MINUTE));
}

static void look_at_aws(struct watch *w)
{
	struct agent *a = w->agent;
	struct err err = { "" };
	struct aws_held *held = NULL;
	bool none = a->cloud && aws_creds_get(&held, cloud_creds(a->cloud),
					      &err) == -ENOENT;

	if (held)
		aws_held_drop(held);
	holds(w, WARNING_CREDENTIALS_FAILING, none,
	      "AWS's credentials can't be had: %s", err.text);
	err.text[0] = '\0';
	holds(w, WARNING_RECONCILE_OFF, !none && a->reconcile &&
	      a->first_conf->aws.reconcile_given &&
	      reconcile_off(a->reconcile, &err),
	      "nobody looks in CloudWatch for lost messages: %s", err.text);
}

static void look_at_certificates(struct watch *w, int64_t now_ms)
{
	int64_t end_ms = web_certificate_end_ms(w->agent->web);
	int64_t days = end_ms > now_ms ? (end_ms - now_ms) / DAY : 0;

	holds(w, WARNING_CERTIFICATE_EXPIRES,
	      end_ms >= 0 && days < CERTIFICATE_DAYS,
	      "a listener's certificate ends in %lld day%s", (long long)days,
	      days == 1 ? "" : "s");
}

static void look_at_rules(struct watch *w)
{
	struct agent *a = w->agent;
	struct buf names = BUF_INIT(WARNING_TEXT);
	size_t stale = 0;

	pthread_mutex_lock(&a->snapshot_lock);
	for (size_t i = 0; i < rule_states_count(a->rule_states); i++) {
		struct rule_state s;

		rule_states_get(a->rule_states, i, &s);
		if ((s.stale || s.missing) && stale++ < 5)
			buf_printf(&names, "%s%.80s", stale > 1 ? ", " : "",
				   s.file);
	}
	pthread_mutex_unlock(&a->snapshot_lock);
	holds(w, WARNING_RULES_STALE, stale, "%zu rule file%s can't be used "
	      "as written: %s%s", stale, stale == 1 ? "" : "s",
	      stale ? buf_str(&names).p : "", stale > 5 ? ", ..." : "");
	buf_fini(&names);
}

static uint64_t grown(struct window *w, uint64_t n, int64_t span_ms,
		      int64_t now_ms)
{
	int64_t slot = now_ms / (span_ms / SLOTS);

	for (int i = 0; w->slot && w->slot != slot && i < SLOTS; i++) {
		memmove(w->marks, w->marks + 1,
			(SLOTS - 1) * sizeof(w->marks[0]));
		w->marks[SLOTS - 1] = w->last;
		w->slot += w->slot < slot;
	}
	w->slot = slot;
	w->last = n;
	return n - w->marks[0];
}

static void look_at_clock(struct watch *w, int64_t now_ms)
{
	const struct agent *a = w->agent;
	int64_t off = a->date_less_mono_ms + clock_mono_ms() - clock_wall_ms();
	uint64_t n = metrics_get(a->metrics, METRIC_FUTURE_TIMESTAMPS);
	bool future = grown(&w->counted[METRIC_FUTURE_TIMESTAMPS], n,
			    15 * MINUTE, now_ms);
	bool known = a->date_known &&
		     (off > CLOCK_OFF_MS || off < -CLOCK_OFF_MS);

	if (known)
		holds(w, WARNING_CLOCK_OFF, true, "this clock is %lld seconds "
		      "%s what AWS or StackFlow last said",
		      (long long)(off > 0 ? off : -off) / SECOND,
		      off > 0 ? "behind" : "ahead of");
	else
		holds(w, WARNING_CLOCK_OFF, future, "messages were signed "
		      "minutes in the future of this clock");
}

/* ---- what happened ---- */

static const struct {
	enum metric metric;
	enum warning id;
	unsigned most;		/* of it within span are nothing to tell */
	int64_t span_ms;
} counted[] = {
	{ METRIC_QUARANTINED, WARNING_EVENT_QUARANTINED, 0, MINUTE },
	{ METRIC_DUPLICATE_INCIDENTS, WARNING_DUPLICATE_INCIDENTS, 0, MINUTE },
	{ METRIC_FALLBACKS, WARNING_FALLBACK_USED, 0, MINUTE },
	{ METRIC_FALLBACKS_FAILED, WARNING_FALLBACK_FAILING, 0, MINUTE },
	{ METRIC_RECONCILED, WARNING_MESSAGES_LOST, 3, 60 * MINUTE },
	{ METRIC_CI_FAILED, WARNING_LOOKUPS_FAILING, 5, 30 * MINUTE },
	{ METRIC_CHANGES_FAILED, WARNING_LOOKUPS_FAILING, 5, 30 * MINUTE },
	{ METRIC_TAGS_FAILED, WARNING_LOOKUPS_FAILING, 5, 30 * MINUTE },
};

static void look_at_counters(struct watch *w, int64_t now_ms)
{
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		uint64_t n = metrics_get(w->agent->metrics, counted[i].metric);
		struct window *at = &w->counted[counted[i].metric];
		bool news = n != at->last;

		if (grown(at, n, counted[i].span_ms, now_ms) >
			    counted[i].most && news)
			holds(w, counted[i].id, true, "%s: %llu since the "
			      "start", warning_rows[counted[i].id].help,
			      (unsigned long long)n);
	}
}

/* Its own warnings tell of a store that takes nothing. */
static bool of_store(const char *reason)
{
	return strcmp(reason, "store_full") == 0 ||
	       strcmp(reason, "store_failed") == 0;
}

static bool is_for_now(const char *reason)
{
	static const char *const words[] = {
		"certificate_fetch", "certificate_or_clock", "checksum",
		"memory", "signature_not_computable", "too_old_or_clock",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(reason, words[i]) == 0)
			return true;
	return false;
}

/* Who tries paths and passwords is no news: "http". */
static void look_at_rejections(struct watch *w, int64_t now_ms)
{
	const char *reason, *source;
	uint64_t n;

	for (size_t i = 0; metrics_rejection(w->agent->metrics, i, &reason,
					     &source, &n); i++) {
		struct window *at = &w->rejected[i];
		bool news = n != at->last;
		uint64_t many = grown(at, n, BURST_MS, now_ms);

		if (many <= BURST || !news || of_store(reason) ||
		    strcmp(source, "http") == 0)
			continue;
		if (is_for_now(reason))
			holds(w, WARNING_MESSAGES_POSTPONED, true,
			      "%llu messages by %s are to come again, within "
			      "5 minutes: %s", (unsigned long long)many,
			      source, reason);
		else
			holds(w, WARNING_MESSAGES_REFUSED, true,
			      "%llu messages by %s were refused for good "
			      "within 5 minutes: %s",
			      (unsigned long long)many, source, reason);
	}
}

void watch_turn(struct watch *w, struct store_reader *r, int64_t now_ms)
{
	struct agent *a = w->agent;
	struct deliver_state s;
	struct store_counts n;

	store_count(a->store, &n);
	deliver_state(a->deliver, &s);
	look_at_store(w, &n);
	look_at_stackflow(w, &s);
	look_at_doubt(w, r, &n, s.breaker_open);
	look_at_queues(w);
	look_at_aws(w);
	look_at_certificates(w, now_ms);
	look_at_rules(w);
	look_at_clock(w, now_ms);
	look_at_counters(w, now_ms);
	look_at_rejections(w, now_ms);
	warnings_expire(a->warnings, now_ms);
}
