/* Who may decide what: proofs at load, the more specific claim at run time. */
#include "rule/set.h"

/* Files that are meant to own alarms. What couldn't be read may be one. */
static bool candidate(const struct rule_file *f)
{
	return !f->read || f->platform != 1 || f->policies_given ||
	       f->claims_given;
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

void claims_prove(struct faults *faults, struct rule_file *files, size_t count)
{
	size_t many = candidates(files, count);

	for (size_t i = 0; i < count; i++) {
		struct rule_file *f = &files[i];

		for (size_t k = i + 1; k < count; k++)
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
};

/* Equal weight: the earlier file keeps it. */
static void try_claim(struct search *s, const struct rule_file *f,
		      const struct claim *c)
{
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
	if (!t)
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

const struct rule_file *claims_decide(const struct ruleset *r, struct run *run,
				      struct trace *trace)
{
	struct search s = { NULL, NULL, NULL };
	const struct rule_file *all = NULL;

	for (size_t i = 0; i < r->file_count; i++) {
		const struct rule_file *f = &r->files[i];

		all = f->owns_all ? f : all;
		for (size_t k = 0; k < f->claim_count; k++) {
			const struct claim *c = &f->claims[k];

			if (match_run(&c->match, run))
				try_claim(&s, f, c);
			if (trace)
				trace_match(trace, c->where, STR("claim"),
					    &c->match, run);
		}
	}
	if (s.other) {
		atomic_fetch_add_explicit((_Atomic uint64_t *)&r->ties, 1,
					  memory_order_relaxed);
		trace_tie(trace, &s);
	}
	return s.owner ? s.owner : all;
}
