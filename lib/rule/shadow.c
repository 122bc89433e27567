/*
 * Which policies are never reached, as an earlier one matches all that they
 * do. Of each policy one test is noted in a table, by a text that every value
 * it accepts begins with: a later policy looks up only what its own texts
 * begin with.
 */
#include <stdlib.h>

#include "rule/set.h"

/* So that files made to be slow load in a blink too. */
#define COMPARISONS 200000
#define NONE UINT32_MAX

struct note {
	uint64_t hash;
	uint32_t policy, next;
};

struct shadows {
	const struct policy *policies;
	uint32_t *heads;	/* of a chain each; by hash */
	uint32_t *counts;	/* tests that could be noted there */
	struct note *notes;
	size_t mask, note_count, left;
	bool lengths[PATTERN_TEXT + 1]; /* of texts noted */
	uint32_t always;	/* the first that matches everything */
};

/* What two patterns must share for one to cover the other, beside a text. */
enum { AS_TEXT, AS_REGEX, AS_RANGE, AS_PRESENT, AS_ABSENT };

static int kind_of(const struct pattern *p)
{
	switch (p->kind) {
	case PATTERN_REGEX:
		return AS_REGEX;
	case PATTERN_RANGE:
		return AS_RANGE;
	case PATTERN_PRESENT:
		return AS_PRESENT;
	case PATTERN_ABSENT:
		return AS_ABSENT;
	default:
		return AS_TEXT;
	}
}

