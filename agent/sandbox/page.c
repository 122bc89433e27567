#include "agent/sandbox/box.h"

#include "agent/sandbox/form.h"
#include "agent/sandbox/recorder.h"
#include "agent/sandbox/records.h"
#include "base/encode.h"
#include "doc/markup.h"
#include "doc/json.h"

#define ROWS 200
#define EXCHANGES 20

static void put_cell(struct buf *out, const struct json *v, const char *key)
{
	buf_puts(out, "<td>");
	markup_put(out, json_get_str(v, key));
	buf_puts(out, "</td>");
}

static void begin(struct call *c, struct str title)
{
	struct buf *out = &c->reply->body;

	buf_reset(out);
	c->reply->type = "text/html; charset=utf-8";
	buf_puts(&c->reply->headers,
		 "Content-Security-Policy: default-src 'none'; "
		 "style-src 'unsafe-inline'; base-uri 'none'; "
		 "form-action 'none'; frame-ancestors 'none'\r\n"
		 "X-Content-Type-Options: nosniff\r\n"
		 "Referrer-Policy: no-referrer\r\n"
		 "Cache-Control: no-store\r\n");
	buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
		      "<meta charset=\"utf-8\">"
		      "<meta name=\"viewport\" content=\"width=device-width\">"
		      "<title>");
	markup_put(out, title);
	buf_puts(out,
		 "</title><style>"
		 ":root{color-scheme:light dark}"
		 "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;"
		 "max-width:72rem;padding:0 1rem}"
		 "table{border-collapse:collapse;width:100%}"
		 "caption{text-align:left;padding:.4rem 0}"
		 "th,td{text-align:left;padding:.35rem .6rem;"
		 "border-bottom:1px solid #8886;vertical-align:top}"
		 "pre{white-space:pre-wrap;overflow-wrap:anywhere;"
		 "background:#8882;padding:.8rem}"
		 "@media(max-width:40rem){th:nth-child(n+5),"
		 "td:nth-child(n+5){display:none}}"
		 "</style></head><body><main>\n<h1>");
	markup_put(out, title);
	buf_puts(out, "</h1>\n");
}

static void end(struct call *c)
{
	buf_puts(&c->reply->body, "</main></body></html>\n");
}

static void put_row(struct buf *out, const struct json *v)
{
	buf_puts(out, "<tr><td><a href=\"/incidents/");
	markup_put(out, json_get_str(v, "id"));
	buf_puts(out, "\">");
	markup_put(out, json_get_str(v, "id"));
	buf_puts(out, "</a></td>");
	put_cell(out, v, "priority");
	put_cell(out, v, "state");
	put_cell(out, v, "short_description");
	put_cell(out, v, "ci_id");
	put_cell(out, v, "assignment_group");
	buf_printf(out, "<td>%lld</td></tr>\n",
		   (long long)json_int(json_get(v, "note_count"), 0));
}

/* ROWS incidents; NULL where that failed, which is answered then. */
static struct json *read_rows(struct box_page *page, struct call *c, int order)
{
	struct box_query q = { .limit = ROWS,
			       .order = order,
			       .flags = BOX_WITH_NOTE_COUNT };
	struct buf text = BUF_INIT(64 << 20);
	struct json *rows = NULL;
	struct err err;

	if (box_incident_list(&text, page, c->s->records, &q, &err) ||
	    json_parse(&rows, buf_str(&text), 0, &err))
		box_broken(c, &err);
	buf_fini(&text);
	return rows;
}

/* What was asked last, newest first; all of each is JSON beneath /sandbox. */
static void put_exchanges(struct call *c)
{
	struct buf text = BUF_INIT(64 << 20), *out = &c->reply->body;
	const struct json *list;
	struct json *v = NULL;

	box_recorder_put(&text, c->s->recorder, EXCHANGES);
	if (json_parse(&v, buf_str(&text), 0, NULL))
		v = NULL;
	list = json_get(v, "exchanges");
	buf_puts(out, "<h2>Last exchanges</h2>\n<table><caption>"
		      "<a href=\"/sandbox/exchanges\">Whole, as JSON</a>"
		      "</caption><thead><tr>"
		      "<th scope=\"col\">Time</th><th scope=\"col\">Request"
		      "</th><th scope=\"col\">Status</th>"
		      "<th scope=\"col\">ms</th></tr></thead><tbody>\n");
	for (size_t i = json_count(list); i > 0; i--) {
		const struct json *x = json_item(list, i - 1);

		buf_puts(out, "<tr>");
		put_cell(out, x, "time");
		buf_puts(out, "<td>");
		markup_put(out, json_get_str(x, "method"));
		buf_puts(out, " ");
		markup_put_safe(out, json_get_str(x, "path"), 200);
		buf_printf(out, "</td><td>%lld</td><td>%lld</td></tr>\n",
			   (long long)json_int(json_get(x, "status"), 0),
			   (long long)json_int(json_get(x, "ms"), 0));
	}
	buf_puts(out, "</tbody></table>\n");
	json_free(v);
	buf_fini(&text);
}

