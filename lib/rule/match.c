#include "rule/match.h"

#include <stdlib.h>

#include "base/encode.h"
#include "doc/jsonw.h"

#define SHOWN 200     /* bytes of a value */
#define WHY_MAX 16384 /* of an explanation */

static size_t count_tests(const struct cond *c)
{
	size_t n = c->kind == COND_TEST;

	for (size_t i = 0; i < c->count; i++)
		n += count_tests(c->child[i]);
	return n;
}

static int cost(const struct cond *c)
{
	static const int costs[] = {
		[PATTERN_LITERAL] = 1, [PATTERN_PREFIX] = 1,
		[PATTERN_GLOB] = 4,    [PATTERN_REGEX] = 100,
		[PATTERN_RANGE] = 3,   [PATTERN_PRESENT] = 1,
		[PATTERN_ABSENT] = 1,  [PATTERN_LIST] = 3,
	};
	int sum = 0;

	if (c->kind == COND_TEST) {
		sum = costs[c->pattern.kind];
		if (c->pattern.kind == PATTERN_LIST)
			for (size_t i = c->pattern.list->literals;
			     i < c->pattern.list->count && sum < 1000; i++)
				sum += costs[c->pattern.list->items[i].kind];
		return sum + (c->ref->id == FIELD_DIRECT    ? 0
			      : c->ref->id == FIELD_PAYLOAD ? 10
							    : 2);
	}
	for (size_t i = 0; i < c->count && sum < 100000; i++)
		sum += cost(c->child[i]);
	return sum;
}

static int by_cost(const void *a, const void *b)
{
	const struct cond *const *x = a, *const *y = b;

	return cost(*x) - cost(*y);
}

/*
 * Emitted from the last test to the first, so that a jump's target is always
 * known. Returns where to enter.
 */
static int emit(struct op *ops, int *n, const struct cond *c, int yes, int no,
		bool negated)
{
	switch (c->kind) {
	case COND_TEST:
		ops[*n] = (struct op){ c->pattern, c->ref, yes, no, negated };
		return (*n)++;
	case COND_ALL:
		if (c->count > 1)
			qsort(c->child, c->count, sizeof(*c->child), by_cost);
		for (size_t i = c->count; i-- > 0;)
			yes = emit(ops, n, c->child[i], yes, no, negated);
		return yes;
	case COND_ANY:
		for (size_t i = c->count; i-- > 0;)
			no = emit(ops, n, c->child[i], yes, no, negated);
		return no;
	case COND_NOT:
		return emit(ops, n, c->child[0], no, yes, !negated);
	}
	return no;
}

bool match_compile(struct match *out, struct arena *arena, struct cond *root)
{
	struct op *ops =
		arena_array(arena, count_tests(root) + 1, sizeof(*ops));
	int n = 0;

	if (!ops)
		return false;
	out->root = root;
	out->ops = ops;
	out->entry = emit(ops, &n, root, MATCH_YES, MATCH_NO, false);
	return true;
}

/* Where a chain ends: the index of what matched, as a jump out of it. */
#define HIT(i) (-1 - (int)(i))

bool chain_compile(struct chain *out, struct arena *arena,
		   const struct match *const *matches, size_t count)
{
	struct op *ops;
	size_t total = 0;
	int n = 0;

	for (size_t i = 0; i < count; i++)
		total += count_tests(matches[i]->root);
	ops = arena_array(arena, total + 1, sizeof(*ops));
	if (!ops)
		return false;
	out->ops = ops;
	out->entry = HIT(count);
	for (size_t i = count; i-- > 0;)
		out->entry = emit(ops, &n, matches[i]->root, HIT(i), out->entry,
				  false);
	return true;
}

/* The two kinds that most rules are made of, without a call. */
static inline bool test(const struct op *op, struct run *run)
{
	const struct pattern *p = &op->pattern;
	struct str value;

	if (p->kind > PATTERN_PREFIX)
		return pattern_match(p, run, op->ref);
	value = facts_get(run->facts, op->ref);
	if (!value.p || value.n < p->text.n ||
	    (p->kind == PATTERN_LITERAL && value.n != p->text.n))
		return false;
	return p->text.n == 0 || (*p->text.p == *value.p &&
				  memcmp(p->text.p, value.p, p->text.n) == 0);
}

static int run_ops(const struct op *ops, int at, struct run *run)
{
	while (at >= 0)
		at = test(&ops[at], run) ? ops[at].yes : ops[at].no;
	return at;
}

bool match_run(const struct match *m, struct run *run)
{
	return run_ops(m->ops, m->entry, run) == MATCH_YES;
}

