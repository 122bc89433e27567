#include "agent/replay/report.h"

#include "base/encode.h"

#define COLUMNS 7
#define CELL_MAX 60

static const char *const titles[COLUMNS] = { "TEAM", "ALARM", "ACCOUNT",
					     "INCIDENTS", "PRIORITY", "NOTES",
					     "WHAT ELSE" };

struct cells {
	struct buf text[COLUMNS];
};

static size_t width_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void fill(struct cells *c, const struct diff_row *row)
{
	struct buf team = BUF_INIT(4096);

	for (int i = 0; i < COLUMNS; i++)
		buf_reset(&c->text[i]);
	report_put_team(&team, row);
	utf8_put_safe(&c->text[0], buf_str(&team), CELL_MAX);
	utf8_put_safe(&c->text[1], row->alarm, CELL_MAX);
	utf8_put_safe(&c->text[2], row->account, CELL_MAX);
	report_put_pair(&c->text[3], row->before.incidents,
			row->after.incidents);
	report_put_priorities(&c->text[4], &row->change);
	report_put_pair(&c->text[5], row->before.notes, row->after.notes);
	report_put_rest(&c->text[6], &row->change);
	for (int i = 0; i < COLUMNS; i++)
		if (!c->text[i].n)
			buf_putc(&c->text[i], '-');
	buf_fini(&team);
}

static void put_line(struct buf *out, const struct str *cells,
		     const size_t *widths)
{
	for (int i = 0; i < COLUMNS; i++) {
		size_t n = width_of(cells[i]);

		buf_put_str(out, cells[i]);
		if (i < COLUMNS - 1)
			buf_printf(out, "%*s",
				   (int)(n < widths[i] ? widths[i] - n : 0) + 2,
				   "");
	}
	buf_putc(out, '\n');
}

static void put_rows(struct buf *out, const struct report *r, size_t shown)
{
	struct str line[COLUMNS];
	size_t widths[COLUMNS];
	struct cells c;

	for (int i = 0; i < COLUMNS; i++) {
		buf_init(&c.text[i], 8192);
		line[i] = str_from(titles[i]);
		widths[i] = line[i].n;
	}
	for (size_t k = 0; k < shown; k++) {
		fill(&c, &r->diff->rows[k]);
		for (int i = 0; i < COLUMNS; i++) {
			size_t n = width_of(buf_str(&c.text[i]));

			widths[i] = n > widths[i] ? n : widths[i];
		}
	}
	buf_puts(out, r->colour ? "\n\033[1m" : "\n");
	put_line(out, line, widths);
	buf_puts(out, r->colour ? "\033[0m" : "");
	for (size_t k = 0; k < shown; k++) {
		fill(&c, &r->diff->rows[k]);
		for (int i = 0; i < COLUMNS; i++)
			line[i] = buf_str(&c.text[i]);
		put_line(out, line, widths);
	}
	for (int i = 0; i < COLUMNS; i++)
		buf_fini(&c.text[i]);
}

static void put_count(struct buf *out, const struct report *r,
		      const struct report_count *c)
{
	struct buf a = BUF_INIT(64), b = BUF_INIT(64), d = BUF_INIT(64);

	report_put_number(&a, c->before);
	report_put_number(&b, c->after);
	if (c->after != c->before) {
		buf_putc(&d, c->after > c->before ? '+' : '-');
		report_put_number(&d, c->after > c->before ?
					      c->after - c->before :
					      c->before - c->after);
	}
	buf_printf(out, "  %-12s %12s %12s", c->name, buf_str(&a).p,
		   buf_str(&b).p);
	if (d.n)
		buf_printf(out, r->colour ? " \033[33m%10s\033[0m" : " %10s",
			   d.p);
	buf_putc(out, '\n');
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&d);
}

void report_put_text(struct buf *out, const struct report *r)
{
	size_t rows = r->diff->row_count;
	size_t shown = rows < r->limit ? rows : r->limit;
	struct report_count counts[REPORT_COUNTS];
	size_t n = report_counts(counts, r);

	report_put_head(out, r);
	buf_printf(out, "\n\n  %-12s %12s %12s\n", "", "today", "proposed");
	for (size_t i = 0; i < n; i++)
		put_count(out, r, &counts[i]);
	if (!rows) {
		buf_puts(out, "\nboth decide the same\n");
		return;
	}
	put_rows(out, r, shown);
	if (rows > shown) {
		buf_puts(out, "... and ");
		report_put_number(out, rows - shown);
		buf_puts(out, " more alarms that differ; --limit shows more\n");
	}
	buf_puts(out, "\ndecided otherwise: ");
	report_put_number(out, rows);
	buf_puts(out, " of ");
	report_put_number(out, r->diff->alarms);
	buf_puts(out, " alarms, ");
	report_put_number(out, r->diff->change.decisions);
	buf_puts(out, " events\n");
}
