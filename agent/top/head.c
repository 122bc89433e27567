/* The top of the screen: health, rates, what waits, its neighbours, views. */
#include "agent/top/state.h"

#include <stdlib.h>
#include <time.h>

#define SPARK_MAX 96
#define GAP 3
#define RATE_LEAST_MS 8000

static void put_number(struct buf *out, const struct json *v, const char *key)
{
	buf_printf(out, "%lld", (long long)json_int(json_get(v, key), 0));
}

/* ---- parts of a line, those that find room ---- */

struct line {
	struct grid *g;
	int row, column;
};

static void __attribute__((format(printf, 4, 5)))
part(struct line *l, int style, const char *label, const char *fmt, ...)
{
	struct buf b = BUF_INIT(512);
	int left = l->g->columns - l->column - 1, need;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	need = (int)strlen(label) + 1 + (int)b.n;
	if (need <= left || l->column == 1) {
		l->column += grid_puts(l->g, l->row, l->column, left,
				       STYLE_DIM, label) + 1;
		l->column += grid_put(l->g, l->row, l->column,
				      l->g->columns - l->column - 1, style,
				      buf_str(&b)) + GAP;
	}
	buf_fini(&b);
}

/* ---- health ---- */

static void draw_health(struct grid *g, const struct top *t, int row,
			const struct top_now *now)
{
	static const struct {
		const char *word;
		int style;
	} levels[] = {
		{ " OK ", STYLE_GREEN }, { " WATCH ", STYLE_YELLOW },
		{ " ACT ", STYLE_RED },
	};
	struct buf b = BUF_INIT(2048);
	enum health level = health_sentence(&b, t, now);
	time_t at = (time_t)(now->wall_ms / 1000);
	struct tm tm;
	int x;

	x = grid_puts(g, row, 0, 8, levels[level].style | STYLE_BOLD |
		      STYLE_REVERSE, levels[level].word) + 1;
	grid_put(g, row, x, g->columns - x - 10, STYLE_BOLD, buf_str(&b));
	localtime_r(&at, &tm);
	grid_printf(g, row, g->columns - 9, 9, STYLE_DIM, "%02d:%02d:%02d",
		    tm.tm_hour, tm.tm_min, tm.tm_sec);
	buf_fini(&b);
}

/* What to do about the troubles, a line each, the worst first. */
static int draw_troubles(struct grid *g, const struct top *t, int row)
{
	struct trouble list[TROUBLES_MAX];
	size_t n = health_troubles(list, t->status);
	size_t most = g->rows >= 40 ? 6 : g->rows >= 20 ? 3 : 1;

	for (size_t i = 0; i < n && i < most; i++, row++) {
		int style = list[i].level == HEALTH_ACT ? STYLE_RED :
							  STYLE_YELLOW;
		int x = 1;

		x += grid_puts(g, row, x, 2, style | STYLE_BOLD, "!") + 1;
		if (i)
			x += grid_printf(g, row, x, g->columns - x, style,
					 "%s. ", list[i].text);
		grid_puts(g, row, x, g->columns - x, 0, list[i].advice);
	}
	return row;
}

/* ---- rates and the last day ---- */

/* Of the last minute; of less at the begin, and of nothing in its first
 * seconds. */
static void draw_rate(struct line *l, const struct top *t, const char *name,
		      size_t field)
{
	const struct sample *a = &t->samples[0];
	const struct sample *b = &t->samples[t->sample_count - 1];
	int64_t from, to;

	if (!t->sample_count || b->mono_ms - a->mono_ms < RATE_LEAST_MS) {
		part(l, 0, name, "-/min");
		return;
	}
	from = *(const int64_t *)((const char *)a + field);
	to = *(const int64_t *)((const char *)b + field);
	part(l, 0, name, "%.0f/min", (double)(to - from) * 60000 /
				     (double)(b->mono_ms - a->mono_ms));
}

static const char *level(const struct grid *g, double n, double most)
{
	static const char *const fine[] = {
		"\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
		"\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88",
	};
	static const char *const plain[] = { "_", ".", ":", "-", "=", "+",
					     "*", "#" };
	int at = n > 0 ? 1 + (int)(6 * n / most + 0.5) : 0;

	return (g->ascii ? plain : fine)[at > 7 ? 7 : at];
}

