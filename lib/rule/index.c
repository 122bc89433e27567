#include "rule/index.h"

#include <errno.h>
#include <stdlib.h>

#include "rule/required.h"

#define LEAST 8	   /* matches; fewer are as quickly tried */
#define COUNTERS (1 << 16) /* of grams, by hash */
#define NOWHERE UINT32_MAX

/* Pieces have one of these lengths: the longest that a literal has room for. */
static const size_t sizes[] = { 8, 4, 2 };
#define SIZES (sizeof(sizes) / sizeof(*sizes))

struct probe {
	const struct ref *ref;
	uint64_t seed;
	unsigned sizes; /* a bit for each in use */
};

struct pair {
	uint64_t hash;
	uint32_t match;
};

struct building {
	struct arena *arena;
	uint32_t *counts;
	struct probe *probes;
	size_t probe_count, probe_cap;
	struct pair *pairs;
	size_t pair_count, pair_cap;
	bool no_memory;
};

/* Each bit of a piece must reach the low ones, which name the slot: pieces
 * that differ in one character would stand in one long row else. */
static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 29;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

static inline uint64_t gram(const char *p, size_t size)
{
	uint64_t v = 0;

	if (size == 8)
		memcpy(&v, p, 8);
	else if (size == 4)
		memcpy(&v, p, 4);
	else
		memcpy(&v, p, 2);
	return v;
}

static inline uint64_t gram_hash(const char *p, size_t size, uint64_t seed)
{
	return mix(gram(p, size) + seed + size * UINT64_C(0x51ed270b0a1f39c1));
}

/* Which of sizes suits a literal; SIZES: it is too short. */
static size_t size_for(struct str literal)
{
	size_t i = 0;

	while (i < SIZES && sizes[i] > literal.n)
		i++;
	return i;
}

/* ---- choosing ---- */

static struct probe *probe_for(struct building *b, const struct ref *ref)
{
	for (size_t i = 0; i < b->probe_count; i++)
		if (b->probes[i].ref == ref)
			return &b->probes[i];
	if (b->probe_count == b->probe_cap) {
		size_t cap = b->probe_cap ? b->probe_cap * 2 : 8;
		struct probe *list = realloc(b->probes, cap * sizeof(*list));

		if (!list) {
			b->no_memory = true;
			return NULL;
		}
		b->probes = list;
		b->probe_cap = cap;
	}
	b->probes[b->probe_count] =
		(struct probe){ ref, mix(b->probe_count + 1), 0 };
	return &b->probes[b->probe_count++];
}

/* The same rules choose the same pieces, whatever lies where in memory. */
static uint32_t *counter(struct building *b, const struct ref *ref,
			 const char *p, size_t size)
{
	uint64_t h = gram_hash(p, size, (uint64_t)ref->id << 32 | ref->slot);

	return &b->counts[h >> 20 & (COUNTERS - 1)];
}

static void count_literal(struct str literal, const struct ref *ref, void *arg)
{
	struct building *b = arg;
	size_t s = size_for(literal);

	for (size_t i = 0; s < SIZES && i + sizes[s] <= literal.n; i++)
		++*counter(b, ref, literal.p + i, sizes[s]);
}

static void count_pattern(struct building *b, const struct pattern *p,
			  const struct ref *ref)
{
	if (p->kind != PATTERN_LIST)
		required_each(p, ref, count_literal, b);
	else
		for (size_t i = 0; i < p->list->count; i++)
			required_each(&p->list->items[i], ref, count_literal,
				      b);
}

static void count_cond(struct building *b, const struct cond *c)
{
	if (c->kind == COND_TEST)
		count_pattern(b, &c->pattern, c->ref);
	for (size_t i = 0; c->kind != COND_NOT && i < c->count; i++)
		count_cond(b, c->child[i]);
}

/* Where in a literal its rarest piece stands, and how often it is there. */
struct choice_of {
	struct building *b;
	struct str best;
	uint32_t least;
};

static void choose_piece(struct str literal, const struct ref *ref, void *arg)
{
	struct choice_of *c = arg;
	size_t s = size_for(literal);

	for (size_t i = 0; s < SIZES && i + sizes[s] <= literal.n; i++) {
		uint32_t n = *counter(c->b, ref, literal.p + i, sizes[s]);

		if (n >= c->least)
			continue;
		c->least = n;
		c->best = str_sub(literal, i, sizes[s]);
	}
}

