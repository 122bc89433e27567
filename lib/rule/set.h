#ifndef RULE_SET_H
#define RULE_SET_H

#include "rule/index.h"
#include "rule/loader.h"
#include "rule/silence.h"
#include "rule/window.h"

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

/* `flap`; transitions.count 0: asked for nothing. */
struct flap {
	struct count_within transitions;
	int64_t quiet;
};

struct group {
	const struct template *by;	/* NULL: no grouping */
	int64_t within;
	const struct template *short_description;
	struct str where;
};

/* An entry of `escalate`. */
struct raise {
	int64_t after;
	int unless;		/* acknowledged, as an int for the loader */
	int to;
	const struct template *note;
	struct str where;
};

struct escalate {
	struct raise *list;	/* in the order of their times */
	size_t count;
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
	int64_t stable_for, open_after;
	/* Unset is NULL; what asks for nothing overrides a default. */
	const struct count_within *open_when;
	const struct flap *flap;
	const struct group *group;
	const struct escalate *escalate;
	const struct enrich *enrich;
	int require_change;
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
	/* Where an entry holds alarms back behind its incidents: what those
	 * entries compare. */
	bool behind;
	const struct ref *const *compared;
	size_t compared_count;
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
	int max_priority;	/* 0: none */
	int forbid;		/* suppress */
	int64_t max_window;	/* 0: none */
};

/* One entry of `suppress`, by its one condition. */
struct suppress {
	struct str id, where;
	int line, column;
	struct match match;
	int never_above;	/* 0: any priority is held */
	bool when_change;
	const struct str *states;	/* of the change; none: any open one */
	size_t state_count;
	struct str during, while_open;	/* as written */
	const struct window *window;
	const struct policy *policy;
	const struct ref **same;
	size_t same_count;
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
	int pack;			/* bool: gives way to files that aren't */
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
	struct index index;	/* of many policies */
	struct chain chain;	/* of few, or such as an index can't tell apart */
	struct guard *guards;
	size_t guard_count;
	struct block *blocks;
	size_t block_count;
	struct policy *catch_all;
	struct window *windows;
	size_t window_count;
	struct suppress *suppress;
	size_t suppress_count;
	bool binds;		/* a guard forbids, or bounds windows */
	struct count_within limit;
	struct str limit_where;
	struct str *tests;	/* as written */
	size_t test_count;
};

struct kept;

struct claimed {
	const struct rule_file *file;
	const struct claim *claim;
};

struct ruleset {
	_Atomic unsigned refs;
	struct arena *arena;
	struct regex_list regexes;
	struct regex_pool pool;
	struct rule_file *files;	/* the good ones, in order */
	size_t file_count;
	const struct rule_file *platform;	/* one of files; or NULL */
	const struct rule_file *owner_of_all;	/* as it has no claims */
	struct index claims;		/* of all files, in order */
	const struct claimed *claimed;	/* what its indexes mean */
	struct policy catch_all, builtin;
	struct policy own;		/* of tocsin's alarms of itself */
	const struct policy **policies;	/* all that can decide, by hit */
	size_t policy_count;
	_Atomic uint64_t *hits;
	_Atomic uint64_t ties;		/* events that two files claimed */
	unsigned slots;
	bool empty;			/* made without any source */
	bool reads_tags, opens_insufficient;
	const struct str *behind;	/* sorted ids of policies */
	size_t behind_count;
	char hash[65];
	struct kept *kept;		/* what it was made of */
};

/* ---- file.c, policy.c: one file ---- */
void body_init(struct body *b);
/* What b leaves out, from other. */
void body_fill(struct body *b, const struct body *other);
/* Everything of a tree but its policies' `use`. */
void file_read(struct loader *l, struct rule_file *f, const struct yaml *root);
void file_read_blocks(struct loader *l, struct rule_file *f,
		      const struct yaml *root);
/* Resolve `use` from blocks, then defaults, and what suppress entries name. */
void file_finish(struct loader *l, struct rule_file *f,
		 const struct yaml *root, const struct rule_file *platform);
struct str load_where(struct loader *l, const struct yaml *v);

void load_catch_all(struct loader *l, const struct yaml *v, void *to);
void load_policies(struct loader *l, const struct yaml *v, void *to);
void load_defaults(struct loader *l, const struct yaml *v, void *to);
void load_blocks(struct loader *l, const struct yaml *v, void *to);
void load_ci(struct loader *l, const struct yaml *v, void *to);
void load_limits(struct loader *l, const struct yaml *v, void *to);

/* ---- timing.c: what waits, counts and escalates ---- */
void load_open_when(struct loader *l, const struct yaml *v, void *to);
void load_flap(struct loader *l, const struct yaml *v, void *to);
void load_group(struct loader *l, const struct yaml *v, void *to);
void load_escalate(struct loader *l, const struct yaml *v, void *to);
/* The number that v has under name; it and `within` are needed. */
void load_count(struct loader *l, const struct yaml *v, const char *name,
		int64_t least, int64_t most, struct count_within *out);
/* A fault at v where b asks for both ways of opening late. */
void check_opening(struct loader *l, const struct yaml *v,
		   const struct body *b);

/* ---- enrich.c ---- */
void load_enrich(struct loader *l, const struct yaml *v, void *to);

/* ---- suppress.c ---- */
void load_suppress(struct loader *l, const struct yaml *v, void *to);
/* Once all of the file is read: the windows and policies that entries name. */
void suppress_finish(struct loader *l, struct rule_file *f,
		     const struct yaml *root);
/* Which policies have entries behind them. false: out of memory. */
bool suppress_settle(struct ruleset *r);

/* ---- silence.c ---- */
struct silenced {
	struct silence silence;
	struct match match;
};

struct silences {
	_Atomic unsigned refs;
	struct arena *arena;
	struct regex_list regexes;
	struct silenced *list;
	size_t count;
	unsigned slots;
	bool reads_tags;
};

/* ---- tables.c: every key that a rule file may have, by where it stands ---- */
struct key_table {
	const char *name;	/* "file", "policy", "policy.flap" */
	const struct key *keys;
};
extern const struct key file_keys[], choice_keys[], priority_keys[],
	guard_keys[], limit_keys[], policy_keys[], body_keys[], default_keys[],
	notes_keys[], resolve_keys[], closed_keys[], open_when_keys[],
	flap_keys[], group_keys[], escalate_keys[], ci_keys[], suppress_keys[],
	change_keys[], enrich_keys[], suggest_keys[], analyze_keys[],
	article_keys[];

/* Ends with a NULL name. */
const struct key_table *load_tables(void);

/* ---- claims.c ---- */
/* Faults of all files against each other; marks the bad ones. */
void claims_prove(struct faults *faults, struct rule_file *files, size_t count);
/* After that: which file owns all, for want of claims. */
void claims_settle(struct rule_file *files, size_t count);
/* Once the files are settled: an index of all claims. */
bool claims_index(struct ruleset *r);
/* Who owns the alarm; NULL: nobody. */
const struct rule_file *claims_decide(const struct ruleset *r, struct run *run,
				      struct trace *trace);

/* ---- lint.c ---- */
void lint_file(struct loader *l, const struct rule_file *f);

/* ---- shadow.c ---- */
/* Policies that an earlier one shadows. */
void lint_shadows(struct loader *l, const struct rule_file *f);

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