/* The values of the day in so many columns: several in one are added up. */
static void draw_spark(struct line *l, const struct json *values, int width)
{
	double sums[SPARK_MAX] = { 0 }, most = 0;
	size_t n = json_count(values);

	if (!n || width < 1)
		return;
	if ((size_t)width > n)
		width = (int)n;
	for (size_t i = 0; i < n; i++) {
		double *to = &sums[i * (size_t)width / n];

		*to += json_double(json_item(values, i), 0);
		if (*to > most)
			most = *to;
	}
	for (int i = 0; i < width; i++)
		grid_puts(l->g, l->row, l->column + i, 1, STYLE_CYAN,
			  level(l->g, sums[i], most));
	l->column += width + GAP;
}

static long long sum(const struct json *values)
{
	int64_t n = 0;

	for (size_t i = 0; i < json_count(values); i++)
		n += json_int(json_item(values, i), 0);
	return (long long)n;
}

static void draw_rates(struct grid *g, const struct top *t, int row)
{
	const struct json *alarms = json_get(t->series, "alarms");
	struct line l = { g, row, 1 };
	bool total;
	int room;

	draw_rate(&l, t, "Alarms", offsetof(struct sample, alarms));
	draw_rate(&l, t, "Incidents", offsetof(struct sample, incidents));
	if (g->columns >= 100)
		draw_rate(&l, t, "Notes", offsetof(struct sample, notes));
	if (!alarms)
		return;
	total = g->columns >= 72;
	room = g->columns - l.column - (total ? 20 : 6);
	grid_puts(g, row, l.column, 4, STYLE_DIM, "24 h");
	l.column += 5;
	draw_spark(&l, alarms, room > SPARK_MAX ? SPARK_MAX : room);
	l.column -= GAP - 1;
	if (total)
		grid_printf(g, row, l.column, g->columns - l.column, STYLE_DIM,
			    "%lld alarms", sum(alarms));
}

/* ---- what waits ---- */

static int warn(const struct json *s, const char *key, int style)
{
	return json_int(json_get(s, key), 0) ? style | STYLE_BOLD : 0;
}

static long long count_of(const struct json *s, const char *key)
{
	return (long long)json_int(json_get(s, key), 0);
}

static void draw_waiting(struct grid *g, const struct json *s, int row)
{
	struct line l = { g, row, 1 };

	part(&l, 0, "Open", "%lld", count_of(s, "incidents_open"));
	part(&l, 0, "Backlog", "%lld", count_of(s, "backlog"));
	part(&l, warn(s, "in_doubt", STYLE_YELLOW), "In doubt", "%lld",
	     count_of(s, "in_doubt"));
	part(&l, warn(s, "dead_letters", STYLE_YELLOW), "Dead", "%lld",
	     count_of(s, "dead_letters"));
	part(&l, 0, "Held", "%lld", count_of(s, "alarms_held_total") +
	     count_of(s, "alarms_waiting_total"));
	part(&l, 0, "Notes held", "%lld", count_of(s, "operations_held"));
	part(&l, 0, "Silences", "%lld", count_of(s, "silences"));
	part(&l, 0, "Store", "%lld MiB", count_of(s, "store_bytes") >> 20);
}

/* ---- its neighbours ---- */

static double newest(const struct json *values)
{
	for (size_t i = json_count(values); i > 0; i--)
		if (json_is(json_item(values, i - 1), JSON_NUMBER))
			return json_double(json_item(values, i - 1), 0);
	return -1;
}

