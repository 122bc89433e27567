#include "agent/sandbox/articles.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/sandbox/db.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define ARTICLES_MAX 10000
#define MARK "articles-first"

static int put(struct box_records *r, const struct json *v, struct err *err)
{
	static const char *const names[] = { "id", "title", "text", NULL };
	struct buf json = BUF_INIT(4 << 20);
	struct box_thing t = { .id = json_get_str(v, "id"),
			       .name = json_get_str(v, "title"),
			       .state = json_get_str(v, "state") };
	int ret = 0;

	for (size_t i = 0; !ret && names[i]; i++)
		if (!str_trim(json_get_str(v, names[i])).n)
			ret = err_set(err, -EINVAL, "an article needs %s",
				      names[i]);
	if (!ret && t.id.n > 64)
		ret = err_set(err, -EINVAL, "an article's id is too long");
	if (!t.state.p)
		t.state = STR("published");
	json_put(&json, v);
	if (!ret && buf_error(&json))
		ret = err_set(err, -E2BIG, "an article is too large");
	if (!ret)
		ret = box_thing_put(r, "article", &t, buf_str(&json), err);
	buf_fini(&json);
	return ret;
}

int box_articles_seed(struct box_records *r, struct str text, struct err *err)
{
	struct json *v = NULL;
	int ret = json_parse(&v, text, 0, err);
	const struct json *list =
		json_is(v, JSON_OBJECT) ? json_get(v, "articles") : v;

	if (!ret && !json_is(list, JSON_ARRAY))
		ret = err_set(err, -EINVAL, "expected an array of articles");
	for (size_t i = 0; !ret && i < json_count(list); i++)
		ret = put(r, json_item(list, i), err);
	json_free(v);
	return ret;
}

static void put_keywords(struct jsonw *w, struct str rest)
{
	struct str word;

	jsonw_key(w, "keywords");
	jsonw_array(w);
	while (str_cut(&rest, ' ', &word))
		jsonw_str(w, word);
	jsonw_end_array(w);
}

int box_articles_open(struct box_records *r, struct err *err)
{
	struct buf text = BUF_INIT(1 << 20);
	const struct box_article_text *a = box_articles_first;
	struct jsonw w = JSONW(&text);
	int ret = box_text_get(&text, r, MARK, err);

	if (ret <= 0)
		goto out;
	jsonw_array(&w);
	for (; a->id; a++) {
		jsonw_object(&w);
		jsonw_kcstr(&w, "id", a->id);
		jsonw_kcstr(&w, "number", a->id);
		jsonw_kcstr(&w, "title", a->title);
		jsonw_kcstr(&w, "category", a->category);
		jsonw_kcstr(&w, "state", "published");
		put_keywords(&w, str_from(a->keywords));
		jsonw_kcstr(&w, "text", a->text);
		jsonw_kcstr(&w, "created_at", "2026-01-12T09:00:00Z");
		jsonw_kcstr(&w, "updated_at", "2026-04-20T09:00:00Z");
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	ret = box_articles_seed(r, buf_str(&text), err);
	if (!ret)
		ret = box_text_set(r, MARK, STR("1"), err);
out:
	buf_fini(&text);
	return ret;
}

/* Its title and keywords say more of what it is about than its text does. */
static double judge(const struct box_article *a, struct str keywords,
		    const struct box_words *asked)
{
	struct box_words words = { .n = 0 };
	double head;

	box_words_add(&words, a->title);
	box_words_add(&words, keywords);
	head = box_words_found(asked, &words);
	box_words_add(&words, a->category);
	box_words_add(&words, a->text);
	return 0.7 * head + 0.28 * box_words_found(asked, &words);
}

static int by_relevance(const void *a, const void *b)
{
	const struct box_article *x = a, *y = b;

	if (x->relevance != y->relevance)
		return x->relevance < y->relevance ? 1 : -1;
	return str_cmp(x->id, y->id);
}

/* The row where it is wanted. */
static bool read_row(struct box_article *out, sqlite3_stmt *st,
		     const struct box_words *asked, struct str category,
		     struct arena *arena)
{
	struct box_article a = {
		.id = box_db_column(st, 0),
		.title = box_db_column(st, 1),
		.text = box_db_column(st, 2),
		.category = box_db_column(st, 3),
		.json = box_db_column(st, 5),
	};

	if (category.p && !str_eq(a.category, category))
		return false;
	if (asked) {
		a.relevance = judge(&a, box_db_column(st, 4), asked);
		if (a.relevance <= 0)
			return false;
	}
	a.id = arena_str(arena, a.id);
	a.title = arena_str(arena, a.title);
	a.text = arena_str(arena, a.text);
	a.category = arena_str(arena, a.category);
	a.json = arena_str(arena, a.json);
	*out = a;
	return true;
}

int box_articles_find(struct box_article **out, size_t *count,
		      struct box_records *r, const struct box_words *asked,
		      struct str category, struct arena *arena,
		      struct err *err)
{
	struct box_article *list =
		arena_array(arena, ARTICLES_MAX, sizeof(*list));
	sqlite3_stmt *st;
	size_t n = 0;
	int ret, step = SQLITE_ROW;

	if (!list)
		return err_set(err, -ENOMEM, "out of memory");
	ret = box_db_begin(&st, r,
			   "SELECT id,name,json_extract(json,'$.text'),"
			   "json_extract(json,'$.category'),"
			   "json_extract(json,'$.keywords'),json FROM thing"
			   " WHERE kind='article' AND state='published'"
			   " ORDER BY id",
			   err);
	if (ret)
		return ret;
	while (n < ARTICLES_MAX && (step = sqlite3_step(st)) == SQLITE_ROW)
		n += read_row(&list[n], st, asked, category, arena);
	if (step != SQLITE_DONE && step != SQLITE_ROW)
		ret = box_db_failed(r, err);
	box_db_done(st, r);
	if (!ret && arena_error(arena))
		ret = err_set(err, -ENOMEM, "out of memory");
	if (!ret && asked)
		qsort(list, n, sizeof(*list), by_relevance);
	*out = list;
	*count = n;
	return ret;
}
