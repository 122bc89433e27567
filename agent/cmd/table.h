#ifndef AGENT_CMD_TABLE_H
#define AGENT_CMD_TABLE_H

#include "base/str.h"

struct json;

/*
 * Rows of JSON objects as columns, as wide as they need and together no wider
 * than the terminal: there columns are left out by their rank, and the last
 * one is cut. Without a terminal all is shown whole.
 */
struct column {
	const char *title;
	const char *key;	/* of the row's object */
	int spare;		/* 0: always shown; the highest goes first */
};

void table_print(const struct json *rows, const struct column *columns,
		 size_t count);

#endif
