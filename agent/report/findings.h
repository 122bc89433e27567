#ifndef AGENT_REPORT_FINDINGS_H
#define AGENT_REPORT_FINDINGS_H

#include "agent/report/facts.h"

/*
 * What the facts of a period say somebody should look at, the worst first,
 * for all and for each team, each with one piece of advice.
 */
enum finding_kind {
	FINDING_NO_OK, FINDING_FLAPPING, FINDING_ALWAYS_ON, FINDING_NOISY,
	FINDING_UNTAKEN, FINDING_BRIEF, FINDING_URGENT, FINDING_NO_CI,
	FINDING_UNHIT, FINDING_SILENCES, FINDING_UNCLAIMED, FINDING_KINDS
};

struct finding_row {
	struct str team;
	struct str what;		/* the alarm's name; a policy, a match,
					   where alarms came from */
	struct str account, region;	/* or empty */
	struct str where;		/* "20-payments.yaml:24", or empty */
	int64_t number;			/* what it is ordered by */
	struct str text, advice;	/* one sentence each */
	struct str yaml;		/* what would mend it; or empty */
	const char *yaml_in;		/* "policy", "file"; NULL: no yaml */
};

struct finding {
	enum finding_kind kind;
	size_t count;			/* all there are */
	const struct finding_row *rows;
	size_t row_count;		/* at most what was asked for */
};

struct findings_scope {
	struct team_facts totals;	/* name: STR_NONE for all */
	struct finding findings[FINDING_KINDS];
};

struct findings {
	struct facts_head head;
	uint64_t ok_unknown;	/* alarms of which nobody knows whether they
				   have an OK action */
	uint64_t unasked;	/* incidents that ended by themselves, and
				   StackFlow wasn't asked who had them */
	struct findings_scope *scopes;	/* all, then the teams by name; of one
					   team: it alone */
	size_t scope_count;
};

const char *finding_code(enum finding_kind k);	/* "no-ok-action" */
const char *finding_title(enum finding_kind k);
/* What its number counts: "alarms", "changes a day". */
const char *finding_unit(enum finding_kind k);

/* team: only of it; STR_NONE: all. Lives in arena, borrows from f. 0 or
 * -ENOMEM. */
int findings_make(struct findings *out, const struct facts *f, struct str team,
		  size_t top, struct arena *arena);

/* The text, advice and mending of one; advice.c. */
struct candidate {
	int64_t number;
	size_t place;		/* among its like, as they came */
	struct str team;
	const void *of;		/* alarm_facts, rule_facts, ... by kind */
};
void finding_describe(struct finding_row *out, enum finding_kind k,
		      const struct candidate *c, const struct facts_head *head,
		      struct arena *arena);

#endif
