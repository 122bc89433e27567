/* From sources to one compiled set. */
#include "rule/rule.h"

#include <stdlib.h>

#include "base/encode.h"
#include "base/map.h"
#include "rule/digest.h"
#include "rule/kept.h"
#include "rule/set.h"

/* Each source is bounded by yaml_read(); how many there are is up to whoever
 * starts the agent. */
#define ARENA_MAX (SIZE_MAX / 2)

struct loading {
	struct ruleset *set;
	struct arena *trees;
	struct map *refs;
	struct faults *faults;
	struct digest *digest;
	const struct rule_source *sources;
	const struct yaml **roots;
	struct rule_file *files; /* of all sources */
	size_t count;
};

static struct loader loader_for(struct loading *g, size_t i)
{
	return (struct loader){
		.arena = g->set->arena,
		.faults = g->faults,
		.refs = g->refs,
		.slots = &g->set->slots,
		.digest = g->digest,
		.regexes = &g->set->regexes,
		.file = g->sources[i].name,
		.directory = g->sources[i].directory,
		.source = &g->sources[i],
		.source_at = i,
		.kept = g->set->kept,
	};
}

static struct str base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return str_from(slash ? slash + 1 : path);
}

/* What is bad in the YAML itself makes the file bad, yet is read on. */
static void read_tree(struct loading *g, size_t i)
{
	struct rule_file *f = &g->files[i];
	size_t errors = g->faults->errors;

	digest_add(g->digest, str_from(g->sources[i].name));
	digest_add(g->digest, g->sources[i].text);
	f->name = arena_cstr(g->set->arena, str_from(g->sources[i].name));
	f->base = arena_str(g->set->arena, base_name(g->sources[i].name));
	g->roots[i] = yaml_read_on(g->trees, g->sources[i].text,
				   g->sources[i].name, g->faults);
	f->read = g->roots[i];
	f->bad = !f->read || g->faults->errors != errors;
}

static bool says_platform(const struct yaml *root)
{
	const struct yaml *v = root ? yaml_get(root, "platform") : NULL;
	bool b = false;

	return v && yaml_bool(&b, v) == 0 && b;
}

/* The first that says so; a second one is a fault. */
static const struct rule_file *find_platform(struct loading *g)
{
	const struct rule_file *first = NULL;

	for (size_t i = 0; i < g->count; i++) {
		struct loader l = loader_for(g, i);

		if (!says_platform(g->roots[i]))
			continue;
		if (first) {
			load_error_key(&l, yaml_get(g->roots[i], "platform"),
				       "two-platforms",
				       "%s says `platform: "
				       "true` already, and only one file may",
				       first->name);
			g->files[i].bad = true;
			continue;
		}
		first = &g->files[i];
		/* Before all policies, which use them wherever they stand. */
		file_read_blocks(&l, &g->files[i], g->roots[i]);
		g->files[i].bad |= l.errors > 0;
	}
	return first;
}

static void read_files(struct loading *g)
{
	const struct rule_file *platform = find_platform(g);

	for (size_t i = 0; i < g->count; i++) {
		struct rule_file *f = &g->files[i];
		struct loader l = loader_for(g, i);

		if (!f->read)
			continue;
		file_read(&l, f, g->roots[i]);
		file_finish(&l, f, g->roots[i], platform);
		f->bad |= l.errors > 0;
		if (!f->bad)
			lint_file(&l, f);
	}
	claims_prove(g->faults, g->files, g->count);
	claims_settle(g->files, g->count);
}

/* The only policy of a file that has none. */
static bool add_default_policy(struct ruleset *r, struct rule_file *f)
{
	struct policy *p;
	struct cond *all;

	if (f->policies_given || (!f->owns_all && !f->claim_count))
		return true;
	p = arena_alloc(r->arena, sizeof(*p));
	all = arena_alloc(r->arena, sizeof(*all));
	if (!p || !all)
		return false;
	all->kind = COND_ALL;
	if (!match_compile(&p->match, r->arena, all))
		return false;
	p->id = STR("built-in");
	p->where = arena_printf(r->arena, "%.*s:1", STR_ARG(f->base));
	p->line = 1;
	p->body = f->defaults;
	f->policies = p;
	f->policy_count = 1;
	return true;
}

