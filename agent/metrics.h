#ifndef AGENT_METRICS_H
#define AGENT_METRICS_H

#include "base/buf.h"

/* Counters of this process. Adding takes no lock. */
enum metric {
#define METRIC(id, name, type, help) METRIC_##id,
#include "agent/metrics.tbl"
#undef METRIC
	METRIC_COUNT,
};

enum histogram { HISTOGRAM_INTAKE, HISTOGRAM_STACKFLOW, HISTOGRAM_COUNT };

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

void metrics_add(struct metrics *m, enum metric id, uint64_t n);
uint64_t metrics_get(const struct metrics *m, enum metric id);
void metrics_time(struct metrics *m, enum histogram h, int64_t us);
/*
 * In how many milliseconds q (0 to 1) of what ended between two moments, of
 * the last day, was done; false: there was nothing, or it isn't known.
 */
bool metrics_quantile(double *out_ms, const struct metrics *m,
		      enum histogram h, double q, int64_t from_ms,
		      int64_t to_ms);

/* tocsin_events_received_total{source,kind}: the kinds are a closed list. */
void metrics_received(struct metrics *m, const char *source, const char *kind);
/* tocsin_events_rejected_total{reason}: reason and source are static words. */
void metrics_rejected(struct metrics *m, const char *reason,
		      const char *source);
/* The i-th pair of them, and how often; false: there are no more. */
bool metrics_rejection(const struct metrics *m, size_t i, const char **reason,
		       const char **source, uint64_t *n);
#define METRICS_SERIES 256	/* at most */

/* tocsin_enrich_total{what,outcome}: both are static words. */
void metrics_enriched(struct metrics *m, const char *what,
		      const char *outcome);

/* All of the above in Prometheus' text format. */
void metrics_put(struct buf *out, const struct metrics *m);
/* One gauge or counter of the caller's. */
void metrics_put_one(struct buf *out, const char *name, const char *type,
		     const char *help, int64_t value);

#endif
