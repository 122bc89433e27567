#include "agent/ruletest/report.h"

#include <stdio.h>

#include "base/encode.h"
#include "doc/markup.h"

#define OUT_MAX (64 << 20)

static void flush(struct report *r)
{
	if (r->out.n)
		fwrite(r->out.p, 1, r->out.n, stdout);
	buf_reset(&r->out);
}

void report_begin(struct report *r, enum report_format format, bool quiet)
{
	*r = (struct report){ .format = format,
			      .quiet = quiet,
			      .out = BUF_INIT(OUT_MAX),
			      .file = BUF_INIT(OUT_MAX) };
	if (format == REPORT_TAP)
		buf_puts(&r->out, "TAP version 13\n");
}

/* ---- pieces ---- */

static void put_place(struct buf *out, const struct ruletest *file, int line,
		      int column)
{
	utf8_put_safe(out, str_from(file->path), 4096);
	buf_printf(out, ":%d:%d", line, column);
}

static void put_field(struct buf *out, const struct ruletest_miss *m)
{
	utf8_put_safe(out, m->field, 200);
	if (m->when.p)
		buf_printf(out, " at %.*s", STR_ARG(m->when));
}

/* What went wrong, each line behind indent. */
static void put_details(struct buf *out, const struct ruletest *file,
			const struct ruletest_result *res, const char *indent)
{
	for (size_t i = 0; i < res->count; i++) {
		const struct ruletest_miss *m = &res->misses[i];

		buf_puts(out, indent);
		put_place(out, file, m->at->line, m->at->column);
		buf_puts(out, ": ");
		put_field(out, m);
		buf_printf(out, "\n%s  expected: %.*s\n%s  got:      %.*s\n",
			   indent, STR_ARG(m->expected), indent,
			   STR_ARG(m->got));
		if (m->rule.p)
			buf_printf(out, "%s  decided:  %.*s (%.*s)\n", indent,
				   STR_ARG(m->rule), STR_ARG(m->where));
	}
	if (res->problem) {
		buf_puts(out, indent);
		put_place(out, file, res->test->from->line,
			  res->test->from->column);
		buf_printf(out, ": not run to its end: %s\n", res->problem);
	}
}

static void put_name(struct buf *out, const struct test *t)
{
	utf8_put_safe(out, t->name, 300);
}

static void put_xml_safe(struct buf *out, struct str s)
{
	markup_put_safe(out, s, 8192);
}

static void put_seconds(struct buf *out, int64_t us)
{
	buf_printf(out, "%lld.%06lld", (long long)(us / 1000000),
		   (long long)(us % 1000000));
}

/* ---- text ---- */

static void text_test(struct report *r, const struct ruletest *file,
		      const struct ruletest_result *res)
{
	if (!res->count && !res->problem)
		return;
	buf_puts(&r->out, "FAILED  ");
	put_name(&r->out, res->test);
	buf_putc(&r->out, '\n');
	put_details(&r->out, file, res, "  ");
}

static void text_file(struct report *r, const char *path)
{
	if (r->quiet)
		return;
	buf_puts(&r->out, r->file_failed ? "failed  " : "ok      ");
	utf8_put_safe(&r->out, str_from(path), 4096);
	buf_printf(&r->out, ": %zu test%s", r->file_tests,
		   r->file_tests == 1 ? "" : "s");
	if (r->file_failed)
		buf_printf(&r->out, ", %zu failed", r->file_failed);
	buf_putc(&r->out, '\n');
}

static void text_end(struct report *r)
{
	if (r->quiet)
		return;
	buf_printf(&r->out, "%zu test%s in %zu file%s: %zu passed, %zu failed",
		   r->tests, r->tests == 1 ? "" : "s", r->files,
		   r->files == 1 ? "" : "s", r->tests - r->failed, r->failed);
	if (r->broken)
		buf_printf(&r->out, "; %zu file%s can't be run", r->broken,
			   r->broken == 1 ? "" : "s");
	buf_puts(&r->out, " (");
	put_seconds(&r->out, r->us);
	buf_puts(&r->out, " s)\n");
}

/* ---- TAP ---- */

