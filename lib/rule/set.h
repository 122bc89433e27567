#ifndef RULE_SET_H
#define RULE_SET_H

#include "rule/loader.h"

/*
 * A compiled rule set, as its folder sees it. Immutable once loaded, but for
 * counters.
 */

/* `key: template` of an incident's further fields. */
struct extra {
	struct str name;
	const struct template *value;
};

struct dedup {
	bool set;
	const struct template *key;	/* NULL: the built-in key */
};

/*
 * What a policy says of an incident. Unset: NULL, 0 (severity, priority) or
 * -1; the built-in pattern fills what is unset in the end.
 */
struct body {
	int severity, priority;
	const struct template *short_description, *description, *category,
		*subcategory, *assignment_group, *runbook;
	struct dedup dedup;
	const struct extra *fields;
	size_t field_count;
	int64_t notes_every, reopen_within;
	int64_t notes_max;
	int resolve, note_only, insufficient, still_firing;
};

struct policy {
	struct str id, where;
	int line, column;
	struct match match;
	struct body body;
	const struct rule_file *file;	/* NULL: built in */
	size_t hit;		/* its counter */
	const struct str *use;
	size_t use_count;
};

/* {when, set} or {else}: severity and env. */
struct choice {
	struct match match;
	bool otherwise;
	const struct template *set;
	struct str where;
};

struct ci_entry {
	struct str from, to;
};

struct ci_step {
	enum { CI_STEP_ID, CI_STEP_WHERE, CI_STEP_MAP, CI_STEP_FALLBACK } kind;
	const struct template *value;	/* id, where's value, key, fallback */
	struct str field;		/* of where */
	struct ci_entry *entries;	/* of map, sorted */
	size_t count;
	struct str where;
};

struct guard {
	struct str id, where;
	struct match match;
	int max_priority;
};

struct claim {
	struct match match;
	struct str where;
	int line, column;
	size_t fields, prefix;
};

struct block {
	struct str name;
	struct body body;
};

struct rule_file {
	const char *name;		/* as given: for faults */
	struct str base;		/* "20-payments.yaml" */
	struct str team;
	int platform;			/* bool, as read */
	int platform_line, platform_column;
	bool bad, read;			/* read: the YAML could be */
	bool claims_given, ci_given, policies_given;
	size_t owners;
	bool owns_all;			/* no claims, and nobody beside it */

	struct claim *claims;
	size_t claim_count;
	struct body defaults;
	struct choice *severity, *env;
	size_t severity_count, env_count;
	int priority[SEVERITY_LOW + 1];
	struct ci_step *ci;
	size_t ci_count;
	struct policy *policies;
	size_t policy_count;
	struct chain chain;	/* of the policies */
	struct guard *guards;
	size_t guard_count;
	struct block *blocks;
	size_t block_count;
	struct policy *catch_all;
};

struct ruleset {
	_Atomic unsigned refs;
	struct arena *arena;
	struct regex_list regexes;
	struct regex_pool pool;
	struct rule_file *files;	/* the good ones, in order */
	size_t file_count;
	const struct rule_file *platform;	/* one of files; or NULL */
	struct policy catch_all, builtin;
	const struct policy **policies;	/* all that can decide, by hit */
	size_t policy_count;
	_Atomic uint64_t *hits;
	_Atomic uint64_t ties;		/* events that two files claimed */
	unsigned slots;
	bool empty;			/* made without any source */
	bool reads_tags, opens_insufficient;
	char hash[65];
};

/* ---- file.c, policy.c: one file ---- */
void body_init(struct body *b);
/* What b leaves out, from other. */
void body_fill(struct body *b, const struct body *other);
/* Everything of a tree but its policies' `use`. */
void file_read(struct loader *l, struct rule_file *f, const struct yaml *root);
void file_read_blocks(struct loader *l, struct rule_file *f,
		      const struct yaml *root);
/* Resolve `use` from blocks, then defaults; blocks may be NULL. */
void file_finish(struct loader *l, struct rule_file *f,
		 const struct yaml *root, const struct rule_file *platform);
struct str load_where(struct loader *l, const struct yaml *v);

void load_catch_all(struct loader *l, const struct yaml *v, void *to);
void load_policies(struct loader *l, const struct yaml *v, void *to);
void load_defaults(struct loader *l, const struct yaml *v, void *to);
void load_blocks(struct loader *l, const struct yaml *v, void *to);
void load_ci(struct loader *l, const struct yaml *v, void *to);

/* ---- claims.c ---- */
/* Faults of all files against each other; marks the bad ones. */
void claims_prove(struct faults *faults, struct rule_file *files, size_t count);
/* After that: which file owns all, for want of claims. */
void claims_settle(struct rule_file *files, size_t count);
/* Who owns the alarm; NULL: nobody. */
const struct rule_file *claims_decide(const struct ruleset *r, struct run *run,
				      struct trace *trace);

/* ---- lint.c ---- */
void lint_file(struct loader *l, const struct rule_file *f);

/* ---- trace.c ---- */
void trace_add(struct trace *t, struct str where, struct str rule,
	       bool matched, struct str because);
void trace_match(struct trace *t, struct str where, struct str rule,
		 const struct match *m, struct run *run);

/* ---- builtin.c: what holds where rules say nothing ---- */
#define SHORT_DESCRIPTION_MAX 160	/* characters */
#define DEDUP_KEY_MAX 512		/* bytes */

bool builtin_understood(const struct alarm *a);
enum severity builtin_severity(const struct alarm *a);
int builtin_priority(enum severity s);
void builtin_dedup_key(struct buf *out, const struct alarm *a);
void builtin_short_description(struct buf *out, const struct alarm *a);
void builtin_description(struct buf *out, struct arena *arena,
			 const struct alarm *a, const struct verdict *v);
/* Below a description of a team's own: the links it lacks, and that nothing
 * will tell its end. */
void builtin_links(struct buf *out, const struct alarm *a,
		   const struct verdict *v);

#endif
