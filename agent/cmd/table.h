#ifndef AGENT_CMD_TABLE_H
#define AGENT_CMD_TABLE_H

#include "agent/cmd/term.h"

struct json;

/*
 * Rows of JSON objects as columns, as wide as they need and together no wider
 * than the terminal: there columns are left out by their rank, then the last
 * one is cut, then whichever is widest. Without a terminal all is shown whole.
 */
struct column {
	const char *title;
	const char *key;	/* of the row's object */
	int spare;		/* 0: always shown; the highest goes first */
	enum column_kind {
		COLUMN_TEXT,
		COLUMN_TIME,	/* as term_put_time() */
		COLUMN_WORD,	/* coloured, as term_tone() */
		COLUMN_NUMBER,	/* to the right */
	} kind;
};

void table_put(struct buf *out, const struct json *rows,
	       const struct column *columns, size_t count,
	       const struct term *t);

#endif
