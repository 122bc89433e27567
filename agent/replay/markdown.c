#include "agent/replay/report.h"

#include "base/encode.h"

/*
 * A name from outside as code, in which nothing is a mention, a link or a
 * format; a table's own sign and the end of code are replaced.
 */
static void put_code(struct buf *out, struct str s)
{
	struct buf safe = BUF_INIT(8192);

	if (!s.n) {
		buf_puts(out, "-");
		return;
	}
	utf8_put_safe(&safe, s, 200);
	buf_putc(out, '`');
	for (size_t i = 0; i < safe.n; i++) {
		if (safe.p[i] == '|')
			buf_puts(out, "\\|");
		else
			buf_putc(out, safe.p[i] == '`' ? '\'' : safe.p[i]);
	}
	buf_putc(out, '`');
	buf_fini(&safe);
}

static void put_cell(struct buf *out, struct buf *text)
{
	buf_putc(out, ' ');
	buf_put_str(out, buf_str(text));
	buf_puts(out, " |");
	buf_reset(text);
}

static void put_row(struct buf *out, const struct diff_row *row,
		    struct buf *cell)
{
	struct buf team = BUF_INIT(4096);

	report_put_team(&team, row);
	buf_puts(out, "|");
	put_code(cell, buf_str(&team));
	put_cell(out, cell);
	put_code(cell, row->alarm);
	put_cell(out, cell);
	put_code(cell, row->account);
	put_cell(out, cell);
	report_put_pair(cell, row->before.incidents, row->after.incidents);
	put_cell(out, cell);
	report_put_priorities(cell, &row->change);
	put_cell(out, cell);
	report_put_pair(cell, row->before.notes, row->after.notes);
	put_cell(out, cell);
	report_put_rest(cell, &row->change);
	put_cell(out, cell);
	buf_putc(out, '\n');
	buf_fini(&team);
}

static void put_counts(struct buf *out, const struct report *r)
{
	struct report_count counts[REPORT_COUNTS];
	size_t n = report_counts(counts, r);

	buf_puts(out, "| | today | proposed | change |\n"
		      "|---|---:|---:|---:|\n");
	for (size_t i = 0; i < n; i++) {
		const struct report_count *c = &counts[i];
		bool more = c->after > c->before;

		buf_printf(out, "| %s | ", c->name);
		report_put_number(out, c->before);
		buf_puts(out, " | ");
		report_put_number(out, c->after);
		buf_puts(out, " | ");
		if (c->after != c->before) {
			buf_puts(out, more ? "+" : "-");
			report_put_number(out, more ? c->after - c->before :
						      c->before - c->after);
		}
		buf_puts(out, " |\n");
	}
}

void report_put_markdown(struct buf *out, const struct report *r)
{
	size_t rows = r->diff->row_count;
	size_t shown = rows < r->limit ? rows : r->limit;
	struct buf cell = BUF_INIT(65536);

	buf_puts(out, rows ? "### Replay: decisions differ for " :
			     "### Replay: no decision differs");
	if (rows) {
		report_put_number(out, rows);
		buf_puts(out, " of ");
		report_put_number(out, r->diff->alarms);
		buf_puts(out, r->diff->alarms == 1 ? " alarm" : " alarms");
	}
	buf_puts(out, "\n\n");
	report_put_head(out, r);
	buf_puts(out, ", today's rules against ");
	put_code(out, str_from(r->rules));
	buf_puts(out, ".\n\n");
	put_counts(out, r);
	if (rows)
		buf_puts(out, "\n| team | alarm | account | incidents | "
			      "priority | notes | what else |\n"
			      "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < shown; i++)
		put_row(out, &r->diff->rows[i], &cell);
	if (rows > shown) {
		buf_puts(out, "\n... and ");
		report_put_number(out, rows - shown);
		buf_puts(out, " more alarms that differ.\n");
	}
	buf_fini(&cell);
}
