#include "doc/fault.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "doc/jsonw.h"

#define TEXT_MAX 1000 /* bytes of one fault's text */
#define WORD_MAX 64   /* longer words have no near ones */

void faults_init(struct faults *f)
{
	*f = (struct faults){ 0 };
}

void faults_fini(struct faults *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].file);
		free(f->list[i].text);
	}
	free(f->list);
	faults_init(f);
}

/* Room for one more; false past the maximum or out of memory. */
static bool room(struct faults *f)
{
	struct fault *list;

	if (f->count == FAULTS_MAX)
		return false;
	if (f->count & (f->count - 1))
		return true;
	list = realloc(f->list, (f->count ? f->count * 2 : 1) * sizeof(*list));
	if (!list)
		return false;
	f->list = list;
	return true;
}

static char *safe_text(const char *fmt, va_list ap)
	__attribute__((format(printf, 1, 0)));

/* What the fault quotes from a file must not act on a terminal. */
static char *safe_text(const char *fmt, va_list ap)
{
	struct buf safe = BUF_INIT(TEXT_MAX + 64);
	char raw[TEXT_MAX];

	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	utf8_put_safe(&safe, str_from(raw), TEXT_MAX);
	return buf_take(&safe);
}

void fault_vadd(struct faults *f, enum fault_level level, const char *code,
		const char *file, int line, int column, const char *fmt,
		va_list ap)
{
	struct fault fault = {
		.level = level, .code = code, .line = line, .column = column
	};

	if (level == FAULT_ERROR)
		f->errors++;
	if (!room(f)) {
		f->lost++;
		return;
	}
	fault.text = safe_text(fmt, ap);
	fault.file = file ? strdup(file) : NULL;
	if (!fault.text || (file && !fault.file)) {
		free(fault.text);
		free(fault.file);
		f->lost++;
		return;
	}
	f->list[f->count++] = fault;
}

void fault_add(struct faults *f, enum fault_level level, const char *code,
	       const char *file, int line, int column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_vadd(f, level, code, file, line, column, fmt, ap);
	va_end(ap);
}

static const char *level_name(const struct fault *fault)
{
	return fault->level == FAULT_ERROR ? "error" : "warning";
}

void fault_put(struct buf *out, const struct fault *fault)
{
	if (fault->file) {
		utf8_put_safe(out, str_from(fault->file), 4096);
		if (fault->line)
			buf_printf(out, ":%d", fault->line);
		if (fault->line && fault->column)
			buf_printf(out, ":%d", fault->column);
		buf_puts(out, ": ");
	}
	buf_printf(out, "%s[%s]: %s", level_name(fault), fault->code,
		   fault->text);
}

void faults_put_text(struct buf *out, const struct faults *f)
{
	for (size_t i = 0; i < f->count; i++) {
		fault_put(out, &f->list[i]);
		buf_putc(out, '\n');
	}
	if (f->lost)
		buf_printf(out, "and %d more\n", f->lost);
}

void faults_put_json(struct buf *out, const struct faults *f)
{
	struct jsonw w = JSONW(out);

	jsonw_array(&w);
	for (size_t i = 0; i < f->count; i++) {
		const struct fault *fault = &f->list[i];

		jsonw_object(&w);
		jsonw_kcstr(&w, "file", fault->file);
		jsonw_kint(&w, "line", fault->line);
		jsonw_kint(&w, "column", fault->column);
		jsonw_kcstr(&w, "level", level_name(fault));
		jsonw_kcstr(&w, "code", fault->code);
		jsonw_kcstr(&w, "text", fault->text);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
}

/* GitHub's workflow commands escape these in data, and more in properties. */
static void put_github(struct buf *out, const char *s, const char *escape)
{
	for (; *s; s++) {
		if (strchr(escape, *s))
			buf_printf(out, "%%%02X", (unsigned char)*s);
		else
			buf_putc(out, *s);
	}
}

void faults_put_github(struct buf *out, const struct faults *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct fault *fault = &f->list[i];

		buf_printf(out, "::%s ", level_name(fault));
		if (fault->file) {
			buf_puts(out, "file=");
			put_github(out, fault->file, "%\r\n:,");
			buf_putc(out, ',');
		}
		if (fault->line)
			buf_printf(out, "line=%d,", fault->line);
		if (fault->line && fault->column)
			buf_printf(out, "col=%d,", fault->column);
		buf_printf(out, "title=%s::", fault->code);
		put_github(out, fault->text, "%\r\n");
		buf_putc(out, '\n');
	}
	if (f->lost)
		buf_printf(out, "::warning title=faults::and %d more\n",
			   f->lost);
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * Damerau-Levenshtein in its restricted form: no letter is edited twice,
 * which words two edits apart hardly ever need.
 */
static int distance(struct str a, struct str b)
{
	int rows[3][WORD_MAX + 1];
	int *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.n; j++)
		last[j] = (int)j;
	for (size_t i = 1; i <= a.n; i++) {
		int *old = before;

		row[0] = (int)i;
		for (size_t j = 1; j <= b.n; j++) {
			bool eq = a.p[i - 1] == b.p[j - 1];

			row[j] = least(last[j - 1] + !eq,
				       least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = old;
	}
	return last[b.n];
}

const char *fault_nearest(struct str word, const char *const *list)
{
	int best = word.n <= 4 ? 1 : 2;
	const char *nearest = NULL;

	if (word.n == 0 || word.n > WORD_MAX)
		return NULL;
	for (; *list; list++) {
		struct str entry = str_from(*list);
		int d;

		if (entry.n > WORD_MAX)
			continue;
		d = distance(word, entry);
		if (d > best || (d == best && nearest))
			continue;
		best = d;
		nearest = *list;
	}
	return nearest;
}
