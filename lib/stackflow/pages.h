#ifndef STACKFLOW_PAGES_H
#define STACKFLOW_PAGES_H

#include "stackflow/stackflow.h"

/*
 * All rows of a list, by cursor or by page number as StackFlow answers; the
 * next page is asked for while the rows of one are read. For one thread at a
 * time; not from within done.
 */
struct sf_pages;

/* list: sf_incident_list, sf_change_list, sf_ci_list or sf_article_list. */
int sf_pages_new(struct sf_pages **out, struct sf_client *c, sf_list *list,
		 const char *query, struct err *err) MUST_CHECK;
/*
 * The next row, borrowed until the next call: 1 and *row, 0 at the end,
 * negative where a page can't be had (what was read stands; a call after that
 * tries the page again).
 */
int sf_pages_next(const struct json **row, struct sf_pages *p,
		  struct err *err) MUST_CHECK;
/* What StackFlow says the total is; -1 where it doesn't, or before a row. */
int64_t sf_pages_total(const struct sf_pages *p);
void sf_pages_free(struct sf_pages *p);

#endif
