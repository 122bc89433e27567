/* Who may decide what: proofs at load, the more specific claim at run time. */
#include <stdlib.h>

#include "rule/set.h"

/* Files that are meant to own alarms. What couldn't be read may be one. */
static bool candidate(const struct rule_file *f)
{
	return !f->read || f->platform != 1 || f->policies_given ||
	       f->claims_given;
}

/* What ships for everybody leaves alarms to the files of teams. */
static bool gives_way(const struct rule_file *f)
{
	return f->pack == 1;
}

static size_t candidates(const struct rule_file *files, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += candidate(&files[i]);
	return n;
}

/* One fault in each file, so that each team's own check shows it. */
static void add_overlap(struct faults *faults, struct rule_file *f,
			const struct claim *p, struct rule_file *g,
			const struct claim *q, bool proven)
{
	if (!proven) {
		fault_add(faults, FAULT_WARNING, "claims-may-overlap", g->name,
			  q->line, q->column,
			  "this claim and that of %s:%d "
			  "may both hold for an alarm; then the more specific "
			  "one decides",
			  f->name, p->line);
		return;
	}
	fault_add(faults, FAULT_ERROR, "claims-overlap", f->name, p->line,
		  p->column, "this claim overlaps with that of %s:%d", g->name,
		  q->line);
	fault_add(faults, FAULT_ERROR, "claims-overlap", g->name, q->line,
		  q->column, "this claim overlaps with that of %s:%d", f->name,
		  p->line);
	f->bad = g->bad = true;
}

/* The first proven overlap of two files, else the first possible one. */
static void prove_pair(struct faults *faults, struct rule_file *f,
		       struct rule_file *g)
{
	const struct claim *maybe_p = NULL, *maybe_q = NULL;
	bool maybe = false;

	if (gives_way(f) != gives_way(g))
		return;
	for (size_t i = 0; i < f->claim_count; i++)
		for (size_t k = 0; k < g->claim_count; k++) {
			const struct claim *p = &f->claims[i];
			const struct claim *q = &g->claims[k];
			enum overlap o = match_overlap(&p->match, &q->match);

			if (o == OVERLAP_YES) {
				add_overlap(faults, f, p, g, q, true);
				return;
			}
			if (o == OVERLAP_UNKNOWN && !maybe) {
				maybe = true;
				maybe_p = p;
				maybe_q = q;
			}
		}
	if (maybe)
		add_overlap(faults, f, maybe_p, g, maybe_q, false);
}

/*
 * Most files differ in one field's first characters, mostly the alarm's name:
 * sorted by them, only those that begin alike need a closer look.
 */
struct head {
	struct str text;
	size_t file;
};

struct heads {
	struct head *list;
	size_t count;
	bool *keyed;	 /* each file: all its claims have heads */
	uint64_t *alike; /* a bit for each pair of files */
	size_t files;
};

static const struct pattern *pattern_on(const struct claim *c,
					const struct ref *ref)
{
	const struct cond *root = c->match.root;

	for (size_t i = 0; i < root->count; i++)
		if (root->child[i]->kind == COND_TEST &&
		    root->child[i]->ref == ref)
			return &root->child[i]->pattern;
	return NULL;
}

/* The field that the first claim with a head asks; NULL: there is none. */
static const struct ref *common_field(const struct rule_file *files,
				      size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < files[i].claim_count; k++) {
			const struct cond *c = files[i].claims[k].match.root;

			for (size_t n = 0; n < c->count; n++)
				if (c->child[n]->kind == COND_TEST &&
				    pattern_prefix(&c->child[n]->pattern) &&
				    str_is(c->child[n]->ref->path, "alarm"))
					return c->child[n]->ref;
		}
	return NULL;
}

static size_t heads_of(const struct pattern *p, const struct pattern **items)
{
	*items = p->kind == PATTERN_LIST ? p->list->items : p;
	return p->kind == PATTERN_LIST ? p->list->count : 1;
}

static size_t count_heads(const struct rule_file *f, const struct ref *ref)
{
	const struct pattern *items;
	size_t n = 0;

	for (size_t k = 0; k < f->claim_count; k++) {
		const struct pattern *p = pattern_on(&f->claims[k], ref);

		if (!p || !pattern_prefix(p))
			return 0;
		n += heads_of(p, &items);
	}
	return n;
}

