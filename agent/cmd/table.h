#ifndef AGENT_CMD_TABLE_H
#define AGENT_CMD_TABLE_H

#include "base/str.h"

struct json;

/*
 * Rows of JSON objects as columns, as wide as they need and together no wider
 * than the terminal: the last column gives way. Without a terminal nothing is
 * cut.
 */
struct column {
	const char *title;
	const char *key;	/* of the row's object */
};

void table_print(const struct json *rows, const struct column *columns,
		 size_t count);

#endif