static struct choice_of choose(struct building *b, const struct pattern *p,
			       const struct ref *ref)
{
	struct choice_of c = { b, STR_NONE, NOWHERE };

	required_each(p, ref, choose_piece, &c);
	/* A document is searched only where nothing else is to be had. */
	if (c.best.p && ref->id == FIELD_PAYLOAD)
		c.least += 1000;
	return c;
}

static uint64_t pattern_cost(struct building *b, const struct pattern *p,
			     const struct ref *ref)
{
	uint64_t sum = 0;

	if (p->kind != PATTERN_LIST)
		return choose(b, p, ref).least;
	for (size_t i = 0; i < p->list->count; i++) {
		uint32_t one = choose(b, &p->list->items[i], ref).least;

		if (one == NOWHERE)
			return NOWHERE;
		sum += one;
	}
	return sum < NOWHERE ? sum : NOWHERE - 1;
}

static uint64_t cond_cost(struct building *b, const struct cond *c)
{
	uint64_t best = NOWHERE, sum = 0;

	switch (c->kind) {
	case COND_TEST:
		return pattern_cost(b, &c->pattern, c->ref);
	case COND_ALL:
		for (size_t i = 0; i < c->count; i++) {
			uint64_t one = cond_cost(b, c->child[i]);

			best = one < best ? one : best;
		}
		return best;
	case COND_ANY:
		for (size_t i = 0; i < c->count; i++) {
			uint64_t one = cond_cost(b, c->child[i]);

			if (one == NOWHERE)
				return NOWHERE;
			sum += one;
		}
		return sum < NOWHERE ? sum : NOWHERE - 1;
	case COND_NOT:
		break;
	}
	return NOWHERE;
}

static void add_piece(struct building *b, const struct pattern *p,
		      const struct ref *ref, uint32_t match)
{
	struct choice_of c = choose(b, p, ref);
	struct probe *probe = probe_for(b, ref);

	if (b->pair_count == b->pair_cap && probe) {
		size_t cap = b->pair_cap ? b->pair_cap * 2 : 256;
		struct pair *list = realloc(b->pairs, cap * sizeof(*list));

		if (list) {
			b->pairs = list;
			b->pair_cap = cap;
		}
	}
	if (!probe || b->pair_count == b->pair_cap) {
		b->no_memory = true;
		return;
	}
	probe->sizes |= 1u << size_for(c.best);
	b->pairs[b->pair_count++] = (struct pair){
		gram_hash(c.best.p, c.best.n, probe->seed), match
	};
}

/* c has a cost: whenever it holds, one of the pieces added is there. */
static void add_cond(struct building *b, const struct cond *c, uint32_t match)
{
	const struct cond *best = NULL;
	uint64_t least = NOWHERE;

	if (c->kind == COND_TEST && c->pattern.kind != PATTERN_LIST) {
		add_piece(b, &c->pattern, c->ref, match);
	} else if (c->kind == COND_TEST) {
		const struct pattern_list *l = c->pattern.list;

		for (size_t i = 0; i < l->count; i++)
			add_piece(b, &l->items[i], c->ref, match);
	} else if (c->kind == COND_ANY) {
		for (size_t i = 0; i < c->count; i++)
			add_cond(b, c->child[i], match);
	} else if (c->kind == COND_ALL) {
		for (size_t i = 0; i < c->count; i++) {
			uint64_t one = cond_cost(b, c->child[i]);

			if (one >= least)
				continue;
			least = one;
			best = c->child[i];
		}
		if (best)
			add_cond(b, best, match);
	}
}

/* ---- the table ---- */

static int by_hash(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->match > b->match) - (a->match < b->match);
}

static uint64_t power_of_two(size_t least)
{
	uint64_t n = 64;

	while (n < least)
		n *= 2;
	return n;
}

/* Two bits of one word: a piece that is not there seldom passes. */
static inline uint64_t filter_bits(uint64_t hash)
{
	return UINT64_C(1) << (hash >> 58) |
	       UINT64_C(1) << (hash >> 52 & 63);
}

