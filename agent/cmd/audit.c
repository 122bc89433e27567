#include <stdio.h>

#include "agent/cmd/list.h"
#include "base/buf.h"

static const struct column columns[] = {
	{ "AT", "at", 0, COLUMN_TIME },
	{ "WHO", "who", 1, COLUMN_TEXT },
	{ "ACTION", "action", 0, COLUMN_TEXT },
	{ "TYPE", "resource_type", 2, COLUMN_TEXT },
	{ "RESOURCE", "resource_id", 0, COLUMN_TEXT },
	{ "DETAILS", "details", 0, COLUMN_TEXT },
};

static int run(int argc, char **argv)
{
	struct buf path = BUF_INIT(8192);
	struct args a = { 0 };
	int status = args_read(&a, &cmd_audit, argc, argv);

	if (status >= 0)
		return status;
	if (a.rest_count > 1) {
		fputs("tocsin audit: one RESOURCE at most, such as "
		      "INC0000042\n", stderr);
		return CMD_USAGE;
	}
	status = list_path(&path, &a, "/api/v1/audit", "resource",
			   a.rest_count ? a.rest[0] : NULL);
	if (!status)
		status = list_run(&a, path.p, "audit", columns,
				  sizeof(columns) / sizeof(columns[0]),
				  "no audit lines");
	buf_fini(&path);
	return status;
}

static const struct opt options[] = {
	OPT_CONF, OPT_LIMIT, OPTS_TABLE,
	{ .name = NULL },
};

const struct cmd cmd_audit = {
	.name = "audit",
	.summary = "who did what: people's actions, and what became of operations",
	.forms = (const char *const[]){ "[OPTION]... [RESOURCE]", NULL },
	.about =
		"The newest first; with RESOURCE only what was done to it, by the "
		"id that the list shows: an incident's of StackFlow, a silence's, a "
		"dead letter's. A user's name behind \"claims to be\" is what the "
		"command line said, not what was checked.",
	.options = options,
	.operand = VALUE_INCIDENT,
	.examples = (const char *const[]){
		"--limit 20", "INC0000042", NULL },
	.run = run,
};
