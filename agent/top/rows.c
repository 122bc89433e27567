#include "agent/top/state.h"

#include <stdlib.h>
#include <strings.h>

#include "agent/cmd/term.h"
#include "base/encode.h"

#define COLUMNS_MAX 8
#define GAP 2
#define CELL_MAX 2048

const char *const view_names[VIEWS] = {
	"Incidents", "Held", "Dead", "Events", "Silences",
};

/* ---- columns ---- */

enum cell_kind {
	CELL_TEXT, CELL_WORD, CELL_STATE, CELL_AGE, CELL_LEFT,
	CELL_SECONDS, CELL_HELD, CELL_TARGET,
};

struct top_column {
	const char *title, *key;
	int width;		/* 0: what is left */
	int from;		/* shown on terminals as wide as that */
	enum cell_kind kind;
};

static const struct top_column columns[VIEWS][COLUMNS_MAX] = {
	[VIEW_INCIDENTS] = {
		{ "PRI", "priority", 3, 0, CELL_WORD },
		{ "INCIDENT", "incident", 10, 0, CELL_TEXT },
		{ "AGE", "age_seconds", 6, 0, CELL_SECONDS },
		{ "REP", "repeats", 4, 0, CELL_TEXT },
		{ "TEAM", "team", 12, 72, CELL_TEXT },
		{ "CI", "ci_id", 10, 110, CELL_TEXT },
		{ "ALARM", "alarm", 28, 130, CELL_TEXT },
		{ "SHORT DESCRIPTION", "short_description", 0, 0, CELL_TEXT },
	},
	[VIEW_HELD] = {
		{ "LEFT", "until", 7, 0, CELL_LEFT },
		{ "SINCE", "since", 7, 0, CELL_AGE },
		{ "HELD BY", "held_by", 18, 0, CELL_TEXT },
		{ "ABOUT", "held_about", 14, 100, CELL_TEXT },
		{ "TEAM", "team", 12, 84, CELL_TEXT },
		{ "ALARM", "alarm", 0, 0, CELL_HELD },
	},
	[VIEW_DEAD] = {
		{ "ID", "id", 6, 0, CELL_TEXT },
		{ "KIND", "kind", 8, 0, CELL_TEXT },
		{ "AGE", "created_at", 7, 0, CELL_AGE },
		{ "TARGET", "target", 11, 84, CELL_TARGET },
		{ "TRIES", "attempts", 5, 72, CELL_TEXT },
		{ "STATUS", "status", 6, 0, CELL_TEXT },
		{ "PROBLEM", "problem", 0, 0, CELL_TEXT },
	},
	[VIEW_EVENTS] = {
		{ "AGE", "received_at", 7, 0, CELL_AGE },
		{ "STATE", "state", 7, 0, CELL_STATE },
		{ "ACTION", "action", 9, 0, CELL_TEXT },
		{ "TEAM", "team", 12, 84, CELL_TEXT },
		{ "KIND", "kind", 14, 130, CELL_TEXT },
		{ "ALARM", "alarm", 24, 0, CELL_TEXT },
		{ "BECAUSE", "because", 0, 0, CELL_TEXT },
	},
	[VIEW_SILENCES] = {
		{ "ID", "id", 14, 0, CELL_TEXT },
		{ "LEFT", "ends_at", 7, 0, CELL_LEFT },
		{ "HOLDS", "holding", 5, 0, CELL_TEXT },
		{ "OWNER", "owner", 12, 72, CELL_TEXT },
		{ "REASON", "reason", 24, 100, CELL_TEXT },
		{ "MATCH", "match", 0, 0, CELL_TEXT },
	},
};

static void put_held(struct buf *out, const struct json *row)
{
	if (json_get(row, "alarm")) {
		words_member(out, row, "alarm");
		return;
	}
	buf_puts(out, "notes of ");
	words_member(out, row, json_get(row, "incident") ? "incident" :
							  "dedup_key");
}

static void put_cell(struct buf *out, const struct top_column *c,
		     const struct json *row, const struct top_now *now)
{
	size_t from = out->n;

	switch (c->kind) {
	case CELL_AGE:
		words_age(out, row, c->key, now);
		break;
	case CELL_LEFT:
		words_left(out, row, c->key, now);
		break;
	case CELL_SECONDS:
		words_span(out, 1000 * json_int(json_get(row, c->key), 0));
		break;
	case CELL_HELD:
		put_held(out, row);
		break;
	case CELL_STATE:
		if (str_is(json_get_str(row, c->key), "INSUFFICIENT_DATA"))
			buf_puts(out, "NO DATA");
		else
			words_member(out, row, c->key);
		break;
	case CELL_TARGET:
		if (json_int(json_get(row, "incident_id"), 0))
			buf_printf(out, "incident %lld", (long long)json_int(
				   json_get(row, "incident_id"), 0));
		else
			words_member(out, row, c->key);
		break;
	default:
		words_member(out, row, c->key);
	}
	if (out->n == from)
		buf_putc(out, '-');
}

