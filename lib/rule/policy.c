/* Policies, blocks and the catch-all: what an incident is to look like. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>

#include "base/encode.h"
#include "base/map.h"
#include "rule/set.h"

#define FIELDS_MAX 32
#define NOTES_MAX 100000

void body_init(struct body *b)
{
	*b = (struct body){ .notes_every = -1,
			    .reopen_within = -1,
			    .notes_max = -1,
			    .resolve = -1,
			    .note_only = -1,
			    .insufficient = -1,
			    .still_firing = -1,
			    .stable_for = -1,
			    .open_after = -1,
			    .require_change = -1 };
}

void body_fill(struct body *b, const struct body *o)
{
#define FILL(member, unset)                                                    \
	if (b->member == (unset))                                              \
	b->member = o->member
	FILL(severity, 0);
	FILL(priority, 0);
	FILL(short_description, NULL);
	FILL(description, NULL);
	FILL(category, NULL);
	FILL(subcategory, NULL);
	FILL(assignment_group, NULL);
	FILL(runbook, NULL);
	FILL(notes_every, -1);
	FILL(notes_max, -1);
	FILL(reopen_within, -1);
	FILL(resolve, -1);
	FILL(note_only, -1);
	FILL(insufficient, -1);
	FILL(still_firing, -1);
	FILL(stable_for, -1);
	FILL(flap, NULL);
	FILL(group, NULL);
	FILL(escalate, NULL);
	FILL(enrich, NULL);
	FILL(require_change, -1);
	/* Two ways to say one thing: whoever says one has said it. */
	if (b->open_after < 0 && !b->open_when) {
		b->open_after = o->open_after;
		b->open_when = o->open_when;
	}
#undef FILL
	if (!b->dedup.set)
		b->dedup = o->dedup;
	if (!b->fields) {
		b->fields = o->fields;
		b->field_count = o->field_count;
	}
}

static void load_notes_max(struct loader *l, const struct yaml *v, void *to)
{
	load_number(l, v, 0, NOTES_MAX, to);
}

const struct key notes_keys[] = {
	{ "every", load_span, offsetof(struct body, notes_every) },
	{ "max", load_notes_max, offsetof(struct body, notes_max) },
	{ NULL, NULL, 0 },
};

static void load_notes(struct loader *l, const struct yaml *v, void *to)
{
	load_keys(l, v, notes_keys, to);
}

static void load_when(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "never", "OK", NULL };
	int i = load_word(l, v, words);

	if (i >= 0)
		*(int *)to = i;
}

const struct key resolve_keys[] = {
	{ "when", load_when, offsetof(struct body, resolve) },
	{ "note_only", load_bool, offsetof(struct body, note_only) },
	{ "stable_for", load_span, offsetof(struct body, stable_for) },
	{ NULL, NULL, 0 },
};

static void load_resolve(struct loader *l, const struct yaml *v, void *to)
{
	load_keys(l, v, resolve_keys, to);
}

static void load_insufficient(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "ignore", "note", "open",
					     "resolve", NULL };
	int i = load_word(l, v, words);

	if (i >= 0)
		*(int *)to = INSUFFICIENT_IGNORE + i;
}

static void load_still_firing(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "new", "reopen", "leave", NULL };
	int i = load_word(l, v, words);

	if (i >= 0)
		*(int *)to = STILL_NEW + i;
}

const struct key closed_keys[] = {
	{ "still_firing", load_still_firing, 0 },
	{ NULL, NULL, 0 },
};

static void load_closed(struct loader *l, const struct yaml *v, void *to)
{
	load_keys(l, v, closed_keys, to);
}

static void load_dedup(struct loader *l, const struct yaml *v, void *to)
{
	struct dedup d = { .set = true };
	const struct ref *passing;

	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (!str_is(v->text, "${account}/${region}/${alarm}")) {
		d.key = load_template_text(l, v, v->text);
		if (!d.key)
			return;
	}
	passing = d.key ? template_passing(d.key) : NULL;
	if (passing)
		load_error(l, v, "dedup-key-volatile",
			   "a dedup key can't hold "
			   "`%.*s`: %s",
			   STR_ARG(passing->path),
			   passing->id == FIELD_TAG
				   ? "tags may come from a look-up, and it may "
				     "fail"
				   : "it may differ from one message of an "
				     "alarm to the "
				     "next");
	else if (v->text.n == 0)
		load_error(l, v, "bad-value",
			   "an empty dedup key would make "
			   "all alarms one");
	else
		*(struct dedup *)to = d;
}

