#include "agent/top/grid.h"

#include <stdlib.h>

#include "agent/cmd/term.h"
#include "base/encode.h"

#define TEXT_MAX 4096		/* bytes of one text, made safe */

static const struct cell blank = { .text = " ", .n = 1 };

static int within(int n, int max)
{
	return n < 1 ? 1 : n > max ? max : n;
}

struct grid *grid_new(int rows, int columns, bool ascii)
{
	struct grid *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->rows = within(rows, GRID_ROWS_MAX);
	g->columns = within(columns, GRID_COLUMNS_MAX);
	g->ascii = ascii;
	g->cells = calloc((size_t)g->rows * (size_t)g->columns,
			  sizeof(*g->cells));
	if (!g->cells) {
		free(g);
		return NULL;
	}
	grid_clear(g);
	return g;
}

void grid_free(struct grid *g)
{
	if (g)
		free(g->cells);
	free(g);
}

void grid_clear(struct grid *g)
{
	for (int i = 0; i < g->rows * g->columns; i++)
		g->cells[i] = blank;
}

static struct cell *at(const struct grid *g, int row, int column)
{
	return &g->cells[row * g->columns + column];
}

/* ---- text into cells ---- */

/* Half of a wide character is none. */
static void mend(struct grid *g, int row, int column)
{
	if (column > 0 && column < g->columns && !at(g, row, column)->n)
		*at(g, row, column - 1) = blank;
	if (column + 1 < g->columns && !at(g, row, column + 1)->n)
		*at(g, row, column + 1) = blank;
}

static void put_cell(struct grid *g, int row, int column, int style,
		     struct str one, int width)
{
	struct cell *c = at(g, row, column);

	mend(g, row, column);
	if (width == 2)
		mend(g, row, column + 1);
	*c = blank;
	c->style = (unsigned char)style;
	if (one.n < CELL_BYTES) {
		memcpy(c->text, one.p, one.n);
		c->n = (unsigned char)one.n;
	}
	if (width == 2)
		*at(g, row, column + 1) =
			(struct cell){ .style = (unsigned char)style };
}

/* Marks stand over the character before them; too many are left out. */
static void put_mark(struct grid *g, int row, int column, struct str one)
{
	struct cell *c = at(g, row, column);

	if (!c->n && column > 0)
		c = at(g, row, column - 1);
	if (c->n && c->n + one.n < CELL_BYTES) {
		memcpy(c->text + c->n, one.p, one.n);
		c->n = (unsigned char)(c->n + one.n);
	}
}

static struct str shown(const struct grid *g, struct str one)
{
	return g->ascii && (unsigned char)one.p[0] >= 0x80 ? STR("?") : one;
}

static int put_safe(struct grid *g, int row, int column, int width, int style,
		    struct str text)
{
	struct str rest = text;
	int used = 0;

	while (rest.n) {
		struct str one = shown(g, text_character(&rest));
		int w = (int)text_columns(one);

		if (w > width - used)
			return -1;
		if (w)
			put_cell(g, row, column + used, style, one, w);
		else if (used)
			put_mark(g, row, column + used - 1, one);
		used += w;
	}
	return used;
}

/* The mark takes the last column that text may have. */
static void put_cut(struct grid *g, int row, int column, int style)
{
	mend(g, row, column);
	put_cell(g, row, column, style,
		 g->ascii ? STR("~") : STR("\xe2\x80\xa6"), 1);
}

int grid_put(struct grid *g, int row, int column, int width, int style,
	     struct str text)
{
	struct buf safe = BUF_INIT(TEXT_MAX + 64);
	int used;

	if (row < 0 || row >= g->rows || column < 0 || column >= g->columns)
		return 0;
	if (width > g->columns - column)
		width = g->columns - column;
	if (width < 1)
		return 0;
	utf8_put_safe(&safe, text, TEXT_MAX);
	used = put_safe(g, row, column, width, style, buf_str(&safe));
	if (used < 0) {
		put_cut(g, row, column + width - 1, style);
		used = width;
	}
	buf_fini(&safe);
	return used;
}

int grid_puts(struct grid *g, int row, int column, int width, int style,
	      const char *text)
{
	return grid_put(g, row, column, width, style, str_from(text));
}

int grid_printf(struct grid *g, int row, int column, int width, int style,
		const char *fmt, ...)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	va_list ap;
	int used;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	used = grid_put(g, row, column, width, style, buf_str(&b));
	buf_fini(&b);
	return used;
}

void grid_style(struct grid *g, int row, int style)
{
	if (row < 0 || row >= g->rows)
		return;
	for (int c = 0; c < g->columns; c++)
		at(g, row, c)->style = (unsigned char)style;
}

/* ---- cells onto a terminal ---- */

static void put_style(struct buf *out, int style, bool colour)
{
	static const char *const codes[] = { "", ";31", ";33", ";32", ";36" };
	int c = style & STYLE_COLOURS;

	buf_puts(out, "\033[0");
	if (style & STYLE_BOLD)
		buf_puts(out, ";1");
	if (style & STYLE_DIM)
		buf_puts(out, ";2");
	if (style & STYLE_REVERSE)
		buf_puts(out, ";7");
	if (colour && c <= STYLE_CYAN)
		buf_puts(out, codes[c]);
	buf_putc(out, 'm');
}

static bool same(const struct cell *a, const struct cell *b)
{
	return a->n == b->n && a->style == b->style &&
	       memcmp(a->text, b->text, a->n) == 0;
}

/* From the first cell that differs to the last: one run a row. */
static void show_row(struct buf *out, const struct grid *g,
		     const struct grid *before, int row, bool colour,
		     int *style)
{
	int from = 0, to = g->columns;

	if (before) {
		while (from < to &&
		       same(at(g, row, from), at(before, row, from)))
			from++;
		while (to > from &&
		       same(at(g, row, to - 1), at(before, row, to - 1)))
			to--;
		if (from == to)
			return;
		/* Whole characters, of both. */
		while (from > 0 && (!at(g, row, from)->n ||
				    !at(before, row, from)->n))
			from--;
		while (to < g->columns && (!at(g, row, to)->n ||
					   !at(before, row, to)->n))
			to++;
	}
	buf_printf(out, "\033[%d;%dH", row + 1, from + 1);
	for (int c = from; c < to; c++) {
		const struct cell *x = at(g, row, c);

		if (x->style != *style)
			put_style(out, *style = x->style, colour);
		buf_put(out, x->text, x->n);
	}
}

void grid_show(struct buf *out, const struct grid *g,
	       const struct grid *before, bool colour)
{
	int style = -1;

	if (before && (before->rows != g->rows ||
		       before->columns != g->columns))
		before = NULL;
	if (!before)
		buf_puts(out, "\033[0m\033[2J");
	for (int r = 0; r < g->rows; r++)
		show_row(out, g, before, r, colour, &style);
	if (style > 0)
		buf_puts(out, "\033[0m");
}

void grid_row(struct buf *out, const struct grid *g, int row)
{
	size_t from = out->n;

	for (int c = 0; c < g->columns; c++)
		buf_put(out, at(g, row, c)->text, at(g, row, c)->n);
	while (out->n > from && out->p[out->n - 1] == ' ')
		buf_truncate(out, out->n - 1);
}
