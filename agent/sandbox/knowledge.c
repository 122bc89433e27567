#include "agent/sandbox/box.h"

#include "agent/sandbox/articles.h"
#include "agent/sandbox/form.h"
#include "agent/sandbox/records.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

/* Stored is one JSON object; its address depends on where we listen. */
static void put_article(struct jsonw *w, struct call *c, struct str json,
			struct str id)
{
	struct buf url = BUF_INIT(1024);
	struct json *v = NULL;

	if (json_parse(&v, json, 0, NULL))
		return;
	jsonw_raw(w, str_sub(json, 0, json.n - 1));
	w->comma = 1;
	if (!json_get(v, "state"))
		jsonw_kcstr(w, "state", "published");
	if (!json_get(v, "url")) {
		buf_printf(&url, "%s/articles/", c->s->url);
		encode_url(&url, id);
		jsonw_kstr(w, "url", buf_str(&url));
	}
	jsonw_end_object(w);
	json_free(v);
	buf_fini(&url);
}

static void put_rows(struct buf *out, struct call *c,
		     const struct box_article *list, size_t n)
{
	struct jsonw w = JSONW(out);

	jsonw_array(&w);
	for (size_t i = 0; i < n; i++)
		put_article(&w, c, list[i].json, list[i].id);
	jsonw_end_array(&w);
}

static void list(struct call *c)
{
	int64_t page = box_param_int(c, "page", 1, 1, 1000000);
	int64_t limit = box_param_int(c, "limit", BOX_LIST, 1, BOX_LIST_MAX);
	int64_t offset = (page - 1) * limit, shown;
	struct str text = box_param(c, "search");
	struct buf rows = BUF_INIT(64 << 20);
	struct box_words asked = { .n = 0 };
	struct box_article *found;
	struct err err;
	size_t n = 0;

	if (!text.p)
		text = box_param(c, "q");
	if (box_param_cursor(&offset, c) < 0)
		return;
	box_words_add(&asked, text);
	if (box_articles_find(&found, &n, c->s->records,
			      str_trim(text).n ? &asked : NULL,
			      box_param(c, "category"), c->arena, &err))
		return box_broken(c, &err);
	if (offset < 0 || offset > (int64_t)n)
		offset = (int64_t)n;
	shown = (int64_t)n - offset < limit ? (int64_t)n - offset : limit;
	put_rows(&rows, c, found + offset, (size_t)shown);
	box_list_frame(c, buf_str(&rows), (int64_t)n, page, limit,
		       offset + shown < (int64_t)n, offset + shown);
	buf_fini(&rows);
}

static void get(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);
	struct buf json = BUF_INIT(8 << 20);
	struct err err;
	int ret = box_thing_get(&json, c->s->records, "article", c->id, &err);

	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		box_reply_error(c->reply, 404, "not_found", "No article %.*s",
				STR_ARG(c->id));
	else
		put_article(&w, c, buf_str(&json), c->id);
	buf_fini(&json);
}

const struct route box_knowledge_routes[] = {
	{ "GET", "/knowledge/articles", list },
	{ "GET", "/knowledge/articles/{id}", get },
	{ 0 },
};