static int style_of(const struct top_column *c, struct str text)
{
	static const int styles[] = {
		[TONE_GOOD] = STYLE_GREEN, [TONE_WARN] = STYLE_YELLOW,
		[TONE_BAD] = STYLE_RED | STYLE_BOLD, [TONE_DIM] = STYLE_DIM, [TONE_HEAD] = STYLE_BOLD,
	};

	return c->kind == CELL_WORD || c->kind == CELL_STATE ?
		       styles[term_tone(text)] :
		       0;
}

/* ---- which rows, in which order ---- */

const struct json *rows_array(const struct top *t, enum view v)
{
	static const char *const keys[] = {
		"incidents", "alarms_held", "dead", "events", "silences",
	};

	return json_get(v == VIEW_HELD ? t->status : t->lists[v].answer,
			keys[v]);
}

void rows_id(struct buf *out, enum view v, const struct json *row)
{
	if (v != VIEW_HELD)
		words_member(out, row, "id");
	else
		words_member(out, row, json_get(row, "event") ? "event" : "id");
}

void rows_label(struct buf *out, enum view v, const struct json *row)
{
	switch (v) {
	case VIEW_INCIDENTS:
		if (json_get(row, "incident")) {
			words_member(out, row, "incident");
			break;
		}
		buf_puts(out, "incident ");
		words_member(out, row, "id");
		break;
	case VIEW_HELD:
		put_held(out, row);
		break;
	case VIEW_DEAD:
		words_member(out, row, "kind");
		buf_putc(out, ' ');
		words_member(out, row, "id");
		break;
	case VIEW_EVENTS:
		words_member(out, row, "alarm");
		break;
	default:
		buf_puts(out, "silence ");
		words_member(out, row, "id");
	}
}

static bool contains(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (strncasecmp(text.p + i, part.p, part.n) == 0)
			return true;
	return false;
}

/* What the agent doesn't search is searched in what is shown. */
static bool passes(const struct top *t, enum view v, const struct json *row)
{
	const struct top_now never = { 0, 0 };
	struct str filter = buf_str(&t->lists[v].filter);
	struct buf b = BUF_INIT(CELL_MAX);
	bool found = !filter.n || v == VIEW_INCIDENTS || v == VIEW_EVENTS;

	for (int i = 0; i < COLUMNS_MAX && columns[v][i].title && !found;
	     i++) {
		buf_reset(&b);
		put_cell(&b, &columns[v][i], row, &never);
		found = contains(buf_str(&b), filter);
	}
	buf_fini(&b);
	return found;
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct json *a = *(const struct json *const *)x;
	const struct json *b = *(const struct json *const *)y;
	const enum order *o = arg;
	int64_t ages = json_int(json_get(b, "age_seconds"), 0) -
		       json_int(json_get(a, "age_seconds"), 0);
	int64_t repeats = json_int(json_get(b, "repeats"), 0) -
			  json_int(json_get(a, "repeats"), 0);
	int by = 0;

	if (*o == ORDER_PRIORITY)
		by = str_cmp(json_get_str(a, "priority"),
			     json_get_str(b, "priority"));
	else if (*o == ORDER_REPEATS)
		by = repeats < 0 ? -1 : repeats > 0;
	if (!by && *o == ORDER_AGE)
		by = ages < 0 ? -1 : ages > 0;
	if (!by) {	/* the newest first */
		int64_t ids = json_int(json_get(b, "id"), 0) -
			      json_int(json_get(a, "id"), 0);

		by = ids < 0 ? -1 : ids > 0;
	}
	return by;
}

static bool is_row(const struct json *row, enum view v, struct str id)
{
	struct buf b = BUF_INIT(CELL_MAX);
	bool is;

	rows_id(&b, v, row);
	is = str_eq(buf_str(&b), id);
	buf_fini(&b);
	return is;
}

/* By its id; else by its place. */
static void find_chosen(struct top_list *l, enum view v)
{
	for (size_t i = 0; l->id[0] && i < l->count; i++)
		if (is_row(l->rows[i], v, str_from(l->id))) {
			l->at = i;
			return;
		}
	if (l->at >= l->count)
		l->at = l->count ? l->count - 1 : 0;
}

static void keep_id(struct top_list *l, enum view v)
{
	struct buf b = BUF_INIT(CELL_MAX);

	if (l->count)
		rows_id(&b, v, l->rows[l->at]);
	utf8_keep(l->id, sizeof(l->id), buf_str(&b));
	buf_fini(&b);
}

