/* `suppress`: what holds alarms back, and until when. */
#include <stddef.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/map.h"
#include "rule/set.h"

#define ENTRIES_MAX 1000
#define STATES_MAX 16
#define SAME_MAX 16
#define COMPARED_MAX 32 /* of one policy, by all entries */

static void load_state(struct loader *l, const struct yaml *v, void *to)
{
	struct suppress *s = to;
	const struct yaml *first = v->type == YAML_LIST ? v->child : v;
	size_t count = v->type == YAML_LIST ? v->count : 1;
	struct str *list;

	if (count == 0 || count > STATES_MAX) {
		load_error(l, v, "bad-value", "`state` lists 1 to %d states",
			   STATES_MAX);
		return;
	}
	list = arena_array(l->arena, count, sizeof(*list));
	for (const struct yaml *c = first; list && c; c = c->next) {
		if (!load_is(l, c, YAML_SCALAR))
			return;
		if (!c->text.n || c->text.n > 64)
			load_error(l, c, "bad-value",
				   "a state has 1 to 64 bytes");
		list[s->state_count++] = arena_str(l->arena, c->text);
		if (c == v)
			break;
	}
	s->states = list;
}

const struct key change_keys[] = {
	{ "state", load_state, 0 },
	{ NULL, NULL, 0 },
};

static void load_when_change(struct loader *l, const struct yaml *v, void *to)
{
	((struct suppress *)to)->when_change = true;
	load_keys(l, v, change_keys, to);
}

/* What one message of an alarm says and the next may not. */
static bool momentary(const struct ref *ref)
{
	return ref->passing && ref->id != FIELD_TAG && ref->id != FIELD_CI;
}

static void load_same(struct loader *l, const struct yaml *v, void *to)
{
	struct suppress *s = to;

	if (!load_is(l, v, YAML_LIST))
		return;
	if (v->count > SAME_MAX) {
		load_error(l, v, "bad-value", "at most %d fields", SAME_MAX);
		return;
	}
	s->same = arena_array(l->arena, v->count + 1, sizeof(struct ref *));
	for (const struct yaml *c = v->child; s->same && c; c = c->next) {
		struct err err = { "" };
		const struct ref *ref;

		if (!load_is(l, c, YAML_SCALAR))
			continue;
		ref = load_ref(l, c->text, &err);
		if (!ref)
			load_error(l, c, "unknown-field", "%s", err.text);
		else if (momentary(ref))
			load_error(l, c, "same-volatile",
				   "`same` can't hold `%.*s`: it differs from "
				   "one message of an alarm to the next",
				   STR_ARG(ref->path));
		else
			s->same[s->same_count++] = ref;
	}
}

const struct key suppress_keys[] = {
	{ "id", load_name, offsetof(struct suppress, id) },
	{ "match", load_match, offsetof(struct suppress, match) },
	{ "during", load_name, offsetof(struct suppress, during) },
	{ "when_change", load_when_change, 0 },
	{ "while_open", load_name, offsetof(struct suppress, while_open) },
	{ "same", load_same, 0 },
	{ "never_above", load_priority,
	  offsetof(struct suppress, never_above) },
	{ NULL, NULL, 0 },
};

static void check_condition(struct loader *l, const struct yaml *v)
{
	static const char *const names[] = { "during", "when_change",
					     "while_open" };
	const struct yaml *first = NULL;
	const struct yaml *same = yaml_get(v, "same");

	for (int i = 0; i < 3; i++) {
		const struct yaml *c = yaml_get(v, names[i]);

		if (c && first)
			load_error_key(l, c, "conflicting-keys",
				       "`%.*s` is given as well: an entry has "
				       "one reason to hold, and two reasons "
				       "are two entries",
				       STR_ARG(first->key));
		first = first ? first : c;
	}
	if (!first)
		load_error(l, v, "missing-key",
			   "`during`, `when_change` or `while_open` is "
			   "missing: nothing would end the hold");
	if (yaml_get(v, "while_open"))
		load_needs(l, v, "same");
	else if (same)
		load_error_key(l, same, "conflicting-keys",
			       "`same` belongs to `while_open`");
}

static void read_entry(struct loader *l, const struct yaml *v,
		       struct suppress *s)
{
	s->match.entry = MATCH_NO;
	s->where = load_where(l, v);
	s->line = v->line;
	s->column = v->column;
	load_keys(l, v, suppress_keys, s);
	if (v->type != YAML_MAP)
		return;
	load_needs(l, v, "id");
	load_needs(l, v, "match");
	check_condition(l, v);
}

static void check_ids(struct loader *l, const struct yaml *v,
		      const struct rule_file *f)
{
	struct map *ids = map_new();
	struct suppress *s = f->suppress, *first;

	for (const struct yaml *c = v->child; ids && c; c = c->next, s++) {
		first = s->id.p ? map_get(ids, s->id) : NULL;
		if (first)
			load_error(l, yaml_get(c, "id"), "duplicate-id",
				   "the entry `%.*s` is there already, in line"
				   " %d",
				   STR_ARG(s->id), first->line);
		else if (s->id.p && map_set(ids, s->id, s) < 0)
			break;
	}
	map_free(ids);
}

void load_suppress(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_LIST))
		return;
	if (v->count > ENTRIES_MAX) {
		load_error(l, v, "bad-value", "at most %d entries",
			   ENTRIES_MAX);
		return;
	}
	l->stage = STAGE_SUPPRESS;
	f->suppress = arena_array(l->arena, v->count + 1, sizeof(*f->suppress));
	for (const struct yaml *c = v->child; f->suppress && c; c = c->next)
		read_entry(l, c, &f->suppress[f->suppress_count++]);
	if (f->suppress)
		check_ids(l, v, f);
}