/* A `#` would begin a directive, a backslash escapes. */
static void tap_name(struct buf *out, struct str name)
{
	struct buf safe = BUF_INIT(4096);

	utf8_put_safe(&safe, name, 300);
	for (size_t i = 0; i < safe.n; i++) {
		if (safe.p[i] == '#' || safe.p[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, safe.p[i]);
	}
	buf_fini(&safe);
}

static void tap_result(struct report *r, bool good, const char *path,
		       struct str name)
{
	buf_printf(&r->out, "%sok %zu - ", good ? "" : "not ",
		   r->tests + r->broken);
	tap_name(&r->out, str_from(path));
	if (name.p) {
		buf_puts(&r->out, ": ");
		tap_name(&r->out, name);
	}
	buf_putc(&r->out, '\n');
}

/* ---- JUnit ---- */

static void junit_test(struct report *r, const struct ruletest *file,
		       const struct ruletest_result *res)
{
	struct buf why = BUF_INIT(1 << 20);

	buf_puts(&r->file, "    <testcase name=\"");
	put_xml_safe(&r->file, res->test->name);
	buf_puts(&r->file, "\" classname=\"");
	put_xml_safe(&r->file, str_from(file->path));
	buf_puts(&r->file, "\" file=\"");
	put_xml_safe(&r->file, str_from(file->path));
	buf_printf(&r->file, "\" line=\"%d\" time=\"", res->test->from->line);
	put_seconds(&r->file, res->us);
	if (!res->count && !res->problem) {
		buf_puts(&r->file, "\"/>\n");
		return;
	}
	put_details(&why, file, res, "");
	buf_puts(&r->file, "\">\n      <failure message=\"");
	put_xml_safe(&r->file,
		     res->count ? res->misses[0].field : STR("not run"));
	buf_puts(&r->file, "\">");
	markup_put(&r->file, buf_str(&why));
	buf_puts(&r->file, "</failure>\n    </testcase>\n");
	buf_fini(&why);
}

static void junit_suite(struct report *r, const char *path, size_t tests,
			size_t failed, size_t errors, int64_t us)
{
	buf_puts(&r->out, "  <testsuite name=\"");
	put_xml_safe(&r->out, str_from(path));
	buf_printf(&r->out,
		   "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"",
		   tests, failed, errors);
	put_seconds(&r->out, us);
	buf_puts(&r->out, "\">\n");
	buf_put_str(&r->out, buf_str(&r->file));
	buf_puts(&r->out, "  </testsuite>\n");
	buf_reset(&r->file);
}

static void junit_broken(struct report *r, const char *path, struct str why)
{
	buf_puts(&r->file, "    <testcase name=\"can be run\" classname=\"");
	put_xml_safe(&r->file, str_from(path));
	buf_puts(&r->file, "\">\n      <error message=\"can't be run\">");
	markup_put(&r->file, why);
	buf_puts(&r->file, "</error>\n    </testcase>\n");
	junit_suite(r, path, 1, 0, 1, 0);
}

static void junit_end(struct report *r)
{
	struct buf head = BUF_INIT(4096);

	buf_puts(&head, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buf_printf(&head,
		   "<testsuites name=\"tocsin test\" tests=\"%zu\" "
		   "failures=\"%zu\" errors=\"%zu\" time=\"",
		   r->tests + r->broken, r->failed, r->broken);
	put_seconds(&head, r->us);
	buf_puts(&head, "\">\n");
	fwrite(head.p, 1, head.n, stdout);
	buf_puts(&r->out, "</testsuites>\n");
	buf_fini(&head);
}

/* ---- what happens, in each form ---- */

void report_broken(struct report *r, const char *path,
		   const struct faults *faults)
{
	struct buf why = BUF_INIT(4 << 20);
	struct str line, rest;

	faults_put_text(&why, faults);
	rest = buf_str(&why);
	r->files++;
	r->broken++;
	switch (r->format) {
	case REPORT_TEXT:
		buf_put_str(&r->out, rest);
		break;
	case REPORT_TAP:
		tap_result(r, false, path, STR_NONE);
		while (str_cut(&rest, '\n', &line))
			if (line.n)
				buf_printf(&r->out, "# %.*s\n", STR_ARG(line));
		break;
	case REPORT_JUNIT:
		junit_broken(r, path, rest);
		break;
	}
	buf_fini(&why);
	if (r->format != REPORT_JUNIT)
		flush(r);
}

void report_test(struct report *r, const struct ruletest *file,
		 const struct ruletest_result *res)
{
	bool good = !res->count && !res->problem;

	r->tests++;
	r->file_tests++;
	r->failed += !good;
	r->file_failed += !good;
	r->us += res->us;
	r->file_us += res->us;
	switch (r->format) {
	case REPORT_TEXT:
		text_test(r, file, res);
		break;
	case REPORT_TAP:
		tap_result(r, good, file->path, res->test->name);
		if (!good)
			put_details(&r->out, file, res, "# ");
		break;
	case REPORT_JUNIT:
		junit_test(r, file, res);
		break;
	}
}

void report_file(struct report *r, const char *path)
{
	r->files++;
	if (r->format == REPORT_TEXT)
		text_file(r, path);
	else if (r->format == REPORT_JUNIT)
		junit_suite(r, path, r->file_tests, r->file_failed, 0,
			    r->file_us);
	r->file_tests = r->file_failed = 0;
	r->file_us = 0;
	if (r->format != REPORT_JUNIT)
		flush(r);
}

static void put_coverage(struct buf *out, const struct coverage *c,
			 const char *indent)
{
	size_t all = coverage_count(c), decided = coverage_decided(c);

	for (size_t i = 0; i < all; i++) {
		const struct coverage_entry *e = coverage_entry(c, i);

		if (e->decided)
			continue;
		buf_puts(out, indent);
		utf8_put_safe(out, str_from(e->file), 4096);
		buf_printf(out, ":%d:%d: ", e->line, e->column);
		utf8_put_safe(out, e->what, 200);
		buf_puts(out, ": no test decides by it\n");
	}
	buf_printf(out, "%scoverage: %zu of %zu entries (%zu %%)\n", indent,
		   decided, all, all ? 100 * decided / all : 100);
}

void report_coverage(struct report *r, const struct coverage *c)
{
	struct buf text = BUF_INIT(OUT_MAX);

	switch (r->format) {
	case REPORT_TEXT:
		put_coverage(&r->out, c, "");
		break;
	case REPORT_TAP:
		put_coverage(&r->out, c, "# ");
		break;
	case REPORT_JUNIT:
		put_coverage(&text, c, "");
		buf_puts(&r->file, "    <system-out>");
		markup_put(&r->file, buf_str(&text));
		buf_puts(&r->file, "</system-out>\n");
		junit_suite(r, "coverage", 0, 0, 0, 0);
		break;
	}
	buf_fini(&text);
}

void report_end(struct report *r)
{
	if (r->format == REPORT_TEXT)
		text_end(r);
	else if (r->format == REPORT_TAP)
		buf_printf(&r->out, "1..%zu\n", r->tests + r->broken);
	else
		junit_end(r);
	flush(r);
	buf_fini(&r->out);
	buf_fini(&r->file);
}
