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
	/* What such files held another day; not NULL: none is read. */
	const struct rule_text {
		struct str path, text;
	} *texts;
	size_t text_count;
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
/* The test files that the i-th file names, as written there. */
size_t ruleset_tests(const struct ruleset *r, size_t i,
		     const struct str **out);

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

/* A change in StackFlow, as `GET /changes` lists it. */
struct rule_change {
	struct str id, title, state;
};

/*
 * What a decision asks of the world besides. Each may be NULL: then there is
 * no change, nothing is open, nothing is silenced. Strings of *out as above.
 */
struct silences;
struct hold_source {
	/* Is a change open on the CI, in one of the states? */
	enum ci_answer (*change)(struct rule_change *out, struct arena *arena,
				 struct str ci_id, const struct str *states,
				 size_t state_count, void *arg);
	/*
	 * Is an incident open of that file's policy, whose context holds the
	 * same values? 1 and *out, the incident for people; 0; -errno.
	 */
	int (*open)(struct str *out, struct arena *arena, struct str policy,
		    const struct field *same, size_t same_count, void *arg);
	const struct silences *silences;	/* rule/silence.h */
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
	const struct hold_source *holds;	/* NULL: nothing of it */
	int64_t now_ms;		/* windows and silences go by it */
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

/*
 * Does any entry hold an alarm back while an incident of this policy is open?
 * Only those incidents' contexts are ever asked.
 */
bool ruleset_holds_behind(const struct ruleset *r, struct str policy);

/* A window of a file, for status and lint: how it stands at a moment. */
struct rule_window {
	const char *file, *team, *name, *owner;
	int line;
	bool inside;
	int64_t begins_ms;	/* of the one it is in, or the next; 0: none */
	int64_t ends_ms;	/* of that */
	int64_t until_ms;	/* 0: no end was given */
};
size_t ruleset_windows(const struct ruleset *r);
void ruleset_window(const struct ruleset *r, size_t i, int64_t now_ms,
		    struct rule_window *out);

/*
 * Warnings for people at work on the files, beside those of loading: what has
 * no tests, and windows that are over or unused.
 */
void ruleset_lint(const struct ruleset *r, int64_t now_ms,
		  struct faults *faults);

/* A hash of all sources (SHA-256, hex), to name a rule set of a day. */
const char *ruleset_hash(const struct ruleset *r);

/*
 * All sources and the files that they name, as one text, of which
 * ruleset_again() makes the set again whatever has become of the files:
 * 0; -EINVAL, it is no such text; -ENOMEM.
 */
void ruleset_put_sources(struct buf *out, const struct ruleset *r);
int ruleset_again(struct ruleset **out, struct str text,
		  struct faults *faults) MUST_CHECK;

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
