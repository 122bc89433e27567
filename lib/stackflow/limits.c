#include "stackflow/limits.h"

#include "base/clock.h"
#include "rest/rest.h"

#define PAUSE_MIN_MS 1000
#define PAUSE_ABSENT_MS 60000 /* what StackFlow's own SDKs wait */
#define PAUSE_MAX_MS 600000
#define RESET_MAX_MS 60000
/* A second more than a minute: the time told is a little behind, and requests
 * aren't all as long under way. */
#define MINUTE_MS 61000
#define EPOCH_SECONDS 1000000000 /* a smaller Reset is a span */
#define EPOCH_MILLISECONDS INT64_C(1000000000000)

void sf_limits_init(struct sf_limits *l, unsigned rate)
{
	*l = (struct sf_limits){
		.configured = rate,
		.rate = rate,
		.limit = -1,
		.remaining = -1,
	};
}

void sf_limits_init_minute(struct sf_limits *l, unsigned rate)
{
	sf_limits_init(l, rate < SF_MINUTE_MOST ? rate : SF_MINUTE_MOST);
	l->minute = true;
}

void sf_limits_now(struct sf_limits *l, int64_t mono_ms)
{
	if (mono_ms > l->now_ms)
		l->now_ms = mono_ms;
	if (l->pause_ms && l->until_ms < l->now_ms + l->pause_ms)
		l->until_ms = l->now_ms + l->pause_ms;
	l->pause_ms = 0;
}

static int64_t interval_us(const struct sf_limits *l)
{
	return (1000000 + l->rate - 1) / l->rate;
}

/* How far ahead of the even pace a request may go. */
static int64_t slack_us(const struct sf_limits *l)
{
	unsigned burst = l->rate / 20;

	return burst > 1 ? (burst - 1) * interval_us(l) : 0;
}

/* Until the request is a minute ago that makes the minute full. */
static int64_t minute_ms(const struct sf_limits *l)
{
	unsigned at = l->taken + SF_MINUTE_MOST - l->rate;

	if (l->taken < l->rate)
		return 0;
	return l->taken_ms[at % SF_MINUTE_MOST] + MINUTE_MS - l->now_ms;
}

static int64_t pace_ms(const struct sf_limits *l)
{
	return (l->due_us - slack_us(l) - l->now_ms * 1000 + 999) / 1000;
}

int64_t sf_limits_wait_ms(const struct sf_limits *l)
{
	int64_t pause = sf_limits_paused_until(l) - l->now_ms, rate = 0;

	if (l->rate)
		rate = l->minute ? minute_ms(l) : pace_ms(l);
	if (pause > rate)
		rate = pause;
	return rate > 0 ? rate : 0;
}

/* Half an interval less than all of it: who comes late loses no rate. */
int64_t sf_limits_gather_ms(const struct sf_limits *l)
{
	int64_t slack = l->rate && !l->minute ? slack_us(l) : 0;

	return slack ? (slack - interval_us(l) / 2) / 1000 : 0;
}

bool sf_limits_take(struct sf_limits *l)
{
	if (sf_limits_wait_ms(l))
		return false;
	if (!l->rate)
		return true;
	if (l->minute) {
		l->taken_ms[l->taken % SF_MINUTE_MOST] = l->now_ms;
		/* Past the first round only the place in the ring counts. */
		if (++l->taken == 2 * SF_MINUTE_MOST)
			l->taken = SF_MINUTE_MOST;
		return true;
	}
	if (l->due_us < l->now_ms * 1000)
		l->due_us = l->now_ms * 1000;
	l->due_us += interval_us(l);
	return true;
}

static void take_pause(struct sf_limits *l, int64_t ms)
{
	if (ms > l->pause_ms)
		l->pause_ms = ms;
}

