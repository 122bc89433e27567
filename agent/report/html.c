#include "agent/report/put.h"

#include "agent/replay/report.h"
#include "doc/markup.h"

#define TEXT_SHOWN 1000

/* As the status page looks; on paper without backgrounds. */
static const char style[] =
	":root{color-scheme:light dark;"
	"--back:light-dark(#f4f6f8,#0d1217);--card:light-dark(#fff,#151c23);"
	"--line:light-dark(#d9dfe5,#2a3540);--text:light-dark(#14202b,#e4eaf0);"
	"--dim:light-dark(#51606e,#9aa9b7);"
	"--accent:light-dark(#0a5ea8,#74b8ff);"
	"--raised:light-dark(#eef1f4,#1d262f)}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;max-width:72rem;padding:1.5rem 1.25rem 4rem;"
	"font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,"
	"\"Noto Sans\",sans-serif;background:var(--back);color:var(--text)}"
	"h1{font-size:1.5rem;line-height:1.25;margin:0 0 .3rem}"
	"h2{font-size:1.25rem;margin:2.5rem 0 .7rem;overflow-wrap:anywhere}"
	"h3{font-size:1rem;margin:1.5rem 0 .5rem}"
	"p{margin:.2rem 0}a{color:var(--accent);text-underline-offset:2px}"
	".dim{color:var(--dim)}.count{color:var(--dim);font-weight:normal}"
	"nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;"
	"padding:0;margin:1rem 0}nav a{display:inline-block;padding:.15rem 0}"
	".totals{display:grid;gap:.6rem;margin:0;"
	"grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr))}"
	".totals div,.row{background:var(--card);border:1px solid var(--line);"
	"border-radius:10px;padding:.6rem .9rem}"
	".totals dt{color:var(--dim);font-size:.87rem}"
	".totals dd{margin:0;font-variant-numeric:tabular-nums}"
	".totals strong{font-size:1.3rem}"
	".totals .was{color:var(--dim);font-size:.87rem;display:block}"
	"ol{list-style:none;padding:0;margin:0;display:grid;gap:.5rem}"
	".row{min-width:0;break-inside:avoid}"
	".what{font-weight:600;overflow-wrap:anywhere}"
	".place{color:var(--dim);font-size:.87rem;overflow-wrap:anywhere}"
	".row p{overflow-wrap:anywhere}"
	"pre,code{font-family:ui-monospace,\"SF Mono\",\"DejaVu Sans Mono\","
	"monospace;font-size:.87em}"
	"pre{margin:.4rem 0 .1rem;padding:.5rem .7rem;border-radius:7px;"
	"background:var(--raised);white-space:pre-wrap;overflow-wrap:anywhere}"
	":focus-visible{outline:2px solid var(--accent);outline-offset:2px}"
	"@media print{:root{color-scheme:light;--back:#fff}"
	"body{max-width:none;padding:0;font-size:11px}nav{display:none}"
	"h2{break-before:page}h2.first{break-before:auto}"
	"h2,h3{break-after:avoid}}";

static void put(struct buf *out, struct str s)
{
	markup_put_safe(out, s, TEXT_SHOWN);
}

static void put_total(struct buf *out, const struct totals_row *r)
{
	buf_printf(out, "<div><dt>%s</dt><dd><strong>", r->name);
	totals_put_number(out, r->now, r->tenths);
	buf_puts(out, "</strong><span class=\"was\">before: ");
	totals_put_number(out, r->before, r->tenths);
	buf_puts(out, "</span></dd></div>\n");
}

static void put_place(struct buf *out, const struct finding_row *r,
		      bool team)
{
	const struct {
		const char *name;
		struct str value;
	} parts[] = {
		{ "team ", team ? r->team : STR_NONE },
		{ "", r->account }, { "", r->region }, { "", r->where },
	};
	bool any = false;

	buf_puts(out, "<p class=\"place\">");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].value.n)
			continue;
		buf_printf(out, "%s%s", any ? " · " : "", parts[i].name);
		buf_puts(out, "<bdi>");
		put(out, parts[i].value);
		buf_puts(out, "</bdi>");
		any = true;
	}
	buf_puts(out, "</p>");
}

