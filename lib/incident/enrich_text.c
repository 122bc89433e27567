/* The note that quotes StackFlow's AI. */
#include "incident/enrich_text.h"

#include <errno.h>

#include "base/encode.h"
#include "doc/markup.h"

#define STEPS_MAX 5
#define SIMILAR_MAX 5
#define EXEMPLARS_MAX 3
#define MODEL_CHARS 100
#define TITLE_CHARS 200
#define URL_MAX 500
#define DRAFT_MAX (64 << 10)

void enrich_put_foreign(struct buf *out, struct str s, size_t chars)
{
	markup_put_plain(out, s, chars);
}

static void put_text(struct buf *b, struct str s)
{
	enrich_put_foreign(b, s, ENRICH_TEXT_CHARS);
}

/* " (confidence 0.92, MODEL)", or as much of it as is known. */
static void put_source(struct buf *b, const char *of, double sure,
		       struct str model)
{
	if (sure < 0 && !model.n)
		return;
	buf_puts(b, " (");
	if (sure >= 0)
		buf_printf(b, "%s %.2f%s", of, sure, model.n ? ", " : "");
	if (model.n)
		enrich_put_foreign(b, model, MODEL_CHARS);
	buf_putc(b, ')');
}

static void put_suggestion(struct buf *b, const char *what,
			   const struct sf_ai_suggestion *s, struct str value,
			   struct str before)
{
	buf_printf(b, "- %s: ", what);
	enrich_put_foreign(b, value, ENRICH_TEXT_CHARS);
	put_source(b, "confidence", s->confidence, STR_NONE);
	buf_puts(b, ", was ");
	enrich_put_foreign(b, before, ENRICH_TEXT_CHARS);
	if (s->reasoning.n) {
		buf_puts(b, ": \"");
		put_text(b, s->reasoning);
		buf_putc(b, '"');
	}
	buf_putc(b, '\n');
}

static void put_suggested(struct buf *b, const struct incident *i,
			  const struct enrich_order *o,
			  const struct enrichment *e)
{
	static const char *const names[] = {
		[ENRICH_CATEGORY] = "category",
		[ENRICH_SUBCATEGORY] = "subcategory",
		[ENRICH_ASSIGNMENT_GROUP] = "assignment group",
	};
	char to[3] = { 'P', (char)('0' + enrich_priority(o, e, i)), '\0' };
	char from[3] = { 'P', (char)('0' + i->priority), '\0' };
	size_t before = b->n, head;

	buf_puts(b, "\nSuggested by StackFlow's AI");
	put_source(b, "", -1, e->suggest_model);
	buf_puts(b, ", and set where nobody has changed it since:\n");
	head = b->n;
	for (int f = 0; f < ENRICH_PRIORITY; f++)
		if (enrich_usable(o, (enum enrich_field)f, &e->suggested[f]))
			put_suggestion(b, names[f], &e->suggested[f],
				       e->suggested[f].value, o->given[f]);
	if (to[1] != from[1])
		put_suggestion(b, "priority", &e->suggested[ENRICH_PRIORITY],
			       str_from(to), str_from(from));
	if (b->n == head)
		buf_truncate(b, before);
}

/* Ids that may stand in a path of StackFlow's, and so become links there. */
static void put_ids(struct buf *b, const char *label, const struct str *ids,
		    size_t count)
{
	const char *sep = label;
	size_t told = 0;

	for (size_t i = 0; i < count && told < SIMILAR_MAX; i++) {
		if (!sf_id_usable(ids[i]))
			continue;
		buf_printf(b, "%s%.*s", sep, STR_ARG(ids[i]));
		sep = ", ";
		told++;
	}
	if (told)
		buf_putc(b, '\n');
}

static void put_findings(struct buf *b, const struct sf_ai_findings *f)
{
	buf_puts(b, "\nAnalysis by StackFlow's AI");
	put_source(b, "confidence", f->confidence, f->cost.model_used);
	buf_puts(b, ":\n");
	if (f->probable_root_cause.n) {
		buf_puts(b, "- probable root cause: \"");
		put_text(b, f->probable_root_cause);
		buf_puts(b, "\"\n");
	}
	if (f->risk.n) {
		buf_puts(b, "- risk: \"");
		put_text(b, f->risk);
		buf_puts(b, "\"\n");
	}
	for (size_t i = 0; i < f->step_count && i < STEPS_MAX; i++) {
		buf_printf(b, "- step %zu: \"", i + 1);
		put_text(b, f->resolution_steps[i]);
		buf_puts(b, "\"\n");
	}
	if (f->estimated_minutes >= 0)
		buf_printf(b, "- estimated to take %lld min\n",
			   (long long)f->estimated_minutes);
	put_ids(b, "- related problem: ", &f->related_problem, 1);
	put_ids(b, "- similar past incidents: ", f->similar_incidents,
		f->similar_count);
}