static void add(struct top *t, enum view v, const struct json *row)
{
	struct top_list *l = &t->lists[v];

	if (passes(t, v, row))
		l->rows[l->count++] = row;
}

void rows_choose(struct top *t, enum view v)
{
	struct top_list *l = &t->lists[v];
	const struct json *list = rows_array(t, v);
	const struct json *timers = v == VIEW_HELD ?
		json_get(t->status, "incident_timers") : NULL;
	size_t n = json_count(list) + json_count(timers);

	free(l->rows);
	l->count = 0;
	l->rows = calloc(n ? n : 1, sizeof(*l->rows));
	l->more = json_get(l->answer, "next_before") != NULL;
	for (size_t i = 0; l->rows && i < json_count(list); i++)
		add(t, v, json_item(list, i));
	for (size_t i = 0; l->rows && i < json_count(timers); i++)
		if (json_get(json_item(timers, i), "held_by"))
			add(t, v, json_item(timers, i));
	if (v == VIEW_INCIDENTS && l->count)
		qsort_r(l->rows, l->count, sizeof(*l->rows), compare,
			&t->order);
	find_chosen(l, v);
	keep_id(l, v);
}

const struct json *rows_chosen(const struct top *t)
{
	const struct top_list *l = &t->lists[t->view];

	return l->count ? l->rows[l->at] : NULL;
}

void rows_move(struct top *t, long by)
{
	struct top_list *l = &t->lists[t->view];
	long to = (long)l->at + by;

	if (!l->count)
		return;
	l->at = to < 0 ? 0 : (size_t)to >= l->count ? l->count - 1 :
						      (size_t)to;
	keep_id(l, t->view);
}

/* ---- drawing ---- */

/* What is left for the column that takes it. */
static int rest_of(const struct top_column *list, int columns_there)
{
	int used = 1;

	for (int i = 0; i < COLUMNS_MAX && list[i].title; i++)
		if (list[i].from <= columns_there && list[i].width)
			used += list[i].width + GAP;
	return columns_there > used ? columns_there - used : 1;
}

static void draw_titles(struct grid *g, const struct top_column *list, int row)
{
	int x = 1;

	for (int i = 0; i < COLUMNS_MAX && list[i].title; i++) {
		int width = list[i].width ? list[i].width :
					    rest_of(list, g->columns);

		if (list[i].from > g->columns)
			continue;
		grid_puts(g, row, x, width, STYLE_BOLD, list[i].title);
		x += width + GAP;
	}
}

static void draw_row(struct grid *g, const struct top_column *list, int y,
		     const struct json *row, bool chosen,
		     const struct top_now *now)
{
	struct buf b = BUF_INIT(CELL_MAX);
	int x = 1;

	for (int i = 0; i < COLUMNS_MAX && list[i].title; i++) {
		int width = list[i].width ? list[i].width :
					    rest_of(list, g->columns);

		if (list[i].from > g->columns)
			continue;
		buf_reset(&b);
		put_cell(&b, &list[i], row, now);
		grid_put(g, y, x, width, style_of(&list[i], buf_str(&b)),
			 buf_str(&b));
		x += width + GAP;
	}
	if (chosen) {
		grid_style(g, y, STYLE_REVERSE);
		grid_puts(g, y, 0, 1, STYLE_REVERSE, ">");
	}
	buf_fini(&b);
}

static const char *nothing(const struct top *t)
{
	static const char *const texts[] = {
		"No incident is open.", "Nothing is held.",
		"No dead letters.", "No events are kept.",
		"No silence is in force.",
	};

	if (t->lists[t->view].filter.n)
		return "Nothing matches; / and an empty line shows all again.";
	return rows_array(t, t->view) ? texts[t->view] : "Asking ...";
}

void rows_draw(struct grid *g, struct top *t, int from, int to,
	       const struct top_now *now)
{
	const struct top_column *list = columns[t->view];
	struct top_list *l = &t->lists[t->view];

	t->page = to - from > 1 ? (size_t)(to - from - 1) : 1;
	if (!l->count) {
		grid_puts(g, from + 1, 1, g->columns - 1, STYLE_DIM,
			  nothing(t));
		return;
	}
	if (l->at < l->first)
		l->first = l->at;
	if (l->at >= l->first + t->page)
		l->first = l->at - t->page + 1;
	if (l->first + t->page > l->count)
		l->first = l->count > t->page ? l->count - t->page : 0;
	draw_titles(g, list, from);
	for (size_t i = 0; i < t->page && l->first + i < l->count; i++)
		draw_row(g, list, from + 1 + (int)i, l->rows[l->first + i],
			 l->first + i == l->at, now);
}
