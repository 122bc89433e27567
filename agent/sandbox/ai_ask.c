#include "agent/sandbox/ai.h"

#include "agent/sandbox/articles.h"
#include "base/encode.h"

#define RESULTS 5
#define RESULTS_MAX 20
#define RELEVANT 0.15

/* The record that a question is about; false: answered. */
static bool read_context(struct box_case *out, struct ai *a)
{
	const struct json *v = json_get(a->body, "context_record");
	struct str type = json_get_str(v, "type"), id = json_get_str(v, "id");

	if (!v)
		return true;
	if (!type.n || !id.n) {
		ai_bad(a, "context_record: expected type and id");
		return false;
	}
	if (!str_is(type, "incident")) {
		ai_bad(a, "context_record: only incidents are known here, not "
			  "\"%.*s\"", (int)utf8_cut(type, 64).n, type.p);
		return false;
	}
	return ai_incident(out, a, id);
}

/* The first line of a text, and what numbered lines it has. */
static void put_article(struct buf *out, const struct box_article *best)
{
	struct str rest = best->text, line;
	bool first = true;

	while (str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		if (!line.n)
			continue;
		if (!first)
			buf_putc(out, '\n');
		first = false;
		buf_put_str(out, utf8_cut(line, 500));
	}
}

static void put_answer(struct ai *a, const struct box_case *about,
		       const struct box_article *list, size_t n)
{
	struct buf text = BUF_INIT(1 << 20);

	if (about->n)
		buf_printf(&text, "About INC%07lld (%.*s): ",
			   (long long)about->n,
			   (int)utf8_cut(about->short_description, 200).n,
			   about->short_description.p);
	if (n)
		put_article(&text, &list[0]);
	else
		buf_puts(&text, "The knowledge base has no article about "
				"this.");
	if (n > 1)
		buf_puts(&text, "\nSee also: ");
	for (size_t i = 1; i < n; i++)
		buf_printf(&text, "%s%.*s (%.*s)", i > 1 ? ", " : "",
			   STR_ARG(list[i].title), STR_ARG(list[i].id));
	jsonw_kstr(&a->w, "answer", buf_str(&text));
	buf_fini(&text);
}

static void put_citations(struct ai *a, const struct box_article *list,
			  size_t n)
{
	struct jsonw *w = &a->w;

	jsonw_key(w, "citations");
	jsonw_array(w);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(w);
		jsonw_kstr(w, "article_id", list[i].id);
		jsonw_kstr(w, "title", list[i].title);
		ai_put_share(w, "relevance", list[i].relevance);
		jsonw_end_object(w);
		a->read += list[i].text.n;
	}
	jsonw_end_array(w);
}

static void find(struct ai *a, const struct box_words *asked,
		 const struct box_case *about, int64_t max)
{
	struct box_article *list;
	struct call *c = a->c;
	struct err err;
	size_t n = 0;

	if (ai_known(a))
		return;
	if (box_articles_find(&list, &n, c->s->records, asked, STR_NONE,
			      c->arena, &err)) {
		box_broken(c, &err);
		return ai_end(a);
	}
	if (n > (size_t)max)
		n = (size_t)max;
	while (n && list[n - 1].relevance < RELEVANT)
		n--;
	put_answer(a, about, list, n);
	put_citations(a, list, n);
	ai_answer(a);
}

/* The pages give no fields of /ai/query: "query" here, else as a question. */
void ai_ask(struct call *c)
{
	bool query = str_is(c->path, "/ai/query");
	struct box_words asked = { .n = 0 };
	struct box_case about = { .n = 0 };
	struct str question;
	struct ai a;
	int64_t max;

	if (!ai_begin(&a, c, BOX_AI_ASK))
		return;
	question = ai_want(&a, query && !json_get(a.body, "question")
				       ? "query" : "question");
	if (!question.p)
		return ai_end(&a);
	max = ai_number(&a, "max_kb_results", RESULTS, RESULTS_MAX);
	if (max < 0 || !read_context(&about, &a))
		return ai_end(&a);
	box_words_add(&asked, question);
	buf_printf(&a.key, "%lld|%lld|", (long long)max, (long long)about.n);
	ai_key_words(&a, &asked);
	if (!asked.n)
		buf_put_str(&a.key, question);
	box_words_add(&asked, about.short_description);
	a.read += question.n + about.description.n;
	find(&a, &asked, &about, max);
}