/* The first number of a field such as "100" or "100, 100;w=1"; -1: none. */
static int64_t field(const struct rest_response *r, const char *name)
{
	struct str v = rest_header(r, name), first = v;
	uint64_t n;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == ',' || v.p[i] == ';') {
			first = str_trim(str_sub(v, 0, i));
			break;
		}
	}
	if (str_to_u64(&n, first) || n > INT64_MAX)
		return -1;
	return (int64_t)n;
}

/* Milliseconds until the window that an answer tells of ends; -1: unknown. */
static int64_t until_reset(const struct rest_response *r, int64_t wall_ms)
{
	int64_t v = field(r, "X-RateLimit-Reset"), ms;

	if (v < 0)
		return -1;
	if (v < EPOCH_SECONDS)
		ms = v > RESET_MAX_MS ? RESET_MAX_MS : v * 1000;
	else if (v < EPOCH_MILLISECONDS)
		ms = v * 1000 - wall_ms;
	else
		ms = v - wall_ms;
	return ms < RESET_MAX_MS ? ms : RESET_MAX_MS;
}

void sf_limits_learn(struct sf_limits *l, const struct rest_response *r)
{
	/* What the server calls now is better than our clock. */
	int64_t wall_ms = r->date_ms ? r->date_ms : clock_wall_ms();
	int64_t limit = field(r, "X-RateLimit-Limit");
	int64_t remaining = field(r, "X-RateLimit-Remaining");

	if (limit > 0) {
		l->limit = limit;
		l->rate =
			limit < l->configured ? (unsigned)limit : l->configured;
	}
	if (remaining >= 0)
		l->remaining = remaining;
	if (remaining == 0)
		take_pause(l, until_reset(r, wall_ms));
	if (r->status == 429) {
		int64_t ms = rest_retry_after_ms(r, wall_ms);

		if (ms < 0)
			ms = PAUSE_ABSENT_MS;
		if (ms > PAUSE_MAX_MS)
			ms = PAUSE_MAX_MS;
		take_pause(l, ms < PAUSE_MIN_MS ? PAUSE_MIN_MS : ms);
	}
}

int64_t sf_limits_paused_until(const struct sf_limits *l)
{
	int64_t until = l->until_ms;

	if (l->pause_ms && until < l->now_ms + l->pause_ms)
		until = l->now_ms + l->pause_ms;
	return until > l->now_ms ? until : 0;
}

void sf_rates_init(struct sf_rates *r, unsigned per_second)
{
	sf_limits_init(&r->of[SF_CLASS_API], per_second);
	sf_limits_init_minute(&r->of[SF_CLASS_ASK], 60);
	sf_limits_init_minute(&r->of[SF_CLASS_ANALYZE], 30);
	sf_limits_init_minute(&r->of[SF_CLASS_EXEMPLARS], 120);
	sf_limits_init_minute(&r->of[SF_CLASS_SUGGEST], 120);
	sf_limits_init(&r->of[SF_CLASS_BULK], 0);
}

void sf_rates_now(struct sf_rates *r, int64_t mono_ms)
{
	for (size_t i = 0; i < SF_CLASSES; i++)
		sf_limits_now(&r->of[i], mono_ms);
}

int64_t sf_rates_wait_ms(const struct sf_rates *r, enum sf_class class)
{
	const struct sf_limits *api = &r->of[SF_CLASS_API];
	int64_t own = sf_limits_wait_ms(&r->of[class]), all;

	if (class == SF_CLASS_API)
		return own;
	all = class == SF_CLASS_BULK
		      ? sf_limits_paused_until(api) - api->now_ms
		      : sf_limits_wait_ms(api);
	return own > all ? own : all;
}

bool sf_rates_take(struct sf_rates *r, enum sf_class class)
{
	if (sf_rates_wait_ms(r, class))
		return false;
	if (class != SF_CLASS_API && class != SF_CLASS_BULK)
		sf_limits_take(&r->of[SF_CLASS_API]);
	return sf_limits_take(&r->of[class]);
}
