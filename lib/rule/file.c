/* One rule file: its keys. */
#include <stddef.h>
#include <stdlib.h>

#include "base/encode.h"
#include "rule/set.h"

#define TESTS_MAX 100

static void load_version(struct loader *l, const struct yaml *v, void *to)
{
	int64_t n;

	(void)to;
	if (yaml_int(&n, v) || n != 1)
		load_error(l, v, "bad-value", "`version` is 1");
}

static void load_owners(struct loader *l, const struct yaml *v, void *to)
{
	if (!load_is(l, v, YAML_LIST))
		return;
	for (const struct yaml *c = v->child; c; c = c->next)
		if (load_is(l, c, YAML_SCALAR))
			++*(size_t *)to;
}

/* A path beneath the rule file's folder; whoever runs it opens it so. */
static bool is_beneath(struct str s)
{
	struct str step;

	if (!s.n || s.n > 255 || *s.p == '/' || str_find_char(s, '\0') >= 0)
		return false;
	while (str_cut(&s, '/', &step))
		if (!step.n || str_is(step, ".."))
			return false;
	return true;
}

static void load_tests(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_LIST))
		return;
	if (v->count > TESTS_MAX) {
		load_error(l, v, "bad-value", "at most %d test files",
			   TESTS_MAX);
		return;
	}
	f->tests = arena_array(l->arena, v->count + 1, sizeof(*f->tests));
	for (const struct yaml *c = v->child; f->tests && c; c = c->next) {
		if (!load_is(l, c, YAML_SCALAR))
			continue;
		if (is_beneath(c->text))
			f->tests[f->test_count++] =
				arena_str(l->arena, c->text);
		else
			load_error(l, c, "bad-file",
				   "`%.*s` is no path beneath the rule file's "
				   "folder",
				   STR_ARG(utf8_cut(c->text, 200)));
	}
}

static void load_claims(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_LIST))
		return;
	l->stage = STAGE_CLAIMS;
	f->claims_given = true;
	f->claims = arena_array(l->arena, v->count + 1, sizeof(*f->claims));
	for (const struct yaml *c = v->child; f->claims && c; c = c->next) {
		struct claim *claim = &f->claims[f->claim_count];

		claim->match.entry = MATCH_NO;
		load_match(l, c, &claim->match);
		if (!claim->match.root)
			continue;
		claim->where = load_where(l, c);
		claim->line = c->line;
		claim->column = c->column;
		match_weight(&claim->match, &claim->fields, &claim->prefix);
		f->claim_count++;
	}
}

/* ---- severity and env: {when, set} or {else} ---- */

struct reading {
	struct choice *choice;
	bool severity;
};

static void load_set(struct loader *l, const struct yaml *v, void *to)
{
	struct reading *r = to;
	int ignored;

	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (r->severity && str_find(v->text, STR("${")) < 0)
		load_severity(l, v, &ignored);
	load_template(l, v, &r->choice->set);
}

static void load_choice_when(struct loader *l, const struct yaml *v, void *to)
{
	struct reading *r = to;

	load_match(l, v, &r->choice->match);
}

static void load_otherwise(struct loader *l, const struct yaml *v, void *to)
{
	struct reading *r = to;

	r->choice->otherwise = true;
	load_set(l, v, to);
}

const struct key choice_keys[] = {
	{ "when", load_choice_when, 0 },
	{ "set", load_set, 0 },
	{ "else", load_otherwise, 0 },
	{ NULL, NULL, 0 },
};

static void read_choice(struct loader *l, const struct yaml *v,
			struct reading *r)
{
	r->choice->match.entry = MATCH_NO;
	r->choice->where = load_where(l, v);
	load_keys(l, v, choice_keys, r);
	if (v->type != YAML_MAP)
		return;
	if (!yaml_get(v, "else")) {
		load_needs(l, v, "when");
		load_needs(l, v, "set");
	} else if (v->count > 1) {
		load_error(l, v, "bad-value", "`else` stands alone");
	} else if (v->next) {
		load_error(l, v, "else-last",
			   "what stands behind `else` is "
			   "never reached: it must be the last");
	}
}

