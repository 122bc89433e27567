/* What is kept of the AI's answers: no more than a note can tell. */
#include "agent/deliver/enquiry.h"

#include "base/encode.h"
#include "doc/json.h"
#include "stackflow/knowledge.h"

#define KEPT_BYTES 2000		/* of any text */
#define LIST_MAX 8		/* and of any list */

static struct str kept(struct enquiry *q, struct str s)
{
	return s.n ? arena_str(q->arena, utf8_cut(s, KEPT_BYTES)) : STR_NONE;
}

static bool keep_suggestions(struct enquiry *q, const struct json *body)
{
	bool used = false;

	for (int f = 0; f < ENRICH_FIELDS; f++) {
		struct sf_ai_suggestion *s = &q->found.suggested[f];
		enum enrich_field field = (enum enrich_field)f;

		if (!sf_ai_suggestion_read(s, body, enrich_field_name(field))) {
			s->confidence = -1;
			continue;
		}
		/* Too long a value is no value: cut, it might be another. */
		if (s->value.n > KEPT_BYTES)
			s->confidence = -1;
		s->value = kept(q, s->value);
		s->reasoning = kept(q, s->reasoning);
		used |= enrich_usable(&q->order, field, s);
	}
	q->found.suggest_model = kept(q, json_get_str(body, "model_used"));
	return used;
}

static const struct str *kept_list(struct enquiry *q, const struct str *list,
				   size_t *count)
{
	struct str *out;

	if (*count > LIST_MAX)
		*count = LIST_MAX;
	out = arena_array(q->arena, *count + 1, sizeof(*out));
	for (size_t i = 0; out && i < *count; i++)
		out[i] = kept(q, list[i]);
	return out;
}

static bool keep_findings(struct enquiry *q, const struct json *body,
			  struct arena *scratch)
{
	struct sf_ai_findings *f = arena_alloc(q->arena, sizeof(*f));

	if (!f || sf_ai_findings_read(f, body, scratch))
		return false;
	f->probable_root_cause = kept(q, f->probable_root_cause);
	f->risk = kept(q, f->risk);
	f->related_problem = kept(q, f->related_problem);
	f->cost.model_used = kept(q, f->cost.model_used);
	f->resolution_steps = kept_list(q, f->resolution_steps,
					&f->step_count);
	f->similar_incidents = kept_list(q, f->similar_incidents,
					 &f->similar_count);
	if (!f->resolution_steps || !f->similar_incidents ||
	    !enrich_found(&q->order, f))
		return false;
	q->found.findings = f;
	return true;
}

static bool keep_exemplars(struct enquiry *q, const struct json *body,
			   struct arena *scratch)
{
	const struct sf_ai_exemplar *list;
	struct sf_ai_exemplar *out;
	size_t n, kept_n = 0;

	if (sf_ai_exemplars_read(&list, &n, body, scratch))
		return false;
	out = arena_array(q->arena, LIST_MAX, sizeof(*out));
	for (size_t i = 0; out && i < n && kept_n < LIST_MAX; i++) {
		struct sf_ai_exemplar x = list[i];

		if (x.similarity < q->order.ask.analyze_above ||
		    str_eq(x.incident_id, q->incident.remote))
			continue;
		x.incident_id = kept(q, x.incident_id);
		x.description = kept(q, x.description);
		x.resolution = kept(q, x.resolution);
		out[kept_n++] = x;
	}
	q->found.exemplars = out;
	q->found.exemplar_count = kept_n;
	return kept_n > 0;
}

/* Only a cited article says how much it is to the point. */
static bool keep_citation(struct enquiry *q, const struct json *body,
			  struct arena *scratch)
{
	struct sf_ai_citation *best = &q->found.article;
	struct sf_ai_said said;

	if (sf_ai_said_read(&said, body, scratch))
		return false;
	for (size_t i = 0; i < said.citation_count; i++) {
		const struct sf_ai_citation *c = &said.citations[i];

		if (sf_id_usable(c->article_id) &&
		    c->relevance >= q->order.ask.article_above &&
		    (!best->article_id.n || c->relevance > best->relevance))
			*best = *c;
	}
	best->article_id = kept(q, best->article_id);
	best->title = kept(q, best->title);
	return best->article_id.n > 0;
}

static bool keep_address(struct enquiry *q, const struct json *body)
{
	const struct json *rows = sf_page_rows(body);

	for (size_t i = 0; i < json_count(rows); i++) {
		struct sf_article a;

		if (!sf_article_read(&a, json_item(rows, i)) ||
		    !str_eq(a.id, q->found.article.article_id))
			continue;
		q->found.article_url = kept(q, a.url);
		return a.url.n > 0;
	}
	return false;
}

bool enquiry_keep(struct enquiry *q, const struct json *body)
{
	struct arena *scratch = arena_new(4 << 20);
	bool used = false;

	if (!scratch)
		return false;
	switch ((enum enquiry_step)q->step) {
	case SUGGEST:
		used = keep_suggestions(q, body);
		break;
	case ANALYZE:
		used = keep_findings(q, body, scratch);
		break;
	case EXEMPLAR:
		used = keep_exemplars(q, body, scratch);
		break;
	case ARTICLE:
		used = keep_citation(q, body, scratch);
		break;
	case ADDRESS:
		used = keep_address(q, body);
		break;
	case STEPS:
		break;
	}
	arena_free(scratch);
	return used;
}
