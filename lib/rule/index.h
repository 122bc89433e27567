#ifndef RULE_INDEX_H
#define RULE_INDEX_H

#include "rule/match.h"

/* The matches that one piece of text speaks for; sought from the slot that its
 * hash names on. */
struct bucket {
	uint64_t hash;
	uint32_t start;		/* in lists; of one match: that itself */
	uint32_t count;		/* 0: free */
	uint32_t number;
};

/*
 * Which of many matches may hold for an alarm, found without trying each: a
 * piece of text that the value must contain is chosen for every match, the
 * rarest that it has, and an alarm's values are searched for all such pieces
 * at once. What has no such piece is always tried.
 */
struct index {
	const struct match *matches;	/* copies, side by side in memory */
	size_t count;			/* 0: not worth it, try each */
	const uint32_t *rest;		/* always tried */
	size_t rest_count;
	const struct probe *probes;	/* fields to search */
	size_t probe_count;
	const uint64_t *filter;		/* bits for each hash that is there */
	uint64_t filter_mask;
	const struct bucket *slots;
	uint64_t slot_mask;
	const uint32_t *lists;		/* of all buckets */
	size_t bucket_count;
};

/* Borrows what matches consist of. false: out of memory. */
bool index_compile(struct index *out, struct arena *arena,
		   const struct match *const *matches, size_t count);

/* Those that may hold: in order, or where they are many a bit for each. */
#define MARKS_FEW 32
struct marks {
	uint32_t few[MARKS_FEW];
	size_t count;
	const uint64_t *bits;		/* in the facts' arena; NULL: few */
};

/* false: out of memory, and run->error says so. */
bool index_mark(struct marks *out, const struct index *x, struct run *run);
/* The first that is marked from `from` on; x->count where there is none. */
size_t index_next(const struct index *x, const struct marks *marks,
		  size_t from);
/* Index of the first that matches; x->count where none does. */
size_t index_first(const struct index *x, struct run *run);

#endif
