#ifndef RULE_DECIDE_H
#define RULE_DECIDE_H

#include "rule/set.h"

#define DECIDE_LINE 250		/* characters of a one-line field */
#define DECIDE_COMPARED 400	/* of a field that `same` compares */

/* One decision under way, as its stages pass it on. */
struct decision {
	const struct ruleset *set;
	const struct decision_input *in;
	struct arena *arena;
	struct trace *trace;
	const struct rule_file *file;	/* whose rules decide; NULL: none */
	const struct policy *policy;
	struct facts facts;
	struct run run;
	struct ci ci;
	struct buf text;		/* what a template gives */
	struct verdict v;
	bool guessed;			/* nothing named a severity */
	bool drill;			/* ours to see it come through: P4, and
					   held, gathered and escalated by none */
	bool bound;			/* guards were asked about holds: */
	const struct guard *forbidden;	/* by whom any hold is; or NULL */
	const struct guard *shortest;	/* which bounds windows most; or NULL */
	int64_t longest_ms;		/* by that; else INT64_MAX */
};

/* ---- step.c ---- */

/* Trace a step as "rule[n]", or without n as "rule". */
void decide_explain(struct decision *d, struct str where, const char *rule,
		    size_t n, bool matched, const char *because);
/* More about the step that was traced last. */
void decide_add(struct decision *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with a time: "3m". */
void decide_span(struct decision *d, int64_t ms);
/* Does m match? Traced under "rule[n]", or "rule id". */
bool decide_match(struct decision *d, const struct match *m, struct str where,
		  const char *rule, size_t n, struct str id);
/* The template's text in d->text; false where a field is missing. */
bool decide_render(struct decision *d, const struct template *t);
/* s as one line of at most max characters. */
struct str decide_line(struct decision *d, struct str s, size_t max);

/* What guards leave of a priority. */
int decide_cap(struct decision *d, int priority);

/* ---- hold.c: what holds the alarm back ---- */
void decide_holds(struct decision *d);

/* ---- enrich.c: what StackFlow is asked once it is open ---- */
void write_enrich(struct decision *d);

/* ---- write.c: what the verdict tells ---- */
void write_verdict(struct decision *d);

#endif
