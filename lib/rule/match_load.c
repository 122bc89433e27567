/* From YAML to a compiled match. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/encode.h"
#include "rule/loader.h"

#define NESTING 8 /* of any and not */

static bool keep_regex(struct loader *l, struct regex *re)
{
	struct regex_list *r = l->regexes;

	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct regex **list = realloc(r->list, cap * sizeof(*list));

		if (!list)
			return false;
		r->list = list;
		r->cap = cap;
	}
	r->list[r->count++] = re;
	return true;
}

static bool read_regex(struct loader *l, const struct yaml *v,
		       struct pattern *out)
{
	struct regex *re;
	struct err err = { "" };

	if (!load_is(l, v, YAML_SCALAR))
		return false;
	re = regex_new(l->arena, v->text, &err);
	if (!re) {
		load_error(l, v, "bad-regex", "%s", err.text);
		return false;
	}
	if (!keep_regex(l, re)) {
		regex_free(re);
		return load_no_memory(l);
	}
	if (!regex_has_literal(v->text))
		load_warn(l, v->line, v->column, "regex-no-literal",
			  "the "
			  "regular expression holds no fixed letter or digit: "
			  "it may match more than meant, and slowly");
	*out = (struct pattern){ .kind = PATTERN_REGEX,
				 .text = arena_str(l->arena, v->text),
				 .regex = re };
	return true;
}

static bool read_bound(struct loader *l, const struct yaml *v, struct range *r)
{
	bool low = v->key.p[0] == 'g', open = v->key.n == 2;
	double *to = low ? &r->low : &r->high;
	double n;

	if (v->type != YAML_SCALAR || str_to_double(&n, v->text)) {
		load_error(l, v, "wrong-type", "`%.*s` takes a number",
			   STR_ARG(v->key));
		return false;
	}
	if (!isinf(*to)) {
		load_error_key(l, v, "bad-value", "two %s bounds",
			       low ? "lower" : "upper");
		return false;
	}
	*to = n;
	*(low ? &r->low_open : &r->high_open) = open;
	return true;
}

static bool read_range(struct loader *l, const struct yaml *map,
		       struct pattern *out)
{
	struct range *r = arena_alloc(l->arena, sizeof(*r));

	if (!r)
		return false;
	*r = (struct range){ -INFINITY, INFINITY, false, false };
	for (const struct yaml *v = map->child; v; v = v->next) {
		if (!str_is(v->key, "gt") && !str_is(v->key, "gte") &&
		    !str_is(v->key, "lt") && !str_is(v->key, "lte")) {
			load_error_key(l, v, "unknown-key",
				       "`%.*s` can't stand"
				       " beside gt, gte, lt and lte",
				       STR_ARG(utf8_cut(v->key, 60)));
			return false;
		}
		if (!read_bound(l, v, r))
			return false;
	}
	if (r->low > r->high) {
		load_error(l, map, "bad-value", "no number is in this range");
		return false;
	}
	*out = (struct pattern){ .kind = PATTERN_RANGE, .range = r };
	return true;
}

/* {re: ...}, {exists: ...}, {gt: ...}. */
static bool read_operator(struct loader *l, const struct yaml *v,
			  struct pattern *out)
{
	static const char *const known[] = { "re", "exists", "gt", "gte",
					     "lt", "lte",    NULL };
	const struct yaml *first = v->child;
	const char *near;
	bool b;

	if (!first) {
		load_error(l, v, "bad-value", "an empty map matches nothing");
		return false;
	}
	if (v->count == 1 && str_is(first->key, "re"))
		return read_regex(l, first, out);
	if (v->count == 1 && str_is(first->key, "exists")) {
		if (yaml_bool(&b, first)) {
			load_error(l, first, "wrong-type",
				   "`exists` takes true or false");
			return false;
		}
		out->kind = b ? PATTERN_PRESENT : PATTERN_ABSENT;
		return true;
	}
	for (int i = 2; known[i]; i++)
		if (str_is(first->key, known[i]))
			return read_range(l, v, out);
	near = fault_nearest(first->key, known);
	load_error_key(l, first, "unknown-key",
		       "unknown operator `%.*s`%s%s%s:"
		       " there are re, exists, gt, gte, lt and lte, each alone "
		       "but for bounds",
		       STR_ARG(utf8_cut(first->key, 60)),
		       near ? ", did you mean `" : "", near ? near : "",
		       near ? "`?" : "");
	return false;
}

