#ifndef RULE_INDEX_H
#define RULE_INDEX_H

#include "rule/match.h"

/*
 * Which of many matches may hold for an alarm, found without trying each: a
 * piece of text that the value must contain is chosen for every match, the
 * rarest that it has, and an alarm's values are searched for all such pieces
 * at once. What has no such piece is always tried.
 */
struct index {
	const struct match *const *matches;
	size_t count;			/* 0: not worth it, try each */
	const uint64_t *rest;		/* a bit for each: always tried */
	const struct probe *probes;	/* fields to search */
	size_t probe_count;
	const uint64_t *filter;		/* a bit for each hash that is there */
	uint64_t filter_mask;
	const struct bucket *slots;
	uint64_t slot_mask;
	const uint32_t *lists;		/* of all buckets */
	size_t bucket_count;
};

/* Borrows matches. false: out of memory. */
bool index_compile(struct index *out, struct arena *arena,
		   const struct match *const *matches, size_t count);

/* A bit for each match that may hold; in the facts' arena. NULL: no memory,
 * and run->error says so. */
const uint64_t *index_mark(const struct index *x, struct run *run);
/* The first set bit from `from` on; x->count where there is none. */
size_t index_next(const struct index *x, const uint64_t *marks, size_t from);
/* Index of the first that matches; x->count where none does. */
size_t index_first(const struct index *x, struct run *run);

#endif
