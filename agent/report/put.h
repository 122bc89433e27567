#ifndef AGENT_REPORT_PUT_H
#define AGENT_REPORT_PUT_H

#include "agent/report/findings.h"

/* What the three forms say. */
struct hygiene {
	const struct findings *findings;
	bool agent;		/* read from one that runs, else from its store */
	bool colour;
};

void hygiene_put_text(struct buf *out, const struct hygiene *h);
void hygiene_put_json(struct buf *out, const struct hygiene *h);
/* One page that needs nothing else: no script, no request. */
void hygiene_put_html(struct buf *out, const struct hygiene *h);

/* The totals, as rows of a table: put.c */
struct totals_row {
	const char *name;	/* "incidents" */
	uint64_t now, before;
	bool tenths;		/* as 23 for 2.3 */
};
#define TOTALS_ROWS 9
size_t totals_rows(struct totals_row out[TOTALS_ROWS],
		   const struct team_facts *t);
void totals_put_number(struct buf *out, uint64_t n, bool tenths);
/* "2026-11-01 10:00 to 2026-11-22 10:00 UTC" */
void hygiene_put_period(struct buf *out, const struct facts_head *h);
/* What nobody knows, a sentence each; nothing where all is known. */
void hygiene_put_unknown(struct buf *out, const struct hygiene *h,
			 const char *between);

#endif