static struct choice *read_choices(struct loader *l, const struct yaml *v,
				   bool severity, size_t *count)
{
	struct choice *list;

	if (!load_is(l, v, YAML_LIST))
		return NULL;
	list = arena_array(l->arena, v->count + 1, sizeof(*list));
	for (const struct yaml *c = v->child; list && c; c = c->next) {
		struct reading r = { &list[(*count)++], severity };

		read_choice(l, c, &r);
	}
	return list;
}

static void load_severities(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	l->stage = STAGE_SEVERITY;
	f->severity = read_choices(l, v, true, &f->severity_count);
}

static void load_env(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	l->stage = STAGE_ENV;
	f->env = read_choices(l, v, false, &f->env_count);
}

#define AT(s) ((s) * sizeof(int))
const struct key priority_keys[] = {
	{ "critical", load_priority, AT(SEVERITY_CRITICAL) },
	{ "high", load_priority, AT(SEVERITY_HIGH) },
	{ "medium", load_priority, AT(SEVERITY_MEDIUM) },
	{ "low", load_priority, AT(SEVERITY_LOW) },
	{ NULL, NULL, 0 },
};
#undef AT

static void load_priorities(struct loader *l, const struct yaml *v, void *to)
{
	load_keys(l, v, priority_keys, to);
}

/* ---- guards ---- */

static void load_forbid(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "suppress", NULL };

	*(int *)to = load_word(l, v, words) == 0;
}

const struct key guard_keys[] = {
	{ "id", load_name, offsetof(struct guard, id) },
	{ "match", load_match, offsetof(struct guard, match) },
	{ "max_priority", load_priority, offsetof(struct guard, max_priority) },
	{ "forbid", load_forbid, offsetof(struct guard, forbid) },
	{ "max_window", load_span_some, offsetof(struct guard, max_window) },
	{ NULL, NULL, 0 },
};

static void read_guard(struct loader *l, const struct yaml *v, struct guard *g)
{
	g->match.entry = MATCH_NO;
	g->where = load_where(l, v);
	load_keys(l, v, guard_keys, g);
	load_needs(l, v, "id");
	load_needs(l, v, "match");
	if (v->type == YAML_MAP && !yaml_get(v, "forbid") &&
	    !yaml_get(v, "max_window") && !yaml_get(v, "max_priority"))
		load_error(l, v, "missing-key",
			   "`max_priority`, `forbid` or `max_window` is "
			   "missing: this guard guards nothing");
}

static void load_guards(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_LIST))
		return;
	l->stage = STAGE_GUARD;
	f->guards = arena_array(l->arena, v->count + 1, sizeof(*f->guards));
	for (const struct yaml *c = v->child; f->guards && c; c = c->next) {
		struct guard *g = &f->guards[f->guard_count++];

		read_guard(l, c, g);
		f->binds |= g->forbid || g->max_window;
		for (size_t i = 0; g->id.p && i + 1 < f->guard_count; i++)
			if (str_eq(f->guards[i].id, g->id))
				load_error(l, yaml_get(c, "id"), "duplicate-id",
					   "the guard `%.*s` is there already",
					   STR_ARG(g->id));
	}
}

/* ---- the whole file ---- */

#define FILE_AT(member) offsetof(struct rule_file, member)

const struct key file_keys[] = {
	{ "version", load_version, 0 },
	{ "team", load_name, FILE_AT(team) },
	{ "owners", load_owners, FILE_AT(owners) },
	{ "platform", load_bool, FILE_AT(platform) },
	{ "pack", load_bool, FILE_AT(pack) },
	{ "claims", load_claims, 0 },
	{ "defaults", load_defaults, FILE_AT(defaults) },
	{ "ci", load_ci, 0 },
	{ "severity", load_severities, 0 },
	{ "priority", load_priorities, FILE_AT(priority) },
	{ "policies", load_policies, 0 },
	{ "tests", load_tests, 0 },
	{ "windows", load_windows, 0 },
	{ "suppress", load_suppress, 0 },
	/* The platform file's own: */
	{ "env", load_env, 0 },
	{ "guards", load_guards, 0 },
	{ "catch_all", load_catch_all, FILE_AT(catch_all) },
	{ "blocks", load_nothing, 0 },
	{ "limits", load_limits, 0 },
	{ NULL, NULL, 0 },
};