size_t chain_run(const struct chain *c, size_t count, struct run *run)
{
	size_t hit = (size_t)(-1 - run_ops(c->ops, c->entry, run));

	return hit < count ? hit : count;
}

static void put_test(struct buf *out, const struct op *op, struct run *run,
		     bool yes, bool limit)
{
	struct str value = facts_get(run->facts, op->ref);
	enum pattern_kind kind = op->pattern.kind;

	buf_put_str(out, op->ref->path);
	if (kind == PATTERN_PRESENT || kind == PATTERN_ABSENT) {
		buf_printf(out, " is %s", value.p ? "there" : "not there");
	} else if (limit) {
		buf_puts(out, ": ");
		pattern_put(out, &op->pattern);
		buf_puts(out, " took too many steps, so it does not match");
	} else if (!value.p) {
		buf_puts(out, " is not there, so it does not match ");
		pattern_put(out, &op->pattern);
	} else {
		buf_puts(out, ": ");
		jsonw_put_quoted(out, utf8_cut(value, SHOWN));
		if (kind == PATTERN_RANGE)
			buf_puts(out, yes ? " is " : " is not ");
		else
			buf_puts(out, yes ? " matches " : " does not match ");
		pattern_put(out, &op->pattern);
	}
}

bool match_explain(const struct match *m, struct run *run, struct buf *why)
{
	struct buf last = BUF_INIT(WHY_MAX);
	size_t start = why->n;
	int at = m->entry;

	if (match_always(m))
		buf_puts(why, "matches everything");
	while (at >= 0) {
		const struct op *op = &m->ops[at];
		unsigned limits = run->limits;
		bool yes = pattern_match(&op->pattern, run, op->ref);

		buf_reset(&last);
		put_test(&last, op, run, yes, run->limits != limits);
		at = yes ? op->yes : op->no;
		/* What speaks for the match; in the end, what spoke against. */
		if (yes != op->negated && at != MATCH_NO &&
		    why->n + last.n < WHY_MAX) {
			buf_puts(why, why->n > start ? ", " : "");
			buf_put_str(why, buf_str(&last));
		}
	}
	if (at == MATCH_NO) {
		buf_truncate(why, start);
		buf_put_str(why, buf_str(&last));
	}
	buf_fini(&last);
	return at == MATCH_YES;
}

/* The direct test of a field, where c has one. */
static const struct cond *test_of(const struct cond *c, const struct ref *ref)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->child[i]->kind == COND_TEST && c->child[i]->ref == ref)
			return c->child[i];
	return NULL;
}

/* Does a `not` of one field in a leave out all that b allows there? */
static bool leaves_out(const struct cond *a, const struct cond *b)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct cond *c = a->child[i], *p, *q;

		if (c->kind != COND_NOT || c->child[0]->count != 1)
			continue;
		p = c->child[0]->child[0];
		q = p->kind == COND_TEST ? test_of(b, p->ref) : NULL;
		if (q && pattern_covers(&p->pattern, &q->pattern))
			return true;
	}
	return false;
}

enum overlap match_overlap(const struct match *a, const struct match *b)
{
	bool same = a->root->count == b->root->count;
	enum overlap sum = OVERLAP_YES;

	if (leaves_out(a->root, b->root) || leaves_out(b->root, a->root))
		return OVERLAP_NO;
	for (size_t i = 0; i < a->root->count; i++) {
		const struct cond *p = a->root->child[i], *q;
		enum overlap o;

		q = p->kind == COND_TEST ? test_of(b->root, p->ref) : NULL;
		same = same && q;
		o = q ? pattern_overlap(&p->pattern, &q->pattern)
		      : OVERLAP_UNKNOWN;
		if (o == OVERLAP_NO)
			return o;
		sum = o == OVERLAP_UNKNOWN ? o : sum;
	}
	return same ? sum : OVERLAP_UNKNOWN;
}

bool match_covers(const struct match *a, const struct match *b)
{
	for (size_t i = 0; i < a->root->count; i++) {
		const struct cond *p = a->root->child[i], *q;

		q = p->kind == COND_TEST ? test_of(b->root, p->ref) : NULL;
		if (!q || !pattern_covers(&p->pattern, &q->pattern))
			return false;
	}
	return true;
}

void match_weight(const struct match *m, size_t *fields, size_t *prefix)
{
	*fields = m->root->count;
	*prefix = 0;
	for (size_t i = 0; i < m->root->count; i++)
		if (m->root->child[i]->kind == COND_TEST)
			*prefix += pattern_prefix(&m->root->child[i]->pattern);
}