/* ---- what entries name ---- */

static void unknown(struct loader *l, const struct yaml *v, const char *code,
		    const char *what, const char **names)
{
	const char *near = names ? fault_nearest(v->text, names) : NULL;

	load_error(l, v, code, "this file has no %s `%.*s`%s%s%s", what,
		   STR_ARG(utf8_cut(v->text, 64)),
		   near ? ", did you mean `" : "", near ? near : "",
		   near ? "`?" : "");
}

static void find_window(struct loader *l, const struct yaml *v,
			struct suppress *s, struct rule_file *f)
{
	const char **names;
	size_t n = 0;

	for (size_t i = 0; i < f->window_count; i++) {
		if (!str_eq(f->windows[i].name, s->during))
			continue;
		f->windows[i].used = true;
		s->window = &f->windows[i];
		return;
	}
	names = calloc(f->window_count + 1, sizeof(*names));
	for (size_t i = 0; names && i < f->window_count; i++)
		if (f->windows[i].name.p)
			names[n++] = f->windows[i].name.p;
	unknown(l, v, "unknown-window", "window", names);
	free(names);
}

static void find_policy(struct loader *l, const struct yaml *v,
			struct suppress *s, const struct rule_file *f)
{
	const char **names;
	size_t n = 0;

	for (size_t i = 0; i < f->policy_count; i++) {
		if (!str_eq(f->policies[i].id, s->while_open))
			continue;
		s->policy = &f->policies[i];
		return;
	}
	names = calloc(f->policy_count + 1, sizeof(*names));
	for (size_t i = 0; names && i < f->policy_count; i++)
		if (f->policies[i].id.p)
			names[n++] = f->policies[i].id.p;
	unknown(l, v, "unknown-policy", "policy", names);
	free(names);
}

static bool has(const struct ref *const *list, size_t n, const struct ref *ref)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == ref)
			return true;
	return false;
}

/* What s compares is to be remembered of that policy's incidents. */
static void add_compared(struct loader *l, const struct yaml *v,
			 const struct suppress *s)
{
	struct policy *p = (struct policy *)s->policy;
	size_t n = p->compared_count;
	const struct ref **list =
		arena_array(l->arena, n + s->same_count + 1, sizeof(*list));

	if (!list)
		return;
	p->behind = true;
	for (size_t i = 0; i < n; i++)
		list[i] = p->compared[i];
	for (size_t i = 0; i < s->same_count; i++)
		if (!has(list, n, s->same[i]))
			list[n++] = s->same[i];
	if (n > COMPARED_MAX)
		load_error(l, v, "bad-value",
			   "all entries together compare more than %d fields "
			   "with `%.*s`",
			   COMPARED_MAX, STR_ARG(p->id));
	p->compared = list;
	p->compared_count = n;
}

void suppress_finish(struct loader *l, struct rule_file *f,
		     const struct yaml *root)
{
	const struct yaml *list = yaml_get(root, "suppress");
	const struct yaml *v = list ? list->child : NULL;

	for (size_t i = 0; v && i < f->suppress_count; i++, v = v->next) {
		struct suppress *s = &f->suppress[i];

		if (s->during.p)
			find_window(l, yaml_get(v, "during"), s, f);
		if (s->while_open.p)
			find_policy(l, yaml_get(v, "while_open"), s, f);
		if (s->policy)
			add_compared(l, yaml_get(v, "while_open"), s);
	}
}

/* ---- of the whole set ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool suppress_settle(struct ruleset *r)
{
	struct str *list;
	size_t n = 0;

	for (size_t i = 0; i < r->policy_count; i++)
		n += r->policies[i]->behind;
	if (!n)
		return true;
	list = arena_array(r->arena, n, sizeof(*list));
	if (!list)
		return false;
	n = 0;
	for (size_t i = 0; i < r->policy_count; i++)
		if (r->policies[i]->behind)
			list[n++] = r->policies[i]->id;
	qsort(list, n, sizeof(*list), by_text);
	r->behind = list;
	r->behind_count = n;
	return true;
}

bool ruleset_holds_behind(const struct ruleset *r, struct str policy)
{
	return r->behind_count && bsearch(&policy, r->behind, r->behind_count,
					  sizeof(*r->behind), by_text);
}

static const struct window *window_at(const struct ruleset *r, size_t i,
				      const struct rule_file **file)
{
	for (size_t k = 0; k < r->file_count; k++) {
		*file = &r->files[k];
		if (i < r->files[k].window_count)
			return &r->files[k].windows[i];
		i -= r->files[k].window_count;
	}
	return NULL;
}

size_t ruleset_windows(const struct ruleset *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->file_count; i++)
		n += r->files[i].window_count;
	return n;
}

void ruleset_window(const struct ruleset *r, size_t i, int64_t now_ms,
		    struct rule_window *out)
{
	const struct rule_file *f = NULL;
	const struct window *w = window_at(r, i, &f);
	struct span s = { 0, 0 };
	bool inside;

	*out = (struct rule_window){ .file = "" };
	if (!w)
		return;
	inside = window_inside(w, now_ms, INT64_MAX, &s);
	if (!inside && !window_next(w, now_ms, &s))
		s = (struct span){ 0, 0 };
	*out = (struct rule_window){
		.file = f->name,
		.team = f->team.p,
		.name = w->name.p,
		.owner = w->owner.p,
		.line = w->line,
		.inside = inside,
		.begins_ms = s.begins_ms,
		.ends_ms = s.ends_ms,
		.until_ms = w->count ? w->until_ms : w->ends_ms,
	};
}