static void check_platform_keys(struct loader *l, const struct yaml *root)
{
	static const char *const names[] = { "env",    "guards", "catch_all",
					     "blocks", "limits", NULL };

	for (int i = 0; names[i]; i++) {
		const struct yaml *v = yaml_get(root, names[i]);

		if (v)
			load_error_key(l, v, "platform-only",
				       "`%s` stands in "
				       "the file that says `platform: true`",
				       names[i]);
	}
}

void file_read(struct loader *l, struct rule_file *f, const struct yaml *root)
{
	const struct yaml *platform;

	body_init(&f->defaults);
	if (root->type == YAML_NULL) {
		load_error(l, root, "missing-key",
			   "the file is empty: it needs"
			   " at least `version: 1` and `team`");
		return;
	}
	load_keys(l, root, file_keys, f);
	if (root->type != YAML_MAP)
		return;
	load_needs(l, root, "version");
	load_needs(l, root, "team");
	platform = yaml_get(root, "platform");
	if (platform) {
		f->platform_line = platform->key_line;
		f->platform_column = platform->key_column;
	}
	if (f->platform != 1)
		check_platform_keys(l, root);
}

void file_read_blocks(struct loader *l, struct rule_file *f,
		      const struct yaml *root)
{
	const struct yaml *v = yaml_get(root, "blocks");

	if (v)
		load_blocks(l, v, f);
}

static const struct block *find_block(const struct rule_file *platform,
				      struct str name)
{
	for (size_t i = 0; platform && i < platform->block_count; i++)
		if (str_eq(platform->blocks[i].name, name))
			return &platform->blocks[i];
	return NULL;
}

static void unknown_block(struct loader *l, const struct yaml *use, size_t i,
			  struct str name, const struct rule_file *platform)
{
	size_t n = platform ? platform->block_count : 0;
	const char **names = calloc(n + 1, sizeof(*names));
	const struct yaml *at = use->child;
	const char *near;

	for (size_t k = 0; names && k < n; k++)
		names[k] = platform->blocks[k].name.p;
	near = names ? fault_nearest(name, names) : NULL;
	while (i-- && at->next)
		at = at->next;
	load_error(l, at, "unknown-block",
		   "the platform file has no block "
		   "`%.*s`%s%s%s",
		   STR_ARG(utf8_cut(name, 60)), near ? ", did you mean `" : "",
		   near ? near : "", near ? "`?" : "");
	free(names);
}

/* Where a policy and its blocks say when to open, they must say one thing. */
static void fill_from(struct loader *l, const struct yaml *v, struct policy *p,
		      const struct block *b)
{
	struct body both = p->body;

	if (both.open_after < 0)
		both.open_after = b->body.open_after;
	if (!both.open_when)
		both.open_when = b->body.open_when;
	check_opening(l, yaml_get(v, "use"), &both);
	body_fill(&p->body, &b->body);
}

void file_finish(struct loader *l, struct rule_file *f, const struct yaml *root,
		 const struct rule_file *platform)
{
	const struct yaml *list = yaml_get(root, "policies");
	const struct yaml *v = list ? list->child : NULL;

	/* A policy is an item of the list, in its order. */
	for (size_t i = 0; v && i < f->policy_count; i++, v = v->next) {
		struct policy *p = &f->policies[i];

		for (size_t k = 0; k < p->use_count; k++) {
			const struct block *b = find_block(platform, p->use[k]);

			if (b)
				fill_from(l, v, p, b);
			else
				unknown_block(l, yaml_get(v, "use"), k,
					      p->use[k], platform);
		}
		body_fill(&p->body, &f->defaults);
		p->file = f;
	}
	suppress_finish(l, f, root);
}
