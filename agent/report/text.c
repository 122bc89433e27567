#include "agent/report/put.h"

#include "agent/replay/report.h"
#include "base/encode.h"

#define NAME_MAX_SHOWN 255
#define LINE_MAX_SHOWN 1000

static void safe(struct buf *out, struct str s)
{
	utf8_put_safe(out, s, LINE_MAX_SHOWN);
}

static void bold(struct buf *out, const struct hygiene *h, bool on)
{
	if (h->colour)
		buf_puts(out, on ? "\033[1m" : "\033[0m");
}

static void put_total(struct buf *out, const struct hygiene *h,
		      const struct totals_row *r)
{
	struct buf now = BUF_INIT(64), before = BUF_INIT(64),
		   more = BUF_INIT(64);

	totals_put_number(&now, r->now, r->tenths);
	totals_put_number(&before, r->before, r->tenths);
	if (r->now != r->before) {
		buf_putc(&more, r->now > r->before ? '+' : '-');
		totals_put_number(&more, r->now > r->before ?
						 r->now - r->before :
						 r->before - r->now,
				  r->tenths);
	}
	buf_printf(out, "  %-20s %12s %12s", r->name, buf_str(&now).p,
		   buf_str(&before).p);
	if (more.n)
		buf_printf(out, h->colour ? " \033[2m%10s\033[0m" : " %10s",
			   more.p);
	buf_putc(out, '\n');
	buf_fini(&now);
	buf_fini(&before);
	buf_fini(&more);
}

static void put_totals(struct buf *out, const struct hygiene *h,
		       const struct team_facts *t)
{
	struct totals_row rows[TOTALS_ROWS];
	size_t n = totals_rows(rows, t);

	buf_printf(out, "  %-20s %12s %12s\n", "", "now", "before");
	for (size_t i = 0; i < n; i++)
		put_total(out, h, &rows[i]);
}

static void put_place(struct buf *out, const struct finding_row *r)
{
	bool any = false;

	if (r->account.n || r->region.n) {
		buf_puts(out, "  ");
		safe(out, r->account);
		if (r->region.n) {
			buf_putc(out, '/');
			safe(out, r->region);
		}
		any = true;
	}
	if (r->where.n) {
		buf_puts(out, any ? ", " : "  ");
		safe(out, r->where);
	}
}

static void put_yaml(struct buf *out, struct str yaml)
{
	struct str line;

	while (str_cut(&yaml, '\n', &line)) {
		buf_puts(out, "      ");
		buf_put_str(out, line);
		buf_putc(out, '\n');
	}
}

static void put_row(struct buf *out, const struct finding_row *r)
{
	buf_puts(out, "  ");
	utf8_put_safe(out, r->what, NAME_MAX_SHOWN);
	put_place(out, r);
	buf_puts(out, "\n    ");
	safe(out, r->text);
	buf_puts(out, "\n    ");
	buf_put_str(out, r->advice);
	if (r->yaml_in)
		buf_printf(out, " In its %s:", r->yaml_in);
	buf_putc(out, '\n');
	if (r->yaml_in)
		put_yaml(out, r->yaml);
}

static void put_findings(struct buf *out, const struct hygiene *h,
			 const struct findings_scope *s)
{
	size_t any = 0;

	for (int k = 0; k < FINDING_KINDS; k++) {
		const struct finding *f = &s->findings[k];

		any += f->count;
		if (!f->count)
			continue;
		buf_putc(out, '\n');
		bold(out, h, true);
		buf_printf(out, "%s (", finding_title(k));
		report_put_number(out, f->count);
		buf_putc(out, ')');
		bold(out, h, false);
		buf_putc(out, '\n');
		for (size_t i = 0; i < f->row_count; i++)
			put_row(out, &f->rows[i]);
		if (f->count > f->row_count) {
			buf_puts(out, "  ... and ");
			report_put_number(out, f->count - f->row_count);
			buf_puts(out, " more; --top shows more\n");
		}
	}
	if (!any)
		buf_puts(out, "\nNothing to tidy up.\n");
}

static void put_name(struct buf *out, const struct hygiene *h,
		     const struct findings_scope *s)
{
	bold(out, h, true);
	if (s->totals.name.p) {
		buf_puts(out, "Team ");
		safe(out, s->totals.name);
	} else {
		buf_puts(out, "All teams");
	}
	bold(out, h, false);
	buf_putc(out, '\n');
}

void hygiene_put_text(struct buf *out, const struct hygiene *h)
{
	const struct findings *f = h->findings;
	struct buf unknown = BUF_INIT(8192);

	buf_puts(out, "From ");
	hygiene_put_period(out, &f->head);
	buf_puts(out, "; before: as long before it\n");
	hygiene_put_unknown(&unknown, h, "\n");
	if (unknown.n) {
		buf_put_str(out, buf_str(&unknown));
		buf_putc(out, '\n');
	}
	buf_fini(&unknown);
	for (size_t i = 0; i < f->scope_count; i++) {
		buf_putc(out, '\n');
		put_name(out, h, &f->scopes[i]);
		put_totals(out, h, &f->scopes[i].totals);
		put_findings(out, h, &f->scopes[i]);
	}
}