static uint64_t start(const struct ref *ref, int kind)
{
	return ((uint64_t)(uintptr_t)ref ^ (uint64_t)kind) *
	       UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t hash_more(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static size_t slot_of(const struct shadows *s, uint64_t h)
{
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 32) & s->mask;
}

/* What every value that it accepts begins with; a regex: all of it. */
static struct str text_of(const struct pattern *p)
{
	if (p->kind == PATTERN_REGEX)
		return p->text;
	return str_sub(p->text, 0, pattern_prefix(p));
}

static uint64_t hash_of(const struct ref *ref, const struct pattern *p)
{
	struct str text = text_of(p);
	uint64_t h = start(ref, kind_of(p));

	for (size_t i = 0; i < text.n; i++)
		h = hash_more(h, text.p[i]);
	return h;
}

static const struct pattern *items_of(const struct pattern *p, size_t *n)
{
	*n = p->kind == PATTERN_LIST ? p->list->count : 1;
	return p->kind == PATTERN_LIST ? p->list->items : p;
}

/* ---- noting ---- */

/* With any or not in it, a policy is never proven to cover another. */
static bool plain(const struct cond *root)
{
	for (size_t i = 0; i < root->count; i++)
		if (root->child[i]->kind != COND_TEST)
			return false;
	return true;
}

static void count_test(struct shadows *s, const struct cond *c, size_t *notes)
{
	size_t n;
	const struct pattern *items = items_of(&c->pattern, &n);

	for (size_t i = 0; i < n; i++)
		s->counts[slot_of(s, hash_of(c->ref, &items[i]))]++;
	*notes += n;
}

static uint64_t crowd(const struct shadows *s, const struct cond *c)
{
	size_t n;
	const struct pattern *items = items_of(&c->pattern, &n);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += s->counts[slot_of(s, hash_of(c->ref, &items[i]))];
	return sum;
}

static void note_test(struct shadows *s, const struct cond *c, uint32_t policy)
{
	size_t n;
	const struct pattern *items = items_of(&c->pattern, &n);

	for (size_t i = 0; i < n; i++) {
		uint64_t h = hash_of(c->ref, &items[i]);
		uint32_t *head = &s->heads[slot_of(s, h)];

		s->lengths[text_of(&items[i]).n] = true;
		s->notes[s->note_count] = (struct note){ h, policy, *head };
		*head = (uint32_t)s->note_count++;
	}
}

/* By the test that the fewest others look like. */
static void note_policy(struct shadows *s, uint32_t policy)
{
	const struct cond *root = s->policies[policy].match.root, *best = NULL;
	uint64_t least = UINT64_MAX;

	if (!root || !plain(root))
		return;
	if (!root->count && s->always == NONE)
		s->always = policy;
	for (size_t i = 0; i < root->count; i++) {
		uint64_t n = crowd(s, root->child[i]);

		if (n >= least)
			continue;
		least = n;
		best = root->child[i];
	}
	if (best)
		note_test(s, best, policy);
}

/* ---- looking up ---- */

static void try_chain(struct shadows *s, uint64_t h, const struct match *m,
		      uint32_t *first)
{
	for (uint32_t i = s->heads[slot_of(s, h)]; i != NONE && s->left;
	     i = s->notes[i].next, s->left--) {
		const struct note *n = &s->notes[i];

		if (n->hash == h && n->policy < *first &&
		    match_covers(&s->policies[n->policy].match, m))
			*first = n->policy;
	}
}

/* One of what a list accepts is enough: all of it must be covered. */
static void try_test(struct shadows *s, const struct cond *c,
		     const struct match *m, uint32_t *first)
{
	size_t n;
	const struct pattern *p = items_of(&c->pattern, &n);
	struct str text = text_of(p);
	uint64_t h = start(c->ref, AS_TEXT);

	if (kind_of(p) != AS_TEXT)
		try_chain(s, hash_of(c->ref, p), m, first);
	if (p->kind != PATTERN_ABSENT)
		try_chain(s, start(c->ref, AS_PRESENT), m, first);
	for (size_t i = 0; kind_of(p) == AS_TEXT && i <= text.n; i++) {
		if (s->lengths[i])
			try_chain(s, h, m, first);
		if (i < text.n)
			h = hash_more(h, text.p[i]);
	}
}

static uint32_t covered_by(struct shadows *s, const struct match *m)
{
	const struct cond *root = m->root;
	uint32_t first = s->always;

	for (size_t i = 0; root && i < root->count; i++)
		if (root->child[i]->kind == COND_TEST)
			try_test(s, root->child[i], m, &first);
	return first;
}

static bool prepare(struct shadows *s, const struct rule_file *f)
{
	size_t notes = 0, slots = 64;

	while (slots < 2 * f->policy_count)
		slots *= 2;
	s->policies = f->policies;
	s->mask = slots - 1;
	s->left = COMPARISONS;
	s->always = NONE;
	s->heads = malloc(slots * sizeof(*s->heads));
	s->counts = calloc(slots, sizeof(*s->counts));
	if (!s->heads || !s->counts)
		return false;
	memset(s->heads, 0xff, slots * sizeof(*s->heads));
	for (size_t i = 0; i < f->policy_count; i++) {
		const struct cond *root = f->policies[i].match.root;

		for (size_t k = 0; root && plain(root) && k < root->count; k++)
			count_test(s, root->child[k], &notes);
	}
	s->notes = calloc(notes + 1, sizeof(*s->notes));
	return s->notes && notes < NONE;
}

void lint_shadows(struct loader *l, const struct rule_file *f)
{
	struct shadows s = { .policies = NULL };
	bool good = prepare(&s, f);

	for (uint32_t i = 0; good && i < f->policy_count; i++) {
		const struct policy *p = &f->policies[i], *q;
		uint32_t first = covered_by(&s, &p->match);

		if (first != NONE) {
			q = &f->policies[first];
			load_warn(l, p->line, p->column, "shadowed-policy",
				  "`%.*s` is never reached: `%.*s` in line %d "
				  "matches all that it does",
				  STR_ARG(p->id), STR_ARG(q->id), q->line);
		}
		note_policy(&s, i);
	}
	if (!good)
		load_no_memory(l);
	free(s.heads);
	free(s.counts);
	free(s.notes);
}
