#ifndef AGENT_TOP_GRID_H
#define AGENT_TOP_GRID_H

#include "base/buf.h"

/*
 * What a terminal shall show: rows of cells, and how to bring it there from
 * what it shows. Knows nothing of what is drawn.
 */

enum style {			/* a colour, and any of the bits */
	STYLE_RED = 1, STYLE_YELLOW, STYLE_GREEN, STYLE_CYAN,
	STYLE_COLOURS = 7,
	STYLE_BOLD = 8, STYLE_DIM = 16, STYLE_REVERSE = 32,
};

#define GRID_ROWS_MAX 500
#define GRID_COLUMNS_MAX 1000
#define CELL_BYTES 14		/* a character and what is written over it */

struct cell {
	char text[CELL_BYTES];
	unsigned char n;	/* 0: the right half of a wide character */
	unsigned char style;
};

struct grid {
	int rows, columns;
	bool ascii;		/* the terminal takes nothing else */
	struct cell *cells;
};

/* Blank; sizes beyond the largest are cut. NULL: out of memory. */
struct grid *grid_new(int rows, int columns, bool ascii);
void grid_free(struct grid *g);
void grid_clear(struct grid *g);

/*
 * Text, made safe, from row and column on, in at most width columns, with a
 * mark where it was cut. Returns the columns it took; outside of the grid
 * nothing is put.
 */
int grid_put(struct grid *g, int row, int column, int width, int style,
	     struct str text);
int grid_puts(struct grid *g, int row, int column, int width, int style,
	      const char *text);
int grid_printf(struct grid *g, int row, int column, int width, int style,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* A whole row's style, its text left alone. */
void grid_style(struct grid *g, int row, int style);

/*
 * What makes a terminal that shows before show g; all of it where before is
 * NULL or of another size. Without colour the bits alone are used.
 */
void grid_show(struct buf *out, const struct grid *g,
	       const struct grid *before, bool colour);

/* A row's text, without blanks at its end. */
void grid_row(struct buf *out, const struct grid *g, int row);

#endif