/* Fields of an incident that have keys of their own, or are StackFlow's. */
static bool reserved(struct str name)
{
	static const char *const names[] = {
		"short_description",
		"description",
		"priority",
		"ci_id",
		"state",
		"id",
		"number",
		"created_at",
		"sla_breach_at",
		"assigned_to",
		NULL,
	};

	for (int i = 0; names[i]; i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

static bool field_name(struct str s)
{
	bool good = s.n > 0 && s.n <= 64 && islower((unsigned char)s.p[0]);

	for (size_t i = 0; good && i < s.n; i++)
		good = islower((unsigned char)s.p[i]) || s.p[i] == '_' ||
		       isdigit((unsigned char)s.p[i]);
	return good;
}

static void load_fields(struct loader *l, const struct yaml *v, void *to)
{
	struct body *b = to;
	struct extra *list;

	if (!load_is(l, v, YAML_MAP))
		return;
	if (v->count > FIELDS_MAX) {
		load_error(l, v, "bad-value", "at most %d fields", FIELDS_MAX);
		return;
	}
	list = arena_array(l->arena, v->count + 1, sizeof(*list));
	if (!list)
		return;
	b->fields = list;
	for (const struct yaml *c = v->child; c; c = c->next) {
		struct extra *e = &list[b->field_count];

		if (!field_name(c->key) || reserved(c->key)) {
			load_error_key(
				l, c, "bad-value",
				"`%.*s` can't be set "
				"here: %s",
				STR_ARG(utf8_cut(c->key, 64)),
				reserved(c->key)
					? "it has a key of its own or is "
					  "StackFlow's"
					: "names of fields have "
					  "a-z, 0-9 and _");
			continue;
		}
		load_template(l, c, &e->value);
		e->name = arena_str(l->arena, c->key);
		b->field_count += e->value != NULL && e->name.p;
	}
}

/* `fields: {subcategory: rds}` is `subcategory: rds`. */
static void settle_fields(struct loader *l, const struct yaml *v,
			  struct body *b)
{
	struct extra *list = (struct extra *)b->fields;
	size_t kept = 0;

	for (size_t i = 0; i < b->field_count; i++) {
		const struct template **own = NULL;

		if (str_is(list[i].name, "category"))
			own = &b->category;
		else if (str_is(list[i].name, "subcategory"))
			own = &b->subcategory;
		else if (str_is(list[i].name, "assignment_group"))
			own = &b->assignment_group;
		if (!own)
			list[kept++] = list[i];
		else if (*own)
			load_error(l, v, "bad-value",
				   "`%.*s` is given twice, "
				   "the second time in `fields`",
				   STR_ARG(list[i].name));
		else
			*own = list[i].value;
	}
	b->field_count = kept;
}

#define BODY_KEYS(base)                                                        \
	{ "severity", load_severity,                                           \
	  (base) + offsetof(struct body, severity) },                          \
		{ "priority", load_priority,                                   \
		  (base) + offsetof(struct body, priority) },                  \
		{ "short_description", load_template,                          \
		  (base) + offsetof(struct body, short_description) },         \
		{ "description", load_template,                                \
		  (base) + offsetof(struct body, description) },               \
		{ "description_file", load_text_file,                          \
		  (base) + offsetof(struct body, description) },               \
		{ "fields", load_fields, (base) },                             \
		{ "runbook", load_template,                                    \
		  (base) + offsetof(struct body, runbook) },                   \
		DEFAULT_KEYS(base)

#define DEFAULT_KEYS(base)                                                     \
	{ "category", load_template,                                           \
	  (base) + offsetof(struct body, category) },                          \
		{ "subcategory", load_template,                                \
		  (base) + offsetof(struct body, subcategory) },               \
		{ "assignment_group", load_template,                           \
		  (base) + offsetof(struct body, assignment_group) },          \
		{ "dedup_key", load_dedup,                                     \
		  (base) + offsetof(struct body, dedup) },                     \
		{ "notes", load_notes, (base) },                               \
		{ "resolve", load_resolve, (base) },                           \
		{ "reopen_within", load_span,                                  \
		  (base) + offsetof(struct body, reopen_within) },             \
		{ "insufficient_data", load_insufficient,                      \
		  (base) + offsetof(struct body, insufficient) },              \
	{                                                                      \
		"closed_by_person", load_closed,                               \
			(base) + offsetof(struct body, still_firing)           \
	}

#define TIMING_KEYS(base)                                                      \
	{ "open_after", load_span,                                             \
	  (base) + offsetof(struct body, open_after) },                        \
		{ "open_when", load_open_when,                                 \
		  (base) + offsetof(struct body, open_when) },                 \
		{ "flap", load_flap, (base) + offsetof(struct body, flap) },   \
		{ "group", load_group,                                         \
		  (base) + offsetof(struct body, group) },                     \
		{ "escalate", load_escalate,                                   \
		  (base) + offsetof(struct body, escalate) },                  \
		{ "enrich", load_enrich,                                       \
		  (base) + offsetof(struct body, enrich) },                    \
	{                                                                      \
		"require_change", load_bool,                                   \
			(base) + offsetof(struct body, require_change)         \
	}

const struct key default_keys[] = {
	DEFAULT_KEYS(0),
	TIMING_KEYS(0),
	{ NULL, NULL, 0 },
};

void load_defaults(struct loader *l, const struct yaml *v, void *to)
{
	l->stage = STAGE_TEXT;
	load_keys(l, v, default_keys, to);
	check_opening(l, v, to);
}

const struct key body_keys[] = {
	BODY_KEYS(0),
	TIMING_KEYS(0),
	{ NULL, NULL, 0 },
};

static void read_body(struct loader *l, const struct yaml *v, struct body *b)
{
	body_init(b);
	l->stage = STAGE_TEXT;
	load_keys(l, v, body_keys, b);
	settle_fields(l, v, b);
	check_opening(l, v, b);
}

/* Both would set one text. */
static void check_description(struct loader *l, const struct yaml *v)
{
	const struct yaml *file = yaml_get(v, "description_file");

	if (v->type == YAML_MAP && file && yaml_get(v, "description"))
		load_error_key(l, file, "bad-value",
			       "`description` is given "
			       "as well");
}

struct str load_where(struct loader *l, const struct yaml *v)
{
	const char *slash = strrchr(l->file, '/');

	return arena_printf(l->arena, "%s:%d", slash ? slash + 1 : l->file,
			    v->line);
}

void load_catch_all(struct loader *l, const struct yaml *v, void *to)
{
	struct policy *p = arena_alloc(l->arena, sizeof(*p));

	if (!p)
		return;
	p->id = STR("catch-all");
	p->where = load_where(l, v);
	p->line = v->line;
	read_body(l, v, &p->body);
	check_description(l, v);
	*(struct policy **)to = p;
}

void load_blocks(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_MAP))
		return;
	f->blocks = arena_array(l->arena, v->count + 1, sizeof(*f->blocks));
	for (const struct yaml *c = v->child; f->blocks && c; c = c->next) {
		struct block *b = &f->blocks[f->block_count++];

		b->name = arena_str(l->arena, c->key);
		read_body(l, c, &b->body);
		check_description(l, c);
	}
}