static bool chain_policies(struct ruleset *r, struct rule_file *f)
{
	const struct match **matches =
		arena_array(r->arena, f->policy_count + 1, sizeof(*matches));

	for (size_t i = 0; matches && i < f->policy_count; i++) {
		f->policies[i].file = f;
		matches[i] = &f->policies[i].match;
	}
	if (!matches ||
	    !index_compile(&f->index, r->arena, matches, f->policy_count))
		return false;
	return f->index.count ||
	       chain_compile(&f->chain, r->arena, matches, f->policy_count);
}

static bool keep_good(struct loading *g, bool *bad)
{
	struct ruleset *r = g->set;

	r->files = arena_array(r->arena, g->count + 1, sizeof(*r->files));
	if (!r->files)
		return false;
	for (size_t i = 0; i < g->count; i++) {
		struct rule_file *f = &r->files[r->file_count];

		if (bad)
			bad[i] = g->files[i].bad;
		if (g->files[i].bad)
			continue;
		*f = g->files[i];
		if (!add_default_policy(r, f) || !chain_policies(r, f))
			return false;
		if (f->platform == 1)
			r->platform = f;
		r->file_count++;
	}
	return true;
}

static void set_builtin(struct ruleset *r)
{
	const struct rule_file *f = r->platform;

	r->builtin = (struct policy){ .id = STR("built-in"),
				      .where = STR("built-in") };
	r->catch_all = (struct policy){ .id = STR("catch-all"),
					.where = STR("built-in") };
	body_init(&r->builtin.body);
	body_init(&r->catch_all.body);
	if (f && f->catch_all)
		r->catch_all = *f->catch_all;
	if (f)
		body_fill(&r->catch_all.body, &f->defaults);
	r->catch_all.file = f;
	r->own = r->builtin;
	r->own.id = STR("tocsin");
	/* Whose work what nobody claims is, this is too. */
	r->own.body.assignment_group = r->catch_all.body.assignment_group;
	r->own.body.category = r->catch_all.body.category;
	r->own.body.subcategory = r->catch_all.body.subcategory;
}

/* A counter for each policy, the two built-in ones last. */
static bool count_policies(struct ruleset *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->file_count; i++)
		n += r->files[i].policy_count;
	r->policies = arena_array(r->arena, n + 2, sizeof(*r->policies));
	r->hits = arena_array(r->arena, n + 3, sizeof(*r->hits));
	if (!r->policies || !r->hits)
		return false;
	n = 0;
	for (size_t i = 0; i < r->file_count; i++)
		for (size_t k = 0; k < r->files[i].policy_count; k++) {
			r->files[i].policies[k].hit = n;
			r->policies[n++] = &r->files[i].policies[k];
		}
	r->catch_all.hit = n;
	r->policies[n++] = &r->catch_all;
	if (r->empty) {
		r->builtin.hit = n;
		r->policies[n++] = &r->builtin;
	}
	r->policy_count = n;
	r->own.hit = n;		/* counted, and shown to nobody */
	return true;
}

/* Is severity or CI of some alarm left to the built-in pattern? */
static bool leaves_to_builtin(const struct rule_file *f)
{
	if (!f->ci_given)
		return true;
	for (size_t i = 0; i < f->severity_count; i++)
		if (f->severity[i].otherwise)
			return false;
	return true;
}

static void note_needs(struct loading *g)
{
	struct ruleset *r = g->set;
	struct str path;
	size_t at = 0;
	void *ref;

	r->reads_tags = r->empty;
	while (map_next(g->refs, &at, &path, &ref))
		if (((const struct ref *)ref)->id == FIELD_TAG)
			r->reads_tags = true;
	for (size_t i = 0; i < r->file_count; i++)
		if (leaves_to_builtin(&r->files[i]))
			r->reads_tags = true;
	for (size_t i = 0; i < r->policy_count; i++)
		if (r->policies[i]->body.insufficient == INSUFFICIENT_OPEN)
			r->opens_insufficient = true;
}

