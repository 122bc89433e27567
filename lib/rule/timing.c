/* What a policy waits for, counts, gathers and escalates. */
#include <stddef.h>

#include "base/encode.h"
#include "rule/set.h"

/* ---- so many within a time ---- */

static void load_within(struct loader *l, const struct yaml *v, void *to)
{
	load_span_some(l, v, &((struct count_within *)to)->within_ms);
}

void load_count(struct loader *l, const struct yaml *v, const char *name,
		int64_t least, int64_t most, struct count_within *out)
{
	const struct yaml *n = yaml_get(v, name);
	int64_t count = 0;

	if (!load_needs(l, v, name) || !load_needs(l, v, "within"))
		return;
	if (n)
		load_number(l, n, least, most, &count);
	out->count = (unsigned)count;
}

const struct key open_when_keys[] = {
	{ "count", load_nothing, 0 },
	{ "within", load_within, 0 },
	{ NULL, NULL, 0 },
};

void load_open_when(struct loader *l, const struct yaml *v, void *to)
{
	struct count_within *c = arena_alloc(l->arena, sizeof(*c));

	if (!c)
		return;
	*(const struct count_within **)to = c;
	if (v->type == YAML_NULL)
		return;
	load_keys(l, v, open_when_keys, c);
	load_count(l, v, "count", 2, COUNT_WITHIN_MAX, c);
}

static void load_quiet(struct loader *l, const struct yaml *v, void *to)
{
	load_span_some(l, v, &((struct flap *)to)->quiet);
}

const struct key flap_keys[] = {
	{ "transitions", load_nothing, 0 },
	{ "within", load_within, offsetof(struct flap, transitions) },
	{ "quiet_for", load_quiet, 0 },
	{ NULL, NULL, 0 },
};

void load_flap(struct loader *l, const struct yaml *v, void *to)
{
	struct flap *f = arena_alloc(l->arena, sizeof(*f));

	if (!f)
		return;
	*(const struct flap **)to = f;
	if (v->type == YAML_NULL)
		return;
	load_keys(l, v, flap_keys, f);
	load_count(l, v, "transitions", 2, COUNT_WITHIN_MAX, &f->transitions);
	if (!f->quiet)
		f->quiet = f->transitions.within_ms;
}

const struct key limit_keys[] = {
	{ "open_per_team", load_nothing, 0 },
	{ "within", load_within, 0 },
	{ NULL, NULL, 0 },
};

void load_limits(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	f->limit_where = load_where(l, v);
	load_keys(l, v, limit_keys, &f->limit);
	load_count(l, v, "open_per_team", 1, 10000, &f->limit);
}

void check_opening(struct loader *l, const struct yaml *v, const struct body *b)
{
	const struct yaml *at = yaml_get(v, "open_after");

	if (b->open_after <= 0 || !b->open_when || !b->open_when->count)
		return;
	load_error_key(l, at ? at : v, "conflicting-keys",
		       "`open_after` and `open_when` can't both say when an "
		       "incident opens");
}

/* ---- group ---- */

/* As what a message says of a moment would part alarms that belong together,
 * and an alarm from its own group. */
static bool momentary(const struct ref *ref)
{
	return ref->id == FIELD_STATE || ref->id == FIELD_PREVIOUS_STATE ||
	       ref->id == FIELD_TIME || str_is(ref->path, "reason");
}

static void load_by(struct loader *l, const struct yaml *v, void *to)
{
	struct group *g = to;
	const struct ref *ref;

	load_template(l, v, &g->by);
	if (!g->by)
		return;
	if (!v->text.n)
		load_error(l, v, "bad-value",
			   "`by` names what alarms of a group share");
	for (size_t i = 0; (ref = template_field(g->by, i)); i++)
		if (momentary(ref))
			load_error(l, v, "group-volatile",
				   "`by` can't hold `%.*s`: it differs from "
				   "one message of an alarm to the next",
				   STR_ARG(ref->path));
}

const struct key group_keys[] = {
	{ "by", load_by, 0 },
	{ "within", load_span_some, offsetof(struct group, within) },
	{ "short_description", load_template,
	  offsetof(struct group, short_description) },
	{ NULL, NULL, 0 },
};

void load_group(struct loader *l, const struct yaml *v, void *to)
{
	struct group *g = arena_alloc(l->arena, sizeof(*g));

	if (!g)
		return;
	*(const struct group **)to = g;
	if (v->type == YAML_NULL)
		return;
	g->where = load_where(l, v);
	load_keys(l, v, group_keys, g);
	load_needs(l, v, "by");
	load_needs(l, v, "within");
}

/* ---- escalate ---- */

static void load_unless(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "acknowledged", NULL };

	*(int *)to = load_word(l, v, words) == 0;
}

const struct key escalate_keys[] = {
	{ "after", load_span_some, offsetof(struct raise, after) },
	{ "unless", load_unless, offsetof(struct raise, unless) },
	{ "raise_to", load_priority, offsetof(struct raise, to) },
	{ "note", load_template, offsetof(struct raise, note) },
	{ NULL, NULL, 0 },
};

static void read_raise(struct loader *l, const struct yaml *v, struct raise *r)
{
	r->where = load_where(l, v);
	load_keys(l, v, escalate_keys, r);
	if (v->type != YAML_MAP)
		return;
	load_needs(l, v, "after");
	if (!yaml_get(v, "raise_to") && !yaml_get(v, "note"))
		load_error(l, v, "missing-key",
			   "`raise_to` or `note` is missing: this entry does "
			   "nothing");
}

void load_escalate(struct loader *l, const struct yaml *v, void *to)
{
	struct escalate *e = arena_alloc(l->arena, sizeof(*e));

	if (e)
		*(const struct escalate **)to = e;
	if (!e || v->type == YAML_NULL || !load_is(l, v, YAML_LIST))
		return;
	if (v->count > ESCALATIONS_MAX) {
		load_error(l, v, "bad-value", "at most %d entries",
			   ESCALATIONS_MAX);
		return;
	}
	e->list = arena_array(l->arena, v->count + 1, sizeof(*e->list));
	for (const struct yaml *c = v->child; e->list && c; c = c->next) {
		struct raise r = { .after = 0 };
		size_t at = e->count++;

		read_raise(l, c, &r);
		for (; at > 0 && e->list[at - 1].after > r.after; at--)
			e->list[at] = e->list[at - 1];
		e->list[at] = r;
	}
}
