/* GET /api/v1/series: what a chart of the last day is drawn from. */
#include "agent/admin/listing.h"

#include <math.h>

#include "agent/ring.h"
#include "base/clock.h"

#define MINUTE_MS 60000
#define SINCE_MS (24LL * 60 * MINUTE_MS)
#define SINCE_MAX_MS (31LL * 24 * 60 * MINUTE_MS)
#define STEPS_MAX 1000

struct span {
	int64_t from_ms, step_ms;
	size_t n;
};

/* The last step is the one at work. False: answered. */
static bool read_span(struct span *out, struct listing *l,
		      const struct web_request *req, struct api_answer *r)
{
	struct str since = api_param(req, "since", l->arena);
	struct str step = api_param(req, "step", l->arena);
	int64_t since_ms = SINCE_MS, step_ms = 10 * MINUTE_MS, now;

	if ((since.p && clock_parse_span(&since_ms, since)) ||
	    (step.p && clock_parse_span(&step_ms, step)) ||
	    since_ms > SINCE_MAX_MS || step_ms < MINUTE_MS ||
	    since_ms < step_ms || since_ms / step_ms > STEPS_MAX) {
		api_error(r, 400, "since is a duration as 24h, at most 31d; "
				  "step one as 10m, at least 1m, at most "
				  "since and at least a thousandth of it");
		return false;
	}
	now = clock_wall_ms();
	out->step_ms = step_ms;
	out->n = (size_t)(since_ms / step_ms);
	out->from_ms = now - now % step_ms -
		       (int64_t)(out->n - 1) * step_ms;
	return true;
}

static void put_counts(struct jsonw *w, const char *key,
		       const struct store_bucket *list, size_t n,
		       size_t field)
{
	jsonw_key(w, key);
	jsonw_array(w);
	for (size_t i = 0; i < n; i++)
		jsonw_int(w, *(const int64_t *)((const char *)&list[i] +
						field));
	jsonw_end_array(w);
}

/* Where a step is shorter than what memory keeps apart, it tells of all. */
static void put_latency(struct jsonw *w, const char *key,
			const struct metrics *m, enum histogram h, double q,
			const struct span *s)
{
	jsonw_key(w, key);
	jsonw_array(w);
	for (size_t i = 0; i < s->n; i++) {
		int64_t from = s->from_ms + (int64_t)i * s->step_ms;
		double ms;

		if (metrics_quantile(&ms, m, h, q, from, from + s->step_ms))
			jsonw_double(w, round(ms * 100) / 100);
		else
			jsonw_null(w);
	}
	jsonw_end_array(w);
}

static void put_series(struct buf *out, struct agent *a, const struct span *s,
		       const struct store_bucket *list)
{
	const struct metrics *m = a->metrics;
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_ktime(&w, "from", s->from_ms);
	jsonw_kint(&w, "step_seconds", s->step_ms / 1000);
#define COUNTS(key, field)                                                \
	put_counts(&w, key, list, s->n, offsetof(struct store_bucket, field))
	COUNTS("alarms", events);
	COUNTS("incidents", incidents);
	COUNTS("resolved", resolved);
	COUNTS("notes", notes);
#undef COUNTS
	put_latency(&w, "intake_p50_ms", m, HISTOGRAM_INTAKE, 0.5, s);
	put_latency(&w, "intake_p99_ms", m, HISTOGRAM_INTAKE, 0.99, s);
	put_latency(&w, "stackflow_p50_ms", m, HISTOGRAM_STACKFLOW, 0.5, s);
	put_latency(&w, "stackflow_p99_ms", m, HISTOGRAM_STACKFLOW, 0.99, s);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
}

void api_series(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct store_bucket *list;
	struct listing l;
	struct span s;

	(void)arg;
	if (!listing_init(&l, a, req, NULL, 1, r) ||
	    !read_span(&s, &l, req, r))
		goto out;
	list = arena_array(l.arena, s.n, sizeof(*list));
	if (list && !store_series(list, s.n, l.reader, s.from_ms, s.step_ms))
		put_series(&r->out, a, &s, list);
	else
		listing_unreadable(r);
out:
	listing_fini(&l);
}