static void add_heads(struct heads *h, size_t file, const struct rule_file *f,
		      const struct ref *ref)
{
	for (size_t k = 0; k < f->claim_count; k++) {
		const struct pattern *items;
		size_t n = heads_of(pattern_on(&f->claims[k], ref), &items);

		for (size_t i = 0; i < n; i++)
			h->list[h->count++] = (struct head){
				str_sub(items[i].text, 0,
					pattern_prefix(&items[i])),
				file
			};
	}
}

static int by_head(const void *a, const void *b)
{
	return str_cmp(((const struct head *)a)->text,
		       ((const struct head *)b)->text);
}

static bool begins(struct str s, struct str prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

static void set_alike(struct heads *h, size_t a, size_t b)
{
	size_t at = a * h->files + b;

	h->alike[at / 64] |= UINT64_C(1) << at % 64;
	at = b * h->files + a;
	h->alike[at / 64] |= UINT64_C(1) << at % 64;
}

static void heads_fini(struct heads *h)
{
	free(h->list);
	free(h->keyed);
	free(h->alike);
	*h = (struct heads){ NULL, 0, NULL, NULL, 0 };
}

/* Without memory for it nothing is known apart, and all is compared. */
static void heads_init(struct heads *h, const struct rule_file *files,
		       size_t count)
{
	const struct ref *ref = common_field(files, count);
	size_t n = 0;

	*h = (struct heads){ NULL, 0, NULL, NULL, count };
	if (!ref || count < 2 || count > 10000)
		return;
	for (size_t i = 0; i < count; i++)
		n += count_heads(&files[i], ref);
	h->list = calloc(n + 1, sizeof(*h->list));
	h->keyed = calloc(count, sizeof(*h->keyed));
	h->alike = calloc(count * count / 64 + 1, sizeof(*h->alike));
	if (!h->list || !h->keyed || !h->alike) {
		heads_fini(h);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		h->keyed[i] = count_heads(&files[i], ref) > 0;
		if (h->keyed[i])
			add_heads(h, i, &files[i], ref);
	}
	qsort(h->list, h->count, sizeof(*h->list), by_head);
	for (size_t i = 0; i < h->count; i++)
		for (size_t k = i + 1;
		     k < h->count &&
		     begins(h->list[k].text, h->list[i].text);
		     k++)
			set_alike(h, h->list[i].file, h->list[k].file);
}

/* Do the two files provably share no alarm, by how their names begin? */
static bool apart(const struct heads *h, size_t a, size_t b)
{
	size_t at = a * h->files + b;

	return h->keyed && h->keyed[a] && h->keyed[b] &&
	       !(h->alike[at / 64] >> at % 64 & 1);
}

void claims_prove(struct faults *faults, struct rule_file *files, size_t count)
{
	size_t many = candidates(files, count);
	struct heads heads;

	heads_init(&heads, files, count);

	for (size_t i = 0; i < count; i++) {
		struct rule_file *f = &files[i];

		for (size_t k = i + 1; k < count; k++)
			if (!apart(&heads, i, k))
				prove_pair(faults, f, &files[k]);
		if (!f->read || f->claims_given || !candidate(f) || many == 1)
			continue;
		if (f->platform == 1) {
			fault_add(faults, FAULT_WARNING, "never-decides",
				  f->name, 1, 1,
				  "these policies decide "
				  "nothing: there are other files, and this "
				  "one has no `claims`");
			continue;
		}
		fault_add(faults, FAULT_ERROR, "claims-missing", f->name, 1, 1,
			  "`claims` is missing: a file owns everything only "
			  "where it is the only one of a team");
		f->bad = true;
	}
	heads_fini(&heads);
}

void claims_settle(struct rule_file *files, size_t count)
{
	size_t many = candidates(files, count);

	for (size_t i = 0; i < count; i++) {
		struct rule_file *f = &files[i];

		if (f->claims_given)
			continue;
		f->owns_all =
			candidate(f) ? many == 1 : count == 1 && !f->catch_all;
	}
}

static bool heavier(const struct claim *a, const struct claim *b)
{
	return a->fields != b->fields ? a->fields > b->fields
				      : a->prefix > b->prefix;
}

struct search {
	const struct rule_file *owner, *other; /* other: claims it too */
	const struct claim *best;
	const struct rule_file *pack;	       /* one that gave way */
};

/* Equal weight: the earlier file keeps it. */
static void try_claim(struct search *s, const struct rule_file *f,
		      const struct claim *c)
{
	if (s->owner && gives_way(s->owner) != gives_way(f)) {
		if (gives_way(f))
			s->pack = f;
		else
			*s = (struct search){ f, NULL, c, s->owner };
		return;
	}
	if (s->owner && s->owner != f)
		s->other = s->other ? s->other : f;
	if (s->best && !heavier(c, s->best))
		return;
	if (s->owner && s->owner != f)
		s->other = s->owner;
	s->owner = f;
	s->best = c;
}

static void trace_tie(struct trace *t, const struct search *s)
{
	if (t && s->pack)
		trace_add(t, s->best->where,
			  arena_printf(t->arena, "claims of %.*s",
				       STR_ARG(s->owner->base)),
			  true,
			  arena_printf(t->arena,
				       "%.*s claims it too, and gives way: it "
				       "is a pack",
				       STR_ARG(s->pack->base)));
	if (!t || !s->other)
		return;
	trace_add(t, s->best->where,
		  arena_printf(t->arena, "claims of %.*s",
			       STR_ARG(s->owner->base)),
		  true,
		  arena_printf(t->arena,
			       "%.*s claims it too; this claim is "
			       "more specific (%zu fields, %zu fixed "
			       "characters) or stands first",
			       STR_ARG(s->other->base), s->best->fields,
			       s->best->prefix));
}

bool claims_index(struct ruleset *r)
{
	const struct match **matches;
	struct claimed *list;
	size_t n = 0;

	for (size_t i = 0; i < r->file_count; i++) {
		n += r->files[i].claim_count;
		if (r->files[i].owns_all)
			r->owner_of_all = &r->files[i];
	}
	matches = arena_array(r->arena, n + 1, sizeof(*matches));
	list = arena_array(r->arena, n + 1, sizeof(*list));
	if (!matches || !list)
		return false;
	n = 0;
	for (size_t i = 0; i < r->file_count; i++)
		for (size_t k = 0; k < r->files[i].claim_count; k++) {
			list[n] = (struct claimed){ &r->files[i],
						    &r->files[i].claims[k] };
			matches[n] = &list[n].claim->match;
			n++;
		}
	r->claimed = list;
	return index_compile(&r->claims, r->arena, matches, n);
}

static void search_indexed(struct search *s, const struct ruleset *r,
			   struct run *run)
{
	const struct index *x = &r->claims;
	struct marks marks;
	size_t i = index_mark(&marks, x, run) ? index_next(x, &marks, 0)
					      : x->count;

	for (; i < x->count; i = index_next(x, &marks, i + 1))
		if (match_run(&x->matches[i], run))
			try_claim(s, r->claimed[i].file, r->claimed[i].claim);
}

static void search_each(struct search *s, const struct ruleset *r,
			struct run *run, struct trace *trace)
{
	for (size_t i = 0; i < r->file_count; i++) {
		const struct rule_file *f = &r->files[i];

		for (size_t k = 0; k < f->claim_count; k++) {
			const struct claim *c = &f->claims[k];

			if (match_run(&c->match, run))
				try_claim(s, f, c);
			if (trace)
				trace_match(trace, c->where, STR("claim"),
					    &c->match, run);
		}
	}
}

const struct rule_file *claims_decide(const struct ruleset *r, struct run *run,
				      struct trace *trace)
{
	struct search s = { NULL, NULL, NULL, NULL };

	if (r->claims.count && !trace)
		search_indexed(&s, r, run);
	else
		search_each(&s, r, run, trace);
	if (s.other)
		atomic_fetch_add_explicit((_Atomic uint64_t *)&r->ties, 1,
					  memory_order_relaxed);
	trace_tie(trace, &s);
	return s.owner ? s.owner : r->owner_of_all;
}
