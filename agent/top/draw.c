#include "agent/top/state.h"

#include "agent/cmd/term.h"

#define ROWS_LEAST 15
#define COLUMNS_LEAST 60

static const char *const help[][2] = {
	{ "Up Down j k", "choose, or scroll; PgUp PgDn Home End g G too" },
	{ "Enter", "all that is known of it; Esc goes back" },
	{ "Tab 1-5", "the next view, or that one; d: the dead letters" },
	{ "/", "show only what has these words; Esc: all again" },
	{ "o", "incidents by priority, by age, by repeats" },
	{ "n", "a note on the incident" },
	{ "r", "resolve the incident; retry the dead letter" },
	{ "s", "silence the alarm for a while" },
	{ "e x", "extend a silence; end it, or drop a dead letter" },
	{ "? q", "this; leave. ^Z: into the background" },
};

#define HELPS (int)(sizeof(help) / sizeof(help[0]))

static void draw_help(struct grid *g, int from, int to)
{
	for (int i = 0; i < HELPS && from + i < to; i++) {
		grid_puts(g, from + i, 1, 12, STYLE_BOLD, help[i][0]);
		grid_puts(g, from + i, 14, g->columns - 14, 0, help[i][1]);
	}
}

static const char *keys_of(const struct top *t)
{
	static const char *const lists[] = {
		"Enter more  n note  r resolve  s silence  o sort  / find",
		"Enter more  s silence  / find",
		"Enter more  r retry  x drop  / find",
		"Enter more  s silence  / find",
		"Enter more  e extend  x end  / find",
	};
	static const char *const details[] = {
		"Esc back  n note  r resolve  s silence", "Esc back",
		"Esc back  r retry  x drop",
		"Esc back  n note  r resolve  s silence",
		"Esc back  e extend  x end",
	};

	if (t->prompt.act != ACT_NONE)
		return t->prompt.confirm ? "y yes  n no" :
					   "Enter takes it  Esc leaves it";
	if (t->help)
		return "any key goes back";
	return t->detail ? details[t->detail_of] : lists[t->view];
}

static void draw_keys(struct grid *g, const struct top *t, int row)
{
	static const char always[] = "Tab  ? help  q quit";
	int x = 1;

	x += grid_puts(g, row, x, g->columns - x, STYLE_DIM, keys_of(t)) + 2;
	if (t->prompt.act == ACT_NONE && !t->help &&
	    g->columns - x >= (int)sizeof(always) - 1)
		grid_puts(g, row, x, g->columns - x, STYLE_DIM, always);
}

/* The end of what is being typed is seen, with the cursor. */
static void draw_prompt(struct grid *g, const struct prompt *p, int row)
{
	struct str text = buf_str(&p->text), head, rest;
	int most = p->confirm ? g->columns - 2 : g->columns * 2 / 3, room;
	int x = grid_put(g, row, 1, most, STYLE_BOLD,
			 buf_str(&p->question)) + 1;

	if (p->confirm)
		return;
	room = g->columns - x - 2;
	head = str_sub(text, 0, p->cursor);
	while (head.n && (int)text_columns(head) > room)
		do
			head = str_sub(head, 1, head.n - 1);
		while (head.n && ((unsigned char)head.p[0] & 0xc0) == 0x80);
	x += grid_put(g, row, x, room, 0, head);
	rest = str_sub(text, p->cursor, text.n - p->cursor);
	grid_put(g, row, x, g->columns - x, 0, rest);
	grid_puts(g, row, x, 1, STYLE_REVERSE, " ");
	if (rest.n) {
		size_t n = 1;

		while (n < rest.n &&
		       ((unsigned char)rest.p[n] & 0xc0) == 0x80)
			n++;
		grid_put(g, row, x, 2, STYLE_REVERSE, str_sub(rest, 0, n));
	}
}

/* Over the question, where one stands. */
static void draw_said(struct grid *g, const struct top *t, int row)
{
	grid_style(g, row, 0);
	for (int c = 0; c < g->columns; c++)
		grid_puts(g, row, c, 1, 0, " ");
	grid_puts(g, row, 1, g->columns - 2,
		  (t->said_bad ? STYLE_RED : STYLE_GREEN) | STYLE_BOLD,
		  t->said);
}

/* Where in the list, or in the thing, one is. */
static void draw_place(struct grid *g, const struct top *t, int row)
{
	const struct top_list *l = &t->lists[t->view];
	int width = g->columns - 2;

	if (t->errands[TOP_ACT].under_way)
		grid_puts(g, row, 1, width, STYLE_DIM, "Sending ...");
	else if (t->help)
		return;
	else if (t->detail && t->detail_lines > t->detail_first + t->page)
		grid_printf(g, row, 1, width, STYLE_DIM, "%zu more lines",
			    t->detail_lines - t->page - t->detail_first);
	else if (!t->detail && (l->count > t->page || l->more))
		grid_printf(g, row, 1, width, STYLE_DIM, "%zu of %zu%s",
			    l->at + 1, l->count, l->more ?
			    ", the newest; / finds older ones" : "");
}

static void draw_small(struct grid *g, const struct top *t,
		       const struct top_now *now)
{
	struct buf b = BUF_INIT(2048);

	health_sentence(&b, t, now);
	grid_put(g, 0, 0, g->columns, STYLE_BOLD, buf_str(&b));
	grid_printf(g, 1, 0, g->columns, 0, "%dx%d: %dx%d at least is needed",
		    g->columns, g->rows, COLUMNS_LEAST, ROWS_LEAST);
	grid_puts(g, 2, 0, g->columns, 0, "q quit");
	buf_fini(&b);
}

void top_draw(struct grid *g, struct top *t, const struct top_now *now)
{
	int from, to = g->rows - 2;

	grid_clear(g);
	if (g->rows < ROWS_LEAST || g->columns < COLUMNS_LEAST) {
		draw_small(g, t, now);
		return;
	}
	from = head_draw(g, t, now);
	if (t->help)
		draw_help(g, from, to);
	else if (t->detail)
		detail_draw(g, t, from, to, now);
	else
		rows_draw(g, t, from, to, now);
	if (t->prompt.act != ACT_NONE)
		draw_prompt(g, &t->prompt, to);
	if (now->mono_ms < t->said_until_ms)
		draw_said(g, t, t->prompt.act == ACT_NONE ? to : to - 1);
	else if (t->prompt.act == ACT_NONE)
		draw_place(g, t, to);
	draw_keys(g, t, g->rows - 1);
}