static void load_use(struct loader *l, const struct yaml *v, void *to)
{
	struct policy *p = to;
	struct str *list;
	size_t n = 0;

	if (!load_is(l, v, YAML_LIST))
		return;
	list = arena_array(l->arena, v->count + 1, sizeof(*list));
	for (const struct yaml *c = v->child; list && c; c = c->next)
		if (load_is(l, c, YAML_SCALAR))
			list[n++] = arena_str(l->arena, c->text);
	p->use = list;
	p->use_count = list ? n : 0;
}

static void load_policy_match(struct loader *l, const struct yaml *v, void *to)
{
	l->stage = STAGE_POLICY;
	load_match(l, v, to);
	l->stage = STAGE_TEXT;
}

const struct key policy_keys[] = {
	{ "id", load_name, offsetof(struct policy, id) },
	{ "match", load_policy_match, offsetof(struct policy, match) },
	{ "use", load_use, 0 },
	BODY_KEYS(offsetof(struct policy, body)),
	TIMING_KEYS(offsetof(struct policy, body)),
	{ NULL, NULL, 0 },
};

static void read_policy(struct loader *l, const struct yaml *v,
			struct policy *p)
{
	p->where = load_where(l, v);
	p->line = v->line;
	p->column = v->column;
	p->match.entry = MATCH_NO;
	body_init(&p->body);
	l->stage = STAGE_TEXT;
	load_keys(l, v, policy_keys, p);
	if (v->type != YAML_MAP)
		return;
	settle_fields(l, v, &p->body);
	check_opening(l, v, &p->body);
	check_description(l, v);
	load_needs(l, v, "id");
	load_needs(l, v, "match");
}

static void check_ids(struct loader *l, const struct yaml *v,
		      const struct rule_file *f)
{
	struct map *ids = map_new();
	const struct policy *p = f->policies, *first;

	for (const struct yaml *c = v->child; ids && c; c = c->next, p++) {
		if (!p->id.p)
			continue;
		first = map_get(ids, p->id);
		if (first)
			load_error(l, yaml_get(c, "id"), "duplicate-id",
				   "the policy `%.*s` is there already, in "
				   "line %d",
				   STR_ARG(p->id), first->line);
		else if (map_set(ids, p->id, (void *)p) < 0)
			break;
	}
	map_free(ids);
}

static void check_last(struct loader *l, const struct yaml *v,
		       const struct policy *last)
{
	const struct yaml *c = v->child;

	while (c->next)
		c = c->next;
	/* What has no match, or a broken one, has its fault already. */
	if (last->match.root && !match_always(&last->match))
		load_error(l, c, "last-policy",
			   "the last policy must match "
			   "everything: add one with `match: {}`");
}

void load_policies(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_LIST))
		return;
	if (!v->child) {
		load_error(l, v, "last-policy",
			   "an empty list decides nothing:"
			   " the last policy must match everything");
		return;
	}
	f->policies = arena_array(l->arena, v->count, sizeof(*f->policies));
	for (const struct yaml *c = v->child; f->policies && c; c = c->next)
		read_policy(l, c, &f->policies[f->policy_count++]);
	if (!f->policies)
		return;
	f->policies_given = true;
	check_ids(l, v, f);
	check_last(l, v, &f->policies[f->policy_count - 1]);
}