static bool read_one(struct loader *l, const struct yaml *v,
		     struct pattern *out)
{
	*out = (struct pattern){ .kind = PATTERN_ABSENT };
	switch (v->type) {
	case YAML_NULL:
		return true;
	case YAML_MAP:
		return read_operator(l, v, out);
	case YAML_SCALAR:
		if (v->text.n > PATTERN_TEXT) {
			load_error(l, v, "bad-value",
				   "a match value has at "
				   "most %d bytes",
				   PATTERN_TEXT);
			return false;
		}
		*out = pattern_of(arena_str(l->arena, v->text));
		return out->text.p;
	case YAML_LIST:
		break;
	}
	load_error(l, v, "wrong-type", "a list inside a list");
	return false;
}

static bool read_values(struct loader *l, const struct yaml *v,
			struct pattern *out)
{
	struct pattern_list *list;
	struct pattern *items;
	bool good = true;
	size_t n = 0;

	if (v->type != YAML_LIST)
		return read_one(l, v, out);
	if (v->count == 0) {
		load_error(l, v, "bad-value", "an empty list matches nothing");
		return false;
	}
	list = arena_alloc(l->arena, sizeof(*list));
	items = arena_array(l->arena, v->count, sizeof(*items));
	if (!list || !items)
		return false;
	for (const struct yaml *c = v->child; c; c = c->next)
		good &= read_one(l, c, &items[n++]);
	if (!good)
		return false;
	pattern_list_init(list, items, n);
	*out = v->count == 1
		       ? items[0]
		       : (struct pattern){ .kind = PATTERN_LIST, .list = list };
	return true;
}

static struct cond *cond_new(struct loader *l, enum cond_kind kind,
			     size_t children)
{
	struct cond *c = arena_alloc(l->arena, sizeof(*c));

	if (!c)
		return NULL;
	c->kind = kind;
	c->child = arena_array(l->arena, children + 1, sizeof(*c->child));
	return c->child ? c : NULL;
}

static struct cond *read_test(struct loader *l, const struct yaml *v)
{
	struct cond *c = cond_new(l, COND_TEST, 0);
	struct err err = { "" };

	if (!c)
		return NULL;
	c->ref = load_ref(l, v->key, &err);
	if (!c->ref)
		load_error_key(l, v, "unknown-field", "%s", err.text);
	if (!read_values(l, v, &c->pattern) || !c->ref)
		return NULL;
	return c;
}

static struct cond *read_all(struct loader *l, const struct yaml *v, int depth);

static struct cond *read_any(struct loader *l, const struct yaml *v, int depth)
{
	struct cond *any;

	if (!load_is(l, v, YAML_LIST))
		return NULL;
	if (v->count == 0) {
		load_error(l, v, "bad-value", "an empty `any` matches nothing");
		return NULL;
	}
	any = cond_new(l, COND_ANY, v->count);
	for (const struct yaml *c = v->child; any && c; c = c->next) {
		const struct cond *one = read_all(l, c, depth + 1);

		if (one)
			any->child[any->count++] = one;
	}
	return any;
}

static struct cond *read_not(struct loader *l, const struct yaml *v, int depth)
{
	struct cond *outer = cond_new(l, COND_NOT, 1);
	const struct cond *inner = outer ? read_all(l, v, depth + 1) : NULL;

	if (!inner)
		return NULL;
	outer->child[outer->count++] = inner;
	return outer;
}

/* Nested at most NESTING deep, so that this may call itself. */
static struct cond *read_all(struct loader *l, const struct yaml *v, int depth)
{
	struct cond *all;

	if (depth > NESTING) {
		load_error(l, v, "too-deep", "any and not nest at most %d deep",
			   NESTING);
		return NULL;
	}
	if (!load_is(l, v, YAML_MAP))
		return NULL;
	all = cond_new(l, COND_ALL, v->count);
	for (const struct yaml *c = v->child; all && c; c = c->next) {
		const struct cond *one;

		if (str_is(c->key, "any"))
			one = read_any(l, c, depth);
		else if (str_is(c->key, "not"))
			one = read_not(l, c, depth);
		else
			one = read_test(l, c);
		if (one)
			all->child[all->count++] = one;
	}
	return all;
}

void load_match(struct loader *l, const struct yaml *v, void *to)
{
	struct cond *root = read_all(l, v, 0);

	if (root)
		match_compile(to, l->arena, root);
}
