#include "agent/sandbox/ai.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/sandbox/articles.h"
#include "base/encode.h"

#define SIMILAR 5
#define STEPS 6

/* /ai/analyze: what is known of one record. */
struct analysis {
	struct ai *a;
	struct box_case record, like[SIMILAR];
	size_t like_count;
	struct str resolution;		/* of the likest; STR_NONE */
	struct box_article *articles;
	size_t article_count;
};

/* false: answered. */
static bool gather(struct analysis *n, const struct box_words *words)
{
	struct call *c = n->a->c;
	struct box_case_query q = { .asked = words,
				    .without = n->record.n,
				    .now_ms = c->now_ms,
				    .resolved = true,
				    .least = BOX_CASE_ALIKE,
				    .max = SIMILAR };
	struct box_records *r = c->s->records;
	struct err err;
	int ret = box_cases_find(n->like, &n->like_count, r, &q, c->arena,
				 &err);

	if (!ret && n->like_count)
		ret = box_case_resolution(&n->resolution, r, n->like[0].n,
					  c->arena, &err);
	if (!ret)
		ret = box_articles_find(&n->articles, &n->article_count, r,
					words, STR_NONE, c->arena, &err);
	if (ret)
		box_broken(c, &err);
	return ret == 0;
}

static void put_cause(const struct analysis *n)
{
	struct jsonw *w = &n->a->w;
	struct buf text = BUF_INIT(65536);

	if (n->like_count)
		buf_printf(&text, "Probably the same as INC%07lld: %.*s",
			   (long long)n->like[0].n,
			   STR_ARG(n->like[0].short_description));
	else if (n->article_count)
		buf_printf(&text, "%.*s (%.*s)",
			   STR_ARG(n->articles[0].title),
			   STR_ARG(n->articles[0].id));
	else
		buf_puts(&text, "Nothing like it is known");
	jsonw_kstr(w, "probable_root_cause", buf_str(&text));
	ai_put_share(w, "confidence",
		     n->like_count ? 0.35 + 0.6 * n->like[0].alike
		     : n->article_count
			     ? 0.2 + 0.4 * n->articles[0].relevance
			     : 0.05);
	buf_fini(&text);
}

/* "3. Do this." without its number; STR_NONE where it is no step. */
static struct str step_of(struct str line)
{
	size_t i = 0;

	line = str_trim(line);
	while (i < line.n && line.p[i] >= '0' && line.p[i] <= '9')
		i++;
	if (!i || i + 1 >= line.n || line.p[i] != '.')
		return STR_NONE;
	return str_trim(str_sub(line, i + 1, line.n - i - 1));
}

static void put_steps(const struct analysis *n)
{
	struct str rest = n->article_count ? n->articles[0].text : STR_NONE;
	struct jsonw *w = &n->a->w;
	struct str line, step;
	int left = STEPS;

	jsonw_key(w, "resolution_steps");
	jsonw_array(w);
	if (n->resolution.n) {
		jsonw_str(w, n->resolution);
		left--;
	}
	while (left && str_cut(&rest, '\n', &line)) {
		step = step_of(line);
		if (!step.n)
			continue;
		jsonw_str(w, utf8_cut(step, 500));
		left--;
	}
	jsonw_end_array(w);
}

static void put_id(struct jsonw *w, const char *prefix, int64_t n)
{
	char id[32];

	snprintf(id, sizeof(id), "%s%07lld", prefix, (long long)n);
	jsonw_cstr(w, id);
}

/* What happened twice and more has a problem of its own. */
static void put_related(const struct analysis *n)
{
	struct jsonw *w = &n->a->w;
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < n->like_count; i++)
		if (n->like[i].n < first)
			first = n->like[i].n;
	jsonw_key(w, "related_problem");
	if (n->like_count > 1)
		put_id(w, "PRB", first);
	else
		jsonw_null(w);
	jsonw_key(w, "similar_past_incidents");
	jsonw_array(w);
	for (size_t i = 0; i < n->like_count; i++)
		put_id(w, "INC", n->like[i].n);
	jsonw_end_array(w);
}

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The median of those that are like it, else what its priority allows. */
static int64_t estimate(const struct analysis *n)
{
	static const int64_t allowed[] = { 60, 120, 240, 480 };
	struct str p = n->record.priority;
	int64_t minutes[SIMILAR];

	for (size_t i = 0; i < n->like_count; i++)
		minutes[i] = n->like[i].minutes;
	if (n->like_count) {
		qsort(minutes, n->like_count, sizeof(*minutes), by_number);
		return minutes[n->like_count / 2];
	}
	return allowed[p.n == 2 && p.p[1] >= '1' && p.p[1] <= '4'
			       ? p.p[1] - '1' : 2];
}

static void put_risk(const struct analysis *n)
{
	struct str p = n->record.priority;
	bool high = str_is(p, "P1") || str_is(p, "P2");
	struct buf text = BUF_INIT(256);

	buf_printf(&text, "%s: %.*s, %s", high ? "high" : "moderate",
		   STR_ARG(p.n ? p : STR("no priority")),
		   n->like_count > 1 ? "it comes back" : "no repetition known");
	jsonw_kstr(&n->a->w, "risk_assessment", buf_str(&text));
	buf_fini(&text);
}