static void place(struct bucket *slots, uint64_t mask, struct bucket b)
{
	uint64_t at = b.hash & mask;

	while (slots[at].count)
		at = (at + 1) & mask;
	slots[at] = b;
}

static bool make_table(struct index *x, struct building *b)
{
	uint64_t words = power_of_two(b->pair_count * 16) / 64;
	uint64_t slot_count = power_of_two(b->pair_count * 2);
	uint64_t *filter = arena_array(b->arena, words, sizeof(*filter));
	struct bucket *slots =
		arena_array(b->arena, slot_count, sizeof(*slots));
	uint32_t *lists =
		arena_array(b->arena, b->pair_count + 1, sizeof(*lists));
	uint32_t n = (uint32_t)b->pair_count;

	if (!filter || !slots || !lists)
		return false;
	if (n)
		qsort(b->pairs, n, sizeof(*b->pairs), by_hash);
	for (uint32_t i = 0, end; i < n; i = end) {
		uint64_t h = b->pairs[i].hash;

		for (end = i; end < n && b->pairs[end].hash == h; end++)
			lists[end] = b->pairs[end].match;
		filter[h >> 32 & (words - 1)] |= filter_bits(h);
		place(slots, slot_count - 1,
		      (struct bucket){ h, end - i > 1 ? i : lists[i], end - i,
				       (uint32_t)x->bucket_count++ });
	}
	x->filter = filter;
	x->filter_mask = words - 1;
	x->slots = slots;
	x->slot_mask = slot_count - 1;
	x->lists = lists;
	return true;
}

static bool build(struct index *x, struct building *b)
{
	uint32_t *rest = arena_array(b->arena, x->count, sizeof(*rest));
	struct probe *probes;

	if (!rest)
		return false;
	for (size_t i = 0; i < x->count; i++)
		count_cond(b, x->matches[i].root);
	for (size_t i = 0; i < x->count; i++) {
		if (cond_cost(b, x->matches[i].root) == NOWHERE)
			rest[x->rest_count++] = (uint32_t)i;
		else
			add_cond(b, x->matches[i].root, (uint32_t)i);
	}
	probes = arena_array(b->arena, b->probe_count + 1, sizeof(*probes));
	if (!probes || b->no_memory || !make_table(x, b))
		return false;
	if (b->probe_count)
		memcpy(probes, b->probes, b->probe_count * sizeof(*probes));
	x->probes = probes;
	x->probe_count = b->probe_count;
	x->rest = rest;
	return true;
}

bool index_compile(struct index *out, struct arena *arena,
		   const struct match *const *matches, size_t count)
{
	struct match *copies = arena_array(arena, count + 1, sizeof(*copies));
	struct index x = { .matches = copies, .count = count };
	struct building b = { .arena = arena };
	bool good;

	*out = (struct index){ .count = 0 };
	if (!copies)
		return false;
	for (size_t i = 0; i < count; i++)
		copies[i] = *matches[i];
	if (count < LEAST || count > UINT32_MAX / 2)
		return true;
	b.counts = calloc(COUNTERS, sizeof(*b.counts));
	good = b.counts && build(&x, &b);
	free(b.counts);
	free(b.probes);
	free(b.pairs);
	/* Where most are tried in any case, one after the other is quicker. */
	if (good && x.rest_count <= count / 2)
		*out = x;
	return good;
}

/* ---- looking up ---- */

struct marking {
	const struct index *x;
	struct run *run;
	struct marks *marks;
	uint64_t *bits, *seen;	/* NULL: few are marked so far */
	const struct bucket *hits[MARKS_FEW];
	size_t hit_count;
};