static void put_row(struct buf *out, const struct finding_row *r, bool team)
{
	buf_puts(out, "<li class=\"row\"><p class=\"what\"><bdi>");
	put(out, r->what);
	buf_puts(out, "</bdi></p>");
	put_place(out, r, team);
	buf_puts(out, "<p>");
	put(out, r->text);
	buf_puts(out, "</p><p>");
	put(out, r->advice);
	if (r->yaml_in)
		buf_printf(out, " In its %s:", r->yaml_in);
	buf_puts(out, "</p>");
	if (r->yaml_in) {
		/* Of our making: quoted, on lines of its own. */
		buf_puts(out, "<pre>");
		markup_put(out, r->yaml);
		buf_puts(out, "</pre>");
	}
	buf_puts(out, "</li>\n");
}

static void put_finding(struct buf *out, const struct finding *f, bool team)
{
	buf_printf(out, "<h3>%s <span class=\"count\">",
		   finding_title(f->kind));
	report_put_number(out, f->count);
	buf_puts(out, "</span></h3>\n<ol>\n");
	for (size_t i = 0; i < f->row_count; i++)
		put_row(out, &f->rows[i], team);
	buf_puts(out, "</ol>\n");
	if (f->count > f->row_count) {
		buf_puts(out, "<p class=\"dim\">and ");
		report_put_number(out, f->count - f->row_count);
		buf_puts(out, " more</p>\n");
	}
}

static void put_name(struct buf *out, const struct findings_scope *s)
{
	if (!s->totals.name.p) {
		buf_puts(out, "All teams");
		return;
	}
	buf_puts(out, "Team <bdi>");
	put(out, s->totals.name);
	buf_puts(out, "</bdi>");
}

static void put_scope(struct buf *out, const struct findings_scope *s,
		      size_t place)
{
	struct totals_row rows[TOTALS_ROWS];
	size_t n = totals_rows(rows, &s->totals), any = 0;

	buf_printf(out, "<section aria-labelledby=\"s%zu\">\n"
		   "<h2 id=\"s%zu\"%s>", place, place,
		   place ? "" : " class=\"first\"");
	put_name(out, s);
	buf_puts(out, "</h2>\n<dl class=\"totals\">\n");
	for (size_t i = 0; i < n; i++)
		put_total(out, &rows[i]);
	buf_puts(out, "</dl>\n");
	for (int k = 0; k < FINDING_KINDS; k++) {
		any += s->findings[k].count;
		if (s->findings[k].count)
			put_finding(out, &s->findings[k], !s->totals.name.p);
	}
	if (!any)
		buf_puts(out, "<p>Nothing to tidy up.</p>\n");
	buf_puts(out, "</section>\n");
}

static void put_contents(struct buf *out, const struct findings *f)
{
	if (f->scope_count < 2)
		return;
	buf_puts(out, "<nav aria-label=\"Teams\"><ul>\n");
	for (size_t i = 0; i < f->scope_count; i++) {
		buf_printf(out, "<li><a href=\"#s%zu\">", i);
		put_name(out, &f->scopes[i]);
		buf_puts(out, "</a></li>\n");
	}
	buf_puts(out, "</ul></nav>\n");
}

void hygiene_put_html(struct buf *out, const struct hygiene *h)
{
	const struct findings *f = h->findings;
	struct buf period = BUF_INIT(256), unknown = BUF_INIT(8192);

	hygiene_put_period(&period, &f->head);
	hygiene_put_unknown(&unknown, h, " ");
	buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		 "<meta charset=\"utf-8\">\n"
		 "<meta http-equiv=\"Content-Security-Policy\" "
		 "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		 "<meta name=\"viewport\" "
		 "content=\"width=device-width, initial-scale=1\">\n"
		 "<title>Alarm hygiene, ");
	markup_put(out, buf_str(&period));
	buf_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n"
		   "<header>\n<h1>Alarm hygiene</h1>\n<p>", style);
	markup_put(out, buf_str(&period));
	buf_puts(out, "; before: as long before it</p>\n");
	if (unknown.n) {
		buf_puts(out, "<p class=\"dim\">");
		put(out, buf_str(&unknown));
		buf_puts(out, "</p>\n");
	}
	put_contents(out, f);
	buf_puts(out, "</header>\n<main>\n");
	for (size_t i = 0; i < f->scope_count; i++)
		put_scope(out, &f->scopes[i], i);
	buf_puts(out, "</main>\n</body>\n</html>\n");
	buf_fini(&period);
	buf_fini(&unknown);
}
