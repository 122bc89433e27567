#ifndef AGENT_STACKFLOW_WALK_H
#define AGENT_STACKFLOW_WALK_H

#include "agent/cmd/table.h"
#include "agent/stackflow/session.h"

/*
 * A list of StackFlow's, walked to its end or so far. What StackFlow doesn't
 * know as a filter returns everything: rows are looked at here, too.
 */
struct filter {
	const char *param;	/* of the query; NULL ends a list */
	const char *key;	/* of a row; NULL: not looked at */
	const char *value;	/* NULL: not given */
	bool must;		/* a row without it isn't meant */
};

struct walk {
	sf_list *list;
	const struct filter *filters;
	size_t most;		/* 0: all */
	const char *what;	/* "incidents" */
	const struct column *columns;	/* keys may be "a|b": the first that
					   is there */
	size_t count;
};

/* 0: go on; 1: that is enough; else, negated, the exit status. */
typedef int walk_seen(const struct json *row, void *arg);
/* 0 or an exit status, told. total is as StackFlow says, -1: it doesn't. */
int walk_rows(struct session *s, const struct walk *w, walk_seen *seen,
	      void *arg, int64_t *total);
/* All of them as a table, or as JSON, a row a line. */
int walk_print(struct session *s, const struct walk *w);

/* --limit and --all: 0 and *most, or CMD_USAGE, told. */
int walk_most(size_t *most, const struct session *s);

/* Rows of a table to come. */
struct rows {
	struct buf text;
	size_t count;
};
#define ROWS_INIT ((struct rows){ .text = BUF_INIT(64 << 20) })
void rows_add(struct rows *r, const struct walk *w, const struct json *row);
/* Print what was added, and empty. 0 or an exit status. */
int rows_print(struct rows *r, const struct walk *w, const struct term *t);

/* "30d" or a date as StackFlow takes it, and in ms; 0 or CMD_USAGE, told. */
int walk_before(struct buf *out, int64_t *ms, const struct session *s,
		const char *option, const char *text);

#endif