static void put_exemplar(struct buf *b, const struct sf_ai_exemplar *x)
{
	buf_printf(b, "- %.*s", STR_ARG(x->incident_id));
	put_source(b, "similarity", x->similarity, STR_NONE);
	if (x->description.n) {
		buf_puts(b, ": \"");
		put_text(b, x->description);
		buf_putc(b, '"');
	}
	if (x->resolution.n) {
		buf_puts(b, ", resolved by: \"");
		put_text(b, x->resolution);
		buf_putc(b, '"');
	}
	if (x->resolution_minutes >= 0)
		buf_printf(b, ", in %lld min",
			   (long long)x->resolution_minutes);
	buf_putc(b, '\n');
}

static void put_exemplars(struct buf *b, const struct enrichment *e,
			  double least)
{
	size_t told = 0;

	for (size_t i = 0; i < e->exemplar_count && told < EXEMPLARS_MAX; i++) {
		const struct sf_ai_exemplar *x = &e->exemplars[i];

		if (!sf_id_usable(x->incident_id) || x->similarity < least)
			continue;
		if (!told++)
			buf_puts(b, "\nSimilar past incidents:\n");
		put_exemplar(b, x);
	}
}

bool enrich_found(const struct enrich_order *o, const struct sf_ai_findings *f)
{
	return f->confidence >= 0 && f->confidence >= o->ask.analyze_above &&
	       (f->probable_root_cause.n || f->step_count || f->similar_count);
}

/* An address that is one, and stays one wherever it is shown. */
static bool plain_url(struct str url)
{
	if (!str_starts(url, "https://") || url.n > URL_MAX ||
	    !ascii_visible(url))
		return false;
	for (size_t i = 0; i < url.n; i++)
		if (strchr("<>[]()`\"'\\|^{}", url.p[i]))
			return false;
	return true;
}

static void put_article(struct buf *b, const struct enrichment *e)
{
	const struct sf_ai_citation *a = &e->article;

	if (!sf_id_usable(a->article_id))
		return;
	buf_printf(b, "\nKnowledge article: %.*s", STR_ARG(a->article_id));
	if (a->title.n) {
		buf_puts(b, " \"");
		enrich_put_foreign(b, a->title, TITLE_CHARS);
		buf_putc(b, '"');
	}
	put_source(b, "relevance", a->relevance, STR_NONE);
	if (plain_url(e->article_url))
		buf_printf(b, " %.*s", STR_ARG(e->article_url));
	buf_putc(b, '\n');
}

/* Whole lines as far as they fit. */
static struct str keep(struct arena *arena, struct buf *b)
{
	static const char cut[] = "(cut)";
	struct str s = str_trim(buf_str(b)), out = STR_NONE;

	if (buf_error(b)) {
		arena_alloc(arena, SIZE_MAX);	/* makes it sticky */
	} else if (s.n > ENRICH_NOTE_MAX) {
		s.n = ENRICH_NOTE_MAX - sizeof(cut);
		while (s.n && s.p[s.n - 1] != '\n')
			s.n--;
		out = arena_printf(arena, "%.*s%s", STR_ARG(s), cut);
	} else if (s.n) {
		out = arena_str(arena, s);
	}
	buf_fini(b);
	return out;
}

struct str enrich_text(struct arena *arena, const struct incident *i,
		       const struct enrich_order *o, const struct enrichment *e)
{
	static const char head[] = "StackFlow's AI was asked. What it says is "
				   "quoted; no person has checked it.\n";
	struct buf b = BUF_INIT(DRAFT_MAX);
	size_t bare;

	buf_puts(&b, head);
	bare = b.n;
	put_suggested(&b, i, o, e);
	if (e->findings && enrich_found(o, e->findings))
		put_findings(&b, e->findings);
	put_exemplars(&b, e, o->ask.analyze_above);
	put_article(&b, e);
	if (b.n == bare && !buf_error(&b)) {
		buf_fini(&b);
		return STR_NONE;
	}
	return keep(arena, &b);
}
