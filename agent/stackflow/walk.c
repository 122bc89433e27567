#include "agent/stackflow/walk.h"

#include <stdio.h>

#include "agent/stackflow/say.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "stackflow/pages.h"

#define LIMIT 25	/* StackFlow's own */
#define LIMIT_MAX 200	/* of a page */
#define CHUNK 1000	/* rows of one table */

/* ---- what was asked for ---- */

int walk_most(size_t *most, const struct session *s)
{
	const char *limit = s->words->args.limit;
	uint64_t n = LIMIT;

	if (limit && s->words->all)
		return session_wrong(s, "--limit or --all, not both");
	if (limit && (str_to_u64(&n, str_from(limit)) || n < 1 ||
		      n > 1000000))
		return session_wrong(s, "--limit is a number from 1 to "
				     "1000000, not '%s'", limit);
	*most = s->words->all ? 0 : (size_t)n;
	return 0;
}

static bool is_date(struct str s)
{
	return s.n == 10 && s.p[4] == '-' && s.p[7] == '-';
}

int walk_before(struct buf *out, int64_t *ms, const struct session *s,
		const char *option, const char *text)
{
	struct buf whole = BUF_INIT(128);
	int64_t span;
	int rc;

	if (clock_parse_span(&span, str_from(text)) == 0 && span > 0) {
		*ms = clock_wall_ms() - span;
		clock_put_seconds(out, *ms);
		return 0;
	}
	buf_puts(&whole, text);
	if (is_date(str_from(text)))
		buf_puts(&whole, "T00:00:00Z");
	rc = buf_error(&whole) ? -1 : clock_parse(ms, buf_str(&whole));
	buf_fini(&whole);
	if (rc)
		return session_wrong(s, "--%s is an age as 30d, or a date as "
				     "2026-05-19, not '%s'", option, text);
	clock_put_seconds(out, *ms);
	return 0;
}

static bool passes(const struct walk *w, const struct json *row)
{
	for (const struct filter *f = w->filters; f && f->param; f++) {
		struct str v;

		if (!f->key || !f->value)
			continue;
		v = json_get_str(row, f->key);
		if (v.p ? !str_is(v, f->value) : f->must)
			return false;
	}
	return true;
}

static void put_query(struct buf *out, const struct walk *w)
{
	struct buf limit = BUF_INIT(32);
	size_t n = w->most && w->most < LIMIT_MAX ? w->most : LIMIT_MAX;

	for (const struct filter *f = w->filters; f && f->param; f++)
		if (f->value)
			sf_query_put(out, f->param, str_from(f->value));
	buf_printf(&limit, "%zu", n);
	sf_query_put(out, "limit", buf_str(&limit));
	buf_fini(&limit);
}

/* ---- the walk ---- */

static int walk_pages(struct sf_pages *p, const struct walk *w,
		      walk_seen *seen, void *arg)
{
	struct err err = { "" };
	const struct json *row;
	size_t n = 0;
	int rc, status;

	while (!w->most || n < w->most) {
		rc = sf_pages_next(&row, p, &err);
		if (rc < 0)
			return session_fail("%s can't be listed: %s", w->what,
					    err.text[0] ? err.text :
							  "out of memory");
		if (rc == 0)
			break;
		if (!passes(w, row))
			continue;
		n++;
		status = seen(row, arg);
		if (status)
			return status < 0 ? -status : 0;
	}
	return 0;
}

int walk_rows(struct session *s, const struct walk *w, walk_seen *seen,
	      void *arg, int64_t *total)
{
	struct buf query = BUF_INIT(8192);
	struct sf_pages *pages = NULL;
	struct err err = { "" };
	int status;

	put_query(&query, w);
	if (buf_error(&query) ||
	    sf_pages_new(&pages, s->client, w->list, buf_str(&query).p, &err))
		status = session_fail("%s can't be listed: %s", w->what,
				      err.text[0] ? err.text : "too long");
	else
		status = walk_pages(pages, w, seen, arg);
	if (total)
		*total = pages ? sf_pages_total(pages) : -1;
	sf_pages_free(pages);
	buf_fini(&query);
	return status;
}

/* ---- rows of a table ---- */

/* The first of "a|b" that the row has. */
static const struct json *value_of(const struct json *row, const char *keys)
{
	struct str rest = str_from(keys), key;
	const struct json *v = NULL;
	char name[64];

	while (!v && str_cut(&rest, '|', &key)) {
		utf8_keep(name, sizeof(name), key);
		v = json_get(row, name);
		if (v && json_is(v, JSON_STRING) && !json_str(v).n)
			v = NULL;
	}
	return v;
}

void rows_add(struct rows *r, const struct walk *w, const struct json *row)
{
	struct jsonw j = JSONW(&r->text);

	buf_putc(&r->text, r->count++ ? ',' : '[');
	jsonw_object(&j);
	for (size_t i = 0; i < w->count; i++) {
		const struct json *v = value_of(row, w->columns[i].key);

		if (!v || json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT))
			continue;
		jsonw_key(&j, w->columns[i].key);
		json_put(&r->text, v);
		j.comma = 1;
	}
	jsonw_end_object(&j);
}

int rows_print(struct rows *r, const struct walk *w, const struct term *t)
{
	struct buf out = BUF_INIT(256 << 20);
	struct json *rows = NULL;
	int status = 0;

	if (!r->count)
		return 0;
	buf_putc(&r->text, ']');
	if (buf_error(&r->text) ||
	    json_parse(&rows, buf_str(&r->text), 0, NULL)) {
		status = session_fail("the list is too much for memory");
	} else {
		table_put(&out, rows, w->columns, w->count, t);
		status = say_out(&out);
	}
	json_free(rows);
	buf_fini(&out);
	buf_reset(&r->text);
	r->count = 0;
	return status;
}

struct printing {
	const struct walk *walk;
	const struct session *session;
	struct rows rows;
	size_t shown;
};

static int print_row(const struct json *row, void *arg)
{
	struct printing *p = arg;
	int status = 0;

	p->shown++;
	if (p->session->words->args.json) {
		status = say_json(row);
	} else {
		rows_add(&p->rows, p->walk, row);
		if (p->rows.count == CHUNK)
			status = rows_print(&p->rows, p->walk,
					    &p->session->term);
	}
	return -status;
}

int walk_print(struct session *s, const struct walk *w)
{
	struct printing p = { .walk = w, .session = s, .rows = ROWS_INIT };
	bool people = !s->words->args.json && s->term.width != SIZE_MAX;
	int64_t total = -1;
	int status = walk_rows(s, w, print_row, &p, &total);

	if (!s->words->args.json) {
		/* What came before a failure is shown, too. */
		int shown = rows_print(&p.rows, w, &s->term);

		status = status ? status : shown;
	}
	if (status == 0 && !p.shown && !s->words->args.json)
		printf("no %s\n", w->what);
	if (status == 0 && people && w->most && p.shown == w->most &&
	    total > (int64_t)p.shown)
		fprintf(stderr, "%zu of %lld; --limit and --all show more\n",
			p.shown, (long long)total);
	buf_fini(&p.rows.text);
	return status;
}
