#include "agent/cmd/table.h"

#include <assert.h>

#include "base/arena.h"
#include "base/encode.h"
#include "doc/json.h"

#define COLUMNS_MAX 12
#define CELL_MAX (64 << 10)
#define GAP 2
#define LAST_LEAST 24	/* what the last should have, if it needs it */
#define LEAST 6		/* and what is left of any other */
#define HIDDEN SIZE_MAX

struct table {
	const struct json *rows;
	const struct column *columns;
	size_t count;
	const struct term *term;
	size_t widths[COLUMNS_MAX];
	struct str *cells;	/* the rows' one after the other */
};

static struct str cell(const struct table *t, size_t row, size_t column,
		       struct arena *arena)
{
	const struct column *c = &t->columns[column];
	const struct json *v = json_get(json_item(t->rows, row), c->key);
	struct buf b = BUF_INIT(CELL_MAX + 16);
	struct str s;

	if (!v)
		buf_putc(&b, '-');
	else if (c->kind == COLUMN_TIME)
		term_put_time(&b, t->term, json_text(v, arena));
	else
		utf8_put_safe(&b, json_text(v, arena), CELL_MAX);
	s = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return s.p ? s : STR("-");
}

static bool fill(struct table *t, struct arena *arena)
{
	size_t rows = json_count(t->rows);

	t->cells = arena_alloc(arena, (rows * t->count + 1) *
				      sizeof(*t->cells));
	for (size_t c = 0; c < t->count; c++)
		t->widths[c] = strlen(t->columns[c].title);
	for (size_t i = 0; t->cells && i < rows * t->count; i++) {
		size_t c = i % t->count, width;

		t->cells[i] = cell(t, i / t->count, c, arena);
		width = text_columns(t->cells[i]);
		if (width > t->widths[c])
			t->widths[c] = width;
	}
	return t->cells;
}

/* The column to leave out next; count: none. */
static size_t sparest(const struct table *t)
{
	size_t found = t->count;

	for (size_t c = 0; c < t->count; c++)
		if (t->widths[c] != HIDDEN && t->columns[c].spare &&
		    (found == t->count ||
		     t->columns[c].spare > t->columns[found].spare))
			found = c;
	return found;
}

/* Of all but the last, with the gaps behind them. */
static size_t used(const struct table *t)
{
	size_t sum = 0;

	for (size_t c = 0; c + 1 < t->count; c++)
		if (t->widths[c] != HIDDEN)
			sum += t->widths[c] + GAP;
	return sum;
}

static void narrow(struct table *t, size_t want)
{
	while (used(t) + want > t->term->width) {
		size_t widest = 0;

		for (size_t c = 1; c + 1 < t->count; c++)
			if (t->widths[c] != HIDDEN &&
			    t->widths[c] > LEAST &&
			    (!widest || t->widths[c] > t->widths[widest]))
				widest = c;
		if (t->widths[widest] <= LEAST)
			break;
		t->widths[widest]--;
	}
}

/* As narrow as they may get, the first, which is a name, whole: not even
 * then? */
static bool is_too_much(const struct table *t)
{
	size_t sum = LEAST;

	for (size_t c = 0; c + 1 < t->count; c++)
		if (t->widths[c] != HIDDEN)
			sum += GAP + (c && t->widths[c] > LEAST ? LEAST :
							 t->widths[c]);
	return sum > t->term->width;
}

static void fit(struct table *t)
{
	size_t *last = &t->widths[t->count - 1], c;
	size_t want = *last < LAST_LEAST ? *last : LAST_LEAST;

	while (used(t) + want > t->term->width &&
	       (c = sparest(t)) < t->count)
		t->widths[c] = HIDDEN;
	for (c = t->count - 1; --c > 0 && is_too_much(t);)
		t->widths[c] = HIDDEN;
	if (want > LEAST && used(t) + want > t->term->width)
		want = LEAST;
	narrow(t, want);
	if (used(t) + *last > t->term->width)
		*last = t->term->width > used(t) + 1 ?
				t->term->width - used(t) : 1;
}

static void blanks(struct buf *out, size_t n)
{
	buf_printf(out, "%*s", (int)n, "");
}

static void put_cell(struct buf *out, const struct table *t, size_t c,
		     struct str text, enum tone tone)
{
	struct buf shown = BUF_INIT(2 * CELL_MAX);
	size_t pad;

	text_put_cut(&shown, text, t->widths[c]);
	pad = t->widths[c] - text_columns(buf_str(&shown));
	if (t->columns[c].kind == COLUMN_NUMBER)
		blanks(out, pad);
	term_put(out, t->term, tone, buf_str(&shown));
	if (c + 1 == t->count)
		buf_putc(out, '\n');
	else
		blanks(out, GAP + (t->columns[c].kind == COLUMN_NUMBER ? 0 :
								 pad));
	buf_fini(&shown);
}

static void put(struct buf *out, const struct table *t)
{
	size_t rows = json_count(t->rows);

	for (size_t c = 0; c < t->count; c++)
		if (t->widths[c] != HIDDEN)
			put_cell(out, t, c, str_from(t->columns[c].title),
				 TONE_HEAD);
	for (size_t i = 0; i < rows * t->count; i++) {
		size_t c = i % t->count;

		if (t->widths[c] != HIDDEN)
			put_cell(out, t, c, t->cells[i],
				 t->columns[c].kind == COLUMN_WORD ?
					 term_tone(t->cells[i]) : TONE_NONE);
	}
}

void table_put(struct buf *out, const struct json *rows,
	       const struct column *columns, size_t count,
	       const struct term *term)
{
	struct table t = { rows, columns, count, term, { 0 }, NULL };
	struct arena *arena = arena_new(256 << 20);

	assert(count > 0 && count <= COLUMNS_MAX);
	assert(!columns[count - 1].spare);
	if (arena && fill(&t, arena)) {
		if (term->width != SIZE_MAX)
			fit(&t);
		put(out, &t);
	}
	arena_free(arena);
}