static void set_bit(uint64_t *bits, size_t i)
{
	bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* Keeps the few in order, each once. false: there is no room. */
static bool add_few(struct marks *m, uint32_t match)
{
	size_t at = m->count;

	while (at && m->few[at - 1] > match)
		at--;
	if (at && m->few[at - 1] == match)
		return true;
	if (m->count == MARKS_FEW)
		return false;
	memmove(&m->few[at + 1], &m->few[at],
		(m->count++ - at) * sizeof(*m->few));
	m->few[at] = match;
	return true;
}

/* They are no longer few. */
static void spill(struct marking *m)
{
	const struct index *x = m->x;
	size_t words = x->count / 64 + 1, buckets = x->bucket_count / 64 + 1;

	m->bits = arena_array(m->run->facts->arena, words + buckets,
			      sizeof(*m->bits));
	if (!m->bits) {
		m->run->error = -ENOMEM;
		return;
	}
	m->seen = m->bits + words;
	for (size_t i = 0; i < m->marks->count; i++)
		set_bit(m->bits, m->marks->few[i]);
	for (size_t i = 0; i < m->hit_count; i++)
		set_bit(m->seen, m->hits[i]->number);
	m->marks->bits = m->bits;
}

/* Once each: a long value may hold a piece many times. */
static bool seen_before(struct marking *m, const struct bucket *b)
{
	if (m->bits) {
		bool seen = m->seen[b->number / 64] >> b->number % 64 & 1;

		set_bit(m->seen, b->number);
		return seen;
	}
	for (size_t i = 0; i < m->hit_count; i++)
		if (m->hits[i] == b)
			return true;
	if (m->hit_count == MARKS_FEW)
		spill(m);
	if (m->bits)
		set_bit(m->seen, b->number);
	else if (!m->run->error)
		m->hits[m->hit_count++] = b;
	return false;
}

static void mark(struct marking *m, uint32_t match)
{
	if (!m->bits && !add_few(m->marks, match))
		spill(m);
	if (m->bits)
		set_bit(m->bits, match);
}

static void mark_bucket(struct marking *m, uint64_t hash)
{
	const struct index *x = m->x;
	const struct bucket *b = &x->slots[hash & x->slot_mask];
	uint64_t at = hash & x->slot_mask;

	while (b->count && b->hash != hash) {
		at = (at + 1) & x->slot_mask;
		b = &x->slots[at];
	}
	if (!b->count || seen_before(m, b))
		return;
	if (b->count == 1)
		mark(m, b->start);
	for (uint32_t i = 0; b->count > 1 && i < b->count && !m->run->error;
	     i++)
		mark(m, x->lists[b->start + i]);
}

static inline void search(struct marking *m, struct str value, size_t size,
			  uint64_t seed)
{
	const struct index *x = m->x;

	for (size_t i = 0; i + size <= value.n && !m->run->error; i++) {
		uint64_t h = gram_hash(value.p + i, size, seed);
		uint64_t bits = filter_bits(h);

		if ((x->filter[h >> 32 & x->filter_mask] & bits) == bits)
			mark_bucket(m, h);
	}
}

bool index_mark(struct marks *out, const struct index *x, struct run *run)
{
	struct marking m = { .x = x, .run = run, .marks = out };

	out->count = 0;
	out->bits = NULL;
	for (size_t i = 0; i < x->rest_count && !run->error; i++)
		mark(&m, x->rest[i]);
	for (size_t i = 0; i < x->probe_count; i++) {
		const struct probe *p = &x->probes[i];
		struct str value = facts_get(run->facts, p->ref);

		if (value.p && p->sizes & 1)
			search(&m, value, 8, p->seed);
		if (value.p && p->sizes & 2)
			search(&m, value, 4, p->seed);
		if (value.p && p->sizes & 4)
			search(&m, value, 2, p->seed);
	}
	return !run->error;
}

static size_t next_bit(const uint64_t *bits, size_t count, size_t from)
{
	size_t word = from / 64, words = count / 64 + 1;
	uint64_t left = bits[word] & UINT64_MAX << from % 64;

	while (!left && ++word < words)
		left = bits[word];
	return left ? word * 64 + (size_t)__builtin_ctzll(left) : count;
}

size_t index_next(const struct index *x, const struct marks *marks, size_t from)
{
	if (marks->bits)
		return next_bit(marks->bits, x->count, from);
	for (size_t i = 0; i < marks->count; i++)
		if (marks->few[i] >= from)
			return marks->few[i];
	return x->count;
}

size_t index_first(const struct index *x, struct run *run)
{
	struct marks marks;
	size_t i = index_mark(&marks, x, run) ? index_next(x, &marks, 0)
					      : x->count;

	while (i < x->count && !match_run(&x->matches[i], run))
		i = index_next(x, &marks, i + 1);
	return i;
}