static void add_stackflow(struct line *l, const struct top *t)
{
	const struct json *f = json_get(t->status, "stackflow");
	bool up = json_bool(json_get(f, "reachable"), true) &&
		  !json_bool(json_get(f, "breaker_open"), false);
	double p99 = newest(json_get(t->series, "stackflow_p99_ms"));
	struct buf b = BUF_INIT(256);

	buf_puts(&b, up ? "answers" : "down");
	if (up && p99 >= 0)
		buf_printf(&b, ", p99 %.0f ms", p99);
	if (up && json_int(json_get(f, "rate_limit"), 0) > 0) {
		buf_puts(&b, ", limit ");
		put_number(&b, f, "rate_remaining");
		buf_puts(&b, " of ");
		put_number(&b, f, "rate_limit");
	}
	part(l, up ? 0 : STYLE_RED | STYLE_BOLD, "StackFlow", "%s",
	     b.p ? b.p : "");
	buf_fini(&b);
}

static void add_queues(struct line *l, const struct json *s)
{
	const struct json *queues = json_get(s, "queues");

	for (size_t i = 0; i < json_count(queues); i++) {
		const struct json *q = json_item(queues, i);
		struct buf b = BUF_INIT(256);

		words_member(&b, q, "name");
		buf_putc(&b, ' ');
		words_member(&b, q, "state");
		if (json_get(q, "lag_seconds")) {
			buf_puts(&b, ", lag ");
			words_span(&b, 1000 * json_int(
				json_get(q, "lag_seconds"), 0));
		}
		part(l, json_get(q, "problem") ? STYLE_RED : 0, "Queue", "%s",
		     b.p ? b.p : "");
		buf_fini(&b);
	}
}

static void draw_neighbours(struct grid *g, const struct top *t, int row)
{
	const struct json *rules = json_get(t->status, "rules");
	struct line l = { g, row, 1 };

	add_stackflow(&l, t);
	add_queues(&l, t->status);
	if (json_get(t->status, "certificate_days"))
		part(&l, 0, "Certificate", "%lld d",
		     count_of(t->status, "certificate_days"));
	part(&l, warn(rules, "stale", STYLE_YELLOW), "Rules",
	     "%lld files, %lld stale", count_of(rules, "files"),
	     count_of(rules, "stale"));
	part(&l, 0, "tocsin", "%.*s",
	     STR_ARG(json_get_str(t->status, "version")));
}

/* ---- the views ---- */

static long long count_in(const struct top *t, enum view v)
{
	switch (v) {
	case VIEW_INCIDENTS:
		return count_of(t->status, "incidents_open");
	case VIEW_HELD:
		return (long long)t->lists[v].count;
	case VIEW_DEAD:
		return count_of(t->status, "dead_letters");
	case VIEW_SILENCES:
		return count_of(t->status, "silences");
	default:
		return -1;
	}
}

static void draw_views(struct grid *g, const struct top *t, int row)
{
	static const char *const orders[] = { "priority", "age", "repeats" };
	const struct buf *filter = &t->lists[t->view].filter;
	struct buf b = BUF_INIT(1024);
	int x = 0, room;

	grid_style(g, row, STYLE_REVERSE | STYLE_DIM);
	for (int v = 0; v < VIEWS; v++) {
		int style = v == (int)t->view ? STYLE_BOLD :
						STYLE_REVERSE | STYLE_DIM;
		long long n = count_in(t, (enum view)v);

		if (n >= 0)
			x += grid_printf(g, row, x, g->columns - x, style,
					 " %s %lld ", view_names[v], n);
		else
			x += grid_printf(g, row, x, g->columns - x, style,
					 " %s ", view_names[v]);
	}
	if (filter->n)
		buf_printf(&b, "/%.*s ", STR_ARG(buf_str(filter)));
	else if (t->view == VIEW_INCIDENTS)
		buf_printf(&b, "by %s ", orders[t->order]);
	room = g->columns - x - 2;
	if (b.n && room > 4) {
		int width = (int)b.n < room ? (int)b.n : room;

		grid_put(g, row, g->columns - width, width,
			 STYLE_REVERSE | STYLE_DIM, buf_str(&b));
	}
	buf_fini(&b);
}

int head_draw(struct grid *g, const struct top *t, const struct top_now *now)
{
	int row = 0;

	draw_health(g, t, row++, now);
	if (!health_silent(t, now))
		row = draw_troubles(g, t, row);
	draw_rates(g, t, row++);
	draw_waiting(g, t->status, row++);
	draw_neighbours(g, t, row++);
	draw_views(g, t, row++);
	return row;
}