static void put_analysis(const struct analysis *n, struct str id,
			 struct str type)
{
	struct jsonw *w = &n->a->w;

	jsonw_kstr(w, "record_id", id);
	jsonw_kstr(w, "analysis_type", type);
	jsonw_key(w, "findings");
	jsonw_object(w);
	put_cause(n);
	put_steps(n);
	put_related(n);
	jsonw_kint(w, "estimated_resolution_minutes", estimate(n));
	put_risk(n);
	jsonw_end_object(w);
}

/* A name as "root_cause"; the pages show no other. */
static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= 64;
}

static bool is_incident(struct ai *a)
{
	struct str type = ai_want(a, "record_type");

	if (type.p && !str_is(type, "incident"))
		ai_bad(a, "record_type: only incidents are known here");
	return str_is(type, "incident");
}

void ai_analyze(struct call *c)
{
	struct str id = STR_NONE, type = STR("root_cause");
	struct box_words words = { .n = 0 };
	struct ai a;
	struct analysis n = { .a = &a };

	if (!ai_begin(&a, c, BOX_AI_ANALYZE))
		return;
	if (is_incident(&a))
		id = ai_want(&a, "record_id");
	if (!id.p)
		return ai_end(&a);
	if (json_get(a.body, "analysis_type"))
		type = json_get_str(a.body, "analysis_type");
	if (!is_name(type)) {
		ai_bad(&a, "analysis_type: expected a name as root_cause");
		return ai_end(&a);
	}
	if (!ai_incident(&n.record, &a, id))
		return ai_end(&a);
	buf_printf(&a.key, "%.*s|%.*s", STR_ARG(id), STR_ARG(type));
	if (ai_known(&a))
		return;
	box_words_add(&words, n.record.short_description);
	box_words_add(&words, n.record.category);
	box_words_add(&words, n.record.subcategory);
	if (!gather(&n, &words))
		return ai_end(&a);
	a.read += n.record.description.n +
		  (n.article_count ? n.articles[0].text.n : 0);
	put_analysis(&n, id, type);
	ai_answer(&a);
}

/* One past incident as an example. */
static int put_exemplar(struct ai *a, const struct box_case *v,
			struct err *err)
{
	struct jsonw *w = &a->w;
	struct str resolution;
	int ret = box_case_resolution(&resolution, a->c->s->records, v->n,
				      a->c->arena, err);

	if (ret)
		return ret;
	jsonw_object(w);
	jsonw_key(w, "incident_id");
	put_id(w, "INC", v->n);
	jsonw_kstr(w, "description", v->short_description);
	jsonw_kstr(w, "resolution",
		   resolution.n ? resolution : STR("No note says how."));
	jsonw_kint(w, "resolution_time_min", v->minutes);
	ai_put_share(w, "similarity_score", v->alike);
	jsonw_end_object(w);
	a->read += v->description.n;
	return 0;
}

static void put_exemplars(struct ai *a, const struct box_words *asked,
			  struct str category, int64_t top)
{
	struct box_case_query q = { .asked = asked,
				    .category = category,
				    .now_ms = a->c->now_ms,
				    .resolved = true,
				    .least = BOX_CASE_ALIKE,
				    .max = (size_t)top };
	struct box_case list[BOX_CASES_MAX];
	size_t count = 0;
	struct err err;
	int ret = box_cases_find(list, &count, a->c->s->records, &q,
				 a->c->arena, &err);

	jsonw_key(&a->w, "exemplars");
	jsonw_array(&a->w);
	for (size_t i = 0; !ret && i < count; i++)
		ret = put_exemplar(a, &list[i], &err);
	jsonw_end_array(&a->w);
	jsonw_kint(&a->w, "count", (int64_t)count);
	if (!ret)
		return ai_answer(a);
	box_broken(a->c, &err);
	ai_end(a);
}

void ai_exemplars(struct call *c)
{
	struct str description = STR_NONE, category;
	struct box_words asked = { .n = 0 };
	int64_t top = -1;
	struct ai a;

	if (!ai_begin(&a, c, BOX_AI_EXEMPLARS))
		return;
	category = json_get_str(a.body, "category");
	if (is_incident(&a))
		description = ai_want(&a, "description");
	if (description.p && json_get(a.body, "category") && !category.n)
		ai_bad(&a, "category must be text");
	else if (description.p)
		top = ai_number(&a, "top_k", SIMILAR, BOX_CASES_MAX);
	if (top < 0)
		return ai_end(&a);
	box_words_add(&asked, description);
	buf_printf(&a.key, "%lld|%.*s|", (long long)top,
		   STR_ARG(utf8_cut(category, 256)));
	ai_key_words(&a, &asked);
	a.read += description.n;
	if (!ai_known(&a))
		put_exemplars(&a, &asked, category, top);
}
