#ifndef RULE_RULE_H
#define RULE_RULE_H

#include "alarm/alarm.h"
#include "base/arena.h"
#include "base/err.h"
#include "doc/fault.h"
#include "rule/verdict.h"

/*
 * Rule files, loaded, linted and compiled: one immutable set. Deciding reads
 * it from any number of threads at once; no I/O, no clock, no store.
 */
struct ruleset;

struct rule_source {
	const char *name;	/* for people: "20-payments.yaml" or a path */
	struct str text;
	const char *directory;	/* of description_file; NULL: none allowed */
};

/*
 * Compile sources, in their order. Every fault of every file goes to faults.
 * The result holds the files without errors; *bad (an array of count bools,
 * may be NULL) says which were left out. Without any source: the built-in
 * pattern. NULL only when out of memory.
 */
struct ruleset *ruleset_load(const struct rule_source *sources, size_t count,
			     struct faults *faults, bool *bad);
struct ruleset *ruleset_ref(struct ruleset *r);
void ruleset_free(struct ruleset *r);	/* drops one reference */

size_t ruleset_files(const struct ruleset *r);
struct rule_stats {
	const char *file, *team;
	size_t policies;
};
void ruleset_file(const struct ruleset *r, size_t i, struct rule_stats *out);

/* A configuration item that a look-up returned. */
struct ci {
	struct str id, name;
	const struct field *fields;	/* every scalar of the row, for ci.* */
	size_t field_count;
};

enum ci_answer { CI_FOUND, CI_NONE /* none, or not exactly one live */,
		 CI_PENDING /* asked, not answered yet */, CI_FAILED };

/* How the engine asks for CIs: parameter and value as `where` names them.
 * Strings of *out must live as long as the decision's arena. */
struct ci_source {
	enum ci_answer (*find)(struct ci *out, struct arena *arena,
			       struct str field, struct str value, void *arg);
	void *arg;
};

/* One step of a decision, for explain. */
struct trace_step {
	struct str where;		/* "20-payments.yaml:24" */
	struct str rule;		/* "severity[2]", "policy pay-latency" */
	bool matched;
	struct str because;
};

struct trace {
	struct trace_step *steps;
	size_t count, cap;
	struct arena *arena;
};

struct decision_input {
	const struct alarm *alarm;
	const struct ci_source *cis;	/* NULL: none is ever found */
	struct trace *trace;		/* NULL: don't explain */
	bool brief;	/* leave out what only a new incident says: title,
			   fields and description stay STR_NONE */
	bool again;	/* decided already: counts as no further match */
};

/*
 * Decide. Verdict strings live in arena or in alarm and ruleset. Never fails
 * for what an alarm holds. 0 or -ENOMEM. ci_pending in the verdict: a look-up
 * was CI_PENDING; the rest is decided as if it had found nothing.
 */
int ruleset_decide(struct verdict *out, const struct ruleset *r,
		   const struct decision_input *in, struct arena *arena);

/* A hash of all sources (SHA-256, hex), to name a rule set of a day. */
const char *ruleset_hash(const struct ruleset *r);

/*
 * Can an alarm's tags change a decision: does a rule read them, or is severity
 * or CI left to the built-in pattern, which does? And is there a policy by
 * which INSUFFICIENT_DATA opens an incident?
 */
bool ruleset_reads_tags(const struct ruleset *r);
bool ruleset_opens_insufficient(const struct ruleset *r);

/* Matches since load of the n-th policy; counted without locks. */
struct rule_hit {
	const char *file, *team, *policy;
	int line;
	uint64_t hits;
};
size_t ruleset_hits(const struct ruleset *r);
void ruleset_hit(const struct ruleset *r, size_t i, struct rule_hit *out);
/* Regex matches that ran out of steps (and so did not match), and events that
 * two files claimed, since load. */
uint64_t ruleset_regex_limits(const struct ruleset *r);
uint64_t ruleset_claim_ties(const struct ruleset *r);

#endif