static bool load(struct loading *g, bool *bad)
{
	struct buf hex = BUF_INIT(64);
	struct ruleset *r = g->set;
	bool good;

	for (size_t i = 0; i < g->count; i++)
		read_tree(g, i);
	read_files(g);
	good = keep_good(g, bad);
	if (good) {
		set_builtin(r);
		good = count_policies(r) && suppress_settle(r) &&
		       claims_index(r);
	}
	digest_end(g->digest, &hex, 64);
	g->digest = NULL;
	good = good && hex.n == 64 && !arena_error(r->arena) &&
	       !arena_error(g->trees);
	if (good)
		note_needs(g);
	if (good)
		memcpy(r->hash, hex.p, 64);
	buf_fini(&hex);
	return good;
}

struct ruleset *ruleset_load(const struct rule_source *sources, size_t count,
			     struct faults *faults, bool *bad)
{
	struct loading g = { .sources = sources,
			     .count = count,
			     .faults = faults };
	struct ruleset *r = calloc(1, sizeof(*r));
	bool good = false;

	if (!r)
		return NULL;
	r->refs = 1;
	r->empty = count == 0;
	r->arena = arena_new(ARENA_MAX);
	g.set = r;
	g.trees = arena_new(ARENA_MAX);
	g.refs = map_new();
	g.digest = digest_new();
	if (r->arena)
		r->kept = kept_new(r->arena, sources, count);
	if (r->kept && g.trees && g.refs && g.digest) {
		g.roots = arena_array(g.trees, count + 1, sizeof(*g.roots));
		g.files = arena_array(g.trees, count + 1, sizeof(*g.files));
		good = g.roots && g.files && load(&g, bad);
	}
	if (g.digest)
		digest_end(g.digest, &(struct buf){ 0 }, 0);
	map_free(g.refs);
	arena_free(g.trees);
	if (good)
		return r;
	ruleset_free(r);
	return NULL;
}

struct ruleset *ruleset_ref(struct ruleset *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void ruleset_free(struct ruleset *r)
{
	if (!r || atomic_fetch_sub(&r->refs, 1) > 1)
		return;
	for (size_t i = 0; i < r->regexes.count; i++)
		regex_free(r->regexes.list[i]);
	free(r->regexes.list);
	regex_pool_fini(&r->pool);
	arena_free(r->arena);
	free(r);
}

bool ruleset_reads_tags(const struct ruleset *r)
{
	return r->reads_tags;
}

bool ruleset_opens_insufficient(const struct ruleset *r)
{
	return r->opens_insufficient;
}

size_t ruleset_files(const struct ruleset *r)
{
	return r->file_count;
}

void ruleset_file(const struct ruleset *r, size_t i, struct rule_stats *out)
{
	const struct rule_file *f = &r->files[i];

	*out = (struct rule_stats){ f->name, f->team.p, f->policy_count };
}

size_t ruleset_tests(const struct ruleset *r, size_t i, const struct str **out)
{
	*out = r->files[i].tests;
	return r->files[i].test_count;
}

const char *ruleset_hash(const struct ruleset *r)
{
	return r->hash;
}

size_t ruleset_hits(const struct ruleset *r)
{
	return r->policy_count;
}

void ruleset_hit(const struct ruleset *r, size_t i, struct rule_hit *out)
{
	const struct policy *p = r->policies[i];
	const struct rule_file *f = p->file;

	*out = (struct rule_hit){
		.file = f ? f->name : "built-in",
		.team = f ? f->team.p : "platform",
		.policy = p->id.p,
		.line = p->line,
		.hits = atomic_load_explicit(&r->hits[i], memory_order_relaxed),
	};
}

uint64_t ruleset_regex_limits(const struct ruleset *r)
{
	return atomic_load_explicit(&r->pool.limits, memory_order_relaxed);
}

uint64_t ruleset_claim_ties(const struct ruleset *r)
{
	return atomic_load_explicit(&r->ties, memory_order_relaxed);
}
