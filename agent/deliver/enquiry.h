#ifndef AGENT_DELIVER_ENQUIRY_H
#define AGENT_DELIVER_ENQUIRY_H

#include "agent/deliver/internal.h"
#include "incident/enrich.h"

/* What of an incident is asked, in this order. */
enum enquiry_step { SUGGEST, ANALYZE, EXEMPLAR, ARTICLE, ADDRESS, STEPS };

/* One incident's questions, one after the other. */
struct enquiry {
	struct enquiry *next;
	struct deliver *d;
	struct arena *arena;
	struct op op;
	struct incident incident;
	struct enrich_order order;
	struct json *body;		/* order's */
	struct enrichment found;
	int step;			/* STEPS: all are asked */
	bool under_way;
	bool again;			/* one failed that may yet be answered */
	int64_t retry_after_ms;
	int64_t next_ms, until_ms;	/* mono: no question before; no turn
					   by then: it goes back */
};

/* Of an answer to its step, what is of use, bounded. Is any? */
bool enquiry_keep(struct enquiry *q, const struct json *body);

#endif
