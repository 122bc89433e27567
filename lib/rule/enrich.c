/* What StackFlow's AI and its knowledge are asked for, by policy. */
#include <stddef.h>

#include "rule/decide.h"

#define SUGGEST_ABOVE 0.8
#define ANALYZE_ABOVE 0.5
#define ARTICLE_ABOVE 0.6

const char *enrich_field_name(enum enrich_field f)
{
	static const char *const names[] = {
		[ENRICH_CATEGORY] = "category",
		[ENRICH_SUBCATEGORY] = "subcategory",
		[ENRICH_ASSIGNMENT_GROUP] = "assignment_group",
		[ENRICH_PRIORITY] = "priority",
	};

	return f < ENRICH_FIELDS ? names[f] : "?";
}

/* ---- loading ---- */

static void load_above(struct loader *l, const struct yaml *v, void *to)
{
	double x;

	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (str_to_double(&x, v->text) || !(x >= 0 && x <= 1))
		load_error(l, v, "bad-value",
			   "`above` is a confidence from 0 to 1");
	else
		*(double *)to = x;
}

static bool load_list(struct loader *l, const struct yaml *v)
{
	if (!load_is(l, v, YAML_LIST))
		return false;
	if (!v->child)
		load_error(l, v, "bad-value",
			   "an empty list asks for nothing: leave it out");
	return true;
}

static void load_filled(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "category", "subcategory",
					     "assignment_group", "priority",
					     NULL };
	struct enrich *e = to;

	if (!load_list(l, v))
		return;
	memset(e->fill, 0, sizeof(e->fill));
	for (const struct yaml *c = v->child; c; c = c->next) {
		int i = load_word(l, c, words);

		if (i >= 0)
			e->fill[i] = true;
	}
}

static void load_analyzed(struct loader *l, const struct yaml *v, void *to)
{
	struct enrich *e = to;

	if (!load_list(l, v))
		return;
	memset(e->analyze, 0, sizeof(e->analyze));
	for (const struct yaml *c = v->child; c; c = c->next) {
		int priority = 0;

		load_priority(l, c, &priority);
		if (priority)
			e->analyze[priority] = true;
	}
}

const struct key suggest_keys[] = {
	{ "fields", load_filled, 0 },
	{ "above", load_above, offsetof(struct enrich, suggest_above) },
	{ NULL, NULL, 0 },
};

static void load_suggest(struct loader *l, const struct yaml *v, void *to)
{
	struct enrich *e = to;

	memset(e->fill, true, sizeof(e->fill));
	load_keys(l, v, suggest_keys, e);
}

const struct key analyze_keys[] = {
	{ "priority", load_analyzed, 0 },
	{ "above", load_above, offsetof(struct enrich, analyze_above) },
	{ NULL, NULL, 0 },
};

static void load_analyze(struct loader *l, const struct yaml *v, void *to)
{
	struct enrich *e = to;

	e->analyze[1] = e->analyze[2] = true;
	load_keys(l, v, analyze_keys, e);
}

const struct key article_keys[] = {
	{ "above", load_above, offsetof(struct enrich, article_above) },
	{ NULL, NULL, 0 },
};

static void load_article(struct loader *l, const struct yaml *v, void *to)
{
	struct enrich *e = to;

	e->article = true;
	load_keys(l, v, article_keys, e);
}

const struct key enrich_keys[] = {
	{ "suggest", load_suggest, 0 },
	{ "analyze", load_analyze, 0 },
	{ "article", load_article, 0 },
	{ NULL, NULL, 0 },
};

void load_enrich(struct loader *l, const struct yaml *v, void *to)
{
	struct enrich *e = arena_alloc(l->arena, sizeof(*e));

	if (!e)
		return;
	*e = (struct enrich){ .suggest_above = SUGGEST_ABOVE,
			      .analyze_above = ANALYZE_ABOVE,
			      .article_above = ARTICLE_ABOVE };
	*(const struct enrich **)to = e;
	if (v->type == YAML_NULL)	/* nothing, whatever the defaults ask */
		return;
	load_keys(l, v, enrich_keys, e);
	if (v->type == YAML_MAP && !v->child)
		load_error(l, v, "missing-key",
			   "`suggest`, `analyze` or `article` is missing: "
			   "this asks for nothing");
}

/* ---- deciding ---- */

bool enrich_suggests(const struct enrich *e)
{
	for (int f = 0; f < ENRICH_FIELDS; f++)
		if (e->fill[f])
			return true;
	return false;
}

bool enrich_analyzes(const struct enrich *e)
{
	for (int p = 1; p <= 4; p++)
		if (e->analyze[p])
			return true;
	return false;
}

static void tell(struct decision *d, const struct enrich *e)
{
	const char *sep = "asks StackFlow, once it is open: ";

	if (!d->trace)
		return;
	decide_explain(d, d->policy->where, "enrich", 0, true, "");
	for (int f = 0; f < ENRICH_FIELDS; f++) {
		if (!e->fill[f])
			continue;
		decide_add(d, "%s%s", sep,
			   enrich_field_name((enum enrich_field)f));
		sep = ", ";
	}
	for (int p = 1; p <= 4; p++) {
		if (!e->analyze[p])
			continue;
		decide_add(d, "%san analysis of a P%d", sep, p);
		sep = ", ";
	}
	if (e->article)
		decide_add(d, "%sa knowledge article", sep);
}

void write_enrich(struct decision *d)
{
	const struct body *b = &d->policy->body;
	struct trace *trace = d->trace;
	struct enrich *e;

	if (!b->enrich || d->drill)
		return;
	e = arena_alloc(d->arena, sizeof(*e));
	if (!e)
		return;
	*e = *b->enrich;
	e->fill[ENRICH_CATEGORY] &= !b->category;
	e->fill[ENRICH_SUBCATEGORY] &= !b->subcategory;
	e->fill[ENRICH_ASSIGNMENT_GROUP] &= !b->assignment_group;
	/* Only a severity that was guessed leaves the priority unnamed. */
	e->fill[ENRICH_PRIORITY] &= d->guessed && !b->priority && !b->severity;
	if (!enrich_suggests(e) && !enrich_analyzes(e) && !e->article)
		return;
	d->trace = NULL;	/* what guards say was told of its priority */
	e->highest = decide_cap(d, 1);
	d->trace = trace;
	d->v.enrich = e;
	tell(d, e);
}
