/* The look-ups of a rule file that name the configuration item. */
#include <stdlib.h>

#include "base/encode.h"
#include "rule/set.h"

static int by_key(const void *a, const void *b)
{
	const struct ci_entry *x = a, *y = b;

	return str_cmp(x->from, y->from);
}

static void load_id(struct loader *l, const struct yaml *v, void *to)
{
	struct ci_step *s = to;

	s->kind = CI_STEP_ID;
	load_template(l, v, &s->value);
}

static void load_ci_where(struct loader *l, const struct yaml *v, void *to)
{
	struct ci_step *s = to;

	s->kind = CI_STEP_WHERE;
	if (!load_is(l, v, YAML_MAP))
		return;
	if (v->count != 1) {
		load_error(l, v, "bad-value",
			   "`where` takes one field, like "
			   "`{arn: \"${resource_arn}\"}`");
		return;
	}
	s->field = arena_str(l->arena, v->child->key);
	load_template(l, v->child, &s->value);
}

static void load_map(struct loader *l, const struct yaml *v, void *to)
{
	struct ci_step *s = to;

	s->kind = CI_STEP_MAP;
	if (!load_is(l, v, YAML_MAP))
		return;
	s->entries = arena_array(l->arena, v->count + 1, sizeof(*s->entries));
	for (const struct yaml *c = v->child; s->entries && c; c = c->next) {
		if (!load_is(l, c, YAML_SCALAR))
			continue;
		s->entries[s->count].from = arena_str(l->arena, c->key);
		s->entries[s->count++].to = arena_str(l->arena, c->text);
	}
	if (s->entries)
		qsort(s->entries, s->count, sizeof(*s->entries), by_key);
}

static void load_map_key(struct loader *l, const struct yaml *v, void *to)
{
	struct ci_step *s = to;

	load_template(l, v, &s->value);
}

static void load_fallback(struct loader *l, const struct yaml *v, void *to)
{
	struct ci_step *s = to;

	s->kind = CI_STEP_FALLBACK;
	load_template(l, v, &s->value);
}

const struct key ci_keys[] = {
	{ "id", load_id, 0 },
	{ "where", load_ci_where, 0 },
	{ "map", load_map, 0 },
	{ "key", load_map_key, 0 },
	{ "fallback", load_fallback, 0 },
	{ NULL, NULL, 0 },
};

static void read_step(struct loader *l, const struct yaml *v, struct ci_step *s)
{
	bool map;

	s->where = load_where(l, v);
	load_keys(l, v, ci_keys, s);
	if (v->type != YAML_MAP)
		return;
	map = yaml_get(v, "map");
	if (map)
		load_needs(l, v, "key");
	if (v->count != (map && yaml_get(v, "key") ? 2u : 1u) ||
	    (!map && yaml_get(v, "key")))
		load_error(l, v, "bad-value",
			   "one look-up is `id`, `where`, "
			   "`map` with `key`, or `fallback`");
	if (s->kind == CI_STEP_FALLBACK && v->next)
		load_warn(l, v->line, v->column, "unreachable",
			  "look-ups "
			  "behind a fallback are asked only where its template "
			  "misses a field");
}

void load_ci(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_LIST))
		return;
	l->stage = STAGE_CI;
	f->ci_given = true;
	f->ci = arena_array(l->arena, v->count + 1, sizeof(*f->ci));
	for (const struct yaml *c = v->child; f->ci && c; c = c->next)
		read_step(l, c, &f->ci[f->ci_count++]);
}