void box_page_list(struct call *c)
{
	struct buf *out = &c->reply->body;
	struct box_page page;
	struct json *rows = read_rows(&page, c, BOX_ORDER_NEWEST);

	if (!rows)
		return;
	begin(c, STR("Sandbox incidents"));
	buf_printf(out,
		   "<table><caption>%lld in all%s</caption><thead><tr>"
		   "<th scope=\"col\">Incident</th><th scope=\"col\">Priority"
		   "</th><th scope=\"col\">State</th><th scope=\"col\">Short "
		   "description</th><th scope=\"col\">CI</th>"
		   "<th scope=\"col\">Group</th><th scope=\"col\">Notes</th>"
		   "</tr></thead><tbody>\n",
		   (long long)page.total,
		   page.more ? ", the newest 200 shown" : "");
	for (size_t i = 0; i < json_count(rows); i++)
		put_row(out, json_item(rows, i));
	buf_puts(out, "</tbody></table>\n");
	if (!json_count(rows))
		buf_puts(out, "<p>None yet. <code>tocsin send NAME</code> "
			      "publishes an alarm.</p>\n");
	put_exchanges(c);
	end(c);
	json_free(rows);
}

/* One table cell of plain text: a control character would break the line. */
static void put_column(struct buf *out, struct str s, int width)
{
	size_t from = out->n;

	utf8_put_safe(out, s.n ? utf8_cut(s, 60) : STR("-"), 120);
	for (int n = (int)(out->n - from); n < width; n++)
		buf_putc(out, ' ');
}

/* The same list for a terminal. */
void box_page_text(struct call *c)
{
	struct buf *out = &c->reply->body;
	struct box_page page;
	struct json *rows = read_rows(&page, c, BOX_ORDER_OLDEST);

	if (!rows)
		return;
	c->reply->type = "text/plain; charset=utf-8";
	buf_printf(out, "%-12s%-4s%-12s%-11s%-6s%s\n", "INCIDENT", "PRI",
		   "STATE", "CI", "NOTES", "SHORT DESCRIPTION");
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *v = json_item(rows, i);

		put_column(out, json_get_str(v, "id"), 12);
		put_column(out, json_get_str(v, "priority"), 4);
		put_column(out, json_get_str(v, "state"), 12);
		put_column(out, json_get_str(v, "ci_id"), 11);
		put_column(out, json_text(json_get(v, "note_count"), c->arena),
			   6);
		put_column(out, json_get_str(v, "short_description"), 0);
		buf_puts(out, "\n");
	}
	json_free(rows);
}

static void put_fields(struct buf *out, struct call *c, const struct json *v)
{
	const struct json *value;
	void *at = NULL;
	struct str key;

	buf_puts(out, "<table><tbody>\n");
	while (json_next(v, &at, &key, &value)) {
		if (str_is(key, "notes") || str_is(key, "description"))
			continue;
		buf_puts(out, "<tr><th scope=\"row\">");
		markup_put(out, key);
		buf_puts(out, "</th><td>");
		markup_put(out, json_text(value, c->arena));
		buf_puts(out, "</td></tr>\n");
	}
	buf_puts(out, "</tbody></table>\n<h2>Description</h2>\n<pre>");
	markup_put(out, json_get_str(v, "description"));
	buf_puts(out, "</pre>\n");
}

static void put_notes(struct buf *out, const struct json *notes)
{
	buf_printf(out, "<h2>Notes (%zu)</h2>\n", json_count(notes));
	for (size_t i = 0; i < json_count(notes); i++) {
		const struct json *n = json_item(notes, i);

		buf_puts(out, "<section><h3>");
		markup_put(out, json_get_str(n, "created_at"));
		buf_puts(out, "</h3><pre>");
		markup_put(out, json_get_str(n, "body"));
		buf_puts(out, "</pre></section>\n");
	}
}

void box_page_incident(struct call *c)
{
	struct buf text = BUF_INIT(64 << 20), *out = &c->reply->body;
	struct json *v = NULL;
	struct err err;
	int ret = box_incident_put(&text, c->s->records,
				   box_id_read(c->id, "INC"), 0, BOX_WITH_NOTES,
				   &err);

	if (!ret)
		ret = json_parse(&v, buf_str(&text), 0, &err);
	if (ret < 0) {
		box_broken(c, &err);
	} else if (ret) {
		begin(c, STR("No such incident"));
		c->reply->status = 404;
		buf_puts(out, "<p><a href=\"/\">All incidents</a></p>\n");
		end(c);
	} else {
		begin(c, json_get_str(v, "id"));
		put_fields(out, c, v);
		put_notes(out, json_get(v, "notes"));
		buf_puts(out, "<p><a href=\"/\">All incidents</a></p>\n");
		end(c);
	}
	json_free(v);
	buf_fini(&text);
}

void box_page_article(struct call *c)
{
	struct buf text = BUF_INIT(8 << 20), *out = &c->reply->body;
	struct json *v = NULL;
	struct err err;
	int ret = box_thing_get(&text, c->s->records, "article", c->id, &err);

	if (!ret)
		ret = json_parse(&v, buf_str(&text), 0, &err);
	if (ret < 0) {
		box_broken(c, &err);
	} else {
		begin(c, ret ? STR("No such article")
			     : json_get_str(v, "title"));
		c->reply->status = ret ? 404 : 200;
		buf_puts(out, "<pre>");
		markup_put(out, json_get_str(v, "text"));
		buf_puts(out, "</pre>\n<p><a href=\"/\">All incidents</a>"
			      "</p>\n");
		end(c);
	}
	json_free(v);
	buf_fini(&text);
}
