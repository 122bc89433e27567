#ifndef AGENT_CMD_LIST_H
#define AGENT_CMD_LIST_H

#include "agent/cmd/args.h"
#include "agent/cmd/table.h"

/*
 * A list of the admin API, as a table or, with --json, as the API's own JSON.
 * key: the member of the answer that holds the rows.
 */
int list_run(const struct args *a, const char *path, const char *key,
	     const struct column *columns, size_t count, const char *none);

/* "/api/v1/x?limit=N&name=VALUE", as far as given; 0 or CMD_USAGE, told. */
struct buf;
int list_path(struct buf *out, const struct args *a, const char *base,
	      const char *filter, const char *value);

#endif
