#include "agent/cmd/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/encode.h"
#include "doc/json.h"

#define COLUMNS_MAX 12
#define CELL_MAX 200
#define LAST_LEAST 24 /* what the last column should have, if it needs it */
#define HIDDEN SIZE_MAX

/* Terminal columns, near enough: one a character. */
static size_t width_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static struct str cut_to(struct str s, size_t width)
{
	size_t n = 0, i = 0;

	while (i < s.n) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80 && n++ == width)
			break;
		i++;
	}
	return str_sub(s, 0, i);
}

static struct str cell(const struct json *row, const char *key,
		       struct arena *arena)
{
	const struct json *v = json_get(row, key);
	struct buf b = BUF_INIT(4096);
	struct str s;

	if (v)
		utf8_put_safe(&b, json_text(v, arena), CELL_MAX);
	else
		buf_putc(&b, '-');
	s = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return s.p ? s : STR("-");
}

static size_t terminal_width(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return SIZE_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || w.ws_col < 20)
		return 80;
	return w.ws_col;
}

static void print_cell(struct str s, size_t width, bool last)
{
	struct str shown = cut_to(s, width);

	fwrite(shown.p, 1, shown.n, stdout);
	if (last)
		putchar('\n');
	else
		printf("%*s", (int)(width - width_of(shown)) + 2, "");
}

static void measure(size_t *widths, const struct json *rows,
		    const struct column *columns, size_t count,
		    struct arena *arena)
{
	for (size_t c = 0; c < count; c++) {
		widths[c] = strlen(columns[c].title);
		for (size_t i = 0; i < json_count(rows); i++) {
			size_t w = width_of(cell(json_item(rows, i),
						 columns[c].key, arena));

			if (w > widths[c])
				widths[c] = w;
		}
	}
}

/* The column to leave out next; count: none. */
static size_t sparest(const size_t *widths, const struct column *columns,
		      size_t count)
{
	size_t found = count;

	for (size_t c = 0; c < count; c++)
		if (widths[c] != HIDDEN && columns[c].spare &&
		    (found == count || columns[c].spare > columns[found].spare))
			found = c;
	return found;
}

static void fit(size_t *widths, size_t terminal, const struct column *columns,
		size_t count)
{
	size_t *last = &widths[count - 1];
	size_t want = *last < LAST_LEAST ? *last : LAST_LEAST, used, c;

	for (;;) {
		used = 0;
		for (c = 0; c + 1 < count; c++)
			if (widths[c] != HIDDEN)
				used += widths[c] + 2;
		c = sparest(widths, columns, count);
		if (used + want <= terminal || c == count)
			break;
		widths[c] = HIDDEN;
	}
	if (used + *last > terminal)
		*last = terminal > used + 8 ? terminal - used : 8;
}

void table_print(const struct json *rows, const struct column *columns,
		 size_t count)
{
	struct arena *arena = arena_new(256 << 20);
	size_t widths[COLUMNS_MAX], n = json_count(rows);
	size_t terminal = terminal_width();
	bool bold = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

	assert(count > 0 && count <= COLUMNS_MAX);
	if (!arena)
		return;
	measure(widths, rows, columns, count, arena);
	if (terminal != SIZE_MAX)
		fit(widths, terminal, columns, count);
	fputs(bold ? "\033[1m" : "", stdout);
	for (size_t c = 0; c < count; c++)
		if (widths[c] != HIDDEN)
			print_cell(str_from(columns[c].title), widths[c],
				   c + 1 == count);
	fputs(bold ? "\033[0m" : "", stdout);
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < count; c++)
			if (widths[c] != HIDDEN)
				print_cell(cell(json_item(rows, i),
						columns[c].key, arena),
					   widths[c], c + 1 == count);
	arena_free(arena);
}
