#include "agent/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "agent/ring.h"
#include "base/clock.h"

#define BUCKETS 14

/* A counter with one or two label values; slots are claimed once. */
struct series {
	_Atomic(const char *) a;
	const char *b;
	_Atomic uint64_t n;
};

struct metrics {
	_Atomic uint64_t counters[METRIC_COUNT];
	struct {
		_Atomic uint64_t bucket[BUCKETS + 1], sum_us;
	} histograms[HISTOGRAM_COUNT];
	struct ring day[HISTOGRAM_COUNT];
	pthread_mutex_t claim;
	struct series received[METRICS_SERIES], rejected[METRICS_SERIES],
		enriched[METRICS_SERIES];
};

/* Microseconds; the last is +Inf. */
static const int64_t bounds[BUCKETS] = {
	100,   250,   500,    1000,   2500,    5000,	10000,
	25000, 50000, 100000, 500000, 1000000, 5000000, 30000000,
};

static const struct {
	const char *name, *type, *help;
} table[METRIC_COUNT] = {
#define METRIC(id, name, type, help) { name, type, help },
#include "agent/metrics.tbl"
#undef METRIC
};

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m)
		pthread_mutex_init(&m->claim, NULL);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->claim);
	free(m);
}

void metrics_add(struct metrics *m, enum metric id, uint64_t n)
{
	atomic_fetch_add_explicit(&m->counters[id], n, memory_order_relaxed);
}

uint64_t metrics_get(const struct metrics *m, enum metric id)
{
	return atomic_load_explicit(&m->counters[id], memory_order_relaxed);
}

void metrics_time(struct metrics *m, enum histogram h, int64_t us)
{
	int i = 0;

	while (i < BUCKETS && us > bounds[i])
		i++;
	atomic_fetch_add_explicit(&m->histograms[h].bucket[i], 1,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&m->histograms[h].sum_us,
				  (uint64_t)(us > 0 ? us : 0),
				  memory_order_relaxed);
	ring_add(&m->day[h], i, clock_wall_ms());
}

bool metrics_quantile(double *out_ms, const struct metrics *m,
		      enum histogram h, double q, int64_t from_ms,
		      int64_t to_ms)
{
	double us;

	if (!ring_quantile(&us, &m->day[h], q, from_ms, to_ms, bounds))
		return false;
	*out_ms = us / 1000;
	return true;
}

_Static_assert(BUCKETS + 1 == RING_BUCKETS, "one bucket for one");

static bool same(const char *x, const char *y)
{
	return x == y || (x && y && strcmp(x, y) == 0);
}

static struct series *find(struct series *list, const char *a, const char *b)
{
	for (size_t i = 0; i < METRICS_SERIES; i++) {
		const char *have = atomic_load_explicit(&list[i].a,
							memory_order_acquire);

		if (!have)
			return NULL;
		if (same(have, a) && same(list[i].b, b))
			return &list[i];
	}
	return NULL;
}

/* The next free slot; NULL: all are taken. */
static struct series *claim(struct series *list, const char *a, const char *b)
{
	for (size_t i = 0; i < METRICS_SERIES; i++) {
		if (list[i].a)
			continue;
		list[i].b = b;
		atomic_store_explicit(&list[i].a, a, memory_order_release);
		return &list[i];
	}
	return NULL;
}

static void count(struct metrics *m, struct series *list, const char *a,
		  const char *b)
{
	struct series *s = find(list, a, b);

	if (!s) {
		pthread_mutex_lock(&m->claim);
		s = find(list, a, b);
		if (!s)
			s = claim(list, a, b);
		pthread_mutex_unlock(&m->claim);
	}
	if (s)
		atomic_fetch_add_explicit(&s->n, 1, memory_order_relaxed);
}

void metrics_received(struct metrics *m, const char *source, const char *kind)
{
	count(m, m->received, source, kind);
}

void metrics_rejected(struct metrics *m, const char *reason,
		      const char *source)
{
	count(m, m->rejected, reason, source);
}

void metrics_enriched(struct metrics *m, const char *what, const char *outcome)
{
	count(m, m->enriched, what, outcome);
}

bool metrics_rejection(const struct metrics *m, size_t i, const char **reason,
		       const char **source, uint64_t *n)
{
	if (i >= METRICS_SERIES)
		return false;
	*reason = atomic_load_explicit(&m->rejected[i].a,
				       memory_order_acquire);
	if (!*reason)
		return false;
	*source = m->rejected[i].b;
	*n = m->rejected[i].n;
	return true;
}

static void put_help(struct buf *out, const char *name, const char *type,
		     const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		   type);
}

/* second: the label of b; NULL: those of one a are one. */
static void put_series(struct buf *out, const struct series *list,
		       const char *name, const char *help, const char *label,
		       const char *second)
{
	put_help(out, name, "counter", help);
	for (size_t i = 0; i < METRICS_SERIES && list[i].a; i++) {
		uint64_t n = list[i].n;
		size_t k = 0;

		while (!second && !same(list[k].a, list[i].a))
			k++;
		if (!second && k < i)
			continue;
		for (k = i + 1; !second && k < METRICS_SERIES && list[k].a; k++)
			n += same(list[k].a, list[i].a) ? list[k].n : 0;
		buf_printf(out, "%s{%s=\"%s\"", name, label, list[i].a);
		if (second)
			buf_printf(out, ",%s=\"%s\"", second, list[i].b);
		buf_printf(out, "} %llu\n", (unsigned long long)n);
	}
}

static void put_histogram(struct buf *out, const struct metrics *m,
			  enum histogram h, const char *name, const char *help)
{
	uint64_t sum = 0;

	put_help(out, name, "histogram", help);
	for (int i = 0; i <= BUCKETS; i++) {
		sum += m->histograms[h].bucket[i];
		if (i < BUCKETS)
			buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name,
				   (double)bounds[i] / 1e6,
				   (unsigned long long)sum);
		else
			buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name,
				   (unsigned long long)sum);
	}
	buf_printf(out, "%s_sum %.6f\n%s_count %llu\n", name,
		   (double)m->histograms[h].sum_us / 1e6, name,
		   (unsigned long long)sum);
}

void metrics_put_one(struct buf *out, const char *name, const char *type,
		     const char *help, int64_t value)
{
	put_help(out, name, type, help);
	buf_printf(out, "%s %lld\n", name, (long long)value);
}

void metrics_put(struct buf *out, const struct metrics *m)
{
	put_series(out, m->received, "tocsin_events_received_total",
		   "Alarm events taken in, duplicates included", "source",
		   "kind");
	put_series(out, m->rejected, "tocsin_events_rejected_total",
		   "Messages not accepted, by reason", "reason", NULL);
	put_series(out, m->enriched, "tocsin_enrich_total",
		   "Questions to StackFlow's AI about open incidents", "what",
		   "outcome");
	for (int i = 0; i < METRIC_COUNT; i++)
		metrics_put_one(out, table[i].name, table[i].type,
				table[i].help,
				(int64_t)m->counters[i]);
	put_histogram(out, m, HISTOGRAM_INTAKE, "tocsin_intake_seconds",
		      "From a message's first byte to its answer");
	put_histogram(out, m, HISTOGRAM_STACKFLOW,
		      "tocsin_stackflow_request_seconds",
		      "Requests to StackFlow");
}
